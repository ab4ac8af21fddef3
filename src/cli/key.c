/* SPDX-License-Identifier: Apache-2.0 */
/* cli/key.c - bastide key: the keys of what a node stores; MQ.PR.SP-06 MQ.PR.IP-05 */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "cli/ask.h"
#include "cli/home.h"
#include "cli/keys.h"
#include "cli/password_ask.h"
#include "cli/print.h"
#include "cli/state.h"

static int list(const struct cli_args *a)
{
    json_t *keys = NULL;
    struct state s;
    int rc = state_open(a, STATE_REFUSE, &s);
    const json_t *one;
    size_t i;

    if (rc == CLI_OK && s.keys != NULL)
        keys = state_keys_json(s.keys);
    else if (rc == CLI_OK)
        rc = ask_node(a, "GET", "/v1/keys", NULL, &keys);
    if (rc == CLI_OK && cli_flag(a, "--json"))
        print_json(keys);
    json_array_foreach(json_object_get(keys, "keys"), i,
                       one) if (rc == CLI_OK && !cli_flag(a, "--json"))
        home_say("data key %lld%s\n", (long long)json_integer_value(one),
                 json_integer_value(one) == json_integer_value(json_object_get(keys, "current"))
                     ? ", for what is new"
                     : ", until what it sealed is sealed anew");
    json_decref(keys);
    state_done(&s);
    return rc;
}

static int rotate(const struct cli_args *a)
{
    return ask_do(a, "/v1/keys/rotate", json_object());
}

/* ---- change ---- */

static int new_passphrase(const struct cli_args *a, struct buf *ret_secret)
{
    const char *fd_text = cli_arg(a, "--new-passphrase-fd");
    char *error = NULL;
    unsigned fd = 0;

    if (fd_text != NULL && !number_parse(fd_text, 0, 1023, &fd))
        return cli_usage(a->verb, "--new-passphrase-fd %s is no descriptor", fd_text);
    if (fd_text != NULL ? password_read((int)fd, ret_secret, &error)
                        : password_ask("the at-rest key",
                                       "there is no terminal to ask for the new passphrase at; "
                                       "give it by --new-passphrase-fd",
                                       ret_secret, &error))
        return CLI_OK;
    return home_failed(error);
}

/* --to FILE: a key file, made when it is not there; --to passphrase. */
static int new_source(const struct cli_args *a, struct key_given *ret)
{
    const char *to = cli_arg(a, "--to");
    char *error = NULL;
    int rc = CLI_OK;

    *ret = (struct key_given){0};
    if (to == NULL)
        return cli_usage(a->verb, "say which key: --to FILE or --to passphrase");
    if (strcmp(to, "passphrase") == 0) {
        rc = new_passphrase(a, &ret->passphrase_secret);
        ret->source = (struct key_source){.kind = KEY_FROM_PASSPHRASE,
                                          .passphrase_secret = buf_view(&ret->passphrase_secret)};
        return rc;
    }
    ret->source = (struct key_source){.kind = KEY_FROM_FILE, .name = to};
    return at_rest_key_create(to, &error) ? CLI_OK : home_failed(error);
}

static int change_here(const struct cli_args *a, struct state *s)
{
    struct key_given g;
    char *error = NULL;
    int rc = new_source(a, &g);

    if (rc == CLI_OK && !keyring_reseal(s->keys, &g.source, &error))
        rc = home_failed(error);
    if (rc == CLI_OK)
        state_audit(s->control, "change", "at-rest key", "");
    if (rc == CLI_OK)
        home_say("The keyring is under the new at-rest key; the old one opens nothing any more but "
                 "older backups.\nLet the configuration say so: store: {key_from: %s%s%s}\n",
                 g.source.kind == KEY_FROM_FILE ? "file, key_file: " : "passphrase",
                 g.source.kind == KEY_FROM_FILE ? g.source.name : "", "");
    keys_given_done(&g);
    return rc;
}

/* The node makes the file, so that it is the node's user's; a passphrase is not for a socket. */
static int change_there(const struct cli_args *a)
{
    const char *to = cli_arg(a, "--to");
    char *path;
    int rc;

    if (to == NULL)
        return cli_usage(a->verb, "say which key: --to FILE");
    if (strcmp(to, "passphrase") == 0)
        return cli_fail("to a passphrase while no node runs only: stop it first (bastide stop), it "
                        "takes a moment only");
    path = home_absolute(to);
    rc = ask_do(a, "/v1/keys/change", json_pack("{s:s}", "file", path));
    free(path);
    return rc;
}

static int change(const struct cli_args *a)
{
    struct state s;
    int rc = state_open(a, STATE_REFUSE, &s);

    if (rc == CLI_OK && s.keys == NULL)
        rc = change_there(a);
    else if (rc == CLI_OK)
        rc = change_here(a, &s);
    state_done(&s);
    return rc;
}

/** cli_key() - bastide key list | rotate | change */
int cli_key(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct cli_args *a);
    } words[] = {{"list", list}, {"rotate", rotate}, {"change", change}};
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 1, 1);

    if (rc != CLI_OK)
        return rc;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(words[i].name, a.operands[0]) != 0)
            continue;
        rc = cli_json_is_for(&a, words[i].run == list, "list");
        return rc != CLI_OK ? rc : words[i].run(&a);
    }
    return cli_usage(a.verb, "%s is none of list, rotate, change", a.operands[0]);
}
