# SPDX-License-Identifier: Apache-2.0
"""A journal that is not what it was: its end or all of it taken away, another durability meanwhile.

MQ.PR.SP-06 MQ.RC.RP-01
"""

import re
import shutil
import signal
import stat
import struct

from conftest import wait_until
from crash import Receiver, prepare
from peer import Raw, connect_packet, mosquitto_pub, next_connack, packet, string
from test_crash import QUOTA_EXCEEDED, joined_v5, publish_v5, reason_of_puback

NO = 1


def folder_of(home):
    return home.folder / "state/journal"


def segments(home):
    return sorted(folder_of(home).glob("*.journal"))


def send(home, text, topic="a/1"):
    status, said = mosquitto_pub(home, "-q", "1", "-t", topic, "-m", text, user=None)
    assert status == 0, said


def away(home, name="reader"):
    """Somebody who has subscribed and left."""
    reader = Receiver(home.port, name, "a/#", 1).join_node().subscribe()
    reader.leave()
    return reader


def store_faults(home):
    return [i for i in home.json("incidents") if i["kind"] == "store-fault"]


def test_the_newest_segments_are_missed_when_they_are_taken_away(home):
    prepare(home)
    home.start()
    reader = away(home)
    send(home, "reader:1")
    assert home.end() == 0
    home.start()
    send(home, "reader:2")
    assert home.end(signal.SIGKILL) != 0  # the mark of the start is all there is
    newest = segments(home)[-1]
    newest.unlink()
    done = home.cli("store", "check")
    assert done.returncode == NO and "are missing that were on the disk" in done.stdout
    home.start()
    assert "what was written from here on is missing" in home.log_text()
    assert any(e["action"] == "journal" and e["object"] == "damaged" for e in home.json("audit", "list"))
    wait_until(lambda: store_faults(home), "an incident")
    incident, = store_faults(home)
    assert incident["severity"] == "high" and "journal was damaged" in str(incident)
    reader = reader.again().join_node()
    wait_until(lambda: reader.got, "what was there before")
    assert reader.got == {"reader:1": 1}
    reader.leave()
    assert home.end() == 0
    assert "sound" in home.ok("store", "check")  # the mark is of now


def test_without_any_of_its_journal_a_node_does_not_begin_anew_in_silence(home):
    prepare(home)
    home.start()
    away(home)
    assert home.end() == 0
    shutil.rmtree(folder_of(home))
    done = home.cli("run")
    assert done.returncode == NO and "there is none, but" in done.stderr
    assert "bastide store repair" in done.stderr
    assert not segments(home)
    done = home.ok("store", "repair")
    assert "all segments are missing" in done
    home.start()
    assert any(e["action"] == "repair" for e in home.json("audit", "list"))
    assert home.end() == 0


def change(home, old, new):
    text = home.config.read_text()
    assert old in text
    home.config.write_text(text.replace(old, new))


def test_what_was_kept_does_not_come_back_after_a_time_without_a_journal(home):
    prepare(home)
    home.start()
    away(home)
    send(home, "reader:1")
    assert home.end() == 0
    change(home, "durability: commit", "durability: memory")
    home.start()
    kept, = (home.folder / "state").glob("journal-*")
    assert str(kept) in home.log_text() and not folder_of(home).exists()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert any(e["result"] == "set aside" for e in home.json("audit", "list"))
    # It takes the data keys of its time.
    assert "the older ones stay" in home.ok("key", "rotate")
    assert home.json("key", "list")["keys"] == [1, 2]
    assert home.end() == 0
    change(home, "durability: memory", "durability: commit")
    home.start()
    reader = Receiver(home.port, "reader", "a/#", 1).join_node()
    send(home, "reader:2")
    assert not reader.got  # no session, so no subscription
    reader.subscribe()
    send(home, "reader:3")
    wait_until(lambda: reader.got, "a message")
    assert reader.got == {"reader:3": 1}
    reader.leave()
    shutil.rmtree(kept)
    assert "are destroyed" in home.ok("key", "rotate")
    assert home.end() == 0


def test_a_full_journal_is_an_incident_until_there_is_room(home):
    prepare(home)
    limit = "journal:\n  bytes_max: 268435456\n"
    home.config.write_text(home.config.read_text() + limit)
    home.start()
    away(home)
    five = joined_v5(home, "five")
    n, reason = 0, 0
    while reason == 0 and n < 400:
        n += 1
        reason = reason_of_puback(publish_v5(five, n, f"big:{n}".encode() + b"." * 900000, "a/1"))
    assert reason == QUOTA_EXCEEDED
    five.close()
    wait_until(lambda: store_faults(home), "an incident")
    incident, = store_faults(home)
    assert incident["state"] == "open" and "journal full" in str(incident)
    joined_v5(home, "reader").close()  # Clean Start: with the session its queue goes
    wait_until(lambda: home.json("status")["journal"]["state"] == "ok", "room")
    wait_until(lambda: store_faults(home)[0]["state"] == "closed", "the end of the incident")
    assert home.end() == 0


def test_what_a_client_had_sent_at_qos_2_ends_with_a_session_that_is_kept_no_longer(home):
    prepare(home)
    home.start()

    def kept():
        return int(re.search(r"^bastide_journal_records (\d+)$", home.ok("metrics"), re.M)[1])

    before = kept()
    with Raw(home) as raw:
        raw.send(connect_packet("meter", level=5, properties=b"\x11" + struct.pack("!I", 600)))
        assert next_connack(raw)[0] == 0
        for i in range(1, 11):
            raw.send(packet(0x34, string("a/1") + struct.pack("!H", i) + b"\0x"))
            assert raw.packet()[0] == 0x50
    wait_until(lambda: kept() >= before + 11, "the session and what it has received")
    with Raw(home) as raw:
        raw.send(connect_packet("meter", level=5, clean=False))
        assert raw.packet()[1][0] == 1, "Session Present"
    wait_until(lambda: kept() == before, "nothing of it is kept")
    assert home.end() == 0


def test_another_at_rest_key_while_the_node_runs(home):
    prepare(home)
    home.start()
    away(home)
    send(home, "reader:1")
    new = home.folder / "keys/other.key"
    assert "older backups" in home.ok("key", "change", "--to", str(new))
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert home.cli("key", "change", "--to", str(new)).returncode == NO  # it is there
    done = home.cli("key", "change", "--to", "passphrase")
    assert done.returncode == NO and "while no node runs" in done.stderr
    send(home, "reader:2")
    assert home.end() == 0
    done = home.cli("run")  # the old one opens nothing
    assert done.returncode == NO and "is not the one that" in done.stderr
    home.config.write_text(home.config.read_text() + f"store:\n  key_file: {new}\n")
    home.start()
    reader = Receiver(home.port, "reader", "a/#", 1).join_node()
    wait_until(lambda: len(reader.got) == 2, "both messages")
    assert any(e["object"] == "at-rest key" for e in home.json("audit", "list"))
    reader.leave()
    assert home.end() == 0


def dumped(pid):
    """What a core dump of the process would hold: all it can read, but what it has asked to leave out."""
    ranges, at = [], None
    with open(f"/proc/{pid}/smaps") as maps:
        for line in maps:
            word = line.split()
            if "-" in word[0] and not word[0].endswith(":"):
                first, last = (int(n, 16) for n in word[0].split("-"))
                at = (first, last) if word[1].startswith("rw") else None
            elif word[0] == "VmFlags:" and at is not None and "dd" not in word:
                ranges.append(at)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for first, last in ranges:
            memory.seek(first)
            while first < last:
                part = memory.read(min(last - first, 1 << 24))
                if not part:
                    break
                yield part
                first += len(part)


def test_no_core_dump_holds_the_at_rest_key(home):
    prepare(home)
    home.start()
    away(home)
    send(home, "reader:1")
    text = (home.folder / "keys/at-rest.key").read_text().split()[1]
    n, found_something = 0, False
    for part in dumped(home.process.pid):
        assert bytes.fromhex(text) not in part and text.encode() not in part
        found_something |= b"reader" in part  # so it is the node's memory that was looked at
        n += len(part)
    assert found_something and n > 1 << 20
    assert home.end() == 0
