# SPDX-License-Identifier: Apache-2.0
"""Messages through a real node, between clients that we did not write."""

import time

import pytest

from conftest import clients, wait_until
from peer import PATIENCE_S, V5, V311, Raw, mosquitto, mosquitto_pub, publish_packet, \
    subscribe_packet

SESSION_TAKEN_OVER = 0x8E
HOUR_S = 3600


# ---- both ways, each version, each QoS, TCP and TLS ----


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("version", [V311, V5], ids=["v311", "v5"])
def test_messages_go_both_ways_at_each_qos(field, peer, tls, version):
    one = peer(field, "one", tls=tls, version=version).join()
    two = peer(field, "two", tls=tls, version=version, user="bob").join()
    for qos in (0, 1, 2):
        for a, b in ((one, two), (two, one)):
            topic = f"test/{qos}/{b.paho._client_id.decode()}"
            assert b.subscribe(topic, qos=qos) == [qos]
            a.publish(topic, f"at {qos}", qos=qos)
            message = b.next()
            assert (message.topic, message.payload, message.qos, message.retain) == \
                (topic, f"at {qos}".encode(), qos, 0)


@pytest.mark.parametrize("published, subscribed, expected", [(0, 2, 0), (2, 1, 1), (1, 2, 1)])
def test_a_message_comes_at_the_lower_qos_of_the_two(field, peer, published, subscribed, expected):
    reader = peer(field, "reader").join()
    assert reader.subscribe("test/q", qos=subscribed) == [subscribed]
    peer(field, "writer").join().publish("test/q", "x", qos=published)
    assert reader.next().qos == expected


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
def test_the_mosquitto_tools_work(field, tls, version):
    reader = mosquitto("sub", field, "-t", "test/tool", "-C", "3", "-q", "2", "-V", version, tls=tls)
    wait_until(lambda: [c["subscriptions"] for c in clients(field)] == [1], "mosquitto_sub has subscribed")
    for qos in "012":
        assert mosquitto_pub(field, "-t", "test/tool", "-m", f"m{qos}", "-q", qos, "-V", version,
                             tls=tls) == (0, "")
    out, err = reader.communicate(timeout=PATIENCE_S)
    assert (reader.returncode, sorted(out.split())) == (0, ["m0", "m1", "m2"]), err


def test_a_client_with_a_certificate_needs_no_password(field, peer):
    device = peer(field, "device-1", tls=True, certificate=field.certificate("device-1")).join()
    assert device.subscribe("test/own") == [1]
    device.publish("test/own", "x")
    assert device.next().payload == b"x"
    assert field.json("clients", "device-1")["user"] == "device-1"


def test_a_large_message_comes_whole(field, peer):
    payload = bytes(range(256)) * 3900
    reader = peer(field, "reader", tls=True).join()
    reader.read("test/large", qos=2)
    peer(field, "writer", tls=True).join().publish("test/large", payload, qos=2)
    assert reader.next().payload == payload


def test_wildcards_select(field, peer):
    reader = peer(field, "reader").join()
    reader.read("test/+/power", "test/deep/#")
    writer = peer(field, "writer").join()
    for topic in ("test/a/power", "test/a/b/power", "test/deep", "test/deep/a/b", "test/other"):
        writer.publish(topic, topic)
    writer.publish("test/end/power", "end")
    assert reader.texts(4) == ["test/a/power", "test/deep", "test/deep/a/b", "end"]


# ---- retained ----


def test_a_retained_message_comes_to_later_subscribers_until_it_is_cleared(field, peer):
    writer = peer(field, "writer").join()
    writer.publish("test/retained", "first", retain=True)
    writer.publish("test/retained", "second", retain=True)
    early = peer(field, "early").join()
    early.read("test/retained")
    message = early.next()
    assert (message.payload, message.retain) == (b"second", 1)
    writer.publish("test/retained", "", retain=True)
    assert early.next().payload == b""
    late = peer(field, "late").join()
    late.read("test/retained", "test/mark")
    writer.publish("test/mark", "mark")
    assert late.next().payload == b"mark"


def test_retained_messages_are_the_same_on_both_workers(field, peer):
    """Sixteen clients are on both workers but for a chance of 1 in 32768."""
    writers = [peer(field, f"writer-{i}").join() for i in range(4)]
    for i, one in enumerate(writers):
        one.publish(f"test/r/{i}", f"value {i}", retain=True)
    for i in range(16):
        reader = peer(field, f"reader-{i}").join()
        reader.read("test/r/#")
        assert sorted(reader.texts(4)) == [f"value {k}" for k in range(4)]
    wait_until(lambda: field.json("status")["retained_messages"] == 4, "nothing of the node's own trials is left")


# ---- will ----


@pytest.mark.parametrize("version", [V311, V5], ids=["v311", "v5"])
def test_a_will_is_published_when_the_connection_breaks_and_not_after_disconnect(field, peer,
                                                                                  version):
    reader = peer(field, "reader").join()
    reader.read("test/will/#")
    for name, how in (("polite", "leave"), ("lost", "drop")):
        one = peer(field, name, version=version, will=(f"test/will/{name}", "gone", 1, False)).join()
        getattr(one, how)()
    assert reader.next().topic == "test/will/lost"
    assert reader.nothing()


def test_a_will_waits_for_its_delay(field, peer):
    reader = peer(field, "reader").join()
    reader.read("test/will")
    one = peer(field, "one", will=("test/will", "gone", 1, False), will_delay=1)
    one.join(expiry_s=HOUR_S)
    begin = time.monotonic()
    one.drop()
    assert reader.next().payload == b"gone"
    assert 0.9 <= time.monotonic() - begin < PATIENCE_S


def test_a_will_is_not_published_when_the_client_is_back_in_time(field, peer):
    reader = peer(field, "reader").join()
    reader.read("test/#")
    one = peer(field, "one", will=("test/will", "gone", 1, False), will_delay=6)
    one.join(expiry_s=HOUR_S).drop()
    one.join(clean=False, expiry_s=HOUR_S)
    other = peer(field, "other", will=("test/mark", "mark", 1, False), will_delay=6)
    other.join(expiry_s=HOUR_S).drop()
    assert reader.next().topic == "test/mark"  # which is due after the one that must not come


# ---- sessions ----


@pytest.mark.parametrize("qos", [1, 2])
@pytest.mark.parametrize("version", [V311, V5], ids=["v311", "v5"])
def test_a_session_keeps_what_comes_while_the_client_is_away(field, peer, version, qos):
    reader = peer(field, "reader", version=version).join(clean=False, expiry_s=HOUR_S)
    assert not reader.session_present
    reader.read("test/kept", qos=2)
    reader.drop()
    writer = peer(field, "writer").join()
    for i in range(50):
        writer.publish("test/kept", str(i), qos=qos)
    reader.join(clean=False, expiry_s=HOUR_S)
    assert reader.session_present
    assert reader.texts(50) == [str(i) for i in range(50)]


def test_a_clean_start_ends_the_session(field, peer):
    reader = peer(field, "reader").join(expiry_s=HOUR_S)
    reader.read("test/kept")
    reader.drop()
    reader.join(clean=True, expiry_s=HOUR_S)
    assert not reader.session_present
    assert field.json("clients", "reader")["subscription_list"] == []


def test_what_was_not_acknowledged_is_sent_again_as_duplicate(field, peer):
    writer = peer(field, "writer").join()
    with Raw(field) as raw:
        raw.join(field, "reader", clean=False)
        raw.send(subscribe_packet("test/again", 1))
        assert raw.packet()[0] == 0x90
        writer.publish("test/again", "once")
        first, body = raw.packet()
        assert first == 0x32
    with Raw(field) as raw:
        assert raw.join(field, "reader", clean=False)
        assert raw.packet() == (0x3A, body)  # DUP, the same packet identifier


def test_a_takeover_tells_the_old_connection_and_keeps_the_session(field, peer):
    old = peer(field, "same").join(expiry_s=HOUR_S)
    old.read("test/kept")
    new = peer(field, "same").join(clean=False, expiry_s=HOUR_S)
    assert old.disconnected.wait(PATIENCE_S)
    assert old.disconnect == SESSION_TAKEN_OVER
    assert new.session_present
    new.publish("test/kept", "x")
    assert new.next().payload == b"x"
    wait_until(lambda: field.json("status")["clients_connected"] == 1, "one, and none of the node's own trials")


def test_a_takeover_by_another_user_is_refused(field, peer):
    """Its name alone must not throw out a device."""
    owner = peer(field, "same").join(expiry_s=HOUR_S)
    thief = peer(field, "same", user="bob")
    assert thief.connect() >= 0x80
    owner.read("test/x")
    owner.publish("test/x", "still here")
    assert owner.next().payload == b"still here"


def test_a_silent_client_is_cut_off_after_one_and_a_half_keep_alives(field, peer):
    reader = peer(field, "reader").join()
    reader.read("test/#")
    with Raw(field) as raw:
        begin = time.monotonic()  # before CONNECT is sent: a busy machine only makes it longer
        raw.join(field, "silent", keepalive=1)
        raw.rest_until_closed()
        assert 1.5 <= time.monotonic() - begin < PATIENCE_S


def test_pings_keep_a_client_in(field):
    with Raw(field) as raw:
        raw.join(field, "pinger", keepalive=1)
        end = time.monotonic() + 3.5
        while time.monotonic() < end:
            raw.send(b"\xc0\0")
            assert raw.packet() == (0xD0, b"")
            time.sleep(0.1)  # the client's own pace, well within its keep alive


# ---- order ----


def test_each_publishers_order_holds_across_workers(field, peer):
    """QoS 1 with sequence numbers: nothing lost, nothing twice, nothing out of order."""
    n_messages, n_writers = 500, 4
    readers = [peer(field, f"reader-{i}").join() for i in range(4)]
    for one in readers:
        assert one.subscribe("test/order/+", qos=1) == [1]
    writers = [peer(field, f"writer-{i}").join() for i in range(n_writers)]
    last = []
    for i in range(n_messages):
        last = [w.paho.publish(f"test/order/{k}", str(i), 1) for k, w in enumerate(writers)]
    for info in last:
        info.wait_for_publish(PATIENCE_S)
    for one in readers:
        got = {f"test/order/{k}": [] for k in range(n_writers)}
        for _ in range(n_messages * n_writers):
            message = one.next()
            got[message.topic].append(int(message.payload))
        assert all(numbers == list(range(n_messages)) for numbers in got.values())


def test_order_holds_within_one_raw_connection(field, peer):
    """Many PUBLISH in one segment, so that one turn of the worker takes them all."""
    reader = peer(field, "reader").join()
    reader.read("test/burst")
    with Raw(field) as raw:
        raw.join(field, "writer")
        raw.send(b"".join(publish_packet("test/burst", str(i).encode(), 1, i + 1)
                          for i in range(100)))
        assert [int.from_bytes(raw.packet()[1][:2], "big") for _ in range(100)] == \
            list(range(1, 101))
    assert reader.texts(100) == [str(i) for i in range(100)]
