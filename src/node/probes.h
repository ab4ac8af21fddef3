/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/probes.h - evidence for the assessment, measured on the running node
 *
 * Private to node.  What each test means stands in assess/assess.h; a probe that has
 * nothing to say adds nothing, and the test is unknown.
 */
#pragma once

#include <jansson.h>

#include "node/node_private.h"
#include "node/sentinel.h"

struct evidence_list {
    json_t *array;
    uint64_t at_unix_ms;
};

/* @window: "30d", or NULL for what is true now.  @detail says where the value comes from. */
void evidence_add(struct evidence_list *e, const char *test, double value, uint64_t samples,
                  const char *window, const char *detail, ...) PRINTF(6, 7);

void probe_config(struct node *n, struct evidence_list *e);
void probe_issuers(struct node *n, size_t n_clients, struct evidence_list *e);
void probe_crypto(struct node *n, struct evidence_list *e);
void probe_traffic(struct node *n, struct evidence_list *e);
void probe_incidents(struct node *n, struct evidence_list *e);
void probe_store(struct node *n, struct evidence_list *e);
void probe_contained(struct node *n, struct evidence_list *e);
void probe_respond(struct node *n, struct evidence_list *e);
void probe_sentinel(struct node *n, struct evidence_list *e);
