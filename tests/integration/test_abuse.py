# SPDX-License-Identifier: Apache-2.0
"""What is no client, and clients that are no good: each is cut off in bounded time and memory."""

import os
import select
import socket
import time

import pytest

from conftest import wait_until
from peer import PATIENCE_S, Raw, connect_packet, packet, publish_packet, string
from transports import limit

CONNECT_TIMEOUT_S = 1.5
MARGIN_S = 4             # a sanitized node on a busy machine
# Two password checks at a time take 64 MiB each, also those that the node makes to look for default
# passwords; what the tests offer would take a multiple of this.
MEMORY_BYTES = 160 << 20
QUARANTINE = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"  # counts as memory in use


@pytest.fixture(autouse=True)
def observes(site):
    """What is done here is an attack, and the node would shut this address out."""
    site.change("  enforce: yes", "  enforce: no")
    site.change("  connect_timeout_ms: 20000", f"  connect_timeout_ms: {CONNECT_TIMEOUT_S * 1000:.0f}")


@pytest.fixture
def patient(site):
    """Named before `field`: no limit of time ends a connection."""
    limit(site, "connect_timeout_ms", 600000)


@pytest.fixture
def works(field, peer):
    """In the end the node must serve a decent client as if nothing had been."""
    yield
    one = peer(field, "decent").join()
    one.read("test/decent", qos=2)
    one.publish("test/decent", "still there", qos=2)
    assert one.next().payload == b"still there"


GARBAGE = {
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "tls on the plain port": bytes.fromhex("16030100c8010000c40303") + bytes(194),
    "type 0": b"\0\0",
    "PUBLISH before CONNECT": publish_packet("test/x", b"x"),
    "another protocol": packet(0x10, string("MQXX") + b"\4\2\0\x3c" + string("c")),
    "level 9": packet(0x10, string("MQTT") + b"\x09\2\0\x3c" + string("c")),
    "reserved flag": packet(0x10, string("MQTT") + b"\4\3\0\x3c" + string("c")),
    "remaining length of five bytes": b"\x10\xff\xff\xff\xff\x7f",
    "client id that is no UTF-8": packet(0x10, string("MQTT") + b"\4\2\0\x3c" + string(b"\xff")),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_cut_off_at_once(patient, field, works, name):
    with Raw(field) as raw:
        raw.send(GARBAGE[name]).rest_until_closed()


def test_random_bytes_do_no_harm(field, works):
    for _ in range(200):
        with Raw(field) as raw:
            try:
                raw.send(os.urandom(200))
                raw.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            raw.rest_until_closed()


@pytest.mark.parametrize("sent", [b"", connect_packet("half", "alice", "x")[:12]],
                         ids=["silence", "half a CONNECT"])
def test_who_does_not_finish_connect_is_cut_off_in_time(field, works, sent):
    begin = time.monotonic()  # the node's time begins when it has accepted
    with Raw(field) as raw:
        raw.send(sent).rest_until_closed()
        assert CONNECT_TIMEOUT_S - 0.1 <= time.monotonic() - begin < CONNECT_TIMEOUT_S + MARGIN_S


def test_a_drip_of_bytes_does_not_buy_time(field, works):
    whole = connect_packet("slow", "alice", "x" * 200)
    with Raw(field) as raw:
        begin = time.monotonic()
        raw.socket.settimeout(0.1)
        for i in range(len(whole)):
            try:
                raw.send(whole[i:i + 1])
                if raw.socket.recv(1) == b"":
                    break
            except socket.timeout:
                continue
            except OSError:
                break
        assert time.monotonic() - begin < CONNECT_TIMEOUT_S + MARGIN_S


def test_silence_on_the_tls_port_is_cut_off_in_time(field, works):
    with socket.create_connection(("127.0.0.1", field.tls_port), PATIENCE_S) as s:
        begin = time.monotonic()
        assert s.recv(1) == b""
        assert time.monotonic() - begin < CONNECT_TIMEOUT_S + MARGIN_S


@pytest.mark.parametrize("first", [0x10, 0x30], ids=["CONNECT", "PUBLISH"])
def test_a_remaining_length_of_256_mb_takes_no_memory(field, works, first):
    before = field.rss_bytes()
    for _ in range(6):
        with Raw(field) as raw:
            if first == 0x30:
                raw.join(field, "huge")
            raw.send(bytes([first]) + b"\xff\xff\xff\x7f" + bytes(1000)).rest_until_closed()
            assert field.rss_bytes() - before < MEMORY_BYTES


def test_many_who_say_nothing_take_little_memory(field, works):
    before = field.rss_bytes()
    all_of_them = [Raw(field) for _ in range(300)]
    for raw in all_of_them:
        raw.send(b"\x10\xff")
    begin = time.monotonic()
    for raw in all_of_them:
        raw.rest_until_closed()
        raw.close()
    assert time.monotonic() - begin < CONNECT_TIMEOUT_S + MARGIN_S
    assert field.rss_bytes() - before < MEMORY_BYTES


def test_a_subscriber_that_does_not_read_takes_bounded_memory(site, peer):
    site.change("  queue_messages_max: 10000", "  queue_messages_max: 100")
    site.start(ASAN_OPTIONS=QUARANTINE)
    with Raw(site) as raw:
        raw.join(site, "deaf")
        raw.send(packet(0x82, b"\0\1" + string("test/flood") + b"\0"))
        assert raw.packet()[0] == 0x90
        before = site.rss_bytes()
        writer = peer(site, "writer").join()
        for _ in range(45):
            sent = [writer.paho.publish("test/flood", bytes(128 << 10), 1) for _ in range(50)]
            sent[-1].wait_for_publish(PATIENCE_S)
            assert site.rss_bytes() - before < MEMORY_BYTES
        assert site.json("clients", "deaf")["messages_dropped"] > 0
    assert site.end() == 0, site.log_text()


GUESSES = 40  # each costs a password check; two are made at a time
GUESSER, RIGHTFUL = "127.0.0.9", "127.0.0.7"


def test_who_guesses_has_nobody_but_himself_wait(site):
    """One queue for all would answer every guess before the login behind them."""
    site.ok("user", "passwd", "alice", "--password-stdin", input=site.passwords["alice"])  # at its full cost
    site.start()
    guesses = [Raw(site, source=GUESSER) for _ in range(GUESSES)]
    with Raw(site, source=RIGHTFUL) as rightful:
        for i, guess in enumerate(guesses):
            guess.send(connect_packet(f"guesser-{i}", "alice", f"guess {i}"))
        wait_until(lambda: answered(guesses), "an answer to the first guess")
        before = answered(guesses)
        rightful.join(site, "rightful")
        # two that are under way, a turn of the guesser's, and what a thread does meanwhile
        assert answered(guesses) - before <= 6
    for guess in guesses:
        guess.socket.close()
    assert site.end() == 0, site.log_text()


def answered(raws):
    """How many have something to read, the end included."""
    return len(select.select([r.socket for r in raws], [], [], 0)[0])
