/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_config.c - a configuration, or after a byte 'u' a file of users
 *
 * What is accepted makes a policy; what is not has an error that is a text of whole lines.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "node/config_keys.h"

#define ROLES                                                                                      \
    "node: {name: n}\nlisteners: [{name: l, address: 127.0.0.1, port: 1}]\n"                       \
    "roles: {meter: {allow: [{publish: 'm/${client_id}/#'}]}}\n"

static void check_policy(const struct config *c)
{
    char *error = NULL;
    struct policy *p = policy_new(&c->policy, &error);

    check(p != NULL);
    policy_unref(p);
}

static void check_error(char *error)
{
    check(error != NULL && error[0] != '\0' && error[strlen(error) - 1] != '\n');
    check(wire_utf8_valid(bytes_str(error)));
    free(error);
}

static void fuzz_file(struct bytes text)
{
    struct conf *conf = conf_parse("f", text);
    char *error = NULL;
    struct config *c = config_from(conf, "/nonexistent/bastide.yaml", &error);

    if (c != NULL)
        check_policy(c);
    else
        check_error(error);
    config_free(c);
    conf_close(conf);
}

static void fuzz_users(struct bytes text)
{
    struct conf *roles = conf_parse("r", BYTES(ROLES));
    struct conf *conf = conf_parse("f", text);
    struct buf warnings = {0};
    char *error = NULL;
    struct config *c = config_from(roles, "/nonexistent/bastide.yaml", &error);
    struct config_loader l = {.config = c, .warnings = &warnings, .place = conf_root(conf)};

    check(c != NULL);
    if (conf_given(conf_root(conf)))
        config_load_section(&l, &config_users_section, c, conf_root(conf));
    if (conf_ok(conf, &error))
        check_policy(c);
    else
        check_error(error);
    check(l.path.len == 0);
    buf_done(&l.path);
    buf_done(&warnings);
    config_free(c);
    conf_close(conf);
    conf_close(roles);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);

    if (size > 0 && data[0] == 'u')
        fuzz_users(bytes_of(data + 1, size - 1));
    else if (size == 0 || memmem(text.at, text.len, "users_file", 10) == NULL) /* reads no file */
        fuzz_file(text);
    return 0;
}
