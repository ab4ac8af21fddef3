/* SPDX-License-Identifier: Apache-2.0 */
/* cli/print.h - to standard output */
#pragma once

#include <jansson.h>

#include "cli/show.h"

size_t print_columns(void);
void print_buf(const struct buf *b);
void print_sentence(const char *text);
void print_text(const char *text);
void print_file(const struct buf *b);
void print_json(const json_t *value);
void print_json_line(const json_t *value);
void print_list(const json_t *array, bool as_json, const char *none,
                const struct show_field *columns, size_t n);
