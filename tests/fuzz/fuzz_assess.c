/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_assess.c - what is read beside the catalogue
 *
 * The first byte chooses: a Target Profile, a scope, attestations, measured values, a history.
 * What is refused has a text that says why.
 */
#include "fuzz.h"

#include <stdlib.h>

#include <jansson.h>

#include "assess/assess.h"

static const struct catalog *catalog;

static void check_read(void *ret, char *error)
{
    check((ret != NULL) == (error == NULL));
    check(error == NULL || error[0] != '\0');
    free(error);
}

static void read_target(struct bytes text)
{
    char *error = NULL;
    struct target *t = assess_target_load(fuzz_as_file(text), catalog, &error);

    check_read(t, error);
    assess_target_free(t);
}

static void read_scope(struct bytes text)
{
    char *error = NULL;
    struct scope *s = assess_scope_load(fuzz_as_file(text), catalog, &error);

    check_read(s, error);
    assess_scope_free(s);
}

static void read_attestations(struct bytes text)
{
    char *error = NULL;
    struct attestations *a = assess_attestations_load(fuzz_as_file(text), NULL, catalog, &error);

    check_read(a, error);
    assess_attestations_free(a);
}

static void read_evidence(struct bytes text)
{
    json_t *array = json_loadb((const char *)text.at, text.len, JSON_DECODE_ANY, NULL);
    char *error = NULL;
    struct evidence_set *e = assess_evidence_parse(array, catalog, &error);

    check_read(e, error);
    if (e != NULL)
        json_decref(assess_evidence_json(e));
    assess_evidence_free(e);
    json_decref(array);
}

static void read_history(struct bytes text)
{
    json_t *rows = json_loadb((const char *)text.at, text.len, JSON_DECODE_ANY, NULL);
    char *error = NULL;
    struct history *h = assess_history_read(rows, &error);

    check_read(h, error);
    assess_history_free(h);
    json_decref(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct bytes) = {read_target, read_scope, read_attestations,
                                                    read_evidence, read_history};
    char *error = NULL;

    if (catalog == NULL)
        catalog = assess_catalog_load(NULL, &error);
    check(catalog != NULL);
    if (size >= 2)
        readers[data[0] % COUNT_OF(readers)](bytes_of(data + 1, size - 1));
    return 0;
}
