/* SPDX-License-Identifier: Apache-2.0 */
/* store/recent.c - see recent.h */
#include "store/recent.h"

#include <stdlib.h>

#include "base/mem.h"

#define SLOT_BITS  13
#define RECORD_MAX (RECENT_BYTES / 8)

struct recent_slot {
    uint64_t id; /* 0: none */
    uint64_t at; /* as recent.end was */
    uint32_t len;
    uint8_t kind;
};

/** recent_done() - fine if nothing was put */
void recent_done(struct recent *r)
{
    free(r->bytes);
    free(r->slots);
    *r = (struct recent){0};
}

static size_t slot_of(uint64_t id)
{
    return (size_t)(id * 0x9e3779b97f4a7c15ULL >> (64 - SLOT_BITS));
}

/** recent_put() - see recent.h; @id is not 0 */
void recent_put(struct recent *r, uint64_t id, uint8_t kind, struct bytes record)
{
    size_t at = r->end % RECENT_BYTES;

    if (record.len > RECORD_MAX)
        return;
    if (r->bytes == NULL) {
        r->bytes = mem_alloc(RECENT_BYTES);
        r->slots = mem_zero(sizeof(*r->slots) << SLOT_BITS);
    }
    if (at + record.len > RECENT_BYTES) {
        r->end += RECENT_BYTES - at;
        at = 0;
    }
    if (record.len > 0)
        memcpy(r->bytes + at, record.at, record.len);
    r->slots[slot_of(id)] = (struct recent_slot){id, r->end, (uint32_t)record.len, kind};
    r->end += record.len;
}

/** recent_find() - see recent.h; Return: false if it is not there, or not any more */
bool recent_find(const struct recent *r, uint64_t id, uint8_t *ret_kind, struct bytes *ret)
{
    const struct recent_slot *s = r->slots != NULL ? &r->slots[slot_of(id)] : NULL;

    if (s == NULL || s->id != id || r->end - s->at > RECENT_BYTES)
        return false;
    *ret_kind = s->kind;
    *ret = bytes_of(r->bytes + s->at % RECENT_BYTES, s->len);
    return true;
}
