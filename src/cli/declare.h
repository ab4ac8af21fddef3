/* SPDX-License-Identifier: Apache-2.0 */
/* cli/declare.h - new records at the head of one of the inventory's lists */
#pragma once

#include "base/bytes.h"

struct declare {
    const char *path;   /* of the inventory; borrowed */
    const char *list;   /* the list's key; borrowed */
    struct buf text;    /* of the inventory as it is; owned, as the next */
    struct buf added;   /* records, as YAML */
    struct buf records; /* struct declared: what each is made of */
    bool is_begun;      /* the next pair begins a record */
};

MUST_CHECK bool declare_open(struct declare *d, const char *path, const char *list,
                             char **ret_error);
void declare_record(struct declare *d, const char *what);
void declare_pair(struct declare *d, const char *key, const char *value);
MUST_CHECK bool declare_try(struct declare *d, bool is_kept, char **ret_error);
void declare_done(struct declare *d);
