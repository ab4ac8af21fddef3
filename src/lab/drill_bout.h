/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_bout.h - one attack in small of `bastide drill`, and what it needs; private to lab
 *
 * drill_attacks.c has the table of attacks, drill_connections.c and drill_messages.c what they do,
 * drill_detect.c carries them out.  Each
 * comes from an address of its own and by client ids of its own, so that what is done
 * about it hits nobody else, and no other attack either.
 */
#pragma once

#include "lab/drill.h"

#define BOUT_PEERS_MAX 64 /* held open at once */
#define BOUT_TOPIC_MAX 256
#define BOUT_OWN       "fmb/drill/" DRILL_ID

struct attack;
struct stream;

struct bout {
    struct drill *d;
    const struct attack *attack;
    struct exercise_plan plan;
    struct exercise e;
    char source[16];    /* address that it comes from */
    char client_id[64]; /* of its first client */
    char subject[80];   /* of the incident that is to come */
    unsigned answer_ms; /* so long it waits for an answer */
    unsigned run;       /* a number that no run had before, for names that must be new */
    struct client *clients[BOUT_PEERS_MAX]; /* owned, like what follows; the attacker first */
    struct stream *streams[BOUT_PEERS_MAX];
    unsigned n_clients;
    unsigned n_streams;
};

typedef bool attempt_fn(struct bout *b, unsigned i); /* one attempt; false: it did not work */

struct attack {
    const char *what; /* for a person */
    const char *subcategory;
    const char *scenario;
    const char *incident; /* kind that is to come */
    bool is_of_address;   /* its subject; otherwise the client */
    bool by_client;       /* the attacker is let in first */
    attempt_fn *attempt;
    unsigned attempts;
    unsigned look_s; /* at most so long until it is noticed */
    bool is_slow;    /* it is begun first and looked at last, while others go on */
};

const struct attack *drill_attack(size_t i);

bool bout_comes_in(struct bout *b, char **ret_error);
void bout_clean_up(struct bout *b);
