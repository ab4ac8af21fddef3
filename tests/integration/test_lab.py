# SPDX-License-Identifier: Apache-2.0
"""The energy provider's field bus (Appendix A), and an intruder against it."""

import json
import os
import shutil
import signal
import subprocess

import pytest

from conftest import BASTIDE, as_nobody, wait_until
from peer import PATIENCE_S

STEPS = 12
LAB_S = 120


def lab(site, *words):
    return subprocess.run([BASTIDE, "lab", "--home", str(site.folder), *words],
                          capture_output=True, text=True, timeout=LAB_S)


@pytest.fixture
def bus(site):
    """A running node that knows the lab."""
    done = lab(site, "--prepare")
    assert done.returncode == 0, done.stderr
    site.ok("check-config")
    site.start()
    yield site
    if site.process is not None:
        assert site.end() == 0, site.log_text()


def test_a_lab_that_is_not_prepared_says_how(site):
    done = lab(site)
    assert done.returncode == 1 and "make it by 'bastide lab --prepare --home" in done.stderr + done.stdout


def test_preparing_the_lab_twice_changes_nothing(site):
    names = ("bastide.yaml", "users.yaml", "inventory.yaml")
    assert lab(site, "--prepare").returncode == 0
    first = [(site.folder / name).read_text() for name in names]
    assert lab(site, "--prepare").returncode == 0
    assert [(site.folder / name).read_text() for name in names] == first


@pytest.mark.skipif(os.geteuid() != 0, reason="only root works in the home of another user")
def test_what_root_prepares_is_the_homes_owners(site):
    shutil.rmtree(site.folder / "lab")
    as_nobody(site)
    owner = site.folder.stat().st_uid
    assert owner != 0
    assert lab(site, "--prepare").returncode == 0
    site.ok("pki", "issue", "client", "device-2")
    made = {p for p in site.folder.rglob("*") if p.parts[-2] in ("lab", "clients")}
    assert {"contractor-1.password", "meter-1.key", "device-2.key"} <= {p.name for p in made}
    assert {p for p in site.folder.rglob("*") if p.stat().st_uid != owner} == set()


def test_whom_the_lab_lets_in_is_in_the_audit_as_if_a_person_had_typed_it(field):
    assert lab(field, "--prepare").returncode == 0
    entries = {(e["action"], e["object"]): e for e in field.json("audit", "list")}
    for name in ("tablet-1", "power-supply-1", "meter-1", "dms-1", "cap-bank-1"):
        assert "serial" in entries["pki issue", f"certificate {name}"]["reason"]
        assert f"certificate {name}" in entries["user add", f"user {name}"]["reason"]
    for name in ("contractor-1", "drill-1", "drill-2"):
        assert ("user add", f"user {name}") in entries
    before = len(field.json("audit", "list"))
    assert lab(field, "--prepare").returncode == 0
    assert len(field.json("audit", "list")) == before


def test_a_role_of_an_older_lab_is_told_and_what_to_do(site):
    path = site.folder / "bastide.yaml"
    assert lab(site, "--prepare").returncode == 0
    made = path.read_text()
    older = made.replace("publish_subscribe: fmb/drill/", "publish: fmb/drill/")
    assert older != made
    path.write_text(older)

    done = lab(site, "--prepare", "--quiet")
    assert done.returncode == 0 and path.read_text() == older
    line = older.splitlines().index("  lab-drill:") + 2
    assert f"bastide.yaml:{line}:5: warning: the role lab-drill lacks what the lab needs" in done.stderr
    assert "take it out and run bastide lab --prepare again" in done.stderr
    assert "publish_subscribe: fmb/drill/" in done.stderr and done.stderr.count("warning") == 1

    path.write_text(made.replace("  lab-drill:\n", "  lab-drill:\n    may_command: no\n"))  # more is fine
    assert lab(site, "--prepare").stderr == ""


def test_the_lab_scenario_of_appendix_a_runs_to_its_end(bus):
    done = lab(bus, "--rounds", "2", "--interval", "0", "--json")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["step"] for e in events if e["event"] == "step"] == 2 * list(range(1, STEPS + 1))
    assert events[-1] == {**events[-1], "event": "end", "rounds": 2, "ok": True}
    shown = [e for e in events if e["event"] == "tablet-shows"][-1]
    assert shown["cap_bank"] == "closed" and round(shown["meter_volts"]) == 120


def test_the_lab_draws_the_final_state(bus):
    done = lab(bus, "--ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    initial, final = done.stdout.split("Final state")
    assert "/ open" in initial and "118.1 V normal" in initial
    assert "| closed" in final and "120.0 V normal" in final
    assert f"round 1 complete: {STEPS} steps" in final


def test_the_lab_uses_only_declared_flows_and_raises_no_incident(bus):
    assert lab(bus, "--rounds", "3", "--interval", "0", "--quiet").returncode == 0
    assert bus.json("incidents") == []
    wait_until(lambda: len([f for f in bus.json("flows") if f["topic"].startswith("fmb/")]) >= 8,
               "all flows are seen")
    assert [f for f in bus.json("flows") if not f["declared"]] == []


def test_the_lab_fails_loudly_when_a_step_does_not_come(bus):
    text = bus.config.read_text()
    rule = "      - publish: fmb/command/cap-bank-1/switch\n"
    assert rule in text
    bus.config.write_text(text.replace(rule, ""))
    bus.ok("reload")
    done = lab(bus, "--quiet", "--step-timeout", "3000")
    assert done.returncode == 1
    assert "dms-1" in done.stderr and "Not authorized" in done.stderr


def test_the_lab_says_when_no_node_answers(site):
    assert lab(site, "--prepare").returncode == 0
    done = lab(site, "--quiet")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr


def test_the_lab_ends_in_order_by_a_signal(bus):
    process = subprocess.Popen([BASTIDE, "lab", "--home", str(bus.folder), "--duration", "600",
                                "--interval", "0", "--json"], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if json.loads(line)["event"] == "round":
            break
    process.send_signal(signal.SIGTERM)
    last = json.loads(process.communicate(timeout=PATIENCE_S)[0].splitlines()[-1])
    assert process.returncode == 0
    assert last["event"] == "end" and last["ok"] and last["rounds"] >= 1
    wait_until(lambda: bus.json("status")["clients_connected"] == 0, "all actors have left")


def test_an_intruder_is_refused_everything_and_banned_while_the_lab_goes_on(bus):
    going_on = subprocess.Popen([BASTIDE, "lab", "--home", str(bus.folder), "--duration", "600",
                                 "--interval", "0", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        for line in going_on.stdout:
            if json.loads(line)["event"] == "round":
                break
        done = lab(bus, "--intruder", "--json")
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines()]
        attempts = [e for e in events if e["event"] == "attempt"]
        assert len(attempts) > 50 and all(e["refused"] for e in attempts)
        assert events[-1]["banned"] is True

        assert ("address", "127.0.0.66") in {(b["kind"], b["subject"]) for b in bus.json("bans")}
        kinds = {i["kind"] for i in bus.json("incidents")}
        assert {"repeated-auth-failures", "topic-scan-publish", "topic-scan-subscribe"} <= kinds
        others = [b for b in bus.json("bans")
                  if "127.0.0.66" not in (b["subject"], b.get("address"))]
        assert others == []
    finally:
        going_on.send_signal(signal.SIGTERM)
        out, _ = going_on.communicate(timeout=PATIENCE_S)
    assert going_on.returncode == 0, "the lab went on undisturbed"
    last = json.loads(out.splitlines()[-1])
    assert last["event"] == "end" and last["ok"]
