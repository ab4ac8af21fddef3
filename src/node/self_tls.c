/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/self_tls.c - the trial whether a client can have TLS 1.2 negotiated anew, which none may
 *
 * On the self-test's thread.
 *
 * MQ.PR.SP-07
 */
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "node/self_trials.h"

#define TLS_1_3 0x0304

/* Until it is over, or TRIAL_MS have passed, or the node stops. */
static enum stream_outcome drive(const struct trial_kit *kit, struct stream *s,
                                 enum stream_outcome (*step)(struct stream *s))
{
    uint64_t until_ns = clock_now_ns() + TRIAL_MS * NS_PER_MS;
    enum stream_outcome outcome = step(s);

    while (outcome == STREAM_AGAIN && clock_now_ns() < until_ns) {
        struct pollfd p[] = {
            {.fd = stream_fd(s), .events = stream_wants(s) & LOOP_WRITE ? POLLOUT : POLLIN},
            {.fd = kit->stop_fd, .events = POLLIN}};

        if (poll(p, COUNT_OF(p), TRIAL_MS) <= 0 || p[1].revents != 0)
            break;
        outcome = step(s);
    }
    return outcome;
}

enum answer {
    ANSWER_NOT_TRIED,  /* TLS 1.2 is spoken here, and did not come about */
    ANSWER_NOT_SPOKEN, /* it is not: there is nothing to be negotiated anew */
    ANSWER_REFUSED,
    ANSWER_TAKEN,
};

static enum answer ask(const struct trial_kit *kit, const struct door *d)
{
    const struct stream_target to = {.host = door_address(d->listener),
                                     .port = d->listener->port,
                                     .tls = d->tls,
                                     .timeout_ms = TRIAL_MS};
    enum answer answer = ANSWER_NOT_TRIED;
    char *error = NULL;
    struct stream *s = stream_connect(&to, &error);

    free(error);
    if (s == NULL)
        return ANSWER_NOT_TRIED;
    /* Who does not answer has not taken it either. */
    if (drive(kit, s, stream_handshake) == STREAM_OK)
        answer = drive(kit, s, stream_renegotiate) == STREAM_OK ? ANSWER_TAKEN : ANSWER_REFUSED;
    stream_free(s);
    return answer;
}

static enum answer try_at(const struct trial_kit *kit, const struct config_listener *l)
{
    enum answer answer = ANSWER_NOT_TRIED;
    struct door d;

    if (l->tls_version_min >= TLS_1_3)
        return ANSWER_NOT_SPOKEN;
    if (door_open(l, &d)) {
        tls_context_may_renegotiate(d.tls);
        answer = ask(kit, &d);
    }
    door_close(&d);
    return answer;
}

/** try_renegotiation() - at each listener with TLS that the trials can use */
void try_renegotiation(struct trial_kit *kit, struct evidence_list *e)
{
    const struct config *c = kit->node->started;
    unsigned n[ANSWER_TAKEN + 1] = {0};
    unsigned known;

    for (size_t i = 0; i < c->n_listeners; i++)
        if (c->listeners[i].has_tls)
            n[try_at(kit, &c->listeners[i])]++;
    known = n[ANSWER_NOT_SPOKEN] + n[ANSWER_REFUSED] + n[ANSWER_TAKEN];
    if (known > 0)
        evidence_add(e, "MQ.PR.SP-07.t4", n[ANSWER_TAKEN] == 0, known, NULL,
                     "TLS 1.2 was negotiated anew by %u of %u listeners; %u refused, %u do not "
                     "speak it; %u more could not be tried",
                     n[ANSWER_TAKEN], known, n[ANSWER_REFUSED], n[ANSWER_NOT_SPOKEN],
                     n[ANSWER_NOT_TRIED]);
}
