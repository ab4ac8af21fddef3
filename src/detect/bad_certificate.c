/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/bad_certificate.c - D23: a client shows a certificate that must not be believed
 *
 * Expired, of an unknown issuer or of another name; a revoked one is a lost device, and
 * high at once.  The node has refused it already.
 *
 * MQ.PR.IA-02
 */
#include "detect/detector.h"

struct state {
    struct window bad;
    struct window revoked;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    uint64_t window_ns = rule_window_ns(RULE_D23_MEDIUM);
    double bad;

    if (me == NULL)
        return;
    bad = window_level(&me->bad, window_ns, now_of(j));
    measure_rule(j, r, RULE_D23_MEDIUM, bad, m);
    measure_rule(j, r, RULE_D23_HIGH, bad, m);
    measure_rule(j, r, RULE_D23_REVOKED, window_level(&me->revoked, window_ns, now_of(j)), m);
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

static void observe(struct judge *j, const struct sight *s)
{
    bool is_revoked = false;
    struct state *me;

    if (s->address == NULL || s->e->text.len == 0 || !is_about_certificate(s->e->text, &is_revoked))
        return;
    me = slot(j, s->address);
    window_add(is_revoked ? &me->revoked : &me->bad, rule_window_ns(RULE_D23_MEDIUM), now_of(j), 1);
    sample(j, s->address, s->e->text);
    suspect(j, s, s->address);
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
            .watches = BIT64(EVENT_TLS_FAILED),
        },
    .bytes[SUBJECT_ADDRESS] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
