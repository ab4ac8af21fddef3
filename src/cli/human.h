/* SPDX-License-Identifier: Apache-2.0 */
/* cli/human.h - times, sizes and texts of strangers, for a person at a terminal */
#pragma once

#include "base/bytes.h"

void human_lines(struct buf *to, struct bytes text);
void human_span(struct buf *to, uint64_t span_ms);
void human_ago(struct buf *to, uint64_t then_unix_ms, uint64_t now_unix_ms);
void human_until(struct buf *to, uint64_t then_unix_ms, uint64_t now_unix_ms, const char *never);
void human_bytes(struct buf *to, uint64_t bytes);
void human_decimal(struct buf *to, double number);
bool human_span_parse(const char *text, uint64_t *ret_s);
size_t human_columns(struct bytes text);
struct bytes human_cut(struct bytes text, size_t columns);
