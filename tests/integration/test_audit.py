# SPDX-License-Identifier: Apache-2.0
"""Who did what: listed, exported, and found out whether all of it is still there.  MQ.PR.IP-04"""

import json

NO = 1


def entries(home):
    return home.json("audit", "list")


def test_what_an_operator_does_is_an_entry(field):
    field.ok("ban", "client", "evil", "--reason", "it scans", "--for", "1h")
    field.ok("unban", "client", "evil")
    field.ok("respond", "suspend", "--for", "5m")
    field.ok("reload")
    found = [(e["actor"].split(":")[0], e["action"], e["object"], e["reason"]) for e in entries(field)]
    assert ("admin", "ban", "client evil", "it scans") in found
    assert ("admin", "unban", "client evil", "") in found
    assert ("admin", "suspend", "responses", "") in found
    assert ("admin", "reload", str(field.config), "") in found
    assert "nothing is missing" in field.ok("audit", "verify")


def test_the_chain_goes_on_over_restarts_and_is_verified_without_a_node(field):
    field.ok("ban", "client", "evil")
    assert field.end() == 0
    said = field.ok("audit", "verify")
    assert "nothing is missing" in said
    before = entries(field)
    assert before[-1]["action"] == "stop" and [e["seq"] for e in before] == list(range(1, len(before) + 1))
    field.start()
    assert entries(field)[: len(before)] == before
    assert "nothing is missing" in field.ok("audit", "verify")


def test_an_export_is_verified_alone_and_a_change_of_it_is_found(field, tmp_path):
    for name in ("a", "b", "c"):
        field.ok("ban", "client", name)
    export = tmp_path / "audit.jsonl"
    export.write_text(field.ok("audit", "export"))
    # No home, no key, no node.
    ok = field.cli("audit", "verify", "--file", str(export), home=False)
    assert ok.returncode == 0, ok.stderr
    lines = export.read_text().splitlines()
    key = json.loads(lines[0])["key"]

    def refused(changed, *more):
        export.write_text("\n".join(changed) + "\n")
        done = field.cli("audit", "verify", "--file", str(export), *more, home=False)
        assert done.returncode == NO and "NOT whole" in done.stderr
        return done.stderr

    entry = next(i for i, line in enumerate(lines) if '"client b"' in line)
    seq = json.loads(lines[entry])["entry"]["seq"]
    assert f"entry {seq} is missing" in refused(lines[:entry] + lines[entry + 1:])
    assert f"entry {seq} was changed" in refused([line.replace('"client b"', '"client x"') for line in lines])
    swapped = lines[:entry] + [lines[entry + 1], lines[entry]] + lines[entry + 2:]
    assert f"entry {seq} stands behind entry {seq + 1}" in refused(swapped)
    assert "the end is missing" in refused(lines[:-1])
    assert "not hold" in refused(lines, "--key", "A" + key[1:] if key[0] != "A" else "B" + key[1:])


def test_a_head_that_was_kept_elsewhere_finds_a_tail_that_was_cut_off_with_its_heads(field, tmp_path):
    field.ok("ban", "client", "evil")
    export = tmp_path / "audit.jsonl"
    export.write_text(field.ok("audit", "export"))
    field.ok("unban", "client", "evil")
    assert field.end() == 0
    head = field.folder / "state/audit.head"
    ok = field.cli("audit", "verify", "--file", str(export), home=False)
    assert ok.returncode == 0
    cut = field.cli("audit", "verify", "--file", str(export), "--head", str(head), home=False)
    assert cut.returncode == NO and "the end is missing" in cut.stderr
