/* SPDX-License-Identifier: Apache-2.0 */
/* cli/pki.c - bastide pki: the built-in CA in DIR/pki; MQ.PR.IA-01 MQ.PR.IA-02 MQ.RS.RP-01 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/home.h"
#include "cli/print.h"
#include "cli/state.h"
#include "conf/conf.h"
#include "crypto/crypto.h"

#define CERTIFICATE_DAYS 397 /* a year and a month to renew in */
#define DAYS_MAX         36500
#define SKEW_MS          600000U /* of a device's clock: how long before now a certificate begins */
#define HOSTS_MAX        32

struct pki_task {
    const struct cli_args *args;
    char *dir; /* owned; DIR/pki */
    char *home;
    uint64_t now_unix_ms;
};

/* ---- the options that say from when to when ---- */

static int take_date(const struct cli_args *a, const char *option, uint64_t *ret_unix_ms)
{
    const char *text = cli_arg(a, option);

    if (text != NULL && !conf_date_parse(text, ret_unix_ms))
        return cli_usage(a->verb, "%s %s is no date like 2026-01-31 or 2026-01-31T10:00:00Z",
                         option, text);
    return CLI_OK;
}

static int take_times(const struct pki_task *t, unsigned days, uint64_t *ret_from, uint64_t *ret_to)
{
    const char *text = cli_arg(t->args, "--days");
    uint64_t from = t->now_unix_ms - SKEW_MS;
    uint64_t to = 0;
    int rc;

    if (text != NULL && !number_parse(text, 1, DAYS_MAX, &days))
        return cli_usage(t->args->verb, "--days %s is no number of days from 1 to %d", text,
                         DAYS_MAX);
    rc = take_date(t->args, "--not-before", &from);
    if (rc == CLI_OK)
        rc = take_date(t->args, "--not-after", &to);
    if (rc != CLI_OK)
        return rc;
    if (to != 0 && text != NULL)
        return cli_usage(t->args->verb, "--days and --not-after both say when it ends");
    *ret_from = from;
    *ret_to = to != 0 ? to : MAX(from, t->now_unix_ms) + days * DAY_MS;
    return CLI_OK;
}

/* ---- showing ---- */

/* Whether it is revoked, a certificate does not say. */
static const char *state_of(const struct certificate_facts *f, uint64_t now_unix_ms)
{
    if (now_unix_ms < f->not_before_unix_ms)
        return "not yet valid";
    return now_unix_ms > f->not_after_unix_ms ? "expired" : "in date";
}

static const char *kind_of(const struct certificate_facts *f)
{
    if (f->is_ca)
        return "CA";
    if (f->for_server && f->for_client)
        return "server and client";
    if (f->for_server)
        return "server";
    return f->for_client ? "client" : "other";
}

/* Dates as text, for a certificate's ends are looked up by day. */
static json_t *facts_json(const struct certificate_facts *f, const char *state)
{
    char from[21];
    char to[21];
    char key[64];

    snprintf(key, sizeof(key), "%s, %u bits", f->key_type, f->key_bits);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "name",
                     f->common_name, "kind", kind_of(f), "state", state, "not_before",
                     date_text(f->not_before_unix_ms, from), "not_after",
                     date_text(f->not_after_unix_ms, to), "serial", f->serial, "hosts", f->names,
                     "issuer", f->issuer, "key", key, "signature", f->signature_algorithm, "sha256",
                     f->fingerprint);
}

/* clang-format off */
static const struct show_field certificate_fields[] = {
    {"Name",      "name",       SHOW_TEXT},
    {"Kind",      "kind",       SHOW_TEXT},
    {"State",     "state",      SHOW_TEXT},
    {"Begins",    "not_before", SHOW_TEXT},
    {"Ends",      "not_after",  SHOW_TEXT},
    {"Hosts",     "hosts",      SHOW_TEXT},
    {"Issuer",    "issuer",     SHOW_TEXT},
    {"Key",       "key",        SHOW_TEXT},
    {"Signature", "signature",  SHOW_TEXT},
    {"Serial",    "serial",     SHOW_TEXT},
    {"SHA-256",   "sha256",     SHOW_TEXT},
};
static const struct show_field certificate_columns[] = {
    {"NAME",   "name",      SHOW_TEXT},
    {"KIND",   "kind",      SHOW_TEXT},
    {"STATE",  "state",     SHOW_TEXT},
    {"ENDS",   "not_after", SHOW_TEXT},
    {"SERIAL", "serial",    SHOW_TEXT},
    {"HOSTS",  "hosts",     SHOW_TEXT},
};
static const struct show_field crl_fields[] = {
    {"Revocation list", "number",      SHOW_NUMBER},
    {"Revoked",         "revoked",     SHOW_NUMBER},
    {"Made",            "this_update", SHOW_TEXT},
    {"Good until",      "next_update", SHOW_TEXT},
};
/* clang-format on */

/* @object is consumed. */
static int print_object(const struct pki_task *t, json_t *object, const struct show_field *fields,
                        size_t n)
{
    struct buf out = {0};

    if (object == NULL)
        return cli_fail("what it says is no UTF-8 text");
    if (cli_flag(t->args, "--json")) {
        print_json(object);
    } else {
        show_object(&out, object, fields, n, t->now_unix_ms);
        print_buf(&out);
    }
    buf_done(&out);
    json_decref(object);
    return CLI_OK;
}

static int print_certificate(const struct pki_task *t, const char *path, char **ret_error)
{
    struct certificate_facts f;
    int rc;

    if (!certificate_read(path, &f, ret_error))
        return CLI_NO;
    rc = print_object(t, facts_json(&f, state_of(&f, t->now_unix_ms)), certificate_fields,
                      COUNT_OF(certificate_fields));
    certificate_facts_done(&f);
    return rc;
}

static int print_crl(const struct pki_task *t, const char *path, char **ret_error)
{
    struct crl_facts f;
    char made[21];
    char ends[21];

    if (!crl_read(path, &f, ret_error))
        return CLI_NO;
    return print_object(t,
                        json_pack("{s:I, s:I, s:s, s:s}", "number", (json_int_t)f.number, "revoked",
                                  (json_int_t)f.n_revoked, "this_update",
                                  date_text(f.this_update_unix_ms, made), "next_update",
                                  date_text(f.next_update_unix_ms, ends)),
                        crl_fields, COUNT_OF(crl_fields));
}

static int do_show(struct pki_task *t, char **operands)
{
    char *not_certificate = NULL;
    char *not_crl = NULL;
    int rc = print_certificate(t, operands[0], &not_certificate);

    if (not_certificate != NULL) {
        rc = print_crl(t, operands[0], &not_crl);
        if (not_crl != NULL)
            rc = cli_fail("%s", not_certificate);
    }
    free(not_certificate);
    free(not_crl);
    return rc;
}

static int do_list(struct pki_task *t, char **operands)
{
    json_t *array = json_array();
    struct pki_list list = {0};
    char *error = NULL;

    (void)operands;
    if (!pki_list_read(t->dir, &list, &error)) {
        json_decref(array);
        return home_failed(error);
    }
    for (size_t i = 0; i < list.n; i++) {
        const struct pki_entry *e = &list.at[i];
        const char *state = e->is_revoked ? "revoked" : state_of(&e->facts, t->now_unix_ms);

        json_array_append_new(array, facts_json(&e->facts, state));
    }
    print_list(array, cli_flag(t->args, "--json"), "no certificates have been issued",
               certificate_columns, COUNT_OF(certificate_columns));
    pki_list_done(&list);
    json_decref(array);
    return CLI_OK;
}

/* ---- making and revoking ---- */

/* Of the certificates of @name; @reason is consumed. */
static void audit_change(const struct pki_task *t, const char *name, char *reason)
{
    char *object = text_format("certificate %s", name);

    state_audit_home(t->args, object, reason);
    free(object);
    free(reason);
}

static int do_ca(struct pki_task *t, char **operands)
{
    const char *given = cli_arg(t->args, "--name");
    const char *name = given != NULL ? given : "Bastide CA";
    uint64_t from = 0;
    uint64_t to = 0;
    char *error = NULL;
    int rc = take_times(t, PKI_CA_DAYS, &from, &to);

    (void)operands;
    if (rc != CLI_OK)
        return rc;
    if (!home_make_folder(t->dir, &error) || !pki_create(t->dir, name, from, to, &error))
        return home_failed(error);
    home_say(
        "Made a CA in %s. Keep a copy of ca.key offline: whoever has it can issue certificates.\n",
        t->dir);
    audit_change(t, name, NULL);
    return CLI_OK;
}

/* "a,b,c" as names; @list is cut up. */
static size_t split_hosts(char *list, const char *ret[HOSTS_MAX])
{
    size_t n = 0;
    char *rest = NULL;

    for (char *at = strtok_r(list, ",", &rest); at != NULL && n < HOSTS_MAX;
         at = strtok_r(NULL, ",", &rest))
        ret[n++] = at;
    return n;
}

static bool is_file_name(const char *name)
{
    return name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               strlen(name);
}

/* --out, or pki/clients/NAME, pki/servers/NAME; without ".crt" and ".key". */
static int take_out(const struct pki_task *t, const struct pki_request *r, char **ret)
{
    const char *out = cli_arg(t->args, "--out");
    char *error = NULL;
    char *folder;

    if (out != NULL) {
        *ret = text_dup(out);
        return CLI_OK;
    }
    if (!is_file_name(r->common_name))
        return cli_usage(t->args->verb, "\"%s\" makes no file name; say where by --out PATH",
                         r->common_name);
    folder = home_path(t->dir, r->kind == PKI_SERVER ? "servers" : "clients");
    if (home_make_folder(folder, &error))
        *ret = home_path(folder, r->common_name);
    free(folder);
    return error != NULL ? home_failed(error) : CLI_OK;
}

/* A pair that is there is replaced only when asked for, and never the CA's or another key. */
static int may_write(const struct pki_task *t, const char *certificate_path, const char *key_path)
{
    bool has_certificate = access(certificate_path, F_OK) == 0;
    bool has_key = access(key_path, F_OK) == 0;
    struct certificate_facts f = {0};
    char *error = NULL;
    bool is_ca;

    if (!has_certificate && !has_key)
        return CLI_OK;
    if (!cli_flag(t->args, "--replace"))
        return cli_fail("%s exists; --replace puts a new one in its place",
                        has_certificate ? certificate_path : key_path);
    if (!has_certificate)
        return cli_fail("%s is the key of something else; choose another --out", key_path);
    if (!certificate_read(certificate_path, &f, &error))
        return home_failed(error);
    is_ca = f.is_ca;
    certificate_facts_done(&f);
    return is_ca ? cli_fail("%s is a CA; choose another --out", certificate_path) : CLI_OK;
}

static void say_issued(const struct pki_task *t, const struct pki_request *r, const char *serial,
                       const char *certificate_path, const char *key_path)
{
    char end[21];

    home_say("Issued to \"%s\" until %s, serial %s:\n  certificate  %s\n  private key  %s\n",
             r->common_name, date_text(r->not_after_unix_ms, end), serial, certificate_path,
             key_path);
    if (r->kind == PKI_CLIENT)
        home_say("The client also needs %s/ca.crt. A user makes it known to the node:\n"
                 "  bastide user add NAME --role ROLE --certificate-cn '%s' --home %s\n",
                 t->dir, r->common_name, t->home);
}

static void audit_issued(const struct pki_task *t, const struct pki_request *r, const char *serial)
{
    char end[21];

    audit_change(t, r->common_name,
                 text_format("%s, serial %s, until %s", r->kind == PKI_SERVER ? "server" : "client",
                             serial, date_text(r->not_after_unix_ms, end)));
}

static int issue(const struct pki_task *t, const struct pki_request *r, const char *out)
{
    char serial[SERIAL_TEXT_LEN];
    char *certificate_path = text_format("%s.crt", out);
    char *key_path = text_format("%s.key", out);
    char *error = NULL;
    int rc = may_write(t, certificate_path, key_path);

    if (rc == CLI_OK && !pki_issue(t->dir, r, certificate_path, key_path, serial, &error))
        rc = home_failed(error);
    if (rc == CLI_OK) {
        say_issued(t, r, serial, certificate_path, key_path);
        audit_issued(t, r, serial);
    }
    free(certificate_path);
    free(key_path);
    return rc;
}

static int do_issue(struct pki_task *t, char **operands)
{
    const char *hosts_given = cli_arg(t->args, "--host");
    const char *hosts[HOSTS_MAX];
    struct pki_request r = {.common_name = operands[1], .names = hosts};
    char *list;
    char *out = NULL;
    int rc;

    if (strcmp(operands[0], "server") != 0 && strcmp(operands[0], "client") != 0)
        return cli_usage(t->args->verb, "issue a client's or a server's certificate, not \"%s\"",
                         operands[0]);
    r.kind = operands[0][0] == 's' ? PKI_SERVER : PKI_CLIENT;
    if (r.kind == PKI_CLIENT && hosts_given != NULL)
        return cli_usage(t->args->verb, "--host is for the certificates of servers");
    if (r.kind == PKI_SERVER && hosts_given == NULL)
        return cli_usage(t->args->verb, "a server needs --host: what its clients reach it by");
    rc = take_times(t, CERTIFICATE_DAYS, &r.not_before_unix_ms, &r.not_after_unix_ms);
    if (rc == CLI_OK)
        rc = take_out(t, &r, &out);
    if (rc != CLI_OK)
        return rc;
    list = text_dup(hosts_given);
    if (r.kind == PKI_SERVER)
        r.n_names = split_hosts(list, hosts);
    rc = issue(t, &r, out);
    free(list);
    free(out);
    return rc;
}

static int do_revoke(struct pki_task *t, char **operands)
{
    char *error = NULL;
    size_t n = 0;

    if (!pki_revoke(t->dir, operands[0], t->now_unix_ms, &n, &error))
        return home_failed(error);
    home_say("Revoked %zu certificate%s of \"%s\" in %s/ca.crl.\n", n, n == 1 ? "" : "s",
             operands[0], t->dir);
    home_hint_reload(t->home);
    audit_change(t, operands[0], text_format("%zu revoked", n));
    return CLI_OK;
}

/* ---- the verb ---- */

/* clang-format off */
static const struct {
    const char *name;
    int n_operands;
    int (*run)(struct pki_task *t, char **operands);
} tasks[] = {
    {"ca",     0, do_ca},
    {"issue",  2, do_issue},
    {"revoke", 1, do_revoke},
    {"list",   0, do_list},
    {"show",   1, do_show},
};
/* clang-format on */

static int run(const struct cli_args *a, size_t task)
{
    struct pki_task t = {.args = a, .now_unix_ms = clock_unix_ms()};
    int rc;

    if (tasks[task].run == do_show) /* needs no home */
        return do_show(&t, a->operands + 1);
    rc = home_dir(a, &t.home);
    if (rc != CLI_OK)
        return rc;
    t.dir = home_path(t.home, "pki");
    rc = tasks[task].run(&t, a->operands + 1);
    free(t.dir);
    free(t.home);
    return rc;
}

/** cli_pki() - bastide pki ca | issue | revoke | list | show */
int cli_pki(int argc, char **argv)
{
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 1, 3);

    if (rc != CLI_OK)
        return rc;
    for (size_t i = 0; i < COUNT_OF(tasks); i++) {
        if (strcmp(tasks[i].name, a.operands[0]) != 0)
            continue;
        if (a.n_operands - 1 != tasks[i].n_operands)
            return cli_usage(a.verb, "%s takes %d operand%s", tasks[i].name, tasks[i].n_operands,
                             tasks[i].n_operands == 1 ? "" : "s");
        rc = cli_json_is_for(&a, tasks[i].run == do_list || tasks[i].run == do_show,
                             "list and show");
        return rc != CLI_OK ? rc : run(&a, i);
    }
    return cli_usage(a.verb, "there is no \"%s\"", a.operands[0]);
}
