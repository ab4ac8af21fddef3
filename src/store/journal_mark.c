/* SPDX-License-Identifier: Apache-2.0 */
/* store/journal_mark.c - see journal_mark.h */
#include "store/journal_mark.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"

#define KEY "journal"

/** journal_mark_put() - in place of the one before */
void journal_mark_put(struct control *c, const struct journal_mark *m)
{
    char id[2 * JOURNAL_ID_BYTES + 1];
    json_t *o;
    char *doc;

    for (size_t i = 0; i < JOURNAL_ID_BYTES; i++)
        snprintf(id + 2 * i, 3, "%02x", m->id[i]);
    o = json_pack("{s:s, s:I}", "id", id, "number", (json_int_t)m->number);
    doc = json_dumps(o, JSON_COMPACT);
    control_put(c, CONTROL_SETTING, KEY, clock_unix_ms(), doc);
    free(doc);
    json_decref(o);
}

/** journal_mark_forget() - fine if there is none */
void journal_mark_forget(struct control *c)
{
    control_delete(c, CONTROL_SETTING, KEY);
}

static bool parse_id(const char *text, uint8_t ret[JOURNAL_ID_BYTES])
{
    for (size_t i = 0; i < JOURNAL_ID_BYTES; i++) {
        if (text == NULL || sscanf(text + 2 * i, "%2hhx", &ret[i]) != 1)
            return false;
    }
    return true;
}

static void take_row(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    struct journal_mark *m = arg;
    json_t *o = strcmp(key, KEY) == 0 ? json_loads(doc, 0, NULL) : NULL;

    (void)at_unix_ms;
    if (o != NULL && parse_id(json_string_value(json_object_get(o, "id")), m->id))
        m->number = (uint64_t)json_integer_value(json_object_get(o, "number"));
    json_decref(o);
}

/** journal_mark_get() - see journal_mark.h */
bool journal_mark_get(struct control *c, struct journal_mark *ret, char **ret_error)
{
    *ret = (struct journal_mark){0};
    return control_each(c, CONTROL_SETTING, 0, take_row, ret, ret_error);
}
