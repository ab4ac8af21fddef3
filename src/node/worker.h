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
#include "node/violation.h"
#include "protect/protect.h"
#include "router/router.h"
#include "session/session.h"

#define READ_BUFFER_BYTES      262144
#define READ_BUDGET_BYTES      524288 /* of one connection in one turn; then others have theirs */
#define TURN_WORK_MAX          32768 /* messages taken and given in one turn; see worker_is_spent() */
#define TURN_WORK_MIN          1024 /* of one that is cut short since somebody waits for the worker */
#define HANDSHAKE_WORK         2048    /* what a step of TLS counts as */
#define LINK_OUT_MAX_BYTES     1048576 /* answers that wait: then their client is not read */
#define LINGER_NS              (2 * NS_PER_S)
#define OUTBOX_BYTES_MAX       33554432 /* on the way to one worker; then publishers are held back */
#define HOLD_NS                (5 * NS_PER_MS)
#define HOLD_FOR_MAX_NS        (5 * NS_PER_S)
#define SPARE_BUFFERS_MAX      32
#define SPARE_BUFFER_BYTES_MAX 524288
#define TOPIC_BLOOM_WORDS      16
#define TOPIC_BLOOM_FRESH_NS   (60 * NS_PER_S)
#define VERDICTS               8
#define REFUSAL_TEXT_MAX       256
#define FLOW_ANOTHERS_TEXT     "the retained message is another client's: owner_only_topics"

struct node;
struct worker;
struct link;
struct resident;
struct exchange; /* of authenticate.c */
struct held_from;

/* What can be due at a time, and who does it then. */
#define DUE_KINDS(X)                                                                               \
    X(DUE_LINK, link_is_due)                                                                       \
    X(DUE_LISTENER, link_watch_again)                                                              \
    X(DUE_PACE, pace_turn)                                                                         \
    X(DUE_EXPIRY, resident_expired)                                                                \
    X(DUE_WILL, resident_will_is_due)                                                              \
    X(DUE_PING, ping_all)                                                                          \
    X(DUE_SWEEP, worker_sweep)

enum due_kind {
#define X(kind, fire) kind,
    DUE_KINDS(X)
#undef X
};

/* Something due at a time; .timer.kind is an enum due_kind. */
struct due {
    struct timer timer;
};

#define X(kind, fire) void fire(struct worker *w, struct due *d);
DUE_KINDS(X)
#undef X

/* Something another thread wants done here.  @take owns the post from then on. */
struct post {
    struct mail mail;
    void (*take)(struct worker *w, struct post *p);
};

enum link_phase {
    LINK_HANDSHAKE, /* PROXY header, TLS, WebSocket request */
    LINK_OPEN,
    LINK_LINGERING, /* what is owed is still sent, then the rest is read and thrown away */
    LINK_DOOMED,    /* freed at the end of the turn */
};

/* What may be published where was asked before. */
struct verdict {
    uint64_t topic_hash;
    enum gate_outcome outcome;
    bool is_command;
    bool is_foreign;    /* and not this client's to give */
    bool is_unread;     /* nobody has to subscribe to it */
    bool is_owner_only; /* what another one has retained there is not this client's to change */
    bool is_durable;    /* what is published there survives */
};

/* What is remembered of a connection that publishes: most only listen. */
struct publishing {
    struct verdict verdicts[VERDICTS];
    uint64_t topics[TOPIC_BLOOM_WORDS];
    uint64_t topics_since_ns;
    struct event_traffic traffic; /* not told to the sentinel yet */
    uint64_t traffic_since_ns;
};

/* As what admission counts a network connection. */
enum admission_as {
    ADMISSION_CONNECTING, /* its CONNECT was not accepted yet */
    ADMISSION_WAITING,    /* nor that of this one, which waited for its turn in a storm */
    ADMISSION_ACCEPTED,
    ADMISSION_AS_N,
};

/* A network connection. */
struct link {
    struct loop_file file;
    struct list in_worker; /* links, or doomed */
    struct list dirty;
    struct list in_pace; /* of its listener, while it waits for its turn */
    struct list
        again; /* has input, or retained messages to look for, that epoll does not know of */
    struct due due;
    struct worker *worker;
    struct worker *moves_to; /* its home worker, once what was read is put away; NULL */
    struct stream *stream;
    const struct config_listener *listener;
    uint64_t number; /* never reused */
    struct conn conn;
    struct resident *resident;
    struct grant *grant;       /* owned */
    struct exchange *exchange; /* owned; NULL: no extended authentication is under way */
    struct buf in;             /* an unfinished packet; the CONNECT while it is being decided */
    struct buf out;
    uint32_t out_at;
    uint32_t counted_bytes; /* of @in, @out and the gate, by memory_of_link() */
    uint64_t opened_ns;
    uint64_t heard_ns;
    uint64_t wrote_ns;
    uint64_t acknowledged_ns; /* a message; or since when something waits */
    uint64_t stuck_told_ns;   /* that it acknowledges nothing */
    uint64_t read_again_ns;   /* held back until then; 0: not */
    uint64_t throttle_per_s;  /* of a throttle; 0: none */
    enum link_phase phase : 8;
    uint16_t keep_alive_s;    /* 0 before CONNECT: none */
    bool is_admitted;         /* counted by admission, */
    bool is_admitted_address; /* and for its address */
    bool awaits_proxy;        /* of LINK_HANDSHAKE: the PROXY header comes first */
    bool is_blocked;          /* the socket took no more in this turn */
    bool delay_served;        /* its address's, its client's or a stranger's */
    bool pace_served;
    enum admission_as counts_as : 8;
    bool has_left;        /* by DISCONNECT: nothing more comes, and it waits for nothing */
    bool by_password;     /* how the principal was proved, */
    bool by_scram;        /* and that without sending it */
    bool binds;           /* by SCRAM_METHOD_PLUS: the proof is for this connection alone */
    bool commands_held;   /* by the action hold */
    bool asked_no_expiry; /* CONNECT had a Session Expiry Interval of 0, or none */
    struct quota quota;
    struct publishing *publishing; /* owned; NULL before the first PUBLISH */
    uint64_t bytes_untold;         /* written, and not told to the sentinel */
    const char *client_id; /* the session's while there is one, else owned; NULL: not known yet */
    const char *address;   /* borrowed from the stream */
};

/* A session with what the node keeps about it. */
struct resident {
    struct session *session; /* owned */
    struct link *link;       /* NULL while disconnected */
    struct grant *grant;     /* owned; while disconnected: the rights of Will and subscriptions */
    char *certificate_cn;    /* owned; what the last network connection showed; NULL: none */
    struct due expiry;
    struct due will_due;
    uint64_t since_unix_ms;
    uint64_t holding_since_ns; /* its queue holds publishers back since; 0: not */
    uint64_t n_received;
    uint64_t purged; /* up to which of the worker's purges its shelf was looked through */
    enum wire_level level : 8;
    bool by_password;   /* how it proved the principal, */
    bool by_scram;      /* and that without sending it */
    bool is_control;    /* it came by the control listener */
    bool commands_held; /* by the action hold, when its network connection ended */
    bool is_counted;    /* among the kept sessions of its user */
    bool is_untried;    /* not the user's only one, and was never resumed */
    char principal[];
};

struct suback_wait; /* of interest.c */

struct outbox {
    struct list control; /* posts that go by the control lane */
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
    struct list deliveries; /* mail of other workers that was taken out and waits for its turn */
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

    struct policy *policy;
    struct ban_table *bans;
    struct restraints *restraints;
    struct list condemned; /* purge.c: what sessions are still to be looked through for */
    uint64_t n_purges;     /* that were taken */
    struct router *router;
    struct notes *notes; /* owned; NULL: sessions live in memory only */
    struct event_block *events;
    struct monitor_block *watched; /* for those who watch; NULL: nothing */
    bool is_watched;               /* does anybody? */
    uint32_t shown_bytes_max;      /* of a payload, to them */
    struct outbox outboxes[OUTLETS_MAX];
    uint64_t held_until_ns; /* publishers are not read until then */
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
    enum memory_stage memory_told;
    struct counters counters;
    uint64_t violations[VIOLATION_N];
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
void worker_take_deliveries(struct worker *w);
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

/* admit.c */
bool admit_connection(const struct worker_listener *from, struct link *l);
enum stream_outcome admit_handshake(struct link *l);
void admit_waits(struct link *l);
void admit_accepted(struct link *l);
void admit_leave(const struct link *l);

/* link.c */
void link_accept(struct worker *w, struct worker_listener *l);
bool link_process(struct link *l);
const char *link_name(const struct link *l);
void link_log(const struct link *l, const char *area, const char *format, ...) PRINTF(3, 4);
void link_dirty(struct link *l);
void link_relieve(struct link *l);
void link_flush_all(struct worker *w);
void link_read_again(struct worker *w);
void link_heard(struct link *l);
struct link *link_find(const struct worker *w, uint64_t number);

/* link_close.c */
void link_close(struct link *l, uint8_t reason, const char *why);
uint8_t link_redirect_reason(const struct worker *w);
const char *link_server_reference(const struct link *l, uint8_t reason);
void link_end_now(struct link *l);
void link_free_doomed(struct worker *w);

/* notice.c */
void notice_sent(struct link *l, size_t n);
void notice_end(struct link *l, uint8_t reason, const char *why);
void notice_publish(struct link *l, const struct wire_publish *p, const struct verdict *v,
                    size_t n_matched);
void notice_qos2(struct link *l, size_t before);
void notice_queued(struct link *l, const struct queue *q, size_t added_bytes);
void notice_retain(struct link *l, const struct wire_publish *p);
void notice_retain_will(struct worker *w, const struct publication *p, const struct grant *g);
void notice_command(struct link *l, const struct wire_publish *p);
void notice_ping(struct link *l);
void notice_connect(struct link *l, const struct wire_connect *p);
void notice_standing(struct link *l);
void notice_will(struct link *l, const struct wire_connect *p, const struct gate_answer *a);
/* subject.c */
struct gate_subject link_subject(const struct link *l);
struct bytes link_principal(const struct link *l);
void link_restrain(struct link *l);

/* pace.c */
bool pace_holds(struct link *l, const struct wire_connect *p, size_t len);
void pace_until(struct worker *w, uint64_t until_ns);

/* connect.c */
void connect_receive(struct link *l, const struct wire_frame *f);
enum auth_outcome {
    AUTH_WRONG,
    AUTH_RIGHT,
    AUTH_BUSY, /* not verified: too many wait */
};
void connect_verified(struct worker *w, uint64_t link, const char *verifier,
                      enum auth_outcome outcome, uint16_t secret_hash);

struct gate_subject connect_subject(const struct link *l, const struct wire_connect *p);
void connect_tell_too_large(struct link *l, struct bytes begun);
#define CONNECT_STRANGERS BYTES("strangers") /* no address is called so */
void connect_delay_key(struct bytes address, struct bytes client_id, struct buf *ret);
void connect_refuse(struct link *l, const struct wire_connect *p, uint8_t reason, const char *why);
void connect_refuse_credentials(struct link *l, const struct wire_connect *p,
                                enum gate_outcome outcome, uint16_t secret_hash);
void connect_tell_failed(struct link *l, struct bytes user_name, enum gate_outcome outcome,
                         uint16_t secret_hash);
bool connect_may_prove(struct link *l, const struct wire_connect *p);
bool connect_answer(struct link *l, const struct wire_connect *p, const struct wire_connack *ack);

/* connect_admit.c */
void connect_admit(struct link *l, const struct wire_connect *p);

/* agree.c */
uint32_t agree_asked_expiry_s(const struct wire_connect *p);
void agree(struct link *l, const struct wire_connect *p, struct buf *text,
           struct wire_connack *ack);

/* authenticate.c */
void authenticate_begin(struct link *l, const struct wire_connect *p);
void authenticate_receive(struct link *l, const struct wire_frame *f);
struct exchange *exchange_free(struct exchange *x);
struct bytes exchange_user(const struct exchange *x);
uint64_t exchange_challenged_ns(const struct exchange *x);
void exchange_tell(const struct link *l, struct wire_props *props);

/* tap.c */
struct monitor *tap_monitor(struct node *n);
void tap_change(struct node *n, const struct config *c);
void tap_learn(struct worker *w, const struct config *c);
void tap_connect(struct link *l, const struct wire_connect *p, uint8_t reason);
void tap_subscribe(struct link *l, const struct wire_subscription *in, uint8_t reason);
void tap_unsubscribe(struct link *l, struct bytes filter, uint8_t reason);
void tap_publish(struct link *l, const struct wire_publish *p, bool is_allowed);
void tap_flush(struct worker *w);

/* introduce.c */
void introduce_client(struct link *l, const struct wire_connect *p);
void introduce_standing(struct link *l);
void introduce_birth(struct link *l, const struct wire_publish *p);

/* readmit.c */
void readmit_all(struct worker *w);
void readmit_subscriptions(struct worker *w, struct resident *c);

/* resident.c */
const struct grant *resident_grant(const struct resident *c);
struct resident *resident_find(const struct worker *w, struct bytes client_id);
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
void flow_refusal_text(const struct gate_answer *a, char ret[REFUSAL_TEXT_MAX]);
bool flow_well_formed(struct link *l, enum wire_outcome outcome);
void flow_protocol_error(struct link *l, enum violation v, uint8_t reason, const char *why);
enum session_offered flow_offer(struct worker *w, struct publication *p, const struct receiver *r);
size_t flow_route(struct worker *w, struct publication *p);
const char *flow_publish_own(struct worker *w, struct publication *p, const struct grant *g);
bool flow_is_held_back(struct worker *w, const struct publication *p);
size_t flow_deliver_here(struct worker *w, struct publication *p);
const char *flow_retain(struct worker *w, struct publication *p, const struct grant *g);
bool flow_is_anothers(const struct worker *w, struct bytes topic, uint64_t publisher);

/* publish.c */
void publish_receive(struct link *l, const struct wire_frame *f);

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
void subscription_restore(struct worker *w, struct session *s, const struct subscription_record *r,
                          uint64_t record);

/* interest.c */
void interest_init(struct worker *w);
void interest_done(struct worker *w);
void interest_retire(struct worker *w);
void interest_tell(struct worker *w, struct bytes filter, bool wanted);
void share_tell(struct worker *w, struct bytes group, struct bytes filter);
void interest_send_suback(struct link *l, const char *reason_string);
void interest_acknowledge(struct worker *w);

/* share.c */
void share_route(struct worker *w, struct publication *p, const struct match *m);
void share_member(struct session *s, struct subscription *sub);
void share_member_changed(struct worker *w, struct session *s);
void share_member_left(struct worker *w, struct session *s);
void share_member_ends(struct worker *w, struct session *s);

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
void purge_begin(struct node *n, struct restraints *r);
void purge_session(struct worker *w, struct resident *r);

/* outlet.c */
void outlet_send(struct worker *w, uint64_t outlets, struct publication *p);
void outlet_add_post(struct worker *w, unsigned outlet, struct post *p, size_t bytes);
void outlet_add_control(struct worker *w, unsigned outlet, struct post *p);
void outlet_flush_control(struct worker *w);
void outlet_flush(struct worker *w);
void outlet_post(struct worker *to, struct publication *p);
bool outlet_post_spare(struct worker *to, struct publication *p, size_t backlog_max);
