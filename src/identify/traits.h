/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/traits.h - what a device says of itself, packed; private to identify
 *
 * A run of (trait, length, text): most devices have a few, so nothing is kept for
 * those that they do not have.  An EVENT_DEVICE_TRAITS carries them in the same form.
 */
#pragma once

#include "base/bytes.h"
#include "identify/identify.h"

bool trait_next(struct bytes traits, size_t *cursor, enum identify_trait *ret, struct bytes *value);
struct bytes trait_get(struct bytes traits, enum identify_trait t);
bool trait_date(struct bytes value, uint64_t *ret_unix_ms);
json_t *traits_json(struct bytes traits);
void traits_read_json(const json_t *o, struct buf *ret);
/* Every trait of @more takes the place of the one in @old.  Owned; @old is freed. */
struct bytes traits_merge(struct bytes old, struct bytes more);
