/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verbs.c - the table of verbs
 *
 * It drives parsing, bastide help, the manual page and completion; so a verb or
 * an option is added here and nowhere else.
 */
#include <stddef.h>

#include "cli/args.h"
#include "cli/ask.h"

/* clang-format off */
#define JSON_OPTION {"--json", NULL, NULL, "write JSON, for machines"}
#define END         {NULL, NULL, NULL, NULL}

static const struct cli_option config_options[] = {CLI_NODE_OPTIONS, END};
static const struct cli_option socket_options[] = {CLI_SOCKET_OPTIONS, END};
static const struct cli_option list_options[] = {JSON_OPTION, CLI_SOCKET_OPTIONS, END};
static const struct cli_option no_options[] = {END};

static const struct cli_option ban_options[] = {
    {"--for",    NULL, "DURATION", "how long, such as 90s, 10m, 1h30m or 2d; without it until it is lifted"},
    {"--reason", NULL, "TEXT",     "why; kept with the ban and in the audit"},
    CLI_SOCKET_OPTIONS, END,
};
static const struct cli_option incident_options[] = {
    {"--state",    NULL, "STATE",    "only open, acknowledged or closed ones"},
    {"--severity", NULL, "SEVERITY", "only this and worse: info, low, medium, high, critical"},
    {"--kind",     NULL, "KIND",     "only this kind, such as topic-scan"},
    {"--limit",    NULL, "N",        "only the newest N"},
    {"--follow",   "-f", NULL,       "those there are, then a line for each change until interrupted"},
    {"--note",     NULL, "TEXT",     "with ack, close and rollback: what is kept with the incident"},
    JSON_OPTION, CLI_SOCKET_OPTIONS, END,
};
static const struct cli_option acl_options[] = {
    {"--client",    NULL, "CLIENT",  "the client id"},
    {"--user",      NULL, "USER",    "the user name; without it an anonymous client"},
    {"--cert-cn",   NULL, "CN",      "the common name of the client certificate"},
    {"--publish",   NULL, "TOPIC",   "may it publish to this topic?"},
    {"--subscribe", NULL, "FILTER",  "may it subscribe with this filter?"},
    {"--address",   NULL, "ADDRESS", "where it comes from; without it 127.0.0.1"},
    {"--control",   NULL, NULL,      "it comes by the control listener"},
    CLI_NODE_OPTIONS, END,
};
static const struct cli_option assess_options[] = {
    {"--html",    NULL, "FILE", "write the report as one HTML file"},
    JSON_OPTION,
    {"--compare", NULL, "FILE", "what changed since FILE, which assess --json wrote"},
    {"--record",  NULL, NULL,   "keep the result in the history, which tiers above 2 are measured by"},
    {"--no-node", NULL, NULL,   "ask no node: only what files say"},
    CLI_SOCKET_OPTIONS, END,
};

const struct cli_verb cli_verbs[] = {
    {"init", cli_init, "make a node's home: configuration, CA, certificates, keys, an administrator", "DIR", NULL, NULL},
    {"run", cli_run, "run a node until SIGTERM, SIGINT or bastide stop", "", config_options,
     "SIGHUP reads configuration, users, certificates and CRL anew, as bastide reload does. Under "
     "systemd it tells when it is ready (Type=notify)."},
    {"check-config", cli_check_config, "say whether a configuration is in order, and what it amounts to", "", config_options,
     "Certificates and keys are opened as well. Each error names file, line and column."},
    {"status", cli_status, "show the node and its listeners", "", list_options, NULL},
    {"clients", cli_clients, "list the sessions, or show one with its subscriptions", "[CLIENT]", list_options, NULL},
    {"assets", cli_assets, "list assets, declared and seen", "", list_options, NULL},
    {"flows", cli_flows, "list who publishes and reads what, declared and seen", "", list_options, NULL},
    {"incidents", cli_incidents, "list incidents, show one, or say what was done about it",
     "[list | show ID | ack ID | close ID | rollback ID]", incident_options,
     "rollback undoes what was done automatically because of the incident: bans are lifted. With "
     "--json, --follow writes one object a line."},
    {"bans", cli_bans, "list who is banned", "", list_options, NULL},
    {"ban", cli_ban, "refuse an address, a client id or a user, and disconnect it",
     "address|client|user|client-address SUBJECT [ADDRESS]", ban_options,
     "SUBJECT is an address or prefix (192.0.2.0/24), a client id or a user name. client-address "
     "bans a client id from ADDRESS only, so nobody can lock out another by using its name."},
    {"unban", cli_unban, "lift a ban", "address|client|user|client-address SUBJECT [ADDRESS]", socket_options, NULL},
    {"disconnect", cli_disconnect, "close the connections of a client, a user, an address, or one connection",
     "client|user|address|conn SUBJECT", socket_options,
     "It may come back at once; to keep it out, ban it, disable its user or revoke its certificate."},
    {"responses", cli_responses, "stop all automatic answers for a while, or let them act again",
     "suspend DURATION | resume", socket_options,
     "Detection goes on, and incidents are still recorded. At most 24h."},
    {"reload", cli_reload, "read configuration, users, certificates and CRL anew", "", socket_options,
     "All or nothing: if anything is wrong, the node goes on with what it has and says why."},
    {"stop", cli_stop, "stop the node in order", "", socket_options, NULL},
    {"acl", cli_acl, "say what a client may do and which rule decides, from the configuration alone",
     "explain", acl_options,
     "Exits 0 when it is allowed and 1 when it is denied. No node need run. The password is taken "
     "as the right one; a user without password is taken to come with its certificate."},
    {"assess", cli_assess, "work out the Current Profile, gaps and risk from evidence", "", assess_options,
     "Without a node, everything that only a running node can measure is unknown, and unknown is "
     "never met. Tiers say how risk is managed, never that a system is secure or certified."},
    {"metrics", cli_metrics, "write the node's counters in Prometheus text format", "", socket_options, NULL},
    {"user", cli_user, "manage users", "", NULL, NULL},
    {"pki", cli_pki, "issue, revoke and list certificates of the built-in CA", "", NULL, NULL},
    {"attest", cli_attest, "sign a statement that a person answers for", "", NULL, NULL},
    {"lab", cli_lab, "run the energy provider's field bus (Appendix A) as real clients", "", NULL, NULL},
    {"help", cli_help, "show the verbs, or how one is used", "[VERB]", no_options, NULL},
    {"version", cli_version, "show the version", "", no_options, NULL},
    {"reference", cli_reference, "write verbs, limits and API routes as JSON, for generated documents", "", no_options, NULL},
};
/* clang-format on */

const size_t cli_verbs_n = COUNT_OF(cli_verbs);
