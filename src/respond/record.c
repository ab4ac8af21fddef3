/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/record.c - incidents as JSON: the record of the feed, and the API's object
 *
 * The record's fields are promised to other tools (detection, section 5): each is
 * always there, null where it is not known.  In the API's object a text that is not
 * known is absent.
 */
#include <stdlib.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "respond/private.h"

#define TEXT_OF(name, count, ...) static const char *const name[count] = {__VA_ARGS__}

/** incident_state_text() - static */
const char *incident_state_text(enum incident_state s)
{
    TEXT_OF(texts, 3, [INCIDENT_OPEN] = "open", [INCIDENT_ACKNOWLEDGED] = "acknowledged",
            [INCIDENT_CLOSED] = "closed");

    check(s <= INCIDENT_CLOSED);
    return texts[s];
}

/** incident_disposition_text() - "" for none; static */
const char *incident_disposition_text(enum incident_disposition d)
{
    TEXT_OF(texts, DISPOSITION_N, [DISPOSITION_NONE] = "", [DISPOSITION_TRUE] = "true",
            [DISPOSITION_FALSE] = "false", [DISPOSITION_BENIGN] = "benign");

    check(d < DISPOSITION_N);
    return texts[d];
}

/** incident_disposition_parse() - Return: false if @text is none; @ret is then untouched. */
bool incident_disposition_parse(const char *text, enum incident_disposition *ret)
{
    for (enum incident_disposition d = 0; d < DISPOSITION_N; d++) {
        if (strcmp(text, incident_disposition_text(d)) == 0) {
            *ret = d;
            return true;
        }
    }
    return false;
}

/** action_kind_text() - static */
const char *action_kind_text(enum action_kind k)
{
    static const char *const texts[] = {
#define X(name, text, what) [ACTION_##name] = text,
        ACTION_KINDS(X)
#undef X
    };

    check(k < ACTION_KIND_N);
    return texts[k];
}

/** action_kind_parse() - Return: false if @text is none; @ret is then untouched. */
bool action_kind_parse(const char *text, enum action_kind *ret)
{
    for (enum action_kind k = 0; k < ACTION_KIND_N; k++) {
        if (strcmp(text, action_kind_text(k)) == 0) {
            *ret = k;
            return true;
        }
    }
    return false;
}

/** action_state_text() - static */
const char *action_state_text(enum action_state s)
{
    static const char *const texts[] = {
#define X(name, text) [ACTION_##name] = text,
        ACTION_STATES(X)
#undef X
    };

    check(s < ACTION_STATE_N);
    return texts[s];
}

/** incident_action_text() - see respond.h; static */
const char *incident_action_text(const struct incident *i)
{
    enum action_kind strongest = ACTION_RECORD;

    for (unsigned n = 0; n < i->n_actions; n++) {
        const struct action *a = &i->actions[n];

        if (a->state == ACTION_HELD)
            return action_state_text(ACTION_HELD);
        if (a->state == ACTION_DONE || a->state == ACTION_EXPIRED)
            strongest = MAX(strongest, a->kind);
    }
    return action_kind_text(strongest);
}

/** incident_expires_unix_ms() - see respond.h */
uint64_t incident_expires_unix_ms(const struct incident *i)
{
    uint64_t last = 0;

    for (unsigned n = 0; n < i->n_actions; n++) {
        if (i->actions[n].state == ACTION_DONE)
            last = MAX(last, i->actions[n].expires_unix_ms);
    }
    return last;
}

/** json_text() - a JSON string; bytes that are not UTF-8 become '?' */
json_t *json_text(const char *text)
{
    json_t *s = json_string(text);
    char *ascii;

    if (s != NULL)
        return s;
    ascii = text_dup(text_or_empty(text));
    for (char *c = ascii; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    s = json_string(ascii);
    free(ascii);
    return s;
}

/* Some counts are estimates: of ten and more, parts say nothing. */
static double readable(double n)
{
    return n < 10 ? n : (double)(long long)(n + 0.5);
}

/* Its rule's own words: a detector has rules that count different things. */
static char *counts_of(const struct incident *i)
{
    return i->rule != NULL ? detect_rule_counts(i->rule) : text_dup(i->detector->counts);
}

/** incident_sentence() - what was found, for a person; Return: owned by the caller. */
char *incident_sentence(const struct incident *i)
{
    static const char *const nouns[SUBJECT_KIND_N] = {
        [SUBJECT_ADDRESS] = "address",
        [SUBJECT_CLIENT] = "client",
        [SUBJECT_USER] = "user name",
        [SUBJECT_FLEET] = "the whole",
    };
    char *counts = counts_of(i);
    char *s =
        i->detector->is_of_node
            ? text_format("this node: %.4g %s", readable(i->count), counts)
            : text_format("%s %s: %.4g %s, within %u s (limit %.4g)", nouns[i->subject_kind],
                          i->subject, readable(i->count), counts, i->window_s, readable(i->limit));

    free(counts);
    return s;
}

/* Whole numbers without a point, others with two digits. */
static json_t *json_count(double n)
{
    double rounded = (double)(long long)(n * 100 + 0.5) / 100;

    if (rounded == (double)(long long)rounded)
        return json_integer((json_int_t)rounded);
    return json_real(rounded);
}

static json_t *json_date(uint64_t unix_ms)
{
    char text[CLOCK_TEXT_LEN];

    return unix_ms == 0 ? json_null() : json_string(clock_format(unix_ms, text));
}

static json_t *json_strings(size_t n, const char *const *texts)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n && texts[i] != NULL; i++)
        json_array_append_new(all, json_text(texts[i]));
    return all;
}

static json_t *json_samples(const struct incident *i)
{
    json_t *all = json_array();

    for (unsigned n = 0; n < i->n_samples; n++)
        json_array_append_new(all, json_text(i->samples[n]));
    return all;
}

static json_t *json_related(const struct incident *i)
{
    json_t *all = json_array();

    for (unsigned n = 0; n < i->n_related; n++)
        json_array_append_new(all, json_text(i->related[n]));
    return all;
}

static void set(json_t *o, const char *key, json_t *value)
{
    json_object_set_new(o, key, value);
}

static json_t *json_action(const struct action *a)
{
    json_t *o = json_object();
    const struct respond_order ordered = respond_order_of(a);
    char *exactly = respond_exactly(&ordered);

    set(o, "at_unix_ms", json_integer((json_int_t)a->at_unix_ms));
    set(o, "what", json_string(action_kind_text(a->kind)));
    set(o, "exactly", json_string(exactly));
    set(o, "state", json_string(action_state_text(a->state)));
    set(o, "author", json_text(a->author));
    set(o, "reason", json_text(a->reason));
    if (a->why_not != NULL)
        set(o, "why_not", json_text(a->why_not));
    set(o, "target_kind", json_string(respond_target_text(a->target_kind)));
    set(o, "target", json_text(a->target));
    if (a->address != NULL)
        set(o, "address", json_text(a->address));
    if (action_is_ban(a->kind))
        set(o, "ban", json_string(respond_ban_kind_text(a->ban_kind)));
    if (a->kind == ACTION_DELAY && a->amount > 0)
        set(o, "delay_ms", json_integer((json_int_t)a->amount));
    if (a->kind == ACTION_THROTTLE)
        set(o, "per_s", json_integer((json_int_t)a->amount));
    if (a->kind == ACTION_POSTURE)
        set(o, "posture", json_string(respond_posture_text((enum respond_posture)a->amount)));
    if (a->kind == ACTION_QUARANTINE)
        set(o, "direction", json_string(respond_direction_text(a->directions)));
    if (a->for_ms != 0)
        set(o, "for_ms", json_integer((json_int_t)a->for_ms));
    if (a->expires_unix_ms != 0)
        set(o, "expires_unix_ms", json_integer((json_int_t)a->expires_unix_ms));
    set(o, "undone", json_boolean(a->state == ACTION_UNDONE));
    if (a->undone_by != NULL)
        set(o, "undone_by", json_text(a->undone_by));
    free(exactly);
    return o;
}

static json_t *json_actions(const struct incident *i)
{
    json_t *all = json_array();

    for (unsigned n = 0; n < i->n_actions; n++)
        json_array_append_new(all, json_action(&i->actions[n]));
    return all;
}

static json_t *json_notes(const struct incident *i)
{
    json_t *all = json_array();

    for (unsigned n = 0; n < i->n_notes; n++) {
        json_t *o = json_object();

        set(o, "at_unix_ms", json_integer((json_int_t)i->notes[n].at_unix_ms));
        set(o, "author", json_text(i->notes[n].author));
        set(o, "text", json_text(i->notes[n].text));
        json_array_append_new(all, o);
    }
    return all;
}

static json_t *json_subject(const struct incident *i)
{
    struct buf text = {0};
    json_t *s;

    buf_addf(&text, "%s:%s", subject_kind_text(i->subject_kind), i->subject);
    buf_add_u8(&text, '\0');
    s = json_text((char *)text.at);
    buf_done(&text);
    return s;
}

static json_t *json_sentence(const struct incident *i)
{
    char *sentence = incident_sentence(i);
    json_t *s = json_text(sentence);

    free(sentence);
    return s;
}

/* What the record and the API's object have in common. */
static json_t *common(const struct incident *i)
{
    json_t *o = json_object();

    set(o, "id", json_string(i->id));
    set(o, "kind", json_string(i->detector->name));
    set(o, "detector", json_string(i->detector->id));
    set(o, "subcategory", json_string(i->detector->subcategory));
    set(o, "attck", json_strings(DETECT_ATTCK_MAX, i->detector->attck));
    set(o, "subject", json_subject(i));
    set(o, "severity", json_string(severity_text(i->severity)));
    set(o, "action", json_string(incident_action_text(i)));
    set(o, "count", json_count(i->count));
    set(o, "limit", json_count(i->limit));
    set(o, "window_s", json_integer(i->window_s));
    set(o, "samples", json_samples(i));
    set(o, "related", json_related(i));
    set(o, "actions", json_actions(i));
    set(o, "text", json_sentence(i));
    return o;
}

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? json_text(text) : json_null();
}

/* "" where it is not known. */
static const char *rule_of(const struct incident *i)
{
    return i->rule != NULL ? i->rule->name : "";
}

/** respond_record_json() - see respond.h */
json_t *respond_record_json(const struct incident *i, const char *state)
{
    json_t *o = common(i);
    json_t *evidence = json_object();
    char *counts = counts_of(i);

    set(evidence, "counts", json_string(counts));
    free(counts);
    set(evidence, "confidence", json_integer(i->confidence));
    set(evidence, "opened", json_date(i->opened_unix_ms));
    set(o, "evidence", evidence);

    set(o, "rule", text_or_null(rule_of(i)));
    set(o, "time", json_date(i->updated_unix_ms));
    set(o, "client_id", text_or_null(i->client_id));
    set(o, "ip", text_or_null(i->address));
    set(o, "username", text_or_null(i->user_name));
    set(o, "role", text_or_null(i->role));
    set(o, "expires", json_date(incident_expires_unix_ms(i)));
    set(o, "state", json_string(state));
    set(o, "acknowledged", json_boolean(i->state == INCIDENT_ACKNOWLEDGED));
    set(o, "acknowledged_at", json_date(i->acknowledged_unix_ms));
    set(o, "assigned_to", text_or_null(i->assignee));
    set(o, "disposition", text_or_null(incident_disposition_text(i->disposition)));
    set(o, "notes", json_notes(i));
    return o;
}

static void set_if_known(json_t *o, const char *key, const char *text)
{
    if (text[0] != '\0')
        set(o, key, json_text(text));
}

/** respond_incident_json() - see respond.h */
json_t *respond_incident_json(const struct incident *i)
{
    json_t *o = common(i);
    uint64_t expires_unix_ms = incident_expires_unix_ms(i);

    set(o, "state", json_string(incident_state_text(i->state)));
    set(o, "time_unix_ms", json_integer((json_int_t)i->opened_unix_ms));
    set(o, "updated_unix_ms", json_integer((json_int_t)i->updated_unix_ms));
    set(o, "expires_unix_ms", json_integer((json_int_t)expires_unix_ms));
    set(o, "confidence", json_integer(i->confidence));
    set_if_known(o, "rule", rule_of(i));
    set_if_known(o, "client_id", i->client_id);
    set_if_known(o, "address", i->address);
    set_if_known(o, "user", i->user_name);
    set_if_known(o, "role", i->role);
    set_if_known(o, "assigned_to", i->assignee);
    if (i->acknowledged_unix_ms != 0)
        set(o, "acknowledged_unix_ms", json_integer((json_int_t)i->acknowledged_unix_ms));
    set_if_known(o, "disposition", incident_disposition_text(i->disposition));
    set(o, "notes", json_notes(i));
    return o;
}

/**
 * respond_record() - tell the feed what became of @i
 * @state:  "open", "update" or "closed"
 *
 * A line in incidents.jsonl, the incident's row of the control store, and unless it is of severity
 * info a message.
 */
void respond_record(struct respond *r, const struct incident *i, const char *state)
{
    json_t *o = respond_record_json(i, state);
    char *line = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);

    json_decref(o);
    check(line != NULL);
    if (!feed_append(&r->feed, line))
        r->counters.write_failures++;
    if (r->settings.control != NULL)
        control_put(r->settings.control, CONTROL_INCIDENT, i->id, i->updated_unix_ms, line);
    if (i->severity > SEVERITY_INFO)
        r->hands.publish_incident(r->hands.arg, i, line);
    log_info("respond", "%s: %s: %s", i->id, state, i->detector->name);
    free(line);
}
