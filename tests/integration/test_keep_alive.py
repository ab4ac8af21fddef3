# SPDX-License-Identifier: Apache-2.0
"""Keep alive: only the silence of the client ends a connection, not what the node has left unread
[MQTT5-3.1.2-22] [MQTT3-3.1.2-24]."""

import re
import socket
import struct
import time

import pytest

from peer import PATIENCE_S, Raw, next_connack, next_disconnect, packet, string, subscribe_packet

PINGREQ, PINGRESP, DISCONNECT = b"\xc0\0", 0xD0, b"\xe0\0"
KEEP_ALIVE_TIMEOUT = 0x8D
KEEP_ALIVE_S = 1


def join(site, client_id, keepalive=KEEP_ALIVE_S):
    """A 5.0 client that has a Will."""
    raw = Raw(site)
    raw.send(packet(0x10, string("MQTT") + bytes([5, 0xC6]) + struct.pack("!H", keepalive) + b"\0" +
                    string(client_id) + b"\0" + string("test/will") + string("gone") +
                    string("alice") + string(site.passwords["alice"])))
    assert next_connack(raw)[0] == 0
    return raw


def test_who_was_silent_for_too_long_is_in_the_log(site):
    site.start()
    with join(site, "silent") as raw:
        assert next_disconnect(raw)[0] == KEEP_ALIVE_TIMEOUT
    said = "silent: closed: nothing has come for one and a half times the Keep Alive of 1 s"
    assert re.search(f" info link: .* {said}$", site.log_text(), re.M), site.log_text()
    assert site.end() == 0, site.log_text()


def publish(topic, payload):
    return packet(0x30, string(topic) + b"\0" + payload)


def watch(site):
    raw = Raw(site)
    raw.join(site, "watcher", user="bob")
    raw.send(subscribe_packet("test/#", 0))
    assert raw.packet()[0] == 0x90
    return raw


def message(raw):
    first, body = raw.packet()
    assert first & 0xF0 == 0x30, f"{first:#x}"
    n = struct.unpack("!H", body[:2])[0]
    return body[2:2 + n].decode(), body[2 + n:]


@pytest.fixture
def slow(site):
    """A node that takes ten messages a second from a client, and fifty at once."""
    site.change("  messages_per_s_max: 100000\n", "  messages_per_s_max: 10\n")
    site.start()
    yield site
    assert site.end() == 0, site.log_text()


def test_a_client_that_is_read_slowly_and_sends_pings_is_not_cut_off(slow):
    with join(slow, "c") as raw:
        begun = time.monotonic()
        raw.send(b"".join(publish("test/x", b"%d" % i) for i in range(90)) + PINGREQ)
        assert raw.packet()[0] == PINGRESP
        assert time.monotonic() - begun > 1.5 * KEEP_ALIVE_S
        assert next_disconnect(raw)[0] == KEEP_ALIVE_TIMEOUT, "and now it is silent"


def test_a_client_that_has_sent_disconnect_behind_a_burst_has_no_will(slow):
    """All that it has sent is taken, and its Will is not published [MQTT5-3.14.4-3]."""
    with watch(slow) as watcher:
        with join(slow, "c") as raw:
            raw.send(b"".join(publish("test/x", b"%d" % i) for i in range(90)) + DISCONNECT)
            raw.socket.shutdown(socket.SHUT_WR)
            assert [message(watcher) for _ in range(90)] == [("test/x", b"%d" % i) for i in range(90)]
            assert raw.rest_until_closed() == b""
        with join(slow, "other", keepalive=60) as other:
            other.send(publish("test/last", b""))
            assert message(watcher)[0] == "test/last", "not the Will"


def test_bytes_of_a_packet_that_never_ends_do_not_keep_a_connection_alive(field):
    with join(field, "c") as raw:
        raw.send(b"\x30\x80\x08" + string("test/x") + b"\0")
        raw.socket.settimeout(KEEP_ALIVE_S / 4)
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE_S:
            raw.send(b"x")
            try:
                assert next_disconnect(raw)[0] == KEEP_ALIVE_TIMEOUT
                break
            except socket.timeout:
                continue
        else:
            pytest.fail("they do")


def test_a_large_packet_on_a_slow_line_has_its_time(field):
    """In each keep alive a KiB or more of it comes."""
    with watch(field) as watcher, join(field, "c") as raw:
        whole = publish("test/x", b"x" * 16384)
        begun = time.monotonic()
        for at in range(0, len(whole), 1024):
            raw.send(whole[at:at + 1024])
            time.sleep(KEEP_ALIVE_S / 5)  # the line's own pace: five KiB in each keep alive
        assert time.monotonic() - begun > 3 * KEEP_ALIVE_S
        assert message(watcher) == ("test/x", b"x" * 16384)
        raw.send(PINGREQ)
        assert raw.packet()[0] == PINGRESP
