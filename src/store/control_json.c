/* SPDX-License-Identifier: Apache-2.0 */
/* store/control_json.c - what is stored, for the API and for the command line while no node runs */
#include "store/control.h"

static void add_row(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    json_t *row = json_loads(doc, 0, NULL);

    (void)key;
    (void)at_unix_ms;
    if (row != NULL)
        json_array_append_new(arg, row);
}

/** control_rows_json() - see control.h; a row that is no JSON is left out */
bool control_rows_json(struct control *c, enum control_table t, json_t *to, char **ret_error)
{
    return control_each(c, t, 0, add_row, to, ret_error);
}

/** state_keys_json() - see control.h */
json_t *state_keys_json(struct keyring *keys)
{
    uint32_t ids[KEYRING_KEYS_MAX];
    size_t n = keyring_ids(keys, ids);
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, json_integer(ids[i]));
    return json_pack("{s:i, s:o, s:b}", "current", (int)keyring_current(keys), "keys", all,
                     "locked", keyring_is_locked(keys));
}
