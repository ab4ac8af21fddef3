# SPDX-License-Identifier: Apache-2.0
"""Killed under load: nothing acknowledged is lost, nothing comes twice at QoS 2, nothing is readable.

MQ.PR.SP-06
"""

import signal

from conftest import SANITIZERS, wait_until
from crash import Crash, Receiver, prepare
from peer import mosquitto_pub

CANARY = "canary"


def test_nothing_acknowledged_is_lost_when_the_node_is_killed(home):
    prepare(home)
    crash = Crash(home, seed=1)
    crash.run(cycles=6)
    assert crash.check() > 100
    assert home.end() == 0
    assert not SANITIZERS.search(home.log_text())
    assert "damaged" not in home.log_text()


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
