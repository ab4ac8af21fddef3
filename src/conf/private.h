/* SPDX-License-Identifier: Apache-2.0 */
/* conf/private.h - what the files of conf/ share */
#pragma once

#include <yaml.h>

#include "conf/conf.h"

struct conf {
    char *name; /* owned; of the file */
    yaml_document_t document;
    bool has_document;
    struct buf errors;
    size_t n_errors;
};

yaml_node_t *conf_node(struct conf_value v); /* NULL when none */
void conf_fail_at(struct conf *c, yaml_mark_t mark, const char *what);
bool conf_is_null(const yaml_node_t *scalar);
bool conf_scan(struct conf *c, struct bytes text);
