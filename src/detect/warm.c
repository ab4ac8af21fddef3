/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/warm.c - a new client begins with what learned ones of its role are used to
 *
 * A detector says what is typical of them (detector.warm).  Where they are few, or do not agree,
 * the new one begins with nothing, and always with no topics: those are its own.
 */
#include "detect/private.h"

#define PEERS_MIN  5
#define PEERS_MAX  16
#define LOOKS_MAX  256 /* clients that are looked at to find them */
#define AGREE_RATE 4.0 /* times: how far apart the rates of peers may be */

static bool is_peer(const struct record *p, const struct record *r)
{
    return p != r && p->role == r->role && p->n_standing == 0 && knowledge_of(p)->is_learned;
}

/* Others each time: from where in the table the new one's key says. */
static size_t peers_of(const struct detect *d, const struct record *r,
                       const struct record *ret[PEERS_MAX])
{
    size_t cursor = r->key % subjects_places(&d->clients);
    size_t n = 0;

    for (unsigned i = 0; i < MIN(LOOKS_MAX, d->clients.n) && n < PEERS_MAX; i++) {
        const struct record *p = subjects_next(&d->clients, &cursor);

        if (p == NULL) { /* round */
            cursor = 0;
            p = subjects_next(&d->clients, &cursor);
        }
        if (is_peer(p, r))
            ret[n++] = p;
    }
    return n;
}

static void warm(struct detect *d, struct record *r, size_t detector,
                 const struct record *const *peers, size_t n_peers)
{
    const void *slots[PEERS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < n_peers; i++) {
        slots[n] = pack_find(&peers[i]->learned, &d->learned, LEARNED_OF(detector));
        n += slots[n] != NULL;
    }
    if (n >= PEERS_MIN)
        detector_at(detector)->warm(slots, n,
                                    pack_take(&r->learned, &d->learned, LEARNED_OF(detector)));
}

/** warm_start() - @r is a client that was never seen before; one without a role begins with nothing
 */
void warm_start(struct detect *d, struct record *r)
{
    const struct record *peers[PEERS_MAX];
    size_t n = r->role != 0 ? peers_of(d, r, peers) : 0;

    for (size_t i = 0; i < detect_detectors() && n >= PEERS_MIN; i++)
        if (detector_at(i)->warm != NULL)
            warm(d, r, i, peers, n);
}

/** warm_rate() - detector.warm of a struct learned_rate: the highest of them */
void warm_rate(const void *const *peers, size_t n, void *mine)
{
    struct learned_rate most = {0};
    float least = 0;

    for (size_t i = 0; i < n; i++) {
        const struct learned_rate *p = peers[i];

        if (p->n == 0)
            return;
        least = i == 0 ? p->per_s : MIN(least, p->per_s);
        most.per_s = MAX(most.per_s, p->per_s);
    }
    most.n = 1;
    if (least > 0 && (double)most.per_s <= AGREE_RATE * (double)least)
        *(struct learned_rate *)mine = most;
}
