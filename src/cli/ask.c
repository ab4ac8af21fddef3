/* SPDX-License-Identifier: Apache-2.0 */
/* cli/ask.c - see ask.h */
#include "cli/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/http.h"
#include "cli/print.h"
#include "node/node.h"

#define CONFIG_NAME      "bastide.yaml"
#define CONFIG_INSTALLED "/etc/bastide/" CONFIG_NAME
#define STOP_S_MAX       90 /* as long as a service manager waits; a stop takes seconds */

/* The file in folder @dir; owned. */
static char *in_folder(const char *dir)
{
    return text_format("%s/" CONFIG_NAME, dir);
}

/* --config, --home, BASTIDE_HOME, here, /etc; owned; NULL: nowhere. */
static char *find_config(const struct cli_args *a)
{
    const char *home = getenv("BASTIDE_HOME");

    if (cli_arg(a, "--config") != NULL)
        return text_dup(cli_arg(a, "--config"));
    if (cli_arg(a, "--home") != NULL)
        return in_folder(cli_arg(a, "--home"));
    if (home != NULL && home[0] != '\0')
        return in_folder(home);
    if (access(CONFIG_NAME, F_OK) == 0)
        return bytes_dup_str(BYTES(CONFIG_NAME));
    if (access(CONFIG_INSTALLED, F_OK) == 0)
        return bytes_dup_str(BYTES(CONFIG_INSTALLED));
    return NULL;
}

/**
 * ask_config_path() - the configuration that the command line means; the file need not be there
 * @ret:  owned by the caller; written on CLI_OK
 *
 * Return: CLI_OK, or CLI_USAGE and standard error says why.
 */
int ask_config_path(const struct cli_args *a, char **ret)
{
    char *path;

    if (cli_arg(a, "--config") != NULL && cli_arg(a, "--home") != NULL)
        return cli_usage(a->verb, "give one of --config and --home: they may mean two nodes");
    path = find_config(a);
    if (path == NULL)
        return cli_usage(a->verb, "no configuration: give -c FILE or --home DIR, set BASTIDE_HOME, "
                                  "or be in the node's home");
    *ret = path;
    return CLI_OK;
}

/* For who has no home yet. */
static void point_to_init(const char *config_path)
{
    if (access(config_path, F_OK) != 0 && errno == ENOENT)
        (void)fprintf(stderr, "  bastide init DIR makes a node's home\n");
}

/**
 * ask_config() - load the configuration that the command line means
 * @ret:  owned by the caller; written on CLI_OK
 *
 * Return: CLI_OK, or CLI_USAGE or CLI_NO and standard error says why.
 */
int ask_config(const struct cli_args *a, struct config **ret)
{
    char *path = NULL;
    char *error = NULL;
    int rc = ask_config_path(a, &path);
    struct config *c;

    if (rc != CLI_OK)
        return rc;
    c = config_load(path, &error);
    if (c == NULL) {
        (void)fprintf(stderr, "%s\n", error);
        point_to_init(path);
        rc = CLI_NO;
    } else {
        *ret = c;
    }
    free(error);
    free(path);
    return rc;
}

/* It cannot be read where the node is asked; where bastide init puts it, perhaps. */
static int no_socket(char *config_path, char *error)
{
    const char *slash = strrchr(config_path, '/');
    int dir_len = slash != NULL ? (int)(slash - config_path) : 1;
    char *usual = text_format("%.*s/run/admin.sock", dir_len, slash != NULL ? config_path : ".");
    int rc = cli_fail("%s", error);

    if (access(usual, F_OK) == 0)
        (void)fprintf(stderr, "  a node that runs can be asked all the same: --socket %s\n", usual);
    else
        point_to_init(config_path);
    free(usual);
    return rc;
}

/**
 * ask_socket() - the path of the node's admin socket
 * @ret:  owned by the caller; written on CLI_OK
 *
 * The configuration may be wrong elsewhere: an operator must reach the node while it is mended.
 *
 * Return: as ask_config().
 */
int ask_socket(const struct cli_args *a, char **ret)
{
    char *path = NULL;
    char *error = NULL;
    int rc;

    if (cli_arg(a, "--socket") != NULL) {
        *ret = text_dup(cli_arg(a, "--socket"));
        return CLI_OK;
    }
    rc = ask_config_path(a, &path);
    if (path == NULL)
        return rc;
    *ret = config_admin_socket(path, &error);
    if (*ret == NULL)
        rc = no_socket(path, error);
    free(error);
    free(path);
    return rc;
}

static int refused(const struct http_answer *answer, const json_t *reply)
{
    const char *error = json_string_value(json_object_get(reply, "error"));
    const char *advice = json_string_value(json_object_get(reply, "what_to_do"));

    if (error == NULL)
        return cli_fail("the node answered %d", answer->status);
    return advice != NULL ? cli_fail("%s\n  what to do: %s", error, advice) : cli_fail("%s", error);
}

static int ask_raw(const struct cli_args *a, const char *method, const char *path, json_t *body,
                   struct http_answer *ret)
{
    char *socket_path = NULL;
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    char *error = NULL;
    int rc = ask_socket(a, &socket_path);

    if (rc == CLI_OK) {
        switch (http_ask(socket_path, method, path, text, ret, &error)) {
        case HTTP_OK:
            break;
        case HTTP_E_UNREACHABLE:
            rc = CLI_UNREACHABLE;
            break;
        case HTTP_E_BROKEN:
            rc = CLI_NO;
            break;
        }
    }
    if (error != NULL)
        cli_fail("%s", error);
    free(error);
    free(text);
    free(socket_path);
    json_decref(body);
    return rc;
}

/* What a 200 brought, to @ret. */
static int take_reply(const struct http_answer *answer, json_t **ret)
{
    json_t *reply =
        json_loadb((const char *)answer->body.at, answer->body.len, JSON_DECODE_ANY, NULL);
    int rc = CLI_OK;

    if (answer->status != 200)
        rc = refused(answer, reply);
    else if (reply == NULL)
        rc = cli_fail("the node's answer is no JSON");
    else
        *ret = json_incref(reply);
    json_decref(reply);
    return rc;
}

/**
 * ask_node() - ask the node that the command line means
 * @body:  consumed; NULL for none
 * @ret:   what a 200 brought; owned by the caller; written on CLI_OK
 *
 * Return: CLI_OK, or another exit status and standard error says why.
 */
int ask_node(const struct cli_args *a, const char *method, const char *path, json_t *body,
             json_t **ret)
{
    struct http_answer answer = {0};
    int rc = ask_raw(a, method, path, body, &answer);

    if (rc != CLI_OK)
        return rc;
    rc = take_reply(&answer, ret);
    http_answer_done(&answer);
    return rc;
}

/* Who is told that the node has stopped may open what it had open, and start another one. */
static int wait_for_end(const struct http_answer *answer)
{
    if (!answer->node_stops || http_answerer_ends(answer, STOP_S_MAX * 1000))
        return CLI_OK;
    if (answer->process == 0)
        return cli_fail("when the node has stopped cannot be seen from here, as where it runs in "
                        "another container\n  what to do: wait for its process to end before its "
                        "state is used again");
    return cli_fail("the node has not stopped within %d s; it holds its state until its process "
                    "ends\n  what to do: see in its log what it waits for",
                    STOP_S_MAX);
}

static int ask_and_print(const struct cli_args *a, const char *path, json_t *body,
                         void (*print)(const char *text))
{
    struct http_answer answer = {0};
    json_t *reply = NULL;
    int rc = ask_raw(a, "POST", path, body, &answer);

    if (rc != CLI_OK)
        return rc;
    rc = take_reply(&answer, &reply);
    if (rc == CLI_OK && cli_flag(a, "--json"))
        print_json(reply);
    else if (rc == CLI_OK)
        print(json_string_value(json_object_get(reply, "text")));
    if (rc == CLI_OK)
        rc = wait_for_end(&answer);
    json_decref(reply);
    http_answer_done(&answer);
    return rc;
}

/** ask_do() - POST, and print the node's sentence on what it did, or, with --json, its answer;
 * @body is consumed; where the node stops because of it, wait until its process has ended */
int ask_do(const struct cli_args *a, const char *path, json_t *body)
{
    return ask_and_print(a, path, body, print_sentence);
}

/** ask_do_lines() - the same, of what it says in several lines */
int ask_do_lines(const struct cli_args *a, const char *path, json_t *body)
{
    return ask_and_print(a, path, body, print_text);
}

/** ask_text() - GET what is no JSON; appended to @ret on CLI_OK */
int ask_text(const struct cli_args *a, const char *path, struct buf *ret)
{
    struct http_answer answer = {0};
    int rc = ask_raw(a, "GET", path, NULL, &answer);

    if (rc != CLI_OK)
        return rc;
    if (answer.status == 200)
        buf_add(ret, answer.body);
    else
        rc = cli_fail("the node answered %d", answer.status);
    http_answer_done(&answer);
    return rc;
}
