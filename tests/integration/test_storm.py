# SPDX-License-Identifier: Apache-2.0
"""A fleet that comes back at once is taken one after another: critical clients first, and nobody is refused."""

import contextlib
import re
import select
import selectors
import socket
import time

import pytest

from conftest import wait_until
from peer import PATIENCE_S, Raw, connect_packet, next_connack, publish_packet, string
from scram import CONTINUE, Scram, auth_packet, auth_properties, next_auth

FLEET = 300
FIRST = 100  # of them, after whom the node knows that it is a storm: a third of all
CRITICAL = 5
PER_S = 25


def begin(site, **limits):
    """Devices need no name on the listener of this machine; who is lena is critical."""
    site.change(f"port: {site.port}\n    plane: delivery\n    anonymous: no",
                f"port: {site.port}\n    plane: delivery\n    anonymous: yes")
    site.change("\nroles:\n", "\nanonymous_role: tester\nroles:\n")
    site.change("  limited:\n", "  limited:\n    critical: yes\n")
    site.change("\nlimits:\n", "\nlimits:\n" + "".join(f"  {name}: {value}\n" for name, value in limits.items()))
    site.start()


@pytest.fixture
def paced(site):
    begin(site, storm_connects_per_s_max=PER_S)
    yield site
    assert site.end() == 0, site.log_text()


class Device:
    """It says CONNECT, and is let in when the node answers."""

    def __init__(self, site, client_id):
        self.client_id = client_id
        self.raw = Raw(site)

    def come(self):
        self.raw.send(connect_packet(self.client_id))

    def let_in(self):
        first, body = self.raw.packet()
        assert first == 0x20 and body[1] == 0, "nobody is refused"
        self.raw.send(publish_packet("test/up", b"up"))


class Relay(Device):
    """It logs in by SCRAM, which costs the node nothing: it is answered when it is let go."""

    def __init__(self, site, client_id):
        super().__init__(site, client_id)
        self.scram = Scram("lena", site.passwords["lena"])

    def come(self):
        hello = auth_properties(self.scram.hello())
        self.raw.send(connect_packet(self.client_id, level=5, properties=hello))

    def let_in(self):
        _, challenge = next_auth(self.raw)
        self.raw.send(auth_packet(CONTINUE, self.scram.answer(challenge)))
        assert next_connack(self.raw)[0] == 0, "nobody is refused"
        self.raw.send(publish_packet("test/up", b"up"))


def come(*clients):
    for one in clients:
        one.come()


def let_in(*clients):
    for one in clients:
        one.let_in()


def leave(*clients):
    for one in clients:
        one.raw.close()


def devices(site, begin, end):
    return [Device(site, f"meter-{i}") for i in range(begin, end)]


def relays(site):
    return [Relay(site, f"relay-{i}") for i in range(CRITICAL)]


def in_order(clients):
    """Those that are answered, one after another."""
    with selectors.DefaultSelector() as all_of_them:
        for one in clients:
            all_of_them.register(one.raw.socket, selectors.EVENT_READ, one)
        while all_of_them.get_map():
            ready = all_of_them.select(PATIENCE_S)
            assert ready, "all get in"
            for key, _ in ready:
                all_of_them.unregister(key.fileobj)
                key.data.let_in()
                yield key.data


def delays(site):
    return [m for m in site.json("respond")["in_force"] if m["what"] == "delay" and m["target_kind"] == "node"]


def counted(site, name):
    return int(re.search(rf"^bastide_{name}_total (\d+)$", site.ok("metrics"), re.M)[1])


def delayed(site):
    return counted(site, "connects_delayed")


def is_undisturbed(one, text):
    one.publish("test/here", text)
    assert one.next(within_s=2).payload.decode() == text and not one.disconnected.is_set()


def test_a_fleet_that_comes_back_at_once_gets_in_and_critical_clients_do_first(paced, peer):
    bystander = peer(paced, "bystander").join().read("test/here")
    fleet = devices(paced, 0, FLEET) + relays(paced)
    come(*fleet)
    let_in(*fleet)
    assert delays(paced) == [], "that they come for the first time is no storm"
    leave(*fleet)
    wait_until(lambda: len(paced.json("clients")) == 1, "they are gone")

    first = devices(paced, 0, FIRST)
    come(*first)
    let_in(*first)
    wait_until(lambda: delays(paced), "it is a storm")
    assert delays(paced)[0]["author"] == "detector:reconnect-storm"
    rest = devices(paced, FIRST, FLEET) + relays(paced)
    begun = time.monotonic()
    come(*rest)
    order = []
    for one in in_order(rest):
        order.append(one)
        if len(order) % 50 == 0:
            is_undisturbed(bystander, one.client_id)
    assert time.monotonic() - begun > (len(rest) - PER_S) / PER_S, "no more than may be"
    assert max(order.index(one) for one in rest if isinstance(one, Relay)) < len(rest) / 2
    assert delayed(paced) > len(rest) / 2

    storm, = [i for i in paced.json("incidents") if i["kind"] == "reconnect-storm"]
    assert storm["severity"] == "info" and storm["action"] == "delay"
    paced.ok("incidents", "close", storm["id"], "--as", "true")
    assert delays(paced) == [], "it ends with what it was for"
    leave(*first, *rest)


def test_who_gives_up_leaves_its_place_and_the_rest_goes_on_when_it_is_over(site):
    per_s = 5  # so slow that no machine takes as long by itself
    begin(site, storm_connects_per_s_max=per_s)
    order_delay(site)
    many = devices(site, 0, 200)
    last = Device(site, "last")
    come(*many)
    wait_until(lambda: delayed(site) > len(many) / 2, "they wait")
    begun = time.monotonic()
    come(last)
    leave(*many)
    let_in(last)
    assert time.monotonic() - begun < len(many) / per_s / 2, "nobody is waited for who is gone"

    many = devices(site, 0, 200)
    begun = time.monotonic()
    come(*many)
    site.ok("respond", "undo", "delay", "node")
    let_in(*many)
    assert time.monotonic() - begun < len(many) / per_s
    leave(last, *many)
    assert site.end() == 0, site.log_text()


def test_with_the_kill_switch_a_storm_is_only_told_of(paced):
    paced.ok("respond", "suspend", "--for", "10m")
    for _ in range(2):
        fleet = devices(paced, 0, FIRST)
        come(*fleet)
        let_in(*fleet)
        leave(*fleet)
        wait_until(lambda: paced.json("clients") == [], "they are gone")
    wait_until(lambda: any(i["kind"] == "reconnect-storm" for i in paced.json("incidents")), "it is told")
    assert delays(paced) == [] and delayed(paced) == 0


SLOW = {"storm_connects_per_s_max": 1, "connecting_max": 12}


def order_delay(site):
    site.ok("respond", "suspend", "--for", "10m")  # so many that come look like a flood
    site.ok("respond", "run", "delay", "node", "--for", "10m", "--reason", "test")


def is_closed(one):
    with contextlib.suppress(ConnectionError):  # it had more to say
        return one.recv(1, socket.MSG_PEEK) == b""
    return True


def refused(*clients):
    """Who finds its connection closed; who has not been answered is not among them."""
    ready, _, _ = select.select([one.raw.socket for one in clients], [], [], 0)
    return [one for one in ready if is_closed(one)]


def looked_at(site):
    return delayed(site) + counted(site, "connects_accepted") + counted(site, "limits_hit")


def test_a_fleet_larger_than_may_be_connecting_waits_and_nobody_is_refused(site):
    begin(site, **SLOW)
    order_delay(site)
    fleet = []
    while len(fleet) < 10 * SLOW["connecting_max"]:
        some = devices(site, len(fleet), len(fleet) + 6)
        come(*some)
        fleet += some
        wait_until(lambda: looked_at(site) >= len(fleet), "they wait")
    assert refused(*fleet) == []
    site.ok("respond", "undo", "delay", "node")
    let_in(*fleet)
    leave(*fleet)
    assert site.end() == 0, site.log_text()


class Bulky(Device):
    """It says a CONNECT that is larger than those that are let wait in numbers."""

    def come(self):
        self.raw.send(connect_packet(self.client_id, level=5,
                                     properties=b"\x26" + string("note") + string(5000 * "x")))


@pytest.mark.parametrize("kind, room", [(Device, 10 + SLOW["connecting_max"]), (Bulky, SLOW["connecting_max"])])
def test_how_many_wait_and_how_much_they_hold_is_bounded(site, kind, room):
    begin(site, storm_waiting_max=10, **SLOW)
    order_delay(site)
    fleet = []
    while len(fleet) < 3 * room and refused(*fleet) == []:
        fleet.append(kind(site, f"meter-{len(fleet)}"))
        with contextlib.suppress(ConnectionError):
            fleet[-1].come()
        wait_until(lambda: looked_at(site) >= len(fleet), "it waits, or is refused")
    let_in_meanwhile = counted(site, "connects_accepted")
    held = len(fleet) - len(refused(*fleet))
    assert room - 2 <= held <= room + let_in_meanwhile, "two places may be taken by the node's own trials"
    leave(*fleet)
    assert site.end() == 0, site.log_text()
