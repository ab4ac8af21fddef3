/* SPDX-License-Identifier: Apache-2.0 */
/* admin/exchange.c - see exchange.h */
#include "admin/exchange.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"

#define EXCHANGE_ERROR_LEN 4096 /* the errors of a configuration, one a line; cut after that */

/** exchange_done() - free all that @x owns */
void exchange_done(struct exchange *x)
{
    free(x->param);
    json_decref(x->query);
    json_decref(x->body);
    json_decref(x->reply);
    buf_done(&x->text);
}

/**
 * exchange_reply() - 200 with @reply
 * @reply:  consumed; not NULL, which would be a bug of who made it
 */
void exchange_reply(struct exchange *x, json_t *reply)
{
    check(x->status == 0);
    check(reply != NULL);
    x->status = 200;
    x->reply = reply;
}

/* A text from wherever: bytes that are no UTF-8 must not lose the answer. */
static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);
    char *plain;

    if (json != NULL)
        return json;
    plain = text_dup(text_or_empty(text));
    for (char *c = plain; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    json = json_string(plain);
    free(plain);
    return json;
}

/**
 * exchange_refuse() - the error body that every refusal has
 * @status:      of HTTP
 * @what_to_do:  for the person who asked; NULL: nothing that @format does not say
 * @format:      what is wrong
 */
void exchange_refuse(struct exchange *x, int status, const char *what_to_do, const char *format,
                     ...)
{
    char what[EXCHANGE_ERROR_LEN];
    va_list args;

    check(x->status == 0);
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    x->status = status;
    x->reply = json_object();
    json_object_set_new(x->reply, "error", text_json(what));
    if (what_to_do != NULL)
        json_object_set_new(x->reply, "what_to_do", json_string(what_to_do));
}

/* clang-format off */
static const struct {
    int status; /* of HTTP */
    const char *advice; /* NULL: the node's sentence says it */
} answers[] = {
    [NODE_OK]          = {200, "nothing"},
    [NODE_E_INVALID]   = {400, NULL},
    [NODE_E_NOT_FOUND] = {404, NULL},
    [NODE_E_CONFLICT]  = {409, NULL},
    [NODE_E_LIMIT]     = {429, "remove what is no longer needed, or raise the limit in the configuration"},
    [NODE_HELD]        = {202, NULL},
    [NODE_E_FAILED]    = {500, "read the node's log"},
};
/* clang-format on */

/**
 * exchange_answer() - what the node said to an action
 * @count:  how many were hit; NULL when the action has none
 * @text:   the node's sentence; consumed; NULL: the answer's own text
 */
void exchange_answer(struct exchange *x, enum node_answer a, const unsigned *count, char *text)
{
    const char *said = text != NULL ? text : node_answer_text(a);

    check(a < COUNT_OF(answers));
    if (a != NODE_OK) {
        exchange_refuse(x, answers[a].status, answers[a].advice, "%s", said);
    } else {
        json_t *reply = json_object();

        json_object_set_new(reply, "done", json_true());
        json_object_set_new(reply, "text", text_json(said));
        if (count != NULL)
            json_object_set_new(reply, "count", json_integer(*count));
        exchange_reply(x, reply);
    }
    free(text);
}

/**
 * exchange_read_query() - the parameters in an address
 * @text:  what is behind its "?", percent-encoded; NULL: nothing
 *
 * Afterwards @x has a query, or its answer if that cannot be read.
 */
void exchange_read_query(struct exchange *x, const char *text)
{
    struct evkeyvalq pairs;
    struct evkeyval *pair;

    if (text == NULL || text[0] == '\0')
        return;
    if (evhttp_parse_query_str(text, &pairs) < 0) {
        exchange_refuse(x, 400, "write it as name=value&name=value",
                        "the query of the address cannot be read");
        return;
    }
    x->query = json_object();
    for (pair = pairs.tqh_first; pair != NULL && x->status == 0; pair = pair->next.tqe_next) {
        if (json_object_get(x->query, pair->key) != NULL ||
            json_object_set_new(x->query, pair->key, json_string(pair->value)) < 0)
            exchange_refuse(x, 400, "give each once, in UTF-8, percent-encoded",
                            "a parameter of the query is twice there or no UTF-8");
    }
    evhttp_clear_headers(&pairs);
}

/**
 * exchange_read_body() - one JSON object, or nothing
 *
 * Afterwards @x has a body, or its answer if that is none.
 */
void exchange_read_body(struct exchange *x, struct bytes text)
{
    json_error_t error;

    if (text.len == 0 || x->status != 0)
        return;
    x->body = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, &error);
    if (x->body == NULL)
        exchange_refuse(x, 400, "send one JSON object", "the body is not JSON: %s", error.text);
    else if (!json_is_object(x->body))
        exchange_refuse(x, 400, "send one JSON object", "the body is not a JSON object");
}

static bool is_listed(const char *name, const char *takes)
{
    size_t len = strlen(name);

    while (takes != NULL && *takes != '\0') {
        size_t word = strcspn(takes, " ");

        if (word == len && memcmp(takes, name, len) == 0)
            return true;
        takes += word + strspn(takes + word, " ");
    }
    return false;
}

/**
 * exchange_takes() - is every member of @from one that the route takes?
 * @from:   object, or NULL
 * @takes:  names with a space between; NULL: none
 *
 * A misspelt member must not be a member left out: a ban "for" ever because
 * "for_seconds" was ignored.
 *
 * Return: false when not, and then @x has its answer.
 */
bool exchange_takes(struct exchange *x, const json_t *from, const char *takes)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)from, name, value)
    {
        if (is_listed(name, takes))
            continue;
        if (takes == NULL)
            exchange_refuse(x, 400, "send none", "\"%s\": this takes no parameters", name);
        else
            exchange_refuse(x, 400, "GET / lists the routes and what each takes",
                            "\"%s\" is not one of: %s", name, takes);
        return false;
    }
    return true;
}
