# SPDX-License-Identifier: Apache-2.0
"""Who did what: listed, exported, and found out whether all of it is still there.  MQ.PR.IP-04"""

import json
import os
import pwd
import re
import shutil
import subprocess

import pytest
from admin_api import ask
from conftest import BASTIDE

NO = 1
NAMELESS = 54321
ME = pwd.getpwuid(os.geteuid()).pw_name
SECRET = "a long secret of mallory"


def entries(home):
    return home.json("audit", "list")


def test_what_an_operator_does_is_an_entry(field):
    field.ok("ban", "client", "evil", "--reason", "it scans", "--for", "1h")
    field.ok("unban", "client", "evil")
    field.ok("respond", "suspend", "--for", "5m")
    field.ok("respond", "resume")
    field.ok("reload")
    found = [(e["actor"].split(":")[0], e["action"], e["object"], e["reason"]) for e in entries(field)]
    assert ("admin", "ban", "client evil", "it scans") in found
    assert ("admin", "unban", "client evil", "") in found
    assert ("admin", "suspend", "responses", "") in found
    assert ("admin", "resume", "responses", "") in found
    assert ("admin", "reload", str(field.config), "") in found
    assert "nothing is missing" in field.ok("audit", "verify")


def test_the_chain_goes_on_over_restarts_and_is_verified_without_a_node(field):
    field.ok("ban", "client", "evil")
    assert field.end() == 0
    said = field.ok("audit", "verify")
    assert "nothing is missing" in said
    before = entries(field)
    assert before[-1]["action"] == "stop" and [e["seq"] for e in before] == list(range(1, len(before) + 1))
    field.start()
    assert entries(field)[: len(before)] == before
    assert "nothing is missing" in field.ok("audit", "verify")


def test_an_export_is_verified_alone_and_a_change_of_it_is_found(field, tmp_path):
    for name in ("a", "b", "c"):
        field.ok("ban", "client", name)
    export = tmp_path / "audit.jsonl"
    export.write_text(field.ok("audit", "export"))
    # No home, no key, no node.
    ok = field.cli("audit", "verify", "--file", str(export), home=False)
    assert ok.returncode == 0, ok.stderr
    lines = export.read_text().splitlines()
    key = json.loads(lines[0])["key"]

    def refused(changed, *more):
        export.write_text("\n".join(changed) + "\n")
        done = field.cli("audit", "verify", "--file", str(export), *more, home=False)
        assert done.returncode == NO and "NOT whole" in done.stderr
        return done.stderr

    entry = next(i for i, line in enumerate(lines) if '"client b"' in line)
    seq = json.loads(lines[entry])["entry"]["seq"]
    assert f"entry {seq} is missing" in refused(lines[:entry] + lines[entry + 1:])
    assert f"entry {seq} was changed" in refused([line.replace('"client b"', '"client x"') for line in lines])
    swapped = lines[:entry] + [lines[entry + 1], lines[entry]] + lines[entry + 2:]
    assert f"entry {seq} stands behind entry {seq + 1}" in refused(swapped)
    assert "the end is missing" in refused(lines[:-1])
    assert "not hold" in refused(lines, "--key", "A" + key[1:] if key[0] != "A" else "B" + key[1:])


@pytest.mark.parametrize("lines", [0, 1])
def test_an_export_without_an_entry_is_none(field, tmp_path, lines):
    export = tmp_path / "audit.jsonl"
    export.write_text("".join(field.ok("audit", "export").splitlines(keepends=True)[:lines]))
    done = field.cli("audit", "verify", "--file", export)
    assert done.returncode == 1 and "holds no entry" in done.stderr and done.stdout == ""


def test_a_head_that_was_kept_elsewhere_finds_a_tail_that_was_cut_off_with_its_heads(field, tmp_path):
    field.ok("ban", "client", "evil")
    export = tmp_path / "audit.jsonl"
    export.write_text(field.ok("audit", "export"))
    field.ok("unban", "client", "evil")
    assert field.end() == 0
    head = field.folder / "state/audit.head"
    ok = field.cli("audit", "verify", "--file", str(export), home=False)
    assert ok.returncode == 0
    cut = field.cli("audit", "verify", "--file", str(export), "--head", str(head), home=False)
    assert cut.returncode == NO and "the end is missing" in cut.stderr


# ---- what the command line changes in the home's files ----

END = r"serial [0-9A-F]+, until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
# What is typed, and what the audit then has of it: action, object, and a pattern of the reason.
CHANGES = [
    (("user", "add", "mallory", "--role", "tester", "--password-stdin"), "user add", "user mallory", "role tester"),
    (("user", "add", "meter-9", "--role", "tester", "--certificate-cn", "m9"),
     "user add", "user meter-9", "role tester, certificate m9"),
    (("user", "passwd", "mallory", "--password-stdin"), "user passwd", "user mallory", ""),
    (("user", "disable", "mallory"), "user disable", "user mallory", ""),
    (("user", "enable", "mallory"), "user enable", "user mallory", ""),
    (("user", "remove", "mallory"), "user remove", "user mallory", ""),
    (("pki", "issue", "client", "meter-9"), "pki issue", "certificate meter-9", "client, " + END),
    (("pki", "issue", "server", "hooks", "--host", "localhost"), "pki issue", "certificate hooks", "server, " + END),
    (("pki", "revoke", "meter-9"), "pki revoke", "certificate meter-9", "1 revoked"),
    (("pki", "ca", "--name", "Next CA"), "pki ca", "certificate Next CA", ""),
]


def change(home, words):
    """It is done, whatever the audit says; return standard error."""
    done = home.cli(*words, input=SECRET + "\n")
    assert done.returncode == 0, done.stderr
    return done.stderr


def change_all(home):
    pki, kept = home.folder / "pki", home.folder / "pki-kept"
    for words, *_ in CHANGES[:-1]:
        assert change(home, words) == ""
    shutil.copytree(pki, kept)
    for path in pki.glob("ca.*"):  # a home has one CA
        path.unlink()
    assert change(home, CHANGES[-1][0]) == ""
    shutil.rmtree(pki)
    kept.rename(pki)


def check_entries(found, actor, result):
    assert [(e["actor"], e["action"], e["object"], e["result"]) for e in found] == [
        (actor, action, thing, result) for _, action, thing, _ in CHANGES]
    for e, (*_, reason) in zip(found, CHANGES):
        assert re.fullmatch(reason, e["reason"]), e
    assert SECRET not in json.dumps(found)


def test_each_change_of_users_and_certificates_is_an_entry_of_the_node_that_runs(field):
    before = len(entries(field))
    change_all(field)
    check_entries(entries(field)[before:], f"admin:{ME}", "done in the home's files")
    assert "nothing is missing" in field.ok("audit", "verify")


def test_each_change_of_users_and_certificates_is_an_entry_without_a_node(field):
    assert field.end() == 0
    before = len(entries(field))
    change_all(field)
    check_entries(entries(field)[before:], f"user:{ME}", "without a node")
    assert "nothing is missing" in field.ok("audit", "verify")
    field.start()
    assert entries(field)[-1]["action"] == "start"
    assert "nothing is missing" in field.ok("audit", "verify")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become a user that has no name")
def test_a_user_without_a_name_is_its_number(field):
    assert field.end() == 0
    for path in (field.folder, *field.folder.rglob("*")):
        os.chown(path, NAMELESS, NAMELESS)
    done = subprocess.run(["setpriv", f"--reuid={NAMELESS}", f"--regid={NAMELESS}", "--clear-groups", BASTIDE,
                           "user", "disable", "alice", "--home", str(field.folder)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert entries(field)[-1]["actor"] == f"user:uid-{NAMELESS}"


def test_a_change_that_is_refused_and_a_look_are_no_entries(field):
    before = entries(field)
    assert field.cli("user", "disable", "nobody").returncode == NO
    assert field.cli("user", "add", "eve", "--role", "no-such", "--generate").returncode == NO
    assert field.cli("pki", "revoke", "nobody").returncode == NO
    field.ok("user", "list")
    field.ok("pki", "list")
    assert entries(field) == before


def test_a_home_that_never_ran_is_changed_without_a_store_that_is_made_for_it(site):
    state = sorted((site.folder / "state").iterdir())
    change_all(site)
    assert sorted((site.folder / "state").iterdir()) == state
    assert site.cli("audit", "list").returncode == NO


def test_a_folder_of_a_ca_alone_has_no_audit_to_miss(tmp_path, site):
    for words in (("ca",), ("issue", "client", "m1"), ("revoke", "m1")):
        done = site.cli("pki", *words, "--home", str(tmp_path), home=False)
        assert (done.returncode, done.stderr) == (0, "")


def without_key(home):
    (home.folder / "keys/at-rest.key").rename(home.folder / "keys/elsewhere")


def with_another_key(home):
    without_key(home)
    (home.folder / "keys/at-rest.key").write_bytes(os.urandom(32))
    (home.folder / "keys/at-rest.key").chmod(0o600)


@pytest.mark.parametrize("spoil", [without_key, with_another_key])
@pytest.mark.parametrize("words", [("pki", "revoke", "device-1"), ("user", "disable", "alice")])
def test_a_revocation_is_done_when_the_store_cannot_be_opened_and_says_that_no_entry_was_made(field, spoil, words):
    assert field.end() == 0
    before = entries(field)
    spoil(field)
    said = change(field, words)
    assert "it is done, but the audit has no entry of it" in said and "at-rest.key" in said
    (field.folder / "keys/elsewhere").rename(field.folder / "keys/at-rest.key")
    assert entries(field) == before
    state = {u["name"]: u["disabled"] for u in field.json("user", "list")}
    assert state["alice"] == (words[0] == "user")
    assert ("revoked" in [c["state"] for c in field.json("pki", "list")]) == (words[0] == "pki")
    field.start()
    assert "nothing is missing" in field.ok("audit", "verify")


def test_the_passphrase_of_the_store_comes_from_a_descriptor(field):
    assert field.end() == 0
    asked = field.cli("key", "change", "--to", "passphrase", start_new_session=True)  # without a terminal
    assert asked.returncode == NO and "give it by --new-passphrase-fd" in asked.stderr
    done = field.with_passphrase("key", "change", "--to", "passphrase", option="--new-passphrase-fd")
    assert done.returncode == 0, done.stderr
    field.config.write_text(field.config.read_text() + "\nstore: {key_from: passphrase}\n")
    assert field.with_passphrase("user", "disable", "alice").returncode == 0
    last = json.loads(field.with_passphrase("audit", "list", "--json").stdout)[-1]
    assert (last["action"], last["object"]) == ("user disable", "user alice")
    # Nobody is there to ask: the change stands, and what it lacks is said.
    done = field.cli("user", "enable", "alice", start_new_session=True)
    assert done.returncode == 0 and "--passphrase-fd" in done.stderr and "no entry of it" in done.stderr


def test_only_changes_of_users_and_certificates_are_told_to_a_node(field):
    before = entries(field)
    status, said = ask(field.socket, "POST", "/v1/audit", {"action": "ban", "object": "client evil"})
    assert status == 400 and "ban" in said["error"]
    status, said = ask(field.socket, "POST", "/v1/audit", {"action": "user add", "object": "u" * 513})
    assert status == 400 and "longer" in said["error"]
    assert entries(field) == before


def test_a_certificate_is_revoked_while_the_configuration_is_out_of_order(field):
    field.issue("meter-9")
    field.config.write_text(field.config.read_text() + "\nnonsense: yes\n")
    assert change(field, ("pki", "revoke", "device-1")) == ""  # the node that runs is found all the same
    assert entries(field)[-1]["object"] == "certificate device-1"
    assert field.end() == 0
    said = change(field, ("pki", "revoke", "meter-9"))
    assert "nonsense" in said and "no entry of it (pki revoke, certificate meter-9)" in said
    assert [c["state"] for c in field.json("pki", "list") if c["name"] in ("device-1", "meter-9")] == ["revoked"] * 2
    field.change("\nnonsense: yes\n", "")
    assert "nothing is missing" in field.ok("audit", "verify")
