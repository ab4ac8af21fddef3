/* SPDX-License-Identifier: Apache-2.0 */
/* What the keeper of the firewall tells nft, and what it refuses to tell it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ward/keeper.h"

static char *told; /* the last transaction */
static unsigned n_told;
static int nft_says;
static unsigned nft_takes_s;
static uint64_t now_ns;

static uint64_t now(void)
{
    return now_ns;
}

int nft_run(struct bytes rules)
{
    json_t *parsed = json_loadb((const char *)rules.at, rules.len, 0, NULL);

    assert_non_null(parsed);
    json_decref(parsed);
    free(told);
    told = bytes_dup_str(rules);
    n_told++;
    now_ns += nft_takes_s * NS_PER_S;
    return nft_says;
}

static struct keeper *keeper_new(void)
{
    struct keeper *k = mem_new(struct keeper);

    k->now_ns = now;
    n_told = 0;
    nft_says = 0;
    nft_takes_s = 0;
    return k;
}

static enum ward_answer ask(struct keeper *k, enum ward_verb verb, const char *prefix,
                            uint32_t seconds, uint64_t at_ns)
{
    struct ward_request r = {.verb = verb, .seconds = seconds};

    if (prefix != NULL)
        assert_null(prefix_parse(prefix, &r.prefix));
    now_ns = at_ns;
    return keeper_do(k, &r).answer;
}

static void a_block_is_an_element_with_a_timeout(void **state)
{
    struct keeper *k = keeper_new();

    (void)state;
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.2.1", 600, 0), WARD_OK);
    assert_non_null(strstr(told, "{\"add\":{\"element\":{\"family\":\"inet\","
                                 "\"table\":\"bastide\",\"name\":\"block4\",\"elem\":[{\"elem\":{"
                                 "\"val\":\"192.0.2.1\",\"timeout\":600}}]}}}]}"));
    assert_int_equal(ask(k, WARD_BLOCK, "2001:db8::/48", 60, 0), WARD_OK);
    assert_non_null(strstr(told, "\"block6\""));
    assert_non_null(strstr(told, "{\"prefix\":{\"addr\":\"2001:db8::\",\"len\":48}}"));
    free(k);
}

/* The position of @what in the last transaction, behind @from. */
static const char *then(const char *from, const char *what)
{
    const char *at = strstr(from, what);

    assert_non_null(at);
    return at;
}

static void a_block_is_replaced_whether_the_kernel_still_has_it_or_not(void **state)
{
    struct keeper *k = keeper_new();

    (void)state;
    for (unsigned i = 0; i < 3; i++) { /* new, known, and known no more */
        assert_int_equal(ask(k, WARD_BLOCK, "192.0.2.1", 60, i < 2 ? i : 61 * NS_PER_S), WARD_OK);
        (void)then(then(then(told, "{\"add\""), "{\"delete\""), "{\"add\"");
        (void)then(told, "\"timeout\":60}");
        assert_int_equal(k->n_blocks, 1);
    }
    free(k);
}

static void a_block_is_known_as_long_as_the_kernel_has_it(void **state)
{
    struct keeper *k = keeper_new();

    (void)state;
    nft_takes_s = 3; /* its element may have begun at the end of that */
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.2.1", 60, 0), WARD_OK);
    assert_int_equal(ask(k, WARD_PING, NULL, 0, 62 * NS_PER_S), WARD_OK);
    assert_int_equal(k->n_blocks, 1);
    assert_int_equal(ask(k, WARD_PING, NULL, 0, 63 * NS_PER_S), WARD_OK);
    assert_int_equal(k->n_blocks, 0);
    free(k);
}

static void only_what_is_blocked_can_be_lifted(void **state)
{
    struct keeper *k = keeper_new();

    (void)state;
    assert_int_equal(ask(k, WARD_UNBLOCK, "192.0.2.1", 0, 0), WARD_E_NOT_FOUND);
    assert_int_equal(n_told, 0);
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.2.1", 600, 0), WARD_OK);
    assert_int_equal(ask(k, WARD_UNBLOCK, "192.0.2.1", 0, 1), WARD_OK);
    assert_null(strstr(then(told, "{\"delete\""), "{\"add\""));
    assert_int_equal(k->n_blocks, 0);
    free(k);
}

static void prefixes_that_overlap_do_not_stand_beside_each_other(void **state)
{
    struct keeper *k = keeper_new();

    (void)state;
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.2.0/24", 600, 0), WARD_OK);
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.2.7", 600, 0), WARD_E_OVERLAP);
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.0.0/16", 600, 0), WARD_E_OVERLAP);
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.3.7", 600, 0), WARD_OK);
    assert_int_equal(n_told, 2);
    free(k);
}

static void what_nft_refused_is_not_in_force(void **state)
{
    struct keeper *k = keeper_new();

    (void)state;
    nft_says = -EIO;
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.2.1", 600, 0), WARD_E_FAILED);
    assert_int_equal(k->n_blocks, 0);
    free(k);
}

static void there_is_a_most_of_blocks(void **state)
{
    struct keeper *k = keeper_new();

    (void)state;
    for (unsigned i = 0; i < WARD_BLOCKS_MAX; i++) {
        struct buf text CLEANUP(buf_done) = {0};

        buf_addf(&text, "198.51.%u.%u", i / 256, i % 256);
        buf_add_u8(&text, 0);
        assert_int_equal(ask(k, WARD_BLOCK, (const char *)text.at, 600, 0), WARD_OK);
    }
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.2.1", 600, 0), WARD_E_LIMIT);
    assert_int_equal(ask(k, WARD_BLOCK, "198.51.0.1", 900, 0), WARD_OK);
    assert_int_equal(ask(k, WARD_CLEAR, NULL, 0, 0), WARD_OK);
    assert_non_null(strstr(told, "\"flush\":{\"set\""));
    assert_int_equal(k->n_blocks, 0);
    free(k);
}

static int forget_told(void **state)
{
    (void)state;
    free(told);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_an_element_with_a_timeout),
        cmocka_unit_test(a_block_is_replaced_whether_the_kernel_still_has_it_or_not),
        cmocka_unit_test(a_block_is_known_as_long_as_the_kernel_has_it),
        cmocka_unit_test(only_what_is_blocked_can_be_lifted),
        cmocka_unit_test(prefixes_that_overlap_do_not_stand_beside_each_other),
        cmocka_unit_test(what_nft_refused_is_not_in_force),
        cmocka_unit_test(there_is_a_most_of_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, forget_told);
}
