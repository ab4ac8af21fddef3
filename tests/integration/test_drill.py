# SPDX-License-Identifier: Apache-2.0
"""Drills: what they measure is evidence, and what they could not measure is not."""

import json
import re
import subprocess

import pytest

from admin_api import ask
from conftest import BASTIDE, clients
from nets import ip
from test_ward import OK, PING, ward  # noqa: F401, a fixture

LAB_S = 120
MEASURES = {
    "revoke": {"MQ.PR.SP-02.t3": 60, "MQ.RS.RP-01.t1": 60, "MQ.RS.RP-01.t2": 60},
    "disable": {"MQ.RS.RP-02.t1": 60},
    "ban": {"MQ.PR.SP-04.t1": 60, "MQ.PR.SP-04.t2": 60},
    "block": {"MQ.RS.RP-04.t2": 30},
}


def lab(site, *words):
    return subprocess.run([BASTIDE, "lab", "--home", str(site.folder), *words],
                          capture_output=True, text=True, timeout=LAB_S)


@pytest.fixture
def bus(site):
    assert lab(site, "--prepare").returncode == 0
    site.start()
    yield site
    if site.process is not None:
        assert site.end() == 0, site.log_text()


def recorded(site):
    """What the node keeps of drills."""
    return ask(site.socket, "GET", "/v1/records/drill")[1]


def measured(site):
    done = json.loads(site.ok("assess", "--json"))
    return {t["id"]: t for s in done["subcategories"] for t in s["tests"]}


# What a drill shows to the detectors: a certificate that was revoked, a server that nobody believes.
NOTICED = {"revoke": {"bad-certificate"}}


@pytest.mark.parametrize("drill", MEASURES)
def test_a_drill_measures_until_the_client_is_cut_and_refused(bus, drill):
    done = lab(bus, "--drill", drill)
    assert done.returncode == 0, done.stderr
    values = {line["test"]: line for line in recorded(bus)}
    seen = measured(bus)
    for test, most in MEASURES[drill].items():
        assert 0 < values[test]["value"] < most
        assert f"bastide lab --drill {drill}, run by " in values[test]["by"]
        assert seen[test]["value"] == pytest.approx(values[test]["value"])
    noticed = {i["kind"] for i in bus.json("incidents")}
    assert noticed <= NOTICED.get(drill, set()), "a drill is no attack beyond what it shows"
    assert bus.json("bans") == []
    assert lab(bus, "--drill", drill, "--rounds", "1").returncode == 0, "it can be run again"


def test_a_blocked_topic_is_the_only_one_that_is_disturbed(bus):
    assert lab(bus, "--drill", "block").returncode == 0
    values = {line["test"]: line["value"] for line in recorded(bus)}
    assert values["MQ.RS.RP-04.t3"] == 0
    assert bus.json("respond")["in_force"] == []


def test_a_posture_is_in_force_when_its_listener_lets_nobody_in_and_over_after_the_undo(bus):
    done = lab(bus, "--drill", "posture")
    assert done.returncode == 0 and "nothing is measured" in done.stdout
    assert "MQ.RS.RP-05.t2" not in {line["test"] for line in recorded(bus)}
    named = json.loads(bus.ok("status", "--json"))["listeners"]
    other = next(x for x in named if not x["tls"] and x["plane"] == "delivery")
    bus.config.write_text(bus.config.read_text()
                          + f"\npostures:\n  elevated:\n    closed_listeners: [{other['name']}]\n")
    bus.ok("reload")
    done = lab(bus, "--drill", "posture")
    assert done.returncode == 0, done.stderr
    values = {line["test"]: line["value"] for line in recorded(bus)}
    assert 0 < values["MQ.RS.RP-05.t2"] < 30
    assert bus.json("respond")["in_force"] == []


ATTACKER = "198.51.100.9"  # made for documentation: nobody has it


@pytest.fixture
def walled(ward, site):  # noqa: F811
    """A node beside a ward, both in a namespace in which ATTACKER is one of the machine's addresses."""
    assert lab(site, "--prepare").returncode == 0
    ip("-n", ward.nets.node, "addr", "add", f"{ATTACKER}/32", "dev", "lo")
    site.change("respond:\n", f"respond:\n  ward: {ward.socket}\n")
    site.start(prefix=["ip", "netns", "exec", ward.nets.node])
    yield site
    assert site.end() == 0, site.log_text()


def drill_inside(ward, site, *words):  # noqa: F811
    return subprocess.run(["ip", "netns", "exec", ward.nets.node, BASTIDE, "drill", "firewall", "--home", str(site.folder),
                           *words], capture_output=True, text=True, timeout=LAB_S)


def test_who_does_not_stop_has_its_packets_dropped_and_nobody_else_has(ward, walled):  # noqa: F811
    done = drill_inside(ward, walled, "--source", ATTACKER)
    assert done.returncode == 0 and "are dropped within" in done.stdout, done.stdout + done.stderr
    line = recorded(walled)[-1]
    print(f"dropped after {line['contain_seconds'][0]:.3f} s")
    assert line["subcategory"] == "MQ.RS.RP-05" and line["contained"] == 1
    assert 0 <= line["contain_seconds"][0] < 30
    assert walled.json("bans") == [] and ward.ask(PING) == (OK, 0)
    asked = [a for i in walled.json("incidents") for a in i["actions"] if a["what"] == "firewall"]
    assert [(a["target"], a["state"]) for a in asked] == [(ATTACKER, "undone")]


def test_a_ward_that_does_not_answer_is_told_and_no_fault_of_the_drill(ward, walled):  # noqa: F811
    ward.end()
    done = drill_inside(ward, walled, "--source", ATTACKER)
    assert done.returncode == 0, done.stderr
    assert "failed" in done.stdout and "systemctl status bastide-ward" in done.stdout
    assert recorded(walled) == []


def test_a_burst_of_one_is_limited_and_how_others_fare_is_measured(bus):
    limit = "  lab-drill:\n"
    bus.change(limit, limit + "    messages_per_s_max: 200\n")
    bus.ok("reload")
    done = lab(bus, "--drill", "burst")
    assert done.returncode == 0, done.stderr
    came, most = map(int, re.search(r"(\d+) came, at most (\d+) may", done.stdout).groups())
    assert 0 < came <= most
    line = recorded(bus)[-1]
    assert line["test"] == "MQ.PR.SP-05.t2" and line["value"] in (0, 1)  # how quick others are is the machine's, too
    assert measured(bus)["MQ.PR.SP-05.t2"]["value"] == line["value"]


def test_a_limit_that_cannot_be_passed_tenfold_is_told(bus):
    done = lab(bus, "--drill", "burst")
    assert done.returncode == 0 and "Give the role lab-drill a messages_per_s_max" in done.stdout
    assert recorded(bus) == []


@pytest.mark.parametrize("durability", ["memory", "commit"])
def test_what_is_stored_cannot_be_read_from_the_disk(site, durability):
    assert lab(site, "--prepare").returncode == 0
    text, n = re.subn(r"(?m)^  durability: \w+", f"  durability: {durability}", site.config.read_text())
    assert n == 1
    site.config.write_text(text)
    backups = site.folder / "backups"
    site.start()
    assert "say by --backups" in lab(site, "--drill", "canary").stdout and recorded(site) == []
    done = lab(site, "--drill", "canary", "--backups", str(backups))
    assert done.returncode == 0, done.stderr
    line = recorded(site)[-1]
    assert line["test"] == "MQ.PR.SP-06.t1" and line["value"] == 1 and line["samples"] > 10
    assert clients(site) == [], "no session of the drill is left"
    assert not (site.folder / "lab/canary").exists()
    assert site.end() == 0


def test_without_a_ward_the_drill_of_the_firewall_says_what_to_do(bus):
    done = lab(bus, "--drill", "firewall")
    assert done.returncode == 0 and recorded(bus) == []
    assert "set respond.ward in bastide.yaml" in done.stdout and "nothing is measured" in done.stdout


@pytest.mark.parametrize("drill", ["firewall", "posture", "burst", "canary"])
def test_a_drill_that_measures_nothing_says_so_to_programs_too(bus, drill):
    done = lab(bus, "--drill", drill, "--json")
    assert done.returncode == 0 and recorded(bus) == []
    said = json.loads(done.stdout)
    assert said["drill"] == drill and said["measured"] is False and "nothing is measured" in said["why"]


def test_an_attack_whose_incident_is_open_already_proves_nothing_and_says_so_to_programs(bus):
    for line in ({"detected": 1}, {"drill": "sys-recon", "measured": False}):
        done = subprocess.run([BASTIDE, "drill", "sys-recon", "--home", str(bus.folder), "--json"],
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert line.items() <= said.items()
    assert "such an incident was open already" in said["why"] and len(recorded(bus)) == 1


def test_a_revoked_device_does_not_come_back_in_any_way(bus):
    assert lab(bus, "--drill", "revoke", "--rounds", "2").returncode == 0
    values = {line["test"]: line for line in recorded(bus)}
    assert values["MQ.RS.RP-03.t2"]["value"] == 1 and values["MQ.RS.RP-03.t2"]["samples"] == 2


def test_each_kind_of_client_leaves_a_server_that_it_must_not_trust(bus):
    done = lab(bus, "--drill", "rogue-server", "--json")
    assert done.returncode == 0, done.stderr
    values = {v["test"]: v for v in map(json.loads, done.stdout.splitlines())}
    assert values["MQ.PR.IA-04.t3"]["value"] == 1 and values["MQ.PR.IA-04.t3"]["samples"] == 6


def test_what_an_intruder_tried_is_held_against_what_was_noticed(bus):
    done = lab(bus, "--intruder", "--json")
    assert done.returncode == 0, done.stderr
    by_sub = {}
    for line in recorded(bus):
        by_sub.setdefault(line["subcategory"], []).append(line)
    assert {s: len(lines) for s, lines in by_sub.items()} == {
        "MQ.PR.SP-03": 1, "MQ.DE.ID-02": 2, "MQ.DE.ID-01": 1}
    for line in recorded(bus):
        assert line["injected"] == line["detected"] == 1
        assert 0 <= line["seconds"][0] < LAB_S
    incidents = {(i["kind"], i["subject"]): i for i in bus.json("incidents")}
    guess = incidents["repeated-auth-failures", "ip:127.0.0.66"]
    assert by_sub["MQ.DE.ID-01"][0]["touched"][0] <= 2 * guess["limit"]
    seen = measured(bus)
    assert seen["MQ.DE.ID-02.t1"]["value"] == 1 and seen["MQ.DE.ID-02.t1"]["samples"] == 2
    assert seen["MQ.PR.SP-03.t3"]["samples"] == 4

    # It is banned, and its incidents are open: a second run proves nothing new.
    before = recorded(bus)
    assert lab(bus, "--intruder").returncode == 0
    assert recorded(bus) == before


def test_a_drill_without_a_node_records_nothing(site):
    assert lab(site, "--prepare").returncode == 0
    done = lab(site, "--drill", "all")
    assert done.returncode == 1 and "is the node running?" in done.stderr
    assert not (site.folder / "state/control.db").exists()


def test_a_drill_that_there_is_not_is_told(site):
    done = lab(site, "--drill", "fire")
    assert done.returncode == 2 and "revoke, disable, ban, block, posture, firewall, burst, canary, rogue-server, all" in done.stderr
