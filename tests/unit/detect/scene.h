/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/scene.h - events played to the detectors, and what they found */
#pragma once

#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "detect/detect.h"

#define S         1000000000ULL
#define SCENE_NS  (6000000 * S) /* a multiple of 60 and 600 s: windows begin here */
#define FOUND_MAX 64

#ifndef SCENE_ONLY
#define SCENE_ONLY ""
#endif

struct found {
    const char *kind;
    enum finding_state state;
    enum severity severity;
    enum subject_kind subject_kind;
    char subject[128];
    char address[64];
    char client_id[64];
    double count;
    double limit;
    unsigned window_s;
    bool alert_only;
    bool in_grace;
    bool observe_only;
    uint64_t at_ns;
    unsigned n_samples;
    char sample[DETECT_SAMPLE_BYTES_MAX];
};

struct scene {
    struct detect *d;
    const char *only; /* which detectors it is about: how their names begin */
    uint64_t now_ns;
    unsigned n_refreshed;
    double refreshed_count; /* of the last of them */
    unsigned n_found;
    unsigned n_mended;
    bool has_opened;
    struct found found[FOUND_MAX];
};

/* Roles by their names, which are kinds, and "meter", which is a site's own. */
static const struct detect_role scene_roles[] = {
    {.name = "meter"},
    {.name = "device"},
    {.name = "gateway"},
    {.name = "service"},
    {.name = "monitor"},
    {.name = "control"},
    {.name = "operator"},
    {.name = "actuator"},
    {.name = "standby"},
    {.name = "ota"},
    {.name = "desk", .kind = "operator", .has_commands = true},
};

static inline void scene_begin_with(struct scene *s, double time_scale, unsigned grace_s,
                                    const struct detect_override *overrides, size_t n_overrides)
{
    struct detect_settings settings = {
        .time_scale = time_scale,
        .started_ns = SCENE_NS,
    };
    const struct detect_config config = {
        .roles = scene_roles,
        .n_roles = COUNT_OF(scene_roles),
        .overrides = overrides,
        .n_overrides = n_overrides,
        .connections_max = 400,
        .startup_grace_s = grace_s,
    };

    *s =
        (struct scene){.d = detect_new(&settings, &config), .only = SCENE_ONLY, .now_ns = SCENE_NS};
}

static inline void scene_begin(struct scene *s, double time_scale, unsigned grace_s)
{
    scene_begin_with(s, time_scale, grace_s, NULL, 0);
}

static inline void scene_end(struct scene *s)
{
    s->d = detect_free(s->d);
}

static inline void scene_found(void *arg, const struct finding *f)
{
    struct scene *s = arg;
    struct found *to = &s->found[s->n_found];

    if (strncmp(f->detector->name, s->only, strlen(s->only)) != 0)
        return;
    if (f->state == FINDING_REFRESH) {
        s->n_refreshed++;
        s->refreshed_count = f->count;
        return;
    }
    if (f->state == FINDING_CLOSED && !s->has_opened) {
        s->n_mended++; /* of an earlier run, if it has found anything */
        return;
    }
    s->has_opened |= f->state == FINDING_OPEN;
    s->n_found++;

    assert_true(s->n_found < FOUND_MAX);
    *to = (struct found){
        .kind = f->detector->name,
        .state = f->state,
        .severity = f->severity,
        .subject_kind = f->subject_kind,
        .count = f->count,
        .limit = f->limit,
        .window_s = f->window_s,
        .alert_only = f->alert_only,
        .in_grace = f->in_grace,
        .observe_only = f->observe_only,
        .at_ns = f->at_ns,
        .n_samples = f->n_samples,
    };
    snprintf(to->subject, sizeof(to->subject), "%.*s", BYTES_ARG(f->subject));
    snprintf(to->address, sizeof(to->address), "%.*s", BYTES_ARG(f->address));
    snprintf(to->client_id, sizeof(to->client_id), "%.*s", BYTES_ARG(f->client_id));
    if (f->n_samples > 0)
        memcpy(to->sample, f->samples[0], sizeof(to->sample));
}

static inline void scene_event(struct scene *s, struct event e)
{
    if (e.at_ns == 0)
        e.at_ns = s->now_ns;
    detect_event(s->d, &e, scene_found, s);
}

static inline void scene_wait(struct scene *s, double seconds)
{
    s->now_ns += (uint64_t)(seconds * 1e9);
}

/* As the sentinel does: a tick a second while time passes. */
static inline void scene_idle(struct scene *s, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        scene_wait(s, 1);
        detect_tick(s->d, s->now_ns, scene_found, s);
    }
}

static inline void scene_connect(struct scene *s, const char *client, const char *address)
{
    scene_event(s, (struct event){.kind = EVENT_CONNECT_ACCEPTED,
                                  .client_id = bytes_str(client),
                                  .user_name = bytes_str(client),
                                  .address = bytes_str(address),
                                  .role = BYTES("meter")});
}

static inline void scene_auth_failed(struct scene *s, const char *client, const char *user,
                                     const char *address, uint32_t secret)
{
    scene_event(s, (struct event){.kind = EVENT_AUTH_FAILED,
                                  .value = secret,
                                  .client_id = bytes_str(client),
                                  .user_name = bytes_str(user),
                                  .address = bytes_str(address)});
}

static inline void scene_topic(struct scene *s, enum event_kind kind, const char *client,
                               const char *role, const char *topic, uint32_t value)
{
    scene_event(s, (struct event){.kind = kind,
                                  .value = value,
                                  .client_id = bytes_str(client),
                                  .user_name = bytes_str(client),
                                  .address = BYTES("192.0.2.7"),
                                  .role = bytes_str(role),
                                  .topic = bytes_str(topic)});
}

static inline struct detector_counters scene_counters(const struct scene *s, const char *id)
{
    for (size_t i = 0; i < detect_detectors(); i++) {
        if (strcmp(detect_detector(i)->id, id) == 0)
            return detect_counters(s->d, i);
    }
    fail_msg("no detector %s", id);
    return (struct detector_counters){0};
}
