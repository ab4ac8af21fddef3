/* SPDX-License-Identifier: Apache-2.0 */
/* cli/pki.c - bastide pki: the built-in CA in DIR/pki; MQ.PR.IA-01 MQ.PR.IA-02 MQ.RS.RP-01 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
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
    if (!folder_make(t->dir, &error) || !pki_create(t->dir, name, from, to, &error))
        return home_failed(error);
    home_say(
        "Made a CA in %s. Keep a copy of ca.key offline: whoever has it can issue certificates.\n",
        t->dir);
    audit_change(t, name, NULL);
    return CLI_OK;
}

/* Takes the next of a certificate's names, "DNS:localhost" of "DNS:localhost, IP:127.0.0.1", out of
 * @list; Return: NULL when there is none. */
static char *next_name(char **list)
{
    char *name = *list;
    char *end = name != NULL ? strstr(name, ", ") : NULL;

    *list = NULL;
    if (end != NULL) {
        *end = '\0';
        *list = end + 2;
    }
    return name != NULL && name[0] != '\0' ? name : NULL;
}

/* Of "DNS:localhost", without the kind. */
static const char *name_alone(const char *name)
{
    return strchr(name, ':') + 1;
}

struct pki_names {
    const char *at[HOSTS_MAX]; /* borrowed */
    size_t n;
};

/* Return: false when there are too many. */
static bool add_name(struct pki_names *to, const char *name)
{
    if (to->n == HOSTS_MAX)
        return false;
    to->at[to->n++] = name;
    return true;
}

/* "a,b,c" as names; @list is cut up.  Return: false when there are too many. */
static bool split_hosts(char *list, struct pki_names *ret)
{
    char *rest = NULL;
    bool fits = true;

    for (char *at = strtok_r(list, ",", &rest); at != NULL && fits; at = strtok_r(NULL, ",", &rest))
        fits = add_name(ret, at);
    return fits;
}

/* The same, of what a certificate has. */
static bool split_names(char *list, struct pki_names *ret)
{
    bool fits = true;

    for (char *at = next_name(&list); at != NULL && fits; at = next_name(&list))
        fits = add_name(ret, name_alone(at));
    return fits;
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
    if (folder_make(folder, &error))
        *ret = home_path(folder, r->common_name);
    free(folder);
    return error != NULL ? home_failed(error) : CLI_OK;
}

/* A pair of files, and what it replaces. */
struct pki_pair {
    char *certificate_path;       /* owned */
    char *key_path;               /* owned */
    struct certificate_facts old; /* of all zero when nothing is replaced */
};

static void pair_done(struct pki_pair *p)
{
    free(p->certificate_path);
    free(p->key_path);
    certificate_facts_done(&p->old);
}

/* A pair that is there is replaced only when asked for, and never the CA's or another key. */
static int may_write(const struct pki_task *t, struct pki_pair *p)
{
    bool has_certificate = access(p->certificate_path, F_OK) == 0;
    bool has_key = access(p->key_path, F_OK) == 0;
    char *error = NULL;

    if (!has_certificate && !has_key)
        return CLI_OK;
    if (!cli_flag(t->args, "--replace"))
        return cli_fail("%s exists; --replace puts a new one in its place",
                        has_certificate ? p->certificate_path : p->key_path);
    if (!has_certificate)
        return cli_fail("%s is the key of something else; choose another --out", p->key_path);
    if (!certificate_read(p->certificate_path, &p->old, &error))
        return home_failed(error);
    return p->old.is_ca ? cli_fail("%s is a CA; choose another --out", p->certificate_path)
                        : CLI_OK;
}

static bool has_name(const struct certificate_facts *f, const char *name)
{
    char *list = text_dup(f->names);
    char *rest = list;
    bool has = false;

    for (char *at = next_name(&rest); at != NULL && !has; at = next_name(&rest))
        has = strcasecmp(at, name) == 0;
    free(list);
    return has;
}

/* Names that clients may go by, and that the new certificate does not have. */
static void warn_of_names_left_out(const struct pki_pair *p, const struct certificate_facts *now)
{
    CLEANUP(buf_done) struct buf missing = {0};
    char *list = text_dup(p->old.names);
    char *rest = list;

    for (char *at = next_name(&rest); at != NULL; at = next_name(&rest))
        if (!has_name(now, at))
            buf_addf(&missing, "%s%s", missing.len > 0 ? ", " : "", name_alone(at));
    if (missing.len > 0)
        (void)fprintf(stderr,
                      "bastide: the certificate that was replaced had also the names %.*s; who "
                      "reaches the node by them is refused by its own check, the self-test and the "
                      "lab as well. Without --host, --replace takes all names over\n",
                      BYTES_ARG(buf_view(&missing)));
    free(list);
}

/* What the names are, and which of those before they are not. */
static void say_names(const struct pki_task *t, const struct pki_pair *p)
{
    struct certificate_facts now = {0};
    char *error = NULL;

    if (!certificate_read(p->certificate_path, &now, &error)) {
        (void)home_failed(error);
        return;
    }
    if (cli_arg(t->args, "--host") == NULL)
        home_say("  names        %s, those of the one before\n", now.names);
    warn_of_names_left_out(p, &now);
    certificate_facts_done(&now);
}

static void say_issued(const struct pki_task *t, const struct pki_request *r, const char *serial,
                       const struct pki_pair *p)
{
    char end[21];

    home_say("Issued to \"%s\" until %s, serial %s:\n  certificate  %s\n  private key  %s\n",
             r->common_name, date_text(r->not_after_unix_ms, end), serial, p->certificate_path,
             p->key_path);
    if (r->kind == PKI_SERVER && p->old.names != NULL)
        say_names(t, p);
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

static int issue(const struct pki_task *t, const struct pki_request *r, const struct pki_pair *p)
{
    char serial[SERIAL_TEXT_LEN];
    char *error = NULL;

    if (!pki_issue(t->dir, r, p->certificate_path, p->key_path, serial, &error))
        return home_failed(error);
    say_issued(t, r, serial, p);
    audit_issued(t, r, serial);
    return CLI_OK;
}

/* client | server, and what of the options goes with it. */
static int take_kind(const struct pki_task *t, const char *operand, enum pki_kind *ret)
{
    const char *hosts = cli_arg(t->args, "--host");

    if (strcmp(operand, "server") != 0 && strcmp(operand, "client") != 0)
        return cli_usage(t->args->verb, "issue a client's or a server's certificate, not \"%s\"",
                         operand);
    *ret = operand[0] == 's' ? PKI_SERVER : PKI_CLIENT;
    if (*ret == PKI_CLIENT && hosts != NULL)
        return cli_usage(t->args->verb, "--host is for the certificates of servers");
    if (*ret == PKI_SERVER && hosts == NULL && !cli_flag(t->args, "--replace"))
        return cli_usage(t->args->verb, "a server needs --host: what its clients reach it by");
    return CLI_OK;
}

/* A server's names: --host, or else those of the certificate that is replaced; @list holds them. */
static int take_names(const struct pki_task *t, const struct pki_pair *p, char **list,
                      struct pki_names *ret)
{
    const char *given = cli_arg(t->args, "--host");
    bool fits;

    if (given == NULL && text_or_empty(p->old.names)[0] == '\0')
        return cli_usage(t->args->verb,
                         "a server needs --host, what its clients reach it by: %s has no names to "
                         "take over",
                         p->certificate_path);
    *list = text_dup(given != NULL ? given : p->old.names);
    fits = given != NULL ? split_hosts(*list, ret) : split_names(*list, ret);
    return fits
               ? CLI_OK
               : cli_fail("a certificate of a server has at most %d names; give it fewer by --host",
                          HOSTS_MAX);
}

static int do_issue(struct pki_task *t, char **operands)
{
    struct pki_request r = {.common_name = operands[1]};
    struct pki_names names = {0};
    struct pki_pair pair = {0};
    char *list = NULL;
    char *out = NULL;
    int rc = take_kind(t, operands[0], &r.kind);

    if (rc == CLI_OK)
        rc = take_times(t, CERTIFICATE_DAYS, &r.not_before_unix_ms, &r.not_after_unix_ms);
    if (rc == CLI_OK)
        rc = take_out(t, &r, &out);
    if (rc != CLI_OK)
        return rc;
    pair.certificate_path = text_format("%s.crt", out);
    pair.key_path = text_format("%s.key", out);
    rc = may_write(t, &pair);
    if (rc == CLI_OK && r.kind == PKI_SERVER)
        rc = take_names(t, &pair, &list, &names);
    r.names = names.at;
    r.n_names = names.n;
    if (rc == CLI_OK)
        rc = issue(t, &r, &pair);
    pair_done(&pair);
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
