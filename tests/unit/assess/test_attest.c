/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/assess/test_attest.c - what a person signed, and when it counts */
#include "world.h"

#include "crypto/crypto.h"

#define SUB "MQ.ID.AM-01" /* asset owner (OT/engineering), 365 days, from tier 3 */

static json_t *good(void)
{
    return world_attestation("statement", SUB, "asset owner");
}

static enum attestation_status status_of(struct world *w, json_t *one)
{
    world_attestations(w, json_pack("[o]", one));
    return world_sub(world_run(w), SUB)->attestation;
}

static void set(json_t *o, const char *key, const char *value)
{
    assert_int_equal(json_object_set_new(o, key, json_string(value)), 0);
}

static void a_signed_attestation_in_force_is_valid(void **state)
{
    struct world w = world_new(4);

    (void)state;
    assert_int_equal(status_of(&w, good()), ATTESTATION_VALID);
    assert_string_equal(world_sub(w.result, SUB)->attested_by, "Ada Example, asset owner");
    world_done(&w);
}

static void a_signed_review_is_the_date_of_the_review(void **state)
{
    struct world w = world_new(4);
    json_t *one = world_attestation("statement", "MQ.PR.IA-05", "application owner");
    const struct assess_test *t;

    (void)state;
    world_forget(&w, "MQ.PR.IA-05.t5");
    set(one, "made_at", "2026-02-18");
    set(one, "effective_date", "2026-02-18");
    world_attestations(&w, json_pack("[o]", one));
    t = world_test(world_run(&w), "MQ.PR.IA-05.t5");
    assert_true(t->known);
    assert_true(t->value == 10);
    assert_string_equal(t->detail, "signed by Ada Example, application owner");
    one = world_attestation("statement", "MQ.PR.IA-05", "janitor");
    world_attestations(&w, json_pack("[o]", one));
    assert_false(world_test(world_run(&w), "MQ.PR.IA-05.t5")->known);
    world_done(&w);
}

static void what_is_not_in_order_does_not_count_and_says_why(void **state)
{
    struct world w = world_new(4);
    json_t *one;

    (void)state;
    one = good();
    set(one, "expires", "2026-02-28"); /* now is its end */
    assert_int_equal(status_of(&w, one), ATTESTATION_EXPIRED);
    one = good();
    set(one, "effective_date", "2026-03-01");
    assert_int_equal(status_of(&w, one), ATTESTATION_NOT_YET);
    one = good();
    set(one, "made_at", "2026-03-01");
    set(one, "effective_date", "2026-02-01");
    assert_int_equal(status_of(&w, one), ATTESTATION_NOT_YET);
    one = world_attestation("statement", SUB, "janitor");
    assert_int_equal(status_of(&w, one), ATTESTATION_WRONG_ROLE);
    one = good();
    (void)json_object_del(one, "document");
    assert_int_equal(status_of(&w, one), ATTESTATION_NO_DOCUMENT);
    one = good();
    set(json_object_get(one, "document"), "sha256", "0123");
    assert_int_equal(status_of(&w, one), ATTESTATION_NO_DOCUMENT);
    world_attestations(&w, json_array());
    assert_int_equal(world_sub(world_run(&w), SUB)->attestation, ATTESTATION_MISSING);
    world_done(&w);
}

/* Each field is covered by the signature. */
static void whoever_changes_anything_after_signing_is_a_forger(void **state)
{
    static const char *const fields[] = {"id", "statement", "expires", "made_at", "implementer"};
    struct world w = world_new(4);
    char path[128];
    char *error = NULL;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/key", world_dir);
    for (size_t i = 0; i < COUNT_OF(fields) + 2; i++) {
        struct signing_key *key = signing_key_load(path, &error);
        char signature[SIGNATURE_TEXT_LEN];
        json_t *one = good();
        char *bytes = assess_attestation_bytes(one);

        signing_key_sign(key, bytes_str(bytes), signature);
        set(one, "signature", signature);
        if (i < COUNT_OF(fields))
            set(one, fields[i],
                strcmp(fields[i], "expires") == 0   ? "2031-01-01"
                : strcmp(fields[i], "made_at") == 0 ? "2026-02-02"
                                                    : "changed");
        else if (i == COUNT_OF(fields))
            set(json_object_get(one, "who"), "name", "Eve");
        else
            set(one, "signature", "AAAA");
        print_message("  %s\n", i < COUNT_OF(fields) ? fields[i] : "who, signature");
        assert_int_equal(status_of(&w, one), ATTESTATION_FORGED);
        free(bytes);
        signing_key_free(key);
    }
    world_done(&w);
}

static void without_a_key_nothing_verifies(void **state)
{
    struct world w = world_new(4);
    char path[128];
    char *error = NULL;

    (void)state;
    (void)status_of(&w, good());
    (void)snprintf(path, sizeof(path), "%s/attestations.json", world_dir);
    assess_attestations_free(w.attestations);
    w.attestations = assess_attestations_load(path, NULL, w.catalog, &error);
    assert_non_null(w.attestations);
    assert_int_equal(world_sub(world_run(&w), SUB)->attestation, ATTESTATION_NO_KEY);
    world_done(&w);
}

static void an_expiry_further_away_than_the_catalogue_allows_is_cut(void **state)
{
    struct world w = world_new(4);
    json_t *one = good();

    (void)state;
    set(one, "made_at", "2025-02-27"); /* 366 days ago, expires 2030 */
    assert_int_equal(status_of(&w, one), ATTESTATION_EXPIRED);
    one = good();
    set(one, "made_at", "2025-03-01");
    assert_int_equal(status_of(&w, one), ATTESTATION_VALID);
    world_done(&w);
}

static void a_valid_one_counts_beside_others_that_do_not(void **state)
{
    struct world w = world_new(4);
    json_t *old = good();
    json_t *forged = good();

    (void)state;
    set(old, "expires", "2026-02-10");
    set(forged, "signature", "AAAA");
    world_attestations(&w, json_pack("[o, o, o, o]", forged, old, good(),
                                     world_attestation("statement", SUB, "janitor")));
    assert_int_equal(world_sub(world_run(&w), SUB)->attestation, ATTESTATION_VALID);
    world_done(&w);
}

/* At tier 3 and above whoever signs is not whoever did it, and says who did. */
static void above_tier_2_the_signer_is_not_the_implementer(void **state)
{
    struct world w = world_new(4);
    json_t *list;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        json_t *one;

        list = world_statements(&w);
        one = world_of_kind(list, "statement", SUB);
        if (i == 0)
            set(one, "implementer", "ADA EXAMPLE");
        else
            (void)json_object_del(one, "implementer");
        world_attestations(&w, list);
        assert_int_equal(world_tier(world_run(&w), SUB), 2);
        assert_non_null(strstr(world_sub(w.result, SUB)->blocker, "implementer"));
    }
    world_done(&w);
}

static void a_role_is_one_of_those_that_the_catalogue_names(void **state)
{
    /* clang-format off */
    static const struct {
        const char *sub;
        const char *role;
        enum attestation_status status;
    } cases[] = {
        {"MQ.ID.AM-01", "Asset Owner",                   ATTESTATION_VALID},
        {"MQ.ID.AM-01", "asset owner (OT/engineering)",  ATTESTATION_VALID},
        {"MQ.ID.AM-01", "asset",                         ATTESTATION_WRONG_ROLE},
        {"MQ.ID.CO-04", "procurement",                   ATTESTATION_VALID},
        {"MQ.ID.CO-04", "product security",              ATTESTATION_VALID},
        {"MQ.ID.CO-04", "procurement or product security", ATTESTATION_VALID},
        {"MQ.ID.CO-04", "or",                            ATTESTATION_WRONG_ROLE},
        {"MQ.ID.CO-04", "",                              ATTESTATION_WRONG_ROLE},
        {"MQ.ID.RM-01", "risk owner",                    ATTESTATION_WRONG_ROLE}, /* at management level */
    };
    /* clang-format on */
    struct world w = world_new(4);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s: \"%s\"\n", cases[i].sub, cases[i].role);
        world_attestations(
            &w, json_pack("[o]", world_attestation("statement", cases[i].sub, cases[i].role)));
        assert_int_equal(world_sub(world_run(&w), cases[i].sub)->attestation, cases[i].status);
    }
    world_done(&w);
}

static void what_breaks_the_format_is_an_error_that_names_the_attestation(void **state)
{
    struct world w = world_new(4);
    char pub[128];
    char *error = NULL;

    (void)state;
    (void)snprintf(pub, sizeof(pub), "%s/pub", world_dir);
    /* clang-format off */
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"{\"attestations\": [",                 "bad.json:1:"},
        {"[]",                                   "{\"attestations\": [...]} is expected"},
        {"{\"attestations\": [{\"id\": \"A-7\"}]}", "attestation A-7: \"subcategory\" is no id"},
        {"{\"attestations\": [{\"subcategory\": \"MQ.PR\", \"who\": {\"name\": \"a\", \"role\": \"b\"},"
         "\"made_at\": \"2026-01-01\", \"expires\": \"2027-01-01\"}]}", "attestation number 1: a statement is about one subcategory"},
        {"{\"attestations\": [{\"subcategory\": \"MQ.PR.IA-01\", \"who\": {\"name\": \"a\", \"role\": \"b\"},"
         "\"made_at\": \"2026-01-01\"}]}",       "\"expires\" is missing"},
        {"{\"attestations\": [{\"kind\": \"rumour\"}]}", "\"kind\" is none of statement"},
        {"{\"attestations\": [7]}",              "\"who\" needs"},
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct attestations *a =
            assess_attestations_load(world_file("bad.json", cases[i].text), pub, w.catalog, &error);

        assert_null(a);
        print_message("  %s\n", error);
        assert_non_null(strstr(error, cases[i].error));
        free(error);
        error = NULL;
    }
    assert_null(assess_attestations_load("/nonexistent", pub, w.catalog, &error));
    assert_non_null(strstr(error, "/nonexistent"));
    free(error);
    world_done(&w);
}

static void the_example_that_is_installed_is_in_order(void **state)
{
    struct world w = world_new(4);
    char *error = NULL;
    struct attestations *a = assess_attestations_load(FRAMEWORK_DIR "/attestations-example.json",
                                                      NULL, w.catalog, &error);

    (void)state;
    if (a == NULL)
        fail_msg("%s", error);
    assess_attestations_free(a);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_attestation_in_force_is_valid),
        cmocka_unit_test(a_signed_review_is_the_date_of_the_review),
        cmocka_unit_test(what_is_not_in_order_does_not_count_and_says_why),
        cmocka_unit_test(whoever_changes_anything_after_signing_is_a_forger),
        cmocka_unit_test(without_a_key_nothing_verifies),
        cmocka_unit_test(an_expiry_further_away_than_the_catalogue_allows_is_cut),
        cmocka_unit_test(a_valid_one_counts_beside_others_that_do_not),
        cmocka_unit_test(above_tier_2_the_signer_is_not_the_implementer),
        cmocka_unit_test(a_role_is_one_of_those_that_the_catalogue_names),
        cmocka_unit_test(what_breaks_the_format_is_an_error_that_names_the_attestation),
        cmocka_unit_test(the_example_that_is_installed_is_in_order),
    };

    return cmocka_run_group_tests(tests, world_begin, world_end);
}
