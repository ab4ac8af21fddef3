/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

static const struct rule_spec good_rule = {.filter = "a/#", .publish = true};
static const struct role_spec good_role = {.name = "meter", .rules = &good_rule, .n_rules = 1};

static void assert_refused(const struct policy_spec *spec, const char *error)
{
    char *got = NULL;

    assert_null(policy_new(spec, &got));
    assert_string_equal(got, error);
    free(got);
}

/* clang-format off */
static const struct filter_case {
    const char *filter;
    const char *why; /* a part of it; NULL: valid */
} filters[] = {
    {"a/b",                          NULL},
    {"#",                            NULL},
    {"+/x/#",                        NULL},
    {"$SYS/#",                       NULL},
    {"a/${client_id}/#",             NULL},
    {"a/m-${user_name}-${client_id}", NULL},
    {"${certificate_cn}",            NULL},
    {"a/$b/$",                       NULL},
    {"$SYS/${client_id}",            NULL},
    {"",                             "is empty"},
    {"a/#/b",                        "is not a topic filter"},
    {"a/b#",                         "is not a topic filter"},
    {"a/b+/c",                       "is not a topic filter"},
    {"a/${client_id}+",              "is not a topic filter"},
    {"a/\xff",                       "is not UTF-8"},
    {"a/${clientid}/b",              "unknown ${...}"},
    {"a/${}/b",                      "unknown ${...}"},
    {"a/${client_id",                "unknown ${...}"},
    {"a/${ client_id}",              "unknown ${...}"},
    {"$share/g/a",                   "begins with $share/"},
    {"$${client_id}/a",              "first level that begins with '$'"},
    {"$S${client_id}",               "first level that begins with '$'"},
};
/* clang-format on */

static void a_filter_is_valid_or_told_what_is_wrong(void **state)
{
    (void)state;

    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        const char *why = rule_filter_wrong_why(filters[i].filter);

        print_message("  \"%s\"\n", filters[i].filter);
        if (filters[i].why == NULL)
            assert_null(why);
        else
            assert_non_null(strstr(why, filters[i].why));
    }
}

static void a_filter_of_1024_bytes_is_the_longest(void **state)
{
    char filter[RULE_FILTER_BYTES_MAX + 2];

    (void)state;
    memset(filter, 'a', sizeof(filter));
    filter[RULE_FILTER_BYTES_MAX] = '\0';
    assert_null(rule_filter_wrong_why(filter));
    filter[RULE_FILTER_BYTES_MAX] = 'a';
    filter[RULE_FILTER_BYTES_MAX + 1] = '\0';
    assert_non_null(rule_filter_wrong_why(filter));
}

static void a_command_topic_has_no_variable(void **state)
{
    (void)state;
    assert_null(listed_topic_wrong_why("fmb/command/#"));
    assert_non_null(strstr(listed_topic_wrong_why("fmb/${client_id}/#"), "same for everybody"));
    assert_non_null(strstr(listed_topic_wrong_why("fmb/#/x"), "is not a topic filter"));
}

static void a_name_is_valid_or_told_what_is_wrong(void **state)
{
    char name[USER_NAME_MAX + 2];

    (void)state;
    assert_null(role_name_wrong_why("grid-operator_2.b"));
    assert_non_null(role_name_wrong_why(""));
    assert_non_null(role_name_wrong_why("grid operator"));
    assert_null(user_name_wrong_why("Jürgen Müller"));
    assert_string_equal(user_name_wrong_why(""), "is empty");
    assert_string_equal(user_name_wrong_why("a\nb"), "has a control character");
    assert_string_equal(user_name_wrong_why("a\x7f"), "has a control character");
    assert_string_equal(user_name_wrong_why("a\xc0\x80"), "is not UTF-8");
    memset(name, 'n', sizeof(name));
    name[USER_NAME_MAX] = '\0';
    assert_null(user_name_wrong_why(name));
    name[USER_NAME_MAX] = 'n';
    name[USER_NAME_MAX + 1] = '\0';
    assert_string_equal(user_name_wrong_why(name), "is longer than 256 bytes");
    name[ROLE_NAME_MAX] = '\0';
    assert_null(role_name_wrong_why(name));
    name[ROLE_NAME_MAX] = 'n';
    name[ROLE_NAME_MAX + 1] = '\0';
    assert_non_null(role_name_wrong_why(name));
}

static void a_role_that_is_wrong_is_named(void **state)
{
    struct role_spec roles[] = {good_role, good_role};
    struct rule_spec rule = {.filter = "a/#/b", .publish = true};
    struct policy_spec spec = {.limits = limits_default, .roles = roles, .n_roles = 2};

    (void)state;
    assert_refused(&spec, "role \"meter\" is there twice");
    roles[1].name = "a b";
    assert_refused(&spec,
                   "role \"a b\" is not a role name; 1 to 64 letters, digits, '_', '-' and '.'");
    roles[1] = (struct role_spec){.name = "b", .rules = &rule, .n_rules = 1};
    assert_refused(&spec, "role \"b\": filter \"a/#/b\" is not a topic filter; '+' stands alone "
                          "between two '/', '#' alone and last, as in a/+/b/#");
    rule = (struct rule_spec){.filter = "a"};
    assert_refused(&spec, "role \"b\": the rule for \"a\" is for neither publish nor subscribe");
    roles[1].n_rules = ROLE_RULES_MAX + 1;
    assert_refused(&spec, "role \"b\" has 1001 rules; at most 1000");
}

static void a_user_that_is_wrong_is_named(void **state)
{
    struct user_spec users[] = {{.name = "m1", .role = "meter", .certificate_cn = "cn1"}, {0}};
    struct policy_spec spec = {
        .limits = limits_default,
        .roles = &good_role,
        .n_roles = 1,
        .users = users,
        .n_users = 2,
    };

    (void)state;
    users[1] = (struct user_spec){.name = "m1", .role = "meter"};
    assert_refused(&spec, "user \"m1\" is there twice");
    users[1] = (struct user_spec){.name = "m2", .role = "mater"};
    assert_refused(&spec, "user \"m2\": there is no role \"mater\"");
    users[1] = (struct user_spec){.name = "m2", .role = NULL};
    assert_refused(&spec, "user \"m2\": there is no role \"\"");
    users[1] = (struct user_spec){.name = "m2", .role = "meter", .certificate_cn = "cn1"};
    assert_refused(&spec,
                   "user \"m2\": the certificate's common name \"cn1\" is user \"m1\" already");
    users[1] = (struct user_spec){.name = "m2", .role = "meter", .certificate_cn = ""};
    assert_refused(&spec, "user \"m2\": the certificate's common name \"\" is empty");
    users[1] = (struct user_spec){.name = "m2", .role = "meter", .password_verifier = "geheim"};
    assert_refused(&spec, "user \"m2\": the password is not a verifier of this program");
    users[1] = (struct user_spec){.name = "m2", .role = "meter", .scram_verifier = "geheim"};
    assert_refused(&spec, "user \"m2\": scram is not a verifier of SCRAM-SHA-256");
    users[1] = (struct user_spec){.name = "", .role = "meter"};
    assert_refused(&spec, "user \"\": the name is empty");
}

static void command_topics_and_the_anonymous_role_are_checked(void **state)
{
    static const char *const commands[] = {"a/#", "b/${client_id}"};
    struct role_spec roles[] = {good_role, {.name = "boss", .control_plane = true}};
    struct policy_spec spec = {
        .limits = limits_default,
        .roles = roles,
        .n_roles = 2,
        .command_topics = commands,
        .n_command_topics = 2,
    };

    (void)state;
    assert_refused(&spec, "command topic \"b/${client_id}\" has a ${...}; such a list is the "
                          "same for everybody");
    spec.unread_topics = commands;
    spec.n_unread_topics = 2;
    spec.n_command_topics = 1;
    assert_refused(&spec, "unread topic \"b/${client_id}\" has a ${...}; such a list is the same "
                          "for everybody");
    spec.n_unread_topics = 1;
    roles[1].command_topics = commands;
    roles[1].n_command_topics = 2;
    assert_refused(&spec, "role \"boss\": command topic \"b/${client_id}\" has a ${...}; such a "
                          "list is the same for everybody");
    roles[1].n_command_topics = POLICY_TOPICS_MAX + 1;
    assert_refused(&spec, "role \"boss\": 1001 command topics; at most 1000");
    roles[1].n_command_topics = 0;
    roles[1].ping_topic = "ping/+";
    assert_refused(&spec, "role \"boss\": ping_topic has a wildcard; it is one topic for each "
                          "client, such as ping/${client_id}");
    roles[1].ping_topic = "$ping";
    assert_refused(&spec, "role \"boss\": ping_topic begins with '$', which is the node's own");
    roles[1].ping_topic = NULL;
    spec.anonymous_role = "guest";
    assert_refused(&spec, "anonymous_role: there is no role \"guest\"");
    spec.anonymous_role = "boss";
    assert_refused(&spec, "anonymous_role: role \"boss\" has control_plane, which takes a name");
}

static void too_many_of_anything_are_refused_before_they_are_read(void **state)
{
    struct policy_spec spec = {.limits = limits_default};

    (void)state;
    spec.n_roles = POLICY_ROLES_MAX + 1;
    assert_refused(&spec, "1001 roles; at most 1000");
    spec.n_roles = 0;
    spec.n_users = POLICY_USERS_MAX + 1;
    assert_refused(&spec, "1000001 users; at most 1000000");
    spec.n_users = 0;
    spec.n_command_topics = POLICY_TOPICS_MAX + 1;
    assert_refused(&spec, "1001 command topics; at most 1000");
}

static void a_policy_copies_what_it_is_made_of(void **state)
{
    char filter[] = "a/#";
    char name[] = "meter";
    struct rule_spec rule = {.filter = filter, .publish = true};
    struct role_spec role = {.name = name, .rules = &rule, .n_rules = 1};
    struct policy_spec spec = {
        .limits = limits_default, .roles = &role, .n_roles = 1, .anonymous_role = name};
    struct gate_subject s = {.anonymous_allowed = true};
    struct policy *p = policy_of(&spec);
    enum gate_outcome outcome;
    struct grant *g;

    (void)state;
    memset(filter, 'x', strlen(filter));
    memset(name, 'x', strlen(name));
    memset(&rule, 0, sizeof(rule));
    g = gate_admit(p, &s, &outcome);
    policy_unref(p); /* the grant keeps it */
    assert_string_equal(grant_role(g), "meter");
    assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("a/b")).outcome, GATE_ALLOWED);
    grant_free(g);
}

static void the_defaults_lie_within_their_ranges_and_are_the_manuals(void **state)
{
    (void)state;
    assert_int_equal(limits_default.connections_max, 10000);
    assert_int_equal(limits_default.connect_timeout_ms, 8000);
    assert_int_equal(limits_default.queue_messages_max, 10000);
#define X(field, deflt, min, max, what)                                                            \
    assert_in_range(limits_default.field, (min##ULL), (max##ULL));                                 \
    assert_true(strlen(what) > 0);
    LIMITS(X)
#undef X
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_is_valid_or_told_what_is_wrong),
        cmocka_unit_test(a_filter_of_1024_bytes_is_the_longest),
        cmocka_unit_test(a_command_topic_has_no_variable),
        cmocka_unit_test(a_name_is_valid_or_told_what_is_wrong),
        cmocka_unit_test(a_role_that_is_wrong_is_named),
        cmocka_unit_test(a_user_that_is_wrong_is_named),
        cmocka_unit_test(command_topics_and_the_anonymous_role_are_checked),
        cmocka_unit_test(too_many_of_anything_are_refused_before_they_are_read),
        cmocka_unit_test(a_policy_copies_what_it_is_made_of),
        cmocka_unit_test(the_defaults_lie_within_their_ranges_and_are_the_manuals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
