# SPDX-License-Identifier: Apache-2.0
"""What one client can make the node do is bounded in memory and time, and costs others little."""

import os
import struct
import time

import pytest

from conftest import SANITIZERS, wait_until
from peer import PATIENCE_S, Raw, connect_packet, packet, publish_packet, string

MEMORY_BYTES = 48 << 20


def subscribe(number, *filters, qos=1):
    body = struct.pack("!H", number) + b"".join(string(one) + bytes([qos]) for one in filters)
    return packet(0x82, body)


def puback(number):
    return packet(0x40, struct.pack("!H", number))


@pytest.fixture
def field(site):
    """As conftest's, but what looks like an attack is only recorded."""
    site.change("  enforce: yes", "  enforce: no")
    # A password check takes 64 MB for a moment; the address sanitizer would keep what is freed for longer.
    site.start(ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
    yield site
    assert site.end() == 0, site.log_text()
    assert not SANITIZERS.search(site.log_text()), site.log_text()


# ---- names ----


def test_a_client_id_that_something_would_cut_is_refused_before_it_is_known(field):
    for level, reason in ((4, 2), (5, 0x85)):
        with Raw(field) as raw:
            raw.send(connect_packet("x" * 257, "alice", field.passwords["alice"], level=level))
            first, body = raw.packet()
            assert (first, body[1]) == (0x20, reason)
            assert raw.rest_until_closed() == b""
        with Raw(field) as raw:
            raw.join(field, f"{level}" + "y" * 255)
    assert "bastide_limits_hit_total 2" in field.ok("metrics")
    assert all(len(asset["client_id"]) < 257 for asset in field.json("assets"))


def test_the_longest_client_id_that_can_be_allowed_is_cut_off_by_its_whole_name(site, peer):
    """Of two that differ in their last letter alone, the one that does it is hit."""
    site.change("\nlimits:\n", "\nlimits:\n  client_id_bytes_max: 1024\n")
    site.change("\ncommand_topics:\n", "\ncommand_topics:\n  - test/valve/#\n")
    site.start()
    bad, good = peer(site, "v" * 1023 + "b").join(), peer(site, "v" * 1023 + "g").join()
    bad.paho.publish("test/valve/1", "open", 0)
    assert bad.disconnected.wait(PATIENCE_S), site.json("incidents")
    assert {i["client_id"] for i in site.json("incidents")} == {"v" * 1023 + "b"}
    assert not good.disconnected.is_set()
    assert site.end() == 0, site.log_text()


# ---- retained messages ----


def retain(field, peer, topics, payload):
    writer = peer(field, "retainer").join()
    last = None
    for topic in topics:
        last = writer.paho.publish(topic, payload, 1, True)
    last.wait_for_publish(PATIENCE_S)


def test_subscribing_again_and_again_without_reading_takes_no_memory(field, peer):
    retain(field, peer, [f"test/r/{i}" for i in range(5000)], b"x" * 100)
    with Raw(field) as raw:
        raw.join(field, "greedy")
        before = field.rss_bytes()
        many = b"".join(subscribe(i, "test/#", "test/r/#", "test/+/+") for i in range(1, 2001))
        raw.send(many)
        one = peer(field, "decent").join()
        one.read("test/decent")
        one.publish("test/decent", "served meanwhile")
        assert one.next().payload == b"served meanwhile"
        wait_until(lambda: field.json("clients", "greedy")["subscriptions"] == 3, "subscribed")
        # The client still reads nothing; what may go is what its and others' password checks took.
        wait_until(lambda: field.rss_bytes() - before < MEMORY_BYTES, "no more memory than that")


def test_all_that_is_retained_comes_once_to_who_reads_slowly(field, peer):
    topics = [f"test/r/{i}" for i in range(2000)]
    retain(field, peer, topics, b"value")
    with Raw(field) as raw:
        raw.join(field, "slow")
        raw.send(subscribe(1, "test/r/#"))
        assert raw.packet()[0] == 0x90
        came = []
        for _ in topics:
            first, body = raw.packet()
            assert first == 0x33  # QoS 1, RETAIN
            size = struct.unpack("!H", body[:2])[0]
            came.append(body[2:2 + size].decode())
            raw.send(puback(struct.unpack("!H", body[2 + size:4 + size])[0]))
        assert sorted(came) == sorted(topics)


def test_what_is_too_much_for_a_turn_comes_once_all_the_same(field, peer):
    """A filter that meets more topics than a turn looks at is answered in parts, while topics come and go."""
    n, more = 12000, 3000  # node/retained.c: TOPICS_PER_TURN 10000
    with Raw(field) as raw, Raw(field) as other:
        raw.join(field, "reader")
        raw.send(b"".join(publish_packet(f"test/m/{i % 100}/{i}", b"v", retain=True) for i in range(n)))
        wait_until(lambda: field.json("status")["retained_messages"] == n, "all are retained")
        other.join(field, "other")
        raw.send(subscribe(1, "test/+/+/#"))
        other.send(b"".join(publish_packet(f"test/n/x/{i}", b"v", retain=True) for i in range(more)))
        came = {}
        while sum(came.values()) < n + more:  # the other's come live
            first, body = raw.packet()
            if first & 0xF0 == 0x30:
                size = struct.unpack("!H", body[:2])[0]
                topic = body[2:2 + size].decode()
                came[topic] = came.get(topic, 0) + 1
        assert set(came.values()) == {1}
        assert len(came) == n + more


def test_an_old_value_does_not_come_after_a_newer_one(field, peer):
    """The window is full of retained messages when one that waits behind them is replaced."""
    topics = [f"test/r/{i}" for i in range(300)]
    retain(field, peer, topics, b"old")
    with Raw(field) as raw:
        raw.join(field, "reader")
        raw.send(subscribe(1, "test/r/#"))
        assert raw.packet()[0] == 0x90
        window = [raw.packet()[1] for _ in range(100)]  # inflight_max
        retain(field, peer, topics, b"new")
        last = {}

        def take(body):
            size = struct.unpack("!H", body[:2])[0]
            last[body[2:2 + size].decode()] = body[4 + size:]
            raw.send(puback(struct.unpack("!H", body[2 + size:4 + size])[0]))

        for body in window:
            take(body)
        raw.send(publish_packet("test/r/end", b"new", 1, 77))
        while "test/r/end" not in last:
            first, body = raw.packet()
            if first & 0xF0 == 0x30:
                take(body)
        raw.send(b"\xc0\0")
        while True:
            first, body = raw.packet()
            if first == 0xD0:
                break
            if first & 0xF0 == 0x30:
                take(body)
        assert {last[one] for one in topics} == {b"new"}
