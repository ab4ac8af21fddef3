/* SPDX-License-Identifier: Apache-2.0 */
/* cli/keys.h - the keyring of a configuration, for verbs that open what a node stores */
#pragma once

#include "cli/args.h"
#include "crypto/keyring.h"
#include "node/config.h"

/* clang-format off */
#define CLI_KEY_OPTIONS                                                                           \
    {"--passphrase-fd", NULL, "N", "read the passphrase of the at-rest key from descriptor N, one line; without it the terminal is asked"}
/* clang-format on */

struct key_given {
    struct key_source source;
    struct buf passphrase_secret; /* owned */
};

int keys_given(const struct cli_args *a, const struct config *c, struct key_given *ret);
void keys_given_done(struct key_given *g);
int keys_open(const struct cli_args *a, const struct config *c, struct keyring **ret);
