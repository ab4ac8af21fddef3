# SPDX-License-Identifier: Apache-2.0
"""A node's life: configuration, reload, stop under load, what it detects and does about it."""

import contextlib
import re
import signal
import subprocess
import threading
import time

import pytest

from conftest import BASTIDE, SANITIZERS, wait_until
from peer import Raw, publish_packet

BAD_USER_NAME_OR_PASSWORD, BANNED = 0x86, 0x8A


# ---- configuration ----


@pytest.mark.parametrize("old, new, word", [
    ("plane: control", "plane: contrl", "contrl"),
    ("  workers: 2", "  workers: many", "many"),
    ("  workers: 2", "  workres: 2", "workres"),
    ("    anonymous: no\n    tls:", "    anonymous: maybe\n    tls:", "maybe"),
])
def test_an_error_names_file_line_and_column(site, old, new, word):
    text = site.config.read_text()
    assert old in text
    site.config.write_text(text.replace(old, new, 1))
    line = next(i for i, one in enumerate(site.config.read_text().splitlines(), 1) if word in one)
    done = site.cli("run")
    assert done.returncode == 1
    place = re.search(rf"{re.escape(str(site.config))}:(\d+):(\d+): (.*)", done.stderr)
    assert place and int(place[1]) == line, done.stderr
    column = site.config.read_text().splitlines()[line - 1].index(word) + 1
    assert int(place[2]) in (column, column - len("workers: ")), done.stderr
    assert word in place[3]


def test_a_plain_listener_beyond_loopback_is_an_error(site):
    text = site.config.read_text()
    site.config.write_text(text.replace("    address: 127.0.0.1\n    port: " + str(site.port),
                                        "    address: 0.0.0.0\n    port: " + str(site.port)))
    done = site.cli("check-config")
    assert done.returncode == 1
    assert "tls" in done.stderr.lower()


def test_sighup_takes_up_a_new_user_and_leaves_who_is_connected(field, peer):
    one = peer(field, "one").join()
    one.read("test/x")
    assert peer(field, "late", user="dora", password="a long secret of dora").connect() != 0
    done = subprocess.run([BASTIDE, "user", "add", "dora", "--role", "tester", "--password-stdin",
                           "--home", str(field.folder)], input="a long secret of dora",
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before = field.json("status")["loaded_unix_ms"]
    field.process.send_signal(signal.SIGHUP)
    wait_until(lambda: field.json("status")["loaded_unix_ms"] > before, "read anew")
    dora = peer(field, "dora", user="dora", password="a long secret of dora").join()
    dora.publish("test/x", "hello")
    assert one.next().payload == b"hello"


def test_sighup_with_an_error_leaves_all_as_it_was(field, peer):
    before = field.json("status")["loaded_unix_ms"]
    field.change("plane: control", "plane: contrl")
    field.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "contrl" in field.log_text(), "the error is in the log")
    assert field.json("status")["loaded_unix_ms"] == before
    peer(field, "one").join()


# ---- the end ----


def test_sigterm_under_load_ends_in_order_and_soon(field, peer):
    readers = [peer(field, f"reader-{i}").join() for i in range(4)]
    for one in readers:
        one.read("test/load", qos=0)
    stop = threading.Event()
    burst = b"".join(publish_packet("test/load", bytes(100)) for _ in range(50))

    def flood(raw):
        try:
            while not stop.is_set():
                raw.send(burst)
        except OSError:
            pass  # the node has ended

    with contextlib.ExitStack() as held:
        raws = [held.enter_context(Raw(field)) for _ in range(4)]
        for i, raw in enumerate(raws):
            raw.join(field, f"writer-{i}")
        writers = [threading.Thread(target=flood, args=(raw,)) for raw in raws]
        for one in writers:
            one.start()
        try:
            readers[0].next()
            begin = time.monotonic()
            assert field.end() == 0, field.log_text()
            assert time.monotonic() - begin < 10
        finally:
            stop.set()
            for one in writers:
                one.join()


# ---- detect and respond ----


def test_password_guessing_is_an_incident_and_ends_banned(field, peer):
    """From an address of its own; the one who is at work meanwhile is not touched."""
    worker = peer(field, "at-work").join()
    worker.read("test/x")
    for i in range(40):
        one = peer(field, "guesser", user="alice", password=f"guess {i}", source="127.0.0.9")
        answer = one.connect()
        one.close()
        if answer in (BANNED, None):
            break
        assert answer == BAD_USER_NAME_OR_PASSWORD
    else:
        pytest.fail("never banned")
    bans = field.json("bans")
    assert ("address", "127.0.0.9") in {(b["kind"], b["subject"]) for b in bans}
    incidents = field.json("incidents")
    assert "repeated-auth-failures" in {i["kind"] for i in incidents}
    worker.publish("test/x", "undisturbed")
    assert worker.next().payload == b"undisturbed"
    peer(field, "alice-herself").join()


def test_a_topic_scan_is_an_incident(field, peer):
    scanner = peer(field, "scanner", user="carl").join()
    for i in range(60):
        scanner.paho.publish(f"fmb/guess/{i}/value", "x", 1)
    wait_until(lambda: any(i["kind"] == "topic-scan-publish" and i["client_id"] == "scanner"
                           for i in field.json("incidents")), "the scan is an incident")


def test_observe_mode_records_and_does_not_act(site, peer):
    site.change("  enforce: yes", "  enforce: no")
    site.start()
    for i in range(15):
        one = peer(site, "guesser", user="alice", password=f"guess {i}", source="127.0.0.9")
        assert one.connect() == BAD_USER_NAME_OR_PASSWORD
        one.close()
    wait_until(lambda: any(i["kind"] == "repeated-auth-failures" for i in site.json("incidents")),
               "recorded")
    assert site.json("bans") == []
    assert site.end() == 0
    assert not SANITIZERS.search(site.log_text())
