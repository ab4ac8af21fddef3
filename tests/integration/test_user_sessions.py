# SPDX-License-Identifier: Apache-2.0
"""How many sessions of one user outlive their connections, and for how long those that nobody came back to."""

import re
import signal
import struct

import pytest

from conftest import wait_until
from crash import prepare
from peer import Raw, connect_packet, next_connack, packet, properties_of, string, varint

MOST = 4
UNRESUMED_S = 7
LONG_S = 600
EXPIRY = 0x11


@pytest.fixture
def few(home):
    """A node that commits, of two workers, that keeps few sessions of a user; all clients are one."""
    prepare(home)
    text = home.config.read_text()
    text, n = re.subn(r"sessions_per_user_max: \d+",
                      f"sessions_per_user_max: {MOST}\n  session_unresumed_max_s: {UNRESUMED_S}", text)
    assert n == 1
    home.config.write_text(text)
    home.start()
    yield home
    assert home.end() == 0, home.log_text()


def expiry(seconds):
    return bytes([5, EXPIRY]) + struct.pack("!I", seconds)


def comes(node, client_id, expiry_s=LONG_S, clean=False):
    """Its connection, whether its session was there, and for how long it will be kept."""
    raw = Raw(node)
    raw.send(connect_packet(client_id, level=5, clean=clean, properties=expiry(expiry_s)[1:]))
    first, body = raw.packet()
    assert (first, body[1]) == (0x20, 0)
    n, at = varint(body[2:])
    assert len(body) == 2 + at + n
    return raw, bool(body[0]), properties_of(body[2 + at:]).get(EXPIRY, expiry_s)


def connect_with_will(client_id, topic, expiry_s):
    body = string("MQTT") + bytes([5, 0x06]) + struct.pack("!H", 60) + expiry(expiry_s)
    return packet(0x10, body + string(client_id) + b"\0" + string(topic) + string(b"x"))


def visits(node, *more, **how):
    """The same of one that goes at once."""
    raw, *answer = comes(node, *more, **how)
    raw.send(packet(0xE0, b""))
    raw.close()
    return tuple(answer)


def sessions(node):
    return {c["client_id"]: c["session_expiry_s"] for c in node.json("clients")}


def fill(node):
    """As many as may be."""
    assert visits(node, "c-0") == (False, LONG_S)
    for i in range(1, MOST):
        assert visits(node, f"c-{i}") == (False, UNRESUMED_S)
        assert visits(node, f"c-{i}") == (True, LONG_S)


def test_of_a_user_so_many_sessions_are_kept_and_no_more(few):
    fill(few)
    raw, present, expiry_s = comes(few, "more")
    assert (present, expiry_s) == (False, 0), "it may come, and its session ends with it"
    raw.send(packet(0xE0, b""))
    raw.close()
    wait_until(lambda: set(sessions(few)) == {f"c-{i}" for i in range(MOST)}, "no more than these are kept")
    assert visits(few, "c-1") == (True, LONG_S), "who has one keeps it"
    assert visits(few, "c-1", expiry_s=0, clean=True) == (False, 0)
    wait_until(lambda: "c-1" not in sessions(few), "it has ended")
    assert visits(few, "more") == (False, UNRESUMED_S), "which leaves room"
    wait_until(lambda: any(i["kind"] == "session-hoarding" and i["severity"] == "low"
                           for i in few.json("incidents")), "it is told")


def test_who_is_beyond_that_may_ask_again_at_disconnect_and_its_will_is_dropped(few):
    """It breaks no rule, section 3.14.2.2.2: its CONNECT had asked for more than 0."""
    fill(few)
    reader, *_ = comes(few, "reader", expiry_s=0, clean=True)
    reader.send(packet(0x82, b"\0\1\0" + string("will/#") + b"\0"))
    assert reader.packet()[0] == 0x90
    for name, asked_s, ends in (("more", LONG_S, b""), ("none", 0, b"\xe0")):
        raw = Raw(few)
        raw.send(connect_with_will(name, f"will/{name}", asked_s))
        assert next_connack(raw)[1].get(EXPIRY, 0) == 0
        raw.send(packet(0xE0, b"\0" + expiry(LONG_S)))
        assert raw.rest_until_closed()[:1] == ends, name
        raw.close()
        wait_until(lambda: name not in sessions(few), "its session has ended with it")
    first, body = reader.packet()
    assert (first, body[2:11]) == (0x30, b"will/none"), "where 0 was asked for, it is a protocol error"
    reader.close()
    assert "session expiry set at DISCONNECT" in few.log_text()


def test_a_client_of_3_1_1_comes_in_without_a_session_that_is_kept(few):
    fill(few)
    for _ in range(2):
        raw = Raw(few)
        raw.send(connect_packet("old", clean=False))
        assert raw.packet() == (0x20, b"\0\0")
        raw.send(packet(0xE0, b""))
        raw.close()
        wait_until(lambda: "old" not in sessions(few), "its session has ended with it")


def test_a_session_that_was_never_resumed_is_kept_for_a_short_time_unless_it_is_the_only_one(few):
    assert visits(few, "first") == (False, LONG_S)
    raw, _, expiry_s = comes(few, "second")
    assert expiry_s == UNRESUMED_S
    raw.send(packet(0xE0, b"\0" + expiry(LONG_S)))
    raw.close()
    wait_until(lambda: sessions(few).get("second") == UNRESUMED_S, "DISCONNECT makes it no longer")
    assert visits(few, "third", expiry_s=UNRESUMED_S - 1) == (False, UNRESUMED_S - 1), "who asks for less has less"
    wait_until(lambda: set(sessions(few)) == {"first"}, "nobody has come back to the others")


def test_it_is_the_same_after_the_node_was_killed(few):
    fill(few)
    assert few.end(signal.SIGKILL) != 0
    few.start()
    assert visits(few, "more") == (False, 0)
    assert visits(few, "c-2") == (True, LONG_S)
    assert visits(few, "c-2", expiry_s=0) == (True, 0)
    wait_until(lambda: "c-2" not in sessions(few), "it has ended")
    assert visits(few, "more") == (False, UNRESUMED_S)
