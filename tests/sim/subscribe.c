/* SPDX-License-Identifier: Apache-2.0 */
/* sim/subscribe.c - what clients ask for */
#include "base/err.h"
#include "sim/model.h"
#include "sim/node.h"

static void prepare_subscribe(struct client *c, struct out *o, unsigned i)
{
    struct sub *s = &c->subs[o->filters[i]];
    uint8_t qos = o->options[i] & 3;
    bool is_known = s->maybe || s->n_unanswered > 0;

    o->is_new[i] = !is_known;
    if (!is_known)
        *s = (struct sub){
            .qos_least = qos, .qos_most = qos, .qos_ever = s->qos_ever, .gone_n = s->gone_n};
    s->qos_least = MIN(s->qos_least, qos);
    s->qos_most = MAX(s->qos_most, qos);
    s->qos_ever = MAX(s->qos_ever, s->qos_most);
    s->no_local |= (o->options[i] & 4) != 0;
    s->steady = false;
    s->n_pending++;
    s->n_unanswered++;
    o->is_doubtful |= node_policy_is_changing();
    if (is_known)
        model_weakened(c, o->filters[i]);
    model_subscribe_sent(c, o->filters[i], o->options[i]);
}

static bool has_filter(const struct out *o, unsigned filter)
{
    for (unsigned i = 0; i < o->n_filters; i++) {
        if (o->filters[i] == filter)
            return true;
    }
    return false;
}

static unsigned some_filter(void)
{
    if (settings.shares && one_in(3))
        return PLAIN_FILTERS + (unsigned)chance_below(SHARES);
    return (unsigned)chance_below(FILTERS);
}

/* A member that takes all at QoS 0 may lose it: then nothing has to arrive.  No Local is not for
 * shares. */
static uint8_t some_options(const struct line *k, unsigned filter)
{
    bool is_shared = filter_is_shared(filter);
    uint8_t options = (uint8_t)(is_shared && !one_in(30) ? chance_between(1, 2) : chance_below(3));

    if (k->level != LEVEL_5)
        return options;
    options |= (uint8_t)(one_in(4) ? 8 : 0);
    options |= (uint8_t)(!is_shared && one_in(6) ? 4 : 0);
    options |= (uint8_t)(one_in(2) ? 0 : chance_below(3) << 4);
    return options;
}

/** client_subscribe() - to some filters */
void client_subscribe(struct client *c)
{
    struct line *k = c->line;
    struct subscribe_filter filters[FILTERS_PER_PACKET];
    struct buf packet = {0};
    struct out *o = out_add(c, OUT_SUBSCRIBE);
    unsigned n = (unsigned)chance_between(1, FILTERS_PER_PACKET);

    if (k->level == LEVEL_5 && one_in(2))
        o->id = (uint32_t)chance_between(1, 300);
    for (unsigned i = 0; i < n; i++) {
        unsigned f = some_filter();

        if (has_filter(o, f) || (filter_is_shared(f) && c->role == ROLE_BOSS) ||
            (!may_subscribe(node_policy(), c->role, c->index, f) && !one_in(8)))
            continue;
        o->filters[o->n_filters] = f;
        o->options[o->n_filters] = some_options(k, f);
        filters[o->n_filters] = (struct subscribe_filter){filter_text(f), o->options[o->n_filters]};
        o->n_filters++;
        trace("c%u > k%u SUBSCRIBE %u %s options 0x%02x id %u", c->index, k->index, o->packet_id,
              filter_text(f), o->options[o->n_filters - 1], o->id);
        prepare_subscribe(c, o, o->n_filters - 1);
    }
    if (o->n_filters == 0) {
        c->n_out--;
        return;
    }
    build_subscribe(&packet, o->packet_id, filters, o->n_filters, o->id, k->level);
    line_send(k, &packet);
}

/** client_join() - a member of @share, at QoS 1 */
void client_join(struct client *c, unsigned share)
{
    const struct subscribe_filter filter = {filter_text(share), 1};
    struct buf packet = {0};
    struct out *o = out_add(c, OUT_SUBSCRIBE);

    o->n_filters = 1;
    o->filters[0] = share;
    o->options[0] = filter.options;
    trace("c%u > k%u SUBSCRIBE %u %s", c->index, c->line->index, o->packet_id, filter.filter);
    prepare_subscribe(c, o, 0);
    build_subscribe(&packet, o->packet_id, &filter, 1, 0, c->line->level);
    line_send(c->line, &packet);
}

/** client_undo_pending() - the SUBSCRIBEs for @filter that are under way make nothing sure */
void client_undo_pending(struct client *c, unsigned filter)
{
    for (unsigned i = 0; i < c->n_out; i++) {
        for (unsigned f = 0; c->out[i].kind == OUT_SUBSCRIBE && f < c->out[i].n_filters; f++) {
            if (c->out[i].filters[f] != filter || c->out[i].undone[f] != UNDONE_NOT)
                continue;
            c->out[i].undone[f] = UNDONE_SENT;
            c->subs[filter].n_pending--;
        }
    }
}

/** client_unsubscribe() - from some filters, mostly of those that are there */
void client_unsubscribe(struct client *c)
{
    struct line *k = c->line;
    const char *filters[FILTERS_PER_PACKET];
    struct buf packet = {0};
    struct out *o = out_add(c, OUT_UNSUBSCRIBE);

    for (unsigned tries = 0; tries < 6 && o->n_filters < FILTERS_PER_PACKET; tries++) {
        unsigned f = (unsigned)chance_below(FILTERS);
        struct sub *s = &c->subs[f];

        if (has_filter(o, f) || (!s->maybe && s->n_unanswered == 0 && !one_in(10)))
            continue;
        filters[o->n_filters] = filter_text(f);
        o->filters[o->n_filters] = f;
        o->options[o->n_filters++] = s->sure;
        trace("c%u > k%u UNSUBSCRIBE %u %s", c->index, k->index, o->packet_id, filter_text(f));
        o->is_doubtful |= node_policy_is_changing();
        client_undo_pending(c, f);
        s->sure = s->steady = false;
        model_weakened(c, f);
    }
    if (o->n_filters == 0) {
        c->n_out--;
        return;
    }
    build_unsubscribe(&packet, o->packet_id, filters, o->n_filters, k->level);
    line_send(k, &packet);
}
