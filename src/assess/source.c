/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/source.c - who can make a test known
 *
 * The list is that of the probes of this version (node/probes*.c, the self-test, the
 * facts of identify/, and own.c).  tests/integration holds it against what a node gives.
 */
#include "assess/private.h"

/* clang-format off */
static const struct {
    const char *sub;
    const char *tests; /* their numbers */
} measured[] = {
    {"MQ.ID.AM-01", "1234"},
    {"MQ.ID.AM-02", "2"},
    {"MQ.ID.AM-03", "124"},
    {"MQ.ID.AM-04", "124"},
    {"MQ.ID.RM-01", "12"},
    {"MQ.ID.RM-02", "2"},
    {"MQ.ID.RM-03", "12"},
    {"MQ.ID.RM-04", "3"},
    {"MQ.ID.CO-01", "13"},
    {"MQ.ID.CO-02", "13"},
    {"MQ.ID.CO-03", "12"},
    {"MQ.ID.CO-04", "2"},
    {"MQ.ID.IC-01", "1234"},
    {"MQ.ID.IC-02", "12"},
    {"MQ.ID.IC-03", "12"},
    {"MQ.ID.IC-04", "13"},
    {"MQ.ID.EA-01", "123"},
    {"MQ.ID.EA-02", "12"},
    {"MQ.ID.EA-03", "1"},
    {"MQ.PR.IA-01", "1234"},
    {"MQ.PR.IA-02", "1234"},
    {"MQ.PR.IA-03", "1234"},
    {"MQ.PR.IA-04", "12"},
    {"MQ.PR.IA-05", "1235"},
    {"MQ.PR.IP-01", "123"},
    {"MQ.PR.IP-02", "12"},
    {"MQ.PR.IP-03", "23"},
    {"MQ.PR.IP-04", "2"},
    {"MQ.PR.IP-05", "12"},
    {"MQ.PR.SP-01", "123"},
    {"MQ.PR.SP-02", "1245"},
    {"MQ.PR.SP-03", "14"},
    {"MQ.PR.SP-04", "345"},
    {"MQ.PR.SP-05", "134"},
    {"MQ.PR.SP-06", "234"},
    {"MQ.PR.SP-07", "1234"},
    {"MQ.PR.CL-02", "1234"},
    {"MQ.DE.NM-01", "14"},
    {"MQ.DE.NM-02", "13"},
    {"MQ.DE.PM-01", "14"},
    {"MQ.DE.PM-02", "1"},
    {"MQ.DE.ID-01", "14"},
    {"MQ.DE.ID-02", "34"},
    {"MQ.DE.ID-03", "12"},
    {"MQ.DE.ID-04", "13"},
    {"MQ.RS.RP-03", "134"},
    {"MQ.RS.RP-04", "14"},
    {"MQ.RS.RP-05", "13"},
    {"MQ.RC.RP-01", "3"},
    {"MQ.RC.RP-02", "1"},
    {"MQ.RC.RP-04", "14"},
    {"MQ.RC.RP-05", "4"},
    {"MQ.RC.RP-06", "123"},
    {"MQ.RC.RP-07", "1"},
    {"MQ.RC.RP-08", "13"},
    {"MQ.RC.RP-09", "1"},
};
/* clang-format on */

static bool is_measured(const struct catalog_test *t)
{
    const char *dot = strrchr(t->id, '.');
    size_t len = dot != NULL ? (size_t)(dot - t->id) : 0;

    for (size_t i = 0; dot != NULL && i < COUNT_OF(measured); i++)
        if (strlen(measured[i].sub) == len && strncmp(measured[i].sub, t->id, len) == 0)
            return strchr(measured[i].tests, dot[2]) != NULL && dot[3] == '\0';
    return false;
}

/** source_of() - who can make @t known with this version */
enum source source_of(const struct catalog_test *t)
{
    if (is_measured(t))
        return SOURCE_NODE;
    return assess_drill_may_record(t) ? SOURCE_PERSON : SOURCE_NOBODY;
}
