/* SPDX-License-Identifier: Apache-2.0 */
/* detect/samples.c - see samples.h */
#include "detect/samples.h"

#include "base/mem.h"

#define PLACES 1024

/** samples_new() - Return: room for all subjects of a detector, to be freed with free(). */
struct samples *samples_new(void)
{
    return mem_zero(PLACES * sizeof(struct samples));
}

/** sample_cut() - @text with a zero after it, cut between two UTF-8 characters if it is too long */
void sample_cut(struct bytes text, char ret[DETECT_SAMPLE_BYTES_MAX])
{
    size_t len = text.len;

    if (len >= DETECT_SAMPLE_BYTES_MAX) {
        len = DETECT_SAMPLE_BYTES_MAX - 1;
        while (len > 0 && (text.at[len] & 0xc0) == 0x80)
            len--;
    }
    if (len > 0)
        memcpy(ret, text.at, len);
    ret[len] = '\0';
}

/** samples_keep() - remember @text for the subject @key, in place of the oldest when there are
 * eight */
void samples_keep(struct samples *all, uint64_t key, struct bytes text)
{
    struct samples *s = &all[key % PLACES];
    char cut[DETECT_SAMPLE_BYTES_MAX];

    if (s->key != key)
        *s = (struct samples){.key = key};
    sample_cut(text, cut);
    for (unsigned i = 0; i < s->n; i++) {
        if (strcmp(s->text[i], cut) == 0)
            return;
    }
    memcpy(s->text[s->next], cut, sizeof(cut));
    s->next = (s->next + 1) % DETECT_SAMPLES_MAX;
    s->n = MIN(s->n + 1, (unsigned)DETECT_SAMPLES_MAX);
}

/** samples_of() - Return: what is kept for @key, or NULL. */
const struct samples *samples_of(const struct samples *all, uint64_t key)
{
    const struct samples *s = &all[key % PLACES];

    return s->key == key && s->n > 0 ? s : NULL;
}
