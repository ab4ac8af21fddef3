# SPDX-License-Identifier: Apache-2.0
"""There are sessions_max sessions on all workers together, and not one more."""

import signal
import struct

import pytest

from conftest import is_alone, wait_until
from peer import Raw, connect_packet, packet

MOST = 20
QUOTA_EXCEEDED = 0x97
KEPT = b"\x11" + struct.pack("!I", 600)
CONFIG = """\
node: {{name: full, state_dir: state, log_level: debug, workers: 8, durability: commit}}
journal: {{space_min: 1048576}}
listeners:
  - {{name: field, address: 127.0.0.1, port: {port}, anonymous: yes}}
admin: {{socket: run/admin.sock}}
anonymous_role: guest
limits: {{sessions_max: MOST}}
roles:
  guest: {{allow: [{{publish_subscribe: "#"}}]}}
detect: {{startup_grace_s: 0}}
"""


@pytest.fixture
def full(home):
    home.write(CONFIG.replace("MOST", str(MOST)))
    home.start()
    wait_until(lambda: is_alone(home), "the node has tried itself")
    yield home
    assert home.end() == 0, home.log_text()


def all_come(node, names, clean=True):
    """At once; their connections, reason codes, and whether a session was there."""
    raws = {name: Raw(node) for name in names}
    for name, raw in raws.items():
        raw.send(connect_packet(name, level=5, clean=clean, properties=KEPT))
    answers = {name: raw.packet()[1] for name, raw in raws.items()}
    return raws, {name: body[1] for name, body in answers.items()}, {name for name, body in answers.items() if body[0]}


def comes(node, name, **how):
    raws, reasons, present = all_come(node, [name], **how)
    raws[name].close()
    return reasons[name], name in present


def fill(node):
    """Who has a session then, by the name."""
    raws, reasons, _ = all_come(node, [f"c-{i}" for i in range(3 * MOST)])
    assert set(reasons.values()) == {0, QUOTA_EXCEEDED}
    inside = {name: raws[name] for name, reason in reasons.items() if reason == 0}
    assert len(inside) == MOST
    return inside


def test_who_comes_in_is_not_decided_by_the_worker(full):
    inside = fill(full)
    _, reasons, _ = all_come(full, inside)
    assert set(reasons.values()) == {0}, "a session that begins anew has the place of the one before"
    assert comes(full, "more") == (QUOTA_EXCEEDED, False)
    name = next(iter(inside))
    leaver, *_ = all_come(full, [name])
    leaver[name].send(packet(0xE0, b"\0\5\x11\0\0\0\0"))
    wait_until(lambda: len(full.json("clients")) == MOST - 1, "its session has ended")
    _, reasons, _ = all_come(full, [f"more-{i}" for i in range(10)])
    assert sorted(reasons.values()) == [0] + 9 * [QUOTA_EXCEEDED]


def test_a_session_has_its_place_while_its_client_is_away_and_after_a_restart(full):
    for raw in fill(full).values():
        raw.send(packet(0xE0, b""))
    wait_until(lambda: not any(c["connected"] for c in full.json("clients")), "all are away")
    names = {c["client_id"] for c in full.json("clients")}
    assert comes(full, "more") == (QUOTA_EXCEEDED, False)
    assert full.end(signal.SIGKILL) != 0
    full.start()
    assert comes(full, "more") == (QUOTA_EXCEEDED, False)
    _, reasons, present = all_come(full, names, clean=False)
    assert len(names) == MOST and present == names and set(reasons.values()) == {0}
