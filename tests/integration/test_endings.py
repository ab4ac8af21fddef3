# SPDX-License-Identifier: Apache-2.0
"""How a connection ends when the node ends it: the client learns why, whatever it is doing."""

import socket
import time

import pytest

from conftest import wait_until
from peer import (PATIENCE_S, Raw, connect_packet, next_connack, next_disconnect,
                  publish_packet)

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
