/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/records.c - tables "drill" and "assessment" of the store: by the node when one
 * answers, else here
 */
#include "cli/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/home.h"
#include "cli/state.h"

static char *route_of(const char *table)
{
    return text_format("/v1/records/%s", table);
}

static int read_here(struct control *c, const char *table, json_t **ret)
{
    enum control_table t = CONTROL_DRILL;
    json_t *all = json_array();
    char *error = NULL;

    check(control_table_parse(table, &t));
    if (control_rows_json(c, t, all, &error)) {
        *ret = all;
        return CLI_OK;
    }
    json_decref(all);
    return home_failed(error);
}

/**
 * records_read() - all rows of @table, oldest first
 * @ret:  an array, owned by the caller; written on CLI_OK; empty when nothing was ever stored
 */
int records_read(const struct cli_args *a, const char *table, json_t **ret)
{
    char *route = route_of(table);
    struct state s;
    int rc = state_open(a, STATE_AS_IT_IS, &s);

    if (rc == CLI_OK && s.control != NULL)
        rc = read_here(s.control, table, ret);
    else if (rc == CLI_OK && s.is_new)
        *ret = json_array();
    else if (rc == CLI_OK)
        rc = ask_node(a, "GET", route, NULL, ret);
    state_done(&s);
    free(route);
    return rc;
}

static int add_here(struct control *c, const char *table, const json_t *row)
{
    enum control_table t = CONTROL_DRILL;
    char *text = json_dumps(row, JSON_COMPACT | JSON_PRESERVE_ORDER);

    check(control_table_parse(table, &t) && text != NULL);
    control_append(c, t, clock_unix_ms(), text);
    state_audit(c, "record", table, text);
    free(text);
    return control_flush(c) ? CLI_OK : cli_fail("it could not be stored; the log says why");
}

/** records_add() - one more row, which is consumed; CLI_OK: it is on disk */
int records_add(const struct cli_args *a, const char *table, json_t *row)
{
    char *route = route_of(table);
    json_t *reply = NULL;
    struct state s;
    int rc = state_open(a, STATE_MAKE, &s);

    if (rc == CLI_OK && s.control != NULL)
        rc = add_here(s.control, table, row);
    else if (rc == CLI_OK)
        rc = ask_node(a, "POST", route, json_pack("{s:O}", "row", row), &reply);
    json_decref(reply);
    json_decref(row);
    state_done(&s);
    free(route);
    return rc;
}
