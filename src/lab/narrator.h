/* SPDX-License-Identifier: Apache-2.0 */
/* lab/narrator.h - what the stage manager writes: text for a person, or JSON lines; private to lab
 */
#pragma once

#include <stdarg.h>

#include "lab/lab_private.h"

void narrate_begin(const struct lab_options *o, const struct lab_home *h);
void narrate_event(const struct lab_options *o, const struct lab_report *r);
void narrate_step(const struct lab_options *o, const struct lab_step *step, unsigned number,
                  const struct lab_report *r);
void narrate_round_begin(const struct lab_options *o, unsigned number, const struct lab_state *s);
void narrate_round_end(const struct lab_options *o, unsigned number, const struct lab_state *s,
                       uint64_t took_ns);
void narrate_failure(const struct lab_options *o, const struct lab_report *last, const char *format,
                     va_list args) PRINTF(3, 0);
void narrate_end(const struct lab_options *o, unsigned n_rounds, bool ok);
