/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/rules.h - every limit of every detector in one table, and what roles change
 *
 * A rule: at so much, in so long, a finding has this severity.  The numbers are the
 * defaults; a site changes them, for all or for one role, by detect.detectors of
 * its configuration.  docs/reference/detectors.md is made of this table.
 *
 * Why the numbers are what they are stands in each detector's file.
 */
#pragma once

#include "detect/detect.h"

/* clang-format off */
/*    rule            detector name       severity  limit   seconds  what is counted */
#define DETECT_RULES(X)                                                                                                     \
    X(D01_MEDIUM,     "D01",   "medium",  MEDIUM,   15,     60,      "connections accepted of one client")                  \
    X(D01_HIGH,       "D01",   "high",    HIGH,     30,     60,      "connections accepted of one client")                  \
    X(D05_MEDIUM,     "D05",   "medium",  MEDIUM,   5,      60,      "failed logins from one address")                      \
    X(D05_HIGH,       "D05",   "high",    HIGH,     10,     600,     "failed logins from one address")                      \
    X(D05_NAME,       "D05",   "name",    MEDIUM,   10,     600,     "failed logins as one user name; told, never acted on") \
    X(D05_SLOW,       "D05",   "slow",    MEDIUM,   15,     3600,    "guesses for one user name, halved each so many seconds; told only") \
    X(D07_MEDIUM,     "D07",   "medium",  MEDIUM,   20,     60,      "topics published to that are new to the client")      \
    X(D07_HIGH,       "D07",   "high",    HIGH,     60,     60,      "as medium")                                           \
    X(D07_UNLEARNED,  "D07",   "unlearned", MEDIUM, 40,     60,      "as medium, until its topics are learned")             \
    X(D07_UNLEARNED_HIGH, "D07", "unlearned-high", HIGH, 120, 60,    "as unlearned")                                        \
    X(D08_MEDIUM,     "D08",   "medium",  MEDIUM,   20,     60,      "filters subscribed to that are new to the client")    \
    X(D08_HIGH,       "D08",   "high",    HIGH,     60,     60,      "as medium")                                           \
    X(D08_UNLEARNED,  "D08",   "unlearned", MEDIUM, 20,     60,      "as medium, until its topics are learned")             \
    X(D08_UNLEARNED_HIGH, "D08", "unlearned-high", HIGH, 60, 60,     "as unlearned")                                        \
    X(D32_HIGH,       "D32",   "high",    HIGH,     1,      600,     "commands that the role may not give")
/* clang-format on */

enum rule {
#define X(rule, detector, name, severity, limit, seconds, what) RULE_##rule,
    DETECT_RULES(X)
#undef X
        RULE_N,
};

struct rule_info {
    const char *detector; /* id */
    const char *name;
    enum severity severity;
    double limit;
    unsigned window_s;
    const char *what;
};

const struct rule_info *rule_info(enum rule r);
uint64_t rule_window_ns(enum rule r);

/* ---- roles ---- */

/* What a kind of role is known for. */
#define TRAIT_SERVER    1U  /* waits for others: is silent by nature */
#define TRAIT_READS_ALL 2U  /* wide filters are its job */
#define TRAIT_COMMANDS  4U  /* gives commands */
#define TRAIT_CRITICAL  8U  /* worth a higher severity */
#define TRAIT_FIXED     16U /* does not move */
#define TRAIT_BULK      32U /* large payloads and much traffic are its job */
#define TRAIT_PEERS     64U /* those of the same role stand in for each other */

/* One role as the detectors see it. */
struct role_rules {
    char name[DETECT_ROLE_MAX];
    uint32_t index;
    unsigned traits;
    double limit[RULE_N]; /* 0: this rule never holds */
    uint8_t mode[DETECT_DETECTORS_MAX];
};

struct rule_book {
    struct role_rules *roles; /* owned; the first is for those without a role */
    size_t n_roles;
};

void rule_book_init(struct rule_book *b, const struct detect_config *c);
void rule_book_done(struct rule_book *b);
const struct role_rules *rule_book_find(const struct rule_book *b, struct bytes role);
