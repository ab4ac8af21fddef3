# SPDX-License-Identifier: Apache-2.0
"""bastide incidents: shown, judged, followed, and what was done because of one taken back."""

import json
import subprocess

import pytest

from conftest import BASTIDE, CONFIG, PATIENCE_S, wait_until
from test_cli import NO, Client


@pytest.fixture
def commanded(home):
    """A node with a command topic, which no role of it may command by."""
    home.write(CONFIG + "command_topics:\n  - open/command/#\n")
    home.start()
    yield home
    assert home.end() == 0, home.log_text()


def command(node, client_id):
    one = Client(node, client_id).wait_connected()
    one.paho.publish("open/command/breaker", b"open", 0)
    wait_until(
        lambda: any(x["client_id"] == client_id for x in node.json("incidents")), "an incident"
    )
    one.close()
    return next(x for x in node.json("incidents") if x["client_id"] == client_id)


def test_an_incident_is_shown_acknowledged_and_closed(commanded):
    incident = command(commanded, "intruder")
    assert incident["kind"] == "unauthorized-command"
    assert incident["state"] == "open"
    number = incident["id"]

    table = commanded.ok("incidents")
    assert number in table and "unauthorized-command" in table
    shown = commanded.ok("incidents", "show", number)
    assert "intruder" in shown and "ATT&CK" in shown
    assert commanded.json("incidents", "show", number)["id"] == number

    commanded.ok("incidents", "ack", number, "--note", "on my way")
    assert commanded.json("incidents", "show", number)["state"] == "acknowledged"
    commanded.ok("incidents", "assign", number, "--to", "Ada Lovelace")
    assert commanded.json("incidents", "show", number)["assigned_to"] == "Ada Lovelace"
    commanded.ok("incidents", "close", number, "--as", "benign", "--note", "a drill")
    closed = commanded.json("incidents", "show", number)
    assert closed["state"] == "closed"
    assert [x["text"] for x in closed["notes"]] == ["on my way", "a drill"]
    assert "a drill" in commanded.ok("incidents", "show", number)
    assert commanded.json("status")["incidents_open"] == 0

    assert commanded.cli("incidents", "close", number).returncode == NO
    assert commanded.cli("incidents", "show", "I-none").returncode == NO
    assert commanded.cli("incidents", "close", number, "--as", "odd").returncode == NO


def test_what_was_closed_and_is_found_again_opens_another_one(commanded):
    first = command(commanded, "intruder")
    assert first["rule"] == "high" and "1 commands that the role may not give, within 600 s" in first["text"]
    commanded.ok("incidents", "close", first["id"], "--as", "true")
    again = Client(commanded, "intruder").wait_connected()
    again.paho.publish("open/command/breaker", b"open", 0)
    wait_until(lambda: [x["id"] for x in commanded.json("incidents", "--state", "open")] not in ([], [first["id"]]),
               "another incident")
    again.close()


def test_incidents_outlive_a_restart_and_judgements_are_counted(commanded):
    wrong, right = command(commanded, "one")["id"], command(commanded, "two")["id"]
    commanded.ok("incidents", "close", wrong, "--as", "false", "--note", "a new station")
    assert commanded.json("incidents", "show", right)["related"] == [wrong]
    before = commanded.json("incidents")
    assert commanded.end() == 0
    commanded.start()
    assert commanded.json("incidents") == before
    commanded.ok("incidents", "close", right, "--as", "true")

    stats = commanded.json("incidents", "--stats")
    assert {k: stats["all"][k] for k in ("opened", "open", "true", "false")} == {
        "opened": 2, "open": 0, "true": 1, "false": 1,
    }
    assert [x["kind"] for x in stats["kinds"]] == ["unauthorized-command"]
    assert "unauthorized-command" in commanded.ok("incidents", "--stats")


def test_incidents_are_filtered(commanded):
    number = command(commanded, "intruder")["id"]
    assert [x["id"] for x in commanded.json("incidents", "--kind", "unauthorized-command")] == [number]
    assert commanded.json("incidents", "--kind", "topic-scan-publish") == []
    assert commanded.json("incidents", "--state", "closed") == []
    refused = commanded.cli("incidents", "--kind", "topic-scan-publsh")
    assert refused.returncode == 1 and "did you mean topic-scan-publish" in refused.stderr
    assert [x["id"] for x in commanded.json("incidents", "--severity", "low", "--limit", "1")] == [number]


def guess(node):
    """Passwords of alice, from an address of its own; at once, for each answer comes later than the last."""
    words = ["mosquitto_pub", "-p", str(node.port), "-A", "127.0.0.9", "-t", "open/a", "-m", "x"]
    guessers = [
        subprocess.Popen(
            [*words, "-i", f"guesser-{i}", "-u", "alice", "-P", f"guess {i}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for i in range(20)
    ]
    for one in guessers:
        one.wait(PATIENCE_S)


def is_banned(node):
    """The address of the guesser, and nobody else."""
    return [(x["kind"], x["subject"]) for x in node.json("bans")] == [("address", "127.0.0.9")]


def knock(node):
    """0: who comes from the address of the guesser is let in."""
    return subprocess.run(
        ["mosquitto_pub", "-p", str(node.port), "-A", "127.0.0.9", "-i", "meter-1", "-t", "open/a", "-m", "x"],
        capture_output=True, timeout=PATIENCE_S,
    ).returncode


def bans_of_guesses(node):
    """What became of each ban that the guesses led to."""
    return [
        a["state"]
        for x in node.json("incidents", "--kind", "repeated-auth-failures")
        for a in x["actions"]
        if a["what"] == "ban"
    ]


def test_what_was_done_because_of_an_incident_is_rolled_back(home):
    home.write(CONFIG + "detect:\n  startup_grace_s: 0\n")
    home.start()
    node = home
    guess(node)
    wait_until(lambda: is_banned(node), "the guesser is banned")
    number = node.json("incidents", "--kind", "repeated-auth-failures")[0]["id"]

    node.ok("incidents", "rollback", number)
    assert node.json("bans") == []
    actions = node.json("incidents", "show", number)["actions"]
    assert [x["undone"] for x in actions if x["what"].startswith("ban")] == [True]
    audit = [x for x in node.json("audit", "list") if x["object"] == "address 127.0.0.9"]
    assert [(x["action"], x["result"]) for x in audit if x["actor"] == "detector:repeated-auth-failures"][-1] == (
        "ban", "done: ban for 10m")
    undone = [(x["action"], x["result"]) for x in audit if x["actor"].startswith("admin:")]
    assert [x for x in undone if x[0] != "delay"] == [("ban", "undone: ban for 10m")]  # a delay came first, or did not
    Client(node, "meter-1", source="127.0.0.9").wait_connected().close()
    assert home.end() == 0, home.log_text()


def test_what_a_person_banned_outlives_a_rollback(home):
    home.write(CONFIG + "detect:\n  startup_grace_s: 0\n")
    home.start()
    guess(home)
    wait_until(lambda: is_banned(home), "the guesser is banned")
    said = home.ok("ban", "address", "127.0.0.9", "--for", "5m", "--reason", "looked at")
    assert "beside what is in force until" in said and "by detector:repeated-auth-failures, as ban for 10m" in said
    assert len(home.json("bans")) == 2
    number = home.json("incidents", "--kind", "repeated-auth-failures")[0]["id"]
    home.ok("incidents", "rollback", number)
    assert [(x["author"][:6], x["reason"]) for x in home.json("bans")] == [("admin:", "looked at")]
    assert knock(home) != 0
    assert home.end() == 0, home.log_text()
    home.start()
    assert knock(home) != 0
    home.ok("unban", "address", "127.0.0.9")
    assert knock(home) == 0


def test_a_ban_of_a_client_is_told_as_it_is_in_force_and_lifted(home):
    home.write(CONFIG + "command_topics:\n  - open/command/#\ndetect:\n  startup_grace_s: 0\n"
               "respond:\n  playbooks:\n    - {{kind: unauthorized-command, severity: high, steps: [ban 10m]}}\n")
    home.start()
    number = command(home, "intruder")["id"]
    ban, = home.json("bans")
    target = [ban["kind"], ban["subject"], ban["address"]]
    did, = [a for a in home.json("incidents", "show", number)["actions"] if a["what"] == "ban"]
    assert [did["target_kind"], did["target"], did["address"]] == target == ["client-address", "intruder", "127.0.0.1"]
    assert "  ".join(target) in home.ok("incidents", "show", number)
    home.ok("unban", *target)
    told = {(e["action"], e["object"]) for e in home.json("audit", "list")}
    assert {("ban", " ".join(target)), ("unban", " ".join(target))} <= told
    assert home.end() == 0, home.log_text()


def test_what_a_playbook_does_with_approval_waits_until_it_is_approved(home):
    home.write(CONFIG + """detect:
  startup_grace_s: 0
respond:
  playbooks:
    - kind: repeated-auth-failures
      severity: high
      steps: [ban 10m]
      approval: yes
""")
    home.start()
    one = Client(home, "meter-1", source="127.0.0.9").wait_connected()
    guess(home)
    wait_until(lambda: bans_of_guesses(home) == ["held"], "the ban waits")
    assert home.json("bans") == []
    assert [x["n_hit"] >= 1 for x in home.json("respond")["held"] if x["what"] == "ban"] == [True]
    assert "HITS" in home.ok("respond")
    one.close()
    number = home.json("incidents", "--kind", "repeated-auth-failures")[0]["id"]
    home.ok("incidents", "approve", number)
    assert bans_of_guesses(home) == ["done"]
    ban, = home.json("bans")
    assert (ban["subject"], ban["author"]) == ("127.0.0.9", "admin:root")
    assert home.end() == 0, home.log_text()


def test_nothing_waits_for_approval_is_said(commanded):
    number = command(commanded, "intruder")["id"]
    done = commanded.cli("incidents", "approve", number)
    assert done.returncode == NO
    assert "what to do" not in done.stderr


def test_who_follows_reads_what_was_found(commanded):
    follower = subprocess.Popen([BASTIDE, "incidents", "-f", "--home", str(commanded.folder)], stdout=subprocess.PIPE, text=True)
    try:
        incident = command(commanded, "intruder")
        assert incident["id"] in (line := follower.stdout.readline()) and incident["text"] in line
    finally:
        follower.kill()
        follower.wait()
        follower.stdout.close()


def test_follow_writes_a_line_for_each_change(commanded):
    follower = subprocess.Popen(
        [BASTIDE, "incidents", "--follow", "--json", "--home", str(commanded.folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        number = command(commanded, "intruder")["id"]
        first = json.loads(follower.stdout.readline())
        assert (first["id"], first["state"]) == (number, "open")
        commanded.ok("incidents", "ack", number)
        line = json.loads(follower.stdout.readline())
        while line["state"] == "open":
            line = json.loads(follower.stdout.readline())
        assert (line["id"], line["state"]) == (number, "acknowledged")
    finally:
        follower.kill()
        follower.wait()
        follower.stdout.close()
