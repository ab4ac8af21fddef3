# SPDX-License-Identifier: Apache-2.0
"""What a node stores: kept elsewhere and restored, sealed with another key, in clear nowhere.
MQ.RC.RP-08 MQ.PR.SP-06"""

import json
import os
import shutil
import signal
import subprocess

import pytest

from conftest import BASTIDE, PATIENCE_S, as_nobody

NO, USAGE = 1, 2
CANARY = b"canary-in-the-mine"


def every_file(folder):
    return [p for p in folder.rglob("*") if p.is_file()]


def test_a_node_that_is_lost_goes_on_elsewhere(site, peer, tmp_path):
    field = site
    site.change("  durability: memory", "  durability: commit")
    site.start()
    away = peer(site, "away").join(clean=True, expiry_s=3600).read("test/kept/#")
    away.drop()
    peer(site, "sender").join().publish("test/kept/1", b"not to be lost", qos=1)
    repo, key = tmp_path / "backups", tmp_path / "kept-apart.key"
    shutil.copy(field.folder / "keys/at-rest.key", key)
    field.ok("ban", "client", "evil", "--reason", "it scans")
    assert "nothing was left out" in field.ok("backup", "create", str(repo))
    field.ok("ban", "client", "worse")
    said = field.ok("backup", "create", str(repo))
    assert "files" in said and len(field.json("backup", "list", str(repo))) == 2
    entries = field.json("audit", "list")
    field.end(signal.SIGKILL)

    # Verified and restored with the key alone: the first home may be gone.
    said = field.cli("backup", "verify", str(repo), "--key-file", str(key), home=False)
    assert said.returncode == 0 and "all authentic" in said.stdout, said.stderr
    elsewhere = tmp_path / "elsewhere"
    done = field.cli("backup", "restore", str(repo), "--into", str(elsewhere), "--key-file", str(key), home=False)
    assert done.returncode == 0, done.stderr
    first, field.folder, field.socket = field.folder, elsewhere, elsewhere / "run/admin.sock"
    try:
        (elsewhere / "run").mkdir()
        field.start()
        assert {b["subject"] for b in field.json("bans")} == {"evil", "worse"}
        after = field.json("audit", "list")
        assert [e["hash"] for e in after][: len(entries) - 1] == [e["hash"] for e in entries][:-1]
        assert "nothing is missing" in field.ok("audit", "verify")
        back = peer(field, "away").join(clean=False, expiry_s=3600)
        assert back.session_present and back.next().payload == b"not to be lost"
        assert field.end() == 0
    finally:
        field.folder = first


def test_the_key_is_replaced_while_the_node_runs_and_the_old_one_opens_nothing(field):
    field.ok("ban", "client", "evil")
    keyring = (field.folder / "state/keyring").read_bytes()
    assert "sealed with data key 2" in field.ok("key", "rotate")
    assert field.json("key", "list") == {"current": 2, "keys": [2], "locked": True}
    assert field.json("bans")[0]["subject"] == "evil"
    assert field.end() == 0
    # The keyring of before knows the old key only.
    now = (field.folder / "state/keyring").read_bytes()
    (field.folder / "state/keyring").write_bytes(keyring)
    done = field.cli("run")
    assert done.returncode == NO and "does not authenticate" in done.stderr
    (field.folder / "state/keyring").write_bytes(now)
    field.start()
    assert field.json("bans")[0]["subject"] == "evil"


def test_without_the_right_key_a_node_does_not_start_and_says_what_to_do(field):
    field.ok("ban", "client", "evil")
    assert field.end() == 0
    key = field.folder / "keys/at-rest.key"
    good = key.read_bytes()
    key.unlink()
    done = field.cli("run")
    assert done.returncode == NO and "cannot open" in done.stderr and str(key) in done.stderr
    key.write_bytes(good[:-5] + (b"0000\n" if good[-5:] != b"0000\n" else b"1111\n"))
    key.chmod(0o600)
    done = field.cli("run")
    assert done.returncode == NO and "is not the one" in done.stderr
    key.write_bytes(good)
    (field.folder / "state/keyring").rename(field.folder / "keyring")
    done = field.cli("run")
    assert done.returncode == NO and "without it nothing" in done.stderr and "backup" in done.stderr
    (field.folder / "keyring").rename(field.folder / "state/keyring")
    field.start()
    assert field.json("bans")[0]["subject"] == "evil"


def test_a_passphrase_takes_the_place_of_the_key_file(field):
    assert field.end() == 0
    done = field.with_passphrase("key", "change", "--to", "passphrase", option="--new-passphrase-fd")
    assert done.returncode == 0, done.stderr
    done = field.cli("run")
    assert done.returncode == NO and "is sealed under a passphrase" in done.stderr
    (field.folder / "keys/at-rest.key").unlink()
    field.config.write_text(field.config.read_text() + "\nstore: {key_from: passphrase}\n")
    done = field.with_passphrase("audit", "verify")
    assert done.returncode == 0 and "nothing is missing" in done.stdout, done.stderr
    done = field.cli("run", start_new_session=True)
    assert done.returncode == NO and "--passphrase-fd" in done.stderr
    field.config.write_text(field.config.read_text().replace("\nstore: {key_from: passphrase}\n", ""))


def test_no_file_of_the_state_but_the_feed_holds_a_name_a_topic_or_a_reason(field, peer):
    name = CANARY.decode()
    one = peer(field, name + "-client").join()
    one.subscribe(f"test/{name}/#")
    one.publish(f"test/{name}/topic", b"x", qos=1)
    field.ok("ban", "client", name + "-banned", "--reason", name)
    field.ok("backup", "create", str(field.folder / "backups"))
    assert any(name in str(one) for one in field.json("assets"))
    assert field.end() == 0
    files = every_file(field.folder / "state") + every_file(field.folder / "backups")
    assert {p.name for p in files} >= {"control.db", "keyring", "audit.head"}
    for path in files:
        if not path.name.startswith("incidents.jsonl"):
            assert CANARY not in path.read_bytes(), path


def test_what_is_stored_is_evidence(field, tmp_path):
    def known():
        done = json.loads(field.ok("assess", "--json"))
        return {t["id"]: t for s in done["subcategories"] for t in s["tests"] if t.get("value") is not None}

    before = known()
    assert before["MQ.PR.IP-04.t2"]["value"] == 1
    assert before["MQ.PR.SP-06.t3"]["value"] == 0  # the key's file is on the state's volume
    assert before["MQ.PR.SP-06.t4"]["value"] < 1
    assert "MQ.RC.RP-08.t1" not in before and "MQ.RC.RP-08.t3" not in before
    field.ok("backup", "create", str(tmp_path / "backups"))
    after = known()
    assert 0 <= after["MQ.RC.RP-08.t1"]["value"] < 1
    assert after["MQ.RC.RP-08.t3"]["value"] == 1


def test_what_is_pruned_goes_and_what_is_kept_can_be_restored(field, tmp_path):
    repo = tmp_path / "backups"
    for name in ("one", "two", "three"):
        older = every_file(repo)
        field.ok("ban", "client", name)
        field.ok("backup", "create", str(repo))
    newest = field.json("backup", "list", str(repo))[-1]
    done = field.cli("backup", "prune", str(repo))
    assert done.returncode == USAGE and "--keep N" in done.stderr
    assert "0 backups removed" in field.ok("backup", "prune", str(repo), "--keep", "1", "--older-than", "1")
    # A part of the database, which only the newest needs.
    missing = max(set(every_file(repo)) - set(older), key=lambda p: p.stat().st_size)
    missing.rename(tmp_path / "missing")
    before = every_file(repo)
    done = field.cli("backup", "prune", str(repo), "--keep", "1")
    assert done.returncode == NO and before == every_file(repo)
    (tmp_path / "missing").rename(missing)
    assert "2 backups removed" in field.ok("backup", "prune", str(repo), "--keep", "1")
    assert field.json("backup", "list", str(repo)) == [newest]
    assert "all authentic" in field.ok("backup", "verify", str(repo))


def test_a_restore_that_breaks_off_says_what_it_left(field, tmp_path):
    repo, into = tmp_path / "backups", tmp_path / "home"
    field.ok("backup", "create", str(repo))
    largest = max(every_file(repo / "chunks"), key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1])
    done = field.cli("backup", "restore", str(repo), "--into", str(into))
    assert done.returncode == NO and "does not authenticate" in done.stderr
    assert f"{into} has a part of it, and is no home" in done.stderr
    done = field.cli("backup", "restore", str(repo), "--into", str(into))
    assert done.returncode == NO and "must be empty or not there" in done.stderr and "a part of it" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root restores what belongs to another user")
def test_what_root_restores_is_the_users_that_the_node_becomes(site, tmp_path):
    repo, into, orphan = tmp_path / "backups", tmp_path / "home", tmp_path / "orphan"
    site.start()
    site.change("  # run_as: bastide  ", "  run_as: nobody  ")
    site.ok("backup", "create", str(repo))
    site.ok("backup", "restore", str(repo), "--into", str(into))
    assert {path.owner() for path in [into, *into.rglob("*")]} == {"nobody"}
    assert (into / "keys/at-rest.key").exists()
    site.change("  run_as: nobody  ", "  run_as: nobody-here  ")
    site.ok("backup", "create", str(repo))
    done = site.cli("backup", "restore", str(repo), "--into", str(orphan), "--key-file",
                    str(site.folder / "keys/at-rest.key"), home=False)
    assert done.returncode == NO and "all authentic" in done.stdout
    assert 'this machine has no user "nobody-here"' in done.stderr and f"give {orphan} to" in done.stderr


def test_a_medium_that_cannot_be_written_is_verified(field):
    repo, scratch = field.folder / "backups", field.folder / "scratch"
    scratch.mkdir()
    field.ok("backup", "create", str(repo))
    for path in [repo, *repo.rglob("*")]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    assert field.end() == 0
    prefix = as_nobody(field)
    try:
        done = subprocess.run([*prefix, BASTIDE, "backup", "verify", str(repo), "--home", str(field.folder)],
                              env={**os.environ, "TMPDIR": str(scratch)}, capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
    finally:
        for path in [p for p in [repo, *repo.rglob("*")] if p.is_dir()]:
            path.chmod(0o700)
    assert done.returncode == 0 and "all authentic" in done.stdout, done.stderr
    assert list(scratch.iterdir()) == []


def test_a_verify_that_is_interrupted_leaves_nothing_and_shows_nobody_what_it_reads(field, tmp_path):
    repo, scratch = tmp_path / "backups", tmp_path / "scratch"
    scratch.mkdir()
    for i in range(200):
        (field.folder / f"notes-{i}").write_bytes(CANARY + os.urandom(100_000))
    field.ok("backup", "create", str(repo))
    known = set(every_file(repo))
    with subprocess.Popen([BASTIDE, "backup", "verify", str(repo), "--home", str(field.folder)],
                          env={**os.environ, "TMPDIR": str(scratch)}) as one:
        while one.poll() is None and not any(scratch.iterdir()):
            pass
        one.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, one.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert set(every_file(repo)) == known
        assert {p.stat().st_mode & 0o777 for p in scratch.iterdir()} <= {0o700}
        assert {p.name for p in every_file(scratch)} <= {"control.db", "control.db-wal", "control.mark"}
        one.send_signal(signal.SIGINT)
        one.send_signal(signal.SIGCONT)
        status = one.wait(PATIENCE_S)
    assert status in (-signal.SIGINT, 0)  # 0: it was done before
    assert list(scratch.iterdir()) == [] and set(every_file(repo)) == known


def test_a_folder_of_backups_that_is_missing_is_named(site, tmp_path):
    for words in (["verify"], ["prune", "--keep", "1"], ["restore", "--into", str(tmp_path / "new")]):
        done = site.cli("backup", words[0], str(tmp_path / "gone"), *words[1:])
        assert done.returncode == NO and f"there is no folder {tmp_path / 'gone'}" in done.stderr


def test_a_home_that_an_earlier_version_left_in_clear_is_told_and_pruned(field, tmp_path):
    repo = tmp_path / "backups"
    field.ok("backup", "create", str(repo))
    left = repo / "verify.Ab1Cd2"
    shutil.copytree(field.folder / "pki", left / "pki")
    done = field.cli("backup", "list", str(repo), "--json")
    assert done.returncode == 0 and len(json.loads(done.stdout)) == 1
    assert f"{left} was left by a verify" in done.stderr and "in clear" in done.stderr
    assert "1 folders removed" in field.ok("backup", "prune", str(repo), "--keep", "1")
    assert not left.exists() and "left by" not in field.cli("backup", "list", str(repo)).stderr


def test_a_folder_that_the_node_may_not_read_is_left_out_and_named(site, tmp_path):
    home = site.folder
    (home / "backups").mkdir()
    prefix = as_nobody(site)
    (home / "closed").mkdir(mode=0o000)
    (home / "secret").touch(mode=0o000)
    (home / "listed").mkdir()
    (home / "listed/inner").touch()
    (home / "listed").chmod(0o444)
    site.start(prefix)
    said = site.ok("backup", "create", str(home / "backups"))
    names = {str(home / name) for name in ("closed", "secret", "listed/inner")}
    assert "3 left out: " in said and set(said.split("left out: ")[1].strip().split(", ")) == names
    assert all(f"{name} is left out: Permission denied" in site.log_text() for name in names)
    assert "all authentic" in site.ok("backup", "verify", str(home / "backups"))
    assert site.end() == 0
    for name in ("closed", "listed"):
        (home / name).chmod(0o700)
