/* SPDX-License-Identifier: Apache-2.0 */
/* sim/settings.c - what kind of world a seed makes */
#include "sim/sim.h"

struct settings settings;

/** settings_draw() - from @seed, which all later choices follow from as well */
void settings_draw(uint64_t seed)
{
    static const unsigned delays_us[] = {0, 200, 5000, 300000};

    chance_seed(seed);
    settings = (struct settings){
        .seed = seed,
        .n_workers = (unsigned)chance_between(1, SIM_WORKERS_MAX),
        .n_clients = (unsigned)chance_between(3, CLIENTS_MAX),
        .n_actions = (unsigned)chance_between(50, 700),
        .small_queues = one_in(5),
        .cuts = !one_in(4),
        .slow_readers = one_in(2),
        .outages = one_in(3),
        .preempts = !one_in(3),
        .stalls = one_in(2),
        .high_packet_ids = one_in(4),
        .large_messages = one_in(3),
        .reloads = one_in(5),
        .shares = one_in(2),
        .outlet = one_in(3),
        .delay_max_us = delays_us[chance_below(COUNT_OF(delays_us))],
        .receive_max = one_in(2) ? 100 : (unsigned)chance_between(1, 10),
        .inflight_max = one_in(2) ? 100 : (unsigned)chance_between(1, 10),
        .queue_messages_max = 100000,
    };
    settings.durable = one_in(2);
    settings.journal_segment_bytes = one_in(2) ? 1U << 14 : 1U << 18;
    if (settings.durable)
        settings.small_queues = settings.outlet = false; /* what was dropped is not counted over a
                                                            restart, and an outlet has no memory */
    settings.shortages = settings.durable && one_in(3);
    settings.quarantines = !settings.outlet && one_in(3);
    settings.shares &= !settings.quarantines; /* whose topics are others */
    if (!one_in(4))
        settings.lane_max = (unsigned)chance_between(1, 8);
    settings.small_parts = one_in(2);
    if (settings.small_queues)
        settings.queue_messages_max = (unsigned)chance_between(1, 20);
}
