/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/assess/world.h - an organisation where everything is in order, to take single things
 * away
 *
 * The real catalogue; evidence for every test, exactly at the thresholds of one
 * tier; every attestation signed by a key made here; an approved scope and
 * target; a history that opens all gates.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "assess/private.h"

#define NOW     1772236800000ULL /* 2026-02-28 */
#define CATALOG FRAMEWORK_DIR "/catalog.json"

struct world {
    struct catalog *catalog;
    struct target *target;
    struct scope *scope;
    struct attestations *attestations;
    struct history *history;
    struct evidence_set *evidence;
    struct assessment *result;
};

extern char world_dir[64]; /* of files; made by world_begin() */

int world_begin(void **state);
int world_end(void **state);

/* @text in a file of the test's folder; its path, valid until the next call with that name. */
const char *world_file(const char *name, const char *text);

struct world world_new(unsigned tier);
void world_done(struct world *w);
const struct assessment *world_run(struct world *w); /* with what is in it now */
struct assess_input world_input(const struct world *w);

void world_target(struct world *w, const char *yaml);
void world_scope(struct world *w, const char *yaml);
void world_history(struct world *w, const char *jsonl);
/* Lines of JSON as an array of rows. */
json_t *world_rows(const char *jsonl);
void world_attestations(struct world *w, json_t *list); /* taken; signs those without "signature" */
json_t *world_statements(const struct world *w);        /* all of them, valid, not yet signed */
json_t *world_of_kind(json_t *list, const char *kind, const char *subcategory);
json_t *world_without(json_t *list, const char *kind, const char *subcategory);
json_t *world_attestation(const char *kind, const char *subcategory, const char *role);
void world_measure(struct world *w, const char *test, double value, uint64_t samples, uint64_t at);
void world_forget(struct world *w, const char *test);
double world_value_at(const struct catalog_test *t, unsigned tier);

const struct assess_sub *world_sub(const struct assessment *a, const char *id);
const struct assess_test *world_test(const struct assessment *a, const char *id);
const struct assess_rollup *world_category(const struct assessment *a, const char *id);
unsigned world_tier(const struct assessment *a, const char *id);

extern const char world_scope_yaml[];
extern const char world_target_yaml[];
extern const char world_history_jsonl[];
