/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/insert.c - lines under a top-level key of a YAML file
 *
 * Works on the text, so that comments and order stay.  It knows as much of YAML
 * as files that people write have: a block under "key:", or "key: []" or "{}",
 * or no such key.  The caller parses the result and keeps it only if it is good.
 */
#include "lab/insert.h"

#include "base/text.h"
#include "lab/lab_private.h"

static struct bytes line_at(struct bytes text, size_t at)
{
    const uint8_t *end = memchr(text.at + at, '\n', text.len - at);

    return bytes_of(text.at + at, end != NULL ? (size_t)(end - (text.at + at)) : text.len - at);
}

static size_t indent_of(struct bytes line)
{
    size_t n = 0;

    while (n < line.len && line.at[n] == ' ')
        n++;
    return n;
}

static bool is_blank_or_comment(struct bytes line)
{
    size_t n = indent_of(line);

    return n == line.len || line.at[n] == '#' || line.at[n] == '\r';
}

/* Where the line "key:" begins, or text.len. */
static size_t find_key(struct bytes text, const char *key)
{
    size_t len = strlen(key);

    for (size_t at = 0; at < text.len;) {
        struct bytes line = line_at(text, at);

        if (line.len > len && memcmp(line.at, key, len) == 0 && line.at[len] == ':')
            return at;
        at += line.len + 1;
    }
    return text.len;
}

/* By how much the first item after @at is indented; two when there is none. */
static size_t child_indent(struct bytes text, size_t at)
{
    while (at < text.len) {
        struct bytes line = line_at(text, at);
        size_t n = indent_of(line);

        at += line.len + 1;
        if (is_blank_or_comment(line))
            continue;
        return n > 0 || line.at[0] == '-' ? n : 2;
    }
    return 2;
}

static void add_indented(struct buf *out, struct bytes lines, size_t indent)
{
    for (size_t at = 0; at < lines.len;) {
        struct bytes line = line_at(lines, at);

        buf_addf(out, "%*s%.*s\n", (int)indent, "", BYTES_ARG(line));
        at += line.len + 1;
    }
}

/* What stands behind "key:", without spaces and comment. */
static struct bytes value_of(struct bytes line, size_t key_len)
{
    const uint8_t *comment = memmem(line.at, line.len, " #", 2);
    struct bytes v = bytes_of(line.at + key_len + 1, line.len - key_len - 1);

    if (comment != NULL && comment >= v.at)
        v.len = (size_t)(comment - v.at);
    while (v.len > 0 && (v.at[0] == ' '))
        v = bytes_of(v.at + 1, v.len - 1);
    while (v.len > 0 && (v.at[v.len - 1] == ' ' || v.at[v.len - 1] == '\r'))
        v.len--;
    return v;
}

static void append_key(struct buf *text, const char *key, struct bytes lines)
{
    if (text->len > 0 && text->at[text->len - 1] != '\n')
        buf_add_u8(text, '\n');
    buf_addf(text, "%s:\n", key);
    add_indented(text, lines, 2);
}

/**
 * yaml_insert() - add @lines as the first items under top-level @key
 * @text:   the file; changed in place on success
 * @lines:  as they would stand at the left margin, each with its newline
 *
 * Return: false when @key has a value in flow style: *@ret_error says so.
 */
bool yaml_insert(struct buf *text, const char *key, struct bytes lines, char **ret_error)
{
    struct bytes old = buf_view(text);
    size_t at = find_key(old, key);
    struct buf out = {0};
    struct bytes line, value;

    if (at == old.len) {
        append_key(text, key, lines);
        return true;
    }
    line = line_at(old, at);
    value = value_of(line, strlen(key));
    if (value.len > 0 && !bytes_equal(value, BYTES("[]")) && !bytes_equal(value, BYTES("{}")))
        return text_fail(ret_error,
                         "\"%s:\" has its value in the same line; put each item into a "
                         "line of its own",
                         key);
    buf_add(&out, bytes_of(old.at, at));
    buf_addf(&out, "%s:\n", key);
    at = MIN(at + line.len + 1, old.len);
    add_indented(&out, lines, value.len > 0 ? 2 : child_indent(old, at));
    buf_add(&out, bytes_of(old.at + at, old.len - at));
    buf_done(text);
    *text = out;
    return true;
}
