/* SPDX-License-Identifier: Apache-2.0 */
/* cli/help.h - bastide help, from the table of verbs */
#pragma once

#include <stdio.h>

#include "cli/args.h"

void help_all(FILE *to);
void help_verb(FILE *to, const struct cli_verb *v);
