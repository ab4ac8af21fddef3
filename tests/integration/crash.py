# SPDX-License-Identifier: Apache-2.0
"""A node that is killed under load again and again, and what must be true afterwards.

Publishers at QoS 1 and 2, receivers that are connected and one that is away; each message is unique, so
that what is lost and what comes twice is seen.  The clients keep their own state of QoS 2 and go on where
they were when the node is back.  (paho's do not, when it takes them more than one try to come back.)
"""

import collections
import os
import random
import signal
import socket
import struct
import threading
import time

from peer import PATIENCE_S, connect_packet, packet, publish_packet, subscribe_packet

INFLIGHT = 20
CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK = 2, 3, 4, 5, 6, 7, 9
DUP = 0x08
SETTINGS = """\
node:
  name: crash
  workers: {workers}
  durability: commit
  sys_interval_s: 0
listeners:
  - name: field
    address: 127.0.0.1
    port: {port}
    anonymous: yes
admin:
  socket: run/admin.sock
anonymous_role: guest
limits:
  queue_messages_max: 10000000
  queue_bytes_max: 4000000000
  retained_per_client_max: 1000000
  sessions_per_user_max: 1000000
roles:
  guest:
    allow:
      - publish_subscribe: "#"
"""


def prepare(home, workers=2):
    """A home that commits; the at-rest key is as `bastide init` makes it."""
    keys = home.folder / "keys"
    keys.mkdir(mode=0o700, exist_ok=True)
    key = keys / "at-rest.key"
    if not key.exists():
        key.write_text(f"bastide-at-rest-key-1 {os.urandom(32).hex()}\n")
        key.chmod(0o600)
    home.config.write_text(SETTINGS.format(port=home.port, workers=workers))


def wait_for(claim, what):
    end = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < end, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.05)  # between two questions; what ends the wait is the claim


class Client(threading.Thread):
    """Comes back by itself, with the session it had; one thread, which reads and answers."""

    def __init__(self, port, name):
        super().__init__(daemon=True)
        self.name, self.port = name, port
        self.socket, self.rest = None, b""
        self.joined, self.leaving = threading.Event(), threading.Event()

    def run(self):
        while not self.leaving.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port)) as self.socket:
                    self.rest = b""
                    self.send(connect_packet(self.name, clean=False, keepalive=0))
                    while True:
                        self.take(*self.read())
            except OSError:
                time.sleep(0.02)  # the node is down: a device tries again, but not without a pause

    def send(self, data):
        self.socket.sendall(data)

    def more(self, n):
        while len(self.rest) < n:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("closed")
            self.rest += data

    def read(self):
        """The next packet: first byte and body."""
        size, shift, at = 0, 0, 1
        while True:
            self.more(at + 1)
            digit = self.rest[at]
            size, shift, at = size | (digit & 0x7F) << shift, shift + 7, at + 1
            if digit < 0x80:
                break
        self.more(at + size)
        first, body = self.rest[0], self.rest[at:at + size]
        self.rest = self.rest[at + size:]
        return first, body

    def take(self, first, body):
        if first >> 4 == CONNACK:
            assert body[1] == 0, f"{self.name}: refused: {body[1]}"
            self.resume()
            self.joined.set()
        else:
            self.answer(first, body)

    def join_node(self):
        self.start()
        assert self.joined.wait(PATIENCE_S), f"{self.name}: no CONNACK"
        return self

    def leave(self):
        self.leaving.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.join(PATIENCE_S)

    def resume(self):
        pass


def ack(kind, packet_id):
    return packet(kind << 4 | (2 if kind == PUBREL else 0), struct.pack("!H", packet_id))


class Receiver(Client):
    def __init__(self, port, name, topic, qos, before=None):
        super().__init__(port, name)
        self.topic, self.qos = topic, qos
        self.subscribed = threading.Event()
        self.got = before.got if before else collections.Counter()
        self.order = before.order if before else collections.defaultdict(list)
        self.unreleased = before.unreleased if before else set()

    def again(self):
        """The same client, state and all, on another network connection."""
        return type(self)(self.port, self.name, self.topic, self.qos, before=self)

    def deliver(self, text):
        name, number = text.split(":")
        if text not in self.got:
            self.order[name].append(int(number))
        self.got[text] += 1  # the last thing: it is what others wait for

    def answer(self, first, body):
        kind = first >> 4
        if kind == SUBACK:
            self.subscribed.set()
        elif kind == PUBREL:
            packet_id, = struct.unpack("!H", body[:2])
            self.send(ack(PUBCOMP, packet_id))
            self.unreleased.discard(packet_id)
        elif kind == PUBLISH:
            qos, at = first >> 1 & 3, 2 + struct.unpack("!H", body[:2])[0]
            packet_id = struct.unpack("!H", body[at:at + 2])[0] if qos else None
            text = body[at + (2 if qos else 0):].decode()
            if qos < 2 or packet_id not in self.unreleased:
                self.deliver(text)
            if qos == 2:
                self.unreleased.add(packet_id)
            if qos:
                self.send(ack(PUBACK if qos == 1 else PUBREC, packet_id))

    def subscribe(self):
        self.send(subscribe_packet(self.topic, qos=self.qos))
        assert self.subscribed.wait(PATIENCE_S), f"{self.name}: no SUBACK"
        return self


class Publisher(Client):
    def __init__(self, port, name, topic, qos, retain=False):
        super().__init__(port, name)
        self.topic, self.qos, self.retain = topic, qos, retain
        self.acknowledged = set()
        self.under_way = collections.OrderedDict()  # packet id: text, or None when PUBREC has come
        self.n = self.last_id = 0
        self.stopping = threading.Event()

    def publish(self, packet_id, text, dup=0):
        data = publish_packet(self.topic, text.encode(), self.qos, packet_id, self.retain)
        self.send(bytes([data[0] | dup]) + data[1:])

    def resume(self):
        for packet_id, (text, released) in self.under_way.items():
            if released:
                self.send(ack(PUBREL, packet_id))
            else:
                self.publish(packet_id, text, DUP)
        self.fill()

    def fill(self):
        while len(self.under_way) < INFLIGHT and not self.stopping.is_set():
            self.last_id = self.last_id % 65535 + 1
            text = f"{self.name}:{self.n}"
            self.n += 1
            self.under_way[self.last_id] = (text, False)
            self.publish(self.last_id, text)

    def answer(self, first, body):
        packet_id, = struct.unpack("!H", body[:2])
        text, _ = self.under_way.get(packet_id, (None, None))
        if first >> 4 == PUBREC:
            if text is not None:
                self.under_way[packet_id] = (text, True)
            self.send(ack(PUBREL, packet_id))
        elif text is not None:
            del self.under_way[packet_id]
            self.acknowledged.add(text)
        self.fill()

    def stop(self):
        """When all that was published is acknowledged."""
        self.stopping.set()
        wait_for(lambda: not self.under_way, f"{self.name}: acknowledgements")
        self.leave()


class Crash:
    """@home: of conftest.py"""

    def __init__(self, home, seed):
        self.home, self.chance = home, random.Random(seed)
        port = home.port
        self.on = [Receiver(port, "on1", "load/#", 1), Receiver(port, "on2", "load/#", 2)]
        self.away = Receiver(port, "away", "load/+/2", 2)
        self.publishers = [Publisher(port, f"p{i}", f"load/{i}/{qos}", qos)
                           for i, qos in enumerate([1, 2, 1, 2, 2])]
        self.retainer = Publisher(port, "retainer", "kept/value", 1, retain=True)

    def run(self, cycles):
        self.home.start()
        for receiver in [*self.on, self.away]:
            receiver.join_node().subscribe()
        self.away.leave()
        for publisher in [*self.publishers, self.retainer]:
            publisher.join_node()
        for _ in range(cycles):
            time.sleep(self.chance.uniform(0.05, 0.6))  # the kill has to hit any moment, by the seed
            self.home.end(signal.SIGKILL)
            prepare(self.home, workers=self.chance.choice([1, 2, 2, 3]))
            self.home.start()
            if self.chance.random() < 0.2:  # the one that is away looks in, and may be cut off
                self.away = self.away.again().join_node()
                time.sleep(self.chance.uniform(0, 0.1))  # it leaves at any moment, too
                self.away.leave()
        for publisher in [*self.publishers, self.retainer]:
            publisher.stop()
        self.away = self.away.again().join_node()

    def acknowledged(self, qos=None):
        return {text for p in self.publishers if qos in (None, p.qos) for text in p.acknowledged}

    def check(self):
        everything, exactly = self.acknowledged(), self.acknowledged(2)
        wait_for(lambda: everything <= set(self.on[0].got), "all at the receiver at QoS 1")
        wait_for(lambda: everything <= set(self.on[1].got), "all at the receiver at QoS 2")
        wait_for(lambda: exactly <= set(self.away.got), "all at the receiver that was away")
        for receiver in [self.on[1], self.away]:
            twice = {text for text in exactly if receiver.got[text] > 1}
            assert not twice, f"{receiver.name} got twice at QoS 2: {sorted(twice)[:10]}"
            for name, numbers in receiver.order.items():
                if self.publishers[int(name[1:])].qos == 2:
                    assert numbers == sorted(numbers), f"{receiver.name}: {name} out of order"
            wait_for(lambda: not receiver.unreleased, f"{receiver.name}: all PUBRELs")
        late = Receiver(self.home.port, "late", "kept/#", 1).join_node().subscribe()
        wait_for(lambda: late.got, "the retained message")
        last = max(int(text.split(":")[1]) for text in self.retainer.acknowledged)
        assert late.order["retainer"] == [last], "the retained message is the last acknowledged one"
        for client in [late, self.away, *self.on]:
            client.leave()
        return len(everything)
