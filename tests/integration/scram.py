# SPDX-License-Identifier: Apache-2.0
"""SCRAM-SHA-256 (RFC 5802, RFC 7677) of a client of MQTT 5.0, written from the standards."""

import base64
import hashlib
import hmac
import os
import struct

from peer import length, packet, string

METHOD = "SCRAM-SHA-256"
CONTINUE, AGAIN = 0x18, 0x19
AUTH_METHOD, AUTH_DATA = 0x15, 0x16
# Properties by their form: how many bytes, or what ends them.
FORMS = {0x01: 1, 0x17: 1, 0x19: 1, 0x24: 1, 0x25: 1, 0x28: 1, 0x29: 1, 0x2A: 1,
         0x13: 2, 0x21: 2, 0x22: 2, 0x23: 2, 0x02: 4, 0x11: 4, 0x18: 4, 0x27: 4}


def digest(key, message):
    return hmac.digest(key, message, "sha256")


def text64(data):
    return base64.b64encode(data).decode()


class Scram:
    """One exchange."""

    def __init__(self, user, password, nonce=None):
        self.password = password.encode()
        self.nonce = nonce or text64(os.urandom(18))
        name = user.replace("=", "=3D").replace(",", "=2C")
        self.bare = f"n={name},r={self.nonce}"

    def hello(self):
        return "n,," + self.bare

    def answer(self, challenge):
        """Return client-final; keep what the server has to say in the end."""
        self.asked = dict(one.split("=", 1) for one in challenge.split(","))
        assert self.asked["r"].startswith(self.nonce) and len(self.asked["r"]) > len(self.nonce) + 16
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(self.asked["s"]),
                                     int(self.asked["i"]))
        client_key = digest(salted, b"Client Key")
        without_proof = "c=biws,r=" + self.asked["r"]
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


def reason_and_properties(body):
    """Of AUTH and DISCONNECT, and of CONNACK behind its first byte."""
    if len(body) < 2:
        return (body[0] if body else 0), {}
    n, at, shift = 0, 1, 0
    while True:
        n |= (body[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not body[at - 1] & 0x80:
            break
    assert len(body) == at + n
    return body[0], properties_of(body[at:])


def next_auth(raw):
    """The server's AUTH: its reason and its data."""
    first, body = raw.packet()
    assert first == 0xF0, f"{first:#x} {body.hex()}"
    reason, properties = reason_and_properties(body)
    assert properties.pop(AUTH_METHOD) == METHOD
    data = properties.pop(AUTH_DATA)
    assert properties == {}
    return reason, data


def next_connack(raw):
    first, body = raw.packet()
    assert first == 0x20, f"{first:#x} {body.hex()}"
    return reason_and_properties(body[1:])


def next_disconnect(raw):
    first, body = raw.packet()
    assert first == 0xE0, f"{first:#x} {body.hex()}"
    return reason_and_properties(body)[0]
