/* SPDX-License-Identifier: Apache-2.0 */
/* lab/payload.c - what the lab's messages say, as JSON */
#include "lab/lab_private.h"

#include <math.h>

#include <jansson.h>

#include "base/err.h"

/* A meter does not know more digits than this. */
static double rounded(double volts)
{
    return round(volts * 100) / 100;
}

static const char *switch_text(bool is_closed)
{
    return is_closed ? "closed" : "open";
}

/* Takes @o; Return: its text, owned by the caller. */
static char *dumped(json_t *o)
{
    char *text;

    check(o != NULL);
    text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
    check(text != NULL);
    json_decref(o);
    return text;
}

/** payload_volts() - {"volts":114}; owned by the caller, as the other three */
char *payload_volts(double volts)
{
    return dumped(json_pack("{s:f}", "volts", rounded(volts)));
}

/** payload_meter() - {"volts":112.2,"status":"low"} */
char *payload_meter(double volts, enum feeder_status status)
{
    return dumped(
        json_pack("{s:f, s:s}", "volts", rounded(volts), "status", feeder_status_text(status)));
}

/** payload_switch() - {"position":"closed"} */
char *payload_switch(bool is_closed)
{
    return dumped(json_pack("{s:s}", "position", switch_text(is_closed)));
}

/** payload_diagram() - the whole feeder, as the distribution management system knows it */
char *payload_diagram(const struct lab_state *s)
{
    return dumped(json_pack("{s:f, s:f, s:s, s:s}", "source_volts", rounded(s->source_v),
                            "meter_volts", rounded(s->meter_v), "meter_status",
                            feeder_status_text(s->meter_status), "cap_bank",
                            switch_text(s->cap_is_closed)));
}

static json_t *parsed(struct bytes json)
{
    return json_loadb((const char *)json.at, json.len, JSON_REJECT_DUPLICATES, NULL);
}

static bool read_number(const json_t *o, const char *name, double *ret)
{
    const json_t *v = json_object_get(o, name);

    if (!json_is_number(v))
        return false;
    *ret = json_number_value(v);
    return true;
}

/* One of @n texts; Return: which, or -1. */
static int read_choice(const json_t *o, const char *name, const char *const *texts, int n)
{
    const char *text = json_string_value(json_object_get(o, name));

    for (int i = 0; text != NULL && i < n; i++) {
        if (strcmp(text, texts[i]) == 0)
            return i;
    }
    return -1;
}

static bool read_status(const json_t *o, const char *name, enum feeder_status *ret)
{
    static const char *const texts[] = {"low", "normal", "high"}; /* by enum feeder_status */
    int i = read_choice(o, name, texts, COUNT_OF(texts));

    if (i >= 0)
        *ret = (enum feeder_status)i;
    return i >= 0;
}

static bool read_position(const json_t *o, const char *name, bool *ret_is_closed)
{
    static const char *const texts[] = {"open", "closed"};
    int i = read_choice(o, name, texts, COUNT_OF(texts));

    if (i >= 0)
        *ret_is_closed = i == 1;
    return i >= 0;
}

/** payload_read_volts() - of payload_volts(); Return: false, it is none */
bool payload_read_volts(struct bytes json, double *ret)
{
    json_t *o = parsed(json);
    bool ok = read_number(o, "volts", ret);

    json_decref(o);
    return ok;
}

/** payload_read_meter() - of payload_meter() */
bool payload_read_meter(struct bytes json, double *ret_volts, enum feeder_status *ret_status)
{
    json_t *o = parsed(json);
    bool ok = read_number(o, "volts", ret_volts) && read_status(o, "status", ret_status);

    json_decref(o);
    return ok;
}

/** payload_read_switch() - of payload_switch() */
bool payload_read_switch(struct bytes json, bool *ret_is_closed)
{
    json_t *o = parsed(json);
    bool ok = read_position(o, "position", ret_is_closed);

    json_decref(o);
    return ok;
}

/** payload_read_diagram() - of payload_diagram() */
bool payload_read_diagram(struct bytes json, struct lab_state *ret)
{
    json_t *o = parsed(json);
    struct lab_state s = {.cap_is_known = true};
    bool ok = read_number(o, "source_volts", &s.source_v) &&
              read_number(o, "meter_volts", &s.meter_v) &&
              read_status(o, "meter_status", &s.meter_status) &&
              read_position(o, "cap_bank", &s.cap_is_closed);

    if (ok)
        *ret = s;
    json_decref(o);
    return ok;
}
