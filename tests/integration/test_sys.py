# SPDX-License-Identifier: Apache-2.0
"""$SYS and Prometheus: the same table, seen by a client and by the operator's command."""

import contextlib
import re
import subprocess

import pytest

from conftest import PATIENCE_S, is_alone, wait_until
from peer import Raw, connect_packet, string, subscribe_packet

ROLES = """\
anonymous_role: guest
roles:
  guest:
    allow:
      - publish_subscribe: open/#
      - subscribe: "#"
      - subscribe: $SYS/#
"""

# What operators of mosquitto look at; load topics have /1min, /5min and /15min below them.
TOPICS = """\
version
uptime
clients/connected
clients/disconnected
clients/expired
clients/maximum
clients/total
clients/active
clients/inactive
messages/received
messages/sent
messages/stored
messages/inflight
publish/messages/received
publish/messages/sent
publish/messages/dropped
publish/messages/expired
publish/bytes/received
publish/bytes/sent
bytes/received
bytes/sent
heap/current
heap/maximum
subscriptions/count
retained messages/count
store/messages/count
store/messages/bytes
""".splitlines()
LOADS = """\
bytes/received
bytes/sent
connections
messages/received
messages/sent
publish/dropped
publish/received
publish/sent
sockets
""".splitlines()
TOLD = {*TOPICS, *(f"load/{t}/{m}min" for t in LOADS for m in (1, 5, 15))}


def config(home, interval_s, roles=ROLES):
    text = home.config.read_text()
    text = re.sub(r"sys_interval_s: \d+", f"sys_interval_s: {interval_s}", text)
    home.config.write_text(re.sub(r"anonymous_role.*", lambda _: roles, text, flags=re.S))


def subscribe(home, topic, *more):
    """All that mosquitto_sub gets until its time is up, as {topic: payload}."""
    done = subprocess.run(
        ["mosquitto_sub", "-p", str(home.port), "-i", "monitor", "-t", topic, "-F", "%t=%p", *more],
        capture_output=True, text=True, timeout=PATIENCE_S,
    )
    assert done.returncode in (0, 27), done.stderr  # 27: the time is up
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def retained(home, topic, n):
    """The next @n retained messages: they come at once."""
    return subscribe(home, topic, "-C", str(n), "--retained-only", "-W", str(PATIENCE_S))


@pytest.fixture
def watched(home):
    config(home, 3600)
    home.start()
    wait_until(lambda: home.json("status")["retained_messages"] >= len(TOLD),
               "the node has published its state")
    yield home
    assert home.end() == 0, home.log_text()


def test_the_node_publishes_what_operators_of_mosquitto_know(watched):
    got = retained(watched, "$SYS/broker/#", len(TOLD))
    assert set(got) == {f"$SYS/broker/{t}" for t in TOLD}
    version = watched.ok("--version", home=False).split()[-1]
    assert got["$SYS/broker/version"] == f"bastide version {version}"
    assert re.fullmatch(r"\d+ seconds", got["$SYS/broker/uptime"])
    for topic, text in got.items():
        if topic.rsplit("/", 1)[1] not in ("version", "uptime"):
            float(text)


def test_the_numbers_are_true_and_come_again(home):
    config(home, 1)
    home.start()
    for i in range(5):
        subprocess.run(["mosquitto_pub", "-p", str(home.port), "-i", f"p{i}", "-t", "open/kept", "-r",
                        "-m", "x", "-q", "1"], check=True, timeout=PATIENCE_S)

    got = {}

    def now():
        """Nothing before each topic has been seen: a slow machine does not see all in one second."""
        seen = subscribe(home, "$SYS/broker/+/#", "-W", "1")
        got.update({k.removeprefix("$SYS/broker/"): v for k, v in seen.items()})
        return got if set(got) == TOLD else {}

    # The node's trials of itself publish, too.
    wait_until(lambda: int(now().get("publish/messages/received", 0)) >= 5, "the next turn counts what was published")
    assert int(got["messages/received"]) >= 15  # CONNECT, PUBLISH and DISCONNECT of five clients
    assert int(got["messages/sent"]) >= 10
    assert int(got["publish/bytes/received"]) >= 5
    assert int(got["clients/maximum"]) >= 1
    assert int(got["heap/maximum"]) >= int(got["heap/current"]) >= 1 << 20
    wait_until(lambda: int(now().get("retained messages/count", 0)) == home.json("status")["retained_messages"],
               "the same is told, of a message of the node's own trials too")
    assert float(got["load/publish/received/1min"]) > float(got["load/publish/received/15min"]) > 0
    prometheus = dict(line.rsplit(" ", 1) for line in home.ok("metrics").splitlines() if line[0] != "#")
    assert int(prometheus["bastide_messages_received_total"]) >= int(got["publish/messages/received"])
    assert int(prometheus["bastide_packets_sent_total"]) >= int(got["messages/sent"])
    assert prometheus['bastide_build_info{version="%s"}' % got["version"].split()[-1]] == "1"
    assert home.end() == 0, home.log_text()


def test_a_leading_wildcard_meets_no_topic_of_the_node(watched):
    subprocess.run(["mosquitto_pub", "-p", str(watched.port), "-t", "open/mark", "-r", "-m", "1", "-q", "1"],
                   check=True, timeout=PATIENCE_S)
    with Raw(watched) as raw:
        raw.send(connect_packet("monitor") + subscribe_packet("#", 0))
        assert [raw.packet()[0] for _ in range(2)] == [0x20, 0x90]
        assert raw.packet()[1] == string("open/mark") + b"1"
        raw.send(b"\xc0\0")
        assert raw.packet()[0] == 0xD0, "nothing else has come"


def is_refused(home, topic):
    done = subprocess.run(
        ["mosquitto_sub", "-p", str(home.port), "-i", "monitor", "-t", topic, "-E"],
        capture_output=True, text=True, timeout=PATIENCE_S,
    )
    return "denied" in done.stderr


def test_who_has_no_rule_for_it_reads_nothing(home):
    config(home, 1, ROLES + "    deny:\n      - subscribe: $SYS/broker/bytes/#\n")
    home.start()
    assert is_refused(home, "$SYS/broker/bytes/received")
    assert not is_refused(home, "$SYS/broker/uptime")
    config(home, 1, ROLES.replace("      - subscribe: $SYS/#\n", ""))
    home.ok("reload")
    assert is_refused(home, "$SYS/broker/uptime")
    assert home.end() == 0, home.log_text()


def test_without_an_interval_nothing_is_published_and_nothing_is_left(watched):
    config(watched, 0)
    watched.ok("reload")
    wait_until(lambda: watched.json("status")["retained_messages"] == 0, "what was retained is gone")


def test_of_many_sessions_each_is_counted_and_listed_once(watched):
    """More than a worker is asked for at once."""
    wait_until(lambda: is_alone(watched), "the node has tried itself")
    ids = [f"one-of-many-{i}" for i in range(700)]
    with contextlib.ExitStack() as open_ones:
        for name in ids:
            one = open_ones.enter_context(Raw(watched)).send(connect_packet(name))
            assert one.packet() == (0x20, b"\0\0")
        listed = [c["client_id"] for c in watched.json("clients")]
        assert sorted(listed) == sorted(ids)
        status = watched.json("status")
        assert status["clients_connected"] == status["sessions"] == len(listed)
