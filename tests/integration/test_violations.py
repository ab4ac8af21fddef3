# SPDX-License-Identifier: Apache-2.0
"""What breaks the protocol: the right reason code for 5.0 and a close for 3.1.1, counted under its name, one bounded
line in the log, and nobody else disturbed."""

import pathlib
import re
import shutil
import struct
import tempfile

import pytest

from conftest import SANITIZERS, Home, wait_until
from peer import Raw, connect_packet, length, next_disconnect, packet, publish_packet, reason_and_properties, string

LOG_LINE_BYTES_MAX = 2048
REASON_STRING = 0x1F
SOURCE = "127.0.0.9"  # not that of the node's trials of itself, which break rules, too


def v5(first, head, properties=b"", rest=b""):
    """A packet of 5.0: what comes before the properties, they, what comes behind."""
    return packet(first, head + length(len(properties)) + properties + rest)


def connect5(flags=2, client_id=b"c", properties=b"", rest=b"", name=b"MQTT", level=5):
    return v5(0x10, string(name) + bytes([level, flags]) + b"\0\x3c", properties, string(client_id) + rest)


def connect3(flags=2, client_id=b"c", rest=b"", name=b"MQTT", level=4):
    return packet(0x10, string(name) + bytes([level, flags]) + b"\0\x3c" + string(client_id) + rest)


ID = b"\0\1"
TOO_LARGE = b"\x30\xff\xff\x7f"  # 2 MiB are announced

# Violation; reason for 5.0; packet of 5.0; packet of 3.1.1 (None: 3.1.1 has no such thing).
CONNECTED = {
    # malformed packets
    "a remaining length of five bytes": ("malformed_traffic", 0x81, b"\x30\xff\xff\xff\xff\1", b"\x30\xff\xff\xff\xff\1"),
    "a remaining length with a needless byte": ("malformed_traffic", 0x81, b"\xc0\x80\0", b"\xc0\x80\0"),
    "a topic longer than its packet": ("malformed_traffic", 0x81, packet(0x30, b"\0\xffa"), packet(0x30, b"\0\xffa")),
    "properties longer than their packet": ("malformed_traffic", 0x81, packet(0x30, string("open/a") + b"\x7f"), None),
    "a property that does not exist": ("malformed_traffic", 0x81, v5(0x30, string("open/a"), b"\x7e\0"), None),
    "SUBACK bytes behind PINGREQ": ("malformed_traffic", 0x81, b"\xc0\1\0", b"\xc0\1\0"),
    "DUP at QoS 0": ("malformed_traffic", 0x81, v5(0x38, string("open/a")), packet(0x38, string("open/a"))),
    # illegal UTF-8
    "a topic that is no UTF-8": ("malformed_traffic", 0x81, v5(0x30, string(b"open/\xff")), packet(0x30, string(b"open/\xff"))),
    "a topic with a surrogate": ("malformed_traffic", 0x81, v5(0x30, string(b"\xed\xa0\x80")), packet(0x30, string(b"\xed\xa0\x80"))),
    "a topic with U+0000": ("malformed_traffic", 0x81, v5(0x30, string(b"a\0b")), packet(0x30, string(b"a\0b"))),
    "a filter that is no UTF-8": ("malformed_traffic", 0x81, v5(0x82, ID, b"", string(b"\xc0\x80") + b"\0"),
                                  packet(0x82, ID + string(b"\xc0\x80") + b"\0")),
    "a user property that is no UTF-8": ("malformed_traffic", 0x81,
                                         v5(0x30, string("open/a"), b"\x26" + string(b"\xff") + string("v")), None),
    # reserved bits
    "PINGREQ with flags": ("malformed_traffic", 0x81, b"\xc1\0", b"\xc1\0"),
    "SUBSCRIBE without its flags": ("malformed_traffic", 0x81, v5(0x80, ID, b"", string("open/a") + b"\0"),
                                    packet(0x80, ID + string("open/a") + b"\0")),
    "PUBREL without its flags": ("malformed_traffic", 0x81, b"\x60\2\0\1", b"\x60\2\0\1"),
    "DISCONNECT with flags": ("malformed_traffic", 0x81, b"\xe1\0", b"\xe1\0"),
    "reserved subscription options": ("malformed_traffic", 0x81, v5(0x82, ID, b"", string("open/a") + b"\xc0"),
                                      packet(0x82, ID + string("open/a") + b"\4")),
    # properties, twice or where they do not belong
    "a message expiry twice": ("protocol_error", 0x82, v5(0x30, string("open/a"), b"\2\0\0\0\1" * 2), None),
    "a receive maximum in PUBLISH": ("malformed_traffic", 0x81, v5(0x30, string("open/a"), b"\x21\0\1"), None),
    "a will delay in SUBSCRIBE": ("malformed_traffic", 0x81, v5(0x82, ID, b"\x18\0\0\0\1", string("open/a") + b"\0"), None),
    "a subscription identifier of 0": ("protocol_error", 0x82, v5(0x82, ID, b"\x0b\0", string("open/a") + b"\0"), None),
    "a subscription identifier in PUBLISH": ("protocol_error", 0x82, v5(0x30, string("open/a"), b"\x0b\1"), None),
    "a session expiry after none": ("protocol_error", 0x82, v5(0xE0, b"\0", b"\x11\0\0\0\1"), None),
    # protocol errors
    "SUBSCRIBE without a filter": ("protocol_error", 0x82, v5(0x82, ID), packet(0x82, ID)),
    "UNSUBSCRIBE without a filter": ("protocol_error", 0x82, v5(0xA2, ID), packet(0xA2, ID)),
    "retain handling 3": ("protocol_error", 0x82, v5(0x82, ID, b"", string("open/a") + b"\x30"), None),
    "No Local on a shared subscription": ("protocol_error", 0x82, v5(0x82, ID, b"", string("$share/g/open/a") + b"\4"), None),
    "QoS 3": ("invalid_qos_level", 0x81, v5(0x36, string("open/a") + ID), packet(0x36, string("open/a") + ID)),
    "QoS 3 wanted": ("invalid_qos_level", 0x82, v5(0x82, ID, b"", string("open/a") + b"\3"),
                     packet(0x82, ID + string("open/a") + b"\3")),
    "packet identifier 0": ("missing_msg_id", 0x82, v5(0x32, string("open/a") + b"\0\0"), packet(0x32, string("open/a") + b"\0\0")),
    "SUBSCRIBE with packet identifier 0": ("missing_msg_id", 0x82, v5(0x82, b"\0\0", b"", string("open/a") + b"\0"),
                                           packet(0x82, b"\0\0" + string("open/a") + b"\0")),
    "a wildcard in a topic": ("invalid_topic", 0x90, v5(0x30, string("open/#")), packet(0x30, string("open/#"))),
    "a filter with # in the middle": ("invalid_topic", 0x8F, v5(0x82, ID, b"", string("open/#/a") + b"\0"),
                                      packet(0x82, ID + string("open/#/a") + b"\0")),
    "a topic alias of 0": ("protocol_error", 0x82, v5(0x30, string("open/a"), b"\x23\0\0"), None),
    "a topic alias too high": ("invalid_topic_alias", 0x94, v5(0x30, string("open/a"), b"\x23\xff\xff"), None),
    "a topic alias that stands for nothing": ("invalid_topic_alias", 0x94, v5(0x30, string(""), b"\x23\0\1"), None),
    "more QoS 2 than Receive Maximum": ("too_many_transactions", 0x93,
                                        b"".join(v5(0x34, string("open/a") + struct.pack("!H", i)) for i in range(1, 2000)), None),
    "more filters than are read": ("too_many_messages", 0x97, v5(0x82, ID, b"", (string("open/a") + b"\0") * 5000),
                                   packet(0x82, ID + (string("open/a") + b"\0") * 5000)),
    "more than packet_bytes_max": ("packet_too_large", 0x95, TOO_LARGE, TOO_LARGE),
    # wrong state
    "CONNECT again": ("double_connect", 0x82, connect5(), connect3()),
    "CONNACK from a client": ("missing_connect", 0x82, b"\x20\3\0\0\0", b"\x20\2\0\0"),
    "SUBACK from a client": ("missing_subscribe", 0x82, b"\x90\4\0\1\0\0", b"\x90\3\0\1\0"),
    "UNSUBACK from a client": ("missing_unsubscribe", 0x82, b"\xb0\4\0\1\0\0", b"\xb0\2\0\1"),
    "PINGRESP from a client": ("protocol_error", 0x82, b"\xd0\0", b"\xd0\0"),
    "type 0": ("unassigned_msg_type", 0x81, b"\0\0", b"\0\0"),
    "type 15 before 5.0": ("unassigned_msg_type", 0, None, b"\xf0\0"),
}

# Instead of CONNECT.  Reason None: there is nobody yet who could be told; 3.1.1 has return codes of its own.
FIRST = {
    "PUBLISH first": ("unintroduced_message", None, publish_packet("open/a", b"x"), None),
    "PINGREQ first": ("unintroduced_message", None, b"\xc0\0", None),
    "half a SUBSCRIBE first": ("unintroduced_message", None, b"\x82\x0a\0", None),
    "type 0 first": ("unassigned_msg_type", None, b"\0\0", None),
    "another protocol": ("unsupported_level", 1, connect3(name=b"MQXX"), None),
    "level 9": ("unsupported_level", 1, connect3(level=9), None),
    "level 6": ("unsupported_level", 1, connect3(level=6), None),
    "reserved flag": ("malformed_traffic", 0x81, connect5(flags=3), connect3(flags=3)),
    "Will QoS 3": ("invalid_qos_level", 0x81, connect5(flags=0x1E, rest=b"\0" + string("open/w") + string("")),
                   connect3(flags=0x1E, rest=string("open/w") + string(""))),
    "Will QoS without Will": ("malformed_traffic", 0x81, connect5(flags=0x0A), connect3(flags=0x0A)),
    "a client identifier that is no UTF-8": ("malformed_traffic", 0x81, connect5(client_id=b"\xff"), connect3(client_id=b"\xff")),
    "a receive maximum of 0": ("protocol_error", 0x82, connect5(properties=b"\x21\0\0"), None),
    "a receive maximum twice": ("protocol_error", 0x82, connect5(properties=b"\x21\0\1" * 2), None),
    "a topic alias in CONNECT": ("malformed_traffic", 0x81, connect5(properties=b"\x23\0\1"), None),
    "bytes behind the payload": ("malformed_traffic", 0x81, connect5(rest=b"x"), connect3(rest=b"x")),
    "a CONNECT that is larger than is read": ("packet_too_large", 0x95, connect5(rest=b"x" * 70000),
                                              connect3(rest=b"x" * 70000)),
    "a CONNECT that is too large, of which nothing is there": ("packet_too_large", None, b"\x10\xff\xff\x7f", None),
}


@pytest.fixture(scope="module")
def node():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bastide-"))
    home = Home(folder)
    text = home.config.read_text().replace("  state_dir: state\n", "  state_dir: state\n  log_level: debug\n")
    home.config.write_text(text + "respond:\n  enforce: no\nlimits:\n  packet_bytes_max: 65536\n")
    home.start()
    yield home
    try:
        assert home.end() == 0, home.log_text()
        assert not SANITIZERS.search(home.log_text()), home.log_text()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def bystander(node):
    """Somebody who must not notice: publishes to itself on one connection all the time."""
    with Raw(node) as raw:
        raw.send(connect_packet("bystander", keepalive=0))  # silent while others do not need it
        assert raw.packet() == (0x20, b"\0\0")
        raw.send(packet(0x82, b"\0\1" + string("open/own") + b"\0"))
        assert raw.packet() == (0x90, b"\0\1\0")
        yield raw


def violations(node):
    found = re.findall(r'^bastide_violations_total\{violation="(\w+)"\} (\d+)$', node.ok("metrics"), re.M)
    return {name: int(n) for name, n in found if n != "0"}


def told(node, before, violation, log_from):
    """Counted under its name, and one line, which names no other."""
    wait_until(lambda: violations(node).get(violation, 0) > before.get(violation, 0), f"{violation} is counted")
    lines = [x for x in node.log_text()[log_from:].splitlines() if re.search(rf" flow: {SOURCE} .*: \w+: ", x)]
    assert len(lines) == 1 and f": {violation}: " in lines[0], lines
    assert len(lines[0].encode()) <= LOG_LINE_BYTES_MAX
    return lines[0]


def serves(bystander):
    bystander.send(publish_packet("open/own", b"still here"))
    assert bystander.packet() == (0x30, string("open/own") + b"still here")


def whole_packets(data):
    """First byte and body of each; a body is shorter than 16 KiB here."""
    while data:
        head, n = (2, data[1]) if data[1] < 0x80 else (3, (data[1] & 0x7F) | data[2] << 7)
        yield data[0], data[head:head + n]
        data = data[head + n:]


def cases(table):
    """(case, level), if the level has it."""
    return [pytest.param(name, level, id=f"{name}, {'5.0' if level == 5 else '3.1.1'}")
            for name, row in table.items() for level in (5, 4) if row[3 if level == 4 else 2] is not None]


@pytest.mark.parametrize("name, level", cases(CONNECTED))
def test_a_client_that_breaks_a_rule_is_told_which(node, bystander, name, level):
    violation, reason, *packets = CONNECTED[name]
    before, log_from = violations(node), len(node.log_text())
    with Raw(node, source=SOURCE) as raw:
        raw.send(connect_packet("breaker", level=level))
        assert raw.packet()[0] == 0x20
        raw.send(packets[0 if level == 5 else 1])
        rest = raw.rest_until_closed()
    if level == 5:  # the last packet is DISCONNECT with the reason
        *_, (first, body) = whole_packets(rest)
        assert first == 0xE0 and body[0] == reason, rest.hex()
    else:  # which 3.1.1 does not have
        assert rest == b""
    line = told(node, before, violation, log_from)
    assert level == 4 or line.endswith(f": {reason_and_properties(body)[1][REASON_STRING]}")
    serves(bystander)


@pytest.mark.parametrize("name, said", [
    ("a topic alias of 0", "Topic Alias is 0 in PUBLISH"),
    ("a message expiry twice", "Message Expiry Interval stands twice in PUBLISH"),
    ("a topic alias that stands for nothing", "Topic Alias stands for no topic in PUBLISH"),
    ("SUBSCRIBE without a filter", "no topic filter in SUBSCRIBE"),
    ("PUBREL without its flags", "reserved flags of the fixed header in PUBREL"),
])
def test_what_broke_the_rule_is_said_and_in_which_packet(node, name, said):
    with Raw(node, source=SOURCE) as raw:
        raw.send(connect_packet("breaker", level=5))
        assert raw.packet()[0] == 0x20
        raw.send(CONNECTED[name][2])
        assert next_disconnect(raw)[1][REASON_STRING] == said


@pytest.mark.parametrize("begin, looks", [
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "; it looks like a PROXY header"),
    (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12), "; it looks like a PROXY header"),
    (b"\x16\3\1\1\x50\1\0", "; it looks like TLS"),
    (b"GET / HTTP/1.1\r\n\r\n", "; it looks like HTTP"),
    (connect3(level=9), "not supported in CONNECT"),
])
def test_who_does_not_begin_as_a_client_is_in_the_log_with_what_it_looks_like(field, begin, looks):
    with Raw(field, source=SOURCE) as raw:
        raw.send(begin).rest_until_closed()
    line, = [x for x in field.log_text().splitlines() if SOURCE in x]
    assert re.search(rf' info flow: {SOURCE} -: listener "\w+": .*{looks}$', line), line


def test_of_many_who_do_not_begin_as_clients_a_few_are_in_the_log(site):
    text, n = re.subn(r"^  workers: \d+", "  workers: 1", site.config.read_text(), flags=re.M)
    assert n == 1
    site.config.write_text(text)
    site.start()
    for _ in range(30):
        with Raw(site, source=SOURCE) as raw:
            raw.send(b"\xc0\0").rest_until_closed()
    assert len([x for x in site.log_text().splitlines() if f" {SOURCE} -: " in x]) == 10
    assert site.end() == 0, site.log_text()


@pytest.mark.parametrize("name, level", cases(FIRST))
def test_who_does_not_begin_as_a_client_is_told_what_can_be_told(node, bystander, name, level):
    violation, reason, *packets = FIRST[name]
    before, log_from = violations(node), len(node.log_text())
    with Raw(node, source=SOURCE) as raw:
        rest = raw.send(packets[0 if level == 5 else 1]).rest_until_closed()
    if reason == 1:  # unacceptable protocol version, in the words of 3.1.1
        assert rest == b"\x20\2\0\1"
    elif reason is None or level == 4:
        assert rest == b""
    else:
        assert rest[0] == 0x20 and rest[3] == reason, rest.hex()
    line = told(node, before, violation, log_from)
    if reason in (0x81, 0x82) and level == 5:
        assert line.endswith(f": {reason_and_properties(rest[3:])[1][REASON_STRING]}")
    serves(bystander)
