/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/admit.c - who may come in, before a byte of MQTT: limits, bans, proxies, handshakes
 *
 * A proxy's own connection counts for the whole node from the first moment on.  Its
 * client is known when the PROXY header has come; bans and the limit of an address
 * then mean the client's address.  A ban never means a proxy that is trusted: what
 * one client of it did would shut out all others.
 *
 * MQ.PR.SP-05 MQ.PR.IA-05
 */
#include "base/clock.h"
#include "node/node_private.h"

static bool limit_hit(struct link *l, const char *limit)
{
    l->worker->counters.limits_hit++;
    worker_event_of(l->worker, l, EVENT_LIMIT_HIT, 0, BYTES_NONE, limit);
    link_log(l, "connect", "refused: %s", limit);
    return false;
}

static bool fits_in_node(struct link *l)
{
    const struct worker *w = l->worker;
    const char *full = admission_enter(w->node->admission, policy_limits(w->policy));

    if (full != NULL)
        return limit_hit(l, full);
    l->is_admitted = true;
    return true;
}

static bool fits_in_address(struct link *l)
{
    const struct worker *w = l->worker;
    const char *full =
        admission_enter_address(w->node->admission, l->address, policy_limits(w->policy));

    if (full != NULL)
        return limit_hit(l, full);
    l->is_admitted_address = true;
    return true;
}

static bool is_banned(struct link *l)
{
    struct worker *w = l->worker;
    struct gate_subject who = {.address = bytes_str(l->address)};
    const struct ban *ban = ban_table_find(w->bans, &who, BYTES_NONE, clock_unix_ms());

    if (ban == NULL)
        return false;
    w->counters.bans_hit++;
    worker_event_of(w, l, EVENT_BAN_HIT, 0, BYTES_NONE, ban->subject);
    link_log(l, "connect", "refused: banned");
    return true;
}

/**
 * admit_shut_by() - why its listener lets nobody in, as far as this worker knows; NULL: it does
 *
 * Asked when somebody connects, and again when the CONNECT is to be accepted: who was on the way
 * from another worker when the listener was closed was not there to be cut off, neither here nor
 * there.  Behind a proxy it is the client who is judged, once it is known.
 */
const char *admit_shut_by(const struct link *l)
{
    const struct worker_listener *from = listen_of(l->worker, l);
    const struct bytes address = l->awaits_proxy ? BYTES_NONE : bytes_str(l->address);

    if (from != NULL && from->is_closed)
        return "closed_listeners";
    return restraints_is_shut(l->worker->restraints, l->listener->name, address) ? "quarantine"
                                                                                 : NULL;
}

/** admit_cut_shut() - nobody stays at a listener that lets nobody in any more */
void admit_cut_shut(struct link *l)
{
    if (l->phase != LINK_LINGERING && admit_shut_by(l) != NULL)
        link_close(l, REASON_ADMINISTRATIVE_ACTION, ADMIT_SHUT_TEXT);
}

static bool is_shut(struct link *l)
{
    const char *by = admit_shut_by(l);

    return by != NULL && !limit_hit(l, by);
}

/* On a unix socket whoever may open it is trusted. */
static bool is_trusted_proxy(const struct worker_listener *from, struct link *l)
{
    struct address a;
    bool is_trusted = config_listener_unix_path(from->config) != NULL;

    for (size_t i = 0; i < from->n_trusted && address_parse(bytes_str(l->address), &a); i++)
        is_trusted |= prefix_has(&from->trusted[i], &a);
    if (!is_trusted) {
        worker_event_of(l->worker, l, EVENT_CONNECT_REFUSED, REASON_NOT_AUTHORIZED, BYTES_NONE,
                        "not an address of proxy_trusted");
        link_log(l, "connect",
                 "refused: it is for proxies, and this address is not in proxy_trusted");
    }
    return is_trusted;
}

/**
 * admit_connection() - somebody has connected: may they stay?
 *
 * Return: false: to be closed at once.  With l->awaits_proxy, the client is judged in
 *         admit_handshake().
 */
bool admit_connection(const struct worker_listener *from, struct link *l)
{
    l->awaits_proxy = from->config->proxy_protocol;
    if (is_shut(l))
        return false;
    if (l->awaits_proxy)
        return is_trusted_proxy(from, l) && fits_in_node(l);
    worker_event_of(l->worker, l, EVENT_CONNECT_ATTEMPT, 0, BYTES_NONE, NULL);
    return !is_banned(l) && fits_in_node(l) && fits_in_address(l);
}

/* ---- what comes before MQTT ---- */

static bool is_in_tls(const struct link *l)
{
    return !l->awaits_proxy && l->listener->has_tls && stream_peer(l->stream)->tls == NULL;
}

/** admit_awaited() - what has to come next before MQTT may begin; static */
const char *admit_awaited(const struct link *l)
{
    if (l->awaits_proxy)
        return "PROXY header";
    if (is_in_tls(l))
        return "TLS handshake";
    return l->listener->websocket ? "WebSocket request" : "CONNECT";
}

static void breach(struct link *l)
{
    violation_tell(l, VIOLATION_MALFORMED_TRAFFIC, REASON_MALFORMED_PACKET,
                   stream_error(l->stream));
}

static void lost(struct link *l)
{
    struct worker *w = l->worker;
    const char *why = stream_error(l->stream);

    if (is_in_tls(l)) {
        w->counters.tls_failed++;
        worker_event_of(w, l, EVENT_TLS_FAILED, 0, BYTES_NONE, why);
        link_log(l, "tls", "handshake failed: %s", why);
    } else {
        link_log_lost(l, why);
    }
}

/* The PROXY header says who the client is; then it may come in, or not. */
static enum stream_outcome take_proxy_header(struct link *l)
{
    enum stream_outcome outcome = stream_proxy_header(l->stream);

    if (outcome == STREAM_BAD) {
        breach(l);
        return STREAM_FAILED; /* nobody is there who could be told */
    }
    if (outcome != STREAM_OK) {
        if (outcome != STREAM_AGAIN)
            lost(l);
        return outcome;
    }
    l->awaits_proxy = false;
    l->address = stream_peer(l->stream)->address;
    if (is_shut(l)) {
        l->worker->counters.connections_refused++;
        return STREAM_FAILED;
    }
    worker_event_of(l->worker, l, EVENT_CONNECT_ATTEMPT, 0, BYTES_NONE, NULL);
    if (!is_banned(l) && fits_in_address(l))
        return STREAM_OK;
    l->worker->counters.connections_refused++;
    return STREAM_FAILED;
}

/**
 * admit_handshake() - PROXY header, TLS and WebSocket request, as far as they have come
 *
 * What goes wrong is left as an event and in the log.
 *
 * Return: STREAM_OK: MQTT may begin; STREAM_AGAIN: watch for stream_wants(); STREAM_BAD: the peer
 * is told why, linger; anything else: to be closed at once.
 */
enum stream_outcome admit_handshake(struct link *l)
{
    enum stream_outcome outcome = l->awaits_proxy ? take_proxy_header(l) : STREAM_OK;

    if (outcome != STREAM_OK)
        return outcome;
    outcome = stream_handshake(l->stream);
    switch (outcome) {
    case STREAM_OK:
    case STREAM_AGAIN:
        break;
    case STREAM_BAD:
        breach(l);
        break;
    case STREAM_END:
    case STREAM_FAILED:
        lost(l);
        break;
    }
    return outcome;
}

static const char *admitted_address(const struct link *l)
{
    return l->is_admitted_address ? l->address : NULL;
}

/** admit_waits() - its CONNECT waits for its turn */
void admit_waits(struct link *l)
{
    const struct worker *w = l->worker;

    if (l->is_admitted &&
        admission_wait(w->node->admission, admitted_address(l), policy_limits(w->policy)))
        l->counts_as = ADMISSION_WAITING;
}

/** admit_accepted() - its CONNECT was accepted */
void admit_accepted(struct link *l)
{
    if (l->is_admitted)
        admission_accept(l->worker->node->admission, admitted_address(l), l->counts_as);
    l->counts_as = ADMISSION_ACCEPTED;
}

/** admit_leave() - the connection is gone */
void admit_leave(const struct link *l)
{
    if (l->is_admitted)
        admission_leave(l->worker->node->admission, admitted_address(l), l->counts_as);
}
