/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_dot.c - maps for GraphViz: names of clients and topics stay inside their quotes
 *
 * The input is the JSON that the maps are made of.  Of what they write, all that is outside of
 * quotes is the program's own.
 */
#include "fuzz.h"

#include <stdlib.h>

#include <jansson.h>

#include "cli/dot.h"

/* With "x" for each text in quotes: letters of the program's own words alone, and its signs. */
static void check_outside(struct bytes map)
{
    static const char signs[] = " \n{}[];=,->\"._";
    bool is_inside = false;

    for (size_t i = 0; i < map.len; i++) {
        char c = (char)map.at[i];

        if (is_inside && c == '\\')
            check(++i < map.len && map.at[i] >= ' ');
        else if (c == '"')
            is_inside = !is_inside;
        else if (is_inside)
            check((uint8_t)c >= ' ');
        else
            check((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  (c != '\0' && strchr(signs, c) != NULL));
    }
    check(!is_inside);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *root = json_loadb((const char *)data, size, 0, NULL);
    struct buf map = {0};

    if (root == NULL)
        return 0;
    dot_flows(&map, json_object_get(root, "flows"));
    check_outside(buf_view(&map));
    map.len = 0;
    dot_network(&map, json_object_get(root, "network"), json_object_get(root, "assets"));
    check_outside(buf_view(&map));
    buf_done(&map);
    json_decref(root);
    return 0;
}
