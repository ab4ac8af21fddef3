/* SPDX-License-Identifier: Apache-2.0 */
/* identify/inventory.h - what the files that read the inventory share; private to them */
#pragma once

#include "conf/conf.h"
#include "identify/private.h"

/* inventory.c */
void *inventory_list(struct conf_value list, size_t size, size_t *ret_n);
void inventory_need_string(struct conf_value map, const char *key, char **ret);
void inventory_need_filter(struct conf_value map, const char *key, char **ret);
void inventory_answer(struct conf_value v, enum answer *ret);
void inventory_kind(struct conf_value v, const char *const *names, unsigned *ret);

/* inventory_record.c */
void record_read(struct conf_value at, struct record *r);
void record_done(struct record *r);
void record_match_format(struct buf *ret, struct bytes cn, struct bytes user, struct bytes client,
                         struct bytes address);
