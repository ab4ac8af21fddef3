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

int nft_run(struct bytes rules)
{
    json_t *parsed = json_loadb((const char *)rules.at, rules.len, 0, NULL);

    assert_non_null(parsed);
    json_decref(parsed);
    free(told);
    told = bytes_dup_str(rules);
    n_told++;
    return nft_says;
}

static struct keeper *keeper_new(void)
{
    n_told = 0;
    nft_says = 0;
    return mem_new(struct keeper);
}

static enum ward_answer ask(struct keeper *k, enum ward_verb verb, const char *prefix,
                            uint32_t seconds, uint64_t now_ns)
{
    struct ward_request r = {.verb = verb, .seconds = seconds};

    if (prefix != NULL)
        assert_null(prefix_parse(prefix, &r.prefix));
    return keeper_do(k, &r, now_ns).answer;
}

static void a_block_is_an_element_with_a_timeout(void **state)
{
    struct keeper *k = keeper_new();

    (void)state;
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.2.1", 600, 0), WARD_OK);
    assert_string_equal(told, "{\"nftables\":[{\"add\":{\"element\":{\"family\":\"inet\","
                              "\"table\":\"bastide\",\"name\":\"block4\",\"elem\":[{\"elem\":{"
                              "\"val\":\"192.0.2.1\",\"timeout\":600}}]}}}]}");
    assert_int_equal(ask(k, WARD_BLOCK, "2001:db8::/48", 60, 0), WARD_OK);
    assert_non_null(strstr(told, "\"block6\""));
    assert_non_null(strstr(told, "{\"prefix\":{\"addr\":\"2001:db8::\",\"len\":48}}"));
    free(k);
}

static void a_block_that_is_there_is_replaced(void **state)
{
    struct keeper *k = keeper_new();

    (void)state;
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.2.1", 600, 0), WARD_OK);
    assert_null(strstr(told, "delete"));
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.2.1", 60, 0), WARD_OK);
    assert_non_null(strstr(told, "\"delete\""));
    assert_non_null(strstr(told, "\"timeout\":60"));
    assert_int_equal(k->n_blocks, 1);
    /* Its own time is over in the set as well: nothing to delete. */
    assert_int_equal(ask(k, WARD_BLOCK, "192.0.2.1", 60, 61 * NS_PER_S), WARD_OK);
    assert_null(strstr(told, "delete"));
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
    assert_non_null(strstr(told, "\"delete\""));
    assert_null(strstr(told, "\"add\""));
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
        cmocka_unit_test(a_block_that_is_there_is_replaced),
        cmocka_unit_test(only_what_is_blocked_can_be_lifted),
        cmocka_unit_test(prefixes_that_overlap_do_not_stand_beside_each_other),
        cmocka_unit_test(what_nft_refused_is_not_in_force),
        cmocka_unit_test(there_is_a_most_of_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, forget_told);
}
