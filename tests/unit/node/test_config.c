/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "node/config.h"
#include "respond/respond.h"

/* A node's home with what a configuration may name. */
struct home {
    char *dir; /* absolute */
    char *config;
    char *users;
};

static char *join(const char *dir, const char *name)
{
    struct buf path CLEANUP(buf_done) = {0};

    buf_addf(&path, "%s/%s", dir, name);
    return bytes_dup_str(buf_view(&path));
}

static void write_file(const struct home *h, const char *name, const char *text, mode_t mode)
{
    char *path = join(h->dir, name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
    free(path);
}

static const char *const files[] = {"server.crt", "server.key", "ca.crt", "ca.crl", "file"};

static int home_setup(void **state)
{
    struct home *h = calloc(1, sizeof(*h));
    char template[] = "/tmp/bastide-config-XXXXXX";

    h->dir = realpath(mkdtemp(template), NULL);
    h->config = join(h->dir, "bastide.yaml");
    h->users = join(h->dir, "users.yaml");
    for (size_t i = 0; i < COUNT_OF(files); i++)
        write_file(h, files[i], "x\n", 0600);
    write_file(h, "users.yaml", "users: []\n", 0600);
    *state = h;
    return 0;
}

static int home_teardown(void **state)
{
    static const char *const more[] = {"bastide.yaml", "users.yaml", "fifo"};
    struct home *h = *state;

    for (size_t i = 0; i < COUNT_OF(files) + COUNT_OF(more); i++) {
        char *path = join(h->dir, i < COUNT_OF(files) ? files[i] : more[i - COUNT_OF(files)]);

        (void)unlink(path);
        free(path);
    }
    assert_int_equal(rmdir(h->dir), 0);
    free(h->dir);
    free(h->config);
    free(h->users);
    free(h);
    return 0;
}

/* @text without the folder before the names of files. */
static char *without_dir(const struct home *h, const char *text)
{
    struct buf plain CLEANUP(buf_done) = {0};
    char *prefix = join(h->dir, "");

    while (*text != '\0') {
        if (strncmp(text, prefix, strlen(prefix)) == 0)
            text += strlen(prefix);
        else
            buf_add_u8(&plain, (uint8_t)*text++);
    }
    free(prefix);
    return bytes_dup_str(buf_view(&plain));
}

static void assert_errors(const struct home *h, const char *errors)
{
    char *error = NULL;
    char *plain;
    struct config *c = config_load(h->config, &error);

    assert_null(c);
    plain = without_dir(h, error);
    assert_string_equal(plain, errors);
    free(plain);
    free(error);
}

static struct config *load(const struct home *h, const char *text)
{
    char *error = NULL;
    struct config *c;

    write_file(h, "bastide.yaml", text, 0600);
    c = config_load(h->config, &error);
    if (c == NULL)
        fail_msg("%s", error);
    return c;
}

#define LISTENER "listeners: [{name: l, address: 127.0.0.1, port: 1883}]\n"
#define LIST     "node: {name: n}\nlisteners: [{name: l, address: 127.0.0.1, port: 1883, "
#define LEAST    "node: {name: n}\n" LISTENER

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
    {LEAST "respond: {enfroce: no}\n", "bastide.yaml:3:11: respond.enfroce: unknown key; did you mean enforce? There are enforce, ward, ca, four_eyes, never_act_on, playbooks"},
    {LEAST "respond: {[a]: no}\n", "bastide.yaml:3:11: respond: a key is not a word; keys and values are expected"},
    {LEAST "limits: {receive_maxx: 3}\n",
     "bastide.yaml:3:10: limits.receive_maxx: unknown key; did you mean receive_max? There are connections_max, "
     "connections_per_address_max, connecting_max, connecting_per_address_max, storm_connects_per_s_max, storm_waiting_max, connect_timeout_ms, connect_bytes_max, packet_bytes_max, keep_alive_max_s, "
     "session_expiry_max_s, sessions_max, sessions_per_user_max, session_unresumed_max_s, subscriptions_per_session_max, queue_messages_max, queue_bytes_max, "
     "inflight_max, receive_max, topic_alias_max, topic_alias_sent_max, retained_messages_max, retained_bytes_max, retained_per_client_max, memory_bytes_max, messages_per_s_max, "
     "will_delay_max_s"},
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

/* ---- what is right ---- */

static void every_key_arrives_in_its_field(void **state)
{
    const struct home *h = *state;
    struct buf users CLEANUP(buf_done) = {0};
    const struct config_listener *l;
    const struct policy_spec *p;
    struct config *c;
    char *path;

    buf_addf(&users,
             "users:\n  - name: alice\n    role: operator\n    password: %s\n"
             "  - {name: m1, role: meter, certificate_cn: m1.grid, disabled: yes}\n",
             password_dummy_verifier());
    buf_add_u8(&users, '\0');
    write_file(h, "users.yaml", (const char *)users.at, 0600);
    c = load(h,
             "node:\n  name: centre-1\n  location: \"Substation North, control room\"\n"
             "  workers: 3\n  state_dir: /var/lib/x\n  log_level: debug\n  run_as: root\n"
             "  sys_interval_s: 60\n"
             "listeners:\n"
             "  - name: field\n    address: 0.0.0.0\n    port: 8883\n    plane: delivery\n"
             "    anonymous: yes\n    tls:\n      certificate: server.crt\n      key: server.key\n"
             "      client_ca: ca.crt\n      crl: ca.crl\n      client_certificate: optional\n"
             "      version_min: \"1.3\"\n"
             "  - {name: control, address: 127.0.0.1, port: 8884, plane: control}\n"
             "admin: {socket: run/a.sock}\n"
             "limits:\n  queue_messages_max: 77\n  retained_bytes_max: 68719476736\n"
             "users_file: users.yaml\n"
             "roles:\n"
             "  meter:\n    allow:\n      - publish: m/${client_id}/#\n"
             "      - publish_subscribe: a/b\n"
             "    deny:\n      - subscribe: \"#\"\n"
             "    critical: yes\n    messages_per_s_max: 5\n    scan_factor: 20\n    ping_topic: "
             "ping/${client_id}\n"
             "  operator: {may_command: yes, control_plane: yes, command_topics: [cmd/a, cmd/b]}\n"
             "  relay: {kind: actuator}\n"
             "  gateway: {retained_per_client_max: 7, sessions_per_user_max: 8}\n"
             "command_topics:\n  - cmd/#\n  - +/set\n"
             "owner_only_topics: [state/#]\n"
             "anonymous_role: meter\n"
             "inventory_file: file\n"
             "detect: {startup_grace_s: 7, time_scale: 2.5, unread_topics: [debug/#], "
             "ping_interval_s: 9}\n"
             "respond: {enforce: no}\n"
             "mqtt:\n  response_information: r/${client_id}/\n  server_reference: b:8883\n"
             "  redirect: moved\n  check_payload_format: yes\n"
             "assess: {target_profile: file, attestations: later.json, attestation_key: file, "
             "scope: file}\n");
    p = &c->policy;
    assert_string_equal(c->path, h->config);
    assert_string_equal(c->dir, h->dir);
    assert_string_equal(c->node_name, "centre-1");
    assert_string_equal(c->location, "Substation North, control room");
    assert_int_equal(c->workers, 3);
    assert_string_equal(c->state_dir, "/var/lib/x");
    assert_string_equal(c->log_level, "debug");
    assert_string_equal(c->run_as, "root");
    assert_int_equal(c->sys_interval_s, 60);
    assert_int_equal(c->n_listeners, 2);
    l = &c->listeners[0];
    assert_string_equal(l->name, "field");
    assert_string_equal(l->address, "0.0.0.0");
    assert_int_equal(l->port, 8883);
    assert_int_equal(l->plane, CONFIG_PLANE_DELIVERY);
    assert_true(l->anonymous);
    assert_false(l->plaintext_beyond_loopback);
    assert_true(l->has_tls);
    path = join(h->dir, "server.key");
    assert_string_equal(l->key, path);
    free(path);
    path = join(h->dir, "ca.crl");
    assert_string_equal(l->crl, path);
    free(path);
    assert_int_equal(l->client_certificate, CONFIG_CLIENT_CERTIFICATE_OPTIONAL);
    assert_int_equal(l->tls_version_min, 0x0304);
    assert_int_equal(c->listeners[1].plane, CONFIG_PLANE_CONTROL);
    assert_false(c->listeners[1].has_tls);
    path = join(h->dir, "run/a.sock");
    assert_string_equal(c->admin_socket, path);
    free(path);
    assert_int_equal(p->limits.queue_messages_max, 77);
    assert_int_equal(p->limits.retained_bytes_max, 68719476736);
    assert_int_equal(p->limits.receive_max, limits_default.receive_max);
    assert_int_equal(p->n_roles, 4);
    assert_int_equal(p->roles[3].retained_per_client_max, 7);
    assert_int_equal(p->roles[3].sessions_per_user_max, 8);
    assert_int_equal(p->roles[3].retained_factor, 20);
    assert_int_equal(p->roles[2].retained_factor, 1);
    assert_true(p->roles[2].critical); /* because of its kind */
    assert_false(p->roles[1].critical);
    assert_string_equal(p->roles[0].name, "meter");
    assert_int_equal(p->roles[0].n_rules, 3);
    assert_string_equal(p->roles[0].rules[0].filter, "m/${client_id}/#");
    assert_true(p->roles[0].rules[0].publish && !p->roles[0].rules[0].subscribe);
    assert_true(p->roles[0].rules[1].publish && p->roles[0].rules[1].subscribe);
    assert_false(p->roles[0].rules[1].deny);
    assert_string_equal(p->roles[0].rules[2].filter, "#");
    assert_true(p->roles[0].rules[2].deny && p->roles[0].rules[2].subscribe);
    assert_true(p->roles[0].critical);
    assert_int_equal(p->roles[0].messages_per_s_max, 5);
    assert_int_equal(p->roles[0].scan_factor, 20);
    assert_true(p->roles[1].may_command && p->roles[1].control_plane);
    assert_int_equal(p->n_command_topics, 2);
    assert_string_equal(p->command_topics[1], "+/set");
    assert_int_equal(p->roles[1].n_command_topics, 2);
    assert_string_equal(p->roles[1].command_topics[0], "cmd/a");
    assert_int_equal(p->n_owner_only_topics, 1);
    assert_string_equal(p->owner_only_topics[0], "state/#");
    assert_int_equal(p->n_unread_topics, 1);
    assert_string_equal(p->unread_topics[0], "debug/#");
    assert_string_equal(p->roles[0].ping_topic, "ping/${client_id}");
    assert_int_equal(p->ping_interval_s, 9);
    assert_string_equal(p->anonymous_role, "meter");
    assert_int_equal(p->n_users, 2);
    assert_string_equal(p->users[0].name, "alice");
    assert_string_equal(p->users[0].role, "operator");
    assert_string_equal(p->users[0].password_verifier, password_dummy_verifier());
    assert_null(p->users[0].certificate_cn);
    assert_string_equal(p->users[1].certificate_cn, "m1.grid");
    assert_true(p->users[1].disabled);
    assert_int_equal(c->startup_grace_s, 7);
    assert_true(c->detect_time_scale == 2.5);
    assert_false(c->respond_enforce);
    assert_string_equal(p->answers.response_information, "r/${client_id}/");
    assert_string_equal(p->answers.server_reference, "b:8883");
    assert_int_equal(p->answers.redirect, REDIRECT_MOVED);
    assert_true(p->answers.check_payload_format);
    path = join(h->dir, "later.json");
    assert_string_equal(c->attestations_file, path);
    free(path);
    assert_non_null(c->target_profile);
    assert_non_null(c->attestation_key);
    assert_non_null(c->scope_file);
    assert_non_null(c->inventory_file);
    assert_null(c->warnings);
    config_free(c);
}

static void what_is_not_said_has_its_default(void **state)
{
    const struct home *h = *state;
    struct config *c = load(h, LEAST);
    char *state_dir = join(h->dir, "state");
    char *socket_path = join(h->dir, "run/admin.sock");

    assert_null(c->location);
    assert_int_equal(c->workers, 0);
    assert_string_equal(c->state_dir, state_dir);
    assert_string_equal(c->admin_socket, socket_path);
    assert_string_equal(c->log_level, "info");
    assert_null(c->run_as);
    assert_int_equal(c->sys_interval_s, 10);
    assert_null(c->users_file);
    assert_int_equal(c->policy.n_users, 0);
    assert_int_equal(c->policy.n_roles, 0);
    assert_null(c->policy.anonymous_role);
    assert_memory_equal(&c->policy.limits, &limits_default, sizeof(limits_default));
    assert_true(c->respond_enforce);
    assert_true(c->detect_time_scale == 1);
    assert_int_equal(c->startup_grace_s, 120);
    assert_int_equal(c->listeners[0].plane, CONFIG_PLANE_DELIVERY);
    assert_false(c->listeners[0].anonymous);
    assert_null(c->target_profile);
    config_free(c);
    free(state_dir);
    free(socket_path);
    assert_null(config_free(NULL));
}

static void each_kind_of_role_can_be_named_and_what_the_detectors_are_told_is_kept(void **state)
{
    const struct home *h = *state;
    const char *what = NULL;
    const char *kind;
    struct config *c;
    char text[512];

    for (size_t i = 0; (kind = detect_role_kind(i, &what)) != NULL; i++) {
        snprintf(text, sizeof(text), LEAST "roles: {a: {kind: %s}}\n", kind);
        c = load(h, text);
        assert_string_equal(c->policy.roles[0].kind, kind);
        config_free(c);
    }
    c = load(h, LEAST
             "roles: {a: {}}\n"
             "detect:\n"
             "  health_check_sources: [192.0.2.1, \"2001:db8::/32\"]\n"
             "  detectors:\n"
             "    - {detector: publish-flood, role: a, factor: 2.5}\n"
             "    - {detector: topic-scan-publish, rule: medium, limit: 400, mode: observe}\n");
    assert_null(c->policy.roles[0].kind);
    assert_int_equal(c->n_health_check_sources, 2);
    assert_int_equal(c->n_detect_overrides, 2);
    assert_string_equal(c->detect_overrides[0].role, "a");
    assert_true(c->detect_overrides[0].factor == 2.5 && c->detect_overrides[0].limit == 0);
    assert_int_equal(c->detect_overrides[0].mode, DETECT_MODE_DEFAULT);
    assert_true(c->detect_overrides[1].limit == 400);
    assert_int_equal(c->detect_overrides[1].mode, DETECT_MODE_OBSERVE);
    config_free(c);
}

static void a_play_can_be_for_each_severity_and_each_kind_of_subject(void **state)
{
    const struct home *h = *state;
    struct config *c;
    char text[512];

    for (enum severity severity = 0; severity < SEVERITY_N; severity++) {
        snprintf(text, sizeof(text), LEAST "respond: {playbooks: [{severity: %s, steps: []}]}\n",
                 severity_text(severity));
        c = load(h, text);
        assert_int_equal(c->plays[0].severity, severity);
        assert_int_equal(c->plays[0].subject, SUBJECT_KIND_N);
        config_free(c);
    }
    c = load(h, LEAST
             "respond:\n  playbooks:\n"
             "    - {kind: reconnect-storm, subject: fleet, severity: info, steps: [delay 5m]}\n");
    assert_int_equal(c->plays[0].subject, SUBJECT_FLEET);
    config_free(c);
}

static void an_empty_list_or_section_is_as_none(void **state)
{
    const struct home *h = *state;
    struct config *c;

    write_file(h, "users.yaml", "users:\n", 0600);
    c = load(h, LEAST "roles:\ncommand_topics:\nlimits:\nusers_file: users.yaml\n");
    assert_int_equal(c->policy.n_roles, 0);
    assert_int_equal(c->policy.n_command_topics, 0);
    assert_memory_equal(&c->policy.limits, &limits_default, sizeof(limits_default));
    config_free(c);
}

static void one_port_on_several_addresses_is_allowed(void **state)
{
    const struct home *h = *state;

    config_free(load(h, "node: {name: n}\nlisteners:\n"
                        "  - {name: a, address: 127.0.0.1, port: 1883}\n"
                        "  - {name: b, address: 127.0.0.2, port: 1883}\n"
                        "  - {name: c, address: '::1', port: 1883}\n"));
}

static void every_key_of_a_transport_arrives_in_its_field(void **state)
{
    const struct home *h = *state;
    struct buf text CLEANUP(buf_done) = {0};
    const struct config_listener *l;
    struct config *c =
        load(h, "node: {name: n}\nlisteners:\n"
                "  - {name: local, address: 'unix:run/mqtt.sock', proxy_protocol: yes}\n"
                "  - {name: web, address: '::1', port: 9001, websocket: yes, websocket_path: /ws,\n"
                "     websocket_origins: ['https://panel.example', 'null']}\n"
                "  - {name: behind, address: 127.0.0.1, port: 8883, proxy_protocol: yes,\n"
                "     proxy_trusted: [192.0.2.1, '2001:db8::/32']}\n"
                "  - {name: rooted, address: 'unix:/run/b.sock', websocket: yes}\n");
    char *path = join(h->dir, "run/mqtt.sock");

    l = &c->listeners[0];
    assert_string_equal(config_listener_unix_path(l), path);
    assert_int_equal(l->port, 0);
    assert_true(l->proxy_protocol);
    assert_false(config_listener_is_direct(l));
    l = &c->listeners[1];
    assert_null(config_listener_unix_path(l));
    assert_true(l->websocket);
    assert_string_equal(l->websocket_path, "/ws");
    assert_int_equal(l->n_websocket_origins, 2);
    assert_string_equal(l->websocket_origins[1], "null");
    assert_false(config_listener_is_direct(l));
    l = &c->listeners[2];
    assert_int_equal(l->n_proxy_trusted, 2);
    assert_string_equal(l->proxy_trusted[1], "2001:db8::/32");
    assert_false(l->websocket);
    assert_string_equal(l->websocket_path, "/mqtt");
    config_listener_describe(l, &text);
    buf_addf(&text, "\n");
    l = &c->listeners[3];
    assert_string_equal(config_listener_unix_path(l), "/run/b.sock");
    config_listener_describe(l, &text);
    assert_true(bytes_equal(buf_view(&text),
                            BYTES("127.0.0.1 port 8883, delivery plane, behind a proxy, plain TCP\n"
                                  "unix:/run/b.sock, delivery plane, WebSocket at /mqtt, no TLS")));
    assert_true(config_listener_is_same(l, l));
    assert_false(config_listener_is_same(l, &c->listeners[0]));
    free(path);
    config_free(c);
}

static void what_is_loaded_makes_a_policy(void **state)
{
    const struct home *h = *state;
    struct config *c;
    struct policy *p;
    char *error = NULL;

    write_file(h, "users.yaml", "users: [{name: m1, role: meter, certificate_cn: m1}]\n", 0600);
    c = load(h, LEAST "users_file: users.yaml\ncommand_topics: [cmd/#]\nanonymous_role: meter\n"
                      "roles: {meter: {allow: [{publish: 'm/${client_id}/#'}]}}\n");
    p = policy_new(&c->policy, &error);
    assert_non_null(p);
    policy_unref(p);
    config_free(c);
}

static void what_is_unwise_is_a_warning(void **state)
{
    const struct home *h = *state;
    struct config *c;
    char *plain;

    write_file(h, "users.yaml", "users: [{name: m1, role: meter}]\n", 0644);
    write_file(h, "server.key", "x\n", 0640);
    c = load(h, "node: {name: n}\nlisteners:\n"
                "  - name: a\n    address: 0.0.0.0\n    port: 1883\n"
                "    allow_plaintext_beyond_loopback: yes\n"
                "  - name: b\n    address: 0.0.0.0\n    port: 8883\n"
                "    tls: {certificate: server.crt, key: server.key, client_ca: ca.crt, "
                "client_certificate: required}\n"
                "  - name: c\n    address: 0.0.0.0\n    port: 8884\n"
                "    tls: {certificate: server.crt, key: server.key, client_ca: ca.crt}\n"
                "users_file: users.yaml\nroles: {meter: {}}\n");
    plain = without_dir(h, c->warnings);
    assert_string_equal(
        plain,
        "bastide.yaml:6:38: listeners[0].allow_plaintext_beyond_loopback: who is on the way to "
        "0.0.0.0 reads and changes everything; give it tls\n"
        "bastide.yaml:10:41: listeners[1].tls.key: server.key can be read or changed by others; "
        "chmod 600 server.key\n"
        "bastide.yaml:10:64: listeners[1].tls.client_ca: without crl a revoked client certificate "
        "is believed; add crl\n"
        "bastide.yaml:14:64: listeners[2].tls.client_ca: not used, as client_certificate is none; "
        "optional and required use it\n"
        "bastide.yaml:15:13: users_file: users.yaml can be read or changed by others; chmod 600 "
        "users.yaml\n"
        "users.yaml:1:16: users[0].name: \"m1\" has neither password nor certificate_cn and "
        "cannot come in");
    free(plain);
    config_free(c);
}

static void a_user_to_become_that_is_not_there_is_an_error_only_where_it_matters(void **state)
{
    const struct home *h = *state;
    const char *text = "node: {name: n, run_as: no-such-user}\n" LISTENER;
    struct config *c;
    char *plain;

    if (geteuid() == 0) {
        write_file(h, "bastide.yaml", text, 0600);
        assert_errors(h, "bastide.yaml:1:25: node.run_as: this machine has no user "
                         "\"no-such-user\"; one of /etc/passwd, or leave it out");
        return;
    }
    c = load(h, text);
    plain = without_dir(h, c->warnings);
    assert_string_equal(
        plain, "bastide.yaml:1:25: node.run_as: this machine has no user \"no-such-user\"");
    free(plain);
    config_free(c);
}

/* ---- the file itself ---- */

static void a_file_that_cannot_be_read_is_told_as_such(void **state)
{
    const struct home *h = *state;
    char *fifo = join(h->dir, "fifo");
    struct buf big CLEANUP(buf_done) = {0};

    (void)unlink(h->config);
    assert_errors(h, "bastide.yaml: cannot be read: No such file or directory");
    assert_int_equal(mkfifo(fifo, 0600), 0); /* it would block */
    assert_int_equal(symlink(fifo, h->config), 0);
    assert_errors(h, "bastide.yaml: cannot be read: it is not a file");
    assert_int_equal(unlink(h->config), 0);
    free(fifo);

    memset(buf_reserve(&big, CONFIG_BYTES_MAX + 2), '#', CONFIG_BYTES_MAX + 2);
    big.at[CONFIG_BYTES_MAX + 1] = '\0';
    write_file(h, "bastide.yaml", (const char *)big.at, 0600);
    assert_errors(h, "bastide.yaml: cannot be read: it is larger than 1 MiB");
    memcpy(big.at, LEAST, strlen(LEAST));
    big.at[CONFIG_BYTES_MAX] = '\0';
    config_free(load(h, (const char *)big.at));
}

static void a_file_of_users_that_is_too_large_is_told_as_such(void **state)
{
    const struct home *h = *state;

    write_file(h, "bastide.yaml", LEAST "users_file: users.yaml\n", 0600);
    assert_int_equal(truncate(h->users, (off_t)CONFIG_USERS_BYTES_MAX + 1), 0);
    assert_errors(h, "users.yaml: cannot be read: it is larger than 16 MiB");
}

static void the_admin_socket_is_found_in_a_file_that_is_wrong_elsewhere(void **state)
{
    const struct home *h = *state;
    char *expected = join(h->dir, "run/a.sock");
    char *error = NULL;
    char *found;

    write_file(h, "bastide.yaml", "admin: {socket: run/a.sock}\nusers_file: none.yaml\nroles: 1\n",
               0600);
    found = config_admin_socket(h->config, &error);
    assert_string_equal(found, expected);
    free(found);
    free(expected);
    write_file(h, "bastide.yaml", "admin: {socket: [\n", 0600);
    assert_null(config_admin_socket(h->config, &error));
    assert_non_null(strstr(error, "bastide.yaml:2:1: did not find expected node content"));
    free(error);
}

static void a_mapping_of_too_many_keys_is_refused_before_they_are_compared(void **state)
{
    const struct home *h = *state;
    struct buf text CLEANUP(buf_done) = {0};

    buf_addf(&text, LEAST "limits:\n");
    for (unsigned i = 0; i < 1001; i++)
        buf_addf(&text, "  k%u: 1\n", i);
    buf_add_u8(&text, '\0');
    write_file(h, "bastide.yaml", (const char *)text.at, 0600);
    assert_errors(h, "bastide.yaml:4:3: limits: has 1001 keys; there are only 27");
    text.len = 0;
    buf_addf(&text, LEAST "roles:\n");
    for (unsigned i = 0; i < 1001; i++)
        buf_addf(&text, "  k%u: {}\n", i);
    buf_add_u8(&text, '\0');
    write_file(h, "bastide.yaml", (const char *)text.at, 0600);
    assert_errors(
        h, "bastide.yaml:4:3: roles: is too long; names, each with keys and values; at most 1000");
}

static void the_reference_has_every_key(void **state)
{
    struct buf text CLEANUP(buf_done) = {0};
    const char *at;

    (void)state;
    config_describe(&text);
    buf_add_u8(&text, '\0');
    at = (const char *)text.at;
    assert_non_null(strstr(at, "\nlisteners[].port\n    whole number from 1 to 65535\n"));
    assert_non_null(
        strstr(at, "\nnode.log_level\n    error, warning, info or debug; default info\n"));
    assert_non_null(strstr(at, "\nroles.NAME.allow[].publish\n"));
    assert_non_null(strstr(at, "\nusers[].password\n"));
#define X(field, deflt, min, max, what)                                                            \
    assert_non_null(strstr(at, "\nlimits." #field "\n    whole number from " #min " to " #max      \
                               "; default " #deflt "\n    " what "\n"));
    LIMITS(X)
#undef X
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_mistake_is_told_with_its_place_and_what_is_allowed),
        TEST(mistakes_in_the_users_file_carry_its_own_places),
        TEST(a_password_never_stands_in_an_error),
        TEST(all_mistakes_of_both_files_are_told_in_one_go),
        TEST(past_twenty_mistakes_are_counted),
        TEST(every_key_arrives_in_its_field),
        TEST(what_is_not_said_has_its_default),
        TEST(each_kind_of_role_can_be_named_and_what_the_detectors_are_told_is_kept),
        TEST(a_play_can_be_for_each_severity_and_each_kind_of_subject),
        TEST(an_empty_list_or_section_is_as_none),
        TEST(one_port_on_several_addresses_is_allowed),
        TEST(every_key_of_a_transport_arrives_in_its_field),
        TEST(what_is_loaded_makes_a_policy),
        TEST(what_is_unwise_is_a_warning),
        TEST(a_user_to_become_that_is_not_there_is_an_error_only_where_it_matters),
        TEST(a_file_that_cannot_be_read_is_told_as_such),
        TEST(a_file_of_users_that_is_too_large_is_told_as_such),
        TEST(the_admin_socket_is_found_in_a_file_that_is_wrong_elsewhere),
        TEST(a_mapping_of_too_many_keys_is_refused_before_they_are_compared),
        TEST(the_reference_has_every_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
