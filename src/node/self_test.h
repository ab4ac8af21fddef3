/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/self_test.h - the node as its own client: what a file says is tried, not believed
 *
 * Private to node.  A thread of its own connects to the node's listeners over
 * loopback, soon after the start and every few hours, as two principals that exist
 * only in memory, with random passwords and one role without rights but on one topic.
 * Their client ids begin with IDENTIFY_TEST_PREFIX and a random token of this process;
 * anybody else's id with that prefix is refused, so nobody can hide behind it.
 *
 * Events they cause are counted apart and reach neither identify nor detect.
 */
#pragma once

#include "node/probes.h"

#define SELF_TEST_PRINCIPALS 2

struct self_test;

struct self_test *self_test_new(struct node *n);
struct self_test *self_test_free(struct self_test *t);
/* Both policies share all but the principals of the self-test. */
struct policy *self_test_policy(const struct self_test *t, const struct policy_spec *spec,
                                char **ret_error);
bool self_test_is_own(const struct self_test *t, struct bytes client_id);
bool self_test_is_from(const struct self_test *t, struct bytes client_id, struct bytes address,
                       uint64_t at_ns);
bool self_test_causes(const struct self_test *t, const struct event *e);
bool self_test_is_forged(const struct self_test *t, struct bytes client_id);
/* On the sentinel's thread: an event of the self-test, which goes no further. */
void self_test_saw(struct self_test *t, const struct event *e);
MUST_CHECK int self_test_start(struct self_test *t);
void self_test_stop(struct self_test *t);
/* What the trials themselves have added to the node's counters. */
unsigned self_test_connects(const struct self_test *t);
unsigned self_test_protocol_errors(const struct self_test *t);
void probe_self_test(struct node *n, struct evidence_list *e);
