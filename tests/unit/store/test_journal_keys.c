/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store/test_journal_keys.c - where keys of segments are while a journal is used
 *
 * All memory of the process is searched for them: they stand in pages that are locked and are in
 * no core dump, nowhere else.
 *
 * MQ.PR.SP-06 */
#include <fcntl.h>

#include "opened.h"
#include "store/segment.h"

#define PART 65536
#define MAPPING_BYTES                                                                              \
    (1ULL << 30) /* larger ones are the sanitizers' own, and hold none of ours                     \
                  */

/* A sanitizer's mlock() does nothing. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOCKED ""
#else
#define LOCKED " lo"
#endif

struct mapping {
    uint64_t from;
    uint64_t to;
    bool is_readable;
};

struct found {
    unsigned n;
    unsigned n_open; /* of them in memory that may be swapped or dumped */
};

static unsigned count_in(int memory, const struct mapping *m, const uint8_t *key, uint8_t *part)
{
    unsigned n = 0;

    for (uint64_t at = m->from; at < m->to; at += PART - SEAL_KEY_BYTES + 1) {
        ssize_t len = pread(memory, part, MIN((uint64_t)PART, m->to - at), (off_t)at);
        const uint8_t *hit = part;

        while (len > 0 && (hit = memmem(hit, (size_t)(part + len - hit), key, SEAL_KEY_BYTES))) {
            n++;
            hit++;
        }
        secret_wipe(part, PART); /* or it would be found here */
    }
    return n;
}

/* Each mapping of the process: a line with its place, and later one with its flags. */
static struct found search_memory(const uint8_t *key)
{
    struct found f = {0};
    struct mapping m = {0};
    uint8_t *part = guarded_new(PART);
    FILE *maps = fopen("/proc/self/smaps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    char line[512];

    assert_non_null(maps);
    assert_true(memory >= 0);
    while (fgets(line, sizeof(line), maps) != NULL) {
        unsigned long from;
        unsigned long to;
        char rights[8];
        unsigned n;

        if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3)
            m = (struct mapping){from, to, rights[0] == 'r'};
        if (strncmp(line, "VmFlags:", 8) != 0 || !m.is_readable || m.to - m.from > MAPPING_BYTES)
            continue;
        n = count_in(memory, &m, key, part);
        f.n += n;
        f.n_open += strstr(line, LOCKED) != NULL && strstr(line, " dd") != NULL ? 0 : n;
    }
    close(memory);
    fclose(maps);
    guarded_free(part);
    return f;
}

/* Beside the one that is searched for. */
static void assert_guarded(const struct disk *d, size_t file, struct keyring *keys)
{
    uint8_t *key_secret = guarded_new(SEAL_KEY_BYTES);
    struct segment_head h;
    struct found f;

    assert_int_equal(segment_head_unseal(keys, d->files[file].now.at, &h, key_secret), SEGMENT_OK);
    f = search_memory(key_secret);
    guarded_free(key_secret);
    assert_true(f.n >= 2);
    assert_int_equal(f.n_open, 0);
}

static void keys_are_in_guarded_memory_only(void **state)
{
    struct keys *k = *state;
    static struct disk d;
    struct ledger l = {0};
    struct ledger found;
    struct batch b = {0};
    struct journal_report report;
    struct journal *j;
    uint64_t id = 1;

    disk_init(&d, 1);
    j = opened(&d, k->keyring, &report);
    while (d.n_files < 2) {
        ledger_put(&l, &b, id++, 100);
        assert_int_equal(commit(j, &b), 0);
    }
    assert_guarded(&d, 1, k->keyring); /* that is written to */
    id = 1;
    assert_int_equal(ledger_search(j, &id, 1, 1, &found), 0);
    assert_guarded(&d, 0, k->keyring); /* that was read from, and is kept open */
    journal_close(j);
    buf_done(&b.bytes);
    disk_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KEYS(keys_are_in_guarded_memory_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
