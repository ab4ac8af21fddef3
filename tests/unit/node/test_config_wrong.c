/* SPDX-License-Identifier: Apache-2.0 */
/* test_config_wrong.c - each mistake in a configuration is told with its place */
#include "home.h"

#include <stdlib.h>

#include "crypto/crypto.h"

/* clang-format off */
/* Errors stand without the path of the file's folder. */
static const struct wrong {
    const char *text;
    const char *errors;
} wrongs[] = {
    /* not the YAML that is read */
    {"node: [\n", "bastide.yaml:2:1: did not find expected node content"},
    {"node: {name: a\n", "bastide.yaml:2:1: did not find expected ',' or '}'"},
    {"a: &x 1\nb: *x\n",
     "bastide.yaml:1:4: an anchor (&name) is not read here; write the value where it is needed\n"
     "bastide.yaml:2:4: an alias (*name) is not read here; write the value out"},
    {"node: !!map {name: a}\n", "bastide.yaml:1:7: a tag (!name) is not read here; write the value without it"},
    {LEAST "---\n" LEAST, "bastide.yaml:3:1: one document is read, a second one follows"},
    {"a: [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]\n", "bastide.yaml:1:19: nested deeper than 16 levels"},
    {LEAST "respond: {enforce: \"a\\0b\"}\n", "bastide.yaml:3:20: a zero byte inside a text"},
    /* what must be there */
    {"", "bastide.yaml:1:1: node.name: is missing; text of 1 to 64 bytes\n"
         "bastide.yaml:1:1: listeners: is missing; list (- item) of at most 64"},
    {"# nothing\n" LISTENER, "bastide.yaml:2:1: node.name: is missing; text of 1 to 64 bytes"},
    {"- a\n", "bastide.yaml:1:1: is not a mapping; keys and values are expected"},
    {"node: {name: n}\nlisteners: []\n", "bastide.yaml:2:12: listeners: is empty; list (- item) of at most 64"},
    {"node: {name: n}\nlisteners:\n  - name: a\n    port: 1\n",
     "bastide.yaml:3:5: listeners[0].address: is missing; IP address, or unix: and a path, relative to the file's folder"},
    {LEAST "node: {name: n}\n", "bastide.yaml:3:1: node: is there twice, first with the value at bastide.yaml:1:7; one of them must go"},
    {"node:\n  name: n\n  workers: 1\n  workers: 1\n" LISTENER,
     "bastide.yaml:4:3: node.workers: is there twice, first with the value at bastide.yaml:3:12; one of them must go"},
    /* keys that there are not */
    {LEAST "rolls:\n  a: {}\n",
     "bastide.yaml:3:1: rolls: unknown key; did you mean roles? There are node, listeners, admin, limits, mqtt, durability_topics, journal, users_file, "
     "roles, command_topics, owner_only_topics, anonymous_role, inventory_file, detect, respond, postures, alerts, store, monitor, assess"},
    {"node:\n  name: n\n  log-level: info\n" LISTENER,
     "bastide.yaml:3:3: node.log-level: unknown key; did you mean log_level? There are name, location, workers, "
     "state_dir, log_level, run_as, durability, sys_interval_s, sandbox"},
    {"node: {name: n, xyzzy: 1}\n" LISTENER,
     "bastide.yaml:1:17: node.xyzzy: unknown key; there are name, location, workers, state_dir, log_level, run_as, durability, sys_interval_s, sandbox"},
    {LEAST "respond:\n  playbooks:\n    - severity: low\n      steps:\n",
     "bastide.yaml:6:13: respond.playbooks[0].steps: is empty; list (- item) of at most 8 steps"},
    /* plays that could never be done */
    {LEAST "roles: {meter: {}, gateway: {}}\nrespond:\n  playbooks:\n    - {role: gatway, severity: high, steps: [ban 10m]}\n",
     "bastide.yaml:6:14: respond.playbooks[0].role: there is no role \"gatway\"; roles has meter, gateway"},
    {LEAST "respond:\n  playbooks:\n    - {severity: high, steps: []}\n    - {severity: high, steps: [ban 10m, firewall 1h]}\n",
     "bastide.yaml:6:41: respond.playbooks[1].steps[1]: nobody keeps the firewall; add respond.ward, the socket of "
     "bastide-ward, or leave the step out"},
    {LEAST "respond:\n  playbooks:\n    - {severity: high, steps: [posture lockdown 1h]}\npostures: {elevated: {limits: {receive_max: 3}}}\n",
     "bastide.yaml:5:32: respond.playbooks[0].steps[0]: nothing is other in that posture; say below postures.lockdown "
     "what is, or leave the step out"},
    {LEAST "respond:\n  playbooks:\n    - {kind: publish-flood, subject: fleet, severity: high, steps: []}\n",
     "bastide.yaml:5:38: respond.playbooks[0].subject: nothing of that kind that publish-flood finds is acted upon; it can be: client"},
    {LEAST "respond:\n  playbooks:\n    - {subject: user, severity: high, steps: []}\n",
     "bastide.yaml:5:17: respond.playbooks[0].subject: nothing of that kind that any detector finds is acted upon; it can be: address, client, fleet"},
    {LEAST "respond:\n  playbooks:\n    - {kind: abnormal-termination, severity: high, steps: []}\n",
     "bastide.yaml:5:46: respond.playbooks[0].severity: abnormal-termination finds nothing of that severity; it can be: low, medium"},
    {LEAST "respond:\n  playbooks:\n    - {kind: store-fault, severity: high, steps: []}\n",
     "bastide.yaml:5:14: respond.playbooks[0].kind: nothing is ever done about store-fault but to tell it; leave the play out"},
    {LEAST "respond:\n  playbooks:\n    - {kind: publish-flod, subject: crowd, severity: grave, steps: [ban]}\n",
     "bastide.yaml:5:14: respond.playbooks[0].kind: \"publish-flod\" is no kind of incident; docs/reference/detectors.md has them\n"
     "bastide.yaml:5:37: respond.playbooks[0].subject: \"crowd\" is not known here; any, client, address, user or fleet\n"
     "bastide.yaml:5:54: respond.playbooks[0].severity: \"grave\" is not known here; info, low, medium, high or critical\n"
     "bastide.yaml:5:69: respond.playbooks[0].steps[0]: \"ban\" needs a duration such as 90s, 10m, 1h or 2d, up to 30d"},
    {LEAST "respond: {enfroce: no}\n", "bastide.yaml:3:11: respond.enfroce: unknown key; did you mean enforce? There are enforce, ward, ca, four_eyes, never_act_on, hold_commands, playbooks"},
    {LEAST "respond: {[a]: no}\n", "bastide.yaml:3:11: respond: a key is not a word; keys and values are expected"},
    {LEAST "limits: {receive_maxx: 3}\n",
     "bastide.yaml:3:10: limits.receive_maxx: unknown key; did you mean receive_max? There are connections_max, "
     "connections_per_address_max, connecting_max, connecting_per_address_max, storm_connects_per_s_max, storm_waiting_max, connect_timeout_ms, connect_bytes_max, client_id_bytes_max, packet_bytes_max, keep_alive_max_s, "
     "session_expiry_max_s, sessions_max, sessions_per_user_max, session_unresumed_max_s, subscriptions_per_session_max, queue_messages_max, queue_bytes_max, "
     "inflight_max, receive_max, topic_alias_max, topic_alias_sent_max, retained_messages_max, retained_bytes_max, retained_per_client_max, memory_bytes_max, messages_per_s_max, "
     "will_delay_max_s, held_commands_max, held_commands_bytes_max, held_commands_per_client_max"},
    {LEAST "respond:\n  enforce: 0123456789012345678901234567890123456\xe2\x82\xac\xe2\x82\xac\n",
     "bastide.yaml:4:12: respond.enforce: \"0123456789012345678901234567890123456\xe2\x82\xac\" is neither yes nor no; yes or no"},
    {LEAST "respond:\n  enforce: 01234567890123456789012345678901234567\xe2\x82\xac\n",
     "bastide.yaml:4:12: respond.enforce: \"01234567890123456789012345678901234567??\" is neither yes nor no; yes or no"},
    /* values of the wrong kind */
    {"node: n\n" LISTENER, "bastide.yaml:1:7: node: is not a mapping; keys and values are expected"},
    {"node: {name: [n]}\n" LISTENER, "bastide.yaml:1:14: node.name: is not a single value; text of 1 to 64 bytes"},
    {"node:\n  name:\n" LISTENER, "bastide.yaml:2:8: node.name: has no value; text of 1 to 64 bytes"},
    {"node: {name: \"\"}\n" LISTENER, "bastide.yaml:1:14: node.name: is empty; text of 1 to 64 bytes"},
    {"node: {name: \"a\\nb\"}\n" LISTENER, "bastide.yaml:1:14: node.name: has a control character; text of 1 to 64 bytes"},
    {"node: {name: n, workers: many}\n" LISTENER,
     "bastide.yaml:1:26: node.workers: \"many\" is not a whole number; whole number from 0 to 32"},
    {"node: {name: n, workers: -1}\n" LISTENER,
     "bastide.yaml:1:26: node.workers: \"-1\" is not a whole number; whole number from 0 to 32"},
    {"node: {name: n, workers: 1.5}\n" LISTENER,
     "bastide.yaml:1:26: node.workers: \"1.5\" is not a whole number; whole number from 0 to 32"},
    {"node: {name: n, workers: 257}\n" LISTENER,
     "bastide.yaml:1:26: node.workers: 257 is out of range; whole number from 0 to 32"},
    {"node: {name: n, workers: 99999999999999999999999}\n" LISTENER,
     "bastide.yaml:1:26: node.workers: 99999999999999999999999 is out of range; whole number from 0 to 32"},
    {"node: {name: n, log_level: loud}\n" LISTENER,
     "bastide.yaml:1:28: node.log_level: \"loud\" is not known here; error, warning, info or debug"},
    {LEAST "respond: {enforce: maybe}\n", "bastide.yaml:3:20: respond.enforce: \"maybe\" is neither yes nor no; yes or no"},
    {LEAST "detect: {time_scale: 0.5}\n", "bastide.yaml:3:22: detect.time_scale: 0.5 is out of range; number from 1 to 10000"},
    {LEAST "detect: {time_scale: nan}\n", "bastide.yaml:3:22: detect.time_scale: \"nan\" is not a number; number from 1 to 10000"},
    {LEAST "detect: {time_scale: 0x10}\n", "bastide.yaml:3:22: detect.time_scale: \"0x10\" is not a number; number from 1 to 10000"},
    {LEAST "limits:\n  queue_messages_max: 0\n",
     "bastide.yaml:4:23: limits.queue_messages_max: 0 is out of range; whole number from 1 to 10000000"},
    {LEAST "limits:\n  retained_bytes_max: 68719476737\n",
     "bastide.yaml:4:23: limits.retained_bytes_max: 68719476737 is out of range; whole number from 0 to 68719476736"},
    {LEAST "postures: {elevated: {limits: {packet_bytes_max: 63}}}\n",
     "bastide.yaml:3:50: postures.elevated.limits.packet_bytes_max: 63 is out of range; whole number, 0 or from 64 to 268435460"},
    {"node: {name: n}\nlisteners: {name: l}\n", "bastide.yaml:2:12: listeners: is not a list; list (- item) of at most 64"},
    {LEAST "roles: [meter]\n", "bastide.yaml:3:8: roles: is not a mapping; names, each with keys and values; at most 1000"},
    /* listeners */
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: localhost\n    port: 1883\n",
     "bastide.yaml:4:14: listeners[0].address: \"localhost\" is not an IP address; such as 127.0.0.1 or ::, or "
     "unix:run/mqtt.sock for a unix socket"},
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: 127.0.0.1\n    port: 65536\n",
     "bastide.yaml:5:11: listeners[0].port: 65536 is out of range; whole number from 1 to 65535"},
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: 192.0.2.1\n    port: 1883\n",
     "bastide.yaml:4:14: listeners[0].address: 192.0.2.1 is reached from other machines and there is no tls; add tls, "
     "or listen on 127.0.0.1, or say allow_plaintext_beyond_loopback: yes"},
    {"node: {name: n}\nlisteners:\n  - {name: l, address: '::', port: 1883}\n",
     "bastide.yaml:3:24: listeners[0].address: :: is reached from other machines and there is no tls; add tls, "
     "or listen on 127.0.0.1, or say allow_plaintext_beyond_loopback: yes"},
    {"node: {name: n}\nlisteners:\n  - {name: a, address: 127.0.0.1, port: 1883}\n  - {name: b, address: 127.0.0.1, port: 1883}\n",
     "bastide.yaml:4:41: listeners[1].port: 1883 is the port of listeners[0] on the same address; each needs another "
     "port or address"},
    {"node: {name: n}\nlisteners:\n  - {name: a, address: '::1', port: 1}\n"
     "  - {name: b, address: '::', port: 1, allow_plaintext_beyond_loopback: yes}\n",
     "bastide.yaml:4:36: listeners[1].port: 1 is the port of listeners[0] on the same address; each needs another "
     "port or address"},
    {"node: {name: n}\nlisteners:\n  - {name: a, address: 127.0.0.1, port: 1}\n  - {name: a, address: 127.0.0.1, port: 2}\n",
     "bastide.yaml:4:12: listeners[1].name: \"a\" is listeners[0] already; each needs another name"},
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: 127.0.0.1\n    port: 1\n    plane: upper\n",
     "bastide.yaml:6:12: listeners[0].plane: \"upper\" is not known here; delivery or control"},
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: 127.0.0.1\n    port: 1\n    plane: control\n    anonymous: yes\n"
     "roles: {g: {}}\nanonymous_role: g\n",
     "bastide.yaml:7:16: listeners[0].anonymous: the control plane is for users with a name; no, or plane: delivery"},
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: 127.0.0.1\n    port: 1\n    anonymous: yes\n",
     "bastide.yaml:6:16: listeners[0].anonymous: yes, and there is no role for such clients; set anonymous_role"},
    {"node: {name: n}\nlisteners:\n  - {name: l, address: 127.0.0.1}\n",
     "bastide.yaml:3:5: listeners[0].port: is missing; whole number from 1 to 65535"},
    {"node: {name: n}\nlisteners:\n  - {name: l, address: 127.0.0.1/32, port: 1}\n",
     "bastide.yaml:3:24: listeners[0].address: \"127.0.0.1/32\" is not an IP address; such as 127.0.0.1 or ::, or "
     "unix:run/mqtt.sock for a unix socket"},
    {"node: {name: n}\nlisteners:\n  - {name: l, address: 'fe80::1%eth0', port: 1}\n",
     "bastide.yaml:3:24: listeners[0].address: \"fe80::1%eth0\" is not an IP address; such as 127.0.0.1 or ::, or "
     "unix:run/mqtt.sock for a unix socket"},
    /* unix sockets */
    {"node: {name: n}\nlisteners:\n  - {name: l, address: 'unix:'}\n",
     "bastide.yaml:3:24: listeners[0].address: names no socket; such as unix:run/mqtt.sock"},
    {"node: {name: n}\nlisteners:\n  - {name: l, address: 'unix:s', port: 1}\n",
     "bastide.yaml:3:40: listeners[0].port: a unix socket has none; leave it out"},
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: unix:/0123456789/0123456789/0123456789/0123456789/"
     "0123456789/0123456789/0123456789/0123456789/0123456789/12345678\n",
     "bastide.yaml:4:14: listeners[0].address: /0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
     "0123456789/0123456789/0123456789/12345678 has 108 bytes; a socket's path has at most 107"},
    {"node: {name: n}\nlisteners:\n  - {name: a, address: 'unix:/s'}\n  - {name: b, address: 'unix:/s'}\n",
     "bastide.yaml:4:24: listeners[1].address: /s is that of listeners[0]; each needs another path"},
    /* WebSocket */
    {LIST "websocket_path: /x}]\n",
     "bastide.yaml:2:71: listeners[0].websocket_path: does nothing without websocket: yes; add it, or leave this out"},
    {LIST "websocket_origins: ['null']}]\n",
     "bastide.yaml:2:74: listeners[0].websocket_origins: does nothing without websocket: yes; add it, or leave this "
     "out"},
    {LIST "websocket: yes, websocket_path: mqtt}]\n",
     "bastide.yaml:2:87: listeners[0].websocket_path: \"mqtt\" does not begin with /; text of 1 to 255 bytes"},
    {LIST "websocket: yes, websocket_path: '/a?b'}]\n",
     "bastide.yaml:2:87: listeners[0].websocket_path: \"/a?b\" has a character that no path has; letters, digits and "
     "-._~%/ are good"},
    {LIST "websocket: yes, websocket_origins: [panel.example, 'https://', 'https://p/', 'https://u@p', 'https://*.p', "
     "'https://p p', [x]]}]\n",
     "bastide.yaml:2:91: listeners[0].websocket_origins[0]: \"panel.example\" is not an origin: scheme, host, and port "
     "if it is not the usual one, such as https://panel.example:8443\n"
     "bastide.yaml:2:106: listeners[0].websocket_origins[1]: \"https://\" is not an origin: scheme, host, and port if "
     "it is not the usual one, such as https://panel.example:8443\n"
     "bastide.yaml:2:118: listeners[0].websocket_origins[2]: \"https://p/\" is not an origin: scheme, host, and port "
     "if it is not the usual one, such as https://panel.example:8443\n"
     "bastide.yaml:2:132: listeners[0].websocket_origins[3]: \"https://u@p\" is not an origin: scheme, host, and port "
     "if it is not the usual one, such as https://panel.example:8443\n"
     "bastide.yaml:2:147: listeners[0].websocket_origins[4]: \"https://*.p\" is a pattern; name each origin, such as "
     "https://panel.example:8443\n"
     "bastide.yaml:2:162: listeners[0].websocket_origins[5]: \"https://p p\" has a character that no origin has\n"
     "bastide.yaml:2:177: listeners[0].websocket_origins[6]: is not a single value; origins are needed"},
    /* proxies */
    {LIST "proxy_protocol: yes}]\n",
     "bastide.yaml:2:71: listeners[0].proxy_protocol: anybody could pass for any client; add proxy_trusted with the "
     "addresses of the proxies"},
    {LIST "proxy_protocol: yes, proxy_trusted: []}]\n",
     "bastide.yaml:2:91: listeners[0].proxy_trusted: is empty; IP addresses or prefixes are needed"},
    {LIST "proxy_trusted: [192.0.2.1]}]\n",
     "bastide.yaml:2:70: listeners[0].proxy_trusted: does nothing without proxy_protocol: yes; add it, or leave this "
     "out"},
    {LIST "proxy_protocol: yes, proxy_trusted: [proxy.example, 192.0.2.1/24, 0.0.0.0/0, '::/0']}]\n",
     "bastide.yaml:2:92: listeners[0].proxy_trusted[0]: \"proxy.example\" is not an IP address or prefix, such as "
     "192.0.2.1 or 2001:db8::/32\n"
     "bastide.yaml:2:107: listeners[0].proxy_trusted[1]: \"192.0.2.1/24\" has bits set past its prefix length; did you "
     "mean a longer prefix, or zeros there?\n"
     "bastide.yaml:2:121: listeners[0].proxy_trusted[2]: \"0.0.0.0/0\" is everybody, who then could pass for any "
     "client; name the proxies\n"
     "bastide.yaml:2:132: listeners[0].proxy_trusted[3]: \"::/0\" is everybody, who then could pass for any client; "
     "name the proxies"},
    {"node: {name: n}\nlisteners: [{name: l, address: 'unix:/s', proxy_protocol: yes, proxy_trusted: [192.0.2.1]}]\n",
     "bastide.yaml:2:79: listeners[0].proxy_trusted: proxies have no address on a unix socket: its mode says who may "
     "connect; leave this out"},
    /* TLS and files */
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: 0.0.0.0\n    port: 1\n    tls:\n      key: server.key\n",
     "bastide.yaml:7:7: listeners[0].tls.certificate: is missing; path, relative to the file's folder"},
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: 0.0.0.0\n    port: 1\n    tls: {certificate: server.crt, key: no.key}\n",
     "bastide.yaml:6:41: listeners[0].tls.key: no.key cannot be read: No such file or directory"},
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: 0.0.0.0\n    port: 1\n    tls: {certificate: server.crt, key: .}\n",
     "bastide.yaml:6:41: listeners[0].tls.key: . cannot be read: it is not a file"},
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: 0.0.0.0\n    port: 1\n"
     "    tls: {certificate: server.crt, key: server.key, client_certificate: required}\n",
     "bastide.yaml:6:73: listeners[0].tls.client_certificate: clients are asked for a certificate and no CA is "
     "believed; add client_ca"},
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: 0.0.0.0\n    port: 1\n"
     "    tls: {certificate: server.crt, key: server.key, crl: ca.crl}\n",
     "bastide.yaml:6:58: listeners[0].tls.crl: revokes for no CA; add client_ca"},
    {"node: {name: n}\nlisteners:\n  - name: l\n    address: 0.0.0.0\n    port: 1\n"
     "    tls: {certificate: server.crt, key: server.key, version_min: 1.1}\n",
     "bastide.yaml:6:66: listeners[0].tls.version_min: \"1.1\" is not known here; 1.2 or 1.3"},
    {LEAST "inventory_file: none.yaml\n", "bastide.yaml:3:17: inventory_file: none.yaml cannot be read: No such file or directory"},
    {LEAST "users_file: none.yaml\n", "bastide.yaml:3:13: users_file: none.yaml cannot be read: No such file or directory"},
    {LEAST "alerts: {syslog: 'localhost:514', webhook: 'ftp://x/', severity_min: info, queue_max: 0}\n",
     "bastide.yaml:3:18: alerts.syslog: \"localhost:514\" begins with none of udp:, tcp: and unix:; text of 5 to 512 bytes\n"
     "bastide.yaml:3:44: alerts.webhook: \"ftp://x/\" begins with neither https:// nor http://; text of 8 to 1536 bytes\n"
     "bastide.yaml:3:70: alerts.severity_min: \"info\" is not known here; low, medium, high or critical\n"
     "bastide.yaml:3:87: alerts.queue_max: 0 is out of range; whole number from 1 to 100000"},
    {LEAST "assess: {target_profile: t, attestation_key: k, scope: s, attestations: a}\n",
     "bastide.yaml:3:26: assess.target_profile: t cannot be read: No such file or directory\n"
     "bastide.yaml:3:46: assess.attestation_key: k cannot be read: No such file or directory\n"
     "bastide.yaml:3:56: assess.scope: s cannot be read: No such file or directory"},
    {LEAST "admin:\n  socket: /0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/12345678\n",
     "bastide.yaml:4:11: admin.socket: /0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
     "0123456789/0123456789/12345678 has 108 bytes; a socket's path has at most 107"},
    /* roles and topics */
    {LEAST "roles:\n  a b: {}\n",
     "bastide.yaml:4:3: roles: \"a b\" is not a role name; 1 to 64 letters, digits, '_', '-' and '.'"},
    {LEAST "roles:\n  \"a\\nb\": {}\n",
     "bastide.yaml:4:3: roles: \"a?b\" is not a role name; 1 to 64 letters, digits, '_', '-' and '.'"},
    {LEAST "roles:\n  a: {}\n  a: {}\n",
     "bastide.yaml:5:3: roles.a: is there twice, first with the value at bastide.yaml:4:6; one of them must go"},
    {LEAST "roles:\n  a:\n    allow:\n      - publish: x/#/y\n",
     "bastide.yaml:6:18: roles.a.allow[0].publish: \"x/#/y\" is not a topic filter; '+' stands alone between two '/', "
     "'#' alone and last, as in a/+/b/#"},
    {LEAST "roles:\n  a:\n    deny:\n      - subscribe: m/${client}/#\n",
     "bastide.yaml:6:20: roles.a.deny[0].subscribe: \"m/${client}/#\" has an unknown ${...}; there are ${client_id}, "
     "${user_name} and ${certificate_cn}"},
    {LEAST "roles:\n  a:\n    allow:\n      - publish: x\n        subscribe: y\n",
     "bastide.yaml:6:9: roles.a.allow[0]: a rule with several filters; write one item (- ) for each"},
    {LEAST "roles:\n  a:\n    allow:\n      - {}\n",
     "bastide.yaml:6:9: roles.a.allow[0]: a rule without a filter; publish, subscribe or publish_subscribe"},
    {LEAST "roles:\n  a:\n    allow:\n      - x/y\n",
     "bastide.yaml:6:9: roles.a.allow[0]: is not a mapping; keys and values are expected"},
    {LEAST "roles:\n  a:\n    allow:\n      - read: x/y\n",
     "bastide.yaml:6:9: roles.a.allow[0].read: unknown key; there are publish, subscribe, publish_subscribe\n"
     "bastide.yaml:6:9: roles.a.allow[0]: a rule without a filter; publish, subscribe or publish_subscribe"},
    {LEAST "roles:\n  a: {scan_factor: 0}\n",
     "bastide.yaml:4:20: roles.a.scan_factor: 0 is out of range; whole number from 1 to 1000"},
    {LEAST "roles: {a: {kind: robot}}\n",
     "bastide.yaml:3:19: roles.a.kind: \"robot\" is not known here; device, gateway, service, monitor, operator, "
     "control, actuator, standby or ota"},
    {LEAST "detect: {detectors: [{detector: nope}]}\n",
     "bastide.yaml:3:33: detect.detectors[0].detector: \"nope\" is no detector; docs/reference/detectors.md lists them"},
    {LEAST "detect: {detectors: [{detector: publish-flood, rule: nope, limit: 3}]}\n",
     "bastide.yaml:3:33: detect.detectors[0].detector: \"publish-flood\" has no such rule; docs/reference/detectors.md "
     "lists the rules of each"},
    {LEAST "detect: {detectors: [{detector: publish-flood, limit: 3}]}\n",
     "bastide.yaml:3:33: detect.detectors[0].detector: \"publish-flood\" has a limit and no rule; "
     "docs/reference/detectors.md lists the rules of each"},
    {LEAST "detect: {detectors: [{detector: publish-flood, mode: on}]}\n",
     "bastide.yaml:3:54: detect.detectors[0].mode: \"on\" is not known here; default, off, observe or enforce"},
    {LEAST "detect: {detectors: [{detector: publish-flood, role: ghost}]}\n",
     "bastide.yaml:3:54: detect.detectors[0].role: there is no role \"ghost\"; roles has none"},
    {LEAST "detect: {health_check_sources: [nowhere]}\n",
     "bastide.yaml:3:33: detect.health_check_sources[0]: \"nowhere\" is not an IP address or prefix, such as 192.0.2.1 "
     "or 2001:db8::/32"},
    {LEAST "command_topics:\n  - a/#\n  - b#\n  - c/${user_name}\n  - [d]\n",
     "bastide.yaml:5:5: command_topics[1]: \"b#\" is not a topic filter; '+' stands alone between two '/', '#' alone "
     "and last, as in a/+/b/#\n"
     "bastide.yaml:6:5: command_topics[2]: \"c/${user_name}\" has a ${...}; such a list is the same for everybody\n"
     "bastide.yaml:7:5: command_topics[3]: is not a single value; topic filters are needed"},
    {LEAST "mqtt:\n  redirect: moved\n",
     "bastide.yaml:4:13: mqtt.redirect: clients are sent on, and not told where to; add server_reference"},
    {LEAST "mqtt:\n  response_information: r/+/\n",
     "bastide.yaml:4:25: mqtt.response_information: \"r/+/\" has a wildcard; topics of replies begin with it, such as "
     "reply/${client_id}/"},
    {LEAST "mqtt:\n  response_information: $r/${client_id}\n",
     "bastide.yaml:4:25: mqtt.response_information: \"$r/${client_id}\" begins with '$'; clients cannot publish there"},
    {LEAST "mqtt:\n  response_information: r/${name}\n",
     "bastide.yaml:4:25: mqtt.response_information: \"r/${name}\" has an unknown ${...}; there are ${client_id}, "
     "${user_name} and ${certificate_cn}"},
    {LEAST "anonymous_role: guest\n", "bastide.yaml:3:17: anonymous_role: there is no role \"guest\"; roles has none"},
    {LEAST "roles: {a: {}, b: {}}\nanonymous_role: guest\n",
     "bastide.yaml:4:17: anonymous_role: there is no role \"guest\"; roles has a, b"},
    {LEAST "roles: {a: {control_plane: yes}}\nanonymous_role: a\n",
     "bastide.yaml:4:17: anonymous_role: role \"a\" has control_plane, which takes a name; a role without it"},
};

static const struct wrong wrong_users[] = {
    {"users: [", "users.yaml:2:1: did not find expected node content"},
    {"user: []\n", "users.yaml:1:1: user: unknown key; did you mean users? There are users"},
    {"users: {name: a}\n", "users.yaml:1:8: users: is not a list; list (- item) of at most 1000000"},
    {"users:\n  - name: a\n", "users.yaml:2:5: users[0].role: is missing; text of 1 to 64 bytes"},
    {"users:\n  - name: a\n    role: mater\n    certificate_cn: a\n",
     "users.yaml:3:11: users[0].role: there is no role \"mater\"; roles has meter"},
    {"users:\n  - {name: a, role: meter, certificate_cn: a}\n  - {name: a, role: meter, certificate_cn: b}\n",
     "users.yaml:3:12: users[1].name: \"a\" is there already; each needs another name"},
    {"users:\n  - {name: a, role: meter, certificate_cn: c}\n  - {name: b, role: meter, certificate_cn: c}\n",
     "users.yaml:3:44: users[1].certificate_cn: \"c\" is that of user \"a\"; a certificate is for one user"},
    {"users:\n  - name: a\n    role: meter\n    password: correct horse\n",
     "users.yaml:4:15: users[0].password: is not a verifier; have 'bastide user passwd' write one, for a password itself "
     "never stands here"},
    {"users:\n  - name: a\n    role: meter\n    scram: SCRAM-SHA-256$1000:c2FsdA==$a:b\n",
     "users.yaml:4:12: users[0].scram: is not a verifier of SCRAM-SHA-256 with 4096 iterations or more; have 'bastide "
     "user passwd' write one"},
    {"users:\n  - {name: a, role: meter, password: [secret-word]}\n",
     "users.yaml:2:38: users[0].password: is not a single value; text of 1 to 256 bytes"},
    {"users:\n  - {name: a, role: meter, certificate_cn: c, disabled: 1}\n",
     "users.yaml:2:57: users[0].disabled: \"1\" is neither yes nor no; yes or no"},
    {"users:\n  - {name: a, role: meter, certificate_cn: c, passwrod: x}\n",
     "users.yaml:2:47: users[0].passwrod: unknown key; did you mean password? There are name, role, password, "
     "scram, certificate_cn, disabled"},
};
/* clang-format on */

static void each_mistake_is_told_with_its_place_and_what_is_allowed(void **state)
{
    const struct home *h = *state;

    for (size_t i = 0; i < COUNT_OF(wrongs); i++) {
        print_message("  %s\n", wrongs[i].errors);
        write_file(h, "bastide.yaml", wrongs[i].text, 0600);
        assert_errors(h, wrongs[i].errors);
    }
}

static void mistakes_in_the_users_file_carry_its_own_places(void **state)
{
    const struct home *h = *state;

    write_file(h, "bastide.yaml", LEAST "users_file: users.yaml\nroles: {meter: {}}\n", 0600);
    for (size_t i = 0; i < COUNT_OF(wrong_users); i++) {
        print_message("  %s\n", wrong_users[i].errors);
        write_file(h, "users.yaml", wrong_users[i].text, 0600);
        assert_errors(h, wrong_users[i].errors);
    }
}

static void a_password_never_stands_in_an_error(void **state)
{
    const struct home *h = *state;
    char *error = NULL;

    write_file(h, "bastide.yaml", LEAST "users_file: users.yaml\nroles: {meter: {}}\n", 0600);
    for (size_t i = 0; i < COUNT_OF(wrong_users); i++) {
        write_file(h, "users.yaml", wrong_users[i].text, 0600);
        assert_null(config_load(h->config, &error));
        assert_null(strstr(error, "correct horse"));
        assert_null(strstr(error, "secret-word"));
        free(error);
    }
}

static void all_mistakes_of_both_files_are_told_in_one_go(void **state)
{
    const struct home *h = *state;

    write_file(h, "users.yaml", "users: [{name: a, role: b, certificate_cn: c}]\n", 0600);
    write_file(h, "bastide.yaml",
               "node: {nam: x}\nlisteners:\n  - {address: x, port: 0}\nusers_file: users.yaml\n",
               0600);
    assert_errors(
        h, "bastide.yaml:1:8: node.nam: unknown key; did you mean name? There are name, location, "
           "workers, state_dir, log_level, run_as, durability, sys_interval_s, sandbox\n"
           "bastide.yaml:1:7: node.name: is missing; text of 1 to 64 bytes\n"
           "bastide.yaml:3:5: listeners[0].name: is missing; text of 1 to 64 bytes\n"
           "bastide.yaml:3:24: listeners[0].port: 0 is out of range; whole number from 1 to 65535\n"
           "bastide.yaml:3:15: listeners[0].address: \"x\" is not an IP address; such as 127.0.0.1 "
           "or ::, or unix:run/mqtt.sock for a unix socket\n"
           "users.yaml:1:25: users[0].role: there is no role \"b\"; roles has none");
}

static void past_twenty_mistakes_are_counted(void **state)
{
    const struct home *h = *state;
    struct buf text CLEANUP(buf_done) = {0};
    char *error = NULL;

    buf_addf(&text, LEAST "command_topics:\n");
    for (unsigned i = 0; i < 23; i++)
        buf_addf(&text, "  - a#\n");
    buf_add_u8(&text, '\0');
    write_file(h, "bastide.yaml", (const char *)text.at, 0600);
    assert_null(config_load(h->config, &error));
    assert_non_null(strstr(error, "bastide.yaml:23:5: command_topics[19]: "));
    assert_null(strstr(error, "command_topics[20]: "));
    assert_non_null(strstr(error, "bastide.yaml: and 3 more"));
    free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_mistake_is_told_with_its_place_and_what_is_allowed),
        TEST(mistakes_in_the_users_file_carry_its_own_places),
        TEST(a_password_never_stands_in_an_error),
        TEST(all_mistakes_of_both_files_are_told_in_one_go),
        TEST(past_twenty_mistakes_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
