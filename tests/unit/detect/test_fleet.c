/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/detect/test_fleet.c - 30 hours of a decent fleet: hardly a false word, and nothing
 * done
 *
 * Virtual time.  The fleet is what a distribution grid has: meters, flaky links, sensors
 * that speak twice an hour, a gateway, dashboards on #, services, a control system, an
 * OTA service.  In its 30 hours there are a restart of the gateway, a power cut with the
 * return of everybody, a roll-out, a grid disturbance, outdated passwords and health
 * checks.
 */
#include "scene.h"

#include <math.h>

#include "base/hash.h"

#define HOURS          30
#define FALSE_PER_HOUR 0.1
#define METERS         40
#define FLAKY          5
#define SENSORS        10
#define MEMBERS_MAX    64
#define TOPICS_MAX     8

struct member {
    char id[24];
    const char *role;
    char address[24];
    double every_s; /* between messages; 0: speaks only when told */
    double drops_s; /* mean time between drops of a flaky link; 0: never */
    uint32_t keep_alive_s;
    bool is_online;
    uint64_t conn;
    uint64_t next_ns; /* message */
    uint64_t drop_ns;
    uint64_t back_ns;             /* when offline */
    uint64_t told_ns[TOPICS_MAX]; /* as the worker tells of a topic: once a minute */
    unsigned n_topics;
    uint32_t shape;
    uint64_t n_owed;
};

struct fleet {
    struct scene s;
    struct member members[MEMBERS_MAX];
    unsigned n;
    uint64_t next_conn;
    unsigned n_false;
    unsigned n_actions;
    unsigned n_outages;
    unsigned n_rollouts;
    unsigned n_storms;
};

static void judge_found(void *arg, const struct finding *f)
{
    struct fleet *fleet = arg;
    const char *name = f->detector->name;

    if (f->state != FINDING_OPEN)
        return;
    fleet->n_outages += strcmp(name, "mass-disconnect") == 0;
    fleet->n_rollouts += strcmp(name, "rollout-observed") == 0;
    fleet->n_storms += strcmp(name, "reconnect-storm") == 0;
    if (f->severity == SEVERITY_INFO || strcmp(name, "mass-disconnect") == 0)
        return;
    print_message("  %.2f h: %s %.*s: %g of %g\n", (double)(f->at_ns - SCENE_NS) / 3.6e12, name,
                  BYTES_ARG(f->subject), f->count, f->limit);
    fleet->n_false++;
    fleet->n_actions += f->severity >= SEVERITY_MEDIUM && !f->observe_only && !f->alert_only;
}

static double chance(void)
{
    return (double)rand() / RAND_MAX;
}

static uint64_t after(const struct fleet *f, double seconds)
{
    return f->s.now_ns + (uint64_t)(seconds * 1e9);
}

static void tells(struct fleet *f, const struct member *m, struct event e)
{
    e.at_ns = f->s.now_ns;
    e.conn = m->conn;
    e.client_id = bytes_str(m->id);
    e.user_name = bytes_str(m->id);
    e.address = bytes_str(m->address);
    e.role = bytes_str(m->role);
    detect_event(f->s.d, &e, judge_found, f);
}

static void uses_topic(struct fleet *f, struct member *m, unsigned i)
{
    char topic[64];

    if (m->told_ns[i] != 0 && f->s.now_ns < m->told_ns[i] + 60 * S)
        return;
    m->told_ns[i] = f->s.now_ns;
    snprintf(topic, sizeof(topic), "fmb/%s/%s/%c", m->role, m->id, 'a' + (char)i);
    tells(f, m,
          (struct event){.kind = EVENT_PUBLISH_TOPIC,
                         .topic = bytes_str(topic),
                         .number = m->shape,
                         .flags = 58});
}

static void sends(struct fleet *f, struct member *m, uint32_t n)
{
    struct event_traffic t = {
        .n_messages = n, .n_matched = n, .bytes_in = 120 * n, .payload_max = 100};

    for (unsigned i = 0; i < m->n_topics; i++)
        uses_topic(f, m, i);
    tells(f, m, (struct event){.kind = EVENT_TRAFFIC, .text = bytes_of(&t, sizeof(t))});
}

static void subscribes(struct fleet *f, const struct member *m, const char *filter)
{
    tells(f, m, (struct event){.kind = EVENT_SUBSCRIBED, .topic = bytes_str(filter)});
}

static void subscribes_as_usual(struct fleet *f, const struct member *m)
{
    char filter[64];

    snprintf(filter, sizeof(filter), "fmb/command/%s/#", m->id);
    if (strcmp(m->role, "monitor") == 0)
        subscribes(f, m, "#");
    else if (strcmp(m->role, "service") == 0)
        subscribes(f, m, "fmb/meter/#");
    else if (strcmp(m->role, "ota") != 0)
        subscribes(f, m, filter);
}

static void connects(struct fleet *f, struct member *m)
{
    m->conn = ++f->next_conn;
    m->is_online = true;
    memset(m->told_ns, 0, sizeof(m->told_ns));
    tells(f, m,
          (struct event){.kind = EVENT_CONNECT_ACCEPTED,
                         .value = 5,
                         .flags =
                             CONNECT_TLS | CONNECT_TLS13 | CONNECT_CERTIFICATE | CONNECT_PERSISTENT,
                         .number = m->keep_alive_s});
    subscribes_as_usual(f, m);
    if (m->n_owed > 0)
        sends(f, m, (uint32_t)m->n_owed);
    m->n_owed = 0;
    m->next_ns = after(f, m->every_s * chance());
    m->drop_ns = after(f, -log(1 - 0.999 * chance()) * m->drops_s);
}

static void leaves(struct fleet *f, struct member *m, bool properly, double away_s)
{
    if (!m->is_online)
        return;
    tells(f, m, (struct event){.kind = EVENT_DISCONNECTED, .value = properly});
    m->is_online = false;
    m->back_ns = after(f, away_s);
    m->n_owed = m->every_s > 0 ? (uint64_t)(away_s / m->every_s) : 0;
}

static struct member *joins(struct fleet *f, const char *name, unsigned i, const char *role,
                            double every_s)
{
    struct member *m = &f->members[f->n++];

    snprintf(m->id, sizeof(m->id), "%s-%u", name, i);
    snprintf(m->address, sizeof(m->address), "192.0.%u.%u", 2 + f->n / 20, 10 + f->n);
    m->role = role;
    m->every_s = every_s;
    m->keep_alive_s = 60;
    m->n_topics = every_s > 0 ? 2 : 0;
    m->shape = 1000 + (uint32_t)strlen(name);
    m->back_ns = after(f, 60 * chance());
    return m;
}

static void assemble(struct fleet *f)
{
    for (unsigned i = 0; i < METERS; i++)
        joins(f, "meter", i, "meter", 30);
    for (unsigned i = 0; i < FLAKY; i++)
        joins(f, "flaky", i, "meter", 20)->drops_s = 240 + 60 * i;
    for (unsigned i = 0; i < SENSORS; i++)
        joins(f, "sensor", i, "meter", 1800)->keep_alive_s = 3600;
    joins(f, "gateway", 1, "gateway", 10);
    joins(f, "dashboard", 1, "monitor", 0);
    joins(f, "dashboard", 2, "monitor", 0)->drops_s = 7200;
    joins(f, "historian", 1, "service", 300);
    joins(f, "control", 1, "control", 0);
    joins(f, "ota", 1, "ota", 0);
    joins(f, "tablet", 1, "operator", 0)->drops_s = 5000;
}

static struct member *named(struct fleet *f, const char *id)
{
    unsigned i = 0;

    while (i < f->n && strcmp(f->members[i].id, id) != 0)
        i++;
    assert_true(i < f->n);
    return &f->members[i];
}

/* ---- what happens ---- */

static bool is_field(const struct member *m)
{
    return strcmp(m->role, "meter") == 0;
}

static void power_cut(struct fleet *f)
{
    for (unsigned i = 0; i < f->n; i++) {
        if (is_field(&f->members[i]))
            leaves(f, &f->members[i], false, 3600 + 30 * chance());
    }
}

static void gateway_starts(struct fleet *f)
{
    struct member *m = named(f, "gateway-1");
    struct event_traffic t = {.n_messages = 240, .n_matched = 240, .n_retained_new = 240};
    char topic[64];

    leaves(f, m, true, 0);
    connects(f, m);
    for (unsigned i = 0; i < 240; i++) {
        snprintf(topic, sizeof(topic), "fmb/discovery/point-%u/config", i);
        tells(f, m,
              (struct event){
                  .kind = EVENT_PUBLISH_TOPIC, .value = EVENT_RETAINED, .topic = bytes_str(topic)});
    }
    tells(f, m, (struct event){.kind = EVENT_TRAFFIC, .text = bytes_of(&t, sizeof(t))});
}

/* One meter a minute comes back with a firmware that has three topics more and other payloads. */
static void roll_out(struct fleet *f, unsigned i)
{
    struct member *m = &f->members[i];

    leaves(f, m, true, 20);
    m->n_topics = 5;
    m->shape = 2000;
}

/* Everybody has something to say, and control acts. */
static void disturbance(struct fleet *f)
{
    struct member *control = named(f, "control-1");
    char topic[64];

    for (unsigned i = 0; i < f->n; i++) {
        if (is_field(&f->members[i]) && f->members[i].is_online)
            sends(f, &f->members[i], 20);
    }
    for (unsigned i = 0; i < 12; i++) {
        snprintf(topic, sizeof(topic), "fmb/command/meter-%u/switch", i);
        tells(f, control, (struct event){.kind = EVENT_PUBLISH_TOPIC, .topic = bytes_str(topic)});
        tells(f, control, (struct event){.kind = EVENT_COMMAND_SENT, .topic = bytes_str(topic)});
    }
}

static void commands_as_usual(struct fleet *f)
{
    char topic[64];

    snprintf(topic, sizeof(topic), "fmb/command/meter-%u/setpoint", (unsigned)rand() % METERS);
    tells(f, named(f, "control-1"),
          (struct event){.kind = EVENT_PUBLISH_TOPIC, .topic = bytes_str(topic)});
    tells(f, named(f, "control-1"),
          (struct event){.kind = EVENT_COMMAND_SENT, .topic = bytes_str(topic)});
}

/* A device whose password was changed tries the old one, twice a minute. */
static void outdated_password(struct fleet *f)
{
    scene_auth_failed(&f->s, "flaky-1", "flaky-1", named(f, "flaky-1")->address, 77);
}

static void health_check(struct fleet *f)
{
    const struct event e = {
        .kind = EVENT_ENDED_EARLY, .at_ns = f->s.now_ns, .address = BYTES("198.51.100.7")};

    detect_event(f->s.d, &e, judge_found, f);
}

static void happens(struct fleet *f, unsigned second)
{
    double hour = second / 3600.0;

    if (second == 6 * 3600)
        gateway_starts(f);
    if (second == 10 * 3600)
        power_cut(f);
    if (hour >= 14 && second % 60 == 0 && (second - 14 * 3600) / 60 < METERS)
        roll_out(f, (second - 14 * 3600) / 60);
    if (hour >= 18 && hour < 19 && second % 30 == 0)
        outdated_password(f);
    if (second == 20 * 3600 || second == 20 * 3600 + 40)
        disturbance(f);
    if (second % 600 == 300)
        commands_as_usual(f);
    if (second % 5 == 0)
        health_check(f);
}

static void lives(struct fleet *f, struct member *m)
{
    if (!m->is_online) {
        if (f->s.now_ns >= m->back_ns)
            connects(f, m);
        return;
    }
    if (m->drops_s > 0 && f->s.now_ns >= m->drop_ns) {
        leaves(f, m, false, 5 + 25 * chance());
        return;
    }
    if (m->every_s > 0 && f->s.now_ns >= m->next_ns) {
        sends(f, m, 1);
        m->next_ns = after(f, m->every_s * (0.9 + 0.2 * chance()));
    }
}

static void run(struct fleet *f, unsigned seed)
{
    static char probe[] = "198.51.100.7";
    static char *const sources[] = {probe};
    const struct detect_settings settings = {.started_ns = SCENE_NS};
    const struct detect_config config = {.roles = scene_roles,
                                         .n_roles = COUNT_OF(scene_roles),
                                         .health_check_sources = sources,
                                         .n_health_check_sources = 1,
                                         .startup_grace_s = 120};

    srand(seed);
    f->s = (struct scene){.only = "", .now_ns = SCENE_NS};
    f->s.d = detect_new(&settings, &config);
    assemble(f);
    for (unsigned second = 0; second < HOURS * 3600; second++) {
        f->s.now_ns = SCENE_NS + second * S;
        for (unsigned i = 0; i < f->n; i++)
            lives(f, &f->members[i]);
        happens(f, second);
        detect_tick(f->s.d, f->s.now_ns, judge_found, f);
    }
}

static void thirty_benign_hours_have_hardly_a_false_incident_and_no_action(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 2; seed++) {
        struct fleet f = {.n = 0};

        run(&f, seed);
        print_message("  seed %u: %u false in %u h, %u outages, %u roll-outs, %u storms\n", seed,
                      f.n_false, HOURS, f.n_outages, f.n_rollouts, f.n_storms);
        assert_true(f.n_false <= FALSE_PER_HOUR * HOURS);
        assert_int_equal(f.n_actions, 0);
        /* One for all, and not one for each. */
        assert_int_equal(f.n_outages, 1);
        assert_true(f.n_rollouts >= 1 && f.n_rollouts <= 4);
        assert_true(f.n_storms >= 1 && f.n_storms <= 2);
        for (unsigned i = 0; i < METERS; i++)
            assert_true(detect_client_learned(f.s.d, bytes_str(f.members[i].id)).learned);
        scene_end(&f.s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thirty_benign_hours_have_hardly_a_false_incident_and_no_action),
    };

    hash_key_set(7, 8); /* the same sketches each time */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
