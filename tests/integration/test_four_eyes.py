# SPDX-License-Identifier: Apache-2.0
"""Orders that one person may not give alone wait for a second one, told apart by the account of the machine."""

import json
import pathlib
import subprocess
import sys

import pytest

import admin_api
from conftest import wait_until
from nets import need_root
from peer import PATIENCE_S

@pytest.fixture
def two(site):
    """A site where an order that hits more than one connection, and each posture, needs two."""
    need_root()  # to be two people
    site.change("respond:\n", "respond:\n  four_eyes:\n    connections_max: 1\n    actions: [posture, shutdown]\n")
    site.config.write_text(site.config.read_text() + "\npostures:\n  elevated:\n    limits: {packet_bytes_max: 1000}\n")
    site.start()
    for folder in (site.folder, site.socket.parent):
        folder.chmod(0o750)  # both are of the node's group
    yield site
    if site.process is not None:
        assert site.end() == 0, site.log_text()


def second(site, path, **body):
    asked = pathlib.Path(admin_api.__file__).read_text()  # nobody may not be let to where it stands
    done = subprocess.run([sys.executable, "-c", asked, str(site.socket), "POST", path, json.dumps(body)], user="nobody",
                          group=0, extra_groups=[], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def held(site):
    return site.json("respond")["held"]


def refused(site, *words):
    done = site.cli("respond", *words)
    assert done.returncode == 1, done.stdout
    return done.stderr


def test_an_order_that_hits_many_waits_until_another_one_approves_it(two, peer):
    victims = [peer(two, f"one-{i}", source="127.0.0.7").join() for i in range(2)]
    would = two.ok("respond", "run", "ban", "address", "127.0.0.7", "--dry-run")
    assert "would hit 2 connections" in would and "would wait for a second person" in would
    said = refused(two, "run", "ban", "address", "127.0.0.7", "--for", "1h", "--reason", "scan")
    assert "hits 2 connections and waits for a second person" in said and "respond approve" in said
    order, = held(two)
    assert (order["what"], order["target"], order["author"], order["n_hit"]) == ("ban", "127.0.0.7", "admin:root", 2)
    assert "is yours: it takes a second person" in refused(two, "approve", order["id"])
    assert two.json("bans") == [] and not any(one.disconnected.is_set() for one in victims)
    status, answer = second(two, f"/v1/orders/{order['id']}/approve")
    assert status == 200 and "done; 2 connections hit" in answer["text"]
    for one in victims:
        assert one.disconnected.wait(PATIENCE_S)
    assert peer(two, "one", source="127.0.0.7").connect() is None, "closed before its CONNECT was looked at"
    ban, = two.json("bans")
    assert ban["author"] == "admin:root" and ban["reason"] == "scan; approved by admin:nobody"
    assert held(two) == []
    done = [(e["actor"], e["action"]) for e in two.json("audit", "list")]
    assert ("admin:root", "hold ban") in done and ("admin:nobody", "approve ban") in done


def test_who_hits_few_acts_alone(two, peer):
    one = peer(two, "one", source="127.0.0.7").join()
    peer(two, "other", user="bob").join()
    two.ok("respond", "run", "ban", "address", "127.0.0.7", "--for", "1h")
    assert one.disconnected.wait(PATIENCE_S)


def test_the_short_commands_do_not_go_round_it(two, peer):
    both = [peer(two, f"one-{i}", source="127.0.0.7").join() for i in range(2)]
    for words in (["ban", "address", "127.0.0.7"], ["disconnect", "address", "127.0.0.7"]):
        done = two.cli(*words)
        assert done.returncode == 1 and "waits for a second person" in done.stderr
    assert len(held(two)) == 2 and not any(one.disconnected.is_set() for one in both)


def test_an_order_that_is_withdrawn_is_not_done(two):
    assert "waits for a second person" in refused(two, "run", "posture", "elevated")
    order, = held(two)
    two.ok("respond", "undo", order["id"])
    status, answer = second(two, f"/v1/orders/{order['id']}/approve")
    assert status == 404 and "approved or withdrawn" in answer["error"]
    assert two.json("respond")["posture"] == "normal"


def test_an_action_that_is_listed_waits_whomever_it_hits(two):
    refused(two, "run", "posture", "elevated", "--for", "1h")
    status, _ = second(two, f"/v1/orders/{held(two)[0]['id']}/approve")
    assert status == 200 and two.json("respond")["posture"] == "elevated"
    two.ok("respond", "undo", "posture")


def test_a_shutdown_begins_when_the_second_person_agrees(two):
    refused(two, "run", "shutdown", "--reason", "compromised")
    order, = held(two)
    status, _ = second(two, f"/v1/orders/{order['id']}/approve")
    assert status == 200 and two.process.wait(PATIENCE_S) == 0
    kept, = (two.folder / "state").glob("shutdown-*.json")
    assert json.loads(kept.read_text())["reason"] == "compromised; approved by admin:nobody"
    two.process = None
    two.log.close()


def test_a_command_that_is_held_takes_two_where_holding_does(two, peer):
    two.change("actions: [posture, shutdown]", "actions: [hold]")
    two.change("\ncommand_topics:\n", "\ncommand_topics:\n  - test/valve/#\n")
    two.change("respond:\n", "respond:\n  hold_commands: yes\n")
    two.ok("reload")
    desk, reader = peer(two, "desk").join(), peer(two, "reader").join().read("test/valve/#")
    desk.paho.publish("test/valve/1", "open", 1)
    wait_until(lambda: held(two), "it is held")
    command, = held(two)
    assert "approved by you, and waits for a second person" in refused(two, "approve", command["id"])
    assert "it takes a second person" in refused(two, "approve", command["id"])
    assert held(two)[0]["approved_by"] == "admin:root"
    status, answer = second(two, f"/v1/commands/{command['id']}/approve")
    assert status == 200 and "is published" in answer["text"]
    assert reader.next().payload == b"open"


def test_an_action_that_nobody_can_order_is_told(site):
    site.change("respond:\n", "respond:\n  four_eyes:\n    actions: [melt]\n")
    done = site.cli("check-config")
    assert done.returncode == 1 and "respond.four_eyes.actions" in done.stderr and "respond actions" in done.stderr
