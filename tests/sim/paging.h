/* SPDX-License-Identifier: Apache-2.0 */
/* sim/paging.h - see paging.c */
#pragma once

#include <stdint.h>

void paging_start(void);
unsigned paging_n_missed(const char *client_id);
void paging_turn_begins(unsigned worker);
void paging_expect_reached(uint64_t n_seeds);
