/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/password_audit.h - does a user have a password that everybody knows?  MQ.PR.IA-03
 *
 * Private to node.  Each verifier costs a second of one core, so a thread that has
 * time looks at a few at a time, and what was found is kept for as long as the user
 * has that verifier.
 */
#pragma once

#include "node/probes.h"

struct password_audit;

struct password_audit *password_audit_new(void);
struct password_audit *password_audit_free(struct password_audit *a);
/* Looks at some that were not looked at yet; @stop_fd: readable when it is time to stop. */
void password_audit_some(struct password_audit *a, struct node *n, int stop_fd);
void password_audit_evidence(struct password_audit *a, struct evidence_list *e);
