/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/protect/test_acl_naive.c - rules are applied as by brute force over all topics */
#include "gate.h"
#include "unit/wire/naive.h"

#include <stdio.h>

/*
 * What a filter matches, by listing topics: levels a, b, c and "" to a depth of 4, the first also
 * $x.  Rules and requests use a, b, "" and wildcards to a depth of 3, so c stands for all that they
 * do not name, and the fourth level for all that is deeper.
 */
#define LEVEL_MAX 4

struct topics {
    char at[2000][2 * LEVEL_MAX + 4];
    size_t n;
};

static void list_topics(struct topics *all, const char *prefix, unsigned depth)
{
    static const char *const levels[] = {"a", "b", "c", "", "$x"};

    for (size_t i = 0; i < (depth == 0 ? 5U : 4U); i++) {
        char topic[sizeof(all->at[0])];
        int len = snprintf(topic, sizeof(topic), "%s%s%s", prefix, depth > 0 ? "/" : "", levels[i]);

        assert_in_range(len, 0, sizeof(topic) - 1);
        assert_true(all->n < COUNT_OF(all->at));
        if (*topic != '\0') /* no topic is empty [MQTT5-4.7.3-1] */
            memcpy(all->at[all->n++], topic, sizeof(topic));
        if (depth + 1 < LEVEL_MAX)
            list_topics(all, topic, depth + 1);
    }
}

static bool naive_hits(const struct topics *all, const struct rule_spec *r, enum gate_action action,
                       const char *topic)
{
    bool some = false;
    bool every = true;

    if (action == GATE_PUBLISH)
        return naive_match(r->filter, topic);
    for (size_t i = 0; i < all->n; i++) {
        if (!naive_match(topic, all->at[i]))
            continue;
        some |= naive_match(r->filter, all->at[i]);
        every &= naive_match(r->filter, all->at[i]);
    }
    return r->deny ? some : every;
}

static enum gate_outcome naive_check(const struct topics *all, const struct role_spec *role,
                                     enum gate_action action, const char *topic)
{
    for (int deny = 1; deny >= 0; deny--) {
        for (size_t i = 0; i < role->n_rules; i++) {
            const struct rule_spec *r = &role->rules[i];

            if (r->deny == (deny == 1) && (action == GATE_PUBLISH ? r->publish : r->subscribe) &&
                naive_hits(all, r, action, topic))
                return deny == 1 ? GATE_E_DENIED : GATE_ALLOWED;
        }
    }
    return GATE_E_NOT_AUTHORIZED;
}

static uint32_t random_below(uint64_t *seed, uint32_t n)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*seed >> 33) % n;
}

static void random_filter(uint64_t *seed, char ret[16])
{
    static const char *const levels[] = {"a", "b", "+", "", "a", "b", "+", "#", "$x"};
    size_t depth = 1 + random_below(seed, 3);
    size_t len = 0;

    for (size_t i = 0; i < depth; i++) {
        const char *level = levels[random_below(seed, i == 0 ? 9 : 8)];

        if (*level == '\0' && depth == 1)
            level = "a"; /* a filter is not empty */
        len += (size_t)snprintf(ret + len, 16 - len, "%s%s", i > 0 ? "/" : "", level);
        if (*level == '#')
            break;
    }
}

static void gate_check_agrees_with_brute_force(void **state)
{
    static struct topics all;
    uint64_t seed = 20261125;
    unsigned seen[2][GATE_E_RESERVED + 1] = {0};

    (void)state;
    list_topics(&all, "", 0);
    for (unsigned round = 0; round < 400; round++) {
        char filters[6][16];
        struct rule_spec some[6];
        struct role_spec role = {.name = "r", .rules = some, .n_rules = random_below(&seed, 7)};
        struct grant *g;

        for (size_t i = 0; i < role.n_rules; i++) {
            unsigned kind = 1 + random_below(&seed, 3);

            random_filter(&seed, filters[i]);
            some[i] = (struct rule_spec){.filter = filters[i],
                                         .publish = kind & 1,
                                         .subscribe = kind & 2,
                                         .deny = random_below(&seed, 3) == 0};
        }
        g = grant_of(&role, "c1");
        for (unsigned i = 0; i < 40; i++) {
            enum gate_action action = i % 2 == 0 ? GATE_PUBLISH : GATE_SUBSCRIBE;
            const char *topic = all.at[random_below(&seed, (uint32_t)all.n)];
            char filter[16];
            enum gate_outcome is;
            enum gate_outcome should;

            random_filter(&seed, filter);
            if (action == GATE_SUBSCRIBE)
                topic = filter;
            is = gate_check(g, action, bytes_str(topic)).outcome;
            should = naive_check(&all, &role, action, topic);
            if (is != should)
                fail_msg("round %u, %s \"%s\": %d is not %d", round,
                         action == GATE_PUBLISH ? "publish" : "subscribe", topic, is, should);
            seen[action][is]++;
        }
        grant_free(g);
    }
    for (unsigned action = 0; action < 2; action++) { /* the search did see each answer */
        assert_true(seen[action][GATE_ALLOWED] > 100);
        assert_true(seen[action][GATE_E_DENIED] > 100);
        assert_true(seen[action][GATE_E_NOT_AUTHORIZED] > 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gate_check_agrees_with_brute_force),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
