/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router/order.h - retained topics in the order in which they were retained; private to router
 *
 * By it all of them can be walked over in parts, while others come and go: what comes stands
 * behind, and what has gone leaves its serial until half of the places are such.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct trie_node;

struct order {
    uint64_t *at; /* owned; nodes, or serials with a mark: see order.c */
    size_t n;
    size_t cap;
    size_t n_gone;
};

void order_done(struct order *o);
void order_add(struct order *o, struct trie_node *n);
void order_remove(struct order *o, const struct trie_node *n);
size_t order_behind(const struct order *o, uint64_t serial);
struct trie_node *order_node(const struct order *o, size_t i);
uint64_t order_serial(const struct order *o, size_t i);
size_t order_bytes(const struct order *o);
