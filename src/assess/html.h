/* SPDX-License-Identifier: Apache-2.0 */
/* assess/html.h - parts of the page: html.c the first pages, html_detail.c the evidence, svg.c
 * drawings */
#pragma once

#include "assess/private.h"

extern const char html_style[];

void html_text(struct buf *out, const char *text); /* escaped */
void html_tier(struct buf *out, unsigned tier);    /* "2 Risk-Informed" */
void html_percent(struct buf *out, double share);  /* cut, never rounded up */
void html_details(struct buf *out, const struct assessment *a);

void svg_pips(struct buf *out, unsigned tier, unsigned target);
void svg_radar(struct buf *out, const struct assess_rollup *r, size_t n);
