# SPDX-License-Identifier: Apache-2.0
"""What an operator does wrong, and what the program says to it."""

import os
import re
import resource
import socket

import pytest

from conftest import wait_until

NO = 1


def test_a_second_node_on_the_same_port_is_refused(field, site_template, tmp_path):
    other = type(field)(tmp_path / "other", *site_template)
    for mine, theirs in ((other.port, field.port), (other.tls_port, field.tls_port),
                         (other.control_port, field.control_port)):
        other.change(f"port: {mine}", f"port: {theirs}")
    done = other.cli("run")
    assert done.returncode == NO
    assert "Address already in use; another program listens there" in done.stderr


def test_a_port_that_another_program_shares_is_not_shared(site):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", site.port))
        other.listen()
        done = site.cli("run")
    assert done.returncode == NO
    assert f"127.0.0.1 port {site.port}: Address already in use" in done.stderr


def test_an_address_of_another_machine_is_told(site):
    site.config.write_text(site.config.read_text().replace(
        f'address: "127.0.0.1"\n    port: {site.tls_port}', f'address: "192.0.2.1"\n    port: {site.tls_port}'))
    done = site.cli("run")
    assert done.returncode == NO
    assert "192.0.2.1" in done.stderr and "no interface of this machine has that address" in done.stderr


def test_a_home_that_is_not_the_accounts_to_become_is_told(site):
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    site.change("  # run_as: bastide  ", "  run_as: nobody  ")
    done = site.cli("run")
    assert done.returncode == NO
    assert 'node.run_as: user "nobody" may not read' in done.stderr
    assert f"do chown -R nobody {site.folder}" in done.stderr
    assert "stopped" not in done.stderr and "identify" not in done.stderr


def test_a_ban_that_cannot_be_written_is_in_force_and_the_operator_knows(field):
    process = field.process.pid
    resource.prlimit(process, resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
    said = field.ok("ban", "client", "evil")
    assert 'client "evil" is banned' in said and "IT IS NOT ON DISK" in said
    assert field.json("status")["respond"]["kept"] is False
    assert re.search(r"^Bans, incidents on disk +no$", field.ok("status"), re.M)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    # What could not be written is tried again by itself; until then the next is told the same.
    wait_until(lambda: field.json("status")["respond"]["kept"], "what waited is written")
    assert "DISK" not in field.ok("ban", "client", "worse")
    assert field.json("status")["respond"]["kept"] is True


def test_a_node_can_be_asked_while_its_configuration_does_not_parse(field):
    good = field.config.read_text()
    field.config.write_text(good + "node: [\n")
    done = field.cli("status")
    assert done.returncode == NO and f"--socket {field.socket}" in done.stderr
    assert "test-1" in field.cli("status", "--socket", str(field.socket), home=False).stdout
    field.config.write_text(good)


def test_a_reload_says_what_takes_a_restart(field):
    field.change("  workers: 2", "  workers: 3")
    field.change("respond:\n", "respond:\n  ward: run/ward.sock\n")
    said = field.ok("reload")
    assert "node.workers has changed: takes a restart" in said and "respond.ward has changed: takes a restart" in said
    assert said.count("takes a restart") == 2 and "are in force" in said
