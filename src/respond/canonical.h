/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/canonical.h - one spelling of each address and of each serial number
 *
 * What is in force is found again by its text.
 */
#pragma once

#include "respond/action.h"

/* Whom an order is aimed at, as the node says it. */
struct canonical {
    char *target;  /* owned; NULL: none was said */
    char *address; /* the same */
};

struct canonical canonical_of(enum respond_target kind, const char *target, const char *address);
void canonical_done(struct canonical *c);
