/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_birth.c - the payload of a Sparkplug B birth */
#include "fuzz.h"

#include "identify/traits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bytes topics[] = {
        {(const uint8_t *)"spBv1.0/g/NBIRTH/n", 18},
        {(const uint8_t *)"spBv1.0/g/DBIRTH/n/d", 20},
    };
    struct buf traits = {0};
    struct bytes device, value;
    enum identify_trait t;
    size_t cursor = 0;

    for (size_t i = 0; i < COUNT_OF(topics); i++) {
        check(identify_birth(topics[i], bytes_of(data, size), &device, &traits));
        check(device.len == i);
    }
    while (trait_next(buf_view(&traits), &cursor, &t, &value))
        check(t < IDENTIFY_TRAITS_SAID_N && value.len > 0 && value.len <= IDENTIFY_TRAIT_BYTES_MAX);
    check(cursor == traits.len);
    buf_done(&traits);
    return 0;
}
