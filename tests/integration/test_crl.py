# SPDX-License-Identifier: Apache-2.0
"""A revocation list whose dates are over, or yet to come: who is told, who stays, who does not come in.

The lists are made by openssl, with the key of the built-in CA, whose own lasts as long as the CA.
"""

import re
import socket
import ssl
import subprocess
import time

import pytest

from conftest import PATIENCE_S, SANITIZERS, wait_until
from test_assess import evidence

DAY_S = 86400
NOT_AUTHORIZED = 0x87
CA = """\
[ca]
default_ca = own
[own]
database = {folder}/index
crlnumber = {folder}/number
default_md = sha256
"""


def in_openssl(unix_s):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(unix_s))


def day(unix_s):
    return time.strftime("%Y-%m-%d", time.gmtime(unix_s))


def write_list(site, begins_s, ends_s, revoked=()):
    """A new pki/ca.crl, of Unix times, that revokes the certificates of these names."""
    at = site.folder / "own-ca"
    at.mkdir(exist_ok=True)
    serials = [row["serial"] for row in (site.json("pki", "list") if revoked else []) if row["name"] in revoked]
    assert len(serials) == len(revoked)
    gone = in_openssl(time.time() - DAY_S)[2:]
    (at / "index").write_text("".join(f"R\t491231235959Z\t{gone}\t{serial}\tunknown\t/CN=x\n" for serial in serials))
    (at / "number").write_text("9000\n")
    (at / "config").write_text(CA.format(folder=at))
    done = subprocess.run(["openssl", "ca", "-config", at / "config", "-gencrl", "-keyfile", site.folder / "pki/ca.key",
                           "-cert", site.ca, "-out", site.folder / "pki/ca.crl", "-crl_lastupdate", in_openssl(begins_s),
                           "-crl_nextupdate", in_openssl(ends_s)], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr


def write_good_list(site, revoked=()):
    write_list(site, time.time() - DAY_S, time.time() + 200 * DAY_S, revoked)


def incidents(site, state):
    return [i for i in site.json("incidents", "--state", state) if i["kind"] == "certificate-expiry"]


@pytest.fixture
def meters(site, peer):
    """The site, with two more devices that come by certificate; and a client of one of three."""
    for name in ("meter-1", "meter-2"):
        site.ok("user", "add", name, "--role", "tester", "--certificate-cn", name)
        site.issue(name)

    def one(name, certificate):
        return peer(site, name, user=None, tls=True, certificate=site.certificate(certificate))

    yield site, one
    if site.process is not None:
        assert site.end() == 0 and not SANITIZERS.search(site.log_text()), site.log_text()


def is_refused(site, certificate):
    """In the handshake, of which TLS 1.3 tells behind the client's own end of it."""
    context = ssl.create_default_context(cafile=site.ca)
    context.load_cert_chain(*site.certificate(certificate))
    with socket.create_connection(("127.0.0.1", site.tls_port), PATIENCE_S) as s:
        try:
            with context.wrap_socket(s, server_hostname="localhost") as shaken:
                shaken.recv(1)
        except ssl.SSLError as refusal:
            return "alert" in str(refusal)
    return False


NOW = time.time()
OVER = (NOW - 30 * DAY_S, NOW - 10 * DAY_S)
TO_COME = (NOW + 10 * DAY_S, NOW + 60 * DAY_S)
DATES = pytest.mark.parametrize("dates, told, refused, sample, status", [
    (OVER, rf"has expired, the next was due on {day(OVER[1])}T", "has expired", f"CRL over since {day(OVER[1])}",
     "over"),
    (TO_COME, rf"is not valid before {day(TO_COME[0])}T", "is not valid yet",
     f"CRL by this clock not valid before {day(TO_COME[0])}", "not yet valid"),
], ids=["over", "to come"])


@DATES
def test_a_node_whose_list_is_out_of_date_starts_and_says_so_aloud(meters, peer, dates, told, refused, sample, status):
    site, one = meters
    path = site.folder / "pki/ca.crl"
    told = rf'listener "?field"?: its revocation list {re.escape(str(path))} {told}'
    write_list(site, *dates)
    checked = site.cli("check-config")
    assert checked.returncode == 0 and re.search(told, checked.stderr), checked.stderr
    assert re.search(told.replace("field", "control"), checked.stderr)
    site.start()
    wait_until(lambda: re.search(" error node: " + told, site.log_text()), "the start tells of it")
    peer(site, "plain").join().leave()
    assert is_refused(site, "meter-1")
    wait_until(lambda: re.search(rf"unknown whether it is revoked \(the revocation list {re.escape(str(path))} {refused}.*"
                                 r"bastide reload\): CN meter-1", site.log_text()), "the log says why")
    assert evidence(site, "MQ.PR.IA-01.t3")["value"] == 0
    wait_until(lambda: incidents(site, "open"), "an incident")
    incident, = incidents(site, "open")
    assert incident["severity"] == "high"
    assert incident["samples"] == [f"listener field: {sample}; listener control: {sample}"]
    assert re.search(told, site.ok("reload")), "users and certificates are still taken up"
    assert re.search(rf"^field .* days +{status} ", site.ok("status"), re.M)
    write_good_list(site)
    assert "revocation list" not in site.ok("reload")
    assert re.search(r"^field .* days +in \d+ days ", site.ok("status"), re.M)
    wait_until(lambda: incidents(site, "closed"), "the end of the incident")
    assert evidence(site, "MQ.PR.IA-01.t3")["value"] == 1
    one("new", "meter-1").join().leave()


@DATES
def test_a_list_out_of_date_does_not_take_the_place_of_one_that_holds(meters, dates, told, refused, sample, status):
    site, one = meters
    site.start()
    live = one("live", "meter-1").join().read("test/a")
    write_list(site, *dates, revoked=["meter-2"])
    done = site.cli("reload")
    assert done.returncode == 1 and "nothing was changed" in done.stderr and re.search(told, done.stderr), done.stderr
    live.publish("test/a", "still there")
    assert live.texts(1) == ["still there"]
    one("new", "device-1").join().leave()
    assert evidence(site, "MQ.PR.IA-01.t3")["value"] == 1, "of the list in force"


def test_a_list_out_of_date_does_not_come_where_there_was_none(meters):
    site, one = meters
    kept = site.config.read_text()
    site.config.write_text(re.sub(r"^ +crl: .*\n", "", kept, flags=re.M))
    site.start()
    write_list(site, *OVER)
    site.config.write_text(kept)
    done = site.cli("reload")
    assert done.returncode == 1 and "nothing was changed" in done.stderr and "revocation list" in done.stderr, done.stderr
    one("new", "meter-1").join().leave()


def test_a_list_that_ends_cuts_nobody_but_whom_it_names(meters):
    site, one = meters
    site.start()
    meters_live = [one(f"live-{name}", name).join() for name in ("meter-1", "meter-2")]
    end = time.time() + 8  # for the reload to take it before
    write_list(site, time.time() - 100, end)
    site.ok("reload")
    wait_until(lambda: "high" in [i["severity"] for i in incidents(site, "open")], "its end by the clock")
    assert time.time() >= int(end), "and not before"
    site.ok("user", "add", "another", "--role", "tester", "--certificate-cn", "another")
    assert "revocation list" in site.ok("reload")
    for live in meters_live:
        live.read("test/a")
    assert is_refused(site, "meter-1")
    write_list(site, time.time() - 100, time.time() - 1, revoked=["meter-2"])
    site.ok("reload")
    assert meters_live[1].disconnected.wait(PATIENCE_S) and meters_live[1].disconnect == NOT_AUTHORIZED
    meters_live[0].publish("test/a", "still there")
    assert meters_live[0].texts(1) == ["still there"]
    write_good_list(site)
    site.ok("reload")
    wait_until(lambda: incidents(site, "closed"), "the end of the incident")
    one("new", "meter-1").join().leave()


@pytest.mark.parametrize("life_days, left_days, is_told", [(200, 20, True), (200, 31, False), (8, 1, True), (8, 3, False)])
def test_a_list_that_ends_soon_is_told_by_how_long_it_lasts(meters, life_days, left_days, is_told):
    """A CA that makes one each week is not in its last month all the time."""
    site, _ = meters
    now = time.time()
    write_list(site, now - (life_days - left_days) * DAY_S, now + left_days * DAY_S + 600)
    told = rf'listener "?field"?: its revocation list \S+ ends on {day(now + left_days * DAY_S + 600)}'
    assert bool(re.search(told, site.cli("check-config").stderr)) == is_told
    site.start()
    said = site.ok("reload")
    assert bool(re.search(told, said)) == is_told
    if is_told:
        wait_until(lambda: incidents(site, "open"), "an incident")
        assert incidents(site, "open")[0]["severity"] == "low"
        assert re.search(" warning node: " + told, site.log_text())
