/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/respond/test_feed.c - incidents.jsonl and the numbers of incidents */
#include "stage.h"

#include <sys/stat.h>

static void find(struct stage *s, const char *user)
{
    stage_find(s, "repeated-auth-failures", SEVERITY_MEDIUM, SUBJECT_USER, user);
}

/* Return: how many lines parse; @ret_bad: and how many do not. */
static unsigned count_lines(const char *path, unsigned *ret_bad)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    unsigned good = 0;

    *ret_bad = 0;
    assert_non_null(file);
    while (getline(&line, &cap, file) > 0) {
        json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

        good += o != NULL && json_object_get(o, "id") != NULL;
        *ret_bad += o == NULL;
        json_decref(o);
    }
    free(line);
    fclose(file);
    return good;
}

static void append(const struct stage *s, const char *name, const char *text)
{
    FILE *file = fopen(stage_path(s, name), "ae");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void each_change_is_a_line(void **state)
{
    struct stage s;
    struct stat st;
    unsigned bad;

    (void)state;
    stage_begin(&s);
    find(&s, "a");
    find(&s, "a");
    assert_int_equal(respond_incident_ack(s.r, stage_incident(&s)->id, "note", "admin:a", s.now),
                     RESPOND_OK);
    stage_calm(&s, "repeated-auth-failures", SUBJECT_USER, "a");
    stage_find(&s, "repeated-auth-failures", SEVERITY_INFO, SUBJECT_USER, "b");
    assert_int_equal(count_lines(stage_path(&s, "incidents.jsonl"), &bad), 5);
    assert_int_equal(bad, 0);
    assert_int_equal(s.n_published, 4); /* info is only recorded */
    assert_int_equal(stat(stage_path(&s, "incidents.jsonl"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    stage_end(&s);
}

static void numbers_go_on_after_a_restart_and_begin_anew_each_day(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    find(&s, "a");
    find(&s, "b");
    stage_restart(&s);
    find(&s, "c");
    assert_string_equal(stage_incident(&s)->id, "I-20261125-0003");
    stage_wait(&s, 86400);
    find(&s, "d");
    assert_string_equal(stage_incident(&s)->id, "I-20261126-0001");
    stage_restart(&s);
    find(&s, "e");
    assert_string_equal(stage_incident(&s)->id, "I-20261126-0002");

    s.now.unix_ms -= 5 * 86400000ULL; /* the clock is turned back */
    stage_restart(&s);
    find(&s, "f");
    assert_string_equal(stage_incident(&s)->id, "I-20261126-0003");
    stage_end(&s);
}

static void numbers_have_room_for_more_than_four_digits(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    append(&s, "incidents.jsonl", "{\"id\":\"I-20261125-9999\"}\n");
    stage_restart(&s);
    find(&s, "a");
    assert_string_equal(stage_incident(&s)->id, "I-20261125-10000");
    stage_restart(&s);
    find(&s, "b");
    assert_string_equal(stage_incident(&s)->id, "I-20261125-10001");
    stage_end(&s);
}

static void rubbish_in_the_file_is_no_number(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    append(
        &s, "incidents.jsonl",
        "{\"id\":\"I-99999999-0001\"}\n{\"id\":\"I-\"}\n{\"id\":\"I-1-1\"}\n\n\"id\":\"I-20261125");
    stage_restart(&s);
    find(&s, "a");
    assert_string_equal(stage_incident(&s)->id, "I-20261125-0001");
    stage_end(&s);
}

static void a_torn_line_is_ended_before_the_next(void **state)
{
    struct stage s;
    unsigned bad;

    (void)state;
    stage_begin(&s);
    append(&s, "incidents.jsonl", "{\"id\":\"I-20261125-0001\"}\n{\"id\":\"I-202611");
    stage_restart(&s);
    find(&s, "a");
    assert_int_equal(count_lines(stage_path(&s, "incidents.jsonl"), &bad), 2);
    assert_int_equal(bad, 1);
    assert_string_equal(stage_incident(&s)->id, "I-20261125-0002");
    stage_end(&s);
}

static void a_full_file_is_put_away_and_four_old_ones_are_kept(void **state)
{
    struct stage s;
    struct stat st;
    unsigned bad;
    unsigned kept = 0;
    char user[16];
    char name[32];

    (void)state;
    stage_begin(&s);
    s.settings.file_bytes_max = 4096;
    stage_restart(&s);
    for (unsigned i = 0; i < 60; i++) {
        snprintf(user, sizeof(user), "u%u", i);
        find(&s, user);
    }
    for (unsigned n = 0; n <= 5; n++) {
        snprintf(name, sizeof(name), n > 0 ? "incidents.jsonl.%u" : "incidents.jsonl", n);
        if (n == 5) {
            assert_int_equal(access(stage_path(&s, name), F_OK), -1);
            break;
        }
        assert_int_equal(stat(stage_path(&s, name), &st), 0);
        assert_true(st.st_size <= 4096);
        kept += count_lines(stage_path(&s, name), &bad);
        assert_int_equal(bad, 0);
    }
    assert_in_range(kept, 15, 59);

    /* Just after a rotation the number comes from the old file. */
    assert_int_equal(remove(stage_path(&s, "incidents.jsonl")), 0);
    stage_restart(&s);
    find(&s, "last");
    assert_true(strcmp(stage_incident(&s)->id, "I-20261125-0050") > 0);
    stage_end(&s);
}

/* A folder stands where the file should be. */
static void a_file_that_cannot_be_written_stops_nothing(void **state)
{
    struct stage s;
    unsigned bad;

    (void)state;
    stage_begin(&s);
    assert_int_equal(mkdir(stage_path(&s, "incidents.jsonl"), 0700), 0);
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
    find(&s, "a");
    assert_did(&s, "ban address 203.0.113.9 - 600");
    assert_int_equal(respond_counters(s.r).write_failures, 2);
    assert_int_equal(s.n_published, 2);
    assert_int_equal(rmdir(stage_path(&s, "incidents.jsonl")), 0);
    find(&s, "b");
    assert_int_equal(count_lines(stage_path(&s, "incidents.jsonl"), &bad), 1);
    assert_int_equal(respond_counters(s.r).write_failures, 2);
    stage_end(&s);
}

static void a_full_disk_tears_no_second_line(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(symlink("/dev/full", stage_path(&s, "incidents.jsonl")), 0);
    find(&s, "a");
    find(&s, "b");
    assert_int_equal(respond_counters(s.r).write_failures, 2);
    stage_end(&s);
}

static void without_a_folder_nothing_is_kept_and_all_works(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    s.settings.state_dir = NULL;
    stage_restart(&s);
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
    stage_wait(&s, 1);
    assert_int_equal(respond_bans(s.r), 1);
    assert_int_equal(respond_counters(s.r).write_failures, 0);
    assert_int_equal(access(stage_path(&s, "incidents.jsonl"), F_OK), -1);
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_is_a_line),
        cmocka_unit_test(numbers_go_on_after_a_restart_and_begin_anew_each_day),
        cmocka_unit_test(numbers_have_room_for_more_than_four_digits),
        cmocka_unit_test(rubbish_in_the_file_is_no_number),
        cmocka_unit_test(a_torn_line_is_ended_before_the_next),
        cmocka_unit_test(a_full_file_is_put_away_and_four_old_ones_are_kept),
        cmocka_unit_test(a_file_that_cannot_be_written_stops_nothing),
        cmocka_unit_test(a_full_disk_tears_no_second_line),
        cmocka_unit_test(without_a_folder_nothing_is_kept_and_all_works),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
