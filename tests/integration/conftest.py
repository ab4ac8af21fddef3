# SPDX-License-Identifier: Apache-2.0
"""A real node on loopback, run by the real program.

The program is $BASTIDE, or build/main/src/bastide.  Sockets and state of each test stand in a folder
of their own, with a short path: a unix socket's may not be longer than 107 bytes.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASTIDE = pathlib.Path(os.environ.get("BASTIDE", ROOT / "build/main/src/bastide"))
PATIENCE_S = 20

CONFIG = """\
node:
  name: test-1
  location: "Test bench"
  workers: 2
  state_dir: state
listeners:
  - name: field
    address: 127.0.0.1
    port: {port}
    plane: delivery
    anonymous: yes
admin:
  socket: run/admin.sock
users_file: users.yaml
anonymous_role: guest
roles:
  guest:
    allow:
      - publish_subscribe: open/#
      - subscribe: read/${{client_id}}/+
    deny:
      - publish: open/secret/#
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(claim, what):
    """Ask until it holds: the limit is for a node that hangs, not for luck."""
    end = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < end, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.02)


class Home:
    """A node's folder, and the program run on it."""

    def __init__(self, folder):
        self.folder = folder
        self.config = folder / "bastide.yaml"
        self.socket = folder / "run/admin.sock"
        self.port = free_port()
        self.process = None
        self.write(CONFIG)
        (folder / "users.yaml").write_text("users: []\n")

    def write(self, text):
        self.config.write_text(text.format(port=self.port))

    def cli(self, *words, home=True, **more):
        where = ["--home", str(self.folder)] if home else []
        return subprocess.run(
            [BASTIDE, *words, *where], capture_output=True, text=True, timeout=PATIENCE_S, **more
        )

    def ok(self, *words, **more):
        done = self.cli(*words, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words):
        return json.loads(self.ok(*words, "--json"))

    def start(self, **environment):
        """Run the node, as a service manager does: ready is when it says so."""
        notify = self.folder / "notify.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            notify.unlink(missing_ok=True)
            manager.bind(str(notify))
            manager.settimeout(PATIENCE_S)
            self.log = open(self.folder / "log", "ab")
            self.process = subprocess.Popen(
                [BASTIDE, "run", "--home", str(self.folder)],
                stderr=self.log,
                env={**os.environ, "NOTIFY_SOCKET": str(notify), **environment},
            )
            try:
                assert manager.recv(100) == b"READY=1"
            except TimeoutError:
                pytest.fail(f"not ready: {self.log_text()}")

    def log_text(self):
        return (self.folder / "log").read_text()

    def end(self, how=signal.SIGTERM):
        """Return the exit status."""
        self.process.send_signal(how)
        status = self.process.wait(PATIENCE_S)
        self.process = None
        self.log.close()
        return status


@pytest.fixture
def home():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bastide-"))
    node = Home(folder)
    yield node
    if node.process is not None:
        node.end(signal.SIGKILL)
    shutil.rmtree(folder)


@pytest.fixture
def node(home):
    home.start()
    yield home
    if home.process is not None:
        assert home.end() == 0, home.log_text()
