/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_node.h - a node that records what the API asked of it
 *
 * It implements node/node.h for the tests of the API; the real one is tested
 * with the API in tests/integration.
 */
#pragma once

#include "node/node.h"

struct node {
    enum node_answer answer; /* to every action */
    unsigned count;
    const char *text;  /* NULL: the node gives none */
    char call[1024];   /* the last action and its arguments */
    int stop_fd;       /* eventfd written by node_stop(); -1: none */
    unsigned backup_s; /* that a backup takes */
};
