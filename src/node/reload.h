/* SPDX-License-Identifier: Apache-2.0 */
/* node/reload.h - what changes while the node runs; private to node; the main thread's */
#pragma once

struct node;

void reload_by_signal(struct node *n);
void reload_answer(struct node *n);
void reload_refuse_late(struct node *n);
