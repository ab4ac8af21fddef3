/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/words.c - values as a person reads them
 *
 * A share is cut, never rounded up: 99.96 % does not become 100 %.
 */
#include "assess/private.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"

/** tier_name() - static; "not in the profile" for 0 */
const char *tier_name(unsigned tier)
{
    static const char *const names[] = {"not in the profile", "Partial", "Risk-Informed",
                                        "Repeatable", "Adaptive"};

    return names[tier];
}

/** mark_text() - static */
const char *mark_text(enum assess_mark m)
{
    static const char *const texts[] = {"pass", "fail", "unknown", "not applicable", "not asked"};

    return texts[m];
}

/** words_of_op() - static; what stands before a threshold */
const char *words_of_op(enum catalog_op op)
{
    static const char *const texts[] = {"at least", "at most", ""};

    return texts[op];
}

/* A part of a metric's name, and how it is said; "" is left out, as the value has the unit. */
static const struct {
    const char *part;
    const char *said;
} parts[] = {
    {"p50", ", median"},
    {"p90", ", 90th percentile"},
    {"p99", ", 99th percentile"},
    {"days", ""},
    {"hours", ""},
    {"h", ""},
    {"s", ""},
    {"ms", ""},
    {"min", ""},
    {"fw", "firmware"},
    {"mttd", "time to detect"},
    {"rto", "recovery time"},
    {"eol", "end of life"},
    {"acl", "ACL"},
    {"mtls", "mutual TLS"},
    {"tls", "TLS"},
    {"tls13", "TLS 1.3"},
    {"mfa", "two-factor"},
    {"rng", "random generator"},
    {"sni", "SNI"},
    {"slo", "objective"},
    {"cert", "certificate"},
    {"hw", "hardware"},
    {"vuln", "vulnerability"},
};

static const char *said(struct bytes part)
{
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (bytes_equal(part, bytes_str(parts[i].part)))
            return parts[i].said;
    return NULL;
}

/** words_of_metric() - "unknown_triage_days_p50" as "unknown triage, median" */
void words_of_metric(struct buf *out, const char *metric)
{
    size_t before = out->len;
    bool client = false;

    while (*metric != '\0') {
        struct bytes part = bytes_of(metric, strcspn(metric, "_"));
        const char *other = client ? NULL : said(part);

        client = bytes_equal(part, BYTES("client")); /* "client days" is no unit */
        if (other == NULL || (other[0] != '\0' && other[0] != ',')) {
            if (out->len > before)
                buf_add_u8(out, ' ');
        }
        buf_add(out, other != NULL ? bytes_str(other) : part);
        metric += part.len;
        metric += *metric == '_';
    }
}

static bool has_token(const char *metric, const char *token)
{
    size_t len = strlen(token);

    for (const char *at = metric; (at = strstr(at, token)) != NULL; at += len)
        if ((at == metric || at[-1] == '_') && (at[len] == '_' || at[len] == '\0'))
            return true;
    return false;
}

static bool is_share(const struct catalog_test *t)
{
    double most = 0;
    bool has_fraction = false;

    for (unsigned tier = 2; tier <= ASSESS_TIER_MAX; tier++) {
        if (!t->has[tier])
            continue;
        most = MAX(most, t->threshold[tier]);
        has_fraction |= t->threshold[tier] != floor(t->threshold[tier]);
    }
    return most <= 1 && (has_fraction || has_token(t->metric, "ratio"));
}

static const char *unit_of(const struct catalog_test *t)
{
    static const struct {
        const char *token;
        const char *unit;
    } units[] = {{"days", " d"}, {"hours", " h"}, {"h", " h"},
                 {"ms", " ms"},  {"min", " min"}, {"s", " s"}};

    if (strstr(t->metric, "client_days") != NULL) /* a rate */
        return "";
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (has_token(t->metric, units[i].token))
            return units[i].unit;
    return "";
}

static void add_share(struct buf *out, const struct catalog_test *t, double value)
{
    double percent = 100 * value;
    unsigned decimals = 0;

    /* As many digits as the finest threshold has, and no more. */
    for (unsigned tier = 2; tier <= ASSESS_TIER_MAX; tier++) {
        double p = 100 * t->threshold[tier];
        unsigned d = 0;

        while (d < 2 && fabs(p * pow(10, d) - round(p * pow(10, d))) > 1e-6)
            d++;
        decimals = t->has[tier] ? MAX(decimals, d) : decimals;
    }
    if (percent > 0 && percent * pow(10, decimals) < 1)
        buf_addf(out, "under %g %%", 1 / pow(10, decimals));
    else
        buf_addf(out, "%.*f %%", (int)decimals,
                 floor(percent * pow(10, decimals) + 1e-6) / pow(10, decimals));
}

/** words_of_value() - a value of that test, with its unit */
void words_of_value(struct buf *out, const struct catalog_test *t, double value)
{
    if (is_share(t))
        add_share(out, t, value);
    else if (t->op == CATALOG_EQUAL)
        buf_addf(out, "%s", value != 0 ? "yes" : "no");
    else if (fabs(value) >= 10 || value == floor(value))
        buf_addf(out, "%.0f%s", value, unit_of(t));
    else
        buf_addf(out, "%.1f%s", value, unit_of(t));
}

/** words_of_date() - the day, UTC */
void words_of_date(struct buf *out, uint64_t unix_ms)
{
    char text[CLOCK_TEXT_LEN];

    buf_addf(out, "%.10s", clock_format(unix_ms, text));
}
