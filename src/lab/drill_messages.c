/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_messages.c - attacks of `bastide drill` by messages and by subscriptions
 *
 * MQ.DE.ID-02 MQ.DE.ID-03 MQ.PR.IP-02 MQ.PR.SP-03 MQ.PR.SP-05
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "client/client.h"
#include "lab/drill_acts.h"

#define OWNER_ID_MAX   (sizeof(((struct bout *)0)->client_id) + 8)
#define OWNER_LOOKS    50
#define LARGE_BYTES    300000
#define DEEP_LEVELS    40
#define PROPERTY_BYTES 20000
#define FLOOD_MESSAGES 100 /* in FLOOD_MS, each attempt */
#define FLOOD_MS       250
#define QUEUE_MESSAGES 700
#define BOMB_FILTERS   120
#define USER_PROPERTY  0x26

/* ---- messages ---- */

static bool says(struct bout *b, const char *topic, bool retain)
{
    const struct client_message m = {
        .topic = bytes_str(topic), .payload = BYTES("{}"), .qos = 1, .retain = retain};

    return bout_publish(bout_attacker(b), &m);
}

bool publishes_elsewhere(struct bout *b, unsigned i)
{
    char topic[BOUT_TOPIC_MAX];

    snprintf(topic, sizeof(topic), BOUT_OWN "/scan-%u-%u", b->run, i);
    return says(b, topic, false);
}

bool publishes_to_nobody(struct bout *b, unsigned i)
{
    (void)i;
    return says(b, BOUT_OWN "/nobody", false);
}

bool retains(struct bout *b, unsigned i)
{
    char topic[BOUT_TOPIC_MAX];

    snprintf(topic, sizeof(topic), BOUT_OWN "/kept-%u", i);
    return says(b, topic, true);
}

bool commands_what_it_may_not(struct bout *b, unsigned i)
{
    (void)i;
    return says(b, "fmb/command/breaker-1/switch", false);
}

bool commands_without_end(struct bout *b, unsigned i)
{
    (void)i;
    return says(b, BOUT_OWN "/command/lamp", false);
}

static void add_text(struct buf *to, const char *text)
{
    buf_add_u8(to, (uint8_t)(strlen(text) >> 8));
    buf_add_u8(to, (uint8_t)strlen(text));
    buf_add(to, bytes_str(text));
}

static void add_property(struct buf *to, const char *name, const char *value)
{
    buf_add_u8(to, USER_PROPERTY);
    add_text(to, name);
    add_text(to, value);
}

static bool says_with(struct bout *b, const char *topic, const struct buf *properties)
{
    const struct client_message m = {.topic = bytes_str(topic),
                                     .payload = BYTES("{}"),
                                     .forward = buf_view(properties),
                                     .qos = 1};

    return bout_publish(bout_attacker(b), &m);
}

/* The same command again and again, as somebody would who has recorded it. */
bool replays(struct bout *b, unsigned i)
{
    CLEANUP(buf_done) struct buf properties = {0};
    char sequence[24], now[24];

    (void)i;
    snprintf(sequence, sizeof(sequence), "%u", b->run);
    snprintf(now, sizeof(now), "%llu", (unsigned long long)clock_unix_ms());
    add_property(&properties, "sequence", sequence);
    add_property(&properties, "time", now);
    return says_with(b, BOUT_OWN "/command/lamp", &properties);
}

bool publishes_properties(struct bout *b, unsigned i)
{
    CLEANUP(buf_done) struct buf properties = {0};
    char *value = mem_zero(PROPERTY_BYTES + 1);
    bool ok;

    (void)i;
    memset(value, 'x', PROPERTY_BYTES);
    add_property(&properties, "drill", value);
    ok = says_with(b, BOUT_OWN "/properties", &properties);
    free(value);
    return ok;
}

bool publishes_deep(struct bout *b, unsigned i)
{
    CLEANUP(buf_done) struct buf topic = {0};

    (void)i;
    buf_addf(&topic, BOUT_OWN);
    for (unsigned k = 0; k < DEEP_LEVELS; k++)
        buf_addf(&topic, "/d");
    buf_add_u8(&topic, '\0');
    return says(b, (const char *)topic.at, false);
}

bool publishes_large(struct bout *b, unsigned i)
{
    uint8_t *payload = mem_zero(LARGE_BYTES);
    const struct client_message m = {
        .topic = BYTES(BOUT_OWN "/large"), .payload = bytes_of(payload, LARGE_BYTES), .qos = 1};
    bool ok = bout_publish(bout_attacker(b), &m);

    (void)i;
    free(payload);
    return ok;
}

bool floods(struct bout *b, unsigned i)
{
    const struct client_message m = {.topic = BYTES(BOUT_OWN "/flood"), .payload = BYTES("{}")};

    (void)i;
    for (unsigned k = 0; k < FLOOD_MESSAGES; k++)
        if (client_publish_start(bout_attacker(b), &m) != CLIENT_OK)
            return false;
    usleep(FLOOD_MS * 1000); /* it is the rate that is tried */
    return true;
}

/* Nothing is read, so PUBREL never comes. */
bool leaves_qos2_open(struct bout *b, unsigned i)
{
    const struct client_message m = {
        .topic = BYTES(BOUT_OWN "/open"), .payload = BYTES("{}"), .qos = 2};

    (void)i;
    return client_publish_start(bout_attacker(b), &m) == CLIENT_OK;
}

/* The attacker subscribes and does not read; somebody else publishes. */
bool does_not_read(struct bout *b, unsigned i)
{
    const struct client_message m = {
        .topic = BYTES(BOUT_OWN "/unread"), .payload = BYTES("{}"), .qos = 1};
    struct client_settings s = bout_settings(b);
    char id[sizeof(b->client_id) + 8];
    struct client *other;
    bool ok = client_subscribe(bout_attacker(b), BOUT_OWN "/unread", 1) == CLIENT_OK;

    (void)i;
    snprintf(id, sizeof(id), "%s-other", b->client_id);
    s.client_id = id;
    other = bout_connect(b, &s);
    for (unsigned k = 0; ok && other != NULL && k < QUEUE_MESSAGES; k++)
        ok = client_publish_start(other, &m) == CLIENT_OK;
    return ok && other != NULL;
}

/* ---- what is another one's ---- */

static void owner_id(const struct bout *b, char ret[OWNER_ID_MAX])
{
    snprintf(ret, OWNER_ID_MAX, "%s-owner", b->client_id);
}

static bool owner_says(struct bout *b, const char *topic, bool retain)
{
    const struct client_message m = {
        .topic = bytes_str(topic), .payload = BYTES("{}"), .qos = 1, .retain = retain};
    struct client_settings s = bout_settings(b);
    char id[OWNER_ID_MAX];
    struct client *c;
    bool ok;

    owner_id(b, id);
    s.client_id = id;
    c = client_new(&s);
    ok = client_connect(c) == CLIENT_OK && bout_publish(c, &m);
    client_disconnect(c, REASON_SUCCESS);
    client_free(c);
    return ok;
}

/* What two workers saw within a moment the detectors may hear of in either order, and of an owner
 * whom they do not know nothing can be taken. */
static bool owner_is_known(const struct bout *b)
{
    char id[OWNER_ID_MAX];
    const char *const words[] = {"assets", "--search", id, "--json", NULL};
    bool is_known = false;
    char *error = NULL;

    owner_id(b, id);
    for (unsigned i = 0; i < OWNER_LOOKS && !is_known && error == NULL; i++) {
        json_t *seen = operator_ask(&b->d->home, words, &error);

        is_known = json_array_size(seen) > 0;
        json_decref(seen);
    }
    free(error);
    return is_known;
}

bool replaces_what_is_retained(struct bout *b, unsigned i)
{
    (void)i;
    return owner_says(b, BOUT_OWN "/owned", true) && owner_is_known(b) &&
           says(b, BOUT_OWN "/owned", true);
}

/* It is its owner's when it was seen there five times. */
bool speaks_for_another(struct bout *b, unsigned i)
{
    return i < 5 ? owner_says(b, BOUT_OWN "/report", false) : says(b, BOUT_OWN "/report", false);
}

/* ---- subscriptions ---- */

static bool subscribes(struct bout *b, const char *filter)
{
    enum client_outcome o = client_subscribe(bout_attacker(b), filter, 0);

    return o == CLIENT_OK || o == CLIENT_E_REFUSED;
}

bool subscribes_elsewhere(struct bout *b, unsigned i)
{
    char filter[BOUT_TOPIC_MAX];

    snprintf(filter, sizeof(filter), BOUT_OWN "/scan-%u-%u/+", b->run, i);
    return subscribes(b, filter);
}

/* All in one packet: one after another they would be a scan, and end sooner. */
bool subscribes_without_end(struct bout *b, unsigned i)
{
    struct wire_subscription subs[BOMB_FILTERS];
    uint8_t reasons[BOMB_FILTERS];
    char filters[BOMB_FILTERS][64];

    (void)i;
    memset(subs, 0, sizeof(subs));
    for (unsigned k = 0; k < BOMB_FILTERS; k++) {
        snprintf(filters[k], sizeof(filters[k]), BOUT_OWN "/bomb-%u-%u", b->run, k);
        subs[k].filter = bytes_str(filters[k]);
    }
    return client_subscribe_all(bout_attacker(b), subs, BOMB_FILTERS, reasons) == CLIENT_OK;
}

bool asks_for_what_is_not_its(struct bout *b, unsigned i)
{
    char filter[BOUT_TOPIC_MAX];

    snprintf(filter, sizeof(filter), "fmb/not-its/%u", i % 5);
    return subscribes(b, filter);
}

bool asks_for_sys(struct bout *b, unsigned i)
{
    (void)i;
    return subscribes(b, "$SYS/#");
}

bool asks_for_all(struct bout *b, unsigned i)
{
    (void)i;
    return subscribes(b, "+/drill/" DRILL_ID "/#");
}
