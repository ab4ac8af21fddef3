# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces with a cable between them, and programs run in them."""

import contextlib
import os
import socket
import subprocess
import threading

import pytest

NODE_ADDRESS, FIELD_ADDRESS, OTHER_ADDRESS = "198.18.0.1", "198.18.0.2", "198.18.0.3"


def need_root():
    if os.geteuid() != 0:
        pytest.skip("only root can make network namespaces and give packets a filter")


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Nets:
    """`node` and `field`: names of the namespaces."""

    def __init__(self):
        self.node, self.field = (f"bastide-{os.getpid()}-{side}" for side in ("n", "f"))

    def open(self):
        for name in (self.node, self.field):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", self.node, "link", "add", "cable", "type", "veth", "peer", "cable", "netns", self.field)
        for name, *addresses in ((self.node, NODE_ADDRESS), (self.field, FIELD_ADDRESS, OTHER_ADDRESS)):
            for address in addresses:
                ip("-n", name, "addr", "add", f"{address}/24", "dev", "cable")
            ip("-n", name, "link", "set", "cable", "up")

    def close(self):
        for name in (self.node, self.field):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    @contextlib.contextmanager
    def inside(self, name):
        """The calling thread is in the namespace; sockets that it makes there stay of it."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{name}", os.O_RDONLY)
        try:
            os_setns(there)
            yield
        finally:
            os_setns(here)
            os.close(here)
            os.close(there)

    def socket(self, name, *kind):
        with self.inside(name):
            return socket.socket(socket.AF_INET, *kind)

    def reaches(self, address, port, timeout_s=0.5):
        """Does a TCP connection from `address` of the field to the node come about?"""
        with self.socket(self.field, socket.SOCK_STREAM) as s:
            s.bind((address, 0))
            s.settimeout(timeout_s)
            try:
                s.connect((NODE_ADDRESS, port))
            except TimeoutError:
                return False
            return True


def os_setns(fd):
    """os.setns() came with Python 3.12."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def listening(nets):
    """Something that takes connections in the node's namespace; the port."""
    with nets.socket(nets.node, socket.SOCK_STREAM) as s:
        s.bind((NODE_ADDRESS, 0))
        s.listen(100)
        stop = threading.Event()

        def accept():
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    s.accept()[0].close()

        thread = threading.Thread(target=accept)
        thread.start()
        yield s.getsockname()[1]
        stop.set()
        s.shutdown(socket.SHUT_RDWR)
        thread.join()
