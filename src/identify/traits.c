/* SPDX-License-Identifier: Apache-2.0 */
/* identify/traits.c - see traits.h; MQ.ID.AM-01 MQ.ID.AM-02 MQ.ID.IC-04 */
#include "identify/traits.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "identify/private.h"

#define RECORD_HEAD 2

static const char *const names[IDENTIFY_TRAIT_N] = {
#define X(name, text) [IDENTIFY_TRAIT_##name] = text,
    IDENTIFY_TRAITS(X)
#undef X
};

/* clang-format off */
/* What clients call them in User Properties of CONNECT, besides the names above. */
static const struct {
    const char *said;
    enum identify_trait trait;
} aliases[] = {
    {"fw",               IDENTIFY_TRAIT_FIRMWARE},
    {"fw_version",       IDENTIFY_TRAIT_FIRMWARE},
    {"firmware_version", IDENTIFY_TRAIT_FIRMWARE},
    {"sw",               IDENTIFY_TRAIT_SOFTWARE},
    {"sw_version",       IDENTIFY_TRAIT_SOFTWARE},
    {"software_version", IDENTIFY_TRAIT_SOFTWARE},
    {"app",              IDENTIFY_TRAIT_SOFTWARE},
    {"version",          IDENTIFY_TRAIT_SOFTWARE},
    {"lib",              IDENTIFY_TRAIT_LIBRARY},
    {"client_library",   IDENTIFY_TRAIT_LIBRARY},
    {"user_agent",       IDENTIFY_TRAIT_LIBRARY},
    {"vendor",           IDENTIFY_TRAIT_MANUFACTURER},
    {"make",             IDENTIFY_TRAIT_MANUFACTURER},
    {"model",            IDENTIFY_TRAIT_HW_MODEL},
    {"hardware",         IDENTIFY_TRAIT_HW_MODEL},
    {"serial",           IDENTIFY_TRAIT_HW_SERIAL},
    {"serial_number",    IDENTIFY_TRAIT_HW_SERIAL},
    {"sn",               IDENTIFY_TRAIT_HW_SERIAL},
};
/* clang-format on */

/** identify_trait_name() - as records and reports call it; static */
const char *identify_trait_name(enum identify_trait t)
{
    check(t < IDENTIFY_TRAIT_N);
    return names[t];
}

/* Letters in either case, and '-', '.' and ' ' for '_': "FW-Version" is "fw_version". */
static bool is_called(struct bytes said, const char *name)
{
    size_t i = 0;

    for (; i < said.len && name[i] != '\0'; i++) {
        uint8_t c = said.at[i];

        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c - 'A' + 'a');
        if (c == '-' || c == '.' || c == ' ')
            c = '_';
        if (c != (uint8_t)name[i])
            return false;
    }
    return i == said.len && name[i] == '\0';
}

/** identify_trait_said() - the trait that a client means by the name of a User Property; false:
 * none
 */
bool identify_trait_said(struct bytes name, enum identify_trait *ret)
{
    for (unsigned i = 0; i < IDENTIFY_TRAITS_SAID_N; i++) {
        if (is_called(name, names[i])) {
            *ret = i;
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(aliases); i++) {
        if (is_called(name, aliases[i].said)) {
            *ret = aliases[i].trait;
            return true;
        }
    }
    return false;
}

/** identify_trait_add() - one more for an EVENT_DEVICE_TRAITS; what is too long is cut, what is
 * empty left out */
void identify_trait_add(struct buf *traits, enum identify_trait t, struct bytes value)
{
    size_t len = MIN(value.len, (size_t)IDENTIFY_TRAIT_BYTES_MAX);

    while (len < value.len && len > 0 && (value.at[len] & 0xc0) == 0x80)
        len--;
    if (len == 0)
        return;
    buf_add_u8(traits, (uint8_t)t);
    buf_add_u8(traits, (uint8_t)len);
    buf_add(traits, bytes_of(value.at, len));
}

/** trait_next() - Return: false behind the last one. */
bool trait_next(struct bytes traits, size_t *cursor, enum identify_trait *ret, struct bytes *value)
{
    const uint8_t *at;

    if (*cursor + RECORD_HEAD > traits.len)
        return false;
    at = traits.at + *cursor;
    if (*cursor + RECORD_HEAD + at[1] > traits.len || at[0] >= IDENTIFY_TRAIT_N)
        return false;
    *ret = at[0];
    *value = bytes_of(at + RECORD_HEAD, at[1]);
    *cursor += RECORD_HEAD + value->len;
    return true;
}

/** trait_get() - borrowed; empty when it is not known */
struct bytes trait_get(struct bytes traits, enum identify_trait t)
{
    enum identify_trait at;
    struct bytes value;
    size_t cursor = 0;

    while (trait_next(traits, &cursor, &at, &value))
        if (at == t)
            return value;
    return BYTES_NONE;
}

/** trait_date() - of a trait that is one; false: it is none */
bool trait_date(struct bytes value, uint64_t *ret_unix_ms)
{
    char text[CLOCK_TEXT_LEN];

    if (value.len != sizeof(text) - 1)
        return false;
    memcpy(text, value.at, value.len);
    text[value.len] = '\0';
    return clock_parse(text, ret_unix_ms);
}

/** traits_merge() - see traits.h */
struct bytes traits_merge(struct bytes old, struct bytes more)
{
    struct buf all = {0};

    for (unsigned t = 0; t < IDENTIFY_TRAIT_N; t++) {
        struct bytes value = trait_get(more, t);

        identify_trait_add(&all, t, value.len > 0 ? value : trait_get(old, t));
    }
    bytes_free(old);
    old = bytes_dup(buf_view(&all));
    buf_done(&all);
    return old;
}

/** traits_json() - {"firmware": "1.4", ...}; a new reference */
json_t *traits_json(struct bytes traits)
{
    json_t *o = json_object();
    enum identify_trait t;
    struct bytes value;
    size_t cursor = 0;

    while (trait_next(traits, &cursor, &t, &value)) {
        char *text = text_clean(value);

        (void)json_object_set_new(o, names[t], json_string(text));
        free(text);
    }
    return o;
}

/** traits_read_json() - what traits_json() made; of what is something else the rest is taken */
void traits_read_json(const json_t *o, struct buf *ret)
{
    for (unsigned t = 0; t < IDENTIFY_TRAIT_N; t++)
        identify_trait_add(ret, t, bytes_str(json_string_value(json_object_get(o, names[t]))));
}
