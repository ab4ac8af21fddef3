/* SPDX-License-Identifier: Apache-2.0 */
/* wire/fault.c - what a decoder gave a packet up for */
#include "wire/fault.h"

#include <stdio.h>

_Thread_local struct fault fault_last;

/**
 * wire_fault_text() - what the peer did, for the log and for a Reason String: "Topic Alias is 0 in
 * PUBLISH"
 * @outcome:  not WIRE_OK; of the decoder, or wire_aliases_resolve(), that this thread called last
 * @type:     of the packet
 */
void wire_fault_text(enum wire_outcome outcome, enum wire_type type, char ret[WIRE_FAULT_TEXT_MAX])
{
    struct fault f = fault_last;

    if (f.outcome != outcome)
        f = (struct fault){.what = wire_outcome_text(outcome)};
    snprintf(ret, WIRE_FAULT_TEXT_MAX, "%s%s%s%s in %s", f.prop != NULL ? f.prop : "",
             f.is_of_will ? " of the Will" : "", f.prop != NULL ? " " : "", f.what,
             wire_type_name(type));
}
