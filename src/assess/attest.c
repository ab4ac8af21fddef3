/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/attest.c - what a person signed
 *
 * attestations.json is {"attestations": [...]}; framework/attestations-example.json
 * shows one of each kind.  crypto/crypto.h says which bytes are signed.  An
 * attestation counts while it is in force, authentic, by the right role and about
 * a document with a hash; it never outvotes a failed test.
 */
#include "assess/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "conf/conf.h"
#include "crypto/crypto.h"

#define ATTESTATIONS_BYTES_MAX (16U << 20)
#define MANAGEMENT             "management"
#define GATE_DAYS              365

/* clang-format off */
static const struct {
    const char *name;
    const char *signer; /* NULL: the catalogue says it for each subcategory */
} kinds[] = {
    [ATTEST_STATEMENT]  = {"statement",  NULL},
    [ATTEST_POLICY]     = {"policy",     MANAGEMENT},
    [ATTEST_RESOURCES]  = {"resources",  MANAGEMENT},
    [ATTEST_VALIDATION] = {"validation", "somebody else than its implementer, who is named"},
};
/* clang-format on */

/** attestation_status_text() - static */
const char *attestation_status_text(enum attestation_status s)
{
    static const char *const texts[] = {
#define X(name, text) [ATTESTATION_##name] = text,
        ATTESTATION_STATUSES(X)
#undef X
    };

    return texts[s];
}

/**
 * assess_attestation_bytes() - the bytes that a signature covers
 * @attestation: an object
 *
 * The object without "signature", keys sorted, compact, UTF-8.
 *
 * Return: a text that the caller frees.
 */
char *assess_attestation_bytes(const json_t *attestation)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)attestation);
    char *text;

    (void)json_object_del(copy, "signature");
    text = json_dumps(copy, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(copy);
    return text;
}

static bool is_authentic(const json_t *o, const struct verifying_key *key)
{
    const char *signature = json_string_value(json_object_get(o, "signature"));
    char *text;
    bool ok;

    if (key == NULL || signature == NULL)
        return false;
    text = assess_attestation_bytes(o);
    ok = verifying_key_check(key, bytes_str(text), signature);
    free(text);
    return ok;
}

static bool is_sha256(const char *text)
{
    return text != NULL && strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64;
}

/* An error names the attestation by its id, or its place in the list. */
struct reading {
    const char *path;
    size_t place;
    const char *id;
    struct buf *error;
};

static void fail(struct reading *r, const char *what)
{
    if (r->id != NULL)
        buf_addf(r->error, "%s: attestation %s: %s\n", r->path, r->id, what);
    else
        buf_addf(r->error, "%s: attestation number %zu: %s\n", r->path, r->place + 1, what);
}

static uint64_t date_at(struct reading *r, const json_t *o, const char *key, bool needed)
{
    const char *text = json_string_value(json_object_get(o, key));
    uint64_t unix_ms = 0;
    char what[128];

    if (text == NULL && !needed)
        return 0;
    if (text == NULL || !conf_date_parse(text, &unix_ms)) {
        (void)snprintf(what, sizeof(what),
                       "\"%s\" is missing or no date such as 2026-01-31 or 2026-01-31T10:00:00Z",
                       key);
        fail(r, what);
    }
    return unix_ms;
}

static bool has_input(const json_t *o, const char *input)
{
    const json_t *list = json_object_get(o, "inputs");
    const json_t *v;
    size_t i;

    json_array_foreach(list, i, v) if (json_is_string(v) &&
                                       strcmp(json_string_value(v), input) == 0) return true;
    return false;
}

static void read_kind(struct reading *r, const json_t *o, struct attestation *a)
{
    const char *kind = json_string_value(json_object_get(o, "kind"));

    if (kind == NULL) { /* the catalogue's statement is what is meant mostly */
        a->kind = ATTEST_STATEMENT;
        return;
    }
    for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kinds[i].name, kind) == 0) {
            a->kind = (enum attestation_kind)i;
            return;
        }
    }
    fail(r, "\"kind\" is none of statement, policy, resources, validation");
}

static void read_subject(struct reading *r, const json_t *o, const struct catalog *c,
                         struct attestation *a)
{
    const char *id = json_string_value(json_object_get(o, "subcategory"));
    struct id_set set;

    if (id == NULL || !catalog_resolve(c, id, &set)) {
        fail(r, "\"subcategory\" is no id of the catalogue");
        a->subs = mem_zero(MAX(c->n_subcategories, 1) * sizeof(bool));
        return;
    }
    a->subs = set.subs;
    if (a->kind == ATTEST_STATEMENT && set.depth != 3)
        fail(r, "a statement is about one subcategory, such as MQ.ID.AM-01");
}

static void read_who(struct reading *r, const json_t *o, struct attestation *a)
{
    const json_t *who = json_object_get(o, "who");
    const char *name = json_string_value(json_object_get(who, "name"));
    const char *role = json_string_value(json_object_get(who, "role"));
    const char *implementer = json_string_value(json_object_get(o, "implementer"));
    CLEANUP(buf_done) struct buf text = {0};

    if (name == NULL || name[0] == '\0' || role == NULL)
        fail(r, "\"who\" needs \"name\" and \"role\"");
    buf_addf(&text, "%s, %s", text_or_empty(name), text_or_empty(role));
    a->who = bytes_dup_str(buf_view(&text));
    a->role = text_dup(text_or_empty(role));
    a->is_independent = implementer != NULL && implementer[0] != '\0' && name != NULL &&
                        strcasecmp(implementer, name) != 0;
}

static void read_one(struct reading *r, const json_t *o, const struct catalog *c,
                     const struct verifying_key *key, struct attestation *a)
{
    const json_t *document = json_object_get(o, "document");

    r->id = json_string_value(json_object_get(o, "id"));
    read_kind(r, o, a);
    read_subject(r, o, c, a);
    read_who(r, o, a);
    a->made_unix_ms = date_at(r, o, "made_at", true);
    a->effective_unix_ms = date_at(r, o, "effective_date", false);
    if (a->effective_unix_ms == 0)
        a->effective_unix_ms = a->made_unix_ms;
    a->expires_unix_ms = date_at(r, o, "expires", true);
    a->has_document = is_sha256(json_string_value(json_object_get(document, "sha256")));
    a->from_lessons = has_input(o, "lessons") && has_input(o, "shared");
    a->is_authentic = is_authentic(o, key);
}

static void read_all(const char *path, const json_t *root, const struct catalog *c,
                     const struct verifying_key *key, struct attestations *a, struct buf *error)
{
    const json_t *list = json_object_get(root, "attestations");

    if (!json_is_array(list)) {
        buf_addf(error, "%s: {\"attestations\": [...]} is expected\n", path);
        return;
    }
    a->n = json_array_size(list);
    a->at = mem_zero(MAX(a->n, 1) * sizeof(*a->at));
    for (size_t i = 0; i < a->n; i++) {
        struct reading r = {.path = path, .place = i, .error = error};

        read_one(&r, json_array_get(list, i), c, key, &a->at[i]);
    }
}

/**
 * assess_attestations_load() - read attestations and verify them
 * @public_key_path: NULL: none of them is authentic
 * @ret_error:       one line an error; owned by the caller
 *
 * A forged one is no error here: it is there, and says so in the report.
 *
 * Return: NULL when a file cannot be read or breaks the format.
 */
struct attestations *assess_attestations_load(const char *path, const char *public_key_path,
                                              const struct catalog *c, char **ret_error)
{
    struct attestations *a = mem_new(struct attestations);
    struct verifying_key *key = NULL;
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(buf_done) struct buf error = {0};
    json_error_t why;
    json_t *root;

    a->n_subs = c->n_subcategories;
    if (!file_read(path, ATTESTATIONS_BYTES_MAX, &text, ret_error))
        return assess_attestations_free(a);
    if (public_key_path != NULL) {
        key = verifying_key_load(public_key_path, ret_error);
        if (key == NULL)
            return assess_attestations_free(a);
        a->has_key = true;
    }
    root = json_loadb((char *)text.at, text.len, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL)
        buf_addf(&error, "%s:%d:%d: %s\n", path, why.line, why.column, why.text);
    else
        read_all(path, root, c, key, a, &error);
    json_decref(root);
    verifying_key_free(key);
    if (error.len > 0) {
        *ret_error = bytes_dup_str(bytes_of(error.at, error.len - 1));
        return assess_attestations_free(a);
    }
    return a;
}

/** assess_attestations_free() - Return: NULL. */
struct attestations *assess_attestations_free(struct attestations *a)
{
    if (a == NULL)
        return NULL;
    for (size_t i = 0; i < a->n; i++) {
        free(a->at[i].subs);
        free(a->at[i].who);
        free(a->at[i].role);
    }
    free(a->at);
    free(a);
    return NULL;
}

/* Is @role one of those that @who of the catalogue names?  "asset owner (OT/engineering)" asks for
 * an asset owner; "legal or audit" for either. */
static bool role_is_among(const char *role, const char *who)
{
    size_t len = strcspn(who, "(");
    const char *at = who;
    const char *end;

    while (len > 0 && who[len - 1] == ' ')
        len--;
    end = who + len;
    while (at <= end) {
        const char * or = strstr(at, " or ");
        size_t n = (size_t)((or != NULL && or < end ? or : end) - at);

        if (strlen(role) == n && strncasecmp(role, at, n) == 0)
            return true;
        if (or == NULL || or >= end)
            break;
        at = or +4;
    }
    return strcasecmp(role, who) == 0;
}

static bool role_may(const struct attestation *a, const struct catalog_subcategory *s)
{
    switch (a->kind) {
    case ATTEST_STATEMENT:
        return s->attest_who != NULL && role_is_among(a->role, s->attest_who);
    case ATTEST_POLICY:
    case ATTEST_RESOURCES:
        return strncasecmp(a->role, MANAGEMENT, sizeof(MANAGEMENT) - 1) == 0;
    case ATTEST_VALIDATION:
        return a->is_independent;
    }
    return false;
}

/* However far away its expiry stands, it holds no longer than the catalogue lets it. */
static uint64_t held_until(const struct attestation *a, const struct catalog_subcategory *s)
{
    unsigned days = a->kind == ATTEST_STATEMENT ? s->attest_days : GATE_DAYS;

    return MIN(a->expires_unix_ms, a->effective_unix_ms + days * DAY_MS);
}

static enum attestation_status judge(const struct attestations *all, const struct attestation *a,
                                     const struct catalog_subcategory *s, uint64_t now)
{
    if (!all->has_key)
        return ATTESTATION_NO_KEY;
    if (!a->is_authentic)
        return ATTESTATION_FORGED;
    if (!role_may(a, s))
        return ATTESTATION_WRONG_ROLE;
    if (!a->has_document)
        return ATTESTATION_NO_DOCUMENT;
    if (now < a->effective_unix_ms || now < a->made_unix_ms)
        return ATTESTATION_NOT_YET;
    return now < held_until(a, s) ? ATTESTATION_VALID : ATTESTATION_EXPIRED;
}

/* Which of two tells more?  The lower. */
static unsigned rank(enum attestation_status s)
{
    static const enum attestation_status order[] = {
        ATTESTATION_VALID,       ATTESTATION_EXPIRED, ATTESTATION_NOT_YET, ATTESTATION_WRONG_ROLE,
        ATTESTATION_NO_DOCUMENT, ATTESTATION_FORGED,  ATTESTATION_NO_KEY};
    unsigned i = 0;

    while (i < COUNT_OF(order) && order[i] != s)
        i++;
    return i;
}

/**
 * attestation_find() - the best attestation of a kind for a subcategory
 * @sub: index of the subcategory
 *
 * A valid one before any other; of two alike the one that holds longest.
 *
 * Return: its status, ATTESTATION_MISSING when there is none.
 */
struct attested attestation_find(const struct attestations *a, enum attestation_kind kind,
                                 const struct catalog *c, size_t sub, uint64_t now)
{
    const struct catalog_subcategory *s = &c->subcategories[sub];
    struct attested best = {.status = ATTESTATION_MISSING};

    for (size_t i = 0; a != NULL && i < a->n; i++) {
        const struct attestation *one = &a->at[i];
        enum attestation_status status;

        if (one->kind != kind || !one->subs[sub])
            continue;
        status = judge(a, one, s, now);
        if (best.by == NULL || rank(status) < rank(best.status) ||
            (status == best.status && held_until(one, s) > best.until_unix_ms))
            best =
                (struct attested){.status = status, .by = one, .until_unix_ms = held_until(one, s)};
    }
    return best;
}

/**
 * assess_attestation_newest() - does the last one of the file count?
 * @c:          the catalogue that the file was loaded with
 * @ret_signer: by whom one of its kind has to be signed; static or the catalogue's
 *
 * Return: its status for the first subcategory that it is about; ATTESTATION_MISSING when the file
 *         holds none, and then @ret_signer is untouched.
 */
enum attestation_status assess_attestation_newest(const struct attestations *a,
                                                  const struct catalog *c, uint64_t now_unix_ms,
                                                  const char **ret_signer)
{
    const struct attestation *last = a->n > 0 ? &a->at[a->n - 1] : NULL;

    for (size_t i = 0; last != NULL && i < c->n_subcategories; i++) {
        const struct catalog_subcategory *s = &c->subcategories[i];

        if (!last->subs[i])
            continue;
        *ret_signer = kinds[last->kind].signer != NULL ? kinds[last->kind].signer : s->attest_who;
        return judge(a, last, s, now_unix_ms);
    }
    return ATTESTATION_MISSING;
}
