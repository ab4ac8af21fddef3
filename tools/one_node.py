# SPDX-License-Identifier: Apache-2.0
"""One node on loopback that observes and bans nobody, and packets for it: what tools/canary and tools/crowd measure"""
import json
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
DEADLINE_S = 120
SELF_TEST_IS_OVER = re.compile(r"self-test: \d+ results")

CONFIG = """\
node: {{name: measured, state_dir: state, sys_interval_s: 0}}
listeners:
  - {{name: field, address: 127.0.0.1, port: {port}, anonymous: yes}}
admin: {{socket: admin.sock}}
anonymous_role: anyone
roles:
  anyone: {{allow: [publish_subscribe: "#"]}}
limits:
  messages_per_s_max: 100000000
  sessions_per_user_max: 1000000
{limits}respond: {{enforce: no}}
"""


def string(data):
    return struct.pack("!H", len(data)) + data


def packet(first, body):
    length, n = b"", len(body)
    while True:
        n, digit = n >> 7, n & 0x7F
        length += bytes([digit | (0x80 if n else 0)])
        if not n:
            return bytes([first]) + length + body


def connect(client_id, level=4):
    properties = b"\0" if level == 5 else b""
    return packet(0x10, string(b"MQTT") + bytes([level, 2]) + b"\0\x3c" + properties + string(client_id))


class Node:
    def __init__(self, program, **limits):
        """limits: further ones, as in bastide.yaml"""
        self.program = program
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bastide-measured-"))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.log = self.folder / "log"
        (self.folder / "bastide.yaml").write_text(CONFIG.format(
            port=self.port, limits="".join(f"  {name}: {value}\n" for name, value in limits.items())))

    def __enter__(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([self.program, "run", "--home", self.folder], stderr=log)
        self.wait(self.serves, "the node does not serve")
        return self

    def wait(self, happens, what_else):
        until = time.monotonic() + DEADLINE_S
        while not happens():
            if self.process.poll() is not None or time.monotonic() > until:
                sys.exit(f"{what_else}:\n{self.log.read_text(encoding='utf-8')}")
            time.sleep(0.05)

    def rest(self):
        """It tries itself after its start, and that costs CPU time and memory."""
        self.wait(lambda: SELF_TEST_IS_OVER.search(self.log.read_text(encoding="utf-8")), "its self-test does not end")

    def serves(self):
        try:
            self.open().close()
        except OSError:
            return False
        return (self.folder / "admin.sock").exists()

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(DEADLINE_S)
        shutil.rmtree(self.folder)

    def open(self):
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)

    def status(self, name):
        done = subprocess.run([self.program, "status", "--home", self.folder, "--json"], capture_output=True, check=True)
        return json.loads(done.stdout)[name]


def background(run, tell):
    thread = threading.Thread(target=run)
    thread.start()

    def end():
        thread.join()
        return tell()

    return end
