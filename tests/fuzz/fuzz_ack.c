/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_ack.c - PUBACK, PUBREC, PUBREL and PUBCOMP, there and back */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum wire_type types[] = {WIRE_PUBACK, WIRE_PUBREC, WIRE_PUBREL, WIRE_PUBCOMP};

    fuzz_family(types, COUNT_OF(types), data, size);
    return 0;
}
