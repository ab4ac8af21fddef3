# SPDX-License-Identifier: Apache-2.0
"""A retained message that only who has published it may change."""

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


def test_a_will_does_not_change_another_one_s(owned):
    owner, _ = joined(owned, "owner")
    assert retain(owner, "state/1") == KEPT
    thief, _ = joined(owned, "thief")
    hears(owner, thief)
    thief.close()
    will = Raw(owned)
    body = string("MQTT") + bytes([5, 0x26]) + struct.pack("!H", 60) + b"\0" + string("thief")
    body += b"\0" + string("state/1") + string(b"forged")
    will.send(bytes([0x10, len(body)]) + body)
    assert next_connack(will)[0] == 0
    will.close()
    wait_until(lambda: not any(c["client_id"] == "thief" for c in owned.json("clients")), "it has gone")
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
