/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/attest.c - bastide attest: what a person answers for, signed
 *
 * Only what no probe can see is attested.  crypto/crypto.h says which bytes are
 * signed; assess/ verifies them, and decides whether an attestation counts.
 */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "assess/assess.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/home.h"
#include "conf/conf.h"
#include "crypto/crypto.h"
#include "node/config.h"

#define ATTESTATIONS_BYTES_MAX (16U << 20) /* as assess/ reads */
#define ATTESTATIONS_MODE      0644
#define VALID_DAYS             365 /* where the catalogue says nothing */
#define VALID_DAYS_MAX         3650
#define KIND_STATEMENT         "statement"

static const char *const kinds[] = {KIND_STATEMENT, "policy", "resources", "validation"};
/* What is kept of them is shown to others: in the report, and as JSON. */
static const char *const texts[] = {"--who-name", "--who-role",   "--principal", "--statement",
                                    "--document", "--title",      "--revision",  "--location",
                                    "--inputs",   "--implementer"};
static const char *const methods[] = {"EXAMINE", "INTERVIEW", "TEST"};

struct attest_task {
    const struct cli_args *args;
    struct config *config;                 /* owned */
    struct catalog *catalog;               /* owned */
    const struct catalog_subcategory *sub; /* NULL: a category or Function is meant */
    const char *kind;
    const char *method;
    uint64_t now_unix_ms;
};

static const char *or_else(const char *given, const char *otherwise)
{
    return given != NULL ? given : otherwise;
}

/* ---- what the command line says ---- */

static int take_word(const struct cli_args *a, const char *option, const char *const *words,
                     size_t n, const char **ret)
{
    const char *text = cli_arg(a, option);
    struct buf allowed = {0};
    int rc;

    *ret = words[0];
    for (size_t i = 0; i < n; i++) {
        if (text != NULL && strcasecmp(text, words[i]) == 0)
            *ret = words[i];
        buf_addf(&allowed, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    if (text == NULL || strcasecmp(text, *ret) == 0)
        rc = CLI_OK;
    else
        rc = cli_usage(a->verb, "%s %s is none of %.*s", option, text,
                       BYTES_ARG(buf_view(&allowed)));
    buf_done(&allowed);
    return rc;
}

static const struct catalog_subcategory *find_sub(const struct catalog *c, const char *id)
{
    for (size_t i = 0; i < c->n_subcategories; i++)
        if (strcmp(c->subcategories[i].id, id) == 0)
            return &c->subcategories[i];
    return NULL;
}

static int check_subject(struct attest_task *t)
{
    const struct cli_args *a = t->args;

    t->sub = find_sub(t->catalog, a->operands[0]);
    if (strcmp(t->kind, KIND_STATEMENT) != 0)
        return CLI_OK; /* may be about a category too; assess/ knows its ids */
    if (t->sub == NULL)
        return cli_usage(a->verb, "%s is no subcategory of the catalogue, such as MQ.ID.AM-01",
                         a->operands[0]);
    if (t->sub->attest_who == NULL)
        return cli_usage(a->verb, "%s asks for no statement: it is measured", t->sub->id);
    return CLI_OK;
}

static int take_options(struct attest_task *t)
{
    const struct cli_args *a = t->args;
    int rc = take_word(a, "--kind", kinds, COUNT_OF(kinds), &t->kind);

    if (rc == CLI_OK)
        rc = take_word(a, "--method", methods, COUNT_OF(methods), &t->method);
    if (rc == CLI_OK)
        rc = check_subject(t);
    if (rc == CLI_OK)
        rc = cli_plain_args(a, texts, COUNT_OF(texts));
    if (rc != CLI_OK)
        return rc;
    if (cli_arg(a, "--who-name") == NULL || cli_arg(a, "--who-role") == NULL)
        return cli_usage(a->verb, "say who answers for it: --who-name and --who-role%s%s",
                         t->sub != NULL && t->sub->attest_who != NULL ? "; this one asks for: "
                                                                      : "",
                         t->sub != NULL ? or_else(t->sub->attest_who, "") : "");
    if (cli_arg(a, "--statement") == NULL && (t->sub == NULL || t->sub->attest_statement == NULL ||
                                              strcmp(t->kind, KIND_STATEMENT) != 0))
        return cli_usage(a->verb, "say what is attested: --statement");
    if (cli_arg(a, "--document") == NULL &&
        (cli_flag(a, "--title") || cli_flag(a, "--revision") || cli_flag(a, "--location")))
        return cli_usage(a->verb, "--title, --revision and --location are of a --document");
    return CLI_OK;
}

/* ---- the attestation ---- */

static int take_dates(const struct attest_task *t, uint64_t *ret_from, uint64_t *ret_to)
{
    const char *from_text = cli_arg(t->args, "--effective");
    const char *days_text = cli_arg(t->args, "--valid-days");
    unsigned days = VALID_DAYS;
    uint64_t from = t->now_unix_ms;

    if (t->sub != NULL && t->sub->attest_days > 0 && strcmp(t->kind, KIND_STATEMENT) == 0)
        days = t->sub->attest_days;
    if (days_text != NULL && !number_parse(days_text, 1, VALID_DAYS_MAX, &days))
        return cli_usage(t->args->verb, "--valid-days %s is no number of days from 1 to %d",
                         days_text, VALID_DAYS_MAX);
    if (from_text != NULL && !conf_date_parse(from_text, &from))
        return cli_usage(t->args->verb,
                         "--effective %s is no date like 2026-01-31 or 2026-01-31T10:00:00Z",
                         from_text);
    *ret_from = from;
    *ret_to = from + days * DAY_MS;
    return CLI_OK;
}

/* @object gets "document"; the file is hashed now. */
static bool add_document(const struct attest_task *t, json_t *object, char **ret_error)
{
    const char *path = cli_arg(t->args, "--document");
    char absolute[PATH_MAX];
    char hash[SHA256_TEXT_LEN];
    char *copy;
    json_t *document;

    if (path == NULL)
        return true;
    if (!sha256_file(path, hash, ret_error))
        return false;
    copy = text_dup(path);
    if (realpath(path, absolute) == NULL)
        snprintf(absolute, sizeof(absolute), "%s", path);
    document = json_pack("{s:s, s:s*, s:s, s:s}", "title",
                         or_else(cli_arg(t->args, "--title"), basename(copy)), "revision",
                         cli_arg(t->args, "--revision"), "sha256", hash, "location",
                         or_else(cli_arg(t->args, "--location"), absolute));
    free(copy);
    if (document == NULL) {
        *ret_error = bytes_dup_str(BYTES("what is said of the document is no UTF-8 text"));
        return false;
    }
    json_object_set_new(object, "document", document);
    return true;
}

static json_t *inputs_of(const char *list)
{
    char *copy = text_dup(text_or_empty(list));
    json_t *array = json_array();
    char *rest = NULL;

    for (char *at = strtok_r(copy, ",", &rest); at != NULL; at = strtok_r(NULL, ",", &rest))
        json_array_append_new(array, json_string(at));
    free(copy);
    return array;
}

static char *id_new(uint64_t now_unix_ms)
{
    char date[21];
    char *text = random_text(8);
    char *id;

    date_text(now_unix_ms, date);
    id = text_format("A-%.4s%.2s%.2s-%s", date, date + 5, date + 8, text);
    secret_free(text);
    return id;
}

/* NULL when what was given is no text, or the document cannot be read. */
static json_t *attestation_new(const struct attest_task *t, uint64_t from, uint64_t to,
                               char **ret_error)
{
    const struct cli_args *a = t->args;
    const char *asked = t->sub != NULL ? t->sub->attest_statement : NULL;
    char *id = id_new(t->now_unix_ms);
    char made[21];
    char begins[21];
    char ends[21];
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s*}, s:s, s:s, s:s, s:s, s:s*}", "id", id, "kind",
        t->kind, "subcategory", a->operands[0], "statement",
        or_else(cli_arg(a, "--statement"), asked), "who", "name", cli_arg(a, "--who-name"), "role",
        cli_arg(a, "--who-role"), "principal", cli_arg(a, "--principal"), "made_at",
        date_text(t->now_unix_ms, made), "effective_date", date_text(from, begins), "expires",
        date_text(to, ends), "method", t->method, "implementer", cli_arg(a, "--implementer"));

    free(id);
    if (object == NULL) {
        *ret_error = bytes_dup_str(BYTES("an option is no UTF-8 text"));
        return NULL;
    }
    if (cli_arg(a, "--inputs") != NULL)
        json_object_set_new(object, "inputs", inputs_of(cli_arg(a, "--inputs")));
    if (!add_document(t, object, ret_error)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool sign(const struct attest_task *t, json_t *object, char **ret_error)
{
    const char *given = cli_arg(t->args, "--key");
    char *path = given != NULL ? text_dup(given) : home_path(t->config->dir, "pki/attestation.key");
    struct signing_key *key = signing_key_load(path, ret_error);
    char signature[SIGNATURE_TEXT_LEN];
    char *text;

    free(path);
    if (key == NULL)
        return false;
    text = assess_attestation_bytes(object);
    signing_key_sign(key, bytes_str(text), signature);
    json_object_set_new(object, "signature", json_string(signature));
    free(text);
    signing_key_free(key);
    return true;
}

/* ---- the file ---- */

static json_t *file_load(const char *path, char **ret_error)
{
    CLEANUP(buf_done) struct buf text = {0};
    json_error_t why;
    json_t *root;

    if (access(path, F_OK) != 0)
        return json_pack("{s:[]}", "attestations");
    if (!file_read(path, ATTESTATIONS_BYTES_MAX, &text, ret_error))
        return NULL;
    root = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, &why);
    if (json_is_array(json_object_get(root, "attestations")))
        return root;
    (void)text_fail(ret_error, "%s:%d: %s; mend it first, so that nothing of it is lost", path,
                    root == NULL ? why.line : 1,
                    root == NULL ? why.text : "{\"attestations\": [...]} is expected");
    json_decref(root);
    return NULL;
}

static bool file_append(const char *path, json_t *object, char **ret_error)
{
    CLEANUP(buf_done) struct buf lines = {0};
    json_t *root = file_load(path, ret_error);
    char *text;
    bool ok;

    if (root == NULL)
        return false;
    json_array_append(json_object_get(root, "attestations"), object);
    text = json_dumps(root, JSON_INDENT(2));
    check(text != NULL);
    buf_addf(&lines, "%s\n", text);
    ok = file_replace(path, buf_view(&lines), ATTESTATIONS_MODE, ret_error);
    free(text);
    json_decref(root);
    return ok;
}

/* ---- does it count? ---- */

/* As @path was: @before, or not there when that is NULL. */
static void put_back(const char *path, const struct buf *before)
{
    char *error = NULL;

    if (before->at == NULL)
        (void)unlink(path);
    else if (!file_replace(path, buf_view(before), ATTESTATIONS_MODE, &error))
        (void)home_failed(error);
}

/* Return: CLI_OK, and it was said what became of it, or CLI_NO: whoever signs it so
 * would have to sign it anew. */
static int say_status(const struct attest_task *t, const struct attestations *all, const char *id,
                      const char *path)
{
    const char *signer = NULL;
    enum attestation_status status =
        assess_attestation_newest(all, t->catalog, t->now_unix_ms, &signer);

    if (status == ATTESTATION_NO_DOCUMENT)
        return cli_fail("nothing is added: it would not count without a document; give --document");
    if (status == ATTESTATION_WRONG_ROLE)
        return cli_fail("nothing is added: it would not count, %s; it has to be signed by: %s",
                        attestation_status_text(status), text_or_empty(signer));
    home_say("Added %s to %s.\n", id, path);
    if (status == ATTESTATION_VALID)
        home_say("It counts from now on.\n");
    else if (signer != NULL)
        home_say("It does not count: %s. It has to be signed by: %s.\n",
                 attestation_status_text(status), signer);
    return CLI_OK;
}

/* Read it back as the assessment does, which would refuse the whole file for one that is wrong; so
 * a person learns now what the report would say. */
static int append_checked(const struct attest_task *t, const char *path, json_t *object)
{
    CLEANUP(buf_done) struct buf before = {0};
    struct attestations *all;
    char *error = NULL;
    int rc;

    if (access(path, F_OK) == 0 && !file_read(path, ATTESTATIONS_BYTES_MAX, &before, &error))
        return home_failed(error);
    if (!file_append(path, object, &error))
        return home_failed(error);
    all = assess_attestations_load(path, t->config->attestation_key, t->catalog, &error);
    if (all == NULL) {
        put_back(path, &before);
        (void)cli_fail("nothing is added, for the assessment could not read it:");
        return home_failed(error);
    }
    rc = say_status(t, all, json_string_value(json_object_get(object, "id")), path);
    if (rc != CLI_OK)
        put_back(path, &before);
    assess_attestations_free(all);
    return rc;
}

static int append_locked(const struct attest_task *t, const char *path, json_t *object)
{
    char *error = NULL;
    int lock = folder_lock(t->config->dir, &error);
    int rc;

    if (lock < 0)
        return home_failed(error);
    rc = append_checked(t, path, object);
    folder_unlock(lock);
    return rc;
}

static int attest(const struct attest_task *t)
{
    const char *path = t->config->attestations_file;
    char *error = NULL;
    uint64_t from = 0;
    uint64_t to = 0;
    json_t *object;
    int rc;

    if (path == NULL)
        return cli_fail("%s names no attestations file (assess: attestations)", t->config->path);
    rc = take_dates(t, &from, &to);
    if (rc != CLI_OK)
        return rc;
    object = attestation_new(t, from, to, &error);
    if (object == NULL || !sign(t, object, &error)) {
        json_decref(object);
        return home_failed(error);
    }
    rc = append_locked(t, path, object);
    json_decref(object);
    return rc;
}

/** cli_attest() - bastide attest SUBCATEGORY */
int cli_attest(int argc, char **argv)
{
    struct attest_task t = {.now_unix_ms = clock_unix_ms()};
    struct cli_args a;
    char *error = NULL;
    int rc = cli_args_parse(&a, argc, argv, 1, 1);

    if (rc != CLI_OK)
        return rc;
    t.args = &a;
    rc = ask_config(&a, &t.config);
    if (rc != CLI_OK)
        return rc;
    t.catalog = assess_catalog_load(NULL, &error);
    if (t.catalog == NULL)
        rc = home_failed(error);
    else
        rc = take_options(&t);
    if (rc == CLI_OK)
        rc = attest(&t);
    assess_catalog_free(t.catalog);
    config_free(t.config);
    return rc;
}
