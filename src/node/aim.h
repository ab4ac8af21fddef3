/* SPDX-License-Identifier: Apache-2.0 */
/* node/aim.h - whom an action is aimed at, on the workers; private to node */
#pragma once

#include "node/worker.h"
#include "respond/respond.h"

struct sentinel;

struct aim {
    enum respond_target kind;
    struct bytes target; /* borrowed */
    uint64_t hash;       /* of a topic */
    unsigned
        directions;  /* of a topic: RESPOND_PUBLISH who writes there, RESPOND_DELIVER who reads */
    uint64_t *known; /* owned, ascending; of aim_ask_sentinel(): connections that wrote below a
                        filter with wildcards, client_key() of who is at the ends of a conduit */
    size_t n_known;
    uint64_t conn;
    const char *address; /* of a listener: who comes from there, a prefix; NULL: all; borrowed */
    struct ban_table *named; /* owned: what is named as a ban names it; NULL */
};

struct aim_count {
    unsigned n;
    unsigned n_critical; /* of critical roles */
};

const char *aim_wrong_why(enum respond_target kind, const char *target, const char *address);
struct aim aim_at(enum respond_target kind, const char *target, const char *address);
void aim_ask_sentinel(struct aim *a, const struct sentinel *s);
void aim_done(struct aim *a);
struct aim_count aim_count(struct node *n, const struct aim *a);
struct aim_count posture_count(struct node *n, enum respond_posture p); /* posture.c */
unsigned aim_disconnect(struct node *n, const struct aim *a, const char *reason);
