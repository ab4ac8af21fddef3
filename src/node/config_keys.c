/* SPDX-License-Identifier: Apache-2.0 */
/* node/config_keys.c - every key of the configuration, with range, default and meaning */
#include "node/config_keys.h"

#include "crypto/keyring.h"

#include "alert/alert.h"
#include "monitor/monitor.h"
#include "respond/order.h"

/* clang-format off */

/* ---- node ---- */

static const struct config_choice log_levels[] = {
    {"error", 0}, {"warning", 1}, {"info", 2}, {"debug", 3}, {NULL, 0},
};

static const struct config_choice sandboxes[] = {
    {"enforce", CONFIG_SANDBOX_ENFORCE}, {"off", CONFIG_SANDBOX_OFF}, {NULL, 0},
};
static const struct config_choice durabilities[] = {
    {"memory", CONFIG_DURABILITY_MEMORY}, {"commit", CONFIG_DURABILITY_COMMIT}, {NULL, 0},
};
static const struct config_key durability_rule_keys[] = {
    {"filter", CONFIG_TEXT, CONFIG_REQUIRED, IN(config_durability_rule, filter), .min = 1, .max = 65535,
     .wrong_why = listed_topic_wrong_why, .what = "the topics it is about"},
    {"durability", CONFIG_CHOICE, CONFIG_REQUIRED, IN(config_durability_rule, durability), .choices = durabilities,
     .what = "as node.durability, for them"},
};
static const struct config_section durability_rule_section =
    SECTION(durability_rule_keys, config_durability_rule, NULL);

static const struct config_key journal_keys[] = {
    {"bytes_max", CONFIG_U64, CONFIG_RESTART, IN(config, journal_bytes_max), .min = 268435456, .max = 1ULL << 50,
     .deflt = "8589934592",
     .what = "bytes of its files; when seven eighths are used, messages above QoS 0 are refused (0x97; a client that "
             "does not speak 5.0 is disconnected) until queues have been emptied"},
    {"space_min", CONFIG_U64, CONFIG_RESTART, IN(config, journal_space_min), .min = 0, .max = 1ULL << 50, .deflt = "536870912",
     .what = "bytes of the disk that are left to others; below it, messages above QoS 0 are refused as well"},
};
static const struct config_section journal_section = SECTION(journal_keys, config, NULL);

static const struct config_key node_keys[] = {
    {"name", CONFIG_TEXT, CONFIG_REQUIRED | CONFIG_RESTART, IN(config, node_name), .min = 1, .max = 64,
     .what = "the node's name in incidents, reports and the log"},
    {"location", CONFIG_TEXT, CONFIG_RESTART, IN(config, location), .min = 1, .max = 256,
     .what = "where the node stands, for people"},
    {"workers", CONFIG_U32, CONFIG_RESTART, IN(config, workers), .min = 0, .max = WORKERS_MAX, .deflt = "0",
     .what = "threads that serve clients; 0: one a CPU, 32 at most"},
    {"state_dir", CONFIG_PATH, CONFIG_RESTART, IN(config, state_dir), .min = 1, .max = 4095, .deflt = "state",
     .what = "folder of incidents, bans, assets, audit; only the node's user needs to read it"},
    {"log_level", CONFIG_WORD, 0, IN(config, log_level), .deflt = "info", .choices = log_levels,
     .what = "what is written to standard error: this and worse"},
    {"run_as", CONFIG_TEXT, CONFIG_RESTART, IN(config, run_as), .min = 1, .max = 32,
     .what = "user to become after the start when started as root"},
    {"durability", CONFIG_CHOICE, CONFIG_RESTART, IN(config, durability), .deflt = "memory", .choices = durabilities,
     .what = "memory: sessions, queues and retained messages live as long as the process. commit: what a session with "
             "an expiry interval has, retained messages and what was acknowledged above QoS 0 are on the disk, sealed, "
             "before the acknowledgement leaves; they survive a kill and a loss of power"},
    {"sys_interval_s", CONFIG_U32, 0, IN(config, sys_interval_s), .min = 0, .max = 86400, .deflt = "10",
     .what = "seconds between two publications of the node's state, retained, under $SYS/broker/; 0: none. Read by "
             "roles with a rule that says $SYS/, such as \"subscribe: $SYS/#\""},
    {"sandbox", CONFIG_CHOICE, CONFIG_RESTART, IN(config, sandbox), .deflt = "enforce", .choices = sandboxes,
     .what = "enforce: after the start no capability is left, and each thread may ask the kernel only for what its "
             "work needs; off: for a debugger or a kernel without seccomp"},
};
static const struct config_section node_section = SECTION(node_keys, config, NULL);

/* ---- listeners ---- */

static const struct config_choice planes[] = {
    {"delivery", CONFIG_PLANE_DELIVERY}, {"control", CONFIG_PLANE_CONTROL}, {NULL, 0},
};
static const struct config_choice client_certificates[] = {
    {"none",     CONFIG_CLIENT_CERTIFICATE_NONE},
    {"optional", CONFIG_CLIENT_CERTIFICATE_OPTIONAL},
    {"required", CONFIG_CLIENT_CERTIFICATE_REQUIRED},
    {NULL, 0},
};
static const struct config_choice tls_versions[] = {{"1.2", 0x0303}, {"1.3", 0x0304}, {NULL, 0}};

static const struct config_key tls_keys[] = {
    {"certificate", CONFIG_PATH, CONFIG_REQUIRED | CONFIG_READABLE, IN(config_listener, certificate),
     .min = 1, .max = 4095, .what = "PEM file of the node's certificate, and of those between it and the CA"},
    {"key", CONFIG_PATH, CONFIG_REQUIRED | CONFIG_READABLE | CONFIG_SECRET, IN(config_listener, key),
     .min = 1, .max = 4095, .what = "PEM file of the certificate's private key"},
    {"client_ca", CONFIG_PATH, CONFIG_READABLE, IN(config_listener, client_ca), .min = 1, .max = 4095,
     .what = "PEM file of the CAs whose client certificates are believed"},
    {"crl", CONFIG_PATH, CONFIG_READABLE, IN(config_listener, crl), .min = 1, .max = 4095,
     .what = "PEM file of what these CAs have revoked"},
    {"client_certificate", CONFIG_CHOICE, 0, IN(config_listener, client_certificate), .deflt = "none",
     .choices = client_certificates, .what = "are clients asked for a certificate?"},
    {"version_min", CONFIG_CHOICE, 0, IN(config_listener, tls_version_min), .deflt = "1.2",
     .choices = tls_versions, .what = "oldest version of TLS that is spoken"},
};
static const struct config_section tls_section = SECTION(tls_keys, config_listener, NULL);

static const struct config_key listener_keys[] = {
    {"name", CONFIG_TEXT, CONFIG_REQUIRED, IN(config_listener, name), .min = 1, .max = 64,
     .what = "its name in events and reports; each another one"},
    {"address", CONFIG_ADDRESS, CONFIG_REQUIRED, IN(config_listener, address), .min = 1, .max = 4095,
     .what = "IP address to listen on; 0.0.0.0 and :: are all of a family. unix:PATH: a socket for programs on "
             "this machine that its mode, 0660, lets in"},
    {"port", CONFIG_U16, 0, IN(config_listener, port), .min = 1, .max = 65535,
     .what = "TCP port, required unless address is a unix socket; 8883 is the registered one for MQTT over TLS"},
    {"plane", CONFIG_CHOICE, 0, IN(config_listener, plane), .deflt = "delivery", .choices = planes,
     .what = "control: only for roles with control_plane, and served before delivery"},
    {"anonymous", CONFIG_BOOL, 0, IN(config_listener, anonymous), .deflt = "no",
     .what = "are clients without credentials let in, as anonymous_role?"},
    {"allow_plaintext_beyond_loopback", CONFIG_BOOL, 0, IN(config_listener, plaintext_beyond_loopback),
     .deflt = "no", .what = "may it be without tls on an address that others reach? They read and change all"},
    {"tls", CONFIG_SECTION, CONFIG_OPTIONAL, IN(config_listener, has_tls), .section = &tls_section,
     .what = "TLS; may be left out on a loopback address only"},
    {"websocket", CONFIG_BOOL, 0, IN(config_listener, websocket), .deflt = "no",
     .what = "is MQTT spoken in WebSocket frames there, as browsers can? Only so, then"},
    {"websocket_path", CONFIG_TEXT, 0, IN(config_listener, websocket_path), .min = 1, .max = 255, .deflt = "/mqtt",
     .wrong_why = config_websocket_path_wrong_why, .what = "the path that WebSocket clients ask for"},
    {"websocket_origins", CONFIG_TEXTS, 0, IN(config_listener, websocket_origins),
     .count_offset = offsetof(struct config_listener, n_websocket_origins), .max = 100, .items = "origins",
     .wrong_why = config_origin_wrong_why,
     .what = "origins of web pages that may connect, such as https://panel.example:8443; without it none but pages "
             "from loopback to a browser on this machine. Programs that name no Origin always may"},
    {"proxy_protocol", CONFIG_BOOL, 0, IN(config_listener, proxy_protocol), .deflt = "no",
     .what = "does each connection begin with a PROXY header (version 1 or 2) that names the client? Only so, then"},
    {"proxy_trusted", CONFIG_TEXTS, 0, IN(config_listener, proxy_trusted),
     .count_offset = offsetof(struct config_listener, n_proxy_trusted), .max = 100,
     .items = "IP addresses or prefixes", .wrong_why = config_proxy_wrong_why,
     .what = "proxies whose PROXY header is believed, required with proxy_protocol unless address is a unix socket; "
             "others are not let in"},
};
static const struct config_section listener_section =
    SECTION(listener_keys, config_listener, config_check_listener);

/* ---- limits ---- */

static const struct config_key limits_keys[] = {
#define X(field, deflt_, min_, max_, what_)                                       \
    {#field, CONFIG_U64, 0, IN(config, policy.limits.field), .min = min_##ULL,     \
     .max = max_##ULL, .deflt = #deflt_, .what = what_},
    LIMITS(X)
#undef X
};
static const struct config_section limits_section = SECTION(limits_keys, config, NULL);

/* ---- what clients of MQTT 5.0 are told ---- */

static const struct config_choice redirects[] = {
    {"at_stop", REDIRECT_AT_STOP}, {"use_another", REDIRECT_USE_ANOTHER}, {"moved", REDIRECT_MOVED}, {NULL, 0},
};
static const struct config_key mqtt_keys[] = {
    {"response_information", CONFIG_TEXT, 0, IN(config, policy.answers.response_information), .min = 1,
     .max = RULE_FILTER_BYTES_MAX, .wrong_why = response_information_wrong_why,
     .what = "Response Information for clients that ask for it: topics of replies to them begin with it, such as "
             "reply/${client_id}/. Told to those only that may subscribe to all below it"},
    {"server_reference", CONFIG_TEXT, 0, IN(config, policy.answers.server_reference), .min = 1, .max = 1024,
     .what = "Server Reference: where clients are sent instead, such as bus-2.example:8883; without it nowhere"},
    {"redirect", CONFIG_CHOICE, 0, IN(config, policy.answers.redirect), .deflt = "at_stop", .choices = redirects,
     .what = "when they are sent there: at_stop: when the node stops, with 0x9C; use_another (0x9C) and moved (0x9D): "
             "every CONNECT as well, but for the control plane. Who is connected stays until the node stops"},
    {"check_payload_format", CONFIG_BOOL, 0, IN(config, policy.answers.check_payload_format), .deflt = "no",
     .what = "is a payload that is said to be UTF-8 looked at, and refused with 0x99 if it is not?"},
};
static const struct config_section mqtt_section = SECTION(mqtt_keys, config, config_check_mqtt);

/* ---- the rest of the file ---- */

static const struct config_key admin_keys[] = {
    {"socket", CONFIG_PATH, CONFIG_RESTART, IN(config, admin_socket), .min = 1, .max = 4095, .deflt = "run/admin.sock",
     .what = "unix socket of the operator's commands; at most 107 bytes with its folder"},
};
static const struct config_section admin_section = SECTION(admin_keys, config, NULL);

static const struct config_choice detect_modes[] = {
#define X(name, text) {text, DETECT_MODE_##name},
    DETECT_MODES(X)
#undef X
    {NULL, 0},
};
static const struct config_key override_keys[] = {
    {"detector", CONFIG_TEXT, CONFIG_REQUIRED, IN(detect_override, detector), .min = 1, .max = 64,
     .what = "its name in docs/reference/detectors.md"},
    {"role", CONFIG_TEXT, 0, IN(detect_override, role), .min = 1, .max = ROLE_NAME_MAX,
     .what = "only for clients of this role; without it for all"},
    {"rule", CONFIG_TEXT, 0, IN(detect_override, rule), .min = 1, .max = 64,
     .what = "only this rule of the detector; without it all"},
    {"limit", CONFIG_DECIMAL, 0, IN(detect_override, limit), .min = 0, .max = 1000000000, .deflt = "0",
     .what = "the rule's limit; 0: as it is"},
    {"factor", CONFIG_DECIMAL, 0, IN(detect_override, factor), .min = 0, .max = 1000000, .deflt = "0",
     .what = "the limits are multiplied by it; 0: as they are"},
    {"mode", CONFIG_CHOICE, 0, IN(detect_override, mode), .deflt = "default", .choices = detect_modes,
     .what = "off: it does not look; observe: it tells and nothing is done; enforce: it may be acted upon"},
};
static const struct config_section override_section =
    SECTION(override_keys, detect_override, config_check_override);

static const struct config_key detect_keys[] = {
    {"detectors", CONFIG_LIST, 0, IN(config, detect_overrides),
     .count_offset = offsetof(struct config, n_detect_overrides), .max = 10000, .section = &override_section,
     .what = "modes and limits that differ from docs/reference/detectors.md; of several that fit, the last counts"},
    {"unread_topics", CONFIG_TEXTS, 0, IN(config, policy.unread_topics),
     .count_offset = offsetof(struct config, policy.n_unread_topics), .max = POLICY_TOPICS_MAX,
     .items = "topic filters", .wrong_why = listed_topic_wrong_why,
     .what = "topics that nobody has to subscribe to: what is published there is never undeliverable"},
    {"health_check_sources", CONFIG_TEXTS, 0, IN(config, health_check_sources),
     .count_offset = offsetof(struct config, n_health_check_sources), .max = 1000,
     .items = "addresses and prefixes", .wrong_why = config_proxy_wrong_why,
     .what = "load balancers and scanners of the site: what an address is blamed for is not counted of them, nor how often a client connects and is lost from there that has neither published nor subscribed; a proxy that speaks for itself is one"},
    {"ping_interval_s", CONFIG_U32, 0, IN(config, policy.ping_interval_s), .min = 1, .max = 3600, .deflt = "60",
     .what = "between two messages on a role's ping_topic"},
    {"startup_grace_s", CONFIG_U32, 0, IN(config, startup_grace_s), .min = 0, .max = 86400, .deflt = "120",
     .what = "after the start look but do not act for so long, because everybody reconnects"},
    {"time_scale", CONFIG_DECIMAL, CONFIG_RESTART, IN(config, detect_time_scale), .min = 1, .max = 10000, .deflt = "1",
     .what = "so much faster runs the clock of detectors and bans; for exercises"},
};
static const struct config_section detect_section = SECTION(detect_keys, config, config_check_detect);

const struct config_choice config_subjects[] = {
    {"any", SUBJECT_KIND_N}, {"client", SUBJECT_CLIENT}, {"address", SUBJECT_ADDRESS}, {"user", SUBJECT_USER},
    {"fleet", SUBJECT_FLEET}, {NULL, 0},
};
static const struct config_choice severities[] = {
    {"info", SEVERITY_INFO}, {"low", SEVERITY_LOW}, {"medium", SEVERITY_MEDIUM}, {"high", SEVERITY_HIGH},
    {"critical", SEVERITY_CRITICAL}, {NULL, 0},
};
static const struct config_key play_keys[] = {
    {"kind", CONFIG_TEXT, 0, IN(respond_play, detector), .min = 1, .max = 64, .wrong_why = config_detector_wrong_why,
     .what = "which kind of incident, such as topic-scan-publish; without it any"},
    {"role", CONFIG_TEXT, 0, IN(respond_play, role), .min = 1, .max = ROLE_NAME_MAX,
     .what = "role of the client; without it any"},
    {"subject", CONFIG_CHOICE, 0, IN(respond_play, subject), .deflt = "any", .choices = config_subjects,
     .what = "what the incident is about"},
    {"severity", CONFIG_CHOICE, CONFIG_REQUIRED, IN(respond_play, severity), .choices = severities,
     .what = "how grave it is"},
    {"times", CONFIG_U32, 0, IN(respond_play, times), .min = 1, .max = 3, .deflt = "1",
     .what = "from the so manieth on: medium ones within an hour of each other, high ones in 24 h"},
    {"steps", CONFIG_TEXTS, CONFIG_REQUIRED, IN(respond_play, steps),
     .count_offset = offsetof(struct respond_play, n_steps), .max = 8, .items = "steps",
     .wrong_why = respond_step_wrong_why,
     .what = "what is done, besides a record and an alert: delay [client|strangers] DURATION, throttle MESSAGES_PER_S|tenth DURATION, "
             "hold DURATION, disconnect, "
             "ban DURATION, quarantine FILTER publish|deliver|both DURATION, firewall DURATION, posture elevated|lockdown "
             "DURATION; revoke-certificate, revoke-user and shutdown, which wait for approval; none of them: nothing more"},
    {"approval", CONFIG_BOOL, 0, IN(respond_play, needs_approval), .deflt = "no",
     .what = "do its steps wait until a person approves them? What nobody approves within 15 minutes is not done"},
};
static const struct config_section play_section = SECTION(play_keys, respond_play, config_check_play);

static const struct config_key four_eyes_keys[] = {
    {"actions", CONFIG_TEXTS, 0, IN(config, four_eyes_actions), .count_offset = offsetof(struct config, n_four_eyes_actions),
     .max = ACTION_KIND_N, .items = "actions", .wrong_why = respond_ordered_wrong_why,
     .what = "an order of these, such as shutdown or revoke-certificate, waits until a second person approves it; with "
             "hold, a command that is held takes two approvals as well"},
    {"connections_max", CONFIG_U32, 0, IN(config, four_eyes_connections_max), .min = 0, .max = 4294967295, .deflt = "0",
     .what = "an order that hits more connections than so many waits for a second person as well; 0: none does"},
};
static const struct config_section four_eyes_section = SECTION(four_eyes_keys, config, NULL);

static const struct config_key respond_keys[] = {
    {"enforce", CONFIG_BOOL, 0, IN(config, respond_enforce), .deflt = "yes",
     .what = "no: automatic responses are recorded and not carried out"},
    {"ward", CONFIG_PATH, CONFIG_RESTART, IN(config, ward_socket), .min = 1, .max = 107,
     .what = "unix socket of bastide-ward, who keeps the firewall; without it nothing asks for a block there"},
    {"ca", CONFIG_PATH, CONFIG_RESTART, IN(config, respond_ca), .min = 1, .max = 4095,
     .what = "folder of the built-in CA, such as pki, for 'bastide respond run revoke-certificate'; the node's user "
             "must be able to write there. Without it certificates are revoked by 'bastide pki revoke'"},
    {"four_eyes", CONFIG_SECTION, 0, .section = &four_eyes_section,
     .what = "which orders of people need a second one, told apart by their accounts of the machine"},
    {"never_act_on", CONFIG_TEXTS, 0, IN(config, never_act_on), .count_offset = offsetof(struct config, n_never_act_on),
     .max = 1000, .items = "subjects", .wrong_why = respond_spared_wrong_why,
     .what = "whom nothing is ever done to automatically, besides critical roles: 'client NAME', 'user NAME', "
             "'address PREFIX', which spares clients that come from there as well, 'certificate SERIAL'"},
    {"hold_commands", CONFIG_BOOL, 0, IN(config, hold_commands), .deflt = "no",
     .what = "a command that unauthorized-command would tell of, and that a rule allows, is not routed: it waits for "
             "15 minutes for 'bastide respond approve', and its client is not disconnected. 5.0 clients get 0x87, of 3.1.1 "
             "it is acknowledged"},
    {"playbooks", CONFIG_LIST, 0, IN(config, plays), .count_offset = offsetof(struct config, n_plays), .max = 100,
     .section = &play_section,
     .what = "what incidents lead to; the first that fits counts, and the node's own come after them"},
};
static const struct config_section respond_section = SECTION(respond_keys, config, NULL);

static const struct config_choice key_sources[] = {
    {"file",       KEY_FROM_FILE},
    {"credential", KEY_FROM_CREDENTIAL},
    {"passphrase", KEY_FROM_PASSPHRASE},
    {NULL, 0},
};

static const struct config_key store_keys[] = {
    {"key_from", CONFIG_CHOICE, CONFIG_RESTART, IN(config, key_from), .deflt = "file", .choices = key_sources,
     .what = "where the key comes from that opens what the node stores: a file, a systemd credential, or a passphrase "
             "that is asked for at the start"},
    {"key_file", CONFIG_PATH, CONFIG_RESTART, IN(config, key_file), .min = 1, .max = 4095, .deflt = "keys/at-rest.key",
     .what = "the file, mode 0600; made at the first start. Keep a copy of it apart from the backups"},
    {"key_credential", CONFIG_TEXT, CONFIG_RESTART, IN(config, key_credential), .min = 1, .max = 128, .deflt = "bastide-at-rest",
     .what = "the credential's name, as in the unit's LoadCredentialEncrypted=; it holds what such a file holds"},
};
static const struct config_section store_section = SECTION(store_keys, config, NULL);

#define POSTURE_LIMIT(field, deflt_, min_, max_, what_, i)                          \
    {#field, CONFIG_U64, CONFIG_OR_ZERO, IN(config, postures[i].limits.field), .min = min_, \
     .max = max_##ULL, .deflt = "0", .what = "then; 0: as limits says"},
#define X(field, deflt_, min_, max_, what_) POSTURE_LIMIT(field, deflt_, min_, max_, what_, 1)
static const struct config_key elevated_limits[] = {LIMITS(X)};
#undef X
#define X(field, deflt_, min_, max_, what_) POSTURE_LIMIT(field, deflt_, min_, max_, what_, 2)
static const struct config_key lockdown_limits[] = {LIMITS(X)};
#undef X
static const struct config_section elevated_limits_section = SECTION(elevated_limits, config, NULL);
static const struct config_section lockdown_limits_section = SECTION(lockdown_limits, config, NULL);

#define POSTURE(limits_, i)                                                                                     \
    {"limits", CONFIG_SECTION, 0, .section = &(limits_), .what = "limits that are others then"},                \
    {"closed_listeners", CONFIG_TEXTS, 0, IN(config, postures[i].closed_listeners),                             \
     .count_offset = offsetof(struct config, postures[i].n_closed_listeners), .max = CONFIG_LISTENERS_MAX,      \
     .items = "listeners",                                                                                      \
     .wrong_why = config_listener_name_wrong_why,                                                               \
     .what = "listeners where nobody is let in then, and who is there is disconnected"},
static const struct config_key elevated_keys[] = {POSTURE(elevated_limits_section, 1)};
static const struct config_key lockdown_keys[] = {POSTURE(lockdown_limits_section, 2)};
static const struct config_section elevated_section = SECTION(elevated_keys, config, NULL);
static const struct config_section lockdown_section = SECTION(lockdown_keys, config, NULL);
static const struct config_key postures_keys[] = {
    {"elevated", CONFIG_SECTION, 0, .section = &elevated_section, .what = "something is going on"},
    {"lockdown", CONFIG_SECTION, 0, .section = &lockdown_section, .what = "only what has to go on, goes on"},
};
static const struct config_section postures_section = SECTION(postures_keys, config, NULL);

#define FILE_TO_READ .min = 1, .max = 4095
static const struct config_choice severities_min[] = {
    {"low", CONFIG_SEVERITY_LOW}, {"medium", CONFIG_SEVERITY_MEDIUM}, {"high", CONFIG_SEVERITY_HIGH},
    {"critical", CONFIG_SEVERITY_CRITICAL}, {NULL, 0},
};
static const struct config_key monitor_keys[] = {
    {"log_dir", CONFIG_PATH, 0, IN(config, monitor_log_dir), .min = 1, .max = 4000,
     .what = "folder of mqtt_connect.log, mqtt_subscribe.log and mqtt_publish.log, JSON lines with the field names of "
             "Zeek; without it no such logs"},
    {"log_bytes_max", CONFIG_U64, 0, IN(config, monitor_log_bytes_max), .min = 65536, .max = 1099511627776,
     .deflt = "67108864", .what = "size of such a log; then it becomes .1, and so on"},
    {"log_files", CONFIG_U32, 0, IN(config, monitor_log_files), .min = 0, .max = 1000, .deflt = "4",
     .what = "old ones of each that are kept"},
    {"tap", CONFIG_BOOL, 0, IN(config, monitor_tap), .deflt = "no",
     .what = "the same lines as messages on $bastide/tap/, for roles with control_plane on a control listener"},
    {"payload_bytes_max", CONFIG_U32, 0, IN(config, monitor_payload_bytes_max), .min = 0, .max = MONITOR_PAYLOAD_MAX,
     .deflt = "0", .what = "bytes of each payload that logs and tap show; 0: none, only its length"},
};
static const struct config_section monitor_section = SECTION(monitor_keys, config, config_check_monitor);

static const struct config_key alerts_keys[] = {
    {"syslog", CONFIG_TEXT, 0, IN(config, alert_syslog), .min = 5, .max = 512, .wrong_why = alert_syslog_wrong_why,
     .what = "where incidents go as syslog (RFC 5424): udp:HOST:PORT, tcp:HOST:PORT or unix:/dev/log"},
    {"webhook", CONFIG_TEXT, 0, IN(config, alert_webhook), .min = 8, .max = 1536,
     .wrong_why = alert_webhook_wrong_why,
     .what = "where each record of an incident is posted as JSON: https://HOST/PATH; http:// is for this machine"},
    {"webhook_ca", CONFIG_PATH, CONFIG_READABLE, IN(config, alert_webhook_ca), FILE_TO_READ,
     .what = "PEM file of the CAs that the webhook's server is verified by; without it what the system trusts"},
    {"webhook_token_file", CONFIG_PATH, CONFIG_READABLE | CONFIG_SECRET, IN(config, alert_webhook_token_file),
     FILE_TO_READ, .what = "file of a token that is sent with it: Authorization: Bearer"},
    {"severity_min", CONFIG_CHOICE, 0, IN(config, alert_severity_min), .deflt = "low", .choices = severities_min,
     .what = "incidents of this severity and worse are sent"},
    {"queue_max", CONFIG_U64, 0, IN(config, alert_queue_max), .min = 1, .max = 100000, .deflt = "1000",
     .what = "records that wait for a receiver that is slow or gone; then the oldest is dropped and counted"},
};
static const struct config_section alerts_section = SECTION(alerts_keys, config, config_check_alerts);

static const struct config_key assess_keys[] = {
    {"target_profile", CONFIG_PATH, CONFIG_READABLE, IN(config, target_profile), FILE_TO_READ,
     .what = "YAML file of the Target Profile"},
    {"attestations", CONFIG_PATH, 0, IN(config, attestations_file), FILE_TO_READ,
     .what = "JSON file of what people have signed; need not be there yet"},
    {"attestation_key", CONFIG_PATH, CONFIG_READABLE, IN(config, attestation_key), FILE_TO_READ,
     .what = "public key that attestations are verified with"},
    {"scope", CONFIG_PATH, CONFIG_READABLE, IN(config, scope_file), FILE_TO_READ,
     .what = "YAML file of what is in the scope of the assessment"},
};
static const struct config_section assess_section = SECTION(assess_keys, config, NULL);

static const struct config_key root_keys[] = {
    {"node", CONFIG_SECTION, 0, .section = &node_section, .what = "the node itself"},
    {"listeners", CONFIG_LIST, CONFIG_REQUIRED, IN(config, listeners),
     .count_offset = offsetof(struct config, n_listeners), .min = 1, .max = CONFIG_LISTENERS_MAX,
     .section = &listener_section, .what = "where clients connect"},
    {"admin", CONFIG_SECTION, 0, .section = &admin_section, .what = "the operator's interface"},
    {"limits", CONFIG_SECTION, 0, .section = &limits_section, .what = "what a client can make grow, and how far"},
    {"mqtt", CONFIG_SECTION, 0, .section = &mqtt_section,
     .what = "what clients of MQTT 5.0 are told, and asked for"},
    {"durability_topics", CONFIG_LIST, CONFIG_RESTART, IN(config, durability_rules),
     .count_offset = offsetof(struct config, n_durability_rules), .max = 1000, .section = &durability_rule_section,
     .what = "topics whose durability is not the node's; the first that fits counts"},
    {"journal", CONFIG_SECTION, 0, .section = &journal_section, .what = "where durability is commit"},
    {"users_file", CONFIG_PATH, CONFIG_READABLE | CONFIG_SECRET, IN(config, users_file), FILE_TO_READ,
     .what = "YAML file of the users, see users[]"},
    {"roles", CONFIG_NAMED, 0, IN(config, policy.roles),
     .count_offset = offsetof(struct config, policy.n_roles), .max = POLICY_ROLES_MAX,
     .section = &config_role_section, .what = "what groups of users may do"},
    {"command_topics", CONFIG_TEXTS, 0, IN(config, policy.command_topics),
     .count_offset = offsetof(struct config, policy.n_command_topics), .max = POLICY_TOPICS_MAX,
     .items = "topic filters", .wrong_why = listed_topic_wrong_why,
     .what = "filters of topics that command equipment"},
    {"owner_only_topics", CONFIG_TEXTS, 0, IN(config, policy.owner_only_topics),
     .count_offset = offsetof(struct config, policy.n_owner_only_topics), .max = POLICY_TOPICS_MAX,
     .items = "topic filters", .wrong_why = listed_topic_wrong_why,
     .what = "filters of topics whose retained message nobody but the client that published it may replace or "
             "clear, unless its role has may_command; refused with 0x87. Not for topics of clients that stand in "
             "for each other"},
    {"anonymous_role", CONFIG_TEXT, 0, IN(config, policy.anonymous_role), .min = 1, .max = ROLE_NAME_MAX,
     .what = "role of clients without credentials, on listeners that let them in"},
    {"inventory_file", CONFIG_PATH, CONFIG_READABLE, IN(config, inventory_file), FILE_TO_READ,
     .what = "YAML file of declared assets and flows"},
    {"detect", CONFIG_SECTION, 0, .section = &detect_section, .what = "the detectors"},
    {"respond", CONFIG_SECTION, 0, .section = &respond_section, .what = "responses, automatic and by order"},
    {"postures", CONFIG_SECTION, 0, .section = &postures_section,
     .what = "what is in force instead when 'bastide respond run posture' or a playbook says so"},
    {"alerts", CONFIG_SECTION, 0, .section = &alerts_section,
     .what = "incidents to other systems"},
    {"store", CONFIG_SECTION, 0, .section = &store_section, .what = "what the node keeps on disk"},
    {"monitor", CONFIG_SECTION, 0, .section = &monitor_section,
     .what = "metadata of the traffic for others to watch"},
    {"assess", CONFIG_SECTION, 0, .section = &assess_section, .what = "the assessment"},
};
const struct config_section config_root_section = SECTION(root_keys, config, config_check_root);

/* clang-format on */
