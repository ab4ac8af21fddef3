# SPDX-License-Identifier: Apache-2.0
"""All messages on their way share one budget, memory_bytes_max; who fills it is served less and less."""

import contextlib
import re
import struct

import pytest

from conftest import SANITIZERS, wait_until
from peer import PATIENCE_S, V311, Raw, connect_packet, packet, publish_packet, string, subscribe_packet

BUDGET = 16 << 20  # the least that can be configured
PAYLOAD = b"x" * 65000
QUOTA_EXCEEDED = 0x97
DUP = 8


@pytest.fixture
def field(site):
    site.change("  enforce: yes", "  enforce: no")
    site.change("  queue_bytes_max: 16777216", f"  queue_bytes_max: 1073741824\n  memory_bytes_max: {BUDGET}")
    site.start()
    yield site
    assert site.end() == 0, site.log_text()
    assert not SANITIZERS.search(site.log_text()), site.log_text()


def metric(site, name):
    return int(re.search(rf"^bastide_{name} (\d+)$", site.ok("metrics"), re.M)[1])


def test_ten_who_do_not_read_cannot_take_more_than_the_budget(field, peer):
    """80 MB for receivers each of whose queues would take it all; and all is well when they are gone."""
    deaf = []
    for i in range(10):
        raw = Raw(field)
        deaf.append(raw)
        raw.join(field, f"deaf-{i}")
        raw.send(subscribe_packet(f"test/deaf/{i}", 0))
        assert raw.packet()[0] == 0x90
    with Raw(field) as flood:
        flood.join(field, "flood")
        for n in range(1250):
            flood.send(publish_packet(f"test/deaf/{n % 10}", PAYLOAD))
            if n % 100 == 0:
                assert metric(field, "memory_bytes") < BUDGET
        one = peer(field, "decent").join()
        one.read("test/decent")
        one.publish("test/decent", "served meanwhile")
        assert one.next().payload == b"served meanwhile"
        assert metric(field, "messages_dropped_total") > 0
    for raw in deaf:
        raw.close()
    wait_until(lambda: metric(field, "memory_bytes") < BUDGET / 8, "memory given back")


def fill(publisher, topic, level=4):
    """Until it is refused; QoS 1, one after another."""
    for n in range(1, 400):
        body = string(topic) + struct.pack("!H", n) + (b"\0" if level == 5 else b"") + PAYLOAD
        publisher.send(packet(0x32, body))
        first, body = publisher.packet()
        if first != 0x40 or len(body) > 2 and body[2] >= 0x80:
            return first, body
    raise AssertionError("nothing was refused")


@contextlib.contextmanager
def full(field):
    """Well above full, and for as long as it lasts: with who filled it, who stays, others have begun packets."""
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(Raw(field)) for _ in range(10)]
        for i, other in enumerate(others):
            other.join(field, f"other-{i}")
        flood = stack.enter_context(Raw(field))
        flood.send(connect_packet("flood", "alice", field.passwords["alice"], level=5))
        assert flood.packet()[0] == 0x20
        first, body = fill(flood, "test/away", level=5)
        assert (first, body[2]) == (0x40, QUOTA_EXCEEDED)
        for other in others:
            other.send(publish_packet("test/away", PAYLOAD)[:-1])
        wait_until(lambda: metric(field, "memory_bytes") >= BUDGET * 15 // 16 + 5 * len(PAYLOAD), "well above full")
        yield


def test_when_it_is_full_nothing_new_comes_in_and_the_control_plane_goes_on(field, peer):
    away = peer(field, "away").join(expiry_s=3600)
    away.read("test/away")
    away.leave()
    old = peer(field, "old", version=V311).join()
    former = Raw(field)
    former.join(field, "former")
    with full(field):
        former.send(publish_packet("test/away", b"3.1.1 has no word for it", 1, 1))
        assert former.rest_until_closed() == b""
        assert peer(field, "new").connect() == QUOTA_EXCEEDED
        field.ok("disconnect", "client", "old")
        assert old.disconnected.wait(PATIENCE_S)
        wait_until(lambda: "full: no new message" in field.log_text(), "said in the log")


def test_who_has_a_session_fetches_what_waits_and_then_there_is_room(field, peer):
    away = peer(field, "away").join(expiry_s=3600)
    away.read("test/away")
    away.leave()
    with Raw(field) as flood:
        flood.send(connect_packet("flood", "alice", field.passwords["alice"], level=5))
        assert flood.packet()[0] == 0x20
        first, body = fill(flood, "test/away", level=5)
        assert (first, body[2]) == (0x40, QUOTA_EXCEEDED)
        away.join(clean=False, expiry_s=3600)
        for _ in range(int(BUDGET * 14 / 16 / len(PAYLOAD))):
            away.next()
        wait_until(lambda: metric(field, "memory_bytes") < BUDGET / 2, "memory given back")
        flood.send(packet(0x32, string("test/away") + struct.pack("!HB", 500, 0) + b"later"))
        assert flood.packet() == (0x40, struct.pack("!H", 500))


def test_what_was_refused_at_qos_2_is_delivered_when_it_is_sent_again(field, peer):
    """3.1.1 is refused by an end of its connection, and nothing of the refused message stays [MQTT3-4.3.3-2]."""
    away = peer(field, "away").join(expiry_s=3600)
    away.read("test/away")
    away.leave()
    reader = peer(field, "reader").join()
    reader.read("test/once")
    once = publish_packet("test/once", b"once", 2, 7)
    with Raw(field) as sender:
        sender.join(field, "sender", clean=False)
        with full(field):
            sender.send(once)
            assert sender.rest_until_closed() == b""
    away.join()  # what waited for it is gone
    wait_until(lambda: metric(field, "memory_bytes") < BUDGET / 2, "memory given back")
    with Raw(field) as sender:
        assert sender.join(field, "sender", clean=False)
        sender.send(bytes([once[0] | DUP]) + once[1:])
        assert sender.packet() == (0x50, struct.pack("!H", 7))
        assert reader.next().payload == b"once"
