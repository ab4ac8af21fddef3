/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/link.h - a network connection, and the session that it brings back to a client
 *
 * Private to node.  A link belongs to the thread of its worker, and so does a resident.
 */
#pragma once

#include "base/address.h"
#include "base/heap.h"
#include "base/list.h"
#include "event/event.h"
#include "io/io.h"
#include "node/config.h"
#include "node/violation.h"
#include "protect/protect.h"
#include "session/session.h"

#define LINK_OUT_MAX_BYTES   1048576 /* answers that wait: then their client is not read */
#define LINGER_NS            (2 * NS_PER_S)
#define LINK_PROGRESS_BYTES  1024 /* of an unfinished packet, in the time of keep alive */
#define TOPIC_BLOOM_WORDS    16
#define TOPIC_BLOOM_FRESH_NS (60 * NS_PER_S)
#define VERDICTS             8
#define TOPICS_KNOWN         4
#define TOPIC_KNOWN_MAX      55 /* bytes */
#define REFUSAL_TEXT_MAX     512
#define REFUSAL_NAME_MAX     224 /* of a topic or filter in it: there is room for two */

struct node;
struct worker;
struct worker_listener;
struct link;
struct resident;
struct exchange;  /* of authenticate.c */
struct expulsion; /* of readmit.c */
struct held_from;

/* What can be due at a time, and who does it then. */
#define DUE_KINDS(X)                                                                               \
    X(DUE_LINK, link_is_due)                                                                       \
    X(DUE_LISTENER, link_watch_again)                                                              \
    X(DUE_PACE, pace_turn)                                                                         \
    X(DUE_EXPIRY, resident_expired)                                                                \
    X(DUE_EXPELLED, resident_expelled)                                                             \
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

/* The hash of a topic that was published to before. */
struct known_topic {
    uint64_t hash;
    uint8_t len;
    uint8_t topic[TOPIC_KNOWN_MAX];
};

/* What is remembered of a connection that publishes: most only listen. */
struct publishing {
    struct known_topic known[TOPICS_KNOWN];
    struct verdict verdicts[VERDICTS];
    uint64_t topics[TOPIC_BLOOM_WORDS];
    uint64_t topics_since_ns;
    struct event_traffic traffic; /* not told to the sentinel yet */
    uint64_t traffic_since_ns;
    uint32_t tell_at; /* so many messages are in it */
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
    uint32_t packet_told;   /* Maximum Packet Size in its CONNACK; 0: it was told none */
    uint32_t alive_bytes;   /* of the unfinished packet in @in, at alive_ns */
    uint64_t opened_ns;
    uint64_t heard_ns; /* something was read */
    uint64_t alive_ns; /* keep alive counts from here */
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
    bool is_unheard;          /* it takes nothing any more; what it has sent is still read */
    bool delay_served;        /* its address's, its client's or a stranger's */
    bool pace_served;
    enum admission_as counts_as : 8;
    bool has_left;        /* of its own accord: no reason is waited for */
    bool has_closed;      /* its sending side, while something was owed to it */
    bool by_password;     /* how the principal was proved, */
    bool by_scram;        /* and that without sending it */
    bool binds;           /* by SCRAM_METHOD_PLUS: the proof is for this connection alone */
    bool commands_held;   /* by the action hold */
    bool is_suspect;      /* silent for the time of keep alive, as far as was read */
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
    struct expulsion *expelled; /* owned, of readmit.c; NULL: its user may come in; else it is
                                   about to end */
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
    bool has_place;     /* of sessions_max; false: another session has it now */
    bool is_counted;    /* among the kept sessions of its user */
    bool is_untried;    /* not the user's only one, and was never resumed */
    char principal[];
};

/* admit.c */
#define ADMIT_SHUT_TEXT "the listener is closed for now"
const char *admit_shut_by(const struct link *l);
void admit_cut_shut(struct link *l);
bool admit_connection(const struct worker_listener *from, struct link *l);
enum stream_outcome admit_handshake(struct link *l);
const char *admit_awaited(const struct link *l);
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

/* link_read.c */
void link_hear_goodbye(struct link *l);

/* link_close.c */
void link_close(struct link *l, uint8_t reason, const char *why);
uint8_t link_redirect_reason(const struct worker *w);
const char *link_server_reference(const struct link *l, uint8_t reason);
void link_log_lost(const struct link *l, const char *why);
void link_end_now(struct link *l);
void link_free_doomed(struct worker *w);

/* notice.c */
void notice_sent(struct link *l, size_t n);
void notice_end(struct link *l, uint8_t reason, const char *why);
void notice_publish(struct link *l, const struct wire_publish *p, const struct verdict *v,
                    size_t n_matched);
void notice_qos2(struct link *l, size_t before);
void notice_queued(struct link *l, const struct queue *q, size_t added_bytes);
void notice_retain(struct link *l, const struct wire_publish *p, uint64_t owner);
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
void connect_tell_refused(struct link *l, const struct wire_connect *p, uint8_t reason,
                          const char *why);
void connect_tell_too_large(struct link *l, struct bytes begun);
#define CONNECT_STRANGERS BYTES("strangers") /* no address is called so */
void connect_delay_key(struct bytes address, struct bytes client_id, struct buf *ret);
void connect_refuse(struct link *l, const struct wire_connect *p, uint8_t reason, const char *why);
void connect_refuse_credentials(struct link *l, const struct wire_connect *p,
                                enum gate_outcome outcome, uint16_t secret_hash);
void connect_tell_failed(struct link *l, struct bytes user_name, enum gate_outcome outcome,
                         uint16_t secret_hash);
bool connect_may_prove(struct link *l, const struct wire_connect *p);
bool connect_may_answer(const struct wire_connect *p, const struct wire_connack *ack);
void connect_answer(struct link *l, const struct wire_connect *p, const struct wire_connack *ack);

/* connect_admit.c */
void connect_admit(struct link *l, const struct wire_connect *p);

/* agree.c */
uint32_t agree_asked_expiry_s(const struct wire_connect *p);
void agree(struct link *l, const struct wire_connect *p, struct buf *text,
           struct wire_connack *ack);
void agree_session(struct link *l, const struct wire_connect *p, struct wire_connack *ack);

/* authenticate.c */
void authenticate_begin(struct link *l, const struct wire_connect *p);
void authenticate_tell_refused(struct link *l, uint8_t reason, const char *why);
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

/* publish.c */
void publish_receive(struct link *l, const struct wire_frame *f);
bool publish_is_control(const struct link *l);
