# SPDX-License-Identifier: Apache-2.0
"""A home whose node has a listener of each kind, and what its tests share."""

import re

import pytest

from conftest import SANITIZERS, free_port
from peer import connect_packet
from wires import BINARY, Relay, Web, frame, request

DISCONNECT, MALFORMED, PROTOCOL_ERROR = 0xE0, 0x81, 0x82
TLS = "{certificate: pki/server.crt, key: pki/server.key, client_ca: pki/ca.crt, crl: pki/ca.crl}"
LISTENERS = f"""
  - {{name: web, address: 127.0.0.1, port: @web, websocket: yes}}
  - {{name: panel, address: 127.0.0.1, port: @panel, websocket: yes, websocket_path: /panel,
     websocket_origins: ['https://panel.example']}}
  - {{name: secure-web, address: 127.0.0.1, port: @secure_web, websocket: yes, tls: {TLS}}}
  - {{name: six, address: '::1', port: @six}}
  - {{name: socket, address: 'unix:run/mqtt.sock'}}
  - {{name: behind, address: 127.0.0.1, port: @behind, proxy_protocol: yes, proxy_trusted: [127.0.0.0/8]}}
  - {{name: behind-tls, address: 127.0.0.1, port: @behind_tls, proxy_protocol: yes,
     proxy_trusted: ['::1', 127.0.0.1], websocket: yes, tls: {TLS}}}
  - {{name: untrusting, address: 127.0.0.1, port: @untrusting, proxy_protocol: yes,
     proxy_trusted: [192.0.2.1]}}
  - {{name: behind-socket, address: 'unix:run/proxy.sock', proxy_protocol: yes}}
"""


@pytest.fixture
def wires(site):
    """A home whose node has a listener of each kind; their ports are in .ports.  Not started."""
    site.ports = {name: free_port() for name in re.findall(r"@(\w+)", LISTENERS)}
    text = re.sub(r"@(\w+)", lambda m: str(site.ports[m[1]]), LISTENERS)
    site.change("\nlisteners:\n", "\nlisteners:\n" + text.lstrip("\n"))
    # all that is said of those who have not connected, not ten lines a minute
    limit(site, "log_level", "debug")
    site.unix = site.folder / "run/mqtt.sock"
    yield site


@pytest.fixture
def air(wires):
    """Its node runs, and has to end in order."""
    wires.start()
    yield wires
    if wires.process is not None:
        assert wires.end() == 0, wires.log_text()
    assert not SANITIZERS.search(wires.log_text()), wires.log_text()


@pytest.fixture
def hasty(wires):
    """Named before `air`: who is slow to say who it is, is closed soon."""
    limit(wires, "connect_timeout_ms", 1500)


@pytest.fixture
def relay():
    made = []

    def make(*words):
        made.append(Relay(*words))
        return made[-1].port

    yield make
    for one in made:
        one.close()


def limit(site, name, value):
    text, n = re.subn(rf"^  {name}: .*$", f"  {name}: {value}", site.config.read_text(), flags=re.M)
    assert n == 1
    site.config.write_text(text)


def events(site, kind):
    return site.json("status")["events"][kind]


def joined_web(site, client_id, **more):
    web = Web(site.ports["web"], request())
    assert web.status == 101
    web.send(frame(BINARY, connect_packet(client_id, "alice", site.passwords["alice"], **more)))
    first, body = web.packet()
    assert (first, body[1]) == (0x20, 0)
    return web
