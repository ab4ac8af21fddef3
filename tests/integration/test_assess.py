# SPDX-License-Identifier: Apache-2.0
"""What a running node can prove about itself, asked as an operator asks."""

import json
import time

from conftest import wait_until

ACCOUNTS = 12
# Of "public", which bastide user would refuse.
KNOWN = "$argon2id$v=19$m=8,t=1,p=1$T7qCOfht8gDlqDIyj4dJHg$P1VRCRLQ6vsU3ZnX14QNIlO19RazjHRGzyfXFVjXNpw"


def evidence(site, test):
    done = json.loads(site.ok("assess", "--json"))
    tests = [t for s in done["subcategories"] for t in s["tests"]]
    return next(t for t in tests if t["id"] == test)


def test_nobody_waits_while_the_accounts_passwords_are_tried(site):
    for i in range(ACCOUNTS):
        site.ok("user", "add", f"user-{i}", "--role", "tester", "--generate")
    site.start()
    begun = time.monotonic()
    evidence(site, "MQ.PR.IA-03.t4")
    assert time.monotonic() - begun < 5  # trying them takes a second each
    assert site.end() == 0


def test_a_password_that_everybody_knows_is_found(site):
    (site.folder / "users.yaml").write_text(f"""\
users:
  - {{name: careless, role: tester, password: "{KNOWN}"}}
""")
    site.start()
    wait_until(lambda: evidence(site, "MQ.PR.IA-03.t4").get("value") == 1, "it is found")
    assert "user careless has a password that everybody knows" in site.log_text()
    assert site.end() == 0
