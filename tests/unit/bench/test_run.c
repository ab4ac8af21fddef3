/* SPDX-License-Identifier: Apache-2.0 */
/* Whole runs, against a broker that makes one mistake: it has to be found, and nothing else. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "bench/private.h"
#include "unit/bench/broker.h"
#include "unit/unit.h"

static bool refuse(const char *socket_path, const char *path, const char *body, char **ret_error)
{
    (void)socket_path;
    (void)path;
    (void)body;
    *ret_error = bytes_dup_str(BYTES("no"));
    return false;
}

/* Run with standard output in a file; Return: the exit status, and what was written. */
static int run(const char *const *words, uint16_t port, json_t **ret)
{
    char port_text[8];
    char *argv[24] = {(char *)(uintptr_t) "bench"};
    FILE *file = tmpfile();
    int before = dup(STDOUT_FILENO);
    int argc = 1, rc;

    (void)snprintf(port_text, sizeof(port_text), "%u", port);
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    argv[argc++] = (char *)(uintptr_t) "--port";
    argv[argc++] = port_text;
    argv[argc++] = (char *)(uintptr_t) "--json";
    check(file != NULL && before >= 0);
    check(fflush(stdout) == 0 && dup2(fileno(file), STDOUT_FILENO) >= 0);
    rc = bench_main(argc, argv, refuse);
    check(fflush(stdout) == 0 && dup2(before, STDOUT_FILENO) >= 0);
    close(before);
    rewind(file);
    *ret = json_loadf(file, 0, NULL);
    (void)fclose(file);
    return rc;
}

static json_int_t result(const json_t *all, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(all, "results"), key));
}

static bool has_problem(const json_t *all, const char *words)
{
    const json_t *problem;
    size_t i;

    json_array_foreach(json_object_get(all, "problems"), i, problem)
    {
        if (strstr(json_string_value(problem), words) != NULL)
            return true;
    }
    return false;
}

static const struct outcome {
    const char *name;
    enum mistake mistake;
    int exit;
    json_int_t lost;
    json_int_t duplicates;
    json_int_t reordered;
    json_int_t corrupt;
    const char *problem; /* some words of it; NULL: none */
} outcomes[] = {
    {"no mistake", MISTAKE_NONE, 0, 0, 0, 0, 0, NULL},
    {"one is lost", MISTAKE_LOSE, 1, 1, 0, 0, 0, "did not come"},
    {"one comes twice", MISTAKE_DOUBLE, 1, 0, 1, 0, 0, "came twice"},
    {"two change places", MISTAKE_SWAP, 1, 0, 0, 1, 0, "after a later one"},
    {"one is changed", MISTAKE_CHANGE, 1, 1, 0, 0, 1, "changed"},
};

static void every_mistake_is_found_and_nothing_else(void **state)
{
    const char *const words[] = {"fanin", "--publishers", "3",  "--duration", "0.3", "--warmup",
                                 "0",     "--window",     "40", NULL};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        const struct outcome *t = &outcomes[i];
        struct broker b;
        json_t *all;

        print_message("  %s\n", t->name);
        broker_start(&b, t->mistake);
        assert_int_equal(run(words, b.port, &all), t->exit);
        broker_stop(&b);
        assert_non_null(all);
        assert_int_equal(json_is_true(json_object_get(all, "ok")), t->problem == NULL);
        assert_true(result(all, "published") > BROKER_MISTAKE_AT);
        assert_int_equal(result(all, "lost"), t->lost);
        assert_int_equal(result(all, "duplicates"), t->duplicates);
        assert_int_equal(result(all, "reordered"), t->reordered);
        assert_int_equal(result(all, "corrupt"), t->corrupt);
        if (t->problem != NULL)
            assert_true(has_problem(all, t->problem));
        json_decref(all);
    }
}

static void two_threads_miss_nothing_either(void **state)
{
    const char *const words[] = {"fanin", "--duration", "0.2", "--threads", "2", NULL};
    struct broker b;
    json_t *all;

    (void)state;
    broker_start(&b, MISTAKE_DOUBLE);
    assert_int_equal(run(words, b.port, &all), BENCH_FAILED);
    broker_stop(&b);
    assert_int_equal(result(all, "duplicates"), 1);
    assert_int_equal(result(all, "lost"), 0);
    json_decref(all);
}

static void in_open_loop_there_is_a_latency_for_each_message(void **state)
{
    const char *const words[] = {"fanin", "--duration", "0.3",  "--warmup",
                                 "0.1",   "--rate",     "2000", NULL};
    struct broker b;
    json_t *all, *results;
    double p50, p99;

    (void)state;
    broker_start(&b, MISTAKE_NONE);
    assert_int_equal(run(words, b.port, &all), BENCH_OK);
    broker_stop(&b);
    results = json_object_get(all, "results");
    p50 = json_real_value(json_object_get(results, "latency_p50_us"));
    p99 = json_real_value(json_object_get(results, "latency_p99_us"));
    assert_true(p50 > 0 && p50 <= p99);
    assert_true(result(all, "published") >= 500 && result(all, "published") <= 700);
    json_decref(all);
}

static const struct failure {
    const char *name;
    enum mistake mistake;
    const char *words; /* of the problem */
} failures[] = {
    {"the connection is closed", MISTAKE_CLOSE, "closed the connection"},
    {"the client is disconnected", MISTAKE_DISCONNECT, "disconnects: Administrative action"},
    {"nobody is let in", MISTAKE_REFUSE_CONNECT, "refuses the connection: Banned"},
    {"no subscription is granted", MISTAKE_REFUSE_SUBSCRIBE, "Not authorized"},
};

static void a_run_that_cannot_go_on_says_why(void **state)
{
    const char *const words[] = {"fanin", "--duration", "0.5", "--warmup", "0", NULL};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        struct broker b;
        json_t *all;

        print_message("  %s\n", failures[i].name);
        broker_start(&b, failures[i].mistake);
        assert_int_equal(run(words, b.port, &all), BENCH_FAILED);
        broker_stop(&b);
        assert_true(has_problem(all, failures[i].words));
        json_decref(all);
    }
}

static void nobody_there_is_an_exit_status_of_its_own(void **state)
{
    const char *const words[] = {"pair", "--duration", "0.2", NULL};
    struct broker b;
    json_t *all;

    (void)state;
    broker_start(&b, MISTAKE_NONE);
    broker_stop(&b); /* its port is free now */
    assert_int_equal(run(words, b.port, &all), BENCH_UNREACHABLE);
    assert_null(all);
}

static void connections_that_wait_are_counted(void **state)
{
    const char *const words[] = {"idle", "--connections", "20", "--duration", "0.1", NULL};
    struct broker b;
    json_t *all;

    (void)state;
    broker_start(&b, MISTAKE_NONE);
    /* This broker answers no ping. */
    assert_int_equal(run(words, b.port, &all), BENCH_FAILED);
    broker_stop(&b);
    assert_true(has_problem(all, "0 of 20"));
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_found_and_nothing_else),
        cmocka_unit_test(two_threads_miss_nothing_either),
        cmocka_unit_test(in_open_loop_there_is_a_latency_for_each_message),
        cmocka_unit_test(a_run_that_cannot_go_on_says_why),
        cmocka_unit_test(nobody_there_is_an_exit_status_of_its_own),
        cmocka_unit_test(connections_that_wait_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
