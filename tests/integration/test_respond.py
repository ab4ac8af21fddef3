# SPDX-License-Identifier: Apache-2.0
"""Actions by order of a person: what each does, whom it spares, and how it is undone."""

import json
import os
import signal
import time

import pytest

from conftest import is_of_trials, wait_until
from peer import PATIENCE_S, Raw, guesses
from test_access import refused_by_tls

NOT_AUTHORIZED, ADMINISTRATIVE, USE_ANOTHER_SERVER, BANNED = 0x87, 0x98, 0x9C, 0x8A
LIMIT_S = float(os.environ.get("RESPOND_LIMIT_S", "2"))  # of a machine that does other things, and sanitizers


def in_force(site):
    return {(m["what"], m["target"]) for m in site.json("respond")["in_force"]}


def publish_packet5(topic, payload):
    body = len(topic).to_bytes(2, "big") + topic.encode() + b"\0\1\0" + payload
    return bytes([0x32, len(body)]) + body


def acknowledged(peer, topic, n, within_s=2):
    """How many of n messages at QoS 1 are acknowledged by then."""
    infos = [peer.paho.publish(topic, "x", 1) for _ in range(n)]
    end = time.monotonic() + within_s
    for one in infos:
        one.wait_for_publish(max(0.0, end - time.monotonic()))
    return sum(one.is_published() for one in infos)


# ---- who is hit ----


@pytest.mark.parametrize("kind, target", [
    ("client", "one"), ("user", "alice"), ("address", "127.0.0.7"), ("address", "127.0.0.6/31"),
    ("topic", "test/of/#"),
])
def test_a_dry_run_counts_and_a_disconnect_cuts_whom_it_counted(field, peer, kind, target):
    one = peer(field, "one", source="127.0.0.7").join().read("test/of/one")
    other = peer(field, "other", user="bob", source="127.0.0.9").join().read("test/else")
    said = field.ok("respond", "run", "disconnect", kind, target, "--dry-run")
    assert "would hit 1 connection," in said
    assert not one.disconnected.is_set()
    assert "1 connection hit" in field.ok("respond", "run", "disconnect", kind, target, "--reason", "test")
    assert one.disconnected.wait(PATIENCE_S) and one.disconnect == ADMINISTRATIVE
    assert not other.disconnected.is_set()


@pytest.mark.parametrize("kind, direction, n", [
    ("quarantine", "publish", 2), ("quarantine", "deliver", 1), ("quarantine", "both", 3), ("disconnect", None, 3),
])
def test_a_dry_run_at_a_topic_counts_who_writes_and_who_reads_there(field, peer, kind, direction, n):
    peer(field, "reader", user="rita").join().read("test/of/#")
    for name in ("one", "two"):
        peer(field, name).join().publish(f"test/of/{name}/volts", "1")
    peer(field, "other", user="bob").join().publish("test/else", "1")
    words = ["--direction", direction] if direction else []
    for target in ("test/of/#", "test/of/+/volts"):
        wait_until(lambda: f"would hit {n} connection" in
                   field.ok("respond", "run", kind, "topic", target, "--dry-run", *words), f"{target} means {n}")


def test_who_writes_below_a_filter_is_cut_with_it(field, peer):
    one = peer(field, "one").join()
    one.publish("test/of/one", "1")
    other = peer(field, "other", user="bob").join()
    order = ["respond", "run", "disconnect", "topic", "test/of/#", "--reason", "test"]
    wait_until(lambda: "would hit 1 connection," in field.ok(*order, "--dry-run"), "it is known")
    assert "1 connection hit" in field.ok(*order)
    assert one.disconnected.wait(PATIENCE_S)
    assert not other.disconnected.is_set()


def test_who_came_with_a_certificate_is_cut_by_its_serial_or_issuer(field, peer):
    facts = field.json("pki", "show", str(field.folder / "lab/device-1.crt"))
    other = peer(field, "other", user="bob").join()
    for kind, target in (("certificate", facts["serial"]), ("issuer", facts["issuer"])):
        one = peer(field, "device-1", tls=True, certificate=field.certificate("device-1")).join()
        field.ok("respond", "run", "ban", kind, target, "--for", "10m")
        assert one.disconnected.wait(PATIENCE_S)
        assert peer(field, "device-1", tls=True, certificate=field.certificate("device-1")).connect() == BANNED
        field.ok("respond", "undo", "ban", kind, target)
    peer(field, "device-1", tls=True, certificate=field.certificate("device-1")).join()
    assert not other.disconnected.is_set()


@pytest.mark.parametrize("words, why", [
    (["run", "melt", "client", "x"], "respond actions lists them"),
    (["run", "ban", "planet", "x"], "respond actions lists them"),
    (["run", "ban", "topic", "a/#"], "can be aimed at"),
    (["run", "quarantine", "topic", "a/#/b"], "no valid topic filter"),
    (["run", "quarantine", "topic", "$bastide/#"], "left alone"),
    (["run", "quarantine", "topic", "a/#", "--direction", "sideways"], "publish, deliver or both"),
    (["run", "quarantine", "listener", "nowhere"], "there is no listener \"nowhere\"; there are "),
    (["run", "quarantine", "listener", "clients", "10.0.0.0/99"], "prefix length"),
    (["run", "quarantine", "listener", "clients", "--direction", "publish"], "whatever the direction"),
    (["run", "throttle", "client", "x"], "needs a rate"),
    (["run", "firewall", "address", "192.0.2.1"], "needs an end"),
    (["run", "firewall", "address", "192.0.2.1", "--for", "1h"], "respond.ward is not set: nobody keeps the firewall; set it"),
    (["run", "firewall", "address", "192.0.2.1", "--for", "1h", "--dry-run"], "respond.ward is not set"),
    (["run", "throttle", "client", "x", "--dry-run"], "needs a rate"),
    (["run", "revoke-certificate", "certificate", "0A", "--dry-run"], "respond.ca is not set"),
    (["run", "posture", "panic"], "elevated or lockdown"),
    (["run", "posture", "lockdown"], "nothing would change"),
    (["run", "posture", "elevated", "--dry-run"], "nothing would change"),
    (["run", "revoke-certificate", "certificate", "zz"], "serial number"),
    (["run", "revoke-user", "user", "alcie"], "there is no user \"alcie\"; did you mean alice?"),
    (["run", "revoke-user", "user", "alcie", "--dry-run"], "there is no user \"alcie\""),
    (["run", "ban", "user", "nobody-at-all", "--for", "1h"], "'bastide user list' shows who there is"),
    (["run", "throttle", "user", "alcie", "--rate", "5"], "there is no user"),
    (["run", "disconnect", "user", "alcie"], "there is no user"),
    (["run", "delay", "strangers", "all", "--for", "10m"], "is too much: there is one"),
    (["undo", "disconnect", "client", "x"], "cannot be undone"),
    (["undo", "quarantine", "topic", "a/#"], "no quarantine of topic"),
])
def test_what_makes_no_sense_is_told(field, words, why):
    done = field.cli("respond", *words)
    assert done.returncode == 1 and why in done.stderr, done.stderr
    assert in_force(field) == set()


def test_who_was_never_seen_can_be_banned_but_a_user_must_be_there(field):
    done = field.cli("ban", "user", "alcie")
    assert done.returncode == 1 and "did you mean alice?" in done.stderr
    unseen = (("client", "never-seen"), ("address", "192.0.2.1"), ("certificate", "0A0B"), ("user", "bob"))
    for kind, target in unseen:
        field.ok("ban", kind, target, "--for", "1h")
    assert {(b["kind"], b["subject"]) for b in field.json("bans")} == set(unseen)
    for kind, target in unseen:
        field.ok("unban", kind, target)


# ---- throttle ----


def test_a_throttled_client_is_read_more_slowly_until_it_is_undone(field, peer):
    slow = peer(field, "slow").join()
    free = peer(field, "free", user="bob").join()
    field.ok("respond", "run", "throttle", "client", "slow", "--rate", "1", "--for", "1h")
    assert acknowledged(slow, "test/slow", 40) < 20
    assert acknowledged(free, "test/free", 40, within_s=30) == 40, "at 1/s it would take 35 s"
    field.ok("respond", "undo", "throttle", "client", "slow")
    wait_until(lambda: acknowledged(slow, "test/slow", 40) == 40, "as fast as before")


# ---- over a restart ----


def test_measures_outlive_a_node_that_is_killed_but_not_their_end(site, peer):
    site.start()
    site.ok("respond", "run", "quarantine", "topic", "test/a", "--for", "1h", "--reason", "poisoned")
    site.ok("respond", "run", "throttle", "user", "alice", "--rate", "1", "--for", "2s")
    site.end(signal.SIGKILL)
    site.start()
    wait_until(lambda: in_force(site) == {("quarantine", "test/a")}, "the other has ended")
    measure = site.json("respond")["in_force"][0]
    assert measure["reason"] == "poisoned" and measure["author"].startswith("admin:")
    with Raw(site) as raw:
        raw.join(site, "raw", level=5)
        raw.send(publish_packet5("test/a", b"poison"))
        assert raw.packet()[1][2] == NOT_AUTHORIZED
    assert site.end() == 0


# ---- revoked ----


def test_a_certificate_that_is_revoked_is_on_the_list_of_the_ca_and_its_sessions_are_cut(site, peer):
    site.change("respond:\n", f"respond:\n  ca: {site.folder}/pki\n")
    site.start()
    certificate = site.certificate("device-1")
    serial = site.json("pki", "show", certificate[0])["serial"]
    one = peer(site, "device-1", tls=True, certificate=certificate).join()
    other = peer(site, "other", user="bob", tls=True).join()
    site.ok("respond", "run", "revoke-certificate", "certificate", serial, "--reason", "lost")
    assert one.disconnected.wait(PATIENCE_S)
    assert [c["state"] for c in site.json("pki", "list") if c["serial"] == serial] == ["revoked"]
    assert "cannot be undone" in site.cli("respond", "undo", "revoke-certificate", "certificate", serial).stderr
    site.ok("respond", "undo", "ban", "certificate", serial)
    wait_until(lambda: refused_by_tls(site, certificate), "the handshake itself refuses it")
    assert not other.disconnected.is_set()
    other.close()
    assert site.end() == 0, site.log_text()


def test_without_the_ca_a_certificate_is_kept_out_and_it_is_said_what_to_do(field, peer):
    certificate = field.certificate("device-1")
    serial = field.json("pki", "show", certificate[0])["serial"]
    one = peer(field, "device-1", tls=True, certificate=certificate).join()
    done = field.cli("respond", "run", "revoke-certificate", "certificate", serial)
    assert done.returncode == 1 and "bastide pki revoke" in done.stderr
    assert one.disconnected.wait(PATIENCE_S)
    assert peer(field, "device-1", tls=True, certificate=certificate).connect() == BANNED
    entry = field.json("audit", "list")[-1]
    assert entry["action"] == "revoke-certificate" and "this node alone keeps it out" in entry["result"]
    assert f"'bastide respond undo ban certificate {serial}' lifts" in done.stderr
    field.ok("respond", "undo", "ban", "certificate", serial)
    peer(field, "device-1", tls=True, certificate=certificate).join()


def test_what_is_in_force_is_not_shortened(field, peer):
    field.ok("respond", "run", "revoke-user", "user", "alice", "--reason", "left the firm")
    for words in (["respond", "run", "ban", "user", "alice", "--for", "3s"], ["ban", "user", "alice", "--for", "3s"],
                  ["respond", "run", "ban", "user", "alice", "--for", "3s", "--dry-run"]):
        done = field.cli(*words)
        assert done.returncode == 1 and "in force until undone by admin:" in done.stderr, done.stderr
    field.ok("respond", "run", "throttle", "user", "bob", "--rate", "5", "--for", "1m")
    said = field.ok("respond", "run", "throttle", "user", "bob", "--rate", "5", "--for", "1h")
    assert "in place of what was in force until" in said
    assert [m["exactly"] for m in field.json("respond")["in_force"]] == ["throttle 5/s for 1h", "ban"]


def test_a_user_who_is_revoked_is_out_until_that_is_undone(field, peer):
    one = peer(field, "one").join()
    field.ok("respond", "run", "revoke-user", "user", "alice", "--reason", "left the firm")
    assert one.disconnected.wait(PATIENCE_S)
    assert peer(field, "one").connect() == BANNED
    field.ok("respond", "undo", "revoke-user", "user", "alice")
    peer(field, "one").join()


# ---- posture ----


def test_a_posture_has_its_limits_and_closes_its_listeners_until_it_is_undone(site, peer):
    site.config.write_text(site.config.read_text() + """
postures:
  lockdown:
    limits:
      packet_bytes_max: 200
    closed_listeners: [local]
""")
    site.start()
    local = peer(site, "local").join()
    field_one = peer(site, "one", user="bob", tls=True).join().read("test/#")
    assert "would hit 1 connection," in site.ok("respond", "run", "posture", "lockdown", "--dry-run")
    said = site.ok("respond", "run", "posture", "lockdown", "--for", "1h")
    assert "done" in said and site.json("respond")["posture"] == "lockdown"
    assert local.disconnected.wait(PATIENCE_S)
    with pytest.raises((EOFError, OSError)), Raw(site) as raw:
        raw.join(site, "again")
    site.ok("reload")
    assert site.json("respond")["posture"] == "lockdown"
    with_it = site.config.read_text()
    site.config.write_text(with_it[:with_it.index("\npostures:")])
    refused = site.cli("reload")
    assert refused.returncode == 1 and "postures.lockdown: is in force" in refused.stderr
    site.config.write_text(with_it)
    field_one.publish("test/small", "small")
    assert field_one.next().payload == b"small"
    field_one.paho.publish("test/large", "x" * 1000, 1)
    assert field_one.disconnected.wait(PATIENCE_S)
    site.ok("respond", "undo", "posture")
    assert site.json("respond")["posture"] == "normal"
    peer(site, "local").join().close()
    assert site.end() == 0, site.log_text()


def test_a_posture_with_a_listener_that_is_not_there_is_told(site):
    site.config.write_text(site.config.read_text() + "\npostures:\n  lockdown:\n    closed_listeners: [cellar]\n")
    done = site.cli("check-config")
    assert done.returncode == 1 and 'there is no listener "cellar"' in done.stderr


# ---- playbooks ----


def test_a_playbook_of_the_configuration_goes_before_the_nodes_own(site):
    site.change("respond:\n", """respond:
  playbooks:
    - kind: repeated-auth-failures
      subject: address
      severity: high
      steps: [delay 10m, throttle 5 10m]
""")
    site.start()
    steps = {("delay", "127.0.0.9"), ("throttle", "127.0.0.9")}
    with guesses(site):
        wait_until(lambda: in_force(site) == steps, "both steps")
    assert site.json("bans") == []
    incident = next(i["id"] for i in site.json("incidents") if i["kind"] == "repeated-auth-failures")
    site.ok("respond", "undo", incident)
    assert in_force(site) == set()
    assert site.end() == 0, site.log_text()


def test_the_grace_after_a_start_ends_with_a_reload_that_takes_it_out(site):
    site.change("  startup_grace_s: 0", "  startup_grace_s: 86400")
    site.start()
    with guesses(site):
        wait_until(lambda: site.json("incidents") != [], "an incident")
    assert site.json("bans") == []
    site.change("  startup_grace_s: 86400", "  startup_grace_s: 0")
    site.ok("reload")
    with guesses(site, source="127.0.0.8"):
        wait_until(lambda: site.json("bans") != [], "a ban")
    assert site.end() == 0, site.log_text()


def test_a_throttle_may_leave_a_tenth_of_what_the_role_may_send(site, peer):
    site.change("  tester:\n", "  tester:\n    messages_per_s_max: 50\n")
    site.change("\ncommand_topics:\n", "\ncommand_topics:\n  - test/valve/#\n")
    site.change("respond:\n", """respond:
  playbooks:
    - {kind: unauthorized-command, severity: high, steps: [throttle tenth 10m]}
""")
    site.start()
    one = peer(site, "desk").join()
    one.publish("test/valve/1", "open")
    wait_until(lambda: [(m["what"], m["target"], m["amount"]) for m in site.json("respond")["in_force"]]
               == [("throttle", "desk", 5)], "throttled")
    one.leave()
    assert site.end() == 0, site.log_text()


@pytest.mark.parametrize("step, why", [
    ("explode 10m", "is no step"), ("ban", "needs a duration"), ("ban 10m now", "a word too many"),
    ("throttle fast 10m", "needs a number"), ("posture calm 10m", "elevated or lockdown"),
    ("firewall 8d", "longer than a week"),
])
def test_a_step_that_is_none_is_told(site, step, why):
    site.change("respond:\n", f"respond:\n  playbooks:\n    - severity: high\n      steps: [{step}]\n")
    done = site.cli("check-config")
    assert done.returncode == 1 and why in done.stderr and "playbooks[0].steps" in done.stderr


# ---- shutdown ----


def connections(site):
    return sum(listener["connections"] for listener in site.json("status")["listeners"])


def test_the_nodes_own_trials_are_nobody_who_is_hit(site, peer):
    site.change("connect_timeout_ms: 20000", "connect_timeout_ms: 600000")  # no trial ends meanwhile
    site.start()
    names = [x["name"] for x in site.json("status")["listeners"] if x["plane"] == "delivery"]
    site.config.write_text(site.config.read_text()
                           + f"\npostures:\n  lockdown:\n    closed_listeners: [{', '.join(names)}]\n")
    site.ok("reload")
    one = peer(site, "one").join()
    # The last of them holds a connection that says nothing until the connect timeout; others are there for a moment.
    wait_until(lambda: "undo: quarantine of listener" in site.log_text(), "the last trial comes")
    wait_until(lambda: connections(site) == 2, "it waits")
    for words in (["shutdown", "--reason", "test"], ["posture", "lockdown"]):
        assert "would hit 1 connection," in site.ok("respond", "run", *words, "--dry-run")
    wait_until(lambda: connections(site) == 2, "nobody was hit")
    one.close()
    assert site.end() == 0


def test_a_shutdown_keeps_what_was_and_sends_clients_elsewhere(site, peer):
    site.config.write_text(site.config.read_text() + '\nmqtt:\n  server_reference: "bus-2.example:8883"\n')
    site.start()
    one = peer(site, "one").join()
    site.ok("respond", "run", "quarantine", "topic", "test/a", "--for", "1h")
    done = site.cli("respond", "run", "shutdown")
    assert done.returncode == 1 and "--reason" in done.stderr
    site.ok("respond", "run", "shutdown", "--reason", "the node is compromised")
    assert site.process.wait(PATIENCE_S) == 0
    assert one.disconnected.wait(PATIENCE_S) and one.disconnect == USE_ANOTHER_SERVER
    kept, = (site.folder / "state").glob("shutdown-*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    what = json.loads(kept.read_text())
    assert what["reason"] == "the node is compromised"
    assert [c["client_id"] for c in what["clients"] if not is_of_trials(c["client_id"])] == ["one"]
    assert what["responses"]["in_force"][0]["target"] == "test/a"
    assert what["audit_heads"]["heads"][-1]["signature"] and what["audit_heads"]["key"]
    site.process = None
    site.log.close()
