# SPDX-License-Identifier: Apache-2.0
"""A mosquitto that has a bridge to the node: nothing comes back to where it was said, and what is retained stays so"""
import subprocess

import pytest

from conftest import free_port, wait_until

STATE = "$SYS/broker/connection/edge.up/state"
MOSQUITTO = "/usr/sbin/mosquitto"


class Edge:
    """A mosquitto; what it has under field/ is under test/field/ at the node."""

    def __init__(self, site, folder, version):
        self.port = free_port()
        self.log = folder / "edge.log"
        conf = folder / "edge.conf"
        conf.write_text(f"""\
listener {self.port} 127.0.0.1
allow_anonymous true
connection up
remote_clientid edge.up
address 127.0.0.1:{site.port}
remote_username alice
remote_password {site.passwords["alice"]}
bridge_protocol_version {version}
topic # both 1 field/ test/field/
restart_timeout 1
""")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([MOSQUITTO, "-v", "-c", conf], stderr=log)

    def says(self, text):
        return text in self.log.read_text(encoding="utf-8")

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def edge(site, tmp_path):
    made = []

    def make(version="mqttv311"):
        made.append(Edge(site, tmp_path, version))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def allow(site, *rules):
    more = "".join(f"      - {rule}\n" for rule in rules)
    site.change("      - publish_subscribe: test/#\n  limited:", f"      - publish_subscribe: test/#\n{more}  limited:")


@pytest.mark.parametrize("version", ["mqttv31", "mqttv311", "mqttv50"])
def test_nothing_comes_back_and_what_is_retained_stays_so(site, edge, peer, version):
    allow(site, "publish: $SYS/broker/connection/${client_id}/state")
    site.start()
    up = edge(version)
    wait_until(lambda: up.says("Received SUBACK from local.edge.up"), "the bridge has subscribed")
    there = peer(site, "there", user=None, port=up.port).join().read("field/#")
    here = peer(site, "here").join().read("test/field/#")

    there.publish("field/t1", "23", retain=True)
    assert here.next().payload == b"23"
    here.publish("test/field/set", "on", retain=True)  # behind an echo, if there was one
    assert there.texts(2) == ["23", "on"] and there.nothing()
    late = peer(site, "late", user=None, port=up.port).join().read("field/#")
    assert sorted((m.topic, m.retain) for m in (late.next(), late.next())) == [("field/set", True), ("field/t1", True)]
    assert site.end() == 0, site.log_text()


def test_who_reads_its_state_sees_it_come_and_go(site, edge, peer):
    allow(site, "publish: $SYS/broker/connection/${client_id}/state", "subscribe: $SYS/broker/connection/#")
    site.start()
    here = peer(site, "here").join().read("$SYS/broker/connection/+/state")
    up = edge()
    assert here.texts(1) == ["1"]
    up.kill()
    last = here.next()
    assert (last.topic, last.payload) == (STATE, b"0")
    assert site.end() == 0, site.log_text()


def test_one_that_may_not_say_so_is_refused_and_the_log_says_what_it_lacks(site, edge):
    site.start()
    up = edge()
    wait_until(lambda: up.says("not authorised"), "the bridge is refused")
    assert f"refused: the Will topic, no rule allows it: {STATE}" in site.log_text()
    assert site.end() == 0, site.log_text()
