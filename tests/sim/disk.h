/* SPDX-License-Identifier: Apache-2.0 */
/* sim/disk.h - see disk.c */
#pragma once

#include "store/journal.h"

void disk_keys_make(void);
void disk_keys_free(void);
void disk_start(void);
void disk_end(void);
struct journal *disk_journal(void);
void disk_catch(void);
void disk_crash(bool power);
