/* SPDX-License-Identifier: Apache-2.0 */
/* cli/state.c - see state.h */
#include "cli/state.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/home.h"
#include "cli/http.h"
#include "cli/keys.h"
#include "store/audit.h"

/* Does a node answer at @path?  Nothing is said when none does. */
static bool node_answers(const char *path)
{
    struct http_answer answer = {0};
    char *error = NULL;
    bool answers = http_ask(path, "GET", "/v1/status", NULL, &answer, &error) == HTTP_OK;

    if (answers)
        http_answer_done(&answer);
    free(error);
    return answers;
}

static int open_here(const struct cli_args *a, enum state_else otherwise, struct state *ret)
{
    char *error = NULL;
    int rc = ask_config(a, &ret->config);

    if (rc != CLI_OK)
        return rc;
    if (!control_exists(ret->config->state_dir)) {
        if (otherwise == STATE_REFUSE)
            return cli_fail("no node answers, and nothing is stored in %s yet",
                            ret->config->state_dir);
        ret->is_new = true;
        if (otherwise == STATE_AS_IT_IS)
            return CLI_OK;
    }
    rc = keys_open(a, ret->config, &ret->keys);
    if (rc != CLI_OK)
        return rc;
    ret->control = control_open(ret->config->state_dir, ret->keys, &error);
    return ret->control != NULL ? CLI_OK : home_failed(error);
}

/**
 * state_open() - find out whether a node runs; open its store if none does
 * @otherwise:  what is to be when nothing is stored yet
 * @ret:        to be given to state_done() in any case
 *
 * Return: CLI_OK, or standard error says why not.
 */
int state_open(const struct cli_args *a, enum state_else otherwise, struct state *ret)
{
    char *path = NULL;
    int rc = ask_socket(a, &path);
    bool answers = rc == CLI_OK && node_answers(path);

    *ret = (struct state){0};
    free(path);
    if (rc != CLI_OK || answers)
        return rc;
    return open_here(a, otherwise, ret);
}

/** state_audit() - see state.h */
void state_audit(struct control *c, const char *action, const char *object, const char *reason)
{
    const struct passwd *who = getpwuid(geteuid());
    char actor[80];
    const struct audit_entry e = {
        .at_unix_ms = clock_unix_ms(),
        .actor = actor,
        .action = action,
        .object = object,
        .reason = reason,
        .result = "without a node",
    };

    if (who != NULL)
        snprintf(actor, sizeof(actor), "user:%s", who->pw_name);
    else
        snprintf(actor, sizeof(actor), "user:uid-%u", (unsigned)geteuid());
    control_audit(c, &e);
}

/* By the node that answers. */
static int audit_there(const struct cli_args *a, const char *action, const char *object,
                       const char *reason)
{
    json_t *body =
        json_pack("{s:s, s:s, s:s*}", "action", action, "object", object, "reason", reason);
    json_t *reply = NULL;
    int rc;

    if (body == NULL)
        return cli_fail("the audit takes UTF-8 text only");
    rc = ask_node(a, "POST", "/v1/audit", body, &reply);
    json_decref(reply);
    return rc;
}

/* A folder without configuration, such as that of a CA apart from any node, has no audit. */
static bool is_for_a_node(const struct cli_args *a)
{
    char *path = NULL;
    bool is = cli_arg(a, "--socket") != NULL ||
              (ask_config_path(a, &path) == CLI_OK && (access(path, F_OK) == 0 || errno != ENOENT));

    free(path);
    return is;
}

static int audit_here(struct control *c, const char *action, const char *object, const char *reason)
{
    state_audit(c, action, object, reason);
    return control_flush(c) ? CLI_OK : cli_fail("it could not be stored");
}

/**
 * state_audit_home() - what this verb has changed in the home's files goes into the audit
 * @a:       verb and first operand are the action, such as "pki revoke"
 * @object:  "certificate meter-17"
 * @reason:  no secret; NULL: nothing to say
 *
 * By the node if one answers, else in its store.  A home that no node ever ran on has no audit yet,
 * and nothing is written.  The change stands in any case: that it is not in the audit is said on
 * standard error.  MQ.PR.IP-04
 */
void state_audit_home(const struct cli_args *a, const char *object, const char *reason)
{
    char *action;
    struct state s;
    int rc;

    if (!is_for_a_node(a))
        return;
    action = text_format("%s %s", a->verb->name, a->operands[0]);
    rc = state_open(a, STATE_AS_IT_IS, &s);
    if (rc == CLI_OK && s.control != NULL)
        rc = audit_here(s.control, action, object, reason);
    else if (rc == CLI_OK && !s.is_new)
        rc = audit_there(a, action, object, reason);
    if (rc != CLI_OK)
        (void)cli_fail("it is done, but the audit has no entry of it (%s, %s)", action, object);
    state_done(&s);
    free(action);
}

/** state_done() - close */
void state_done(struct state *s)
{
    control_close(s->control);
    keyring_free(s->keys);
    config_free(s->config);
}
