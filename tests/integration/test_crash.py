# SPDX-License-Identifier: Apache-2.0
"""Killed under load: nothing acknowledged is lost, nothing comes twice at QoS 2, nothing is readable.

MQ.PR.SP-06
"""

import re
import resource
import select
import signal
import struct
import time

import pytest

from conftest import PATIENCE_S, SANITIZERS, wait_until
from crash import Crash, Receiver, prepare
from peer import Raw, connect_packet, mosquitto_pub, packet, publish_packet, string, subscribe_packet

CANARY = "canary"


def test_nothing_acknowledged_is_lost_when_the_node_is_killed(home):
    prepare(home)
    crash = Crash(home, seed=1)
    crash.run(cycles=6)
    assert crash.check() > 100
    assert home.end() == 0
    # Queues are empty: what is left is sessions, subscriptions, and one retained message.
    records = int(re.search(r"(\d+) records", home.ok("store", "stat"))[1])
    assert records < 40, home.ok("store", "dump")[:4000]
    assert not SANITIZERS.search(home.log_text())
    assert "damaged" not in home.log_text()


def address_space(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmSize:\s+(\d+) kB", status.read())[1]) * 1024


@pytest.mark.parametrize("left", [2 << 20, 8 << 20])
def test_an_allocation_that_fails_ends_the_node_as_a_kill_does(home, left):
    """Wherever it happens: in the middle of what the node keeps of a message, or of what it writes of it."""
    prepare(home)
    home.start()
    with open(f"/proc/{home.process.pid}/maps") as maps:
        if "libasan" in maps.read():
            pytest.skip("the address sanitizer has taken its address space beforehand: a limit comes too late")
    limit = address_space(home.process.pid) + left
    resource.prlimit(home.process.pid, resource.RLIMIT_AS, (limit, limit))
    acknowledged = 0
    with Raw(home) as raw, pytest.raises((EOFError, ConnectionError)):
        raw.send(connect_packet("publisher"))
        raw.packet()
        for n in range(20000):  # 80 MB of them
            raw.send(publish_packet(f"t/{n}", b"x" * 4000, 1, 1, retain=True))
            assert raw.packet()[0] == 0x40
            acknowledged = n + 1
    assert home.process.wait(PATIENCE_S) != 0 and acknowledged > 0
    home.start()
    with Raw(home) as raw:
        raw.send(connect_packet("reader") + subscribe_packet("t/#", 0))
        assert [raw.packet()[0] for _ in range(2)] == [0x20, 0x90]
        missing = {f"t/{n}" for n in range(acknowledged)}
        while missing:
            _, body = raw.packet()
            missing.discard(body[2:2 + body[1] + (body[0] << 8)].decode())
    assert home.end() == 0
    home.ok("store", "check")


def test_sessions_go_on_after_a_stop_and_nothing_of_them_is_readable(home):
    prepare(home)
    home.start()
    reader = Receiver(home.port, f"{CANARY}-client", f"{CANARY}/topic", 2).join_node().subscribe()
    reader.leave()
    status, text = mosquitto_pub(home, "-q", "2", "-t", f"{CANARY}/topic", "-m", f"{CANARY}:1",
                                 user=None)
    assert status == 0, text
    home.end(signal.SIGKILL)
    files = [f for f in (home.folder / "state").rglob("*") if f.is_file()]
    assert any(f.suffix == ".journal" for f in files)
    for file in files:
        assert CANARY.encode() not in file.read_bytes(), file
    home.start()
    assert home.end() == 0
    home.start()
    reader = reader.again().join_node()
    wait_until(lambda: reader.got, "the message")
    assert reader.got == {f"{CANARY}:1": 1}
    reader.leave()
    assert home.end() == 0


QUOTA_EXCEEDED = 0x97


def publish_v5(raw, packet_id, payload=b"x", topic="t/1"):
    return raw.send(packet(0x32, string(topic) + struct.pack("!H", packet_id) + b"\0" + payload))


def joined_v5(home, name, properties=b""):
    raw = Raw(home)
    raw.send(connect_packet(name, level=5, properties=properties))
    first, body = raw.packet()
    assert (first, body[1]) == (0x20, 0)
    return raw


def reason_of_puback(raw):
    first, body = raw.packet()
    assert first == 0x40
    return body[2] if len(body) > 2 else 0


def answer_unless(raw, claim):
    """The reason code of PUBACK, or None when there is none and @claim holds."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if select.select([raw.socket], [], [], 0.2)[0]:
            return reason_of_puback(raw)
        if claim():
            return None
    raise AssertionError(f"no answer within {PATIENCE_S} s")


def test_a_full_disk_refuses_what_cannot_be_kept(home):
    prepare(home)
    home.config.write_text(home.config.read_text() + f"journal:\n  space_min: {1 << 49}\n")
    home.start()
    wait_until(lambda: home.json("status")["journal"]["state"] == "full", "a full journal")
    five = joined_v5(home, "five")
    assert reason_of_puback(publish_v5(five, 1)) == QUOTA_EXCEEDED
    status, text = mosquitto_pub(home, "-q", "1", "-t", "t/1", "-m", "x", "-V", "311", user=None)
    assert status != 0, text  # disconnected: 3.1.1 has no other answer
    status, text = mosquitto_pub(home, "-q", "0", "-t", "t/1", "-m", "x", "-V", "311", user=None)
    assert status == 0, text
    assert "nearly full" in home.log_text()
    five.close()
    assert home.end() == 0


def test_a_journal_that_fails_acknowledges_nothing_and_comes_back(home):
    """No descriptor is left for the next segment; what waited is acknowledged when there is one."""
    prepare(home, workers=1)  # so that what fails is the batch of a PUBLISH, not of its delivery
    home.start()
    reader = Receiver(home.port, "reader", "big/#", 1).join_node().subscribe()
    reader.leave()
    five = joined_v5(home, "five")
    kept = joined_v5(home, "kept", properties=b"\x11\0\0\x0e\x10")  # for an hour
    limit = resource.prlimit(home.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(home.process.pid, resource.RLIMIT_NOFILE, (4, limit[1]))
    n, reason = 0, 0
    while reason == 0 and n < 100:
        n += 1
        publish_v5(five, n, f"big:{n}".encode() + b"." * 1000000, "big/1")
        reason = answer_unless(five, lambda: "journal: cannot be written" in home.log_text())
    assert 60 < n < 100
    publish_v5(five, n + 1, b"refused", "big/1")
    # Who goes on all the same is not read: what waits for the disk, and the answers to it, take no
    # memory without end.  So much is more than the kernel holds for a connection.
    one = packet(0xA2, struct.pack("!H", 1) + b"\0" + string("a"))  # UNSUBSCRIBE
    two = packet(0x82, struct.pack("!H", 1) + b"\0" + string("b" * 60000) + b"\1")  # SUBSCRIBE
    for client, many in ((five, one * 100000), (kept, two * 16)):
        client.socket.settimeout(3)
        with pytest.raises(TimeoutError):
            for _ in range(100):
                client.send(many)
    assert "Too many open files" in home.log_text()
    resource.prlimit(home.process.pid, resource.RLIMIT_NOFILE, limit)
    five.socket.settimeout(PATIENCE_S)
    # What was published just before is what could not be written, or was refused already.
    answers = [reason_of_puback(five) for _ in range(2 if reason is None else 1)]
    assert sorted(answers) == [0, QUOTA_EXCEEDED][-len(answers):]
    five.close()
    kept.close()
    wait_until(lambda: home.json("status")["journal"]["state"] == "ok", "a journal that is written")
    states = [e["object"] for e in home.json("audit", "list") if e["action"] == "journal"]
    assert sorted(states) == ["failed", "ok"]
    assert home.end() == 0


def test_the_journal_is_checked_counted_shown_and_repaired(home):
    prepare(home)
    home.start()
    reader = Receiver(home.port, "reader", "a/#", 1).join_node().subscribe()
    reader.leave()
    for text in ("reader:1", "reader:2"):
        assert mosquitto_pub(home, "-q", "1", "-t", "a/1", "-m", text, user=None)[0] == 0
    assert home.cli("store", "check").returncode != 0  # the node has it open
    home.end(signal.SIGKILL)
    assert "sound" in home.ok("store", "check")
    assert "segments" in home.ok("store", "stat")
    dump = home.ok("store", "dump")
    assert "client reader" in dump and "topic a/1, QoS 1" in dump and "reader:1" not in dump
    segment, = (home.folder / "state/journal").glob("*.journal")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    done = home.cli("store", "check")
    assert done.returncode != 0 and "not authentic" in done.stdout
    home.start()  # with what is authentic
    assert "1 places are damaged" in home.log_text()
    assert home.end() == 0
    done = home.ok("store", "repair")
    assert "not authentic" in done and "quarantine" in done
    assert (home.folder / "state/journal/quarantine" / segment.name).read_bytes() == data
    assert "sound" in home.ok("store", "check")
    home.start()
    assert home.end() == 0
