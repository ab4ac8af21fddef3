/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ward/keeper.h - the process bastide-ward: rules, the program that knows them, who may ask
 *
 * Private to ward.  One thread.
 */
#pragma once

#include <sys/types.h>

#include "ward/ward.h"

/* What is in force; the sets of nftables hold the same with the same timeouts. */
struct block {
    struct address prefix;
    uint64_t ends_ns; /* never before the element's own end, which began to run while nft ran */
};

struct keeper {
    struct block blocks[WARD_BLOCKS_MAX];
    size_t n_blocks;
    struct address never[WARD_NEVER_MAX];
    size_t n_never;
    uint64_t (*now_ns)(void); /* CLOCK_MONOTONIC */
    uid_t asker;              /* the only user who is answered, but for root */
    int listen_fd;
    int signal_fd;
};

/* rules.c */
void rules_base(struct buf *ret);
void rules_of(const struct ward_request *r, struct buf *ret);

/* nft.c: run nft with @rules; 0 or -errno */
MUST_CHECK int nft_run(struct bytes rules);

/* serve.c */
struct ward_reply keeper_do(struct keeper *k, const struct ward_request *r);
void keeper_serve(struct keeper *k);
