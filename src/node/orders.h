/* SPDX-License-Identifier: Apache-2.0 */
/* node/orders.h - what actions need beyond workers: firewall, CA, shutdown; private to node */
#pragma once

#include "node/node_private.h"

const char *firewall_ask(struct node *n, const char *prefix, unsigned for_s);
bool firewall_forgot(struct node *n, unsigned n_blocks);
char *revoke_certificate(struct node *n, const char *serial);
void shutdown_want(struct node *n, const char *author, const char *reason);
