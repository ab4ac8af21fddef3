# SPDX-License-Identifier: Apache-2.0
"""Seeds: what people, other programs and the store hand to a node, and what goes out to them."""

import base64
import pathlib

FRAMEWORK = pathlib.Path(__file__).parents[2] / "framework"


def ward(verb, prefix, bits, seconds=0):
    """One request; the prefix as IPv6."""
    return b"BWR1" + bytes([verb, bits, 0, 0]) + prefix + seconds.to_bytes(4, "big")


def short(*texts):
    """Texts of fuzz_monitor."""
    return b"".join(bytes([len(text)]) + text for text in texts)


V4 = bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 0])
V6 = bytes.fromhex("20010db8000000000000000000000000")
CERTIFICATE = """
MIIBuDCCAV+gAwIBAgIUY9GxZjEmXwOv3VCoXrDtq603WxswCgYIKoZIzj0EAwIwMTEQMA4GA1UECgwHVXRpbGl0eTERMA8GA1UE
AwwIbWV0ZXItMTcxCjAIBgNVBAMMAW0wIBcNMjYxMTI2MDcxMzMxWhgPMjEyNjExMDIwNzEzMzFaMDExEDAOBgNVBAoMB1V0aWxp
dHkxETAPBgNVBAMMCG1ldGVyLTE3MQowCAYDVQQDDAFtMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEChC4hShzQbWMmXbzM26K
NFHkMsTKQaQQDCIriR+DqW+v06+J2xHelj0y6wIxvGRNJbpHuNSdIxUexO6DOoxzB6NTMFEwHQYDVR0OBBYEFJISomJcj1r/tE2o
Ho0Q7SrSuoAyMB8GA1UdIwQYMBaAFJISomJcj1r/tE2oHo0Q7SrSuoAyMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAw
RAIgLVKBkduHGSBy/xT4tf8Z8NeDh6x4Dqb2wB+Ps1sxetACIERTJkei6QvTLj3j4FVSTOJ69BFUIXwuTIEbE/z2p0rZ
"""
DER = base64.b64decode(CERTIFICATE)
ENTRY = b"""{"seq":1,"at_unix_ms":1800000000000,"actor":"admin:a","action":"ban","object":"client m",\
"reason":"","result":"done","prev_hash":"%s","hash":"%s"}""".replace(b"\\\n", b"") % (64 * b"0", 64 * b"1")
HEAD = b'{"seq":1,"at_unix_ms":1800000000000,"hash":"%s","signature":"%s"}' % (64 * b"1", 86 * b"A" + b"==")

# What comes from other tools and goes to them.
SEEDS = {
    "fuzz_ward": {
        "block": b"\0" + ward(1, V4, 120, 600) + ward(2, V4, 120) + ward(1, V6, 64, 604800) + ward(0, bytes(16), 0),
        "never": b"\1" + ward(1, V4, 120, 60) + ward(2, V4[:-1] + b"\7", 128) + ward(3, bytes(16), 0),
    },
    "fuzz_monitor": {
        "connect": b"\0\0" + short(b"meter-17", b"alice", b"will/t", b"gone \"\xff\n"),
        "subscribe": b"\1\1" + short("m\u00e9ter".encode(), b"", b"a/+/#", b""),
        "publish": b"\2\2" + short(b"\x7f\x1b[2J", b"\\", b"a/\"b\\", b"\0\xc3\x28"),
    },
    "fuzz_syslog": {
        "quotes": b'meter"]-17\nalice\\\nclient m\nIt publishes where it may not: a/"]\x7f\n',
        "long": 300 * b"x]" + b"\n\n" + "\u00e9".encode() * 200 + b"\n" + 1100 * "\u20ac".encode(),
    },
    "fuzz_import": {
        "table": b'cname,client_id,location\r\nmeter 17,m-17,"Feeder ""7"", north"\r\n"\'=1+1",m-18,\r\n',
        "table_wrong": b'cname,client_id\n"a"b,c\n',
        "document": b"""{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"device","name":"m",\
"version":"X1","manufacturer":{"name":"Acme"},"components":[{"type":"firmware","name":"f","version":"1"}],\
"properties":[{"name":"bastide:client_id","value":"m-17"}]}]}""".replace(b"\\\n", b""),
    },
    "fuzz_dot": {
        "map": b"""{"flows":[{"from_id":"a\\"","from":"x\\\\","from_zone":"z\\n","to_id":"b","topic":"t/\\"];",\
"declared":true,"live":true,"messages_per_s":2.5,"conduit":"c"}],"assets":[{"id":"a","name":"m","zone":"z",\
"differences":[1]}],"network":{"zones":[{"name":"z","external":true}],"conduits":[{"from_zone":"z","to_zone":"y",\
"redundant":true}],"brokers":[{"name":"n","site":"s"}]}}""".replace(b"\\\n", b""),
    },
    "fuzz_http": {
        "answer": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        "twice": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    },
    "fuzz_certificate": {
        "two_names": DER,
        "zero_in_name": DER.replace(b"meter-17", b"meter\x0017"),
        "expired": DER.replace(b"21261102", b"20201102"),
    },
    "fuzz_assess": {
        "target": b"\0" + (FRAMEWORK / "target-profile.yaml").read_bytes(),
        "scope": b"\1" + (FRAMEWORK / "scope-example.yaml").read_bytes(),
        "attestations": b"\2" + (FRAMEWORK / "attestations-example.json").read_bytes(),
        "evidence": b'\3[{"test":"MQ.PR.SP-01.t1","value":1,"samples":3,"at":"2026-11-26T07:00:00Z","detail":"d"}]',
        "history": b'\4[{"kind":"run","at_unix_ms":1800000000000},{"kind":"indicator"}]',
    },
    "fuzz_audit": {
        "export": HEAD + b"\n" + ENTRY + b"\n" + ENTRY.replace(b'"seq":1', b'"seq":4') + b"\n",
    },
}

def pem(what, der, more=b""):
    return b"-----BEGIN %s-----\n%s%s-----END %s-----\n" % (what, more, base64.encodebytes(der), what)


CRL = base64.b64decode("""
MIHuMIGUAgEBMAoGCCqGSM49BAMCMA0xCzAJBgNVBAMMAmNhFw0yNjExMjYxMDIyMjlaGA8yMTI2
MTEwMjEwMjIyOVowIzAhAgIQARcNMjYxMTI2MDAwMDAwWjAMMAoGA1UdFQQDCgEBoC8wLTAfBgNV
HSMEGDAWgBTIS6iGZ1Tfw5Xq55ooWOt27/erVDAKBgNVHRQEAwIBBzAKBggqhkjOPQQDAgNJADBG
AiEAzw4qY4r7OP2Qn7prrIFbARx047Um9mtC+VSPOPWCUv8CIQCc7RqxOSE9YXf4Z7SjXv+cwaL/
DVkjs312Cd19jcH/5A==
""")
SEALED = b"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
PUBLIC = base64.b64decode("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
CONTROL = b'{"at":"control","name":"control.db","chunks":["0","1","2","3","4"]}'
MANIFEST = b'{"format":1,"id":"i","made_unix_ms":1,"node":"n","control_number":1,"state":"%s","files":[%s]}'


def post(path, body=b""):
    return b"POST " + path + b"\n" + body


# What people and other programs hand to a node: questions to the API, files, answers.
SEEDS |= {
    "fuzz_admin": {
        "ban": post(b"/v1/bans", b'{"kind":"client-address","subject":"m1","address":"192.0.2.1","for_s":60,"reason":"r"}'),
        "lift": post(b"/v1/bans/lift", b'{"kind":"address","subject":"192.0.2.0/24"}'),
        "disconnect": post(b"/v1/disconnect", b'{"kind":"conn","subject":"7"}'),
        "ack": post(b"/v1/incidents/I-1/ack", b'{"note":"n"}'),
        "assign": post(b"/v1/incidents/I-1/assign", b'{"to":"alice","note":"n"}'),
        "close": post(b"/v1/incidents/I-1/close", b'{"disposition":"benign","note":"n"}'),
        "rollback": post(b"/v1/incidents/I-1/rollback", b"{}"),
        "approve": post(b"/v1/incidents/I-1/approve"),
        "order": post(b"/v1/responses", b'{"what":"throttle","target_kind":"client","target":"m","address":"::1",\
"direction":"in","posture":"normal","amount":5,"for_s":60,"reason":"r","dry_run":true}'.replace(b"\\\n", b"")),
        "shutdown": post(b"/v1/responses", b'{"what":"shutdown"}'),
        "undo": post(b"/v1/responses/undo", b'{"what":"throttle","target_kind":"client","target":"m"}'),
        "order_approve": post(b"/v1/orders/O-1/approve"),
        "order_withdraw": post(b"/v1/orders/O-1/withdraw"),
        "command": b"GET /v1/commands/C-1",
        "command_approve": post(b"/v1/commands/C-1/approve", b'{"reason":"planned"}'),
        "command_withdraw": post(b"/v1/commands/C-1/withdraw", b'{"reason":7}'),
        "suspend": post(b"/v1/responses/suspend", b'{"minutes":15}'),
        "backup": post(b"/v1/backups", b'{"dir":"/var/backups"}'),
        "record": post(b"/v1/records/drill", b'{"row":{"kind":"tabletop","notes":[1,2.5,null]}}'),
        "audit_home": post(b"/v1/audit", b'{"action":"user add","object":"user m","reason":"role r"}'),
        "rotate": post(b"/v1/keys/rotate"),
        "key": post(b"/v1/keys/change", b'{"file":"new.key"}'),
        "reload": post(b"/v1/reload"),
        "stop": post(b"/v1/stop"),
        "wrong_type": post(b"/v1/responses", b'{"what":7,"amount":-1,"for_s":1e3,"dry_run":0}'),
        "incidents": b"GET /v1/incidents?state=open&severity=high&kind=topic-scan&since_unix_ms=99&limit=2",
        "audit": b"GET /v1/audit?after=18446744073709551615&limit=1",
        "client": b"GET /v1/clients/a%2Fb%20%C3%A9",
        "metrics": b"GET /metrics",
        "wrong_query": b"GET /v1/clients?limit=%ff&limit=1&=&x",
        "other_method": b"PUT /v1/bans\n{}",
    },
    "fuzz_manifest": {
        "store": MANIFEST % (b"state", CONTROL),
        "files": MANIFEST % (b"a/b", b'{"at":"home","name":"pki/x","mode":384,"chunks":["0"]},'
                             b'{"at":"state","name":"journal/y","mode":448,"chunks":[]},' + CONTROL),
        "outside": MANIFEST % (b"state", b'{"at":"home","name":"a/../../x","chunks":["0"]},' + CONTROL),
        "no_text": MANIFEST % (b"state", b'{"at":"home","name":"x","chunks":[7]},' + CONTROL),
        "no_chunk": MANIFEST % (b"state", b'{"at":"home","name":"x","chunks":["../../state/keyring"]}'),
    },
    "fuzz_pem": {
        "certificate": pem(b"CERTIFICATE", DER) + pem(b"TRUSTED CERTIFICATE", DER),
        "list": pem(b"X509 CRL", CRL),
        "lists": pem(b"X509 CRL", CRL) + pem(b"X509 CRL", CRL[:-5]),
        "sealed": pem(b"X509 CRL", CRL, SEALED) + pem(b"CERTIFICATE", DER, SEALED),
        "key": pem(b"PUBLIC KEY", PUBLIC),
    },
    "fuzz_stored": {
        "ban": b"""ban\tclient-address:m-1@192.0.2.1\t{"kind":"client-address","subject":"m-1","address":"192.0.2.1",\
"created_unix_ms":1795604400000,"expires_unix_ms":1795608000000,"reason":"r","author":"auto:x","incident":"I-1"}
""".replace(b"\\\n", b""),
        "measure": b"""setting\tmeasure throttle client m-1\t{"what":"throttle","target_kind":"client","target":"m-1","directions":3,"amount":5,\
"created_unix_ms":1795604400000,"expires_unix_ms":1795608000000,"reason":"r","author":"admin:a"}
setting\tsuspended\t1795605000000
""".replace(b"\\\n", b""),
        "subject": b"""subject\taddress:192.0.2.1\t{"ban_doublings":3,"ban_ends_unix_ms":1795604300000,"highs":2,\
"high_unix_ms":[1795604300000,-1]}
guarded\tclient:c-1\t{}
""".replace(b"\\\n", b""),
        "incident": b"""incident\tI-1a2b\t{"id":"I-1a2b","detector":"topic-scan","kind":"topic-scan","state":"open",\
"severity":"high","client_id":"m-1","username":"m","ip":"192.0.2.1","role":"meter","count":3,\
"first_unix_ms":1795604000000,"last_unix_ms":1795604300000,"notes":[{"at_unix_ms":1,"author":"a","text":"t"}],\
"actions":[{"what":"ban","result":"done"}],"samples":["a/b"],"related":["I-2"]}
""".replace(b"\\\n", b""),
        "asset": b"""asset\tuser:m/m-1\t{"client_id":"m-1","user_name":"m","first_seen_unix_ms":1,"topics":[{"topic":"a/b"}]}
asset\tuser:ops/centre\t{}
flow\t1\t{"from":"user:m/m-1","topic":"a/b","to":"user:ops/centre","first_seen_unix_ms":1,"last_seen_unix_ms":2}
seen\tsince\tnull
seen\tretired\t[{"day":20783,"n":2}]
seen\tonline\t[{"day":-1,"n":2.5},7]
""",
    },
    "fuzz_webhook": {
        "taken": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
        "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\r\nLink: x\r\n\r\nHTTP/1.0 503 \r\n\r\n",
        "negative": b"HTTP/1.1 -20 OK\r\n\r\n",
        "another": b"220 mail.example ESMTP\r\n\r\n",
    },
    "fuzz_verifier": {
        "argon2id": b"$argon2id$v=19$m=65536,t=2,p=1$bm8tcGFzc3dvcmQtaGVyZQ"
        b"$dGhpcyBpcyBubyBoYXNoLCBub3RoaW5nIG1hdGNoZXM",
        "costly": b"$argon2id$v=19$m=262145,t=17,p=1$bm8tcGFzc3dvcmQtaGVyZQ"
        b"$dGhpcyBpcyBubyBoYXNoLCBub3RoaW5nIG1hdGNoZXM",
        "scram": b"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" + 43 * b"A" + b"=:" + 43 * b"A" + b"=",
    },
}
