/* SPDX-License-Identifier: Apache-2.0 */
/* cli/bom.h - assets as a CycloneDX 1.5 document, and back */
#pragma once

#include <jansson.h>

#include "base/bytes.h"

json_t *bom_write(const json_t *assets, uint64_t unix_ms);
json_t *bom_read(const json_t *bom, char **ret_error);
