/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/reach.c - what actions do beyond the workers: the firewall, the CA's list, the end
 *
 * By the sentinel's thread, which may wait a moment.
 *
 * MQ.RS.RP-01 MQ.RS.RP-05 MQ.RS.RP-06
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "node/orders.h"
#include "ward/ward.h"

/* What must be there before it can be asked; NULL: nothing; static. */
static const char *firewall_lacks(const struct node *n)
{
    return n->started->ward_socket != NULL
               ? NULL
               : "respond.ward is not set: nobody keeps the firewall; set it to the socket of "
                 "bastide-ward, and restart the node";
}

/* NULL with the request that is to be asked, or what is wrong with it; static. */
static const char *read_request(const struct node *n, const char *prefix, unsigned for_s,
                                struct ward_request *ret)
{
    const char *why;

    *ret = (struct ward_request){.verb = for_s > 0 ? WARD_BLOCK : WARD_UNBLOCK, .seconds = for_s};
    why = prefix_parse(prefix, &ret->prefix);
    return why != NULL ? why : firewall_lacks(n);
}

/**
 * firewall_would() - firewall_ask() without asking for it, but for whom the ward alone knows of
 *
 * Return: NULL, or why it cannot be had; static.
 */
const char *firewall_would(struct node *n, const char *prefix, unsigned for_s)
{
    const struct ward_request ping = {.verb = WARD_PING};
    struct ward_request r;
    const char *why = read_request(n, prefix, for_s, &r);
    enum ward_answer answer;

    if (why != NULL)
        return why;
    answer = ward_request_judge(&r, NULL, 0);
    if (answer == WARD_OK)
        answer = ward_ask(n->started->ward_socket, &ping).answer;
    return answer == WARD_OK ? NULL : ward_answer_text(answer);
}

/**
 * firewall_ask() - have packets of the prefix dropped, or pass again
 * @for_s:  0: pass
 *
 * Return: NULL, or why it cannot be had; static.
 */
const char *firewall_ask(struct node *n, const char *prefix, unsigned for_s)
{
    struct ward_request r;
    struct ward_reply reply;
    const char *why = read_request(n, prefix, for_s, &r);

    if (why != NULL)
        return why;
    reply = ward_ask(n->started->ward_socket, &r);
    if (reply.answer == WARD_OK || (for_s == 0 && reply.answer == WARD_E_NOT_FOUND))
        return NULL;
    return ward_answer_text(reply.answer);
}

/** firewall_count() - how many blocks the ward has in force; false: there is none, or no answer */
bool firewall_count(struct node *n, unsigned *ret_blocks)
{
    const struct ward_request r = {.verb = WARD_PING};
    struct ward_reply reply;

    if (n->started->ward_socket == NULL)
        return false;
    reply = ward_ask(n->started->ward_socket, &r);
    if (reply.answer != WARD_OK)
        return false;
    *ret_blocks = reply.n_blocks;
    return true;
}

static struct bytes text_key(const void *item)
{
    return bytes_str(item);
}

static void want_block(void *arg, const struct respond_measure *m)
{
    if (m->kind == ACTION_FIREWALL && m->undo_by == NULL &&
        map_find(arg, bytes_str(m->target)) == NULL)
        map_put(arg, (void *)(uintptr_t)m->target);
}

/** firewall_wanted() - how many blocks are to be in force; several orders may be for the same one
 */
size_t firewall_wanted(const struct respond *r)
{
    struct map blocks;
    size_t n;

    map_init(&blocks, text_key);
    respond_measures_each(r, want_block, &blocks);
    n = blocks.n;
    map_done(&blocks);
    return n;
}

/** firewall_forgot() - has the ward less in force than @n_blocks? */
bool firewall_forgot(struct node *n, size_t n_blocks)
{
    unsigned n_kept = 0;

    return n_blocks > 0 && firewall_count(n, &n_kept) && n_kept < n_blocks;
}

/** revocation_lacks() - what the node needs to put one on the CA's list; NULL: nothing; static */
const char *revocation_lacks(const struct node *n)
{
    return n->started->respond_ca != NULL
               ? NULL
               : "respond.ca is not set, so that this node alone keeps it out: run 'bastide pki "
                 "revoke' where the CA is";
}

/**
 * revoke_certificate() - put it on the list of the built-in CA, which the listeners then read again
 *
 * Return: NULL, or why it cannot be done, owned by the caller.
 */
char *revoke_certificate(struct node *n, const char *serial)
{
    char *error = NULL;
    size_t n_revoked = 0;

    if (n->started->respond_ca == NULL)
        return text_dup(revocation_lacks(n));
    if (!pki_revoke(n->started->respond_ca, serial, clock_unix_ms(), &n_revoked, &error))
        return error;
    atomic_store(&n->refresh_wanted, true);
    node_wake_main(n);
    return NULL;
}

/** node_shutdown_is_ordered() - see node.h */
bool node_shutdown_is_ordered(struct node *n)
{
    bool is_ordered;

    pthread_mutex_lock(&n->reload_lock);
    is_ordered = n->shutdown_reason != NULL;
    pthread_mutex_unlock(&n->reload_lock);
    return is_ordered;
}

/** shutdown_want() - at the stop, which whoever ordered it asks for, evidence is kept */
void shutdown_want(struct node *n, const char *author, const char *reason)
{
    log_warning("node", "shutdown ordered by %s: %s", author, reason);
    pthread_mutex_lock(&n->reload_lock);
    free(n->shutdown_reason);
    n->shutdown_reason = text_dup(reason);
    pthread_mutex_unlock(&n->reload_lock);
}
