# SPDX-License-Identifier: Apache-2.0
"""Seeds: packets, connections and what carries them; the configuration, and the journal."""

V31, V311, V5 = 0, 1, 2


def family(index, level, flags, body):
    """An input of fuzz_family(): which type of the family, level, flags, body."""
    return bytes([level << 4 | index, flags]) + body


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return len(data).to_bytes(2, "big") + data


def change(what, file, offset, value):
    """One of fuzz_journal: set a byte, shorten, lengthen, remove, copy from another file."""
    return bytes([what, file]) + offset.to_bytes(4, "little") + bytes([value])


USER = b"\x26" + string("k") + string("v")
WILL = b"\x18\0\0\0\5\1\1\2\0\0\0\x3c\3" + string("text/plain") + b"\x08" + string("r/t") \
    + b"\x09" + string(b"\0\xff") + USER
PUBLISHED = b"\1\1\2\0\0\0\x3c\3" + string("text/plain") + b"\x08" + string("r/t") \
    + b"\x09" + string(b"\0\xff") + b"\x0b\x80\1\x0b\5\x23\0\1" + USER + USER
CONNECT = b"\x11\0\0\0\x3c\x15" + string("m") + b"\x16" + string("d") \
    + b"\x17\1\x19\0\x21\0\x0a\x22\0\x0a\x27\0\1\0\0" + USER
CONNACK = b"\x11\0\0\0\x3c\x12" + string("id") + b"\x13\0\x3c\x15" + string("m") + b"\x16" \
    + string("d") + b"\x1a" + string("i") + b"\x1c" + string("s") + b"\x1f" + string("why") \
    + b"\x21\0\x0a\x22\0\x0a\x24\1\x25\1\x27\0\1\0\0\x28\1\x29\0\x2a\1" + USER
REPLY = b"\x1f" + string("why") + USER
AUTH = b"\x15" + string("m") + b"\x16" + string("d") + REPLY
BYE = b"\x11\0\0\0\x3c\x1c" + string("s") + REPLY


def block(props):
    assert len(props) < 128
    return bytes([len(props)]) + props


def frame(first, payload, mask=b"\x37\xfa\x21\x3d"):
    """A WebSocket frame from a client."""
    n = len(payload)
    length = bytes([0x80 | n]) if n < 126 else b"\xfe" + n.to_bytes(2, "big")
    return bytes([first]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def opening(line="GET /mqtt HTTP/1.1", more="", protocol="mqtt"):
    """The request of a WebSocket."""
    return (f"{line}\r\nHost: node.example\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {protocol}\r\n{more}\r\n").encode()


def field(number, value):
    """A field of a protobuf: a varint or bytes."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def metric(name, text):
    """Of a Sparkplug B birth."""
    return field(2, field(1, name) + field(3, 7) + field(4, 12) + field(15, text))


PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n"
PROXY_V4 = bytes([192, 0, 2, 7, 198, 51, 100, 1, 0xc3, 0x50, 0x22, 0xb3])

# Steps and recipes of fuzz_node.c.
OPEN, RAW, MADE, LISTEN, TURN, TURNS, TIME, BREAK = range(8)
R_CONNECT, R_PUBLISH, R_SUBSCRIBE, R_ACK, R_UNSUBSCRIBE, R_PINGREQ, R_DISCONNECT = range(7)


def step(number, who, *more):
    return bytes([who << 3 | number, *more])


def made(who, recipe, a=0, b=0):
    return step(MADE, who, recipe, a, b) + step(TURNS, 0, 4)


def raw(who, data):
    return step(RAW, who, len(data)) + data + step(TURNS, 0, 4)


def joined(who, level5=True, kept=False, control=False, more=0, b=0):
    """Client c0 to c2 as paula; on the control listener as bea."""
    a = level5 | (not kept) << 1 | who << 2 | 0x10 | (0x40 if kept else 0) | more
    return step(OPEN, who, control) + made(who, R_CONNECT, a, b) + step(LISTEN, who)


def scram(data):
    return block(b"\x15" + string("SCRAM-SHA-256") + b"\x16" + string(data))


def scram_auth(reason, data):
    body = bytes([reason]) + scram(data)
    return bytes([0xf0, len(body)]) + body


SCRAM_HELLO = b"\0\4MQTT\5\2\0\x3c" + scram(b"n,,n=paula,r=abc") + string("c0")
SCRAM_CONNECT = bytes([0x10, len(SCRAM_HELLO)]) + SCRAM_HELLO

SEEDS = {
    "fuzz_node": {
        "qos": joined(0) + joined(1, level5=False) + made(1, R_SUBSCRIBE, 0, 2)
        + b"".join(made(0, R_PUBLISH, qos << 4, qos + 1) for qos in range(3)) + step(LISTEN, 1)
        + made(0, R_ACK, 2, 2) + made(1, R_ACK, 0, 0) + made(1, R_ACK, 1, 1) + made(1, R_ACK, 3, 1) + step(LISTEN, 0),
        "away": joined(0, kept=True) + made(0, R_SUBSCRIBE, 0, 1) + step(BREAK, 0, 1) + joined(1)
        + made(1, R_PUBLISH, 0x10, 0x20) + made(1, R_PUBLISH, 0x21, 1) + joined(0, kept=True) + step(TIME, 0, 20)
        + step(TURNS, 0, 4) + joined(0, kept=True) + made(0, R_DISCONNECT, 2, 0),
        "will": joined(2, control=True) + made(2, R_SUBSCRIBE, 7, 1) + joined(0, kept=True, more=0x80, b=0x41)
        + step(BREAK, 0, 1) + step(TURNS, 0, 4) + step(TIME, 0, 17) + step(TURNS, 0, 4) + step(LISTEN, 2),
        "shared": joined(0) + joined(1) + made(0, R_SUBSCRIBE, 0, 0x81) + made(1, R_SUBSCRIBE, 0, 0xc1) + joined(2)
        + b"".join(made(2, R_PUBLISH, 0x10, i) for i in range(4)) + step(BREAK, 0, 4) + made(2, R_PUBLISH, 0x10, 5)
        + step(LISTEN, 1),
        "alias": joined(0) + made(0, R_SUBSCRIBE, 1, 0x4c) + made(0, R_PUBLISH, 0x80, 1) + made(0, R_PUBLISH, 0x80, 5)
        + made(0, R_UNSUBSCRIBE, 1) + made(0, R_PINGREQ) + step(LISTEN, 0),
        "wrong_password": step(OPEN, 0, 0) + made(0, R_CONNECT, 0x31, 0) + step(LISTEN, 0),
        "taken_over": joined(0) + step(OPEN, 1, 0) + made(1, R_CONNECT, 0x13, 0) + step(LISTEN, 0) + step(LISTEN, 1),
        "bytes": step(OPEN, 0, 0) + raw(0, b"\x10\x0f\0\4MQTT\5\2\0\x3c\0\0\2c0") + raw(0, b"\x82\x09\0\1\0\0\3t/a\1")
        + raw(0, b"\x32\x09\0\3t/a\0\1\0x") + step(LISTEN, 0) + raw(0, b"\x40\2\0\1") + raw(0, b"\xf0\0"),
        "scram": step(OPEN, 0, 0) + raw(0, SCRAM_CONNECT) + step(LISTEN, 0)
        + raw(0, scram_auth(0x18, b"c=biws,r=abc,p=" + 43 * b"A" + b"=")) + step(LISTEN, 0),
        "scram_others": step(OPEN, 0, 0) + raw(0, SCRAM_CONNECT) + raw(0, b"\xc0\0") + step(LISTEN, 0)
        + step(OPEN, 1, 0) + raw(1, SCRAM_CONNECT) + raw(1, b"\xe0\0") + step(LISTEN, 1) + step(OPEN, 2, 0)
        + raw(2, SCRAM_CONNECT) + step(TIME, 0, 23) + step(TURNS, 0, 4) + step(LISTEN, 2),
        "small_packets": joined(0, b=0x33) + made(0, R_SUBSCRIBE, 0, 2) + b"".join(
            made(0, R_PUBLISH, 0x20, 0x80 | i) for i in range(6)) + step(LISTEN, 0),
    },
    "fuzz_connect": {
        "v5": family(0, V5, 0, b"\0\4MQTT\5\xf6\0\x3c" + block(CONNECT) + string("c") + block(WILL)
                     + string("w/t") + string("gone") + string("user") + string("secret")),
        "v5_small": family(0, V5, 0, b"\0\4MQTT\5\2\0\0\0\0\0"),
        "v311": family(0, V311, 0, b"\0\4MQTT\4\xe6\0\x3c" + string("c") + string("w/t")
                       + string("gone") + string("user") + string("secret")),
        "v31_missing": family(0, V31, 0, b"\0\6MQIsdp\3\xc2\0\x3c" + string("c") + string("user")),
        "connack_v5": family(1, V5, 0, b"\1\0" + block(CONNACK)),
        "connack_v311": family(1, V311, 0, b"\0\5"),
    },
    "fuzz_publish": {
        "v5": family(0, V5, 0xb, string("a/b") + b"\0\7" + block(PUBLISHED) + b"payload"),
        "v5_alias": family(0, V5, 0, b"\0\0\3\x23\0\1"),
        "v5_plain": family(0, V5, 0, string("a") + b"\0x"),
        "v311": family(0, V311, 4, string("a/b") + b"\0\7payload"),
    },
    "fuzz_ack": {
        "puback": family(0, V5, 0, b"\0\7"),
        "pubrec": family(1, V5, 0, b"\0\7\x97" + block(REPLY)),
        "pubrel": family(2, V311, 2, b"\0\7"),
        "pubrel_v31": family(2, V31, 0xa, b"\0\7"),
        "pubcomp": family(3, V5, 0, b"\0\7\x92"),
    },
    "fuzz_subscribe": {
        "subscribe": family(0, V5, 2, b"\0\7" + block(b"\x0b\xff\x7f" + USER) + string("a/+/#")
                            + b"\x2e" + string("$share/g/b") + b"\1"),
        "subscribe_v311": family(0, V311, 2, b"\0\7" + string("#") + b"\2"),
        "suback": family(1, V5, 0, b"\0\7" + block(REPLY) + b"\0\1\2\x87"),
        "suback_v311": family(1, V311, 0, b"\0\7\0\x80"),
        "unsubscribe": family(2, V5, 2, b"\0\7" + block(USER) + string("a/#") + string("b")),
        "unsuback": family(3, V5, 0, b"\0\7" + block(REPLY) + b"\0\x11"),
    },
    "fuzz_control": {
        "ping": family(0, V311, 0, b""),
        "disconnect": family(2, V5, 0, b"\x04" + block(BYE)),
        "disconnect_v311": family(2, V311, 0, b""),
        "auth": family(3, V5, 0, b"\x18" + block(AUTH)),
    },
    "fuzz_frame": {
        "session": bytes([V5]) + b"\x10\x0e\0\4MQTT\5\2\0\0\0" + string("c")
        + b"\x82\x07\0\1\0\0\1#\0" + b"\x32\x08\0\1t\0\2\0hi" + b"\x40\2\0\2" + b"\xc0\0\xe0\0",
        "old": bytes([V311]) + b"\x30\3\0\1t\x62\2\0\7\x90\3\0\1\2\xd0\0",
        "long": bytes([V311]) + b"\x30\x83\1\0\1t" + b"x" * 128,
        "half": bytes([V5]) + b"\x30\xff\xff\x7f",
    },
    "fuzz_props": {
        "published": PUBLISHED,
        "connack": CONNACK,
        "cut": USER + USER[:5],
    },
    "fuzz_topic": {
        "plain": b"a/b\0a/+\0a/b",
        "deep": b"a/+/#\0+/b/#\0a/b/c/d",
        "all": b"#\0+/#\0a//b",
        "dollar": b"$SYS/#\0#\0$SYS/x",
        "share": b"$share/g/a/#\0a\0a",
    },
    "fuzz_birth": {
        "node": field(1, 1) + metric(b"bdSeq", b"") + metric(b"Properties/Hardware Make", b"Acme")
        + metric(b"Properties/FW", b"1.4.2") + field(3, 0),
        "fixed": metric(b"Properties/OS", b"Linux") + b"\x09" + bytes(8) + b"\x0d" + bytes(4),
        "group": b"\x13\x14",
    },
    "fuzz_config": {
        "least": b"node: {name: n}\nlisteners: [{name: l, address: 127.0.0.1, port: 1883}]\n",
        "whole": b"""node:
  name: centre-1
  location: "Substation North, control room"
  workers: 2
  state_dir: state
  log_level: info
listeners:
  - name: field
    address: 0.0.0.0
    port: 8883
    plane: delivery
    anonymous: yes
    allow_plaintext_beyond_loopback: yes
  - name: control
    address: '::1'
    port: 8884
    plane: control
admin: {socket: run/admin.sock}
limits: {queue_messages_max: 10000, receive_max: 5}
roles:
  meter:
    allow:
      - publish: fmb/meter/${client_id}/#
      - publish_subscribe: a/b
    deny:
      - subscribe: "#"
    critical: no
    may_command: no
    control_plane: no
    messages_per_s_max: 0
    scan_factor: 1
command_topics:
  - fmb/command/#
anonymous_role: meter
detect: {startup_grace_s: 0, time_scale: 1.5}
respond: {enforce: yes}
assess: {attestations: attestations.json}
""",
        "tls": b"node: {name: n}\nlisteners:\n  - name: l\n    address: 0.0.0.0\n    port: 1\n"
        b"    tls: {certificate: a, key: b, client_ca: c, crl: d, client_certificate: required,"
        b" version_min: '1.3'}\n",
        "wrong": b"nod: x\nroles: {a b: {}, a: {allow: [{publish: '+/#/x', subscribe: y}, z]}}\n"
        b"limits: {receive_max: -1}\nlisteners: {}\na: &x !t *x\n",
        "users": b"uusers:\n  - name: m1\n    role: meter\n    certificate_cn: m1.grid\n"
        b"  - {name: m2, role: meter, disabled: yes, password: $argon2id$v=19$m=65536,t=2,p=1$"
        b"bm8tcGFzc3dvcmQtaGVyZQ$dGhpcyBpcyBubyBoYXNoLCBub3RoaW5nIG1hdGNoZXM}\n",
        "users_wrong": b"uusers: [{name: a, role: b}, {name: a, certificate_cn: '', role: meter}]\n",
    },
    "fuzz_ws": {
        "session": b"\7" + frame(0x82, b"\x10\x0e\0\4MQTT\5\2\0\0\0" + string("c")) + frame(0x89, b"are you there")
        + frame(0x02, b"\x30\x05") + frame(0x8a, b"") + frame(0x00, b"\0\1") + frame(0x80, b"thi")
        + frame(0x82, b"\xe0\0") + frame(0x88, b"\3\xe8bye"),
        "long": b"\1" + frame(0x82, b"x" * 300) + frame(0x82, b"") + frame(0x88, b""),
        "text": b"\0" + frame(0x82, b"\xc0\0") + frame(0x81, b"hello"),
        "unmasked": b"\0\x82\x02\xc0\0",
        "huge": b"\0\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff1234",
        "split_ping": b"\0" + frame(0x09, b"x"),
    },
    "fuzz_ws_opening": {
        "program": b"\0" + opening() + b"\x82\x80",
        "browser": b"\1" + opening(more="Origin: https://panel.example\r\n"),
        "loopback": b"\x80" + opening(more="Origin: http://[::1]:3000\r\n"),
        "elsewhere": b"\2" + opening(more="Origin: https://evil.example\r\n"),
        "whole_address": b"\0" + opening("GET http://node.example/mqtt?x HTTP/1.1", protocol="amqp, mqttv3.1"),
        "post": b"\0" + opening("POST /mqtt HTTP/1.1", "Content-Length: 1\r\n"),
        "path": b"\0" + opening("GET / HTTP/1.1"),
        "page": b"\0GET /mqtt HTTP/1.1\r\nHost: n\r\n\r\n",
        "folded": b"\0" + opening(more="A: b\r\n c\r\n"),
    },
    "fuzz_scram": {
        "exchange": b"n,,n=user,r=abc\nc=biws,r=abc0123456789,p=" + 43 * b"A" + b"=",
        "extensions": b"y,a=us=2Cer,n=us=2Cer,r=abc,x=y\nc=eSxhPXVzPTJDZXIs,r=abc0123456789,x=y,p=" + 43 * b"A" + b"=",
        "channel-binding": b"p=tls-exporter,,n=user,r=abc\n",
        "challenge": b"r=0123456789server,s=c2FsdA==,i=x\nv=" + 43 * b"A" + b"=",
        "verifier": b"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" + 43 * b"A" + b"=:" + 43 * b"A" + b"=",
    },
    "fuzz_proxy": {
        "v1_tcp4": b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 8883\r\n\x10\x0e",
        "v1_tcp6": b"PROXY TCP6 2001:db8::7 ::ffff:192.0.2.1 50000 8883\r\n",
        "v1_unknown": b"PROXY UNKNOWN what ever\r\n",
        "v2_tcp4": PROXY_V2 + b"\x21\x11\0\x13" + PROXY_V4 + b"\1\0\4mqtt\x10",
        "v2_checksum": PROXY_V2 + b"\x21\x11\0\x13" + PROXY_V4 + b"\3\0\4\x6d\x15\x95\x4a\x10",
        "v2_tls": PROXY_V2 + b"\x21\x11\0\x1e" + PROXY_V4 + b"\x20\0\x0f\1\0\0\0\0\x21\0\7TLSv1.3",
        "v2_tcp6": PROXY_V2 + b"\x21\x21\0\x24" + b" \1\r\xb8" + bytes(12) + b" \1\r\xb8" + bytes(12) + b"\0\1\0\2",
        "v2_local": PROXY_V2 + b"\x20\0\0\0",
        "v2_unix": PROXY_V2 + b"\x21\x31\0\xd8" + b"x" * 216,
        "v2_datagram": PROXY_V2 + b"\x21\x12\0\x0c" + PROXY_V4,
        "none": b"\x16\3\1\2\0\1",
    },
    "fuzz_journal": {
        "same": b"",
        "head": change(0, 1, 20, 7),
        "length": change(0, 0, 132, 1),
        "number": change(0, 2, 136, 9),
        "shortened": change(1, 0, 600, 0),
        "longer": change(2, 2, 0, 0) + change(2, 0, 0, 255),
        "gone": change(3, 1, 0, 0),
        "newest_gone": change(3, 2, 0, 0),
        "exchanged": change(4, 0, 0, 1),
        "spliced": change(4, 1, 128, 0),
    },
    "fuzz_utf8": {
        "ascii": b"fmb/meter/17/power",
        "mixed": "caf\u00e9 \u20ac \U0001f4a1 end".encode(),
        "surrogate": b"plain text \xed\xa0\x80",
        "zero": b"plain text\0",
    },
}
