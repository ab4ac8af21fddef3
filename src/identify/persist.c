/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/persist.c - what was learned, in state_dir/assets.json and flows.json
 *
 * assets.json: {"format": "bastide-assets/1", "since_unix_ms", "assets": [...],
 *  "addresses": [...], "principals": [...], "retired": [...], "online": [...]}
 * flows.json:  {"format": "bastide-flows/1", "flows": [{"from", "topic", "to", ...}]}, by asset id
 */
#include "identify/private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "crypto/crypto.h"

#define ASSETS_FORMAT   "bastide-assets/1"
#define FLOWS_FORMAT    "bastide-flows/1"
#define FILE_BYTES_MAX  (512U << 20)
#define STATE_FILE_MODE 0600

static json_t *addresses_json(const struct map *peers)
{
    json_t *list = json_array();
    const struct seen_address *p;
    size_t cursor = 0;

    while ((p = map_next(peers, &cursor)) != NULL)
        (void)json_array_append_new(list, json_pack("{s:s, s:I}", "address", p->text,
                                                    "last_unix_ms", (json_int_t)p->last_unix_ms));
    return list;
}

static json_t *principals_json(const struct map *principals)
{
    json_t *list = json_array();
    const struct principal *p;
    size_t cursor = 0;

    while ((p = map_next(principals, &cursor)) != NULL)
        if (p->shared_unix_ms > 0)
            (void)json_array_append_new(list,
                                        json_pack("{s:s, s:I}", "name", p->name, "shared_unix_ms",
                                                  (json_int_t)p->shared_unix_ms));
    return list;
}

static json_t *days_json(const struct day_count *days)
{
    json_t *list = json_array();

    for (size_t i = 0; i < RETIRED_DAYS; i++)
        if (days[i].n > 0)
            (void)json_array_append_new(list,
                                        json_pack("{s:I, s:I}", "day", (json_int_t)days[i].day, "n",
                                                  (json_int_t)days[i].n));
    return list;
}

static json_t *assets_json(const struct identify *id)
{
    json_t *list = json_array();

    for (size_t i = 0; i < id->counts.n_assets; i++)
        (void)json_array_append_new(list, asset_json(id->assets[i]));
    return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "format", ASSETS_FORMAT,
                     "since_unix_ms", (json_int_t)id->since_unix_ms, "assets", list, "addresses",
                     addresses_json(&id->peers), "principals", principals_json(&id->principals),
                     "retired", days_json(id->retired), "online", days_json(id->online));
}

static json_t *flows_json(const struct identify *id, uint64_t unix_ms)
{
    json_t *list = json_array();
    const struct flow *f;
    size_t cursor = 0;

    while ((f = map_next(&id->flows, &cursor)) != NULL) {
        uint64_t last = flow_is_live(f) ? unix_ms : f->last_seen_unix_ms;

        (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:I}", "from",
                                                    f->from->id, "topic", f->topic, "to", f->to->id,
                                                    "first_seen_unix_ms",
                                                    (json_int_t)f->first_seen_unix_ms,
                                                    "last_seen_unix_ms", (json_int_t)last));
    }
    return json_pack("{s:s, s:o}", "format", FLOWS_FORMAT, "flows", list);
}

static bool write_json(const char *dir, const char *name, json_t *o, char **ret_error)
{
    CLEANUP(buf_done) struct buf path = {0};
    char *text = json_dumps(o, JSON_COMPACT);
    bool ok;

    json_decref(o);
    buf_addf(&path, "%s/%s", dir, name);
    buf_add_u8(&path, 0);
    ok = file_replace((char *)path.at, bytes_str(text), STATE_FILE_MODE, ret_error);
    free(text);
    return ok;
}

/**
 * identify_save() - write what was learned
 * @unix_ms:   now: flows that are live count as seen until then
 * @ret_error: owned by the caller; written on failure
 *
 * Blocks on the disk.  Return: false when a file could not be written.
 */
bool identify_save(const struct identify *id, const char *state_dir, uint64_t unix_ms,
                   char **ret_error)
{
    return write_json(state_dir, "assets.json", assets_json(id), ret_error) &&
           write_json(state_dir, "flows.json", flows_json(id, unix_ms), ret_error);
}

/* ---- reading: every field may be missing or of another type; what is unusable is left out ---- */

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

static void read_asset(struct identify *id, const json_t *o, uint64_t unix_ms)
{
    uint64_t last = number_of(o, "last_seen_unix_ms");
    uint64_t first = number_of(o, "first_seen_unix_ms");
    bool by_certificate = json_is_true(json_object_get(o, "by_certificate"));
    struct bytes client_id = text_of(o, "client_id");
    struct bytes principal = text_of(o, "principal");
    struct asset *a;

    if (is_forgotten(last, unix_ms) || client_id.len + principal.len == 0)
        return;
    a = asset_get(id, client_id, principal, by_certificate, MIN(first, last));
    if (a == NULL)
        return;
    a->last_seen_unix_ms = last;
    asset_set_role(id, a, text_of(o, "role"));
    a->protocol_level = (uint8_t)MIN(number_of(o, "protocol_level"), 255);
    a->n_connects = number_of(o, "n_connects");
    a->declared_unix_ms = number_of(o, "declared_unix_ms");
    a->concurrent_unix_ms = number_of(o, "concurrent_unix_ms");
    a->mismatch_unix_ms = number_of(o, "mismatch_unix_ms");
    a->publishes = json_is_true(json_object_get(o, "publishes"));
    a->subscribes = json_is_true(json_object_get(o, "subscribes"));
    read_asset_lists(a, o);
    detail_read_json(a, o);
}

static void read_address(struct identify *id, const json_t *o)
{
    struct seen_address *p;
    struct bytes text = text_of(o, "address");

    if (text.len == 0 || text.len >= ADDRESS_TEXT_MAX || map_find(&id->peers, text) != NULL ||
        id->peers.n >= id->limits.addresses_max)
        return;
    p = mem_new(struct seen_address);
    memcpy(p->text, text.at, text.len);
    p->last_unix_ms = number_of(o, "last_unix_ms");
    (void)map_put(&id->peers, p);
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

static void read_assets(struct identify *id, const json_t *root, uint64_t unix_ms)
{
    const json_t *list = json_object_get(root, "assets");
    const json_t *v;
    size_t i;

    id->since_unix_ms = number_of(root, "since_unix_ms");
    json_array_foreach(list, i, v) read_asset(id, v, unix_ms);
    list = json_object_get(root, "addresses");
    json_array_foreach(list, i, v) read_address(id, v);
    list = json_object_get(root, "principals");
    json_array_foreach(list, i, v)
    {
        struct principal *p = map_find(&id->principals, text_of(v, "name"));

        if (p != NULL)
            p->shared_unix_ms = number_of(v, "shared_unix_ms");
    }
    read_days(json_object_get(root, "retired"), id->retired, unix_ms);
    read_days(json_object_get(root, "online"), id->online, unix_ms);
    assets_bind_all(id, unix_ms);
}

static void read_flows(struct identify *id, const json_t *root, uint64_t unix_ms)
{
    const json_t *list = json_object_get(root, "flows");
    const json_t *v;
    size_t i;

    json_array_foreach(list, i, v)
    {
        struct asset *from = map_find(&id->by_id, text_of(v, "from"));
        struct asset *to = map_find(&id->by_id, text_of(v, "to"));
        struct bytes topic = text_of(v, "topic");
        uint64_t last = number_of(v, "last_seen_unix_ms");
        struct flow *f;

        if (from == NULL || to == NULL || topic.len == 0 || is_forgotten(last, unix_ms))
            continue;
        f = flow_seen(id, from, topic, to, last);
        if (f != NULL)
            f->first_seen_unix_ms = MIN(number_of(v, "first_seen_unix_ms"), last);
    }
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

/**
 * identify_load() - read what was learned before
 * @unix_ms:   now
 * @ret_error: owned by the caller; written on failure
 *
 * Once, before the first event; the inventory may be loaded before or after.
 *
 * Return: false when a file was there and could not be used; the rest is in.
 */
bool identify_load(struct identify *id, const char *state_dir, uint64_t unix_ms, char **ret_error)
{
    char *error = NULL;
    json_t *assets = read_json(state_dir, "assets.json", ASSETS_FORMAT, unix_ms, &error);
    json_t *flows = read_json(state_dir, "flows.json", FLOWS_FORMAT, unix_ms, &error);

    if (assets != NULL)
        read_assets(id, assets, unix_ms);
    if (flows != NULL)
        read_flows(id, flows, unix_ms);
    json_decref(assets);
    json_decref(flows);
    if (error == NULL)
        return true;
    *ret_error = error;
    return false;
}
