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
/*    rule               detector name           severity limit  seconds what is counted */
#define DETECT_RULES(X)                                                                              \
    X(D01_MEDIUM,        "D01", "medium",         MEDIUM,   15,    60,     "connections accepted of one client") \
    X(D01_HIGH,          "D01", "high",           HIGH,     30,    60,     "connections accepted of one client") \
    X(D02_MEDIUM,        "D02", "medium",         MEDIUM,   30,    60,     "connections from one address that came to nothing, less 3 for each of its productive clients") \
    X(D02_HIGH,          "D02", "high",           HIGH,     90,    60,     "as medium, less 9 for each") \
    X(D02_PREFIX,        "D02", "prefix",         LOW,      120,   60,     "as medium, from one /24 or /64; told, never acted on") \
    X(D03_LOW,           "D03", "low",            LOW,      8,     600,    "ends without DISCONNECT, halved each so many seconds, beyond what is usual for the client") \
    X(D03_MEDIUM,        "D03", "medium",         MEDIUM,   12,    600,    "as low") \
    X(D04_LOW,           "D04", "low",            LOW,      1,     60,     "times that the longest silence that it may keep has passed; that is at least so many seconds") \
    X(D04_CRITICAL,      "D04", "critical",       HIGH,     1,     60,     "as low, of a critical client") \
    X(D04_PING,          "D04", "ping",           HIGH,     2,     60,     "questions on its role's ping_topic that found no answer, one after another") \
    X(D05_MEDIUM,        "D05", "medium",         MEDIUM,   5,     60,     "failed logins from one address") \
    X(D05_HIGH,          "D05", "high",           HIGH,     10,    600,    "failed logins from one address") \
    X(D05_NAME,          "D05", "name",           MEDIUM,   10,    600,    "failed logins as one user name; told, never acted on") \
    X(D05_SLOW,          "D05", "slow",           MEDIUM,   15,    3600,   "guesses for one user name, halved each so many seconds; told only") \
    X(D06_HIGH,          "D06", "high",           HIGH,     5,     600,    "different names that failed from one address") \
    X(D06_FLEET,         "D06", "fleet",          HIGH,     20,    600,    "different names, and as many addresses, that failed altogether") \
    X(D06_FOUND,         "D06", "found",          CRITICAL, 3,     600,    "other names that had failed from the address before one got in") \
    X(D07_MEDIUM,        "D07", "medium",         MEDIUM,   20,    60,     "topics published to that are new to the client") \
    X(D07_HIGH,          "D07", "high",           HIGH,     60,    60,     "as medium") \
    X(D07_UNLEARNED,     "D07", "unlearned",      MEDIUM,   40,    60,     "as medium, until its topics are learned") \
    X(D07_UNLEARNED_HIGH,"D07", "unlearned-high", HIGH,     120,   60,     "as unlearned") \
    X(D08_MEDIUM,        "D08", "medium",         MEDIUM,   20,    60,     "filters subscribed to that are new to the client") \
    X(D08_HIGH,          "D08", "high",           HIGH,     60,    60,     "as medium") \
    X(D08_UNLEARNED,     "D08", "unlearned",      MEDIUM,   20,    60,     "as medium, until its topics are learned") \
    X(D08_UNLEARNED_HIGH,"D08", "unlearned-high", HIGH,     60,    60,     "as unlearned") \
    X(D09_LOW,           "D09", "low",            LOW,      50,    300,    "messages to topics that nobody ever subscribed to, when they are most of what it sends") \
    X(D10_LOW,           "D10", "low",            LOW,      1,     900,    "connections on which nothing was said for so long, or 1.5 times the keep alive") \
    X(D11_MEDIUM,        "D11", "medium",         MEDIUM,   10,    120,    "connections from one address on which nothing was said for so long") \
    X(D11_HIGH,          "D11", "high",           HIGH,     50,    120,    "as medium") \
    X(D11_SHARE,         "D11", "share",          HIGH,     10,    120,    "percent of connections_max that one address holds so; at least 5 connections") \
    X(D12_MEDIUM,        "D12", "medium",         MEDIUM,   5,     60,     "connections from one address whose CONNECT did not come in time") \
    X(D12_HIGH,          "D12", "high",           HIGH,     20,    60,     "as medium") \
    X(D13_MEDIUM,        "D13", "medium",         MEDIUM,   5,     120,    "connections from one address that asked for a keep alive of 0 or above 2 h, and said nothing for so long") \
    X(D13_HIGH,          "D13", "high",           HIGH,     20,    120,    "as medium") \
    X(D14_HIGH,          "D14", "high",           HIGH,     3,     300,    "times that a session was taken back by the address before") \
    X(D15_MEDIUM,        "D15", "medium",         MEDIUM,   20,    600,    "client ids never seen before that ask for a session to be kept, of one user or address, beyond one a user") \
    X(D15_HIGH,          "D15", "high",           HIGH,     50,    600,    "as medium") \
    X(D15_FULL,          "D15", "full",           HIGH,     1,     60,     "times that sessions_max was passed, so that a newcomer got no session; told only") \
    X(D15_QUOTA,         "D15", "quota",          LOW,      1,     60,     "times that one user passed sessions_per_user_max, so that a session was not kept; told only") \
    X(D16_LOW,           "D16", "low",            LOW,      1,     3600,   "connections with an older protocol version than before") \
    X(D16_MEDIUM,        "D16", "medium",         MEDIUM,   1,     3600,   "connections without the TLS, its version or the certificate of before, or by MQTT 3.1") \
    X(D17_MEDIUM,        "D17", "medium",         MEDIUM,   5,     60,     "protocol errors from one address") \
    X(D17_HIGH,          "D17", "high",           HIGH,     15,    60,     "protocol errors from one address") \
    X(D17_CLIENT,        "D17", "client",         MEDIUM,   3,     600,    "protocol errors of one client that was let in") \
    X(D18_LOW,           "D18", "low",            LOW,      1,     600,    "packets with too many properties") \
    X(D18_MEDIUM,        "D18", "medium",         MEDIUM,   3,     600,    "as low") \
    X(D19_LOW,           "D19", "low",            LOW,      1,     600,    "topics of more than 32 levels or 1024 bytes") \
    X(D19_MEDIUM,        "D19", "medium",         MEDIUM,   3,     600,    "as low") \
    X(D20_LOW,           "D20", "low",            LOW,      1,     60,     "times that payloads were beyond 256 KiB, or beyond 64 KiB and 8 times the largest so far, or packets beyond packet_bytes_max") \
    X(D20_MEDIUM,        "D20", "medium",         MEDIUM,   3,     60,     "as low") \
    X(D21_MEDIUM,        "D21", "medium",         MEDIUM,   20,    30,     "received QoS 2 messages that were not released for so long") \
    X(D21_MANY,          "D21", "many",           MEDIUM,   50,    1,      "received QoS 2 messages that are not released; told at once") \
    X(D22_LOW,           "D22", "low",            LOW,      500,   60,     "messages that wait for one connected client") \
    X(D22_MEDIUM,        "D22", "medium",         MEDIUM,   1000,  60,     "as low") \
    X(D22_BYTES,         "D22", "bytes",          MEDIUM,   8192,  60,     "KiB that wait for one connected client") \
    X(D22_STUCK,         "D22", "stuck",          MEDIUM,   60,    60,     "seconds that a client which is there has acknowledged nothing, while more and more waits for it") \
    X(D23_MEDIUM,        "D23", "medium",         MEDIUM,   1,     600,    "handshakes from one address with a certificate that is expired, unknown or of another name") \
    X(D23_HIGH,          "D23", "high",           HIGH,     3,     600,    "as medium") \
    X(D23_REVOKED,       "D23", "revoked",        HIGH,     1,     600,    "handshakes with a revoked certificate") \
    X(D23_TWIN,          "D23", "twin",           HIGH,     1,     600,    "such handshakes in the name of a client that is connected from another address") \
    X(D24_LOW,           "D24", "low",            LOW,      1,     600,    "connections from a network that the client never came from") \
    X(D24_FIXED,         "D24", "fixed",          MEDIUM,   1,     600,    "as low, of a role that does not move") \
    X(D24_MOVES,         "D24", "moves",          MEDIUM,   6,     600,    "connections of one client from another network than the one before") \
    X(D25_MEDIUM,        "D25", "medium",         MEDIUM,   1,     600,    "retained messages of others that were replaced") \
    X(D25_HIGH,          "D25", "high",           HIGH,     1,     600,    "as medium, cleared or of a critical client") \
    X(D26_MEDIUM,        "D26", "medium",         MEDIUM,   50,    60,     "new retained topics of one client") \
    X(D26_HIGH,          "D26", "high",           HIGH,     200,   60,     "new retained topics of one client") \
    X(D26_FULL,          "D26", "full",           HIGH,     1,     60,     "times that retained_messages_max or retained_bytes_max was passed, so that nothing more was kept; told only") \
    X(D26_QUOTA,         "D26", "quota",          LOW,      1,     60,     "times that one client passed retained_per_client_max, so that nothing more of it was kept") \
    X(D26_GROWTH,        "D26", "growth",         LOW,      1,     60,     "per cent by which new topics of learned clients made the retained store grow, when they are at least 500; told only") \
    X(D27_RATE,          "D27", "rate",           INFO,     100,   1,      "messages a second that are no flood; five seconds of it may come at once") \
    X(D27_MEDIUM,        "D27", "medium",         MEDIUM,   3,     1,      "seconds that the rate was passed without a pause") \
    X(D27_HIGH,          "D27", "high",           HIGH,     30,    1,      "as medium") \
    X(D28_LOW,           "D28", "low",            LOW,      1,     600,    "reserves used up, of so many seconds at twice the learned rate") \
    X(D28_MEDIUM,        "D28", "medium",         MEDIUM,   2,     600,    "as low") \
    X(D29_LOW,           "D29", "low",            LOW,      3,     600,    "patterns of topics that are new to a learned client and to others of its role") \
    X(D30_LOW,           "D30", "low",            LOW,      3,     600,    "payloads running of another shape than the last 50 on the topic") \
    X(D30_MEDIUM,        "D30", "medium",         MEDIUM,   3,     600,    "as low, and of another entropy") \
    X(D31_MEDIUM,        "D31", "medium",         MEDIUM,   1,     600,    "messages on topics that were another client's") \
    X(D31_HIGH,          "D31", "high",           HIGH,     1,     600,    "as medium, of a critical client") \
    X(D32_HIGH,          "D32", "high",           HIGH,     1,     600,    "commands that the role may not give") \
    X(D33_HIGH,          "D33", "high",           HIGH,     30,    60,     "commands of one client, when they are ten times its usual") \
    X(D33_SWEEP,         "D33", "sweep",          HIGH,     20,    60,     "different command topics of one client, when its commands are ten times its usual") \
    X(D34_HIGH,          "D34", "high",           HIGH,     1,     600,    "commands whose sequence number was used before") \
    X(D34_CLOCK,         "D34", "clock",          LOW,      1,     600,    "commands whose time is more than 300 s off") \
    X(D35_HIGH,          "D35", "high",           HIGH,     1,     600,    "Wills on command topics, or where the client may not publish") \
    X(D35_LARGE,         "D35", "large",          LOW,      1,     600,    "Wills of more than 4 KiB") \
    X(D35_FIRED,         "D35", "fired",          MEDIUM,   5,     600,    "Wills of one client that were published") \
    X(D36_MEDIUM,        "D36", "medium",         MEDIUM,   100,   60,     "filters of one client that are new to it") \
    X(D36_HIGH,          "D36", "high",           HIGH,     1,     60,     "times that subscriptions_per_session_max was passed") \
    X(D37_MEDIUM,        "D37", "medium",         MEDIUM,   1,     600,    "filters that begin with a wildcard or match more than a quarter of what others publish, of a role that has no reason to read all") \
    X(D38_LOW,           "D38", "low",            LOW,      1,     600,    "topics and filters below $SYS, $CONTROL or $bastide, of a role that has no reason to") \
    X(D38_MEDIUM,        "D38", "medium",         MEDIUM,   3,     600,    "as low") \
    X(D39_LOW,           "D39", "low",            LOW,      10,    300,    "refused operations of one client") \
    X(D39_MEDIUM,        "D39", "medium",         MEDIUM,   30,    300,    "refused operations of one client") \
    X(D40_MEDIUM,        "D40", "medium",         MEDIUM,   1,     600,    "joins of a shared subscription whose members are all of other roles") \
    X(D41_MEDIUM,        "D41", "medium",         MEDIUM,   1,     3600,   "reserves of bytes used up, of so many seconds at ten times the learned rate, at least 1 MiB") \
    X(D42_LOW,           "D42", "low",            LOW,      10,    600,    "regular messages on a topic that is new to all, of a client with a new subscription") \
    X(D43_INFO,          "D43", "info",           INFO,     20,    60,     "known clients that come back at once; at least a fifth of all, and nine of ten that try") \
    X(D44_MEDIUM,        "D44", "medium",         MEDIUM,   10,    30,     "clients that were cut off at once and are away; at least a fifth of all") \
    X(D44_SITE,          "D44", "site",           HIGH,     10,    30,     "as medium, all of one /24 or /48, when there are others") \
    X(D45_MEDIUM,        "D45", "medium",         MEDIUM,   3,     600,    "logins tried from one address with names that everybody knows") \
    X(D45_ACCEPTED,      "D45", "accepted",       CRITICAL, 1,     600,    "logins with a password that everybody knows") \
    X(D46_MEDIUM,        "D46", "medium",         MEDIUM,   3,     600,    "publishers whose messages somebody used to read, and nobody does") \
    X(D47_INFO,          "D47", "info",           INFO,     5,     600,    "learned clients with the same new thing") \
    X(D48_LOW,           "D48", "low",            LOW,      1,     86400,  "days that the inspection of a device is overdue") \
    X(D49_HIGH,          "D49", "high",           HIGH,     1,     60,     "faults of journal and control store that stand") \
    X(D50_HIGH,          "D50", "high",           HIGH,     1,     60,     "devices connected that are retired, disposed of or lost") \
    X(D51_LOW,           "D51", "low",            LOW,      1,     60,     "listeners whose certificate or revocation list ends within 30 days (a short-lived list: in its last quarter)") \
    X(D51_HIGH,          "D51", "high",           HIGH,     1,     60,     "listeners whose certificate or revocation list is out of date")
/* clang-format on */

enum rule {
#define X(rule, detector, name, severity, limit, seconds, what) RULE_##rule,
    DETECT_RULES(X)
#undef X
        RULE_N,
};

const struct detect_rule *rule_info(enum rule r);
uint64_t rule_window_ns(enum rule r);

/* ---- roles ---- */

/* What a kind of role is known for. */
#define TRAIT_SERVER    1U   /* waits for others: is silent by nature */
#define TRAIT_READS_ALL 2U   /* wide filters are its job */
#define TRAIT_COMMANDS  4U   /* gives commands */
#define TRAIT_CRITICAL  8U   /* worth a higher severity */
#define TRAIT_FIXED     16U  /* does not move */
#define TRAIT_BULK      32U  /* large payloads and much traffic are its job */
#define TRAIT_PEERS     64U  /* those of the same role stand in for each other */
#define TRAIT_LISTED    128U /* of commands it gives certain ones only */

/* One role as the detectors see it. */
struct role_rules {
    char name[DETECT_ROLE_MAX];
    uint16_t index;
    unsigned traits;
    double limit[RULE_N]; /* 0: this rule never holds */
    uint8_t mode[DETECT_DETECTORS_MAX];
};

/* What looks like a command is its job, wherever it goes. */
static inline bool role_commands_all(const struct role_rules *r)
{
    return (r->traits & (TRAIT_COMMANDS | TRAIT_LISTED)) == TRAIT_COMMANDS;
}

struct rule_book {
    struct role_rules *roles; /* owned; the first is for those without a role */
    size_t n_roles;
};

void rule_book_init(struct rule_book *b, const struct detect_config *c);
void rule_book_done(struct rule_book *b);
const struct role_rules *rule_book_find(const struct rule_book *b, struct bytes role);
