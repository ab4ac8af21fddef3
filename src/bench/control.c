/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/control.c - does the control plane get through while delivery is saturated?
 *
 * Traffic runs as in the other scenarios.  Beside it, again and again: a message on
 * the control listener, from one client to another; a client of the delivery plane
 * is disconnected by the node's API; it is banned; a topic is quarantined.  The first two
 * are in force when the client's connection has ended, which a thread waits for that does
 * nothing else; the last when the node has answered, and nothing may come through from then
 * on.  A ban must also keep the client out.  What was ordered is lifted then.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "bench/private.h"
#include "client/client.h"

#define PATIENCE_MS      10000
#define MESSAGES_A_ROUND 5
#define PAUSE_NS         (10 * NS_PER_MS)
#define ORDER_S          600 /* should lifting fail, it ends by itself */

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
    char *topic; /* owned, as the next ones */
    char *block_filter;
    char *block_topic; /* is quarantined */
    char *mark_topic;  /* is not; both match the filter */
    struct hist *message;
    struct hist *disconnect;
    struct hist *ban;
    struct hist *block;
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

/* @order is taken over. */
static bool ask(struct control *c, const char *path, json_t *order)
{
    char *body = json_dumps(order, JSON_COMPACT);
    char *error = NULL;
    bool done = c->bench->ask(c->bench->o.socket, path, body, &error);

    if (!done)
        bench_fail(c->bench, BENCH_FAILED, "%s: %s", path, error);
    free(error);
    free(body);
    json_decref(order);
    return done;
}

/* Connect the victim, and let the node end its connection; @order is taken over. */
static bool try_command(struct control *c, const char *path, json_t *order, struct hist *to)
{
    pthread_t watcher;
    uint64_t asked_ns;
    bool answered;

    if (!succeeded(c, c->victim, client_connect(c->victim), "the client to be disconnected")) {
        json_decref(order);
        return false;
    }
    check(pthread_create(&watcher, NULL, watch_victim, c) == 0);
    asked_ns = clock_now_ns();
    answered = ask(c, path, order);
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
    json_t *order = json_pack("{s:s, s:s}", "kind", "client", "subject", c->victim_id);

    return try_command(c, "/v1/disconnect", order, c->disconnect);
}

static bool try_ban(struct control *c)
{
    json_t *order = json_pack("{s:s, s:s, s:i, s:s}", "kind", "client", "subject", c->victim_id,
                              "for_s", ORDER_S, "reason", "bastide bench");
    bool done = try_command(c, "/v1/bans", order, c->ban);

    if (done && client_connect(c->victim) == CLIENT_OK)
        report_problem(&c->bench->report, "a banned client came in again");
    order = json_pack("{s:s, s:s}", "kind", "client", "subject", c->victim_id);
    return ask(c, "/v1/bans/lift", order) && done;
}

/* The victim says something on both topics, and hears what it may. */
static bool try_topics(struct control *c)
{
    const struct client_message said[] = {{.topic = bytes_str(c->block_topic)},
                                          {.topic = bytes_str(c->mark_topic)}};
    enum client_outcome o = CLIENT_OK;
    struct client_message got;

    for (size_t i = 0; i < COUNT_OF(said) && o == CLIENT_OK; i++)
        o = client_publish_start(c->victim, &said[i]);
    if (o == CLIENT_OK)
        o = client_next(c->victim, PATIENCE_MS, &got);
    if (!succeeded(c, c->victim, o, "a message beside a quarantined topic"))
        return false;
    if (!bytes_equal(got.topic, said[1].topic))
        report_problem(&c->bench->report, "a quarantined topic was delivered");
    return true;
}

static json_t *quarantine(const struct control *c)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "what", "quarantine", "target_kind", "topic", "target",
                     c->block_topic, "reason", "bastide bench");
}

static json_t *for_a_time(json_t *order)
{
    (void)json_object_set_new(order, "for_s", json_integer(ORDER_S));
    return order;
}

static bool try_block(struct control *c)
{
    uint64_t asked_ns;
    bool done;

    if (!succeeded(c, c->victim, client_connect(c->victim), "the client of the topic") ||
        !succeeded(c, c->victim, client_subscribe(c->victim, c->block_filter, 0), "subscribing"))
        return false;
    asked_ns = clock_now_ns();
    if (!ask(c, "/v1/responses", for_a_time(quarantine(c))))
        return false;
    hist_add(c->block, clock_now_ns() - asked_ns);
    done = try_topics(c);
    client_disconnect(c->victim, REASON_SUCCESS);
    return ask(c, "/v1/responses/undo", quarantine(c)) && done;
}

static bool do_round(struct control *c)
{
    for (int i = 0; i < MESSAGES_A_ROUND && c->speaker != NULL; i++) {
        if (!try_message(c))
            return false;
    }
    return try_disconnect(c) && try_ban(c) && try_block(c);
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
    report_latency(r, "block", "a block of a topic in force", c->block);
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

static char *topic_of(const struct bench *b, const char *name)
{
    return text_format("%s/%08x/control/%s", b->o.prefix, b->run, name);
}

static void control_init(struct control *c, struct bench *b)
{
    *c = (struct control){.bench = b};
    c->topic = topic_of(b, "message");
    c->block_filter = topic_of(b, "block/+");
    c->block_topic = topic_of(b, "block/topic");
    c->mark_topic = topic_of(b, "block/mark");
    c->message = mem_new(struct hist);
    c->disconnect = mem_new(struct hist);
    c->ban = mem_new(struct hist);
    c->block = mem_new(struct hist);
    c->victim = make_client(c, 'v', c->victim_id);
}

static void control_done(struct control *c)
{
    client_free(c->victim);
    client_free(c->speaker);
    client_free(c->hearer);
    tls_context_unref(c->tls);
    free(c->topic);
    free(c->block_filter);
    free(c->block_topic);
    free(c->mark_topic);
    free(c->message);
    free(c->disconnect);
    free(c->ban);
    free(c->block);
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
