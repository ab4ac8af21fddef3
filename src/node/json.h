/* SPDX-License-Identifier: Apache-2.0 */
/* node/json.h - members of what the API answers; private to node */
#pragma once

#include <stdint.h>

#include <jansson.h>

/* One that says nothing is left out; what is no UTF-8, too. */
static inline void set_text(json_t *o, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0')
        json_object_set_new(o, key, json_string(value));
}

static inline void set_count(json_t *o, const char *key, uint64_t value)
{
    json_object_set_new(o, key, json_integer((json_int_t)value));
}
