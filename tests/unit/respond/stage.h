/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/respond/stage.h - respond with a node that only writes down what it is told */
#pragma once

#include "unit/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "respond/order.h"

#define S             1000000000ULL
#define DID_MAX       2048
#define NOVEMBER_2026 1795604400000ULL /* 2026-11-25T11:00:00Z */

struct stage {
    char dir[64];
    struct keyring *keys;
    struct respond *r;
    struct respond_settings settings;
    struct respond_now now;
    unsigned n_did;
    char did[DID_MAX][160]; /* "ban client-address m-1 192.0.2.1 300" */
    unsigned restrained;    /* measures in force when the node last asked */
    unsigned n_published;
    char *published; /* owned; the last one */
    unsigned online;
    unsigned at_address;
    unsigned hit;              /* by any action, if it were done now */
    bool nobody_is_there;      /* for a disconnect */
    const char *firewall_says; /* against it; NULL: nothing */
    const char *posture_says;  /* the same */
    const char *ca_says;
    unsigned of_topic;          /* who use the topic of a quarantine, */
    unsigned of_topic_critical; /* and of them critical ones */
    const char *certificate;    /* of every client; NULL: none */
};

static inline char *stage_did(struct stage *s)
{
    assert_true(s->n_did < DID_MAX);
    return s->did[s->n_did++];
}

static inline unsigned stage_disconnect(void *arg, enum respond_target kind, const char *target,
                                        const char *address, const char *reason)
{
    assert_true(reason[0] != '\0');
    assert_true((address != NULL) == (kind == TARGET_CLIENT_ADDRESS));
    snprintf(stage_did(arg), 160, "disconnect %s %s", respond_target_text(kind), target);
    return ((struct stage *)arg)->nobody_is_there ? 0 : 1;
}

static inline void stage_count_one(void *arg, const struct respond_measure *m)
{
    (void)m;
    ++*(unsigned *)arg;
}

/* As the node does: it asks what is in force. */
static inline void stage_restrain(void *arg)
{
    struct stage *s = arg;

    s->restrained = 0;
    respond_measures_each(s->r, stage_count_one, &s->restrained);
    snprintf(stage_did(s), 160, "restrain");
}

static inline const char *stage_firewall(void *arg, const char *prefix, unsigned for_s)
{
    struct stage *s = arg;

    snprintf(stage_did(s), 160, "firewall %s %u", prefix, for_s);
    return s->firewall_says;
}

static inline const char *stage_posture(void *arg, enum respond_posture p)
{
    const struct stage *s = arg;

    snprintf(stage_did(arg), 160, "posture %s", respond_posture_text(p));
    return p != POSTURE_NORMAL ? s->posture_says : NULL;
}

static inline char *stage_revoke(void *arg, const char *serial)
{
    struct stage *s = arg;

    snprintf(stage_did(s), 160, "revoke %s", serial);
    return s->ca_says != NULL ? bytes_dup_str(bytes_str(s->ca_says)) : NULL;
}

static inline void stage_shutdown(void *arg, const char *author, const char *reason)
{
    snprintf(stage_did(arg), 160, "shutdown %s %s", author, reason);
}

static inline void stage_ban_add(void *arg, const struct respond_ban *b)
{
    uint64_t for_s = b->expires_unix_ms > 0 ? (b->expires_unix_ms - b->created_unix_ms) / 1000 : 0;

    snprintf(stage_did(arg), 160, "ban %s %s %s %llu", respond_ban_kind_text(b->kind), b->subject,
             b->address != NULL ? b->address : "-", (unsigned long long)for_s);
}

static inline void stage_ban_remove(void *arg, const struct respond_ban *b)
{
    snprintf(stage_did(arg), 160, "unban %s %s %s", respond_ban_kind_text(b->kind), b->subject,
             b->address != NULL ? b->address : "-");
}

static inline void stage_delay(void *arg, enum respond_target kind, const char *target,
                               const char *address, unsigned delay_ms, uint64_t until_ns)
{
    struct stage *s = arg;

    snprintf(stage_did(arg), 160, "delay %s%s%s %u %llu", kind == TARGET_NODE ? "all" : target,
             address != NULL ? " from " : "", address != NULL ? address : "", delay_ms,
             (unsigned long long)((until_ns - s->now.ns) / S));
}

static inline void stage_publish(void *arg, const struct incident *i, const char *json)
{
    struct stage *s = arg;

    assert_non_null(strstr(json, i->id));
    assert_non_null(strstr(json, i->detector->name));
    free(s->published);
    s->published = bytes_dup_str(bytes_str(json));
    s->n_published++;
}

static inline unsigned stage_online(void *arg)
{
    return ((struct stage *)arg)->online;
}

static inline unsigned stage_at_address(void *arg, const char *address)
{
    (void)address;
    return ((struct stage *)arg)->at_address;
}

static inline unsigned stage_of_topic(void *arg, const char *filter, unsigned *ret_critical)
{
    const struct stage *s = arg;

    assert_true(filter[0] != '\0');
    *ret_critical = s->of_topic_critical;
    return s->of_topic;
}

static inline unsigned stage_would_hit(void *arg, const struct respond_order *o)
{
    assert_true(respond_action_targets(o->kind) & BIT(o->target_kind));
    assert_true((o->address != NULL) == (o->target_kind == TARGET_CLIENT_ADDRESS));
    return ((struct stage *)arg)->hit;
}

/* As long as it is in force. */
static inline char *stage_under(void *arg, const struct respond_measure *at)
{
    const struct stage *s = arg;

    assert_int_equal(at->kind, ACTION_QUARANTINE);
    return text_format("with %u blocks", respond_measures(s->r, ACTION_QUARANTINE));
}

static inline char *stage_certificate(void *arg, const char *client_id)
{
    const struct stage *s = arg;

    assert_true(client_id[0] != '\0');
    return s->certificate != NULL ? bytes_dup_str(bytes_str(s->certificate)) : NULL;
}

static inline bool stage_is_critical(void *arg, struct bytes role)
{
    (void)arg;
    return bytes_equal(role, BYTES("control"));
}

static inline uint64_t stage_per_s(void *arg, struct bytes role)
{
    (void)arg;
    return bytes_equal(role, BYTES("slow")) ? 5 : 1000;
}

static inline void stage_start(struct stage *s)
{
    const struct respond_hands hands = {
        .arg = s,
        .disconnect = stage_disconnect,
        .ban_add = stage_ban_add,
        .ban_remove = stage_ban_remove,
        .delay = stage_delay,
        .restrain = stage_restrain,
        .firewall = stage_firewall,
        .posture = stage_posture,
        .revoke = stage_revoke,
        .shutdown = stage_shutdown,
        .publish_incident = stage_publish,
        .online_clients = stage_online,
        .clients_at_address = stage_at_address,
        .clients_of_topic = stage_of_topic,
        .would_hit = stage_would_hit,
        .certificate_of = stage_certificate,
        .under = stage_under,
    };

    s->r = respond_new(&s->settings, &hands, s->now);
}

/* A store of its own. */
static inline void stage_keep(struct stage *s)
{
    char key[96];
    char ring[96];
    const struct key_source from = {.kind = KEY_FROM_FILE, .name = key};
    char *error = NULL;

    snprintf(key, sizeof(key), "%s/key", s->dir);
    snprintf(ring, sizeof(ring), "%s/ring", s->dir);
    assert_true(at_rest_key_create(key, &error));
    s->keys = keyring_create(ring, &from, &error);
    assert_non_null(s->keys);
    s->settings.control = control_open(s->dir, s->keys, &error);
    assert_non_null(s->settings.control);
}

static inline void stage_begin(struct stage *s)
{
    log_level_set(LOG_ERROR);
    *s = (struct stage){
        .dir = "/dev/shm/bastide-respond-XXXXXX",
        .now = {.ns = 1000000 * S, .unix_ms = NOVEMBER_2026},
        .online = 100,
        .settings = {.enforce = true,
                     .role_is_critical = stage_is_critical,
                     .role_per_s = stage_per_s},
    };
    assert_non_null(mkdtemp(s->dir));
    s->settings.state_dir = s->dir;
    stage_keep(s);
    stage_start(s);
}

static inline void stage_restart(struct stage *s)
{
    s->r = respond_free(s->r);
    stage_start(s);
}

static inline void stage_end(struct stage *s)
{
    DIR *d;
    struct dirent *e;
    char path[400];

    s->r = respond_free(s->r);
    control_close(s->settings.control);
    keyring_free(s->keys);
    free(s->published);
    d = opendir(s->dir);
    while (d != NULL && (e = readdir(d)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", s->dir, e->d_name);
        remove(path);
    }
    if (d != NULL)
        closedir(d);
    rmdir(s->dir);
}

static inline void stage_wait(struct stage *s, uint64_t seconds)
{
    s->now.ns += seconds * S;
    s->now.unix_ms += seconds * 1000;
    respond_tick(s->r, s->now);
}

static inline const char *stage_path(const struct stage *s, const char *name)
{
    static char path[400];

    snprintf(path, sizeof(path), "%s/%s", s->dir, name);
    return path;
}

static inline const struct detector_info *detector_named(const char *name)
{
    for (size_t i = 0; i < detect_detectors(); i++) {
        if (strcmp(detect_detector(i)->name, name) == 0)
            return detect_detector(i);
    }
    fail_msg("no detector %s", name);
    return NULL;
}

static inline struct finding finding_of(const char *detector, enum severity severity,
                                        enum subject_kind kind, const char *subject)
{
    struct finding f = {
        .detector = detector_named(detector),
        .state = FINDING_OPEN,
        .severity = severity,
        .subject_kind = kind,
        .subject = bytes_str(subject),
        .address = BYTES("192.0.2.7"),
        .role = BYTES("meter"),
        .count = 12,
        .limit = 10,
        .window_s = 600,
        .confidence = 90,
        .n_samples = 2,
        .samples = {"fmb/a", "fmb/b"},
    };

    if (kind == SUBJECT_ADDRESS)
        f.address = f.subject;
    if (kind == SUBJECT_CLIENT)
        f.client_id = f.user_name = f.subject;
    if (kind == SUBJECT_USER)
        f.user_name = f.subject;
    return f;
}

static inline void stage_find(struct stage *s, const char *detector, enum severity severity,
                              enum subject_kind kind, const char *subject)
{
    struct finding f = finding_of(detector, severity, kind, subject);

    respond_finding(s->r, &f, s->now);
}

static inline void stage_calm(struct stage *s, const char *detector, enum subject_kind kind,
                              const char *subject)
{
    struct finding f = finding_of(detector, SEVERITY_HIGH, kind, subject);

    f.state = FINDING_CLOSED;
    respond_finding(s->r, &f, s->now);
}

static inline void stage_connect(struct stage *s, const char *client, const char *address,
                                 const char *role)
{
    const struct event e = {
        .kind = EVENT_CONNECT_ACCEPTED,
        .client_id = bytes_str(client),
        .user_name = bytes_str(client),
        .address = bytes_str(address),
        .role = bytes_str(role),
    };

    respond_protect_event(s->r, &e);
}

static inline void stage_keep_last(void *arg, const struct incident *i)
{
    *(const struct incident **)arg = i;
}

static inline const struct incident *stage_incident(struct stage *s)
{
    const struct incident *last = NULL;

    respond_incidents_each(s->r, stage_keep_last, &last);
    assert_non_null(last);
    return last;
}

/* The last one of this kind; in no state when there is none. */
static inline const struct action *action_of(const struct incident *i, enum action_kind kind)
{
    static const struct action none = {.state = ACTION_STATE_N};

    for (unsigned n = i->n_actions; n > 0; n--) {
        if (i->actions[n - 1].kind == kind)
            return &i->actions[n - 1];
    }
    return &none;
}

static inline bool has_action(const struct incident *i, enum action_kind kind)
{
    return action_of(i, kind)->state != ACTION_STATE_N;
}

/* What the node was told since the last call, in that order; NULL ends. */
#define assert_did(s, ...)    assert_did_all((s), (const char *const[]){__VA_ARGS__, NULL})
#define assert_did_nothing(s) assert_did_all((s), (const char *const[]){NULL})

static inline void assert_did_all(struct stage *s, const char *const *expected)
{
    unsigned n = 0;

    for (; expected[n] != NULL; n++) {
        if (n >= s->n_did)
            fail_msg("not done: %s", expected[n]);
        assert_string_equal(s->did[n], expected[n]);
    }
    if (n < s->n_did)
        fail_msg("done too: %s", s->did[n]);
    s->n_did = 0;
}

static inline void stage_find_high(struct stage *s, const char *client)
{
    stage_find(s, "topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, client);
}

static inline void stage_find_guesser(struct stage *s, const char *address)
{
    stage_find(s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, address);
}

static inline void assert_only_alerted(struct stage *s, enum action_kind kind,
                                       enum action_state state)
{
    const struct incident *i = stage_incident(s);
    const struct action *a = action_of(i, kind);

    assert_did_nothing(s);
    assert_int_equal(a->state, state);
    assert_int_equal(s->n_published, 1);
    assert_int_equal(respond_bans(s->r), 0);
}
