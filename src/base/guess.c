/* SPDX-License-Identifier: Apache-2.0 */
/* base/guess.c - see guess.h; by the optimal string alignment distance */
#include "base/guess.h"

#include <string.h>

#include "base/bytes.h"

/* How many letters must be put in, taken out, replaced or swapped to make @a of @b. */
static size_t edits(const char *a, const char *b)
{
    size_t row[GUESS_LEN_MAX + 1][GUESS_LEN_MAX + 1];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);

    for (size_t i = 0; i <= a_len; i++) {
        for (size_t j = 0; j <= b_len; j++) {
            if (i == 0 || j == 0) {
                row[i][j] = i + j;
                continue;
            }
            row[i][j] = MIN(MIN(row[i - 1][j], row[i][j - 1]) + 1,
                            row[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[i][j] = MIN(row[i][j], row[i - 2][j - 2] + 1);
        }
    }
    return row[a_len][b_len];
}

/** guess_at() - @word is the nearest if it is nearer than those before */
void guess_at(struct guess *g, const char *word)
{
    size_t n;

    if (strlen(g->typed) > GUESS_LEN_MAX || strlen(word) > GUESS_LEN_MAX)
        return;
    n = edits(g->typed, word);
    if (n < g->n_edits) {
        g->nearest = word;
        g->n_edits = n;
    }
}
