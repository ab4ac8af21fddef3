/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

#include <time.h>

static void the_password_it_was_made_of_is_right_and_no_other(void **state)
{
    struct bytes password = BYTES("correct horse\0battery");
    char *verifier = password_verifier_new(password);

    (void)state;
    assert_true(password_verifier_valid(verifier));
    assert_true(password_verify(verifier, password));
    assert_false(password_verify(verifier, BYTES("correct horse\0battera")));
    assert_false(password_verify(verifier, BYTES("correct horse")));
    assert_false(password_verify(verifier, BYTES_NONE));
    assert_null(strstr(verifier, "horse"));
    free(verifier);
}

static void the_same_password_gives_another_verifier_each_time(void **state)
{
    char *a = password_verifier_new(BYTES("same password"));
    char *b = password_verifier_new(BYTES("same password"));

    (void)state;
    assert_string_not_equal(a, b);
    free(a);
    free(b);
}

static void what_nobody_can_guess_is_kept_at_the_least_cost(void **state)
{
    struct bytes password = BYTES("lh0cTqyPMXtUvaWuL3KkFg");
    char *verifier = password_verifier_new_of_random(password);

    (void)state;
    assert_memory_equal(verifier, "$argon2id$v=19$m=8,t=1,p=1$", 27);
    assert_true(password_verify(verifier, password));
    assert_false(password_verify(verifier, BYTES("lh0cTqyPMXtUvaWuL3KkFf")));
    free(verifier);
}

static double cpu_ms_of_verifying(const char *verifier)
{
    struct timespec a;
    struct timespec b;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    assert_false(password_verify(verifier, BYTES("a guess")));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    return (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
}

/* That the guess costs the same is what hides whether the user exists. */
static void the_dummy_costs_what_a_real_one_costs(void **state)
{
    char *verifier = password_verifier_new(BYTES("some password"));
    const char *dummy = password_dummy_verifier();
    double real_ms = cpu_ms_of_verifying(verifier);
    double dummy_ms = cpu_ms_of_verifying(dummy);

    (void)state;
    assert_true(password_verifier_valid(dummy));
    assert_int_equal(strrchr(verifier, '$') - verifier, strrchr(dummy, '$') - dummy);
    assert_memory_equal(verifier, dummy, strlen("$argon2id$v=19$m=65536,t=2,p=1$"));
    print_message("  real %.0f ms, dummy %.0f ms\n", real_ms, dummy_ms);
    assert_true(real_ms > 5); /* of any machine of today */
    assert_true(dummy_ms > real_ms / 4);
    free(verifier);
}

static void what_is_no_verifier_matches_nothing(void **state)
{
    static const char *const not_ours[] = {
        "",
        "password",
        "$6$salt$hash",
        "$argon2id$v=19$m=65536,t=2,p=1$bm8tcGFzc3dvcmQtaGVyZQ",
        "$argon2i$v=19$m=65536,t=2,p=1$bm8tcGFzc3dvcmQtaGVyZQ$"
        "dGhpcyBpcyBubyBoYXNoLCBub3RoaW5nIG1hdGNoZXM",
        /* 4 GiB, then 1000 passes: would stop the auth threads */
        "$argon2id$v=19$m=4194304,t=2,p=1$bm8tcGFzc3dvcmQtaGVyZQ$"
        "dGhpcyBpcyBubyBoYXNoLCBub3RoaW5nIG1hdGNoZXM",
        "$argon2id$v=19$m=65536,t=1000,p=1$bm8tcGFzc3dvcmQtaGVyZQ$"
        "dGhpcyBpcyBubyBoYXNoLCBub3RoaW5nIG1hdGNoZXM",
        "$argon2id$v=19$m=65536,t=2,p=1$bm8tcGFzc3dvcmQtaGVyZQ$"
        "dGhpcyBpcyBubyBoYXNoLCBub3RoaW5nIG1hdGNoZXM$and more, far more than a verifier has",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(not_ours); i++) {
        print_message("  %s\n", not_ours[i]);
        assert_false(password_verifier_valid(not_ours[i]));
        assert_false(password_verify(not_ours[i], BYTES("password")));
    }
}

static bool is_default(const char *verifier)
{
    const char *password;

    for (size_t i = 0; (password = password_default(i)) != NULL; i++)
        if (password_verify(verifier, bytes_str(password)))
            return true;
    return false;
}

static void a_default_password_is_found_in_its_verifier(void **state)
{
    char *weak = password_verifier_new(BYTES("public"));
    char *empty = password_verifier_new(BYTES_NONE);
    char *good = password_verifier_new(BYTES("Public"));

    (void)state;
    assert_true(is_default(weak));
    assert_true(is_default(empty));
    assert_false(is_default(good));
    assert_false(is_default("not a verifier"));
    free(weak);
    free(empty);
    free(good);
}

static void a_new_password_is_refused_for_a_reason(void **state)
{
    static const struct {
        const char *why; /* NULL: accepted */
        struct bytes password;
    } cases[] = {
        {NULL, BYTES("twelve chars")},
        {NULL, BYTES("tr\xc3\xa9s priv\xc3\xa9 \xc3\xa9t")},
        {"default", BYTES("")},
        {"default", BYTES("Mosquitto")},
        {"12 characters", BYTES("elevenchars")},
        {"12 characters", BYTES("\xc3\xa9\xc3\xa8\xc3\xa9\xc3\xa8\xc3\xa9\xc3\xa8\xc3\xa9")},
        {"guessed", BYTES("Administrator")},
        {"5 different", BYTES("aaaaaaaaaaaaaaaaaaaa")},
        {"5 different", BYTES("abababababababab")},
        {"zero byte", BYTES("twelve\0characters")},
        {"name", BYTES("Substation-North")},
    };
    char long_one[PASSWORD_BYTES_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *why = password_rejected_why("substation-north", cases[i].password);

        print_message("  %.*s: %s\n", BYTES_ARG(cases[i].password), why != NULL ? why : "good");
        if (cases[i].why == NULL)
            assert_null(why);
        else
            assert_non_null(why != NULL ? strstr(why, cases[i].why) : NULL);
    }
    for (size_t i = 0; i < sizeof(long_one); i++)
        long_one[i] = (char)('a' + i % 26);
    assert_null(password_rejected_why("u", bytes_of(long_one, PASSWORD_BYTES_MAX)));
    assert_non_null(password_rejected_why("u", bytes_of(long_one, PASSWORD_BYTES_MAX + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_password_it_was_made_of_is_right_and_no_other),
        cmocka_unit_test(the_same_password_gives_another_verifier_each_time),
        cmocka_unit_test(what_nobody_can_guess_is_kept_at_the_least_cost),
        cmocka_unit_test(the_dummy_costs_what_a_real_one_costs),
        cmocka_unit_test(what_is_no_verifier_matches_nothing),
        cmocka_unit_test(a_default_password_is_found_in_its_verifier),
        cmocka_unit_test(a_new_password_is_refused_for_a_reason),
    };

    return cmocka_run_group_tests_name("crypto/password", tests, NULL, NULL);
}
