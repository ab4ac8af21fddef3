# SPDX-License-Identifier: Apache-2.0
"""Commands of clients that may give them, held all the same: for a time, by order and by a play."""

import struct

from admin_api import order
from conftest import wait_until
from peer import Raw, next_connack, packet, string
from test_answers import joined, publish
from test_hold import ROUTED, count, held, hold, holding  # noqa: F401, a fixture
from test_owner_only import dies

MAY_COMMAND = {"  guest:\n": "  guest:\n    may_command: yes\n", "  hold_commands: yes\n": "  enforce: yes\n"}


def test_the_commands_of_a_client_are_held_by_order(holding):  # noqa: F811
    node = holding(**MAY_COMMAND)
    desk, _ = joined(node, "desk")
    other, _ = joined(node, "other")
    assert publish(desk, "set/1") in ROUTED
    assert "would hit 1 connection" in node.ok("respond", "run", "hold", "client", "desk", "--dry-run")
    assert publish(desk, "set/1") in ROUTED
    node.ok("respond", "run", "hold", "client", "desk", "--for", "1h", "--reason", "odd")
    number = hold(desk)
    assert publish(desk, "telemetry") in ROUTED and publish(other, "set/1") in ROUTED
    in_force, = node.json("respond")["in_force"]
    assert (in_force["what"], in_force["target"], in_force["reason"]) == ("hold", "desk", "odd")
    desk.close()
    desk, _ = joined(node, "desk")
    hold(desk)
    assert node.end() == 0, node.log_text()
    node.start()  # what is in force is kept, what waited is not
    desk, _ = joined(node, "desk")
    assert node.cli("respond", "approve", number).returncode == 1
    hold(desk)
    node.ok("respond", "undo", "hold", "client", "desk")
    assert publish(desk, "set/1") in ROUTED
    assert not [i for i in node.json("incidents") if i["kind"] == "unauthorized-command"], "it may command"
    for raw in (desk, other):
        raw.close()


def test_the_commands_of_everybody_to_some_topics_are_held_by_order(holding):  # noqa: F811
    node = holding(**MAY_COMMAND)
    desk, _ = joined(node, "desk")
    other, _ = joined(node, "other")
    assert publish(desk, "set/north/1") in ROUTED and publish(other, "set/south/1") in ROUTED
    wait_until(lambda: "would hit 1 connection" in node.ok("respond", "run", "hold", "topic", "set/north/1", "--dry-run"),
               "it is known who writes there")
    node.ok("respond", "run", "hold", "topic", "+/north/#", "--for", "1h")
    for raw in (desk, other):
        hold(raw, "set/north/1")
        assert publish(raw, "set/south/1") in ROUTED and publish(raw, "tell/north/1") in ROUTED, "that is no command"
    dies(node, "dying", "set/north/2", b"trip")
    wait_until(lambda: len(held(node)) == 3, "a Will is held, too")
    node.ok("respond", "undo", "hold", "topic", "+/north/#")
    for raw in (desk, other):
        assert publish(raw, "set/north/1") in ROUTED
        raw.close()


def test_a_hold_ends_at_its_time(holding):  # noqa: F811
    node = holding(**MAY_COMMAND)
    desk, _ = joined(node, "desk")
    # Without the end of a program, in which that time may pass.
    order(node, "/v1/responses", what="hold", target_kind="client", target="desk", for_s=2)
    hold(desk)
    wait_until(lambda: publish(desk, "set/1") in ROUTED, "it has ended")
    desk.close()


def test_the_will_of_whose_commands_are_held_is_held(holding):  # noqa: F811
    """By its name; or because they were held where it was connected."""
    node = holding(**MAY_COMMAND)
    node.ok("respond", "run", "hold", "address", "127.0.0.9")
    for name, source in (("near", ""), ("far", "127.0.0.9")):
        raw = Raw(node, source=source)
        body = string("MQTT") + bytes([5, 0x06]) + struct.pack("!H", 60) + b"\0" + string(name)
        raw.send(packet(0x10, body + b"\0" + string(f"set/{name}") + string("trip")))
        assert next_connack(raw)[0] == 0
        raw.close()
        wait_until(lambda: all(c["client_id"] != name for c in node.json("clients")), "it has gone")
    one, = held(node)
    assert one["target"] == "set/far" and count(node, "wills_published_total") == 1


def test_commands_without_end_of_a_critical_role_are_held_where_a_play_says_so(holding):  # noqa: F811
    node = holding(**{
        "  guest:\n": "  guest:\n    kind: control\n", "  hold_commands: yes\n": "",
        "{{startup_grace_s: 0}}": "{{startup_grace_s: 0, detectors: [{{detector: brute-force-io, mode: enforce}}]}}",
        "respond:\n": "respond:\n  playbooks:\n"
        "    - {{kind: brute-force-io, role: guest, severity: high, steps: [hold 10m, disconnect]}}\n"})
    desk, _ = joined(node, "desk")
    answers = []

    def is_held():
        answers.append(publish(desk, f"set/{len(answers) % 7}"))
        return answers[-1][0] == 0x87

    wait_until(is_held, "its commands are held")
    assert len(answers) > 30 and all(a in ROUTED for a in answers[:30])
    assert publish(desk, "telemetry") in ROUTED
    incident, = [i for i in node.json("incidents") if i["kind"] == "brute-force-io"]
    assert incident["action"] == "hold"
    assert [(a["what"], a["state"], a["target"]) for a in incident["actions"] if a["what"] in ("hold", "disconnect")] == [
        ("hold", "done", "desk"), ("disconnect", "withheld", "desk")]
    node.ok("respond", "undo", incident["id"])
    assert publish(desk, "set/1") in ROUTED
    desk.close()
