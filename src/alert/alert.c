/* SPDX-License-Identifier: Apache-2.0 */
/* alert/alert.c - see alert.h */
#include "alert/alert.h"

#include <stdlib.h>

#include "alert/private.h"
#include "base/err.h"
#include "base/mem.h"

/* In the order of enum which. */
static const struct receiver_kind *const kinds[ALERT_RECEIVERS_MAX] = {
    &receiver_syslog,
    &receiver_webhook,
};

enum which {
    SYSLOG,
    WEBHOOK,
};

struct alert {
    struct receiver receivers[ALERT_RECEIVERS_MAX]; /* all of them, wherever they send to */
};

struct alert_change {
    struct destination to[ALERT_RECEIVERS_MAX];
};

/** alert_change_free() - one that is not made; @c may be NULL; Return: NULL */
struct alert_change *alert_change_free(struct alert_change *c)
{
    for (size_t i = 0; c != NULL && i < ALERT_RECEIVERS_MAX; i++)
        destination_done(&c->to[i]);
    free(c);
    return NULL;
}

/** alert_prepare() - see alert.h */
struct alert_change *alert_prepare(const struct alert_settings *s, char **ret_error)
{
    struct alert_change *c = mem_new(struct alert_change);
    struct destination *syslog = &c->to[SYSLOG];
    struct destination *webhook = &c->to[WEBHOOK];

    syslog->is_set = s->syslog != NULL;
    webhook->is_set = s->webhook != NULL;
    syslog->queue_max = webhook->queue_max = s->queue_max;
    if (s->syslog != NULL)
        check(target_parse_syslog(s->syslog, &syslog->target) == NULL);
    if (s->webhook != NULL) {
        check(target_parse_webhook(s->webhook, &webhook->target) == NULL);
        if (!webhook_prepare(webhook, s, ret_error))
            return alert_change_free(c);
    }
    return c;
}

/** alert_change() - see alert.h */
void alert_change(struct alert *a, struct alert_change *c)
{
    for (size_t i = 0; i < ALERT_RECEIVERS_MAX; i++)
        receiver_change(&a->receivers[i], &c->to[i]);
    alert_change_free(c);
}

/** alert_new() - see alert.h */
struct alert *alert_new(struct alert_change *c)
{
    struct alert *a = mem_new(struct alert);

    for (size_t i = 0; i < ALERT_RECEIVERS_MAX; i++)
        receiver_init(&a->receivers[i], kinds[i]);
    alert_change(a, c);
    return a;
}

/** alert_start() - Return: 0 or -errno */
int alert_start(struct alert *a, const struct sandbox *sandbox)
{
    for (size_t i = 0; i < ALERT_RECEIVERS_MAX; i++) {
        int err = receiver_start(&a->receivers[i], sandbox);

        if (err < 0)
            return err_trace(err);
    }
    return 0;
}

/** alert_free() - what still waits is sent as far as that takes a moment; Return: NULL */
struct alert *alert_free(struct alert *a)
{
    if (a == NULL)
        return NULL;
    for (size_t i = 0; i < ALERT_RECEIVERS_MAX; i++)
        receiver_done(&a->receivers[i]);
    free(a);
    return NULL;
}

/** alert_post() - see alert.h */
void alert_post(struct alert *a, const char *record)
{
    for (size_t i = 0; i < ALERT_RECEIVERS_MAX; i++)
        receiver_post(&a->receivers[i], record);
}

/** alert_count() - see alert.h */
size_t alert_count(struct alert *a, struct alert_counters ret[ALERT_RECEIVERS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < ALERT_RECEIVERS_MAX; i++) {
        if (receiver_count(&a->receivers[i], &ret[n]))
            n++;
    }
    return n;
}
