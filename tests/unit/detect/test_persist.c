/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_persist.c - what clients are used to outlives a restart */
#include "scene.h"

#include "base/hash.h"

#define ROWS_MAX 32

struct rows {
    unsigned n;
    char key[ROWS_MAX][64];
    char *doc[ROWS_MAX];
};

static void keep(void *arg, const char *key, const char *doc)
{
    struct rows *r = arg;

    assert_true(r->n < ROWS_MAX);
    snprintf(r->key[r->n], sizeof(r->key[0]), "%s", key);
    r->doc[r->n++] = strdup(doc);
}

static void forget(struct rows *r)
{
    for (unsigned i = 0; i < r->n; i++)
        free(r->doc[i]);
    r->n = 0;
}

static void teach(struct scene *s, const char *client)
{
    char topic[32];

    snprintf(topic, sizeof(topic), "fmb/%s", client);
    for (unsigned i = 0; i < 65; i++) {
        scene_topic(s, EVENT_PUBLISH_TOPIC, client, "meter", topic, 0);
        scene_idle(s, 60);
    }
}

static void what_was_learned_is_there_after_a_restart(void **state)
{
    struct rows rows = {0};
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    teach(&s, "m-1");
    detect_habits_each(s.d, 100, keep, &rows);
    scene_end(&s);
    assert_int_equal(rows.n, 3); /* the key, whose the topic is, the client */

    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < rows.n; i++)
        assert_true(detect_habit_take(s.d, rows.key[i], rows.doc[i], s.now_ns));
    assert_true(detect_client_learned(s.d, BYTES("m-1")).learned);
    s.only = "new-topic";
    scene_topic(&s, EVENT_PUBLISH_TOPIC, "m-1", "meter", "fmb/m-1", 0); /* is known */
    scene_topic(&s, EVENT_PUBLISH_TOPIC, "m-1", "meter", "fmb/x", 0);
    scene_topic(&s, EVENT_PUBLISH_TOPIC, "m-1", "meter", "fmb/y", 0);
    scene_idle(&s, 300);
    assert_int_equal(s.n_found, 0);
    scene_topic(&s, EVENT_PUBLISH_TOPIC, "m-1", "meter", "fmb/z", 0);
    scene_idle(&s, 250);
    assert_int_equal(s.n_found, 1);
    scene_end(&s);
    forget(&rows);
}

static void speaks(struct scene *s, const char *client, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        scene_topic(s, EVENT_PUBLISH_TOPIC, client, "meter", "fmb/report", 0);
        scene_idle(s, 60);
    }
}

static void joins(struct scene *s, const char *client, const char *role)
{
    scene_event(s, (struct event){.kind = EVENT_SUBSCRIBED,
                                  .client_id = bytes_str(client),
                                  .role = bytes_str(role),
                                  .topic = BYTES("fmb/jobs"),
                                  .text = BYTES("workers")});
}

/* As a restart does it: a struct detect that has seen nothing but the rows, and another key. */
static void starts_again(struct scene *s, struct rows *rows)
{
    detect_habits_each(s->d, 100, keep, rows);
    scene_end(s);
    hash_key_set(21, 22);
    scene_begin(s, 1, 0);
    for (unsigned i = 0; i < rows->n; i++)
        assert_true(detect_habit_take(s->d, rows->key[i], rows->doc[i], s->now_ns));
    forget(rows);
    hash_key_set(11, 12);
}

static void whose_a_topic_is_outlives_a_restart(void **state)
{
    struct rows rows = {0};
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    speaks(&s, "m-1", 5);
    starts_again(&s, &rows);
    s.only = "spoofed-report";
    speaks(&s, "m-1", 1);
    assert_int_equal(s.n_found, 0);
    speaks(&s, "m-2", 1);
    assert_int_equal(s.n_found, 1);
    assert_string_equal(s.found[0].subject, "m-2");
    scene_end(&s);
}

static void the_roles_of_a_shared_subscription_outlive_a_restart(void **state)
{
    struct rows rows = {0};
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    joins(&s, "worker-1", "service");
    starts_again(&s, &rows);
    s.only = "shared-subscription-steal";
    joins(&s, "worker-2", "service");
    assert_int_equal(s.n_found, 0);
    joins(&s, "m-1", "meter");
    assert_int_equal(s.n_found, 1);
    scene_end(&s);
}

/* Whoever of the two is forgotten: a device that was replaced, or who is judged to be right. */
static void a_topic_is_open_again_when_its_owner_or_who_was_accused_is_forgotten(void **state)
{
    static const char *const forgotten[] = {"m-1", "m-2"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(forgotten); i++) {
        struct scene s;

        scene_begin(&s, 1, 0);
        s.only = "spoofed-report";
        speaks(&s, "m-1", 5);
        speaks(&s, "m-2", 1);
        assert_int_equal(s.n_found, 1);
        detect_client_forget(s.d, bytes_str(forgotten[i]));
        s.n_found = 0;
        scene_idle(&s, 3600);
        s.n_found = 0;
        speaks(&s, "m-2", 10);
        assert_int_equal(s.n_found, 0);
        scene_end(&s);
    }
}

static void only_what_has_changed_is_told_again(void **state)
{
    struct rows rows = {0};
    struct scene s;
    char *key;

    (void)state;
    scene_begin(&s, 1, 0);
    teach(&s, "m-1");
    teach(&s, "m-2");
    detect_habits_each(s.d, 100, keep, &rows);
    assert_int_equal(rows.n, 5); /* the key, whose the two topics are, the clients */
    forget(&rows);
    scene_topic(&s, EVENT_PUBLISH_TOPIC, "m-2", "meter", "fmb/m-2", 0);
    detect_habits_each(s.d, 100, keep, &rows);
    assert_int_equal(rows.n, 2);
    key = detect_habit_key(BYTES("m-2"));
    assert_string_equal(rows.key[1], key);
    free(key);
    forget(&rows);
    scene_end(&s);
}

static void a_row_that_is_not_of_this_program_is_not_taken(void **state)
{
    static const char *const rows[][2] = {
        {"client:m-1", ""},
        {"client:m-1", "{}"},
        {"client:m-1", "{\"layout\": \"0000000000000000\", \"learned\": \"00\"}"},
        {"client:", "{\"layout\": \"0000000000000000\", \"learned\": \"00\"}"},
        {"own:D31:0", "{}"},
        {"own:D31:99999", "{}"},
        {"own:D99:0", "{}"},
        {"own:", ""},
        {"key", "{\"layout\": \"0000000000000000\", \"learned\": \"\"}"},
        {"other", "x"},
    };
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_false(detect_habit_take(s.d, rows[i][0], rows[i][1], s.now_ns));
    assert_false(detect_client_learned(s.d, BYTES("m-1")).known);
    scene_end(&s);
}

/* A row that was cut or changed is none. */
static void a_row_that_was_cut_is_not_taken(void **state)
{
    struct rows rows = {0};
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    teach(&s, "m-1");
    detect_habits_each(s.d, 100, keep, &rows);
    detect_client_forget(s.d, BYTES("m-1"));
    for (unsigned i = 0; i < rows.n; i++) {
        for (size_t len = strlen(rows.doc[i]); len-- > 0;) {
            rows.doc[i][len] = '\0';
            assert_false(detect_habit_take(s.d, rows.key[i], rows.doc[i], s.now_ns));
        }
    }
    forget(&rows);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_learned_is_there_after_a_restart),
        cmocka_unit_test(whose_a_topic_is_outlives_a_restart),
        cmocka_unit_test(the_roles_of_a_shared_subscription_outlive_a_restart),
        cmocka_unit_test(a_topic_is_open_again_when_its_owner_or_who_was_accused_is_forgotten),
        cmocka_unit_test(only_what_has_changed_is_told_again),
        cmocka_unit_test(a_row_that_is_not_of_this_program_is_not_taken),
        cmocka_unit_test(a_row_that_was_cut_is_not_taken),
    };

    hash_key_set(11, 12); /* the same sketches each time */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
