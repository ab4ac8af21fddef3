/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_utf8.c - text, judged as the naive reader judges it */
#include "fuzz.h"

#include "unit/wire/naive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(wire_utf8_valid(bytes_of(data, size)) == naive_utf8(bytes_of(data, size)));
    return 0;
}
