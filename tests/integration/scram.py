# SPDX-License-Identifier: Apache-2.0
"""SCRAM-SHA-256 (RFC 5802, RFC 7677) and -PLUS (RFC 9266) of a client of MQTT 5.0, written from the standards."""

import base64
import hashlib
import hmac
import os

from peer import length, packet, reason_and_properties, string

METHOD = "SCRAM-SHA-256"
PLUS = "SCRAM-SHA-256-PLUS"
CONTINUE, AGAIN = 0x18, 0x19
AUTH_METHOD, AUTH_DATA = 0x15, 0x16


def digest(key, message):
    return hmac.digest(key, message, "sha256")


def text64(data):
    return base64.b64encode(data).decode()


class Scram:
    """One exchange."""

    def __init__(self, user, password, nonce=None, channel=None):
        """@channel: what the TLS connection exports, to bind to it."""
        self.header = b"n,," if channel is None else b"p=tls-exporter,,"
        self.channel = channel or b""
        self.password = password.encode()
        self.nonce = nonce or text64(os.urandom(18))
        name = user.replace("=", "=3D").replace(",", "=2C")
        self.bare = f"n={name},r={self.nonce}"

    def hello(self):
        return self.header.decode() + self.bare

    def answer(self, challenge):
        """Return client-final; keep what the server has to say in the end."""
        self.asked = dict(one.split("=", 1) for one in challenge.split(","))
        assert self.asked["r"].startswith(self.nonce) and len(self.asked["r"]) > len(self.nonce) + 16
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(self.asked["s"]),
                                     int(self.asked["i"]))
        client_key = digest(salted, b"Client Key")
        without_proof = f"c={text64(self.header + self.channel)},r=" + self.asked["r"]
        message = ",".join([self.bare, challenge, without_proof]).encode()
        signature = digest(hashlib.sha256(client_key).digest(), message)
        self.expected = "v=" + text64(digest(digest(salted, b"Server Key"), message))
        return without_proof + ",p=" + text64(bytes(a ^ b for a, b in zip(client_key, signature)))


# ---- packets ----


def auth_properties(data, method=METHOD):
    properties = bytes([AUTH_METHOD]) + string(method)
    return properties + (bytes([AUTH_DATA]) + string(data) if data is not None else b"")


def auth_packet(reason, data, method=METHOD):
    properties = auth_properties(data, method)
    return packet(0xF0, bytes([reason]) + length(len(properties)) + properties)


def next_auth(raw, method=METHOD):
    """The server's AUTH: its reason and its data."""
    first, body = raw.packet()
    assert first == 0xF0, f"{first:#x} {body.hex()}"
    reason, properties = reason_and_properties(body)
    assert properties.pop(AUTH_METHOD) == method
    data = properties.pop(AUTH_DATA)
    assert properties == {}
    return reason, data
