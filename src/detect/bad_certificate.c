/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/bad_certificate.c - D23: a client shows a certificate that must not be believed
 *
 * Expired, of an unknown issuer or of another name; a revoked one is a lost device, and
 * high at once.  The node has refused it already.  When the client of that name is connected from
 * elsewhere at the same time, it is no forgotten renewal: somebody else says to be it.
 *
 * MQ.PR.IA-02
 */
#include "detect/detector.h"

struct state {
    struct window bad;
    struct window revoked;
    struct window twins;
};

/* Of a name that certificates prove. */
struct online {
    uint32_t n;       /* connections */
    uint64_t address; /* key, of the newest */
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = r->kind == SUBJECT_ADDRESS ? slot_peek(j, r) : NULL;
    uint64_t window_ns = rule_window_ns(RULE_D23_MEDIUM);
    double bad;

    if (me == NULL)
        return;
    bad = window_level(&me->bad, window_ns, now_of(j));
    measure_rule(j, r, RULE_D23_MEDIUM, bad, m);
    measure_rule(j, r, RULE_D23_HIGH, bad, m);
    measure_rule(j, r, RULE_D23_REVOKED, window_level(&me->revoked, window_ns, now_of(j)), m);
    measure_rule(j, r, RULE_D23_TWIN, window_level(&me->twins, window_ns, now_of(j)), m);
}

/* What io and OpenSSL call the reasons; whether the client had a certificate at all is another
 * matter, and so is a list of revocations that the node has not. */
static bool is_about_certificate(struct bytes why, bool *ret_revoked)
{
    static const char *const words[] = {"revoked",       "expired",     "unknown ca",
                                        "issuer",        "self-signed", "self signed",
                                        "not yet valid", "mismatch",    "verify failed"};

    if (bytes_has_prefix(why, BYTES("unknown whether")))
        return false;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (memmem(why.at, why.len, words[i], strlen(words[i])) != NULL) {
            *ret_revoked = i == 0;
            return true;
        }
    }
    return false;
}

/* "...: CN meter-1, serial 5A", as io says it; what is in it is what the peer says of itself. */
static struct bytes name_in(struct bytes why)
{
    const uint8_t *from = memmem(why.at, why.len, ": CN ", 5);
    size_t left = from != NULL ? why.len - (size_t)(from + 5 - why.at) : 0;
    const uint8_t *to = left > 0 ? memmem(from + 5, left, ", serial", 8) : NULL;

    return to != NULL ? bytes_of(from + 5, (size_t)(to - from) - 5) : BYTES_NONE;
}

static bool is_online_elsewhere(const struct judge *j, struct bytes name, uint64_t address)
{
    const struct record *user = name.len > 0 ? user_find(j, name) : NULL;
    const struct online *o = user != NULL ? slot_peek(j, user) : NULL;

    return o != NULL && o->n > 0 && o->address != address;
}

static void failed(struct judge *j, const struct sight *s)
{
    bool is_revoked = false;
    struct state *me;

    if (s->address == NULL || s->e->text.len == 0 || !is_about_certificate(s->e->text, &is_revoked))
        return;
    me = slot(j, s->address);
    window_add(is_revoked ? &me->revoked : &me->bad, rule_window_ns(RULE_D23_MEDIUM), now_of(j), 1);
    if (is_online_elsewhere(j, name_in(s->e->text), s->address->key))
        window_add(&me->twins, rule_window_ns(RULE_D23_TWIN), now_of(j), 1);
    sample(j, s->address, s->e->text);
    suspect(j, s, s->address);
}

static void came(struct judge *j, const struct sight *s)
{
    struct record *user = (s->e->flags & CONNECT_CERTIFICATE) ? user_of(j, s->e->user_name) : NULL;
    struct online *o;

    if (user == NULL)
        return;
    o = slot(j, user);
    o->n++;
    o->address = s->address != NULL ? s->address->key : 0;
}

static void went(const struct judge *j, const struct sight *s)
{
    struct record *user = s->e->cert.len > 0 ? user_find(j, s->e->user_name) : NULL;
    struct online *o = user != NULL && slot_peek(j, user) != NULL ? slot(j, user) : NULL;

    if (o != NULL)
        o->n -= o->n > 0;
}

static void observe(struct judge *j, const struct sight *s)
{
    if (s->e->kind == EVENT_TLS_FAILED)
        failed(j, s);
    else if (s->e->kind == EVENT_CONNECT_ACCEPTED)
        came(j, s);
    else
        went(j, s);
}

const struct detector detect_bad_certificate = {
    .info =
        {
            .name = "bad-certificate",
            .id = "D23",
            .subcategory = "MQ.PR.IA-02",
            .counts = "handshakes with a bad certificate",
            .attck = {"T0859", "T0830"},
            .what = "a client shows a certificate that must not be believed",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 90,
            .told_only = BIT(SUBJECT_USER), /* who is online under it; never found */
            .watches =
                BIT64(EVENT_TLS_FAILED) | BIT64(EVENT_CONNECT_ACCEPTED) | BIT64(EVENT_DISCONNECTED),
        },
    .acts_each_time = true,
    .bytes[SUBJECT_ADDRESS] = sizeof(struct state),
    .bytes[SUBJECT_USER] = sizeof(struct online),
    .observe = observe,
    .measure = measure,
};
