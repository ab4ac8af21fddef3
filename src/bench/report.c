/* SPDX-License-Identifier: Apache-2.0 */
/* bench/report.c - what was measured, as a table for people or as JSON */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "bench/private.h"

#define LABEL_COLUMNS 34
#define VALUE_COLUMNS 14

/** report_init() - an empty one */
void report_init(struct report *r)
{
    *r = (struct report){
        .parameters = json_object(), .results = json_object(), .problems = json_array()};
}

/** report_done() - free what @r owns */
void report_done(struct report *r)
{
    json_decref(r->parameters);
    json_decref(r->results);
    json_decref(r->problems);
    buf_done(&r->table);
}

static void add_row(struct report *r, const char *label, const char *value, const char *unit)
{
    buf_addf(&r->table, "  %-*s %*s %s\n", LABEL_COLUMNS, label, VALUE_COLUMNS, value, unit);
}

/* 1234567 as 1 234 567. */
static const char *grouped(uint64_t value, char ret[32])
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
    size_t at = 0;

    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            ret[at++] = ' ';
        ret[at++] = digits[i];
    }
    ret[at] = '\0';
    return ret;
}

/** report_count() - a row with a whole number; @unit is "" for none */
void report_count(struct report *r, const char *key, const char *label, uint64_t value,
                  const char *unit)
{
    char text[32];

    check(json_object_set_new(r->results, key, json_integer((json_int_t)value)) == 0);
    add_row(r, label, grouped(value, text), unit);
}

/** report_real() - a row with a number that was measured: three digits at least */
void report_real(struct report *r, const char *key, const char *label, double value,
                 const char *unit)
{
    char text[32];

    check(json_object_set_new(r->results, key, json_real(value)) == 0);
    if (value >= 1000)
        (void)grouped((uint64_t)(value + 0.5), text);
    else
        (void)snprintf(text, sizeof(text), "%.*f", value < 10 ? 3 : value < 100 ? 2 : 1, value);
    add_row(r, label, text, unit);
}

/**
 * report_latency() - quantiles of @h, which holds nanoseconds
 * @key:   the beginning of the results' names
 * @what:  the beginning of the rows' labels
 */
void report_latency(struct report *r, const char *key, const char *what, const struct hist *h)
{
    static const struct {
        double q;
        const char *key;
        const char *label;
    } rows[] = {{0.5, "p50", "median"},
                {0.9, "p90", "90 %"},
                {0.99, "p99", "99 %"},
                {0.999, "p99_9", "99.9 %"},
                {1, "max", "maximum"}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char full[64], label[64];

        (void)snprintf(full, sizeof(full), "%s_%s_us", key, rows[i].key);
        (void)snprintf(label, sizeof(label), "%s, %s", what, rows[i].label);
        report_real(r, full, label, (double)hist_quantile(h, rows[i].q) / 1e3, "µs");
    }
}

/** report_problem() - the broker did not do what it should have: the run has failed */
void report_problem(struct report *r, const char *format, ...)
{
    char *text;
    va_list args;

    va_start(args, format);
    text = text_vformat(format, args);
    va_end(args);
    check(json_array_append_new(r->problems, json_string_nocheck(text)) == 0);
    free(text);
}

/**
 * report_usage() - rows of what the broker and this program have used between @from and @to
 * @kind:  what it is divided by
 * @key:   "message", for the results' names
 * @unit:  "message delivered", for the rows
 */
void report_usage(struct bench *b, const struct meter *from, const struct meter *to,
                  enum tally kind, const char *key, const char *unit)
{
    uint64_t n = to->counts[kind] - from->counts[kind];
    char full[64], label[64];

    if (n == 0)
        return;
    (void)snprintf(label, sizeof(label), "µs per %s", unit);
    if (b->o.pid != 0) {
        (void)snprintf(full, sizeof(full), "broker_cpu_us_per_%s", key);
        report_real(&b->report, full, "CPU time of the broker",
                    (double)(to->broker.cpu_ns - from->broker.cpu_ns) / 1e3 / (double)n, label);
    }
    (void)snprintf(full, sizeof(full), "own_cpu_us_per_%s", key);
    report_real(&b->report, full, "CPU time of this program",
                (double)(to->own_cpu_ns - from->own_cpu_ns) / 1e3 / (double)n, label);
}

static void write_text(const struct bench *b, const struct report *r)
{
    const char *key;
    json_t *value;
    size_t i;

    (void)printf("bench %s:", b->scenario->name);
    json_object_foreach(r->parameters, key, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(4));

        if (json_is_string(value))
            (void)printf(" %s %s,", key, json_string_value(value));
        else
            (void)printf(" %s %s,", key, text);
        free(text);
    }
    (void)printf("\n\n%.*s\n", BYTES_ARG(buf_view(&r->table)));
    json_array_foreach(r->problems, i, value)(void)
        printf("FAILED: %s\n", json_string_value(value));
    if (b->interrupted)
        (void)printf("interrupted: that is what was measured so far\n");
    else if (json_array_size(r->problems) == 0)
        (void)printf("ok: nothing was lost, changed, out of order or there twice\n");
}

/** report_write() - to standard output, in the form that was asked for */
void report_write(struct bench *b)
{
    struct report *r = &b->report;
    json_t *all;

    if (!b->o.json) {
        write_text(b, r);
        return;
    }
    all = json_pack("{s:s, s:O, s:O, s:O, s:b, s:b}", "scenario", b->scenario->name, "parameters",
                    r->parameters, "results", r->results, "problems", r->problems, "ok",
                    json_array_size(r->problems) == 0, "interrupted", b->interrupted);
    check(all != NULL);
    (void)json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    (void)putchar('\n');
    json_decref(all);
}
