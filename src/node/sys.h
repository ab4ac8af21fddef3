/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/sys.h - the node's state as messages under $SYS/broker/
 *
 * Private to node.  The main thread takes the facts and hands what has changed to a
 * worker, which publishes it, retained, as any other message: who may read it is
 * decided by roles, and no filter that begins with a wildcard meets it
 * [MQTT5-4.7.2-1] [MQTT3-4.7.2-1].
 */
#pragma once

#include <stdint.h>

struct node;
struct sys;

struct sys *sys_new(struct node *n);
struct sys *sys_free(struct sys *s);
int sys_turn(struct sys *s, uint32_t interval_s, uint64_t now_ns);
