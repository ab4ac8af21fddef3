/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/protect/test_command.c - what else is told of a topic: that it commands equipment,
 * that nobody has to read it, that it is its owner's alone */
#include "gate.h"

static void a_topic_that_commands_is_told_whether_or_not_it_is_allowed(void **state)
{
    static const char *const commands[] = {"cmd/#", "+/set"};
    static const struct rule_spec rule = PS("#");
    static const struct rule_spec deny = DENY_P("cmd/x");
    const struct rule_spec both[] = {rule, deny};
    const struct role_spec role = {.name = "r", .rules = both, .n_rules = 2};
    struct grant *g = grant_with(
        (struct policy_spec){.command_topics = commands, .n_command_topics = 2}, &role, "c1");
    struct buf said CLEANUP(buf_done) = {0};

    (void)state;
    assert_true(gate_check(g, GATE_PUBLISH, BYTES("cmd/y")).is_command);
    assert_true(gate_check(g, GATE_PUBLISH, BYTES("a/set")).is_command);
    assert_false(gate_check(g, GATE_PUBLISH, BYTES("a/get")).is_command);
    assert_false(gate_check(g, GATE_PUBLISH, BYTES("$a/set")).is_command);
    assert_false(gate_check(g, GATE_SUBSCRIBE, BYTES("cmd/y")).is_command);
    assert_true(gate_check(g, GATE_PUBLISH, BYTES("cmd/x")).is_command);
    assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("cmd/x")).outcome, GATE_E_DENIED);
    gate_explain(g, GATE_PUBLISH, BYTES("cmd/y"), &said);
    buf_add_u8(&said, '\0');
    assert_string_equal(
        (char *)said.at,
        "Publish to \"cmd/y\" by an anonymous client of role \"r\" is allowed: a rule allows it. "
        "Looked at, deny rules first: deny publish \"cmd/x\" does not match it; allow publish "
        "\"#\" matches it and decides. The topic commands equipment, and the role has no "
        "may_command.");
    grant_free(g);
}

static void a_role_commands_what_its_list_or_may_command_says(void **state)
{
    static const char *const node[] = {"cmd/#"};
    static const char *const own[] = {"cmd/breaker/#", "lamp"};
    static const struct rule_spec rule = PS("#");
    static const struct {
        bool may_command;
        size_t n_own;
        const char *topic;
        bool is_command;
        bool is_foreign;
    } cases[] = {
        {false, 0, "cmd/breaker/1", true, true},
        {true, 0, "cmd/breaker/1", true, false},
        {false, 2, "cmd/breaker/1", true, false},
        {true, 2, "cmd/valve/1", true, true},
        {false, 2, "lamp", true, false},
        {false, 0, "lamp", false, false},
        {true, 2, "a", false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct role_spec role = {.name = "r",
                                       .rules = &rule,
                                       .n_rules = 1,
                                       .may_command = cases[i].may_command,
                                       .command_topics = own,
                                       .n_command_topics = cases[i].n_own};
        struct grant *g = grant_with(
            (struct policy_spec){.command_topics = node, .n_command_topics = 1}, &role, "c1");
        struct gate_answer a = gate_check(g, GATE_PUBLISH, bytes_str(cases[i].topic));

        assert_int_equal(a.is_command, cases[i].is_command);
        assert_int_equal(a.is_foreign, cases[i].is_foreign);
        grant_free(g);
    }
}

static void a_topic_that_nobody_has_to_read_is_told(void **state)
{
    static const char *const unread[] = {"debug/#"};
    static const struct rule_spec rule = PS("#");
    const struct role_spec role = {.name = "r", .rules = &rule, .n_rules = 1};
    struct grant *g = grant_with(
        (struct policy_spec){.unread_topics = unread, .n_unread_topics = 1}, &role, "c1");

    (void)state;
    assert_true(gate_check(g, GATE_PUBLISH, BYTES("debug/x")).is_unread);
    assert_false(gate_check(g, GATE_PUBLISH, BYTES("a")).is_unread);
    assert_false(gate_check(g, GATE_SUBSCRIBE, BYTES("debug/x")).is_unread);
    grant_free(g);
}

static void what_is_its_owner_s_alone_is_told_of_who_may_not_command(void **state)
{
    static const char *const owned[] = {"state/#"};
    static const struct rule_spec rule = PS("#");

    (void)state;
    for (unsigned may_command = 0; may_command < 2; may_command++) {
        const struct role_spec role = {
            .name = "r", .rules = &rule, .n_rules = 1, .may_command = may_command};
        struct grant *g =
            grant_with((struct policy_spec){.owner_only_topics = owned, .n_owner_only_topics = 1},
                       &role, "c1");

        assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("state/x")).is_owner_only, !may_command);
        assert_false(gate_check(g, GATE_PUBLISH, BYTES("a")).is_owner_only);
        assert_false(gate_check(g, GATE_SUBSCRIBE, BYTES("state/x")).is_owner_only);
        grant_free(g);
    }
}

static void a_command_that_is_not_its_role_s_is_held_where_that_is_asked_for(void **state)
{
    static const char *const commands[] = {"set/#"};
    static const char *const own[] = {"set/own"};
    static const struct rule_spec both[] = {PS("set/#"), PS("a")};
    static const struct {
        bool hold;
        bool may_command;
        bool has_own;
        bool is_held; /* on set/x */
    } cases[] = {
        {false, false, false, false}, {true, false, false, true}, {true, true, false, false},
        {true, false, true, true},    {true, true, true, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct role_spec role = {
            .name = "r",
            .rules = both,
            .n_rules = COUNT_OF(both),
            .hold_commands = cases[i].hold,
            .may_command = cases[i].may_command,
            .command_topics = own,
            .n_command_topics = cases[i].has_own,
        };
        struct grant *g = grant_with(
            (struct policy_spec){.command_topics = commands, .n_command_topics = 1}, &role, "c1");
        struct buf text = {0};

        assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("set/x")).outcome, GATE_ALLOWED);
        assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("set/x")).is_held, cases[i].is_held);
        assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("set/own")).is_held,
                         cases[i].is_held && !cases[i].has_own);
        assert_false(gate_check(g, GATE_PUBLISH, BYTES("a")).is_held);
        assert_false(gate_check(g, GATE_SUBSCRIBE, BYTES("set/x")).is_held);
        gate_explain(g, GATE_PUBLISH, BYTES("set/x"), &text);
        buf_add_u8(&text, '\0');
        assert_int_equal(strstr((char *)text.at, "waits until a person approves it") != NULL,
                         cases[i].is_held);
        buf_done(&text);
        grant_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_that_commands_is_told_whether_or_not_it_is_allowed),
        cmocka_unit_test(a_role_commands_what_its_list_or_may_command_says),
        cmocka_unit_test(a_topic_that_nobody_has_to_read_is_told),
        cmocka_unit_test(what_is_its_owner_s_alone_is_told_of_who_may_not_command),
        cmocka_unit_test(a_command_that_is_not_its_role_s_is_held_where_that_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
