/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/control.c - does the control plane get through while delivery is saturated?
 *
 * Traffic runs as in the other scenarios.  Beside it, again and again: a message on
 * the control listener, from one client to another; a client of the delivery plane
 * is disconnected by the node's API; it is banned by the API.  A command is in
 * force when the client's connection has ended, which a thread waits for that does
 * nothing else.  A ban must also keep the client out; then it is lifted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "bench/private.h"
#include "client/client.h"

#define PATIENCE_MS      10000
#define MESSAGES_A_ROUND 5
#define PAUSE_NS         (10 * NS_PER_MS)
#define BAN_S            600 /* should lifting fail, it ends by itself */

struct control {
    struct bench *bench;
    struct traffic *load;
    struct tls_context *tls; /* of the control listener; NULL: plain, or none */
    struct client *speaker;  /* on the control listener; NULL: none */
    struct client *hearer;
    struct client *victim;
    char speaker_id[PEER_ID_LEN];
    char hearer_id[PEER_ID_LEN];
    char victim_id[PEER_ID_LEN];
    char *topic; /* owned */
    struct hist *message;
    struct hist *disconnect;
    struct hist *ban;
    uint64_t ended_ns; /* when the victim's connection did; of the watching thread */
    enum client_outcome ended;
};

/* ---- clients ---- */

static struct client *make_client(const struct control *c, char letter, char id[PEER_ID_LEN])
{
    const struct bench_options *o = &c->bench->o;
    struct client_settings s = {
        .host = c->bench->host_address,
        .port = (uint16_t)o->port,
        .tls = c->bench->tls,
        .server_name = o->server_name != NULL ? o->server_name : o->host,
        .level = c->bench->level,
        .client_id = id,
        .user_name = o->user,
        .password = c->bench->password_secret,
        .timeout_ms = PATIENCE_MS,
    };

    (void)snprintf(id, PEER_ID_LEN, "bench-%08x-%c", c->bench->run, letter);
    if (letter != 'v') {
        s.port = (uint16_t)o->control_port;
        s.tls = c->tls;
        s.user_name = NULL; /* a certificate says who it is */
        s.password = NULL;
    }
    return client_new(&s);
}

static bool succeeded(struct control *c, struct client *of, enum client_outcome o, const char *what)
{
    if (o != CLIENT_OK)
        bench_fail(c->bench, o == CLIENT_E_UNREACHABLE ? BENCH_UNREACHABLE : BENCH_FAILED,
                   "%s: %s: %s", what, client_outcome_text(o), client_error(of));
    return o == CLIENT_OK;
}

static bool open_control(struct control *c)
{
    const struct bench_options *o = &c->bench->o;
    char *error = NULL;

    if (o->control_port == 0)
        return true;
    if (o->control_ca != NULL) {
        c->tls = tls_context_new_client(o->control_ca, o->control_cert, o->control_key, &error);
        if (c->tls == NULL) {
            bench_fail(c->bench, BENCH_FAILED, "%s", error);
            free(error);
            return false;
        }
    }
    c->speaker = make_client(c, 'c', c->speaker_id);
    c->hearer = make_client(c, 'h', c->hearer_id);
    return succeeded(c, c->speaker, client_connect(c->speaker), "the control listener") &&
           succeeded(c, c->hearer, client_connect(c->hearer), "the control listener") &&
           succeeded(c, c->hearer, client_subscribe(c->hearer, c->topic, 0),
                     "subscribing on the control listener");
}

/* ---- what is measured ---- */

static bool try_message(struct control *c)
{
    uint64_t sent_ns = clock_now_ns();
    const struct client_message m = {.topic = bytes_str(c->topic),
                                     .payload = bytes_of(&sent_ns, sizeof(sent_ns))};
    struct client_message got;
    enum client_outcome o = client_publish_start(c->speaker, &m);

    if (!succeeded(c, c->speaker, o, "a message on the control listener"))
        return false;
    o = client_next(c->hearer, PATIENCE_MS, &got);
    if (!succeeded(c, c->hearer, o, "a message on the control listener"))
        return false;
    hist_add(c->message, clock_now_ns() - sent_ns);
    if (bytes_equal(got.payload, m.payload))
        return true;
    bench_fail(c->bench, BENCH_FAILED, "a message on the control listener is not the one sent");
    return false;
}

static void *watch_victim(void *arg)
{
    struct control *c = arg;
    struct client_message m;

    do {
        c->ended = client_next(c->victim, PATIENCE_MS, &m);
    } while (c->ended == CLIENT_OK);
    c->ended_ns = clock_now_ns();
    return NULL;
}

static bool ask(struct control *c, const char *path, const char *body)
{
    char *error = NULL;

    if (c->bench->ask(c->bench->o.socket, path, body, &error))
        return true;
    bench_fail(c->bench, BENCH_FAILED, "%s: %s", path, error);
    free(error);
    return false;
}

/* Connect the victim, and let the node end its connection. */
static bool try_command(struct control *c, const char *path, const char *body, struct hist *to)
{
    pthread_t watcher;
    uint64_t asked_ns;
    bool answered;

    if (!succeeded(c, c->victim, client_connect(c->victim), "the client to be disconnected"))
        return false;
    check(pthread_create(&watcher, NULL, watch_victim, c) == 0);
    asked_ns = clock_now_ns();
    answered = ask(c, path, body);
    check(pthread_join(watcher, NULL) == 0);
    if (!answered)
        return false;
    if (c->ended == CLIENT_NOTHING) {
        bench_fail(c->bench, BENCH_FAILED, "%s: the client was still connected after %u s", path,
                   PATIENCE_MS / 1000);
        return false;
    }
    hist_add(to, c->ended_ns - asked_ns);
    return true;
}

static bool try_disconnect(struct control *c)
{
    char body[128];

    (void)snprintf(body, sizeof(body), "{\"kind\": \"client\", \"subject\": \"%s\"}", c->victim_id);
    return try_command(c, "/v1/disconnect", body, c->disconnect);
}

static bool try_ban(struct control *c)
{
    char body[192];
    bool done;

    (void)snprintf(body, sizeof(body),
                   "{\"kind\": \"client\", \"subject\": \"%s\", \"for_s\": %d, "
                   "\"reason\": \"bastide bench\"}",
                   c->victim_id, BAN_S);
    done = try_command(c, "/v1/bans", body, c->ban);
    if (done && client_connect(c->victim) == CLIENT_OK)
        report_problem(&c->bench->report, "a banned client came in again");
    (void)snprintf(body, sizeof(body), "{\"kind\": \"client\", \"subject\": \"%s\"}", c->victim_id);
    return ask(c, "/v1/bans/lift", body) && done;
}

static bool do_round(struct control *c)
{
    for (int i = 0; i < MESSAGES_A_ROUND && c->speaker != NULL; i++) {
        if (!try_message(c))
            return false;
    }
    return try_disconnect(c) && try_ban(c);
}

/* Return: how many rounds there were. */
static uint64_t probe(struct control *c)
{
    struct bench *b = c->bench;
    uint64_t end_ns = clock_now_ns() + (uint64_t)(b->o.duration * 1e9);
    uint64_t n = 0;

    while (clock_now_ns() < end_ns && do_round(c)) {
        n++;
        bench_show(b, "%llu rounds, %llu messages delivered", (unsigned long long)n,
                   (unsigned long long)crew_count(traffic_crew(c->load), TALLY_DELIVERED));
        if (!bench_sleep(b, PAUSE_NS))
            break;
    }
    return n;
}

/* ---- a run ---- */

static void say(struct control *c, const struct meter *from, const struct meter *to, uint64_t n)
{
    struct bench *b = c->bench;
    struct report *r = &b->report;
    double s = (double)(to->at_ns - from->at_ns) / 1e9;

    report_count(r, "rounds", "rounds", n, "");
    report_real(r, "delivered_per_s", "load: delivered",
                (double)(to->counts[TALLY_DELIVERED] - from->counts[TALLY_DELIVERED]) / s,
                "messages/s");
    if (b->o.pid != 0)
        report_real(r, "broker_cpus", "CPUs the broker kept busy",
                    (double)(to->broker.cpu_ns - from->broker.cpu_ns) / 1e9 / s, "");
    if (c->speaker != NULL)
        report_latency(r, "control_message", "a control message", c->message);
    report_latency(r, "disconnect", "a disconnect in force", c->disconnect);
    report_latency(r, "ban", "a ban in force", c->ban);
}

static void measure(struct control *c)
{
    struct bench *b = c->bench;
    struct meter from, to;
    uint64_t n;

    if (!open_control(c) || !traffic_start(c->load) ||
        !bench_sleep(b, (uint64_t)(b->o.warmup * 1e9)))
        return;
    meter_read(traffic_crew(c->load), &from);
    n = probe(c);
    meter_read(traffic_crew(c->load), &to);
    if (n > 0)
        say(c, &from, &to, n);
}

static void control_init(struct control *c, struct bench *b)
{
    struct buf topic = {0};

    *c = (struct control){.bench = b};
    buf_addf(&topic, "%s/%08x/control/message", b->o.prefix, b->run);
    c->topic = bytes_dup_str(buf_view(&topic));
    buf_done(&topic);
    c->message = mem_new(struct hist);
    c->disconnect = mem_new(struct hist);
    c->ban = mem_new(struct hist);
    c->victim = make_client(c, 'v', c->victim_id);
}

static void control_done(struct control *c)
{
    client_free(c->victim);
    client_free(c->speaker);
    client_free(c->hearer);
    tls_context_unref(c->tls);
    free(c->topic);
    free(c->message);
    free(c->disconnect);
    free(c->ban);
}

/** control_run() - the scenario control */
void control_run(struct bench *b)
{
    struct control c;

    control_init(&c, b);
    c.load = traffic_new(b);
    measure(&c);
    traffic_stop(c.load);
    traffic_judge(c.load);
    traffic_free(c.load);
    control_done(&c);
}
