/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/detail.c - what a device is, what stands behind it, and what was otherwise before
 *
 * Allocated once there is something to keep.  MQ.ID.AM-01 MQ.ID.AM-02 MQ.ID.IC-04
 */
#include "identify/private.h"
#include "identify/traits.h"

#include <stdlib.h>

#include "base/mem.h"

static struct detail *detail_get(struct asset *a)
{
    if (a->detail == NULL)
        a->detail = mem_new(struct detail);
    return a->detail;
}

static void change_done(struct change *c)
{
    free(c->from);
    free(c->to);
}

/** detail_free() - @d may be NULL; Return: NULL */
struct detail *detail_free(struct detail *d)
{
    if (d == NULL)
        return NULL;
    bytes_free(d->traits);
    for (size_t i = 0; i < d->n_components; i++) {
        free(d->components[i].name);
        bytes_free(d->components[i].traits);
    }
    for (size_t i = 0; i < d->n_changes; i++)
        change_done(&d->changes[i]);
    free(d->components);
    free(d->changes);
    free(d);
    return NULL;
}

/** asset_changed() - it is not as it was; @what is static; the oldest change gives way */
void asset_changed(struct asset *a, const char *what, struct bytes from, struct bytes to,
                   uint64_t unix_ms)
{
    struct detail *d = detail_get(a);

    if (d->n_changes == IDENTIFY_CHANGES_MAX) {
        change_done(&d->changes[0]);
        d->n_changes--;
        memmove(&d->changes[0], &d->changes[1], d->n_changes * sizeof(*d->changes));
    }
    d->changes = mem_resize(d->changes, (d->n_changes + 1) * sizeof(*d->changes));
    d->changes[d->n_changes++] = (struct change){
        .at_unix_ms = unix_ms,
        .what = what,
        .from = text_clean(from),
        .to = text_clean(to),
    };
}

/** asset_trait() - what is known of it, borrowed; empty: nothing */
struct bytes asset_trait(const struct asset *a, enum identify_trait t)
{
    return a->detail != NULL ? trait_get(a->detail->traits, t) : BYTES_NONE;
}

static struct component *component_get(struct detail *d, struct bytes name)
{
    struct component *c;

    for (size_t i = 0; i < d->n_components; i++)
        if (bytes_equal(bytes_str(d->components[i].name), name))
            return &d->components[i];
    if (d->n_components == IDENTIFY_COMPONENTS_MAX || name.len > IDENTIFY_TEXT_MAX)
        return NULL;
    d->components = mem_resize(d->components, (d->n_components + 1) * sizeof(*d->components));
    c = &d->components[d->n_components++];
    *c = (struct component){.name = text_clean(name)};
    return c;
}

/* A renewed certificate is told of by its fingerprint. */
static void note_changes(struct asset *a, struct bytes traits, uint64_t unix_ms)
{
    for (unsigned t = 0; t < IDENTIFY_TRAIT_CERTIFICATE_KEY; t++) {
        struct bytes before = asset_trait(a, t);
        struct bytes now = trait_get(traits, t);

        if (before.len > 0 && now.len > 0 && !bytes_equal(before, now))
            asset_changed(a, identify_trait_name(t), before, now, unix_ms);
    }
}

/**
 * asset_traits() - what it is, as it says or as its connection shows
 * @component:  a device behind it; empty: itself
 * @traits:     packed; what is not among them stays as it was
 */
void asset_traits(struct asset *a, struct bytes component, struct bytes traits, uint64_t unix_ms)
{
    struct detail *d = detail_get(a);
    struct component *c;

    if (component.len == 0) {
        note_changes(a, traits, unix_ms);
        d->traits = traits_merge(d->traits, traits);
        d->traits_unix_ms = unix_ms;
        return;
    }
    c = component_get(d, component);
    if (c != NULL)
        c->traits = traits_merge(c->traits, traits);
}

/* ---- as JSON ---- */

static json_t *components_json(const struct detail *d)
{
    json_t *list = json_array();

    for (size_t i = 0; i < d->n_components; i++)
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:o}", "name", d->components[i].name, "traits",
                                              traits_json(d->components[i].traits)));
    return list;
}

static json_t *changes_json(const struct detail *d)
{
    json_t *list = json_array();

    for (size_t i = 0; i < d->n_changes; i++)
        (void)json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:s}", "at_unix_ms",
                                                    (json_int_t)d->changes[i].at_unix_ms, "what",
                                                    d->changes[i].what, "from", d->changes[i].from,
                                                    "to", d->changes[i].to));
    return list;
}

/** detail_set_json() - into the object of an asset; nothing when nothing is known */
void detail_set_json(const struct detail *d, json_t *o)
{
    if (d == NULL)
        return;
    if (d->traits.len > 0) {
        (void)json_object_set_new(o, "traits", traits_json(d->traits));
        (void)json_object_set_new(o, "traits_unix_ms", json_integer((json_int_t)d->traits_unix_ms));
    }
    if (d->n_components > 0)
        (void)json_object_set_new(o, "components", components_json(d));
    if (d->n_changes > 0)
        (void)json_object_set_new(o, "changes", changes_json(d));
}

/* What changes may be of; records name it. */
static const char *change_named(const char *what)
{
    static const char *const others[] = {"address", "certificate", "protocol"};

    for (size_t i = 0; what != NULL && i < COUNT_OF(others); i++)
        if (strcmp(others[i], what) == 0)
            return others[i];
    for (unsigned t = 0; what != NULL && t < IDENTIFY_TRAIT_N; t++)
        if (strcmp(identify_trait_name(t), what) == 0)
            return identify_trait_name(t);
    return NULL;
}

static struct bytes member(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return bytes_of(json_string_value(v), json_string_length(v));
}

static void read_traits(struct asset *a, struct bytes component, const json_t *o, uint64_t unix_ms)
{
    CLEANUP(buf_done) struct buf traits = {0};

    traits_read_json(o, &traits);
    if (traits.len > 0)
        asset_traits(a, component, buf_view(&traits), unix_ms);
}

/** detail_read_json() - what detail_set_json() wrote; what is unusable is left out */
void detail_read_json(struct asset *a, const json_t *o)
{
    json_int_t at = json_integer_value(json_object_get(o, "traits_unix_ms"));
    const json_t *list = json_object_get(o, "components");
    const json_t *v;
    size_t i;

    read_traits(a, BYTES_NONE, json_object_get(o, "traits"), at > 0 ? (uint64_t)at : 0);
    json_array_foreach(list, i, v)
    {
        if (member(v, "name").len > 0)
            read_traits(a, member(v, "name"), json_object_get(v, "traits"), 0);
    }
    list = json_object_get(o, "changes");
    json_array_foreach(list, i, v)
    {
        const char *what = change_named(json_string_value(json_object_get(v, "what")));

        at = json_integer_value(json_object_get(v, "at_unix_ms"));
        if (what != NULL && at > 0)
            asset_changed(a, what, member(v, "from"), member(v, "to"), (uint64_t)at);
    }
}
