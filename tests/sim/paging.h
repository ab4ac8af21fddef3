/* SPDX-License-Identifier: Apache-2.0 */
/* sim/paging.h - see paging.c */
#pragma once

void paging_turn_begins(unsigned worker);
void paging_expect_reached(void);
