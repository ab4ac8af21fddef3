/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_admin.c - a question to the API: "POST /path?query", and behind a line end its
 * body
 *
 * Every question has one answer; a view changes nothing; what is refused was not done.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "admin/exchange.h"
#include "unit/admin/fake_node.h"

static enum exchange_method take_method(struct bytes *line)
{
    const uint8_t *end = line->len > 0 ? memchr(line->at, ' ', line->len) : NULL;
    struct bytes word = bytes_of(line->at, end != NULL ? (size_t)(end - line->at) : line->len);
    size_t n = MIN(word.len + 1, line->len);

    *line = bytes_of(line->at + n, line->len - n);
    if (bytes_equal(word, BYTES("GET")))
        return EXCHANGE_GET;
    return bytes_equal(word, BYTES("POST")) ? EXCHANGE_POST : EXCHANGE_OTHER;
}

static void check_answer(const struct exchange *x, const struct node *n)
{
    bool is_refused = x->status >= 400 && x->status < 500;

    check(x->status >= 200 && x->status <= 599);
    check((x->reply != NULL) != (x->text.len > 0));
    if (is_refused) {
        check(json_string_length(json_object_get(x->reply, "error")) > 0);
        check(json_string_length(json_object_get(x->reply, "what_to_do")) > 0);
        check(!x->stops);
    }
    check(n->call[0] == '\0' || (!is_refused && x->method == EXCHANGE_POST));
    check(x->status != 405 || x->allows[0] != '\0');
}

static void ask(struct bytes line, struct bytes body)
{
    struct node n = {.answer = NODE_OK, .stop_fd = -1};
    struct exchange x = {.node = &n, .method = take_method(&line), .author = "admin:test"};
    char *path = bytes_dup_str(line);
    char *query = strchr(path, '?');
    char *reply;

    if (query != NULL)
        *query++ = '\0';
    exchange_read_query(&x, query);
    exchange_read_body(&x, body);
    if (x.status == 0)
        routes_dispatch(&x, path);
    check_answer(&x, &n);
    reply = x.reply != NULL ? json_dumps(x.reply, JSON_COMPACT) : NULL;
    check((reply != NULL) == (x.reply != NULL));
    free(reply);
    free(path);
    exchange_done(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t len = end != NULL ? (size_t)(end - data) : size;

    ask(bytes_of(data, len), end != NULL ? bytes_of(end + 1, size - len - 1) : BYTES_NONE);
    return 0;
}
