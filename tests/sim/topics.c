/* SPDX-License-Identifier: Apache-2.0 */
/* sim/topics.c - see topics.h */
#include "sim/topics.h"

#include <stdlib.h>

#include "base/err.h"
#include "sim/sim.h"

#define PLAIN  BIT(ROLE_PLAIN)
#define NARROW BIT(ROLE_NARROW)
#define BOSS   BIT(ROLE_BOSS)
#define ALL    (PLAIN | NARROW | BOSS)

/* clang-format off */
static const struct {
    const char *text;
    unsigned publish;   /* roles that may */
    unsigned subscribe;
    int owner;          /* client of ROLE_PLAIN that may both; -1: none */
    bool reloads;       /* POLICY_LESS takes it away from ROLE_PLAIN */
} topics[TOPICS] = {
    {"t/a",      ALL,           ALL,          -1, false},
    {"t/a/x",    ALL,           ALL,          -1, false},
    {"t/a/y",    ALL,           ALL,          -1, false},
    {"t/b",      ALL,           ALL,          -1, true},
    {"t/hid/x",  ALL,           PLAIN | BOSS, -1, false},
    {"t/ro",     NARROW | BOSS, ALL,          -1, false},
    {"s/secret", BOSS,          BOSS,         -1, false},
    {"u/c0/in",  BOSS,          BOSS,          0, false},
    {"u/c1/in",  BOSS,          BOSS,          1, false},
    {"t//z",     ALL,           ALL,          -1, false},
    {"w/a",      ALL,           ALL,          -1, false},
    {"w/b",      ALL,           ALL,          -1, true},
};

static const struct {
    const char *text;
    unsigned subscribe;
    int owner;
    bool reloads; /* it overlaps a topic that does */
} filters[FILTERS] = {
    {"t/#",      PLAIN | BOSS, -1, true},
    {"t/a",      ALL,          -1, false},
    {"t/a/#",    ALL,          -1, false},
    {"t/+",      PLAIN | BOSS, -1, true},
    {"t/+/x",    PLAIN | BOSS, -1, false},
    {"t/b",      ALL,          -1, true},
    {"+/a",      BOSS,         -1, false},
    {"#",        BOSS,         -1, true},
    {"t/hid/x",  PLAIN | BOSS, -1, false},
    {"t/ro",     ALL,          -1, false},
    {"s/#",      BOSS,         -1, false},
    {"u/c0/#",   BOSS,          0, false},
    {"u/c1/#",   BOSS,          1, false},
    {"t/a/x",    ALL,          -1, false},
    {"t//z",     ALL,          -1, false},
    {"t/a/+",    ALL,          -1, false},
    {"+/+/+",    BOSS,         -1, false},
    {"$share/g/w/a", ALL,      -1, false},
    {"$share/h/w/a", ALL,      -1, false},
    {"$share/g/w/+", ALL,      -1, true},
};

static const struct rule_spec plain[] = {
    {.filter = "t/#", .publish = true, .subscribe = true},
    {.filter = "u/${client_id}/#", .publish = true, .subscribe = true},
    {.filter = "w/+", .publish = true, .subscribe = true},
    {.filter = "t/ro", .publish = true, .deny = true},
    {.filter = "t/b", .publish = true, .subscribe = true, .deny = true}, /* POLICY_LESS only, */
    {.filter = "w/b", .publish = true, .subscribe = true, .deny = true}, /* as this */
};

#define N_LESS 2

static const struct rule_spec narrow[] = {
    {.filter = "t/#", .publish = true, .subscribe = true},
    {.filter = "w/+", .publish = true, .subscribe = true},
    {.filter = "t/hid/#", .subscribe = true, .deny = true},
};

static const struct rule_spec boss[] = {
    {.filter = "#", .publish = true, .subscribe = true},
};

static const struct user_spec users[] = {
    {.name = "paula", .password_verifier = "paula's", .role = "plain"},
    {.name = "bea",   .password_verifier = "bea's",   .role = "boss"},
};
/* clang-format on */

/** topic_text() - as it goes over the wire */
const char *topic_text(unsigned topic)
{
    return topics[topic].text;
}

/** filter_text() - as it goes over the wire */
const char *filter_text(unsigned filter)
{
    return filters[filter].text;
}

/** role_user() - the user name of clients of @role */
const char *role_user(enum role role)
{
    static const char *const names[ROLE_N] = {"paula", NULL, "bea"};

    return names[role];
}

/** topic_find() - Return: its number, -1: there is no such topic */
int topic_find(struct bytes text)
{
    for (unsigned i = 0; i < TOPICS; i++) {
        if (bytes_equal(text, bytes_str(topics[i].text)))
            return (int)i;
    }
    return -1;
}

/* Section 4.7 by the letter, one level at a time. */
static bool matches(const char *f, const char *t)
{
    if (f[0] == '#')
        return true;
    if (f[0] == '+') {
        while (*t != '\0' && *t != '/')
            t++;
        f++;
    } else {
        while (*f != '\0' && *f != '/' && *f == *t) {
            f++;
            t++;
        }
    }
    if (*f == '\0' && *t == '\0')
        return true;
    if (*t == '\0')
        return strcmp(f, "/#") == 0;
    return *f == '/' && *t == '/' && matches(f + 1, t + 1);
}

#define SHARE_PREFIX "$share/g/" /* or another letter */

/** filter_is_shared() - does it begin with "$share/"? */
bool filter_is_shared(unsigned filter)
{
    return filter >= PLAIN_FILTERS;
}

/** filter_matches() - no topic here begins with '$' */
bool filter_matches(unsigned filter, unsigned topic)
{
    const char *text = filters[filter].text;

    return matches(filter_is_shared(filter) ? text + strlen(SHARE_PREFIX) : text,
                   topics[topic].text);
}

/** topic_is_shared() - is there a shared filter that matches it? */
bool topic_is_shared(unsigned topic)
{
    for (unsigned f = PLAIN_FILTERS; f < FILTERS; f++) {
        if (filter_matches(f, topic))
            return true;
    }
    return false;
}

static bool allowed(unsigned roles, int owner, enum role role, unsigned client)
{
    return (roles & BIT(role)) || (role == ROLE_PLAIN && owner == (int)client);
}

/** may_publish() - to @topic, by the rules of @v */
bool may_publish(enum policy_variant v, enum role role, unsigned client, unsigned topic)
{
    return allowed(topics[topic].publish, topics[topic].owner, role, client) &&
           !(v == POLICY_LESS && role == ROLE_PLAIN && topics[topic].reloads);
}

/** may_subscribe() - with @filter, by the rules of @v */
bool may_subscribe(enum policy_variant v, enum role role, unsigned client, unsigned filter)
{
    return allowed(filters[filter].subscribe, filters[filter].owner, role, client) &&
           !(v == POLICY_LESS && role == ROLE_PLAIN && filters[filter].reloads);
}

/** may_receive() - @topic, by the rules of @v */
bool may_receive(enum policy_variant v, enum role role, unsigned client, unsigned topic)
{
    return allowed(topics[topic].subscribe, topics[topic].owner, role, client) &&
           !(v == POLICY_LESS && role == ROLE_PLAIN && topics[topic].reloads);
}

/** topics_policy() - the rules of @v as a policy of the node */
struct policy *topics_policy(enum policy_variant v, const struct limits *limits)
{
    const struct role_spec roles[] = {
        {.name = "plain",
         .rules = plain,
         .n_rules = COUNT_OF(plain) - (v == POLICY_FULL ? N_LESS : 0)},
        {.name = "narrow", .rules = narrow, .n_rules = COUNT_OF(narrow)},
        {.name = "boss", .rules = boss, .n_rules = COUNT_OF(boss), .control_plane = true},
    };
    const char *const owner_only[] = {TOPIC_OF_OWNERS};
    const struct policy_spec spec = {
        .limits = *limits,
        .owner_only_topics = owner_only,
        .n_owner_only_topics = settings.owner_only,
        .roles = roles,
        .n_roles = COUNT_OF(roles),
        .users = users,
        .n_users = COUNT_OF(users),
        .anonymous_role = "narrow",
    };
    char *error = NULL;
    struct policy *p = policy_new(&spec, &error);

    expect(p != NULL, "policy: %s", error);
    return p;
}
