/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/mailbox.c - lists of mail under a mutex, and an eventfd to wake their reader
 *
 * The eventfd is written by the post that finds its lane empty, after the lock
 * is given back.  No wakeup is lost as long as the reader clears it first and
 * then takes both lanes: what is posted before its lane is taken is taken, what
 * is posted later finds the lane empty and writes again.  (That both lanes are
 * empty would not do: between the taking of the one and of the other it is not so.)
 *
 * A reader that says when it is awake is not woken then: it waits only after it has
 * found both lanes empty, by mailbox_rest(), and from there on a post writes again.
 * One that lets deliveries gather for a while, by mailbox_gather(), is woken by control only.
 */
#include "io/io.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

struct mailbox {
    int event_fd;
    atomic_size_t delivery_bytes; /* written under the lock, read without */
    pthread_mutex_t lock;         /* for the rest */
    struct list lanes[LANE_N];    /* of struct mail */
    size_t n[LANE_N];
    bool wakes[LANE_N]; /* does a post into the empty lane wake the reader? */
};

/** mailbox_new() - an empty mailbox; aborts without descriptors */
struct mailbox *mailbox_new(void)
{
    struct mailbox *m = mem_new(struct mailbox);

    m->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(m->event_fd >= 0);
    check(pthread_mutex_init(&m->lock, NULL) == 0);
    for (size_t i = 0; i < LANE_N; i++) {
        list_init(&m->lanes[i]);
        m->wakes[i] = true;
    }
    return m;
}

/** mailbox_free() - of an empty one that nobody posts to any more; Return: NULL */
struct mailbox *mailbox_free(struct mailbox *m)
{
    if (m == NULL)
        return NULL;
    for (size_t i = 0; i < LANE_N; i++)
        check(list_is_empty(&m->lanes[i]));
    pthread_mutex_destroy(&m->lock);
    close(m->event_fd);
    free(m);
    return NULL;
}

/** mailbox_fd() - becomes readable when mail comes into an empty lane; for the reader's loop */
int mailbox_fd(const struct mailbox *m)
{
    return m->event_fd;
}

static void post(struct mailbox *m, enum lane lane, struct list *mails, size_t n, size_t bytes)
{
    uint64_t one = 1;
    bool wakes;

    pthread_mutex_lock(&m->lock);
    wakes = m->n[lane] == 0 && m->wakes[lane];
    list_splice(&m->lanes[lane], mails);
    m->n[lane] += n;
    if (lane == LANE_DELIVERY)
        atomic_fetch_add_explicit(&m->delivery_bytes, bytes, memory_order_relaxed);
    pthread_mutex_unlock(&m->lock);

    /* A count that is full (EAGAIN) wakes as well. */
    if (wakes)
        check(write(m->event_fd, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN);
}

/**
 * mailbox_post() - put one mail at the end of a lane
 * @mail:  linked in no list; the reader's from here on
 *
 * Any thread.  Mails that one thread posts to one lane come out in that order.
 */
void mailbox_post(struct mailbox *m, enum lane lane, struct mail *mail)
{
    struct list mails;

    list_init(&mails);
    list_append(&mails, &mail->link);
    post(m, lane, &mails, 1, 0);
}

/**
 * mailbox_post_all() - put a whole list at the end of a lane, by one lock and at most one wakeup
 * @mails:  of struct mail, emptied; the mails are the reader's from here on
 * @n:      how many mails
 * @bytes:  what they count in mailbox_bytes(); only in LANE_DELIVERY
 *
 * Any thread.
 */
void mailbox_post_all(struct mailbox *m, enum lane lane, struct list *mails, size_t n, size_t bytes)
{
    check((n == 0) == list_is_empty(mails));
    if (n > 0)
        post(m, lane, mails, n, bytes);
}

/**
 * mailbox_take() - take all mail of a lane out
 * @ret:  the mails are appended in their order
 *
 * The reader only, LANE_CONTROL first, and both lanes after each
 * mailbox_clear_wakeup(): mail left in a lane keeps later mail from waking.
 *
 * Return: how many mails.
 */
size_t mailbox_take(struct mailbox *m, enum lane lane, struct list *ret)
{
    size_t n;

    pthread_mutex_lock(&m->lock);
    list_splice(ret, &m->lanes[lane]);
    n = m->n[lane];
    m->n[lane] = 0;
    if (lane == LANE_DELIVERY)
        atomic_store_explicit(&m->delivery_bytes, 0, memory_order_relaxed);
    pthread_mutex_unlock(&m->lock);
    return n;
}

/* The lanes of @lanes, BIT(lane), wake from here on and others do not; Return: are those empty? */
static bool wake_by(struct mailbox *m, unsigned lanes)
{
    bool is_empty = true;

    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < LANE_N; i++) {
        m->wakes[i] = (lanes & BIT(i)) != 0;
        is_empty = is_empty && (!m->wakes[i] || m->n[i] == 0);
    }
    pthread_mutex_unlock(&m->lock);
    return is_empty;
}

/** mailbox_rouse() - the reader is awake: until mailbox_rest() or mailbox_gather() no post wakes it
 */
void mailbox_rouse(struct mailbox *m)
{
    (void)wake_by(m, 0);
}

/**
 * mailbox_rest() - the reader is about to wait: from here on posts wake it
 *
 * Return: false if there is mail already, which may have come without a wakeup: it must not wait.
 */
bool mailbox_rest(struct mailbox *m)
{
    return wake_by(m, BIT(LANE_CONTROL) | BIT(LANE_DELIVERY));
}

/** mailbox_gather() - as mailbox_rest(), but deliveries wait until the reader looks by itself */
bool mailbox_gather(struct mailbox *m)
{
    return wake_by(m, BIT(LANE_CONTROL));
}

/** mailbox_clear_wakeup() - mailbox_fd() is not readable until the next wakeup; the reader, before
 * it takes */
void mailbox_clear_wakeup(struct mailbox *m)
{
    uint64_t count;

    check(read(m->event_fd, &count, sizeof(count)) == sizeof(count) || errno == EAGAIN);
}

/** mailbox_bytes() - posted to the delivery lane and not taken yet; any thread, may be out of date
 */
size_t mailbox_bytes(const struct mailbox *m)
{
    return atomic_load_explicit(&m->delivery_bytes, memory_order_relaxed);
}
