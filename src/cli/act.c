/* SPDX-License-Identifier: Apache-2.0 */
/* cli/act.c - the verbs by which a person acts on a running node */
#include <jansson.h>

#include "base/shown.h"
#include "cli/ask.h"
#include "cli/human.h"
#include "cli/print.h"

/* KIND SUBJECT [ADDRESS] as the API takes them; the subject as the lists show it. */
static json_t *subject_body(const struct cli_args *a)
{
    shown_undo(a->operands[1]);
    return json_pack("{s:s, s:s, s:s*}", "kind", a->operands[0], "subject", a->operands[1],
                     "address", a->n_operands > 2 ? a->operands[2] : NULL);
}

/* The command line may hold bytes that are no text. */
static int act_on_subject(const struct cli_args *a, const char *path, json_t *body)
{
    if (body == NULL)
        return cli_usage(a->verb, "an operand or option is no UTF-8 text");
    return ask_do(a, path, body);
}

/** cli_ban() - bastide ban KIND SUBJECT; MQ.PR.SP-04 MQ.PR.SP-05 */
int cli_ban(int argc, char **argv)
{
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 2, 3);
    uint64_t for_s = 0;
    json_t *body;

    if (rc != CLI_OK)
        return rc;
    if (cli_arg(&a, "--for") != NULL && !human_span_parse(cli_arg(&a, "--for"), &for_s))
        return cli_usage(a.verb, "--for %s is no time like 90s, 10m, 1h30m or 2d, up to 3660d",
                         cli_arg(&a, "--for"));
    body = subject_body(&a);
    if (body != NULL) {
        json_object_set_new(body, "for_s", json_integer((json_int_t)for_s));
        if (cli_arg(&a, "--reason") != NULL &&
            json_object_set_new(body, "reason", json_string(cli_arg(&a, "--reason"))) < 0) {
            json_decref(body);
            body = NULL;
        }
    }
    return act_on_subject(&a, "/v1/bans", body);
}

/** cli_unban() - bastide unban KIND SUBJECT */
int cli_unban(int argc, char **argv)
{
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 2, 3);

    return rc != CLI_OK ? rc : act_on_subject(&a, "/v1/bans/lift", subject_body(&a));
}

/** cli_disconnect() - bastide disconnect KIND SUBJECT; MQ.RS.RP-03 */
int cli_disconnect(int argc, char **argv)
{
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 2, 2);

    return rc != CLI_OK ? rc : act_on_subject(&a, "/v1/disconnect", subject_body(&a));
}

/** cli_reload() - bastide reload */
int cli_reload(int argc, char **argv)
{
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 0, 0);

    return rc != CLI_OK ? rc : ask_do_lines(&a, "/v1/reload", NULL);
}

/** cli_stop() - bastide stop; MQ.RS.RP-06 */
int cli_stop(int argc, char **argv)
{
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 0, 0);

    return rc != CLI_OK ? rc : ask_do(&a, "/v1/stop", NULL);
}
