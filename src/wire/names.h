/* SPDX-License-Identifier: Apache-2.0 */
/* wire/names.h - reason codes on their way in and out; private to wire/ */
#pragma once

#include "wire/wire.h"

uint8_t wire_reason_fit(enum wire_type type, uint8_t reason);
const char *wire_prop_name(enum wire_prop id);
bool wire_reason_of_v311(uint8_t code, uint8_t *ret);
