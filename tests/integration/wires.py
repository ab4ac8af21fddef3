# SPDX-License-Identifier: Apache-2.0
"""Other ways to a node than TCP: WebSocket frames by hand, a relay to a unix socket, a proxy."""

import base64
import contextlib
import hashlib
import os
import select
import socket
import struct
import threading

from peer import PATIENCE_S, Raw

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
CONTINUATION = 0
NORMAL, PROTOCOL, NOT_BINARY = 1000, 1002, 1003
KEY = base64.b64encode(b"sixteen bytes ok").decode()


def accept_of(key):
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return base64.b64encode(digest).decode()


def request(line="GET /mqtt HTTP/1.1", without=(), **more):
    """The request that opens a WebSocket; @more: lines to add or replace, _ for -."""
    lines = {"Host": "node.example", "Upgrade": "websocket", "Connection": "Upgrade",
             "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Protocol": "mqtt"}
    lines.update({name.replace("_", "-"): value for name, value in more.items()})
    return "".join(f"{one}\r\n" for one in
                   [line, *(f"{k}: {v}" for k, v in lines.items() if k not in without), ""]).encode()


def frame(opcode, payload=b"", fin=True, mask=None):
    """A frame as a client sends it."""
    mask = os.urandom(4) if mask is None else mask
    n = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    if n < 126:
        head += bytes([0x80 | n])
    elif n < 65536:
        head += bytes([0xFE]) + struct.pack("!H", n)
    else:
        head += bytes([0xFF]) + struct.pack("!Q", n)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


class Web(Raw):
    """A WebSocket by hand.  packet() reads MQTT packets out of the frames of the node."""

    def __init__(self, port, opening=None, source=""):
        super().__init__(None, port, source)
        self.raw, self.pongs, self.code, self.reason = b"", [], None, b""
        if opening is not None:
            self.send(opening)
            self.head()

    def head(self):
        """Status and header fields of the answer."""
        while b"\r\n\r\n" not in self.raw:
            self._fill()
        head, self.raw = self.raw.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.fields = dict(line.split(": ", 1) for line in lines)
        return self.status

    def body(self):
        """What else comes until the node closes."""
        with contextlib.suppress(EOFError):
            while True:
                self._fill()
        return self.raw.decode()

    def _fill(self):
        self.socket.settimeout(PATIENCE_S)
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the node closed the connection")
        self.raw += data

    def _take(self, n):
        while len(self.raw) < n:
            self._fill()
        taken, self.raw = self.raw[:n], self.raw[n:]
        return taken

    def _more(self):
        """One frame more; MQTT bytes go to self.received."""
        first, second = self._take(2)
        assert not second & 0x80, "a server does not mask"
        n = second & 0x7F
        if n >= 126:
            n = int.from_bytes(self._take(2 if n == 126 else 8), "big")
        payload = self._take(n)
        if first == 0x80 | BINARY:
            self.received += payload
        elif first == 0x80 | PONG:
            self.pongs.append(payload)
        else:
            assert first == 0x80 | CLOSE, f"a frame {first:#x}"
            self.code = int.from_bytes(payload[:2], "big") if payload else None
            self.reason = payload[2:]
            raise EOFError("closed")

    def until_close(self):
        """The code of the Close frame; self.received is what came before it.  Then the end must come."""
        try:
            while True:
                self._more()
        except EOFError as end:
            assert str(end) == "closed", "no Close frame"
        assert self.body() == ""
        return self.code

    def until_pong(self):
        n = len(self.pongs)
        while len(self.pongs) == n:
            self._more()
        return self.pongs[-1]


class Relay:
    """Takes TCP connections on loopback and passes them on, @before first.  What socat would do."""

    def __init__(self, target, before=b""):
        self.target, self.before = target, before
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.stop_here, self.stop_there = socket.socketpair()
        self.thread.start()

    def _connect(self):
        if isinstance(self.target, int):
            there = socket.create_connection(("127.0.0.1", self.target))
        else:
            there = socket.socket(socket.AF_UNIX)
            there.connect(str(self.target))
        there.sendall(self.before)
        return there

    def _run(self):
        other = {}
        while True:
            ready, _, _ = select.select([self.listener, self.stop_here, *other], [], [])
            if self.stop_here in ready:
                break
            for one in ready:
                if one is self.listener:
                    here, there = one.accept()[0], self._connect()
                    other[here], other[there] = there, here
                elif one in other:
                    self._pass_on(one, other)
        for one in (self.listener, self.stop_here, *other):
            one.close()

    @staticmethod
    def _pass_on(one, other):
        try:
            data = one.recv(65536)
            other[one].sendall(data)
        except OSError:
            data = b""
        if not data:
            for end in (one, other[one]):
                end.close()
                del other[end]

    def close(self):
        self.stop_there.close()
        self.thread.join(PATIENCE_S)


# ---- PROXY headers ----

V2 = b"\r\n\r\n\0\r\nQUIT\n"


def proxy_v1(address, port=50000):
    family = "TCP6" if ":" in address else "TCP4"
    target = "::1" if ":" in address else "127.0.0.1"
    return f"PROXY {family} {address} {target} {port} 8883\r\n".encode()


def proxy_v2(address, port=50000, tlvs=b""):
    family, kind = (socket.AF_INET6, 0x21) if ":" in address else (socket.AF_INET, 0x11)
    target = "::1" if ":" in address else "127.0.0.1"
    body = socket.inet_pton(family, address) + socket.inet_pton(family, target) \
        + struct.pack("!HH", port, 8883) + tlvs
    return V2 + bytes([0x21, kind]) + struct.pack("!H", len(body)) + body


LOCAL = V2 + b"\x20\0\0\0"
UNKNOWN = b"PROXY UNKNOWN\r\n"
