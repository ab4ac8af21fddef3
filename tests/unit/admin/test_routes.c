/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "admin/admin.h"
#include "admin/exchange.h"
#include "fake_node.h"

static struct exchange ask(struct node *n, enum exchange_method method, const char *path,
                           const char *query, const char *body)
{
    struct exchange x = {.node = n, .method = method, .author = "admin:test"};

    if (query != NULL)
        assert_non_null(x.query = json_loads(query, 0, NULL));
    if (body != NULL)
        assert_non_null(x.body = json_loads(body, 0, NULL));
    routes_dispatch(&x, path);
    return x;
}

/* clang-format off */
static const struct view {
    const char *path;
    const char *query;
    const char *reply;
} views[] = {
    {"/v1/status",              NULL,                "{\"node\":\"centre-1\"}"},
    {"/v1/clients",             NULL,                "[{\"client_id\":\"m1\",\"limit\":0}]"},
    {"/v1/clients",             "{\"limit\":\"7\"}", "[{\"client_id\":\"m1\",\"limit\":7}]"},
    {"/v1/clients/a%2Fb%20c%25", NULL,               "{\"client_id\":\"a/b c%\"}"},
    {"/v1/clients/a+b",         NULL,                "{\"client_id\":\"a+b\"}"},
    {"/v1/assets",              NULL,                "[\"assets\"]"},
    {"/v1/flows",               NULL,                "[\"flows\"]"},
    {"/v1/bans",                NULL,                "[\"bans\"]"},
    {"/v1/evidence",            NULL,                "[\"evidence\"]"},
    {"/v1/incidents",           NULL,                "[{\"id\":\"I-1\",\"since\":0,\"limit\":0}]"},
    {"/v1/incidents/I-1",       NULL,                "{\"id\":\"I-1\",\"since\":0,\"limit\":0}"},
    {"/v1/incidents", "{\"state\":\"open\",\"severity\":\"high\",\"kind\":\"topic-scan\",\"since_unix_ms\":\"99\",\"limit\":\"2\"}",
     "[{\"id\":\"I-1\",\"state\":\"open\",\"severity\":\"high\",\"kind\":\"topic-scan\",\"since\":99,\"limit\":2}]"},
};
/* clang-format on */

static void each_view_shows_what_the_node_says(void **state)
{
    struct node n = {.stop_fd = -1};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(views); i++) {
        struct exchange x = ask(&n, EXCHANGE_GET, views[i].path, views[i].query, NULL);
        char *text = json_dumps(x.reply, JSON_COMPACT);

        print_message("  %s\n", views[i].path);
        assert_int_equal(x.status, 200);
        assert_string_equal(text, views[i].reply);
        free(text);
        exchange_done(&x);
    }
}

/* clang-format off */
static const struct action {
    const char *path;
    const char *body;
    const char *call;
} actions[] = {
    {"/v1/incidents/I-1/ack",      NULL,                        "ack I-1 -: - by admin:test"},
    {"/v1/incidents/I-1/close",    "{\"note\":\"meter swapped\",\"disposition\":\"benign\"}",
     "close I-1 benign: meter swapped by admin:test"},
    {"/v1/incidents/I-1/rollback", "{}",                        "rollback I-1 -: - by admin:test"},
    {"/v1/incidents/I-1/approve",  NULL,                        "approve I-1 -: - by admin:test"},
    {"/v1/bans", "{\"kind\":\"address\",\"subject\":\"192.0.2.0/24\",\"for_s\":600,\"reason\":\"scan\"}",
     "ban address 192.0.2.0/24 - for 600000 ms: scan by admin:test"},
    {"/v1/bans", "{\"kind\":\"client-address\",\"subject\":\"m1\",\"address\":\"192.0.2.1\"}",
     "ban client-address m1 192.0.2.1 for 0 ms: by hand by admin:test"},
    {"/v1/assets/state", "{\"name\":\"Meter 17\",\"state\":\"maintenance\",\"reason\":\"new battery\"}",
     "state Meter 17 maintenance: new battery by admin:test"},
    {"/v1/assets/inspect", "{\"name\":\"Meter 17\",\"reason\":\"seals whole\"}",
     "inspected Meter 17: seals whole by admin:test"},
    {"/v1/bans/lift", "{\"kind\":\"address\",\"subject\":\"192.0.2.0/24\"}",
     "unban address 192.0.2.0/24 - by admin:test"},
    {"/v1/disconnect", "{\"kind\":\"conn\",\"subject\":\"17\"}", "disconnect conn 17 by admin:test"},
    {"/v1/responses/suspend", "{\"minutes\":30}",               "suspend 30 by admin:test"},
    {"/v1/responses", "{\"what\":\"throttle\",\"target_kind\":\"client\",\"target\":\"m1\",\"amount\":5,\"for_s\":60}",
     "respond throttle client m1 5 60000 - by admin:test"},
    {"/v1/responses", "{\"what\":\"posture\",\"posture\":\"lockdown\",\"reason\":\"drill\",\"dry_run\":true}",
     "respond posture - - 0 0 drill dry by admin:test"},
    {"/v1/responses/undo", "{\"what\":\"quarantine\",\"target_kind\":\"topic\",\"target\":\"a/#\"}",
     "undo quarantine topic a/# by admin:test"},
    {"/v1/orders/O-1/approve",     NULL,                        "approve O-1 by admin:test"},
    {"/v1/orders/O-1/withdraw",    NULL,                        "withdraw O-1 by admin:test"},
    {"/v1/commands/C-1/approve",   "{\"reason\": \"planned\"}",   "approve C-1: planned by admin:test"},
    {"/v1/commands/C-1/withdraw",  NULL,                        "withdraw C-1: by hand by admin:test"},
    {"/v1/audit", "{\"action\":\"user add\",\"object\":\"user m1\",\"reason\":\"role device\"}",
     "user add, user m1: role device by admin:test"},
    {"/v1/audit", "{\"action\":\"user remove\",\"object\":\"user m1\"}", "user remove, user m1: - by admin:test"},
    {"/v1/reload",                 NULL,                        "reload by admin:test"},
};
/* clang-format on */

static void each_action_reaches_the_node_with_its_author(void **state)
{
    struct node n = {.stop_fd = -1, .count = 3, .text = "so it was"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        struct exchange x = ask(&n, EXCHANGE_POST, actions[i].path, NULL, actions[i].body);

        print_message("  %s\n", actions[i].call);
        assert_int_equal(x.status, 200);
        assert_string_equal(n.call, actions[i].call);
        assert_true(json_is_true(json_object_get(x.reply, "done")));
        assert_string_equal(json_string_value(json_object_get(x.reply, "text")), "so it was");
        exchange_done(&x);
    }
}

static void a_stop_is_answered_before_it_is_done(void **state)
{
    struct node n = {.stop_fd = -1};
    struct exchange x = ask(&n, EXCHANGE_POST, "/v1/stop", NULL, NULL);

    (void)state;
    assert_int_equal(x.status, 200);
    assert_true(x.stops);
    assert_string_equal(n.call, "");
    exchange_done(&x);
}

/* clang-format off */
static const struct refusal {
    const char *why;
    int status;
    enum exchange_method method;
    const char *path;
    const char *query;
    const char *body;
} refusals[] = {
    {"no such path",                  404, EXCHANGE_GET,   "/v2/status", NULL, NULL},
    {"a path that goes on",           404, EXCHANGE_GET,   "/v1/status/x", NULL, NULL},
    {"a path that ends early",        404, EXCHANGE_GET,   "/v1", NULL, NULL},
    {"an empty parameter",            404, EXCHANGE_GET,   "/v1/clients/", NULL, NULL},
    {"more segments than any route",  404, EXCHANGE_GET,   "/a/b/c/d/e/f/g/h/i/j", NULL, NULL},
    {"a zero in a segment",           404, EXCHANGE_GET,   "/v1/clients/m1%00x", NULL, NULL},
    {"a segment that is no UTF-8",    404, EXCHANGE_GET,   "/v1/clients/%ff", NULL, NULL},
    {"an unknown client",             404, EXCHANGE_GET,   "/v1/clients/nobody", NULL, NULL},
    {"an unknown incident",           404, EXCHANGE_GET,   "/v1/incidents/I-2", NULL, NULL},
    {"the wrong method",              405, EXCHANGE_POST,  "/v1/status", NULL, NULL},
    {"an action by GET",              405, EXCHANGE_GET,   "/v1/stop", NULL, NULL},
    {"another method",                405, EXCHANGE_OTHER, "/v1/bans", NULL, NULL},
    {"a parameter of none",           400, EXCHANGE_GET,   "/v1/status", "{\"limit\":\"1\"}", NULL},
    {"an unknown parameter",          400, EXCHANGE_GET,   "/v1/clients", "{\"lim\":\"1\"}", NULL},
    {"a beginning of a name",         400, EXCHANGE_GET,   "/v1/incidents", "{\"sev\":\"low\"}", NULL},
    {"a limit that is no number",     400, EXCHANGE_GET,   "/v1/clients", "{\"limit\":\"1x\"}", NULL},
    {"a negative limit",              400, EXCHANGE_GET,   "/v1/clients", "{\"limit\":\"-1\"}", NULL},
    {"an endless limit",              400, EXCHANGE_GET,   "/v1/clients", "{\"limit\":\"99999999999999999999\"}", NULL},
    {"an unknown state",              400, EXCHANGE_GET,   "/v1/incidents", "{\"state\":\"done\"}", NULL},
    {"an unknown severity",           400, EXCHANGE_GET,   "/v1/incidents", "{\"severity\":\"bad\"}", NULL},
    {"a body with GET",               400, EXCHANGE_GET,   "/v1/status", NULL, "{\"a\":1}"},
    {"a query with POST",             400, EXCHANGE_POST,  "/v1/disconnect", "{\"kind\":\"user\"}", "{\"kind\":\"user\",\"subject\":\"a\"}"},
    {"a misspelt member",             400, EXCHANGE_POST,  "/v1/bans", NULL, "{\"kind\":\"user\",\"subject\":\"a\",\"for_seconds\":9}"},
    {"no body",                       400, EXCHANGE_POST,  "/v1/bans", NULL, NULL},
    {"no subject",                    400, EXCHANGE_POST,  "/v1/bans", NULL, "{\"kind\":\"user\"}"},
    {"an empty subject",              400, EXCHANGE_POST,  "/v1/bans", NULL, "{\"kind\":\"user\",\"subject\":\"\"}"},
    {"a kind that is a number",       400, EXCHANGE_POST,  "/v1/bans", NULL, "{\"kind\":1,\"subject\":\"a\"}"},
    {"an unknown kind of ban",        400, EXCHANGE_POST,  "/v1/bans", NULL, "{\"kind\":\"host\",\"subject\":\"a\"}"},
    {"a time below zero",             400, EXCHANGE_POST,  "/v1/bans", NULL, "{\"kind\":\"user\",\"subject\":\"a\",\"for_s\":-1}"},
    {"a time that is a text",         400, EXCHANGE_POST,  "/v1/bans", NULL, "{\"kind\":\"user\",\"subject\":\"a\",\"for_s\":\"10m\"}"},
    {"a time that overflows",         400, EXCHANGE_POST,  "/v1/bans", NULL, "{\"kind\":\"user\",\"subject\":\"a\",\"for_s\":9223372036854775807}"},
    {"an unknown kind of subject",    400, EXCHANGE_POST,  "/v1/disconnect", NULL, "{\"kind\":\"host\",\"subject\":\"a\"}"},
    {"no minutes",                    400, EXCHANGE_POST,  "/v1/responses/suspend", NULL, "{}"},
    {"a suspension over a day",       400, EXCHANGE_POST,  "/v1/responses/suspend", NULL, "{\"minutes\":1441}"},
    {"a note on a rollback",          400, EXCHANGE_POST,  "/v1/incidents/I-1/rollback", NULL, "{\"note\":\"x\"}"},
    {"a judgement on an ack",         400, EXCHANGE_POST,  "/v1/incidents/I-1/ack", NULL, "{\"disposition\":\"true\"}"},
    {"an entry without a change",     400, EXCHANGE_POST,  "/v1/audit", NULL, "{\"object\":\"user a\"}"},
    {"an entry of nobody",            400, EXCHANGE_POST,  "/v1/audit", NULL, "{\"action\":\"user add\"}"},
    {"an entry under another name",   400, EXCHANGE_POST,  "/v1/audit", NULL, "{\"action\":\"user add\",\"object\":\"user a\",\"actor\":\"node\"}"},
    {"a note that is no text",        400, EXCHANGE_POST,  "/v1/incidents/I-1/ack", NULL, "{\"note\":5}"},
};
/* clang-format on */

static void what_is_wrong_is_refused_with_advice_and_does_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const struct refusal *t = &refusals[i];
        struct node n = {.stop_fd = -1};
        struct exchange x = ask(&n, t->method, t->path, t->query, t->body);

        print_message("  %s\n", t->why);
        assert_int_equal(x.status, t->status);
        assert_true(json_string_length(json_object_get(x.reply, "error")) > 0);
        assert_true(json_string_length(json_object_get(x.reply, "what_to_do")) > 0);
        assert_string_equal(n.call, "");
        assert_false(x.stops);
        exchange_done(&x);
    }
}

static void a_reason_has_a_longest_length(void **state)
{
    for (size_t len = ADMIN_TEXT_BYTES_MAX; len <= ADMIN_TEXT_BYTES_MAX + 1; len++) {
        struct node n = {.stop_fd = -1};
        struct exchange x = {.node = &n, .method = EXCHANGE_POST, .author = "admin:test"};
        char reason[ADMIN_TEXT_BYTES_MAX + 2] = "";

        (void)state;
        memset(reason, 'r', len);
        x.body = json_pack("{s:s, s:s, s:s}", "kind", "user", "subject", "a", "reason", reason);
        routes_dispatch(&x, "/v1/bans");
        assert_int_equal(x.status, len == ADMIN_TEXT_BYTES_MAX ? 200 : 400);
        exchange_done(&x);
    }
}

/* clang-format off */
static const struct {
    enum node_answer answer;
    int status;
    bool has_advice; /* besides the node's own sentence */
} answers[] = {
    {NODE_OK, 200, false}, {NODE_E_INVALID, 400, false}, {NODE_E_NOT_FOUND, 404, false},
    {NODE_E_CONFLICT, 409, false}, {NODE_E_LIMIT, 429, true}, {NODE_HELD, 202, false},
    {NODE_E_FAILED, 500, true},
};
/* clang-format on */

static void each_answer_of_the_node_has_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct node n = {.stop_fd = -1, .answer = answers[i].answer};
        struct exchange x = ask(&n, EXCHANGE_POST, "/v1/reload", NULL, NULL);
        const char *member = answers[i].answer == NODE_OK ? "text" : "error";

        assert_int_equal(x.status, answers[i].status);
        assert_string_equal(json_string_value(json_object_get(x.reply, member)),
                            node_answer_text(answers[i].answer));
        assert_int_equal(json_object_get(x.reply, "what_to_do") != NULL, answers[i].has_advice);
        exchange_done(&x);
    }
}

static void a_text_that_is_no_utf_8_does_not_lose_the_answer(void **state)
{
    struct node n = {.stop_fd = -1, .answer = NODE_E_NOT_FOUND, .text = "no \xff there"};
    struct exchange x = ask(&n, EXCHANGE_POST, "/v1/reload", NULL, NULL);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(x.reply, "error")), "no ? there");
    exchange_done(&x);
}

/* clang-format off */
static const struct treacherous {
    const char *body;
    const char *error; /* its beginning */
} treacherous[] = {
    {"{\"row\":{\"notes\":\"it\\nwas\"}}",              "row.notes: character 3 is U+000A, which "},
    {"{\"row\":{\"a\":[\"x\",{\"b\":\"\\u001b[2J\"}]}}", "row.a[1].b: character 1 is U+001B, which "},
    {"{\"row\":{\"by\":\"bob\\u202e\"}}",               "row.by: character 4 is U+202E, which "},
    {"{\"row\":{\"in\":{\"a\\tb\":1}}}",                "a name in row.in: character 2 is U+0009, which "},
};
/* clang-format on */

static void a_record_that_would_not_be_seen_as_it_is_is_refused_and_told_where(void **state)
{
    struct node n = {.stop_fd = -1};
    struct exchange x = ask(&n, EXCHANGE_POST, "/v1/records/drill", NULL,
                            "{\"row\":{\"a\":[\"\u00e4\",{\"b\":null}],\"c\":\"\",\"d\":1.5}}");

    (void)state;
    assert_int_equal(x.status, 200);
    exchange_done(&x);
    for (size_t i = 0; i < COUNT_OF(treacherous); i++) {
        const struct treacherous *t = &treacherous[i];
        const char *error;

        x = ask(&n, EXCHANGE_POST, "/v1/records/drill", NULL, t->body);
        assert_int_equal(x.status, 400);
        error = json_string_value(json_object_get(x.reply, "error"));
        print_message("  %s\n", error);
        assert_true(bytes_has_prefix(bytes_str(error), bytes_str(t->error)));
        assert_non_null(json_object_get(x.reply, "what_to_do"));
        exchange_done(&x);
    }
}

static void metrics_are_prometheus_text(void **state)
{
    struct node n = {.stop_fd = -1};
    struct exchange x = ask(&n, EXCHANGE_GET, "/metrics", NULL, NULL);

    (void)state;
    buf_add_u8(&x.text, 0);
    assert_null(x.reply);
    assert_string_equal((const char *)x.text.at,
                        "# HELP bastide_connections open \\\\ now\\nand here\n"
                        "# TYPE bastide_connections gauge\n"
                        "bastide_connections 3\n"
                        "# HELP bastide_dropped_total lost\n"
                        "# TYPE bastide_dropped_total counter\n"
                        "bastide_dropped_total{why=\"queue \\\"full\\\"\\\\\\n\"} 7\n"
                        "bastide_dropped_total{why=\"quota\"} 0.5\n");
    exchange_done(&x);
}

static void the_root_lists_every_route(void **state)
{
    const struct admin_route_text *texts = NULL;
    size_t n_texts = admin_routes_describe(&texts);
    struct node n = {.stop_fd = -1};
    struct exchange x = ask(&n, EXCHANGE_GET, "/", NULL, NULL);

    (void)state;
    assert_int_equal(json_array_size(x.reply), n_texts);
    for (size_t i = 0; i < n_texts; i++) {
        const json_t *one = json_array_get(x.reply, i);

        assert_string_equal(json_string_value(json_object_get(one, "path")), texts[i].pattern);
        assert_string_equal(json_string_value(json_object_get(one, "method")), texts[i].method);
    }
    exchange_done(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_view_shows_what_the_node_says),
        cmocka_unit_test(each_action_reaches_the_node_with_its_author),
        cmocka_unit_test(a_stop_is_answered_before_it_is_done),
        cmocka_unit_test(what_is_wrong_is_refused_with_advice_and_does_nothing),
        cmocka_unit_test(a_reason_has_a_longest_length),
        cmocka_unit_test(each_answer_of_the_node_has_its_status),
        cmocka_unit_test(a_text_that_is_no_utf_8_does_not_lose_the_answer),
        cmocka_unit_test(a_record_that_would_not_be_seen_as_it_is_is_refused_and_told_where),
        cmocka_unit_test(metrics_are_prometheus_text),
        cmocka_unit_test(the_root_lists_every_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
