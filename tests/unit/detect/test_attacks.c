/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/detect/test_attacks.c - each detector finds its attack within the stated count or
 * time, and is silent for the benign ones that its rule names
 */
#include "acts.h"

/* clang-format off */
static const struct {
    const char *detector;
    act_fn *act;
    unsigned silent;  /* so many are nothing */
    unsigned found;   /* so many are found */
    enum severity severity;
    const char *subject;
} attacks[] = {
    {"connection-flood",         connections_to_nothing,      25,   31,   SEVERITY_MEDIUM,   "198.51.100.9"},
    {"connection-flood",         connections_to_nothing,      25,   125,  SEVERITY_HIGH,     "198.51.100.9"},
    {"abnormal-termination",     drops_fast,                  7,    11,   SEVERITY_LOW,      "m-1"},
    {"abnormal-termination",     drops_fast,                  7,    20,   SEVERITY_MEDIUM,   "m-1"},
    {"client-unavailable",       silence,                     160,  240,  SEVERITY_LOW,      "m-1"},
    {"client-unavailable",       is_asked_in_vain,            2,    3,    SEVERITY_HIGH,     "m-1"},
    {"client-unavailable",       silence_after_goodbye,       1900, 2060, SEVERITY_LOW,      "m-1"},
    {"credential-stuffing",      names_from_one_address,      4,    6,    SEVERITY_HIGH,     "203.0.113.9"},
    {"undeliverable-messages",   unread_messages,             40,   60,   SEVERITY_LOW,      "m-1"},
    {"silent-client",            says_nothing,                890,  910,  SEVERITY_LOW,      "m-1"},
    {"connection-pileup",        held_connections,            9,    10,   SEVERITY_MEDIUM,   "192.0.2.1"},
    {"connection-pileup",        held_connections,            9,    50,   SEVERITY_HIGH,     "192.0.2.1"},
    {"connection-pileup",        held_connections,            9,    40,   SEVERITY_HIGH,     "192.0.2.1"}, /* of 400 */
    {"slow-connect",             slow_connects,               4,    5,    SEVERITY_MEDIUM,   "198.51.100.9"},
    {"slow-connect",             slow_connects,               4,    20,   SEVERITY_HIGH,     "198.51.100.9"},
    {"keepalive-abuse",          endless_keep_alive,          4,    5,    SEVERITY_MEDIUM,   "192.0.2.1"},
    {"client-id-takeover-war",   takeover_war,                2,    3,    SEVERITY_HIGH,     "m-1"},
    {"client-id-takeover-war",   takeover_war_after_an_ordinary_end, 2, 3, SEVERITY_HIGH,    "m-1"},
    {"session-hoarding",         made_up_sessions,            14,   25,   SEVERITY_MEDIUM,   "192.0.2.1"},
    {"session-hoarding",         node_has_no_more_sessions,   0,    1,    SEVERITY_HIGH,     "fleet"},
    {"session-hoarding",         user_has_no_more_sessions,   0,    1,    SEVERITY_LOW,      "scribbler"},
    {"session-hoarding",         nobody_has_no_more_sessions, 0,    1,    SEVERITY_LOW,      "192.0.2.1"},
    {"protocol-downgrade",       weaker_means,                0,    1,    SEVERITY_MEDIUM,   "m-1"},
    {"protocol-downgrade",       older_version,               0,    1,    SEVERITY_LOW,      "m-1"},
    {"malformed-packets",        garbage,                     4,    5,    SEVERITY_MEDIUM,   "198.51.100.9"},
    {"malformed-packets",        garbage,                     4,    15,   SEVERITY_HIGH,     "198.51.100.9"},
    {"property-abuse",           properties,                  0,    1,    SEVERITY_LOW,      "m-1"},
    {"property-abuse",           properties,                  0,    3,    SEVERITY_MEDIUM,   "m-1"},
    {"topic-depth-abuse",        deep_topics,                 0,    1,    SEVERITY_LOW,      "m-1"},
    {"topic-depth-abuse",        long_topics,                 0,    3,    SEVERITY_MEDIUM,   "m-1"},
    {"oversize-payload",         large_payloads,              0,    1,    SEVERITY_LOW,      "m-1"},
    {"oversize-payload",         payloads_larger_than_ever,   0,    3,    SEVERITY_MEDIUM,   "m-1"},
    {"qos2-inflight-exhaustion", open_qos2,                   19,   20,   SEVERITY_MEDIUM,   "m-1"},
    {"qos2-inflight-exhaustion", opens_many_qos2,             49,   50,   SEVERITY_MEDIUM,   "m-1"},
    {"slow-consumer",            large_queue,                 8191, 8192, SEVERITY_MEDIUM,   "m-1"},
    {"slow-consumer",            growing_queue,               499,  500,  SEVERITY_LOW,      "m-1"},
    {"slow-consumer",            growing_queue,               499,  1000, SEVERITY_MEDIUM,   "m-1"},
    {"slow-consumer",            takes_nothing,               60,   100,  SEVERITY_MEDIUM,   "m-1"},
    {"bad-certificate",          certificate_of_one_who_is_here, 0, 1,    SEVERITY_HIGH,     "198.51.100.9"},
    {"bad-certificate",          comes_again_with_an_old_certificate, 0, 1, SEVERITY_MEDIUM, "192.0.2.1"},
    {"bad-certificate",          bad_certificates,            0,    1,    SEVERITY_MEDIUM,   "198.51.100.9"},
    {"bad-certificate",          bad_certificates,            0,    3,    SEVERITY_HIGH,     "198.51.100.9"},
    {"bad-certificate",          certificates_of_a_stranger,  0,    1,    SEVERITY_MEDIUM,   "198.51.100.9"},
    {"bad-certificate",          revoked_certificates,        0,    1,    SEVERITY_HIGH,     "198.51.100.9"},
    {"source-change",            from_elsewhere,              0,    1,    SEVERITY_LOW,      "m-1"},
    {"source-change",            a_fixed_one_from_elsewhere,  0,    1,    SEVERITY_MEDIUM,   "m-1"},
    {"source-change",            is_in_two_places,            3,    7,    SEVERITY_MEDIUM,   "m-1"},
    {"retained-poisoning",       retained_of_another,         0,    1,    SEVERITY_MEDIUM,   "m-1"},
    {"retained-poisoning",       retained_alarm_cleared,      0,    1,    SEVERITY_HIGH,     "m-1"},
    {"retained-flood",           retained_topics,             49,   50,   SEVERITY_MEDIUM,   "m-1"},
    {"retained-flood",           retained_topics,             49,   200,  SEVERITY_HIGH,     "m-1"},
    {"retained-flood",           store_of_retained_is_full,   0,    1,    SEVERITY_HIGH,     "fleet"},
    {"retained-flood",           quota_of_retained_is_full,   0,    1,    SEVERITY_LOW,      "m-1"},
    {"retained-flood",           many_retain_a_little,        12,   13,   SEVERITY_LOW,      "fleet"},
    {"publish-flood",            floods,                      5,    9,    SEVERITY_MEDIUM,   "m-1"},
    {"publish-flood",            floods,                      5,    37,   SEVERITY_HIGH,     "m-1"},
    {"publish-rate-anomaly",     thirty_times_its_rate,       30,   45,   SEVERITY_LOW,      "m-1"},
    {"publish-rate-anomaly",     sixty_times_its_rate,        15,   45,   SEVERITY_MEDIUM,   "m-1"},
    {"new-topic-for-client",     new_topics,                  2,    3,    SEVERITY_LOW,      "m-1"},
    {"payload-shape-drift",      another_shape,               2,    3,    SEVERITY_LOW,      "m-1"},
    {"payload-shape-drift",      another_shape_and_entropy,   2,    3,    SEVERITY_MEDIUM,   "m-1"},
    {"spoofed-report",           speaks_for_a_meter,          0,    1,    SEVERITY_MEDIUM,   "m-1"},
    {"spoofed-report",           speaks_for_an_actuator,      0,    1,    SEVERITY_HIGH,     "m-1"},
    {"unauthorized-command",     forbidden_command,           0,    1,    SEVERITY_HIGH,     "m-1"},
    {"brute-force-io",           commands_in_a_hurry,         28,   31,   SEVERITY_HIGH,     "m-1"},
    {"brute-force-io",           commands_in_a_hurry_that_are_held, 28, 31, SEVERITY_HIGH,   "m-1"},
    {"brute-force-io",           commands_everywhere,         16,   24,   SEVERITY_HIGH,     "m-1"},
    {"message-replay",           replays,                     0,    1,    SEVERITY_HIGH,     "m-1"},
    {"message-replay",           wrong_clock,                 0,    1,    SEVERITY_LOW,      "m-1"},
    {"will-abuse",               will_to_command,             0,    1,    SEVERITY_HIGH,     "m-1"},
    {"will-abuse",               wills_that_fire,             4,    5,    SEVERITY_MEDIUM,   "m-1"},
    {"subscription-bomb",        subscribes_without_end,      99,   102,  SEVERITY_MEDIUM,   "m-1"},
    {"subscription-bomb",        too_many_subscriptions,      0,    1,    SEVERITY_HIGH,     "m-1"},
    {"wildcard-snoop",           listens_to_all,              0,    1,    SEVERITY_MEDIUM,   "m-1"},
    {"wildcard-snoop",           listens_to_a_large_part,     8,    12,   SEVERITY_MEDIUM,   "m-2"},
    {"sys-recon",                asks_for_sys,                0,    1,    SEVERITY_LOW,      "m-1"},
    {"sys-recon",                asks_for_sys,                0,    3,    SEVERITY_MEDIUM,   "m-1"},
    {"acl-violations",           is_refused,                  9,    10,   SEVERITY_LOW,      "m-1"},
    {"acl-violations",           is_refused,                  9,    30,   SEVERITY_MEDIUM,   "m-1"},
    {"shared-subscription-steal", joins_others,               0,    1,    SEVERITY_MEDIUM,   "m-1"},
    {"exfil-volume",             moves_out,                   9,    20,   SEVERITY_MEDIUM,   "m-1"},
    {"beaconing",                beacons_to_a_master,         9,    10,   SEVERITY_LOW,      "m-1"},
    {"reconnect-storm",          all_come_back,               17,   24,   SEVERITY_INFO,     "fleet"},
    {"mass-disconnect",          power_cut,                   9,    10,   SEVERITY_MEDIUM,   "fleet"},
    {"mass-disconnect",          uplink_of_a_site_is_cut,     9,    10,   SEVERITY_HIGH,     "fleet"},
    {"default-credentials",      default_names,               2,    3,    SEVERITY_MEDIUM,   "203.0.113.9"},
    {"default-credentials",      default_password,            0,    1,    SEVERITY_CRITICAL, "m-1"},
    {"consumer-outage",          dead_consumer,               2,    4,    SEVERITY_MEDIUM,   "fleet"},
    {"rollout-observed",         rolls_out,                   4,    7,    SEVERITY_INFO,     "fleet"},
    {"inspection-overdue",       overdue,                     0,    1,    SEVERITY_LOW,      "Meter 17"},
    {"retired-device",           is_here_and_retired,         0,    1,    SEVERITY_HIGH,     "m-1"},
    {"store-fault",              store_has_faults,            0,    1,    SEVERITY_HIGH,     "fleet"},
    {"certificate-expiry",       certificates_end_soon,       0,    1,    SEVERITY_LOW,      "fleet"},
    {"certificate-expiry",       certificates_are_over,       0,    1,    SEVERITY_HIGH,     "fleet"},
};

/* What a rule names as benign. */
static const struct {
    const char *detector;
    act_fn *act;
    unsigned n;
} benign[] = {
    {"connection-flood",         productive_reconnects,                         300},
    {"abnormal-termination",     drops_each_4_min,                              100},
    {"client-unavailable",       silence_of_one_who_speaks_in_waves,            7200},
    {"client-unavailable",       answers_when_asked,                           60},
    {"credential-stuffing",      outdated_passwords_of_many_behind_one_address, 60},
    {"undeliverable-messages",   messages_that_are_mostly_read,                 400},
    {"silent-client",            says_nothing_as_announced,                     2600},
    {"silent-client",            says_nothing_as_a_standby,                     7200},
    {"connection-pileup",        battery_sensors,                               60},
    {"keepalive-abuse",          battery_sensors,                               60},
    {"slow-connect",             full_node,                                     50},
    {"client-id-takeover-war",   roaming,                                       40},
    {"repeated-connection",      takeover_war,                                  60},
    {"session-hoarding",         new_fleet,                                     200},
    {"protocol-downgrade",       better_means,                                  20},
    {"malformed-packets",        garbage_now_and_then,                          60},
    {"property-abuse",           protocol_errors_of_other_kinds,               20},
    {"topic-depth-abuse",        usual_topics,                                  20},
    {"oversize-payload",         firmware,                                      20},
    {"qos2-inflight-exhaustion", open_qos2_for_a_moment,                        40},
    {"slow-consumer",            growing_queue,                                499},
    {"slow-consumer",            is_gone_and_more_waits,                        600},
    {"slow-consumer",            acknowledges_slowly,                           600},
    {"session-hoarding",         node_has_other_limits,                         20},
    {"retained-flood",           node_has_other_limits,                         20},
    {"retained-flood",           new_fleet_announces_itself,                    60},
    {"retained-flood",           few_retain_in_an_empty_store,                  12},
    {"retained-flood",           many_retain_a_little_of_much,                  24},
    {"bad-certificate",          certificates_that_the_node_cannot_check,       20},
    {"bad-certificate",          plain_bytes,                                   20},
    {"source-change",            from_the_same_site,                            20},
    {"source-change",            fails_over_now_and_then,                      40},
    {"retained-poisoning",       retained_of_a_peer,                            20},
    {"retained-flood",           discovery_at_boot,                             240},
    {"publish-flood",            backfills,                                     500},
    {"publish-rate-anomaly",     what_it_owes_after_an_outage,                  360},
    {"new-topic-for-client",     new_numbers_on_its_topics,                     30},
    {"new-topic-for-client",     rolls_out,                                     10},
    {"payload-shape-drift",      shapes_that_change_all_the_time,               100},
    {"spoofed-report",           shared_topics,                                 100},
    {"unauthorized-command",     commands_that_are_its_job,                    30},
    {"brute-force-io",           commands_as_usual,                             200},
    {"message-replay",           numbered_commands,                             5000},
    {"will-abuse",               own_wills,                                     30},
    {"subscription-bomb",        subscribes_again,                              600},
    {"wildcard-snoop",           dashboard,                                     20},
    {"wildcard-snoop",           historian_listens_to_a_large_part,            40},
    {"sys-recon",                monitor_reads_sys,                             20},
    {"acl-violations",           is_refused_now_and_then,                       60},
    {"shared-subscription-steal", joins_its_own,                                40},
    {"exfil-volume",             moves_a_picture,                               20},
    {"beaconing",                regular_telemetry,                             60},
    {"reconnect-storm",          all_come_for_the_first_time,                   100},
    {"reconnect-storm",          all_come_back_in_vain,                         60},
    {"mass-disconnect",          few_of_many_are_cut,                           15},
    {"mass-disconnect",          are_cut_one_after_another,                     20},
    {"default-credentials",      good_passwords,                                20},
    {"rollout-observed",         rolls_out,                                     3},
    {"inspection-overdue",       is_inspected_in_time,                          1},
    {"retired-device",           a_spare_is_tried,                              1},
    {"retired-device",           a_retired_one_is_away,                          1},
    {"client-unavailable",       is_silent_in_maintenance,                      7200},
    {"store-fault",              store_is_mended,                               1},
    {"certificate-expiry",       certificates_are_renewed,                      1},
    {"consumer-outage",          consumer_to_come,                              40},
};
/* clang-format on */

static bool was_found(const struct scene *s, enum severity severity, const char *subject)
{
    for (unsigned i = 0; i < s->n_found; i++) {
        if (s->found[i].state != FINDING_CLOSED && s->found[i].severity == severity &&
            strcmp(s->found[i].subject, subject) == 0)
            return true;
    }
    return false;
}

static void an_attack_is_found_within_the_stated_count(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(attacks); i++) {
        struct scene s;

        print_message("  %s: %u\n", attacks[i].detector, attacks[i].found);
        scene_begin(&s, 1, 0);
        s.only = attacks[i].detector;
        attacks[i].act(&s, attacks[i].silent);
        assert_int_equal(s.n_found, 0);
        scene_end(&s);

        scene_begin(&s, 1, 0);
        s.only = attacks[i].detector;
        attacks[i].act(&s, attacks[i].found);
        if (!was_found(&s, attacks[i].severity, attacks[i].subject))
            fail_msg("%s: not found", attacks[i].detector);
        scene_end(&s);
    }
}

/* It is at home who had the session first, or shows a certificate when the other one has none. */
static void a_takeover_war_is_told_of_the_newcomer_s_address(void **state)
{
    static const struct {
        act_fn *act;
        const char *newcomer;
    } wars[] = {{takeover_war, "203.0.113.9"},
                {takeover_war_by_one_with_a_certificate, "192.0.2.1"}};

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(wars); i++) {
        struct scene s;

        scene_begin(&s, 1, 0);
        s.only = "client-id-takeover-war";
        wars[i / 2].act(&s, 3 + i % 2); /* whoever of the two took it back last */
        assert_true(s.n_found > 0);
        assert_string_equal(s.found[0].address, wars[i / 2].newcomer);
        assert_false(s.found[0].alert_only);
        scene_end(&s);
    }
}

static void what_a_rule_names_as_benign_is_silent(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(benign); i++) {
        struct scene s;

        print_message("  %s: %u\n", benign[i].detector, benign[i].n);
        scene_begin(&s, 1, 0);
        s.only = benign[i].detector;
        benign[i].act(&s, benign[i].n);
        if (s.n_found > 0)
            fail_msg("%s: %s", s.found[0].kind, s.found[0].subject);
        scene_end(&s);
    }
}

/* One attack with @o in the configuration. */
static void attack_with(struct scene *s, size_t i, struct detect_override o)
{
    char name[64];

    snprintf(name, sizeof(name), "%s", attacks[i].detector);
    o.detector = name;
    scene_begin_with(s, 1, 0, &o, 1);
    s->only = attacks[i].detector;
    attacks[i].act(s, attacks[i].found);
}

/* What an earlier run has told of ends with the first look of this one. */
static void what_the_node_knows_to_be_mended_is_told_of_as_closed(void **state)
{
    static act_fn *const acts[] = {store_is_mended, certificates_are_renewed};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(acts); i++) {
        struct scene s;

        scene_begin(&s, 1, 0);
        acts[i](&s, 1);
        assert_int_equal(s.n_mended, 1);
        scene_end(&s);
    }
}

static void each_detector_is_off_observes_or_enforces_as_it_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(attacks); i++) {
        struct scene s;

        attack_with(&s, i, (struct detect_override){.mode = DETECT_MODE_OFF});
        assert_int_equal(s.n_found, 0);
        scene_end(&s);
        attack_with(&s, i, (struct detect_override){.mode = DETECT_MODE_OBSERVE});
        assert_true(s.n_found > 0 && s.found[0].observe_only);
        scene_end(&s);
        attack_with(&s, i, (struct detect_override){.mode = DETECT_MODE_ENFORCE});
        assert_true(s.n_found > 0 && !s.found[0].observe_only);
        scene_end(&s);
    }
}

static void the_limits_of_each_detector_are_those_of_the_configuration(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(attacks); i++) {
        struct scene s;

        attack_with(&s, i, (struct detect_override){.factor = 1000});
        if (s.n_found > 0)
            fail_msg("%s: %s", attacks[i].detector, s.found[0].subject);
        scene_end(&s);
    }
}

/* No detector without an attack that it finds, and something benign that it does not. */
static void each_detector_is_tried(void **state)
{
    static const char *const elsewhere[] = {"D01", "D05", "D07",
                                            "D08"}; /* have files of their own */

    (void)state;
    for (size_t i = 0; i < detect_detectors(); i++) {
        const struct detector_info *d = detect_detector(i);
        bool has_attack = false, has_benign = false, is_elsewhere = false;

        for (size_t k = 0; k < COUNT_OF(attacks); k++)
            has_attack |= strcmp(attacks[k].detector, d->name) == 0;
        for (size_t k = 0; k < COUNT_OF(benign); k++)
            has_benign |= strcmp(benign[k].detector, d->name) == 0;
        for (size_t k = 0; k < COUNT_OF(elsewhere); k++)
            is_elsewhere |= strcmp(elsewhere[k], d->id) == 0;
        if (!is_elsewhere && !(has_attack && has_benign))
            fail_msg("%s is not tried", d->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attack_is_found_within_the_stated_count),
        cmocka_unit_test(a_takeover_war_is_told_of_the_newcomer_s_address),
        cmocka_unit_test(what_a_rule_names_as_benign_is_silent),
        cmocka_unit_test(what_the_node_knows_to_be_mended_is_told_of_as_closed),
        cmocka_unit_test(each_detector_is_off_observes_or_enforces_as_it_is_told),
        cmocka_unit_test(the_limits_of_each_detector_are_those_of_the_configuration),
        cmocka_unit_test(each_detector_is_tried),
    };

    hash_key_set(5, 6); /* the same sketches each time */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
