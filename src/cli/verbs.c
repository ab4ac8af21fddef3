/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verbs.c - the table of verbs
 *
 * It drives parsing, bastide help, the manual page and completion; so a verb or
 * an option is added here and nowhere else.
 */
#include <stddef.h>

#include "bench/bench.h"
#include "cli/args.h"
#include "cli/ask.h"
#include "cli/keys.h"

/* clang-format off */
#define JSON_OPTION {"--json", NULL, NULL, "write JSON, for machines"}
#define END         {NULL, NULL, NULL, NULL}
#define AUDIT_OPTIONS                                                                             \
    CLI_KEY_OPTIONS, CLI_NODE_OPTIONS,                                                            \
    {"--socket", NULL, "PATH", "the admin socket of the node that keeps the audit; without it as the configuration says"}

static const struct cli_option run_options[] = {CLI_KEY_OPTIONS, CLI_NODE_OPTIONS, END};
static const struct cli_option check_options[] = {
    {"--keys", NULL, NULL, "show every key that a configuration may have; none is read"},
    CLI_NODE_OPTIONS, END,
};
static const struct cli_option socket_options[] = {CLI_SOCKET_OPTIONS, END};
static const struct cli_option list_options[] = {JSON_OPTION, CLI_SOCKET_OPTIONS, END};
static const struct cli_option asset_options[] = {
    {"--state",     NULL, "STATE", "only declared, learned or declared-not-seen ones"},
    {"--role",      NULL, "ROLE",  "only those of this role"},
    {"--zone",      NULL, "ZONE",  "only those declared or seen in this zone"},
    {"--search",    NULL, "TEXT",  "only those with TEXT in name, client id, user or address"},
    {"--connected", NULL, NULL,    "only those that are connected"},
    {"--different", NULL, NULL,    "only those that are not as they are declared"},
    JSON_OPTION,
    {"--csv",       NULL, NULL,    "write comma-separated values"},
    {"--cyclonedx", NULL, NULL,    "write a CycloneDX 1.5 document"},
    {"--dot",       NULL, NULL,    "write the network map for GraphViz"},
    {"--dry-run",   NULL, NULL,    "with import: write what would be added, and change nothing"},
    {"--reason",    NULL, "TEXT",  "with state: why, with inspect: what was looked at; kept in the audit"},
    CLI_SOCKET_OPTIONS, END,
};
static const struct cli_option flow_options[] = {
    {"--from",       NULL, "NAME", "only those from this asset"},
    {"--to",         NULL, "NAME", "only those to this asset"},
    {"--topic",      NULL, "TEXT", "only those with TEXT in the topic"},
    {"--zone",       NULL, "ZONE", "only those from or to this zone"},
    {"--undeclared", NULL, NULL,   "only those that no declaration covers"},
    {"--cross-zone", NULL, NULL,   "only those from one zone to another"},
    JSON_OPTION,
    {"--csv",        NULL, NULL,   "write comma-separated values"},
    {"--dot",        NULL, NULL,   "write the map for GraphViz"},
    {"--dry-run",    NULL, NULL,   "with import: write what would be added, and change nothing"},
    CLI_SOCKET_OPTIONS, END,
};
static const struct cli_option crypto_options[] = {
    {"--expiring",  NULL, "DAYS", "only those whose certificate ends within so many days"},
    {"--outside",   NULL, NULL,   "only those outside the profile"},
    {"--connected", NULL, NULL,   "only those that are connected"},
    {"--search",    NULL, "TEXT", "only those with TEXT in the name"},
    JSON_OPTION,
    {"--csv",       NULL, NULL,   "write comma-separated values"},
    CLI_SOCKET_OPTIONS, END,
};
static const struct cli_option no_options[] = {END};

static const struct cli_option ban_options[] = {
    {"--for",    NULL, "DURATION", "how long, such as 90s, 10m, 1h30m or 2d; without it until it is lifted"},
    {"--reason", NULL, "TEXT",     "why; kept with the ban and in the audit"},
    JSON_OPTION, CLI_SOCKET_OPTIONS, END,
};
static const struct cli_option respond_options[] = {
    {"--dry-run",   NULL, NULL,        "with run: only count whom it would hit"},
    {"--for",       NULL, "DURATION",  "how long, such as 90s, 10m or 1h; without it until it is undone"},
    {"--reason",    NULL, "TEXT",      "why; kept with it and in the audit"},
    {"--rate",      NULL, "N",         "with run throttle: messages a second that are left"},
    {"--delay",     NULL, "MS",        "with run delay: milliseconds"},
    {"--direction", NULL, "DIRECTION", "with run quarantine: publish, deliver or both; without it both"},
    JSON_OPTION, CLI_SOCKET_OPTIONS, END,
};
static const struct cli_option incident_options[] = {
    {"--state",    NULL, "STATE",    "only open, acknowledged or closed ones"},
    {"--severity", NULL, "SEVERITY", "only this and worse: info, low, medium, high, critical"},
    {"--kind",     NULL, "KIND",     "only this kind, such as topic-scan-publish"},
    {"--limit",    NULL, "N",        "only the newest N"},
    {"--follow",   "-f", NULL,       "those there are, then a line for each change until interrupted"},
    {"--stats",    NULL, NULL,       "how those of 30 days were judged, by kind, and how often a detector was wrong"},
    {"--to",       NULL, "NAME",     "with assign: who is to look after it; '' for nobody"},
    {"--note",     NULL, "TEXT",     "with ack, assign and close: what is kept with the incident"},
    {"--as",       NULL, "JUDGEMENT", "with close: true (an attack), false (the detector erred) or benign (it was meant to be)"},
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
    CLI_KEY_OPTIONS, CLI_SOCKET_OPTIONS, END,
};

static const struct cli_option audit_options[] = {
    {"--limit", NULL, "N",    "with list: the newest N; without it 50"},
    {"--file",  NULL, "FILE", "with verify: what audit export wrote; no node and no at-rest key are needed"},
    {"--head",  NULL, "FILE", "with verify: a head that was kept elsewhere, of state/audit.head; a tail that was cut off is found by it"},
    {"--key",   NULL, "KEY",  "with verify: the key that heads are signed by; without it the one that stands beside them"},
    JSON_OPTION, CLI_KEY_OPTIONS, CLI_SOCKET_OPTIONS, END,
};

static const struct cli_option backup_options[] = {
    {"--id",       NULL, "ID",   "with verify and restore: which backup; without it the newest"},
    {"--into",     NULL, "DIR",  "with restore: the new home, empty or not there"},
    {"--key-file", NULL, "FILE", "with verify, restore and prune: the at-rest key; without it as the configuration says"},
    {"--keep",       NULL, "N",    "with prune: the newest N stay, whatever their age; without it 1"},
    {"--older-than", NULL, "DAYS", "with prune: only those that are older go"},
    JSON_OPTION, CLI_KEY_OPTIONS, CLI_SOCKET_OPTIONS, END,
};
static const struct cli_option store_options[] = {CLI_KEY_OPTIONS, CLI_NODE_OPTIONS, END};

static const struct cli_option key_options[] = {
    {"--to",                NULL, "FILE", "with change: a key file that is made, or the word passphrase"},
    {"--new-passphrase-fd", NULL, "N",    "with change: read the new passphrase from descriptor N; without it the terminal is asked"},
    JSON_OPTION, CLI_KEY_OPTIONS, CLI_SOCKET_OPTIONS, END,
};

static const struct cli_option init_options[] = {
    {"--name",      NULL, "NAME",    "the node's name; without it the host's"},
    {"--host",      NULL, "NAMES",   "host names and addresses, with commas, that clients reach it by"},
    {"--bind",      NULL, "ADDRESS", "where it listens with TLS; without it 127.0.0.1, and 0.0.0.0 is everywhere"},
    {"--port-base", NULL, "N",       "listen on N (plain, this machine only), N+3 (TLS) and N+4 (control) in place of 1883, 8883, 8884"},
    {"--profile",   NULL, "edge|centre", "edge, as without it: sessions and queues live as long as the process; centre: what is acknowledged is on the disk"},
    {"--owner",     NULL, "USER",    "as root: the user whom the home is for"},
    END,
};
static const struct cli_option user_options[] = {
    {"--role",           NULL, "ROLE", "with add: one of the configuration's roles"},
    {"--certificate-cn", NULL, "CN",   "with add: the common name of the certificate that the user comes with"},
    {"--generate",       NULL, NULL,   "make a password and show it once"},
    {"--password-stdin", NULL, NULL,   "read the password from standard input, one line"},
    JSON_OPTION, AUDIT_OPTIONS, END,
};
static const struct cli_option pki_options[] = {
    {"--name",       NULL, "NAME",  "with ca: the common name of the CA"},
    {"--host",       NULL, "NAMES", "with issue server: host names and addresses, with commas; with --replace it may be left out: those of the old one"},
    {"--days",       NULL, "N",     "how long it is valid; without it 397, and 3650 for a CA"},
    {"--not-before", NULL, "DATE",  "when it begins, such as 2026-01-31 or 2026-01-31T10:00:00Z"},
    {"--not-after",  NULL, "DATE",  "when it ends"},
    {"--out",        NULL, "PATH",  "with issue: write PATH.crt and PATH.key"},
    {"--replace",    NULL, NULL,    "with issue: put new files in the place of old ones"},
    JSON_OPTION, AUDIT_OPTIONS, END,
};
static const struct cli_option attest_options[] = {
    {"--kind",       NULL, "KIND",   "statement, policy, resources or validation; without it statement"},
    {"--statement",  NULL, "TEXT",   "what is attested; of a statement, without it what the catalogue asks for"},
    {"--who-name",   NULL, "NAME",   "who answers for it"},
    {"--who-role",   NULL, "ROLE",   "in which role; the catalogue says which may"},
    {"--principal",  NULL, "USER",   "the person's user name at the node"},
    {"--valid-days", NULL, "N",      "how long it counts; without it as long as the catalogue says"},
    {"--effective",  NULL, "DATE",   "from when it counts; without it from now on"},
    {"--implementer", NULL, "NAME",  "who put it in force; a validation is by somebody else"},
    {"--inputs",     NULL, "LIST",   "what it was learnt from, with commas: lessons, shared"},
    {"--method",     NULL, "METHOD", "EXAMINE, INTERVIEW or TEST; without it EXAMINE"},
    {"--document",   NULL, "FILE",   "what shows it; its SHA-256 is kept, and without one it does not count"},
    {"--title",      NULL, "TEXT",   "of the document; without it its file name"},
    {"--revision",   NULL, "TEXT",   "of the document"},
    {"--location",   NULL, "TEXT",   "where the document is kept; without it its path"},
    {"--key",        NULL, "FILE",   "the private key to sign with; without it the home's pki/attestation.key"},
    CLI_NODE_OPTIONS, END,
};
static const struct cli_option record_options[] = {
    {"--by",       NULL, "NAME",     "who measured it; needed"},
    {"--samples",  NULL, "N",        "out of how many; without it 1"},
    {"--scenario", NULL, "SCENARIO", "of a drill: what was exercised, R01 to R12"},
    {"--at",       NULL, "DATE",     "when, such as 2026-01-31; without it now"},
    {"--row",      NULL, "JSON",     "in place of TEST and VALUE: what an exercise left, as one JSON object"},
    CLI_KEY_OPTIONS, CLI_SOCKET_OPTIONS, END,
};

static const struct cli_option bench_options[] = {
#define X(kind, field, option, argument, least, most, text) {option, NULL, argument, text},
    BENCH_OPTIONS(X)
#undef X
    END,
};

#define X(name, text) #name " (" text "), "
#define SCENARIOS BENCH_SCENARIOS(X)
static const struct cli_option lab_options[] = {
    {"--prepare",      NULL, NULL,      "add the lab's roles, users, inventory and certificates to the node's home"},
    {"--intruder",     NULL, NULL,      "attack instead, with a contractor's stolen password, from 127.0.0.66"},
    {"--drill",        NULL, "DRILL",   "measure instead: revoke, disable, ban, block, posture, firewall, burst, canary, rogue-server, or all of them; for detectors see bastide drill"},
    {"--source",       NULL, "ADDRESS", "where the attacks of the drill firewall come from: an address of this machine that nobody else uses, not on the loopback"},
    {"--backups",      NULL, "DIR",     "of the drill canary: the folder of the node's backups, to which one is added"},
    {"--home",         NULL, "DIR",     "the node's home; without it that in BASTIDE_HOME"},
    {"--rounds",       NULL, "N",       "play it so often; without it once, and a drill as often as it needs"},
    {"--duration",     NULL, "SECONDS", "play it again and again for so long"},
    {"--interval",     NULL, "SECONDS", "between two rounds; without it 2"},
    {"--step-timeout", NULL, "MS",      "how long a step may take; without it 5000"},
    {"--quiet",        NULL, NULL,      "results only"},
    {"--json",         NULL, NULL,      "an event a line, for programs"},
    {"--ascii",        NULL, NULL,      "no other characters"},
    END,
};

static const struct cli_option drill_options[] = {
    {"--source",       NULL, "ADDRESS", "of the drill firewall: as for bastide lab"},
    {"--home",         NULL, "DIR",     "the node's home; without it that in BASTIDE_HOME"},
    {"--quiet",        NULL, NULL,      "results only"},
    {"--json",         NULL, NULL,      "a result a line, for programs"},
    {"--ascii",        NULL, NULL,      "no other characters"},
    END,
};

const struct cli_verb cli_verbs[] = {
    {"init", cli_init, "make a node's home: configuration, CA, certificates, keys, an administrator", "DIR", init_options,
     "DIR must be empty or not there. What it made, and what comes next, is shown at the end, with "
     "the administrator's password, which is shown once only."},
    {"run", cli_run, "run a node until SIGTERM, SIGINT or bastide stop", "", run_options,
     "SIGHUP reads configuration, users, certificates and CRL anew, as bastide reload does. Under "
     "systemd it tells when it is ready (Type=notify)."},
    {"check-config", cli_check_config, "say whether a configuration is in order, and what it amounts to", "", check_options,
     "Certificates and keys are opened as well: what is wrong with one names listener and file, each other error file, line "
     "and column. What only an assessment reads, scope and Target Profile, bastide assess checks."},
    {"status", cli_status, "show the node and its listeners", "", list_options, NULL},
    {"clients", cli_clients, "list the sessions, or show one with its subscriptions", "[CLIENT]", list_options, NULL},
    {"assets", cli_assets, "list assets, declared and seen, and what differs", "[list | import FILE | state NAME STATE | inspect NAME]", asset_options,
     "state sets the state of a device that the inventory declares, from now on: planned, approved, commissioned, "
     "in-service, maintenance, suspended, spare, retired, disposed or lost. Who is not in service is not missed; who is "
     "retired, disposed of or lost and connects is an incident. It stands until the inventory gives that record a state of "
     "a later date. inspect keeps that somebody has looked at the device and found it in order; --reason says at what: "
     "firmware, configuration, credentials, seals. import adds devices to the configuration's inventory_file: from CSV, from what --json writes, or "
     "from CycloneDX. A name that is there already is left alone, and so is all else in the file. A row that is left "
     "out is named, and the exit status is then 1; what the inventory would refuse changes nothing. With "
     "--csv, a text that a spreadsheet would take for a formula has a ' in front."},
    {"flows", cli_flows, "list who publishes and reads what, declared and seen", "[list | import FILE]", flow_options,
     "import declares flows in the configuration's inventory_file, from CSV or from what --json writes. Rates are about so: a publisher's rate is counted, and shared among the topics it uses. In the "
     "map, red is not declared, dashed is not now."},
    {"crypto", cli_crypto, "list how the connection of each asset is protected", "", crypto_options,
     "PROFILE is how it stands to crypto_profile of the inventory: inside, deprecated or outside."},
    {"incidents", cli_incidents, "list incidents, show one, or say what was done about it",
     "[list | show ID | ack ID | assign ID | close ID | rollback ID | approve ID]", incident_options,
     "rollback undoes what was done automatically because of the incident: bans are lifted. approve "
     "does what waits for a person because it would touch too many clients, or its playbook says so. Closed as false, its "
     "detector learns the client anew. close --as judges one that has closed by itself, too. With --json, --follow writes one object a line."},
    {"bans", cli_bans, "list who is banned", "", list_options, NULL},
    {"ban", cli_ban, "refuse an address, a client id or a user, and disconnect it",
     "address|client|user|certificate|issuer|client-address SUBJECT [ADDRESS]", ban_options,
     "SUBJECT is an address or prefix (192.0.2.0/24), a client id, a user name, a certificate's serial number or its issuer. client-address "
     "bans a client id from ADDRESS only, so nobody can lock out another by using its name."},
    {"unban", cli_unban, "lift a ban", "address|client|user|certificate|issuer|client-address SUBJECT [ADDRESS]", list_options, NULL},
    {"disconnect", cli_disconnect, "close the connections of a client, a user, an address, or one connection",
     "client|user|address|conn SUBJECT", list_options,
     "It may come back at once; to keep it out, ban it, disable its user or revoke its certificate."},
    {"respond", cli_respond, "act on clients, certificates, topics, the firewall or the node; list, undo and approve it",
     "[list | actions | run ACTION [KIND TARGET [ADDRESS]] | undo ACTION [KIND TARGET [ADDRESS]] | undo INCIDENT|ORDER|COMMAND | "
     "show COMMAND | approve INCIDENT|ORDER|COMMAND | suspend | resume]", respond_options,
     "actions shows what there is, and at which KIND of TARGET each is aimed. --dry-run counts whom it would hit. "
     "undo INCIDENT takes back all that was done because of it; approve does what waits because it would touch too "
     "many clients or its playbook says so, or an ORDER of another person that takes two, which undo ORDER takes back. "
     "A COMMAND of a client that is held is listed with what waits: show has its payload, approve publishes it as it came, undo "
     "drops it, and after 15 minutes it is given up. suspend stops all automatic answers for --for, at most 24h, while detection goes on; resume lets "
     "them act again. run quarantine conduit takes two zones of the inventory as its TARGET and ADDRESS: what the first says to the "
     "second is blocked. undo quarantine takes a --reason; without one it says what is retained and waits there. run posture takes elevated or lockdown as its TARGET, and undo posture goes back to normal. run "
     "delay node has all CONNECTs taken one after another, as in a reconnect storm. run shutdown keeps in the state folder what was, and stops the node."},
    {"reload", cli_reload, "read configuration, users, certificates and CRL anew", "", list_options,
     "All or nothing: if anything is wrong, the node goes on with what it has and says why."},
    {"stop", cli_stop, "stop the node in order", "", list_options,
     "Returns when its process has ended and its state is free, and exits 1 when that takes over 90 s."},
    {"acl", cli_acl, "say what a client may do and which rule decides, from the configuration alone",
     "explain", acl_options,
     "Exits 0 when it is allowed and 1 when it is denied. No node need run. The password is taken "
     "as the right one; a user without password is taken to come with its certificate."},
    {"assess", cli_assess, "work out the Current Profile, gaps and risk from evidence", "", assess_options,
     "Without a node, everything that only a running node can measure is unknown, and unknown is "
     "never met. Tiers say how risk is managed, never that a system is secure or certified."},
    {"audit", cli_audit, "list who did what, export it, or find out whether all of it is still there",
     "list | export | verify", audit_options,
     "Each operator action and automatic answer is an entry, and each entry holds the hash of the one "
     "before; heads of this chain are signed. verify finds entries that were removed, changed or "
     "moved. Without a running node the store is opened, which takes the at-rest key."},
    {"backup", cli_backup, "keep a node's home elsewhere, verify it, restore it, and let older ones go",
     "create|list|verify|restore|prune DIR", backup_options,
     "DIR holds all backups of a node, encrypted; after the first, one costs what has changed. The "
     "node goes on meanwhile. The at-rest key is never part of a backup: keep a copy of it elsewhere. "
     "verify proves what a restore would: it authenticates every byte in memory, opens the control store, "
     "which stands sealed in a folder under TMPDIR meanwhile, and verifies the audit; it writes nothing to "
     "DIR. prune removes older backups, and of their parts those that no other backup needs; it first reads all that are "
     "kept, and removes nothing if one of them is not whole."},
    {"key", cli_key, "list, rotate or change the keys of what a node stores", "list | rotate | change", key_options,
     "rotate makes a new data key, seals everything with it and destroys the older ones. change puts the "
     "keyring under another at-rest key. Both while the node runs; to a passphrase while it does not."},
    {"store", cli_store, "check, count, show or repair the journal of a node that does not run",
     "check | stat | dump | repair", store_options,
     "check reads all of it, and fails if something is not as it was written. repair drops what is not "
     "authentic, says exactly what, and puts the damaged files aside in journal/quarantine. dump shows "
     "topics and client identifiers, and never a payload."},
    {"metrics", cli_metrics, "write the node's counters in Prometheus text format", "", socket_options, NULL},
    {"user", cli_user, "manage the users in the configuration's file of users",
     "list | add NAME | passwd NAME | disable NAME | enable NAME | remove NAME", user_options,
     "A password is asked for on the terminal, or read from standard input; it is never taken from "
     "the command line, where others could see it. Two verifiers of it are kept: one for passwords "
     "that are sent, one for SCRAM-SHA-256, where none is. Comments in the file stay. A change that the node "
     "could not load is taken back. Each change is an entry of the audit; without a running node that "
     "takes the at-rest key. If no entry can be made, the change stands, and standard error says so."},
    {"pki", cli_pki, "issue, revoke and list certificates of the built-in CA",
     "ca | issue client|server NAME | revoke NAME|SERIAL | list | show FILE", pki_options,
     "The CA is in the folder pki beside the configuration. Without --out, certificates go to "
     "pki/clients and pki/servers there. revoke takes all certificates of NAME that are not revoked "
     "yet; a running node learns of it by bastide reload. show takes a certificate or a revocation "
     "list. ca, issue and revoke are entries of the audit, as are changes of users."},
    {"attest", cli_attest, "sign a statement that a person answers for", "SUBCATEGORY", attest_options,
     "It is added to the configuration's attestations, from where bastide assess takes it. It never "
     "outvotes a failed test."},
    {"record", cli_record, "keep what a person measured, such as a drill, for the assessment", "[TEST VALUE]", record_options,
     "TEST is one of the catalogue's that no probe of the node can see, of kind drill, file, import, "
     "log or self-test. It counts for a year at most, an age grows from its date on, and what the "
     "node measured itself is never outvoted. Without a running node its store is opened."},
    {"lab", cli_lab, "run the energy provider's field bus (Appendix A) as real clients", "", lab_options,
     "Tablet, power supply, smart meter, distribution management system and cap bank controller, each "
     "a process with its own certificate and no more rights than it needs. Exits 0 when every step "
     "came in time; with --intruder, when all that it tried was refused and the node banned it. A "
     "drill revokes, disables or bans a client that is connected and measures until it is cut and "
     "refused, or shows each kind of client a server that it must not trust. What --intruder and "
     "--drill measured is kept in the node's store, from where bastide assess takes it. The drill firewall "
     "attacks from ADDRESS until bastide-ward drops its packets; where it needs something, it says what."},
    {"drill", cli_drill, "attack the node in small, and measure whether its detectors notice", "DETECTOR|all", drill_options,
     "After bastide lab --prepare. By clients made for it and from addresses of its own, 127.0.0.200 "
     "and up, so that nobody else is disturbed, which a bystander checks. How many were noticed, how "
     "soon and after how many attempts, and how soon the node did something about it, is kept in the "
     "node's store, from where bastide assess takes it. Not every detector has a drill: what compares "
     "a client with its habits takes hours. All of them take about four minutes."},
    {"bench", cli_bench, "put load on any MQTT broker, and check what it delivers", "SCENARIO", bench_options,
     "Scenarios: " SCENARIOS "each with defaults of its own. Every message carries a number, so "
     "what is lost, doubled, out of order or changed is found; it then exits 1. Latency is measured "
     "at a fixed rate only, from when each message was due. Interrupted, it shows what it has."},
    {"help", cli_help, "show the verbs, or how one is used", "[VERB]", no_options, NULL},
    {"version", cli_version, "show the version", "", no_options, NULL},
    {"reference", cli_reference, "write verbs, limits and API routes as JSON, for generated documents", "", no_options, NULL},
};
#undef X
/* clang-format on */

const size_t cli_verbs_n = COUNT_OF(cli_verbs);
