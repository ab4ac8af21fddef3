/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/oversize_payload.c - D20: payloads are far larger than ever before
 *
 * Beyond 256 KiB, or beyond 64 KiB and 8 times the largest that the client has sent; or a
 * packet above packet_bytes_max.  Who gives out firmware is measured by the node's limit only.
 *
 * MQ.PR.SP-05
 */
#include "detect/tally.h"

#define HARD_BYTES  262144
#define LEAST_BYTES 65536
#define FACTOR      8

struct learned {
    uint32_t largest;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    measure_tally(j, r, RULE_D20_LOW, RULE_D20_MEDIUM, m);
}

static bool is_beyond(const struct judge *j, const struct sight *s, uint32_t bytes)
{
    const struct learned *known = learned_peek(j, s->client);

    if (s->role->traits & TRAIT_BULK)
        return false;
    return bytes > HARD_BYTES || (known != NULL && known->largest > 0 && bytes > LEAST_BYTES &&
                                  bytes / FACTOR > known->largest);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct event_traffic t;
    struct learned *known;

    if (s->client == NULL)
        return;
    if (s->e->kind == EVENT_LIMIT_HIT) {
        if (bytes_equal(s->e->text, BYTES("packet_bytes_max")))
            tally(j, s, s->client, RULE_D20_LOW, 1);
        return;
    }
    t = event_traffic_of(s->e);
    if (t.payload_max <= LEAST_BYTES && knowledge_of(s->client)->events == 0)
        return;
    if (is_beyond(j, s, t.payload_max)) {
        tally(j, s, s->client, RULE_D20_LOW, 1);
        return;
    }
    known = learned_slot(j, s->client);
    known->largest = MAX(known->largest, t.payload_max);
}

const struct detector detect_oversize_payload = {
    .info =
        {
            .name = "oversize-payload",
            .id = "D20",
            .subcategory = "MQ.PR.SP-05",
            .counts = "payloads beyond measure",
            .attck = {"T0814"},
            .what = "payloads are far larger than ever before",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 80,
            .watches = BIT64(EVENT_TRAFFIC) | BIT64(EVENT_LIMIT_HIT),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct tally),
    .learned_bytes = sizeof(struct learned),
    .observe = observe,
    .measure = measure,
};
