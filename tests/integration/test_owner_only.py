# SPDX-License-Identifier: Apache-2.0
"""A retained message that only who has published it may change."""

import re
import struct

import pytest

from conftest import wait_until
from peer import Raw, connect_packet, next_connack, string
from test_answers import joined, publish, subscribe

OURS = (0x87, "the retained message is another client's: owner_only_topics")
KEPT = (0x10, None)  # and nobody subscribes to it

CONFIG = """\
node: {{name: owned, state_dir: state, log_level: debug, workers: 2}}
listeners:
  - {{name: field, address: 127.0.0.1, port: {port}, anonymous: yes}}
admin: {{socket: run/admin.sock}}
anonymous_role: guest
owner_only_topics: [state/#]
roles:
  guest:
    MAY_COMMAND
    allow:
      - publish_subscribe: "#"
detect: {{startup_grace_s: 0}}
"""


@pytest.fixture
def owned(home):
    home.write(CONFIG.replace("MAY_COMMAND", "may_command: no"))
    home.start()
    yield home
    assert home.end() == 0, home.log_text()


def retain(raw, topic, payload=b"x", qos=1):
    return publish(raw, topic, qos=qos, payload=payload, retain=True)


def hears(owner, other):
    """Between two workers all goes in its order: what the owner said before has come to the other's, too."""
    topic = f"sync/{id(other)}"
    assert subscribe(other, topic) == ([1], None)
    publish(owner, topic, qos=0)
    assert other.packet()[0] & 0xF0 == 0x30


def test_nobody_but_its_owner_replaces_or_clears_a_retained_message(owned):
    owner, _ = joined(owned, "owner")
    assert retain(owner, "state/1") == KEPT
    others = [joined(owned, f"other-{i}")[0] for i in range(6)]  # on both workers
    for other in others:
        hears(owner, other)
        assert retain(other, "state/1", b"forged") == OURS
        assert retain(other, "state/1", b"") == OURS
        assert publish(other, "state/1") == KEPT, "what is not retained changes nothing"
        assert retain(other, "elsewhere", b"x") == KEPT
    assert retain(others[0], "state/1", qos=2) == OURS
    reader, _ = joined(owned, "reader")
    assert subscribe(reader, "state/1") == ([1], None)
    assert reader.packet()[1].endswith(b"x")
    assert retain(owner, "state/1", b"") == (0, None)
    wait_until(lambda: retain(others[0], "state/1") in (KEPT, (0, None)), "what was cleared is anybody's")
    assert "publish to state/1 refused" in owned.log_text()
    for raw in (owner, reader, *others):
        raw.close()


def wills_published(node):
    return int(re.search(r"^bastide_wills_published_total (\d+)$", node.ok("metrics"), re.M)[1])


def dies(node, client_id, topic, payload):
    """Leave a retained Will."""
    raw = Raw(node)
    body = string("MQTT") + bytes([5, 0x26]) + struct.pack("!H", 60) + b"\0" + string(client_id)
    body += b"\0" + string(topic) + string(payload)
    raw.send(bytes([0x10, len(body)]) + body)
    assert next_connack(raw)[0] == 0
    raw.close()
    wait_until(lambda: not any(c["client_id"] == client_id for c in node.json("clients")), "it has gone")


def told(node):
    """Of whom retained-poisoning is told."""
    return {i["subject"] for i in node.json("incidents") if i["kind"] == "retained-poisoning"}


def test_a_will_does_not_change_another_one_s(owned):
    owner, _ = joined(owned, "owner")
    assert retain(owner, "state/1") == KEPT
    assert retain(owner, "elsewhere") == KEPT
    for name in ("thief", "other"):
        raw, _ = joined(owned, name)
        hears(owner, raw)
        raw.close()
    dies(owned, "thief", "state/1", b"forged")
    wait_until(lambda: f"thief: Will on state/1 refused: {OURS[1]}" in owned.log_text(), "it is in the log")
    assert wills_published(owned) == 0, "what is refused is not published"
    wait_until(lambda: told(owned) == {"client:thief"}, "retained-poisoning is told of what was refused")
    dies(owned, "other", "elsewhere", b"forged")
    wait_until(lambda: wills_published(owned) == 1, "other topics are anybody's")
    wait_until(lambda: told(owned) == {"client:thief", "client:other"}, "of which it is told, too")
    reader, _ = joined(owned, "reader")
    assert subscribe(reader, "state/1") == ([1], None)
    assert reader.packet()[1].endswith(b"x")
    for raw in (owner, reader):
        raw.close()


def test_who_may_command_may_clean_up(home):
    home.write(CONFIG.replace("MAY_COMMAND", "may_command: yes"))
    home.start()
    owner, _ = joined(home, "owner")
    desk, _ = joined(home, "desk")
    assert retain(owner, "state/1") == KEPT
    assert retain(desk, "state/1", b"") == KEPT
    for raw in (owner, desk):
        raw.close()
    assert home.end() == 0, home.log_text()


@pytest.mark.parametrize("durability", ["memory", "commit"])
def test_who_comes_first_to_an_empty_topic_owns_it(home, durability):
    """Also after a restart, which empties all but what is durable."""
    text = CONFIG.replace("MAY_COMMAND", "may_command: no").replace("node: {{", f"node: {{{{durability: {durability}, ")
    home.write(text)
    home.start()
    owner, _ = joined(home, "owner")
    assert retain(owner, "state/1") == KEPT
    owner.close()
    assert home.end() == 0, home.log_text()
    home.start()
    first, _ = joined(home, "first")
    assert retain(first, "state/1") == (KEPT if durability == "memory" else OURS)
    owner, _ = joined(home, "owner")
    hears(first, owner)
    assert retain(owner, "state/1") == (OURS if durability == "memory" else KEPT)
    for raw in (owner, first):
        raw.close()
    assert home.end() == 0, home.log_text()
