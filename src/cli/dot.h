/* SPDX-License-Identifier: Apache-2.0 */
/* cli/dot.h - maps for GraphViz */
#pragma once

#include <jansson.h>

#include "base/bytes.h"

/* @flows: of GET /v1/flows; zones are clusters. */
void dot_flows(struct buf *to, const json_t *all);
/* @network: GET /v1/network, @assets: of GET /v1/assets. */
void dot_network(struct buf *to, const json_t *network, const json_t *assets);
