/* SPDX-License-Identifier: Apache-2.0 */
/* base/guess.h - which of the words that there are a mistyped one may have meant */
#pragma once

#include <stddef.h>

#define GUESS_LEN_MAX 48 /* longer words resemble none */

struct guess {
    const char *typed;   /* borrowed, as the next */
    const char *nearest; /* NULL: none is near */
    size_t n_edits;      /* of the nearest; at first: so many make another word of it */
};

void guess_at(struct guess *g, const char *word);
