/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/private.h"
#include "unit/unit.h"

#define MEMORY_BYTES (32U << 20)

static void cpu_time_grows_with_work_and_memory_with_what_is_touched(void **state)
{
    struct usage before, after;
    volatile uint64_t work = 0;
    uint64_t own;
    char *memory;

    (void)state;
    assert_int_equal(usage_read((uint64_t)getpid(), &before), 0);
    own = usage_own_cpu_ns(); /* what it takes to read it is not counted against the work */
    memory = mem_alloc(MEMORY_BYTES);
    memset(memory, 1, MEMORY_BYTES);
    while (usage_own_cpu_ns() - own < 50 * NS_PER_MS)
        work++;
    assert_int_equal(usage_read((uint64_t)getpid(), &after), 0);
    assert_true(after.cpu_ns - before.cpu_ns >= 50 * NS_PER_MS);
    assert_true(after.rss_bytes >= before.rss_bytes + MEMORY_BYTES / 2);
    free(memory);
}

static void a_process_that_is_not_there_is_an_error(void **state)
{
    struct usage u = {.cpu_ns = 7};

    (void)state;
    assert_true(usage_read(4194304, &u) < 0); /* above any pid_max */
    assert_int_equal(u.cpu_ns, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_time_grows_with_work_and_memory_with_what_is_touched),
        cmocka_unit_test(a_process_that_is_not_there_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
