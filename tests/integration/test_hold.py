# SPDX-License-Identifier: Apache-2.0
"""Commands that wait for a person in place of being routed: held, approved, dropped, given up."""

import re
import signal
import struct

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

import admin_api
from conftest import wait_until
from peer import V5, V311, Raw, connect_packet, next_connack, packet, publish_packet, string
from test_answers import joined, publish, subscribe
from test_owner_only import dies

HELD = re.compile(r"the command is held for approval as (C-[0-9a-f]+)")
ROUTED = [(0, None), (0x10, None)]

CONFIG = """\
node: {{name: held, state_dir: state, log_level: debug, workers: 2}}
listeners:
  - {{name: field, address: 127.0.0.1, port: {port}, anonymous: yes}}
admin: {{socket: run/admin.sock}}
anonymous_role: guest
command_topics: [set/#]
roles:
  guest:
    allow:
      - publish_subscribe: "#"
detect: {{startup_grace_s: 0}}
respond:
  hold_commands: yes
"""


@pytest.fixture
def holding(home):
    """Start a node with these lines at the end, and others in place of some."""

    def start(*more, **instead):
        text = CONFIG
        for old, new in instead.items():
            assert old in text
            text = text.replace(old, new)
        home.write(text + "".join(f"{line}\n" for line in more))
        home.start()
        return home

    yield start
    if home.process is not None:
        assert home.end() == 0, home.log_text()


def held(node):
    return [one for one in node.json("respond")["held"] if one["what"] == "command"]


def hold(raw, topic="set/1", **more):
    """Publish it at QoS 1 or 2; return the number under which it waits."""
    reason, why = publish(raw, topic, **more)
    assert reason == 0x87, (reason, why)
    return HELD.fullmatch(why)[1]


def count(node, name):
    return int(re.search(rf"^bastide_{name} (\d+)$", node.ok("metrics"), re.M)[1])


def reader_of(node, name, *filters):
    raw, _ = joined(node, name)
    assert subscribe(raw, *filters) == ([1] * len(filters), None)
    return raw


def next_publish(raw):
    """QoS, RETAIN, topic, properties and payload; a connection of 5.0."""
    first, body = raw.packet()
    assert first & 0xF0 == 0x30, f"{first:#x}"
    n = struct.unpack("!H", body[:2])[0]
    topic, body = body[2:2 + n].decode(), body[2 + n:]
    qos = first >> 1 & 3
    if qos:
        raw.send(packet(0x40, body[:2]))
        body = body[2:]
    assert body[0] < 128
    return qos, first & 1, topic, body[1:1 + body[0]], body[1 + body[0]:]


def only_next(raw, other, marker):
    """Nothing but the marker has come: what one publisher says before comes before."""
    publish(other, marker, qos=0)
    assert next_publish(raw)[2] == marker


def test_a_command_waits_and_is_published_as_it_came(holding):
    node = holding()
    desk, _ = joined(node, "desk")
    reader = reader_of(node, "reader", "set/#", "telemetry")
    props = b"\x03" + string("text/plain") + b"\x26" + string("k") + string("v")
    assert publish(desk, "telemetry") in ROUTED and next_publish(reader)[2] == "telemetry"
    number = hold(desk, payload=b"open", props=props, retain=True)
    only_next(reader, desk, "telemetry")
    one, = held(node)
    assert {k: one[k] for k in ("id", "what", "target", "author", "client_id", "role", "address", "qos", "retain",
                                "bytes", "is_will")} == {
        "id": number, "what": "command", "target": "set/1", "author": "client:desk", "client_id": "desk",
        "role": "guest", "address": "127.0.0.1", "qos": 1, "retain": True, "bytes": 4, "is_will": False}
    assert 0 < one["expires_unix_ms"] - one["at_unix_ms"] <= 900_000 and "payload" not in one
    table = node.ok("respond")
    assert number in table and "set/1" in table and "client:desk" in table
    assert "open" not in table
    assert node.json("respond", "show", number)["payload"] == "open"
    assert re.search(r"^Payload +open$", node.ok("respond", "show", number), re.M)
    assert (count(node, "commands_held_total"), count(node, "commands_waiting")) == (1, 1)
    desk.close()
    wait_until(lambda: {c["client_id"] for c in node.json("clients")} == {"reader"}, "its client has gone")
    said = node.ok("respond", "approve", number, "--reason", "planned work")
    assert f"command {number} of client desk on set/1, QoS 1, is published" in said
    assert next_publish(reader) == (1, 0, "set/1", props, b"open")
    late = reader_of(node, "late", "set/#")
    assert next_publish(late)[:3] == (1, 1, "set/1"), "it is retained"
    assert held(node) == [] and count(node, "commands_waiting") == 0
    done = [(e["actor"].split(":")[0], e["action"], e["object"], e["reason"]) for e in node.json("audit", "list")]
    assert ("client", "hold command", "topic set/1", "") in done
    assert ("admin", "show command", f"command {number}", "") in done
    assert ("admin", "approve command", "topic set/1", "planned work") in done
    again = node.cli("respond", "approve", number)
    assert again.returncode == 1 and f"no command {number} waits" in again.stderr
    assert node.cli("respond", "show", number).returncode == 1
    for raw in (reader, late):
        raw.close()


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("level", [4, 5])
def test_what_its_publisher_hears(holding, level, qos):
    """3.1.1 has no word for it: it is acknowledged as every refused message is.  [MQTT3-3.3.5-2]"""
    node = holding()
    desk = Raw(node)
    desk.send(connect_packet("desk", level=level))
    assert desk.packet()[0] == 0x20
    reader = reader_of(node, "reader", "set/#", "seen")
    if level == 5:
        if qos > 0:
            hold(desk, qos=qos, payload=b"go")
        else:
            publish(desk, "set/1", qos=0, payload=b"go")
        publish(desk, "seen", qos=0)
    else:
        desk.send(publish_packet("set/1", b"go", qos, 9))
        if qos == 2:
            assert desk.packet() == (0x50, b"\0\x09")
            desk.send(b"\x3c" + publish_packet("set/1", b"go", qos, 9)[1:])  # DUP: it is the same one
            assert desk.packet() == (0x50, b"\0\x09")
            desk.send(packet(0x62, b"\0\x09"))
            assert desk.packet() == (0x70, b"\0\x09")
        elif qos == 1:
            assert desk.packet() == (0x40, b"\0\x09")
        desk.send(publish_packet("seen", b""))
    assert next_publish(reader)[2] == "seen"
    one, = held(node)
    assert one["qos"] == qos
    node.ok("respond", "approve", one["id"])
    assert next_publish(reader) == (min(qos, 1), 0, "set/1", b"", b"go")
    for raw in (desk, reader):
        raw.close()


def test_what_is_dropped_is_never_published(holding):
    node = holding()
    desk, _ = joined(node, "desk")
    reader = reader_of(node, "reader", "set/#", "seen")
    number = hold(desk)
    assert "is dropped" in node.ok("respond", "undo", number, "--reason", "nobody ordered that")
    assert node.cli("respond", "approve", number).returncode == 1
    only_next(reader, desk, "seen")
    assert [e["reason"] for e in node.json("audit", "list") if e["action"] == "withdraw command"] == ["nobody ordered that"]
    for raw in (desk, reader):
        raw.close()


def test_what_nobody_approves_is_given_up(holding):
    """After a quarter of an hour, here two seconds; or with its Message Expiry Interval."""
    node = holding(startup_grace_s="time_scale: 450, startup_grace_s")
    desk, _ = joined(node, "desk")
    number = hold(desk)
    wait_until(lambda: held(node) == [], "it is given up")
    done = node.cli("respond", "approve", number)
    assert done.returncode == 1 and "its 15 minutes are over" in done.stderr
    given_up, = [e for e in node.json("audit", "list") if "given up" in e["result"]]
    assert (given_up["actor"], given_up["action"], given_up["result"]) == (
        "client:desk", "hold command", f"{number}: given up: nobody approved it in time")
    desk.close()


def test_it_waits_no_longer_than_its_message_expiry(holding):
    node = holding()
    desk, _ = joined(node, "desk")
    number = hold(desk, props=b"\2\0\0\0\1")
    wait_until(lambda: held(node) == [], "it is given up")
    assert node.cli("respond", "approve", number).returncode == 1
    desk.close()


def test_names_of_any_length_are_cut_and_stay_text(holding):
    node = holding("limits: {{client_id_bytes_max: 1024}}")
    name, topic = "\u00e9" * 400 + "x", "set/" + "\u20ac" * 300
    desk, _ = joined(node, name)
    number = hold(desk, topic)
    assert (held(node)[0]["client_id"], held(node)[0]["target"]) == (name, topic)
    said = node.ok("respond", "approve", number)
    assert "\u00e9" * 256 in said and "\u20ac" * 169 in said
    done = {e["action"]: e["object"] for e in node.json("audit", "list")}
    assert done["hold command"] == done["approve command"] == "topic set/" + "\u20ac" * 169
    desk.close()


@pytest.mark.parametrize("limits, n, name", [
    ("{{held_commands_max: 2}}", 2, "held_commands_max"),
    ("{{held_commands_per_client_max: 3}}", 3, "held_commands_per_client_max"),
    ("{{held_commands_bytes_max: 1}}", 0, "held_commands_bytes_max"),
])
def test_no_more_are_held_than_the_limits_say(holding, limits, n, name):
    node = holding(f"limits: {limits}")
    desk, _ = joined(node, "desk")
    for i in range(n):
        hold(desk, f"set/{i}")
    for qos in (1, 2):
        assert publish(desk, "set/x", qos=qos) == (0x97, f"no more commands are held for approval: {name}")
    assert len(held(node)) == n
    if n > 0:
        node.ok("respond", "undo", held(node)[0]["id"])
        hold(desk, "set/y")
    assert count(node, "limits_hit_total") >= 2
    desk.close()


def test_an_incident_says_that_it_is_held(holding):
    node = holding()
    desk, _ = joined(node, "desk")
    number = hold(desk)

    def told():
        return [i for i in node.json("incidents") if i["kind"] == "unauthorized-command"]

    wait_until(told, "it is told of")
    assert (told()[0]["subject"], told()[0]["samples"]) == ("client:desk", [f"held as {number}: set/1"])
    assert f"held as {number}: set/1" in node.log_text()
    assert told()[0]["action"] == "alert" and publish(desk, "telemetry") in ROUTED, "it is not cut off"
    desk.close()


def test_a_will_is_held_when_it_fires(holding):
    node = holding()
    reader = reader_of(node, "reader", "set/#")
    raw = Raw(node)
    body = string("MQTT") + bytes([5, 0x0E]) + struct.pack("!H", 60) + b"\0" + string("dying")
    raw.send(packet(0x10, body + b"\0" + string("set/9") + string("trip")))
    assert next_connack(raw)[0] == 0
    assert held(node) == []
    raw.close()
    wait_until(lambda: held(node), "it has fired")
    one, = held(node)
    assert (one["target"], one["client_id"], one["is_will"], one["qos"]) == ("set/9", "dying", True, 1)
    assert count(node, "wills_published_total") == 0
    wait_until(lambda: f"held as {one['id']}: set/9" in
               [s for i in node.json("incidents") if i["kind"] == "unauthorized-command" for s in i["samples"]],
               "it is told of")
    node.ok("respond", "approve", one["id"])
    assert next_publish(reader) == (1, 0, "set/9", b"", b"trip")
    reader.close()


def test_a_reload_changes_what_is_held_from_then_on(holding):
    node = holding()
    desk, _ = joined(node, "desk")
    reader = reader_of(node, "reader", "set/#")
    number = hold(desk)
    text = node.config.read_text()
    node.config.write_text(text.replace("hold_commands: yes", "hold_commands: no"))
    node.ok("reload")
    assert publish(desk, "set/1", payload=b"second") in ROUTED
    assert next_publish(reader)[4] == b"second"
    node.ok("respond", "approve", number)
    assert next_publish(reader)[4] == b"x", "what waited can still be approved"
    node.config.write_text(text)
    node.ok("reload")
    hold(desk)
    for raw in (desk, reader):
        raw.close()


def test_what_stands_against_an_approval_leaves_it_waiting(holding):
    node = holding()
    desk, _ = joined(node, "desk")
    reader = reader_of(node, "reader", "set/#")
    number = hold(desk)
    node.ok("respond", "run", "quarantine", "topic", "set/#", "--direction", "publish")
    done = node.cli("respond", "approve", number)
    assert done.returncode == 1 and "not published, and waits as before: the topic is quarantined" in done.stderr
    assert publish(desk, "set/2") == (0x87, "the topic is quarantined"), "what is blocked does not wait"
    dies(node, "dying", "set/2", b"trip")
    wait_until(lambda: "Will on set/2 refused: the topic is quarantined" in node.log_text(), "nor does a Will")
    assert [one["id"] for one in held(node)] == [number]
    node.ok("respond", "undo", "quarantine", "topic", "set/#", "--reason", "looked at")
    node.ok("respond", "approve", number)
    assert next_publish(reader)[2] == "set/1"
    for raw in (desk, reader):
        raw.close()


@pytest.mark.parametrize("durability", ["memory", "commit"])
def test_a_retained_command_is_cleared_by_an_approval(holding, durability):
    node = holding(workers=f"durability: {durability}, workers")
    desk, _ = joined(node, "desk")
    reader = reader_of(node, "reader", "seen")
    for payload in (b"on", b""):
        node.ok("respond", "approve", hold(desk, payload=payload, retain=True, props=b"\2\0\0\x0e\x10"))
        late = reader_of(node, f"late-{payload.decode()}", "set/#", "seen")
        if payload:
            got = next_publish(late)
            assert (got[1], got[2], got[4]) == (1, "set/1", b"on")
            assert got[3][:1] == b"\2" and 0 < int.from_bytes(got[3][1:], "big") <= 3600, "what is left of it"
        only_next(late, desk, "seen")
        assert next_publish(reader)[2] == "seen"
        late.close()
    for raw in (desk, reader):
        raw.close()


def test_who_approves_what_cannot_be_retained_is_told_so(holding):
    node = holding("limits: {{retained_messages_max: 0}}")
    desk, _ = joined(node, "desk")
    reader = reader_of(node, "reader", "set/#")
    number = hold(desk, retain=True)
    said = node.ok("respond", "approve", number)
    why = "published, but not retained: there is no room, see retained_messages_max and retained_bytes_max"
    assert f"command {number} of client desk on set/1, QoS 1, is {why}" in said
    assert next_publish(reader)[2] == "set/1"
    assert [e["result"] for e in node.json("audit", "list") if e["action"] == "approve command"] == [said.strip()]
    number = hold(desk)
    assert node.ok("respond", "approve", number).strip().endswith("is published")
    for raw in (desk, reader):
        raw.close()


def test_a_restart_gives_up_what_is_held_and_keeps_what_was_approved(holding):
    node = holding(workers="durability: commit, workers")
    desk, _ = joined(node, "desk")
    keeper, _ = joined(node, "keeper", props=b"\x11\0\0\x0e\x10")
    assert subscribe(keeper, "set/#") == ([1], None)
    keeper.close()
    first, second = hold(desk, payload=b"first"), hold(desk, payload=b"second")
    node.ok("respond", "approve", first)
    desk.close()
    assert node.end() == 0, node.log_text()
    node.start()
    assert held(node) == []
    assert f"{second}: given up: the node stops" in [e["result"] for e in node.json("audit", "list")]
    raw = Raw(node)
    raw.send(connect_packet("keeper", level=5, clean=False, properties=b"\x11\0\0\x0e\x10"))
    assert next_connack(raw)[0] == 0
    assert next_publish(raw)[4] == b"first"
    raw.close()


def test_a_payload_that_is_no_text_is_shown_in_hexadecimal(holding):
    node = holding()
    desk, _ = joined(node, "desk")
    number = hold(desk, payload=b"\xff\0\x1b[2J")
    shown = node.json("respond", "show", number)
    assert shown["payload_hex"] == "ff001b5b324a" and "payload" not in shown
    assert node.json("respond", "show", hold(desk, payload=b"a\0b"))["payload_hex"] == "610062"
    assert node.json("respond", "show", hold(desk, payload=b""))["payload"] == ""
    number = hold(desk, payload="\u00e9".encode() * 513)
    assert node.json("respond", "show", number)["payload"] == "\u00e9" * 512
    number = hold(desk, payload=b"a\x1b[2J" + b"y" * 3000)
    out = node.ok("respond", "show", number)
    assert "\x1b" not in out and "y" * 100 in out and "y" * 1100 not in out
    desk.close()


# ---- with clients that we did not write ----


@pytest.mark.parametrize("version", [V311, V5])
def test_a_client_of_paho_is_heard_when_somebody_agrees(site, peer, version):
    site.change("\ncommand_topics:\n", "\ncommand_topics:\n  - test/valve/#\n")
    site.change("respond:\n", "respond:\n  hold_commands: yes\n")
    site.start()
    reader = peer(site, "reader").join().read("test/#", qos=2)
    desk = peer(site, "desk", version=version).join()
    more = {}
    if version == V5:
        more["properties"] = Properties(PacketTypes.PUBLISH)
        more["properties"].CorrelationData = b"42"
        more["properties"].UserProperty = [("by", "desk")]
    desk.paho.publish("test/valve/1", "open", 2, **more)
    wait_until(lambda: held(site), "it is held")
    desk.publish("test/seen", "", qos=0)
    assert reader.next().topic == "test/seen"
    one, = held(site)
    assert (one["user"], one["role"], one["qos"]) == ("alice", "tester", 2)
    site.ok("respond", "approve", one["id"])
    got = reader.next()
    assert (got.topic, got.payload, got.qos) == ("test/valve/1", b"open", 2)
    if version == V5:
        assert got.properties.CorrelationData == b"42" and got.properties.UserProperty == [("by", "desk")]
    for one in (desk, reader):
        one.leave()
    assert site.end() == 0, site.log_text()


def test_a_killed_node_has_published_nothing_that_was_held(holding):
    node = holding(workers="durability: commit, workers")
    desk, _ = joined(node, "desk")
    hold(desk, retain=True)
    desk.close()
    node.end(signal.SIGKILL)
    node.start()
    assert held(node) == []
    reader, desk = reader_of(node, "reader", "set/#", "seen"), joined(node, "desk")[0]
    only_next(reader, desk, "seen")
    for raw in (desk, reader):
        raw.close()


def test_who_relies_on_it_without_command_topics_is_warned(home):
    home.write(CONFIG.replace("command_topics: [set/#]\n", ""))
    done = home.cli("check-config")
    assert done.returncode == 0 and "respond.hold_commands: holds nothing" in done.stdout + done.stderr


def test_the_api_says_what_is_wrong(holding):
    node = holding()
    for path in ("/v1/commands/C-1/approve", "/v1/commands/C-1/withdraw"):
        status, said = admin_api.ask(node.socket, "POST", path, {})
        assert status == 404 and "no command C-1 waits" in said["error"]
    status, said = admin_api.ask(node.socket, "GET", "/v1/commands/C-1")
    assert status == 404 and "bastide respond" in said["what_to_do"]
