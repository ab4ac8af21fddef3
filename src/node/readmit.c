/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/readmit.c - a new policy is in force: who may stay, and with which rights?
 *
 * Asked of every session, connected or not, with the proof that its last network
 * connection gave.  Who may not come in any more has no session any more.  A right that
 * was taken away lives on neither in a subscription nor in a Will.  Who has shown a certificate
 * and is not in yet is asked for it when it comes in.
 *
 * MQ.PR.IA-05 MQ.RS.RP-01
 */
#include "base/log.h"
#include "node/node_private.h"

/* The certificate may have been revoked since the handshake (MQ.RS.RP-01). */
static bool is_still_trusted(const struct link *l)
{
    const struct worker_listener *from = listen_of(l->worker, l);

    return from == NULL || from->tls == NULL || stream_is_trusted_by(l->stream, from->tls);
}

/**
 * readmit_trusts_newcomer() - may the certificate be accepted that its handshake has taken?
 *
 * A reload in between, on this worker or on the one that shook hands, has found nobody to throw
 * out.  Without one the handshake has just answered, and to ask again would cost half of it.
 */
bool readmit_trusts_newcomer(const struct link *l)
{
    const struct worker_listener *from = listen_of(l->worker, l);

    return (from != NULL && stream_has_context(l->stream, from->tls)) || is_still_trusted(l);
}

static struct gate_subject subject_of(const struct resident *c)
{
    struct bytes principal = bytes_str(c->principal);

    return (struct gate_subject){
        .client_id = c->session->client_id,
        .user_name = principal,
        .certificate_cn = bytes_str(c->certificate_cn),
        .has_user_name = principal.len > 0,
        .has_password = c->by_password,
        .has_scram = c->by_scram,
        .has_certificate = c->certificate_cn != NULL,
        .is_control = c->is_control,
        .anonymous_allowed = principal.len == 0,
    };
}

/* What the policy makes of it now; owned, NULL if nothing. */
static struct grant *grant_of(const struct worker *w, const struct resident *c)
{
    struct gate_subject s = subject_of(c);
    enum gate_outcome outcome;
    struct grant *g = gate_admit(w->policy, &s, &outcome);

    if (g != NULL && strcmp(grant_principal(g), c->principal) != 0)
        g = grant_free(g);
    return g;
}

static void expel(struct worker *w, struct resident *c)
{
    resident_drop_will(w, c);
    if (c->link == NULL) {
        resident_end(w, c);
        return;
    }
    c->session->expiry_s = 0; /* ends with its connection */
    link_close(c->link, REASON_NOT_AUTHORIZED,
               "the configuration has changed: no longer allowed to connect");
}

static void readmit(struct worker *w, struct resident *c)
{
    struct grant *g = grant_of(w, c);
    struct grant **place = c->link != NULL ? &c->link->grant : &c->grant;

    if (g == NULL) {
        expel(w, c);
        return;
    }
    grant_free(*place);
    *place = g;
    if (c->link != NULL && c->link->publishing != NULL)
        memset(c->link->publishing->verdicts, 0, sizeof(c->link->publishing->verdicts));
    readmit_subscriptions(w, c);
    if (c->link != NULL && !is_still_trusted(c->link))
        link_close(c->link, REASON_NOT_AUTHORIZED, READMIT_DISTRUST_TEXT);
}

/** readmit_all() - after w->policy or a listener's CRL has changed */
void readmit_all(struct worker *w)
{
    size_t cursor = 0;
    struct resident *c;

    while ((c = map_next(&w->residents, &cursor)) != NULL) {
        size_t n = w->residents.n;

        readmit(w, c);
        if (w->residents.n < n)
            cursor--; /* another one may have moved to its place */
    }
}

/** readmit_subscriptions() - those end that the session's rights of now do not allow */
void readmit_subscriptions(struct worker *w, struct resident *c)
{
    const struct grant *g = resident_grant(c);

    list_each (it, &c->session->subscriber.subscriptions) {
        struct subscription *sub = list_item(it, struct subscription, in_subscriber);
        struct gate_answer a = gate_check(g, GATE_SUBSCRIBE, subscription_filter(sub));
        char why[REFUSAL_TEXT_MAX];

        if (a.outcome == GATE_ALLOWED)
            continue;
        flow_refusal_text(&a, why);
        log_info("gate", "%.*s: subscription to %.*s ended: role %s: %s",
                 BYTES_ARG(c->session->client_id), BYTES_ARG(subscription_filter(sub)),
                 grant_role(g), why);
        if (c->link != NULL)
            worker_event_of(w, c->link, EVENT_UNSUBSCRIBED, 0, subscription_filter(sub), NULL);
        subscription_end(w, sub);
    }
}
