/* SPDX-License-Identifier: Apache-2.0 */
/* cli/check.c - bastide check-config: is this configuration in order? */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/print.h"
#include "io/io.h"
#include "node/node.h"

static const char *certificate_text(enum config_client_certificate c)
{
    static const char *const texts[] = {
        [CONFIG_CLIENT_CERTIFICATE_NONE] = "not asked for",
        [CONFIG_CLIENT_CERTIFICATE_OPTIONAL] = "optional",
        [CONFIG_CLIENT_CERTIFICATE_REQUIRED] = "required",
    };

    return texts[c];
}

/* What is out of date or soon will be; a start takes it all the same. */
static void tell_dates(const struct config_listener *l, const struct tls_context *t)
{
    uint64_t now_unix_ms = clock_unix_ms();
    CLEANUP(buf_done) struct buf certificate = {0};
    CLEANUP(buf_done) struct buf crl = {0};

    if (certificate_date(tls_context_span(t), now_unix_ms, &certificate) != CERTIFICATE_IN_DATE)
        (void)cli_fail("listener %s: %.*s", l->name, BYTES_ARG(buf_view(&certificate)));
    if (crl_date(tls_context_crl_span(t), l->crl, now_unix_ms, &crl) != CERTIFICATE_IN_DATE)
        (void)cli_fail("listener %s: %.*s", l->name, BYTES_ARG(buf_view(&crl)));
}

/* The files must be there, readable, and fit each other. */
static bool check_tls(const struct config_listener *l, char **ret_error)
{
    struct tls_context *t = l->has_tls ? node_tls_of(l, ret_error) : NULL;

    if (t != NULL)
        tell_dates(l, t);
    tls_context_unref(t);
    return t != NULL || !l->has_tls;
}

static void print_listener(const struct config_listener *l)
{
    CLEANUP(buf_done) struct buf text = {0};

    config_listener_describe(l, &text);
    (void)printf("listener %s: %.*s", l->name, BYTES_ARG(buf_view(&text)));
    if (l->has_tls)
        (void)printf(" %s or later, client certificate %s",
                     l->tls_version_min == 0x0304 ? "1.3" : "1.2",
                     certificate_text(l->client_certificate));
    (void)printf("%s\n", l->anonymous ? ", ANONYMOUS clients are let in" : "");
}

static bool check_listeners(const struct config *c)
{
    bool good = true;

    for (size_t i = 0; i < c->n_listeners; i++) {
        char *error = NULL;

        if (!check_tls(&c->listeners[i], &error)) {
            (void)cli_fail("listener %s: %s", c->listeners[i].name, error);
            good = false;
        }
        free(error);
        print_listener(&c->listeners[i]);
    }
    return good;
}

static bool check_policy(const struct config *c)
{
    char *error = NULL;
    struct policy *p = policy_new(&c->policy, &error);
    bool good = p != NULL;

    if (!good)
        (void)cli_fail("%s", error);
    policy_unref(p);
    free(error);
    return good;
}

static bool check_inventory(const struct config *c)
{
    char *error = NULL;
    bool good = c->inventory_file == NULL || node_inventory_check(c->inventory_file, &error);

    if (!good)
        (void)cli_fail("%s", error);
    free(error);
    return good;
}

static int check_config(const struct config *c)
{
    bool good = check_listeners(c);

    good = check_policy(c) && good;
    good = check_inventory(c) && good;
    if (c->warnings != NULL)
        (void)fprintf(stderr, "%s\n", c->warnings);
    if (!good)
        return CLI_NO;
    (void)printf("roles: %zu, users: %zu, automatic answers: %s\n%s is in order\n",
                 c->policy.n_roles, c->policy.n_users,
                 c->respond_enforce ? "on" : "off (observe only)", c->path);
    return CLI_OK;
}

/* The reference of the keys; no configuration is read. */
static int print_keys(void)
{
    CLEANUP(buf_done) struct buf out = {0};

    config_describe(&out);
    print_buf(&out);
    return CLI_OK;
}

/** cli_check_config() - bastide check-config: what bastide run and reload would say of it */
int cli_check_config(int argc, char **argv)
{
    struct cli_args a;
    struct config *c = NULL;
    int rc = cli_args_parse(&a, argc, argv, 0, 0);

    if (rc == CLI_OK && cli_flag(&a, "--keys"))
        return print_keys();
    if (rc == CLI_OK)
        rc = ask_config(&a, &c);
    if (rc == CLI_OK)
        rc = check_config(c);
    config_free(c);
    return rc;
}
