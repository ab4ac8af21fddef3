/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue/holders.h - who needs the record of a message
 *
 * A message in memory is one holder of its record, however many refer to it; each delivery
 * on a shelf (shelf.h) is another.  When the last holder lets go, the record is not needed
 * any more.  Only holders beyond the first are counted, so what has one costs nothing.
 *
 * Any thread.
 */
#pragma once

#include "base/bytes.h"

/* @n more hold @record, which the caller holds. */
void holders_add(uint64_t record, uint32_t n);
/* True: that was the last one. */
MUST_CHECK bool holders_release(uint64_t record);
/* Records with more than one. */
size_t holders_counted(void);
