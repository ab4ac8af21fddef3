# SPDX-License-Identifier: Apache-2.0
"""The scripts of tests/conformance against a node, over TCP and over WebSocket, and against Debian's mosquitto.

The runner plays all of them at once, so each of the runs is one fixture; every script is a test of its own.
mosquitto shows that the scripts themselves are right: it fails those that mosquitto.md explains, and no others.
"""

import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile

import pytest

from conftest import BASTIDE, ROOT, SANITIZERS, Home, free_port, wait_until

SCRIPTS = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "tests/conformance").rglob("*.mqt"))
RUNNER = pathlib.Path(os.environ.get("MQT_RUNNER", BASTIDE.parents[1] / "tests/conformance/mqt-runner"))
LINE = re.compile(r"^(pass|FAIL|skip)  (\S+) \(\d+ ms\)(?:: (.*))?$", re.M)
COUNT = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)

CONFIG = """\
node:
  name: conformance
  location: "Test bench"
  workers: 2
  state_dir: state
listeners:
  - name: field
    address: 127.0.0.1
    port: {port}
    plane: delivery
    anonymous: yes
  - name: web
    address: 127.0.0.1
    port: {web_port}
    plane: delivery
    anonymous: yes
    websocket: yes
admin:
  socket: run/admin.sock
users_file: users.yaml
anonymous_role: anyone
roles:
  anyone:
    allow:
      - publish_subscribe: "#"
      - publish_subscribe: $t/#
limits:
  receive_max: 20
  messages_per_s_max: 100000
  sessions_per_user_max: 100000
  session_unresumed_max_s: 4294967295
respond:
  enforce: no
"""

MOSQUITTO_PROGRAM = pathlib.Path("/usr/sbin/mosquitto")
MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
max_packet_size 1000000
persistence false
log_type none
"""


def play(port, *options):
    """Return {script: (verdict, why)}."""
    done = subprocess.run([RUNNER, "--port", str(port), *options, *SCRIPTS], cwd=ROOT, timeout=300,
                          capture_output=True, text=True)
    assert done.stderr == ""
    verdicts = {m[2]: (m[1], m[3]) for m in LINE.finditer(done.stdout)}
    assert list(verdicts) == SCRIPTS
    passed, failed = map(int, COUNT.search(done.stdout).groups())
    assert passed == sum(v == "pass" for v, _ in verdicts.values())
    assert failed == sum(v == "FAIL" for v, _ in verdicts.values())
    return verdicts


@pytest.fixture(scope="module")
def of_bastide():
    with tempfile.TemporaryDirectory(prefix="bastide-") as folder:
        node = Home(pathlib.Path(folder))
        web_port = free_port()
        node.config.write_text(CONFIG.format(port=node.port, web_port=web_port))
        node.start()
        try:
            verdicts = {
                "TCP": play(node.port, "--has", "shared,scram"),
                "WebSocket": play(web_port, "--has", "shared,scram", "--ws", "/mqtt"),
            }
            assert node.end() == 0, node.log_text()
        finally:
            if node.process is not None:
                node.end(signal.SIGKILL)
        assert not SANITIZERS.search(node.log_text()), node.log_text()
    return verdicts


@pytest.mark.parametrize("way", ["TCP", "WebSocket"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_script(of_bastide, script, way):
    verdict, why = of_bastide[way][script]
    if "6.0-websocket" in script and way == "TCP":
        assert (verdict, why) == ("skip", "needs ws, which this broker does not have")
    else:
        assert verdict == "pass", why


def accepts(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def mosquitto(tmp_path):
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(MOSQUITTO.format(port=port))
    process = subprocess.Popen([MOSQUITTO_PROGRAM, "-c", str(config)])
    wait_until(lambda: accepts(port), "mosquitto listens")
    yield port
    process.send_signal(signal.SIGTERM)
    process.wait()


def test_mosquitto_fails_what_is_explained_and_nothing_else(mosquitto):
    verdicts = play(mosquitto, "--lenient", "--has", "shared")
    explained = re.findall(r"^\| `(\S+)`", (ROOT / "tests/conformance/mosquitto.md").read_text(), re.M)
    failed = {s.removeprefix("tests/conformance/"): why for s, (v, why) in verdicts.items() if v == "FAIL"}
    assert sorted(failed) == sorted(explained), failed
