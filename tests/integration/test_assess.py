# SPDX-License-Identifier: Apache-2.0
"""What a running node can prove about itself, asked as an operator asks."""

import json
import time

import pytest

from conftest import wait_until

USAGE = 2
ACCOUNTS = 12
# Of "public", which bastide user would refuse.
KNOWN = "$argon2id$v=19$m=8,t=1,p=1$T7qCOfht8gDlqDIyj4dJHg$P1VRCRLQ6vsU3ZnX14QNIlO19RazjHRGzyfXFVjXNpw"


def evidence(site, test):
    done = json.loads(site.ok("assess", "--json"))
    tests = [t for s in done["subcategories"] for t in s["tests"]]
    return next(t for t in tests if t["id"] == test)


def test_what_a_person_measured_counts_and_what_is_asked_for_is_told(site):
    said = site.ok("record", "MQ.RC.RP-08.t2", "12", "--by", "Ada Example", "--at", "2026-01-31")
    assert "days since a restore" in said and "tier 2 asks for at most 365" in said
    site.ok("record", "MQ.RS.RP-01.t2", "1.5", "--by", "Ada Example", "--scenario", "R02", "--samples", "3")
    done = json.loads(site.ok("assess", "--json", "--no-node"))
    tests = {t["id"]: t for s in done["subcategories"] for t in s["tests"]}
    assert tests["MQ.RS.RP-01.t2"]["value"] == 1.5 and tests["MQ.RS.RP-01.t2"]["samples"] == 3
    assert tests["MQ.RS.RP-01.t2"]["detail"] == "recorded, by Ada Example"
    assert tests["MQ.RC.RP-08.t2"]["value"] > 12


@pytest.mark.parametrize("words, why", [
    (["MQ.PR.IA-01.t1", "1", "--by", "Ada"], "of kind runtime: the node measures it"),
    (["MQ.XX.IA-01.t1", "1", "--by", "Ada"], "no test of the catalogue"),
    (["MQ.RS.RP-01.t2", "fast", "--by", "Ada"], "no number"),
    (["MQ.RS.RP-01.t2", "nan", "--by", "Ada"], "no number"),
    (["MQ.RS.RP-01.t2", "1"], "--by NAME"),
    (["MQ.RS.RP-01.t2", "1", "--by", "Ada", "--scenario", "R99"], "none of R01 to R12"),
    (["MQ.RS.RP-01.t2", "1", "--by", "Ada", "--at", "2099-01-01"], "yet to come"),
    (["MQ.RS.RP-01.t2", "1", "--by", "Ada", "--samples", "0"], "at least 1"),
])
def test_what_cannot_be_recorded_is_refused_and_nothing_is_written(site, words, why):
    done = site.cli("record", *words)
    assert done.returncode == USAGE and why in done.stderr
    assert not (site.folder / "state/drills.jsonl").exists()


def test_nobody_waits_while_the_accounts_passwords_are_tried(site):
    for i in range(ACCOUNTS):
        site.ok("user", "add", f"user-{i}", "--role", "tester", "--generate")
    site.start()
    begun = time.monotonic()
    evidence(site, "MQ.PR.IA-03.t4")
    assert time.monotonic() - begun < 5  # trying them takes a second each
    assert site.end() == 0


def test_a_password_that_everybody_knows_is_found(site):
    (site.folder / "users.yaml").write_text(f"""\
users:
  - {{name: careless, role: tester, password: "{KNOWN}"}}
""")
    site.start()
    wait_until(lambda: evidence(site, "MQ.PR.IA-03.t4").get("value") == 1, "it is found")
    assert "user careless has a password that everybody knows" in site.log_text()
    assert site.end() == 0
