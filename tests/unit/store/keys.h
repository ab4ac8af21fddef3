/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store/keys.h - a keyring in a folder of its own */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/keyring.h"
#include "unit/unit.h"

struct keys {
    char dir[64];
    struct keyring *keyring;
};

static inline int keys_setup(void **state)
{
    struct keys *k = calloc(1, sizeof(*k));
    char at_rest[128];
    char ring[128];
    char *error = NULL;

    snprintf(k->dir, sizeof(k->dir), "/tmp/bastide-store-XXXXXX");
    if (mkdtemp(k->dir) == NULL)
        return 1;
    snprintf(at_rest, sizeof(at_rest), "%s/at-rest.key", k->dir);
    snprintf(ring, sizeof(ring), "%s/keyring", k->dir);
    if (!at_rest_key_create(at_rest, &error))
        return 1;
    k->keyring =
        keyring_create(ring, &(struct key_source){.kind = KEY_FROM_FILE, .name = at_rest}, &error);
    *state = k;
    return k->keyring == NULL;
}

static inline int keys_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline int keys_teardown(void **state)
{
    struct keys *k = *state;
    int r = nftw(k->dir, keys_remove_one, 8, FTW_DEPTH | FTW_PHYS);

    keyring_free(k->keyring);
    free(k);
    return r;
}

#define WITH_KEYS(test) cmocka_unit_test_setup_teardown(test, keys_setup, keys_teardown)
