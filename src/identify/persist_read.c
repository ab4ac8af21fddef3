/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/persist_read.c - what was learned before, from the control store
 *
 * Every field may be missing or of another type; what is unusable is left out.
 *
 * assets.json and flows.json, in which an older version kept all this, are taken over
 * once and then removed.
 */
#include "identify/private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "crypto/crypto.h"

#define ASSETS_FORMAT  "bastide-assets/1"
#define FLOWS_FORMAT   "bastide-flows/1"
#define FILE_BYTES_MAX (512U << 20)

static struct bytes text_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return bytes_of(json_string_value(v), json_string_length(v));
}

static uint64_t number_of(const json_t *o, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(o, key));

    return n > 0 ? (uint64_t)n : 0;
}

static bool is_forgotten(uint64_t last_unix_ms, uint64_t unix_ms)
{
    return last_unix_ms + IDENTIFY_FORGET_DAYS * DAY_MS < unix_ms;
}

static void read_asset_lists(struct asset *a, const json_t *o)
{
    const json_t *prints = json_object_get(o, "fingerprints");
    const json_t *addresses = json_object_get(o, "addresses");

    /* They stand there newest first. */
    for (size_t i = json_array_size(prints); i-- > 0;)
        asset_add_print(a, bytes_str(json_string_value(json_array_get(prints, i))));
    for (size_t i = json_array_size(addresses); i-- > 0;) {
        const json_t *v = json_array_get(addresses, i);

        asset_add_address(a, text_of(v, "address"), number_of(v, "last_unix_ms"));
    }
}

/* Return: false when it is of no use (any more). */
static bool read_asset(struct identify *id, const json_t *o, uint64_t unix_ms)
{
    uint64_t last = number_of(o, "last_seen_unix_ms");
    uint64_t first = number_of(o, "first_seen_unix_ms");
    bool by_certificate = json_is_true(json_object_get(o, "by_certificate"));
    struct bytes client_id = text_of(o, "client_id");
    struct bytes principal = text_of(o, "principal");
    struct asset *a;

    if (is_forgotten(last, unix_ms) || client_id.len + principal.len == 0)
        return false;
    a = asset_get(id, client_id, principal, by_certificate, MIN(first, last));
    if (a == NULL)
        return false;
    a->last_seen_unix_ms = last;
    asset_set_role(id, a, text_of(o, "role"));
    a->protocol_level = (uint8_t)MIN(number_of(o, "protocol_level"), 255);
    a->n_connects = (uint32_t)MIN(number_of(o, "n_connects"), UINT32_MAX);
    a->declared_unix_ms = number_of(o, "declared_unix_ms");
    a->concurrent_unix_ms = number_of(o, "concurrent_unix_ms");
    a->mismatch_unix_ms = number_of(o, "mismatch_unix_ms");
    a->publishes = json_is_true(json_object_get(o, "publishes"));
    a->subscribes = json_is_true(json_object_get(o, "subscribes"));
    read_asset_lists(a, o);
    detail_read_json(a, o);
    return true;
}

static void read_address(struct identify *id, struct bytes text, uint64_t last_unix_ms)
{
    struct peer *p;

    if (text.len == 0 || text.len >= ADDRESS_TEXT_MAX || map_find(&id->peers, text) != NULL ||
        id->peers.n >= id->limits.addresses_max)
        return;
    p = mem_new(struct peer);
    memcpy(p->seen.text, text.at, text.len);
    p->seen.last_unix_ms = last_unix_ms;
    (void)map_put(&id->peers, p);
}

static void read_principal(struct identify *id, struct bytes name, uint64_t shared_unix_ms)
{
    struct principal *p = map_find(&id->principals, name);

    if (p != NULL)
        p->shared_unix_ms = shared_unix_ms;
}

/* Return: false when it is of no use (any more). */
static bool read_flow(struct identify *id, const json_t *o, uint64_t unix_ms)
{
    struct asset *from = map_find(&id->by_id, text_of(o, "from"));
    struct asset *to = map_find(&id->by_id, text_of(o, "to"));
    struct bytes topic = text_of(o, "topic");
    uint64_t last = number_of(o, "last_seen_unix_ms");
    struct flow *f;

    if (from == NULL || to == NULL || topic.len == 0 || is_forgotten(last, unix_ms))
        return false;
    f = flow_seen(id, from, topic, to, last);
    if (f == NULL)
        return false;
    f->first_seen_unix_ms = MIN(number_of(o, "first_seen_unix_ms"), last);
    return true;
}

static void read_days(const json_t *list, struct day_count *ring, uint64_t unix_ms)
{
    const json_t *v;
    size_t i;

    json_array_foreach(list, i, v)
    {
        uint64_t day = number_of(v, "day");

        if (day <= unix_ms / DAY_MS)
            ring[day % RETIRED_DAYS] = (struct day_count){day, number_of(v, "n")};
    }
}

struct loading {
    struct identify *id;
    struct control *control;
    uint64_t unix_ms;
};

static void load_asset(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    const struct loading *l = arg;
    json_t *o = json_loads(doc, 0, NULL);

    (void)at_unix_ms;
    if (!read_asset(l->id, o, l->unix_ms))
        control_delete(l->control, CONTROL_ASSET, key);
    json_decref(o);
}

static void load_flow(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    const struct loading *l = arg;
    json_t *o = json_loads(doc, 0, NULL);

    (void)at_unix_ms;
    if (!read_flow(l->id, o, l->unix_ms))
        control_delete(l->control, CONTROL_FLOW, key);
    json_decref(o);
}

static struct bytes behind(const char *key, const char *kind)
{
    return bytes_str(key + strlen(kind));
}

static void load_seen(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    const struct loading *l = arg;
    json_t *o = json_loads(doc, 0, NULL);

    if (strcmp(key, "since") == 0)
        l->id->since_unix_ms = at_unix_ms;
    else if (strcmp(key, "retired") == 0)
        read_days(o, l->id->retired, l->unix_ms);
    else if (strcmp(key, "online") == 0)
        read_days(o, l->id->online, l->unix_ms);
    else if (bytes_has_prefix(bytes_str(key), BYTES(STATE_KEY)))
        lifecycle_read(l->id, key + strlen(STATE_KEY), at_unix_ms, o);
    else if (bytes_has_prefix(bytes_str(key), BYTES(INSPECTED_KEY)))
        inspection_read(l->id, key + strlen(INSPECTED_KEY), at_unix_ms);
    else if (is_forgotten(at_unix_ms, l->unix_ms))
        control_delete(l->control, CONTROL_SEEN, key);
    else if (bytes_has_prefix(bytes_str(key), BYTES(ADDRESS_KEY)))
        read_address(l->id, behind(key, ADDRESS_KEY), at_unix_ms);
    else if (bytes_has_prefix(bytes_str(key), BYTES(PRINCIPAL_KEY)))
        read_principal(l->id, behind(key, PRINCIPAL_KEY), at_unix_ms);
    json_decref(o);
}

/* ---- the files of an older version ---- */

static void read_assets(struct identify *id, const json_t *root, uint64_t unix_ms)
{
    const json_t *list = json_object_get(root, "assets");
    const json_t *v;
    size_t i;

    id->since_unix_ms = number_of(root, "since_unix_ms");
    json_array_foreach(list, i, v)(void) read_asset(id, v, unix_ms);
    list = json_object_get(root, "addresses");
    json_array_foreach(list, i, v)
        read_address(id, text_of(v, "address"), number_of(v, "last_unix_ms"));
    list = json_object_get(root, "principals");
    json_array_foreach(list, i, v)
        read_principal(id, text_of(v, "name"), number_of(v, "shared_unix_ms"));
    read_days(json_object_get(root, "retired"), id->retired, unix_ms);
    read_days(json_object_get(root, "online"), id->online, unix_ms);
}

static void read_flows(struct identify *id, const json_t *root, uint64_t unix_ms)
{
    const json_t *list = json_object_get(root, "flows");
    const json_t *v;
    size_t i;

    json_array_foreach(list, i, v)(void) read_flow(id, v, unix_ms);
}

/* One more line of *@ret_error: "path: what: detail". */
static void add_error(char **ret_error, const char *path, const char *what, const char *detail)
{
    CLEANUP(buf_done) struct buf text = {0};

    if (*ret_error != NULL)
        buf_addf(&text, "%s\n", *ret_error);
    buf_addf(&text, "%s: %s: %s", path, what, detail);
    free(*ret_error);
    *ret_error = bytes_dup_str(buf_view(&text));
}

static void move_aside(const char *path, uint64_t unix_ms, const char *why, char **ret_error)
{
    CLEANUP(buf_done) struct buf to = {0};

    buf_addf(&to, "%s.corrupt-%llu", path, (unsigned long long)unix_ms);
    buf_add_u8(&to, 0);
    if (rename(path, (char *)to.at) == 0)
        add_error(ret_error, path, "is moved aside to *.corrupt-* and learned anew", why);
    else
        add_error(ret_error, path, "cannot be used and cannot be moved aside", strerror(errno));
}

/* NULL: missing (no error), unreadable or corrupt (with one). */
static json_t *read_json(const char *dir, const char *name, const char *format, uint64_t unix_ms,
                         char **ret_error)
{
    CLEANUP(buf_done) struct buf path = {0};
    CLEANUP(buf_done) struct buf text = {0};
    char *error = NULL;
    json_error_t why;
    json_t *root;

    buf_addf(&path, "%s/%s", dir, name);
    buf_add_u8(&path, 0);
    if (access((char *)path.at, F_OK) != 0 && errno == ENOENT)
        return NULL;
    if (!file_read((char *)path.at, FILE_BYTES_MAX, &text, &error)) {
        add_error(ret_error, (char *)path.at, "is left alone", error);
        free(error);
        return NULL;
    }
    root = json_loadb((char *)text.at, text.len, 0, &why);
    if (root == NULL) {
        move_aside((char *)path.at, unix_ms, why.text, ret_error);
    } else if (!bytes_equal(text_of(root, "format"), bytes_str(format))) {
        move_aside((char *)path.at, unix_ms, "it has another format", ret_error);
        json_decref(root);
        root = NULL;
    }
    return root;
}

static void remove_file(const char *dir, const char *name)
{
    CLEANUP(buf_done) struct buf path = {0};

    buf_addf(&path, "%s/%s", dir, name);
    buf_add_u8(&path, 0);
    if (unlink((const char *)path.at) == 0)
        log_warning("identify", "%s was taken into the control store, and the file is removed",
                    (const char *)path.at);
}

/* Gone only when what was in them is on disk. */
static void take_old(struct identify *id, struct control *control, const char *state_dir,
                     uint64_t unix_ms, char **ret_error)
{
    json_t *assets = read_json(state_dir, "assets.json", ASSETS_FORMAT, unix_ms, ret_error);
    json_t *flows = read_json(state_dir, "flows.json", FLOWS_FORMAT, unix_ms, ret_error);
    bool kept;

    if (assets != NULL)
        read_assets(id, assets, unix_ms);
    if (flows != NULL)
        read_flows(id, flows, unix_ms);
    do {
        kept = identify_save(id, control, unix_ms);
    } while (control_flush(control) && !kept);
    if (kept && control_is_kept(control) && assets != NULL)
        remove_file(state_dir, "assets.json");
    if (kept && control_is_kept(control) && flows != NULL)
        remove_file(state_dir, "flows.json");
    json_decref(assets);
    json_decref(flows);
}

/**
 * identify_load() - read what was learned before
 * @state_dir: where an older version may have left its files
 * @unix_ms:   now
 * @ret_error: owned by the caller; written on failure
 *
 * Once, before the first event; the inventory may be loaded before or after.
 *
 * Return: false when something was there and could not be used; the rest is in.
 */
bool identify_load(struct identify *id, struct control *control, const char *state_dir,
                   uint64_t unix_ms, char **ret_error)
{
    struct loading l = {.id = id, .control = control, .unix_ms = unix_ms};
    char *error = NULL;

    if (!control_each(control, CONTROL_ASSET, 0, load_asset, &l, &error) ||
        !control_each(control, CONTROL_SEEN, 0, load_seen, &l, &error) ||
        !control_each(control, CONTROL_FLOW, 0, load_flow, &l, &error)) {
        *ret_error = error;
        return false;
    }
    lifecycles_apply(id);
    inspections_apply(id);
    take_old(id, control, state_dir, unix_ms, &error);
    assets_bind_all(id, unix_ms);
    if (error == NULL)
        return true;
    *ret_error = error;
    return false;
}
