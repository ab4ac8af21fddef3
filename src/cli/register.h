/* SPDX-License-Identifier: Apache-2.0 */
/* cli/register.h - the asset register: rows of it, and new ones for the inventory */
#pragma once

#include <jansson.h>

#include "cli/args.h"
#include "cli/csv.h"

json_t *register_flat(const json_t *asset);

enum register_list {
    REGISTER_ASSETS,
    REGISTER_FLOWS,
};

int register_import(const struct cli_args *a, enum register_list list, const char *path,
                    const struct csv_column *written, size_t n_written);
