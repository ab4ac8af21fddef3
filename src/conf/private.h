/* SPDX-License-Identifier: Apache-2.0 */
/* conf/private.h - what conf.c and value.c share */
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
