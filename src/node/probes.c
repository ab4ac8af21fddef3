/* SPDX-License-Identifier: Apache-2.0 */
/* node/probes.c - evidence for the assessment, measured on the running node */
#include "node/node_private.h"
#include "node/sentinel.h"

struct facts_call {
    json_t *all;
};

static void add_fact(json_t *all, enum identify_fact fact, const struct identify_value *v, uint64_t at_unix_ms)
{
    json_array_append_new(all, json_pack("{s:s,s:f,s:I,s:I,s:s}", "test", identify_fact_test(fact), "value", v->value,
                                         "samples", (json_int_t)v->samples, "at", (json_int_t)at_unix_ms, "detail",
                                         v->detail));
}

static void ask_identify(struct sentinel *s, void *arg)
{
    struct facts_call *c = arg;

    for (unsigned i = 0; i < IDENTIFY_FACT_N; i++) {
        struct identify_value v;

        if (identify_fact(s->identify, i, s->now_unix_ms, &v))
            add_fact(c->all, i, &v, s->now_unix_ms);
    }
}

/** node_evidence_json() - see node.h */
json_t *node_evidence_json(struct node *n)
{
    struct facts_call c = {.all = json_array()};

    sentinel_call(n->sentinel, ask_identify, &c);
    return c.all;
}
