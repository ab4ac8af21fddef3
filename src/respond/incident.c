/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/incident.c - incidents: opened, updated and closed by findings; judged by people
 *
 * One is open for each (detector, subject).  The newest RESPOND_INCIDENTS_MAX are
 * kept in memory; the feed has them all.  One that an earlier run left open, and
 * that is not found again for a while, has calmed down unseen and is closed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "respond/private.h"

#define RESTORED_S 1800
#define RELATED_MS 3600000ULL

static struct bytes id_of(const void *item)
{
    return bytes_str(((const struct kept_incident *)item)->face.id);
}

static struct bytes key_of(const void *item)
{
    return bytes_str(((const struct kept_incident *)item)->key);
}

/** incident_free() - @k is in no list; it may be half filled */
void incident_free(struct kept_incident *k)
{
    struct incident *i = &k->face;

    free(i->subject);
    free(i->client_id);
    free(i->user_name);
    free(i->address);
    free(i->role);
    free(i->assignee);
    for (unsigned n = 0; n < i->n_notes; n++) {
        free(i->notes[n].author);
        free(i->notes[n].text);
    }
    free(i->notes);
    incident_actions_free(i);
    free(k->key);
    free(k);
}

static void forget(struct respond *r, struct kept_incident *k)
{
    map_remove(&r->by_id, id_of(k));
    if (k->is_open)
        map_remove(&r->open_by_key, key_of(k));
    r->n_open -= k->face.state != INCIDENT_CLOSED;
    list_remove(&k->link);
    incident_free(k);
}

/** incidents_init() - none */
void incidents_init(struct respond *r)
{
    map_init(&r->by_id, id_of);
    map_init(&r->open_by_key, key_of);
    list_init(&r->incidents);
}

/** incidents_done() - free them all; what was done stays done */
void incidents_done(struct respond *r)
{
    list_each (it, &r->incidents)
        forget(r, list_item(it, struct kept_incident, link));
    map_done(&r->by_id);
    map_done(&r->open_by_key);
}

static void make_room(struct respond *r)
{
    struct kept_incident *out = list_item(r->incidents.next, struct kept_incident, link);

    if (r->by_id.n < RESPOND_INCIDENTS_MAX)
        return;
    list_each (it, &r->incidents) {
        struct kept_incident *k = list_item(it, struct kept_incident, link);

        if (k->face.state == INCIDENT_CLOSED) {
            out = k;
            break;
        }
    }
    forget(r, out);
}

static char *make_key(const struct detector_info *d, enum subject_kind kind, struct bytes subject)
{
    struct buf key = {0};
    char *text;

    buf_addf(&key, "%s\n%s\n", d->name, subject_kind_text(kind));
    buf_add(&key, subject);
    text = bytes_dup_str(buf_view(&key));
    buf_done(&key);
    return text;
}

static void replace(char **text, struct bytes by)
{
    if (by.len == 0 && *text != NULL)
        return;
    free(*text);
    *text = bytes_dup_str(by);
}

static void take_over(struct incident *i, const struct finding *f, struct respond_now now)
{
    replace(&i->client_id, f->client_id);
    replace(&i->user_name, f->user_name);
    replace(&i->address, f->address);
    replace(&i->role, f->role);
    i->severity = MAX(i->severity, f->severity);
    if (f->state !=
        FINDING_CLOSED) /* what it had come to, not what is left when it has calmed down */
        i->count = f->count;
    i->limit = f->limit;
    i->rule = f->rule;
    i->window_s = f->window_s;
    i->confidence = f->confidence;
    i->updated_unix_ms = now.unix_ms;
    if (f->n_samples > 0) {
        i->n_samples = f->n_samples;
        memcpy(i->samples, f->samples, sizeof(i->samples));
    }
}

/* Ids grow, also from one run to the next. */
static void insert(struct respond *r, struct kept_incident *k)
{
    struct list *before = &r->incidents;

    while (before->prev != &r->incidents &&
           strcmp(list_item(before->prev, struct kept_incident, link)->face.id, k->face.id) > 0)
        before = before->prev;
    list_init(&k->link);
    list_append(before, &k->link); /* to a link in the middle: in front of it */
    map_put(&r->by_id, k);
    r->n_open += k->face.state != INCIDENT_CLOSED;
}

/** incident_adopt() - one of an earlier run; @k is taken over and complete but for its key */
void incident_adopt(struct respond *r, struct kept_incident *k)
{
    const struct incident *i = &k->face;

    k->is_restored = true;
    k->key = make_key(i->detector, i->subject_kind, bytes_str(i->subject));
    insert(r, k);
    k->is_open = i->state != INCIDENT_CLOSED && map_find(&r->open_by_key, key_of(k)) == NULL;
    if (k->is_open)
        map_put(&r->open_by_key, k);
}

/* @key is taken. */
static struct kept_incident *open_incident(struct respond *r, char *key, const struct finding *f,
                                           struct respond_now now)
{
    struct kept_incident *k;

    make_room(r);
    k = mem_new(struct kept_incident);
    feed_next_id(&r->feed, now.unix_ms, k->face.id);
    k->key = key;
    k->is_open = true;
    k->face.detector = f->detector;
    k->face.subject_kind = f->subject_kind;
    k->face.subject = bytes_dup_str(f->subject);
    k->face.assignee = bytes_dup_str(BYTES_NONE);
    k->face.severity = f->severity;
    k->face.opened_unix_ms = now.unix_ms;
    insert(r, k);
    map_put(&r->open_by_key, k);
    r->counters.incidents++;
    return k;
}

static void close_incident(struct respond *r, struct kept_incident *k, struct respond_now now)
{
    k->face.state = INCIDENT_CLOSED;
    k->face.updated_unix_ms = now.unix_ms;
    if (k->is_open)
        map_remove(&r->open_by_key, key_of(k));
    k->is_open = false;
    r->n_open--;
    act_calm(r, &k->face, now);
    respond_record(r, &k->face, "closed");
}

static bool is_same(const char *a, const char *b)
{
    return a[0] != '\0' && strcmp(a, b) == 0;
}

static void name_related(struct incident *i, const struct incident *other)
{
    if (i->n_related < INCIDENT_RELATED_MAX)
        memcpy(i->related[i->n_related++], other->id, sizeof(other->id));
}

/* Each of the two names the other: those of one client, user or address within an hour. */
static void relate(const struct respond *r, struct incident *i)
{
    for (struct list *it = r->incidents.prev; it != &r->incidents; it = it->prev) {
        struct incident *other = &list_item(it, struct kept_incident, link)->face;

        if (other == i || other->updated_unix_ms + RELATED_MS < i->opened_unix_ms)
            continue;
        if (!is_same(i->client_id, other->client_id) && !is_same(i->user_name, other->user_name) &&
            !is_same(i->address, other->address))
            continue;
        name_related(i, other);
        name_related(other, i);
    }
}

static void add_note(struct incident *i, const char *note, const char *author,
                     struct respond_now now);

/* It has calmed down, or one of the whole fleet explains it. */
static void close_by_finding(struct respond *r, struct kept_incident *k, const struct finding *f,
                             struct respond_now now)
{
    char why[96];

    if (f->replaced_by != NULL && k->face.n_notes < RESPOND_NOTES_MAX) {
        snprintf(why, sizeof(why), "explained by %s", f->replaced_by);
        add_note(&k->face, why, f->detector->name, now);
    }
    close_incident(r, k, now);
}

/* It goes on, and nothing more is to be done about it. */
static void refresh(struct respond *r, struct kept_incident *k, const struct finding *f,
                    struct respond_now now)
{
    take_over(&k->face, f, now);
    k->is_restored = false;
    respond_record(r, &k->face, "update");
}

/**
 * respond_finding() - open, update or close the incident of @f, and act
 * @f:  borrowed
 *
 * Acts before it records, so that the record says what was really done.
 */
void respond_finding(struct respond *r, const struct finding *f, struct respond_now now)
{
    char *key = make_key(f->detector, f->subject_kind, f->subject);
    struct kept_incident *k = map_find(&r->open_by_key, bytes_str(key));
    bool is_new = k == NULL;
    struct plan p;

    if (f->state == FINDING_CLOSED || f->state == FINDING_REFRESH) {
        free(key);
        if (k != NULL)
            (f->state == FINDING_CLOSED ? close_by_finding : refresh)(r, k, f, now);
        return;
    }
    if (is_new)
        k = open_incident(r, key, f, now);
    else
        free(key);
    take_over(&k->face, f, now);
    k->is_restored = false;
    if (is_new)
        relate(r, &k->face);
    p = playbook_plan(r, &k->face, f, now);
    act_on(r, &k->face, f, &p, now);
    respond_record(r, &k->face, is_new ? "open" : "update");
}

/** incidents_expire() - actions whose time is over, and incidents that ended between two runs */
void incidents_expire(struct respond *r, struct respond_now now)
{
    bool is_settled = now.ns >= r->started_ns + respond_scaled_ns(r, RESTORED_S);

    list_each (it, &r->incidents) {
        struct kept_incident *k = list_item(it, struct kept_incident, link);

        if (act_expire(r, &k->face, now))
            incident_changed(r, &k->face, now);
        if (is_settled && k->is_restored && k->face.state == INCIDENT_OPEN)
            close_incident(r, k, now);
    }
}

/** incident_mutable() - Return: the incident, to be changed within respond, or NULL. */
struct incident *incident_mutable(struct respond *r, const char *id)
{
    struct kept_incident *k = map_find(&r->by_id, bytes_str(id));

    return k != NULL ? &k->face : NULL;
}

/** respond_incident_find() - Return: the incident if it is still in memory, or NULL. */
const struct incident *respond_incident_find(const struct respond *r, const char *id)
{
    const struct kept_incident *k = map_find(&r->by_id, bytes_str(id));

    return k != NULL ? &k->face : NULL;
}

/** respond_incidents_each() - oldest first; @fn must not call respond */
void respond_incidents_each(const struct respond *r, respond_incident_fn *fn, void *arg)
{
    list_each (it, &r->incidents)
        fn(arg, &list_item(it, struct kept_incident, link)->face);
}

/** respond_incidents_open() - Return: how many are not closed. */
unsigned respond_incidents_open(const struct respond *r)
{
    return r->n_open;
}

/* ---- what people do with them ---- */

static enum respond_answer note_fits(const struct incident *i, const char *note)
{
    if (note == NULL || note[0] == '\0')
        return RESPOND_OK;
    if (strlen(note) > RESPOND_NOTE_BYTES_MAX)
        return RESPOND_E_INVALID;
    return i->n_notes < RESPOND_NOTES_MAX ? RESPOND_OK : RESPOND_E_LIMIT;
}

static void add_note(struct incident *i, const char *note, const char *author,
                     struct respond_now now)
{
    if (note == NULL || note[0] == '\0')
        return;
    i->notes = mem_resize(i->notes, (i->n_notes + 1) * sizeof(*i->notes));
    i->notes[i->n_notes++] = (struct incident_note){
        .at_unix_ms = now.unix_ms,
        .author = text_dup(author),
        .text = text_dup(note),
    };
}

/** incident_changed() - not by a finding: a further record */
void incident_changed(struct respond *r, struct incident *i, struct respond_now now)
{
    i->updated_unix_ms = now.unix_ms;
    respond_record(r, i, i->state == INCIDENT_CLOSED ? "closed" : "update");
}

/* A person has seen it, whatever they did about it. */
static void noticed(struct incident *i, struct respond_now now)
{
    if (i->acknowledged_unix_ms == 0)
        i->acknowledged_unix_ms = now.unix_ms;
}

/**
 * respond_incident_ack() - somebody looks after it
 *
 * Return: RESPOND_OK, E_NOT_FOUND; E_CONFLICT when it is closed; of the note
 *         E_INVALID when too long, E_LIMIT when there are too many.
 */
enum respond_answer respond_incident_ack(struct respond *r, const char *id, const char *note,
                                         const char *author, struct respond_now now)
{
    struct incident *i = incident_mutable(r, id);
    enum respond_answer fits;

    if (i == NULL)
        return RESPOND_E_NOT_FOUND;
    if (i->state == INCIDENT_CLOSED)
        return RESPOND_E_CONFLICT;
    fits = note_fits(i, note);
    if (fits != RESPOND_OK)
        return fits;
    add_note(i, note, author, now);
    i->state = INCIDENT_ACKNOWLEDGED;
    noticed(i, now);
    log_info("respond", "%s: acknowledged by %s", i->id, author);
    incident_changed(r, i, now);
    return RESPOND_OK;
}

/** respond_incident_assign() - see respond.h; answers as respond_incident_ack() */
enum respond_answer respond_incident_assign(struct respond *r, const char *id, const char *assignee,
                                            const char *note, const char *author,
                                            struct respond_now now)
{
    struct incident *i = incident_mutable(r, id);
    enum respond_answer fits;

    if (i == NULL)
        return RESPOND_E_NOT_FOUND;
    if (i->state == INCIDENT_CLOSED)
        return RESPOND_E_CONFLICT;
    if (strlen(assignee) > RESPOND_ASSIGNEE_BYTES_MAX)
        return RESPOND_E_INVALID;
    fits = note_fits(i, note);
    if (fits != RESPOND_OK)
        return fits;
    add_note(i, note, author, now);
    free(i->assignee);
    i->assignee = text_dup(assignee);
    noticed(i, now);
    log_info("respond", "%s: assigned to \"%s\" by %s", i->id, assignee, author);
    incident_changed(r, i, now);
    return RESPOND_OK;
}

static void close_by_person(struct respond *r, struct kept_incident *k, const char *author,
                            struct respond_now now)
{
    act_withdraw(r, &k->face, author, now);
    close_incident(r, k, now);
}

/**
 * respond_incident_close() - dealt with, and judged; what is closed already is judged anew
 *
 * Answers as respond_incident_ack(); E_CONFLICT: it is closed, and @d says nothing new of it.
 */
enum respond_answer respond_incident_close(struct respond *r, const char *id,
                                           enum incident_disposition d, const char *note,
                                           const char *author, struct respond_now now)
{
    struct kept_incident *k = map_find(&r->by_id, bytes_str(id));
    enum respond_answer fits;

    if (k == NULL)
        return RESPOND_E_NOT_FOUND;
    if (k->face.state == INCIDENT_CLOSED && (d == DISPOSITION_NONE || d == k->face.disposition))
        return RESPOND_E_CONFLICT;
    fits = note_fits(&k->face, note);
    if (fits != RESPOND_OK)
        return fits;
    add_note(&k->face, note, author, now);
    k->face.disposition = d;
    noticed(&k->face, now);
    log_info("respond", "%s: closed by %s: %s", id, author,
             d != DISPOSITION_NONE ? incident_disposition_text(d) : "not judged");
    if (k->face.state == INCIDENT_CLOSED)
        incident_changed(r, &k->face, now);
    else
        close_by_person(r, k, author, now);
    return RESPOND_OK;
}

/** respond_incident_rollback() - see respond.h; E_CONFLICT when nothing was undone */
enum respond_answer respond_incident_rollback(struct respond *r, const char *id, const char *author,
                                              struct respond_now now, unsigned *ret_undone,
                                              char **ret_why)
{
    struct incident *i = incident_mutable(r, id);
    unsigned n;

    if (i == NULL)
        return RESPOND_E_NOT_FOUND;
    n = act_rollback(r, i, author, now, ret_why);
    if (n == 0)
        return RESPOND_E_CONFLICT;
    log_info("respond", "%s: %u actions undone by %s", id, n, author);
    respond_flush(r);
    incident_changed(r, i, now);
    *ret_undone = n;
    return RESPOND_OK;
}

/** respond_incident_approve() - see respond.h */
enum respond_answer respond_incident_approve(struct respond *r, const char *id, const char *author,
                                             struct respond_now now, unsigned *ret_held,
                                             unsigned *ret_done)
{
    struct incident *i = incident_mutable(r, id);

    if (i == NULL)
        return RESPOND_E_NOT_FOUND;
    *ret_held = act_approve(r, i, author, now, ret_done);
    if (*ret_held == 0)
        return RESPOND_E_CONFLICT;
    log_info("respond", "%s: %u of %u actions done, approved by %s", id, *ret_done, *ret_held,
             author);
    respond_flush(r);
    incident_changed(r, i, now);
    return RESPOND_OK;
}
