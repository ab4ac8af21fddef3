/* SPDX-License-Identifier: Apache-2.0 */
/* What is sealed opens with its key and place only; keys are kept, changed and destroyed.
 * MQ.PR.SP-06 */
#include "folder.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "crypto/keyring.h"

static const uint8_t some_key[SEAL_KEY_BYTES] = {1, 2, 3};

static struct key_source by_file(const struct folder *f, const char *name)
{
    struct key_source from = {.kind = KEY_FROM_FILE, .name = in(f, name)};
    char *error = NULL;

    if (access(from.name, F_OK) != 0)
        assert_true(at_rest_key_create(from.name, &error));
    return from;
}

static struct keyring *made(const struct folder *f)
{
    struct key_source from = by_file(f, "at-rest.key");
    char *error = NULL;
    struct keyring *k = keyring_create(in(f, "keyring"), &from, &error);

    assert_non_null(k);
    return k;
}

static struct keyring *reopened(const struct folder *f, char **ret_error)
{
    struct key_source from = by_file(f, "at-rest.key");

    return keyring_open(in(f, "keyring"), &from, ret_error);
}

static void a_box_opens_with_its_key_and_what_it_is_bound_to_only(void **state)
{
    struct buf box = {0};
    struct buf plain = {0};
    uint8_t other[SEAL_KEY_BYTES] = {9};

    (void)state;
    seal_box(some_key, BYTES("place"), BYTES("what is kept"), &box);
    assert_int_equal(box.len, 12 + SEAL_MORE_BYTES);
    assert_true(unseal_box(some_key, BYTES("place"), buf_view(&box), &plain));
    assert_int_equal(bytes_compare(buf_view(&plain), BYTES("what is kept")), 0);
    assert_false(unseal_box(other, BYTES("place"), buf_view(&box), &plain));
    assert_false(unseal_box(some_key, BYTES("plaec"), buf_view(&box), &plain));
    for (size_t i = 0; i < box.len; i++) {
        box.at[i] ^= 0x40;
        assert_false(unseal_box(some_key, BYTES("place"), buf_view(&box), &plain));
        box.at[i] ^= 0x40;
    }
    for (size_t n = 0; n < box.len; n++)
        assert_false(unseal_box(some_key, BYTES("place"), bytes_of(box.at, n), &plain));
    assert_int_equal(plain.len, 12);
    buf_done(&box);
    buf_done(&plain);
}

/* The first block of test case 1 of RFC 5869, appendix A: its PRK and info. */
static void keys_are_derived_as_the_standard_says(void **state)
{
    uint8_t prk[SEAL_KEY_BYTES];
    uint8_t info[10];
    uint8_t got[SEAL_KEY_BYTES];
    uint8_t want[SEAL_KEY_BYTES];

    (void)state;
    sodium_hex2bin(prk, sizeof(prk),
                   "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5", 64, NULL,
                   NULL, NULL);
    sodium_hex2bin(info, sizeof(info), "f0f1f2f3f4f5f6f7f8f9", 20, NULL, NULL, NULL);
    sodium_hex2bin(want, sizeof(want),
                   "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf", 64, NULL,
                   NULL, NULL);
    key_derive(prk, bytes_of(info, sizeof(info)), got);
    assert_memory_equal(got, want, sizeof(want));
}

static void a_keyring_gives_the_same_keys_when_it_is_read_back(void **state)
{
    const struct folder *f = *state;
    struct keyring *k = made(f);
    uint8_t first[SEAL_KEY_BYTES];
    uint8_t again[SEAL_KEY_BYTES];
    char *error = NULL;

    assert_int_equal(mode_of(in(f, "keyring")), 0600);
    assert_true(keyring_derive(k, keyring_current(k), BYTES("pages"), first));
    keyring_free(k);
    k = reopened(f, &error);
    assert_non_null(k);
    assert_true(keyring_derive(k, 1, BYTES("pages"), again));
    assert_memory_equal(first, again, sizeof(first));
    assert_true(keyring_derive(k, 1, BYTES("other"), again));
    assert_memory_not_equal(first, again, sizeof(first));
    assert_false(keyring_derive(k, 2, BYTES("pages"), again));
    assert_null(keyring_create(in(f, "keyring"), &(struct key_source){0}, &error));
    assert_refused(false, &error, "not overwritten");
    keyring_free(k);
}

static void a_wrong_or_missing_key_is_told_from_a_damaged_file(void **state)
{
    const struct folder *f = *state;
    struct key_source wrong = by_file(f, "other.key");
    struct key_source missing = {.kind = KEY_FROM_FILE, .name = in(f, "nothing.key")};
    struct key_source no_credential = {.kind = KEY_FROM_CREDENTIAL, .name = "bastide"};
    char *error = NULL;

    keyring_free(made(f));
    assert_refused(keyring_open(in(f, "keyring"), &wrong, &error), &error, "is not the one");
    assert_refused(keyring_open(in(f, "keyring"), &missing, &error), &error, "copy is kept");
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_refused(keyring_open(in(f, "keyring"), &no_credential, &error), &error,
                   "LoadCredential");
}

/* Whether it outlives a power cut does not matter. */
static void put_bytes(const char *path, struct bytes content)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(content.at, 1, content.len, file), content.len);
    assert_int_equal(fclose(file), 0);
}

static void a_flipped_bit_anywhere_in_the_file_is_refused(void **state)
{
    const struct folder *f = *state;
    const char *path = in(f, "keyring");
    struct key_source from = by_file(f, "at-rest.key");
    struct buf file = {0};
    char *error = NULL;

    keyring_free(made(f));
    assert_true(file_read(path, 65536, &file, &error));
    for (size_t i = 0; i < file.len; i++) {
        file.at[i] ^= 1;
        put_bytes(path, buf_view(&file));
        file.at[i] ^= 1;
        assert_null(keyring_open(path, &from, &error));
        free(error);
        error = NULL;
    }
    for (size_t n = 0; n < file.len; n += 7) {
        put_bytes(path, bytes_of(file.at, n));
        assert_null(keyring_open(path, &from, &error));
        free(error);
        error = NULL;
    }
    buf_done(&file);
}

static void a_credential_of_the_service_manager_opens_it(void **state)
{
    const struct folder *f = *state;
    struct key_source from = {.kind = KEY_FROM_CREDENTIAL, .name = "at-rest.key"};
    char *error = NULL;
    struct keyring *k;

    keyring_free(made(f));
    assert_int_equal(chmod(in(f, "at-rest.key"), 0440), 0);
    setenv("CREDENTIALS_DIRECTORY", f->path, 1);
    k = keyring_open(in(f, "keyring"), &from, &error);
    assert_non_null(k);
    keyring_free(k);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void a_passphrase_opens_it_and_no_other_does(void **state)
{
    const struct folder *f = *state;
    struct key_source from = {.kind = KEY_FROM_PASSPHRASE,
                              .passphrase_secret = BYTES("correct horse battery")};
    struct key_source wrong = {.kind = KEY_FROM_PASSPHRASE,
                               .passphrase_secret = BYTES("correct horse batter!")};
    struct key_source brief = {.kind = KEY_FROM_PASSPHRASE, .passphrase_secret = BYTES("short")};
    char *error = NULL;

    assert_refused(keyring_create(in(f, "keyring"), &brief, &error), &error, "less than");
    keyring_free(keyring_create(in(f, "keyring"), &from, &error));
    assert_null(error);
    assert_refused(keyring_open(in(f, "keyring"), &wrong, &error), &error, "is not the one");
    keyring_free(keyring_open(in(f, "keyring"), &from, &error));
    assert_null(error);
    assert_refused(reopened(f, &error), &error, "is sealed under a passphrase");
}

static void a_key_is_added_and_an_old_one_destroyed(void **state)
{
    const struct folder *f = *state;
    struct keyring *k = made(f);
    uint32_t ids[KEYRING_KEYS_MAX];
    uint8_t key[SEAL_KEY_BYTES];
    uint32_t id = 0;
    char *error = NULL;

    assert_true(keyring_add(k, &id, &error));
    assert_int_equal(id, 2);
    assert_int_equal(keyring_current(k), 2);
    assert_int_equal(keyring_ids(k, ids), 2);
    assert_true(keyring_drop(k, 1, &error));
    assert_false(keyring_derive(k, 1, BYTES("x"), key));
    keyring_free(k);
    k = reopened(f, &error);
    assert_int_equal(keyring_current(k), 2);
    assert_int_equal(keyring_ids(k, ids), 1);
    assert_true(keyring_derive(k, 2, BYTES("x"), key));
    for (unsigned i = 1; i < KEYRING_KEYS_MAX; i++)
        assert_true(keyring_add(k, &id, &error));
    assert_refused(keyring_add(k, &id, &error), &error, "in use");
    assert_int_equal(keyring_current(k), id);
    keyring_free(k);
}

static void what_can_not_be_written_changes_nothing(void **state)
{
    const struct folder *f = *state;
    struct keyring *k = made(f);
    uint8_t before[SEAL_KEY_BYTES];
    uint8_t after[SEAL_KEY_BYTES];
    uint32_t id = 0;
    char *error = NULL;

    assert_true(keyring_add(k, &id, &error));
    assert_true(keyring_derive(k, 1, BYTES("x"), before));
    assert_int_equal(rename(in(f, "keyring"), in(f, "kept")), 0);
    assert_int_equal(mkdir(in(f, "keyring"), 0700), 0); /* in the way of the rename */
    assert_refused(keyring_add(k, &id, &error), &error, "keyring");
    assert_refused(keyring_drop(k, 1, &error), &error, "keyring");
    assert_int_equal(keyring_current(k), 2);
    assert_true(keyring_derive(k, 1, BYTES("x"), after));
    assert_memory_equal(before, after, sizeof(before));
    assert_false(keyring_derive(k, 3, BYTES("x"), after));
    keyring_free(k);
}

static void another_at_rest_key_takes_over_and_the_old_one_opens_nothing(void **state)
{
    const struct folder *f = *state;
    struct key_source other = by_file(f, "other.key");
    struct keyring *k = made(f);
    char *error = NULL;

    assert_true(keyring_reseal(k, &other, &error));
    keyring_free(k);
    assert_refused(reopened(f, &error), &error, "is not the one");
    keyring_free(keyring_open(in(f, "keyring"), &other, &error));
    assert_null(error);
}

static void a_signature_holds_for_its_message_and_key_only(void **state)
{
    const struct folder *f = *state;
    struct keyring *k = made(f);
    char public[KEYRING_PUBLIC_TEXT_LEN];
    char signature[SIGNATURE_TEXT_LEN];

    keyring_public_text(k, public);
    keyring_sign(k, BYTES("head 1"), signature);
    assert_true(signature_text_check(public, BYTES("head 1"), signature));
    assert_false(signature_text_check(public, BYTES("head 2"), signature));
    public[3] = public[3] == 'A' ? 'B' : 'A';
    assert_false(signature_text_check(public, BYTES("head 1"), signature));
    assert_false(signature_text_check("", BYTES("head 1"), signature));
    keyring_free(k);
}

/* ---- what a core dump of this process would hold ---- */

struct mapping {
    unsigned long from, to;
    char mode[8];
    bool dumped;
};

static bool next_mapping(FILE *smaps, struct mapping *m)
{
    char line[512];
    bool found = false;

    while (fgets(line, sizeof(line), smaps) != NULL) {
        struct mapping head; /* of a line that is one: "Anonymous:" begins with a hex digit, too */

        if (sscanf(line, "%lx-%lx %7s", &head.from, &head.to, head.mode) == 3) {
            *m = head;
            found = true;
        }
        if (found && strncmp(line, "VmFlags:", 8) == 0) {
            m->dumped = strstr(line, " dd") == NULL && m->mode[0] == 'r' && m->mode[1] == 'w';
            return true;
        }
    }
    return false;
}

/* @masked: the bytes xor 0x55, so that this test does not find itself. */
static size_t times_in(int mem, const struct mapping *m, const uint8_t masked[SEAL_KEY_BYTES])
{
    static uint8_t part[1 << 16]; /* it is looked through last: see below */
    size_t n = 0;

    for (unsigned long at = m->from; at < m->to; at += sizeof(part) - SEAL_KEY_BYTES) {
        ssize_t got = pread(mem, part, MIN(sizeof(part), m->to - at), (off_t)at);

        for (ssize_t i = 0; i + SEAL_KEY_BYTES <= got; i++) {
            size_t k = 0;

            while (k < SEAL_KEY_BYTES && (uint8_t)(part[i + (ssize_t)k] ^ 0x55) == masked[k])
                k++;
            n += k == SEAL_KEY_BYTES;
        }
        secret_wipe(part, sizeof(part));
    }
    return n;
}

static size_t times_dumped(const uint8_t masked[SEAL_KEY_BYTES])
{
    FILE *smaps = fopen("/proc/self/smaps", "re");
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    struct mapping m;
    size_t n = 0;

    assert_non_null(smaps);
    assert_true(mem >= 0);
    while (next_mapping(smaps, &m))
        if (m.dumped && m.to - m.from < (1UL << 28)) /* not a sanitizer's shadow */
            n += times_in(mem, &m, masked);
    fclose(smaps);
    close(mem);
    return n;
}

static void masked_key_of(const char *path, uint8_t ret[SEAL_KEY_BYTES])
{
    char *error = NULL;
    uint8_t *key = at_rest_key_load(path, &error);

    assert_non_null(key);
    for (size_t i = 0; i < SEAL_KEY_BYTES; i++)
        ret[i] = key[i] ^ 0x55;
    at_rest_key_free(key);
}

static void a_core_dump_does_not_hold_the_key(void **state)
{
    const struct folder *f = *state;
    struct keyring *k = made(f);
    uint8_t masked[SEAL_KEY_BYTES];
    uint8_t *volatile copy = mem_alloc(SEAL_KEY_BYTES);
    struct buf box = {0};
    uint8_t key[SEAL_KEY_BYTES];

    masked_key_of(in(f, "at-rest.key"), masked);
    assert_true(keyring_is_locked(k));
    assert_true(keyring_derive(k, 1, BYTES("x"), key));
    seal_box(key, BYTES_NONE, BYTES("something"), &box);
    assert_int_equal(times_dumped(masked), 0);
    for (size_t i = 0; i < SEAL_KEY_BYTES; i++)
        copy[i] = masked[i] ^ 0x55;
    assert_true(times_dumped(masked) > 0); /* it would have been found */
    secret_wipe(copy, SEAL_KEY_BYTES);
    free(copy);
    buf_done(&box);
    keyring_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_opens_with_its_key_and_what_it_is_bound_to_only),
        cmocka_unit_test(keys_are_derived_as_the_standard_says),
        IN_FOLDER(a_keyring_gives_the_same_keys_when_it_is_read_back),
        IN_FOLDER(a_wrong_or_missing_key_is_told_from_a_damaged_file),
        IN_FOLDER(a_flipped_bit_anywhere_in_the_file_is_refused),
        IN_FOLDER(a_credential_of_the_service_manager_opens_it),
        IN_FOLDER(a_passphrase_opens_it_and_no_other_does),
        IN_FOLDER(a_key_is_added_and_an_old_one_destroyed),
        IN_FOLDER(what_can_not_be_written_changes_nothing),
        IN_FOLDER(another_at_rest_key_takes_over_and_the_old_one_opens_nothing),
        IN_FOLDER(a_signature_holds_for_its_message_and_key_only),
        IN_FOLDER(a_core_dump_does_not_hold_the_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
