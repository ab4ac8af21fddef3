/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_connect.c - CONNECT and CONNACK, there and back */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum wire_type types[] = {WIRE_CONNECT, WIRE_CONNACK};

    fuzz_family(types, COUNT_OF(types), data, size);
    return 0;
}
