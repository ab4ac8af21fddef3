/* SPDX-License-Identifier: Apache-2.0 */
/* respond/respond.c - life, ticks, the kill switch; see respond.h */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "respond/private.h"

/** respond_answer_text() - static */
const char *respond_answer_text(enum respond_answer a)
{
    static const char *const texts[] = {
#define X(name, text) [RESPOND_##name] = text,
        RESPOND_ANSWERS(X)
#undef X
    };

    check(a < COUNT_OF(texts));
    return texts[a];
}

/** respond_scaled_ns() - so many seconds, shorter by the time scale of tests */
uint64_t respond_scaled_ns(const struct respond *r, uint64_t seconds)
{
    double scale = r->settings.time_scale > 0 ? r->settings.time_scale : 1;

    return (uint64_t)((double)(seconds * NS_PER_S) / scale);
}

/** respond_scaled_ms() - the same in milliseconds */
uint64_t respond_scaled_ms(const struct respond *r, uint64_t seconds)
{
    return respond_scaled_ns(r, seconds) / NS_PER_MS;
}

/* ---- the kill switch outlives a restart ---- */

#define SUSPENDED "responses suspended until unix ms"

static void suspension_keep(struct respond *r)
{
    char text[24];

    if (r->settings.control == NULL)
        return;
    snprintf(text, sizeof(text), "%llu", (unsigned long long)r->suspended_until_unix_ms);
    control_put(r->settings.control, CONTROL_SETTING, SUSPENDED, r->suspended_until_unix_ms, text);
    respond_flush(r);
}

struct suspension {
    struct respond *r;
    struct respond_now now;
};

static void suspension_take(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    const struct suspension *s = arg;

    (void)doc;
    if (strcmp(key, SUSPENDED) != 0 || at_unix_ms <= s->now.unix_ms)
        return;
    s->r->suspended_until_unix_ms = at_unix_ms;
    s->r->suspended_until_ns = s->now.ns + (at_unix_ms - s->now.unix_ms) * NS_PER_MS;
    log_warning("respond", "automatic responses are still suspended, as before the restart");
}

static void suspension_load(struct respond *r, struct respond_now now)
{
    struct suspension s = {.r = r, .now = now};
    char *error = NULL;

    if (!control_each(r->settings.control, CONTROL_SETTING, 0, suspension_take, &s, &error))
        log_error("respond", "%s", error);
    free(error);
}

/** respond_new() - see respond.h */
struct respond *respond_new(const struct respond_settings *s, const struct respond_hands *hands,
                            struct respond_now now)
{
    struct respond *r = mem_new(struct respond);

    r->settings = *s;
    r->settings.state_dir = NULL;    /* the parts keep their own paths, */
    r->settings.plays = NULL;        /* their own playbook, */
    r->settings.never_act_on = NULL; /* and their own list */
    r->hands = *hands;
    histories_init(&r->histories);
    for (enum subject_kind k = 0; k < SUBJECT_KIND_N; k++)
        protected_init(&r->protected[k]);
    incidents_init(r);
    feed_init(&r->feed, s->state_dir, s->file_bytes_max);
    r->started_ns = now.ns;
    incidents_restore(r);
    bans_init(&r->bans);
    bans_load(&r->bans, s->control, s->state_dir, now.unix_ms);
    measures_init(&r->measures);
    list_init(&r->waiting.all);
    playbook_take(r, s->plays, s->n_plays);
    spared_take(r, s->never_act_on, s->n_never_act_on);
    if (s->control != NULL) {
        measures_load(&r->measures, s->control, now.unix_ms);
        histories_load(&r->histories, s->control, now);
        protected_load(r->protected, s->control);
        suspension_load(r, now);
    }
    return r;
}

/** respond_free() - @r may be NULL; Return: NULL */
struct respond *respond_free(struct respond *r)
{
    if (r == NULL)
        return NULL;
    incidents_done(r);
    bans_done(&r->bans);
    measures_done(&r->measures);
    waiting_done(&r->waiting);
    playbook_done(r);
    feed_done(&r->feed);
    blast_done(&r->blast);
    for (enum subject_kind k = 0; k < SUBJECT_KIND_N; k++)
        protected_done(&r->protected[k]);
    spared_done(r);
    histories_done(&r->histories);
    free(r);
    return NULL;
}

/** respond_settings_change() - enforce, or observe only; by another playbook; others are spared */
void respond_settings_change(struct respond *r, const struct respond_settings *s)
{
    if (r->settings.enforce != s->enforce)
        log_info("respond", "automatic responses: %s", s->enforce ? "enforced" : "observed only");
    r->settings.enforce = s->enforce;
    r->settings.commands_are_held = s->commands_are_held;
    playbook_done(r);
    playbook_take(r, s->plays, s->n_plays);
    spared_take(r, s->never_act_on, s->n_never_act_on);
}

/** respond_flush() - wait until what a person asked for is on disk, or known not to be */
void respond_flush(struct respond *r)
{
    if (r->settings.control != NULL && !control_flush(r->settings.control))
        r->counters.write_failures++;
}

/** respond_tick() - see respond.h */
void respond_tick(struct respond *r, struct respond_now now)
{
    respond_bans_expire(r, now);
    respond_measures_expire(r, now);
    waiting_expire(r, now);
    incidents_expire(r, now);
    if (r->suspended_until_ns != 0 && now.ns >= r->suspended_until_ns) {
        log_info("respond", "automatic responses act again");
        r->suspended_until_ns = 0;
        r->suspended_until_unix_ms = 0;
    }
}

/** respond_suspend() - see respond.h */
enum respond_answer respond_suspend(struct respond *r, unsigned minutes, const char *author,
                                    struct respond_now now)
{
    uint64_t length_ms = (uint64_t)minutes * 60000;

    if (minutes > RESPOND_SUSPEND_MINUTES_MAX)
        return RESPOND_E_INVALID;
    r->suspended_until_ns = minutes > 0 ? now.ns + length_ms * NS_PER_MS : 0;
    r->suspended_until_unix_ms = minutes > 0 ? now.unix_ms + length_ms : 0;
    suspension_keep(r);
    if (minutes > 0)
        log_warning("respond", "automatic responses are suspended for %u min by %s", minutes,
                    author);
    else
        log_warning("respond", "automatic responses act again, by %s", author);
    return RESPOND_OK;
}

/** respond_suspended_until_unix_ms() - Return: until when there are no automatic actions, or 0. */
uint64_t respond_suspended_until_unix_ms(const struct respond *r)
{
    return r->suspended_until_unix_ms;
}

/** respond_is_kept() - false as long as bans or incidents could not be written the last time */
bool respond_is_kept(const struct respond *r)
{
    return (r->settings.control == NULL || control_is_kept(r->settings.control)) && !r->feed.failed;
}

/** respond_counters() - since respond_new() */
struct respond_counters respond_counters(const struct respond *r)
{
    return r->counters;
}
