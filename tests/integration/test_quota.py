# SPDX-License-Identifier: Apache-2.0
"""What one client may keep in the node: retained topics.  Whoever is within it notices nothing of who is not."""

import re
import signal

import pytest

from conftest import wait_until
from crash import prepare
from peer import Raw, connect_packet, packet, publish_packet, string, subscribe_packet
from test_answers import joined, publish, subscribe

MOST = 3
QUOTA = (0x97, "no more is retained: retained_per_client_max")
KEPT = (0x10, None)  # and nobody subscribes to it


@pytest.fixture
def small(home):
    """A node that commits, of two workers, where a client has few retained topics; of gateways twenty times as many."""
    prepare(home)
    text = home.config.read_text()
    text, n = re.subn(r"retained_per_client_max: \d+", f"retained_per_client_max: {MOST}", text)
    assert n == 1
    home.config.write_text(text)
    home.start()
    yield home
    assert home.end() == 0, home.log_text()


def retain(raw, *topics, qos=1):
    return [publish(raw, f"a/{topic}", qos=qos, retain=True) for topic in topics]


def limits_hit(node):
    """Not those that the node's trials of itself hit."""
    return node.json("status")["events"]["limit-hit"]


def check_limits_hit(node, n):
    wait_until(lambda: limits_hit(node) >= n, "the sentinel knows")
    assert limits_hit(node) == n


def test_a_client_keeps_so_many_topics_and_no_more(small):
    others = [joined(small, f"other-{i}")[0] for i in range(6)]
    greedy, _ = joined(small, "greedy")
    assert retain(greedy, *range(MOST + 2)) == [KEPT] * MOST + [QUOTA] * 2
    assert retain(greedy, MOST, qos=2) == [QUOTA]
    assert retain(greedy, 0, 1) == [KEPT] * 2, "new values of topics that are its own"
    assert publish(greedy, "a/9") == KEPT, "what is not retained is nobody's concern"
    for i, raw in enumerate(others):  # on both workers
        assert retain(raw, f"{i}-0", f"{i}-1") == [KEPT] * 2
    assert publish(greedy, "a/0", payload=b"", retain=True) == KEPT
    assert retain(greedy, MOST, MOST + 1) == [KEPT, QUOTA], "what was cleared leaves room"
    wait_until(lambda: any(i["kind"] == "retained-flood" and i["subject"] == "client:greedy"
                           for i in small.json("incidents")), "it is told")
    for raw in (greedy, *others):
        raw.close()


def test_it_is_the_same_after_the_node_was_killed(small):
    raw, _ = joined(small, "greedy")
    assert retain(raw, *range(MOST)) == [KEPT] * MOST
    assert small.end(signal.SIGKILL) != 0
    small.start()
    raw, _ = joined(small, "greedy")
    assert retain(raw, "more", 0) == [QUOTA, KEPT]
    raw.close()


def test_a_gateway_keeps_twenty_times_as_many(small):
    small.config.write_text(small.config.read_text().replace("  guest:\n", "  guest:\n    kind: gateway\n"))
    small.ok("reload")
    raw, _ = joined(small, "gateway")
    assert retain(raw, *range(20 * MOST + 1)) == [KEPT] * (20 * MOST) + [QUOTA]
    raw.close()


def test_a_message_at_qos_0_beyond_it_is_dropped_and_counted(small):
    raw, _ = joined(small, "greedy")
    retain(raw, *range(MOST))
    assert retain(raw, "lost", qos=0) == [None]
    assert retain(raw, 0) == [KEPT], "and the connection goes on"
    check_limits_hit(small, 1)
    reader, _ = joined(small, "reader")
    assert subscribe(reader, "a/lost", "a/0") == ([1, 1], None)
    first, body = reader.packet()
    assert first & 0xF0 == 0x30 and body[2:5] == b"a/0", "nothing of a/lost is there"
    reader.close()
    raw.close()


def will_packet(client_id, topic, level):
    head = string("MQTT") + bytes([level, 0x26]) + b"\0\x3c" + (b"\0" if level == 5 else b"")
    will = (b"\0" if level == 5 else b"") + string(topic) + string("gone")
    return packet(0x10, head + string(client_id) + will)


def readers(node, n=4):
    """On both workers, at QoS 0 so that they have nothing to acknowledge."""
    found = [Raw(node) for _ in range(n)]
    for i, raw in enumerate(found):
        raw.send(connect_packet(f"reader-{i}"))
        assert raw.packet() == (0x20, b"\0\0")
        raw.send(subscribe_packet("a/#", 0))
        assert raw.packet() == (0x90, b"\0\1\0")
    return found


def heard(raw):
    first, body = raw.packet()
    n = int.from_bytes(body[:2], "big")
    return first, body[2:2 + n].decode(), body[2 + n:]


def test_what_an_older_client_has_beyond_it_is_delivered_and_not_retained(small):
    """There is no answer that would refuse it [MQTT3-4.3.2-2] [MQTT3-4.3.3-2]."""
    others = readers(small)
    with Raw(small) as greedy:
        greedy.send(connect_packet("greedy"))
        assert greedy.packet() == (0x20, b"\0\0")
        for i in range(MOST + 1):
            greedy.send(publish_packet(f"a/{i}", b"x", 1, 7, retain=True))
            assert greedy.packet() == (0x40, b"\0\x07")
        greedy.send(publish_packet(f"a/{MOST + 1}", b"x", 2, 8, retain=True))
        assert greedy.packet() == (0x50, b"\0\x08")
        greedy.send(publish_packet(f"a/{MOST + 2}", b"x", 0, retain=True))
        for raw in others:
            assert [heard(raw) for _ in range(MOST + 3)] == [(0x30, f"a/{i}", b"x") for i in range(MOST + 3)]
    check_limits_hit(small, 3)
    late = readers(small, 3)
    for raw in late:
        assert sorted(heard(raw)[1] for _ in range(MOST)) == [f"a/{i}" for i in range(MOST)]
    with Raw(small) as last:
        last.send(connect_packet("last") + publish_packet("a/last", b"x"))
        for raw in late:
            assert heard(raw)[1] == "a/last", "nothing more is retained"
    for raw in (*others, *late):
        raw.close()


@pytest.mark.parametrize("level", [4, 5])
def test_a_will_beyond_it_is_delivered_and_not_retained(small, level):
    """It MUST be published [MQTT5-3.1.2-8] [MQTT3-3.1.2-8]; what is not kept is told as of any message."""
    others = readers(small)
    with Raw(small) as greedy:
        greedy.send(will_packet("greedy", "a/will", level))
        assert greedy.packet()[0] == 0x20
        for i in range(MOST):
            more = b"\0" if level == 5 else b""
            greedy.send(packet(0x33, string(f"a/{i}") + b"\0\7" + more + b"x"))
            assert greedy.packet()[0] == 0x40
    for raw in others:
        assert [heard(raw)[1] for _ in range(MOST)] == [f"a/{i}" for i in range(MOST)]
        assert heard(raw) == (0x30, "a/will", b"gone")
    check_limits_hit(small, 1)
    wait_until(lambda: any(i["kind"] == "retained-flood" and i["subject"] == "client:greedy"
                           for i in small.json("incidents")), "it is told")
    for raw in others:
        raw.close()
