/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

static void random_bytes_differ(void **state)
{
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    uint8_t zero[32] = {0};

    (void)state;
    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a, zero, sizeof(a));
}

static void random_text_can_be_read_aloud(void **state)
{
    char *text = random_text(2000);
    bool seen[256] = {false};
    size_t n = 0;

    (void)state;
    assert_int_equal(strlen(text), 2000);
    assert_null(strpbrk(text, "0O1Ilo"));
    for (const char *at = text; *at != '\0'; at++) {
        n += !seen[(uint8_t)*at];
        seen[(uint8_t)*at] = true;
    }
    assert_int_equal(n, 56); /* that one is missing of 2000 has a chance of 1e-14 */
    secret_free(text);
}

static void a_wiped_secret_is_zero(void **state)
{
    uint8_t secret[16] = "very secret";
    uint8_t zero[16] = {0};

    (void)state;
    secret_wipe(secret, sizeof(secret));
    assert_memory_equal(secret, zero, sizeof(zero));
    assert_null(secret_free(NULL));
}

/* FIPS 180-2, B.1 */
static void sha256_is_that_of_the_standard(void **state)
{
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char of_bytes[SHA256_TEXT_LEN];
    char of_file[SHA256_TEXT_LEN];
    char *error = NULL;

    sha256_text(BYTES("abc"), of_bytes);
    assert_string_equal(of_bytes, abc);
    put(in(*state, "abc"), "abc", 0600);
    assert_true(sha256_file(in(*state, "abc"), of_file, &error));
    assert_string_equal(of_file, abc);
    assert_refused(sha256_file(in(*state, "absent"), of_file, &error), &error, "absent");
    assert_refused(sha256_file(((struct folder *)*state)->path, of_file, &error), &error, "read");
}

static void an_at_rest_key_is_private_and_read_back(void **state)
{
    const char *path = in(*state, "at-rest.key");
    uint8_t zero[AT_REST_KEY_BYTES] = {0};
    char *error = NULL;
    uint8_t *first;
    uint8_t *second;

    assert_true(at_rest_key_create(path, &error));
    assert_int_equal(mode_of(path), 0600);
    first = at_rest_key_load(path, &error);
    second = at_rest_key_load(path, &error);
    assert_non_null(first);
    assert_non_null(second);
    assert_memory_equal(first, second, AT_REST_KEY_BYTES);
    assert_memory_not_equal(first, zero, AT_REST_KEY_BYTES);
    assert_null(at_rest_key_free(first));
    assert_null(at_rest_key_free(second));
}

static void an_at_rest_key_is_not_overwritten(void **state)
{
    const char *path = in(*state, "at-rest.key");
    char *error = NULL;

    assert_true(at_rest_key_create(path, &error));
    assert_refused(at_rest_key_create(path, &error), &error, "exists");
}

static void an_at_rest_key_that_others_can_read_is_refused(void **state)
{
    static const unsigned modes[] = {0640, 0604, 0620, 0644, 0666, 0610};
    const char *path = in(*state, "at-rest.key");

    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        char *error = NULL;

        unlink(path);
        assert_true(at_rest_key_create(path, &error));
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_refused(at_rest_key_load(path, &error) != NULL, &error, "chmod 600");
    }
}

/* Only root can make a file of another user; anybody has one of root's that all can read. */
static void a_key_file_that_another_user_could_have_written_is_refused(void **state)
{
    const char *path = in(*state, "at-rest.key");
    char *error = NULL;
    uint8_t *key;

    if (geteuid() != 0) {
        assert_refused(at_rest_key_load("/etc/passwd", &error) != NULL, &error, "chmod 600");
        return;
    }
    assert_true(at_rest_key_create(path, &error));
    assert_int_equal(chown(path, 4711, 4711), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chmod(((struct folder *)*state)->path, 0755), 0);
    assert_int_equal(seteuid(4713), 0);
    key = at_rest_key_load(path, &error);
    assert_int_equal(seteuid(0), 0);
    assert_refused(key != NULL, &error, "belongs to user 4711");
}

static void a_file_without_a_key_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "bastide-at-rest-key-1 ",
        "bastide-at-rest-key-1 00112233445566778899aabbccddeeff\n",
        "bastide-at-rest-key-2 "
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
        "bastide-at-rest-key-1 "
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg\n",
        "bastide-at-rest-key-1 "
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "bastide-at-rest-key-1 "
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00\n",
        "bastide-at-rest-key-1 "
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\nmore",
    };
    const char *path = in(*state, "at-rest.key");

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char *error = NULL;

        put(path, texts[i], 0600);
        assert_refused(at_rest_key_load(path, &error) != NULL, &error, "does not hold");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(random_text_can_be_read_aloud),
        cmocka_unit_test(a_wiped_secret_is_zero),
        IN_FOLDER(sha256_is_that_of_the_standard),
        IN_FOLDER(an_at_rest_key_is_private_and_read_back),
        IN_FOLDER(an_at_rest_key_is_not_overwritten),
        IN_FOLDER(an_at_rest_key_that_others_can_read_is_refused),
        IN_FOLDER(a_key_file_that_another_user_could_have_written_is_refused),
        IN_FOLDER(a_file_without_a_key_is_refused),
    };

    return cmocka_run_group_tests_name("crypto/secret", tests, NULL, NULL);
}
