/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/journal_mark.h - the control store says how far the journal had come
 *
 * The mark is put behind the batches that it speaks of, now and then and never waited for: the
 * journal may be ahead of it, never behind.  What is missing up to the mark was taken away.
 *
 * Any thread, as control.h says.  MQ.PR.SP-06
 */
#pragma once

#include "store/control.h"
#include "store/journal.h"

void journal_mark_put(struct control *c, const struct journal_mark *m);
/* There is no journal any more that must be there. */
void journal_mark_forget(struct control *c);
/* @ret->number is 0 if there is no mark.  False with @ret_error: it cannot be read. */
MUST_CHECK bool journal_mark_get(struct control *c, struct journal_mark *ret, char **ret_error);
