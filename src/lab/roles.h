/* SPDX-License-Identifier: Apache-2.0 */
/* lab/roles.h - the roles that bastide lab --prepare gives a node; private to lab */
#pragma once

#include "conf/conf.h"

struct lab_role {
    const char *name;
    const char *lines; /* of bastide.yaml, under "roles" */
};

extern const struct lab_role lab_roles[];
extern const size_t lab_roles_n;

void lab_role_check(const struct lab_role *r, struct conf_value there);
