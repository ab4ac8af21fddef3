# SPDX-License-Identifier: Apache-2.0
"""MQTT clients that we did not write: paho, the mosquitto tools, and bytes by hand."""

import contextlib
import queue
import socket
import ssl
import struct
import subprocess
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE_S = 90  # for what hangs, on a machine that is slow and busy; nothing is timed by it
V311, V5 = mqtt.MQTTv311, mqtt.MQTTv5


def code(reason):
    return getattr(reason, "value", reason)


class Peer:
    """A paho client; each call waits for the event that answers it."""

    def __init__(self, site, client_id, user="alice", version=V5, tls=False, certificate=None,
                 password=None, keepalive=60, source="", will=None, will_delay=None,
                 host="127.0.0.1", port=None, transport="tcp"):
        more = {} if version == V5 else {"clean_session": True}
        self.site, self.version, self.keepalive, self.source = site, version, keepalive, source
        self.tls, self.host, self.port = tls, host, port
        self.messages = queue.Queue()
        self.connack = self.flags = self.disconnect = self.granted = None
        self.settled, self.disconnected = threading.Event(), threading.Event()
        self.answered = threading.Event()
        self.paho = mqtt.Client(client_id, protocol=version, transport=transport, **more)
        self.paho.max_inflight_messages_set(50)
        self.paho.reconnect_delay_set(3600, 3600)
        self.paho.on_connect = self.on_connect
        self.paho.on_disconnect = self.on_disconnect
        self.paho.on_subscribe = self.on_subscribe
        self.paho.on_unsubscribe = lambda *_: self.answered.set()
        self.paho.on_message = lambda _client, _data, message: self.messages.put(message)
        if user is not None and certificate is None:
            self.paho.username_pw_set(user, password or site.passwords[user])
        if tls:
            files = certificate or (None, None)
            self.paho.tls_set(ca_certs=site.ca, certfile=files[0], keyfile=files[1],
                              tls_version=ssl.PROTOCOL_TLS_CLIENT)
        if will is not None:
            topic, payload, qos, retain = will
            properties = None
            if will_delay is not None:
                properties = Properties(PacketTypes.WILLMESSAGE)
                properties.WillDelayInterval = will_delay
            self.paho.will_set(topic, payload, qos, retain, properties)

    def on_connect(self, _client, _data, flags, reason, properties=None):
        self.connack, self.flags, self.properties = code(reason), flags, properties
        self.settled.set()

    def on_disconnect(self, _client, _data, reason, _properties=None):
        self.disconnect = code(reason)
        self.ended_at = time.monotonic()
        self.disconnected.set()
        self.settled.set()

    def on_subscribe(self, _client, _data, _mid, granted, _properties=None):
        self.granted = [code(one) for one in granted]
        self.answered.set()

    def connect(self, clean=True, expiry_s=0):
        """Return the reason code of CONNACK, or None when the node closed without one."""
        more = {}
        if self.version == V5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = expiry_s
            more = {"clean_start": clean, "properties": properties}
        else:
            self.paho._clean_session = clean
        self.connack = None
        self.settled.clear()
        self.disconnected.clear()
        port = self.port or (self.site.tls_port if self.tls else self.site.port)
        self.paho.connect(self.host, port, self.keepalive, bind_address=self.source, **more)
        self.paho.loop_start()
        assert self.settled.wait(PATIENCE_S), "neither CONNACK nor an end"
        return self.connack

    def join(self, clean=True, expiry_s=0):
        assert self.connect(clean, expiry_s) == 0
        return self

    @property
    def session_present(self):
        return bool(self.flags["session present"])

    def subscribe(self, *filters, qos=1):
        """Return the granted QoS, or the reason why not, of each filter."""
        self.answered.clear()
        self.paho.subscribe([(one, qos) for one in filters] if self.version != V5 else
                            [(one, mqtt.SubscribeOptions(qos)) for one in filters])
        assert self.answered.wait(PATIENCE_S), "no SUBACK"
        return self.granted

    def subscribe_as(self, identifier, one, qos=1):
        """The same of one filter, with a Subscription Identifier."""
        properties = Properties(PacketTypes.SUBSCRIBE)
        properties.SubscriptionIdentifier = identifier
        self.answered.clear()
        self.paho.subscribe([(one, mqtt.SubscribeOptions(qos))], properties=properties)
        assert self.answered.wait(PATIENCE_S), "no SUBACK"
        return self.granted

    def read(self, *filters, qos=1):
        """Subscribe, and be granted it."""
        assert self.subscribe(*filters, qos=qos) == [qos] * len(filters)
        return self

    def unsubscribe(self, one):
        self.answered.clear()
        self.paho.unsubscribe(one)
        assert self.answered.wait(PATIENCE_S), "no UNSUBACK"

    def publish(self, topic, payload, qos=1, retain=False):
        """Return when it is acknowledged, or at QoS 0 sent."""
        self.paho.publish(topic, payload, qos, retain).wait_for_publish(PATIENCE_S)

    def next(self, within_s=PATIENCE_S):
        return self.messages.get(timeout=within_s)

    def texts(self, n):
        return [self.next().payload.decode() for _ in range(n)]

    def nothing(self):
        """Nothing more came; to be asked after a later message has come."""
        return self.messages.empty()

    def leave(self):
        self.paho.disconnect()
        assert self.disconnected.wait(PATIENCE_S)
        self.paho.loop_stop()

    def drop(self):
        """Break the connection without DISCONNECT."""
        self.paho.socket().shutdown(socket.SHUT_RDWR)
        assert self.disconnected.wait(PATIENCE_S)
        self.paho.loop_stop()

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()


# ---- the mosquitto tools ----


def mosquitto(tool, site, *words, tls=False, user="alice", **more):
    """Start mosquitto_pub or mosquitto_sub; return the process."""
    where = ["-h", "localhost", "-p", str(site.tls_port if tls else site.port)]
    if tls:
        where += ["--cafile", site.ca]
    if user is not None:
        where += ["-u", user, "-P", site.passwords[user]]
    return subprocess.Popen([f"mosquitto_{tool}", *where, *words], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **more)


def mosquitto_pub(site, *words, **more):
    process = mosquitto("pub", site, *words, **more)
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out + err


# ---- bytes by hand ----


def string(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("!H", len(data)) + data


def length(n):
    out = b""
    while True:
        n, digit = n >> 7, n & 0x7F
        out += bytes([digit | (0x80 if n else 0)])
        if not n:
            return out


def packet(first, body):
    return bytes([first]) + length(len(body)) + body


def connect_packet(client_id, user=None, password=None, level=4, clean=True, keepalive=60,
                   properties=b""):
    flags = (2 if clean else 0) | (0xC0 if user is not None else 0)
    body = string("MQTT") + bytes([level, flags]) + struct.pack("!H", keepalive)
    if level == 5:
        body += length(len(properties)) + properties
    body += string(client_id)
    if user is not None:
        body += string(user) + string(password)
    return packet(0x10, body)


def publish_packet(topic, payload, qos=0, packet_id=0, retain=False):
    body = string(topic) + (struct.pack("!H", packet_id) if qos else b"") + payload
    return packet(0x30 | qos << 1 | retain, body)


def subscribe_packet(filter_, qos, packet_id=1):
    return packet(0x82, struct.pack("!H", packet_id) + string(filter_) + bytes([qos]))


# Properties by their form: how many bytes, or what ends them.
FORMS = {0x01: 1, 0x17: 1, 0x19: 1, 0x24: 1, 0x25: 1, 0x28: 1, 0x29: 1, 0x2A: 1,
         0x13: 2, 0x21: 2, 0x22: 2, 0x23: 2, 0x02: 4, 0x11: 4, 0x18: 4, 0x27: 4}


def properties_of(data):
    """{identifier: value}; user properties are not looked at."""
    found = {}
    while data:
        name, data = data[0], data[1:]
        if name in FORMS:
            n = FORMS[name]
            found[name], data = int.from_bytes(data[:n], "big"), data[n:]
        else:
            n = struct.unpack("!H", data[:2])[0]
            found[name], data = data[2:2 + n].decode(), data[2 + n:]
    return found


def varint(data):
    """A Variable Byte Integer in front of data, and how many bytes it has."""
    n = at = 0
    while True:
        n |= (data[at] & 0x7F) << 7 * at
        at += 1
        if not data[at - 1] & 0x80:
            return n, at


def reason_and_properties(body):
    """Of AUTH and DISCONNECT, and of CONNACK behind its first byte."""
    if len(body) < 2:
        return (body[0] if body else 0), {}
    n, at = varint(body[1:])
    assert len(body) == 1 + at + n
    return body[0], properties_of(body[1 + at:])


class Raw:
    """A TCP connection that says what it is told."""

    def __init__(self, site, port=None, source=""):
        self.socket = socket.create_connection(("127.0.0.1", port or site.port), PATIENCE_S, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is sent has left before a reset
        self.received = b""

    def send(self, data):
        self.socket.sendall(data)
        return self

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the node closed the connection")
        self.received += data

    def packet(self):
        """The next whole packet: its first byte and its body."""
        while True:
            n = shift = 0
            for i, digit in enumerate(self.received[1:5], 1):
                n |= (digit & 0x7F) << shift
                shift += 7
                if not digit & 0x80:
                    if len(self.received) > i + n:
                        first, body = self.received[0], self.received[i + 1:i + 1 + n]
                        self.received = self.received[i + 1 + n:]
                        return first, body
                    break
            self._more()

    def join(self, site, client_id, user="alice", **more):
        self.send(connect_packet(client_id, user, site.passwords[user], **more))
        first, body = self.packet()
        assert first == 0x20 and body[1] == 0
        return bool(body[0] & 1)

    def rest_until_closed(self):
        """What comes until the node closes; fails if it does not."""
        self.socket.settimeout(PATIENCE_S)
        try:
            while True:
                self._more()
        except (EOFError, ConnectionResetError, BrokenPipeError):
            return self.received

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def next_connack(raw):
    """Its reason and its properties, of MQTT 5.0; as does what follows."""
    first, body = raw.packet()
    assert first == 0x20, f"{first:#x} {body.hex()}"
    return reason_and_properties(body[1:])


def next_disconnect(raw):
    first, body = raw.packet()
    assert first == 0xE0, f"{first:#x} {body.hex()}"
    return reason_and_properties(body)


@contextlib.contextmanager
def guesses(site, n=15, client_id=lambda i: f"guesser-{i}", source="127.0.0.9"):
    """Passwords of alice, all at once; who is made to wait for an answer need not be waited for."""
    with contextlib.ExitStack() as all_of_them:
        for i in range(n):
            raw = all_of_them.enter_context(Raw(site, source=source))
            raw.send(connect_packet(client_id(i), "alice", f"guess {i}"))
        yield
