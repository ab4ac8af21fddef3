/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/control_mark.c - the number of the last transaction, outside of the database
 *
 * Two slots, written in turn, so that one is whole whenever the machine goes down:
 * id of the data key u32, sealed box of the number.  A number is written after its
 * transaction is on disk: the database may be ahead of the mark by one, never behind.
 */
#include "store/control_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define NUMBER_BYTES 8
#define SLOT_BYTES   (4 + NUMBER_BYTES + SEAL_MORE_BYTES)
#define SLOTS        2
#define PURPOSE      BYTES("bastide mark")

static void put_number(uint8_t *at, uint64_t n, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(n >> (8 * i));
}

static uint64_t get_number(const uint8_t *at, int bytes)
{
    uint64_t n = 0;

    for (int i = 0; i < bytes; i++)
        n |= (uint64_t)at[i] << (8 * i);
    return n;
}

static bool read_slot(const struct mark *m, int slot, uint64_t *ret)
{
    uint8_t at[SLOT_BYTES];
    uint8_t key_secret[SEAL_KEY_BYTES];
    struct buf number = {0};
    bool ok;

    if (pread(m->fd, at, sizeof(at), slot * SLOT_BYTES) != (ssize_t)sizeof(at) ||
        !keyring_derive(m->keys, (uint32_t)get_number(at, 4), PURPOSE, key_secret))
        return false;
    ok = unseal_box(key_secret, PURPOSE, bytes_of(at + 4, sizeof(at) - 4), &number);
    secret_wipe(key_secret, sizeof(key_secret));
    if (ok)
        *ret = get_number(number.at, NUMBER_BYTES);
    buf_done(&number);
    return ok;
}

static int write_slot(struct mark *m, int slot, uint64_t number)
{
    uint32_t key_id = keyring_current(m->keys);
    uint8_t key_secret[SEAL_KEY_BYTES];
    uint8_t plain[NUMBER_BYTES];
    uint8_t head[4];
    struct buf at = {0};
    ssize_t n;
    int err = 0;

    check(keyring_derive(m->keys, key_id, PURPOSE, key_secret));
    put_number(head, key_id, 4);
    put_number(plain, number, NUMBER_BYTES);
    buf_add(&at, bytes_of(head, sizeof(head)));
    seal_box(key_secret, PURPOSE, bytes_of(plain, sizeof(plain)), &at);
    secret_wipe(key_secret, sizeof(key_secret));
    n = pwrite(m->fd, at.at, at.len, slot * SLOT_BYTES);
    if (n != (ssize_t)at.len)
        err = err_origin(n < 0 ? -errno : -ENOSPC);
    else if (fdatasync(m->fd) < 0)
        err = err_origin(-errno);
    buf_done(&at);
    return err;
}

/** mark_open() - find the number; MARK_OK: @m is open and @ret_number written */
enum mark_found mark_open(struct mark *m, const char *path, struct keyring *keys,
                          uint64_t *ret_number)
{
    uint64_t number = 0;
    bool found = false;

    *m = (struct mark){.fd = open(path, O_RDWR | O_CLOEXEC), .keys = keys};
    if (m->fd < 0)
        return errno == ENOENT ? MARK_MISSING : MARK_DAMAGED;
    for (int slot = 0; slot < SLOTS; slot++) {
        uint64_t one = 0;

        if (read_slot(m, slot, &one)) {
            number = MAX(number, one);
            found = true;
        }
    }
    if (found)
        *ret_number = number;
    else
        mark_close(m);
    return found ? MARK_OK : MARK_DAMAGED;
}

/** mark_create() - a new one, of number 0; false with errno */
bool mark_create(struct mark *m, const char *path, struct keyring *keys)
{
    *m =
        (struct mark){.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), .keys = keys};
    for (int slot = 0; slot < SLOTS; slot++)
        if (m->fd < 0 || write_slot(m, slot, 0) < 0)
            return false;
    return true;
}

/** mark_close() - nothing more is marked */
void mark_close(struct mark *m)
{
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
}

/** mark_write() - transaction @number is on disk; Return: 0 once this is, too, or -errno */
int mark_write(struct mark *m, uint64_t number)
{
    return write_slot(m, (int)(number % SLOTS), number);
}
