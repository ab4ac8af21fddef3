# SPDX-License-Identifier: Apache-2.0
"""What has expired while it waits takes no room, in a queue or in memory, though nobody comes for it [MQTT5-3.3.2-5]."""

import re
import signal
import struct

import pytest

from conftest import SANITIZERS, wait_until
from peer import Raw, connect_packet, packet, string

QUEUE = 100  # most of it on the shelf where durability is commit
TOPIC = "test/away"


@pytest.fixture(params=["memory", "commit"])
def field(site, request):
    site.change("  queue_messages_max: 10000", f"  queue_messages_max: {QUEUE}")
    site.change("  durability: memory", f"  durability: {request.param}")
    site.start()
    yield site
    assert site.end() == 0, site.log_text()
    assert not SANITIZERS.search(site.log_text()), site.log_text()


class Peer5(Raw):
    """A client of 5.0, whose session stays."""

    def __init__(self, field, name):
        super().__init__(field)
        self.send(connect_packet(name, "alice", field.passwords["alice"], level=5, clean=False,
                                 properties=b"\x11" + struct.pack("!I", 3600)))
        first, body = self.packet()
        assert (first, body[1]) == (0x20, 0)

    def subscribe(self):
        self.send(packet(0x82, struct.pack("!HB", 1, 0) + string(TOPIC) + b"\1"))
        assert self.packet()[0] == 0x90
        return self

    def publish(self, texts, expiry_s=None):
        properties = b"" if expiry_s is None else b"\2" + struct.pack("!I", expiry_s)
        for n, text in enumerate(texts, 1):
            self.send(packet(0x32, string(TOPIC) + struct.pack("!HB", n, len(properties)) + properties + text.encode()))
            first, body = self.packet()
            assert first == 0x40 and (len(body) == 2 or body[2] == 0)

    def take(self, n):
        texts = []
        for _ in range(n):
            first, body = self.packet()
            assert first & 0xF6 == 0x32
            at = 2 + struct.unpack_from("!H", body)[0]
            texts.append(body[at + 3:].decode())  # it has no properties
            self.send(packet(0x40, body[at:at + 2]))
        return texts


def waiting(field):
    return {c["client_id"]: c["queue_messages"] for c in field.json("clients")}["away"]


def is_away(field):
    """Until then what comes is sent to it, and does not wait."""
    wait_until(lambda: not field.json("clients", "away")["connected"], "it is away")


def fill(field, expiry_s):
    """One that does not expire, and behind it a queue full of what does."""
    with Peer5(field, "away") as away, Peer5(field, "writer") as writer:
        away.subscribe()
        away.close()
        is_away(field)
        writer.publish(["first"])
        writer.publish([str(i) for i in range(1, QUEUE)], expiry_s)


def expired(field):
    n, = re.findall(r"^bastide_messages_expired_total (\d+)$", field.ok("metrics"), re.M)
    return int(n)


def test_what_has_expired_goes_though_nobody_comes_for_it(field):
    fill(field, 1)
    wait_until(lambda: waiting(field) == 1, "one is left")
    wait_until(lambda: expired(field) == QUEUE - 1, "all others are counted")
    with Peer5(field, "writer") as writer:
        writer.publish([str(i) for i in range(1, QUEUE)])
    with Peer5(field, "away") as away:
        assert away.take(QUEUE) == ["first"] + [str(i) for i in range(1, QUEUE)]


def test_what_expires_at_once_is_counted_where_it_would_have_to_wait(field):
    with Peer5(field, "away") as away, Peer5(field, "writer") as writer:
        away.subscribe()
        writer.publish(["now"], 0)
        assert away.packet()[0] == 0x32
        assert expired(field) == 0
        away.close()
        is_away(field)
        writer.publish(["never", "either"], 0)
        wait_until(lambda: expired(field) == 2, "both are counted")


@pytest.mark.parametrize("field", ["commit"], indirect=True)  # of memory nothing is left after a kill
def test_what_has_expired_meanwhile_goes_after_a_kill(field):
    fill(field, 5)
    field.end(signal.SIGKILL)
    field.start()
    wait_until(lambda: waiting(field) == 1, "one is left")
    with Peer5(field, "away") as away:
        assert away.take(1) == ["first"]
