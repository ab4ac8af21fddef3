# SPDX-License-Identifier: Apache-2.0
"""Shared subscriptions: one member of a group gets each message, wherever it lives [MQTT5-4.8.2-1]."""

import struct
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from conftest import clients, wait_until
from peer import PATIENCE_S, Raw, connect_packet, next_connack, packet, string, subscribe_packet

GROUP = "$share/pumps/test/pump/+"
# With two workers, some of these live on each.
NAMES = [f"member-{i}" for i in range(6)]


def all_of(members, n):
    """The texts of @n messages, and how many each member got."""
    texts, counts = [], [0] * len(members)
    end = time.monotonic() + PATIENCE_S
    while len(texts) < n:
        assert time.monotonic() < end, f"{len(texts)} of {n} messages came"
        for i, member in enumerate(members):
            while not member.messages.empty():
                texts.append(member.next().payload.decode())
                counts[i] += 1
    return texts, counts


def join_all(field, peer, **more):
    return [peer(field, name).join(**more).read(GROUP) for name in NAMES]


def test_each_message_goes_to_one_member_and_every_member_has_its_share(field, peer):
    members = join_all(field, peer)
    assert not hasattr(members[0].properties, "SharedSubscriptionAvailable")
    writers = [peer(field, f"writer-{i}").join() for i in range(2)]
    for i in range(60):
        for k, writer in enumerate(writers):
            writer.publish(f"test/pump/{k}", f"{k}-{i}")
    texts, counts = all_of(members, 120)
    assert sorted(texts) == sorted(f"{k}-{i}" for k in range(2) for i in range(60))
    assert min(counts) >= 10, counts


def test_a_plain_subscription_gets_all_of_them_beside_the_group(field, peer):
    members = join_all(field, peer)
    observer = peer(field, "observer").join().read("test/pump/#")
    writer = peer(field, "writer").join()
    for i in range(12):
        writer.publish("test/pump/1", str(i))
    assert observer.texts(12) == [str(i) for i in range(12)]
    assert sorted(all_of(members, 12)[0], key=int) == [str(i) for i in range(12)]


def test_what_a_member_did_not_acknowledge_goes_to_the_others_when_its_session_ends(field, peer):
    others = [peer(field, name).join().read(GROUP) for name in NAMES[1:3]]
    with Raw(field) as silent:  # takes messages and acknowledges none
        silent.join(field, NAMES[0])
        silent.send(subscribe_packet(GROUP, 1))
        silent.packet()
        writer = peer(field, "writer").join()
        for i in range(30):
            writer.publish("test/pump/1", str(i))
    assert sorted(all_of(others, 30)[0], key=int) == [str(i) for i in range(30)]


def test_a_member_that_is_away_is_not_chosen_while_others_are_connected(field, peer):
    away = peer(field, "member-0").join(clean=False, expiry_s=3600).read(GROUP)
    here = peer(field, "member-1").join().read(GROUP)
    away.leave()
    wait_until(lambda: not field.json("clients", "member-0")["connected"], "it is away")
    writer = peer(field, "writer").join()
    for i in range(10):
        writer.publish("test/pump/1", str(i))
    assert here.texts(10) == [str(i) for i in range(10)]


def test_a_group_of_sessions_that_are_all_away_keeps_the_messages(field, peer):
    for name in NAMES[:2]:
        member = peer(field, name).join(clean=False, expiry_s=3600).read(GROUP)
        member.leave()
    writer = peer(field, "writer").join()
    for i in range(10):
        writer.publish("test/pump/1", str(i))
    members = [peer(field, name).join(clean=False, expiry_s=3600) for name in NAMES[:2]]
    assert sorted(all_of(members, 10)[0], key=int) == [str(i) for i in range(10)]


def test_the_will_of_a_member_that_ends_goes_to_another_one(field, peer):
    away = peer(field, "member-0").join(clean=False, expiry_s=3600).read(GROUP)
    away.leave()
    for i, name in enumerate(NAMES[1:5]):
        peer(field, name, will=("test/pump/1", str(i), 1, False)).join().read(GROUP).drop()
        # or the next one is connected, and gets it
        wait_until(lambda: [c["client_id"] for c in clients(field)] == ["member-0"], "it has ended")
    back = peer(field, "member-0").join(clean=False, expiry_s=3600)
    assert sorted(back.texts(4)) == ["0", "1", "2", "3"]


def test_what_expires_at_once_goes_to_the_member_that_has_room(field, peer):
    """Message Expiry Interval 0; of Receive Maximum 1 the one that the other member has is all."""
    with Raw(field) as full:
        full.join(field, "full", level=5, properties=b"\x21\0\1")
        full.send(packet(0x82, b"\0\1\0" + string(GROUP) + b"\1"))
        assert full.packet()[0] == 0x90
        writer = peer(field, "writer").join()
        writer.publish("test/pump/1", "fills it")
        assert full.packet()[0] == 0x32
        free = peer(field, "free").join().read(GROUP)
        at_once = Properties(PacketTypes.PUBLISH)
        at_once.MessageExpiryInterval = 0
        for i in range(10):
            writer.paho.publish("test/pump/1", str(i), 1, properties=at_once).wait_for_publish(PATIENCE_S)
        assert sorted(free.texts(10)) == [str(i) for i in range(10)]


def test_a_shared_subscription_gets_no_retained_messages_and_can_be_ended(field, peer):
    writer = peer(field, "writer").join()
    writer.publish("test/pump/1", "kept", retain=True)
    member = peer(field, "member-0").join().read(GROUP)
    writer.publish("test/pump/1", "live")
    assert member.next().payload == b"live"
    member.unsubscribe(GROUP)
    writer.publish("test/pump/1", "late")
    member.read("test/other").publish("test/other", "last")
    assert member.next().payload == b"last"


def test_rights_are_those_of_the_filter_behind_the_group(field, peer):
    assert peer(field, "member-0").join().subscribe("$share/pumps/forbidden/#") == [0x87]


def test_no_local_on_a_shared_subscription_is_a_protocol_error(field, peer):
    member = peer(field, "member-0").join()
    member.paho.subscribe([(GROUP, mqtt.SubscribeOptions(1, noLocal=True))])
    assert member.disconnected.wait(PATIENCE_S)
    assert member.disconnect == 0x82  # [MQTT5-3.8.3-4]


def test_what_is_too_large_is_dropped_where_nobody_takes_it(field, peer):
    """[MQTT5-3.1.2-25]"""
    large, small = b"", b"\x27" + struct.pack("!I", 100)
    writer = peer(field, "writer").join()

    def come(limit, *filters):
        raw = Raw(field)
        raw.send(connect_packet("late", "alice", field.passwords["alice"], level=5, clean=False,
                                properties=b"\x11" + struct.pack("!I", 600) + limit))
        assert next_connack(raw)[0] == 0
        for one in filters:
            raw.send(packet(0x82, b"\0\1\0" + string(one) + b"\1"))
            assert raw.packet()[0] == 0x90
        return raw

    def dropped():
        return field.json("status")["messages_dropped"]

    other = peer(field, NAMES[0]).join().read(GROUP)
    with come(small, GROUP):
        for i in range(6):
            writer.publish("test/pump/1", "x" * 300)
        assert other.texts(6) == ["x" * 300] * 6 and dropped() == 0
    with come(large, "test/own"):
        pass
    wait_until(lambda: not field.json("clients", "late")["connected"], "it is away")
    writer.publish("test/own", "x" * 300)
    with come(small):
        wait_until(lambda: dropped() == 1, "what had waited is dropped")
        writer.publish("test/own", "x" * 300)
        assert dropped() == 2
