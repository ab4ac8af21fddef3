/* SPDX-License-Identifier: Apache-2.0 */
/* cli/home.h - the folder of a node's configuration, and what the verbs that work in it share */
#pragma once

#include <sys/types.h>

#include "cli/args.h"

#define DAY_MS              86400000ULL
#define HOME_OPEN_FILES_MAX 16 /* of nftw() */

int home_dir(const struct cli_args *a, char **ret);
char *home_path(const char *dir, const char *name);
char *home_absolute(const char *path);
void home_say(const char *format, ...) PRINTF(1, 2);
void home_hint_reload(const char *dir);
int home_failed(char *error);
bool home_give(const char *dir, const char *name, uid_t uid, gid_t gid, char **ret_error);
const char *date_text(uint64_t unix_ms, char ret[21]);
bool number_parse(const char *text, unsigned min, unsigned max, unsigned *ret);
