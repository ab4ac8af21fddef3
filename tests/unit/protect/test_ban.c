/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

#include <stdio.h>

#define NOW 1000000U

static struct gate_subject from(const char *address, const char *client_id)
{
    return (struct gate_subject){.address = bytes_str(address), .client_id = bytes_str(client_id)};
}

/* clang-format off */
static const struct prefix_case {
    const char *prefix;
    const char *address;
    bool hits;
} prefixes[] = {
    {"192.0.2.1",          "192.0.2.1",           true},
    {"192.0.2.1",          "192.0.2.2",           false},
    {"192.0.2.1/32",       "192.0.2.1",           true},
    {"192.0.2.0/31",       "192.0.2.1",           true},
    {"192.0.2.0/31",       "192.0.2.2",           false},
    {"192.0.2.0/24",       "192.0.2.255",         true},
    {"192.0.2.0/24",       "192.0.3.0",           false},
    {"192.0.2.0/24",       "192.0.1.255",         false},
    {"192.0.2.128/25",     "192.0.2.127",         false},
    {"192.0.2.128/25",     "192.0.2.128",         true},
    {"128.0.0.0/1",        "255.255.255.255",     true},
    {"128.0.0.0/1",        "127.255.255.255",     false},
    {"192.0.2.0/24",       "::ffff:192.0.2.7",    true},  /* came by an IPv6 socket */
    {"::ffff:192.0.2.0/120", "192.0.2.7",         true},
    {"2001:db8::/32",      "2001:db8:ffff::1",    true},
    {"2001:db8::/32",      "2001:db9::",          false},
    {"2001:db8::1",        "2001:db8:0:0::1",     true},
    {"2001:db8::1",        "2001:db8::2",         false},
    {"2001:db8::/127",     "2001:db8::1",         true},
    {"2001:db8::/127",     "2001:db8::2",         false},
    {"8000::/1",           "ffff::",              true},
    {"8000::/1",           "7fff::",              false},
    {"8000::/1",           "192.0.2.1",           false},
    {"fe80::1",            "fe80::1%eth0",        true},
    {"192.0.2.0/24",       "not an address",      false},
    {"192.0.2.0/24",       "",                    false},
};
/* clang-format on */

static void a_prefix_hits_what_lies_in_it_and_nothing_beside(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        struct ban b = {.kind = BAN_ADDRESS, .subject = (char *)(uintptr_t)prefixes[i].prefix};
        struct ban_table *t = ban_table_new(&b, 1);
        struct gate_subject s = from(prefixes[i].address, "c1");

        print_message("  %s %s\n", prefixes[i].prefix, prefixes[i].address);
        assert_int_equal(ban_table_find(t, &s, BYTES_NONE, NOW) != NULL, prefixes[i].hits);
        ban_table_unref(t);
    }
}

/* clang-format off */
static const struct subject_case {
    enum ban_kind kind;
    const char *subject, *address;
    const char *why; /* a part of it; NULL: valid */
} subjects[] = {
    {BAN_ADDRESS, "192.0.2.1",        NULL, NULL},
    {BAN_ADDRESS, "192.0.2.0/24",     NULL, NULL},
    {BAN_ADDRESS, "2001:db8::/32",    NULL, NULL},
    {BAN_ADDRESS, "",                 NULL, "is not an IP address or prefix"},
    {BAN_ADDRESS, "192.0.2",          NULL, "is not an IP address or prefix"},
    {BAN_ADDRESS, "192.0.2.256",      NULL, "is not an IP address or prefix"},
    {BAN_ADDRESS, "host.example",     NULL, "is not an IP address or prefix"},
    {BAN_ADDRESS, "fe80::1%eth0",     NULL, "is not an IP address or prefix"},
    {BAN_ADDRESS, "192.0.2.0/33",     NULL, "has a prefix length"},
    {BAN_ADDRESS, "192.0.2.0/",       NULL, "has a prefix length"},
    {BAN_ADDRESS, "192.0.2.0/-1",     NULL, "has a prefix length"},
    {BAN_ADDRESS, "192.0.2.0/+8",     NULL, "has a prefix length"},
    {BAN_ADDRESS, "192.0.2.0/24/1",   NULL, "has a prefix length"},
    {BAN_ADDRESS, "2001:db8::/129",   NULL, "has a prefix length"},
    {BAN_ADDRESS, "2001:db8::/1000",  NULL, "has a prefix length"},
    {BAN_ADDRESS, "0.0.0.0/0",        NULL, "which is everybody"},
    {BAN_ADDRESS, "::/0",             NULL, "which is everybody"},
    {BAN_ADDRESS, "192.0.2.1/24",     NULL, "has bits set past its prefix length"},
    {BAN_ADDRESS, "2001:db8::1/64",   NULL, "has bits set past its prefix length"},
    {BAN_ADDRESS, "192.0.2.1",        "192.0.2.1", "only a client-address ban has"},
    {BAN_CLIENT,  "meter 7/#",        NULL, NULL},
    {BAN_CLIENT,  "",                 NULL, "is empty"},
    {BAN_CLIENT,  "\xff",             NULL, "is not UTF-8"},
    {BAN_USER,    "alice",            NULL, NULL},
    {BAN_USER,    "",                 NULL, "is empty"},
    {BAN_CLIENT_ADDRESS, "c1", "192.0.2.1", NULL},
    {BAN_CLIENT_ADDRESS, "c1", "2001:db8::1", NULL},
    {BAN_CLIENT_ADDRESS, "c1", NULL,         "has no address"},
    {BAN_CLIENT_ADDRESS, "c1", "192.0.2.0/24", "has a prefix"},
    {BAN_CLIENT_ADDRESS, "c1", "x",          "is not an IP address"},
    {BAN_CLIENT_ADDRESS, "",   "192.0.2.1",  "is empty"},
};
/* clang-format on */

static void a_ban_that_cannot_be_is_told_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(subjects); i++) {
        const struct subject_case *t = &subjects[i];
        const char *why = NULL;

        print_message("  %s \"%s\"\n", ban_kind_text(t->kind), t->subject);
        assert_int_equal(ban_subject_valid(t->kind, t->subject, t->address, &why), t->why == NULL);
        if (t->why != NULL)
            assert_non_null(strstr(why, t->why));
        else
            assert_null(why);
    }
}

static void kinds_are_texts_and_back(void **state)
{
    enum ban_kind kind = BAN_KIND_N;

    (void)state;
    for (unsigned i = 0; i < BAN_KIND_N; i++) {
        assert_true(ban_kind_parse(ban_kind_text((enum ban_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    assert_false(ban_kind_parse("clients", &kind));
    assert_int_equal(kind, BAN_KIND_N - 1);
}

static void each_kind_looks_at_its_own_fields_only(void **state)
{
    struct ban bans[] = {
        {.kind = BAN_CLIENT, .subject = "c1", .reason = "test", .author = "admin:a"},
        {.kind = BAN_USER, .subject = "alice"},
        {.kind = BAN_CLIENT_ADDRESS, .subject = "c2", .address = "192.0.2.1"},
    };
    struct ban_table *t = ban_table_new(bans, COUNT_OF(bans));
    struct gate_subject s = from("192.0.2.9", "c1");
    const struct ban *hit = ban_table_find(t, &s, BYTES_NONE, NOW);

    (void)state;
    assert_string_equal(hit->reason, "test");
    assert_string_equal(hit->author, "admin:a");
    s = from("192.0.2.9", "alice");
    assert_null(ban_table_find(t, &s, BYTES("c1"), NOW));
    assert_string_equal(ban_table_find(t, &s, BYTES("alice"), NOW)->subject, "alice");
    s.user_name = BYTES("alice"); /* claimed, not proven */
    assert_null(ban_table_find(t, &s, BYTES_NONE, NOW));
    s = from("192.0.2.1", "c2");
    assert_int_equal(ban_table_find(t, &s, BYTES_NONE, NOW)->kind, BAN_CLIENT_ADDRESS);
    s = from("::ffff:192.0.2.1", "c2");
    assert_non_null(ban_table_find(t, &s, BYTES_NONE, NOW));
    s = from("192.0.2.2", "c2"); /* the rightful owner elsewhere is not locked out */
    assert_null(ban_table_find(t, &s, BYTES_NONE, NOW));
    s = from("192.0.2.1", ""); /* before CONNECT */
    assert_null(ban_table_find(t, &s, BYTES_NONE, NOW));
    ban_table_unref(t);
}

static void a_ban_holds_until_its_last_millisecond(void **state)
{
    struct ban bans[] = {
        {.kind = BAN_CLIENT, .subject = "c1", .created_unix_ms = NOW + 5, .expires_unix_ms = NOW},
        {.kind = BAN_CLIENT, .subject = "c2"},
    };
    struct ban_table *t = ban_table_new(bans, COUNT_OF(bans));
    struct gate_subject s = from("192.0.2.1", "c1");

    (void)state;
    assert_non_null(ban_table_find(t, &s, BYTES_NONE, NOW - 1));
    assert_null(ban_table_find(t, &s, BYTES_NONE, NOW));
    s = from("192.0.2.1", "c2");
    assert_non_null(ban_table_find(t, &s, BYTES_NONE, UINT64_MAX));
    ban_table_unref(t);
}

static void of_several_bans_in_force_the_first_is_told(void **state)
{
    struct ban bans[] = {
        {.kind = BAN_ADDRESS, .subject = "192.0.2.0/24", .expires_unix_ms = NOW, .reason = "old"},
        {.kind = BAN_CLIENT, .subject = "c1", .reason = "first"},
        {.kind = BAN_ADDRESS, .subject = "192.0.2.0/24", .reason = "second"},
        {.kind = BAN_ADDRESS, .subject = "192.0.2.1", .reason = "third"},
    };
    struct ban_table *t = ban_table_new(bans, COUNT_OF(bans));
    struct gate_subject s = from("192.0.2.1", "c1");

    (void)state;
    assert_string_equal(ban_table_find(t, &s, BYTES_NONE, NOW - 1)->reason, "old");
    assert_string_equal(ban_table_find(t, &s, BYTES_NONE, NOW)->reason, "first");
    s.client_id = BYTES("c2");
    assert_string_equal(ban_table_find(t, &s, BYTES_NONE, NOW)->reason, "second");
    ban_table_unref(t);
}

static void a_table_copies_and_is_shared(void **state)
{
    char subject[] = "c1";
    struct ban b = {.kind = BAN_CLIENT, .subject = subject};
    struct ban_table *t = ban_table_new(&b, 1);
    struct ban_table *other = ban_table_ref(t);
    struct gate_subject s = from("", "c1");

    (void)state;
    subject[0] = 'x';
    assert_null(ban_table_unref(t));
    assert_non_null(ban_table_find(other, &s, BYTES_NONE, NOW));
    ban_table_unref(other);
    assert_null(ban_table_unref(NULL));
    t = ban_table_new(NULL, 0);
    assert_null(ban_table_find(t, &s, BYTES("u"), NOW));
    ban_table_unref(t);
}

/* The plain way: every ban, one after the other. */
static bool lies_in(const unsigned char a[4], const unsigned char p[4], unsigned len)
{
    for (unsigned bit = 0; bit < len; bit++) {
        if (((a[bit / 8] ^ p[bit / 8]) >> (7 - bit % 8)) & 1)
            return false;
    }
    return true;
}

static void thousands_of_prefixes_agree_with_a_plain_search(void **state)
{
    enum { N = 2000 };
    static unsigned char nets[N][4];
    static unsigned lens[N];
    static char texts[N][24];
    static struct ban bans[N];
    struct ban_table *t;
    uint64_t seed = 7;
    unsigned n_hits = 0;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        lens[i] = 12 + (unsigned)i % 21;
        for (unsigned k = 0; k < 4; k++) {
            unsigned keep = lens[i] > 8 * k ? MIN(lens[i] - 8 * k, 8U) : 0;

            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            nets[i][k] = (unsigned char)((seed >> 40) & (0xff00U >> keep) & 0xff);
        }
        (void)snprintf(texts[i], sizeof(texts[i]), "%u.%u.%u.%u/%u", nets[i][0], nets[i][1],
                       nets[i][2], nets[i][3], lens[i]);
        bans[i] = (struct ban){.kind = BAN_ADDRESS, .subject = texts[i]};
    }
    t = ban_table_new(bans, N);
    for (unsigned i = 0; i < 4000; i++) {
        unsigned char a[4];
        char text[24];
        struct gate_subject s;
        const struct ban *hit;
        size_t first = 0;

        for (unsigned k = 0; k < 4; k++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            a[k] = (unsigned char)(seed >> 40);
        }
        if (i % 2 == 0) /* inside one of them */
            memcpy(a, nets[i % N], lens[i % N] / 8);
        while (first < N && !lies_in(a, nets[first], lens[first]))
            first++;
        (void)snprintf(text, sizeof(text), "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
        s = from(text, "");
        hit = ban_table_find(t, &s, BYTES_NONE, NOW);
        if (first < N) {
            assert_non_null(hit);
            assert_string_equal(hit->subject, texts[first]);
            n_hits++;
        } else {
            assert_null(hit);
        }
    }
    assert_in_range(n_hits, 500, 3900);
    ban_table_unref(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prefix_hits_what_lies_in_it_and_nothing_beside),
        cmocka_unit_test(a_ban_that_cannot_be_is_told_why),
        cmocka_unit_test(kinds_are_texts_and_back),
        cmocka_unit_test(each_kind_looks_at_its_own_fields_only),
        cmocka_unit_test(a_ban_holds_until_its_last_millisecond),
        cmocka_unit_test(of_several_bans_in_force_the_first_is_told),
        cmocka_unit_test(a_table_copies_and_is_shared),
        cmocka_unit_test(thousands_of_prefixes_agree_with_a_plain_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
