/* SPDX-License-Identifier: Apache-2.0 */
/* lab/narrator.c - what the lab tells a person, or a program with --json */
#include "lab/narrator.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

#define ACTOR_WIDTH 16

/** screen_colour() - an escape sequence, or nothing where there are no colours */
const char *screen_colour(const struct lab_options *o, const char *code)
{
    return o->has_colours ? code : "";
}

/** screen_mark() - a check mark or a cross */
const char *screen_mark(const struct lab_options *o, bool is_good)
{
    if (o->is_ascii)
        return is_good ? "ok" : "NO";
    return is_good ? "✓" : "✗";
}

#define GREEN  "\033[32m"
#define RED    "\033[31m"
#define DIM    "\033[2m"
#define BOLD   "\033[1m"
#define NORMAL "\033[0m"

static bool tells_story(const struct lab_options *o)
{
    return !o->is_quiet && !o->is_json;
}

/* Takes @line. */
static void print_json(json_t *line)
{
    check(line != NULL);
    check(json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) == 0);
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

/** narrate_begin() - before the first process is started */
void narrate_begin(const struct lab_options *o, const struct lab_home *h)
{
    if (!tells_story(o))
        return;
    printf(
        "%sField message bus test lab%s (Appendix A): five MQTT clients over TLS to %s port %u\n",
        screen_colour(o, BOLD), screen_colour(o, NORMAL), h->address, h->port);
    fflush(stdout);
}

static void add_state(json_t *line, const struct lab_state *s)
{
    if (s->source_v != 0)
        json_object_set_new(line, "source_volts", json_real(s->source_v));
    if (s->meter_v != 0)
        json_object_set_new(line, "meter_volts", json_real(s->meter_v));
    if (s->cap_is_known)
        json_object_set_new(line, "cap_bank", json_string(s->cap_is_closed ? "closed" : "open"));
}

/** narrate_event() - each report, step or not; --json only, but for who is there */
void narrate_event(const struct lab_options *o, const struct lab_report *r)
{
    const struct lab_actor *a = lab_actors[r->actor];
    json_t *line;

    if (!o->is_json) {
        if (tells_story(o) && r->kind == LAB_READY)
            printf("  %s%s%s %-*s %s\n", screen_colour(o, GREEN), screen_mark(o, true),
                   screen_colour(o, NORMAL), ACTOR_WIDTH, a->id, a->title);
        return;
    }
    line = json_pack("{s:s, s:I, s:s, s:s}", "event", lab_report_text(r->kind), "at_unix_ms",
                     (json_int_t)r->at_unix_ms, "client_id", a->id, "title", a->title);
    check(line != NULL);
    add_state(line, &r->state);
    print_json(line);
}

/** narrate_step() - a step of the scenario has come */
void narrate_step(const struct lab_options *o, const struct lab_step *step, unsigned number,
                  const struct lab_report *r)
{
    char time[CLOCK_TEXT_LEN];
    bool is_prologue = step >= lab_prologue && step < lab_prologue + lab_prologue_n;

    if (o->is_json && !is_prologue)
        print_json(json_pack("{s:s, s:I, s:i, s:i, s:s}", "event", "step", "at_unix_ms",
                             (json_int_t)r->at_unix_ms, "step", (int)number, "of", (int)lab_steps_n,
                             "text", step->text));
    if (!tells_story(o) || is_prologue)
        return;
    clock_format(r->at_unix_ms, time);
    printf("  %s%s%s %s%.12s%s %2u %s", screen_colour(o, GREEN), screen_mark(o, true),
           screen_colour(o, NORMAL), screen_colour(o, DIM), time + 11, screen_colour(o, NORMAL),
           number, step->text);
    if (r->kind == LAB_METER_PUBLISHES)
        printf(" (%.1f V, %s)", r->state.meter_v, feeder_status_text(r->state.meter_status));
    putchar('\n');
    fflush(stdout);
}

static void show_tablet(const struct lab_options *o, const char *title, const struct lab_state *s)
{
    struct buf out = {0};

    diagram_draw(&out, s, o->is_ascii, o->has_colours);
    printf("\n%s%s%s\n\n%.*s\n", screen_colour(o, BOLD), title, screen_colour(o, NORMAL),
           BYTES_ARG(buf_view(&out)));
    fflush(stdout);
    buf_done(&out);
}

/** narrate_round_begin() - the tablet shows the initial state @s */
void narrate_round_begin(const struct lab_options *o, unsigned number, const struct lab_state *s)
{
    char title[64];

    if (!tells_story(o))
        return;
    snprintf(title, sizeof(title), "Initial state, on the tablet (round %u)", number);
    show_tablet(o, title, s);
}

/** narrate_round_end() - the tablet shows the final state @s */
void narrate_round_end(const struct lab_options *o, unsigned number, const struct lab_state *s,
                       uint64_t took_ns)
{
    double ms = (double)took_ns / NS_PER_MS;

    if (o->is_json)
        print_json(json_pack("{s:s, s:I, s:i, s:f}", "event", "round", "at_unix_ms",
                             (json_int_t)clock_unix_ms(), "round", (int)number, "ms", ms));
    if (tells_story(o))
        show_tablet(o, "Final state, on the tablet", s);
    if (!o->is_json)
        printf("%s%s%s round %u complete: %zu steps in %.0f ms\n", screen_colour(o, GREEN),
               screen_mark(o, true), screen_colour(o, NORMAL), number, lab_steps_n, ms);
    fflush(stdout);
}

static void print_last(const struct lab_report *r)
{
    fprintf(stderr, "  the last that came: %s from %s (source %.1f V, meter %.1f V, bank %s)\n",
            lab_report_text(r->kind), lab_actors[r->actor]->id, r->state.source_v, r->state.meter_v,
            r->state.cap_is_known ? (r->state.cap_is_closed ? "closed" : "open") : "not known");
}

/**
 * narrate_failure() - on standard error, in every mode
 * @last:  the last report before, or NULL
 */
void narrate_failure(const struct lab_options *o, const struct lab_report *last, const char *format,
                     va_list args)
{
    char *text = text_vformat(format, args);

    if (o->is_json)
        print_json(json_pack("{s:s, s:I, s:s}", "event", "failure", "at_unix_ms",
                             (json_int_t)clock_unix_ms(), "text", text));
    fflush(stdout);
    fprintf(stderr, "%s bastide lab: %s\n", screen_mark(o, false), text);
    if (last != NULL)
        print_last(last);
    free(text);
}

/** narrate_end() - after the last process has left */
void narrate_end(const struct lab_options *o, unsigned n_rounds, bool ok)
{
    if (o->is_json)
        print_json(json_pack("{s:s, s:I, s:i, s:b}", "event", "end", "at_unix_ms",
                             (json_int_t)clock_unix_ms(), "rounds", (int)n_rounds, "ok", (int)ok));
    else
        printf("%s%s%s %u round%s complete, %s\n", screen_colour(o, ok ? GREEN : RED),
               screen_mark(o, ok), screen_colour(o, NORMAL), n_rounds, n_rounds == 1 ? "" : "s",
               ok ? "undisturbed" : "then it failed");
    fflush(stdout);
}
