/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/fault.h - what a decoder gave a packet up for; private to wire/
 *
 * Kept for this thread until its next packet that is not decoded, as the trail of an error is
 * (base/err.h): no decoder carries it along, and a packet that is right costs nothing.
 */
#pragma once

#include "wire/wire.h"

struct fault {
    enum wire_outcome outcome;
    const char *what; /* static, and goes on with "in PUBLISH" */
    const char *prop; /* name of the property that @what is said of; static; NULL: of none */
    bool is_of_will;  /* the property is one of the Will Properties */
};

extern _Thread_local struct fault fault_last;
