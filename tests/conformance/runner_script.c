/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance/runner_script.c - one script, line by line
 *
 * Runs in a process of its own; the verdict is its exit status, and the sentence
 * that goes with it is written to report_fd.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "runner.h"

#define LINE_BYTES_MAX 4096
#define LIMIT_NS       (20 * NS_PER_S)
#define ID_LETTERS     7

static _Noreturn void end(struct script *s, enum verdict verdict, struct bytes why)
{
    if (write(s->report_fd, why.at, why.len) < 0)
        perror("mqt-runner: report");
    _exit((int)verdict);
}

/** script_fail() - the script's line, a sentence, and the end of its process */
_Noreturn void script_fail(struct script *s, const char *format, ...)
{
    char why[3000];
    struct buf text = {0};
    va_list ap;

    va_start(ap, format);
    vsnprintf(why, sizeof(why), format, ap);
    va_end(ap);
    buf_addf(&text, "line %u: %s", s->line, why);
    end(s, VERDICT_FAILED, buf_view(&text));
}

/* ---- lines ---- */

/* How packets go into frames from here on: cut N, fragment N, whole; hold, release. */
static bool line_client_ws(struct script *s, struct client *c, const struct words *w)
{
    const char *verb = w->n > 2 ? w->at[2].key : "";
    bool is_fragment = strcmp(verb, "fragment") == 0;
    uint64_t n = 0;

    if (is_fragment || strcmp(verb, "cut") == 0) {
        if (w->n < 4 || !text_number(bytes_str(w->at[3].key), &n) || n == 0)
            script_fail(s, "client NAME %s BYTES", verb);
        c->cut = (size_t)n;
        c->one_message = is_fragment;
    } else if (strcmp(verb, "whole") == 0) {
        c->cut = 0;
    } else if (strcmp(verb, "hold") == 0) {
        c->holds = true;
    } else if (strcmp(verb, "release") == 0) {
        c->holds = false;
        client_send(s, c, buf_view(&c->held));
        c->held.len = 0;
    } else {
        return false;
    }
    return true;
}

static void line_client(struct script *s, const struct words *w)
{
    const char *verb = w->n > 2 ? w->at[2].key : "";
    struct client *c = client_named(s, w->at[1].key, false);
    enum packet_type type = packet_type_named(verb);
    struct buf packet = {0};

    if (strcmp(verb, "open") == 0) {
        client_open(s, c, w);
    } else if (line_client_ws(s, c, w)) {
        ;
    } else if (strcmp(verb, "close") == 0 || strcmp(verb, "reset") == 0) {
        client_close(c, strcmp(verb, "reset") == 0);
    } else if (type != PACKET_NONE && type < PACKET_WILL) {
        if (type == PACKET_CONNECT && c->fd < 0)
            client_open(s, c, NULL);
        packet_build(s, c, type, w, 3, &packet);
        client_send(s, c, buf_view(&packet));
        buf_done(&packet);
    } else {
        script_fail(s, "a client does not \"%s\"", verb);
    }
}

/* send CLIENT raw BYTES; send CLIENT packet FIRST-BYTE BODY, with the length put between; in a
 * WebSocket also send CLIENT frame FIRST-BYTE PAYLOAD, and send CLIENT bytes BYTES without a frame.
 */
static void line_send(struct script *s, const struct words *w)
{
    struct client *c = client_named(s, w->at[1].key, true);
    const char *how = w->n > 2 ? w->at[2].key : "";
    struct buf raw = {0}, framed = {0};
    struct bytes body;

    packet_build_raw(s, w, 3, &raw);
    if (raw.len == 0)
        script_fail(s, "send CLIENT raw|packet|frame|bytes BYTES");
    body = bytes_of(raw.at + 1, raw.len - 1);
    if (strcmp(how, "packet") == 0) {
        packet_frame(raw.at[0], body, &framed);
        client_send(s, c, buf_view(&framed));
    } else if (strcmp(how, "frame") == 0) {
        ws_frame(raw.at[0], body, &framed);
        client_send_bytes(s, c, buf_view(&framed));
    } else if (strcmp(how, "bytes") == 0) {
        client_send_bytes(s, c, buf_view(&raw));
    } else if (strcmp(how, "raw") == 0) {
        client_send(s, c, buf_view(&raw));
    } else {
        script_fail(s, "send CLIENT raw|packet|frame|bytes BYTES");
    }
    buf_done(&raw);
    buf_done(&framed);
}

static void line_wait(struct script *s, const struct words *w)
{
    uint64_t ns = text_duration_ns(s, w->at[1].key);
    struct timespec t = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};

    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

static void line_let(struct script *s, const struct words *w)
{
    if (!w->at[1].has_value)
        script_fail(s, "let NAME=VALUE");
    variable_set(s, w->at[1].key, buf_view(&w->at[1].value));
}

static bool in_list(const char *list, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = list; at != NULL && *at != '\0'; at += strcspn(at, ","), at += *at == ',')
        if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    return false;
}

static void line_needs(struct script *s, const struct words *w)
{
    struct buf why = {0};

    for (size_t i = 1; i < w->n; i++) {
        bool is_ws = strcmp(w->at[i].key, "ws") == 0;

        if (is_ws ? s->ws_path != NULL : in_list(s->has, w->at[i].key))
            continue;
        buf_addf(&why, "needs %s, which this broker does not have", w->at[i].key);
        end(s, VERDICT_SKIPPED, buf_view(&why));
    }
}

/* skip unless NAME=AT-LEAST WHY: what the broker said in CONNACK makes the script pointless. */
static void line_skip(struct script *s, const struct words *w)
{
    struct buf why = {0};
    uint64_t n = 0;

    if (w->n < 4 || strcmp(w->at[1].key, "unless") != 0)
        script_fail(s, "skip unless NAME=AT-LEAST WHY");
    for (size_t i = 0; i < s->n_variables; i++)
        if (strcmp(s->variables[i].name, w->at[2].key) == 0)
            text_number(buf_view(&s->variables[i].value), &n);
    if (n >= word_number(s, &w->at[2]))
        return;
    for (size_t i = 3; i < w->n; i++)
        buf_addf(&why, i == 3 ? "%s" : " %s", w->at[i].key);
    end(s, VERDICT_SKIPPED, buf_view(&why));
}

static void line_limit(struct script *s, const struct words *w)
{
    s->end_ns = clock_now_ns() + text_duration_ns(s, w->at[1].key);
}

static void line_nothing(struct script *s, const struct words *w)
{
    (void)s;
    (void)w;
}

static void play_line(struct script *s, const char *line);

/* repeat N LINE: the line's words are resolved anew each time. */
static void repeat(struct script *s, const char *line)
{
    static struct words w;
    const char *rest = line + strspn(line, " ") + strlen("repeat");
    uint64_t n = 0;

    words_split(s, line, &w);
    rest += strspn(rest, " ");
    rest += strcspn(rest, " ");
    if (w.n < 3 || !text_number(bytes_str(w.at[1].key), &n))
        script_fail(s, "repeat N LINE");
    while (n-- > 0)
        play_line(s, rest);
}

static void play_line(struct script *s, const char *line)
{
    static const struct {
        const char *name;
        void (*play)(struct script *s, const struct words *w);
    } verbs[] = {
        {"client", line_client}, {"expect", expect_line}, {"send", line_send},
        {"let", line_let},       {"wait", line_wait},     {"needs", line_needs},
        {"skip", line_skip},     {"limit", line_limit},   {"rule", line_nothing},
    };
    static struct words w;

    if (strncmp(line + strspn(line, " "), "repeat ", 7) == 0) {
        repeat(s, line);
        return;
    }
    words_split(s, line, &w);
    if (w.n == 0)
        return;
    s->before_ns = s->began_ns;
    s->began_ns = clock_now_ns();
    if (s->began_ns > s->end_ns)
        script_fail(s, "the script takes too long");
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if (strcmp(verbs[i].name, w.at[0].key) != 0)
            continue;
        if (w.n < 2)
            script_fail(s, "%s what?", verbs[i].name);
        verbs[i].play(s, &w);
        return;
    }
    script_fail(s, "a line does not begin with \"%s\"", w.at[0].key);
}

/* ${id} is of this run of this script alone: letters and digits, so that any client id may begin
 * with it. */
static void name_run(struct script *s)
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint8_t random[ID_LETTERS];
    struct buf id = {0};

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        script_fail(s, "getrandom: %s", strerror(errno));
    buf_addf(&id, "t");
    for (size_t i = 0; i < sizeof(random); i++)
        buf_add_u8(&id, (uint8_t)letters[random[i] % 36]);
    variable_set(s, "id", buf_view(&id));
    buf_add_u8(&s->variables[0].value, '\0'); /* for printf, not counted */
    s->variables[0].value.len--;
}

/** script_play() - the whole script; ends the process */
_Noreturn void script_play(struct script *s)
{
    FILE *file = fopen(s->path, "re");
    char line[LINE_BYTES_MAX];

    if (file == NULL)
        script_fail(s, "%s", strerror(errno));
    s->end_ns = clock_now_ns() + LIMIT_NS;
    name_run(s);
    while (fgets(line, sizeof(line), file) != NULL) {
        s->line++;
        if (strchr(line, '\n') == NULL && !feof(file))
            script_fail(s, "a line of more than %d bytes", LINE_BYTES_MAX - 2);
        play_line(s, line);
    }
    end(s, VERDICT_PASSED, BYTES_NONE);
}
