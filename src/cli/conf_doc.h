/* SPDX-License-Identifier: Apache-2.0 */
/* cli/conf_doc.h - the file of users as libyaml reads it, with the place of everything in it */
#pragma once

#include <yaml.h>

#include "base/bytes.h"

/* Places are byte offsets into the text. */
struct conf_doc {
    yaml_document_t yaml;
    struct bytes text; /* borrowed */
    yaml_node_t *users_key;
    yaml_node_t *users; /* a sequence, or the empty value */
};

MUST_CHECK bool conf_doc_load(struct conf_doc *d, struct bytes text, char **ret_error);
void conf_doc_done(struct conf_doc *d);
size_t conf_doc_byte(struct bytes text, const yaml_mark_t *mark);
struct bytes conf_doc_text(const yaml_node_t *scalar);
bool conf_doc_is_nothing(const yaml_node_t *n);
size_t conf_doc_count(const yaml_node_t *collection);
yaml_node_t *conf_doc_user(struct conf_doc *d, size_t i);
yaml_node_t *conf_doc_value(struct conf_doc *d, const yaml_node_t *mapping, size_t i);
yaml_node_t *conf_doc_member(struct conf_doc *d, const yaml_node_t *mapping, const char *name,
                             yaml_node_t **ret_key);
