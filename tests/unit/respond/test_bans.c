/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/respond/test_bans.c - the list of bans, and what is kept of it */
#include "stage.h"

#include <signal.h>
#include <sys/resource.h>

static struct respond_ban ban(const struct stage *s, enum respond_ban_kind kind,
                              const char *subject, const char *address, uint64_t for_s)
{
    return (struct respond_ban){
        .kind = kind,
        .subject = subject,
        .address = address,
        .expires_unix_ms = for_s > 0 ? s->now.unix_ms + for_s * 1000 : 0,
        .reason = "because \"so\"",
        .author = "admin:alice",
    };
}

static enum respond_answer add(struct stage *s, enum respond_ban_kind kind, const char *subject,
                               const char *address, uint64_t for_s)
{
    struct respond_ban b = ban(s, kind, subject, address, for_s);

    enum respond_answer a;
    char *why = NULL;

    a = respond_ban_add(s->r, &b, s->now, &why);
    free(why);
    return a;
}

static void collect(void *arg, const struct respond_ban *b)
{
    buf_addf(arg, "%s %s %s %llu %llu %s %s %s\n", respond_ban_kind_text(b->kind), b->subject,
             b->address != NULL ? b->address : "-", (unsigned long long)b->created_unix_ms,
             (unsigned long long)b->expires_unix_ms, b->reason, b->author,
             b->incident != NULL ? b->incident : "-");
}

static char *list_all(struct stage *s)
{
    struct buf text = {0};
    char *all;

    respond_bans_each(s->r, collect, &text);
    all = bytes_dup_str(buf_view(&text));
    buf_done(&text);
    return all;
}

static void write_file(const struct stage *s, const char *text)
{
    FILE *file = fopen(stage_path(s, "bans.json"), "we");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Return: how many files are named bans.json.corrupt-*. */
static unsigned put_aside(const struct stage *s)
{
    DIR *d = opendir(s->dir);
    struct dirent *e;
    unsigned n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        n += strncmp(e->d_name, "bans.json.corrupt-", 18) == 0;
    closedir(d);
    return n;
}

static void bans_are_added_listed_and_lifted(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(add(&s, RESPOND_BAN_ADDRESS, "192.0.2.0/24", NULL, 60), RESPOND_OK);
    assert_int_equal(add(&s, RESPOND_BAN_USER, "eve", NULL, 0), RESPOND_OK);
    assert_int_equal(add(&s, RESPOND_BAN_CLIENT_ADDRESS, "m-1", "192.0.2.1", 60), RESPOND_OK);
    assert_int_equal(respond_bans(s.r), 3);
    assert_did(&s, "ban address 192.0.2.0/24 - 60", "ban user eve - 0",
               "ban client-address m-1 192.0.2.1 60");
    assert_int_equal(respond_ban_remove(s.r, RESPOND_BAN_USER, "eve", NULL, "admin:alice", s.now),
                     RESPOND_OK);
    assert_did(&s, "unban user eve -");
    assert_int_equal(respond_ban_remove(s.r, RESPOND_BAN_USER, "eve", NULL, "admin:alice", s.now),
                     RESPOND_E_NOT_FOUND);
    assert_int_equal(respond_ban_remove(s.r, RESPOND_BAN_CLIENT_ADDRESS, "m-1", "192.0.2.2",
                                        "admin:alice", s.now),
                     RESPOND_E_NOT_FOUND);
    assert_int_equal(respond_bans(s.r), 2);
    stage_end(&s);
}

static void a_ban_of_the_same_subject_is_replaced(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(add(&s, RESPOND_BAN_ADDRESS, "192.0.2.1", NULL, 60), RESPOND_OK);
    assert_int_equal(add(&s, RESPOND_BAN_ADDRESS, "192.0.2.1", NULL, 600), RESPOND_OK);
    assert_int_equal(add(&s, RESPOND_BAN_CLIENT, "192.0.2.1", NULL, 60), RESPOND_OK);
    assert_int_equal(respond_bans(s.r), 2);
    stage_wait(&s, 60);
    assert_int_equal(respond_bans(s.r), 1);
    stage_end(&s);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct stage s;
    struct respond_ban b;

    (void)state;
    stage_begin(&s);
    assert_int_equal(add(&s, RESPOND_BAN_ADDRESS, "", NULL, 60), RESPOND_E_INVALID);
    assert_int_equal(add(&s, RESPOND_BAN_ADDRESS, NULL, NULL, 60), RESPOND_E_INVALID);
    assert_int_equal(add(&s, RESPOND_BAN_CLIENT_ADDRESS, "m-1", NULL, 60), RESPOND_E_INVALID);
    assert_int_equal(add(&s, RESPOND_BAN_USER, "eve", "192.0.2.1", 60), RESPOND_E_INVALID);
    assert_int_equal(add(&s, RESPOND_BAN_KIND_N, "eve", NULL, 60), RESPOND_E_INVALID);
    b = ban(&s, RESPOND_BAN_USER, "eve", NULL, 60);
    b.expires_unix_ms = s.now.unix_ms;
    assert_int_equal(respond_ban_add(s.r, &b, s.now, &(char *){NULL}), RESPOND_E_INVALID);
    assert_int_equal(respond_ban_remove(s.r, RESPOND_BAN_KIND_N, "eve", NULL, "admin:alice", s.now),
                     RESPOND_E_INVALID);
    assert_did_nothing(&s);
    stage_end(&s);
}

static void bans_outlive_a_restart_but_not_their_expiry(void **state)
{
    struct stage s;
    char *before;
    char *after;

    (void)state;
    stage_begin(&s);
    assert_int_equal(add(&s, RESPOND_BAN_ADDRESS, "192.0.2.1", NULL, 60), RESPOND_OK);
    assert_int_equal(add(&s, RESPOND_BAN_USER, "\xc3\xa9ve \"x\"", NULL, 0), RESPOND_OK);
    stage_find(&s, "topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");
    before = list_all(&s);
    assert_non_null(strstr(before, "detector:topic-scan-publish I-20261125-0001"));
    stage_restart(&s);
    after = list_all(&s);
    assert_string_equal(before, after);
    free(before);
    free(after);
    s.now.unix_ms += 60000;
    stage_restart(&s);
    assert_int_equal(respond_bans(s.r), 2);
    s.now.unix_ms += 1000000;
    stage_restart(&s);
    assert_int_equal(respond_bans(s.r), 1);
    stage_end(&s);
}

static void what_is_kept_of_a_ban_ends_with_it(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
    assert_int_equal(add(&s, RESPOND_BAN_USER, "eve", NULL, 0), RESPOND_OK);
    assert_int_equal(add(&s, RESPOND_BAN_CLIENT, "m-1", NULL, 5), RESPOND_OK);
    assert_int_equal(respond_bans_kept(s.r), 3);
    stage_wait(&s, 5);
    assert_int_equal(respond_ban_remove(s.r, RESPOND_BAN_USER, "eve", NULL, "admin:alice", s.now),
                     RESPOND_OK);
    stage_restart(&s);
    assert_int_equal(respond_bans(s.r), 1);
    assert_int_equal(respond_bans_kept(s.r), 1);
    stage_end(&s);
}

static void bans_end_at_their_time(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(add(&s, RESPOND_BAN_ADDRESS, "192.0.2.1", NULL, 60), RESPOND_OK);
    assert_int_equal(add(&s, RESPOND_BAN_USER, "eve", NULL, 0), RESPOND_OK);
    stage_wait(&s, 59);
    assert_int_equal(respond_bans(s.r), 2);
    stage_wait(&s, 1);
    assert_did(&s, "ban address 192.0.2.1 - 60", "ban user eve - 0", "unban address 192.0.2.1 -");
    stage_wait(&s, 100000000);
    assert_int_equal(respond_bans(s.r), 1);
    stage_end(&s);
}

#define GOOD                                                                                       \
    "{\"kind\": \"user\", \"subject\": \"eve\", \"created_unix_ms\": 1, \"expires_unix_ms\": 0, "  \
    "\"reason\": \"r\", \"author\": \"admin:a\"}"
#define LIST(bans) "{\"version\": 1, \"bans\": [" bans "]}"

static const struct {
    const char *what;
    const char *text;
    unsigned kept;
} corrupt[] = {
    {"empty", "", 0},
    {"torn", "{\"version\": 1, \"bans\": [", 0},
    {"no object", "[]", 0},
    {"no list", "{\"version\": 1, \"bans\": 5}", 0},
    {"another version", "{\"version\": 2, \"bans\": []}", 0},
    {"no version", "{\"bans\": []}", 0},
    {"a key twice", "{\"version\": 1, \"version\": 1, \"bans\": []}", 0},
    {"zeros", "\x01\x02", 0},
    {"one ban without subject", LIST(GOOD ", {\"kind\": \"user\"}"), 1},
    {"one ban of no kind",
     LIST(
         "{\"kind\": \"king\", \"subject\": \"x\", \"created_unix_ms\": 1, \"expires_unix_ms\": 0, "
         "\"reason\": \"\", \"author\": \"\"}, " GOOD),
     1},
    {"a pair without address",
     LIST("{\"kind\": \"client-address\", \"subject\": \"x\", \"created_unix_ms\": 1, "
          "\"expires_unix_ms\": 0, \"reason\": \"\", \"author\": \"\"}, " GOOD),
     1},
    {"a negative date",
     LIST("{\"kind\": \"user\", \"subject\": \"x\", \"created_unix_ms\": -1, "
          "\"expires_unix_ms\": 0, \"reason\": \"\", \"author\": \"\"}"),
     0},
    {"a ban that is a number", LIST("7"), 0},
};

static void a_corrupt_file_is_moved_aside_and_what_is_sound_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(corrupt); i++) {
        struct stage s;

        print_message("  %s\n", corrupt[i].what);
        stage_begin(&s);
        s.r = respond_free(s.r);
        write_file(&s, corrupt[i].text);
        stage_start(&s);
        assert_int_equal(put_aside(&s), 1);
        assert_int_equal(access(stage_path(&s, "bans.json"), F_OK), -1);
        assert_int_equal(respond_bans(s.r), corrupt[i].kept);
        stage_wait(&s, 1);
        stage_restart(&s);
        assert_int_equal(put_aside(&s), 1);
        assert_int_equal(respond_bans(s.r), corrupt[i].kept);
        stage_end(&s);
    }
}

static void a_file_of_an_older_version_is_taken_over_once(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    s.r = respond_free(s.r);
    write_file(&s, LIST(GOOD));
    stage_start(&s);
    assert_int_equal(put_aside(&s), 0);
    assert_int_equal(access(stage_path(&s, "bans.json"), F_OK), -1);
    assert_int_equal(respond_bans(s.r), 1);
    assert_did_nothing(&s); /* the node asks with respond_bans_each() */
    stage_restart(&s);
    assert_int_equal(respond_bans(s.r), 1);
    stage_end(&s);
}

/* Of one subject there was one row, whatever it was because of. */
static void a_row_of_an_older_version_is_found_again_when_its_ban_is_lifted(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    control_put(
        s.settings.control, CONTROL_BAN, "user\neve\n", 1,
        "{\"kind\":\"user\",\"subject\":\"eve\",\"created_unix_ms\":1,\"expires_unix_ms\":0,"
        "\"reason\":\"r\",\"author\":\"detector:x\",\"incident\":\"I-20261125-0009\"}");
    stage_restart(&s);
    assert_int_equal(respond_bans(s.r), 1);
    assert_int_equal(respond_bans_kept(s.r), 1);
    assert_int_equal(respond_ban_remove(s.r, RESPOND_BAN_USER, "eve", NULL, "admin:alice", s.now),
                     RESPOND_OK);
    stage_restart(&s);
    assert_int_equal(respond_bans(s.r), 0);
    stage_end(&s);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void bans_that_cannot_be_written_are_in_force_and_written_later(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_true(respond_is_kept(s.r));
    limit_files(100);
    assert_int_equal(add(&s, RESPOND_BAN_USER, "eve", NULL, 0), RESPOND_OK);
    assert_did(&s, "ban user eve - 0");
    assert_int_equal(respond_counters(s.r).write_failures, 1);
    assert_false(respond_is_kept(s.r));
    assert_int_equal(respond_bans_kept(s.r), 0);
    limit_files(RLIM_INFINITY);
    assert_int_equal(respond_bans_kept(s.r), 1); /* what waits is written now */
    assert_true(respond_is_kept(s.r));
    stage_restart(&s);
    assert_int_equal(respond_bans(s.r), 1);
    stage_end(&s);
}

/* The third ban of a subject is four times as long, whatever was restarted in between. */
static void the_next_ban_is_longer_also_after_a_restart(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    for (unsigned i = 0; i < 3; i++) {
        stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
        stage_calm(&s, "repeated-auth-failures", SUBJECT_ADDRESS, "203.0.113.9");
        stage_wait(&s, 2500);
        s.now.ns -= 300000 * S; /* the machine, too, was restarted */
        stage_restart(&s);
    }
    assert_did(&s, "ban address 203.0.113.9 - 600", "unban address 203.0.113.9 -",
               "ban address 203.0.113.9 - 1200", "unban address 203.0.113.9 -",
               "ban address 203.0.113.9 - 2400", "unban address 203.0.113.9 -");
    stage_end(&s);
}

static void the_kill_switch_and_who_is_never_acted_on_outlive_a_restart(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_connect(&s, "master", "192.0.2.50", "control");
    assert_int_equal(respond_suspend(s.r, 10, "admin:alice", s.now), RESPOND_OK);
    stage_restart(&s);
    assert_true(respond_protect_has(s.r, SUBJECT_ADDRESS, BYTES("192.0.2.50")));
    assert_true(respond_protect_has(s.r, SUBJECT_CLIENT, BYTES("master")));
    assert_false(respond_protect_has(s.r, SUBJECT_CLIENT, BYTES("192.0.2.50")));
    assert_int_equal(respond_suspended_until_unix_ms(s.r), s.now.unix_ms + 600000);
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
    assert_did_nothing(&s);
    stage_wait(&s, 600);
    stage_restart(&s);
    assert_int_equal(respond_suspended_until_unix_ms(s.r), 0);
    stage_end(&s);
}

static void a_full_list_refuses_people_and_replaces_automatic_bans(void **state)
{
    struct stage s;
    char name[32];

    (void)state;
    stage_begin(&s);
    s.r = respond_free(s.r);
    control_close(s.settings.control);
    s.settings.control = NULL;
    stage_start(&s);
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.1");
    for (unsigned i = 1; i < RESPOND_BANS_MAX; i++) {
        s.n_did = 0;
        snprintf(name, sizeof(name), "c-%u", i);
        assert_int_equal(add(&s, RESPOND_BAN_CLIENT, name, NULL, 1), RESPOND_OK);
    }
    assert_int_equal(add(&s, RESPOND_BAN_CLIENT, "more", NULL, 1), RESPOND_E_LIMIT);
    assert_int_equal(add(&s, RESPOND_BAN_CLIENT, "c-1", NULL, 5), RESPOND_OK);
    s.n_did = 0;
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.2");
    assert_did(&s, "unban address 203.0.113.1 -", "ban address 203.0.113.2 - 600");
    assert_int_equal(
        respond_ban_remove(s.r, RESPOND_BAN_ADDRESS, "203.0.113.2", NULL, "admin:alice", s.now),
        RESPOND_OK);
    assert_int_equal(add(&s, RESPOND_BAN_CLIENT, "more", NULL, 1), RESPOND_OK);
    s.n_did = 0;
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.3");
    assert_did_nothing(&s);
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_FAILED);
    assert_string_equal(incident_action_text(stage_incident(&s)), "alert");
    stage_end(&s);
}

/* An admin's ban that stands is neither shortened nor taken for a detector's. */
static void an_admins_ban_stands_before_an_automatic_one(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(add(&s, RESPOND_BAN_ADDRESS, "203.0.113.1", NULL, 0), RESPOND_OK);
    s.n_did = 0;
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.1");
    assert_did_nothing(&s);
    assert_false(has_action(stage_incident(&s), ACTION_BAN));
    stage_end(&s);
}

static void kinds_have_names_both_ways(void **state)
{
    (void)state;
    for (enum respond_ban_kind k = 0; k < RESPOND_BAN_KIND_N; k++) {
        enum respond_ban_kind parsed = RESPOND_BAN_KIND_N;

        assert_true(respond_ban_kind_parse(respond_ban_kind_text(k), &parsed));
        assert_int_equal(parsed, k);
        assert_false(respond_ban_kind_parse("king", &parsed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bans_are_added_listed_and_lifted),
        cmocka_unit_test(a_ban_of_the_same_subject_is_replaced),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(bans_outlive_a_restart_but_not_their_expiry),
        cmocka_unit_test(what_is_kept_of_a_ban_ends_with_it),
        cmocka_unit_test(bans_end_at_their_time),
        cmocka_unit_test(a_corrupt_file_is_moved_aside_and_what_is_sound_is_kept),
        cmocka_unit_test(a_file_of_an_older_version_is_taken_over_once),
        cmocka_unit_test(a_row_of_an_older_version_is_found_again_when_its_ban_is_lifted),
        cmocka_unit_test(bans_that_cannot_be_written_are_in_force_and_written_later),
        cmocka_unit_test(the_next_ban_is_longer_also_after_a_restart),
        cmocka_unit_test(the_kill_switch_and_who_is_never_acted_on_outlive_a_restart),
        cmocka_unit_test(a_full_list_refuses_people_and_replaces_automatic_bans),
        cmocka_unit_test(an_admins_ban_stands_before_an_automatic_one),
        cmocka_unit_test(kinds_have_names_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
