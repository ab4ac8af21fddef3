/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/spared.c - whom the configuration says nothing is ever done to automatically
 *
 * "client scada-1", "user joe", "address 10.1.0.0/16", "certificate 0A12": the words of an
 * order, in any of their spellings.  A client is spared by any of its names; an address for itself,
 * since who offends from it may call himself what he likes.  (detection, section 5)
 */
#include <stdlib.h>

#include "base/address.h"
#include "base/mem.h"
#include "respond/canonical.h"
#include "respond/private.h"

struct spared {
    enum respond_target kind;
    char *name;             /* owned */
    struct address network; /* of TARGET_ADDRESS */
};

#define KINDS                                                                                      \
    (BIT(TARGET_CLIENT) | BIT(TARGET_USER) | BIT(TARGET_ADDRESS) | BIT(TARGET_CERTIFICATE))

static bool is_serial(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "0123456789ABCDEF")] == '\0';
}

/* @ret is written on success, its name is owned by the caller.  Return: NULL, or what is wrong;
 * static. */
static const char *parse(const char *text, struct spared *ret)
{
    size_t len = strcspn(text, " ");
    char *kind = bytes_dup_str(bytes_of(text, len));
    const char *name = text + len + strspn(text + len, " ");
    struct spared s = {.kind = TARGET_N};
    struct canonical said;
    bool is_kind = respond_target_parse(kind, &s.kind) && (KINDS & BIT(s.kind));

    free(kind);
    if (!is_kind || name[0] == '\0')
        return "needs client, user, address or certificate, and then which one";
    if (s.kind == TARGET_ADDRESS && prefix_parse(name, &s.network) != NULL)
        return "needs an IP address or prefix, such as 192.0.2.1 or 2001:db8::/32";
    said = canonical_of(s.kind, name, NULL);
    s.name = said.target;
    if (s.kind == TARGET_CERTIFICATE && !is_serial(s.name)) {
        free(s.name);
        return "needs a serial number: digits from 0 to 9 and A to F, as 'bastide pki list' shows "
               "it";
    }
    *ret = s;
    return NULL;
}

/** respond_spared_wrong_why() - for the configuration; Return: NULL, or what is wrong; static. */
const char *respond_spared_wrong_why(const char *text)
{
    struct spared s = {0};
    const char *why = parse(text, &s);

    free(s.name);
    return why;
}

/** spared_take() - these, in place of those before; each is one, as it was looked at before */
void spared_take(struct respond *r, char *const *texts, size_t n)
{
    spared_done(r);
    r->spared = mem_zero(MAX(n, (size_t)1) * sizeof(*r->spared));
    for (size_t i = 0; i < n; i++)
        r->n_spared += parse(texts[i], &r->spared[r->n_spared]) == NULL;
}

/** spared_done() - nobody is */
void spared_done(struct respond *r)
{
    for (size_t i = 0; i < r->n_spared; i++)
        free(r->spared[i].name);
    free(r->spared);
    r->spared = NULL;
    r->n_spared = 0;
}

static bool is_from(const struct spared *s, const char *address)
{
    struct address a;

    return address_parse(bytes_str(address), &a) && prefix_has(&s->network, &a);
}

static bool is_client(const struct respond *r, const struct spared *s, const struct incident *i)
{
    char *serial;
    bool is_it;

    if (s->kind == TARGET_CLIENT)
        return strcmp(s->name, i->client_id) == 0;
    if (s->kind == TARGET_USER)
        return strcmp(s->name, i->user_name) == 0;
    if (s->kind == TARGET_ADDRESS)
        return is_from(s, i->address);
    serial = r->hands.certificate_of(r->hands.arg, i->client_id);
    is_it = serial != NULL && strcmp(s->name, serial) == 0;
    free(serial);
    return is_it;
}

/** spared_has() - is the target of @a, which is an address or the client of @i, among them? */
bool spared_has(const struct respond *r, const struct incident *i, const struct action *a)
{
    for (size_t n = 0; n < r->n_spared; n++) {
        const struct spared *s = &r->spared[n];

        if (a->target_kind == TARGET_ADDRESS ? s->kind == TARGET_ADDRESS && is_from(s, a->target)
                                             : is_client(r, s, i))
            return true;
    }
    return false;
}
