/* SPDX-License-Identifier: Apache-2.0 */
/* sim/scene.c - see scene.h */
#include "sim/scene.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/log.h"
#include "sim/disk.h"
#include "sim/node.h"

static const struct scene *all;
static size_t n_all;

static void play(uint64_t seed, const struct scene *s, bool print_trace)
{
    uint64_t before = memory_blocks();

    chance_seed(seed);
    s->draw();
    settings.seed = seed;
    kernel_start();
    trace_start(seed, print_trace);
    hash_key_set(chance_u64(), chance_u64());
    log_level_set(LOG_ERROR);
    s->play(node_start());
    node_end();
    s->end();
    kernel_end();
    expect(memory_blocks() == before, "%lld blocks of memory are not given back",
           (long long)(memory_blocks() - before));
    trace_done();
}

static void run(uint64_t seed, const struct seeds_options *o)
{
    for (size_t i = 0; i < n_all; i++) {
        uint64_t hash;

        play(seed, &all[i], o->trace);
        if (!o->twice)
            continue;
        hash = trace_hash();
        play(seed, &all[i], o->trace);
        expect(hash == trace_hash(), "two runs differ");
    }
}

/** scenes_main() - see scene.h */
int scenes_main(char **argv, const struct scene *scenes, size_t n)
{
    struct seeds_options o = seeds_options(argv);

    all = scenes;
    n_all = n;
    disk_keys_make();
    seeds_run(&o, run);
    disk_keys_free();
    return 0;
}

/** scene_connect() - a CONNECT that asks for nothing else */
struct connect_packet scene_connect(const char *client_id, uint8_t level, bool clean)
{
    return (struct connect_packet){
        .level = level,
        .clean = clean,
        .client_id = client_id,
        .expiry_s = NOT_SET,
        .receive_max = NOT_SET,
        .packet_max = NOT_SET,
        .alias_max = NOT_SET,
        .will_delay_s = NOT_SET,
        .will_expiry_s = NOT_SET,
    };
}

/** scene_say() - see scene.h */
void scene_say(struct socket *s, struct buf *packet)
{
    socket_send(s, buf_view(packet));
    buf_done(packet);
}

/** scene_read() - see scene.h */
void scene_read(struct socket *s, struct buf *in)
{
    uint64_t written_ns;

    while (s != NULL && socket_receive(s, SIZE_MAX, in, &written_ns) > 0)
        ;
}

/** scene_heed() - see scene.h */
void scene_heed(struct socket *s, struct buf *in, uint8_t level, scene_heed_fn *heed, void *arg)
{
    struct packet got;

    scene_read(s, in);
    while (in->len >= 2 && packet_parse(buf_view(in), level, &got)) {
        heed(arg, &got);
        buf_drop_front(in, got.len);
    }
}

/** scene_close() - see scene.h */
struct socket *scene_close(struct socket *s)
{
    if (s == NULL)
        return NULL;
    socket_close_by_client(s);
    return socket_unref(s);
}

/** scene_subscribe() - see scene.h */
void scene_subscribe(struct socket *s, const char *filter, uint8_t level)
{
    const struct subscribe_filter f = {filter, 1};
    struct buf packet = {0};

    build_subscribe(&packet, 1, &f, 1, 0, level);
    scene_say(s, &packet);
}

/** scene_publish() - see scene.h */
void scene_publish(struct socket *s, const char *topic, unsigned n, uint8_t level)
{
    char text[8];
    const struct publish_packet m = {
        .topic = topic,
        .payload = bytes_of(text, (size_t)snprintf(text, sizeof(text), "%u", n)),
        .qos = 1,
        .packet_id = (uint16_t)(1 + n),
        .expiry_s = NOT_SET,
    };
    struct buf packet = {0};

    trace("m%u is published on %s", n, topic);
    build_publish(&packet, &m, level);
    scene_say(s, &packet);
}

/** scene_turn() - see scene.h */
bool scene_turn(unsigned worker)
{
    if (!node_worker_wants_turn(worker))
        return false;
    node_turn(worker);
    return true;
}

/** scene_others_work() - see scene.h */
bool scene_others_work(void)
{
    if (node_has_auth_jobs()) {
        node_answer_auth();
        return true;
    }
    if (!node_scribe_wants_turn())
        return false;
    node_scribe_turns();
    return true;
}

/** scene_all_work() - see scene.h */
bool scene_all_work(void)
{
    bool moved = scene_others_work();

    for (unsigned w = 0; w < settings.n_workers; w++)
        moved |= scene_turn(w);
    return moved;
}
