#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""fence.py UNIT PROGRAM... - run a program behind the SystemCallFilter= of a systemd unit

Groups such as @system-service are what systemd-analyze says of them on this machine.
"""
import ctypes
import os
import pathlib
import re
import subprocess
import sys

ERRNO_EPERM = 0x00050000 | 1
ALLOW = 0x7FFF0000
UNKNOWN = -1  # no call of any machine


def calls_of(word):
    """Names of the calls of a group, or of the one call."""
    if not word.startswith("@"):
        return {word}
    said = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", word], check=True,
                          capture_output=True, text=True, env={**os.environ, "SYSTEMD_COLORS": "0"}).stdout
    inner = [line.strip() for line in said.splitlines()[1:]]
    return set().union(*(calls_of(w) for w in inner if w and not w.startswith("#")))


def allowed_by(unit):
    """A unit's first line says what is allowed; those with ~ take away, others add."""
    allowed = calls_of("@default")
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.M):
        calls = set().union(*(calls_of(w) for w in line.lstrip("~").split()))
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed


def put_on(allowed):
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    fence = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(ERRNO_EPERM)))
    for name in allowed:
        call = seccomp.seccomp_syscall_resolve_name(name.encode())
        if call != UNKNOWN:
            seccomp.seccomp_rule_add(fence, ctypes.c_uint32(ALLOW), call, 0)
    if seccomp.seccomp_load(fence) != 0:
        sys.exit("fence.py: the filter cannot be loaded")


if __name__ == "__main__":
    put_on(allowed_by(pathlib.Path(sys.argv[1]).read_text()))
    os.execv(sys.argv[2], sys.argv[2:])
