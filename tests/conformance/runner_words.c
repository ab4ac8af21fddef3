/* SPDX-License-Identifier: Apache-2.0 */
/* conformance/runner_words.c - a line into words; variables and numbers */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "runner.h"

struct splitter {
    struct script *script;
    const char *at;
    struct word *word;
    bool quoted;
};

static void put(struct splitter *p, struct bytes text)
{
    struct word *w = p->word;

    if (w->has_value) {
        buf_add(&w->value, text);
        return;
    }
    if (strlen(w->key) + text.len >= KEY_MAX || memchr(text.at, '\0', text.len) != NULL)
        script_fail(p->script, "a word without '=' may not be longer than %d", KEY_MAX - 1);
    strncat(w->key, (const char *)text.at, text.len);
}

static const struct variable *variable_named(struct script *s, struct bytes name)
{
    for (size_t i = 0; i < s->n_variables; i++)
        if (bytes_equal(bytes_str(s->variables[i].name), name))
            return &s->variables[i];
    script_fail(s, "no variable %.*s", BYTES_ARG(name));
}

/** variable_set() - new, or another value */
void variable_set(struct script *s, const char *name, struct bytes value)
{
    struct variable *v = NULL;

    for (size_t i = 0; i < s->n_variables && v == NULL; i++)
        if (strcmp(s->variables[i].name, name) == 0)
            v = &s->variables[i];
    if (v == NULL) {
        if (s->n_variables == VARIABLES_MAX)
            script_fail(s, "more than %d variables", VARIABLES_MAX);
        v = &s->variables[s->n_variables++];
        snprintf(v->name, sizeof(v->name), "%s", name);
    }
    v->value.len = 0;
    buf_add(&v->value, value);
}

/* ${text*100} is the text a hundred times, ${name} a variable, ${name+1} one more than it. */
static void expand(struct splitter *p)
{
    const char *end = strchr(p->at, '}');
    const char *start = p->at + 2;
    size_t len = end != NULL ? strcspn(start, "*+-}") : 0;
    const char *operand = start + len + 1;
    struct bytes value;
    char number[24];
    uint64_t n;

    if (end == NULL || start + len > end)
        script_fail(p->script, "'${' without '}'");
    if (start[len] == '*') {
        n = strtoull(operand, NULL, 0);
        for (uint64_t i = 0; i < n; i++)
            put(p, bytes_of(start, len));
    } else {
        value = buf_view(&variable_named(p->script, bytes_of(start, len))->value);
        if (start[len] != '}') {
            if (!text_number(value, &n))
                script_fail(p->script, "${%.*s} is not a number", (int)len, start);
            n = start[len] == '+' ? n + strtoull(operand, NULL, 0) : n - strtoull(operand, NULL, 0);
            snprintf(number, sizeof(number), "%llu", (unsigned long long)n);
            value = bytes_str(number);
        }
        put(p, value);
    }
    p->at = end + 1;
}

static void escape(struct splitter *p)
{
    char hex[3] = {0};
    uint8_t octet;

    if (p->at[1] != 'x') {
        put(p, bytes_of(p->at + 1, 1));
        p->at += 2;
        return;
    }
    if (!isxdigit((unsigned char)p->at[2]) || !isxdigit((unsigned char)p->at[3]))
        script_fail(p->script, "'\\x' without two hexadecimal digits");
    memcpy(hex, p->at + 2, 2);
    octet = (uint8_t)strtoul(hex, NULL, 16);
    put(p, bytes_of(&octet, 1));
    p->at += 4;
}

static bool is_end(const struct splitter *p)
{
    if (*p->at == '\0')
        return true;
    if (p->quoted)
        return false;
    return isspace((unsigned char)*p->at) ||
           (*p->at == ',' && (p->at[1] == '\0' || isspace((unsigned char)p->at[1])));
}

static void one_word(struct splitter *p)
{
    if (is_end(p) && *p->at == ',') {
        put(p, bytes_of(p->at++, 1));
        return;
    }
    while (!is_end(p)) {
        if (*p->at == '"') {
            p->quoted = !p->quoted;
            p->at++;
        } else if (*p->at == '\\' && p->at[1] != '\0') {
            escape(p);
        } else if (p->at[0] == '$' && p->at[1] == '{') {
            expand(p);
        } else if (*p->at == '=' && !p->quoted && !p->word->has_value) {
            p->word->has_value = true;
            p->at++;
        } else {
            put(p, bytes_of(p->at++, 1));
        }
    }
    if (p->quoted)
        script_fail(p->script, "a quote that does not end");
}

/**
 * words_split() - a line into words, with variables, escapes and quotes resolved
 * @ret:  written
 *
 * '#' at the beginning of a word begins a comment.  A comma at the end of a word
 * is a word of its own.
 */
void words_split(struct script *s, const char *line, struct words *ret)
{
    struct splitter p = {.script = s, .at = line};

    memset(ret, 0, sizeof(*ret));
    for (;;) {
        while (isspace((unsigned char)*p.at))
            p.at++;
        if (*p.at == '\0' || *p.at == '#')
            return;
        if (ret->n == WORDS_MAX)
            script_fail(s, "more than %d words", WORDS_MAX);
        p.word = &ret->at[ret->n++];
        one_word(&p);
    }
}

/** words_find() - the first word from @from on with this key, or NULL */
const struct word *words_find(const struct words *w, size_t from, const char *key)
{
    for (size_t i = from; i < w->n; i++)
        if (strcmp(w->at[i].key, key) == 0)
            return &w->at[i];
    return NULL;
}

/** text_number() - decimal, or hexadecimal after 0x; Return: false if @text is neither */
bool text_number(struct bytes text, uint64_t *ret)
{
    char digits[24];
    char *end;
    uint64_t n;

    if (text.len == 0 || text.len >= sizeof(digits) || !isdigit(text.at[0]))
        return false;
    memcpy(digits, text.at, text.len);
    digits[text.len] = '\0';
    n = strtoull(digits, &end, strncmp(digits, "0x", 2) == 0 ? 16 : 10);
    if (*end != '\0')
        return false;
    *ret = n;
    return true;
}

/** word_number() - the value of "key=number" */
uint64_t word_number(struct script *s, const struct word *w)
{
    uint64_t n = 0;

    if (!text_number(buf_view(&w->value), &n))
        script_fail(s, "%s needs a number", w->key);
    return n;
}

/** text_duration_ns() - of "200ms" or "2s" */
uint64_t text_duration_ns(struct script *s, const char *text)
{
    char *unit;
    uint64_t n = strtoull(text, &unit, 10);

    if (unit != text && strcmp(unit, "ms") == 0)
        return n * NS_PER_MS;
    if (unit != text && strcmp(unit, "s") == 0)
        return n * NS_PER_S;
    script_fail(s, "\"%s\" is no duration: 200ms, 2s", text);
}
