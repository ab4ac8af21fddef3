# SPDX-License-Identifier: Apache-2.0
"""What of sessions goes on after a kill: Wills that wait for their time, and what waits for a group.

MQ.PR.SP-06
"""

import signal

import pytest

from conftest import wait_until
from peer import Raw, subscribe_packet

GROUP = "$share/pumps/test/pump/+"
EXPIRY_S = 3600


@pytest.fixture
def durable(site):
    site.change("  durability: memory", "  durability: commit")
    site.start()
    yield site
    if site.process is not None:
        assert site.end() == 0, site.log_text()


def kill_and_start(site):
    site.end(signal.SIGKILL)
    site.start()


def test_a_will_that_waits_for_its_time_comes_after_a_kill(durable, peer):
    """Of one who had left before, of one who was connected, and not of one who comes back."""
    def with_will(name, delay_s):
        return peer(durable, name, will=(f"test/will/{name}", "gone", 1, False), will_delay=delay_s)

    reader = peer(durable, "reader").join(expiry_s=EXPIRY_S).read("test/will/#")
    reader.leave()
    with_will("left", 2).join(expiry_s=EXPIRY_S).drop()
    with_will("connected", 2).join(expiry_s=EXPIRY_S)
    with_will("back", 60).join(expiry_s=EXPIRY_S).drop()
    kill_and_start(durable)
    back = peer(durable, "back").join(clean=False, expiry_s=EXPIRY_S)
    assert back.session_present
    reader = peer(durable, "reader").join(clean=False, expiry_s=EXPIRY_S)
    topics = [reader.next().topic for _ in range(2)]
    assert sorted(topics) == ["test/will/connected", "test/will/left"]
    back.publish("test/will/mark", "mark")
    assert reader.next().topic == "test/will/mark"


def test_what_waits_for_a_group_comes_once_to_one_of_it_after_a_kill(durable, peer):
    """More than stays in memory for one who is away, among what is for one member alone."""
    n, names = 200, ("member-0", "member-1")
    for name in names:
        peer(durable, name).join(expiry_s=EXPIRY_S).read(GROUP, f"test/of/{name}").leave()
    writer = peer(durable, "writer").join()
    for i in range(n):
        writer.publish("test/pump/1", f"shared-{i}")
        writer.publish("test/of/member-0", f"own-{i}")
    kill_and_start(durable)
    # When one of them is connected, the other one's part stays with the other.
    members = [peer(durable, name).join(clean=False, expiry_s=EXPIRY_S) for name in names]
    writer = peer(durable, "writer").join()
    for name in names:
        writer.publish(f"test/of/{name}", "end")
    got = []
    for member in members:
        got.append([])
        while not got[-1] or got[-1][-1] != "end":
            got[-1].append(member.next().payload.decode())
    shared = [text for texts in got for text in texts if text.startswith("shared")]
    assert sorted(shared) == sorted(f"shared-{i}" for i in range(n))
    assert [text for text in got[0] if text.startswith("own")] == [f"own-{i}" for i in range(n)]
    for texts in got:
        numbers = [int(text.split("-")[1]) for text in texts if text.startswith("shared")]
        assert numbers == sorted(numbers)


def test_a_member_that_is_away_since_before_the_kill_is_not_chosen_while_others_are_connected(durable, peer):
    for name in ("member-0", "member-1"):
        peer(durable, name).join(expiry_s=EXPIRY_S).read(GROUP).leave()
    kill_and_start(durable)
    here = peer(durable, "member-2").join().read(GROUP)
    writer = peer(durable, "writer").join()
    for i in range(12):
        writer.publish("test/pump/1", str(i))
    assert here.texts(12) == [str(i) for i in range(12)]


class Passing(Raw):
    """A member that is not kept, and acknowledges nothing."""
    def __init__(self, site, name):
        super().__init__(site)
        self.join(site, name)
        self.send(subscribe_packet(GROUP, 1))
        self.packet()


def test_what_a_member_left_that_is_not_kept_survives_with_one_that_is(durable, peer):
    """Only the journal of the second one can know of it."""
    n = 10
    peer(durable, "kept").join(expiry_s=EXPIRY_S).read(GROUP, qos=2).leave()
    writer = peer(durable, "writer").join()
    with Passing(durable, "passing"):  # is connected, and so is chosen
        for i in range(n):
            writer.publish("test/pump/1", f"shared-{i}")
    wait_until(lambda: durable.json("clients", "kept")["queue_messages"] == n, "passed on")
    writer.publish("test/pump/1", "last")  # its PUBACK promises what was before, too
    kill_and_start(durable)
    kept = peer(durable, "kept").join(clean=False, expiry_s=EXPIRY_S)
    assert sorted(kept.texts(n + 1)) == sorted(["last", *(f"shared-{i}" for i in range(n))])


def test_what_a_member_holds_that_is_not_kept_goes_after_a_kill_to_one_that_is(durable, peer):
    n = 10
    peer(durable, "kept").join(expiry_s=EXPIRY_S).read(GROUP).leave()
    writer = peer(durable, "writer").join()
    with Passing(durable, "passing"):
        for i in range(n):
            writer.publish("test/pump/1", f"shared-{i}")
        kill_and_start(durable)
    kept = peer(durable, "kept").join(clean=False, expiry_s=EXPIRY_S)
    assert sorted(kept.texts(n)) == sorted(f"shared-{i}" for i in range(n))


def test_what_a_member_that_is_not_kept_has_acknowledged_comes_to_nobody_else_after_a_kill(durable, peer):
    kept = peer(durable, "kept").join(expiry_s=EXPIRY_S).read(GROUP)
    kept.leave()
    wait_until(lambda: not durable.json("clients", "kept")["connected"], "it is away, and not chosen")
    passing = peer(durable, "passing").join().read(GROUP)
    writer = peer(durable, "writer").join()
    writer.publish("test/pump/1", "taken")
    assert passing.next().payload == b"taken"
    wait_until(lambda: durable.json("clients", "passing")["inflight"] == 0, "acknowledged")
    passing.publish("test/mark", "mark")  # its PUBACK promises what was before, too
    kill_and_start(durable)
    kept = peer(durable, "kept").join(clean=False, expiry_s=EXPIRY_S)
    peer(durable, "writer").join().publish("test/pump/1", "after")
    assert kept.next().payload == b"after"


def test_all_subscription_identifiers_come_after_a_kill(durable, peer):
    """Of many overlapping subscriptions, also where more waits than stays in memory."""
    n, levels = 100, "abcde"
    reader = peer(durable, "reader").join(expiry_s=EXPIRY_S)
    for i in range(1, 21):
        one = "/".join("+" if i >> k & 1 else level for k, level in enumerate(levels))
        assert reader.subscribe_as(i, f"test/{one}") == [1]
    reader.leave()
    writer = peer(durable, "writer").join()
    for i in range(n):
        writer.publish("test/a/b/c/d/e", str(i))
    kill_and_start(durable)
    reader = peer(durable, "reader").join(clean=False, expiry_s=EXPIRY_S)
    for i in range(n):
        message = reader.next()
        assert message.payload.decode() == str(i)
        assert sorted(message.properties.SubscriptionIdentifier) == list(range(1, 21))
