# SPDX-License-Identifier: Apache-2.0
"""What a person reads: the first look of a shift, what is in force, what waits, and how it is undone."""

import os
import pty
import re
import subprocess

import pytest

from conftest import BASTIDE, has_tried_itself, wait_until
from peer import PATIENCE_S, Raw, guesses, packet, subscribe_packet
from test_assess import evidence



def lines(text):
    """Each line as its cells, which two spaces part."""
    return [re.split(r"  +", line.strip()) for line in text.splitlines()]


def table(text, first):
    """The rows below the title line that begins with `first`, as dictionaries."""
    rows = lines(text)
    at = next(i for i, row in enumerate(rows) if row[0] == first)
    ends = next((i for i in range(at, len(rows)) if rows[i] == [""]), len(rows))
    return [dict(zip(rows[at], row)) for row in rows[at + 1:ends]]


def fields(text):
    return {row[0]: row[1] for row in lines(text) if len(row) == 2}


# ---- status ----


def test_the_first_look_shows_the_posture_and_what_waits(site):
    site.change("respond:\n", "respond:\n  playbooks:\n"
                "    - {kind: repeated-auth-failures, severity: high, steps: [ban 10m], approval: yes}\n")
    site.config.write_text(site.config.read_text() + "\npostures:\n  elevated:\n    limits: {packet_bytes_max: 1000}\n")
    site.start()
    seen = fields(site.ok("status"))
    assert (seen["Posture"], seen["Waits for a person"]) == ("normal", "0")
    assert "Time scale" not in seen and "Suspended, ends" not in seen
    site.ok("respond", "run", "posture", "elevated", "--for", "10m")
    with guesses(site):
        wait_until(lambda: site.json("status")["respond"]["waiting"] == 1, "the ban waits")
    seen = fields(site.ok("status"))
    assert (seen["Posture"], seen["Waits for a person"]) == ("elevated", "1")
    site.ok("respond", "suspend", "--for", "10m")
    assert fields(site.ok("respond"))["Suspended, ends"].startswith("in ")
    assert site.end() == 0, site.log_text()


def test_a_clock_that_runs_faster_is_told_wherever_one_looks(site):
    site.change("\ndetect:\n", "\ndetect:\n  time_scale: 60\n")
    told = "detect.time_scale: automatic bans and delays end 60 times sooner"
    assert told in site.cli("check-config").stderr
    site.start()
    assert told in site.log_text()
    assert fields(site.ok("status"))["Time scale"].startswith("60: ")
    assert site.end() == 0, site.log_text()


# ---- what is in force, and what waits ----


def test_what_is_in_force_is_shown_as_it_has_to_be_undone(field, peer):
    field.ok("respond", "run", "ban", "client-address", "desk", "127.0.0.7", "--for", "10m")
    field.ok("respond", "run", "throttle", "client", "meter", "--rate", "5", "--for", "10m")
    field.ok("respond", "run", "quarantine", "topic", "test/x/#", "--direction", "publish", "--for", "10m")
    field.ok("respond", "run", "delay", "address", "127.0.0.8", "--delay", "1500", "--for", "10m")
    shown = {row["WHAT"]: row for row in table(field.ok("respond"), "WHAT")}
    assert set(shown) == {"ban for 10m", "throttle 5/s for 10m", "quarantine publish for 10m", "delay 1500 ms for 10m"}
    ban = shown["ban for 10m"]
    assert (ban["KIND"], ban["TARGET"], ban["ADDRESS"]) == ("client-address", "desk", "127.0.0.7")
    for what, row in shown.items():
        target = [row[title] for title in ("KIND", "TARGET", "ADDRESS") if row[title] != "-"]
        field.ok("respond", "undo", what.split()[0], *target, "--reason", "it is over")
    assert field.json("respond")["in_force"] == []


def test_columns_in_which_nothing_stands_are_left_out(field):
    field.ok("respond", "run", "ban", "client", "desk", "--for", "10m")
    row, = table(field.ok("respond"), "WHAT")
    assert "ADDRESS" not in row


def test_an_order_that_waits_is_shown_with_whom_it_hits_and_how_to_approve_it(site, peer):
    site.change("respond:\n", "respond:\n  four_eyes:\n    actions: [throttle]\n")
    site.start()
    peer(site, "one", source="127.0.0.7").join()
    said = site.cli("respond", "run", "throttle", "address", "127.0.0.7", "--rate", "5", "--for", "10m").stderr
    row, = table(site.ok("respond"), "WAITS")
    assert (row["WAITS"], row["TARGET"], row["HITS"]) == ("throttle 5/s for 10m", "127.0.0.7", "1")
    assert f"bastide respond approve {row['ID']}" in said and "approve ID" not in said
    assert site.end() == 0, site.log_text()


def test_each_action_says_what_undoes_it(field):
    actions = field.ok("respond", "actions")
    assert re.search(r"^throttle of .*address.*\n +does: +its messages .*\n +undone: +its own rate again$", actions, re.M)
    assert ";" not in actions


@pytest.mark.parametrize("words, said", [
    (["ban", "client"], "ban of which client? The target is missing: ban client TARGET"),
    (["ban"], "ban can be aimed at: address, client,"),
    (["throttle", "topic", "x"], "throttle can be aimed at: address, client,"),
])
def test_a_target_that_is_missing_is_told_apart_from_one_that_cannot_be(field, words, said):
    done = field.cli("respond", "run", *words)
    assert done.returncode == 1 and said in done.stderr and "what to do" not in done.stderr


# ---- one spelling ----

SERIAL = "00:0a:1b:2C"


@pytest.mark.parametrize("kind, said, other, shown", [
    ("address", "10.9.9.9", "::ffff:10.9.9.9", "10.9.9.9"),
    ("address", "2001:0db8::9", "2001:db8:0:0::9", "2001:db8::9"),
    ("address", "::ffff:10.9.9.0/120", "10.9.9.0/24", "10.9.9.0/24"),
    ("certificate", SERIAL, "A1B2C", "0A1B2C"),
])
def test_what_is_spelled_in_two_ways_is_one(field, kind, said, other, shown):
    field.ok("ban", kind, said)
    field.ok("ban", kind, other)
    assert [b["subject"] for b in field.json("bans")] == [shown]
    assert shown in field.ok("unban", kind, other)
    assert field.json("bans") == []
    field.ok("respond", "run", "throttle", kind, said, "--rate", "5")
    field.ok("respond", "undo", "throttle", kind, other)
    assert field.json("respond")["in_force"] == []


def test_an_address_of_a_client_and_of_whom_to_cut_has_one_spelling(field, peer):
    one = peer(field, "one", source="127.0.0.7").join()
    field.ok("disconnect", "address", "::ffff:127.0.0.7")
    assert one.disconnected.wait(PATIENCE_S)
    field.ok("ban", "client-address", "one", "::ffff:127.0.0.7")
    assert peer(field, "one", source="127.0.0.7").connect() == 0x8A
    field.ok("unban", "client-address", "one", "127.0.0.7")
    peer(field, "one", source="127.0.0.7").join()


def test_who_lifts_a_ban_that_is_not_the_one_is_told_which_is(field):
    field.ok("ban", "address", "127.0.9.0/24")
    field.ok("ban", "client-address", "desk", "127.0.0.7")
    assert "what keeps it out is the ban of address 127.0.9.0/24" in field.cli("unban", "address", "127.0.9.5").stderr
    assert "the ban of client-address desk 127.0.0.7" in field.cli("unban", "client", "desk").stderr
    for undo in (["unban"], ["respond", "undo", "ban"]):
        nothing = field.cli(*undo, "address", "127.0.9.5").stderr
        assert "what keeps it out is the ban of address 127.0.9.0/24" in nothing
        field.ok("ban", "address", "127.0.9.5")
        assert "kept out still by the ban of address 127.0.9.0/24" in field.ok(*undo, "address", "127.0.9.5")


def test_a_client_is_shown_with_the_serial_number_that_its_certificate_is_banned_by(field, peer):
    one = peer(field, "device-1", tls=True, certificate=field.certificate("device-1")).join()
    seen = fields(field.ok("clients", "device-1"))
    serial, issuer = seen["Certificate serial"], seen["Certificate issuer"]
    assert serial in {c["serial"] for c in field.json("pki", "list")} and issuer
    pairs = ":".join(serial[i:i + 2].lower() for i in range(0, len(serial), 2))
    assert "1 connection closed" in field.ok("ban", "certificate", pairs)
    assert one.disconnected.wait(PATIENCE_S)
    field.ok("unban", "certificate", serial.lstrip("0"))


def test_what_is_shown_as_unacknowledged_was_not_acknowledged(field, peer):
    n = 10
    writer = peer(field, "writer").join()
    with Raw(field) as reader:
        reader.join(field, "reader")
        reader.send(subscribe_packet("test/n", 1))
        reader.packet()
        for i in range(n):
            writer.publish("test/n", str(i))
        ids = [int.from_bytes(reader.packet()[1][8:10], "big") for _ in range(n)]
        assert fields(field.ok("clients", "reader"))["Unacknowledged"] == str(n)
        for one in ids[1:]:  # the oldest stays open
            reader.send(packet(0x40, one.to_bytes(2, "big")))
        reader.send(packet(0xC0, b""))
        assert reader.packet()[0] == 0xD0  # all before it was read
        assert fields(field.ok("clients", "reader"))["Unacknowledged"] == "1"


# ---- flows and crypto ----


@pytest.fixture
def talking(field, peer):
    """Two clients whose ids are not their users' names, one of which speaks to the other."""
    peer(field, "desk", user="bob").join().read("test/said/#")
    sensor = peer(field, "sensor-7").join()
    sensor.publish("test/said/much", "x")
    wait_until(lambda: field.json("flows") != [], "a flow")
    return field


@pytest.mark.parametrize("option, name", [("--csv", "flows.csv"), ("--json", "flows.json")])
def test_flows_that_were_exported_and_imported_are_declared(talking, option, name):
    flow, = talking.json("flows", "--from", "sensor-7", "--to", "desk")
    assert (flow["from"], flow["to"], flow["from_name"], flow["to_name"]) == ("alice", "bob", "sensor-7", "desk")
    (talking.folder / name).write_text(talking.ok("flows", "--undeclared", option))
    talking.ok("flows", "import", str(talking.folder / name))
    talking.ok("reload")
    assert talking.json("flows", "--undeclared") == [] and len(talking.json("flows")) == 1


def test_the_options_of_flows_hold_for_those_that_are_declared_and_not_seen(talking):
    (talking.folder / "more.csv").write_text("from,topic,to,crosses_zones\npump,test/p,bob,\nalice,test/q,mary,yes\n")
    talking.ok("flows", "import", str(talking.folder / "more.csv"))
    talking.ok("reload")

    def missing(*options):
        shown = talking.ok("flows", *options)
        return [row["TOPIC"] for row in table(shown, "DECLARED, NOT SEEN: FROM")] if "NOT SEEN" in shown else []

    assert missing() == ["test/p", "test/q"]
    assert missing("--from", "pump") == missing("--to", "bob") == missing("--topic", "/p") == ["test/p"]
    assert missing("--cross-zone") == ["test/q"]
    assert missing("--undeclared") == []


def test_who_comes_in_clear_is_outside_the_profile(talking, peer):
    peer(talking, "device-1", tls=True, certificate=talking.certificate("device-1")).join()
    wait_until(lambda: any(x["tls_version"] != "none" for x in talking.json("crypto")), "its suite is known")
    assert "the inventory has no crypto_profile" in talking.ok("crypto", "--outside")
    assert talking.json("crypto", "--outside") == []
    inventory = talking.folder / "inventory.yaml"
    inventory.write_text(inventory.read_text() + "\ncrypto_profile:\n  - {tls_version: TLSv1.3}\n")
    talking.ok("reload")
    assert {(x["name"], x["tls_version"]) for x in talking.json("crypto", "--outside")} == {("desk", "none"), ("sensor-7", "none")}
    assert talking.json("crypto", "--outside") == [x for x in talking.json("crypto") if x["name"] != "device-1"]


# ---- incidents ----


def test_what_was_not_done_says_why_not_and_what_waits_how_to_approve_it(site):
    site.change("respond:\n", "respond:\n  playbooks:\n"
                "    - {kind: repeated-auth-failures, severity: high, steps: [ban 10m], approval: yes}\n"
                "    - {kind: repeated-auth-failures, severity: medium, steps: [delay 10m]}\n")
    site.start()
    with guesses(site, 30):
        wait_until(lambda: site.json("status")["respond"]["waiting"], "the ban waits")
    incident = next(i["id"] for i in site.json("incidents") if i["kind"] == "repeated-auth-failures")
    shown = site.ok("incidents", "show", incident)
    row = next(r for r in table(shown, "WHEN") if r["STATE"] == "held")
    assert row["WHY NOT"] == "its playbook asks a person first; approval needed"
    waits = next(a for a in site.json("incidents", "show", incident)["actions"] if a["state"] == "held")
    assert waits["why_not"] == row["WHY NOT"] and "; " not in waits["reason"]
    assert site.json("respond")["held"][0]["why_not"] == row["WHY NOT"]
    assert row["WHY NOT"] in site.ok("respond")
    assert re.search(rf"^approve until \d\d:\d\d UTC, in 1[45] min: bastide incidents approve {incident}$", shown, re.M)
    site.ok("incidents", "approve", incident)
    shown = site.ok("incidents", "show", incident)
    assert "approve until" not in shown
    assert site.end() == 0, site.log_text()


def test_the_column_of_reasons_is_there_where_there_is_one(field):
    with guesses(field, 6):
        wait_until(lambda: field.json("incidents") != [], "an incident")
    incident = field.json("incidents")[0]
    assert "WHY NOT" not in field.ok("incidents", "show", incident["id"])
    assert field.cli("incidents", "assign", incident["id"]).returncode == 2
    assert "is assigned to Ada" in field.ok("incidents", "assign", incident["id"], "--to", "Ada")
    assert "is assigned to nobody" in field.ok("incidents", "assign", incident["id"], "--to", "")


# ---- drills ----


def test_a_drill_that_there_is_not_says_why_and_one_before_the_lab_what_to_run(site):
    for name, said in (("client-unavailable", "no drill of client-unavailable, because"), ("nonsense", "there is no detector nonsense")):
        done = site.cli("drill", name)
        assert done.returncode == 2 and said in done.stderr
    done = site.cli("drill", "brute-force-io")
    assert done.returncode == 1 and f"bastide lab --prepare --home {site.folder}" in done.stderr


# ---- what the node tries by itself ----


def test_who_reads_everything_does_not_read_what_the_node_tries(site, peer):
    site.change("  tester:\n    allow:\n", "  tester:\n    allow:\n      - subscribe: '#'\n")
    site.change("connect_timeout_ms: 20000", "connect_timeout_ms: 1000")
    site.start()
    reader = peer(site, "reader").join().read("#")
    wait_until(lambda: has_tried_itself(site), "the trials have ended")
    assert "nobody subscribes to was answered by 0x10" in evidence(site, "MQ.DE.ID-03.t1")["detail"]
    assert evidence(site, "MQ.DE.ID-03.t1")["value"] == 1 and evidence(site, "MQ.RS.RP-04.t1")["value"] == 3
    assert [m.topic for m in list(reader.messages.queue) if "self-test" in m.topic] == []
    assert site.end() == 0, site.log_text()


# ---- names that would steer a terminal ----

TREACHEROUS = ["evil\x1b[31mred", "two\nlines", "c1 \x9b31m", "turned \u202eround", "un\u200bseen", "made up \\x1b"]


def test_who_has_a_treacherous_name_can_be_acted_on_by_what_is_shown(field, peer):
    ones = {name: peer(field, name).join() for name in TREACHEROUS}
    names = {row["CLIENT"] for row in table(field.ok("clients"), "CLIENT")}
    shown = sorted(name for name in names if not name.startswith("bastide-self-test-"))
    assert len(shown) == len(TREACHEROUS)
    assert not [c for name in shown for c in name if not c.isprintable()]
    assert sorted(row["ASSET"] for row in table(field.ok("assets"), "ASSET")) == shown
    assert sorted(a["client_id"] for a in field.json("assets")) == sorted(TREACHEROUS)
    for name in shown:
        assert fields(field.ok("clients", name))["Client"] == name
        assert "1 connection closed" in field.ok("ban", "client", name)
        assert f'"{name}" is lifted' in field.ok("unban", "client", name)
    assert all(one.disconnected.wait(PATIENCE_S) for one in ones.values())


def test_the_log_shows_a_treacherous_name_and_does_not_obey_it(field, peer):
    peer(field, "c1 \x9b31m \u202eround", password="wrong").connect()
    assert "\\x9b31m \\u202eround" in field.log_text()
    assert not [c for c in field.log_text() if not c.isprintable() and c != "\n"]


LISTS = [["assets", "--csv"], ["assets", "--dot"], ["assets", "--json"], ["assets"], ["clients", "--json"],
         ["incidents"], ["audit", "export"], ["incidents", "-f", "--json"]]


def on_a_terminal(site, words):
    """What it writes there, until it ends or, if it follows, has told of one incident."""
    ours, its = pty.openpty()
    told = b""
    with subprocess.Popen([BASTIDE, *words, "--home", site.folder], stdout=its, stderr=its) as program:
        os.close(its)
        while not ("-f" in words and told.endswith(b"}\r\n")):
            try:
                told += os.read(ours, 65536)
            except OSError:  # the program has ended
                break
        program.terminate()
    os.close(ours)
    return told.decode()


def test_nothing_that_is_written_to_a_terminal_steers_it(field, peer):
    for name in TREACHEROUS:
        peer(field, name).join()
    for name in 3 * TREACHEROUS:
        peer(field, name, password="wrong", source="127.0.0.9").connect()
    for name in TREACHEROUS:
        field.ok("ban", "client", name)
    wait_until(lambda: field.json("incidents"), "the guesses are told of")
    for words in LISTS:
        told = on_a_terminal(field, words)
        assert told and not [c for c in told if not c.isprintable() and c not in "\r\n"], words
