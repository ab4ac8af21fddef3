/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/restore.c - incidents of earlier runs, from their records
 *
 * A record holds all of an incident, so the last one of each is enough; of what a
 * record lacks or holds in another form the rest is kept.  A record whose detector
 * this version does not have is left out.
 *
 * What was done is known but no longer in force, except for bans, which are kept
 * by themselves: delays ended with the run, and what waited for approval was not done.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "respond/private.h"

static const char *text_of(const json_t *o, const char *key)
{
    return text_or_empty(json_string_value(json_object_get(o, key)));
}

static char *text_copy(const json_t *o, const char *key)
{
    return text_dup(text_of(o, key));
}

static uint64_t date_of(const json_t *o, const char *key)
{
    uint64_t unix_ms = 0;

    (void)clock_parse(text_of(o, key), &unix_ms);
    return unix_ms;
}

static uint64_t number_of(const json_t *o, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(o, key));

    return n > 0 ? (uint64_t)n : 0;
}

/* The number of @text among the texts of an enum; @n: it is none. */
static unsigned choice_of(const char *text, unsigned n, const char *(*text_at)(unsigned i))
{
    unsigned i = 0;

    while (i < n && strcmp(text_at(i), text) != 0)
        i++;
    return i;
}

static const char *kind_at(unsigned i)
{
    return action_kind_text(i);
}

static const char *state_at(unsigned i)
{
    return action_state_text(i);
}

static const char *subject_at(unsigned i)
{
    return subject_kind_text(i);
}

static const struct detector_info *detector_named(const char *name)
{
    for (size_t i = 0; i < detect_detectors(); i++)
        if (strcmp(detect_detector(i)->name, name) == 0)
            return detect_detector(i);
    return NULL;
}

/* "ip:192.0.2.1"; Return: false when it is nothing of the kind. */
static bool read_subject(struct incident *i, const json_t *o)
{
    const char *text = text_of(o, "subject");
    const char *colon = strchr(text, ':');
    char kind[16] = {0};
    unsigned which;

    if (colon == NULL || (size_t)(colon - text) >= sizeof(kind))
        return false;
    memcpy(kind, text, (size_t)(colon - text));
    which = choice_of(kind, SUBJECT_KIND_N, subject_at);
    if (which == SUBJECT_KIND_N)
        return false;
    i->subject_kind = which;
    i->subject = text_dup(colon + 1);
    return true;
}

/* Each kind has its own word for it. */
static uint64_t amount_of(const json_t *o)
{
    enum respond_posture posture = POSTURE_NORMAL;

    (void)respond_posture_parse(text_of(o, "posture"), &posture);
    return MAX((uint64_t)posture, number_of(o, "delay_ms") + number_of(o, "per_s"));
}

/* Records of before have it behind what was found of the subject; that is then no more of the
 * reason.  Return: owned by the caller, or NULL. */
static char *cut_why_not(struct action *a, const char *subject)
{
    char *found = strstr(a->reason, subject);
    char *more = found != NULL ? strstr(found + strlen(subject), "; ") : NULL;

    if (more == NULL)
        return NULL;
    *more = '\0';
    return text_dup(more + 2);
}

static char *read_why_not(struct action *a, const json_t *o, const char *subject)
{
    bool was_done =
        a->state == ACTION_DONE || a->state == ACTION_UNDONE || a->state == ACTION_EXPIRED;

    if (json_object_get(o, "why_not") != NULL)
        return text_copy(o, "why_not");
    return was_done ? NULL : cut_why_not(a, subject);
}

static void add_restart(struct action *a)
{
    char *before = a->why_not;

    a->why_not =
        text_format("%s, not given before a restart", before != NULL ? before : "approval needed");
    free(before);
}

static void read_action(struct incident *i, const json_t *o)
{
    unsigned kind = choice_of(text_of(o, "what"), ACTION_KIND_N, kind_at);
    unsigned state = choice_of(text_of(o, "state"), ACTION_STATE_N, state_at);
    enum respond_target target = TARGET_N;
    struct action *a = &i->actions[i->n_actions];
    bool was_held;

    if (kind == ACTION_KIND_N || state == ACTION_STATE_N ||
        !respond_target_parse(text_of(o, "target_kind"), &target))
        return;
    was_held = state == ACTION_HELD;
    if (was_held)
        state = ACTION_OBSERVED;
    if (state == ACTION_DONE && kind == ACTION_DELAY)
        state = ACTION_EXPIRED;
    *a = (struct action){
        .kind = kind,
        .state = state,
        .at_unix_ms = number_of(o, "at_unix_ms"),
        .expires_unix_ms = state == ACTION_DONE ? number_of(o, "expires_unix_ms") : 0,
        .target_kind = target,
        .target = text_copy(o, "target"),
        .address =
            kind == ACTION_BAN || target == TARGET_CLIENT_ADDRESS ? text_dup(i->address) : NULL,
        .amount = amount_of(o),
        .for_ms = number_of(o, "for_ms"),
        .incident = text_dup(i->id),
        .author = text_copy(o, "author"),
        .reason = text_copy(o, "reason"),
    };
    a->why_not = read_why_not(a, o, i->subject);
    if (was_held)
        add_restart(a);
    (void)respond_ban_kind_parse(text_of(o, "ban"), &a->ban_kind);
    (void)respond_direction_parse(text_of(o, "direction"), &a->directions);
    if (json_object_get(o, "undone_by") != NULL)
        a->undone_by = text_copy(o, "undone_by");
    i->n_actions++;
}

static void read_lists(struct incident *i, const json_t *o)
{
    const json_t *list = json_object_get(o, "actions");
    const json_t *v;
    size_t k;

    i->actions = mem_zero((RESPOND_ACTIONS_MAX + 1) * sizeof(*i->actions));
    json_array_foreach(list, k, v) if (i->n_actions < RESPOND_ACTIONS_MAX) read_action(i, v);
    list = json_object_get(o, "notes");
    i->notes = mem_zero((RESPOND_NOTES_MAX + 1) * sizeof(*i->notes));
    json_array_foreach(list, k, v) if (i->n_notes < RESPOND_NOTES_MAX) i->notes[i->n_notes++] =
        (struct incident_note){
            .at_unix_ms = number_of(v, "at_unix_ms"),
            .author = text_copy(v, "author"),
            .text = text_copy(v, "text"),
        };
    list = json_object_get(o, "samples");
    json_array_foreach(list, k, v) if (i->n_samples < DETECT_SAMPLES_MAX && json_is_string(v))(void)
        snprintf(i->samples[i->n_samples++], DETECT_SAMPLE_BYTES_MAX, "%s", json_string_value(v));
    list = json_object_get(o, "related");
    json_array_foreach(list, k, v) if (i->n_related < INCIDENT_RELATED_MAX && json_is_string(v))(
        void) snprintf(i->related[i->n_related++], INCIDENT_ID_BYTES, "%s", json_string_value(v));
}

static enum incident_state state_of(const json_t *o)
{
    if (strcmp(text_of(o, "state"), "closed") == 0)
        return INCIDENT_CLOSED;
    return json_is_true(json_object_get(o, "acknowledged")) ? INCIDENT_ACKNOWLEDGED : INCIDENT_OPEN;
}

static void read_numbers(struct incident *i, const json_t *o)
{
    const json_t *evidence = json_object_get(o, "evidence");

    i->count = json_number_value(json_object_get(o, "count"));
    i->limit = json_number_value(json_object_get(o, "limit"));
    i->rule = detect_rule_named(i->detector->id, text_of(o, "rule"));
    i->window_s = (unsigned)number_of(o, "window_s");
    i->confidence = (unsigned)number_of(evidence, "confidence");
    i->updated_unix_ms = date_of(o, "time");
    i->opened_unix_ms = date_of(evidence, "opened");
    i->acknowledged_unix_ms = date_of(o, "acknowledged_at");
}

/* Into @i, which is all zero.  Return: false when the record is of no use; @i may then be half
 * filled. */
static bool read_record(struct incident *i, const json_t *o)
{
    i->detector = detector_named(text_of(o, "kind"));
    if (i->detector == NULL || !severity_parse(text_of(o, "severity"), &i->severity) ||
        !read_subject(i, o))
        return false;
    (void)snprintf(i->id, sizeof(i->id), "%s", text_of(o, "id"));
    i->state = state_of(o);
    (void)incident_disposition_parse(text_of(o, "disposition"), &i->disposition);
    i->client_id = text_copy(o, "client_id");
    i->user_name = text_copy(o, "username");
    i->address = text_copy(o, "ip");
    i->role = text_copy(o, "role");
    i->assignee = text_copy(o, "assigned_to");
    read_numbers(i, o);
    read_lists(i, o);
    return true;
}

static void restore_one(struct respond *r, struct bytes record)
{
    json_t *o = json_loadb((const char *)record.at, record.len, 0, NULL);
    const char *id = text_of(o, "id");
    struct kept_incident *k;

    if (id[0] != '\0' && strlen(id) < INCIDENT_ID_BYTES && respond_incident_find(r, id) == NULL) {
        k = mem_new(struct kept_incident);
        if (read_record(&k->face, o))
            incident_adopt(r, k);
        else
            incident_free(k);
    }
    json_decref(o);
}

static void restore_row(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    (void)key;
    (void)at_unix_ms;
    restore_one(arg, bytes_str(doc));
}

/* ---- once, from the feed of an older version, which had no store ---- */

/* The line before @end, without its newline; what was torn is a line that does not parse. */
static struct bytes line_before(struct bytes text, size_t end)
{
    size_t begin = end;

    while (begin > 0 && text.at[begin - 1] != '\n')
        begin--;
    return bytes_of(text.at + begin, end - begin);
}

/* From the last record back, so that of each incident only one is read. */
static void restore_from_feed(struct respond *r)
{
    struct buf text = {0};
    size_t end;

    feed_read_back(&r->feed, &text);
    end = text.len;
    while (end > 0 && r->by_id.n < RESPOND_INCIDENTS_MAX) {
        struct bytes line = line_before(buf_view(&text), end);

        restore_one(r, line);
        end -= line.len;
        end -= end > 0; /* the newline before it */
    }
    buf_done(&text);
}

static void store_all(struct respond *r)
{
    list_each (it, &r->incidents) {
        const struct incident *i = &list_item(it, struct kept_incident, link)->face;
        json_t *o = respond_record_json(i, i->state == INCIDENT_CLOSED ? "closed" : "update");
        char *text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);

        control_put(r->settings.control, CONTROL_INCIDENT, i->id, i->updated_unix_ms, text);
        free(text);
        json_decref(o);
    }
    if (r->by_id.n > 0)
        log_warning("respond", "%zu incidents of the feed were taken into the control store",
                    r->by_id.n);
}

/**
 * incidents_restore() - the newest RESPOND_INCIDENTS_MAX of earlier runs
 *
 * Once, before the first finding.
 */
void incidents_restore(struct respond *r)
{
    char *error = NULL;

    if (r->settings.control == NULL)
        return;
    if (!control_each(r->settings.control, CONTROL_INCIDENT, RESPOND_INCIDENTS_MAX, restore_row, r,
                      &error))
        log_error("respond", "%s", error);
    free(error);
    if (r->by_id.n == 0) {
        restore_from_feed(r);
        store_all(r);
    }
    if (r->by_id.n > 0)
        log_info("respond", "%zu incidents of earlier runs, %u of them open", r->by_id.n,
                 r->n_open);
}
