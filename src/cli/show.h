/* SPDX-License-Identifier: Apache-2.0 */
/* cli/show.h - JSON from the node as aligned tables and lines for a person */
#pragma once

#include <jansson.h>

#include "base/bytes.h"

enum show_format {
    SHOW_TEXT,
    SHOW_NUMBER,
    SHOW_DECIMAL, /* two digits of what is small */
    SHOW_BYTES,
    SHOW_AGO,    /* *_unix_ms in the past */
    SHOW_DATE,   /* *_unix_ms as the log writes it, for what is handed over */
    SHOW_BOTH,   /* the date, and how long ago */
    SHOW_UNTIL,  /* *_unix_ms to come; 0: nothing that ends */
    SHOW_LIFTED, /* as SHOW_UNTIL, but 0: until it is lifted */
    SHOW_YES,    /* yes or no */
};

/* A column of a table, or a line of one object. */
struct show_field {
    const char *title;
    const char *key; /* member of the object */
    enum show_format format;
};

/* @columns: of the terminal; long texts are cut to it as far as they can be.  0: nothing is cut. */
void show_table(struct buf *to, const json_t *array, const struct show_field *fields, size_t n,
                uint64_t now_unix_ms, size_t columns);
void show_used(struct buf *to, const json_t *array, const struct show_field *fields, size_t n,
               uint64_t now_unix_ms, size_t columns);
void show_object(struct buf *to, const json_t *object, const struct show_field *fields, size_t n,
                 uint64_t now_unix_ms);
void show_value(struct buf *to, const json_t *object, const struct show_field *f,
                uint64_t now_unix_ms);
