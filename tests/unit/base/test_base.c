/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/base/test_base.c - the containers against naive ones, the text helpers against tables
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "unit/unit.h"

#define ITEMS 2000

struct item {
    uint32_t key;
    bool in;
    struct timer timer;
    struct list link;
};

static struct bytes key_of(const void *item)
{
    return bytes_of(&((const struct item *)item)->key, sizeof(uint32_t));
}

static void a_map_agrees_with_an_array_over_random_changes(void **state)
{
    static struct item items[ITEMS];
    struct map m;
    uint64_t seed = 1;
    size_t n = 0;

    (void)state;
    map_init(&m, key_of);
    for (int step = 0; step < 50000; step++) {
        struct item *it = &items[noise(&seed) % ITEMS];

        it->key = (uint32_t)(it - items);
        if (noise(&seed) % 2 == 0) {
            assert_ptr_equal(map_put(&m, it), it->in ? it : NULL);
            n += !it->in;
            it->in = true;
        } else {
            assert_ptr_equal(map_remove(&m, key_of(it)), it->in ? it : NULL);
            n -= it->in;
            it->in = false;
        }
        assert_int_equal(m.n, n);
    }
    for (uint32_t i = 0; i < ITEMS; i++)
        assert_ptr_equal(map_find(&m, bytes_of(&i, sizeof(i))), items[i].in ? &items[i] : NULL);
    map_done(&m);
}

static void walking_a_map_meets_every_item_once(void **state)
{
    static struct item items[100];
    struct map m;
    size_t cursor = 0;
    struct item *it;
    size_t n = 0;

    (void)state;
    map_init(&m, key_of);
    assert_null(map_next(&m, &cursor));
    for (uint32_t i = 0; i < 100; i++) {
        items[i] = (struct item){.key = i};
        map_put(&m, &items[i]);
    }
    cursor = 0;
    while ((it = map_next(&m, &cursor)) != NULL) {
        assert_false(it->in);
        it->in = true;
        n++;
    }
    assert_int_equal(n, 100);
    map_done(&m);
}

static void timers_fall_due_in_order_whatever_is_set_moved_or_cleared(void **state)
{
    static struct item items[ITEMS];
    struct heap h = {0};
    uint64_t seed = 7;
    uint64_t last = 0;
    size_t n_due = 0;
    size_t n_set = 0;
    struct timer *t;

    (void)state;
    for (int step = 0; step < 20000; step++) {
        struct item *it = &items[noise(&seed) % ITEMS];

        if (noise(&seed) % 3 == 0)
            heap_clear(&h, &it->timer);
        else
            heap_set(&h, &it->timer, noise(&seed) % 1000000);
    }
    for (size_t i = 0; i < ITEMS; i++)
        n_set += timer_is_set(&items[i].timer);
    assert_null(heap_take_due(&h, heap_next_ns(&h) - 1));
    while ((t = heap_take_due(&h, UINT64_MAX)) != NULL) {
        assert_true(t->at_ns >= last);
        assert_false(timer_is_set(t));
        last = t->at_ns;
        n_due++;
    }
    assert_int_equal(n_due, n_set);
    assert_true(heap_next_ns(&h) == TIMER_NEVER);
    heap_done(&h);
}

static void a_list_keeps_order_and_bears_removal_while_looping(void **state)
{
    struct list head = LIST_INIT(head);
    struct list more = LIST_INIT(more);
    struct item items[6];
    uint32_t seen = 0;

    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        items[i].key = i;
        list_append(i < 3 ? &head : &more, &items[i].link);
    }
    list_splice(&head, &more);
    assert_true(list_is_empty(&more));
    list_each (it, &head) {
        struct item *i = list_item(it, struct item, link);

        assert_int_equal(i->key, seen++);
        if (i->key % 2 == 0)
            list_remove(it);
    }
    assert_int_equal(seen, 6);
    assert_false(list_is_linked(&items[0].link));
    assert_true(list_is_linked(&items[1].link));
}

static void a_buffer_grows_and_gives_from_the_front(void **state)
{
    struct buf b = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        buf_addf(&b, "%03d.", i);
    assert_int_equal(b.len, 4000);
    buf_drop_front(&b, 3996);
    assert_bytes_equal(buf_view(&b), BYTES("999."));
    buf_add(&b, BYTES_NONE);
    buf_add_u8(&b, 'x');
    assert_bytes_equal(buf_view(&b), BYTES("999.x"));
    buf_drop_front(&b, 5);
    assert_int_equal(b.len, 0);
    buf_done(&b);
}

static void comparisons_look_at_length_and_content(void **state)
{
    (void)state;
    assert_true(bytes_equal(BYTES_NONE, BYTES("")));
    assert_true(bytes_equal_secret(BYTES("abc"), BYTES("abc")));
    assert_false(bytes_equal_secret(BYTES("abc"), BYTES("abd")));
    assert_false(bytes_equal_secret(BYTES("abc"), BYTES("abcd")));
    assert_true(bytes_compare(BYTES("ab"), BYTES("abc")) < 0);
    assert_true(bytes_compare(BYTES("b"), BYTES("abc")) > 0);
    assert_int_equal(bytes_compare(BYTES("abc"), BYTES("abc")), 0);
    assert_true(bytes_has_prefix(BYTES("$SYS/a"), BYTES("$SYS/")));
    assert_false(bytes_has_prefix(BYTES("$S"), BYTES("$SYS/")));
}

/* SipHash-1-3 with key 00..0f over nothing, 00, 00 01, ...: the first two are the reference
 * implementation's, the others those of a straightforward one.  No byte behind the text is looked
 * at. */
static void the_hash_is_siphash_1_3(void **state)
{
    static const uint64_t vectors[] = {
        0xabac0158050fc4dcULL, 0xc9f49bf37d57ca93ULL, 0x82cb9b024dc7d44dULL, 0x8bf80ab8e7ddf7fbULL,
        0xcf75576088d38328ULL, 0xdef9d52f49533b67ULL, 0xc50d2b50c59f22a7ULL, 0xd3927d989bb11140ULL,
        0x369095118d299a8eULL, 0x25a48eb36c063de4ULL, 0x79de85ee92ff097fULL, 0x70c118c1f94dc352ULL,
        0x78a384b157b4d9a2ULL, 0x306f760c1229ffa7ULL, 0x605aa111c0f95d34ULL, 0xd320d86d2a519956ULL,
        0xcc4fdd1a7d908b66ULL,
    };

    (void)state;
    hash_key_set(0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL);
    for (size_t len = 0; len < COUNT_OF(vectors); len++) {
        uint8_t *in = mem_alloc(len);

        for (size_t i = 0; i < len; i++)
            in[i] = (uint8_t)i;
        assert_true(hash_keyed(bytes_of(in, len)) == vectors[len]);
        free(in);
    }
}

static void dates_are_rfc_3339(void **state)
{
    char text[CLOCK_TEXT_LEN];

    (void)state;
    assert_string_equal(clock_format(0, text), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_format(1795645342001ULL, text), "2026-11-25T22:22:22.001Z");
}

static void a_text_is_as_long_as_it_has_to_be_and_why_something_failed_may_be_ignored(void **state)
{
    static char nines[5000];
    char *text = text_format("%s-%u", "a", 7U);
    char *why = NULL;

    (void)state;
    assert_string_equal(text, "a-7");
    free(text);
    memset(nines, '9', sizeof(nines) - 1);
    assert_false(text_fail(&why, "%s!", nines));
    assert_int_equal(strlen(why), sizeof(nines));
    assert_int_equal(why[sizeof(nines) - 1], '!');
    free(why);
    assert_false(text_fail(NULL, "%s", "nobody asks"));
}

static void the_trail_names_where_an_error_was_born_and_passed(void **state)
{
    struct buf text = {0};

    (void)state;
    assert_int_equal(err_trace(err_origin(-28)), -28);
    err_format(&text);
    buf_add_u8(&text, '\0');
    assert_non_null(strstr((char *)text.at, "No space left on device (../"));
    assert_non_null(strstr((char *)text.at, " < ../"));
    buf_done(&text);
}

static void an_address_has_one_text(void **state)
{
    static const struct {
        const char *said;
        const char *text;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:0201/128", "192.0.2.1"},
        {"192.0.2.1/32", "192.0.2.1"},
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"::ffff:192.0.2.0/120", "192.0.2.0/24"},
        {"2001:0DB8:0:0::9", "2001:db8::9"},
        {"2001:db8:0::/32", "2001:db8::/32"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"::/0", "::/0"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:0/112", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:0/112"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[ADDRESS_NETWORK_LEN];
        struct address a;

        assert_null(prefix_parse(cases[i].said, &a));
        address_text(&a, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void an_address_tells_the_network_that_it_is_in(void **state)
{
    static const struct {
        const char *address;
        const char *network; /* NULL: it is no address */
    } cases[] = {
        {"192.0.2.17", "192.0.2.0/24"},
        {"::ffff:192.0.2.17", "192.0.2.0/24"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
        {"fe80::1%eth0", "fe80::/64"},
        {"unix", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char network[ADDRESS_NETWORK_LEN] = "untouched";
        bool ok = address_network(bytes_str(cases[i].address), 24, 64, network);

        assert_int_equal(ok, cases[i].network != NULL);
        assert_string_equal(network, ok ? cases[i].network : "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_one_text),
        cmocka_unit_test(an_address_tells_the_network_that_it_is_in),
        cmocka_unit_test(the_hash_is_siphash_1_3),
        cmocka_unit_test(a_map_agrees_with_an_array_over_random_changes),
        cmocka_unit_test(walking_a_map_meets_every_item_once),
        cmocka_unit_test(timers_fall_due_in_order_whatever_is_set_moved_or_cleared),
        cmocka_unit_test(a_list_keeps_order_and_bears_removal_while_looping),
        cmocka_unit_test(a_buffer_grows_and_gives_from_the_front),
        cmocka_unit_test(comparisons_look_at_length_and_content),
        cmocka_unit_test(dates_are_rfc_3339),
        cmocka_unit_test(a_text_is_as_long_as_it_has_to_be_and_why_something_failed_may_be_ignored),
        cmocka_unit_test(the_trail_names_where_an_error_was_born_and_passed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
