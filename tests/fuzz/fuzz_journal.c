/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_journal.c - a journal whose files were changed: 7 bytes a change
 *
 *   what u8 | file u8 | offset u32 | value u8
 *
 * What comes out is what was put, unchanged, and less of it only if that is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "store/journal.h"
#include "unit/store/disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RUNS    3
#define BATCHES 6
#define CHANGE  7

static const struct journal_settings settings = {.segment_bytes = 4096, .bytes_max = 1 << 20};
static struct keyring *keys;
static struct disk written;

static struct bytes record(uint64_t id, char text[64])
{
    snprintf(text, 64, "what was put under the id %llu", (unsigned long long)id);
    return bytes_str(text);
}

static void write_journal(void)
{
    struct journal_report report;
    uint64_t id = 1;
    char *error = NULL;

    disk_init(&written, 1);
    for (unsigned run = 0; run < RUNS; run++) {
        struct journal *j = journal_open(&settings, &written.io, keys, &report, &error);

        check(j != NULL);
        for (unsigned i = 0; i < BATCHES; i++) {
            struct batch b = {0};
            struct bytes bytes;
            char text[64];

            batch_put(&b, 1, id, record(id, text));
            id++;
            bytes = buf_view(&b.bytes);
            check(journal_commit(j, &bytes, 1) == 0);
            buf_done(&b.bytes);
        }
        check(journal_commit(j, NULL, 0) == 0);
        journal_close(j);
    }
}

static void prepare(void)
{
    char dir[] = "/tmp/bastide-fuzz-XXXXXX";
    char at_rest[64];
    char ring[64];
    char *error = NULL;

    check(mkdtemp(dir) != NULL);
    snprintf(at_rest, sizeof(at_rest), "%s/at-rest.key", dir);
    snprintf(ring, sizeof(ring), "%s/keyring", dir);
    check(at_rest_key_create(at_rest, &error));
    keys =
        keyring_create(ring, &(struct key_source){.kind = KEY_FROM_FILE, .name = at_rest}, &error);
    check(keys != NULL);
    unlink(ring);
    unlink(at_rest);
    rmdir(dir);
    write_journal();
}

static void change(struct disk *d, const uint8_t *at)
{
    struct disk_file *f = &d->files[at[1] % d->n_files];
    size_t offset = (size_t)(le_get(at + 2, 4) % (f->now.len + 1));

    switch (at[0] % 5) {
    case 0:
        if (offset < f->now.len)
            f->now.at[offset] = at[6];
        break;
    case 1:
        f->now.len = offset;
        break;
    case 2:
        buf_add_u8(&f->now, at[6]);
        break;
    case 3:
        f->is_there = false;
        break;
    case 4: { /* a piece of another file in its place */
        const struct disk_file *from = &d->files[at[6] % d->n_files];
        size_t n =
            offset < MIN(f->now.len, from->now.len) ? MIN(f->now.len, from->now.len) - offset : 0;

        if (n > 0)
            memmove(f->now.at + offset, from->now.at + offset, n);
        break;
    }
    }
}

static void found(void *arg, uint8_t kind, uint64_t id, struct bytes r)
{
    unsigned *n = arg;
    char text[64];

    check(kind == 1 && id <= RUNS * BATCHES);
    check(bytes_equal(r, record(id, text)));
    ++*n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct disk d;
    struct journal_report report;
    struct journal *j;
    char *error = NULL;
    unsigned n = 0;
    bool newest_is_whole;

    if (keys == NULL)
        prepare();
    disk_copy(&d, &written);
    for (size_t i = 0; i + CHANGE <= size; i += CHANGE)
        change(&d, data + i);
    /* That the newest segment is gone, or ends with an earlier batch, cannot be known from it. */
    newest_is_whole =
        d.files[RUNS - 1].is_there && d.files[RUNS - 1].now.len >= written.files[RUNS - 1].now.len;
    j = journal_open(&settings, &d.io, keys, &report, &error);
    free(error);
    if (j != NULL) {
        check(journal_each(j, found, &n) == 0);
        check(n <= RUNS * BATCHES);
        if (newest_is_whole && report.n_damage == 0 && report.torn_bytes == 0)
            check(n == RUNS * BATCHES);
        journal_close(j);
    }
    disk_done(&d);
    return 0;
}
