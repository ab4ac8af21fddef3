# SPDX-License-Identifier: Apache-2.0
"""What one client may keep in the node: retained topics.  Whoever is within it notices nothing of who is not."""

import re
import signal

import pytest

from conftest import wait_until
from crash import prepare
from test_answers import joined, publish, subscribe

MOST = 3
QUOTA = (0x97, "no more is retained: retained_per_client_max")
KEPT = (0x10, None)  # and nobody subscribes to it


@pytest.fixture
def small(home):
    """A node that commits, of two workers, where a client has few retained topics; of gateways twenty times as many."""
    prepare(home)
    text = home.config.read_text()
    text, n = re.subn(r"retained_per_client_max: \d+", f"retained_per_client_max: {MOST}", text)
    assert n == 1
    home.config.write_text(text)
    home.start()
    yield home
    assert home.end() == 0, home.log_text()


def retain(raw, *topics, qos=1):
    return [publish(raw, f"a/{topic}", qos=qos, retain=True) for topic in topics]


def limits_hit(node):
    return int(re.search(r"^bastide_limits_hit_total (\d+)$", node.ok("metrics"), re.M)[1])


def test_a_client_keeps_so_many_topics_and_no_more(small):
    others = [joined(small, f"other-{i}")[0] for i in range(6)]
    greedy, _ = joined(small, "greedy")
    assert retain(greedy, *range(MOST + 2)) == [KEPT] * MOST + [QUOTA] * 2
    assert retain(greedy, MOST, qos=2) == [QUOTA]
    assert retain(greedy, 0, 1) == [KEPT] * 2, "new values of topics that are its own"
    assert publish(greedy, "a/9") == KEPT, "what is not retained is nobody's concern"
    for i, raw in enumerate(others):  # on both workers
        assert retain(raw, f"{i}-0", f"{i}-1") == [KEPT] * 2
    assert publish(greedy, "a/0", payload=b"", retain=True) == KEPT
    assert retain(greedy, MOST, MOST + 1) == [KEPT, QUOTA], "what was cleared leaves room"
    wait_until(lambda: any(i["kind"] == "retained-flood" and i["subject"] == "client:greedy"
                           for i in small.json("incidents")), "it is told")
    for raw in (greedy, *others):
        raw.close()


def test_it_is_the_same_after_the_node_was_killed(small):
    raw, _ = joined(small, "greedy")
    assert retain(raw, *range(MOST)) == [KEPT] * MOST
    assert small.end(signal.SIGKILL) != 0
    small.start()
    raw, _ = joined(small, "greedy")
    assert retain(raw, "more", 0) == [QUOTA, KEPT]
    raw.close()


def test_a_gateway_keeps_twenty_times_as_many(small):
    small.config.write_text(small.config.read_text().replace("  guest:\n", "  guest:\n    kind: gateway\n"))
    small.ok("reload")
    raw, _ = joined(small, "gateway")
    assert retain(raw, *range(20 * MOST + 1)) == [KEPT] * (20 * MOST) + [QUOTA]
    raw.close()


def test_a_message_at_qos_0_beyond_it_is_dropped_and_counted(small):
    raw, _ = joined(small, "greedy")
    retain(raw, *range(MOST))
    before = limits_hit(small)
    assert retain(raw, "lost", qos=0) == [None]
    assert retain(raw, 0) == [KEPT], "and the connection goes on"
    assert limits_hit(small) == before + 1
    reader, _ = joined(small, "reader")
    assert subscribe(reader, "a/lost", "a/0") == ([1, 1], None)
    first, body = reader.packet()
    assert first & 0xF0 == 0x30 and body[2:5] == b"a/0", "nothing of a/lost is there"
    reader.close()
    raw.close()
