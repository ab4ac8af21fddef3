/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue/fair.h - what waits, in turns: one of each who has something waiting, then the next of each
 *
 * Who asks a thousand times waits behind himself only.  Pure; one thread at a time.
 */
#pragma once

#include "base/bytes.h"
#include "base/list.h"
#include "base/map.h"

struct fair_turn;

/* Stands inside what waits, which its owner keeps until it is handed out. */
struct fair_item {
    struct list in_turn;
    struct fair_turn *turn;
};

struct fair {
    struct map turns;  /* of struct fair_turn, by whose they are */
    struct list order; /* whose turn is next */
    size_t n;          /* items */
};

void fair_init(struct fair *f);
void fair_done(struct fair *f);
void fair_add(struct fair *f, struct bytes who, struct fair_item *item);
struct fair_item *fair_next(struct fair *f);
struct fair_item *fair_displace(struct fair *f, struct bytes who);
