# SPDX-License-Identifier: Apache-2.0
"""SCRAM-SHA-256-PLUS: a proof that is bound to its TLS connection (RFC 5802 section 6, RFC 9266)."""

import struct
import socket

import pytest
from OpenSSL import SSL  # Python's own ssl does not export what "tls-exporter" takes

from peer import PATIENCE_S, Raw, connect_packet, next_connack, next_disconnect, packet
from scram import AGAIN, AUTH_DATA, AUTH_METHOD, CONTINUE, METHOD, PLUS, Scram, auth_packet, auth_properties, next_auth

BAD_METHOD, NOT_AUTHORIZED, REFUSED = 0x8C, 0x87, 0x86


class Secure(Raw):
    def __init__(self, site, version=SSL.TLS1_3_VERSION):
        super().__init__(site, site.tls_port)
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.load_verify_locations(site.ca)
        context.set_verify(SSL.VERIFY_PEER, lambda *found: found[-1])
        context.set_max_proto_version(version)
        self.socket.settimeout(None)  # OpenSSL reads by itself, so the kernel has to give up in time
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE_S, 0))
        self.socket = SSL.Connection(context, self.socket)
        self.socket.set_connect_state()
        self.socket.do_handshake()
        self.channel = self.socket.export_keying_material(b"EXPORTER-Channel-Binding", 32)

    def _more(self):
        try:
            super()._more()
        except (SSL.ZeroReturnError, SSL.SysCallError) as end:
            raise EOFError("the node closed the connection") from end

    def rest_until_closed(self):
        try:
            while True:
                self._more()
        except EOFError:
            return self.received


@pytest.fixture
def node(site):
    site.start()
    yield site
    assert site.end() == 0, site.log_text()


def connect(data, method=PLUS):
    return connect_packet("prover", level=5, properties=auth_properties(data, method))


def prove(raw, site, channel, password=None):
    """Return the reason of CONNACK and its properties."""
    scram = Scram("alice", password or site.passwords["alice"], channel=channel)
    raw.send(connect(scram.hello()))
    reason, challenge = next_auth(raw, PLUS)
    assert reason == CONTINUE
    raw.send(auth_packet(CONTINUE, scram.answer(challenge), PLUS))
    reason, properties = next_connack(raw)
    if reason == 0:
        assert (properties[AUTH_METHOD], properties[AUTH_DATA]) == (PLUS, scram.expected)
    return reason


def test_a_proof_that_is_bound_to_its_connection_is_taken_and_may_be_given_again(node):
    with Secure(node) as raw:
        assert prove(raw, node, raw.channel) == 0
        scram = Scram("alice", node.passwords["alice"], channel=raw.channel)
        raw.send(auth_packet(AGAIN, scram.hello(), PLUS))
        _, challenge = next_auth(raw, PLUS)
        raw.send(auth_packet(CONTINUE, scram.answer(challenge), PLUS))
        assert next_auth(raw, PLUS) == (0, scram.expected)
        raw.send(packet(0xC0, b""))
        assert raw.packet() == (0xD0, b"")
        raw.send(auth_packet(AGAIN, Scram("alice", "").hello(), METHOD))
        assert next_disconnect(raw)[0] == 0x82


def test_the_right_password_on_another_connection_is_of_no_use(node):
    """As one in the middle would have it, who speaks TLS with both sides."""
    with Secure(node) as other, Secure(node) as raw:
        assert other.channel != raw.channel
        assert prove(raw, node, other.channel) == NOT_AUTHORIZED
        assert raw.rest_until_closed() == b""
    assert "somebody may be in between" in node.log_text()


def test_a_wrong_password_is_told_as_without_binding(node):
    with Secure(node) as raw:
        assert prove(raw, node, raw.channel, "not the secret of alice") == REFUSED


@pytest.mark.parametrize("method, hello, version, reason", [
    (PLUS, "n,,n=alice,r=abcdefgh", SSL.TLS1_3_VERSION, BAD_METHOD),
    (PLUS, "y,,n=alice,r=abcdefgh", SSL.TLS1_3_VERSION, BAD_METHOD),
    (PLUS, "p=tls-unique,,n=alice,r=abcdefgh", SSL.TLS1_3_VERSION, BAD_METHOD),
    (PLUS, "p=tls-exporter", SSL.TLS1_3_VERSION, 0x82),
    (METHOD, "p=tls-exporter,,n=alice,r=abcdefgh", SSL.TLS1_3_VERSION, BAD_METHOD),
    (METHOD, "y,,n=alice,r=abcdefgh", SSL.TLS1_3_VERSION, BAD_METHOD),  # it was told that there is no -PLUS
    (PLUS, "p=tls-exporter,,n=alice,r=abcdefgh", SSL.TLS1_2_VERSION, BAD_METHOD),
])
def test_what_does_not_bind_as_its_method_has_it_is_refused(node, method, hello, version, reason):
    with Secure(node, version) as raw:
        raw.send(connect(hello, method))
        assert next_connack(raw)[0] == reason
        assert raw.rest_until_closed() == b""


@pytest.mark.parametrize("hello, version", [("n,,n=alice,r=abcdefgh", SSL.TLS1_3_VERSION),
                                            ("y,,n=alice,r=abcdefgh", SSL.TLS1_2_VERSION)])
def test_who_cannot_bind_may_prove_without(node, hello, version):
    with Secure(node, version) as raw:
        raw.send(connect(hello, METHOD))
        assert next_auth(raw)[0] == CONTINUE
