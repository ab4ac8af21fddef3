/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance/runner_expect.c - what happens on a connection against what a script expects
 *
 *   expect CLIENT [unordered|eventually] STEP {, STEP} {or STEP {, STEP}} [after T] [within T]
 *   expect CLIENT nothing [within T]
 *
 * A step is "closed" or a packet with fields; the steps of one alternative are the next
 * things that happen on the connection, in this order unless "unordered" is said;
 * with "eventually" other things may happen before.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "runner.h"

#define WITHIN_NS        (5 * NS_PER_S)
#define NOTHING_NS       (200 * NS_PER_MS)
#define STEPS_MAX        32
#define ALTERNATIVES_MAX 8

struct step {
    enum packet_type type; /* PACKET_NONE: closed */
    size_t from, to;       /* its fields among the words */
};

struct alternative {
    struct step steps[STEPS_MAX];
    size_t n;
};

struct expectation {
    struct script *script;
    struct client *client;
    const struct words *words;
    struct alternative alternatives[ALTERNATIVES_MAX];
    size_t n;
    uint64_t after_ns;
    uint64_t within_ns;
    bool unordered;
    bool eventually;
    bool nothing;
};

enum fit { FIT_NO, FIT_MORE, FIT_YES };

/* ---- one field ---- */

static bool number_fits(const char *pattern, uint64_t n)
{
    const char *range = strstr(pattern, "..");
    char *end;

    if (range != NULL)
        return n >= strtoull(pattern, NULL, 0) && n <= strtoull(range + 2, NULL, 0);
    for (;;) {
        if (strtoull(pattern, &end, 0) == n && end != pattern)
            return true;
        if (*end != '|')
            return false;
        pattern = end + 1;
    }
}

/* "*" and "?name" fit anything, "!pattern" what the pattern does not, and "!" nothing. */
static bool field_fits(const struct word *w, const struct field *f)
{
    struct bytes wanted = buf_view(&w->value);
    const bool negated = wanted.len > 0 && wanted.at[0] == '!';
    char pattern[64];

    if (wanted.len == 0)
        return f->text.len == 0;
    if (wanted.at[0] == '*' || wanted.at[0] == '?')
        return true;
    if (negated && wanted.len == 1)
        return false;
    if (negated)
        wanted = bytes_of(wanted.at + 1, wanted.len - 1);
    if (!f->is_number)
        return bytes_equal(wanted, buf_view(&f->text)) != negated;
    snprintf(pattern, sizeof(pattern), "%.*s", BYTES_ARG(wanted));
    return number_fits(pattern, f->number) != negated;
}

/* "key=!" is absent; "key=?name:default" may be. */
static bool may_be_absent(const struct word *w)
{
    struct bytes v = buf_view(&w->value);

    return v.len > 0 && v.at[0] == '?' ? memchr(v.at, ':', v.len) != NULL
                                       : v.len == 1 && v.at[0] == '!';
}

/* The fields of one key against the words of one key: as many, in the same order; identifiers of
 * subscriptions have none [MQTT5-3.3.4-4]. */
static bool key_fits(const struct expectation *x, const struct step *s, const struct event *e,
                     const char *key)
{
    const struct word *wanted[WORDS_MAX];
    bool used[WORDS_MAX] = {false};
    const bool in_order = strcmp(key, "subid") != 0;
    size_t n_wanted = 0, n_found = 0;

    for (size_t i = s->from; i < s->to; i++)
        if (strcmp(x->words->at[i].key, key) == 0)
            wanted[n_wanted++] = &x->words->at[i];
    for (size_t i = 0; i < e->n_fields; i++) {
        size_t k = n_found;

        if (strcmp(e->fields[i].key, key) != 0)
            continue;
        if (!in_order)
            for (k = 0; k < n_wanted && (used[k] || !field_fits(wanted[k], &e->fields[i])); k++)
                ;
        if (k >= n_wanted || !field_fits(wanted[k], &e->fields[i]))
            return false;
        used[k] = true;
        n_found++;
    }
    return n_found == 0 ? may_be_absent(wanted[0]) : n_found == n_wanted;
}

static bool step_fits(const struct expectation *x, const struct step *s, const struct event *e)
{
    if (s->type != e->type)
        return false;
    for (size_t i = s->from; i < s->to; i++)
        if (!key_fits(x, s, e, x->words->at[i].key))
            return false;
    return true;
}

/* ---- the alternatives ---- */

static enum fit alternative_fits(const struct expectation *x, const struct alternative *a,
                                 size_t *ret_order)
{
    const struct event *e = x->client->events;
    bool used[STEPS_MAX] = {false};

    for (size_t i = 0; i < a->n; i++, e = e->next) {
        size_t k = i;

        if (e == NULL)
            return FIT_MORE;
        if (x->unordered)
            for (k = 0; k < a->n && (used[k] || !step_fits(x, &a->steps[k], e)); k++)
                ;
        if (k == a->n || !step_fits(x, &a->steps[k], e))
            return FIT_NO;
        used[k] = true;
        ret_order[i] = k;
    }
    return FIT_YES;
}

static void capture(const struct expectation *x, const struct step *s, const struct event *e)
{
    for (size_t i = s->from; i < s->to; i++) {
        const struct word *w = &x->words->at[i];
        const struct field *f = event_find(e, w->key);
        char name[KEY_MAX];
        char *otherwise;

        if (w->value.len < 2 || w->value.at[0] != '?')
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)w->value.len - 1, (const char *)w->value.at + 1);
        otherwise = strchr(name, ':');
        if (otherwise != NULL)
            *otherwise++ = '\0';
        variable_set(x->script, name, f != NULL ? buf_view(&f->text) : bytes_str(otherwise));
    }
}

static void consume(struct expectation *x, const struct alternative *a, const size_t *order)
{
    /* What causes it is in the line before; a busy machine may begin this one late. */
    uint64_t least_ns = x->script->before_ns + x->after_ns;

    for (size_t i = 0; i < a->n; i++) {
        const struct event *e = x->client->events;

        if (x->after_ns > 0 && e->at_ns < least_ns)
            script_fail(x->script, "%s came %llu ms too early", packet_type_name(e->type),
                        (unsigned long long)((least_ns - e->at_ns) / NS_PER_MS));
        capture(x, &a->steps[order[i]], e);
        x->client->events = e->next;
    }
}

static _Noreturn void fail(const struct expectation *x, const char *why)
{
    struct buf seen = {0};

    for (const struct event *e = x->client->events; e != NULL; e = e->next) {
        event_describe(e, &seen);
        if (e->next != NULL)
            buf_addf(&seen, "; ");
    }
    script_fail(x->script, "%s; %s got: %.*s", why, x->client->name,
                seen.len > 0 ? (int)seen.len : 7, seen.len > 0 ? (const char *)seen.at : "nothing");
}

static void wait_for_one(struct expectation *x)
{
    uint64_t until_ns = MIN(clock_now_ns() + x->within_ns, x->script->end_ns);

    for (;;) {
        bool more = false;

        for (size_t i = 0; i < x->n; i++) {
            size_t order[STEPS_MAX];
            enum fit fit = alternative_fits(x, &x->alternatives[i], order);

            if (fit == FIT_YES) {
                consume(x, &x->alternatives[i], order);
                return;
            }
            more = more || fit == FIT_MORE;
        }
        if (!more && x->eventually)
            x->client->events = x->client->events->next;
        else if (!more)
            fail(x, "not what was expected");
        else if (!client_wait(x->script, x->client, until_ns))
            fail(x, "not in time");
    }
}

static void wait_for_nothing(struct expectation *x)
{
    uint64_t until_ns = MIN(clock_now_ns() + x->within_ns, x->script->end_ns);

    if (x->client->events != NULL || client_wait(x->script, x->client, until_ns))
        fail(x, "expected nothing");
}

/* ---- the line ---- */

static void add_step(struct expectation *x, const char *name, size_t from)
{
    struct alternative *a = &x->alternatives[x->n - 1];
    struct step *s = &a->steps[a->n];

    if (a->n == STEPS_MAX)
        script_fail(x->script, "more than %d steps", STEPS_MAX);
    s->type = packet_type_named(name);
    if (s->type == PACKET_NONE && strcmp(name, "closed") != 0)
        script_fail(x->script, "\"%s\" is neither a packet nor closed", name);
    s->from = s->to = from;
    a->n++;
}

static bool option(struct expectation *x, size_t i)
{
    const char *word = x->words->at[i].key;

    if (strcmp(word, "unordered") == 0) {
        x->unordered = true;
        return true;
    }
    if (strcmp(word, "eventually") == 0) {
        x->eventually = true;
        return true;
    }
    if (strcmp(word, "nothing") == 0) {
        x->nothing = true;
        x->within_ns = NOTHING_NS;
        return true;
    }
    return false;
}

/* "after T" and "within T"; Return: how many words they are. */
static size_t duration(struct expectation *x, size_t i)
{
    const bool after = strcmp(x->words->at[i].key, "after") == 0;

    if (!after && strcmp(x->words->at[i].key, "within") != 0)
        return 0;
    if (i + 1 >= x->words->n)
        script_fail(x->script, "%s what?", x->words->at[i].key);
    *(after ? &x->after_ns : &x->within_ns) = text_duration_ns(x->script, x->words->at[i + 1].key);
    return 2;
}

static void read_line(struct expectation *x)
{
    bool step_begins = true;

    for (size_t i = 2; i < x->words->n; i++) {
        const struct word *w = &x->words->at[i];
        size_t n = duration(x, i);

        if (n > 0) {
            i += n - 1;
        } else if (strcmp(w->key, ",") == 0) {
            step_begins = true;
        } else if (strcmp(w->key, "or") == 0) {
            if (x->n == ALTERNATIVES_MAX)
                script_fail(x->script, "more than %d alternatives", ALTERNATIVES_MAX);
            x->n++;
            step_begins = true;
        } else if (step_begins && !option(x, i)) {
            add_step(x, w->key, i + 1);
            step_begins = false;
        } else if (!step_begins) {
            struct alternative *a = &x->alternatives[x->n - 1];

            if (!w->has_value)
                script_fail(x->script, "field \"%s\" of what?", w->key);
            a->steps[a->n - 1].to = i + 1;
        }
    }
}

/* DISCONNECT before an error closes the connection is a SHOULD; --lenient takes the closing alone.
 */
static void allow_bare_close(struct expectation *x)
{
    for (size_t i = 0; i < x->n && x->n < ALTERNATIVES_MAX; i++) {
        const struct alternative *a = &x->alternatives[i];

        if (a->n != 2 || a->steps[0].type != PACKET_DISCONNECT || a->steps[1].type != PACKET_NONE)
            continue;
        x->alternatives[x->n++] = (struct alternative){.steps = {a->steps[1]}, .n = 1};
        return;
    }
}

/** expect_line() - wait until what the line says has happened, or fail the script */
void expect_line(struct script *s, const struct words *w)
{
    struct expectation x = {.script = s, .words = w, .n = 1, .within_ns = WITHIN_NS};

    if (w->n < 3)
        script_fail(s, "expect CLIENT WHAT");
    x.client = client_named(s, w->at[1].key, true);
    read_line(&x);
    if (s->lenient)
        allow_bare_close(&x);
    if (x.nothing)
        wait_for_nothing(&x);
    else
        wait_for_one(&x);
}
