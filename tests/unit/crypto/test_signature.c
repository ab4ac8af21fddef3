/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

static const char message[] =
    "{\"statement\":\"walked round the fence\",\"subcategory\":\"MQ.GV\"}";

struct pair {
    struct signing_key *signing;
    struct verifying_key *verifying;
};

static struct pair make_pair(struct folder *f, const char *private, const char *public)
{
    char *error = NULL;
    struct pair p;

    assert_true(signing_key_create(in(f, private), in(f, public), &error));
    p.signing = signing_key_load(in(f, private), &error);
    p.verifying = verifying_key_load(in(f, public), &error);
    assert_non_null(p.signing);
    assert_non_null(p.verifying);
    return p;
}

static void free_pair(struct pair *p)
{
    signing_key_free(p->signing);
    verifying_key_free(p->verifying);
}

static void what_was_signed_verifies(void **state)
{
    CLEANUP(free_pair) struct pair p = make_pair(*state, "a.key", "a.pub");
    char signature[SIGNATURE_TEXT_LEN];
    char again[SIGNATURE_TEXT_LEN];

    signing_key_sign(p.signing, bytes_str(message), signature);
    signing_key_sign(p.signing, bytes_str(message), again);
    assert_int_equal(strlen(signature), SIGNATURE_TEXT_LEN - 1);
    assert_string_equal(signature, again);
    assert_true(verifying_key_check(p.verifying, bytes_str(message), signature));
}

static void the_private_key_is_private_and_the_public_one_is_not(void **state)
{
    struct pair p = make_pair(*state, "a.key", "a.pub");

    free_pair(&p);
    assert_int_equal(mode_of(in(*state, "a.key")), 0600);
    assert_int_equal(mode_of(in(*state, "a.pub")), 0644);
}

static void any_changed_bit_of_the_message_breaks_it(void **state)
{
    CLEANUP(free_pair) struct pair p = make_pair(*state, "a.key", "a.pub");
    char signature[SIGNATURE_TEXT_LEN];
    char changed[sizeof(message)];

    signing_key_sign(p.signing, bytes_str(message), signature);
    for (size_t bit = 0; bit < 8 * strlen(message); bit++) {
        memcpy(changed, message, sizeof(changed));
        changed[bit / 8] = (char)(changed[bit / 8] ^ (1 << (bit % 8)));
        assert_false(
            verifying_key_check(p.verifying, bytes_of(changed, strlen(message)), signature));
    }
    assert_false(
        verifying_key_check(p.verifying, bytes_of(message, strlen(message) - 1), signature));
    assert_false(verifying_key_check(p.verifying, BYTES_NONE, signature));
}

static void any_changed_character_of_the_signature_breaks_it(void **state)
{
    CLEANUP(free_pair) struct pair p = make_pair(*state, "a.key", "a.pub");
    char signature[SIGNATURE_TEXT_LEN];

    signing_key_sign(p.signing, bytes_str(message), signature);
    for (size_t i = 0; i < SIGNATURE_TEXT_LEN - 1; i++) {
        char kept = signature[i];

        signature[i] = kept == 'A' ? 'B' : 'A';
        assert_false(verifying_key_check(p.verifying, bytes_str(message), signature));
        signature[i] = kept;
    }
    assert_true(verifying_key_check(p.verifying, bytes_str(message), signature));
}

static void a_text_that_is_no_signature_is_false(void **state)
{
    CLEANUP(free_pair) struct pair p = make_pair(*state, "a.key", "a.pub");
    char signature[SIGNATURE_TEXT_LEN + 8];
    static const char *const texts[] = {"", "AAAA", "not base64 at all!", "===="};

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_false(verifying_key_check(p.verifying, bytes_str(message), texts[i]));
    signing_key_sign(p.signing, bytes_str(message), signature);
    memcpy(signature + SIGNATURE_TEXT_LEN - 1, "AAAA", 5);
    assert_false(verifying_key_check(p.verifying, bytes_str(message), signature));
}

static void the_key_of_another_does_not_verify(void **state)
{
    CLEANUP(free_pair) struct pair mine = make_pair(*state, "a.key", "a.pub");
    CLEANUP(free_pair) struct pair other = make_pair(*state, "b.key", "b.pub");
    char signature[SIGNATURE_TEXT_LEN];

    signing_key_sign(mine.signing, bytes_str(message), signature);
    assert_false(verifying_key_check(other.verifying, bytes_str(message), signature));
}

static void a_file_that_holds_no_key_of_the_kind_is_refused(void **state)
{
    struct pair p = make_pair(*state, "a.key", "a.pub");
    struct folder *f = *state;
    char *error = NULL;

    free_pair(&p);
    assert_refused(signing_key_load(in(f, "a.pub"), &error) != NULL, &error,
                   "others than its owner");
    assert_refused(verifying_key_load(in(f, "a.key"), &error) != NULL, &error, "public key");
    put(in(f, "noise"), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 0644);
    assert_refused(verifying_key_load(in(f, "noise"), &error) != NULL, &error, "public key");
    assert_refused(signing_key_create(in(f, "a.key"), in(f, "c.pub"), &error), &error, "exists");
    assert_true(pki_create(f->path, "CA", 0, 1000, &error));
    assert_refused(signing_key_load(in(f, "ca.key"), &error) != NULL, &error, "Ed25519");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_was_signed_verifies),
        IN_FOLDER(the_private_key_is_private_and_the_public_one_is_not),
        IN_FOLDER(any_changed_bit_of_the_message_breaks_it),
        IN_FOLDER(any_changed_character_of_the_signature_breaks_it),
        IN_FOLDER(a_text_that_is_no_signature_is_false),
        IN_FOLDER(the_key_of_another_does_not_verify),
        IN_FOLDER(a_file_that_holds_no_key_of_the_kind_is_refused),
    };

    return cmocka_run_group_tests_name("crypto/signature", tests, NULL, NULL);
}
