# SPDX-License-Identifier: Apache-2.0
"""What waits long waits in the journal: it comes back whole and in order, or not at all.

MQ.PR.SP-06
"""

import os
import re
import shutil
import signal
import threading

import pytest

from conftest import SANITIZERS, clients, wait_until
from crash import PATIENCE_S, Receiver, prepare
from peer import Raw, connect_packet, publish_packet

SHELVED = 3000  # far more than stays in memory for one who is away


def publish(home, topic, first, n, name="all", payload=b""):
    """At QoS 1, each acknowledged."""
    with Raw(home) as raw:
        raw.send(connect_packet("publisher"))
        raw.packet()
        for start in range(first, first + n, 500):
            numbers = range(start, min(start + 500, first + n))
            raw.send(b"".join(publish_packet(topic, f"{name}:{k}".encode() + payload, 1, k - start + 1)
                              for k in numbers))
            for _ in numbers:
                assert raw.packet()[0] == 0x40


def waiting(home):
    return {c["client_id"]: c["queue_messages"] for c in clients(home)}


def away(home, name, topic):
    reader = Receiver(home.port, name, topic, 1).join_node().subscribe()
    reader.leave()
    return reader


def flip_bit(path, place):
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 1]))


class Halting(Receiver):
    """Comes back, takes @n messages, and the rest when it may go on."""

    def __init__(self, before, n):
        super().__init__(before.port, before.name, before.topic, before.qos, before=before)
        self.n, self.halted, self.goes_on = n, threading.Event(), threading.Event()

    def deliver(self, text):
        super().deliver(text)
        if sum(self.got.values()) == self.n:
            self.halted.set()
            self.goes_on.wait(PATIENCE_S)

    def halt(self):
        self.join_node()
        assert self.halted.wait(PATIENCE_S)
        return self


def assert_gets(reader, numbers, name="all"):
    """Comes back; @numbers, in this order, each once."""
    reader = reader.again().join_node()
    wait_until(lambda: len(reader.order[name]) >= len(numbers), f"{reader.name}: {len(reader.order[name])}")
    reader.leave()
    assert reader.order[name] == numbers
    assert max(reader.got.values()) == 1


@pytest.fixture
def durable(home):
    prepare(home)
    home.start()
    yield home
    if home.process is not None:
        assert home.end() == 0
    assert not SANITIZERS.search(home.log_text()), home.log_text()


def test_what_waits_comes_back_in_order_for_each_who_was_away(durable):
    readers = [away(durable, f"away{i}", "t/#") for i in range(3)]
    publish(durable, "t/a", 0, SHELVED)
    wait_until(lambda: waiting(durable) == {r.name: SHELVED for r in readers}, "all are in the queues")
    assert_gets(readers[0], list(range(SHELVED)))
    publish(durable, "t/b", SHELVED, 500)
    assert_gets(readers[1], list(range(SHELVED + 500)))
    assert_gets(readers[2], list(range(SHELVED + 500)))
    assert_gets(readers[0], list(range(SHELVED + 500)))


def test_what_waits_survives_a_kill_and_so_does_what_was_taken_of_it(durable):
    readers = [away(durable, f"away{i}", "t/#") for i in range(2)]
    publish(durable, "t/a", 0, SHELVED)
    durable.end(signal.SIGKILL)
    durable.start()
    wait_until(lambda: waiting(durable) == {r.name: SHELVED for r in readers}, "all are in the queues")
    publish(durable, "t/a", SHELVED, 500)
    readers = [r.again().join_node() for r in readers]
    wait_until(lambda: all(len(r.order["all"]) > 700 for r in readers), "some of it")
    durable.end(signal.SIGKILL)
    for r in readers:
        r.leave()
    durable.start()
    for r in readers:
        r = r.again().join_node()
        wait_until(lambda: len(r.order["all"]) >= SHELVED + 500, f"{r.name}: {len(r.order['all'])}")
        r.leave()
        assert r.order["all"] == list(range(SHELVED + 500))
    durable.end()
    durable.start()
    assert sum(waiting(durable).values()) == 0


def test_a_long_queue_takes_no_memory(durable):
    def memory():
        return int(next(line for line in durable.ok("metrics").splitlines()
                        if line.startswith("bastide_memory_bytes ")).split()[1])

    away(durable, "away", "t/#")
    before = memory()
    publish(durable, "t/a", 0, SHELVED, payload=b"x" * 4000)
    wait_until(lambda: waiting(durable)["away"] == SHELVED, "all are in the queue")
    assert memory() - before < 2000000  # of 12 MB


def test_a_quarantine_drops_what_waits_in_the_journal_too(durable):
    reader = away(durable, "away", "t/#")
    publish(durable, "t/good", 0, SHELVED, "good")
    publish(durable, "t/bad", 0, SHELVED, "bad")
    publish(durable, "t/good", SHELVED, 10, "good")
    durable.ok("respond", "run", "quarantine", "topic", "t/bad", "--direction", "deliver", "--for", "1h")
    wait_until(lambda: waiting(durable)["away"] == SHELVED + 10, "it has gone")
    durable.ok("respond", "undo", "quarantine", "topic", "t/bad", "--reason", "it is good again")
    durable.end(signal.SIGKILL)
    durable.start()
    assert_gets(reader, list(range(SHELVED + 10)), "good")
    assert "bad" not in reader.order


def test_what_waits_on_disk_under_a_block_is_told_as_not_looked_at(durable):
    away(durable, "away", "t/#")
    publish(durable, "t/bad", 0, SHELVED, "bad")
    wait_until(lambda: waiting(durable)["away"] == SHELVED, "all are in the queue")
    durable.ok("respond", "run", "quarantine", "topic", "t/bad", "--direction", "publish", "--for", "1h")
    said = durable.ok("respond", "undo", "quarantine", "topic", "t/bad", "--reason", "it is good again")
    seen = re.search(r"with 0 retained and (\d+) waiting messages under it, and (\d+) on disk that were not looked", said)
    assert sum(map(int, seen.groups())) == SHELVED and int(seen[2]) > 0


def test_what_is_damaged_meanwhile_is_not_delivered_and_the_rest_is(durable):
    reader = away(durable, "away", "t/#")
    publish(durable, "t/a", 0, SHELVED)
    segment, = (durable.folder / "state/journal").glob("*.journal")
    # In many places: a frame on its own may hold only what is not needed any more, as when messages crossed workers.
    size = os.path.getsize(segment)
    for place in range(size // 3, size * 2 // 3, size // 48):
        flip_bit(segment, place)
    reader = reader.again().join_node()
    wait_until(lambda: waiting(durable)["away"] == 0, "all was taken or dropped")
    wait_until(lambda: SHELVED - 1 in reader.order["all"], "the last one")
    reader.leave()
    numbers = reader.order["all"]
    assert numbers == sorted(set(numbers)) and SHELVED // 4 < len(numbers) < SHELVED
    assert "damaged and were dropped" in durable.log_text()
    assert list((durable.folder / "state/journal/quarantine").iterdir())


def test_a_session_that_ends_takes_what_waited_for_it_alone_with_it(durable):
    one, other = away(durable, "one", "t/#"), away(durable, "other", "t/#")
    publish(durable, "t/a", 0, SHELVED)
    with Raw(durable) as raw:
        raw.send(connect_packet("one", clean=True))
        raw.packet()
    assert_gets(other, list(range(SHELVED)))
    durable.end()
    durable.start()
    assert waiting(durable) == {"other": 0}
    assert one.got == {}


def test_what_waits_is_in_a_backup_that_is_made_while_it_is_taken(durable, tmp_path):
    reader = Halting(away(durable, "away", "t/#"), SHELVED // 3)
    publish(durable, "t/a", 0, SHELVED)
    key = tmp_path / "kept-apart.key"
    shutil.copy(durable.folder / "keys/at-rest.key", key)
    reader.halt()
    durable.ok("backup", "create", str(tmp_path / "backups"))
    reader.goes_on.set()
    reader.leave()
    durable.end(signal.SIGKILL)
    first, elsewhere = durable.folder, tmp_path / "elsewhere"
    done = durable.cli("backup", "restore", str(tmp_path / "backups"), "--into", str(elsewhere), "--key-file",
                       str(key), home=False)
    assert done.returncode == 0, done.stderr
    (elsewhere / "run").mkdir()
    durable.folder, durable.socket = elsewhere, elsewhere / "run/admin.sock"
    try:
        durable.start()
        again = Receiver(durable.port, "away", "t/#", 1).join_node()
        wait_until(lambda: SHELVED - 1 in again.order["all"], "the last one")
        again.leave()
        # What had been acknowledged when it was made may be missing, and nothing else.
        assert again.order["all"] == list(range(again.order["all"][0], SHELVED))
        assert again.order["all"][0] < reader.n
        assert durable.end() == 0
    finally:
        shutil.copy(elsewhere / "log", first)
        durable.folder = first


def test_data_keys_are_replaced_while_messages_wait_and_while_they_are_read(durable):
    """All that waits is sealed anew each time, in other segments, and the older ones go."""
    readers = [away(durable, f"away{i}", "t/#") for i in range(2)]
    publish(durable, "t/a", 0, SHELVED)
    durable.ok("key", "rotate")
    reader = Halting(readers[0], SHELVED // 3).halt()
    durable.ok("key", "rotate")
    reader.goes_on.set()
    for _ in range(3):
        durable.ok("key", "rotate")
    wait_until(lambda: len(reader.order["all"]) == SHELVED, f"{len(reader.order['all'])}")
    reader.leave()
    assert reader.order["all"] == list(range(SHELVED)) and max(reader.got.values()) == 1
    assert durable.json("key", "list")["keys"] == [6]
    durable.end(signal.SIGKILL)
    durable.start()
    durable.ok("key", "rotate")
    assert_gets(readers[1], list(range(SHELVED)))
    assert "damaged" not in durable.log_text()
