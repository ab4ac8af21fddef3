# SPDX-License-Identifier: Apache-2.0
"""A subscription that a rule does not allow any more is suspended, and delivers again when one does."""

import itertools
import signal

import pytest

from conftest import SANITIZERS, change_role, wait_until
from peer import PATIENCE_S, V311, Raw, connect_packet, mosquitto, subscribe_packet

HOUR_S = 3600
NOT_AUTHORIZED, NO_MATCHING = 0x87, 0x10
SECRET = "test/secret/plan"


def narrow(site, user="alice"):
    change_role(site, user, "tester", "limited")
    return site.ok("reload")


def widen(site, user="alice"):
    change_role(site, user, "limited", "tester")
    return site.ok("reload")


def suspended(site, client):
    return [one["filter"] for one in site.json("clients", client)["subscription_list"] if one["suspended"]]


def is_away(site, client):
    wait_until(lambda: not site.json("clients", client)["connected"], "away")


# ---- one client ----


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_who_stays_connected_gets_messages_again_without_doing_anything(field, peer, qos):
    reader = peer(field, "reader").join().read(SECRET, "test/open", qos=qos)
    writer = peer(field, "writer", user="bob").join()
    for change, text in ((None, "before"), (narrow, "meanwhile"), (widen, "after")):
        if change is not None:
            change(field)
        writer.publish(SECRET, text, qos)
        writer.publish("test/open", "mark", qos)
    assert reader.texts(5) == ["before", "mark", "mark", "after", "mark"]
    assert reader.nothing()


def test_who_comes_back_meanwhile_or_later_finds_its_subscriptions(field, peer):
    away = peer(field, "away").join(expiry_s=HOUR_S).read(SECRET, "test/open")
    away.drop()
    is_away(field, "away")
    writer = peer(field, "writer", user="bob").join()
    narrow(field)
    writer.publish(SECRET, "never")
    away.join(clean=False, expiry_s=HOUR_S)
    assert away.session_present
    writer.publish(SECRET, "never")
    writer.publish("test/open", "open", 0)  # which leaves nothing to be acknowledged
    assert away.next().payload == b"open"
    away.drop()
    is_away(field, "away")
    widen(field)
    writer.publish(SECRET, "waits")
    away.join(clean=False, expiry_s=HOUR_S)
    writer.publish(SECRET, "live")
    assert away.session_present
    assert away.texts(2) == ["waits", "live"]
    assert away.nothing()


def test_mosquitto_goes_on_as_if_nothing_had_been(field, peer):
    """Of a session that it keeps, and with wildcards."""
    reader = mosquitto("sub", field, "-V", "mqttv311", "-i", "reader", "-c", "-q", "1", "-t", "test/secret/#",
                       "-t", "test/open", "-C", "3")
    wait_until(lambda: field.cli("clients", "reader").returncode == 0 and
               field.json("clients", "reader")["subscriptions"] == 2, "subscribed")
    writer = peer(field, "writer", user="bob").join()
    narrow(field)
    writer.publish(SECRET, "never")
    writer.publish("test/open", "open")
    widen(field)
    writer.publish(SECRET, "again")
    writer.publish("test/open", "last")
    out, err = reader.communicate(timeout=PATIENCE_S)
    assert (reader.returncode, out.split()) == (0, ["open", "again", "last"]), err


def test_it_is_told_in_the_answer_in_the_log_and_of_the_client(field, peer):
    reader = peer(field, "reader").join(expiry_s=HOUR_S).read(SECRET, "$share/g/test/secret/+", "test/open")
    away = peer(field, "away").join(expiry_s=HOUR_S).read(SECRET)
    away.drop()
    is_away(field, "away")
    assert "3 subscriptions that no rule allows any more are suspended" in narrow(field)
    one = field.json("clients", "reader")
    assert (one["subscriptions"], one["subscriptions_suspended"]) == (3, 2)
    assert sorted(suspended(field, "reader")) == ["test/secret/+", SECRET]
    assert field.json("clients", "away")["subscriptions_suspended"] == 1
    shown = field.ok("clients", "reader").split("SUBSCRIPTION", 1)[1].splitlines()
    assert [line.split()[-1] for line in shown if SECRET in line or "test/open" in line] == ["yes", "no"]
    assert "subscriptions" not in field.ok("reload")  # nothing has changed
    assert "3 subscriptions that were suspended deliver again" in widen(field)
    assert suspended(field, "reader") == [] == suspended(field, "away")
    log = field.log_text()
    rule = "role limited: a rule denies it (rule test/secret/#)"
    assert f"127.0.0.1 reader: subscription to {SECRET} suspended: {rule}" in log
    assert f"127.0.0.1 reader: subscription to $share/g/test/secret/+ suspended: {rule}" in log
    assert f"away: subscription to {SECRET} suspended: {rule}" in log
    for who in ("127.0.0.1 reader", "away"):
        assert f"{who}: subscription to {SECRET} delivers again: role tester: allowed (rule test/#)" in log
    assert reader.nothing()


def test_of_a_long_filter_the_log_has_what_becomes_of_it_and_by_which_rule(field, peer):
    tail = "/".join(["ä" * 100] * 7)  # 1,406 bytes; cut between two characters
    reader = peer(field, "reader").join(expiry_s=HOUR_S).read(f"test/secret/{tail}",
                                                            f"$share/desk/test/secret/{tail}")
    narrow(field)
    widen(field)
    log = [line for line in field.log_text().splitlines() if "reader: subscription to " in line]
    assert len(log) == 4
    told = ("suspended: role limited: a rule denies it (rule test/secret/#)",
            "delivers again: role tester: allowed (rule test/#)")
    for line, (what, group) in zip(log, itertools.product(told, ("", "$share/desk/"))):
        name = f"{group}test/secret/{tail}".encode()[:220].decode(errors="ignore")
        assert line.endswith(f" reader: subscription to {name}... {what}")
    assert reader.nothing()


def test_nobody_is_counted_who_may_not_read(field, peer):
    would_hold_back = "respond", "run", "quarantine", "topic", SECRET, "--direction", "deliver", "--dry-run"
    with Raw(field) as raw:  # 5.0, to see the reason code of PUBACK
        peer(field, "reader").join().read(SECRET)
        raw.send(connect_packet("writer", "bob", field.passwords["bob"], level=5))
        raw.packet()
        narrow(field)
        wait_until(lambda: publish_5(raw) == NO_MATCHING, "all workers know it")
        assert "would hit 0 connections" in field.ok(*would_hold_back)
        widen(field)
        assert "would hit 1 connection" in field.ok(*would_hold_back)
        assert publish_5(raw) == 0


def publish_5(raw):
    topic = SECRET.encode()
    body = len(topic).to_bytes(2, "big") + topic + b"\0\7\0" + b"x"
    raw.send(bytes([0x32, len(body)]) + body)
    first, answer = raw.packet()
    assert first == 0x40, first
    return answer[2] if len(answer) > 2 else 0


# ---- what the client asks for ----


def test_a_refused_subscribe_leaves_it_as_it_was(field, peer):
    """[MQTT5-3.8.4-3]: only what is granted replaces."""
    reader = peer(field, "reader").join().read(SECRET, qos=1)
    writer = peer(field, "writer", user="bob").join()
    narrow(field)
    assert reader.subscribe(SECRET, qos=2) == [NOT_AUTHORIZED]
    assert suspended(field, "reader") == [SECRET]
    widen(field)
    writer.publish(SECRET, "again", 2)
    assert reader.next().qos == 1
    assert reader.subscribe(SECRET, qos=2) == [2]
    writer.publish(SECRET, "replaced", 2)
    assert reader.next().qos == 2


def test_it_can_be_ended(field, peer):
    reader = peer(field, "reader").join().read(SECRET, "$share/g/test/secret/+", "test/open")
    writer = peer(field, "writer", user="bob").join()
    narrow(field)
    for one in (SECRET, "$share/g/test/secret/+"):
        reader.unsubscribe(one)
    assert [one["filter"] for one in field.json("clients", "reader")["subscription_list"]] == ["test/open"]
    widen(field)
    writer.publish(SECRET, "never")
    writer.publish("test/open", "open")
    assert reader.next().payload == b"open"
    assert reader.nothing()


def test_a_session_ends_with_what_is_suspended(field, peer):
    for name, more in (("away", {"expiry_s": HOUR_S}), ("here", {})):
        peer(field, name).join(**more).read(SECRET, "$share/g/test/secret/+")
    narrow(field)
    for name in ("away", "here"):
        peer(field, name).join()
        assert field.json("clients", name)["subscriptions"] == 0


# ---- retained ----


def test_what_is_retained_is_shown_when_it_is_allowed_again(field, peer):
    """The client takes nothing at first, so that nothing is looked for before the rule has changed."""
    writer = peer(field, "writer", user="bob").join()
    writer.publish("test/secret/a", "old", retain=True)
    writer.publish("test/secret/b", "replaced", retain=True)
    with Raw(field) as raw:
        raw.join(field, "reader")
        raw.send(subscribe_packet("test/open", 1))
        assert raw.packet()[0] == 0x90
        for i in range(200):  # what waits goes first, and nothing is acknowledged
            writer.publish("test/open", f"open {i}")
        raw.send(subscribe_packet("test/secret/+", 1, packet_id=2))
        seen = read_until(raw, 0x90)
        narrow(field)
        writer.publish("test/secret/b", "not for it", retain=True)
        seen += take(raw, 200 - len(seen))
        assert [text for text in seen if not text.startswith("open")] == []
        raw.send(b"\xc0\0")
        assert read_until(raw, 0xD0) == []
        widen(field)
        assert take(raw, 1) == ["old"]
        raw.send(b"\xc0\0")
        assert read_until(raw, 0xD0) == []


unacknowledged = []


def text_of(first, body):
    assert first & 0xF0 == 0x30, first
    at = 2 + int.from_bytes(body[:2], "big")
    unacknowledged.append(body[at:at + 2])
    return body[at + 2:].decode()


def read_until(raw, wanted):
    texts = []
    while True:
        first, body = raw.packet()
        if first == wanted:
            return texts
        texts.append(text_of(first, body))


def take(raw, n):
    """So many more messages; all are acknowledged."""
    texts = []
    while len(texts) < n:
        while unacknowledged:
            raw.send(b"\x40\x02" + unacknowledged.pop(0))
        texts.append(text_of(*raw.packet()))
    while unacknowledged:
        raw.send(b"\x40\x02" + unacknowledged.pop(0))
    return texts


# ---- groups ----


def test_the_other_members_of_a_group_get_what_one_may_not(field, peer):
    """Of the members, which live on all workers, every second one may not; then none; then all may again."""
    group, n = "$share/g/test/secret/+", 30
    members = [peer(field, f"member-{i}", user=("alice", "bob")[i % 2], version=V311).join().read(group) for i in range(6)]
    writer = peer(field, "writer", user="bob").join()

    def counts():
        for i in range(n):
            writer.publish(f"test/secret/{i}", str(i))
        got = [0] * len(members)
        while sum(got) < n:
            for i, member in enumerate(members):
                while not member.messages.empty():
                    member.next()
                    got[i] += 1
        return got

    assert min(counts()) > 0
    narrow(field)
    got = counts()
    assert got[0::2] == [0, 0, 0] and min(got[1::2]) > 0, got
    change_role(field, "bob", "tester", "limited")
    field.change("\nroles:\n", "\nroles:\n  author:\n    allow:\n      - publish: test/#\n")
    change_role(field, "bob", "limited", "author")
    field.ok("reload")
    writer.publish("test/secret/1", "for nobody")
    change_role(field, "bob", "author", "tester")
    widen(field)
    assert min(counts()) > 0
    assert all(member.nothing() for member in members)


# ---- restarts ----


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_a_restart_keeps_it_and_goes_by_the_rules_of_then(site, peer, how):
    site.change("  durability: memory", "  durability: commit")
    site.start()
    away = peer(site, "away").join(expiry_s=HOUR_S).read(SECRET, "$share/g/test/secret/+", "test/open")
    narrow(site)
    again(site, how)
    assert sorted(suspended(site, "away")) == ["test/secret/+", SECRET]
    writer = peer(site, "writer", user="bob").join()
    writer.publish(SECRET, "never")
    # What a kill finds on its way between workers goes by the rules of then, too: so it is there, and on the disk.
    writer.publish("test/open", "behind it")
    wait_until(lambda: site.json("clients", "away")["queue_messages"] == 1, "what is behind it is there")
    writer.publish("test/open", "and that is on the disk")
    change_role(site, "alice", "limited", "tester")
    again(site, how)
    assert suspended(site, "away") == []
    writer = peer(site, "writer", user="bob").join()
    writer.publish(SECRET, "again")
    writer.publish("test/open", "open")
    away.paho.loop_stop()
    away.join(clean=False, expiry_s=HOUR_S)
    assert away.session_present
    assert sorted(away.texts(5)) == ["again", "again", "and that is on the disk", "behind it", "open"]
    change_role(site, "alice", "tester", "limited")
    again(site, how)
    assert sorted(suspended(site, "away")) == ["test/secret/+", SECRET]
    widen(site)
    assert suspended(site, "away") == []
    assert site.end() == 0, site.log_text()
    assert not SANITIZERS.search(site.log_text()), site.log_text()


def again(site, how):
    ended = site.end(how)
    assert how == signal.SIGKILL or ended == 0, site.log_text()
    site.start()
