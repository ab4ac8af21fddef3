# SPDX-License-Identifier: Apache-2.0
"""Clients by WebSocket, plain and over TLS."""

import random
import socket

import pytest

from conftest import wait_until
from peer import PATIENCE_S, V5, V311, connect_packet, publish_packet, subscribe_packet
from transports import DISCONNECT, MALFORMED, PROTOCOL_ERROR, air, events, hasty, joined_web, wires  # noqa: F401, fixtures
from wires import BINARY, CLOSE, CONTINUATION, KEY, NORMAL, NOT_BINARY, PING, PONG, PROTOCOL, \
    TEXT, Web, accept_of, frame, request


SOURCE = "127.0.0.9"  # not that of the node's trials of itself: what comes from there before a CONNECT is taken for theirs


@pytest.mark.parametrize("name", ["web", "secure_web"], ids=["ws", "wss"])
@pytest.mark.parametrize("version", [V311, V5], ids=["v311", "v5"])
def test_paho_speaks_websocket(air, peer, name, version):  # noqa: F811
    there = {"port": air.ports[name], "tls": name == "secure_web", "transport": "websockets",
             "version": version}
    one = peer(air, "one", **there).join()
    two = peer(air, "two", user="bob").join()
    for qos in (0, 1, 2):
        for a, b, topic in ((one, two, "test/to/two"), (two, one, "test/to/one")):
            b.read(topic, qos=qos)
            a.publish(topic, f"at {qos}", qos=qos)
            message = b.next()
            assert (message.payload, message.qos) == (f"at {qos}".encode(), qos)
    assert air.json("clients", "one")["listener"] == name.replace("_", "-")
    one.leave()
    wait_until(lambda: not any(c["client_id"] == "one" and c["connected"]
                               for c in air.json("clients")), "one is gone")


@pytest.mark.parametrize("name", ["web", "secure_web"], ids=["ws", "wss"])
def test_a_large_message_comes_whole_over_websocket(air, peer, name):  # noqa: F811
    payload = bytes(range(256)) * 3900
    there = {"port": air.ports[name], "tls": name == "secure_web", "transport": "websockets"}
    reader = peer(air, "reader", **there).join().read("test/large", qos=2)
    peer(air, "writer", user="bob", **there).join().publish("test/large", payload, qos=2)
    assert reader.next().payload == payload


def mqtt_stream(site):
    """A client's whole life, without what the node has to be waited for."""
    packets = [connect_packet("split", "alice", site.passwords["alice"]), subscribe_packet("test/split", 0)]
    packets += [publish_packet("test/split", bytes([65 + i]) * i * 40) for i in range(20)]
    return b"".join(packets)


def expect_all(web):
    assert web.packet()[1] == b"\0\0"
    assert web.packet()[0] == 0x90
    for i in range(20):
        assert web.packet()[1] == b"\0\x0atest/split" + bytes([65 + i]) * i * 40


def in_frames(data, sizes):
    """@data in binary messages of one frame and of several, of these sizes over and over."""
    out, at, i = b"", 0, 0
    begun = False
    while at < len(data):
        n = sizes[i % len(sizes)]
        last = i % 3 != 0 or at + n >= len(data)
        out += frame(CONTINUATION if begun else BINARY, data[at:at + n], fin=last)
        begun = not last
        at += n
        i += 1
    return out


# [MQTT5-6.0.0-2] [MQTT3-6.0.0-2]
@pytest.mark.parametrize("sizes", [[1], [100000], [3, 0, 70, 1, 5000], [2, 127, 126, 125]],
                         ids=["a byte each", "one frame", "any", "around 126"])
def test_packets_may_be_split_and_joined_by_frames(air, sizes):  # noqa: F811
    with Web(air.ports["web"], request()) as web:
        web.send(in_frames(mqtt_stream(air), sizes))
        expect_all(web)


def test_frames_may_be_split_and_joined_by_the_network(air):  # noqa: F811
    dice = random.Random(6455)
    for most in (1, 7, 200, 70000):
        with Web(air.ports["web"]) as web:
            web.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            data = request() + in_frames(mqtt_stream(air), [1, 300, 20, 4000])
            while data:
                n = dice.randint(1, most)
                web.send(data[:n])
                data = data[n:]
            assert web.head() == 101
            expect_all(web)


def test_the_answer_proves_that_the_request_was_understood(air):  # noqa: F811
    with Web(air.ports["web"], request()) as web:
        assert web.status == 101
        assert web.fields["Sec-WebSocket-Accept"] == accept_of(KEY)
        assert web.fields["Sec-WebSocket-Protocol"] == "mqtt"  # [MQTT5-6.0.0-4] [MQTT3-6.0.0-4]
        assert "Sec-WebSocket-Extensions" not in web.fields
    with Web(air.ports["web"], request(Sec_WebSocket_Protocol="mqttv3.1, x")) as web:
        assert (web.status, web.fields["Sec-WebSocket-Protocol"]) == (101, "mqttv3.1")


REFUSALS = {
    "another path": (request("GET / HTTP/1.1"), 404, "another path"),
    "another method": (request("PUT /mqtt HTTP/1.1"), 405, "only GET"),
    "a page that is fetched": (b"GET /mqtt HTTP/1.1\r\nHost: n\r\n\r\n", 426, "MQTT over WebSocket"),
    "another version": (request(Sec_WebSocket_Version="12"), 426, "version 13"),
    "no key": (request(without=["Sec-WebSocket-Key"]), 400, "Sec-WebSocket-Key"),
    "no subprotocol": (request(without=["Sec-WebSocket-Protocol"]), 400, "mqtt"),  # [MQTT5-6.0.0-3]
    "another subprotocol": (request(Sec_WebSocket_Protocol="amqp"), 400, "mqtt"),  # [MQTT3-6.0.0-3]
    "a page from elsewhere": (request(Origin="https://evil.example"), 403, "Origin"),
    "HTTP/1.0": (request("GET /mqtt HTTP/1.0"), 400, "HTTP/1.1"),
    "no HTTP": (b"\x10\x0e\0\4MQTT\r\n\r\n", 400, "HTTP/1.1"),
    "a head without end": (b"GET /mqtt HTTP/1.1\r\nX: " + b"x" * 8200, 431, "8 KiB"),
}


def test_a_request_for_something_else_gets_an_answer_that_says_why(air):  # noqa: F811
    for what, (data, status, text) in REFUSALS.items():
        with Web(air.ports["web"], data, SOURCE) as web:
            assert web.status == status, what
            assert text in web.body(), what
            assert (status != 405) or web.fields["Allow"] == "GET"
            assert (status != 426) or web.fields["Sec-WebSocket-Version"] == "13"
    wait_until(lambda: events(air, "protocol-error") >= len(REFUSALS), "the sentinel knows")
    assert air.log_text().count("WebSocket request refused: ") == len(REFUSALS)


def test_pages_are_let_in_by_their_origin(air):  # noqa: F811
    listed = request("GET /panel HTTP/1.1", Origin="https://panel.example")
    local = request("GET /panel HTTP/1.1", Origin="http://localhost:8000")
    for data, port, status in ((listed, "panel", 101), (local, "panel", 403),
                               (request("GET /panel HTTP/1.1"), "panel", 101),
                               (request(Origin="http://localhost:8000"), "web", 101)):
        with Web(air.ports[port], data) as web:
            assert web.status == status


def test_a_ping_is_answered_even_inside_a_message(air):  # noqa: F811
    with joined_web(air, "one") as web:
        web.send(frame(PING, b"are you there"))
        assert web.until_pong() == b"are you there"
        ping = b"\xc0\0"
        web.send(frame(BINARY, ping[:1], fin=False) + frame(PING) + frame(PONG, b"unasked")
                 + frame(CONTINUATION, ping[1:]))
        assert web.until_pong() == b""
        assert web.packet() == (0xD0, b"")


BREACHES = {
    "text": (frame(TEXT, b"hello"), NOT_BINARY),  # [MQTT5-6.0.0-1] [MQTT3-6.0.0-1]
    "not masked": (b"\x82\x02\xc0\0", PROTOCOL),
    "a reserved bit": (b"\xc2" + frame(BINARY, b"\xc0\0")[1:], PROTOCOL),
    "an unknown kind": (frame(3, b"x"), PROTOCOL),
    "a continuation of nothing": (frame(CONTINUATION, b"\xc0\0"), PROTOCOL),
    "a ping in pieces": (frame(PING, b"x", fin=False), PROTOCOL),
    "a code nobody may send": (frame(CLOSE, b"\x03\xee"), PROTOCOL),
}


def test_who_breaks_the_rules_of_frames_is_told_and_closed(air, peer):  # noqa: F811
    other = peer(air, "other").join().read("test/x")
    for what, (data, code) in BREACHES.items():
        with joined_web(air, "one", level=5, properties=b"") as web:
            web.send(frame(BINARY, publish_packet("test/x", b"\0before")) + data + b"and more" * 1000)
            assert other.next().payload == b"before", what
            assert web.until_close() == code, what
            assert web.received[0] == DISCONNECT and web.received[2] == MALFORMED, what
            assert web.reason != b"", what
    wait_until(lambda: events(air, "protocol-error") >= len(BREACHES), "the sentinel knows")
    other.publish("test/x", "undisturbed")
    assert other.next().payload == b"undisturbed"


def test_our_disconnect_is_followed_by_a_close(air):  # noqa: F811
    with joined_web(air, "one", level=5) as web:
        web.send(frame(BINARY, connect_packet("one", "alice", air.passwords["alice"], level=5)))
        assert web.until_close() == NORMAL
        assert web.received[0] == DISCONNECT and web.received[2] == PROTOCOL_ERROR


def test_a_disconnect_of_the_client_is_answered_by_a_close(air, peer):  # noqa: F811
    other = peer(air, "other").join().read("test/will")
    with joined_web(air, "one") as web:
        web.send(frame(BINARY, b"\xe0\0"))
        assert web.until_close() == NORMAL
    with joined_web(air, "two") as web:
        web.send(frame(BINARY, b"\xe0\0") + frame(CLOSE, b"\x03\xe8bye"))
        assert web.until_close() == NORMAL
    other.publish("test/will", "none came")
    assert other.next().payload == b"none came"


def test_what_is_owed_comes_before_our_close(air):  # noqa: F811
    """RFC 6455 section 5.5.1: after a Close frame no data is sent."""
    for last in (b"", frame(BINARY, b"\xe0\0")):
        with joined_web(air, "one") as web:
            web.send(frame(BINARY, publish_packet("test/x", b"x", 1, 7)) + last + frame(CLOSE, b"\x03\xe9"))
            assert web.until_close() == 1001
            assert web.received == b"\x40\x02\0\7"


def test_a_close_without_disconnect_leaves_a_will(air, peer):  # noqa: F811
    other = peer(air, "other").join().read("test/will")
    one = peer(air, "one", port=air.ports["web"], transport="websockets", will=("test/will", "gone", 1, False)).join()
    raw = one.paho.socket()._socket
    raw.sendall(frame(CLOSE, b"\x03\xe9"))
    assert other.next().payload == b"gone"
    assert one.disconnected.wait(PATIENCE_S)


def test_a_slow_request_is_closed_in_time(hasty, air):  # noqa: F811
    with Web(air.ports["web"], source=SOURCE) as begun, Web(air.ports["web"], request(), SOURCE) as silent:
        begun.send(b"GET /mqtt HTTP/1.1\r\n")
        assert begun.body() == silent.body() == ""
    wait_until(lambda: events(air, "limit-hit") >= 2, "the sentinel knows")


def test_what_comes_behind_a_refused_request_harms_nobody(air, peer):  # noqa: F811
    with Web(air.ports["web"]) as web:
        web.send(request("POST /mqtt HTTP/1.1", Content_Length="100000") + b"x" * 100000)
        assert web.head() == 405
        assert "only GET" in web.body()
    peer(air, "decent", port=air.ports["web"], transport="websockets").join()
