# SPDX-License-Identifier: Apache-2.0
"""A question to the admin API as a script asks it, without the start of the program.

Also a program of its own, for whoever has to ask as another user: SOCKET METHOD PATH BODY.
"""

import http.client
import json
import socket
import sys
import time


def ask(path_of_socket, method, path, body=None):
    """Return the status and the answer; @body: what is sent as JSON."""
    asked = http.client.HTTPConnection("node")
    with socket.socket(socket.AF_UNIX) as asked.sock:
        asked.sock.connect(str(path_of_socket))
        text = None if body is None else json.dumps(body)
        asked.request(method, path, text, {} if body is None else {"Content-Type": "application/json"})
        answer = asked.getresponse()
        return answer.status, json.loads(answer.read())


def order(site, path, **body):
    """Return how long the command alone takes, without the start of a program."""
    begin = time.monotonic()
    status, said = ask(site.socket, "POST", path, body)
    took = time.monotonic() - begin
    assert status == 200, said
    return took


if __name__ == "__main__":
    where, *question, told = sys.argv[1:]
    print(json.dumps(ask(where, *question, json.loads(told))))
