/* SPDX-License-Identifier: Apache-2.0 */
/* ward/request.c - a request as bytes and as a value, and whether it may be done; pure */
#include "base/err.h"
#include "ward/ward.h"

#define V4_BITS 96

static const uint8_t v4_front[V4_BITS / 8] = {[10] = 0xff, [11] = 0xff};

/* clang-format off */
/* What each verb must and must not have. */
static const struct verb_row {
    const char *text;
    bool has_prefix;
    bool has_seconds;
} verbs[WARD_VERB_N] = {
    [WARD_PING]    = {"ping",    false, false},
    [WARD_BLOCK]   = {"block",   true,  true},
    [WARD_UNBLOCK] = {"unblock", true,  false},
    [WARD_CLEAR]   = {"clear",   false, false},
};

/* Not addresses of a host elsewhere. */
static const char *const special[] = {
    "127.0.0.0/8", "0.0.0.0/8", "224.0.0.0/3", "::/127", "ff00::/8",
};
/* clang-format on */

/** ward_verb_text() - static */
const char *ward_verb_text(enum ward_verb v)
{
    check(v < WARD_VERB_N);
    return verbs[v].text;
}

/** ward_answer_text() - a sentence for a person; static */
const char *ward_answer_text(enum ward_answer a)
{
    static const char *const texts[] = {
#define X(name, text) text,
        WARD_ANSWERS(X)
#undef X
    };

    check(a < WARD_ANSWER_N);
    return texts[a];
}

static void put_u32(uint8_t *at, uint32_t n)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(n >> (24 - 8 * i));
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/** ward_request_encode() - see ward.h for the bytes */
void ward_request_encode(const struct ward_request *r, uint8_t ret[WARD_REQUEST_BYTES])
{
    memset(ret, 0, WARD_REQUEST_BYTES);
    put_u32(ret, WARD_MAGIC);
    ret[4] = (uint8_t)r->verb;
    ret[5] = r->prefix.prefix_len;
    memcpy(ret + 8, r->prefix.at, ADDRESS_BYTES);
    put_u32(ret + 24, r->seconds);
}

/**
 * ward_request_decode() - the value of the bytes
 * @ret:  written on success
 *
 * Return: false when a field has a value that no request has.
 */
bool ward_request_decode(const uint8_t at[WARD_REQUEST_BYTES], struct ward_request *ret)
{
    static const uint8_t zero[ADDRESS_BYTES] = {0};
    struct ward_request r = {.seconds = get_u32(at + 24)};
    struct address masked;

    if (get_u32(at) != WARD_MAGIC || at[4] >= WARD_VERB_N || at[5] > ADDRESS_BITS_MAX ||
        at[6] != 0 || at[7] != 0)
        return false;
    r.verb = (enum ward_verb)at[4];
    r.prefix.prefix_len = at[5];
    memcpy(r.prefix.at, at + 8, ADDRESS_BYTES);
    masked = r.prefix;
    address_mask(&masked, r.prefix.prefix_len);
    if (memcmp(masked.at, r.prefix.at, ADDRESS_BYTES) != 0)
        return false;
    if (!verbs[r.verb].has_prefix &&
        (r.prefix.prefix_len != 0 || memcmp(r.prefix.at, zero, ADDRESS_BYTES) != 0))
        return false;
    if (!verbs[r.verb].has_seconds && r.seconds != 0)
        return false;
    *ret = r;
    return true;
}

/** ward_reply_encode() - see ward.h for the bytes */
void ward_reply_encode(const struct ward_reply *r, uint8_t ret[WARD_ANSWER_BYTES])
{
    memset(ret, 0, WARD_ANSWER_BYTES);
    put_u32(ret, WARD_MAGIC);
    ret[4] = (uint8_t)r->answer;
    put_u32(ret + 8, r->n_blocks);
}

/** ward_reply_decode() - Return: false when it is no answer; @ret is then untouched. */
bool ward_reply_decode(const uint8_t at[WARD_ANSWER_BYTES], struct ward_reply *ret)
{
    if (get_u32(at) != WARD_MAGIC || at[4] >= WARD_ANSWER_N)
        return false;
    *ret = (struct ward_reply){.answer = (enum ward_answer)at[4], .n_blocks = get_u32(at + 8)};
    return true;
}

static bool overlap(const struct address *a, const struct address *b)
{
    return a->prefix_len <= b->prefix_len ? prefix_has(a, b) : prefix_has(b, a);
}

static bool is_special(const struct address *prefix)
{
    for (size_t i = 0; i < COUNT_OF(special); i++) {
        struct address s;

        check(prefix_parse(special[i], &s) == NULL);
        if (overlap(&s, prefix))
            return true;
    }
    return false;
}

static bool is_too_wide(const struct address *prefix)
{
    if (memcmp(prefix->at, v4_front, sizeof(v4_front)) == 0)
        return prefix->prefix_len < V4_BITS + WARD_PREFIX_V4_MIN;
    return prefix->prefix_len < WARD_PREFIX_V6_MIN;
}

/**
 * ward_request_judge() - may a well-formed request be done?
 * @never:  prefixes that nobody may block any part of
 *
 * A block is lifted whatever its prefix is: that harms nobody.
 */
enum ward_answer ward_request_judge(const struct ward_request *r, const struct address *never,
                                    size_t n_never)
{
    if (r->verb != WARD_BLOCK)
        return WARD_OK;
    if (is_too_wide(&r->prefix))
        return WARD_E_PREFIX;
    if (is_special(&r->prefix))
        return WARD_E_SPECIAL;
    for (size_t i = 0; i < n_never; i++) {
        if (overlap(&never[i], &r->prefix))
            return WARD_E_NEVER;
    }
    if (r->seconds == 0 || r->seconds > WARD_SECONDS_MAX)
        return WARD_E_SECONDS;
    return WARD_OK;
}
