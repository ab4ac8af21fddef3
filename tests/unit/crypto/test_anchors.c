/* SPDX-License-Identifier: Apache-2.0 */
/* Which anchors a file has, and where a chain ends. */
#include "folder.h"

#include "base/clock.h"

#define DAY_MS 86400000ULL

static void make_ca(struct folder *f, const char *name)
{
    uint64_t now = clock_unix_ms();
    char *error = NULL;

    mkdir(in(f, name), 0700);
    assert_true(pki_create(in(f, name), name, now, now + PKI_CA_DAYS * DAY_MS, &error));
}

/* FOLDER/leaf.crt, from the CA in FOLDER/one. */
static void issue_leaf(struct folder *f)
{
    uint64_t now = clock_unix_ms();
    const struct pki_request r = {.kind = PKI_CLIENT,
                                  .common_name = "leaf",
                                  .not_before_unix_ms = now,
                                  .not_after_unix_ms = now + DAY_MS};
    char crt[128];
    char *error = NULL;

    snprintf(crt, sizeof(crt), "%s/leaf.crt", f->path);
    if (!pki_issue(in(f, "one"), &r, crt, in(f, "leaf.key"), NULL, &error))
        fail_msg("%s", error);
}

static void join(struct folder *f, const char *to, const char *a, const char *b)
{
    struct buf text = {0};
    char *error = NULL;

    assert_true(file_read(in(f, a), 1 << 20, &text, &error));
    assert_true(file_read(in(f, b), 1 << 20, &text, &error));
    assert_true(file_replace(in(f, to), buf_view(&text), 0644, &error));
    buf_done(&text);
}

static void every_anchor_of_a_file_counts_and_a_leaf_is_told(void **state)
{
    struct folder *f = *state;
    struct anchors_facts facts;
    char *error = NULL;

    make_ca(f, "one");
    make_ca(f, "two");
    issue_leaf(f);
    join(f, "cas", "one/ca.crt", "two/ca.crt");
    join(f, "all", "cas", "leaf.crt");
    assert_true(anchors_read(in(f, "one/ca.crt"), &facts, &error));
    assert_int_equal(facts.n, 1);
    assert_true(anchors_read(in(f, "cas"), &facts, &error));
    assert_int_equal(facts.n, 2);
    assert_int_equal(facts.n_strong, 2);
    assert_int_equal(facts.n_leaves, 0);
    assert_true(anchors_read(in(f, "all"), &facts, &error));
    assert_int_equal(facts.n, 3);
    assert_int_equal(facts.n_leaves, 1);
}

static void a_chain_ends_at_the_ca_that_issued_it_and_at_no_other(void **state)
{
    struct folder *f = *state;
    char leaf[128];

    make_ca(f, "one");
    make_ca(f, "two");
    issue_leaf(f);
    join(f, "cas", "two/ca.crt", "one/ca.crt");
    snprintf(leaf, sizeof(leaf), "%s/leaf.crt", f->path);
    assert_true(certificate_is_anchored(leaf, in(f, "one/ca.crt")));
    assert_true(certificate_is_anchored(leaf, in(f, "cas")));
    assert_false(certificate_is_anchored(leaf, in(f, "two/ca.crt")));
    assert_false(certificate_is_anchored(leaf, in(f, "not there")));
    assert_false(certificate_is_anchored(in(f, "one/ca.key"), leaf));
}

static void a_file_without_a_certificate_is_told(void **state)
{
    struct folder *f = *state;
    struct anchors_facts facts;
    char *error = NULL;

    put(in(f, "empty"), "nothing\n", 0644);
    assert_refused(anchors_read(in(f, "empty"), &facts, &error), &error,
                   "does not hold a certificate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(every_anchor_of_a_file_counts_and_a_leaf_is_told),
        IN_FOLDER(a_chain_ends_at_the_ca_that_issued_it_and_at_no_other),
        IN_FOLDER(a_file_without_a_certificate_is_told),
    };

    return cmocka_run_group_tests_name("crypto/anchors", tests, NULL, NULL);
}
