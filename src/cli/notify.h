/* SPDX-License-Identifier: Apache-2.0 */
/* cli/notify.h - tell the service manager where we are; sd_notify(3) */
#pragma once

void notify_manager(const char *state);
void notify_reloading(void);
