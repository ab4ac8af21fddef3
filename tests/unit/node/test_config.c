/* SPDX-License-Identifier: Apache-2.0 */
/* test_config.c - what a configuration says arrives */
#include "home.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "respond/respond.h"

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
             "  desk: {kind: operator}\n"
             "command_topics:\n  - cmd/#\n  - +/set\n"
             "owner_only_topics: [state/#]\n"
             "anonymous_role: meter\n"
             "inventory_file: file\n"
             "detect: {startup_grace_s: 7, time_scale: 2.5, unread_topics: [debug/#], "
             "ping_interval_s: 9}\n"
             "respond: {enforce: no, hold_commands: yes}\n"
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
    assert_int_equal(p->n_roles, 5);
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
    assert_true(c->hold_commands);
    assert_true(p->roles[0].hold_commands && p->roles[1].hold_commands &&
                p->roles[2].hold_commands);
    assert_false(p->roles[4].hold_commands); /* its kind commands all */
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
    path = without_dir(h, c->warnings);
    assert_non_null(strstr(path,
                           "detect.time_scale: automatic bans and delays end 2.5 times sooner "
                           "than they say; for exercises only, leave it out"));
    assert_null(strchr(path, '\n'));
    free(path);
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
    /* No Will comes before its delay or the end of its session [MQTT5-3.1.3-9]. */
    assert_true(c->policy.limits.will_delay_max_s >= c->policy.limits.session_expiry_max_s);
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

static void a_play_on_a_detector_that_only_observes_is_told(void **state)
{
    const struct home *h = *state;
    struct config *c =
        load(h, LEAST "roles: {a: {}, b: {}}\n"
                      "detect: {detectors: [{detector: brute-force-io, role: a, mode: enforce},\n"
                      "                     {detector: publish-flood, mode: off}]}\n"
                      "respond:\n  playbooks:\n"
                      "    - {kind: brute-force-io, severity: high, steps: [hold 10m]}\n"
                      "    - {kind: brute-force-io, role: a, severity: high, steps: [hold 10m]}\n"
                      "    - {kind: brute-force-io, role: b, severity: high, steps: [hold 10m]}\n"
                      "    - {kind: publish-flood, severity: high, steps: [ban 10m]}\n"
                      "    - {kind: silent-client, severity: low, steps: []}\n"
                      "    - {kind: silent-client, severity: medium, steps: [disconnect]}\n"
                      "    - {severity: low, steps: [disconnect]}\n");
    char *plain = without_dir(h, c->warnings);

    assert_string_equal(
        plain,
        "bastide.yaml:10:14: respond.playbooks[2].kind: nothing of this play is done while "
        "brute-force-io is in mode observe; add {detector: brute-force-io, mode: enforce} to "
        "detect.detectors\n"
        "bastide.yaml:11:14: respond.playbooks[3].kind: nothing of this play is done while "
        "publish-flood is in mode off; add {detector: publish-flood, mode: enforce} to "
        "detect.detectors\n"
        "bastide.yaml:13:14: respond.playbooks[5].kind: nothing of this play is done while "
        "silent-client is in mode observe; add {detector: silent-client, mode: enforce} to "
        "detect.detectors");
    free(plain);
    config_free(c);
}

static void a_play_against_a_critical_role_is_told_but_for_hold(void **state)
{
    const struct home *h = *state;
    struct config *c =
        load(h, LEAST "roles: {scada: {kind: control}, pump: {critical: yes}, meter: {}}\n"
                      "respond:\n  playbooks:\n"
                      "    - {role: scada, severity: high, steps: [ban 10m]}\n"
                      "    - {role: pump, severity: high, steps: [disconnect]}\n"
                      "    - {role: scada, severity: low, steps: [hold 10m, disconnect]}\n"
                      "    - {role: scada, severity: medium, steps: []}\n"
                      "    - {role: meter, severity: high, steps: [ban 10m]}\n");
    char *plain = without_dir(h, c->warnings);

    assert_string_equal(
        plain,
        "bastide.yaml:6:14: respond.playbooks[0].role: nothing of this play is done: scada is a "
        "critical role, to whose clients nothing but hold is ever done\n"
        "bastide.yaml:7:14: respond.playbooks[1].role: nothing of this play is done: pump is a "
        "critical role, to whose clients nothing but hold is ever done");
    free(plain);
    config_free(c);
}

static void a_play_may_ask_for_a_firewall_and_a_posture_that_there_are(void **state)
{
    const struct home *h = *state;
    struct config *c =
        load(h, LEAST "respond:\n  ward: ward.sock\n  playbooks:\n"
                      "    - {severity: high, steps: [firewall 1h, posture elevated 1h]}\n"
                      "postures: {elevated: {closed_listeners: [l]}}\n");

    assert_null(c->warnings);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_key_arrives_in_its_field),
        TEST(what_is_not_said_has_its_default),
        TEST(each_kind_of_role_can_be_named_and_what_the_detectors_are_told_is_kept),
        TEST(a_play_can_be_for_each_severity_and_each_kind_of_subject),
        TEST(a_play_on_a_detector_that_only_observes_is_told),
        TEST(a_play_against_a_critical_role_is_told_but_for_hold),
        TEST(a_play_may_ask_for_a_firewall_and_a_posture_that_there_are),
        TEST(an_empty_list_or_section_is_as_none),
        TEST(one_port_on_several_addresses_is_allowed),
        TEST(every_key_of_a_transport_arrives_in_its_field),
        TEST(what_is_loaded_makes_a_policy),
        TEST(what_is_unwise_is_a_warning),
        TEST(a_user_to_become_that_is_not_there_is_an_error_only_where_it_matters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
