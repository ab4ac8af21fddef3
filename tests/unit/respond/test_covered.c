/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/respond/test_covered.c - what is in force is neither shortened nor weakened by another
 * order: it is undone first */
#include "stage.h"

#define AT(kind_, target_kind_, target_)                                                           \
    .kind = ACTION_##kind_, .target_kind = TARGET_##target_kind_, .target = (target_),             \
    .reason = "test"
#define FILTER(which) AT(QUARANTINE, TOPIC, "a/#"), .directions = (which)
#define BOTH          (RESPOND_PUBLISH | RESPOND_DELIVER)

static enum respond_answer order(struct stage *s, const struct respond_order *o, const char *author,
                                 const char *says)
{
    enum respond_answer a;
    char *why = NULL;

    a = respond_order_run(s->r, o, author, s->now, &why);
    if (says != NULL && (why == NULL || strstr(why, says) == NULL))
        fail_msg("\"%s\" instead of \"%s\"", why != NULL ? why : "", says);
    free(why);
    return a;
}

/* clang-format off */
static const struct {
    struct respond_order first, then;
    enum respond_answer answer;
    const char *says; /* NULL: nothing more */
} cases[] = {
    {{AT(BAN, CLIENT, "x")}, {AT(BAN, CLIENT, "x"), .for_ms = 5000}, RESPOND_E_COVERED, "in force until undone by admin:anna, as ban: undo it first"},
    {{AT(BAN, CLIENT, "x"), .for_ms = 60000}, {AT(BAN, CLIENT, "x"), .for_ms = 5000}, RESPOND_E_COVERED, "in force until 2026-11-25T"},
    {{AT(BAN, CLIENT, "x"), .for_ms = 5000}, {AT(BAN, CLIENT, "x")}, RESPOND_OK, "in place of what was in force until 2026-11-25T"},
    {{AT(BAN, CLIENT, "x"), .for_ms = 5000}, {AT(BAN, CLIENT, "x"), .for_ms = 5000}, RESPOND_OK, "in place of"},
    {{AT(REVOKE_USER, USER, "x")}, {AT(BAN, USER, "x"), .for_ms = 3000}, RESPOND_E_COVERED, "undo it first"},
    {{AT(REVOKE_CERTIFICATE, CERTIFICATE, "0A")}, {AT(BAN, CERTIFICATE, "0A"), .for_ms = 3000}, RESPOND_E_COVERED, "undo it first"},
    {{FILTER(BOTH)}, {FILTER(RESPOND_DELIVER)}, RESPOND_E_COVERED, "as quarantine both"},
    {{FILTER(BOTH), .for_ms = 5000}, {FILTER(RESPOND_DELIVER)}, RESPOND_OK, NULL},
    {{FILTER(RESPOND_PUBLISH)}, {FILTER(RESPOND_DELIVER)}, RESPOND_OK, NULL},
    {{FILTER(RESPOND_PUBLISH)}, {FILTER(BOTH), .for_ms = 5000}, RESPOND_OK, NULL},
    {{AT(POSTURE, NODE, "node"), .amount = POSTURE_LOCKDOWN}, {AT(POSTURE, NODE, "node"), .amount = POSTURE_ELEVATED, .for_ms = 60000}, RESPOND_E_COVERED, "as posture lockdown"},
    {{AT(POSTURE, NODE, "node"), .amount = POSTURE_ELEVATED}, {AT(POSTURE, NODE, "node"), .amount = POSTURE_LOCKDOWN, .for_ms = 60000}, RESPOND_OK, NULL},
    {{AT(THROTTLE, CLIENT, "x"), .amount = 5}, {AT(THROTTLE, CLIENT, "x"), .amount = 50}, RESPOND_E_COVERED, "as throttle 5/s"},
    {{AT(THROTTLE, CLIENT, "x"), .amount = 50}, {AT(THROTTLE, CLIENT, "x"), .amount = 5, .for_ms = 5000}, RESPOND_OK, NULL},
    {{AT(THROTTLE, CLIENT, "x"), .amount = 5, .for_ms = 5000}, {AT(THROTTLE, CLIENT, "x"), .amount = 5}, RESPOND_OK, "in place of"},
    {{AT(DELAY, ADDRESS, "192.0.2.1"), .amount = 500, .for_ms = 60000}, {AT(DELAY, ADDRESS, "192.0.2.1"), .amount = 100, .for_ms = 60000}, RESPOND_E_COVERED, "as delay 500 ms for 1m"},
    {{AT(FIREWALL, ADDRESS, "192.0.2.1"), .for_ms = 60000}, {AT(FIREWALL, ADDRESS, "192.0.2.1"), .for_ms = 5000}, RESPOND_E_COVERED, "undo it first"},
    {{AT(HOLD, CLIENT, "x"), .for_ms = 60000}, {AT(HOLD, CLIENT, "x"), .for_ms = 5000}, RESPOND_E_COVERED, "undo it first"},
};
/* clang-format on */

static void what_is_in_force_is_neither_shortened_nor_weakened(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct respond_order *then = &cases[i].then;
        struct stage s;
        char *covered;

        print_message("  case %zu: %s\n", i, action_kind_text(then->kind));
        stage_begin(&s);
        assert_int_equal(order(&s, &cases[i].first, "admin:anna", NULL), RESPOND_OK);
        s.n_did = 0;
        covered = respond_order_covered(s.r, then, s.now);
        assert_int_equal(covered != NULL, cases[i].answer == RESPOND_E_COVERED);
        free(covered);
        assert_int_equal(order(&s, then, "admin:bob", cases[i].says), cases[i].answer);
        if (cases[i].answer == RESPOND_E_COVERED)
            assert_did_nothing(&s);
        stage_end(&s);
    }
}

/* What was in force until then is so again when the stronger one is over, also after a restart. */
static void a_stronger_one_ends_and_leaves_what_was_before(void **state)
{
    const struct respond_order elevated = {AT(POSTURE, NODE, "node"), .amount = POSTURE_ELEVATED};
    const struct respond_order lockdown = {AT(POSTURE, NODE, "node"), .amount = POSTURE_LOCKDOWN,
                                           .for_ms = 60000};
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(order(&s, &elevated, "admin:anna", NULL), RESPOND_OK);
    assert_int_equal(order(&s, &lockdown, "admin:bob", NULL), RESPOND_OK);
    assert_did(&s, "posture elevated", "posture lockdown");
    stage_restart(&s);
    assert_int_equal(respond_measures(s.r, ACTION_POSTURE), 2);
    stage_wait(&s, 61);
    assert_did(&s, "posture elevated");
    stage_restart(&s);
    assert_int_equal(respond_measures(s.r, ACTION_POSTURE), 1);
    stage_end(&s);
}

static void an_approval_shortens_nothing_and_its_rollback_lifts_nothing(void **state)
{
    const struct respond_order for_good = {AT(BAN, ADDRESS, "203.0.113.9")};
    struct stage s;
    unsigned n_held = 0, n_done = 0, n_undone = 0;

    (void)state;
    stage_begin(&s);
    s.at_address = 1; /* so that it waits */
    stage_find_guesser(&s, "203.0.113.9");
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_HELD);
    assert_int_equal(order(&s, &for_good, "admin:anna", NULL), RESPOND_OK);
    assert_int_equal(
        respond_incident_approve(s.r, stage_incident(&s)->id, "admin:bob", s.now, &n_held, &n_done),
        RESPOND_OK);
    assert_true(n_held > n_done);
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_COVERED);
    assert_non_null(strstr(action_of(stage_incident(&s), ACTION_BAN)->why_not,
                           "in force until undone by admin:anna"));
    (void)respond_incident_rollback(s.r, stage_incident(&s)->id, "admin:bob", s.now, &n_undone,
                                    &(char *){NULL});
    assert_int_equal(respond_bans(s.r), 1);
    stage_end(&s);
}

/* A detector's ban of who is banned by a person already: held, and approved. */
static void approve_a_ban(struct stage *s, const char *address)
{
    unsigned n_held = 0, n_done = 0;

    s->at_address = 1; /* so that it waits */
    stage_find_guesser(s, address);
    assert_int_equal(respond_incident_approve(s->r, stage_incident(s)->id, "admin:bob", s->now,
                                              &n_held, &n_done),
                     RESPOND_OK);
    assert_int_equal(action_of(stage_incident(s), ACTION_BAN)->state, ACTION_DONE);
}

static void roll_back(struct stage *s)
{
    unsigned n_undone = 0;
    char *why = NULL;

    assert_int_equal(respond_incident_rollback(s->r, stage_incident(s)->id, "admin:bob", s->now,
                                               &n_undone, &why),
                     RESPOND_OK);
    assert_null(why);
}

static void what_a_person_banned_outlives_a_longer_ban_that_is_rolled_back(void **state)
{
    const struct respond_order shorter = {AT(BAN, ADDRESS, "203.0.113.9"), .for_ms = 60000};
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(order(&s, &shorter, "admin:anna", NULL), RESPOND_OK);
    approve_a_ban(&s, "203.0.113.9");
    assert_did(&s, "ban address 203.0.113.9 - 60", "ban address 203.0.113.9 - 600");
    stage_restart(&s);
    assert_int_equal(respond_bans(s.r), 2);
    roll_back(&s);
    assert_did(&s, "unban address 203.0.113.9 -");
    stage_restart(&s);
    assert_int_equal(respond_bans(s.r), 1);
    stage_wait(&s, 59);
    assert_did_nothing(&s);
    stage_wait(&s, 1);
    assert_did(&s, "unban address 203.0.113.9 -");
    stage_end(&s);
}

static void what_a_person_orders_stands_beside_what_a_detector_did(void **state)
{
    const struct respond_order shorter = {AT(BAN, ADDRESS, "203.0.113.9"), .for_ms = 60000};
    struct stage s;
    char *covered;

    (void)state;
    stage_begin(&s);
    stage_find_guesser(&s, "203.0.113.9");
    covered = respond_order_covered(s.r, &shorter, s.now);
    assert_null(covered);
    assert_int_equal(order(&s, &shorter, "admin:anna",
                           "beside what is in force until 2026-11-25T11:10:00.000Z by "
                           "detector:repeated-auth-failures, as ban for 10m"),
                     RESPOND_OK);
    assert_did(&s, "ban address 203.0.113.9 - 600", "ban address 203.0.113.9 - 60");
    roll_back(&s);
    assert_int_equal(respond_bans(s.r), 1);
    stage_wait(&s, 60);
    assert_int_equal(respond_bans(s.r), 0);
    stage_end(&s);
}

/* Neither keeps the other from what it is for: a ban that ends soon does not shield from one that
 * has been earned, and one that lasts is not told again. */
static void a_finding_bans_beside_a_person_who_banned_for_less(void **state)
{
    const struct respond_order shorter = {AT(BAN, ADDRESS, "203.0.113.9"), .for_ms = 60000};
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(order(&s, &shorter, "admin:anna", NULL), RESPOND_OK);
    stage_find_guesser(&s, "203.0.113.9");
    stage_wait(&s, 10);
    stage_find_guesser(&s, "203.0.113.9");
    assert_did(&s, "ban address 203.0.113.9 - 60", "ban address 203.0.113.9 - 600");
    assert_int_equal(respond_bans(s.r), 2);
    stage_end(&s);
}

static void undoing_a_ban_lifts_all_of_it_and_every_incident_shows_that(void **state)
{
    const struct respond_order shorter = {AT(BAN, ADDRESS, "203.0.113.9"), .for_ms = 60000};
    struct stage s;
    char *why = NULL;

    (void)state;
    stage_begin(&s);
    assert_int_equal(order(&s, &shorter, "admin:anna", NULL), RESPOND_OK);
    stage_find_guesser(&s, "203.0.113.9");
    s.n_did = 0;
    assert_int_equal(respond_order_undo(s.r, &shorter, "admin:bob", s.now, &why), RESPOND_OK);
    assert_null(why);
    assert_did(&s, "unban address 203.0.113.9 -", "unban address 203.0.113.9 -");
    assert_int_equal(respond_bans(s.r), 0);
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_UNDONE);
    stage_end(&s);
}

/* clang-format off */
static const struct {
    enum subject_kind subject; /* whom a detector finds, and what it does */
    const char *name;
    const char *step;
    struct respond_order order; /* what a person orders beside it, though it is weaker */
    const char *left; /* what the node is told when the detector's is rolled back */
} beside[] = {
    {SUBJECT_CLIENT, "m-1", "throttle 5 1h", {AT(THROTTLE, CLIENT_ADDRESS, "m-1"), .address = "192.0.2.7", .amount = 50, .for_ms = 60000}, "restrain"},
    {SUBJECT_CLIENT, "m-1", "hold 1h", {AT(HOLD, CLIENT_ADDRESS, "m-1"), .address = "192.0.2.7", .for_ms = 60000}, "restrain"},
    {SUBJECT_CLIENT, "m-1", "quarantine a/# both 1h", {FILTER(RESPOND_PUBLISH), .for_ms = 60000}, "restrain"},
    {SUBJECT_ADDRESS, "192.0.2.7", "firewall 1h", {AT(FIREWALL, ADDRESS, "192.0.2.7"), .for_ms = 60000}, "firewall 192.0.2.7 60"},
    {SUBJECT_CLIENT, "m-1", "posture lockdown 1h", {AT(POSTURE, NODE, "node"), .amount = POSTURE_ELEVATED, .for_ms = 60000}, "posture elevated"},
};
/* clang-format on */

static void what_a_person_took_outlives_the_rollback_of_what_was_stronger(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(beside); i++) {
        char *step = (char *)(uintptr_t)beside[i].step;
        const struct respond_play play = {
            .subject = SUBJECT_KIND_N, .severity = SEVERITY_HIGH, .steps = &step, .n_steps = 1};
        struct stage s;

        print_message("  %s\n", step);
        stage_begin(&s);
        s.settings.has_firewall = true;
        s.settings.plays = &play;
        s.settings.n_plays = 1;
        stage_restart(&s);
        stage_find(&s, "topic-scan-publish", SEVERITY_HIGH, beside[i].subject, beside[i].name);
        assert_int_equal(respond_measures(s.r, beside[i].order.kind), 1);
        assert_int_equal(order(&s, &beside[i].order, "admin:anna", "beside what is in force"),
                         RESPOND_OK);
        s.n_did = 0;
        roll_back(&s);
        assert_did(&s, beside[i].left);
        assert_int_equal(respond_measures(s.r, beside[i].order.kind), 1);
        stage_wait(&s, 60);
        assert_int_equal(respond_measures(s.r, beside[i].order.kind), 0);
        stage_end(&s);
    }
}

/* The ward is away: what it drops, it drops until the time is over. */
static void what_cannot_be_undone_is_in_force_still(void **state)
{
    const struct respond_order block = {AT(FIREWALL, ADDRESS, "192.0.2.1"), .for_ms = 60000};
    struct stage s;
    char *why = NULL;

    (void)state;
    stage_begin(&s);
    assert_int_equal(order(&s, &block, "admin:anna", NULL), RESPOND_OK);
    s.firewall_says = "nobody is there";
    assert_int_equal(respond_order_undo(s.r, &block, "admin:anna", s.now, &why),
                     RESPOND_E_CONFLICT);
    assert_string_equal(why,
                        "nobody is there; it is lifted as soon as that can be done, and ends by "
                        "itself at 2026-11-25T11:01:00.000Z");
    free(why);
    assert_int_equal(respond_measures(s.r, ACTION_FIREWALL), 1);
    stage_end(&s);
}

static void a_longer_block_that_cannot_be_had_leaves_the_one_that_is(void **state)
{
    const struct respond_order block = {AT(FIREWALL, ADDRESS, "192.0.2.1"), .for_ms = 60000};
    const struct respond_order longer = {AT(FIREWALL, ADDRESS, "192.0.2.1"), .for_ms = 600000};
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(order(&s, &block, "admin:anna", NULL), RESPOND_OK);
    s.firewall_says = "nobody is there";
    assert_int_equal(order(&s, &longer, "admin:anna", "nobody is there"), RESPOND_E_CONFLICT);
    assert_int_equal(respond_measures(s.r, ACTION_FIREWALL), 1);
    stage_restart(&s);
    assert_int_equal(respond_measures(s.r, ACTION_FIREWALL), 1);
    stage_wait(&s, 60);
    assert_int_equal(respond_measures(s.r, ACTION_FIREWALL), 0);
    stage_end(&s);
}

static void read_undo(void *arg, const struct respond_measure *m)
{
    snprintf(arg, 64, "%s", m->undo_by != NULL ? m->undo_by : "-");
}

/* A detector's block, by a play, and a person's order of 60 s beside it or none. */
static void begin_blocked(struct stage *s, bool has_order)
{
    static char step[] = "firewall 1h";
    static char *steps[] = {step};
    static const struct respond_play play = {
        .subject = SUBJECT_KIND_N, .severity = SEVERITY_HIGH, .steps = steps, .n_steps = 1};
    const struct respond_order block = {AT(FIREWALL, ADDRESS, "192.0.2.7"), .for_ms = 60000};

    stage_begin(s);
    s->settings.has_firewall = true;
    s->settings.plays = &play;
    s->settings.n_plays = 1;
    stage_restart(s);
    stage_find_guesser(s, "192.0.2.7");
    if (has_order)
        assert_int_equal(order(s, &block, "admin:anna", NULL), RESPOND_OK);
    s->n_did = 0;
}

static void roll_back_in_vain(struct stage *s)
{
    unsigned n = 0;
    char *why = NULL;

    s->firewall_says = "nobody is there";
    assert_int_equal(
        respond_incident_rollback(s->r, stage_incident(s)->id, "admin:bob", s->now, &n, &why),
        RESPOND_E_CONFLICT);
    assert_string_equal(why, "firewall of address 192.0.2.7 is in force still: nobody is there; it "
                             "is lifted as soon as that can be done, and ends by itself at "
                             "2026-11-25T12:00:00.000Z");
    free(why);
    assert_int_equal(n, 0);
    assert_int_equal(action_of(stage_incident(s), ACTION_FIREWALL)->state, ACTION_DONE);
    s->n_did = 0;
}

static void a_block_that_was_undone_in_vain_is_lifted_when_that_can_be_done(void **state)
{
    struct stage s;
    char undo_by[64] = "";

    (void)state;
    for (unsigned restarted = 0; restarted < 2; restarted++) {
        begin_blocked(&s, false);
        roll_back_in_vain(&s);
        if (restarted)
            stage_restart(&s);
        respond_measures_each(s.r, read_undo, undo_by);
        assert_string_equal(undo_by, "admin:bob");
        respond_measures_resume(s.r, BIT(ACTION_FIREWALL), s.now);
        assert_did_nothing(&s); /* nobody wants it blocked again */
        respond_measures_settle(s.r, s.now);
        assert_did(&s, "firewall 192.0.2.7 0");
        assert_int_equal(respond_measures(s.r, ACTION_FIREWALL), 1);
        s.firewall_says = NULL;
        respond_measures_settle(s.r, s.now);
        assert_did(&s, "firewall 192.0.2.7 0");
        assert_int_equal(respond_measures(s.r, ACTION_FIREWALL), 0);
        assert_int_equal(action_of(stage_incident(&s), ACTION_FIREWALL)->state, ACTION_UNDONE);
        assert_string_equal(action_of(stage_incident(&s), ACTION_FIREWALL)->undone_by, "admin:bob");
        stage_end(&s);
    }
}

static void what_a_person_ordered_is_left_when_a_block_is_lifted_late(void **state)
{
    struct stage s;

    (void)state;
    begin_blocked(&s, true);
    roll_back_in_vain(&s);
    s.firewall_says = NULL;
    respond_measures_settle(s.r, s.now);
    assert_did(&s, "firewall 192.0.2.7 60");
    assert_int_equal(respond_measures(s.r, ACTION_FIREWALL), 1);
    stage_end(&s);
}

static void a_new_order_takes_the_place_of_a_block_that_was_undone_in_vain(void **state)
{
    const struct respond_order shorter = {AT(FIREWALL, ADDRESS, "192.0.2.7"), .for_ms = 30000};
    struct stage s;
    char *why = NULL;
    char undo_by[64] = "";

    (void)state;
    begin_blocked(&s, true);
    s.firewall_says = "nobody is there";
    assert_int_equal(respond_order_undo(s.r, &shorter, "admin:bob", s.now, &why),
                     RESPOND_E_CONFLICT);
    free(why);
    s.firewall_says = NULL;
    assert_int_equal(order(&s, &shorter, "admin:anna", NULL), RESPOND_OK);
    s.n_did = 0;
    respond_measures_settle(s.r, s.now);
    assert_did(&s, "firewall 192.0.2.7 30");
    respond_measures_each(s.r, read_undo, undo_by);
    assert_string_equal(undo_by, "-");
    assert_int_equal(respond_measures(s.r, ACTION_FIREWALL), 1);
    stage_end(&s);
}

static void a_posture_that_is_not_prepared_fails(void **state)
{
    char lockdown[] = "posture lockdown 1h";
    char *steps[] = {lockdown};
    const struct respond_play play = {
        .subject = SUBJECT_KIND_N, .severity = SEVERITY_HIGH, .steps = steps, .n_steps = 1};
    struct stage s;

    (void)state;
    stage_begin(&s);
    s.settings.plays = &play;
    s.settings.n_plays = 1;
    respond_settings_change(s.r, &s.settings);
    s.posture_says = "nothing would change";
    stage_find_high(&s, "m-1");
    assert_int_equal(action_of(stage_incident(&s), ACTION_POSTURE)->state, ACTION_FAILED);
    assert_non_null(
        strstr(action_of(stage_incident(&s), ACTION_POSTURE)->why_not, "nothing would change"));
    assert_int_equal(respond_measures(s.r, ACTION_POSTURE), 0);
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_force_is_neither_shortened_nor_weakened),
        cmocka_unit_test(a_stronger_one_ends_and_leaves_what_was_before),
        cmocka_unit_test(an_approval_shortens_nothing_and_its_rollback_lifts_nothing),
        cmocka_unit_test(what_a_person_banned_outlives_a_longer_ban_that_is_rolled_back),
        cmocka_unit_test(what_a_person_orders_stands_beside_what_a_detector_did),
        cmocka_unit_test(a_finding_bans_beside_a_person_who_banned_for_less),
        cmocka_unit_test(undoing_a_ban_lifts_all_of_it_and_every_incident_shows_that),
        cmocka_unit_test(what_a_person_took_outlives_the_rollback_of_what_was_stronger),
        cmocka_unit_test(what_cannot_be_undone_is_in_force_still),
        cmocka_unit_test(a_longer_block_that_cannot_be_had_leaves_the_one_that_is),
        cmocka_unit_test(a_block_that_was_undone_in_vain_is_lifted_when_that_can_be_done),
        cmocka_unit_test(what_a_person_ordered_is_left_when_a_block_is_lifted_late),
        cmocka_unit_test(a_new_order_takes_the_place_of_a_block_that_was_undone_in_vain),
        cmocka_unit_test(a_posture_that_is_not_prepared_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
