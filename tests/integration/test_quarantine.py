# SPDX-License-Identifier: Apache-2.0
"""Topics and listeners that are blocked: what comes through, what is under a block, and how it is lifted."""

import signal

from conftest import wait_until
from peer import PATIENCE_S, Raw, guesses, publish_packet
from test_respond import ADMINISTRATIVE, in_force, publish_packet5

HOUR_S = 3600


def test_publishing_to_a_quarantined_topic_is_refused_and_to_others_is_not(field, peer):
    reader = peer(field, "reader", user="rita").join().read("test/#")
    writer = peer(field, "writer").join()
    field.ok("respond", "run", "quarantine", "topic", "test/meter/+", "--direction", "publish", "--for", "1h")
    with Raw(field) as raw:
        raw.join(field, "raw", level=5)
        raw.send(publish_packet5("test/meter/7", b"poison"))
        assert raw.packet() == (0x40, b"\0\1\x87" + raw_rest())
    writer.publish("test/meter/8", "poison")
    writer.publish("test/feeder/1", "good")
    assert reader.next().payload == b"good"
    field.ok("respond", "undo", "quarantine", "topic", "test/meter/+", "--reason", "repaired")
    writer.publish("test/meter/8", "good again")
    assert reader.next().payload == b"good again"
    assert field.json("incidents") == []


def raw_rest():
    text = b"the topic is quarantined"
    return bytes([len(text) + 3, 0x1F]) + len(text).to_bytes(2, "big") + text


def is_away(site):
    wait_until(lambda: not site.json("clients", "away")["connected"], "it is away")


def test_nothing_of_a_quarantined_topic_is_delivered_what_waits_is_dropped_and_what_is_retained_stays(field, peer):
    writer = peer(field, "writer").join()
    away = peer(field, "away", user="bob").join(expiry_s=HOUR_S)
    away.read("test/meter/#", "test/open")
    away.drop()
    is_away(field)
    writer.publish("test/meter/1", "kept", retain=True)
    writer.publish("test/meter/2", "waits")
    field.ok("respond", "run", "quarantine", "topic", "test/meter/#", "--direction", "deliver", "--for", "1h")
    reader = peer(field, "reader", user="rita").join().read("test/#")
    writer.publish("test/meter/3", "not now", retain=True)
    writer.publish("test/open", "open")
    assert reader.next().payload == b"open" and reader.nothing()
    away.join(clean=False, expiry_s=HOUR_S)
    assert away.next().payload == b"open" and away.nothing()
    field.ok("respond", "undo", "quarantine", "topic", "test/meter/#", "--reason", "repaired")
    later = peer(field, "later", user="rita").join().read("test/meter/#")
    assert sorted(later.texts(2)) == ["kept", "not now"]


def blocked_while_away(site, peer):
    """Two messages are retained and wait, a third waits, and one of another topic; then their topics are blocked."""
    writer = peer(site, "writer").join()
    away = peer(site, "away", user="bob").join(expiry_s=HOUR_S)
    away.read("test/#")
    away.drop()
    is_away(site)
    for topic, retain in (("test/meter/1", True), ("test/meter/2", True), ("test/meter/3", False), ("test/open", True)):
        writer.publish(topic, "waits", retain=retain)
    wait_until(lambda: site.json("clients", "away")["queue_messages"] == 4, "all waits")
    return writer


UNDER = "with 2 retained and 3 waiting messages under it"


def test_a_block_is_lifted_with_a_reason_and_what_is_under_it_is_told(field, peer):
    blocked_while_away(field, peer)
    quarantine = ("quarantine", "topic", "test/meter/+")
    field.ok("respond", "run", *quarantine, "--direction", "publish", "--for", "1h")
    for reason in ([], ["--reason", " "]):
        done = field.cli("respond", "undo", *quarantine, *reason)
        assert done.returncode == 1 and f"in force still, {UNDER}: say with --reason why" in done.stderr, done.stderr
    assert in_force(field) == {("quarantine", "test/meter/+")}
    assert field.json("audit", "list")[-1]["action"] == "quarantine"
    assert f"is undone, {UNDER}" in field.ok("respond", "undo", *quarantine, "--reason", "the meter is repaired")
    entry = field.json("audit", "list")[-1]
    assert (entry["action"], entry["object"], entry["reason"]) == \
        ("undo quarantine", "topic test/meter/+", "the meter is repaired")
    assert entry["actor"].startswith("admin:") and UNDER in entry["result"]


def test_what_a_block_of_deliveries_has_dropped_does_not_wait_under_it(field, peer):
    blocked_while_away(field, peer)
    field.ok("respond", "run", "quarantine", "topic", "test/meter/+", "--for", "1h")
    said = field.ok("respond", "undo", "quarantine", "topic", "test/meter/+", "--reason", "repaired")
    assert "with 2 retained and 0 waiting messages under it" in said


def test_more_topics_than_are_looked_at_at_once_are_all_counted(site):
    site.change("  enforce: yes", "  enforce: no")  # who fills so many topics is told of
    site.start()
    with Raw(site) as raw:
        raw.join(site, "writer")
        for i in range(5000):
            raw.send(publish_packet(f"test/many/{i}", b"kept", 1, 1, retain=True))
            assert raw.packet()[0] == 0x40
    site.ok("respond", "run", "quarantine", "topic", "test/many/#", "--for", "1h")
    said = site.ok("respond", "undo", "quarantine", "topic", "test/many/#", "--reason", "repaired")
    assert "with 5000 retained and 0 waiting messages under it" in said
    assert site.end() == 0, site.log_text()


def test_a_block_that_ends_by_time_says_what_was_under_it(field, peer):
    blocked_while_away(field, peer)
    field.ok("respond", "run", "quarantine", "topic", "test/meter/+", "--direction", "publish", "--for", "1s")
    wait_until(lambda: in_force(field) == set(), "it is over")
    entry = field.json("audit", "list")[-1]
    assert (entry["actor"], entry["action"]) == ("node", "undo quarantine")
    assert entry["result"] == f"done, its time is over, {UNDER}: quarantine publish for 1s"


def test_a_block_that_is_rolled_back_says_what_was_under_it(site, peer):
    site.change("respond:\n", """respond:
  playbooks:
    - {kind: repeated-auth-failures, subject: address, severity: high, steps: [quarantine test/meter/+ publish 1h]}
""")
    site.start()
    blocked_while_away(site, peer).drop()
    with guesses(site):
        wait_until(lambda: ("quarantine", "test/meter/+") in in_force(site), "blocked")
    incident = next(i["id"] for i in site.json("incidents") if i["kind"] == "repeated-auth-failures")
    site.ok("incidents", "rollback", incident)
    entry, = [e for e in site.json("audit", "list") if e["action"] == "quarantine" and UNDER in e["result"]]
    assert entry["actor"].startswith("admin:") and entry["result"].startswith("undone, ")
    assert site.end() == 0, site.log_text()


def listener_of(site, tls):
    return next(x["name"] for x in site.json("status")["listeners"] if x["tls"] == tls and x["plane"] == "delivery")


def test_a_quarantined_listener_lets_nobody_in_and_others_do_not_notice(field, peer):
    here = peer(field, "here").join()
    there = peer(field, "device-1", tls=True, certificate=field.certificate("device-1")).join()
    quarantine = ("quarantine", "listener", listener_of(field, tls=False))
    would = field.ok("respond", "run", *quarantine, "--for", "1h", "--dry-run")
    assert "would hit 1 connection" in would and not here.disconnected.is_set()
    field.ok("respond", "run", *quarantine, "--for", "1h", "--reason", "bad data")
    assert here.disconnected.wait(PATIENCE_S) and here.disconnect == ADMINISTRATIVE
    with Raw(field) as raw:
        assert raw.rest_until_closed() == b""
    assert not there.disconnected.is_set()
    assert "say with --reason" in field.cli("respond", "undo", *quarantine).stderr
    assert "is undone\n" in field.ok("respond", "undo", *quarantine, "--reason", "repaired"), "nothing waits there"
    peer(field, "here").join()
    assert field.json("incidents") == [] and in_force(field) == set()
    done = [(e["action"], e["object"]) for e in field.json("audit", "list")]
    assert ("quarantine", "listener " + quarantine[2]) in done and ("undo quarantine", "listener " + quarantine[2]) in done


def test_a_listener_may_be_quarantined_for_a_network_alone_also_over_a_restart(site, peer):
    site.start()
    one = peer(site, "one").join()
    quarantine = ("quarantine", "listener", listener_of(site, tls=False), "127.0.9.0/24")
    site.ok("respond", "run", *quarantine, "--for", "1h")
    with Raw(site, source="127.0.9.7") as raw:
        assert raw.rest_until_closed() == b""
    assert not one.disconnected.is_set()
    site.end(signal.SIGKILL)
    site.start()
    with Raw(site, source="127.0.9.7") as raw:
        assert raw.rest_until_closed() == b""
    site.ok("respond", "undo", *quarantine, "--reason", "repaired")
    with Raw(site, source="127.0.9.7") as raw:
        raw.join(site, "raw", level=5)
    assert site.end() == 0
