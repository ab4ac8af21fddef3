/* SPDX-License-Identifier: Apache-2.0 */
/* cli/help.c - see help.h */
#include "cli/help.h"

#include "base/text.h"

#define COLUMNS       96
#define VERB_COLUMNS  15
#define OPTION_INDENT 26

/* Words of @text in lines; the first begins at column @at, the others are indented by @indent. */
static void wrap(FILE *to, const char *text, size_t at, size_t indent)
{
    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (at > indent && at + 1 + len > COLUMNS) {
            (void)fprintf(to, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            (void)fputc(' ', to);
            at++;
        }
        (void)fprintf(to, "%.*s", (int)len, text);
        at += len;
        text += len + (text[len] == ' ');
    }
    (void)fputc('\n', to);
}

/** help_all() - every verb with its summary, and the exit codes */
void help_all(FILE *to)
{
    (void)fprintf(to, "bastide " BASTIDE_VERSION " - an MQTT broker that watches over itself\n\n"
                      "usage: bastide VERB [options]\n\n");
    for (size_t i = 0; i < cli_verbs_n; i++)
        (void)fprintf(to, "  %-*s %s\n", VERB_COLUMNS, cli_verbs[i].name, cli_verbs[i].summary);
    (void)fprintf(to, "\n"
                      "bastide help VERB shows how one is used; bastide(1) has all of it.\n"
                      "Exit status: 0 done, 1 failed or no, 2 wrong usage, 3 no node answers.\n");
}

static void help_option(FILE *to, const struct cli_option *o)
{
    char left[64];
    int n = snprintf(left, sizeof(left), "  %s%s%s%s%s", text_or_empty(o->letter),
                     o->letter != NULL ? ", " : "", o->name, o->arg != NULL ? " " : "",
                     text_or_empty(o->arg));
    size_t at = n > 0 ? (size_t)n : 0;

    (void)fprintf(to, "%s", left);
    if (at < OPTION_INDENT)
        (void)fprintf(to, "%*s", (int)(OPTION_INDENT - at), "");
    else
        (void)fprintf(to, "\n%*s", OPTION_INDENT, "");
    wrap(to, o->text, OPTION_INDENT, OPTION_INDENT);
}

/** help_verb() - usage, options, and what else its reader must know */
void help_verb(FILE *to, const struct cli_verb *v)
{
    bool has_options = v->options != NULL && v->options[0].name != NULL;

    (void)fprintf(to, "bastide %s - %s\n\nusage: bastide %s%s%s%s\n", v->name, v->summary, v->name,
                  v->operands[0] != '\0' ? " " : "", v->operands, has_options ? " [options]" : "");
    if (has_options)
        (void)fputc('\n', to);
    for (size_t i = 0; has_options && v->options[i].name != NULL; i++)
        help_option(to, &v->options[i]);
    if (v->more != NULL) {
        (void)fputc('\n', to);
        wrap(to, v->more, 0, 0);
    }
}
