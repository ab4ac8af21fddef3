# SPDX-License-Identifier: Apache-2.0
"""How a connection ends when the node ends it: the client learns why, whatever it is doing."""

import re
import socket
import ssl
import struct
import time

import pytest
from OpenSSL import SSL

from conftest import wait_until
from crash import prepare
from peer import (PATIENCE_S, Raw, connect_packet, next_connack, next_disconnect, packet,
                  publish_packet, string, varint)
from transports import limit, wires  # noqa: F401, fixtures
from wires import BINARY, Web, frame, request

JUNK = b"\x30\x81\x80\x80\x80\x80" + b"x" * (4 << 20)  # ill-formed, with much behind it
MALFORMED = 0x81


def join(site, client_id="c"):
    raw = Raw(site)
    raw.send(connect_packet(client_id, "alice", site.passwords["alice"], level=5))
    assert next_connack(raw)[0] == 0
    return raw


def push(raw, data):
    """Send all of it, and read nothing meanwhile; as far as the other side takes it."""
    raw.socket.settimeout(PATIENCE_S)
    while data:
        try:
            data = data[raw.socket.send(data[:65536]):]
        except (BrokenPipeError, ConnectionResetError):
            return False
    return True


def test_a_client_that_is_sending_learns_why_it_was_cut_off(field):
    """What it has sent meanwhile is taken and thrown away: a reset would swallow the reason."""
    raw = join(field)
    assert push(raw, JUNK), "the node has reset the connection"
    assert next_disconnect(raw)[0] == MALFORMED
    assert raw.rest_until_closed() == b""
    raw.close()


def test_a_client_that_is_sending_learns_why_its_connect_was_refused(field):
    with Raw(field) as raw:
        assert push(raw, connect_packet("c", "alice", "not the password", level=5) +
                    publish_packet("test/a", b"x" * 60000) * 64)
        assert next_connack(raw)[0] == 0x86
        assert raw.rest_until_closed() == b""


def is_taken(raw):
    try:
        raw.send(b"x")
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def test_the_node_has_said_its_last_word_and_reads_on_for_a_moment(field):
    """The end of what it sends comes at once, and that it is gone only later."""
    raw = join(field)
    begin = time.monotonic()  # before its last word: a busy machine only makes it longer
    raw.send(b"\x30\x81\x80\x80\x80\x80")
    assert next_disconnect(raw)[0] == MALFORMED
    assert raw.socket.recv(1) == b""
    wait_until(lambda: not is_taken(raw), "the node lets go")
    assert time.monotonic() - begin > 1
    raw.close()


def test_who_closes_first_is_let_go_at_once(field):
    raw = join(field)
    raw.send(b"\xe0\0")
    assert raw.rest_until_closed() == b""
    raw.socket.shutdown(socket.SHUT_WR)
    raw.close()


@pytest.mark.parametrize("asked_s, told_s", [(0, 60), (30, None), (60, None), (600, 60)])
def test_the_node_says_which_keep_alive_holds(site, asked_s, told_s):
    """[MQTT5-3.1.2-21] [MQTT5-3.2.2-21]"""
    text = site.config.read_text()
    site.config.write_text(text.replace("\nlimits:\n", "\nlimits:\n  keep_alive_max_s: 60\n"))
    site.start()
    with Raw(site) as raw:
        raw.send(connect_packet("c", "alice", site.passwords["alice"], level=5, keepalive=asked_s))
        reason, told = next_connack(raw)
        assert (reason, told.get(0x13)) == (0, told_s)
    assert site.end() == 0


# ---- what is owed when it ends ----

CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK, DISCONNECT = 0x20, 0x40, 0x50, 0x90, 0xB0, 0xE0
GOODBYE = b"\xe0\0"


@pytest.fixture
def committing(home):
    """A node of two workers, where acknowledgements wait for the journal."""
    prepare(home)
    home.start()
    yield home
    assert home.end() == 0, home.log_text()


def spoken(level, name):
    """What a client says at once; the session is kept, so that all of it is noted."""
    more = b"\0" if level == 5 else b""
    expiry = b"\x11" + struct.pack("!I", 300)
    said = {
        "connect": connect_packet("c", level=level, clean=False, properties=expiry if level == 5 else b""),
        "subscribe": packet(0x82, b"\0\1" + more + string("s") + b"\1"),
        "unsubscribe": packet(0xA2, b"\0\4" + more + string("s")),
        "publish 1": packet(0x32, string("k/1") + b"\0\2" + more + b"x"),
        "publish 2": packet(0x34, string("k/1") + b"\0\3" + more + b"x"),
        "disconnect": GOODBYE,
        "no packet": b"\0\0",
    }
    return said[name]


def heard_until_closed(raw):
    """The types of what comes."""
    rest, types = raw.rest_until_closed(), []
    while rest:
        n, at = varint(rest[1:])
        types.append(rest[0] & 0xF0)
        rest = rest[1 + at + n:]
    return types


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("said, owed", [
    (["connect", "disconnect"], [CONNACK]),
    (["connect", "publish 1", "publish 2", "disconnect"], [CONNACK, PUBACK, PUBREC]),
    (["connect", "publish 1", "publish 1", "no packet"], [CONNACK, PUBACK, PUBACK]),
    (["connect", "subscribe", "disconnect"], [CONNACK, SUBACK]),
    (["connect", "subscribe", "unsubscribe", "disconnect"], [CONNACK, SUBACK, UNSUBACK]),
])
def test_what_is_owed_to_a_client_is_sent_before_its_connection_is_closed(committing, level, said, owed):
    """[MQTT5-3.1.4-5] [MQTT5-4.3.2-4] [MQTT3-4.3.2-2] [MQTT5-3.8.4-1] [MQTT5-3.14.4-1]"""
    last = [DISCONNECT] if level == 5 and said[-1] == "no packet" else []
    for half_closes in (False, True):
        with Raw(committing) as raw:
            raw.send(b"".join(spoken(level, one) for one in said))
            if half_closes:
                raw.socket.shutdown(socket.SHUT_WR)
            assert heard_until_closed(raw) == owed + last


def test_unsuback_comes_behind_suback_and_what_is_retained_too(committing):
    with Raw(committing) as raw:
        raw.send(spoken(5, "connect") + packet(0x33, string("s") + b"\0\2\0x"))
        assert [raw.packet()[0] for _ in range(2)] == [CONNACK, PUBACK]
        for _ in range(10):
            raw.send(spoken(5, "subscribe") + spoken(5, "unsubscribe"))
            types = [raw.packet()[0] & 0xF0 for _ in range(2)]
            if types[1] == 0x30:
                types[1] = raw.packet()[0]
            assert types == [SUBACK, UNSUBACK]


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("said, owed", [
    (["connect", "publish 1", "publish 2"], [CONNACK, PUBACK, PUBREC]),
    (["connect", "subscribe", "unsubscribe"], [CONNACK, SUBACK, UNSUBACK]),
])
def test_who_says_no_more_may_still_read_what_is_owed(committing, level, said, owed):
    """[MQTT5-4.3.2-4] [MQTT5-4.3.3-8] [MQTT3-4.3.2-2]"""
    with Raw(committing) as raw:
        raw.send(b"".join(spoken(level, one) for one in said))
        raw.socket.shutdown(socket.SHUT_WR)
        assert heard_until_closed(raw) == owed


def secured(raw, site):
    raw.socket = ssl.create_default_context(cafile=site.ca).wrap_socket(raw.socket, server_hostname="localhost")
    return raw


def test_who_ends_tls_is_answered(field):
    """RFC 8446 section 6.1: also where DISCONNECT was forgotten, and before CONNECT."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    for says in (b"", connect_packet("c", "alice", field.passwords["alice"])):
        with Raw(field, field.tls_port) as raw:
            raw.socket.settimeout(None)  # OpenSSL reads by itself
            tls = SSL.Connection(context, raw.socket)
            tls.set_connect_state()
            tls.do_handshake()
            if says:
                tls.sendall(says)
                assert tls.recv(4) == b"\x20\2\0\0"
            tls.shutdown()
            with pytest.raises(SSL.ZeroReturnError):
                tls.recv(1)


# ---- what the log says of it ----


@pytest.fixture
def telling(site):
    """A node that logs all that it can."""
    limit(site, "log_level", "debug")
    site.start()
    yield site
    assert site.end() == 0, site.log_text()


def end_of_sending(raw):
    raw.socket.shutdown(socket.SHUT_WR)


def reset(raw):
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.socket.close()


@pytest.mark.parametrize("tls", [False, True], ids=["TCP", "TLS"])
@pytest.mark.parametrize("end, why", [(end_of_sending, "closed by the client without DISCONNECT"),
                                      (reset, "Connection reset by peer")])
def test_a_client_that_is_lost_is_in_the_log(telling, end, why, tls):
    raw = secured(Raw(telling, telling.tls_port), telling) if tls else Raw(telling)
    raw.send(connect_packet("c", "alice", telling.passwords["alice"], level=5))
    assert next_connack(raw)[0] == 0
    end(raw)
    said = re.compile(f" debug link: 127.0.0.1 c: lost: {why}$", re.M)
    wait_until(lambda: said.search(telling.log_text()), "it is in the log")
    raw.close()


def test_a_client_that_ends_tls_is_in_the_log(telling):
    with Raw(telling, telling.tls_port) as raw:
        raw = secured(raw, telling)
        raw.send(connect_packet("c", "alice", telling.passwords["alice"], level=5))
        assert next_connack(raw)[0] == 0
        raw.socket.unwrap()
    said = re.compile(" debug link: 127.0.0.1 c: lost: closed by the client without DISCONNECT$", re.M)
    wait_until(lambda: said.search(telling.log_text()), "it is in the log")


LONG = "\u20ac" * 100  # 300 bytes


@pytest.mark.parametrize("body, said", [
    (b"", "DISCONNECT"),
    (b"\x04", "DISCONNECT: Disconnect with Will Message"),
    (b"\x82", "DISCONNECT: Protocol Error"),
    (b"\x80\x09\x1f" + string("worn\n!"), r"DISCONNECT: Unspecified error: worn\\x0a!"),
    (b"\x81\xaf\x02\x1f" + string(LONG), "DISCONNECT: Malformed Packet: \u20ac{73}[.]{3}"),
])
def test_what_a_client_says_as_it_leaves_is_in_the_log(telling, body, said):
    raw = join(telling)
    raw.send(packet(0xE0, body))
    assert raw.rest_until_closed() == b""
    raw.close()
    found = re.findall(r" debug link: 127.0.0.1 c: closed: (.*)$", telling.log_text(), re.M)
    assert len(found) == 1 and re.fullmatch(said, found[0]), found


# ---- what was sent before a reset ----


def connect_with_will(site, level=4, clean=True, properties=b""):
    head = string("MQTT") + bytes([level, 0xC6 if clean else 0xC4]) + b"\0\x3c"
    if level == 5:
        head += bytes([len(properties)]) + properties
    will = (b"\0" if level == 5 else b"") + string("test/will") + string("gone")
    return packet(0x10, head + string("slow") + will + string("alice") + string(site.passwords["alice"]))


@pytest.mark.parametrize("qos, tls", [(0, False), (1, False), (1, True)])
def test_what_was_sent_before_a_reset_is_taken_though_slowly(site, peer, qos, tls):
    """DISCONNECT is among it: there is no Will [MQTT5-3.14.4-3] [MQTT3-3.14.4-3].  At QoS 1 the node
    finds nobody there to be answered."""
    site.change("  messages_per_s_max: 100000", "  messages_per_s_max: 20")
    site.start()
    other = peer(site, "other", user="bob").join().read("test/#")
    texts = [str(i) for i in range(150)]  # more than there are of 5 s
    raw = secured(Raw(site, site.tls_port), site) if tls else Raw(site)
    assert raw.send(connect_with_will(site)).packet() == (CONNACK, b"\0\0")
    raw.send(b"".join(publish_packet("test/a", one.encode(), qos, 1) for one in texts))
    assert other.texts(100) == texts[:100]
    raw.send(GOODBYE)
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()
    assert other.texts(50) == texts[100:]
    other.publish("test/will", "none came")
    assert other.texts(1) == ["none came"]
    assert site.end() == 0, site.log_text()


# ---- what was not taken yet when its client is back ----


def opened(site, way):
    """A connection, and what says bytes of MQTT in it."""
    port = {"TCP": site.port, "TLS": site.tls_port}.get(way) or site.ports[way]
    raw = Web(port) if "web" in way else Raw(site, port)
    if way in ("TLS", "secure_web"):
        secured(raw, site)
    if "web" not in way:
        return raw, raw.send
    assert raw.send(request()).head() == 101
    return raw, lambda data: raw.send(frame(BINARY, data))


def heard_until(peer, text):
    """What came before it."""
    return list(iter(lambda: peer.next().payload.decode(), text))


def check_will(other, has_will, mark):
    """It may come from another worker than the mark, and so behind it."""
    if has_will:
        heard_until(other, "gone")
    other.publish("test/will", mark)
    assert "gone" not in heard_until(other, mark)


@pytest.mark.parametrize("way", ["TCP", "TLS", "web", "secure_web"])
@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "later"])
def test_who_left_while_it_was_held_back_and_is_back_has_left(wires, peer, way, qos, at_once):  # noqa: F811
    """Its DISCONNECT was read with what it published, or was not; at QoS 1 it was reset, too.  There is no
    Will [MQTT5-3.14.4-3] [MQTT3-3.14.4-3], and what it may not say yet is not said."""
    wires.change("  messages_per_s_max: 100000", "  messages_per_s_max: 1")
    wires.start()
    other = peer(wires, "other", user="bob").join().read("test/#")
    texts = [str(i) for i in range(PATIENCE_S)]
    raw, say = opened(wires, way)
    say(connect_with_will(wires, clean=False))
    assert raw.packet() == (CONNACK, b"\0\0")
    published = b"".join(publish_packet("test/a", one.encode(), qos, 1) for one in texts)
    say(published + GOODBYE if at_once else published)
    assert other.texts(5) == texts[:5]
    if not at_once:
        say(GOODBYE)
    raw.close()
    raw, say = opened(wires, way)
    say(connect_packet("slow", "alice", wires.passwords["alice"], clean=False))
    assert raw.packet() == (CONNACK, b"\1\0")
    other.publish("test/will", "none came")
    heard = heard_until(other, "none came")
    assert heard == texts[5:5 + len(heard)]
    raw.close()
    assert wires.end() == 0, wires.log_text()


SHORTER = b"\x11" + bytes(4)


@pytest.mark.parametrize("goodbye, has_will, is_kept", [
    (b"", False, True),
    (b"\0\5" + SHORTER, False, False),
    (b"\4", True, True),
    (b"\4\5" + SHORTER, True, False),
    (b"\0\1", True, True),  # ill-formed
], ids=["normal", "no session", "with Will", "neither", "ill-formed"])
def test_what_it_said_as_it_left_holds_though_it_is_back(site, peer, goodbye, has_will, is_kept):
    """[MQTT5-3.1.2-10] and section 3.14.2.2.2"""
    site.change("  messages_per_s_max: 100000", "  messages_per_s_max: 1")
    site.start()
    hour = b"\x11" + struct.pack("!I", 3600)
    other = peer(site, "other", user="bob").join().read("test/#")
    with Raw(site) as raw:
        raw.send(connect_with_will(site, 5, False, hour))
        assert next_connack(raw)[0] == 0
        raw.send(publish_packet("test/a", b"\0said") * PATIENCE_S + packet(0xE0, goodbye))
        assert other.texts(5) == ["said"] * 5
    with Raw(site) as raw:
        assert raw.join(site, "slow", level=5, clean=False, properties=hour) == is_kept
        check_will(other, has_will, "all came")
    assert site.end() == 0, site.log_text()


def test_who_left_is_not_taken_over(telling, peer):
    telling.change("  messages_per_s_max: 100000", "  messages_per_s_max: 1")
    telling.ok("reload")
    other = peer(telling, "other", user="bob").join().read("test/#")
    for said, why, has_will in ((GOODBYE, "DISCONNECT", False),
                                (b"\xc0\0", "session taken over by a newer connection", True)):
        with Raw(telling) as raw:
            raw.send(connect_with_will(telling))
            assert raw.packet() == (CONNACK, b"\0\0")
            raw.send(publish_packet("test/a", b"said") * PATIENCE_S + said)
            assert other.texts(5) == ["said"] * 5
        with Raw(telling) as raw:
            assert not raw.join(telling, "slow")
            ends = re.findall(r" debug link: 127.0.0.1 slow: closed: (.*)$", telling.log_text(), re.M)
            assert ends[-1] == why
            raw.send(GOODBYE)
            assert raw.rest_until_closed() == b""
        check_will(other, has_will, "next")


@pytest.mark.parametrize("said, has_will", [(GOODBYE, False), (b"\xc0\0", True)], ids=["left", "stayed"])
def test_who_left_before_the_node_stops_has_left(home, said, has_will):
    """Its DISCONNECT was not read yet. A Will would be retained."""
    prepare(home)
    home.config.write_text(home.config.read_text().replace("limits:\n", "limits:\n  messages_per_s_max: 1\n"))
    home.start()
    will = string("MQTT") + b"\x04\x26\0\x3c" + string("slow") + string("load/will") + string("gone")
    with Raw(home) as raw, Raw(home) as other:
        other.send(connect_packet("other") + packet(0x82, b"\0\1" + string("load/said") + b"\0"))
        assert [other.packet()[0] for _ in range(2)] == [CONNACK, 0x90]
        raw.send(packet(0x10, will))
        assert raw.packet() == (CONNACK, b"\0\0")
        raw.send(publish_packet("load/said", b"said") * PATIENCE_S + said)
        assert other.packet()[0] == 0x30
        assert home.end() == 0, home.log_text()
    home.start()
    assert home.json("status")["retained_messages"] == has_will
    assert home.end() == 0, home.log_text()
