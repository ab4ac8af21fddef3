/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/scan.c - a first look at the whole text: is it the part of YAML that is read here?
 *
 * libyaml resolves aliases while it makes a tree, so that they cannot be seen in
 * it; and a tree of aliases may be of exponential size to who walks it.
 */
#include "conf/private.h"

struct scan {
    struct conf *conf;
    size_t depth;
    size_t n_documents;
    bool good;
    bool more; /* events to come */
};

static void fail(struct scan *s, yaml_mark_t mark, const char *what)
{
    conf_fail_at(s->conf, mark, what);
    s->good = false;
}

static void check_plain(struct scan *s, const yaml_event_t *e, const yaml_char_t *anchor,
                        const yaml_char_t *tag)
{
    if (anchor != NULL)
        fail(s, e->start_mark,
             "an anchor (&name) is not read here; write the value where it is needed");
    if (tag != NULL)
        fail(s, e->start_mark, "a tag (!name) is not read here; write the value without it");
}

static void enter(struct scan *s, const yaml_event_t *e)
{
    if (++s->depth > CONF_DEPTH_MAX) {
        fail(s, e->start_mark, "nested deeper than 16 levels");
        s->more = false; /* what follows would say so again */
    }
}

static void look_at(struct scan *s, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++s->n_documents > 1) {
            fail(s, e->start_mark, "one document is read, a second one follows");
            s->more = false;
        }
        break;
    case YAML_ALIAS_EVENT:
        fail(s, e->start_mark, "an alias (*name) is not read here; write the value out");
        break;
    case YAML_SCALAR_EVENT:
        check_plain(s, e, e->data.scalar.anchor, e->data.scalar.tag);
        break;
    case YAML_SEQUENCE_START_EVENT:
        check_plain(s, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
        enter(s, e);
        break;
    case YAML_MAPPING_START_EVENT:
        check_plain(s, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
        enter(s, e);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        s->depth--;
        break;
    case YAML_STREAM_END_EVENT:
    case YAML_NO_EVENT:
        s->more = false;
        break;
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
}

/* Of bytes that are no characters libyaml says the offset, for it reads ahead. */
static yaml_mark_t mark_of(struct bytes text, size_t offset)
{
    yaml_mark_t mark = {0};

    for (size_t i = 0; i < MIN(offset, text.len); i++) {
        mark.column++;
        if (text.at[i] == '\n')
            mark = (yaml_mark_t){.line = mark.line + 1};
    }
    return mark;
}

/* clang-format off */
/* What libyaml says, and what to do about it. */
static const char *const hints[][2] = {
    {"found character that cannot start any token",
     "indent with spaces, not with tabs; a text that begins with @, ` or % is written in quotes"},
    {"mapping values are not allowed in this context",
     "is the line indented as those above it? A value with \": \" in it is written in quotes"},
    {"did not find expected key", "is the line indented as those above it?"},
    {"did not find expected '-' indicator", "is the line indented as those above it?"},
};
/* clang-format on */

static void fail_parser(struct scan *s, const yaml_parser_t *parser, struct bytes text)
{
    bool in_bytes = parser->error == YAML_READER_ERROR;

    struct buf what CLEANUP(buf_done) = {0};

    buf_addf(&what, "%s", parser->problem != NULL ? parser->problem : "not YAML");
    for (size_t i = 0; i < COUNT_OF(hints); i++) {
        if (parser->problem != NULL && strcmp(parser->problem, hints[i][0]) == 0)
            buf_addf(&what, "; %s", hints[i][1]);
    }
    buf_add_u8(&what, 0);
    fail(s, in_bytes ? mark_of(text, parser->problem_offset) : parser->problem_mark,
         (const char *)what.at);
}

/* Is @text well-formed, and of the part of YAML that is read here?  Each reason why not is noted.
 */
bool conf_scan(struct conf *c, struct bytes text)
{
    struct scan s = {.conf = c, .good = true, .more = true};
    yaml_parser_t parser;

    if (yaml_parser_initialize(&parser) == 0) {
        fail(&s, (yaml_mark_t){0}, "no memory for the parser");
        return false;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text.at != NULL ? text.at : (const uint8_t *)"",
                                 text.len);
    while (s.more) {
        yaml_event_t e;

        if (yaml_parser_parse(&parser, &e) == 0) {
            fail_parser(&s, &parser, text);
            break;
        }
        look_at(&s, &e);
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&parser);
    return s.good;
}
