/* SPDX-License-Identifier: Apache-2.0 */
/* node/subject.c - a connection as bans, throttles and holds see it */
#include "base/clock.h"
#include "node/worker.h"

/** link_subject() - a connection as the gate knows it; borrowed from it */
struct gate_subject link_subject(const struct link *l)
{
    const struct stream_peer *peer = stream_peer(l->stream);

    return (struct gate_subject){
        .client_id = bytes_str(l->client_id),
        .address = bytes_str(l->address),
        .certificate_serial =
            peer->has_certificate ? bytes_str(peer->tls->certificate.serial) : BYTES_NONE,
        .certificate_issuer =
            peer->has_certificate ? bytes_str(peer->tls->certificate.issuer) : BYTES_NONE,
    };
}

/** link_principal() - whose connection it is; empty before that is proved */
struct bytes link_principal(const struct link *l)
{
    return l->grant != NULL ? bytes_str(grant_principal(l->grant)) : BYTES_NONE;
}

/** link_restrain() - is it slowed down, are its commands held?  Asked when it comes in, and when
 * restraints change. */
void link_restrain(struct link *l)
{
    const struct restraints *r = l->worker->restraints;
    const struct gate_subject who = link_subject(l);
    uint64_t now_unix_ms = clock_unix_ms();

    l->throttle_per_s = restraints_per_s(r, &who, link_principal(l), now_unix_ms);
    l->commands_held = restraints_holds(r, &who, link_principal(l), now_unix_ms);
}
