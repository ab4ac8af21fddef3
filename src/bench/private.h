/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/private.h - the inside of bench
 *
 * A bench is one run.  Its load is made by crews: a crew is some driver threads,
 * each with a loop and the peers (client connections) that it owns.  What a
 * scenario wants its peers to do is a struct play: functions that the drivers
 * call.  The main thread says by the crew's phase when it begins and ends, waits
 * for counts to be reached, shows progress and reads the broker's CPU time.
 *
 * A driver's counts are written by it alone and read by the main thread.
 */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/hist.h"
#include "base/list.h"
#include "bench/bench.h"
#include "io/io.h"
#include "wire/wire.h"

/* As those of the other verbs. */
enum bench_exit {
    BENCH_OK = 0,
    BENCH_FAILED = 1, /* it could not be done, or what came is not what was sent */
    BENCH_USAGE = 2,
    BENCH_UNREACHABLE = 3,
};

/* ---- options.c ---- */

#define BENCH_TEXT    const char *
#define BENCH_COUNT   uint64_t
#define BENCH_SECONDS double
#define BENCH_FLAG    bool

struct bench_options {
#define X(kind, field, option, argument, least, most, text) BENCH_##kind field;
    BENCH_OPTIONS(X)
#undef X
};

#undef BENCH_TEXT
#undef BENCH_COUNT
#undef BENCH_SECONDS
#undef BENCH_FLAG

bool options_read(int argc, char **argv, struct bench_options *ret, const char **ret_scenario);

/* ---- bench.c: one run ---- */

enum shape {
    SHAPE_NONE,
    SHAPE_FANIN,
    SHAPE_FANOUT,
    SHAPE_PAIR,
    SHAPE_WILD,
};

struct bench;

/* A scenario, and what its options are when they are not given. */
struct scenario {
    const char *name;
    void (*run)(struct bench *b);
    enum shape shape;
    uint64_t publishers;
    uint64_t subscribers;
    uint64_t window;
    uint64_t rate;
    uint64_t messages;
};

struct report {
    json_t *parameters;
    json_t *results;
    json_t *problems;
    struct buf table;
};

struct bench {
    struct bench_options o; /* complete: what was not given is filled in */
    const struct scenario *scenario;
    const struct scenario *load; /* whose traffic it is: @scenario, or what control has beside it */
    bench_ask_fn *ask;
    enum wire_level level;
    char *password_secret; /* owned; NULL: none */
    struct tls_context *tls;
    char *host_address; /* owned; o.host looked up */
    uint32_t run;       /* drawn at random; in client ids, topics and payloads */
    int signal_fd;
    bool interrupted;
    uint64_t shown_ns;
    struct report report;
    pthread_mutex_t lock;
    atomic_bool failed;
    enum bench_exit exit;
    char *error; /* owned, the first one; under @lock until the drivers have ended */
};

void bench_fail(struct bench *b, enum bench_exit how, const char *format, ...) PRINTF(3, 4);
bool bench_sleep(struct bench *b, uint64_t ns);
bool bench_goes_on(struct bench *b, int timeout_ms);
void bench_show(struct bench *b, const char *format, ...) PRINTF(2, 3);

/* ---- report.c ---- */

void report_init(struct report *r);
void report_done(struct report *r);
void report_count(struct report *r, const char *key, const char *label, uint64_t value,
                  const char *unit);
void report_real(struct report *r, const char *key, const char *label, double value,
                 const char *unit);
void report_latency(struct report *r, const char *key, const char *what, const struct hist *h);
void report_problem(struct report *r, const char *format, ...) PRINTF(2, 3);
void report_write(struct bench *b);

/* ---- process.c: what a process has used ---- */

struct usage {
    uint64_t cpu_ns; /* user and system, all threads */
    uint64_t rss_bytes;
};

MUST_CHECK int usage_read(uint64_t pid, struct usage *ret);
uint64_t usage_own_cpu_ns(void);

/* ---- peer.c: one client connection ---- */

enum peer_state {
    PEER_CLOSED,
    PEER_HANDSHAKE,
    PEER_GREETING,    /* CONNECT was sent */
    PEER_SUBSCRIBING, /* SUBSCRIBE was sent */
    PEER_UP,
    PEER_LEAVING, /* DISCONNECT was sent; the broker closes */
    PEER_DOOMED,  /* closed at the end of the turn */
};

#define PEER_ID_LEN 24

struct driver;

/* Stands inside what a scenario keeps about it. */
struct peer {
    struct loop_file file;
    struct list link; /* dirty or doomed, in the driver */
    struct driver *driver;
    struct stream *stream; /* owned */
    enum peer_state state;
    bool keeps_session;
    bool resumes;         /* no clean start */
    bool session_present; /* of CONNACK */
    size_t number;        /* within its crew */
    size_t n_filters;
    size_t n_subscribed;
    const struct bytes *filters; /* borrowed */
    struct buf in;               /* an unfinished packet */
    struct buf out;
    size_t out_at;
    uint8_t *ids;  /* owned bitmap of packet ids in use; NULL before the first */
    uint8_t *held; /* owned bitmap of received ones between PUBLISH and PUBREL; as above */
    uint32_t n_ids;
    uint16_t last_id;
    uint16_t receive_max; /* the broker's */
    char id[PEER_ID_LEN];
};

void peer_open(struct peer *p);
void peer_done(struct peer *p);
void peer_dirty(struct peer *p);
uint16_t peer_take_id(struct peer *p);
void peer_ping(struct peer *p);
void peer_leave(struct peer *p);
void peer_flush(struct peer *p);
void peer_bury(struct peer *p);

/* ---- crew.c: threads that drive peers ---- */

enum tally {
    TALLY_UP,        /* peers whose subscriptions stand */
    TALLY_SENT,      /* messages published */
    TALLY_DUE,       /* deliveries that these are to give */
    TALLY_DELIVERED, /* to who asked for it, whole, not twice */
    TALLY_ACKED,     /* messages that the broker has taken over, QoS 1 and 2 */
    TALLY_REFUSED,   /* messages that it has not */
    TALLY_DUPLICATE,
    TALLY_LATE,    /* after a later one of the same publisher and topic */
    TALLY_STRAY,   /* nobody had asked for it */
    TALLY_CORRUPT, /* not what was sent */
    TALLY_PONG,
    TALLY_CYCLES,
    TALLY_N,
};

enum phase {
    PHASE_CONNECT,
    PHASE_RUN,
    PHASE_DRAIN, /* nothing more is published */
    PHASE_END,
};

/* What a scenario does with its peers; called by the driver's thread.  NULL: nothing. */
struct play {
    void (*up)(struct peer *p);
    void (*message)(struct peer *p, const struct wire_publish *m);
    void (*acked)(struct peer *p, uint8_t reason); /* a message of QoS 1 or 2 is done with */
    void (*flushed)(struct peer *p);               /* all output has left */
    void (*closed)(struct peer *p);                /* NULL: the run fails */
    void (*enter)(struct driver *d);               /* the phase is another one */
    void (*turn)(struct driver *d);
};

struct crew;

struct driver {
    struct crew *crew;
    struct bench *bench;
    unsigned index;
    pthread_t thread;
    bool is_running;
    struct loop *loop;
    struct loop_file nudge; /* eventfd */
    struct loop_file clock; /* timerfd, for the scenario */
    struct list dirty;
    struct list doomed;
    struct peer **peers; /* owned array of borrowed */
    size_t n_peers;
    size_t n_opened;
    size_t n_opening;
    enum phase phase;
    bool has_more;   /* set by the scenario: take another turn at once */
    uint64_t now_ns; /* when what is being looked at was read */
    uint8_t *read_buffer;
    struct wire_subscribe *subscribe; /* scratch */
    struct wire_ack ack;              /* scratch, no properties */
    struct hist *hist;                /* owned */
    _Atomic uint64_t counts[TALLY_N];
    _Atomic uint64_t first_ns; /* the first delivery */
    _Atomic uint64_t last_ns;  /* the last */
};

struct crew {
    struct bench *bench;
    const struct play *play;
    void *owner;
    _Atomic enum phase phase;
    struct driver *drivers;
    unsigned n_drivers;
    size_t n_peers;
    uint64_t patience_ns; /* of crew_wait() while nothing at all is counted */
};

struct crew *crew_new(struct bench *b, const struct play *play, void *owner);
void crew_add(struct crew *c, struct peer *p, unsigned driver, char role, size_t index);
bool crew_start(struct crew *c);
void crew_enter(struct crew *c, enum phase phase);
uint64_t crew_count(const struct crew *c, enum tally kind);
bool crew_wait(struct crew *c, enum tally kind, uint64_t least, const char *what);
void crew_merge(const struct crew *c, struct hist *to);
uint64_t crew_first_ns(const struct crew *c);
uint64_t crew_last_ns(const struct crew *c);
void crew_end(struct crew *c);
struct crew *crew_free(struct crew *c);
void driver_nudge(struct driver *d);
void driver_alarm(struct driver *d, uint64_t at_ns);

static inline void driver_count(struct driver *d, enum tally kind, uint64_t n)
{
    uint64_t now = atomic_load_explicit(&d->counts[kind], memory_order_relaxed);

    atomic_store_explicit(&d->counts[kind], now + n, memory_order_relaxed);
}

/* What was counted and used at one time; two of them make a measurement. */
struct meter {
    uint64_t at_ns;
    uint64_t counts[TALLY_N];
    struct usage broker;
    uint64_t own_cpu_ns;
};

void meter_read(const struct crew *c, struct meter *ret);
void report_usage(struct bench *b, const struct meter *from, const struct meter *to,
                  enum tally kind, const char *key, const char *unit);

/* ---- stamp.c: what stands in a payload, and what has come ---- */

#define STAMP_BYTES 32

struct stamp {
    uint64_t due_ns;
    uint64_t sequence;
    uint32_t run;
    uint32_t publisher;
    uint32_t topic;
    uint32_t check;
};

void stamp_fill(uint8_t *at, size_t len);
void stamp_write(uint8_t *at, struct stamp s, size_t payload_len);
bool stamp_read(struct bytes payload, uint32_t run, struct stamp *ret);

struct track {
    uint64_t next; /* one more than the highest sequence number that came */
    uint64_t seen; /* BIT64(i): next - 1 - i has come */
    uint64_t n_missing;
};

enum tracked {
    TRACK_NEW,
    TRACK_LATE,
    TRACK_DUPLICATE,
};

enum tracked track_add(struct track *t, uint64_t sequence);

/* ---- topics.c ---- */

/* A topic with its PUBLISH, in which only packet id and stamp change. */
struct topic {
    struct bytes name; /* owned */
    struct buf frame;  /* owned */
    size_t id_at;
    size_t stamp_at;
    uint32_t fan; /* how many subscribers want it */
};

void topic_init(struct topic *t, const struct bench *b, const char *name, bool retain);
void topic_done(struct topic *t);
void topic_put(const struct topic *t, struct peer *p, uint16_t id, struct stamp s);

/* The topics of a wild run, who wants which, and by which filters. */
struct wild {
    size_t n_topics;
    size_t n_subscribers;
    char **names;           /* owned */
    uint8_t *wants;         /* [subscriber * n_topics + topic] */
    struct bytes **filters; /* owned, of each subscriber */
    size_t *n_filters;
};

void wild_init(struct wild *w, const struct bench *b);
void wild_done(struct wild *w);

/* ---- the scenarios ---- */

struct traffic;

struct traffic *traffic_new(struct bench *b);
bool traffic_start(struct traffic *t);
struct crew *traffic_crew(struct traffic *t);
void traffic_stop(struct traffic *t);
void traffic_judge(struct traffic *t);
struct traffic *traffic_free(struct traffic *t);
void traffic_run(struct bench *b);
void retained_run(struct bench *b);
void idle_run(struct bench *b);
void churn_run(struct bench *b);
void offline_run(struct bench *b);
void control_run(struct bench *b);
