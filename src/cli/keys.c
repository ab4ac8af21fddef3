/* SPDX-License-Identifier: Apache-2.0 */
/* cli/keys.c - see keys.h */
#include "cli/keys.h"

#include <stdlib.h>

#include "cli/home.h"
#include "cli/password_ask.h"
#include "store/control.h"

#define DESCRIPTOR_MAX 1023

static int take_passphrase(const struct cli_args *a, struct buf *ret_secret)
{
    const char *given = cli_arg(a, "--passphrase-fd");
    char *error = NULL;
    unsigned fd = 0;
    bool ok;

    if (given != NULL && !number_parse(given, 0, DESCRIPTOR_MAX, &fd))
        return cli_usage(a->verb, "--passphrase-fd %s is no descriptor", given);
    ok = given != NULL ? password_read((int)fd, ret_secret, &error)
                       : password_ask_once("Passphrase of the at-rest key: ", ret_secret, &error);
    return ok ? CLI_OK : home_failed(error);
}

/**
 * keys_given() - where the configuration and the command line say that the at-rest key is
 * @ret:  to be given to keys_given_done() in any case
 */
int keys_given(const struct cli_args *a, const struct config *c, struct key_given *ret)
{
    int rc = CLI_OK;

    *ret = (struct key_given){.source.kind = (enum key_source_kind)c->key_from};
    switch (ret->source.kind) {
    case KEY_FROM_FILE:
        ret->source.name = c->key_file;
        break;
    case KEY_FROM_CREDENTIAL:
        ret->source.name = c->key_credential;
        break;
    case KEY_FROM_PASSPHRASE:
        rc = take_passphrase(a, &ret->passphrase_secret);
        ret->source.passphrase_secret = buf_view(&ret->passphrase_secret);
        break;
    }
    return rc;
}

/** keys_given_done() - wipe and free */
void keys_given_done(struct key_given *g)
{
    secret_buf_done(&g->passphrase_secret);
}

/**
 * keys_open() - the keyring of @c's state folder, made when nothing is stored there yet
 * @ret:  owned by the caller; written on CLI_OK
 *
 * Return: CLI_OK, or standard error says why not.
 */
int keys_open(const struct cli_args *a, const struct config *c, struct keyring **ret)
{
    struct key_given g;
    char *error = NULL;
    int rc = keys_given(a, c, &g);

    if (rc == CLI_OK) {
        *ret = state_keyring_open(c->state_dir, &g.source, &error);
        if (*ret == NULL)
            rc = home_failed(error);
    }
    keys_given_done(&g);
    return rc;
}
