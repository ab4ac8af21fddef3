# SPDX-License-Identifier: Apache-2.0
"""bastide-ward keeps the firewall: real packets between network namespaces, and what it refuses."""

import ipaddress
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import pytest

from conftest import BASTIDE, wait_until
from nets import FIELD_ADDRESS, NODE_ADDRESS, OTHER_ADDRESS, Nets, listening, need_root

WARD = pathlib.Path(os.environ.get("BASTIDE_WARD", BASTIDE.parent / "ward/bastide-ward"))
MAGIC = 0x42575231
PING, BLOCK, UNBLOCK, CLEAR = range(4)
OK, E_MALFORMED, E_NEVER, E_NOT_FOUND = 0, 1, 4, 8
CAP_NET_ADMIN = 12


def request(verb, prefix=None, seconds=0):
    at, length = bytes(16), 0
    if prefix is not None:
        net = ipaddress.ip_network(prefix)
        four = net.version == 4
        at = (bytes(10) + b"\xff\xff" if four else b"") + net.network_address.packed
        length = net.prefixlen + (96 if four else 0)
    return struct.pack(">IBBH16sI", MAGIC, verb, length, 0, at, seconds)


class Ward:
    def __init__(self, nets):
        self.nets = nets
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ward-"))
        self.folder.chmod(0o755)
        self.socket = self.folder / "ward.sock"
        self.log_path = self.folder / "log"
        self.log_path.touch()
        self.process = None

    def n_started(self):
        return self.log_path.read_bytes().count(b"keeps the table")

    def start(self):
        before = self.n_started()
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.nets.node, WARD, "--socket", self.socket, "--asker", "nobody",
             "--user", "daemon", "--never", f"{OTHER_ADDRESS}/32"],
            stderr=self.log,
            # Who may not be looked into cannot look for its own leaks.
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
        )
        wait_until(lambda: self.n_started() > before, "the ward serves")

    def ask_bytes(self, text):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.socket))
            s.sendall(text)
            return s.recv(100)

    def ask(self, *words):
        magic, answer, blocks = struct.unpack(">IBxxxI", self.ask_bytes(request(*words)))
        assert magic == MAGIC
        return answer, blocks

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0, self.log_path.read_text()
        self.log.close()
        self.process = None

    def status(self):
        children = pathlib.Path(f"/proc/{self.process.pid}")
        return dict(line.split(":\t", 1) for line in (children / "status").read_text().splitlines())


@pytest.fixture
def ward():
    need_root()
    nets = Nets()
    nets.open()
    ward = Ward(nets)
    try:
        ward.start()
        yield ward
        if ward.process is not None:
            ward.end()
    finally:
        if ward.process is not None:
            ward.process.kill()
            ward.process.wait()
        nets.close()
        shutil.rmtree(ward.folder)


def test_packets_of_a_blocked_address_are_dropped_and_of_another_are_not(ward):
    with listening(ward.nets) as port:
        assert ward.nets.reaches(FIELD_ADDRESS, port)
        begin = time.monotonic()
        assert ward.ask(BLOCK, f"{FIELD_ADDRESS}/32", 600) == (OK, 1)
        assert time.monotonic() - begin < 1
        assert not ward.nets.reaches(FIELD_ADDRESS, port)
        assert ward.nets.reaches(OTHER_ADDRESS, port)
        assert ward.ask(UNBLOCK, f"{FIELD_ADDRESS}/32") == (OK, 0)
        assert ward.nets.reaches(FIELD_ADDRESS, port)


def test_a_connection_that_stands_is_dropped_too(ward):
    with listening(ward.nets) as port, ward.nets.socket(ward.nets.node, socket.SOCK_DGRAM) as node, \
            ward.nets.socket(ward.nets.field, socket.SOCK_DGRAM) as field:
        node.bind((NODE_ADDRESS, port))
        field.bind((FIELD_ADDRESS, 0))
        field.connect((NODE_ADDRESS, port))
        node.settimeout(5)
        field.send(b"before")
        assert node.recv(100) == b"before"
        ward.ask(BLOCK, f"{FIELD_ADDRESS}/32", 600)
        field.send(b"blocked")
        ward.ask(UNBLOCK, f"{FIELD_ADDRESS}/32")
        field.send(b"after")
        assert node.recv(100) == b"after"


def test_a_block_ends_by_itself_though_the_ward_is_gone(ward):
    with listening(ward.nets) as port:
        ward.ask(BLOCK, f"{FIELD_ADDRESS}/32", 2)
        assert not ward.nets.reaches(FIELD_ADDRESS, port)
        ward.end()
        wait_until(lambda: ward.nets.reaches(FIELD_ADDRESS, port), "the element times out")


def expires_s(ward):
    """Of the only element there is, as the kernel says."""
    told = subprocess.run(["ip", "netns", "exec", ward.nets.node, "nft", "-j", "list", "set", "inet", "bastide", "block4"],
                          capture_output=True, text=True, check=True, timeout=20).stdout
    element, = json.loads(told)["nftables"][1]["set"]["elem"]
    return element["elem"]["expires"]


@pytest.mark.parametrize("prefix", [f"{FIELD_ADDRESS}/32", "203.0.113.0/24"])
def test_a_block_that_is_asked_for_again_lasts_as_long_as_asked(ward, prefix):
    for seconds in (30, 600, 60):
        assert ward.ask(BLOCK, prefix, seconds) == (OK, 1)
        assert seconds - 20 < expires_s(ward) <= seconds
    assert ward.ask(UNBLOCK, prefix) == (OK, 0)


def test_a_ward_that_is_started_again_begins_with_nobody_blocked(ward):
    with listening(ward.nets) as port:
        ward.ask(BLOCK, f"{FIELD_ADDRESS}/32", 600)
        ward.end()
        assert not ward.nets.reaches(FIELD_ADDRESS, port)
        ward.start()
        assert ward.ask(PING) == (OK, 0)
        assert ward.nets.reaches(FIELD_ADDRESS, port)


def test_clear_lets_everybody_in(ward):
    ward.ask(BLOCK, f"{FIELD_ADDRESS}/32", 600)
    ward.ask(BLOCK, "2001:db8::/48", 600)
    assert ward.ask(CLEAR) == (OK, 0)
    assert ward.ask(UNBLOCK, "2001:db8::/48")[0] == E_NOT_FOUND


def test_what_it_was_told_never_to_block_is_not_blocked(ward):
    assert ward.ask(BLOCK, f"{OTHER_ADDRESS}/32", 600) == (E_NEVER, 0)
    assert ward.ask(BLOCK, "198.18.0.0/24", 600) == (E_NEVER, 0)


def test_what_is_no_request_is_refused_and_it_goes_on(ward):
    good = request(BLOCK, f"{FIELD_ADDRESS}/32", 600)
    for bad in (b"\0" * 28, good[:4] + b"\x09" + good[5:], good[:6] + b"\0\1" + good[8:]):
        assert ward.ask_bytes(bad)[4] == E_MALFORMED
    assert ward.ask_bytes(good[:-1]) == b""
    assert ward.ask(PING) == (OK, 0)


def test_it_has_one_capability_another_user_and_a_filter(ward):
    status = ward.status()
    for which in ("CapPrm", "CapEff", "CapBnd", "CapAmb", "CapInh"):
        assert int(status[which], 16) == 1 << CAP_NET_ADMIN, which
    assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"
    assert set(status["Uid"].split()) == {str(os.stat("/").st_uid + 1)}  # daemon


def test_another_user_is_not_answered(ward):
    asked = subprocess.run(
        ["setpriv", "--reuid=backup", "--regid=nogroup", "--clear-groups", "/usr/bin/python3", "-c",
         "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
         "s.sendall(bytes.fromhex(sys.argv[2])); print(len(s.recv(100)))", ward.socket, request(PING).hex()],
        capture_output=True, text=True, timeout=20,
    )
    assert asked.stdout.strip() in ("0", ""), asked.stderr  # closed, or not even there to be written to
    wait_until(lambda: "may not ask" in ward.log_path.read_text(), "it is told")
