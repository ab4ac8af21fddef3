# SPDX-License-Identifier: Apache-2.0
"""The life of a node: what a start refuses and warns of, and how it ends."""

import os
import shutil
import signal
import socket
import stat
import subprocess

import pytest

from conftest import BASTIDE, PATIENCE_S, as_nobody
from test_cli import NO, UNREACHABLE, client  # noqa: F401, a fixture


def test_only_owner_and_group_may_open_the_socket(node):
    mode = os.lstat(node.socket).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660


def test_a_second_node_on_the_same_folder_is_refused(node):
    done = node.cli("run")
    assert done.returncode == NO
    assert "another node runs" in done.stderr
    assert node.json("status")["pid"] == node.process.pid


def test_a_state_folder_that_cannot_be_written_is_told(home):
    state = home.folder / "state"
    state.mkdir()
    prefix = as_nobody(home)
    state.chmod(0o500)
    done = subprocess.run([*prefix, BASTIDE, "run", "--home", home.folder], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)
    assert done.returncode == NO
    assert f"node.state_dir {state}: Permission denied" in done.stderr and "write there" in done.stderr


def test_a_start_says_what_is_wrong_with_the_state_folder_and_what_to_do(node):
    assert node.end() == 0
    database = node.folder / "state" / "control.db"
    for spoilt in (b"no database" * 20, b""):
        database.write_bytes(spoilt)
        done = node.cli("run")
        assert done.returncode == NO and "move the files of control.* aside" in done.stderr
    shutil.rmtree(node.folder / "state")
    (node.folder / "state").write_text("")
    done = node.cli("run")
    assert done.returncode == NO and f"node.state_dir {node.folder / 'state'}: Not a directory" in done.stderr


def test_what_everybody_may_change_is_warned_of(home):
    home.folder.joinpath("bastide.yaml").chmod(0o666)
    assert "bastide.yaml can be changed by everybody; chmod o-w" in home.cli("check-config").stderr


def test_a_node_that_was_killed_leaves_nothing_in_the_way(node):
    node.end(signal.SIGKILL)
    assert node.socket.exists()
    assert node.cli("status").returncode == UNREACHABLE
    node.start()
    assert node.json("status")["pid"] == node.process.pid


def test_stop_is_answered_and_the_node_ends_in_order(node, client):  # noqa: F811
    one = client("meter-1").wait_connected()
    assert "the node stops" in node.ok("stop")
    assert node.process.wait(PATIENCE_S) == 0
    node.process = None
    assert one.disconnected.wait(PATIENCE_S)
    assert not node.socket.exists()
    assert node.cli("status").returncode == UNREACHABLE


def test_behind_a_stop_the_home_is_free(site):
    """Whatever is begun when stop has returned finds it so, each time."""
    config = site.config.read_text()
    assert "\nstore:" not in config
    for i in range(4):
        site.start()
        site.ok("stop")
        site.ok("key", "change", "--to", str(site.folder / f"keys/other-{i}.key"))
        site.config.write_text(f"{config}\nstore:\n  key_file: keys/other-{i}.key\n")
        assert site.process.wait(PATIENCE_S) == 0
    site.start()
    for verb in (["stop"], ["respond", "run", "shutdown", "--reason", "test"]):
        before = site.process
        assert site.json(*verb)["done"] is True
        site.start()
        assert before.wait(PATIENCE_S) == 0
    assert site.end() == 0, site.log_text()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_node_in_order(node, how):
    assert node.end(how) == 0
    assert not node.socket.exists()


def test_the_service_manager_is_told_of_reload_and_stop(home):
    path = home.folder / "manager.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(PATIENCE_S)
        process = subprocess.Popen(
            [BASTIDE, "run", "--home", str(home.folder)],
            stderr=subprocess.DEVNULL,
            env={**os.environ, "NOTIFY_SOCKET": str(path)},
        )
        try:
            assert manager.recv(100) == b"READY=1"
            process.send_signal(signal.SIGHUP)
            assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert manager.recv(100) == b"READY=1"
            process.terminate()
            assert manager.recv(100) == b"STOPPING=1"
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
            process.wait()
