/* SPDX-License-Identifier: Apache-2.0 */
/* node/config_keys_protect.c - the keys of roles and of the users_file, as config_keys.c has the
 * others */
#include "node/config_keys.h"

/* clang-format off */

/* ---- roles ---- */

#define FILTER_BYTES .max = RULE_FILTER_BYTES_MAX
static const struct config_key rule_keys[] = {
    {"publish", CONFIG_RULE, 0, 0, .min = RULE_PUBLISH, FILTER_BYTES,
     .what = "topics that may be published to; ${client_id}, ${user_name} and ${certificate_cn} are the client's own"},
    {"subscribe", CONFIG_RULE, 0, 0, .min = RULE_SUBSCRIBE, FILTER_BYTES,
     .what = "topics that may be subscribed to"},
    {"publish_subscribe", CONFIG_RULE, 0, 0, .min = RULE_PUBLISH | RULE_SUBSCRIBE, FILTER_BYTES,
     .what = "both"},
};
static const struct config_section rule_section = SECTION(rule_keys, rule_spec, config_check_rule);

#define RULES IN(role_spec, rules), .count_offset = offsetof(struct role_spec, n_rules), \
              .max = ROLE_RULES_MAX, .section = &rule_section
static const struct config_choice role_kinds[] = {
    {"device", 0},   {"gateway", 1}, {"service", 2},  {"monitor", 3}, {"operator", 4},
    {"control", 5},  {"actuator", 6}, {"standby", 7}, {"ota", 8},     {NULL, 0},
};
static const struct config_key role_keys[] = {
    {"kind", CONFIG_WORD, 0, IN(role_spec, kind), .choices = role_kinds,
     .what = "what the detectors take its clients for, see docs/reference/detectors.md; without it the role's own "
             "name if it is one of these, else device. Clients of the kinds control and actuator are treated as "
             "critical"},
    {"allow", CONFIG_RULES, 0, RULES, .min = false,
     .what = "what the role may do; what no rule allows is refused"},
    {"deny", CONFIG_RULES, 0, RULES, .min = true,
     .what = "what it may not do all the same; looked at before allow"},
    {"critical", CONFIG_BOOL, 0, IN(role_spec, critical), .deflt = "no",
     .what = "automatic responses to it never go beyond an alert"},
    {"may_command", CONFIG_BOOL, 0, IN(role_spec, may_command), .deflt = "no",
     .what = "publishing to command_topics is its job and no incident"},
    {"command_topics", CONFIG_TEXTS, 0, IN(role_spec, command_topics),
     .count_offset = offsetof(struct role_spec, n_command_topics), .max = POLICY_TOPICS_MAX,
     .items = "topic filters", .wrong_why = listed_topic_wrong_why,
     .what = "only publishing to these is its job, whatever may_command and its kind say; they are command topics "
             "of the node, too"},
    {"control_plane", CONFIG_BOOL, 0, IN(role_spec, control_plane), .deflt = "no",
     .what = "may use listeners of the control plane"},
    {"messages_per_s_max", CONFIG_U64, 0, IN(role_spec, messages_per_s_max), .min = 0, .max = 100000000,
     .deflt = "0", .what = "PUBLISH a second from one client of the role; 0: as limits say"},
    {"retained_per_client_max", CONFIG_U64, 0, IN(role_spec, retained_per_client_max), .min = 0, .max = 100000000,
     .deflt = "0", .what = "retained messages of one client of the role; 0: as limits say, 20 times of kind gateway"},
    {"sessions_per_user_max", CONFIG_U64, 0, IN(role_spec, sessions_per_user_max), .min = 0, .max = 10000000,
     .deflt = "0", .what = "sessions kept of one user of the role; 0: as limits say. For those whose devices share a user"},
    {"scan_factor", CONFIG_U32, 0, IN(role_spec, scan_factor), .min = 1, .max = 1000, .deflt = "1",
     .what = "so many times the usual number of topics is usual for it; 1: as its kind says"},
    {"ping_topic", CONFIG_TEXT, 0, IN(role_spec, ping_topic), .min = 1, .max = RULE_FILTER_BYTES_MAX,
     .wrong_why = ping_topic_wrong_why,
     .what = "its clients get an empty message there each detect.ping_interval_s, such as ping/${client_id}; who "
             "does not publish anything between two of them, twice, is unavailable. For those that must be there, "
             "and have nothing to say by themselves"},
};
const struct config_section config_role_section = SECTION(role_keys, role_spec, NULL);

/* ---- users_file ---- */

static const struct config_key user_keys[] = {
    {"name", CONFIG_TEXT, CONFIG_REQUIRED, IN(user_spec, name), .min = 1, .max = USER_NAME_MAX,
     .what = "the user's name; each another one"},
    {"role", CONFIG_TEXT, CONFIG_REQUIRED, IN(user_spec, role), .min = 1, .max = ROLE_NAME_MAX,
     .what = "one of roles"},
    {"password", CONFIG_TEXT, CONFIG_SECRET, IN(user_spec, password_verifier), .min = 1, .max = 256,
     .what = "verifier that 'bastide user add' or 'bastide user passwd' made; without it no login by password"},
    {"scram", CONFIG_TEXT, CONFIG_SECRET, IN(user_spec, scram_verifier), .min = 1, .max = 256,
     .what = "verifier of the same password for SCRAM-SHA-256, made with the other; without it no login by "
             "extended authentication"},
    {"certificate_cn", CONFIG_TEXT, 0, IN(user_spec, certificate_cn), .min = 1, .max = USER_NAME_MAX,
     .what = "common name of the user's certificate; without it no login by certificate"},
    {"disabled", CONFIG_BOOL, 0, IN(user_spec, disabled), .deflt = "no",
     .what = "the user may not come in"},
};
static const struct config_section user_section = SECTION(user_keys, user_spec, NULL);

static const struct config_key users_keys[] = {
    {"users", CONFIG_LIST, 0, IN(config, policy.users),
     .count_offset = offsetof(struct config, policy.n_users), .max = POLICY_USERS_MAX,
     .section = &user_section, .what = "who may come in"},
};
const struct config_section config_users_section = SECTION(users_keys, config, config_check_users);

/* clang-format on */
