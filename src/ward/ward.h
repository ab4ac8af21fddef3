/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ward/ward.h - what bastide-ward can be asked, and asking it
 *
 * bastide-ward is a small process apart, and the only one with CAP_NET_ADMIN.  A
 * request is WARD_REQUEST_BYTES over a unix socket, an answer WARD_ANSWER_BYTES;
 * nothing in them has a length of its own, and each field is checked before it is
 * used.  Numbers are in network order.  What is blocked is an element of a set of
 * nftables with a timeout, so it ends by itself whatever becomes of the processes.
 *
 *     bytes 0-3   WARD_MAGIC          bytes 0-3  WARD_MAGIC
 *     4           enum ward_verb      4          enum ward_answer
 *     5           prefix length       5-7        zero
 *     6-7         zero                8-11       elements in force
 *     8-23        address
 *     24-27       seconds
 *
 * MQ.RS.RP-05
 */
#pragma once

#include "base/address.h"
#include "base/bytes.h"

#define WARD_MAGIC         0x42575231U /* "BWR1": of this version */
#define WARD_REQUEST_BYTES 28
#define WARD_ANSWER_BYTES  12
#define WARD_SECONDS_MAX   604800 /* a week; longer is refused */
#define WARD_BLOCKS_MAX    4096   /* in force; then a new one is refused */
#define WARD_NEVER_MAX     64     /* prefixes that are never blocked */
/* Shorter prefixes than these are refused: nobody blocks half the world by mistake. */
#define WARD_PREFIX_V4_MIN 16
#define WARD_PREFIX_V6_MIN 32

/* clang-format off */
#define WARD_VERBS(X)                                                              \
    X(PING,    "ping")    /* are you there? */                                     \
    X(BLOCK,   "block")   /* drop what comes from the prefix, for so many seconds */ \
    X(UNBLOCK, "unblock") /* no longer */                                          \
    X(CLEAR,   "clear")   /* let everybody in again */

/*    name         text */
#define WARD_ANSWERS(X)                                                                           \
    X(OK,          "done")                                                                        \
    X(E_MALFORMED, "the request is not one of the ward's")                                         \
    X(E_PREFIX,    "the prefix is too wide; at least /16 for IPv4, /32 for IPv6")                  \
    X(E_SPECIAL,   "loopback, multicast and unspecified addresses are never blocked")              \
    X(E_NEVER,     "the prefix holds an address that the ward was told never to block")            \
    X(E_SECONDS,   "a block lasts from one second to a week")                                      \
    X(E_LIMIT,     "too many blocks are in force")                                                 \
    X(E_OVERLAP,   "a block of a wider or narrower prefix is in force; lift that first")           \
    X(E_NOT_FOUND, "there is no such block")                                                       \
    X(E_FAILED,    "nft failed; the ward's log says more")                                         \
    X(E_NOBODY,    "bastide-ward does not answer; is it running, and is its socket respond.ward?")
/* clang-format on */

enum ward_verb {
#define X(name, text) WARD_##name,
    WARD_VERBS(X)
#undef X
        WARD_VERB_N,
};

enum ward_answer {
#define X(name, text) WARD_##name,
    WARD_ANSWERS(X)
#undef X
        WARD_ANSWER_N,
};

const char *ward_verb_text(enum ward_verb v);
const char *ward_answer_text(enum ward_answer a);

struct ward_request {
    enum ward_verb verb;
    struct address prefix; /* BLOCK, UNBLOCK; otherwise zero */
    uint32_t seconds;      /* BLOCK; otherwise 0 */
};

struct ward_reply {
    enum ward_answer answer;
    uint32_t n_blocks; /* in force */
};

/* Blocks for at most a second or two. */
struct ward_reply ward_ask(const char *socket_path, const struct ward_request *r);

/* The two sides of the wire. */
void ward_request_encode(const struct ward_request *r, uint8_t ret[WARD_REQUEST_BYTES]);
bool ward_request_decode(const uint8_t at[WARD_REQUEST_BYTES], struct ward_request *ret);
void ward_reply_encode(const struct ward_reply *r, uint8_t ret[WARD_ANSWER_BYTES]);
bool ward_reply_decode(const uint8_t at[WARD_ANSWER_BYTES], struct ward_reply *ret);

/* May it be done?  WARD_OK, or why not. */
enum ward_answer ward_request_judge(const struct ward_request *r, const struct address *never,
                                    size_t n_never);
