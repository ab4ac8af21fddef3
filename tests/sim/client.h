/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/client.h - a client: its network connections, its half of the session, its habits
 *
 * A client has one session on the node, whose state it keeps as the standard says. It
 * may have several network connections at once: the newest is its own, older ones it
 * has given up, and the node has to end them.
 */
#pragma once

#include "sim/kernel.h"
#include "sim/packet.h"
#include "sim/sim.h"
#include "sim/topics.h"

#define PACKET_IDS 65536
#define OUT_MAX    32
#define ALIASES    4

struct letter;
struct client;

enum line_phase {
    PHASE_CONNECTING, /* CONNECT was sent */
    PHASE_OPEN,
    PHASE_LEFT, /* given up by the client; what the node still says is read */
    PHASE_OVER, /* nothing more will come */
};

/* Why the node may end a connection that its client did not end. */
#define MAY_END_TAKEN_OVER BIT(0)
#define MAY_END_GARBAGE    BIT(1)
#define MAY_END_SILENT     BIT(2) /* keep alive */
#define MAY_END_REFUSED    BIT(3)
#define MAY_END_NO_CONNECT BIT(4)
#define MAY_END_BY_CLIENT  BIT(5) /* DISCONNECT, shutdown, close, reset */
#define MAY_END_STOPPED    BIT(6)
#define MAY_END_RIGHTS     BIT(7)

/* A network connection as the client knows it. */
struct line {
    struct client *client; /* NULL: nobody in particular */
    struct socket *socket; /* a reference; NULL once it is over */
    struct buf in;
    unsigned index;
    enum line_phase phase;
    unsigned may_end; /* MAY_END_ */
    uint8_t level;
    bool clean;
    uint16_t keep_alive_s; /* as agreed */
    uint32_t expiry_s;
    uint32_t disconnect_expiry_s; /* NOT_SET */
    int disconnect_reason;        /* that the client sent; -1: none */
    uint32_t receive_max;         /* the client's */
    uint32_t packet_max;
    uint32_t node_receive_max;
    uint32_t node_alias_max;
    struct letter *will;
    uint32_t will_delay_s;
    uint8_t refusal; /* that CONNECT has to be answered with */
    bool is_slow;
    bool is_silent;
    uint64_t sent_ns;
    unsigned n_pings;
    unsigned n_unacknowledged; /* QoS 1 and 2 from the node */
    bool is_of_ended_session;
    uint8_t end_reason; /* of the node's DISCONNECT; 0: none came */
    int alias_topic[ALIASES + 1];
    uint32_t alias_max;                /* the client's; 0: it takes none */
    int node_alias_topic[ALIASES + 1]; /* and what each stands for, its number and 1; 0: nothing */
    uint32_t last_n[3][CLIENTS_MAX];   /* newest message by QoS, see check_order(), and publisher */
    /* as the events of the node tell */
    uint64_t node_number;
    unsigned worker; /* that has it */
    uint64_t opened_ns;
    uint64_t accepted_ns;
    bool was_answered; /* by CONNACK */
    bool was_accepted;
    bool was_disconnected;
    uint64_t overdue_ns; /* was found to be silent for too long; 0: it is not */
    uint64_t heeded_to;  /* so far it was read in turns before that of its end */
    int expect_present;  /* -1: either */
};

/* A subscription as the client knows it. */
struct sub {
    bool maybe;  /* the node may have it */
    bool sure;   /* SUBACK came, and no UNSUBSCRIBE was sent since */
    bool steady; /* no other options were asked for since SUBACK */
    uint8_t qos_least;
    uint8_t qos_most;
    uint8_t qos_ever; /* most, also of what was before */
    bool no_local;    /* may be so */
    bool retain_as_published;
    uint32_t id;
    unsigned n_pending;    /* SUBSCRIBEs without SUBACK, and without UNSUBSCRIBE behind them */
    unsigned n_unanswered; /* SUBSCRIBEs that the node may not have seen yet */
    uint32_t sure_n;       /* sure since this message */
    uint32_t since_n;      /* messages from this number on find it as it is */
    uint32_t gone_n;       /* messages from this number on must not find it */
};

enum out_kind {
    OUT_PUBLISH,
    OUT_PUBREL,
    OUT_SUBSCRIBE,
    OUT_UNSUBSCRIBE,
};

/* An UNSUBSCRIBE followed before the SUBACK came. */
enum undone {
    UNDONE_NOT,
    UNDONE_SENT,
    UNDONE_ANSWERED,
};

#define FILTERS_PER_PACKET 3

/* Something with a packet id that the node has not answered yet. */
struct out {
    enum out_kind kind;
    uint16_t packet_id;
    struct letter *letter;
    unsigned n_filters;
    unsigned filters[FILTERS_PER_PACKET];
    uint8_t options[FILTERS_PER_PACKET]; /* OUT_UNSUBSCRIBE: 1 if it is known to be there */
    enum undone undone[FILTERS_PER_PACKET];
    bool is_new[FILTERS_PER_PACKET]; /* the node cannot have had it before */
    uint64_t sent_ns;
    uint32_t id;
    bool sent_here;   /* on this network connection */
    bool is_doubtful; /* the client's rights have changed meanwhile */
};

enum received {
    RECEIVED_NOT,
    RECEIVED,
    RECEIVED_REFUSED, /* PUBREC with an error was sent */
};

/* An acknowledgement that the client owes. */
struct owed {
    uint8_t type;
    uint8_t reason;
    uint16_t packet_id;
};

struct client {
    unsigned index;
    char id[16];
    enum role role;
    struct line *line; /* its own; NULL: none */
    bool must_begin_clean;
    unsigned known_epoch; /* how many sessions it had, as far as it knows */
    uint8_t level;

    struct out out[OUT_MAX]; /* in the order they were sent */
    unsigned n_out;
    uint16_t next_packet_id;
    uint8_t *received;             /* QoS 2 ids between PUBLISH and PUBREL; by id, enum received */
    struct letter **last_by_id;    /* what came last by a packet id */
    struct letter **refused_by_id; /* of RECEIVED_REFUSED; NULL: an empty one */
    struct owed *owed;
    size_t n_owed;
    size_t owed_cap;
    struct sub subs[FILTERS];
    uint32_t last_n[3][CLIENTS_MAX]; /* newest message not repeated, by QoS and publisher */
    unsigned lazy;                   /* acknowledges once in so many steps */

    /* the session as the events of the node tell */
    bool alive;
    unsigned epoch;        /* how many there were */
    struct line *attached; /* NULL: waits */
    uint32_t expiry_s;
    uint64_t expires_ns; /* UINT64_MAX: never */
    struct letter *will;
    uint64_t will_due_ns;  /* 0: none is due */
    bool will_was_early;   /* only right if the session ends in this turn */
    bool will_is_doubtful; /* the right to publish it has changed since CONNECT */
    struct line *last;     /* that was accepted; NULL: none */
    uint64_t left_ns;      /* when it ended */
    /* after a crash of the node, until a CONNECT is accepted */
    bool in_doubt;          /* the session may be there or not, */
    uint64_t sure_until_ns; /* but for certain until then */
    bool perhaps_no_member; /* as the session that was in groups may be gone */
    bool was_connected;     /* at the last crash, by a connection that had its CONNACK */
};

extern struct client clients[CLIENTS_MAX];

/* client.c: life, connecting, ending */
void clients_start(void);
void clients_end(void);
uint32_t lines_n(void);
struct line *line_by_number(uint32_t socket_number);
bool client_may_connect(const struct client *c);
void client_connect(struct client *c, bool heal);
void client_forget(struct client *c);
void client_session_gone(struct client *c);
void client_in_doubt(struct client *c);
void line_send(struct line *k, struct buf *packet);
void line_over(struct line *k);
void client_leave(struct client *c, unsigned why);
struct line *line_new(struct client *c, uint16_t port);
bool lines_wait_for_node(void);

/* receive.c: what the node sent */
void line_read(struct line *k, size_t most);

/* act.c: what a client does by itself */
void client_act(struct client *c);
void client_publish(struct client *c, unsigned topic);
struct out *out_add(struct client *c, enum out_kind kind);
void stranger_comes(void);
void client_settle(struct client *c);
void client_ping_if_due(struct client *c);
uint64_t client_ping_due_ns(const struct client *c);
void client_resend(struct client *c);
bool client_is_busy(const struct client *c);

/* subscribe.c: what it asks for */
void client_subscribe(struct client *c);
void client_join(struct client *c, unsigned share);
void client_unsubscribe(struct client *c);
void client_undo_pending(struct client *c, unsigned filter);
