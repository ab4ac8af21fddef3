/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill.h - exercises with a stop watch; private to lab
 *
 * A drill does what an operator does when it matters (revoke, disable, ban) to a
 * client made for it, and measures until the node has cut and refused that client.
 * What a drill could not measure it does not record.
 */
#pragma once

#include "lab/lab_private.h"

#define DRILL_ID         "drill-1" /* comes by certificate, a new one each time */
#define DRILL_NAME       "drill-2" /* comes by password */
#define DRILL_ROLE       "lab-drill"
#define DRILL_PATIENCE_S 30

struct tls_context;

struct drill {
    const struct lab_options *o;
    struct lab_home home;
    const char *name;               /* "revoke" */
    const char *tool;               /* "bastide lab --drill revoke" */
    struct tls_context *tls;        /* owned; with a certificate of DRILL_ID; NULL: none yet */
    struct tls_context *tls_nobody; /* owned; without a certificate */
    struct buf password_secret;     /* owned; of DRILL_NAME */
    struct client *bystander;       /* owned; of the drills of detectors: DRILL_ID; NULL: none */
    unsigned round;
    char source[16]; /* address of this round */
};

/* Seconds; the worst of all rounds. */
struct drill_times {
    double cut_s;
    double refused_s;
    unsigned n;
};

MUST_CHECK bool drill_new_certificate(struct drill *d, char **ret_error);
struct client *drill_client(const struct drill *d, struct tls_context *tls, const char *id,
                            const char *source);
struct client *drill_sleeper(const struct drill *d, const char *id, const char *source,
                             unsigned expiry_s, bool resume);
MUST_CHECK bool drill_comes_in(const struct drill *d, struct client *c, char **ret_error);
bool drill_is_refused(const struct drill *d, struct client *c);
/* @strike is what the operator does; measured from its begin. */
MUST_CHECK bool drill_measure(struct drill *d, struct client *c, const char *id,
                              bool (*strike)(struct drill *d, char **ret_error),
                              struct drill_times *worst, char **ret_error);
MUST_CHECK bool drill_value(struct drill *d, const char *test, double value, unsigned samples,
                            const char *scenario, char **ret_error);
MUST_CHECK bool drill_keep(const struct drill *d, json_t *line, char **ret_error);
void drill_tell(const struct drill *d, bool is_good, const char *text);
void drill_unmeasured(const struct drill *d, const char *what, const char *why);
void drill_say(const struct drill *d, const char *format, ...) PRINTF(2, 3);

/* drill_bystander.c */
MUST_CHECK bool bystander_comes(struct drill *d, char **ret_error);
MUST_CHECK bool bystander_is_well(const struct drill *d, char **ret_error);
void bystander_leaves(struct drill *d);

#define DRILL_DETECTORS "detectors" /* all that have a drill */
bool drill_detects(const char *name);
struct tls_context *drill_strange_tls(const struct drill *d, const char *name, char **ret_error);
bool drill_detect(struct drill *d, char **ret_error);
bool drill_revoke(struct drill *d, char **ret_error);
bool drill_disable(struct drill *d, char **ret_error);
bool drill_ban(struct drill *d, char **ret_error);
bool drill_block(struct drill *d, char **ret_error);
bool drill_posture(struct drill *d, char **ret_error);
bool drill_burst(struct drill *d, char **ret_error);
bool drill_canary(struct drill *d, char **ret_error);
bool drill_firewall(struct drill *d, char **ret_error);
bool drill_rogue_server(struct drill *d, char **ret_error);
