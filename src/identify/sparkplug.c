/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/sparkplug.c - what a Sparkplug B birth says of a device
 *
 * Topic "spBv1.0/GROUP/NBIRTH/NODE" or ".../DBIRTH/NODE/DEVICE" (Sparkplug 3.0,
 * section 4.1); the payload is a protobuf.  Of it only this much is read:
 *
 *   Payload.metrics = 2, a message; of that name = 1 and string_value = 15
 *
 * Everything else is stepped over by its wire type.  Malformed bytes end the
 * reading; what was read by then stands.  Groups (wire types 3 and 4) are not
 * part of proto3 and count as malformed.  No memory but for what is found; the
 * work is bounded by the length of the payload.
 *
 * MQ.ID.AM-01 MQ.ID.AM-02
 */
#include "identify/identify.h"

#define PREFIX           BYTES("spBv1.0/")
#define FIELD_METRIC     2
#define FIELD_NAME       1
#define FIELD_TEXT       15
#define VARINT_BYTES_MAX 10

enum wire_type {
    TYPE_VARINT = 0,
    TYPE_64 = 1,
    TYPE_BYTES = 2,
    TYPE_32 = 5,
};

/* clang-format off */
/* Metrics that the specification recommends for births, section 6.4.9 and its examples. */
static const struct {
    const char *metric;
    enum identify_trait trait;
} known[] = {
    {"Properties/Hardware Make",    IDENTIFY_TRAIT_MANUFACTURER},
    {"Properties/Hardware Model",   IDENTIFY_TRAIT_HW_MODEL},
    {"Properties/Hardware Serial",  IDENTIFY_TRAIT_HW_SERIAL},
    {"Properties/Serial Number",    IDENTIFY_TRAIT_HW_SERIAL},
    {"Properties/FW",               IDENTIFY_TRAIT_FIRMWARE},
    {"Properties/Firmware",         IDENTIFY_TRAIT_FIRMWARE},
    {"Properties/SW",               IDENTIFY_TRAIT_SOFTWARE},
    {"Properties/OS",               IDENTIFY_TRAIT_OS},
    {"Properties/OS Version",       IDENTIFY_TRAIT_OS_VERSION},
};
/* clang-format on */

struct field {
    uint64_t number;
    enum wire_type type;
    struct bytes value; /* TYPE_BYTES only */
};

static bool take_varint(struct bytes *in, uint64_t *ret)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < VARINT_BYTES_MAX && i < in->len; i++) {
        n |= (uint64_t)(in->at[i] & 0x7f) << (7 * i);
        if (in->at[i] & 0x80)
            continue;
        *in = bytes_of(in->at + i + 1, in->len - i - 1);
        *ret = n;
        return true;
    }
    return false;
}

static bool take_bytes(struct bytes *in, uint64_t len, struct bytes *ret)
{
    if (len > in->len)
        return false;
    *ret = bytes_of(in->at, (size_t)len);
    *in = bytes_of(in->at + len, in->len - (size_t)len);
    return true;
}

/* Return: false at the end, and where the bytes are no field. */
static bool take_field(struct bytes *in, struct field *ret)
{
    uint64_t key, n;

    if (in->len == 0 || !take_varint(in, &key))
        return false;
    ret->number = key >> 3;
    ret->type = (enum wire_type)(key & 7);
    ret->value = BYTES_NONE;
    switch (ret->type) {
    case TYPE_VARINT:
        return take_varint(in, &n);
    case TYPE_64:
        return take_bytes(in, 8, &ret->value);
    case TYPE_32:
        return take_bytes(in, 4, &ret->value);
    case TYPE_BYTES:
        return take_varint(in, &n) && take_bytes(in, n, &ret->value);
    }
    return false;
}

static void read_metric(struct bytes metric, struct buf *ret)
{
    struct bytes name = BYTES_NONE;
    struct bytes text = BYTES_NONE;
    struct field f;

    while (take_field(&metric, &f)) {
        if (f.type == TYPE_BYTES && f.number == FIELD_NAME)
            name = f.value;
        if (f.type == TYPE_BYTES && f.number == FIELD_TEXT)
            text = f.value;
    }
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (bytes_equal(bytes_str(known[i].metric), name))
            identify_trait_add(ret, known[i].trait, text);
}

static struct bytes take_level(struct bytes *topic)
{
    const uint8_t *slash = topic->len > 0 ? memchr(topic->at, '/', topic->len) : NULL;
    size_t len = slash != NULL ? (size_t)(slash - topic->at) : topic->len;
    struct bytes level = bytes_of(topic->at, len);

    len += slash != NULL;
    *topic = bytes_of(topic->at + len, topic->len - len);
    return level;
}

/**
 * identify_birth() - the traits in a Sparkplug B birth
 * @ret_device:  of a DBIRTH, the device behind the node, borrowed from @topic; else empty
 * @ret:         traits are added, as identify_trait_add() does
 *
 * Any thread.  Return: false when @topic is not that of a birth.
 */
bool identify_birth(struct bytes topic, struct bytes payload, struct bytes *ret_device,
                    struct buf *ret)
{
    struct bytes kind;
    struct field f;

    if (!bytes_has_prefix(topic, PREFIX))
        return false;
    topic = bytes_of(topic.at + PREFIX.len, topic.len - PREFIX.len);
    (void)take_level(&topic); /* group */
    kind = take_level(&topic);
    (void)take_level(&topic); /* node */
    if (!bytes_equal(kind, BYTES("NBIRTH")) && !bytes_equal(kind, BYTES("DBIRTH")))
        return false;
    *ret_device = bytes_equal(kind, BYTES("DBIRTH")) ? topic : BYTES_NONE;
    while (take_field(&payload, &f))
        if (f.type == TYPE_BYTES && f.number == FIELD_METRIC)
            read_metric(f.value, ret);
    return true;
}
