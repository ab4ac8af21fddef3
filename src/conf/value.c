/* SPDX-License-Identifier: Apache-2.0 */
/* conf/value.c - see conf.h; scalars */
#include "conf/conf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "conf/private.h"

/* Nothing, "~" or "null", without quotes. */
bool conf_is_null(const yaml_node_t *scalar)
{
    const char *text = (const char *)scalar->data.scalar.value;

    return scalar->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (scalar->data.scalar.length == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

/** conf_text() - the scalar as it stands; NULL (and an error when it is no scalar) otherwise */
const char *conf_text(struct conf_value v)
{
    yaml_node_t *node = conf_node(v);

    if (node == NULL)
        return NULL;
    if (node->type != YAML_SCALAR_NODE) {
        conf_fail(v, "a single value is expected here");
        return NULL;
    }
    if (strlen((char *)node->data.scalar.value) != node->data.scalar.length) {
        conf_fail(v, "a zero byte inside a text");
        return NULL;
    }
    return conf_is_null(node) ? NULL : (const char *)node->data.scalar.value;
}

/** conf_string() - a copy of the text in *@ret, whose old text is freed */
bool conf_string(struct conf_value v, char **ret)
{
    const char *text = conf_text(v);

    if (text == NULL)
        return false;
    free(*ret);
    *ret = text_dup(text);
    return true;
}

/** conf_choice() - one of @names, which end with NULL, as its index */
bool conf_choice(struct conf_value v, const char *const *names, unsigned *ret)
{
    const char *text = conf_text(v);
    CLEANUP(buf_done) struct buf all = {0};

    if (text == NULL)
        return false;
    for (unsigned i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], text) == 0) {
            *ret = i;
            return true;
        }
        buf_addf(&all, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    conf_fail(v, "\"%s\" is none of: %.*s", text, BYTES_ARG(buf_view(&all)));
    return false;
}

/** conf_bool() - yes or no, true or false */
bool conf_bool(struct conf_value v, bool *ret)
{
    static const char *const names[] = {"yes", "no", "true", "false", NULL};
    unsigned which;

    if (!conf_choice(v, names, &which))
        return false;
    *ret = which % 2 == 0;
    return true;
}

/** conf_number() - a decimal number from @min to @max */
bool conf_number(struct conf_value v, double min, double max, double *ret)
{
    const char *text = conf_text(v);
    char *end = NULL;
    double n;

    if (text == NULL)
        return false;
    n = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(n)) {
        conf_fail(v, "\"%s\" is not a number", text);
        return false;
    }
    if (n < min || n > max) {
        conf_fail(v, "%s is not from %g to %g", text, min, max);
        return false;
    }
    *ret = n;
    return true;
}

/**
 * conf_date_parse() - "2026-01-31" or "2026-01-31T10:00:00Z", as ms since 1970
 *
 * Return: false when it is neither, or no such day.
 */
bool conf_date_parse(const char *text, uint64_t *ret_unix_ms)
{
    struct tm given = {0};
    struct tm back = {0};
    int used = 0;
    time_t at;

    if (sscanf(text, "%4d-%2d-%2d%n", &given.tm_year, &given.tm_mon, &given.tm_mday, &used) != 3 ||
        used != 10)
        return false;
    if (text[used] != '\0') {
        int more = 0;

        if (sscanf(text + used, "T%2d:%2d:%2dZ%n", &given.tm_hour, &given.tm_min, &given.tm_sec,
                   &more) != 3 ||
            more != 10 || text[used + more] != '\0')
            return false;
    }
    given.tm_year -= 1900;
    given.tm_mon -= 1;
    back = given;
    at = timegm(&back);
    if (at < 0 || back.tm_mday != given.tm_mday || back.tm_mon != given.tm_mon ||
        back.tm_hour != given.tm_hour || back.tm_min != given.tm_min || back.tm_sec != given.tm_sec)
        return false;
    *ret_unix_ms = (uint64_t)at * 1000;
    return true;
}

/** conf_date() - a date in UTC */
bool conf_date(struct conf_value v, uint64_t *ret_unix_ms)
{
    const char *text = conf_text(v);

    if (text == NULL)
        return false;
    if (conf_date_parse(text, ret_unix_ms))
        return true;
    conf_fail(v, "\"%s\" is not a date such as 2026-01-31 or 2026-01-31T10:00:00Z", text);
    return false;
}
