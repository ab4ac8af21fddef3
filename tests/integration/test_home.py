# SPDX-License-Identifier: Apache-2.0
"""A node's home from init to revocation, judged by openssl and by clients that we did not write."""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import time

import pytest

from conftest import BASTIDE, PATIENCE_S, Home, free_port, wait_until
from test_assess import evidence

OK, NO, USAGE = 0, 1, 2
GOOD_PASSWORD = "a long enough password"


def run(*words, **more):
    return subprocess.run(
        [BASTIDE, *map(str, words)], capture_output=True, text=True, timeout=PATIENCE_S, **more
    )


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=PATIENCE_S)


class MadeHome(Home):
    """What bastide init made, and the program run on it."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.config = folder / "bastide.yaml"
        self.base = free_port(3, 4)
        self.process = None
        self.said = run("init", folder, "--name", "test-1", "--port-base", self.base, *options)
        assert self.said.returncode == OK, self.said.stderr
        self.password = re.search(r"password +(\S+)", self.said.stdout)[1]

    def path(self, name):
        return self.folder / name

    def users(self):
        return self.path("users.yaml").read_text()

    def publish(self, topic, cn=None, user=None, password=None, port=None):
        """mosquitto_pub by TLS; Return: 0, or not: it exits with 0 also when a PUBLISH was refused."""
        words = ["-h", "localhost", "-p", port or self.base + 3, "--cafile", self.path("pki/ca.crt")]
        if cn is not None:
            place = "pki" if cn == "operator" else "pki/clients"
            words += ["--cert", self.path(f"{place}/{cn}.crt"), "--key", self.path(f"{place}/{cn}.key")]
        if user is not None:
            words += ["-u", user, "-P", password]
        words += ["-V", "mqttv5", "-q", "1", "-t", topic, "-m", "x"]
        done = subprocess.run(
            ["mosquitto_pub", *map(str, words)], capture_output=True, text=True, timeout=PATIENCE_S
        )
        return done.returncode or int("Not authorized" in done.stderr)


@pytest.fixture
def made():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bastide-"))
    home = MadeHome(folder / "h")
    yield home
    if home.process is not None:
        home.end(signal.SIGKILL)
    shutil.rmtree(folder)


@pytest.fixture
def running(made):
    made.start()
    yield made
    assert made.end() == OK, made.log_text()


# ---- init ----


def test_a_new_home_is_in_order(made):
    said = made.ok("check-config")
    assert "field" in said and "control" in said
    for secret in ("pki/ca.key", "pki/server.key", "pki/operator.key", "pki/attestation.key",
                   "keys/at-rest.key", "users.yaml"):
        assert stat.S_IMODE(made.path(secret).stat().st_mode) == 0o600, secret
    for folder in ("", "pki", "pki/issued", "keys", "state", "run"):
        assert stat.S_IMODE(made.path(folder).stat().st_mode) == 0o700, folder


def test_its_certificates_satisfy_openssl(made):
    common = ("verify", "-x509_strict", "-crl_check", "-CAfile", made.path("pki/ca.crt"),
              "-CRLfile", made.path("pki/ca.crl"))
    for name in ("localhost", socket.gethostname()):
        done = openssl(*common, "-purpose", "sslserver", "-verify_hostname", name, made.path("pki/server.crt"))
        assert done.returncode == 0, done.stderr
    for address in ("127.0.0.1", "::1"):
        done = openssl(*common, "-purpose", "sslserver", "-verify_ip", address, made.path("pki/server.crt"))
        assert done.returncode == 0, done.stderr
    assert openssl(*common, "-purpose", "sslclient", made.path("pki/operator.crt")).returncode == 0
    assert openssl(*common, "-purpose", "sslclient", made.path("pki/server.crt")).returncode != 0
    assert openssl(*common, "-verify_hostname", "elsewhere", made.path("pki/server.crt")).returncode != 0


def test_the_password_is_shown_and_not_kept(made):
    kept = b"".join(p.read_bytes() for p in made.folder.rglob("*") if p.is_file())
    assert len(made.password) == 20
    assert made.password.encode() not in kept


def test_a_folder_with_something_in_it_is_not_touched(made):
    before = {p: p.read_bytes() for p in made.folder.rglob("*") if p.is_file()}
    done = run("init", made.folder)
    assert done.returncode == NO and "not empty" in done.stderr
    assert before == {p: p.read_bytes() for p in made.folder.rglob("*") if p.is_file()}


def test_what_fails_half_way_leaves_nothing_behind(tmp_path):
    new = run("init", tmp_path / "new", "--host", "no host name")
    assert new.returncode == NO and "no host name" in new.stderr
    assert not (tmp_path / "new").exists()
    (tmp_path / "empty").mkdir()
    assert run("init", tmp_path / "empty", "--host", "no host name").returncode == NO
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("wrong", [["--bind", "host"], ["--port-base", "70000"], ["--name", "a b"],
                                   ["--profile", "middle"]])
def test_a_wrong_option_makes_nothing(tmp_path, wrong):
    done = run("init", tmp_path / "new", *wrong)
    assert done.returncode == USAGE and wrong[1] in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("profile, durability", [("edge", "memory"), ("centre", "commit"), (None, "memory")])
def test_the_profile_says_whether_queues_survive(profile, durability):
    with tempfile.TemporaryDirectory(prefix="bastide-") as folder:
        home = MadeHome(pathlib.Path(folder) / "h", *(["--profile", profile] if profile else []))
        assert f"\n  durability: {durability}\n" in home.config.read_text()
        home.start()
        try:
            assert ("journal" in home.json("status")) == (durability == "commit")
            assert bool(list(home.path("state").glob("journal/*"))) == (durability == "commit")
        finally:
            assert home.end() == OK, home.log_text()


def test_a_new_home_can_be_assessed(made):
    done = made.cli("assess", "--no-node", "--json")
    assert done.returncode == OK, done.stderr
    assert json.loads(done.stdout)


# ---- a node that runs from it ----


def test_a_new_node_lets_in_only_who_it_knows(running):
    assert running.publish("fmb/device/x/a") != 0  # nobody
    assert running.publish("fmb/device/x/a", user="admin", password="wrong") != 0
    assert running.publish("$SYS/x", user="admin", password=running.password) != 0  # denied
    assert running.publish("fmb/device/admin/a", cn="operator") != 0  # an operator reads


def test_a_device_comes_in_by_its_certificate_until_it_is_revoked(running):
    running.ok("pki", "issue", "client", "meter-17")
    assert running.publish("fmb/device/meter-17/power", cn="meter-17") != 0  # no user has it yet
    running.ok("user", "add", "meter-17", "--role", "device", "--certificate-cn", "meter-17")
    running.ok("reload")
    assert running.publish("fmb/device/meter-17/power", cn="meter-17") == 0
    assert running.publish("fmb/device/meter-18/power", cn="meter-17") != 0  # of another
    assert running.publish("fmb/device/meter-17/power", cn="meter-17", port=running.base + 4) != 0
    running.ok("pki", "revoke", "meter-17")
    running.ok("reload")
    assert running.publish("fmb/device/meter-17/power", cn="meter-17") != 0


def test_a_disabled_user_stays_out(running):
    running.ok("user", "add", "m1", "--role", "device", "--password-stdin", input=GOOD_PASSWORD + "\n")
    running.ok("reload")
    assert running.publish("fmb/device/m1/a", user="m1", password=GOOD_PASSWORD) == 0
    running.ok("user", "disable", "m1")
    running.ok("reload")
    assert running.publish("fmb/device/m1/a", user="m1", password=GOOD_PASSWORD) != 0
    running.ok("user", "enable", "m1")
    running.ok("user", "passwd", "m1", "--password-stdin", input="another long password\n")
    running.ok("reload")
    assert running.publish("fmb/device/m1/a", user="m1", password=GOOD_PASSWORD) != 0
    assert running.publish("fmb/device/m1/a", user="m1", password="another long password") == 0


def test_a_certificate_of_the_node_that_ends_soon_is_told_wherever_one_looks(site):
    told = re.compile(r"listener \"?field\"?: its certificate ends on 20\d\d-\S+Z, in 2 days")
    issue = ["pki", "issue", "server", "node", "--host", "localhost", "--out", site.folder / "pki/server", "--replace"]
    site.start()
    ends = {row["name"]: row.get("certificate_not_after_unix_ms") for row in site.json("status")["listeners"]}
    assert ends["field"] > (time.time() + 100 * 86400) * 1000 and not told.search(site.log_text())
    site.ok(*issue, "--days", "3")
    assert told.search(site.cli("check-config").stderr)
    assert told.search(site.ok("reload"))
    assert re.search(r"^field .* in [23] days ", site.ok("status"), re.M)  # it rounds up, to the second
    assert site.end() == 0
    site.start()
    wait_until(lambda: told.search(site.log_text().split("stopped")[-1]), "the start tells of it")
    assert site.end() == 0, site.log_text()


def test_an_incident_of_a_certificate_that_is_renewed_meanwhile_ends_with_the_next_start(site):
    issue = ["pki", "issue", "server", "node", "--host", "localhost", "--out", site.folder / "pki/server", "--replace"]
    site.ok(*issue, "--days", "3")
    site.start()
    wait_until(lambda: expiries(site, "open"), "an incident")
    site.ok("incidents", "ack", expiries(site, "open")[0]["id"])
    assert site.end() == 0
    site.ok(*issue)
    site.start()
    wait_until(lambda: expiries(site, "closed"), "the end of the incident")
    assert site.end() == 0, site.log_text()


def day(n):
    """So many days from now."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + n * 86400))


def expiries(site, state):
    return [i for i in site.json("incidents", "--state", state) if i["kind"] == "certificate-expiry"]


@pytest.mark.parametrize("dates, told, shown, sample", [
    ((day(-30), day(-10)), f"its certificate has expired, it was valid until {day(-10)}", "over", f"over since {day(-10)}"),
    ((day(10), day(60)), f"its certificate is not valid before {day(10)}", "not yet valid",
     f"by this clock not valid before {day(10)}"),
])
def test_a_node_whose_certificate_is_out_of_date_starts_and_says_so_aloud(site, peer, dates, told, shown, sample):
    told = r'listener "?field"?: ' + told
    issue = ["pki", "issue", "server", "node", "--host", "localhost,127.0.0.1", "--replace", "--out"]
    dates = ("--not-before", dates[0], "--not-after", dates[1])
    at = site.folder / "pki/server"
    site.ok(*issue, at, *dates)
    checked = site.cli("check-config")
    assert checked.returncode == 0 and re.search(told, checked.stderr), checked.stderr
    site.start()
    wait_until(lambda: re.search(r" error node: " + told, site.log_text()), "the start tells of it")
    peer(site, "plain").join().leave()
    refused = peer(site, "careful", tls=True)
    with pytest.raises(ssl.SSLError, match="certificate"):
        refused.connect()
    seen = evidence(site, "MQ.PR.IA-04.t1")
    assert seen["value"] == 0, seen
    wait_until(lambda: expiries(site, "open"), "an incident")
    incident, = expiries(site, "open")
    assert incident["severity"] == "high" and incident["samples"] == [f"listener field: {sample}; listener control: {sample}"]
    assert "this node: 2 listeners whose certificate or revocation list is out of date" in str(incident)
    assert re.search(rf"^field .* {shown} ", site.ok("status"), re.M)
    assert re.search(told, site.ok("reload")), "users and lists are still taken up"
    site.ok(*issue, at)
    site.ok("reload")
    peer(site, "careful", tls=True).join().leave()
    wait_until(lambda: expiries(site, "closed"), "the end of the incident")
    site.ok(*issue, at, *dates)
    done = site.cli("reload")
    assert done.returncode == 1 and "nothing was changed" in done.stderr and re.search(told, done.stderr), done.stderr
    peer(site, "careful", tls=True).join().leave()
    assert site.end() == 0, site.log_text()


def test_an_expired_certificate_is_refused(running):
    running.ok("pki", "issue", "client", "old", "--not-before", "2020-01-01", "--not-after", "2020-02-01")
    running.ok("user", "add", "old", "--role", "device", "--certificate-cn", "old")
    running.ok("reload")
    assert running.publish("fmb/device/old/a", cn="old") != 0


# ---- users ----


def test_comments_stay_when_users_change(made):
    before = made.users()
    made.ok("user", "add", "a", "--role", "device", "--generate")
    made.ok("user", "remove", "a")
    assert made.users() == before
    assert "# Who may come in." in before


@pytest.mark.parametrize("password, why", [
    ("short", "fewer than 12"), ("mosquitto", "default"), ("", "default"), ("aaaaaaaaaaaaaa", "5 different"),
])
def test_a_weak_password_is_refused(made, password, why):
    before = made.users()
    done = made.cli("user", "add", "a", "--role", "device", "--password-stdin", input=password + "\n")
    assert done.returncode == NO and why in done.stderr
    assert made.users() == before


@pytest.mark.parametrize("words, status, why", [
    (["add", "a", "--generate"], USAGE, "--role"),
    (["add", "a/b", "--role", "device", "--generate"], USAGE, "${user_name}"),
    (["add", "a", "--role", "nobody", "--generate"], NO, "it has device, gateway"),
    (["add", "admin", "--role", "device", "--generate"], NO, "already"),
    (["add", "a", "--role", "device", "--certificate-cn", "operator"], NO, "operator"),
    (["remove", "nobody"], NO, "no user"),
    (["list", "--generate"], USAGE, "--generate"),
])
def test_a_wrong_change_of_users_changes_nothing(made, words, status, why):
    before = made.users()
    done = made.cli("user", *words)
    assert done.returncode == status and why in done.stderr, done.stderr
    assert made.users() == before


def test_the_list_of_users_shows_no_verifier(made):
    assert made.json("user", "list") == [
        {"name": "admin", "role": "operator", "password": True, "scram": True,
         "certificate_cn": "operator", "disabled": False}
    ]


def answer_terminal(made, answers):
    """Run user passwd on a terminal of its own.  Return: exit status, what the terminal showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(BASTIDE, [str(BASTIDE), "user", "passwd", "admin", "--home", str(made.folder)])
    shown = b""
    try:
        for prompt, answer in answers:
            while prompt not in shown:
                shown += os.read(terminal, 1000)
            os.write(terminal, answer)
        while True:
            shown += os.read(terminal, 1000)
    except OSError:  # the child has closed it
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def test_a_password_is_asked_for_twice_and_never_shown(made):
    before = made.users()
    typed = GOOD_PASSWORD.encode() + b"\n"
    status, shown = answer_terminal(made, [(b"New password", typed), (b"again", typed)])
    assert status == OK, shown
    assert GOOD_PASSWORD.encode() not in shown
    assert made.users() != before


@pytest.mark.parametrize("answers, why", [
    ([(b"New password", b"a long enough password\n"), (b"again", b"a long enough passwort\n")], b"not the same"),
    ([(b"New password", b"\x03\n")], b"nothing is changed"),
    ([(b"New password", b"\x04")], b"nothing is changed"),
])
def test_a_password_that_is_not_confirmed_changes_nothing(made, answers, why):
    before = made.users()
    status, shown = answer_terminal(made, answers)
    assert status == NO and why in shown
    assert made.users() == before


# ---- pki ----


def test_the_list_shows_what_is_revoked(made):
    made.ok("pki", "issue", "client", "meter-17", "--days", "10")
    made.ok("pki", "revoke", "meter-17")
    states = {c["name"]: (c["kind"], c["state"]) for c in made.json("pki", "list")}
    assert states == {"test-1": ("server", "in date"), "operator": ("client", "in date"),
                      "meter-17": ("client", "revoked")}
    listed = openssl("crl", "-in", made.path("pki/ca.crl"), "-noout", "-text").stdout
    serial = next(c["serial"] for c in made.json("pki", "list") if c["name"] == "meter-17")
    assert serial in listed


def hosts(made, at="pki/server.crt"):
    return made.json("pki", "show", made.path(at))["hosts"]


def test_a_renewal_takes_the_names_over_and_says_so(made):
    before, old = hosts(made), made.path("pki/server.crt").read_bytes()
    assert "DNS:localhost" in before and "IP:127.0.0.1" in before and "IP:::1" in before
    renew = ["pki", "issue", "server", "test-1", "--out", made.path("pki/server"), "--replace"]
    done = made.cli(*renew)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert f"names        {before}, those of the one before" in done.stdout
    assert hosts(made) == before and made.path("pki/server.crt").read_bytes() != old


def test_a_renewal_with_names_has_these_and_tells_what_is_missing(made):
    renew = ["pki", "issue", "server", "test-1", "--out", made.path("pki/server"), "--replace", "--host"]
    done = made.cli(*renew, "bus.example,LOCALHOST,0:0::1")
    assert done.returncode == 0 and hosts(made) == "DNS:bus.example, DNS:LOCALHOST, IP:::1"
    told, = done.stderr.splitlines()
    assert "127.0.0.1" in told and "localhost" not in told and "::1" not in told
    assert "those of the one before" not in done.stdout
    done = made.cli(*renew, "bus.example,localhost,::1,more.example")
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_a_listener_whose_certificate_does_not_name_this_machine_is_told_as_not_tried(site):
    site.ok("pki", "issue", "server", "test-1", "--out", site.folder / "pki/server", "--replace", "--host", "bus.example")
    site.start()
    told = r' warning self-test: listener "field" cannot be tried at 127.0.0.1, and results are missing: .*address mismatch'
    wait_until(lambda: re.search(told, site.log_text()), "the self-test says so")
    assert site.end() == 0, site.log_text()


def test_a_certificate_has_all_names_that_are_asked_for_or_is_not_made(made):
    names = ",".join(f"n{i}.example" for i in range(33))
    done = made.cli("pki", "issue", "server", "x", "--host", names)
    assert done.returncode == NO and "at most 32 names" in done.stderr
    assert not made.path("pki/servers/x.crt").exists()


@pytest.mark.parametrize("words, status, why", [
    (["issue", "client", "operator", "--out", "pki/operator"], NO, "exists"),
    (["issue", "server", "x", "--replace"], USAGE, "no names to take over"),
    (["issue", "server", "x", "--out", "pki/operator", "--replace"], USAGE, "no names to take over"),
    (["issue", "client", "x", "--out", "pki/ca", "--replace"], NO, "is a CA"),
    (["issue", "client", "x", "--out", "pki/attestation", "--replace"], NO, "something else"),
    (["issue", "client", "../x"], USAGE, "--out"),
    (["issue", "server", "x"], USAGE, "--host"),
    (["issue", "client", "x", "--days", "0"], USAGE, "--days"),
    (["issue", "client", "x", "--days", "9999"], NO, "outlive"),
    (["issue", "client", "x", "--not-after", "2026-02-30"], USAGE, "--not-after"),
    (["revoke", "nobody"], NO, "pki list"),
    (["ca"], NO, "has a CA already"),
    (["show", "bastide.yaml"], NO, "certificate"),
])
def test_a_wrong_wish_of_the_ca_changes_nothing(made, words, status, why):
    before = {p: p.read_bytes() for p in made.path("pki").rglob("*") if p.is_file()}
    done = made.cli("pki", *words, cwd=made.folder)
    assert done.returncode == status and why in done.stderr, done.stderr
    assert before == {p: p.read_bytes() for p in made.path("pki").rglob("*") if p.is_file()}


# ---- attest ----

ATTEST = ["attest", "MQ.PR.IA-01", "--who-name", "P. Keeper", "--who-role", "PKI owner"]


def test_an_attestation_counts_and_one_that_is_changed_does_not(made):
    document = made.path("policy.txt")
    document.write_text("Certificates are issued by two persons.\n")
    said = made.ok(*ATTEST, "--document", document)
    assert "It counts from now on" in said

    path = made.path("attestations.json")
    stored = json.loads(path.read_text())
    one = stored["attestations"][0]
    assert one["who"] == {"name": "P. Keeper", "role": "PKI owner"}
    assert one["method"] == "EXAMINE"
    assert one["document"]["title"] == "policy.txt"
    one["statement"] += " Always."
    path.write_text(json.dumps(stored))
    again = made.ok("attest", "MQ.PR.CL-02", "--who-name", "D", "--who-role", "device owner", "--document", document)
    assert "It counts from now on" in again
    forged = [s for s in made.json("assess", "--no-node")["subcategories"] if s["id"] == "MQ.PR.IA-01"]
    assert forged[0]["attestation"] == "signature does not verify"


@pytest.mark.parametrize("words", [[], ["--effective", "2999-01-01"]])
def test_an_attestation_that_would_count_for_nothing_is_not_added(made, words):
    before = made.path("attestations.json").read_text()
    refused = made.cli(*ATTEST, *words)
    assert refused.returncode == NO and "give --document" in refused.stderr
    assert made.path("attestations.json").read_text() == before


@pytest.mark.parametrize("words, signer", [
    (["MQ.PR.IA-01"], "PKI owner"),
    (["MQ.PR.IA", "--kind", "policy", "--statement", "s"], "management"),
    (["MQ.PR.IA", "--kind", "validation", "--statement", "s"], "somebody else"),
])
def test_the_wrong_role_is_said_at_once(made, words, signer):
    before = made.path("attestations.json").read_text()
    refused = made.cli("attest", *words, "--who-name", "X", "--who-role", "visitor", "--document",
                       made.path("bastide.yaml"))
    assert refused.returncode == NO and "role that may not attest" in refused.stderr and signer in refused.stderr
    assert made.path("attestations.json").read_text() == before


@pytest.mark.parametrize("words, why", [
    (["attest", "MQ.XX.YY-01", "--who-name", "a", "--who-role", "b"], "no subcategory"),
    (["attest", "MQ.PR.IA-01"], "PKI owner"),
    ([*ATTEST, "--method", "GUESS"], "EXAMINE, INTERVIEW, TEST"),
    ([*ATTEST, "--valid-days", "0"], "--valid-days"),
    ([*ATTEST, "--title", "t"], "--document"),
    (["attest", "MQ.PR.IA-01", "--who-name", "P\x1b[31m", "--who-role", "b"], "--who-name: character 2 is U+001B"),
    ([*ATTEST, "--statement", "All is well.\nIt counts."], "--statement: character 13 is U+000A"),
    ([*ATTEST, "--implementer", "turned \u202eround"], "--implementer: character 8 is U+202E"),
    ([*ATTEST, "--document", "a\x07b"], "--document: character 2 is U+0007"),
])
def test_a_wrong_attestation_is_refused(made, words, why):
    before = made.path("attestations.json").read_text()
    done = made.cli(*words)
    assert done.returncode == USAGE and why in done.stderr, done.stderr
    assert made.path("attestations.json").read_text() == before


def test_a_policy_for_what_is_no_id_is_taken_back(made):
    before = made.path("attestations.json").read_text()
    done = made.cli("attest", "MQ.NO", "--kind", "policy", "--statement", "s", "--who-name", "a",
                    "--who-role", "management")
    assert done.returncode == NO and "nothing is added" in done.stderr
    assert made.path("attestations.json").read_text() == before
