/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/cases.h - tables of packets that are refused, or accepted */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "any.h"

struct refusal {
    const char *rule; /* the statement this packet breaks */
    enum wire_outcome outcome;
    enum wire_type type;
    enum wire_level level;
    uint8_t flags;
    struct bytes body;
};

struct packet {
    const char *what;
    enum wire_type type;
    enum wire_level level;
    uint8_t flags;
    struct bytes body;
};

/* Rows of the two; the prefix WIRE_ is left out. */
#define R(what, outcome, type, level, flags, body)                                                 \
    {                                                                                              \
        what, WIRE_##outcome, WIRE_##type, WIRE_##level, flags, BYTES(body)                        \
    }
#define A(what, type, level, flags, body)                                                          \
    {                                                                                              \
        what, WIRE_##type, WIRE_##level, flags, BYTES(body)                                        \
    }

/* Exactly the bytes, so that the sanitizer sees a read beyond them. */
static inline struct bytes exact(struct bytes b)
{
    struct buf copy = {.at = NULL};

    if (b.len > 0) {
        copy.at = test_malloc(b.len);
        memcpy(copy.at, b.at, b.len);
    }
    return bytes_of(copy.at, b.len);
}

static inline void exact_free(struct bytes b)
{
    if (b.at != NULL)
        test_free((void *)(uintptr_t)b.at);
}

static inline void refuse_all(const struct refusal *table, size_t n)
{
    static union any untouched;
    static union any p;

    for (size_t i = 0; i < n; i++) {
        const struct refusal *t = &table[i];
        struct bytes body = exact(t->body);

        print_message("  %s\n", t->rule);
        memset(&untouched, 0xbe, sizeof(untouched));
        memset(&p, 0xbe, sizeof(p));
        assert_string_equal(wire_outcome_text(any_decode(t->type, t->flags, body, t->level, &p)),
                            wire_outcome_text(t->outcome));
        if (t->type == WIRE_CONNECT) /* the one field that is written on any outcome */
            p.connect.level = untouched.connect.level;
        assert_memory_equal(&p, &untouched, sizeof(p));
        exact_free(body);
    }
}

/* Encode @p, find the packet, decode it, and expect the same; then try each shorter body. */
static inline void round_trip(enum wire_type type, const union any *p, enum wire_level level)
{
    static union any back;
    struct buf out = {0};
    struct wire_frame f;

    buf_add(&out, BYTES("before"));
    any_encode(&out, type, p, level);
    assert_int_equal(wire_next(bytes_of(out.at + 6, out.len - 6), &f), WIRE_NEXT_PACKET);
    assert_int_equal(f.type, type);
    assert_int_equal(f.len, out.len - 6);

    memset(&back, 0, sizeof(back));
    assert_int_equal(any_decode(f.type, f.flags, f.body, level, &back), WIRE_OK);
    assert_true(any_same(type, p, &back));

    for (size_t len = 0; len < f.body.len; len++) {
        struct bytes prefix = exact(bytes_of(f.body.at, len));

        memset(&back, 0, sizeof(back));
        if (any_decode(f.type, f.flags, prefix, level, &back) == WIRE_OK)
            assert_false(any_same(type, p, &back));
        exact_free(prefix);
    }
    buf_done(&out);
}

/* Decode what is given, and go round from there. */
static inline void accept_all(const struct packet *table, size_t n)
{
    static union any p;

    for (size_t i = 0; i < n; i++) {
        const struct packet *t = &table[i];
        struct bytes body = exact(t->body);

        print_message("  %s\n", t->what);
        memset(&p, 0, sizeof(p));
        assert_string_equal(wire_outcome_text(any_decode(t->type, t->flags, body, t->level, &p)),
                            wire_outcome_text(WIRE_OK));
        round_trip(t->type, &p, t->level);
        exact_free(body);
    }
}
