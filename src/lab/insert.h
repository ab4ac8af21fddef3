/* SPDX-License-Identifier: Apache-2.0 */
/* lab/insert.h - lines into a YAML file, with all else left as it is; private to lab */
#pragma once

#include "base/bytes.h"

MUST_CHECK bool yaml_insert(struct buf *text, const char *key, struct bytes lines,
                            char **ret_error);
