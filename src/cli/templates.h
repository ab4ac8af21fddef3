/* SPDX-License-Identifier: Apache-2.0 */
/* cli/templates.h - the files of cli/templates/ and framework/, made into strings by tools/embed */
#pragma once

extern const char embedded_bastide_yaml[];
extern const char embedded_users_yaml[];
extern const char embedded_inventory_yaml[];
extern const char embedded_target_profile_yaml[];
extern const char embedded_scope_yaml[];
