/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/scram.h - SCRAM-SHA-256: to know a password without sending it (RFC 5802, RFC 7677)
 *
 * The server keeps a verifier, which tells no password and lets nobody in who
 * steals it; the client proves the password, and the server that it has the
 * verifier.  Messages are texts; how they travel is the caller's.  The client works
 * on the password, and blocks; the server hashes a few hundred bytes, and may be
 * called by a worker.
 *
 * SCRAM-SHA-256-PLUS binds the proof to the TLS connection (RFC 9266): one that was
 * made to somebody in the middle is of no use to them.
 *
 * Names and passwords are taken as they are: for printable ASCII that is what
 * SASLprep would give (docs/decisions/0013).
 */
#pragma once

#include "base/bytes.h"

#define SCRAM_METHOD      "SCRAM-SHA-256"
#define SCRAM_METHOD_PLUS "SCRAM-SHA-256-PLUS"
#define SCRAM_ITERATIONS                                                                           \
    100000 /* of a new verifier: some 30 ms of a PC, seconds of a small device */
#define SCRAM_ITERATIONS_MIN 4096 /* RFC 7677, section 4 */
#define SCRAM_ITERATIONS_MAX 10000000
#define SCRAM_SALT_BYTES     16 /* of a new verifier */
#define SCRAM_SALT_MAX       64
#define SCRAM_KEY_BYTES      32
#define SCRAM_NONCE_LEN      24 /* characters that each side draws: 139 bits */
#define SCRAM_MESSAGE_MAX    4096
#define SCRAM_CHANNEL_BYTES  32 /* of "tls-exporter" */

struct scram_verifier {
    uint32_t iterations;
    uint32_t salt_len;
    uint8_t salt[SCRAM_SALT_MAX];
    uint8_t stored_key[SCRAM_KEY_BYTES]; /* secret */
    uint8_t server_key[SCRAM_KEY_BYTES]; /* secret */
};

void scram_verifier_make(struct bytes password, struct bytes salt, uint32_t iterations,
                         struct scram_verifier *ret);
/* "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey", in base64, as RFC 5803 has it. */
char *scram_verifier_new(struct bytes password);
bool scram_verifier_parse(const char *text, struct scram_verifier *ret);
bool scram_verifier_fits(const char *text, struct bytes password);
bool scram_verifier_equal(const struct scram_verifier *a, const struct scram_verifier *b);
/* For a user that does not exist: each name always gets the same one. */
void scram_verifier_fake(const uint8_t key[SCRAM_KEY_BYTES], struct bytes user_name,
                         struct scram_verifier *ret);

/* clang-format off */
/*    name               what the other side did */
#define SCRAM_OUTCOMES(X)                                                                  \
    X(OK,                "all is well")                                                    \
    X(E_MALFORMED,       "the authentication data is no SCRAM message that fits here")     \
    X(E_CHANNEL_BINDING, "the authentication data does not bind as its method has it")     \
    X(E_DOWNGRADED,      "the client was made to believe that nothing binds here")         \
    X(E_OTHER_CHANNEL,   "the proof is for another connection; somebody may be in between")  \
    X(E_IDENTITY,        "the authentication data asks to act as another user")            \
    X(E_PROOF,           "the proof is wrong")
/* clang-format on */

enum scram_outcome {
#define X(name, text) SCRAM_##name,
    SCRAM_OUTCOMES(X)
#undef X
};

const char *scram_outcome_text(enum scram_outcome o);

/* The server's part of one exchange. */
struct scram_server;

struct scram_server *scram_server_new(void);
struct scram_server *scram_server_free(struct scram_server *s);
void scram_server_channel(struct scram_server *s, const uint8_t data[SCRAM_CHANNEL_BYTES],
                          bool binds);
enum scram_outcome scram_server_hello(struct scram_server *s, struct bytes client_first);
struct bytes scram_server_user(const struct scram_server *s);
void scram_server_challenge(struct scram_server *s, const struct scram_verifier *v,
                            struct bytes nonce, struct buf *ret_server_first);
enum scram_outcome scram_server_finish(struct scram_server *s, struct bytes client_final,
                                       struct buf *ret_server_final);
const struct scram_verifier *scram_server_verifier(const struct scram_server *s);

/* The client's. */
struct scram_client;

struct scram_client *scram_client_new(struct bytes user_name, struct bytes password,
                                      struct bytes nonce);
struct scram_client *scram_client_free(struct scram_client *c);
void scram_client_hello(struct scram_client *c, struct buf *ret_client_first);
enum scram_outcome scram_client_answer(struct scram_client *c, struct bytes server_first,
                                       struct buf *ret_client_final);
enum scram_outcome scram_client_check(struct scram_client *c, struct bytes server_final);
