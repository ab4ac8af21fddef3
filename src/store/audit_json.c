/* SPDX-License-Identifier: Apache-2.0 */
/* store/audit_json.c - entries and heads of the audit as JSON, and back; for the API and exports */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/audit.h"
#include "store/control_private.h"

static void add_row(void *arg, const struct audit_row *r)
{
    json_t *o =
        json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "seq", (json_int_t)r->seq,
                  "at_unix_ms", (json_int_t)r->entry.at_unix_ms, "actor", r->entry.actor, "action",
                  r->entry.action, "object", r->entry.object, "reason", r->entry.reason, "result",
                  r->entry.result, "prev_hash", r->prev_hash, "hash", r->hash);

    check(o != NULL); /* control_audit() keeps only what is UTF-8 */
    json_array_append_new(arg, o);
}

static void tell_last(struct control *c, void *arg)
{
    *(uint64_t *)arg = c->chain.seq;
}

/**
 * control_audit_json() - entries behind number @after, or the newest, oldest first
 * @after:  UINT64_MAX: the newest @limit
 * @limit:  0: all
 *
 * Return: an array, owned by the caller; NULL with @ret_error.
 */
json_t *control_audit_json(struct control *c, uint64_t after, size_t limit, char **ret_error)
{
    json_t *all = json_array();

    if (after == UINT64_MAX) {
        control_call(c, tell_last, &after);
        after = limit > 0 && after > limit ? after - limit : 0;
    }
    if (control_audit_each(c, after, limit, add_row, all, ret_error))
        return all;
    json_decref(all);
    return NULL;
}

static void add_head(void *arg, const struct audit_head *h)
{
    json_array_append_new(arg, json_pack("{s:I, s:I, s:s, s:s}", "seq", (json_int_t)h->seq,
                                         "at_unix_ms", (json_int_t)h->at_unix_ms, "hash", h->hash,
                                         "signature", h->signature));
}

/** control_audit_heads_json() - {"key", "heads"}; owned by the caller; NULL with @ret_error */
json_t *control_audit_heads_json(struct control *c, char **ret_error)
{
    char public[KEYRING_PUBLIC_TEXT_LEN];
    json_t *heads = json_array();

    keyring_public_text(c->keys, public);
    if (control_audit_heads(c, add_head, heads, ret_error))
        return json_pack("{s:s, s:o}", "key", public, "heads", heads);
    json_decref(heads);
    return NULL;
}

/** audit_head_parse() - what audit_head_text() or the API wrote; false: it is none */
bool audit_head_parse(const json_t *o, struct audit_head *ret)
{
    const char *hash = json_string_value(json_object_get(o, "hash"));
    const char *signature = json_string_value(json_object_get(o, "signature"));
    json_int_t seq = json_integer_value(json_object_get(o, "seq"));
    json_int_t at = json_integer_value(json_object_get(o, "at_unix_ms"));

    if (hash == NULL || signature == NULL || strlen(hash) >= sizeof(ret->hash) ||
        strlen(signature) >= sizeof(ret->signature) || seq < 1 || at < 0)
        return false;
    *ret = (struct audit_head){.seq = (uint64_t)seq, .at_unix_ms = (uint64_t)at};
    memcpy(ret->hash, hash, strlen(hash));
    memcpy(ret->signature, signature, strlen(signature));
    return true;
}

/** audit_row_parse() - borrows its texts from @o; false: it is none */
bool audit_row_parse(json_t *o, struct audit_row *ret)
{
    json_int_t seq = 0;
    json_int_t at = 0;
    struct audit_row r = {0};

    if (json_unpack(o, "{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "seq", &seq, "at_unix_ms",
                    &at, "actor", &r.entry.actor, "action", &r.entry.action, "object",
                    &r.entry.object, "reason", &r.entry.reason, "result", &r.entry.result,
                    "prev_hash", &r.prev_hash, "hash", &r.hash) != 0 ||
        seq < 1 || at < 0)
        return false;
    r.seq = (uint64_t)seq;
    r.entry.at_unix_ms = (uint64_t)at;
    *ret = r;
    return true;
}
