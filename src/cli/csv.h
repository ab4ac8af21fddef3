/* SPDX-License-Identifier: Apache-2.0 */
/* cli/csv.h - comma-separated values, RFC 4180 */
#pragma once

#include <jansson.h>

#include "base/bytes.h"

/* A column: its title, and the member of the object that stands in it. */
struct csv_column {
    const char *title;
    const char *key;
};

void csv_write(struct buf *to, const json_t *array, const struct csv_column *columns, size_t n);
json_t *csv_read(struct bytes text, char **ret_error);
