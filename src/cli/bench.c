/* SPDX-License-Identifier: Apache-2.0 */
/* cli/bench.c - bastide bench: the load generator, given the way to a node's API */
#include "bench/bench.h"

#include <jansson.h>

#include "base/err.h"
#include "base/text.h"
#include "cli/http.h"
#include "cli/verbs.h"

/* What the node answers when it does not do it. */
static char *refusal(const struct http_answer *a)
{
    json_t *said = json_loadb((const char *)a->body.at, a->body.len, 0, NULL);
    const char *text = json_string_value(json_object_get(said, "error"));
    char *all = text_format("the node answers %d: %s", a->status, text_or_empty(text));

    json_decref(said);
    return all;
}

static bool ask(const char *socket_path, const char *path, const char *body, char **ret_error)
{
    struct http_answer a;
    bool done;

    if (http_ask(socket_path, "POST", path, body, &a, ret_error) != HTTP_OK)
        return false;
    done = a.status == 200;
    if (!done)
        *ret_error = refusal(&a);
    http_answer_done(&a);
    return done;
}

/** cli_bench() - bastide bench */
int cli_bench(int argc, char **argv)
{
    return bench_main(argc, argv, ask);
}
