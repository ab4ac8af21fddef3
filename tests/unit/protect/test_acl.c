/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/protect/test_acl.c - which rule decides, and how that is explained */
#include "gate.h"

#include <stdio.h>

/* clang-format off */
static const struct rule_spec rules[] = {
    P("m/${client_id}/#"), P("open/+/x"), PS("both/#"), S("cmd/${client_id}/#"), S("tree/#"), S("one/+/x"),
    DENY_P("both/secret/#"), DENY_S("tree/secret/+"), P("$own/#"), P("$SYS/broker/connection/${client_id}/state"), S("$SYS/broker/#"), S("$bastide/#"),
    P("plain"),
};

static const struct check_case {
    enum gate_action action;
    const char *topic;
    enum gate_outcome outcome;
    const char *rule;
} checks[] = {
    {GATE_PUBLISH,   "m/c1/kwh",           GATE_ALLOWED,          "m/${client_id}/#"},
    {GATE_PUBLISH,   "m/c1",               GATE_ALLOWED,          "m/${client_id}/#"},
    {GATE_PUBLISH,   "m/c2/kwh",           GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_PUBLISH,   "m/c11/kwh",          GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_PUBLISH,   "m",                  GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_PUBLISH,   "open/a/x",           GATE_ALLOWED,          "open/+/x"},
    {GATE_PUBLISH,   "open//x",            GATE_ALLOWED,          "open/+/x"},
    {GATE_PUBLISH,   "open/a/y",           GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_PUBLISH,   "open/a/b/x",         GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_PUBLISH,   "plain",              GATE_ALLOWED,          "plain"},
    {GATE_PUBLISH,   "plain/x",            GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_PUBLISH,   "plai",               GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_PUBLISH,   "cmd/c1/x",           GATE_E_NOT_AUTHORIZED, NULL}, /* a subscribe rule */
    {GATE_PUBLISH,   "both/a",             GATE_ALLOWED,          "both/#"},
    {GATE_PUBLISH,   "both/secret/a",      GATE_E_DENIED,         "both/secret/#"}, /* though listed later */
    {GATE_PUBLISH,   "both/secret",        GATE_E_DENIED,         "both/secret/#"},
    {GATE_SUBSCRIBE, "both/secret/a",      GATE_ALLOWED,          "both/#"}, /* the deny is for publish */
    {GATE_SUBSCRIBE, "cmd/c1/#",           GATE_ALLOWED,          "cmd/${client_id}/#"},
    {GATE_SUBSCRIBE, "cmd/c1/+/x",         GATE_ALLOWED,          "cmd/${client_id}/#"},
    {GATE_SUBSCRIBE, "cmd/+/x",            GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_SUBSCRIBE, "cmd/#",              GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_SUBSCRIBE, "#",                  GATE_E_DENIED,         "tree/secret/+"},
    {GATE_SUBSCRIBE, "+/a",                GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_SUBSCRIBE, "tree/open/#",        GATE_ALLOWED,          "tree/#"},
    {GATE_SUBSCRIBE, "tree/#",             GATE_E_DENIED,         "tree/secret/+"},
    {GATE_SUBSCRIBE, "tree/+",             GATE_ALLOWED,          "tree/#"},
    {GATE_SUBSCRIBE, "tree/+/x",           GATE_E_DENIED,         "tree/secret/+"},
    {GATE_SUBSCRIBE, "tree/secret/x/y",    GATE_ALLOWED,          "tree/#"},
    {GATE_SUBSCRIBE, "tree/+/x/y",         GATE_ALLOWED,          "tree/#"},
    {GATE_SUBSCRIBE, "one/+/x",            GATE_ALLOWED,          "one/+/x"},
    {GATE_SUBSCRIBE, "one/a/x",            GATE_ALLOWED,          "one/+/x"},
    {GATE_SUBSCRIBE, "one/+/+",            GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_SUBSCRIBE, "one/#",              GATE_E_NOT_AUTHORIZED, NULL},
    /* what belongs to the node */
    {GATE_PUBLISH,   "$SYS/broker/uptime", GATE_E_RESERVED,       NULL},
    {GATE_PUBLISH,   "$SYS",               GATE_E_RESERVED,       NULL},
    {GATE_PUBLISH,   "$SYS/broker/connectionx", GATE_E_RESERVED,  NULL},
    {GATE_PUBLISH,   "$SYS/broker/connection/b/state", GATE_E_NOT_AUTHORIZED, NULL}, /* a bridge's own */
    {GATE_PUBLISH,   "$SYS/broker/connection/c1/state", GATE_ALLOWED, "$SYS/broker/connection/${client_id}/state"},
    {GATE_PUBLISH,   "$bastide/command",   GATE_E_RESERVED,       NULL},
    {GATE_PUBLISH,   "$bastidex",          GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_PUBLISH,   "$own/x",             GATE_ALLOWED,          "$own/#"},
    {GATE_SUBSCRIBE, "$SYS/broker/uptime", GATE_ALLOWED,          "$SYS/broker/#"},
    {GATE_SUBSCRIBE, "$SYS/#",             GATE_E_NOT_AUTHORIZED, NULL},
    {GATE_SUBSCRIBE, "$bastide/#",         GATE_E_RESERVED,       NULL}, /* no control-plane grant */
    {GATE_SUBSCRIBE, "$bastide",           GATE_E_RESERVED,       NULL},
};
/* clang-format on */

static void the_first_rule_that_hits_decides_and_no_rule_is_a_refusal(void **state)
{
    struct role_spec role = {.name = "r", .rules = rules, .n_rules = COUNT_OF(rules)};
    struct grant *g = grant_of(&role, "c1");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        struct gate_answer a = gate_check(g, checks[i].action, bytes_str(checks[i].topic));

        print_message("  %s %s\n", checks[i].action == GATE_PUBLISH ? "publish" : "subscribe",
                      checks[i].topic);
        assert_int_equal(a.outcome, checks[i].outcome);
        assert_string_equal(a.role, "r");
        assert_false(a.is_command);
        if (checks[i].rule == NULL)
            assert_null(a.rule);
        else
            assert_string_equal(a.rule, checks[i].rule);
    }
    grant_free(g);
}

/* Everything is allowed by wildcards, and still not what begins with '$' [MQTT5-4.7.2-1]. */
static void a_leading_wildcard_never_reaches_a_dollar_topic(void **state)
{
    struct role_spec role = {.name = "r", RULES(PS("#"), PS("+/#"), PS("+/broker/+"))};
    struct grant *g = grant_of(&role, "c1");

    (void)state;
    assert_int_equal(gate_check(g, GATE_SUBSCRIBE, BYTES("#")).outcome, GATE_ALLOWED);
    assert_int_equal(gate_check(g, GATE_SUBSCRIBE, BYTES("$SYS/#")).outcome, GATE_E_NOT_AUTHORIZED);
    assert_int_equal(gate_check(g, GATE_SUBSCRIBE, BYTES("$SYS/broker/x")).outcome,
                     GATE_E_NOT_AUTHORIZED);
    assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("$other/x")).outcome, GATE_E_NOT_AUTHORIZED);
    grant_free(g);
}

static void a_control_plane_grant_reaches_bastide_topics_that_its_rules_allow(void **state)
{
    static const struct rule_spec allowed[] = {S("$bastide/incident/#"), PS("#")};
    const struct role_spec role = {
        .name = "operator", .rules = allowed, .n_rules = COUNT_OF(allowed), .control_plane = true};
    const struct user_spec user = {.name = "o", .role = "operator", .certificate_cn = "o"};
    struct policy *p = policy_of(&(struct policy_spec){
        .limits = limits_default, .roles = &role, .n_roles = 1, .users = &user, .n_users = 1});
    struct gate_subject s = {
        .certificate_cn = BYTES("o"), .has_certificate = true, .is_control = true};
    struct buf said CLEANUP(buf_done) = {0};
    enum gate_outcome outcome;
    struct grant *g = gate_admit(p, &s, &outcome);

    (void)state;
    assert_int_equal(gate_check(g, GATE_SUBSCRIBE, BYTES("$bastide/incident/#")).outcome,
                     GATE_ALLOWED);
    assert_int_equal(gate_check(g, GATE_SUBSCRIBE, BYTES("$bastide/#")).outcome,
                     GATE_E_NOT_AUTHORIZED);
    assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("$bastide/incident/x")).outcome,
                     GATE_E_RESERVED);
    gate_explain(g, GATE_SUBSCRIBE, BYTES("$bastide/incident/x"), &said);
    assert_true(bytes_equal(
        buf_view(&said),
        BYTES(
            "Subscribe to \"$bastide/incident/x\" by user \"o\" of role \"operator\" is allowed: a "
            "rule allows it. Looked at, deny rules first: allow subscribe \"$bastide/incident/#\" "
            "covers it and decides; 1 more not looked at.")));
    grant_free(g);
    policy_unref(p);
}

/* clang-format off */
static const struct abuse {
    const char *client_id;
    const char *publish;   /* refused all the same */
    const char *explained; /* a part of what explain says */
} abuses[] = {
    {"+",       "m/any/x",    "${client_id} has '/', '+' or '#' here"},
    {"#",       "m/any/x",    "${client_id} has '/', '+' or '#' here"},
    {"a/b",     "m/a/b",      "${client_id} has '/', '+' or '#' here"},
    {"a/../b",  "m/a/../b",   "${client_id} has '/', '+' or '#' here"},
    {"x+",      "m/x+/y",     "${client_id} has '/', '+' or '#' here"},
    {"",        "m//x",       "${client_id} is empty here"},
    {"$SYS",    "$x/top",     "${client_id} begins with '$' here, where the filter begins"},
    {"${user_name}", "m/o/x", "does not match it"},
};
/* clang-format on */

static void no_client_id_widens_a_rule(void **state)
{
    struct role_spec role = {.name = "r", RULES(PS("m/${client_id}/#"), PS("${client_id}/top"))};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(abuses); i++) {
        struct buf said CLEANUP(buf_done) = {0};
        struct grant *g = grant_of(&role, abuses[i].client_id);

        print_message("  \"%s\"\n", abuses[i].client_id);
        assert_int_equal(gate_check(g, GATE_PUBLISH, bytes_str(abuses[i].publish)).outcome,
                         GATE_E_NOT_AUTHORIZED);
        assert_int_equal(gate_check(g, GATE_SUBSCRIBE, BYTES("m/any/x")).outcome,
                         GATE_E_NOT_AUTHORIZED);
        gate_explain(g, GATE_PUBLISH, bytes_str(abuses[i].publish), &said);
        buf_add_u8(&said, '\0');
        assert_non_null(strstr((char *)said.at, abuses[i].explained));
        grant_free(g);
    }
}

static void a_dollar_in_the_middle_is_an_ordinary_character(void **state)
{
    struct role_spec role = {.name = "r", RULES(P("m/${client_id}/#"), P("${client_id}/top"))};
    struct grant *g = grant_of(&role, "$SYS");

    (void)state;
    assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("m/$SYS/x")).outcome, GATE_ALLOWED);
    assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("$SYS/top")).outcome, GATE_E_RESERVED);
    grant_free(g);
}

static void a_value_of_256_bytes_is_the_longest(void **state)
{
    struct role_spec role = {.name = "r", RULES(P("m/${client_id}"))};
    char id[RULE_VALUE_BYTES_MAX + 2];
    char topic[RULE_VALUE_BYTES_MAX + 4];
    struct grant *g;

    (void)state;
    memset(id, 'i', sizeof(id));
    id[RULE_VALUE_BYTES_MAX] = '\0';
    (void)snprintf(topic, sizeof(topic), "m/%s", id);
    g = grant_of(&role, id);
    assert_int_equal(gate_check(g, GATE_PUBLISH, bytes_str(topic)).outcome, GATE_ALLOWED);
    grant_free(g);
    id[RULE_VALUE_BYTES_MAX] = 'i';
    id[RULE_VALUE_BYTES_MAX + 1] = '\0';
    (void)snprintf(topic, sizeof(topic), "m/%s", id);
    g = grant_of(&role, id);
    assert_int_equal(gate_check(g, GATE_PUBLISH, bytes_str(topic)).outcome, GATE_E_NOT_AUTHORIZED);
    grant_free(g);
}

static void several_values_in_one_level_are_put_in(void **state)
{
    struct role_spec role = {.name = "r",
                             RULES(P("a/x-${client_id}-${client_id}/y"), P("${client_id}"))};
    struct grant *g = grant_of(&role, "c1");

    (void)state;
    assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("a/x-c1-c1/y")).outcome, GATE_ALLOWED);
    assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("c1")).outcome, GATE_ALLOWED);
    assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("a/x-c1-/y")).outcome,
                     GATE_E_NOT_AUTHORIZED);
    grant_free(g);
}

/* clang-format off */
static const struct explain_case {
    enum gate_action action;
    const char *topic;
    const char *text;
} explanations[] = {
    {GATE_PUBLISH, "m/c2/kwh",
     "Publish to \"m/c2/kwh\" by an anonymous client of role \"r\" is refused: no rule allows it. "
     "Looked at, deny rules first: deny publish \"m/secret\" does not match it; "
     "allow publish \"m/${client_id}/#\", here \"m/c1/#\", does not match it; "
     "allow publish \"b\" does not match it."},
    {GATE_PUBLISH, "m/secret",
     "Publish to \"m/secret\" by an anonymous client of role \"r\" is refused: a rule denies it. "
     "Looked at, deny rules first: deny publish \"m/secret\" matches it and decides; "
     "2 more not looked at."},
    {GATE_PUBLISH, "$SYS/x",
     "Publish to \"$SYS/x\" by an anonymous client of role \"r\" is refused: the topic is the node's "
     "own; nobody else publishes there."},
    {GATE_SUBSCRIBE, "$bastide/x",
     "Subscribe to \"$bastide/x\" by an anonymous client of role \"r\" is refused: the topic is the "
     "node's own; $bastide/ is for roles with control_plane that came by the control listener."},
    {GATE_SUBSCRIBE, "t/#",
     "Subscribe to \"t/#\" by an anonymous client of role \"r\" is refused: no rule allows it. "
     "Looked at, deny rules first: allow subscribe \"t/+/x\" covers only a part of it; "
     "allow subscribe \"u\" does not cover it."},
    {GATE_SUBSCRIBE, "t/a/x",
     "Subscribe to \"t/a/x\" by an anonymous client of role \"r\" is allowed: a rule allows it. "
     "Looked at, deny rules first: allow subscribe \"t/+/x\" covers it and decides; "
     "1 more not looked at."},
    {GATE_PUBLISH, "a\n\"b\x7f",
     "Publish to \"a\\x0a\\x22b\\x7f\" by an anonymous client of role \"r\" is refused: no rule allows it. "
     "Looked at, deny rules first: deny publish \"m/secret\" does not match it; "
     "allow publish \"m/${client_id}/#\", here \"m/c1/#\", does not match it; "
     "allow publish \"b\" does not match it."},
};
/* clang-format on */

static void an_explanation_names_each_rule_and_why(void **state)
{
    struct role_spec role = {
        .name = "r", RULES(P("m/${client_id}/#"), P("b"), S("t/+/x"), S("u"), DENY_P("m/secret"))};
    struct grant *g = grant_of(&role, "c1");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(explanations); i++) {
        struct buf said CLEANUP(buf_done) = {0};

        gate_explain(g, explanations[i].action, bytes_str(explanations[i].topic), &said);
        buf_add_u8(&said, '\0');
        assert_string_equal((char *)said.at, explanations[i].text);
    }
    grant_free(g);
}

static void a_role_without_rules_is_explained_as_such(void **state)
{
    struct role_spec role = {.name = "r"};
    struct grant *g = grant_of(&role, "c1");
    struct buf said CLEANUP(buf_done) = {0};

    (void)state;
    gate_explain(g, GATE_SUBSCRIBE, BYTES("a"), &said);
    buf_add_u8(&said, '\0');
    assert_string_equal((char *)said.at,
                        "Subscribe to \"a\" by an anonymous client of role \"r\" is refused: no "
                        "rule allows it. The role has no rule for that.");
    grant_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_hits_decides_and_no_rule_is_a_refusal),
        cmocka_unit_test(a_leading_wildcard_never_reaches_a_dollar_topic),
        cmocka_unit_test(a_control_plane_grant_reaches_bastide_topics_that_its_rules_allow),
        cmocka_unit_test(no_client_id_widens_a_rule),
        cmocka_unit_test(a_dollar_in_the_middle_is_an_ordinary_character),
        cmocka_unit_test(a_value_of_256_bytes_is_the_longest),
        cmocka_unit_test(several_values_in_one_level_are_put_in),
        cmocka_unit_test(an_explanation_names_each_rule_and_why),
        cmocka_unit_test(a_role_without_rules_is_explained_as_such),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
