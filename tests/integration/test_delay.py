# SPDX-License-Identifier: Apache-2.0
"""Whose CONNECT is answered later: a client from one address, and those whom the node does not know."""

import time

import pytest

from conftest import wait_until
from peer import Raw, connect_packet

DELAY_MS = 1500
HERE, THERE = "127.0.0.1", "127.0.0.9"


@pytest.fixture
def door(site):
    """Devices need no name here."""
    site.change(f"port: {site.port}\n    plane: delivery\n    anonymous: no",
                f"port: {site.port}\n    plane: delivery\n    anonymous: yes")
    site.change("\nroles:\n", "\nanonymous_role: tester\nroles:\n")
    site.start()
    yield site
    assert site.end() == 0, site.log_text()


def comes(site, client_id, source=HERE):
    """Its connection; and whether its CONNECT was answered late."""
    begin = time.monotonic()
    raw = Raw(site, source=source)
    raw.send(connect_packet(client_id))
    assert raw.packet() == (0x20, b"\0\0")
    return raw, time.monotonic() - begin >= DELAY_MS / 1000


def waits(site, client_id, source=HERE):
    raw, is_late = comes(site, client_id, source)
    raw.close()
    return is_late


def order(site, verb, *words):
    site.ok("respond", verb, "delay", *words, "--reason", "test")


def test_a_client_is_delayed_where_it_comes_from_and_nobody_else(door):
    order(door, "run", "client-address", "c", THERE, "--delay", str(DELAY_MS), "--for", "10m")
    assert waits(door, "c", THERE)
    assert not waits(door, "c", HERE) and not waits(door, "d", THERE)
    order(door, "undo", "client-address", "c", THERE)
    assert not waits(door, "c", THERE)


def test_strangers_are_delayed_and_those_who_were_here_before_are_not(door):
    assert not waits(door, "c")
    order(door, "run", "strangers", "--delay", str(DELAY_MS), "--for", "10m")
    assert not waits(door, "c")
    assert waits(door, "c", THERE), "the pair is what is known"
    assert not waits(door, "c", THERE), "and now it is"
    assert waits(door, "d")
    order(door, "undo", "strangers")
    assert not waits(door, "e")


def test_of_two_who_fight_for_a_client_id_the_newcomer_is_delayed(door):
    home, _ = comes(door, "c")
    raws = [home]
    for i in range(8):
        raws.append(comes(door, "c", HERE if i % 2 else THERE)[0])
        fights = [i for i in door.json("incidents") if i["kind"] == "client-id-takeover-war"]
        if fights:
            break
    wait_until(lambda: {(m["what"], m["target_kind"], m["target"]) for m in door.json("respond")["in_force"]}
               == {("delay", "client-address", "c")}, "one of the two is delayed")
    assert waits(door, "c", THERE), "the one who came second"
    assert not waits(door, "c", HERE)
    for raw in raws:
        raw.close()
