/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/assess/world.c - see world.h */
#include "world.h"

#include <dirent.h>

#include "crypto/crypto.h"

#define KEPT_FILES 8

char world_dir[64];

const char world_scope_yaml[] = "scope: test\n"
                                "approved_by: CISO\n"
                                "approved_at: 2026-01-01\n"
                                "zones:\n"
                                "  - {name: north, exposure: internal, impact: {supply: 80}}\n"
                                "tolerance:\n"
                                "  approved_by: board\n"
                                "  approved_at: 2026-01-01\n"
                                "  areas: {supply: high}\n"
                                "obligations:\n"
                                "  - {name: act, source: law, owner: legal,\n"
                                "     reviewed_at: 2026-02-01, covers: [MQ.PR.SP-04]}\n"
                                "min_samples:\n"
                                "  - {tests: [MQ.ID.EA-03.t1], at_least: 1, reason: one broker}\n";

const char world_target_yaml[] = "profile: test\n"
                                 "approved_by: CISO\n"
                                 "approved_at: 2026-01-01\n"
                                 "tiers:\n"
                                 "  MQ: 3\n";

/* Runs on four earlier days, an indicator since a year, a review: all of them before NOW. */
const char world_history_jsonl[] =
    "{\"kind\":\"run\",\"at\":1764547200000}\n"
    "{\"kind\":\"run\",\"at\":1767225600000}\n"
    "{\"kind\":\"run\",\"at\":1769904000000}\n"
    "{\"kind\":\"run\",\"at\":1771286400000}\n"
    "{\"kind\":\"indicator\",\"at\":1740700800000,\"category\":\"MQ\",\"since\":1740700800000}\n"
    "{\"kind\":\"change\",\"at\":1769904000000,\"category\":\"MQ\",\"cause\":\"review\"}\n";

int world_begin(void **state)
{
    char key[128], pub[128];
    char *error = NULL;

    (void)state;
    (void)snprintf(world_dir, sizeof(world_dir), "/tmp/bastide-assess-XXXXXX");
    if (mkdtemp(world_dir) == NULL)
        return -1;
    (void)snprintf(key, sizeof(key), "%s/key", world_dir);
    (void)snprintf(pub, sizeof(pub), "%s/pub", world_dir);
    if (!signing_key_create(key, pub, &error))
        fail_msg("%s", error);
    return 0;
}

int world_end(void **state)
{
    DIR *d = opendir(world_dir);
    struct dirent *e;
    char path[512];

    (void)state;
    while (d != NULL && (e = readdir(d)) != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%s", world_dir, e->d_name);
        (void)unlink(path);
    }
    if (d != NULL)
        (void)closedir(d);
    return rmdir(world_dir);
}

const char *world_file(const char *name, const char *text)
{
    static char paths[KEPT_FILES][128];
    static unsigned next;
    char *path = paths[next++ % KEPT_FILES];
    FILE *f;

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", world_dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
    return path;
}

double world_value_at(const struct catalog_test *t, unsigned tier)
{
    return t->has[tier] ? t->threshold[tier] : t->threshold[ASSESS_TIER_MAX];
}

void world_measure(struct world *w, const char *test, double value, uint64_t samples, uint64_t at)
{
    world_forget(w, test);
    assess_evidence_add(w->evidence, &(struct evidence){.test = test,
                                                        .value = value,
                                                        .samples = samples,
                                                        .at_unix_ms = at,
                                                        .detail = "measured by a test"});
}

void world_forget(struct world *w, const char *test)
{
    struct evidence_set *rest = assess_evidence_new();

    for (size_t i = 0; i < w->evidence->n; i++) {
        const struct evidence_item *it = &w->evidence->items[i];

        if (strcmp(it->test, test) != 0)
            assess_evidence_add(rest, &(struct evidence){it->test, it->value, it->samples,
                                                         it->window, it->at_unix_ms, it->detail});
    }
    assess_evidence_free(w->evidence);
    w->evidence = rest;
}

void world_target(struct world *w, const char *yaml)
{
    char *error = NULL;

    assess_target_free(w->target);
    w->target = assess_target_load(world_file("target.yaml", yaml), w->catalog, &error);
    if (w->target == NULL)
        fail_msg("%s", error);
}

void world_scope(struct world *w, const char *yaml)
{
    char *error = NULL;

    assess_scope_free(w->scope);
    w->scope = assess_scope_load(world_file("scope.yaml", yaml), w->catalog, &error);
    if (w->scope == NULL)
        fail_msg("%s", error);
}

json_t *world_rows(const char *jsonl)
{
    json_t *all = json_array();

    while (*jsonl != '\0') {
        size_t len = strcspn(jsonl, "\n");
        json_t *o = json_loadb(jsonl, len, 0, NULL);

        assert_true(o != NULL || len == 0);
        if (o != NULL)
            json_array_append_new(all, o);
        jsonl += len + (jsonl[len] == '\n');
    }
    return all;
}

void world_history(struct world *w, const char *jsonl)
{
    json_t *rows = world_rows(jsonl);
    char *error = NULL;

    assess_history_free(w->history);
    w->history = assess_history_read(rows, &error);
    json_decref(rows);
    if (w->history == NULL)
        fail_msg("%s", error);
}

json_t *world_attestation(const char *kind, const char *subcategory, const char *role)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:{s:s, s:s}, s:[s, s]}",
                     "id", subcategory, "kind", kind, "subcategory", subcategory, "statement",
                     "so it is", "who", "name", "Ada Example", "role", role, "implementer",
                     "Ben Example", "made_at", "2026-02-01", "expires", "2030-01-01", "document",
                     "title", "record", "sha256",
                     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "inputs",
                     "lessons", "shared");
}

/* The role without what stands in brackets, and of several the first. */
static void role_of(const char *who, char ret[64])
{
    const char * or = strstr(who, " or ");
    size_t len = or != NULL ? (size_t)(or -who) : strcspn(who, "(");

    while (len > 0 && who[len - 1] == ' ')
        len--;
    (void)snprintf(ret, 64, "%.*s", (int)len, who);
}

json_t *world_statements(const struct world *w)
{
    json_t *list = json_array();

    for (size_t i = 0; i < w->catalog->n_subcategories; i++) {
        const struct catalog_subcategory *s = &w->catalog->subcategories[i];
        char role[64];

        if (s->attest_who == NULL)
            continue;
        role_of(s->attest_who, role);
        assert_int_equal(json_array_append_new(list, world_attestation("statement", s->id, role)),
                         0);
    }
    assert_int_equal(json_array_append_new(list, world_attestation("policy", "MQ", "management")),
                     0);
    assert_int_equal(
        json_array_append_new(list, world_attestation("resources", "MQ", "management (CISO)")), 0);
    assert_int_equal(json_array_append_new(list, world_attestation("validation", "MQ", "auditor")),
                     0);
    return list;
}

json_t *world_of_kind(json_t *list, const char *kind, const char *subcategory)
{
    json_t *v;
    size_t i;

    json_array_foreach(list, i, v)
    {
        if (strcmp(json_string_value(json_object_get(v, "kind")), kind) == 0 &&
            strcmp(json_string_value(json_object_get(v, "subcategory")), subcategory) == 0)
            return v;
    }
    fail_msg("no %s of %s", kind, subcategory);
    return NULL;
}

json_t *world_without(json_t *list, const char *kind, const char *subcategory)
{
    const json_t *one = world_of_kind(list, kind, subcategory);

    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_array_get(list, i) == one)
            assert_int_equal(json_array_remove(list, i), 0);
    return list;
}

void world_attestations(struct world *w, json_t *list)
{
    char key_path[128], pub_path[128];
    char *error = NULL;
    struct signing_key *key;
    json_t *root = json_pack("{s:o}", "attestations", list);
    json_t *v;
    size_t i;
    char *text;

    (void)snprintf(key_path, sizeof(key_path), "%s/key", world_dir);
    (void)snprintf(pub_path, sizeof(pub_path), "%s/pub", world_dir);
    key = signing_key_load(key_path, &error);
    if (key == NULL)
        fail_msg("%s", error);
    json_array_foreach(list, i, v)
    {
        char signature[SIGNATURE_TEXT_LEN];
        char *bytes;

        if (json_object_get(v, "signature") != NULL)
            continue;
        bytes = assess_attestation_bytes(v);
        signing_key_sign(key, bytes_str(bytes), signature);
        (void)json_object_set_new(v, "signature", json_string(signature));
        free(bytes);
    }
    signing_key_free(key);
    text = json_dumps(root, 0);
    assess_attestations_free(w->attestations);
    w->attestations = assess_attestations_load(world_file("attestations.json", text), pub_path,
                                               w->catalog, &error);
    if (w->attestations == NULL)
        fail_msg("%s", error);
    free(text);
    json_decref(root);
}

struct world world_new(unsigned tier)
{
    struct world w = {.evidence = assess_evidence_new()};
    char *error = NULL;

    w.catalog = assess_catalog_load(CATALOG, &error);
    if (w.catalog == NULL)
        fail_msg("%s", error);
    for (size_t i = 0; i < w.catalog->n_subcategories; i++)
        for (size_t k = 0; k < w.catalog->subcategories[i].n_tests; k++) {
            const struct catalog_test *t = &w.catalog->subcategories[i].tests[k];

            world_measure(&w, t->id, world_value_at(t, tier), 1000, NOW - 3600000);
        }
    world_target(&w, world_target_yaml);
    world_scope(&w, world_scope_yaml);
    world_history(&w, world_history_jsonl);
    world_attestations(&w, world_statements(&w));
    return w;
}

void world_done(struct world *w)
{
    assess_free(w->result);
    assess_evidence_free(w->evidence);
    assess_history_free(w->history);
    assess_attestations_free(w->attestations);
    assess_scope_free(w->scope);
    assess_target_free(w->target);
    assess_catalog_free(w->catalog);
}

struct assess_input world_input(const struct world *w)
{
    return (struct assess_input){
        .catalog = w->catalog,
        .target = w->target,
        .scope = w->scope,
        .attestations = w->attestations,
        .history = w->history,
        .evidence = w->evidence,
        .node_name = "centre-1",
        .now_unix_ms = NOW,
    };
}

const struct assessment *world_run(struct world *w)
{
    struct assess_input in = world_input(w);

    assess_free(w->result);
    w->result = assess_run(&in);
    return w->result;
}

const struct assess_sub *world_sub(const struct assessment *a, const char *id)
{
    for (size_t i = 0; i < a->n_subs; i++)
        if (strcmp(a->subs[i].sub->id, id) == 0)
            return &a->subs[i];
    fail_msg("no subcategory %s", id);
    return NULL;
}

const struct assess_test *world_test(const struct assessment *a, const char *id)
{
    for (size_t i = 0; i < a->n_subs; i++)
        for (size_t k = 0; k < a->subs[i].n_tests; k++)
            if (strcmp(a->subs[i].tests[k].test->id, id) == 0)
                return &a->subs[i].tests[k];
    fail_msg("no test %s", id);
    return NULL;
}

const struct assess_rollup *world_category(const struct assessment *a, const char *id)
{
    for (size_t k = 0; k < a->n_categories; k++)
        if (strcmp(a->categories[k].id, id) == 0)
            return &a->categories[k];
    fail_msg("no category %s", id);
    return NULL;
}

unsigned world_tier(const struct assessment *a, const char *id)
{
    return world_sub(a, id)->tier;
}
