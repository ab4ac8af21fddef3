/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

#include "crypto/scram.h"

/* Of the right form; that they match nothing does not matter here, as the gate does not verify. */
#define VERIFIER                                                                                   \
    "$argon2id$v=19$m=65536,t=2,p=1$YW5vdGhlci1zYWx0LS0tLQ$"                                       \
    "dGhpcyBpcyBubyBoYXNoLCBub3RoaW5nIG1hdGNoZXM"

#define SCRAM                                                                                      \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"                                                 \
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static const struct rule_spec guest_rule = {.filter = "public/#", .subscribe = true};
static const struct rule_spec meter_rule = {.filter = "m/${client_id}/${user_name}",
                                            .publish = true};
static const struct role_spec roles[] = {
    {.name = "guest", .rules = &guest_rule, .n_rules = 1},
    {.name = "meter",
     .rules = &meter_rule,
     .n_rules = 1,
     .messages_per_s_max = 5,
     .retained_per_client_max = 3,
     .sessions_per_user_max = 4,
     .retained_factor = 20,
     .critical = true},
    {.name = "operator", .control_plane = true, .may_command = true, .retained_factor = 20},
};
static const struct user_spec users[] = {
    {.name = "m1", .role = "meter", .password_verifier = VERIFIER, .certificate_cn = "m1.grid"},
    {.name = "nocert", .role = "meter", .password_verifier = VERIFIER},
    {.name = "nopassword", .role = "meter", .certificate_cn = "np.grid"},
    {.name = "off",
     .role = "meter",
     .password_verifier = VERIFIER,
     .certificate_cn = "off.grid",
     .disabled = true},
    {.name = "boss",
     .role = "operator",
     .password_verifier = VERIFIER,
     .certificate_cn = "boss.grid"},
    {.name = "prover", .role = "meter", .scram_verifier = SCRAM},
};

static struct policy *policy_here(const char *anonymous_role)
{
    return policy_of(&(struct policy_spec){
        .limits = limits_default,
        .roles = roles,
        .n_roles = COUNT_OF(roles),
        .users = users,
        .n_users = COUNT_OF(users),
        .anonymous_role = anonymous_role,
    });
}

/* NULL: absent */
static struct gate_subject subject(const char *user, const char *password, const char *cn)
{
    return (struct gate_subject){
        .client_id = BYTES("c1"),
        .user_name = bytes_str(user),
        .has_user_name = user != NULL,
        .has_password = password != NULL,
        .certificate_cn = bytes_str(cn),
        .has_certificate = cn != NULL,
    };
}

/* clang-format off */
static const struct connect_case {
    const char *what;
    const char *user, *password, *cn;
    bool anonymous_allowed, is_control;
    enum gate_outcome connect;
    enum gate_outcome admit; /* asked when connect is ALLOWED or ASK_PASSWORD */
    const char *principal;   /* when admitted */
} connects[] = {
    {"user and password",              "m1", "p", NULL, false, false, GATE_ASK_PASSWORD, GATE_ALLOWED, "m1"},
    {"unknown user asks all the same", "xx", "p", NULL, false, false, GATE_ASK_PASSWORD, GATE_E_UNKNOWN_USER, NULL},
    {"user without password login",    "nopassword", "p", NULL, false, false, GATE_ASK_PASSWORD, GATE_E_WRONG_PASSWORD, NULL},
    {"disabled is told after proof",   "off", "p", NULL, false, false, GATE_ASK_PASSWORD, GATE_E_DISABLED, NULL},
    {"empty user name is nobody",      "", "p", NULL, false, false, GATE_ASK_PASSWORD, GATE_E_UNKNOWN_USER, NULL},
    {"user name alone",                "m1", NULL, NULL, true, false, GATE_E_NO_CREDENTIALS, 0, NULL},
    {"password alone",                 NULL, "p", NULL, true, false, GATE_E_NO_CREDENTIALS, 0, NULL},
    {"nothing",                        NULL, NULL, NULL, false, false, GATE_E_NO_CREDENTIALS, 0, NULL},
    {"nothing where that is allowed",  NULL, NULL, NULL, true, false, GATE_ALLOWED, GATE_ALLOWED, ""},
    {"anonymous at the control listener", NULL, NULL, NULL, true, true, GATE_E_CONTROL_PLANE, 0, NULL},
    {"certificate",                    NULL, NULL, "m1.grid", false, false, GATE_ALLOWED, GATE_ALLOWED, "m1"},
    {"certificate, its own name",      "m1", NULL, "m1.grid", false, false, GATE_ALLOWED, GATE_ALLOWED, "m1"},
    {"certificate before password",    "m1", "wrong", "m1.grid", false, false, GATE_ALLOWED, GATE_ALLOWED, "m1"},
    {"certificate, another's name",    "nocert", "p", "m1.grid", false, false, GATE_E_USER_NAME, 0, NULL},
    {"certificate, empty name",        "", NULL, "m1.grid", false, false, GATE_E_USER_NAME, 0, NULL},
    {"certificate of nobody",          NULL, NULL, "zz", true, false, GATE_E_CERTIFICATE, 0, NULL},
    {"certificate without a name",     NULL, NULL, "", true, false, GATE_E_CERTIFICATE, 0, NULL},
    {"certificate of nobody, name",    "m1", NULL, "zz", true, false, GATE_E_CERTIFICATE, 0, NULL},
    {"certificate of nobody, password", "m1", "p", "zz", false, false, GATE_ASK_PASSWORD, GATE_ALLOWED, "m1"},
    {"certificate of a disabled user", NULL, NULL, "off.grid", false, false, GATE_E_DISABLED, 0, NULL},
    {"control listener, wrong role",   NULL, NULL, "m1.grid", false, true, GATE_E_CONTROL_PLANE, 0, NULL},
    {"control listener, wrong role, told after proof", "m1", "p", NULL, false, true, GATE_ASK_PASSWORD, GATE_E_CONTROL_PLANE, NULL},
    {"control listener",               NULL, NULL, "boss.grid", false, true, GATE_ALLOWED, GATE_ALLOWED, "boss"},
    {"control listener, password",     "boss", "p", NULL, false, true, GATE_ASK_PASSWORD, GATE_ALLOWED, "boss"},
    {"a prefix of a user's name",      "m", "p", NULL, false, false, GATE_ASK_PASSWORD, GATE_E_UNKNOWN_USER, NULL},
    {"another case",                   NULL, NULL, "M1.grid", false, false, GATE_E_CERTIFICATE, 0, NULL},
};
/* clang-format on */

/* [MQTT5-3.1.2-28] */
static void replies_are_told_a_place_that_the_client_may_read(void **state)
{
    static const struct rule_spec rules[] = {
        {.filter = "reply/${client_id}/#", .subscribe = true},
        {.filter = "reply/shut/#", .subscribe = true, .deny = true},
        {.filter = "one/${user_name}/+", .subscribe = true},
    };
    static const struct role_spec role = {.name = "r", .rules = rules, .n_rules = COUNT_OF(rules)};
    static const struct place {
        const char *information;
        const char *client_id;
        const char *expected;
    } places[] = {
        {NULL, "c1", NULL},
        {"reply/${client_id}/", "c1", "reply/c1/"},
        {"reply/${client_id}", "c1", "reply/c1"},
        {"reply/${client_id}/deep", "c1", "reply/c1/deep"},
        {"reply/${client_id}/", "c/1", NULL},
        {"reply/${client_id}/", "shut", NULL},
        {"reply/${user_name}/", "c1", NULL}, /* it has no name */
        {"reply/other/", "c1", NULL},
        {"one/${client_id}/", "c1", NULL}, /* not all below it */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct policy *p = policy_of(
            &(struct policy_spec){.limits = limits_default,
                                  .answers = {.response_information = places[i].information},
                                  .roles = &role,
                                  .n_roles = 1,
                                  .anonymous_role = "r"});
        struct gate_subject s = {.client_id = bytes_str(places[i].client_id),
                                 .anonymous_allowed = true};
        enum gate_outcome outcome;
        struct grant *g = gate_admit(p, &s, &outcome);
        struct buf told = {0};

        assert_non_null(g);
        assert_int_equal(gate_response_information(g, &s, &told), places[i].expected != NULL);
        assert_true(bytes_equal(buf_view(&told), bytes_str(places[i].expected)));
        buf_done(&told);
        grant_free(g);
        policy_unref(p);
    }
}

static void a_client_is_asked_on_a_topic_of_its_own(void **state)
{
    static const struct {
        const char *ping_topic;
        const char *client_id;
        const char *expected;
    } places[] = {
        {NULL, "c1", NULL},
        {"ping/${client_id}", "c1", "ping/c1"},
        {"ping/all", "c1", "ping/all"},
        {"ping/${client_id}", "c/1", NULL},
        {"ping/${user_name}", "c1", NULL}, /* it has no name */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        const struct role_spec role = {.name = "r", .ping_topic = places[i].ping_topic};
        struct policy *p = policy_of(&(struct policy_spec){
            .limits = limits_default, .roles = &role, .n_roles = 1, .anonymous_role = "r"});
        struct gate_subject s = {.client_id = bytes_str(places[i].client_id),
                                 .anonymous_allowed = true};
        enum gate_outcome outcome;
        struct grant *g = gate_admit(p, &s, &outcome);
        struct buf told = {0};

        assert_non_null(g);
        assert_int_equal(gate_ping_topic(g, &s, &told), places[i].expected != NULL);
        if (places[i].expected != NULL)
            assert_true(bytes_equal(buf_view(&told), bytes_str(places[i].expected)));
        buf_done(&told);
        grant_free(g);
        policy_unref(p);
    }
}

static void who_proves_the_password_need_not_send_it(void **state)
{
    struct policy *p = policy_here(NULL);
    struct gate_subject s = subject("prover", NULL, NULL);
    const char *verifier = NULL;
    enum gate_outcome outcome;
    struct grant *g;

    (void)state;
    s.has_scram = true;
    assert_non_null(gate_scram_verifier(p, BYTES("prover")));
    assert_int_equal(gate_scram_verifier(p, BYTES("prover"))->iterations, 4096);
    assert_null(gate_scram_verifier(p, BYTES("m1")));
    assert_null(gate_scram_verifier(p, BYTES("nobody")));
    assert_int_equal(gate_connect(p, &s, &verifier), GATE_ASK_PASSWORD);
    g = gate_admit(p, &s, &outcome);
    assert_non_null(g);
    assert_string_equal(grant_principal(g), "prover");
    grant_free(g);
    s.has_scram = false;
    s.has_password = true;
    assert_null(gate_admit(p, &s, &outcome));
    assert_int_equal(outcome, GATE_E_WRONG_PASSWORD);
    s = subject("m1", NULL, NULL);
    s.has_scram = true;
    assert_null(gate_admit(p, &s, &outcome));
    assert_int_equal(outcome, GATE_E_WRONG_PASSWORD);
    policy_unref(p);
}

/* Also one that may not come in. */
static bool is_somebody(enum gate_outcome outcome)
{
    return outcome == GATE_ALLOWED || outcome == GATE_E_DISABLED ||
           outcome == GATE_E_CONTROL_PLANE || outcome == GATE_E_CLIENT_ID;
}

static void who_knocks_is_identified_by_certificate_or_password(void **state)
{
    struct policy *p = policy_here("guest");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(connects); i++) {
        const struct connect_case *t = &connects[i];
        struct gate_subject s = subject(t->user, t->password, t->cn);
        const char *verifier = NULL;
        enum gate_outcome outcome;
        struct grant *g;

        print_message("  %s\n", t->what);
        s.anonymous_allowed = t->anonymous_allowed;
        s.is_control = t->is_control;
        assert_int_equal(gate_connect(p, &s, &verifier), t->connect);
        assert_int_equal(verifier != NULL, t->connect == GATE_ASK_PASSWORD);
        g = gate_admit(p, &s, &outcome);
        if (t->connect == GATE_ALLOWED || t->connect == GATE_ASK_PASSWORD)
            assert_int_equal(outcome, t->admit);
        else
            assert_int_equal(outcome, t->connect); /* admit never lets in whom connect refuses */
        assert_int_equal(g != NULL, t->principal != NULL);
        if (g != NULL)
            assert_string_equal(grant_principal(g), t->principal);
        grant_free(g);
        g = gate_rights(p, &s);
        assert_int_equal(g != NULL, is_somebody(outcome));
        grant_free(g);
    }
    policy_unref(p);
}

static void a_user_that_does_not_exist_costs_the_same_verification(void **state)
{
    struct policy *p = policy_here(NULL);
    const char *known = NULL;
    const char *unknown = NULL;
    const char *without = NULL;
    struct gate_subject s = subject("m1", "p", NULL);

    (void)state;
    assert_int_equal(gate_connect(p, &s, &known), GATE_ASK_PASSWORD);
    s = subject("nobody", "p", NULL);
    assert_int_equal(gate_connect(p, &s, &unknown), GATE_ASK_PASSWORD);
    s = subject("nopassword", "p", NULL);
    assert_int_equal(gate_connect(p, &s, &without), GATE_ASK_PASSWORD);
    assert_string_equal(known, VERIFIER);
    assert_string_equal(unknown, password_dummy_verifier());
    assert_string_equal(without, password_dummy_verifier());
    assert_memory_equal(known, unknown, strlen("$argon2id$v=19$m=65536,t=2,p=1$"));
    policy_unref(p);
}

static void nobody_is_anonymous_without_a_role_for_that(void **state)
{
    struct policy *p = policy_here(NULL);
    struct gate_subject s = subject(NULL, NULL, NULL);
    const char *verifier = NULL;

    (void)state;
    s.anonymous_allowed = true;
    assert_int_equal(gate_connect(p, &s, &verifier), GATE_E_NO_CREDENTIALS);
    policy_unref(p);
}

static void a_grant_says_what_its_role_says(void **state)
{
    struct policy *p = policy_here("guest");
    enum gate_outcome outcome;
    struct gate_subject s = subject(NULL, NULL, "m1.grid");
    struct grant *meter = gate_admit(p, &s, &outcome);
    struct grant *boss;
    struct grant *boss_elsewhere;

    (void)state;
    s = subject(NULL, NULL, "boss.grid");
    boss_elsewhere = gate_admit(p, &s, &outcome);
    s.is_control = true;
    boss = gate_admit(p, &s, &outcome);
    policy_unref(p);
    assert_string_equal(grant_role(meter), "meter");
    assert_true(grant_is_critical(meter));
    assert_false(grant_is_control_plane(meter));
    assert_int_equal(grant_messages_per_s_max(meter), 5);
    assert_int_equal(grant_retained_per_client_max(meter), 3);
    assert_int_equal(grant_sessions_per_user_max(meter), 4);
    assert_int_equal(grant_sessions_per_user_max(boss), limits_default.sessions_per_user_max);
    assert_int_equal(grant_retained_per_client_max(boss),
                     20 * limits_default.retained_per_client_max);
    assert_string_equal(grant_role(boss), "operator");
    assert_false(grant_is_critical(boss));
    assert_true(grant_is_control_plane(boss));
    assert_int_equal(grant_messages_per_s_max(boss), limits_default.messages_per_s_max);
    assert_false(grant_is_control_plane(boss_elsewhere));
    grant_free(meter);
    grant_free(boss);
    grant_free(boss_elsewhere);
}

static void user_name_is_the_users_and_never_only_claimed(void **state)
{
    struct policy *p = policy_here("guest");
    enum gate_outcome outcome;
    struct gate_subject s = subject(NULL, NULL, "m1.grid"); /* no user name in CONNECT */
    struct grant *g = gate_admit(p, &s, &outcome);

    (void)state;
    assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("m/c1/m1")).outcome, GATE_ALLOWED);
    assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("m/c1/m2")).outcome, GATE_E_NOT_AUTHORIZED);
    grant_free(g);
    policy_unref(p);
}

static void a_grant_outlives_the_policy_it_came_from(void **state)
{
    struct policy *old = policy_here("guest");
    struct policy *new;
    enum gate_outcome outcome;
    struct gate_subject s = subject(NULL, NULL, "m1.grid");
    struct grant *g = gate_admit(old, &s, &outcome);

    (void)state;
    policy_unref(old);
    new = policy_here(NULL);
    assert_int_equal(gate_check(g, GATE_PUBLISH, BYTES("m/c1/m1")).outcome, GATE_ALLOWED);
    policy_unref(new);
    grant_free(g);
    assert_null(grant_free(NULL));
    assert_null(policy_unref(NULL));
}

static void outcomes_have_reason_codes_and_texts(void **state)
{
    (void)state;
    assert_int_equal(gate_outcome_reason(GATE_ALLOWED), 0);
    assert_int_equal(gate_outcome_reason(GATE_E_BANNED), 0x8a);
    assert_int_equal(gate_outcome_reason(GATE_E_WRONG_PASSWORD), 0x86);
    assert_int_equal(gate_outcome_reason(GATE_E_UNKNOWN_USER),
                     gate_outcome_reason(GATE_E_WRONG_PASSWORD)); /* the peer is not told which */
    assert_int_equal(gate_outcome_reason(GATE_E_DENIED), 0x87);
    assert_string_equal(gate_outcome_text(GATE_E_DENIED), "a rule denies it");
}

static void a_client_id_that_is_another_users_name_is_refused(void **state)
{
    struct policy *p = policy_here("guest");
    struct gate_subject s = subject(NULL, NULL, "m1.grid");
    enum gate_outcome outcome;
    const char *verifier;

    (void)state;
    s.client_id = BYTES("boss");
    assert_int_equal(gate_connect(p, &s, &verifier), GATE_E_CLIENT_ID);
    assert_null(gate_admit(p, &s, &outcome));
    assert_int_equal(outcome, GATE_E_CLIENT_ID);
    s = subject(NULL, NULL, NULL);
    s.anonymous_allowed = true;
    s.client_id = BYTES("boss");
    assert_int_equal(gate_connect(p, &s, &verifier), GATE_E_CLIENT_ID);
    s = subject(NULL, NULL, "m1.grid");
    s.client_id = BYTES("m1"); /* its own */
    assert_int_equal(gate_connect(p, &s, &verifier), GATE_ALLOWED);
    policy_unref(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_id_that_is_another_users_name_is_refused),
        cmocka_unit_test(replies_are_told_a_place_that_the_client_may_read),
        cmocka_unit_test(a_client_is_asked_on_a_topic_of_its_own),
        cmocka_unit_test(who_proves_the_password_need_not_send_it),
        cmocka_unit_test(who_knocks_is_identified_by_certificate_or_password),
        cmocka_unit_test(a_user_that_does_not_exist_costs_the_same_verification),
        cmocka_unit_test(nobody_is_anonymous_without_a_role_for_that),
        cmocka_unit_test(a_grant_says_what_its_role_says),
        cmocka_unit_test(user_name_is_the_users_and_never_only_claimed),
        cmocka_unit_test(a_grant_outlives_the_policy_it_came_from),
        cmocka_unit_test(outcomes_have_reason_codes_and_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
