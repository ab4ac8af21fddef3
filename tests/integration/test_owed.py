# SPDX-License-Identifier: Apache-2.0
"""Killed while a client whose session is kept is shown what is retained: it gets the rest all the same.

MQ.PR.SP-06
"""

import signal
import socket
import threading

import pytest

from conftest import SANITIZERS
from crash import PATIENCE_S, Receiver, ack, prepare, wait_for
from peer import Raw, connect_packet, publish_packet, subscribe_packet

PUBREL = 6
AT_A_TIME = 500


class Hesitant(Receiver):
    """Takes a number of messages, and no more before it is told to go on."""

    limit, has_stopped, may_go_on = 0, None, None

    def stop_at(self, limit):
        self.limit, self.has_stopped, self.may_go_on = limit, threading.Event(), threading.Event()
        return self

    def deliver(self, text):
        super().deliver(text)
        if len(self.got) == self.limit:
            self.has_stopped.set()
            assert self.may_go_on.wait(PATIENCE_S)


def retain(home, n):
    """At QoS 2, t/0 and so on."""
    with Raw(home) as raw:
        raw.send(connect_packet("publisher"))
        raw.packet()
        for first in range(0, n, AT_A_TIME):
            some = range(first, min(first + AT_A_TIME, n))
            for make in (lambda i: publish_packet(f"t/{i}", f"t:{i}".encode(), 2, 1 + i - first, True),
                         lambda i: ack(PUBREL, 1 + i - first)):
                raw.send(b"".join(make(i) for i in some))
                for _ in some:
                    raw.packet()


def start(home, workers):
    prepare(home, workers)
    # A part of what is found is so large at most.
    home.config.write_text(home.config.read_text().replace("queue_bytes_max: 4000000000",
                                                           "queue_bytes_max: 100000"))
    home.start()


def test_what_has_not_been_looked_for_yet_comes_after_a_kill(home):
    """SUBACK has left, and what waits goes first: nothing is looked for before it is acknowledged."""
    n, waits = 50, 200
    start(home, 2)
    retain(home, n)
    with Raw(home) as raw, Raw(home) as publisher:
        raw.send(connect_packet("reader", clean=False) + subscribe_packet("live", 1))
        assert [raw.packet()[0] for _ in range(2)] == [0x20, 0x90]
        publisher.send(connect_packet("publisher"))
        for i in range(waits):
            publisher.send(publish_packet("live", f"live:{i}".encode(), 1, i + 1))
        assert {publisher.packet()[0] for _ in range(waits + 1)} == {0x20, 0x40}
        raw.send(subscribe_packet("t/+", 2, packet_id=2))
        while raw.packet()[0] != 0x90:
            pass
    home.end(signal.SIGKILL)
    start(home, 2)
    reader = Receiver(home.port, "reader", "t/+", 2).join_node()
    wait_for(lambda: len(reader.got) == n + waits, "all that waits and all that is retained")
    assert {reader.got[f"t:{i}"] for i in range(n)} == {1}
    reader.leave()
    assert home.end() == 0
    assert not SANITIZERS.search(home.log_text())


@pytest.mark.parametrize("qos", [1, 2])
@pytest.mark.parametrize("n", [2000, 12000])  # at once, and more than is looked at at once
def test_what_a_subscription_has_not_been_shown_comes_after_a_kill(home, n, qos):
    start(home, 2)
    retain(home, n)
    reader = Hesitant(home.port, "reader", "t/+", qos).stop_at(1).join_node().subscribe()
    for part, workers in [(n // 10, 3), (n // 3, 1), (n - 50, 2), (None, None)]:
        assert reader.has_stopped.wait(PATIENCE_S)
        home.end(signal.SIGKILL)
        reader.leaving.set()
        reader.may_go_on.set()
        reader.join(PATIENCE_S)
        if part is None:
            break
        start(home, workers)
        reader = reader.again().stop_at(part).join_node()
    start(home, 2)
    with Raw(home) as raw:  # of a topic that it has not been shown, or has: it comes live, and that is all
        raw.send(connect_packet("publisher") + publish_packet("t/7", b"t:99999", 1, 1, True))
        assert [raw.packet()[0] for _ in range(2)] == [0x20, 0x40]
    reader = reader.again().join_node()
    wanted = {f"t:{i}" for i in range(n)} | {"t:99999"}
    wait_for(lambda: wanted - {"t:7"} <= set(reader.got), "all that is retained")
    if qos == 2:
        assert set(reader.got.values()) == {1}
    reader.leave()
    assert home.end() == 0
    assert not SANITIZERS.search(home.log_text())


@pytest.mark.parametrize("is_killed", [False, True], ids=["cut", "killed"])
@pytest.mark.parametrize("n", [300, 12000])  # at once, and more than is looked at at once
def test_what_has_replaced_what_was_not_shown_yet_is_shown(home, n, is_killed):
    """At QoS 0, while the client is away: it does not wait, and what it has replaced is promised."""
    start(home, 2)
    retain(home, n)
    reader = Hesitant(home.port, "reader", "t/+", 1).stop_at(n // 3).join_node().subscribe()
    assert reader.has_stopped.wait(PATIENCE_S)
    reader.leaving.set()
    reader.socket.shutdown(socket.SHUT_RDWR)
    reader.may_go_on.set()
    reader.join(PATIENCE_S)
    wait_for(lambda: not home.json("clients", "reader")["connected"], "the node has seen it go")
    with Raw(home) as raw:
        raw.send(connect_packet("publisher"))
        raw.packet()
        raw.send(b"".join(publish_packet(f"t/{i}", f"t:{n + i}".encode(), 0, retain=True) for i in range(n)))
        raw.send(publish_packet("t/0", f"t:{n}".encode(), 1, 1))
        assert raw.packet()[0] == 0x40
    if is_killed:
        home.end(signal.SIGKILL)
        start(home, 3)
    reader = reader.again().join_node()
    wait_for(lambda: {int(text[2:]) % n for text in set(reader.got)} == set(range(n)), "a value of each topic")
    reader.leave()
    assert home.end() == 0
    assert not SANITIZERS.search(home.log_text())
