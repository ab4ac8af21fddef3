/* SPDX-License-Identifier: Apache-2.0 */
/* test_health_checks.c - what balancers do all day is no misuse; the same from others is, and what
 * clients behind a balancer do that has lent them its address */
#include "scene.h"

#define CHECKS 900 /* a second apart */

/* Who checks: by its address, or because a proxy says that it speaks for itself. */
static const struct checker {
    const char *what;
    const char *addresses[2]; /* in turns */
    bool is_proxy;
    bool is_known;
} checkers[] = {
    {"a balancer", {"198.51.100.7", "198.51.100.7"}, false, true},
    {"two of them, with one client id", {"198.51.100.7", "198.51.100.8"}, false, true},
    {"a proxy, with PROXY LOCAL", {"192.0.2.9", "192.0.2.9"}, true, true},
    {"somebody else", {"192.0.2.9", "192.0.2.9"}, false, false},
    {"two others", {"192.0.2.9", "192.0.2.10"}, false, false},
};

static const struct check {
    const char *what;
    bool has_client;
    bool subscribes;
    bool says_goodbye;
    bool is_taken_over;
} checks[] = {
    {"connects, and closes", .has_client = false},
    {"CONNECT, CONNACK, DISCONNECT", .has_client = true, .says_goodbye = true},
    {"CONNECT, CONNACK, and closes", .has_client = true},
    {"CONNECT while the last one is still there", .has_client = true, .is_taken_over = true},
    {"CONNECT, SUBSCRIBE, and crashes", .has_client = true, .subscribes = true},
};

/* A device says something; and of two addresses with one client id nobody knows that both check. */
static bool is_misuse(const struct check *how, const struct checker *who)
{
    return !who->is_known || how->subscribes ||
           (how->is_taken_over && strcmp(who->addresses[0], who->addresses[1]) != 0);
}

static void checks_once(struct scene *s, const struct check *how, const struct checker *who,
                        unsigned i)
{
    struct event e = {.kind = EVENT_CONNECT_ATTEMPT,
                      .conn = i + 1,
                      .address = bytes_str(who->addresses[i % 2]),
                      .is_proxy = who->is_proxy};

    scene_event(s, e);
    if (how->has_client) {
        e.kind = EVENT_CONNECT_ACCEPTED;
        e.client_id = e.user_name = BYTES("check");
        e.role = BYTES("meter");
        scene_event(s, e);
    }
    if (how->subscribes) {
        e.kind = EVENT_SUBSCRIBED;
        e.topic = BYTES("plant/1/order");
        scene_event(s, e);
        e.topic = BYTES_NONE;
    }
    if (how->is_taken_over) {
        e.kind = EVENT_TAKEN_OVER;
        scene_event(s, e);
        e.flags = ENDED_BY_NODE;
    }
    e.kind = how->has_client ? EVENT_DISCONNECTED : EVENT_ENDED_EARLY;
    e.value = how->says_goodbye;
    scene_event(s, e);
}

static void plays(struct scene *s, const struct check *how, const struct checker *who)
{
    static char known[] = "198.51.100.0/24";
    static char *const sources[] = {known};
    const struct detect_settings settings = {.started_ns = SCENE_NS};
    const struct detect_config config = {.roles = scene_roles,
                                         .n_roles = COUNT_OF(scene_roles),
                                         .health_check_sources = sources,
                                         .n_health_check_sources = 1,
                                         .connections_max = 400};

    *s = (struct scene){.only = "", .now_ns = SCENE_NS};
    s->d = detect_new(&settings, &config);
    for (unsigned i = 0; i < CHECKS && s->n_found < FOUND_MAX / 2; i++) {
        checks_once(s, how, who, i);
        scene_idle(s, 1);
    }
}

static void nobody_is_blamed_for_a_health_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(checkers) * COUNT_OF(checks); i++) {
        const struct checker *who = &checkers[i / COUNT_OF(checks)];
        const struct check *how = &checks[i % COUNT_OF(checks)];
        struct scene s;

        plays(&s, how, who);
        print_message("  %s: %s: %s\n", who->what, how->what,
                      s.n_found > 0 ? s.found[0].kind : "nothing");
        assert_int_equal(s.n_found > 0, is_misuse(how, who));
        scene_end(&s);
    }
}

static bool has_found(const struct scene *s, const char *kind)
{
    for (unsigned i = 0; i < s->n_found; i++) {
        if (strcmp(s->found[i].kind, kind) == 0)
            return true;
    }
    return false;
}

static void a_device_behind_a_balancer_is_told_of_in_full(void **state)
{
    const struct check crash_loop = {.has_client = true, .subscribes = true};
    struct scene s;

    (void)state;
    plays(&s, &crash_loop, &checkers[0]);
    assert_true(has_found(&s, "repeated-connection-attempts"));
    assert_true(has_found(&s, "abnormal-termination"));
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_blamed_for_a_health_check),
        cmocka_unit_test(a_device_behind_a_balancer_is_told_of_in_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
