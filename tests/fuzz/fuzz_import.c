/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_import.c - a list of assets from elsewhere: CycloneDX, or behind a byte 'c' CSV
 *
 * What is read are texts; CSV is written and read back the same; what is refused has an error of
 * one line.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "cli/bom.h"
#include "cli/csv.h"

#define COLUMNS_MAX 64

static void check_error(char *error)
{
    check(error != NULL && error[0] != '\0' && strchr(error, '\n') == NULL);
    free(error);
}

static size_t columns_of(const json_t *rows, struct csv_column *ret)
{
    size_t n = 0;
    const json_t *row;
    const char *key;
    const json_t *v;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        json_object_foreach((json_t *)(uintptr_t)row, key, v)
        {
            size_t k = 0;

            while (k < n && strcmp(ret[k].key, key) != 0)
                k++;
            if (k == n)
                ret[n++] = (struct csv_column){key, key};
        }
    }
    return n;
}

/* Under other titles, for those are the program's own where it writes. */
static void check_written(const json_t *rows, const struct csv_column *columns, size_t n)
{
    struct csv_column own[COLUMNS_MAX];
    char titles[COLUMNS_MAX][24];
    struct buf written = {0};
    char *error = NULL;
    json_t *back;

    for (size_t k = 0; k < n; k++) {
        (void)snprintf(titles[k], sizeof(titles[k]), "c%zu", k);
        own[k] = (struct csv_column){titles[k], columns[k].key};
    }
    csv_write(&written, rows, own, n);
    back = csv_read(buf_view(&written), &error);
    check(json_array_size(back) == json_array_size(rows));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        for (size_t k = 0; k < n; k++) {
            const json_t *was = json_object_get(json_array_get(rows, i), columns[k].key);
            const json_t *is = json_object_get(json_array_get(back, i), titles[k]);

            check(was == NULL ? is == NULL : json_equal(was, is));
        }
    }
    json_decref(back);
    buf_done(&written);
}

static void fuzz_csv(struct bytes text)
{
    struct csv_column columns[COLUMNS_MAX];
    char *error = NULL;
    json_t *rows = csv_read(text, &error);
    size_t n;

    if (rows == NULL) {
        check_error(error);
        return;
    }
    n = columns_of(rows, columns);
    if (n > 1) /* an empty row of one column is no row */
        check_written(rows, columns, n);
    json_decref(rows);
}

static void fuzz_bom(struct bytes text)
{
    json_t *root = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
    char *error = NULL;
    json_t *records = root != NULL ? bom_read(root, &error) : NULL;
    const json_t *record;
    json_t *v;
    const char *key;
    size_t i;

    if (root != NULL && records == NULL)
        check_error(error);
    json_array_foreach(records, i, record)
    {
        json_object_foreach((json_t *)(uintptr_t)record, key, v)
            check(key[0] != '\0' && json_string_length(v) > 0);
    }
    json_decref(records);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);

    if (size == 0 || data[0] != 'c')
        fuzz_bom(text);
    else if (memchr(data, 0, size) == NULL) /* no text of a table has one */
        fuzz_csv(bytes_of(data + 1, size - 1));
    return 0;
}
