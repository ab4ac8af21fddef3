/* SPDX-License-Identifier: Apache-2.0 */
/* cli/records.h - rows that people and exercises add to what a node stores */
#pragma once

#include <jansson.h>

#include "cli/args.h"

int records_read(const struct cli_args *a, const char *table, json_t **ret);
int records_add(const struct cli_args *a, const char *table, json_t *row);
