# SPDX-License-Identifier: Apache-2.0
"""The ways to a node besides TCP and TLS: WebSocket, unix socket, PROXY header, IPv6; SNI and ALPN."""

import os
import random
import re
import select
import signal
import socket
import ssl
import stat

import pytest

from conftest import SANITIZERS, free_port, wait_until
from peer import PATIENCE_S, V5, V311, Raw, connect_packet, mosquitto, mosquitto_pub, \
    publish_packet, subscribe_packet
from wires import BINARY, CLOSE, CONTINUATION, KEY, LOCAL, NORMAL, NOT_BINARY, PING, PONG, PROTOCOL, \
    TEXT, TOO_BIG, UNKNOWN, Relay, Web, accept_of, frame, proxy_v1, proxy_v2, request

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


# ---- WebSocket ----


@pytest.mark.parametrize("name", ["web", "secure_web"], ids=["ws", "wss"])
@pytest.mark.parametrize("version", [V311, V5], ids=["v311", "v5"])
def test_paho_speaks_websocket(air, peer, name, version):
    there = {"port": air.ports[name], "tls": name == "secure_web", "transport": "websockets",
             "version": version}
    one = peer(air, "one", **there).join()
    two = peer(air, "two", user="bob").join()
    for qos in (0, 1, 2):
        for a, b, topic in ((one, two, "test/to/two"), (two, one, "test/to/one")):
            b.read(topic, qos=qos)
            a.publish(topic, f"at {qos}", qos=qos)
            message = b.next()
            assert (message.payload, message.qos) == (f"at {qos}".encode(), qos)
    assert air.json("clients", "one")["listener"] == name.replace("_", "-")
    one.leave()
    wait_until(lambda: not any(c["client_id"] == "one" and c["connected"]
                               for c in air.json("clients")), "one is gone")


@pytest.mark.parametrize("name", ["web", "secure_web"], ids=["ws", "wss"])
def test_a_large_message_comes_whole_over_websocket(air, peer, name):
    payload = bytes(range(256)) * 3900
    there = {"port": air.ports[name], "tls": name == "secure_web", "transport": "websockets"}
    reader = peer(air, "reader", **there).join().read("test/large", qos=2)
    peer(air, "writer", user="bob", **there).join().publish("test/large", payload, qos=2)
    assert reader.next().payload == payload


def mqtt_stream(site):
    """A client's whole life, without what the node has to be waited for."""
    packets = [connect_packet("split", "alice", site.passwords["alice"]), subscribe_packet("test/split", 0)]
    packets += [publish_packet("test/split", bytes([65 + i]) * i * 40) for i in range(20)]
    return b"".join(packets)


def expect_all(web):
    assert web.packet()[1] == b"\0\0"
    assert web.packet()[0] == 0x90
    for i in range(20):
        assert web.packet()[1] == b"\0\x0atest/split" + bytes([65 + i]) * i * 40


def in_frames(data, sizes):
    """@data in binary messages of one frame and of several, of these sizes over and over."""
    out, at, i = b"", 0, 0
    begun = False
    while at < len(data):
        n = sizes[i % len(sizes)]
        last = i % 3 != 0 or at + n >= len(data)
        out += frame(CONTINUATION if begun else BINARY, data[at:at + n], fin=last)
        begun = not last
        at += n
        i += 1
    return out


# [MQTT5-6.0.0-2] [MQTT3-6.0.0-2]
@pytest.mark.parametrize("sizes", [[1], [100000], [3, 0, 70, 1, 5000], [2, 127, 126, 125]],
                         ids=["a byte each", "one frame", "any", "around 126"])
def test_packets_may_be_split_and_joined_by_frames(air, sizes):
    with Web(air.ports["web"], request()) as web:
        web.send(in_frames(mqtt_stream(air), sizes))
        expect_all(web)


def test_frames_may_be_split_and_joined_by_the_network(air):
    dice = random.Random(6455)
    for most in (1, 7, 200, 70000):
        with Web(air.ports["web"]) as web:
            web.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            data = request() + in_frames(mqtt_stream(air), [1, 300, 20, 4000])
            while data:
                n = dice.randint(1, most)
                web.send(data[:n])
                data = data[n:]
            assert web.head() == 101
            expect_all(web)


def test_the_answer_proves_that_the_request_was_understood(air):
    with Web(air.ports["web"], request()) as web:
        assert web.status == 101
        assert web.fields["Sec-WebSocket-Accept"] == accept_of(KEY)
        assert web.fields["Sec-WebSocket-Protocol"] == "mqtt"  # [MQTT5-6.0.0-4] [MQTT3-6.0.0-4]
        assert "Sec-WebSocket-Extensions" not in web.fields
    with Web(air.ports["web"], request(Sec_WebSocket_Protocol="mqttv3.1, x")) as web:
        assert (web.status, web.fields["Sec-WebSocket-Protocol"]) == (101, "mqttv3.1")


REFUSALS = {
    "another path": (request("GET / HTTP/1.1"), 404, "another path"),
    "another method": (request("PUT /mqtt HTTP/1.1"), 405, "only GET"),
    "a page that is fetched": (b"GET /mqtt HTTP/1.1\r\nHost: n\r\n\r\n", 426, "MQTT over WebSocket"),
    "another version": (request(Sec_WebSocket_Version="12"), 426, "version 13"),
    "no key": (request(without=["Sec-WebSocket-Key"]), 400, "Sec-WebSocket-Key"),
    "no subprotocol": (request(without=["Sec-WebSocket-Protocol"]), 400, "mqtt"),  # [MQTT5-6.0.0-3]
    "another subprotocol": (request(Sec_WebSocket_Protocol="amqp"), 400, "mqtt"),  # [MQTT3-6.0.0-3]
    "a page from elsewhere": (request(Origin="https://evil.example"), 403, "Origin"),
    "HTTP/1.0": (request("GET /mqtt HTTP/1.0"), 400, "HTTP/1.1"),
    "no HTTP": (b"\x10\x0e\0\4MQTT\r\n\r\n", 400, "HTTP/1.1"),
    "a head without end": (b"GET /mqtt HTTP/1.1\r\nX: " + b"x" * 8200, 431, "8 KiB"),
}


def test_a_request_for_something_else_gets_an_answer_that_says_why(air):
    for what, (data, status, text) in REFUSALS.items():
        with Web(air.ports["web"], data) as web:
            assert web.status == status, what
            assert text in web.body(), what
            assert (status != 405) or web.fields["Allow"] == "GET"
            assert (status != 426) or web.fields["Sec-WebSocket-Version"] == "13"
    wait_until(lambda: events(air, "protocol-error") >= len(REFUSALS), "the sentinel knows")
    assert air.log_text().count("WebSocket request refused: ") == len(REFUSALS)


def test_pages_are_let_in_by_their_origin(air):
    listed = request("GET /panel HTTP/1.1", Origin="https://panel.example")
    local = request("GET /panel HTTP/1.1", Origin="http://localhost:8000")
    for data, port, status in ((listed, "panel", 101), (local, "panel", 403),
                               (request("GET /panel HTTP/1.1"), "panel", 101),
                               (request(Origin="http://localhost:8000"), "web", 101)):
        with Web(air.ports[port], data) as web:
            assert web.status == status


def test_a_ping_is_answered_even_inside_a_message(air):
    with joined_web(air, "one") as web:
        web.send(frame(PING, b"are you there"))
        assert web.until_pong() == b"are you there"
        ping = b"\xc0\0"
        web.send(frame(BINARY, ping[:1], fin=False) + frame(PING) + frame(PONG, b"unasked")
                 + frame(CONTINUATION, ping[1:]))
        assert web.until_pong() == b""
        assert web.packet() == (0xD0, b"")


BREACHES = {
    "text": (frame(TEXT, b"hello"), NOT_BINARY),  # [MQTT5-6.0.0-1] [MQTT3-6.0.0-1]
    "not masked": (b"\x82\x02\xc0\0", PROTOCOL),
    "a reserved bit": (b"\xc2" + frame(BINARY, b"\xc0\0")[1:], PROTOCOL),
    "an unknown kind": (frame(3, b"x"), PROTOCOL),
    "a continuation of nothing": (frame(CONTINUATION, b"\xc0\0"), PROTOCOL),
    "a ping in pieces": (frame(PING, b"x", fin=False), PROTOCOL),
    "too large": (b"\x82\xff" + (1048577).to_bytes(8, "big") + b"mask", TOO_BIG),
    "a code nobody may send": (frame(CLOSE, b"\x03\xee"), PROTOCOL),
}


def test_who_breaks_the_rules_of_frames_is_told_and_closed(air, peer):
    other = peer(air, "other").join().read("test/x")
    for what, (data, code) in BREACHES.items():
        with joined_web(air, "one", level=5, properties=b"") as web:
            web.send(frame(BINARY, publish_packet("test/x", b"\0before")) + data + b"and more" * 1000)
            assert other.next().payload == b"before", what
            assert web.until_close() == code, what
            assert web.received[0] == DISCONNECT and web.received[2] == MALFORMED, what
            assert web.reason != b"", what
    wait_until(lambda: events(air, "protocol-error") >= len(BREACHES), "the sentinel knows")
    other.publish("test/x", "undisturbed")
    assert other.next().payload == b"undisturbed"


def test_our_disconnect_is_followed_by_a_close(air):
    with joined_web(air, "one", level=5) as web:
        web.send(frame(BINARY, connect_packet("one", "alice", air.passwords["alice"], level=5)))
        assert web.until_close() == NORMAL
        assert web.received[0] == DISCONNECT and web.received[2] == PROTOCOL_ERROR


def test_a_disconnect_of_the_client_is_answered_by_a_close(air, peer):
    other = peer(air, "other").join().read("test/will")
    with joined_web(air, "one") as web:
        web.send(frame(BINARY, b"\xe0\0"))
        assert web.until_close() == NORMAL
    with joined_web(air, "two") as web:
        web.send(frame(BINARY, b"\xe0\0") + frame(CLOSE, b"\x03\xe8bye"))
        assert web.until_close() == NORMAL
    other.publish("test/will", "none came")
    assert other.next().payload == b"none came"


def test_a_close_without_disconnect_leaves_a_will(air, peer):
    other = peer(air, "other").join().read("test/will")
    one = peer(air, "one", port=air.ports["web"], transport="websockets", will=("test/will", "gone", 1, False)).join()
    raw = one.paho.socket()._socket
    raw.sendall(frame(CLOSE, b"\x03\xe9"))
    assert other.next().payload == b"gone"
    assert one.disconnected.wait(PATIENCE_S)


def test_a_slow_request_is_closed_in_time(hasty, air):
    with Web(air.ports["web"]) as begun, Web(air.ports["web"], request()) as silent:
        begun.send(b"GET /mqtt HTTP/1.1\r\n")
        assert begun.body() == silent.body() == ""
    wait_until(lambda: events(air, "limit-hit") >= 2, "the sentinel knows")


def test_what_comes_behind_a_refused_request_harms_nobody(air, peer):
    with Web(air.ports["web"]) as web:
        web.send(request("POST /mqtt HTTP/1.1", Content_Length="100000") + b"x" * 100000)
        assert web.head() == 405
        assert "only GET" in web.body()
    peer(air, "decent", port=air.ports["web"], transport="websockets").join()


# ---- unix socket ----


@pytest.mark.parametrize("version", [V311, V5], ids=["v311", "v5"])
def test_clients_come_by_a_unix_socket(air, peer, relay, version):
    there = {"port": relay(air.unix), "version": version}
    one = peer(air, "one", **there).join().read("test/x", qos=2)
    peer(air, "two", user="bob", **there).join().publish("test/x", "by socket", qos=2)
    assert one.next().payload == b"by socket"
    found = air.json("clients", "one")
    assert (found["listener"], found["address"]) == ("socket", "unix")
    assert stat.S_IMODE(os.stat(air.unix).st_mode) == 0o660


def test_the_mosquitto_tools_come_by_a_unix_socket(air, relay):
    port = relay(air.unix)
    reader = mosquitto("sub", air, "-p", str(port), "-t", "test/tool", "-C", "1", "-q", "1")
    wait_until(lambda: air.json("status")["subscriptions"] == 1, "mosquitto_sub has subscribed")
    assert mosquitto_pub(air, "-p", str(port), "-t", "test/tool", "-m", "m", "-q", "1") == (0, "")
    assert reader.communicate(timeout=PATIENCE_S)[0] == "m\n"


def test_many_clients_come_by_a_unix_socket_at_once(air, peer, relay):
    port = relay(air.unix)
    peers = [peer(air, f"c{i}", port=port) for i in range(8)]
    for one in peers:
        one.join().read(f"test/{one.paho._client_id.decode()}")
    for one in peers:
        peers[0].publish(f"test/{one.paho._client_id.decode()}", "for you")
        assert one.next().payload == b"for you"


def test_a_socket_that_a_killed_node_left_is_replaced_and_ours_is_removed(wires, peer, relay):
    wires.start()
    wires.end(signal.SIGKILL)
    assert wires.unix.is_socket()
    wires.start()
    peer(wires, "one", port=relay(wires.unix)).join()
    assert wires.end() == 0
    assert not wires.unix.exists()


def test_a_socket_that_somebody_uses_or_a_file_is_left_alone(wires):
    wires.unix.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(wires.unix))
        other.listen()
        done = wires.cli("run")
        assert done.returncode != 0
        assert f"unix:{wires.unix}: Address already in use; another program listens there" in done.stderr
    wires.unix.unlink()
    wires.unix.write_text("mine")
    done = wires.cli("run")
    assert done.returncode != 0
    assert "the file is there and is no socket" in done.stderr
    assert wires.unix.read_text() == "mine"


# ---- PROXY header ----


def raw_behind(site, header, name="behind"):
    return Raw(site, site.ports[name]).send(header)


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
@pytest.mark.parametrize("header", [proxy_v1, proxy_v2])
def test_the_client_is_whom_the_proxy_names(air, header, address):
    with raw_behind(air, header(address)) as raw:
        raw.join(air, "one")
        found = air.json("clients", "one")
        assert (found["address"], found["port"], found["listener"]) == (address, 50000, "behind")


def test_a_header_may_come_in_pieces_and_joined_with_what_is_behind(air):
    connect = connect_packet("one", "alice", air.passwords["alice"])
    for header in (proxy_v1("192.0.2.7"), proxy_v2("192.0.2.7", tlvs=b"\4\0\3abc")):
        with raw_behind(air, b"") as raw:
            raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(len(header)):
                raw.send(header[i:i + 1])
            raw.send(connect)
            assert raw.packet() == (0x20, b"\0\0")
        with raw_behind(air, header + connect) as raw:
            assert raw.packet() == (0x20, b"\0\0")
            assert air.json("clients", "one")["address"] == "192.0.2.7"


@pytest.mark.parametrize("header", [LOCAL, UNKNOWN], ids=["LOCAL", "UNKNOWN"])
def test_a_proxy_that_speaks_for_itself_is_the_client(air, header):
    with raw_behind(air, header) as raw:
        raw.join(air, "one")
        assert air.json("clients", "one")["address"] == "127.0.0.1"


def test_without_a_good_header_the_connection_is_closed(air):
    bad = [connect_packet("one"), b"PROXY TCP4 192.0.2.7\r\n", b"PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n",
           proxy_v2("192.0.2.7", tlvs=b"\4\0\3ab"), b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0", b"GET / HTTP/1.1\r\n\r\n"]
    for data in bad:
        with raw_behind(air, data) as raw:
            assert raw.rest_until_closed() == b""
    wait_until(lambda: events(air, "protocol-error") >= len(bad), "the sentinel knows")
    assert air.log_text().count('127.0.0.1: listener "behind": ') == len(bad)


def test_who_is_no_trusted_proxy_is_closed_whatever_they_say(air):
    with raw_behind(air, b"", "untrusting") as raw:
        assert raw.rest_until_closed() == b""
    wait_until(lambda: events(air, "connect-refused") >= 1, "the sentinel knows")
    assert "this address is not in proxy_trusted" in air.log_text()


def test_a_header_that_does_not_come_is_not_waited_for_long(hasty, air):
    with raw_behind(air, b"") as silent, raw_behind(air, b"PROXY TCP4 192.0.2.7") as begun:
        assert silent.rest_until_closed() == begun.rest_until_closed() == b""
    wait_until(lambda: events(air, "limit-hit") >= 2, "the sentinel knows")


def test_a_ban_is_for_the_client_and_not_for_its_proxy(air):
    air.ok("ban", "address", "192.0.2.7", "--for", "1h", "--reason", "test")
    air.ok("ban", "address", "127.0.0.1", "--for", "1h", "--reason", "test")
    with raw_behind(air, proxy_v1("192.0.2.7")) as raw:
        assert raw.rest_until_closed() == b""
    wait_until(lambda: events(air, "ban-hit") == 1, "the sentinel knows")
    with raw_behind(air, proxy_v1("192.0.2.8")) as raw:
        raw.join(air, "one")
    with raw_behind(air, LOCAL) as raw:
        assert raw.rest_until_closed() == b""
    wait_until(lambda: events(air, "ban-hit") == 2, "the sentinel knows")


def test_the_limit_of_an_address_is_for_the_client(wires):
    limit(wires, "connections_per_address_max", 8)
    limit(wires, "connect_timeout_ms", 600000)  # nothing else closes
    wires.start()
    held = [raw_behind(wires, proxy_v2("192.0.2.7")) for _ in range(8)]
    for i, raw in enumerate(held):
        raw.join(wires, f"c{i}")
    with raw_behind(wires, proxy_v2("192.0.2.7")) as raw:
        assert raw.rest_until_closed() == b""
    with raw_behind(wires, proxy_v2("192.0.2.8")) as raw:
        raw.join(wires, "other")
    for raw in held:
        raw.close()
    wait_until(lambda: wires.json("status")["clients_connected"] == 0, "all are gone")
    with raw_behind(wires, proxy_v2("192.0.2.7")) as raw:
        raw.join(wires, "again")
    assert wires.end() == 0


def test_who_has_not_connected_yet_cannot_take_all_places(wires):
    text = wires.config.read_text()
    assert text.count("\nlimits:\n") == 1
    wires.config.write_text(text.replace(
        "\nlimits:\n", "\nlimits:\n  connecting_max: 5\n  connecting_per_address_max: 3\n"))
    limit(wires, "connect_timeout_ms", 600000)
    wires.start()
    waiting = [raw_behind(wires, proxy_v2("192.0.2.7")) for _ in range(3)]
    wait_until(lambda: events(wires, "connect-attempt") == 3, "all three are there")
    with raw_behind(wires, proxy_v2("192.0.2.7")) as raw:
        assert raw.rest_until_closed() == b"", "three of an address are enough"
    with raw_behind(wires, proxy_v2("192.0.2.8")) as raw:
        raw.join(wires, "other")
        elsewhere = [raw_behind(wires, proxy_v2(f"192.0.2.{i}")) for i in (9, 10)]
        wait_until(lambda: events(wires, "connect-attempt") == 7, "and two more")
        with raw_behind(wires, b"") as late:
            assert late.rest_until_closed() == b"", "five of all are enough"
        waiting[0].join(wires, "one")
        with raw_behind(wires, proxy_v2("192.0.2.11")) as late:
            late.join(wires, "late")
    for raw in waiting + elsewhere:
        raw.close()
    assert wires.end() == 0


def test_the_limit_of_the_node_is_for_proxies_too(wires):
    limit(wires, "connections_max", 8)
    limit(wires, "connect_timeout_ms", 600000)
    wires.start()
    held = [raw_behind(wires, b"") for _ in range(9)]  # they need not say a word
    closed, _, _ = select.select([raw.socket for raw in held], [], [], PATIENCE_S)
    assert [one.recv(1) for one in closed] == [b""]  # whichever came last at the node
    for raw in held:
        raw.close()
    assert wires.end() == 0


def test_secure_websocket_behind_a_proxy(air, peer, relay):
    port = relay(air.ports["behind_tls"], proxy_v2("192.0.2.7", tlvs=b"\1\0\4mqtt"))
    one = peer(air, "one", port=port, tls=True, transport="websockets")
    one.paho.ws_set_options(headers={"Host": "node.example", "Upgrade": "websocket", "Connection": "Upgrade",
                                     "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "mqtt"})
    one.paho.ws_set_options(headers=lambda lines: {k: v for k, v in lines.items() if k != "Origin"})
    one.join().read("test/x")
    one.publish("test/x", "all the way")
    assert one.next().payload == b"all the way"
    found = air.json("clients", "one")
    assert (found["address"], found["listener"], found["tls_version"]) == ("192.0.2.7", "behind-tls", "TLSv1.3")


def test_a_page_behind_a_proxy_is_not_from_this_machine(air):
    context = ssl.create_default_context(cafile=air.ca)
    with socket.create_connection(("127.0.0.1", air.ports["behind_tls"]), PATIENCE_S) as plain:
        plain.sendall(proxy_v1("192.0.2.7"))
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(request(Origin="http://localhost:8000"))
            assert secure.recv(1000).startswith(b"HTTP/1.1 403 ")


def test_a_proxy_comes_by_a_unix_socket(air, peer, relay):
    port = relay(air.folder / "run/proxy.sock", proxy_v2("2001:db8::7"))
    peer(air, "one", port=port).join()
    assert air.json("clients", "one")["address"] == "2001:db8::7"


# ---- IPv6, SNI, ALPN ----


def test_clients_come_by_ipv6(air, peer):
    one = peer(air, "one", host="::1", port=air.ports["six"]).join().read("test/x")
    assert mosquitto_pub(air, "-h", "::1", "-p", str(air.ports["six"]), "-t", "test/x", "-m", "six") == (0, "")
    assert one.next().payload == b"six"
    assert air.json("clients", "one")["address"] == "::1"
    air.ok("ban", "address", "::1", "--for", "1h", "--reason", "test")
    with socket.create_connection(("::1", air.ports["six"]), PATIENCE_S) as banned:
        assert banned.recv(1) == b""


@pytest.mark.parametrize("offered, chosen", [(["mqtt"], "mqtt"), (["x", "mqtt"], "mqtt"), (["h2", "http/1.1"], None)])
def test_alpn_is_mqtt_or_nothing(air, offered, chosen):
    context = ssl.create_default_context(cafile=air.ca)
    context.set_alpn_protocols(offered)
    with socket.create_connection(("127.0.0.1", air.tls_port), PATIENCE_S) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:  # with SNI
            assert secure.selected_alpn_protocol() == chosen
            secure.sendall(connect_packet("one", "alice", air.passwords["alice"]))
            assert secure.recv(4) == b"\x20\2\0\0"


# ---- configuration ----


def test_check_config_says_what_is_spoken_where(wires):
    said = wires.ok("check-config")
    assert f"listener web: 127.0.0.1 port {wires.ports['web']}, delivery plane, WebSocket at /mqtt, plain TCP\n" in said
    assert f"listener socket: unix:{wires.unix}, delivery plane, no TLS\n" in said
    assert "delivery plane, behind a proxy, WebSocket at /mqtt, TLS 1.2 or later" in said


def test_another_path_takes_a_restart(air):
    air.change("websocket_path: /panel,", "websocket_path: /board,")
    assert 'listener "panel" has changed: takes a restart' in air.ok("reload")
    with Web(air.ports["panel"], request("GET /panel HTTP/1.1")) as web:
        assert web.status == 101
