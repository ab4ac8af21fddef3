/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/router/test_retained_memory.c - what a retained message costs beside its topic and
 * payload; MQ.PR.SP-05 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "router/router.h"
#include "unit/unit.h"

#define MESSAGES  100000
#define BYTES_MAX 300
#define HEAD      sizeof(size_t) /* of an allocation, as glibc has it */

/* By the linker's --wrap: all memory that the router and messages have. */
static size_t n_bytes;

void *__real_mem_alloc(size_t size);
void *__real_mem_zero(size_t size);
void *__real_mem_resize(void *at, size_t size);
void __real_free(void *at);
void *__wrap_mem_alloc(size_t size);
void *__wrap_mem_zero(size_t size);
void *__wrap_mem_resize(void *at, size_t size);
void __wrap_free(void *at);

static void *counted(void *at)
{
    n_bytes += malloc_usable_size(at) + HEAD;
    return at;
}

void *__wrap_mem_alloc(size_t size)
{
    return counted(__real_mem_alloc(size));
}

void *__wrap_mem_zero(size_t size)
{
    return counted(__real_mem_zero(size));
}

static void gone(void *at)
{
    if (at != NULL)
        n_bytes -= malloc_usable_size(at) + HEAD;
}

void *__wrap_mem_resize(void *at, size_t size)
{
    gone(at);
    return counted(__real_mem_resize(at, size));
}

void __wrap_free(void *at)
{
    gone(at);
    __real_free(at);
}

/* Return: how many bytes of topic and payload it has. */
static size_t retain(struct router *r, const char *topic, uint64_t stamp)
{
    const struct retained_limits no_limits = {SIZE_MAX, SIZE_MAX};
    struct publication p = {
        .topic = bytes_str(topic),
        .payload = BYTES("231.7"),
        .retain = true,
        .expires_ns = EXPIRES_NEVER,
        .stamp = stamp,
        .topic_hash = hash_keyed(bytes_str(topic)),
    };

    assert_int_equal(router_retain(r, &p, &no_limits, NULL), RETAIN_STORED);
    publication_done(&p);
    return p.topic.len + p.payload.len;
}

/* Return: bytes a message beside topic and payload. */
static size_t cost(const char *before_number, const char *behind)
{
    struct router *r = router_new();
    size_t bytes_before = n_bytes;
    size_t own = 0;
    size_t each;

    for (unsigned i = 0; i < MESSAGES; i++) {
        char topic[100];

        snprintf(topic, sizeof(topic), "%s%06u%s", before_number, i, behind);
        own += retain(r, topic, i + 1);
    }
    each = (n_bytes - bytes_before - own) / MESSAGES;
    print_message("  %sNUMBER%s: %zu bytes beside topic and payload\n", before_number, behind,
                  each);
    router_free(r);
    return each;
}

static void a_retained_message_costs_300_bytes_beside_topic_and_payload_at_most(void **state)
{
    (void)state;
    assert_in_range(cost("site/north/power/", ""), 1, BYTES_MAX);
    assert_in_range(cost("site/north/meter/", "/power"), 1, BYTES_MAX);
    assert_int_equal(n_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retained_message_costs_300_bytes_beside_topic_and_payload_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
