/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/monitor/test_monitor.c - records become lines, files rotate, and who is slow loses */
#include "unit/unit.h"

#include <dirent.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "monitor/private.h"

static char dir[64];

static int dir_make(void **state)
{
    (void)state;
    log_level_set(LOG_ERROR);
    snprintf(dir, sizeof(dir), "/tmp/bastide-monitor-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int dir_remove(void **state)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char path[512];

    (void)state;
    while (d != NULL && (e = readdir(d)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        remove(path);
    }
    closedir(d);
    return rmdir(dir);
}

static struct monitor_record record_of(enum monitor_kind kind)
{
    return (struct monitor_record){
        .kind = kind,
        .at_ns = 5000000000,
        .conn = 7,
        .client_address = BYTES("192.0.2.1"),
        .client_port = 40000,
        .listener_address = BYTES("127.0.0.1"),
        .listener_port = 1883,
        .level = 5,
        .qos = 1,
        .client_id = BYTES("m-1"),
        .topic = BYTES("a/b"),
        .status = BYTES("ok"),
    };
}

static json_t *line_of(const struct monitor_record *r)
{
    struct buf line = {0};
    json_t *o;

    monitor_format(&line, r, (struct monitor_now){6000000000, 1764000001000}, 0xabc);
    assert_int_equal(line.at[line.len - 1], '\n');
    o = json_loadb((char *)line.at, line.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    buf_done(&line);
    return o;
}

static void expect(const json_t *o, const char *json)
{
    json_t *expected = json_loads(json, 0, NULL);
    const char *key;
    json_t *v;

    assert_non_null(expected);
    json_object_foreach(expected, key, v) if (!json_equal(v, json_object_get(o, key)))
        fail_msg("%s is %s", key, json_dumps(json_object_get(o, key), JSON_ENCODE_ANY));
    json_decref(expected);
}

static void a_publish_has_the_fields_of_zeek_and_no_payload(void **state)
{
    struct monitor_record r = record_of(MONITOR_PUBLISH);
    json_t *o;

    (void)state;
    r.payload_len = 1000;
    r.retain = true;
    o = line_of(&r);
    expect(o, "{\"ts\":1764000000.0,\"uid\":\"Cabc000007\",\"id.orig_h\":\"192.0.2.1\","
              "\"id.orig_p\":40000,\"id.resp_h\":\"127.0.0.1\",\"id.resp_p\":1883,"
              "\"from_client\":true,\"retain\":true,\"qos\":\"at least once\",\"status\":\"ok\","
              "\"topic\":\"a/b\",\"payload_len\":1000}");
    assert_null(json_object_get(o, "payload"));
    json_decref(o);
    r.payload = BYTES("x\xff\"\\\n");
    o = line_of(&r);
    expect(o, "{\"payload\":\"x\\\\xff\\\"\\\\\\n\"}");
    json_decref(o);
}

static void a_connect_and_a_subscribe_too(void **state)
{
    struct monitor_record r = record_of(MONITOR_CONNECT);
    json_t *o;

    (void)state;
    r.user = BYTES("alice");
    o = line_of(&r);
    expect(o, "{\"proto_name\":\"MQTT\",\"proto_version\":\"5.0\",\"client_id\":\"m-1\","
              "\"connect_status\":\"ok\",\"will_topic\":\"a/b\",\"user\":\"alice\"}");
    json_decref(o);
    r = record_of(MONITOR_SUBSCRIBE);
    r.granted = 1;
    o = line_of(&r);
    expect(o, "{\"action\":\"MQTT::SUBSCRIBE\",\"topics\":[\"a/b\"],\"qos_levels\":[1],"
              "\"granted_qos_level\":1,\"ack\":true}");
    json_decref(o);
    r.granted = 0x87;
    o = line_of(&r);
    expect(o, "{\"ack\":false}");
    assert_null(json_object_get(o, "granted_qos_level"));
    json_decref(o);
    r.is_unsubscribe = true;
    o = line_of(&r);
    expect(o, "{\"action\":\"MQTT::UNSUBSCRIBE\"}");
    json_decref(o);
}

static void leave_all(struct monitor *m, unsigned n)
{
    struct monitor_record r = record_of(MONITOR_PUBLISH);
    struct monitor_block *b = monitor_block_new();

    for (unsigned i = 0; i < n; i++)
        assert_true(monitor_leave(b, &r));
    monitor_take(m, b);
}

static size_t count_lines(const char *name)
{
    char path[512];
    FILE *f;
    size_t n = 0;
    int c;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "re");
    if (f == NULL)
        return 0;
    while ((c = fgetc(f)) != EOF)
        n += c == '\n';
    fclose(f);
    return n;
}

static void lines_go_to_files_that_are_rotated(void **state)
{
    const struct monitor_settings s = {.log_dir = dir, .log_bytes_max = 100000, .log_files = 2};
    struct monitor *m = monitor_new(&s);
    struct stat st;
    char path[512];

    (void)state;
    assert_int_equal(monitor_start(m), 0);
    for (unsigned i = 0; i < 20; i++) {
        leave_all(m, 100);
        while (monitor_count(m).records < (i + 1) * 100)
            usleep(1000);
    }
    monitor_free(m);
    assert_true(count_lines("mqtt_publish.log") > 0);
    assert_true(count_lines("mqtt_publish.log.1") > 0);
    assert_true(count_lines("mqtt_publish.log.2") > 0);
    assert_int_equal(count_lines("mqtt_publish.log.3"), 0);
    snprintf(path, sizeof(path), "%s/mqtt_publish.log.1", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size <= 100000);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void files_are_opened_anew_when_told(void **state)
{
    const struct monitor_settings s = {.log_dir = dir, .log_bytes_max = 1000000, .log_files = 1};
    struct monitor *m = monitor_new(&s);
    char from[512], to[512];

    (void)state;
    assert_int_equal(monitor_start(m), 0);
    leave_all(m, 1);
    while (monitor_count(m).records < 1)
        usleep(1000);
    snprintf(from, sizeof(from), "%s/mqtt_publish.log", dir);
    snprintf(to, sizeof(to), "%s/moved", dir);
    assert_int_equal(rename(from, to), 0);
    monitor_reopen(m);
    leave_all(m, 2);
    monitor_free(m);
    assert_int_equal(count_lines("moved"), 1);
    assert_int_equal(count_lines("mqtt_publish.log"), 2);
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void slow_tap(void *arg, enum monitor_kind kind, struct bytes lines)
{
    assert_int_equal(kind, MONITOR_PUBLISH);
    *(size_t *)arg += lines.len;
    pthread_mutex_lock(&held);
    pthread_mutex_unlock(&held);
}

static void who_is_slow_delays_nobody_and_what_does_not_fit_is_counted(void **state)
{
    size_t n_bytes = 0;
    const struct monitor_settings s = {.tap = slow_tap, .arg = &n_bytes};
    struct monitor *m = monitor_new(&s);
    struct monitor_counters c;

    (void)state;
    pthread_mutex_lock(&held);
    assert_int_equal(monitor_start(m), 0);
    for (unsigned i = 0; i < 3 * MONITOR_BLOCKS_MAX; i++)
        leave_all(m, 10);
    assert_true(monitor_count(m).dropped >= MONITOR_BLOCKS_MAX * 10);
    pthread_mutex_unlock(&held);
    while (c = monitor_count(m), c.records + c.dropped < 3 * MONITOR_BLOCKS_MAX * 10)
        usleep(1000);
    assert_int_equal(c.records + c.dropped, 3 * MONITOR_BLOCKS_MAX * 10);
    monitor_free(m);
    assert_true(n_bytes > 0);
}

static void a_block_takes_what_fits(void **state)
{
    static char big[MONITOR_TEXT_BYTES_MAX];
    struct monitor_block *b = monitor_block_new();
    struct monitor_record r = record_of(MONITOR_PUBLISH);

    (void)state;
    for (unsigned i = 0; i < MONITOR_RECORDS_MAX; i++)
        assert_true(monitor_leave(b, &r));
    assert_false(monitor_leave(b, &r));
    monitor_block_free(b);
    b = monitor_block_new();
    r.payload = bytes_of(big, sizeof(big));
    assert_false(monitor_leave(b, &r));
    monitor_block_free(b);
}

static void the_folder_is_made_and_one_that_cannot_be_made_is_counted(void **state)
{
    char inner[128];
    struct monitor_settings s = {.log_dir = inner, .log_bytes_max = 1000000};
    struct monitor *m = monitor_new((snprintf(inner, sizeof(inner), "%s/inner", dir), &s));

    (void)state;
    leave_all(m, 3);
    monitor_free(m);
    assert_int_equal(count_lines("inner/mqtt_publish.log"), 3);
    snprintf(inner, sizeof(inner), "%s/inner/mqtt_publish.log", dir);
    assert_int_equal(unlink(inner), 0);

    log_level_set(LOG_ERROR);
    s.log_dir = "/proc/none/here";
    m = monitor_new(&s);
    assert_int_equal(monitor_start(m), 0);
    leave_all(m, 1);
    while (monitor_count(m).write_failures == 0)
        usleep(1000);
    monitor_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publish_has_the_fields_of_zeek_and_no_payload),
        cmocka_unit_test(a_connect_and_a_subscribe_too),
        cmocka_unit_test_setup_teardown(lines_go_to_files_that_are_rotated, dir_make, dir_remove),
        cmocka_unit_test_setup_teardown(files_are_opened_anew_when_told, dir_make, dir_remove),
        cmocka_unit_test(who_is_slow_delays_nobody_and_what_does_not_fit_is_counted),
        cmocka_unit_test(a_block_takes_what_fits),
        cmocka_unit_test_setup_teardown(the_folder_is_made_and_one_that_cannot_be_made_is_counted,
                                        dir_make, dir_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
