/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/readmit.c - a new policy is in force: who may stay, and with which rights?
 *
 * Asked of every session, connected or not, with the proof that its last network
 * connection gave.  Who may not come in any more has no session any more; that he is gone is
 * what his Will tells, with the rights that he had.  A right that was taken away from who
 * stays lives on neither in a subscription nor in a Will: subscriptions that no rule allows are
 * suspended, and when one allows them again they deliver again (docs/decisions/0020).  Who has
 * shown a certificate and is not in yet is asked for it when it comes in.
 *
 * MQ.PR.IA-05 MQ.RS.RP-01
 */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
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

/* @g, if it is of the session's user; otherwise it is freed and NULL. */
static struct grant *of_its_user(const struct resident *c, struct grant *g)
{
    return g != NULL && strcmp(grant_principal(g), c->principal) != 0 ? grant_free(g) : g;
}

/* What the policy makes of it now; owned, NULL if nothing: why is static, in @ret_why. */
static struct grant *grant_of(const struct worker *w, const struct resident *c,
                              const char **ret_why)
{
    struct gate_subject s = subject_of(c);
    enum gate_outcome outcome;
    struct grant *g = gate_admit(w->policy, &s, &outcome);

    *ret_why =
        outcome == GATE_ALLOWED ? "the certificate is another user's" : gate_outcome_text(outcome);
    return of_its_user(c, g);
}

/* Of a session out of the journal nobody knows what it had: what its user's role has now. */
static struct grant *rights_of(const struct worker *w, const struct resident *c)
{
    struct gate_subject s = subject_of(c);

    return of_its_user(c, gate_rights(w->policy, &s));
}

/* What is told of a session that has to go. */
struct expulsion {
    const char *why; /* static */
    uint32_t n_subscriptions;
    bool is_told;
};

/* No message comes to it from here on; it ends when all others have been asked, on every worker,
 * since its Will goes by the rights of now of who reads it. */
static void expel(struct worker *w, struct resident *c, const char *why, struct readmitted *sum)
{
    struct session *s = c->session;

    sum->n_expelled++;
    if (resident_grant(c) == NULL)
        c->grant = rights_of(w, c);
    c->expelled = mem_new(struct expulsion);
    *c->expelled = (struct expulsion){why, s->subscriber.n_subscriptions, false};
    s->expiry_s = 0; /* ends with its connection */
    resident_drop_subscriptions(w, c);
}

/**
 * readmit_tell_expelled() - write a line about what ends with a session that has to go; once
 *
 * What other members of its groups get is not lost; who they are is known when all sessions have
 * been asked.
 *
 * Return: how many messages are lost; 0: that has been told, or it has not to go.
 */
size_t readmit_tell_expelled(const struct worker *w, const struct resident *c)
{
    const struct session *s = c->session;
    struct expulsion *e = c->expelled;
    size_t n_messages;

    if (e == NULL || e->is_told)
        return 0;
    n_messages = s->queue.n + s->inflight.n - share_n_left_to_others(w, s);
    log_info("gate",
             "%.*s: session ended: user %s: %s; %u subscriptions and %zu waiting messages end "
             "with it",
             BYTES_ARG(s->client_id), c->principal[0] != '\0' ? c->principal : "anonymous", e->why,
             e->n_subscriptions, n_messages);
    e->is_told = true;
    return n_messages;
}

/* ---- subscriptions ---- */

/* As it was subscribed to; of a long one so much that the rest of the line has room. */
static void name_of(const struct subscription *sub, char ret[REFUSAL_NAME_MAX])
{
    struct bytes group = subscription_group(sub);
    char whole[2 * REFUSAL_NAME_MAX]; /* more of it is not shown */

    snprintf(whole, sizeof(whole), "%s%.*s%s%.*s", group.len > 0 ? "$share/" : "", BYTES_ARG(group),
             group.len > 0 ? "/" : "", BYTES_ARG(subscription_filter(sub)));
    flow_shorten(bytes_str(whole), ret);
}

static void say_changed(const struct resident *c, const struct subscription *sub,
                        const struct gate_answer *a)
{
    const char *what = a->outcome == GATE_ALLOWED ? "delivers again" : "suspended";
    char name[REFUSAL_NAME_MAX];
    char why[REFUSAL_TEXT_MAX];
    char text[LOG_LINE_MAX];

    name_of(sub, name);
    flow_refusal_text(a, BYTES_NONE, why);
    snprintf(text, sizeof(text), "subscription to %s %s: role %s: %s", name, what, a->role, why);
    if (c->link != NULL)
        link_log(c->link, "gate", "%s", text);
    else
        log_info("gate", "%.*s: %s", BYTES_ARG(c->session->client_id), text);
}

static void suspend(struct worker *w, const struct link *told, struct subscription *sub,
                    struct readmitted *sum)
{
    subscription_suspend(w, sub);
    sum->n_suspended++;
    if (told != NULL)
        worker_event_of(w, told, EVENT_UNSUBSCRIBED, 0, subscription_filter(sub), NULL);
}

static void resume(struct worker *w, struct resident *c, const struct link *told,
                   struct subscription *sub, struct readmitted *sum)
{
    subscription_resume(w, c->session, sub);
    sum->n_resumed++;
    if (told != NULL)
        worker_event_of(w, told, EVENT_SUBSCRIBED, sub->qos, subscription_filter(sub), NULL);
    if (c->link != NULL)
        link_dirty(c->link); /* what is retained may be looked for */
}

/**
 * readmit_subscriptions() - those are suspended that the session's rights of now do not allow, and
 * those deliver again that they do
 * @told:  whose events say so; NULL: nobody's, what a newcomer has is told of by itself
 * @sum:   how many is added to it
 */
void readmit_subscriptions(struct worker *w, struct resident *c, const struct link *told,
                           struct readmitted *sum)
{
    const struct grant *g = resident_grant(c);

    list_each (it, &c->session->subscriber.subscriptions) {
        struct subscription *sub = list_item(it, struct subscription, in_subscriber);
        struct gate_answer a = gate_check(g, GATE_SUBSCRIBE, subscription_filter(sub));

        if ((a.outcome == GATE_ALLOWED) != sub->is_suspended)
            continue;
        say_changed(c, sub, &a);
        if (sub->is_suspended)
            resume(w, c, told, sub, sum);
        else
            suspend(w, told, sub, sum);
    }
}

/* ---- sessions ---- */

static void readmit(struct worker *w, struct resident *c, struct readmitted *sum)
{
    const char *why;
    struct grant *g = grant_of(w, c, &why);
    struct grant **place = c->link != NULL ? &c->link->grant : &c->grant;

    if (g == NULL) {
        expel(w, c, why, sum);
        return;
    }
    grant_free(*place);
    *place = g;
    if (c->link != NULL && c->link->publishing != NULL)
        memset(c->link->publishing->verdicts, 0, sizeof(c->link->publishing->verdicts));
    readmit_subscriptions(w, c, c->link, sum);
}

static void distrust(struct link *l, struct readmitted *sum)
{
    sum->n_distrusted++;
    link_log(l, "gate", "closed: " READMIT_DISTRUST_TEXT);
    link_close(l, REASON_NOT_AUTHORIZED, READMIT_DISTRUST_TEXT);
}

/* Who had to go is cut off, and his Will published [MQTT5-3.1.2-8].  After a start nothing can be
 * published before the first turn; and in it nobody looks at a session that has no rights. */
static void part(struct worker *w, struct resident *c, struct readmitted *sum)
{
    if (c->expelled != NULL)
        sum->n_messages += readmit_tell_expelled(w, c);
    if (c->expelled != NULL && c->link != NULL)
        link_close(c->link, REASON_NOT_AUTHORIZED,
                   "the configuration has changed: no longer allowed to connect");
    else if (c->expelled != NULL && c->grant != NULL)
        worker_due(w, &c->expiry, w->now_ns, DUE_EXPELLED);
    else if (c->expelled != NULL)
        resident_end(w, c);
    else if (c->link != NULL && !is_still_trusted(c->link))
        distrust(c->link, sum);
}

/** readmit_all() - after w->policy or a listener's CRL has changed; what comes of it is added to
 * @sum.  readmit_part() is still to follow. */
void readmit_all(struct worker *w, struct readmitted *sum)
{
    size_t cursor = 0;
    struct resident *c;

    while ((c = map_next(&w->residents, &cursor)) != NULL) {
        if (c->expelled == NULL)
            readmit(w, c, sum);
    }
}

/** readmit_part() - from those that may not stay, when readmit_all() has been to every worker */
void readmit_part(struct worker *w, struct readmitted *sum)
{
    size_t cursor = 0;
    struct resident *c;

    while ((c = map_next(&w->residents, &cursor)) != NULL) {
        size_t n = w->residents.n;

        part(w, c, sum);
        if (w->residents.n < n)
            cursor--; /* another one may have moved to its place */
    }
}
