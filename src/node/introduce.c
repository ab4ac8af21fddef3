/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/introduce.c - what a device says of itself, told to the sentinel
 *
 * From CONNECT (User Properties), from TLS, and from Sparkplug B births.  One event
 * where there is something to tell; nothing is kept for a connection.
 *
 * MQ.ID.AM-01 MQ.ID.AM-02 MQ.ID.IC-04
 */
#include "base/clock.h"
#include "identify/identify.h"
#include "node/node_private.h"

#define SAID_MAX 16 /* User Properties that are looked at; the rest of CONNECT's is not */

static void tell(struct link *l, struct bytes topic, const struct buf *traits)
{
    const struct event e = {
        .kind = EVENT_DEVICE_TRAITS,
        .topic = topic,
        .text = buf_view(traits),
    };

    if (traits->len > 0)
        worker_event(l->worker, l, &e);
}

static void add(struct buf *to, enum identify_trait t, const char *text)
{
    identify_trait_add(to, t, bytes_str(text));
}

static void add_said(struct buf *to, struct bytes user)
{
    enum identify_trait t;
    struct wire_pair said;
    size_t cursor = 0;

    for (unsigned i = 0; i < SAID_MAX && wire_user_next(user, &cursor, &said); i++)
        if (identify_trait_said(said.name, &t))
            identify_trait_add(to, t, said.value);
}

static void add_tls(struct buf *to, const struct stream *s)
{
    const struct stream_peer *peer = stream_peer(s);
    struct stream_crypto crypto;
    char date[CLOCK_TEXT_LEN];

    if (!stream_crypto(s, &crypto))
        return;
    add(to, IDENTIFY_TRAIT_TLS_VERSION, peer->tls->version);
    add(to, IDENTIFY_TRAIT_TLS_CIPHER, peer->tls->cipher);
    add(to, IDENTIFY_TRAIT_TLS_GROUP, crypto.group);
    if (!peer->has_certificate)
        return;
    add(to, IDENTIFY_TRAIT_CERTIFICATE_KEY, crypto.certificate_key);
    add(to, IDENTIFY_TRAIT_CERTIFICATE_SIGNATURE, crypto.certificate_signature);
    add(to, IDENTIFY_TRAIT_CERTIFICATE_ISSUER, peer->tls->certificate.issuer);
    add(to, IDENTIFY_TRAIT_CERTIFICATE_SERIAL, peer->tls->certificate.serial);
    add(to, IDENTIFY_TRAIT_CERTIFICATE_NOT_AFTER,
        clock_format(peer->tls->certificate.not_after_unix_ms, date));
    add(to, IDENTIFY_TRAIT_CERTIFICATE_NOT_BEFORE,
        clock_format(crypto.certificate_not_before_unix_ms, date));
    add(to, IDENTIFY_TRAIT_CERTIFICATE_KEY_PRINT, crypto.certificate_key_print);
}

/** introduce_client() - its CONNECT was accepted, and the event of it left */
void introduce_client(struct link *l, const struct wire_connect *p)
{
    CLEANUP(buf_done) struct buf traits = {0};

    if (p->level == WIRE_V5 && p->props.user.len > 0)
        add_said(&traits, p->props.user);
    add_tls(&traits, l->stream);
    tell(l, BYTES_NONE, &traits);
}

/** introduce_standing() - the same of one whose CONNECT was not heard of: what TLS says of it */
void introduce_standing(struct link *l)
{
    CLEANUP(buf_done) struct buf traits = {0};

    add_tls(&traits, l->stream);
    tell(l, BYTES_NONE, &traits);
}

/** introduce_birth() - a PUBLISH that was accepted, if it is a birth */
void introduce_birth(struct link *l, const struct wire_publish *p)
{
    CLEANUP(buf_done) struct buf traits = {0};
    struct bytes device;

    if (identify_birth(p->topic, p->payload, &device, &traits))
        tell(l, device, &traits);
}
