/* SPDX-License-Identifier: Apache-2.0 */
/* cli/ask.h - which node a command line means, and a question to it */
#pragma once

#include <jansson.h>

#include "cli/args.h"

struct config;

/* The options by which every verb finds its node; rows of a verb's table. */
/* clang-format off */
#define CLI_NODE_OPTIONS                                                                          \
    {"--config", "-c", "FILE", "the node's configuration"},                                       \
    {"--home",   NULL, "DIR",  "the node's home: DIR/bastide.yaml is its configuration"}
#define CLI_SOCKET_OPTIONS                                                                        \
    CLI_NODE_OPTIONS,                                                                             \
    {"--socket", NULL, "PATH", "the node's admin socket; the configuration is then not read"}
/* clang-format on */

int ask_config_path(const struct cli_args *a, char **ret);
int ask_config(const struct cli_args *a, struct config **ret);
int ask_socket(const struct cli_args *a, char **ret);
int ask_node(const struct cli_args *a, const char *method, const char *path, json_t *body,
             json_t **ret);
int ask_do(const struct cli_args *a, const char *path, json_t *body);
int ask_do_lines(const struct cli_args *a, const char *path, json_t *body);
int ask_text(const struct cli_args *a, const char *path, struct buf *ret);
