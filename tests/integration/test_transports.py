# SPDX-License-Identifier: Apache-2.0
"""IPv6, SNI and ALPN; what is told of a listener."""

import re
import socket
import ssl

import pytest

from peer import PATIENCE_S, Raw, connect_packet, mosquitto_pub
from transports import air, hasty, wires  # noqa: F401, fixtures
from wires import Web, proxy_v1, request

SOURCE = "127.0.0.9"  # not that of the node's trials of itself


def test_clients_come_by_ipv6(air, peer):  # noqa: F811
    one = peer(air, "one", host="::1", port=air.ports["six"]).join().read("test/x")
    assert mosquitto_pub(air, "-h", "::1", "-p", str(air.ports["six"]), "-t", "test/x", "-m", "six") == (0, "")
    assert one.next().payload == b"six"
    assert air.json("clients", "one")["address"] == "::1"
    air.ok("ban", "address", "::1", "--for", "1h", "--reason", "test")
    with socket.create_connection(("::1", air.ports["six"]), PATIENCE_S) as banned:
        assert banned.recv(1) == b""


def test_who_does_not_connect_in_time_is_in_the_log_with_what_was_waited_for(hasty, air):  # noqa: F811
    waited = [(air.port, b"", "CONNECT"), (air.port, connect_packet("one")[:-1], "rest of the CONNECT"),
              (air.tls_port, b"", "TLS handshake"), (air.ports["web"], b"GET", "WebSocket request")]
    for port, says, _ in waited:
        with Raw(air, port, source=SOURCE) as raw:
            assert raw.send(says).rest_until_closed() == b""
    lines = [x.split(" ", 1)[1] for x in air.log_text().splitlines() if f" {SOURCE} " in x]
    assert [re.sub(r'listener "\S+"', "listener", x) for x in lines] == \
        [f"info link: {SOURCE} -: listener: closed: the {what} has not come in the 1500 ms of connect_timeout_ms"
         for _, _, what in waited]


def test_who_is_refused_before_a_word_is_in_the_log_with_why(air):  # noqa: F811
    air.ok("ban", "address", SOURCE, "--for", "1h", "--reason", "test")
    with Raw(air, source=SOURCE) as raw:
        assert raw.rest_until_closed() == b""
    line, = [x for x in air.log_text().splitlines() if f" {SOURCE} " in x]
    assert re.search(rf' info connect: {SOURCE} -: listener "\w+": refused: banned$', line), line


def test_tls_that_does_not_come_about_is_in_the_log_with_its_listener(air):  # noqa: F811
    with Raw(air, air.tls_port, source=SOURCE) as raw:
        raw.send(b"\x10\x0e\0\4MQTT").rest_until_closed()
    line, = [x for x in air.log_text().splitlines() if f" {SOURCE} " in x]
    assert re.search(rf' info tls: {SOURCE} -: listener "\w+": handshake failed: ', line), line


@pytest.mark.parametrize("begin, looks", [
    (connect_packet("one"), "; it looks like MQTT"),
    (b"\x16\3\1\2\0\1\0\1\xfc\3\3", "; it looks like TLS"),
    (proxy_v1("192.0.2.7"), "; it looks like a PROXY header"),
    (b"GET / HTTP/1.0\r\n", "not a request of HTTP/1.1"),
], ids=["MQTT", "TLS", "PROXY", "HTTP/1.0"])
def test_who_does_not_begin_with_a_websocket_request_is_answered_at_once(air, begin, looks):  # noqa: F811
    with Raw(air, air.ports["web"], source=SOURCE) as raw:
        assert raw.send(begin).rest_until_closed().startswith(b"HTTP/1.1 400 Bad Request\r\n")
    line, = [x for x in air.log_text().splitlines() if f" {SOURCE} " in x and " info " in x]
    assert re.search(rf' flow: {SOURCE} -: listener "web": .*WebSocket request refused: .*{looks}$', line), line


def test_who_does_not_begin_with_a_proxy_header_is_in_the_log_with_what_it_looks_like(air):  # noqa: F811
    with Raw(air, air.ports["behind"], source=SOURCE) as raw:
        raw.send(connect_packet("one")).rest_until_closed()
    line, = [x for x in air.log_text().splitlines() if f" {SOURCE} " in x]
    assert re.search(r' info flow: .*; it looks like MQTT$', line), line


def shake_hands(air, port, offered):
    context = ssl.create_default_context(cafile=air.ca)
    if offered:
        context.set_alpn_protocols(offered)
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    return context.wrap_socket(plain, server_hostname="localhost")  # with SNI


@pytest.mark.parametrize("offered, chosen", [(["mqtt"], "mqtt"), (["x", "mqtt"], "mqtt"), ([], None)])
def test_alpn_is_mqtt(air, offered, chosen):  # noqa: F811
    with shake_hands(air, air.tls_port, offered) as secure:
        assert secure.selected_alpn_protocol() == chosen
        secure.sendall(connect_packet("one", "alice", air.passwords["alice"]))
        assert secure.recv(4) == b"\x20\2\0\0"


def test_alpn_of_a_websocket_is_http(air):  # noqa: F811
    with shake_hands(air, air.ports["secure_web"], ["h2", "http/1.1"]) as secure:
        assert secure.selected_alpn_protocol() == "http/1.1"


def test_who_means_another_server_by_alpn_is_refused(air):  # noqa: F811
    for port, offered in ((air.tls_port, ["h2", "http/1.1"]), (air.ports["secure_web"], ["mqtt"])):
        with pytest.raises(ssl.SSLError, match="no application protocol"):
            shake_hands(air, port, offered)


def test_check_config_says_what_is_spoken_where(wires):  # noqa: F811
    said = wires.ok("check-config")
    assert f"listener web: 127.0.0.1 port {wires.ports['web']}, delivery plane, WebSocket at /mqtt, plain TCP\n" in said
    assert f"listener socket: unix:{wires.unix}, delivery plane, no TLS\n" in said
    assert "delivery plane, behind a proxy, WebSocket at /mqtt, TLS 1.2 or later" in said


def test_another_path_takes_a_restart(air):  # noqa: F811
    air.change("websocket_path: /panel,", "websocket_path: /board,")
    assert 'listener "panel" has changed: takes a restart' in air.ok("reload")
    with Web(air.ports["panel"], request("GET /panel HTTP/1.1")) as web:
        assert web.status == 101
    air.change("name: panel,", "name: board,")
    assert 'listener "panel" is gone: takes a restart' in air.ok("reload")
