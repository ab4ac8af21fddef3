/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/mem.h - allocation that cannot fail
 *
 * Everything a peer can make grow has a limit that is checked before memory is
 * asked for, so an allocation that fails all the same is the machine's end, not
 * an answer: the process says so and aborts (docs/decisions/0002).  What these
 * return is freed by free().
 */
#pragma once

#include <stddef.h>

void *mem_alloc(size_t size);
void *mem_zero(size_t size);
void *mem_resize(void *at, size_t size);

#define mem_new(type) ((type *)mem_zero(sizeof(type)))
