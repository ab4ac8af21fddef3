# SPDX-License-Identifier: Apache-2.0
"""bastide bench against a real node: every scenario ends well, and what stops it is said."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from conftest import BASTIDE, PATIENCE_S, SANITIZERS, Site, wait_until

FEW = ["--publishers", "3", "--subscribers", "3", "--window", "20"]


@pytest.fixture(scope="module")
def target(site_template):
    """A node that observes only: load looks like an attack."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bastide-"))
    site = Site(folder, *site_template)
    site.change("  enforce: yes ", "  enforce: no ")
    site.change("      - subscribe: $SYS/#\n", "      - publish_subscribe: test/#\n      - subscribe: $SYS/#\n")
    site.start()
    try:
        yield site
        assert site.end() == 0, site.log_text()
        assert not SANITIZERS.search(site.log_text()), site.log_text()
    finally:
        if site.process is not None:
            site.end(signal.SIGKILL)
        shutil.rmtree(folder)


def start(target, *words, password=None, port=None):
    return subprocess.Popen(
        [BASTIDE, "bench", *words, "--json", "--quiet", "--prefix", "test/bench", "--port", str(port or target.port),
         "--pid", str(target.process.pid)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "BASTIDE_BENCH_PASSWORD": password or target.passwords["alice"]})


def finish(process):
    out, err = process.communicate(timeout=3 * PATIENCE_S)
    return process.returncode, json.loads(out) if out else None, err


def bench(target, *words, **more):
    if "--cert" not in words:
        words += ("--user", "alice")
    return finish(start(target, *words, **more))


@pytest.mark.parametrize("scenario", [
    ["fanin", *FEW],
    ["fanin", *FEW, "--qos", "1", "--protocol", "3.1.1"],
    ["fanin", *FEW, "--qos", "2", "--threads", "2"],
    ["fanout", *FEW, "--qos", "1", "--size", "2000"],
    ["pair", *FEW, "--protocol", "3.1.1"],
    ["wild", *FEW, "--filters", "1200", "--topics", "500"],
    ["wild", *FEW, "--filters", "200", "--topics", "50", "--miss", "--qos", "1"],
    ["latency", *FEW, "--rate", "200"],
], ids=" ".join)
def test_traffic_arrives_once_and_in_order(target, scenario):
    status, all_, err = bench(target, *scenario, "--duration", "0.5", "--warmup", "0.1")
    assert status == 0, (all_, err)
    results = all_["results"]
    assert all_["ok"] and results["delivered"] > 0 and results["lost"] == 0
    assert results["broker_cpu_us_per_message"] > 0
    assert ("latency_p99_us" in results) == ("latency" in scenario)


@pytest.mark.parametrize("scenario", [
    ["retained", "--messages", "300"],
    ["retained", "--messages", "300", "--qos", "1"],
    ["offline", "--messages", "50", "--subscribers", "2"],
    ["offline", "--messages", "50", "--subscribers", "2", "--qos", "2", "--protocol", "3.1.1"],
    ["idle", "--connections", "10", "--duration", "0.2"],
], ids=" ".join)
def test_what_is_kept_comes_back_and_nothing_is_left(target, scenario):
    status, all_, err = bench(target, *scenario)
    assert status == 0, (all_, err)

    def is_left():
        status = target.json("status")
        return status["sessions"] + status["retained_messages"] > 0

    wait_until(lambda: not is_left(), "nothing is left, of the node's own trials neither")


def test_churn_goes_through_whole_lives_over_tls(target):
    certificate, key = target.certificate("device-1")
    status, all_, err = bench(target, "churn", "--qos", "1", "--concurrency", "4", "--duration", "0.5", "--ca",
                              target.ca, "--cert", certificate, "--key", key, port=target.tls_port)
    assert status == 0, (all_, err)
    assert all_["results"]["cycles"] > 0
    assert all_["parameters"]["transport"] == "tls with client certificate"


def test_the_control_plane_is_measured_while_delivery_is_busy(target):
    pki = target.folder / "pki"
    status, all_, err = bench(
        target, "control", "--load", "fanin", *FEW, "--duration", "1", "--socket", str(target.socket),
        "--control-port", str(target.control_port), "--control-ca", target.ca, "--control-cert",
        str(pki / "operator.crt"), "--control-key", str(pki / "operator.key"))
    assert status == 0, (all_, err)
    for what in ("control_message", "disconnect", "ban", "block"):
        assert 0 < all_["results"][f"{what}_p50_us"] <= all_["results"][f"{what}_max_us"]
    assert target.json("bans") == [] and target.json("respond")["in_force"] == []


def test_a_wrong_password_is_said(target):
    status, all_, err = bench(target, "fanin", *FEW, password="not the password of alice")
    assert status == 1
    assert "refuses the connection: Bad User Name or Password" in err
    assert not all_["ok"]


def test_a_topic_that_is_not_allowed_is_said(target):
    status, _, err = finish(subprocess.Popen(
        [BASTIDE, "bench", "fanin", *FEW, "--port", str(target.port), "--user", "alice", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "BASTIDE_BENCH_PASSWORD": target.passwords["alice"]}))
    assert status == 1
    assert "refuses the subscription to bench/" in err and "Not authorized" in err


def test_interrupted_it_shows_what_it_has(target):
    before = target.json("status")["messages_sent"]
    process = start(target, "fanin", *FEW, "--duration", "600", "--warmup", "0", "--user", "alice")
    wait_until(lambda: target.json("status")["messages_sent"] > before + 100, "traffic")
    process.send_signal(signal.SIGINT)
    status, all_, err = finish(process)
    assert status == 0, (all_, err)
    assert all_["interrupted"] and all_["results"]["delivered"] > 0 and all_["results"]["lost"] == 0
