# SPDX-License-Identifier: Apache-2.0
"""What a running node can prove about itself, asked as an operator asks."""

import json
import os
import re
import subprocess

import pytest

from admin_api import ask
from conftest import BASTIDE, ROOT, has_tried_itself, wait_until

USAGE = 2
# Words that follow the program's name in a sentence.
PROSE = {"is", "runs", "and", "or", "makes", "that", "has"}
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
    (["MQ.RS.RP-01.t2", "1", "--by", "Ada\x1b[31m"], "--by: character 4 is U+001B"),
    (["MQ.RS.RP-01.t2", "1", "--by", "Ada\nEve"], "--by: character 4 is U+000A"),
    (["--row", json.dumps({"at": 1, "test": "MQ.RS.RP-01.t2", "value": 1, "samples": 1, "by": "Ada\nEve"})],
     '--row, "by": character 4 is U+000A'),
])
def test_what_cannot_be_recorded_is_refused_and_nothing_is_written(site, words, why):
    done = site.cli("record", *words)
    assert done.returncode == USAGE and why in done.stderr
    assert not (site.folder / "state/control.db").exists()


# ---- what the texts tell people to do ----

COMMAND = re.compile(r"bastide ([a-z][a-z-]*)((?: (?:-{1,2}[a-z][a-z-]*|[a-z][a-z-]*|[A-Z.0-9-]+))*)")


def commands_in(path):
    """Each `bastide VERB ...` of a file of ours; in C, texts that go over several lines are joined."""
    text = path.read_text()
    if path.suffix == ".c":
        text = " ".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', text))
    for verb, rest in COMMAND.findall(text):
        word = re.match(r" ([a-z]+)(?![\w-])", rest)
        yield verb, word and word[1], re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)


TEXTS = sorted([*ROOT.glob("src/assess/*.c"), *ROOT.glob("src/cli/*.c"), *ROOT.glob("docs/guide/*.md"),
                ROOT / "README.md", *ROOT.glob("src/cli/templates/*.yaml")])


def test_every_command_that_a_text_names_is_one_that_there_is():
    verbs = {v["name"]: v for v in json.loads(
        subprocess.run([BASTIDE, "reference"], capture_output=True, check=True).stdout)["verbs"]}
    wrong, seen = [], 0
    for path in TEXTS:
        for verb, word, options in commands_in(path):
            if verb in PROSE:
                continue
            seen += 1
            known = verbs.get(verb, {"operands": "", "options": []})
            words = set(re.findall(r"[a-z-]+", known["operands"]))
            names = {o["name"] for o in known["options"]} | {"--help"}
            if verb not in verbs or set(options) - names or (
                    words and word and word not in words | PROSE):
                wrong.append((str(path.relative_to(ROOT)), verb, word, options))
    assert wrong == []
    assert seen > 50


def test_what_is_to_be_recorded_names_who_measured_it():
    told = [words for path in TEXTS for words in re.findall(r"bastide record (?:%s|MQ)[^.;`\"]*(?:\.\w[^.;`\"]*)*", path.read_text())]
    assert len(told) > 5 and not [words for words in told if "--by" not in words]


def test_what_the_advice_takes_for_measured_is_what_a_node_measures(field):
    """A new probe belongs into src/assess/source.c, or its test stays "nobody can measure it"."""
    source = (ROOT / "src/assess/source.c").read_text()
    listed = {f"{sub}.t{n}" for sub, numbers in re.findall(r'\{"(MQ\.[^"]+)", "(\d+)"\}', source)
              for n in numbers}
    given = {e["test"] for e in ask(field.socket, "GET", "/v1/evidence")[1]}
    assert len(given) >= 20 and given - listed == set()


def test_the_advice_on_what_a_drill_measures_is_to_run_that_drill():
    advice = (ROOT / "src/assess/advice.c").read_text()
    rows = dict(re.findall(r'\{"(MQ\.[^"]+)", (.*)\},\n', advice))
    drills = re.findall(r'#define (\w+) +"Run the drill: bastide lab --drill', advice)
    measured = {test for path in (ROOT / "src/lab").glob("drill_*.c")
                for test in re.findall(r'"(MQ\.[\w.-]+\.t\d)"', path.read_text())}
    assert len(measured) > 10
    assert [test for test in sorted(measured)
            if not any(re.search(rf"\b{drill}\b", rows.get(test, "")) for drill in drills)] == []


def start_trials(site):
    """The node's trials wait for the connect timeout; what is wanted here comes after them."""
    site.change("connect_timeout_ms: 20000", "connect_timeout_ms: 1000")
    site.start()
    wait_until(lambda: has_tried_itself(site), "the trials have ended")


def test_the_node_tries_on_itself_whether_a_topic_a_listener_and_a_conduit_can_be_blocked(site, peer):
    site.change("connect_timeout_ms: 20000", "connect_timeout_ms: 1000")
    site.start()
    bystander = peer(site, "bystander").join().read("test/#")
    wait_until(lambda: has_tried_itself(site), "the trials have ended")
    seen = evidence(site, "MQ.RS.RP-04.t1")
    assert seen["value"] == 3 and "no bridges" in seen["detail"]
    seen = evidence(site, "MQ.RS.RP-04.t4")
    assert seen["value"] == 1 and "not lifted without a reason" in seen["detail"], seen["detail"]
    bystander.publish("test/a", "still here")
    assert bystander.next().payload == b"still here" and not bystander.disconnected.is_set()
    assert site.json("respond")["in_force"] == [] and site.json("incidents") == []
    assert [e for e in site.json("audit", "list") if "quarantine" in e["action"]] == []
    bystander.close()
    assert site.end() == 0


def test_the_node_tries_on_itself_whether_tls_can_be_negotiated_anew(site):
    start_trials(site)
    seen = evidence(site, "MQ.PR.SP-07.t4")
    assert seen["value"] == 1 and re.search(r" [12] refused, ", seen["detail"]), seen["detail"]
    assert site.json("incidents") == []
    assert site.end() == 0


def test_limits_that_hit_who_was_right_and_the_age_of_the_trials_are_evidence(site, peer):
    start_trials(site)
    assert 0 <= evidence(site, "MQ.PR.SP-01.t2")["value"] < 1
    assert "value" not in evidence(site, "MQ.PR.SP-05.t3")
    deep = peer(site, "deep").join()
    deep.publish("test/" + "/".join(40 * "x"), "deep")
    wait_until(lambda: [i for i in site.json("incidents") if i["kind"] == "topic-depth-abuse"], "it is noticed")
    one, = site.json("incidents")
    assert evidence(site, "MQ.PR.SP-05.t3")["value"] == 0
    site.ok("incidents", "close", one["id"], "--as", "benign", "--note", "a gateway that nests")
    assert evidence(site, "MQ.PR.SP-05.t3")["value"] == 1
    deep.close()
    assert site.end() == 0


def test_nobody_waits_while_the_accounts_passwords_are_tried(site):
    users = site.folder / "users.yaml"
    text = users.read_text()
    verifier = re.search(r'password: "([^"]+)"', text)[1]
    users.write_text(text + "".join(
        f'  - {{name: user-{i}, role: tester, password: "{verifier}"}}\n' for i in range(ACCOUNTS)))
    start_trials(site)
    # Trying them takes longer than the command would wait; who is asked meanwhile does not know yet.
    assert evidence(site, "MQ.PR.IA-03.t4").get("value") is None
    assert site.end() == 0


def test_a_password_that_everybody_knows_is_found(site):
    (site.folder / "users.yaml").write_text(f"""\
users:
  - {{name: careless, role: tester, password: "{KNOWN}"}}
""")
    start_trials(site)
    wait_until(lambda: "user careless has a password that everybody knows" in site.log_text(), "it is found")
    wait_until(lambda: evidence(site, "MQ.PR.IA-03.t4").get("value") == 1, "it is evidence")
    assert site.end() == 0


@pytest.mark.parametrize("text", ["{}", "[]", '{"format": "other"}', '{"subcategories": []}'])
def test_only_an_assessment_is_compared(site, tmp_path, text):
    other = tmp_path / "other.json"
    other.write_text(text)
    done = site.cli("assess", "--no-node", "--compare", other)
    assert done.returncode == 1 and "not what bastide assess --json wrote" in done.stderr and done.stdout == ""


def test_a_report_goes_where_a_link_leads_and_spares_what_is_no_file(site, tmp_path):
    pipe, page, link = tmp_path / "pipe", tmp_path / "page.html", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(page)
    page.write_text("of yesterday")
    done = site.cli("assess", "--no-node", "--html", pipe)
    assert done.returncode == 1 and f"{pipe}: it is there, and no regular file" in done.stderr
    assert pipe.is_fifo()
    site.ok("assess", "--no-node", "--html", link)
    assert link.is_symlink() and page.read_text().startswith("<!")
