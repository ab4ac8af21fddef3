# SPDX-License-Identifier: Apache-2.0
"""The end of a node, whatever it is in the middle of."""

import threading
import time

import pytest

from conftest import SANITIZERS
from peer import PATIENCE_S, Raw, connect_packet

SOON_S = 10


@pytest.fixture
def ends(site):
    """Start it in the test; in the end it must have stopped in order, without a word from a sanitizer."""
    site.change("  enforce: yes", "  enforce: no")
    yield site
    assert site.process is None
    assert not SANITIZERS.search(site.log_text()), site.log_text()


def stop(site):
    begin = time.monotonic()
    assert site.end() == 0, site.log_text()
    assert time.monotonic() - begin < SOON_S


def test_while_passwords_are_verified(ends):
    """One CONNECT after the other, before, while and after the node stops to take them."""
    ends.start()
    waiting = [Raw(ends) for _ in range(600)]
    under_way = threading.Event()

    def knock():
        for i, raw in enumerate(waiting):
            if i == 60:
                under_way.set()
            try:
                raw.send(connect_packet(f"client-{i}", "alice", ends.passwords["alice"]))
            except OSError:
                pass
            time.sleep(0.001)  # their pace: 600 of them come before, while and after the stop

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        assert under_way.wait(PATIENCE_S)  # the stop falls among those that knock
        stop(ends)
    finally:
        knocking.join()
        for raw in waiting:
            raw.close()


def test_before_the_first_client(ends):
    ends.start()
    stop(ends)
