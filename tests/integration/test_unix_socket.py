# SPDX-License-Identifier: Apache-2.0
"""Clients by a unix socket."""

import os
import signal
import socket
import stat

import pytest

from conftest import clients, wait_until
from peer import PATIENCE_S, V5, V311, mosquitto, mosquitto_pub
from transports import air, relay, wires  # noqa: F401, fixtures


@pytest.mark.parametrize("version", [V311, V5], ids=["v311", "v5"])
def test_clients_come_by_a_unix_socket(air, peer, relay, version):  # noqa: F811
    there = {"port": relay(air.unix), "version": version}
    one = peer(air, "one", **there).join().read("test/x", qos=2)
    peer(air, "two", user="bob", **there).join().publish("test/x", "by socket", qos=2)
    assert one.next().payload == b"by socket"
    found = air.json("clients", "one")
    assert (found["listener"], found["address"]) == ("socket", "unix")
    assert stat.S_IMODE(os.stat(air.unix).st_mode) == 0o660


def test_the_mosquitto_tools_come_by_a_unix_socket(air, relay):  # noqa: F811
    port = relay(air.unix)
    reader = mosquitto("sub", air, "-p", str(port), "-t", "test/tool", "-C", "1", "-q", "1")
    wait_until(lambda: [c["subscriptions"] for c in clients(air)] == [1], "mosquitto_sub has subscribed")
    assert mosquitto_pub(air, "-p", str(port), "-t", "test/tool", "-m", "m", "-q", "1") == (0, "")
    assert reader.communicate(timeout=PATIENCE_S)[0] == "m\n"


def test_many_clients_come_by_a_unix_socket_at_once(air, peer, relay):  # noqa: F811
    port = relay(air.unix)
    peers = [peer(air, f"c{i}", port=port) for i in range(8)]
    for one in peers:
        one.join().read(f"test/{one.paho._client_id.decode()}")
    for one in peers:
        peers[0].publish(f"test/{one.paho._client_id.decode()}", "for you")
        assert one.next().payload == b"for you"


def test_a_socket_that_a_killed_node_left_is_replaced_and_ours_is_removed(wires, peer, relay):  # noqa: F811
    wires.start()
    wires.end(signal.SIGKILL)
    assert wires.unix.is_socket()
    wires.start()
    peer(wires, "one", port=relay(wires.unix)).join()
    assert wires.end() == 0
    assert not wires.unix.exists()


def test_a_socket_that_somebody_uses_or_a_file_is_left_alone(wires):  # noqa: F811
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
