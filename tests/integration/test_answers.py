# SPDX-License-Identifier: Apache-2.0
"""What clients of MQTT 5.0 are told: why something is refused, where to go instead, where to be answered."""

import signal
import struct

import pytest

from conftest import SANITIZERS, wait_until
from peer import (Raw, connect_packet, next_connack, next_disconnect, packet, properties_of,
                  reason_and_properties, string, varint)

REASON_STRING, SERVER_REFERENCE, RESPONSE_INFORMATION = 0x1F, 0x1C, 0x1A
PACKET_MAX, NO_PROBLEM, ASK_RESPONSE = b"\x27", b"\x17\0", b"\x19\1"
UTF8 = b"\1\1"

CONFIG = """\
node:
  name: answers
  location: "Test bench"
  workers: 2
  state_dir: state
  sys_interval_s: 0
listeners:
  - {{name: field, address: 127.0.0.1, port: {port}, anonymous: yes}}
admin: {{socket: run/admin.sock}}
mqtt:
MQTT
users_file: users.yaml
anonymous_role: guest
roles:
  guest:
    allow:
      - publish_subscribe: open/#
      - subscribe: reply/${{client_id}}/#
    deny:
      - publish_subscribe: open/secret/#
limits:
  retained_messages_max: 1
  subscriptions_per_session_max: 2
"""


@pytest.fixture
def answers(home):
    """Start a node with these lines under mqtt:."""

    def start(*lines):
        home.write(CONFIG.replace("MQTT", "\n".join(f"  {line}" for line in lines)))
        home.start()
        return home

    yield start
    if home.process is not None:
        assert home.end() == 0, home.log_text()
    assert not SANITIZERS.search(home.log_text()), home.log_text()


def properties(data=b""):
    return bytes([len(data)]) + data


def joined(node, client_id="c", props=b"", expected=0):
    """A connection of MQTT 5.0, and the properties of its CONNACK."""
    raw = Raw(node)
    raw.send(connect_packet(client_id, level=5, properties=props))
    reason, told = next_connack(raw)
    assert reason == expected
    return raw, told


def subscribe(raw, *filters):
    """The reasons and the Reason String of SUBACK."""
    body = b"\0\x07" + properties() + b"".join(string(one) + b"\1" for one in filters)
    raw.send(packet(0x82, body))
    return answer(raw, 0x90)


def unsubscribe(raw, *filters):
    raw.send(packet(0xA2, b"\0\x07" + properties() + b"".join(string(one) for one in filters)))
    return answer(raw, 0xB0)


def answer(raw, expected):
    first, body = raw.packet()
    assert first == expected and body[:2] == b"\0\x07"
    n, at = varint(body[2:])
    told = properties_of(body[2 + at:2 + at + n])
    assert set(told) <= {REASON_STRING}
    return list(body[2 + at + n:]), told.get(REASON_STRING)


def publish(raw, topic, payload=b"x", props=b"", qos=1, retain=False):
    """The reason and the Reason String of PUBACK or PUBREC; PUBREL follows by itself."""
    body = string(topic) + (b"\0\x09" if qos else b"") + properties(props) + payload
    raw.send(packet(0x30 | qos << 1 | retain, body))
    if qos == 0:
        return None
    first, body = raw.packet()
    assert (first, body[:2]) == ((0x40, 0x50)[qos - 1], b"\0\x09")
    reason, told = reason_and_properties(body[2:])
    if qos == 2 and reason < 0x80:
        raw.send(packet(0x62, b"\0\x09"))
        assert raw.packet()[0] == 0x70
    return reason, told.get(REASON_STRING)


# ---- why ----


def test_a_refusal_names_the_rule(answers):
    """[MQTT5-3.9.2-1] [MQTT5-3.11.2-1]"""
    raw, _ = joined(answers("check_payload_format: no"))
    denied = "a rule denies it: open/secret/a (rule open/secret/#)"
    assert subscribe(raw, "open/a", "open/secret/a", "x") == ([1, 0x87, 0x87], denied)
    assert subscribe(raw, "x/y") == ([0x87], "no rule allows it: x/y")
    assert subscribe(raw, "open/b") == ([1], None)
    assert subscribe(raw, "open/c") == ([0x97], "no more than subscriptions_per_session_max: open/c")
    assert unsubscribe(raw, "open/a") == ([0], None)
    assert unsubscribe(raw, "open/b", "open/z") == ([0, 0x11], "there was no such subscription: open/z")
    assert publish(raw, "open/secret/a") == (0x87, denied)
    assert publish(raw, "open/secret/a", qos=2) == (0x87, denied)
    assert publish(raw, "x/y") == (0x87, "no rule allows it: x/y")
    assert publish(raw, "open/1", retain=True) == (0x10, None)
    assert publish(raw, "open/2", retain=True) == (
        0x97, "no more is retained: retained_messages_max, retained_bytes_max")
    raw.close()


def test_no_reason_is_told_where_none_is_wanted_or_it_does_not_fit(answers):
    """[MQTT5-3.1.2-29] [MQTT5-3.1.2-24]"""
    node = answers("check_payload_format: no")
    for props in (NO_PROBLEM, PACKET_MAX + struct.pack("!I", 30)):
        raw, _ = joined(node, props=props)
        assert subscribe(raw, "open/secret/a") == ([0x87], None)
        assert unsubscribe(raw, "open/secret/a") == ([0x11], None)
        assert publish(raw, "open/secret/a") == (0x87, None)
        raw.close()


def test_a_long_topic_is_cut_off_between_characters_and_the_rule_is_told(answers):
    raw, _ = joined(answers("check_payload_format: no"))
    for n in range(4):
        reasons, why = subscribe(raw, "x/" + "a" * n + "\u20ac" * 400)
        assert reasons == [0x87] and why.startswith("no rule allows it: x/") and why.endswith("\u20ac...")
        reason, why = publish(raw, "open/secret/" + "a" * n + "\u20ac" * 400)
        assert reason == 0x87 and why.startswith("a rule denies it: open/secret/")
        assert why.endswith("\u20ac... (rule open/secret/#)")
        reasons, why = unsubscribe(raw, "open/" + "a" * n + "\u20ac" * 400)
        assert reasons == [0x11] and why.startswith("there was no such subscription: open/")
        assert why.endswith("\u20ac...")
    raw.close()


def test_a_will_that_a_rule_denies_is_told_with_topic_and_rule(answers):
    node = answers("check_payload_format: no")
    raw = Raw(node)
    will = properties() + string("open/secret/w") + string("gone")
    raw.send(packet(0x10, string("MQTT") + b"\5\6\0\0" + properties() + string("w") + will))
    reason, told = next_connack(raw)
    why = "the Will topic, a rule denies it: open/secret/w (rule open/secret/#)"
    assert (reason, told[REASON_STRING]) == (0x87, why)
    raw.close()
    assert f"refused: {why}" in node.log_text()


# ---- where to be answered ----


def test_response_information_is_for_who_asks_and_may_read_it(answers):
    """[MQTT5-3.1.2-28]"""
    node = answers("response_information: reply/${{client_id}}/")
    for client_id, props, expected in (("c1", ASK_RESPONSE, "reply/c1/"), ("c1", b"", None),
                                       ("c1", b"\x19\0", None), ("c/1", ASK_RESPONSE, None)):
        raw, told = joined(node, client_id, props)
        assert told.get(RESPONSE_INFORMATION) == expected
        if expected is not None:
            assert subscribe(raw, expected + "17") == ([1], None)
        raw.close()


def test_response_information_beyond_the_rights_is_not_told(answers):
    raw, told = joined(answers("response_information: others/${{client_id}}"), "c1", ASK_RESPONSE)
    assert RESPONSE_INFORMATION not in told
    raw.close()


# ---- who is there ----


def deliver(raw, topic, reader):
    """What a publish is answered, and the topic that the reader gets."""
    answered = publish(raw, topic)
    first, body = reader.packet()
    assert first & 0xF0 == 0x30
    reader.send(packet(0x40, body[2 + len(topic):4 + len(topic)]))
    return answered, body[2:2 + len(topic)].decode()


def test_a_filter_is_there_as_soon_as_it_comes_back_and_gone_soon_after_it_ends(answers):
    """Eight clients are on both workers but for a chance of 1 in 128."""
    node = answers("check_payload_format: no")
    readers = [joined(node, f"reader-{i}")[0] for i in range(8)]
    writer, _ = joined(node, "writer")
    for reader in readers:
        for _ in range(3):
            assert subscribe(reader, "open/back") == ([1], None)
            assert deliver(writer, "open/back", reader) == ((0, None), "open/back")
            assert unsubscribe(reader, "open/back") == ([0], None)
    # The other worker learns it at its next sweep, once a second.
    wait_until(lambda: publish(writer, "open/back") == (0x10, None), "nobody wants it any more")
    for raw in (*readers, writer):
        raw.close()


# ---- what the payload is ----


def test_a_payload_that_is_not_as_indicated_is_refused(answers):
    node = answers("check_payload_format: yes")
    raw, _ = joined(node)
    why = "the payload is not UTF-8, as its Payload Format Indicator says"
    for qos in (1, 2):
        assert publish(raw, "open/a", b"caf\xe9", UTF8, qos) == (0x99, why)
        assert publish(raw, "open/a", "caf\u00e9\0".encode(), UTF8, qos) == (0x10, None)
        assert publish(raw, "open/a", b"caf\xe9", b"\1\0", qos) == (0x10, None)
        assert publish(raw, "open/a", b"caf\xe9", b"", qos) == (0x10, None)
    publish(raw, "open/a", b"\xed\xa0\x80", UTF8, qos=0)
    assert next_disconnect(raw) == (0x99, {REASON_STRING: why})
    assert raw.rest_until_closed() == b""
    raw.close()
    for payload, expected in ((b"\xff", 0x99), (b"gone", 0)):
        will = properties(UTF8) + string("open/w") + string(payload)
        body = string("MQTT") + b"\x05\x06\0\x3c" + properties() + string("w") + will
        with Raw(node) as raw:
            raw.send(packet(0x10, body))
            assert next_connack(raw)[0] == expected


def test_a_payload_is_not_looked_at_unless_told_so(answers):
    raw, _ = joined(answers("check_payload_format: no"))
    assert publish(raw, "open/a", b"caf\xe9", UTF8) == (0x10, None)
    raw.close()


# ---- where to go ----

OTHER = "bus-2.example:8883"


@pytest.mark.parametrize("redirect, reason", [("at_stop", 0x9C), ("moved", 0x9D)])
def test_clients_of_a_node_that_stops_are_told_where_to_go(answers, redirect, reason):
    """redirect: moved is put in force while they are connected, and leaves them be."""
    node = answers(f"server_reference: {OTHER}")
    raw, _ = joined(node)
    node.config.write_text(node.config.read_text().replace(f"{OTHER}", f"{OTHER}\n  redirect: {redirect}"))
    node.ok("reload")
    assert subscribe(raw, "open/a") == ([1], None)
    if redirect == "moved":
        joined(node, "late", expected=reason)[0].close()
    assert node.end(signal.SIGTERM) == 0
    assert next_disconnect(raw) == (reason, {SERVER_REFERENCE: OTHER,
                                             REASON_STRING: "the server is shutting down"})
    assert raw.rest_until_closed() == b""
    raw.close()


@pytest.mark.parametrize("redirect, reason", [("use_another", 0x9C), ("moved", 0x9D)])
def test_every_client_is_sent_on(answers, redirect, reason):
    node = answers(f"server_reference: {OTHER}", f"redirect: {redirect}")
    raw, told = joined(node, expected=reason)
    assert told == {SERVER_REFERENCE: OTHER, REASON_STRING: "this node is not for clients any more"}
    assert raw.rest_until_closed() == b""
    raw.close()
    raw, told = joined(node, props=PACKET_MAX + struct.pack("!I", 30), expected=reason)
    assert told == {SERVER_REFERENCE: OTHER}
    raw.close()
    with Raw(node) as raw:
        raw.send(connect_packet("old"))
        assert raw.packet() == (0x20, b"\0\x03")
        assert raw.rest_until_closed() == b""


def test_an_operator_is_not_sent_on(site, peer):
    site.config.write_text(site.config.read_text() +
                           f"mqtt:\n  server_reference: {OTHER}\n  redirect: use_another\n")
    certificate = str(site.folder / "pki/operator.crt"), str(site.folder / "pki/operator.key")
    site.start()
    with Raw(site) as raw:
        raw.send(connect_packet("c", "alice", site.passwords["alice"], level=5))
        assert next_connack(raw)[0] == 0x9C
    operator = peer(site, "desk", tls=True, certificate=certificate, port=site.control_port,
                    host="localhost").join()
    operator.leave()
    assert site.end() == 0
