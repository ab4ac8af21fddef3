# SPDX-License-Identifier: Apache-2.0
"""Attacks in small: each is noticed, and what came of it is evidence."""

import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import BASTIDE, Site
from test_drill import bus, lab, recorded  # noqa: F401, a fixture


@pytest.fixture(scope="module")
def long_bus(site_template):
    """One node for all of them, as for `bastide drill all`."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bastide-"))
    site = Site(folder, *site_template)
    assert lab(site, "--prepare").returncode == 0
    site.start()
    yield site
    code = site.end()
    said = site.log_text()
    shutil.rmtree(folder)
    assert code == 0, said


# Those that are noticed at once; each tells how many attempts it took at most.  All together take
# minutes, and are tried by hand before a release.
DETECTED = {
    "abnormal-termination": ("MQ.DE.NM-02", 10),
    "bad-certificate": ("MQ.PR.IA-02", 1),
    "brute-force-io": ("MQ.PR.SP-03", 40),
    "client-id-takeover-war": ("MQ.PR.IA-03", 8),
    "connection-flood": ("MQ.DE.NM-01", 40),
    "credential-stuffing": ("MQ.DE.ID-01", 6),
    "malformed-packets": ("MQ.PR.SP-01", 6),
    "message-replay": ("MQ.PR.IP-02", 2),
    "property-abuse": ("MQ.PR.SP-05", 1),
    "protocol-downgrade": ("MQ.PR.IP-01", 4),
    "publish-flood": ("MQ.PR.SP-05", 40),
    "qos2-inflight-exhaustion": ("MQ.PR.SP-05", 50),
    "retained-poisoning": ("MQ.PR.IP-02", 1),
    "session-hoarding": ("MQ.PR.SP-05", 30),
    "slow-connect": ("MQ.PR.SP-05", 6),
    "slow-consumer": ("MQ.PR.SP-05", 1),
    "source-change": ("MQ.PR.IA-03", 4),
    "spoofed-report": ("MQ.PR.IP-02", 6),
    "subscription-bomb": ("MQ.PR.SP-05", 1),
    "unauthorized-command": ("MQ.PR.SP-03", 1),
    "wildcard-snoop": ("MQ.DE.ID-02", 1),
    "sys-recon": ("MQ.DE.ID-02", 1),
    "acl-violations": ("MQ.DE.ID-02", 11),
    "topic-scan-subscribe": ("MQ.DE.ID-02", 30),
    "topic-depth-abuse": ("MQ.PR.SP-05", 1),
    "will-abuse": ("MQ.PR.SP-03", 1),
    "default-credentials": ("MQ.PR.IA-03", 3),
}


@pytest.mark.parametrize("detector", DETECTED)
def test_an_attack_in_small_is_noticed_and_kept_as_evidence(long_bus, detector):
    subcategory, most = DETECTED[detector]
    done = subprocess.run([BASTIDE, "drill", detector, "--home", str(long_bus.folder), "--json"], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stderr
    line = recorded(long_bus)[-1]
    assert (line["subcategory"], line["injected"], line["detected"]) == (subcategory, 1, 1)
    assert line["touched"][0] <= most and line["seconds"][0] < 60
    assert "bastide drill, run by " in line["by"]
    assert detector in {i["kind"] for i in long_bus.json("incidents")}


# In enforce mode by default: the node answers, and when is recorded.
@pytest.mark.parametrize("detector", ["unauthorized-command", "malformed-packets"])
def test_what_a_drill_provokes_is_contained_and_nobody_else_disturbed(bus, detector):  # noqa: F811
    done = subprocess.run([BASTIDE, "drill", detector, "--home", str(bus.folder), "--json"], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    line = recorded(bus)[-1]
    assert line["contained"] == 1
    assert line["seconds"][0] <= line["contain_seconds"][0] < 60


def test_a_drill_is_contained_by_holding_commands(site):
    """Nobody is cut off: the attacker's commands wait for a person."""
    assert lab(site, "--prepare").returncode == 0
    site.change("respond:\n", """respond:
  playbooks:
    - {kind: brute-force-io, role: lab-drill, severity: high, steps: [hold 10m]}
""")
    site.change("\ndetect:\n", "\ndetect:\n  detectors:\n    - {detector: brute-force-io, mode: enforce}\n")
    site.start()
    done = subprocess.run([BASTIDE, "drill", "brute-force-io", "--home", str(site.folder), "--json"], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert recorded(site)[-1]["contained"] == 1
    assert [m["what"] for m in site.json("respond")["in_force"]] == ["hold"]
    assert site.end() == 0, site.log_text()


def test_a_drill_of_what_is_no_detector_says_so(long_bus):
    done = subprocess.run([BASTIDE, "drill", "no-such", "--home", str(long_bus.folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "no-such" in done.stderr and "detector" in done.stderr
