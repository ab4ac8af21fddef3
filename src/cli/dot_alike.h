/* SPDX-License-Identifier: Apache-2.0 */
/* cli/dot_alike.h - flows of devices that are alike, drawn as those of one */
#pragma once

#include <jansson.h>

json_t *dot_alike(const json_t *flows);
