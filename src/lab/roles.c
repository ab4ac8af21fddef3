/* SPDX-License-Identifier: Apache-2.0 */
/* lab/roles.c - what the lab's actors and drills may do; see roles.h */
#include "lab/roles.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* clang-format off */
/* The least rights that each needs.  Who drives equipment is critical: automatic answers to an
 * incident never touch it. */
const struct lab_role lab_roles[] = {
    {"lab-tablet",
     "lab-tablet:\n"
     "  may_command: yes\n"
     "  allow:\n"
     "    - publish: fmb/command/power-supply-1/voltage\n"
     "    - publish: fmb/command/dms-1/restore\n"
     "    - subscribe: fmb/diagram/#\n"},
    {"lab-power-supply",
     "lab-power-supply:\n"
     "  critical: yes\n"
     "  allow:\n"
     "    - publish: fmb/status/${certificate_cn}/#\n"
     "    - subscribe: fmb/command/${certificate_cn}/#\n"},
    {"lab-meter",
     "lab-meter:\n"
     "  critical: yes\n"
     "  allow:\n"
     "    - publish: fmb/status/${certificate_cn}/#\n"},
    {"lab-dms",
     "lab-dms:\n"
     "  critical: yes\n"
     "  may_command: yes\n"
     "  allow:\n"
     "    - publish: fmb/command/power-supply-1/voltage\n"
     "    - publish: fmb/command/cap-bank-1/switch\n"
     "    - publish: fmb/diagram/#\n"
     "    - subscribe: fmb/status/#\n"
     "    - subscribe: fmb/command/${certificate_cn}/#\n"},
    {"lab-cap-bank",
     "lab-cap-bank:\n"
     "  critical: yes\n"
     "  allow:\n"
     "    - publish: fmb/status/${certificate_cn}/#\n"
     "    - subscribe: fmb/command/${certificate_cn}/#\n"},
    {"lab-contractor",
     "lab-contractor:\n"
     "  allow:\n"
     "    - publish: fmb/work-order/${user_name}/#\n"
     "    - subscribe: fmb/work-order/${user_name}/#\n"},
    {"lab-drill",
     "lab-drill:\n"
     "  command_topics: [fmb/drill/+/command/#]\n"
     "  allow:\n"
     "    - publish_subscribe: fmb/drill/${user_name}/#\n"
     "    - subscribe: +/drill/${user_name}/#\n"},
};
/* clang-format on */

const size_t lab_roles_n = COUNT_OF(lab_roles);

static bool covers(struct conf_value there, struct conf_value needed);

static bool has_item(struct conf_value list, struct conf_value needed)
{
    for (size_t i = 0; i < conf_len(list); i++) {
        if (covers(conf_item(list, i), needed))
            return true;
    }
    return false;
}

/* Is all of @needed in @there, whatever else is? */
static bool covers(struct conf_value there, struct conf_value needed)
{
    if (conf_kind(there) != conf_kind(needed))
        return false;
    if (conf_kind(needed) == CONF_TEXT)
        return strcmp(conf_text(there), conf_text(needed)) == 0;
    for (size_t i = 0; i < conf_pairs(needed); i++) {
        struct conf_value key;
        struct conf_value value = conf_pair(needed, i, &key);

        if (!covers(conf_get(there, conf_text(key)), value))
            return false;
    }
    for (size_t i = 0; i < conf_len(needed); i++) {
        if (!has_item(there, conf_item(needed, i)))
            return false;
    }
    return true;
}

/** lab_role_check() - say on stderr what to do if @there, of that name, lacks something of @r */
void lab_role_check(const struct lab_role *r, struct conf_value there)
{
    struct conf *c = conf_parse(r->name, bytes_str(r->lines));

    if (!covers(there, conf_get(conf_root(c), r->name))) {
        CLEANUP(buf_done) struct buf place = {0};

        conf_place(there, &place);
        (void)fprintf(stderr,
                      "%.*s: warning: the role %s lacks what the lab needs; take it out and run "
                      "bastide lab --prepare again, or let it say:\n%s",
                      BYTES_ARG(buf_view(&place)), r->name, r->lines);
    }
    conf_close(c);
}
