/* SPDX-License-Identifier: Apache-2.0 */
/* cli/print.c - see print.h */
#include "cli/print.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/shown.h"
#include "cli/human.h"

/** print_columns() - of the terminal that standard output is; 0: it is none */
size_t print_columns(void)
{
    struct winsize w = {0};

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

/** print_buf() - all of @b; whether it could be written is asked once, at the end of cli_main() */
void print_buf(const struct buf *b)
{
    if (b->len > 0)
        (void)fwrite(b->at, 1, b->len, stdout);
}

/** print_sentence() - of the node, on one line whatever names are in it */
void print_sentence(const char *text)
{
    CLEANUP(buf_done) struct buf out = {0};

    shown_add(&out, bytes_str(text));
    buf_add_u8(&out, '\n');
    print_buf(&out);
}

/** print_text() - sentences of the node, one a line */
void print_text(const char *text)
{
    CLEANUP(buf_done) struct buf out = {0};

    human_lines(&out, bytes_str(text));
    buf_add_u8(&out, '\n');
    print_buf(&out);
}

/** print_file() - what is to be read by a program, as it is; on a terminal, as human_lines() */
void print_file(const struct buf *b)
{
    CLEANUP(buf_done) struct buf out = {0};

    if (isatty(STDOUT_FILENO))
        human_lines(&out, buf_view(b));
    print_buf(out.len > 0 ? &out : b);
}

static void print_value(const json_t *value, size_t flags)
{
    size_t ascii = isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0;

    (void)json_dumpf(value, stdout, flags | JSON_ENCODE_ANY | ascii);
    (void)fputc('\n', stdout);
}

/** print_json() - @value for machines, and readable; it steers no terminal */
void print_json(const json_t *value)
{
    print_value(value, JSON_INDENT(2));
}

/** print_json_line() - the same on one line */
void print_json_line(const json_t *value)
{
    print_value(value, JSON_COMPACT);
}

/**
 * print_list() - an array as a table or as JSON
 * @none:  what stands in place of an empty table
 */
void print_list(const json_t *array, bool as_json, const char *none,
                const struct show_field *columns, size_t n)
{
    CLEANUP(buf_done) struct buf out = {0};

    if (as_json) {
        print_json(array);
    } else if (json_array_size(array) == 0) {
        (void)printf("%s\n", none);
    } else {
        show_table(&out, array, columns, n, clock_unix_ms(), print_columns());
        print_buf(&out);
    }
}
