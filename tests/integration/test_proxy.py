# SPDX-License-Identifier: Apache-2.0
"""Clients behind a proxy that names them in a header."""

import select
import socket
import ssl

import pytest

from conftest import wait_until
from peer import PATIENCE_S, Raw, connect_packet
from test_respond import connections
from transports import air, events, hasty, limit, relay, wires  # noqa: F401, fixtures
from wires import LOCAL, UNKNOWN, proxy_v1, proxy_v2, request


# Where the node's trials of itself do not come from: what comes from there before a CONNECT is taken for theirs.
SOURCE = "127.0.0.9"


def raw_behind(site, header, name="behind"):
    return Raw(site, site.ports[name], source=SOURCE).send(header)


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
@pytest.mark.parametrize("header", [proxy_v1, proxy_v2])
def test_the_client_is_whom_the_proxy_names(air, header, address):  # noqa: F811
    with raw_behind(air, header(address)) as raw:
        raw.join(air, "one")
        found = air.json("clients", "one")
        assert (found["address"], found["port"], found["listener"]) == (address, 50000, "behind")


def test_a_header_may_come_in_pieces_and_joined_with_what_is_behind(air):  # noqa: F811
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
def test_a_proxy_that_speaks_for_itself_is_the_client(air, header):  # noqa: F811
    with raw_behind(air, header) as raw:
        raw.join(air, "one")
        assert air.json("clients", "one")["address"] == SOURCE


def test_without_a_good_header_the_connection_is_closed(air):  # noqa: F811
    bad = [connect_packet("one"), b"PROXY TCP4 192.0.2.7\r\n", b"PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n",
           proxy_v2("192.0.2.7", tlvs=b"\4\0\3ab"), b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0", b"GET / HTTP/1.1\r\n\r\n"]
    for data in bad:
        with raw_behind(air, data) as raw:
            assert raw.rest_until_closed() == b""
    wait_until(lambda: events(air, "protocol-error") >= len(bad), "the sentinel knows")
    assert air.log_text().count(f'{SOURCE} -: listener "behind": ') == len(bad)


def test_who_is_no_trusted_proxy_is_closed_whatever_they_say(air):  # noqa: F811
    with raw_behind(air, b"", "untrusting") as raw:
        assert raw.rest_until_closed() == b""
    wait_until(lambda: events(air, "connect-refused") >= 1, "the sentinel knows")
    assert "this address is not in proxy_trusted" in air.log_text()


def test_a_header_that_does_not_come_is_not_waited_for_long(hasty, air):  # noqa: F811
    with raw_behind(air, b"") as silent, raw_behind(air, b"PROXY TCP4 192.0.2.7") as begun:
        assert silent.rest_until_closed() == begun.rest_until_closed() == b""
    wait_until(lambda: events(air, "limit-hit") >= 2, "the sentinel knows")
    said = f' info link: {SOURCE} -: listener "behind": closed: the PROXY header has not come in the 1500 ms of ' \
        'connect_timeout_ms\n'
    assert air.log_text().count(said) == 2


def test_a_ban_is_for_the_client_and_not_for_its_proxy(air):  # noqa: F811
    air.ok("ban", "address", "192.0.2.7", "--for", "1h", "--reason", "test")
    with raw_behind(air, proxy_v1("192.0.2.7")) as raw:
        assert raw.rest_until_closed() == b""
    wait_until(lambda: events(air, "ban-hit") == 1, "the sentinel knows")
    assert ' info connect: 192.0.2.7 -: listener "behind": refused: banned\n' in air.log_text()
    air.ok("ban", "address", SOURCE, "--for", "1h", "--reason", "test")
    with raw_behind(air, proxy_v1("192.0.2.8")) as raw:
        raw.join(air, "one")
    with raw_behind(air, LOCAL) as raw:
        assert raw.rest_until_closed() == b""
    wait_until(lambda: events(air, "ban-hit") == 2, "the sentinel knows")


def test_the_limit_of_an_address_is_for_the_client(wires):  # noqa: F811
    limit(wires, "connections_per_address_max", 8)
    limit(wires, "connect_timeout_ms", 600000)  # nothing else closes
    wires.start()
    held = [raw_behind(wires, proxy_v2("192.0.2.7")) for _ in range(8)]
    for i, raw in enumerate(held):
        raw.join(wires, f"c{i}")
    with raw_behind(wires, proxy_v2("192.0.2.7")) as raw:
        assert raw.rest_until_closed() == b""
    said = ' info connect: 192.0.2.7 -: listener "behind": refused: connections_per_address_max\n'
    assert said in wires.log_text()
    with raw_behind(wires, proxy_v2("192.0.2.8")) as raw:
        raw.join(wires, "other")
    for raw in held:
        raw.close()
    wait_until(lambda: wires.json("status")["clients_connected"] == 0, "all are gone")
    with raw_behind(wires, proxy_v2("192.0.2.7")) as raw:
        raw.join(wires, "again")
    assert wires.end() == 0


def test_who_has_not_connected_yet_cannot_take_all_places(wires):  # noqa: F811
    text = wires.config.read_text()
    assert text.count("\nlimits:\n") == 1
    wires.config.write_text(text.replace(
        "\nlimits:\n", "\nlimits:\n  connecting_max: 6\n  connecting_per_address_max: 3\n"))
    limit(wires, "connect_timeout_ms", 600000)
    wires.start()
    # The last of the node's own trials holds one of the places.  (It does not try to close the listener of IPv6.)
    wait_until(lambda: "undo: quarantine of conduit" in wires.log_text(), "the last trial comes")
    wait_until(lambda: connections(wires) == 1, "it waits")
    waiting = [raw_behind(wires, proxy_v2("192.0.2.7")) for _ in range(3)]
    wait_until(lambda: events(wires, "connect-attempt") == 3, "all three are there")
    with raw_behind(wires, proxy_v2("192.0.2.7")) as raw:
        assert raw.rest_until_closed() == b"", "three of an address are enough"
    with raw_behind(wires, proxy_v2("192.0.2.8")) as raw:
        raw.join(wires, "other")
        elsewhere = [raw_behind(wires, proxy_v2(f"192.0.2.{i}")) for i in (9, 10)]
        wait_until(lambda: events(wires, "connect-attempt") == 7, "and two more")
        with raw_behind(wires, b"") as late:
            assert late.rest_until_closed() == b"", "five and the trial are enough"
        waiting[0].join(wires, "one")
        with raw_behind(wires, proxy_v2("192.0.2.11")) as late:
            late.join(wires, "late")
    for raw in waiting + elsewhere:
        raw.close()
    assert wires.end() == 0


def test_the_limit_of_the_node_is_for_proxies_too(wires):  # noqa: F811
    limit(wires, "connections_max", 8)
    limit(wires, "connect_timeout_ms", 600000)
    wires.start()
    held = [raw_behind(wires, b"") for _ in range(9)]  # they need not say a word
    closed, _, _ = select.select([raw.socket for raw in held], [], [], PATIENCE_S)
    assert {one.recv(1) for one in closed} == {b""}  # whichever came last at the node, where a trial of its own may be, too
    for raw in held:
        raw.close()
    assert wires.end() == 0


def test_secure_websocket_behind_a_proxy(air, peer, relay):  # noqa: F811
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


def test_a_page_behind_a_proxy_is_not_from_this_machine(air):  # noqa: F811
    context = ssl.create_default_context(cafile=air.ca)
    with socket.create_connection(("127.0.0.1", air.ports["behind_tls"]), PATIENCE_S) as plain:
        plain.sendall(proxy_v1("192.0.2.7"))
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(request(Origin="http://localhost:8000"))
            assert secure.recv(1000).startswith(b"HTTP/1.1 403 ")


def test_a_proxy_comes_by_a_unix_socket(air, peer, relay):  # noqa: F811
    port = relay(air.folder / "run/proxy.sock", proxy_v2("2001:db8::7"))
    peer(air, "one", port=port).join()
    assert air.json("clients", "one")["address"] == "2001:db8::7"
