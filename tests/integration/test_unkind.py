# SPDX-License-Identifier: Apache-2.0
"""What an unkind client may do that breaks no rule, or breaks one at a seam between layers."""

import re
import socket
import ssl
import struct

import pytest

from conftest import SANITIZERS, free_port
from peer import PATIENCE_S, Raw, connect_packet, length, next_connack, next_disconnect, packet, string
from wires import V2, proxy_v1, proxy_v2

TLS = "{certificate: pki/server.crt, key: pki/server.key}"
BEHIND = "{{name: behind, address: 127.0.0.1, port: {port}, proxy_protocol: yes, proxy_trusted: [127.0.0.1], tls: {tls}}}"


@pytest.fixture
def behind(site):
    """A running node with a listener for TLS behind a proxy, at .behind."""
    site.behind = free_port()
    site.change("\nlisteners:\n", "\nlisteners:\n  - " + BEHIND.format(port=site.behind, tls=TLS) + "\n")
    site.start()
    yield site
    assert site.end() == 0, site.log_text()
    assert not SANITIZERS.search(site.log_text()), site.log_text()


def join(site, client_id, more=b"", flags=0xC2, properties=b""):
    """@more: what stands between client id and user name: a Will."""
    raw = Raw(site)
    head = string("MQTT") + bytes([5, flags]) + struct.pack("!H", 60) + length(len(properties)) + properties
    raw.send(packet(0x10, head + string(client_id) + more + string("alice") + string(site.passwords["alice"])))
    assert next_connack(raw)[0] == 0
    return raw


def publish(topic, payload, qos=0, retain=False, packet_id=7):
    return packet(0x30 | qos << 1 | retain,
                  string(topic) + (struct.pack("!H", packet_id) if qos else b"") + b"\0" + payload)


def subscribe(*filters):
    return packet(0x82, b"\0\1\0" + b"".join(string(one) + bytes([qos]) for one, qos in filters))


def granted(raw, *filters):
    raw.send(subscribe(*filters))
    first, body = raw.packet()
    assert first == 0x90
    return list(body[3:])


def message(raw):
    """The next PUBLISH: QoS, retained, topic, payload; it is not acknowledged."""
    first, body = raw.packet()
    assert first & 0xF0 == 0x30, f"{first:#x}"
    n = struct.unpack("!H", body[:2])[0]
    rest = body[2 + n + (2 if first & 6 else 0):]
    assert rest[0] == 0, "no properties"
    return first >> 1 & 3, first & 1, body[2:2 + n].decode(), rest[1:]


# ---- half a connection ----


def test_what_came_before_a_half_close_counts_and_the_will_comes_behind_it(field):
    """Who shuts down the sending side without DISCONNECT has lost the connection [MQTT5-3.1.2-8]."""
    with join(field, "other") as other:
        assert granted(other, ("test/#", 0)) == [0]
        with join(field, "half", flags=0xC6, more=b"\0" + string("test/will") + string("gone")) as half:
            half.send(b"".join(publish("test/x", b"%d" % i, 1, packet_id=1 + i) for i in range(50)))
            half.socket.shutdown(socket.SHUT_WR)
            half.rest_until_closed()
        assert [message(other)[3] for _ in range(50)] == [b"%d" % i for i in range(50)]
        assert message(other)[2:] == ("test/will", b"gone")


def test_half_a_packet_before_a_half_close_is_nothing(field):
    with join(field, "other") as other:
        assert granted(other, ("test/#", 0)) == [0]
        with join(field, "half") as half:
            half.send(publish("test/x", b"whole") + publish("test/x", b"not whole")[:-1])
            half.socket.shutdown(socket.SHUT_WR)
            half.rest_until_closed()
        assert message(other)[3] == b"whole"
        other.send(publish("test/mark", b""))
        assert message(other)[2] == "test/mark"


# ---- PROXY header and TLS, however they are cut ----


def hello_of(site):
    """A TLS client over memory, and what it sends first."""
    context = ssl.create_default_context(cafile=site.ca)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        secure.do_handshake()
    return secure, incoming, outgoing


def step(raw, call, incoming, outgoing):
    """Do @call until it has what it reads."""
    while True:
        try:
            done = call()
        except ssl.SSLWantReadError:
            done = None
        raw.send(outgoing.read())
        if done is not None:
            return done
        incoming.write(raw.socket.recv(65536))


def connects(site, header, cuts):
    """PROXY header, TLS and CONNECT, in pieces that end at @cuts of what the client sends first."""
    secure, incoming, outgoing = hello_of(site)
    first = header + outgoing.read()
    with Raw(site, site.behind) as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for begin, end in zip([0, *cuts], [*cuts, len(first)]):
            raw.send(first[begin:end])
        step(raw, lambda: secure.do_handshake() or True, incoming, outgoing)
        secure.write(connect_packet("one", "alice", site.passwords["alice"]))
        assert step(raw, lambda: secure.read(100), incoming, outgoing) == b"\x20\2\0\0"
        return site.json("clients", "one")["address"]


UNSPECIFIED = V2 + b"\x21\0\0\5what?"
UNIX = V2 + b"\x21\x31\0\xd8" + b"/run/client".ljust(108, b"\0") + b"/run/node".ljust(108, b"\0")


@pytest.mark.parametrize("header, address", [
    (proxy_v1("192.0.2.7"), "192.0.2.7"), (proxy_v2("2001:db8::7", tlvs=b"\1\0\4mqtt"), "2001:db8::7"),
    (UNSPECIFIED, "127.0.0.1"), (UNIX, "127.0.0.1"), (b"PROXY UNKNOWN and so on\r\n", "127.0.0.1"),
], ids=["v1", "v2", "v2 unspecified", "v2 unix", "v1 unknown"])
def test_tls_begins_where_the_header_ends_however_they_are_cut(behind, header, address):
    n = len(header)
    for cuts in ([], [n], [n - 1], [n + 1], [1, n + 3], [5, 6, 7, n - 1, n, n + 5]):
        assert connects(behind, header, cuts) == address, cuts


@pytest.mark.parametrize("name", ["nobody.example", "x" * 63 + ".example", "xn--caf-dma.example"])
def test_a_name_that_the_node_has_not_is_the_client_s_to_judge(field, name):
    """The node has one certificate for all; who asks for another name sees that it is not it."""
    context = ssl.create_default_context(cafile=field.ca)
    context.check_hostname = False
    with socket.create_connection(("127.0.0.1", field.tls_port), PATIENCE_S) as plain:
        with context.wrap_socket(plain, server_hostname=name) as secure:
            secure.sendall(connect_packet("one", "alice", field.passwords["alice"]))
            assert secure.recv(4) == b"\x20\2\0\0"


# ---- topics and filters ----


def test_a_topic_has_128_levels_and_no_more(field):
    deep = "test/" + "/".join("a" * 127)
    with join(field, "c") as raw:
        assert granted(raw, (deep, 0), ("test" + "/+" * 127, 0)) == [0, 0]
        raw.send(publish(deep, b"deep"))
        assert message(raw)[2:] == (deep, b"deep")  # once, for both
        raw.send(publish(deep + "/a", b"nobody gets it"))
        raw.send(publish(deep + "/a", b"deeper", 1))
        first, body = raw.packet()
        assert (first, body[2]) == (0x40, 0x90)
        raw.send(subscribe((deep + "/a", 0)))
        first, body = raw.packet()
        assert (first, body[-1]) == (0x90, 0x8F)  # behind a reason string


@pytest.mark.parametrize("text", ["\ufffe", "\uffff", "\U0010ffff", "\ufdd0", "\x7f", "\u0085", "\u200b", "e\u0301"])
def test_what_is_unusual_in_unicode_is_a_topic_as_it_is(field, text):
    """Only U+0000 and surrogates are not; non-characters should not be sent, and are passed on."""
    with join(field, "c") as raw:
        assert granted(raw, (f"test/{text}", 0)) == [0]
        raw.send(publish(f"test/{text}", b"x"))
        assert message(raw)[2] == f"test/{text}"


def test_a_filter_that_stands_twice_in_a_subscribe_is_one_subscription(field):
    """The later one takes the place of the earlier; each is sent what is retained [MQTT5-3.8.4-5]."""
    with join(field, "c") as raw:
        raw.send(publish("test/kept", b"kept", retain=True))
        assert granted(raw, ("test/kept", 0), ("test/other", 0), ("test/kept", 1)) == [0, 0, 1]
        assert [message(raw), message(raw)] == [(0, 1, "test/kept", b"kept")] * 2
        raw.send(publish("test/kept", b"once", 1))
        answers = [raw.packet(), raw.packet()]
        assert sorted(first for first, _ in answers) == [0x32, 0x40]
        raw.send(packet(0xA2, b"\0\2\0" + string("test/kept") * 2))
        first, body = raw.packet()
        assert (first, body[-2:]) == (0xB0, b"\0\x11")  # the second time there is none


def test_an_empty_message_at_qos_2_ends_what_is_retained(field):
    with join(field, "c") as raw, join(field, "later") as later:
        for payload in (b"kept", b""):
            raw.send(publish("test/kept", payload, 2, retain=True))
            assert raw.packet()[0] == 0x50
            raw.send(b"\x62\2\0\7")
            assert raw.packet()[0] == 0x70
        later.send(b"\xc0\0")
        assert later.packet() == (0xD0, b"")  # its worker has taken what had come to it from the other one
        assert granted(later, ("test/#", 2)) == [2]
        later.send(publish("test/mark", b""))
        assert message(later)[2] == "test/mark"


# ---- sessions ----


def test_a_session_that_ends_by_a_takeover_does_not_wait_for_its_will_s_delay(field):
    """[MQTT5-3.1.2-8] [MQTT5-3.1.3-9]: with expiry 0 the session is over with its connection."""
    will = length(5) + b"\x18" + struct.pack("!I", 3600) + string("test/will") + string("over")
    with join(field, "other") as other:
        assert granted(other, ("test/#", 0)) == [0]
        with join(field, "c", flags=0xC6, more=will) as first, join(field, "c") as second:
            assert next_disconnect(first)[0] == 0x8E
            assert message(other)[2:] == ("test/will", b"over")
            second.send(b"\xc0\0")
            assert second.packet() == (0xD0, b"")


def test_a_disconnect_may_make_a_session_shorter_and_never_longer_than_none(field):
    hour = b"\x11" + struct.pack("!I", 3600)
    with join(field, "c", properties=hour) as raw:
        raw.send(packet(0xE0, b"\0" + length(5) + b"\x11" + bytes(4)))
        assert raw.rest_until_closed() == b""
    raw = Raw(field)
    raw.send(connect_packet("c", "alice", field.passwords["alice"], level=5, clean=False))
    first, body = raw.packet()
    assert (first, body[0], body[1]) == (0x20, 0, 0)  # no session was there
    raw.send(packet(0xE0, b"\0" + length(5) + hour))
    assert next_disconnect(raw)[0] == 0x82
    raw.close()


def test_the_old_protocol_takes_a_long_client_id(field):
    """MQTT 3.1 says 23 characters; later ones and the field do not."""
    name = "a-meter-in-the-field-with-a-long-name" * 3
    with Raw(field) as raw:
        raw.send(packet(0x10, string("MQIsdp") + b"\3\xc2\0\x3c" + string(name) + string("alice") +
                        string(field.passwords["alice"])))
        assert raw.packet() == (0x20, b"\0\0")
        assert re.fullmatch(name, field.json("clients", name)["client_id"])
