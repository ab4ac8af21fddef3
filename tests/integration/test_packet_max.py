# SPDX-License-Identifier: Apache-2.0
"""The largest packet that the node takes: a client of 5.0 was told which it is (MQTT 5.0, 3.2.2.3.6)."""

import struct

import pytest

from peer import Raw, connect_packet, next_connack, packet, publish_packet, reason_and_properties

TOLD, LOWERED = 1048576, 1024  # what is in the template
PACKET_MAX, TOO_LARGE = 0x27, 0x95


def joined(site, client_id, level=5):
    """Who has come in, and the Maximum Packet Size that it was site."""
    raw = Raw(site)
    raw.send(connect_packet(client_id, "alice", site.passwords["alice"], level=level))
    first, body = raw.packet()
    assert first == 0x20 and body[1] == 0
    return raw, level == 5 and reason_and_properties(body[1:])[1][PACKET_MAX]


def is_refused(field, client_id, n):
    """Who takes only @n bytes in a packet."""
    with Raw(field) as raw:
        raw.send(connect_packet(client_id, "alice", field.passwords["alice"], level=5,
                                properties=bytes([PACKET_MAX]) + struct.pack("!I", n)))
        assert next_connack(raw) == (TOO_LARGE, {})
        assert raw.rest_until_closed() == b""


@pytest.mark.parametrize("n", [5, 8, 12])
def test_who_takes_no_packet_as_large_as_connack_is_told_so_where_that_fits(field, n):
    is_refused(field, "tiny", n)
    assert "tiny: refused: the client takes no packet as large as CONNACK" in field.log_text()


def test_who_takes_no_packet_as_large_as_connack_takes_nothing_over(field, peer):
    reader = peer(field, "reader").join().read("test/will")
    before = peer(field, "before", will=("test/will", "gone", 1, False)).join()
    before.read("test/its")
    is_refused(field, "before", 12)
    reader.publish("test/its", "still here")
    assert before.texts(1) == ["still here"]
    reader.publish("test/will", "nobody's")
    assert reader.texts(1) == ["nobody's"]


def publish(raw, n, level=5):
    """A packet of more than @n bytes at QoS 1; the first byte of what comes for it, and its body."""
    rest = struct.pack("!H", 1) + (b"\0" if level == 5 else b"")
    raw.send(packet(0x32, b"\0\6test/a" + rest + b"x" * n))
    return raw.packet()


def lower(site):
    site.change(f"  packet_bytes_max: {TOLD}", f"  packet_bytes_max: {LOWERED}")
    site.ok("reload")


def test_who_was_told_a_larger_one_keeps_it_over_a_reload(site):
    site.start()
    before, largest = joined(site, "before")
    assert largest == TOLD
    lower(site)
    assert publish(before, 10 * LOWERED)[0] == 0x40
    after, largest = joined(site, "after")
    assert largest == LOWERED
    assert publish(after, 10 * LOWERED)[1][0] == TOO_LARGE
    assert publish(before, 2 * TOLD)[1][0] == TOO_LARGE, "nor more than it was told"
    assert site.end() == 0, site.log_text()


def test_who_was_told_a_smaller_one_may_send_what_is_taken_now(site):
    site.change(f"  packet_bytes_max: {TOLD}", f"  packet_bytes_max: {LOWERED}")
    site.start()
    before, _ = joined(site, "before")
    site.change(f"  packet_bytes_max: {LOWERED}", f"  packet_bytes_max: {TOLD}")
    site.ok("reload")
    assert publish(before, 10 * LOWERED)[0] == 0x40
    assert site.end() == 0, site.log_text()


def test_who_was_told_nothing_has_the_new_one(site):
    site.start()
    old, _ = joined(site, "old", level=4)
    lower(site)
    old.send(publish_packet("test/a", b"x" * 10 * LOWERED, 1, 1))
    assert old.rest_until_closed() == b""
    assert site.end() == 0, site.log_text()


@pytest.mark.parametrize("level", [4, 5])
def test_a_posture_cuts_who_sends_more_and_holds_it_against_nobody(site, level):
    site.config.write_text(site.config.read_text() + f"\npostures:\n  lockdown:\n    limits: {{packet_bytes_max: {LOWERED}}}\n")
    site.start()
    before, _ = joined(site, "before", level)
    site.ok("respond", "run", "posture", "lockdown", "--for", "1h", "--reason", "an emergency")
    if level == 5:
        first, body = publish(before, 10 * LOWERED)
        assert (first, body[0]) == (0xE0, TOO_LARGE) and b"posture" in body
        assert joined(site, "again")[1] == LOWERED
    else:
        before.send(publish_packet("test/a", b"x" * 10 * LOWERED, 1, 1))
        assert before.rest_until_closed() == b""
        again, _ = joined(site, "again", level)
        again.send(publish_packet("test/a", b"x" * 10 * LOWERED, 1, 1))
        assert again.rest_until_closed() == b""
    site.ok("respond", "undo", "posture")
    assert site.json("incidents") == []
    metrics = site.ok("metrics")
    assert not [line for line in metrics.splitlines() if "packet_too_large" in line and not line.endswith(" 0")]
    assert site.end() == 0, site.log_text()
