# SPDX-License-Identifier: Apache-2.0
"""After its start the node has no capability, and each of its threads has a filter of system calls."""

import pathlib

from conftest import as_nobody

FENCE = pathlib.Path(__file__).with_name("fence.py")
UNIT = pathlib.Path(__file__).parents[2] / "packaging/systemd/bastide.service.in"


def threads_of(node):
    """Name and status of each thread."""
    for task in pathlib.Path(f"/proc/{node.process.pid}/task").iterdir():
        yield (task / "comm").read_text().strip(), dict(
            line.split(":\t", 1) for line in (task / "status").read_text().splitlines())


def test_every_thread_is_confined_and_has_no_capability(field):
    field.ok("status")  # the API's thread has begun
    threads = list(threads_of(field))
    names = {name for name, _ in threads}
    assert {"bastide", "sentinel", "auth", "self-test", "worker-0", "worker-1"} <= names
    for name, status in threads:
        assert status["Seccomp"].strip() == "2", name
        assert status["NoNewPrivs"].strip() == "1", name
        for which in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
            assert int(status[which], 16) == 0, (name, which)


def test_the_sandbox_can_be_switched_off_for_a_debugger(home):
    home.write(home.config.read_text().replace("{", "{{").replace("}", "}}")
               .replace("  state_dir: state\n", "  state_dir: state\n  sandbox: off\n"))
    home.start()
    assert {status["Seccomp"].strip() for _, status in threads_of(home)} == {"0"}
    assert home.end() == 0


def test_a_word_that_is_no_sandbox_is_told(home):
    home.config.write_text(home.config.read_text().replace(
        "  state_dir: state\n", "  state_dir: state\n  sandbox: maybe\n"))
    done = home.cli("check-config")
    assert done.returncode == 1
    assert "node.sandbox" in done.stderr and "enforce" in done.stderr


def test_the_node_serves_behind_the_filter_of_its_unit(home):
    # Who may not be looked into cannot look for its own leaks.
    home.start([*as_nobody(home), FENCE, UNIT], ASAN_OPTIONS="detect_leaks=0")
    home.ok("status")
    assert all(status["Seccomp_filters"].strip() == "2" for _, status in threads_of(home))
    assert home.end() == 0
