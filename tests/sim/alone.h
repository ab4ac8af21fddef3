/* SPDX-License-Identifier: Apache-2.0 */
/* sim/alone.h - what there is in the place of the model's quarantine; see alone.c */
#pragma once

struct quarantine;
struct restraints;

extern const struct quarantine *alone_quarantine; /* borrowed; NULL: none, as at first */

struct restraints *quarantine_restraints(void);
