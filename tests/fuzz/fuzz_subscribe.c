/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_subscribe.c - SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK, there and back */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum wire_type types[] = {WIRE_SUBSCRIBE, WIRE_SUBACK, WIRE_UNSUBSCRIBE,
                                           WIRE_UNSUBACK};

    fuzz_family(types, COUNT_OF(types), data, size);
    return 0;
}
