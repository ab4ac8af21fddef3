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
from transports import limit

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
    raw.send(b"\x30\x81\x80\x80\x80\x80")
    assert next_disconnect(raw)[0] == MALFORMED
    begin = time.monotonic()
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


def connect_with_will(site):
    body = string("MQTT") + b"\x04\xc6\0\x3c" + string("slow") + string("test/will") + string("gone")
    return packet(0x10, body + string("alice") + string(site.passwords["alice"]))


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
