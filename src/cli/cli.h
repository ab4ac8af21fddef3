/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli.h - the command line: one table of verbs */
#pragma once

int cli_main(int argc, char **argv);
