/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/sentinel.h - the control plane: events in, findings, incidents, commands out
 *
 * Private to node.  One thread owns identify, detect and respond; workers send it
 * blocks of events, others send errands.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "alert/alert.h"
#include "base/map.h"
#include "detect/detect.h"
#include "event/event.h"
#include "identify/identify.h"
#include "io/io.h"
#include "node/config.h"
#include "respond/respond.h"

struct node;

/* What the sentinel has to know of a role. */
struct role_traits {
    char name[ROLE_NAME_MAX];
    bool critical;
    uint64_t messages_per_s_max;
};

#define AMENDS_CONNS_MAX 1024 /* connections that are looked for on all workers, in a part */

/* See amends.c. */
struct amends {
    uint64_t n_shed; /* when the first of these rounds began, or of the last ones */
    enum {
        AMENDS_NONE,
        AMENDS_STANDING,
        AMENDS_ENDED,
    } looks_for;
    unsigned round;
    uint64_t next_link; /* when this round began; who came later is told of without it */
    unsigned worker;
    size_t places; /* of the table that @cursor is in; SIZE_MAX: none yet */
    size_t cursor;
    size_t part; /* where the cursor was before the last part */
    bool is_last_part;
    uint64_t missing[AMENDS_CONNS_MAX]; /* connections of the last part that no worker had */
    size_t n_missing;
    size_t n_standing; /* made good in these rounds */
    size_t n_ended;
    size_t n_before; /* of both, when this round began */
};

/* What it does from time to time: see chores.c. */
enum chore {
    CHORE_MEMORY,
    CHORE_STORE,
    CHORE_CERTIFICATES,
    CHORE_DETECT,
    CHORE_RESPOND,
    CHORE_IDENTIFY,
    CHORE_AMENDS,
    CHORE_CONDUITS,
    CHORE_WARD,
    CHORE_SAVE_IDENTIFY,
    CHORE_SAVE_HABITS,
    CHORE_DECLARED,
    CHORE_N,
};

struct sentinel {
    struct node *node;
    pthread_t thread;
    bool stopping;
    struct loop *loop;
    struct mailbox *mailbox;
    atomic_bool is_called; /* an order waits, also while events are taken */
    bool has_mail;         /* that came while it was awake: the next turn does not wait */
    bool gathers;          /* it had events just now: the next ones do not wake it */
    struct loop_file mail_file;
    uint64_t next_tick_ns;
    uint64_t due_ns[CHORE_N]; /* each chore; 0: at the next tick */
    unsigned store_faults;    /* as they were told to the detectors; all bits: not looked at yet */
    struct certificate_dates {
        uint64_t soon, out; /* by listener: its certificate, or revocation list, ends soon, is out
                               of date; all bits: not looked at yet */
    } certificate_dates, crl_dates; /* as they were told to the detectors */
    atomic_uint n_blocks;           /* on the way */
    bool had_many;                  /* of them, since memory was given back last */
    atomic_ullong n_shed_blocks;    /* dropped because the sentinel was behind */
    uint64_t n_shed_events;         /* did not fit into their block */
    struct amends amends;
    uint64_t n_events[EVENT_KIND_N];

    struct identify *identify;
    struct detect *detect;
    struct respond *respond;
    struct alert *alert;
    enum severity alert_severity_min; /* of an incident that is told to others */
    struct role_traits *roles;        /* owned */
    uint64_t messages_per_s_max;      /* of who has no role */
    size_t n_roles;
    uint64_t conduit_sum; /* of who is on either side of a conduit that is closed, as enforced; 0:
                             none is */
    bool has_newcomers;   /* clients came, and their zones were not looked at */
    struct map online;    /* of online.c, by connection */
    struct map addresses; /* of online.c, by address */
    uint64_t now_ns;
    uint64_t now_unix_ms;
};

/* Something another thread wants done on the sentinel's.  @take owns it from then on. */
struct errand {
    struct mail mail;
    void (*take)(struct sentinel *s, struct errand *e);
};

struct sentinel *sentinel_new(struct node *n, char **ret_error);
struct sentinel *sentinel_free(struct sentinel *s);
MUST_CHECK int sentinel_start(struct sentinel *s);
void sentinel_stop(struct sentinel *s);
void sentinel_take_events(struct sentinel *s, struct event_block *b);
void sentinel_call(struct sentinel *s, void (*fn)(struct sentinel *s, void *arg), void *arg);
struct alert_change *sentinel_alerts(const struct config *c, char **ret_error);
void sentinel_learn_config(struct sentinel *s, const struct config *c);
struct respond_now sentinel_now(const struct sentinel *s);
void sentinel_found(void *arg, const struct finding *f);
void sentinel_take_urgent_orders(struct sentinel *s);

/* chores.c */
void chores_begin(struct sentinel *s);
void chores_take(struct sentinel *s);

/* hands.c */
struct respond_hands hands_of(struct sentinel *s);

/* online.c */
void online_init(struct sentinel *s);
void online_done(struct sentinel *s);
void online_event(struct sentinel *s, const struct event *e);
bool online_has(const struct sentinel *s, uint64_t conn);
size_t online_next(const struct sentinel *s, size_t *cursor, uint64_t *ret, size_t max);
unsigned online_clients(void *arg);
unsigned online_at_address(void *arg, const char *address);

/* amends.c: what shed events would have told */
void amends_tick(struct sentinel *s);

/* habits.c: the detectors' configuration */
void habits_configure(struct sentinel *s, const struct config *c,
                      const struct detect_settings *settings);
void habits_load(struct sentinel *s);
void habits_inspect(struct sentinel *s);
void habits_lifecycles(struct sentinel *s);
void habits_lifecycle_of(struct sentinel *s, uint64_t conn);
bool habits_save(struct sentinel *s);
void habits_forget(struct sentinel *s, const char *client_id);

/* store_watch.c: what is wrong with journal and control store */
void store_watch(struct sentinel *s);

/* certificate_watch.c: which certificates and revocation lists end soon or are out of date */
void certificate_watch(struct sentinel *s);

/* enforce.c: the list, on its way to the workers */
void enforce_load(struct sentinel *s);
void enforce_bans(struct sentinel *s);
void enforce_restraints(struct sentinel *s);
/* client_key() of who is at one end of the conduit @m; the caller frees the keys. */
struct zone_clients {
    uint64_t *keys; /* owned */
    size_t n;
};
struct zone_clients enforce_zone_clients(const struct sentinel *s, const struct respond_measure *m,
                                         const char *zone);
void enforce_conduits(struct sentinel *s);
void enforce_newcomers(struct sentinel *s);
void enforce_these_restraints(struct node *n, struct restraints *r);
