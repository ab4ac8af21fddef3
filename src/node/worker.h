/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/worker.h - the delivery plane: one thread, its network connections and sessions
 *
 * Private to node.  Everything in a struct worker belongs to its thread; others
 * send posts to its mailbox.  How a message flows is told in flow.c.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/address.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "event/event.h"
#include "io/io.h"
#include "node/config.h"
#include "node/counters.h"
#include "node/link.h"
#include "node/violation.h"
#include "protect/protect.h"
#include "router/router.h"
#include "session/session.h"

#define READ_BUFFER_BYTES      262144
#define READ_BUDGET_BYTES      524288 /* of one connection in one turn; then others have theirs */
#define TURN_WORK_MAX          32768 /* messages taken and given in one turn; see worker_is_spent() */
#define TURN_WORK_MIN          1024 /* of one that is cut short since somebody waits for the worker */
#define HANDSHAKE_WORK         2048     /* what a step of TLS counts as */
#define OUTBOX_BYTES_MAX       33554432 /* on the way to one worker; then publishers are held back */
#define HOLD_NS                (5 * NS_PER_MS)
#define HOLD_FOR_MAX_NS        (5 * NS_PER_S)
#define SPARE_BUFFERS_MAX      32
#define SPARE_BUFFER_BYTES_MAX 524288
#define FLOW_ANOTHERS_TEXT     "the retained message is another client's: owner_only_topics"

struct suback_wait; /* of interest.c */
struct purge;       /* of purge.c */

struct outbox {
    struct list control_messages; /* posts that go by the control lane, with messages in them; */
    size_t n_control_messages;
    struct list control; /* and others */
    size_t n_control;
    struct list mails;   /* parcels and other posts */
    struct parcel *open; /* of @mails; NULL: what comes needs a new one */
    size_t n;
    size_t bytes;
};

struct worker_listener {
    struct loop_file file;
    struct due watch_again; /* after the machine had no descriptor left */
    struct worker *worker;
    const struct config_listener *config;
    struct tls_context *tls;
    struct pace pace; /* of connections with a CONNECT, by .in_pace */
    struct due next_turn;
    bool is_closed;          /* by the posture */
    struct address *trusted; /* owned; the proxies that are believed */
    size_t n_trusted;
    dev_t unix_device; /* of the file that this worker has made */
    ino_t unix_inode;  /* 0: none */
};

/* A CONNECT is answered so much later. */
struct connect_delay {
    uint64_t delay_ns;
    uint64_t until_ns;
    size_t key_len;
    uint8_t key[]; /* connect_delay_key() */
};

/* How much of memory_bytes_max is used; see memory.c. */
enum memory_stage {
    MEMORY_ROOM,
    MEMORY_TIGHT,  /* who publishes what has to wait is read slowly */
    MEMORY_SCARCE, /* QoS 0 that cannot be sent at once is dropped */
    MEMORY_FULL,   /* no new message, no new connection */
};

struct worker {
    struct node *node;
    unsigned index;
    unsigned n_workers;
    pthread_t thread;
    bool stopping;

    struct loop *loop;
    struct mailbox *mailbox;
    /* mail of other workers that was taken out and waits for its turn */
    struct list control_messages;
    struct list controls; /* the rest of the control lane */
    struct list deliveries;
    struct loop_file mail_file;
    struct heap timers;
    uint64_t now_ns;

    struct worker_listener *listeners;
    size_t n_listeners;
    struct list links;
    struct list doomed;
    struct list dirty;
    struct list again;
    struct map links_by_number;
    struct map residents;
    struct map delays;
    uint64_t paced_until_ns; /* by all CONNECTs */
    uint8_t *read_buffer;
    struct buf spares[SPARE_BUFFERS_MAX];
    unsigned n_spares;

    uint64_t packet_bytes_else; /* without the posture; 0: it names no packet_bytes_max */
    struct policy *policy;
    struct ban_table *bans;
    struct restraints *restraints;
    bool is_parted;        /* by them: each delivery is asked about */
    struct list condemned; /* purge.c: what sessions are still to be looked through for */
    uint64_t n_purges;     /* that were taken */
    struct router *router;
    struct notes *notes; /* owned; NULL: sessions live in memory only */
    struct event_block *events;
    struct monitor_block *watched; /* for those who watch; NULL: nothing */
    bool is_watched;               /* does anybody? */
    uint32_t shown_bytes_max;      /* of a payload, to them */
    struct outbox outboxes[OUTLETS_MAX];
    bool has_control_messages; /* in them */
    uint64_t held_until_ns;    /* publishers are not read until then */
    uint64_t hold_posted_ns;
    size_t retained_budget; /* topics that may still be looked at in this turn */

    uint64_t interest_seq;
    uint64_t interest_acked[WORKERS_MAX];
    uint64_t interest_taken[WORKERS_MAX]; /* in this turn, to be acknowledged at its end; 0: none */
    struct list suback_waits;
    struct map retiring; /* of interest.c: filters that others are still to forget */
    size_t retiring_bytes;

    atomic_bool is_called; /* somebody waits for this worker: see node_call_worker() */
    uint64_t work_began;   /* worker_work() at the start of this turn */
    uint64_t work_beside;  /* what is no message */
    bool is_behind;        /* the last turn has left mail */
    struct due sweep;
    struct due ping;
    uint64_t sweep_stamp;
    size_t expire_cursor; /* of expire_some() */
    enum memory_stage memory_told;
    size_t memory_most; /* since free memory was given back */
    struct counters counters;
    uint64_t violations[VIOLATION_N];
    uint64_t strangers_since_ns; /* since then so many lines were written of who has no name */
    uint32_t n_strangers;
    /* Scratch for the packets that are too large for the stack. */
    struct wire_subscribe *subscribe;
    struct wire_unsubscribe *unsubscribe;
    struct wire_suback *suback;
};

/* worker.c */
struct worker *worker_new(struct node *n, unsigned index, unsigned n_workers);
struct worker *worker_free(struct worker *w);
MUST_CHECK int worker_start(struct worker *w);
MUST_CHECK int worker_begin(struct worker *w);
void worker_turn(struct worker *w);
void worker_end(struct worker *w);
void worker_empty(struct worker *w);
void worker_post(struct worker *w, enum lane lane, struct post *p);
void worker_due(struct worker *w, struct due *d, uint64_t at_ns, enum due_kind kind);
void worker_hold_publishers(struct worker *w);
void worker_take_control(struct worker *w);
void worker_take_messages(struct worker *w);
bool worker_is_spent(const struct worker *w);
size_t worker_event_text(const struct link *l);
void worker_post_events(struct worker *w);
void worker_event(struct worker *w, const struct link *l, const struct event *e);
void worker_event_of(struct worker *w, const struct link *l, enum event_kind kind, uint32_t value,
                     struct bytes topic, const char *text);

/* listen.c */
struct worker_listener *listen_of(const struct worker *w, const struct link *l);
MUST_CHECK int listen_open(struct worker *w, const struct config *c, struct tls_context *const *tls,
                           char **ret_error);
void listen_close(struct worker *w);
void listen_free(struct worker *w);

/* readmit.c */
#define READMIT_DISTRUST_TEXT "the client's certificate is not good any more"
bool readmit_trusts_newcomer(const struct link *l);
struct readmitted { /* what a new policy has meant for sessions */
    size_t n_expelled;
    size_t n_messages;   /* that are lost with them */
    size_t n_suspended;  /* subscriptions that no rule allows any more, */
    size_t n_resumed;    /* and those that one allows again */
    size_t n_distrusted; /* connections whose certificate is not good any more */
};
void readmit_all(struct worker *w, struct readmitted *sum);
void readmit_part(struct worker *w, struct readmitted *sum);
size_t readmit_tell_expelled(const struct worker *w, const struct resident *c);
void readmit_subscriptions(struct worker *w, struct resident *c, const struct link *told,
                           struct readmitted *sum);

/* resident.c */
const struct grant *resident_grant(const struct resident *c);
struct resident *resident_find(const struct worker *w, struct bytes client_id);
bool resident_place(struct worker *w);
struct resident *resident_new(struct worker *w, struct bytes client_id, const struct grant *g,
                              const struct session_limits *limits);
void resident_connected(struct worker *w, struct resident *c, struct link *l,
                        const struct session_limits *limits);
void resident_disconnected(struct worker *w, struct resident *c, bool publish_will);
void resident_keep(struct worker *w, struct resident *c, bool is_wanted, bool is_resumed);
uint32_t resident_expiry_max_s(const struct worker *w, const struct resident *c);
void resident_end(struct worker *w, struct resident *c);
void resident_drop_subscriptions(struct worker *w, struct resident *c);
void resident_drop_will(struct worker *w, struct resident *c);
struct resident *resident_restore(struct worker *w, const struct session_record *r,
                                  uint64_t record);
void resident_restored(struct worker *w, struct resident *c, uint64_t left_unix_ms,
                       uint64_t now_unix_ms);
void resident_set_will(struct worker *w, struct resident *c, const struct wire_connect *p);

/* flow.c */
void flow_packet(struct link *l, const struct wire_frame *f);
void flow_shorten(struct bytes name, char ret[REFUSAL_NAME_MAX]);
void flow_refusal_text(const struct gate_answer *a, struct bytes topic, char ret[REFUSAL_TEXT_MAX]);
bool flow_well_formed(struct link *l, const struct wire_frame *f, enum wire_outcome outcome);
void flow_protocol_error(struct link *l, enum violation v, uint8_t reason, const char *why);
enum session_offered flow_offer(struct worker *w, struct publication *p, const struct receiver *r);
size_t flow_route(struct worker *w, struct publication *p);
const char *flow_publish_own(struct worker *w, struct publication *p, const struct grant *g);
bool flow_is_held_back(struct worker *w, const struct publication *p);
size_t flow_deliver_here(struct worker *w, struct publication *p);
const char *flow_retain(struct worker *w, struct publication *p, const struct grant *g,
                        uint64_t *ret_owner);
bool flow_is_anothers(struct worker *w, struct bytes topic, uint64_t publisher);

/* hold.c */
bool hold_command(struct worker *w, const struct link *l, struct publication *p,
                  const struct held_from *from, bool is_foreign, char ret_why[REFUSAL_TEXT_MAX]);
bool hold_wants(const struct worker *w, bool is_held_back, struct bytes topic,
                const struct gate_answer *a);
bool hold_of_will(const struct worker *w, const struct resident *c, const struct publication *p,
                  const struct gate_answer *a);

/* note.c */
void note_begin_turn(struct worker *w);
bool note_is_durable(const struct worker *w, struct bytes topic);
bool note_may_promise(const struct worker *w);
bool note_has_failed(const struct worker *w);
bool note_is_behind(const struct worker *w);
void note_session(struct worker *w, struct resident *c);
void note_subscription(struct session *s, struct subscription *sub);
void note_will(struct session *s, struct publication *p);
void note_retained(struct worker *w, struct publication *p);
void note_intents(struct worker *w, struct publication *p, uint64_t outlets);
void note_taken(struct worker *w, const struct message *m);
uint64_t note_share_intent(struct worker *w, struct publication *p, const struct share *s);
void note_hand_over(struct worker *w);
void note_flushed(struct worker *w, uint64_t number);

/* subscribe.c */
void subscribe_receive(struct link *l, const struct wire_frame *f);
void unsubscribe_receive(struct link *l, const struct wire_frame *f);
void subscription_end(struct worker *w, struct subscription *sub);
void subscription_suspend(struct worker *w, struct subscription *sub);
void subscription_resume(struct worker *w, struct session *s, struct subscription *sub);
void subscription_restore(struct worker *w, struct session *s, const struct subscription_record *r,
                          uint64_t record);

/* interest.c */
void interest_init(struct worker *w);
void interest_done(struct worker *w);
void interest_retire(struct worker *w);
void interest_tell(struct worker *w, struct bytes filter, bool wanted);
void share_tell(struct worker *w, struct bytes group, struct bytes filter);
void interest_send_suback(struct link *l, enum wire_type type, const char *reason_string);
void interest_acknowledge(struct worker *w);

/* share.c */
bool share_is_post(const struct post *p);
void share_route(struct worker *w, struct publication *p, const struct match *m);
bool share_offer_here(struct worker *w, struct publication *p, struct share *s, bool connected);
void share_member(struct session *s, struct subscription *sub);
void share_member_changed(struct worker *w, struct session *s);
void share_member_left(struct worker *w, struct session *s);
void share_member_sent(struct worker *w, struct session *s);
size_t share_n_left_to_others(const struct worker *w, const struct session *s);
void share_member_ends(struct worker *w, struct session *s);

/* expire.c */
void expire_some(struct worker *w);

/* retained.c */
void retained_turn_begins(struct worker *w);
bool retained_find(struct worker *w, struct session *s);

/* memory.c */
void memory_begin(void);
enum memory_stage memory_stage(const struct worker *w);
uint64_t memory_hold_ns(const struct worker *w);
void memory_of_link(struct link *l);
void memory_tell(struct worker *w);

/* fetch.c */
void fetch_wanted(struct worker *w, struct session *s);

/* purge.c */
struct purge *purge_new(struct node *n, struct restraints *r);
void purge_cover(struct purge *p, const struct worker *w);
void purge_begin(struct purge *p);
void purge_at_start(struct node *n);
void purge_session(struct worker *w, struct resident *r);

/* outlet.c */
void outlet_send(struct worker *w, uint64_t outlets, struct publication *p);
void outlet_add_post(struct worker *w, unsigned outlet, struct post *p, size_t bytes);
void outlet_add_control_message(struct worker *w, unsigned outlet, struct post *p);
void outlet_flush_control_messages(struct worker *w);
void outlet_add_control(struct worker *w, unsigned outlet, struct post *p);
void outlet_flush_control(struct worker *w);
bool outlet_is_parcel(const struct post *p);
void outlet_flush(struct worker *w);
void outlet_post(struct worker *to, struct publication *p);
bool outlet_post_spare(struct worker *to, struct publication *p, size_t backlog_max);
