# SPDX-License-Identifier: Apache-2.0
"""What one member of a group has no room for goes to another, wherever that lives [MQTT5-4.5.0-1]."""

import contextlib
import select
import struct

import pytest

from conftest import SANITIZERS, wait_until
from peer import PATIENCE_S, Raw, packet, publish_packet, subscribe_packet

QUEUE = 10
INFLIGHT = 5
ROOM = QUEUE + INFLIGHT  # in a member that acknowledges nothing
GROUP = "$share/pumps/test/pump"
# With two workers, some of the pairs are on the same one and some are not.
PAIRS = [(f"one-{i}", f"two-{j}") for i in range(2) for j in range(2)]


@pytest.fixture(params=["memory", "commit"])
def field(site, request):
    site.change("  queue_messages_max: 10000", f"  queue_messages_max: {QUEUE}")
    site.change("\nlimits:\n", f"\nlimits:\n  inflight_max: {INFLIGHT}\n")
    site.change("  durability: memory", f"  durability: {request.param}")
    site.start()
    yield site
    assert site.end() == 0, site.log_text()
    assert not SANITIZERS.search(site.log_text()), site.log_text()


class Member(Raw):
    """Takes messages, and acknowledges them when it is told to."""

    def __init__(self, field, name, *filters, qos=1):
        super().__init__(field)
        self.is_present = self.join(field, name, clean=False, keepalive=0)  # it is silent while it waits
        for filter_ in filters:
            self.send(subscribe_packet(filter_, qos))
            assert self.packet()[0] == 0x90

    def take(self, n):
        """The next @n messages, each acknowledged before the next is waited for."""
        self.socket.settimeout(PATIENCE_S)
        texts = []
        while len(texts) < n:
            first, body = self.packet()
            assert first & 0xF6 == 0x32
            at = 2 + struct.unpack_from("!H", body)[0]
            texts.append(body[at + 2:].decode())
            self.send(packet(0x40, body[at:at + 2]))
        return texts

    @staticmethod
    def take_of_all(members, n):
        """The next @n, whoever has them: who acknowledges has room for more than its part."""
        texts = []
        while len(texts) < n:
            ready = [m for m in members if m.received] or select.select([m.socket for m in members], [], [], PATIENCE_S)[0]
            assert ready, f"{n - len(texts)} of {n} messages came to nobody"
            texts += [m for m in members if m in ready or m.socket in ready][0].take(1)
        return texts

    def end(self, field, name):
        """Its session, too."""
        self.close()
        with Raw(field) as raw:
            raw.join(field, name)


@contextlib.contextmanager
def pair(field, names, *filters):
    with contextlib.ExitStack() as stack:
        members = [stack.enter_context(Member(field, name, GROUP, *filters[i:i + 1])) for i, name in enumerate(names)]
        yield members
        for member, name in zip(members, names):
            member.end(field, name)


def publish(field, peer, topic, n):
    writer = peer(field, "writer").join()
    for i in range(n):
        writer.publish(topic, str(i))
    writer.leave()
    return [str(i) for i in range(n)]


def test_what_does_not_fit_into_a_full_queue_goes_to_the_other_member(field, peer):
    for names in PAIRS:
        with pair(field, names, "test/own") as (_, other):
            publish(field, peer, "test/own", ROOM)
            published = publish(field, peer, "test/pump", ROOM)
            assert sorted(other.take(ROOM)) == sorted(published)


def test_what_a_member_leaves_behind_waits_for_it_where_nobody_has_room(field, peer):
    for names in PAIRS:
        with pair(field, names) as (left, other):
            published = publish(field, peer, "test/pump", 2 * ROOM)
            for _ in range(INFLIGHT):  # what it was not sent has to fit into its queue, once it is gone
                left.packet()
            left.close()
            back = Member(field, names[0])
            assert back.is_present
            assert sorted(Member.take_of_all([back, other], 2 * ROOM)) == sorted(published)


def test_of_a_group_that_is_away_the_member_above_qos_0_keeps_all(field, peer):
    for names in PAIRS:
        with Member(field, names[0], GROUP, qos=0) as zero, Member(field, names[1], GROUP) as one:
            zero.close()
            one.close()
            wait_until(lambda: not any(c["connected"] for c in field.json("clients")), "both are away")
            published = publish(field, peer, "test/pump", QUEUE)
            back = Member(field, names[1])
            assert sorted(back.take(QUEUE)) == sorted(published)
            back.end(field, names[1])
            zero.end(field, names[0])
