/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/shown.h - texts of strangers for a terminal: shown, never obeyed
 *
 * A client chooses its id and its topics.  What would steer a terminal, forge a line
 * or turn one around is written \xNN or \uNNNN, the number of the character, and so
 * is a backslash that would be taken for the beginning of that.  What is shown is
 * therefore one text and no other, and can be given back.
 */
#pragma once

#include "base/bytes.h"

uint32_t shown_character(struct bytes b, size_t *ret_len);
void shown_add(struct buf *to, struct bytes text);
void shown_undo(char *text);
size_t shown_treacherous(struct bytes text, uint32_t *ret_code);
