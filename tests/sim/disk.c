/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/disk.c - the disk that the node's journal is on, and its end in the middle of anything
 *
 * The disk of the journal's own tests (unit/store/disk.h), which keeps what was flushed and may
 * lose or keep what was not.  Before a crash one more frame may be begun: then the disk is as it
 * was in the middle of writing or before flushing it.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "crypto/keyring.h"
#include "sim/disk.h"
#include "sim/node.h"
#include "sim/sim.h"
#include "sim/wrap.h"
#include "unit/store/disk.h"

static char keys_dir[] = "/tmp/bastide-sim-XXXXXX";
static struct keyring *keys;
static struct disk disk;
static struct journal_io io;
static struct journal_mark mark;
static struct disk caught; /* as it was in the middle */
static bool has_caught;
static enum disk_call catch_at; /* DISK_WRITE or DISK_SYNC; DISK_CALL_N: not */

/* ---- keys ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

/** disk_keys_make() - before the first seed: the files are real */
void disk_keys_make(void)
{
    char at_rest[64];
    char ring[64];
    char *error = NULL;

    check(mkdtemp(keys_dir) != NULL);
    snprintf(at_rest, sizeof(at_rest), "%s/at-rest.key", keys_dir);
    snprintf(ring, sizeof(ring), "%s/keyring", keys_dir);
    check(at_rest_key_create(at_rest, &error));
    keys =
        keyring_create(ring, &(struct key_source){.kind = KEY_FROM_FILE, .name = at_rest}, &error);
    check(keys != NULL);
    check(nftw(keys_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/** disk_keys_free() - behind the last seed */
void disk_keys_free(void)
{
    keyring_free(keys);
}

/* ---- the journal's calls ---- */

static void catch_now(void)
{
    disk_copy(&caught, &disk);
    has_caught = true;
    catch_at = DISK_CALL_N;
}

static int write_or_be_caught(void *owner, int file, uint64_t offset, const void *at, size_t len)
{
    if (catch_at == DISK_WRITE) {
        (void)disk.io.write(owner, file, offset, at, (size_t)chance_below(len + 1));
        catch_now();
    }
    return disk.io.write(owner, file, offset, at, len);
}

static int sync_or_be_caught(void *owner, int file)
{
    if (catch_at == DISK_SYNC)
        catch_now();
    return disk.io.sync(owner, file);
}

/** disk_start() - an empty one */
void disk_start(void)
{
    disk_init(&disk, chance_u64());
    io = disk.io;
    io.write = write_or_be_caught;
    io.sync = sync_or_be_caught;
    mark = (struct journal_mark){0};
    catch_at = DISK_CALL_N;
}

/** disk_end() - its memory is given back */
void disk_end(void)
{
    disk_done(&disk);
}

/** disk_journal() - what is on it now; whatever happened, that is whole */
struct journal *disk_journal(void)
{
    const struct journal_settings s = {
        .segment_bytes = settings.journal_segment_bytes,
        .bytes_max = 1U << 30,
        .mark = mark,
    };
    struct journal_report report;
    char *error = NULL;
    struct journal *j = journal_open(&s, &io, keys, &report, &error);

    expect(j != NULL, "%s", error);
    trace("the journal has %llu batches, %llu records, and %llu bytes at its end that are none",
          (unsigned long long)report.n_batches, (unsigned long long)report.n_entries,
          (unsigned long long)report.torn_bytes);
    expect(report.n_damage == 0, "the journal is damaged: segment %llu, bytes %llu to %llu: %s",
           (unsigned long long)report.damage[0].segment, (unsigned long long)report.damage[0].from,
           (unsigned long long)report.damage[0].to, report.damage[0].what);
    return j;
}

/** disk_catch() - what is written next is cut short */
void disk_catch(void)
{
    has_caught = false;
    catch_at = one_in(2) ? DISK_WRITE : DISK_SYNC;
}

/** disk_crash() - the process is gone, or the power */
void disk_crash(bool power)
{
    if (has_caught) {
        disk_done(&disk);
        disk_copy(&disk, &caught);
        disk_done(&caught);
    }
    has_caught = false;
    catch_at = DISK_CALL_N;
    if (power)
        disk_cut_power(&disk);
}

/* ---- no room for a moment ---- */

bool __wrap_note_may_promise(const struct worker *w)
{
    return !(settings.shortages && one_in(12)) && __real_note_may_promise(w);
}

/* ---- the control store ---- */

void __wrap_journal_mark_put(struct control *c, const struct journal_mark *m)
{
    (void)c;
    if (!node_is_dying())
        mark = *m;
}
