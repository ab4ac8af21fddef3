/* SPDX-License-Identifier: Apache-2.0 */
/* alert/alert.c - see alert.h */
#include "alert/alert.h"

#include <stdlib.h>

#include "alert/private.h"
#include "base/err.h"
#include "base/mem.h"

struct alert {
    struct receiver receivers[ALERT_RECEIVERS_MAX];
    size_t n;
};

static struct receiver *add(struct alert *a, const struct receiver_kind *kind, size_t queue_max)
{
    struct receiver *r = &a->receivers[a->n++];

    receiver_init(r, kind, queue_max);
    return r;
}

/** alert_new() - see alert.h; without a receiver it does nothing */
struct alert *alert_new(const struct alert_settings *s, char **ret_error)
{
    struct alert *a = mem_new(struct alert);

    if (s->syslog != NULL)
        check(target_parse_syslog(s->syslog, &add(a, &receiver_syslog, s->queue_max)->target) ==
              NULL);
    if (s->webhook != NULL) {
        struct receiver *r = add(a, &receiver_webhook, s->queue_max);

        check(target_parse_webhook(s->webhook, &r->target) == NULL);
        if (!webhook_prepare(r, s, ret_error))
            return alert_free(a);
    }
    return a;
}

/** alert_start() - Return: 0 or -errno */
int alert_start(struct alert *a, const struct sandbox *sandbox)
{
    for (size_t i = 0; i < a->n; i++) {
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
    for (size_t i = 0; i < a->n; i++)
        receiver_done(&a->receivers[i]);
    free(a);
    return NULL;
}

/** alert_post() - see alert.h */
void alert_post(struct alert *a, const char *record)
{
    for (size_t i = 0; i < a->n; i++)
        receiver_post(&a->receivers[i], record);
}

/** alert_count() - see alert.h */
size_t alert_count(struct alert *a, struct alert_counters ret[ALERT_RECEIVERS_MAX])
{
    for (size_t i = 0; i < a->n; i++)
        ret[i] = receiver_count(&a->receivers[i]);
    return a->n;
}
