/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/keyring_private.h - the parts of a keyring, for one another
 *
 *   keyring.c         life, data keys, signatures
 *   keyring_file.c    as bytes
 *   keyring_source.c  the at-rest key
 */
#pragma once

#include <pthread.h>

#include "crypto/keyring.h"
#include "crypto/private.h"

#define KEYRING_ID_BYTES   16
#define KEYRING_SALT_BYTES 16
#define ENTRIES_MAX        (KEYRING_KEYS_MAX + 1) /* and the one that signs */

enum purpose {
    PURPOSE_DATA = 1,
    PURPOSE_SIGN = 2,
};

struct entry {
    uint32_t id;
    uint32_t purpose;
    uint64_t made_unix_ms;
};

/* In guarded memory. */
struct secrets {
    uint8_t at_rest[SEAL_KEY_BYTES];
    uint8_t keys[ENTRIES_MAX][SEAL_KEY_BYTES]; /* beside keyring.entries */
};

struct keyring {
    pthread_mutex_t lock; /* for all that follows */
    char *path;           /* owned */
    struct secrets *secrets;
    bool is_locked;
    uint8_t id[KEYRING_ID_BYTES];
    enum key_source_kind kind;
    uint8_t salt[KEYRING_SALT_BYTES];
    uint64_t passes;
    uint64_t bytes;
    uint32_t current;
    struct entry entries[ENTRIES_MAX];
    size_t n_entries;
};

/* keyring_source.c */
MUST_CHECK bool keyring_take_at_rest(struct keyring *k, const struct key_source *from,
                                     char **ret_error);
void keyring_choose_kind(struct keyring *k, enum key_source_kind kind);

/* keyring_file.c; not the lock */
MUST_CHECK enum file_replaced keyring_write(const struct keyring *k, char **ret_error);
MUST_CHECK bool keyring_read(struct keyring *k, const struct key_source *from, char **ret_error);
