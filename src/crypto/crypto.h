/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/crypto.h - passwords, keys, certificates, signatures, and the files they are kept in
 *
 * Wraps libsodium and OpenSSL so that nothing else has to know them.  Everything
 * here may be called by any thread; what reads files or works on passwords
 * blocks, so workers do not call it.
 *
 * Functions with @ret_error: on failure *ret_error is a text that says what went
 * wrong, with which file, and what to do; the caller frees it.  On success it is
 * untouched.  Secrets are wiped before their memory is given back, and are never
 * part of an error text.
 */
#pragma once

#include "base/bytes.h"

/* ---- random bytes, hashes, secrets in memory ---- */

#define SHA256_TEXT_LEN 65 /* 64 hex digits and a zero */

void random_bytes(void *at, size_t n);
bool random_is_ready(void); /* RAND_status(): OpenSSL's generator is seeded; MQ.PR.IP-05 */
/* @len characters of 2-9 A-Z a-z without look-alikes, 5.8 bits each; secret_free() it. */
char *random_text(size_t len);
void secret_wipe(void *at, size_t n);
char *secret_free(char *text);       /* wipes and frees; Return: NULL */
void secret_buf_done(struct buf *b); /* wipes what is in it, then buf_done() */

void sha256_text(struct bytes b, char ret[SHA256_TEXT_LEN]);
MUST_CHECK bool sha256_file(const char *path, char ret[SHA256_TEXT_LEN], char **ret_error);

/* ---- files ---- */

/* The whole file, at most @max bytes, appended to @ret. */
MUST_CHECK bool file_read(const char *path, size_t max, struct buf *ret, char **ret_error);
/* The same of a file that must be of this user or root, and that nobody else can read. */
MUST_CHECK bool secret_file_read(const char *path, size_t max, struct buf *ret, char **ret_error);
/* All of it, from where @fd stands; false with errno. */
MUST_CHECK bool file_write_all(int fd, struct bytes content);
/* All or nothing: written beside @path under another name, fsync, rename, fsync of the folder.  If
 * only the last fails, the new file is there, and @ret_error says that it may not last.  The owner
 * stays that of the file which is replaced; a new file made by root gets the folder's owner.
 */
MUST_CHECK bool file_replace(const char *path, struct bytes content, unsigned mode,
                             char **ret_error);
/* @path, mode 0700, unless it is there; one that root makes gets the owner of the folder it is in.
 */
MUST_CHECK bool folder_make(const char *path, char **ret_error);
/* Waits until no other process has the lock of folder @dir.  Return: what folder_unlock() takes, or
 * -1.  Held from reading to replacing a file of the folder, so that no change is lost. */
MUST_CHECK int folder_lock(const char *dir, char **ret_error);
void folder_unlock(int lock);

/* ---- passwords ---- */

#define PASSWORD_CHARACTERS_MIN 12
#define PASSWORD_BYTES_MAX      1024 /* of a new one */
/* Of one that was drawn at random: 128 bits, in base64. */
#define PASSWORD_RANDOM_BYTES_MIN 22

/* Argon2id, 64 MiB, 2 passes: some 50 to 100 ms and 64 MiB for each verifier and each check. */
char *password_verifier_new(struct bytes password);
char *password_verifier_new_of_random(struct bytes password);
bool password_verify(const char *verifier, struct bytes password);
/* The @i-th of the passwords that everybody knows; NULL after the last. */
const char *password_default(size_t i);
/* Same cost as a real one, matches nothing: for users that do not exist. */
const char *password_dummy_verifier(void);
/* Has this the form of a verifier of ours, at a cost the node can bear? */
bool password_verifier_valid(const char *verifier);
/* NULL when @password may be given to user @name, otherwise why not. */
const char *password_rejected_why(const char *name, struct bytes password);

/* ---- the at-rest key ---- */

#define AT_REST_KEY_BYTES 32

MUST_CHECK bool at_rest_key_create(const char *path, char **ret_error); /* refuses to overwrite */
/* In guarded memory.  Refused unless a regular file of this user (or root's) that nobody else can
 * read. */
uint8_t *at_rest_key_load(const char *path, char **ret_error);
uint8_t *at_rest_key_free(uint8_t *key);

/* ---- certificates ---- */

#define SERIAL_TEXT_LEN 43 /* up to 21 bytes in hex and a zero */

struct certificate_facts {
    char *common_name;                 /* owned, as all texts here; "" when there is none */
    char *issuer;                      /* common name of the issuer */
    char *names;                       /* "DNS:localhost, IP:127.0.0.1"; "" when there are none */
    char serial[SERIAL_TEXT_LEN];      /* hex, upper case */
    char fingerprint[SHA256_TEXT_LEN]; /* SHA-256 of the certificate, hex, lower case */
    uint64_t not_before_unix_ms;
    uint64_t not_after_unix_ms;
    const char *key_type; /* "EC", "RSA", "ED25519", ...; static */
    unsigned key_bits;
    unsigned security_bits;          /* by NIST SP 800-57: EC P-256 has 128, RSA-2048 has 112 */
    const char *signature_algorithm; /* "ecdsa-with-SHA256"; static */
    bool is_ca;
    bool is_self_signed;
    bool for_server; /* extended key usage */
    bool for_client;
};

struct crl_facts {
    uint64_t number;
    uint64_t this_update_unix_ms;
    uint64_t next_update_unix_ms;
    size_t n_revoked;
};

/* The first certificate of a PEM file. */
MUST_CHECK bool certificate_read(const char *path, struct certificate_facts *ret, char **ret_error);
void certificate_facts_done(struct certificate_facts *f);
MUST_CHECK bool crl_read(const char *path, struct crl_facts *ret, char **ret_error);

struct anchors_facts {
    size_t n;        /* certificates in the file */
    size_t n_strong; /* 128 bits of security or more, and no signature by SHA-1 or MD5 */
    size_t n_leaves; /* that are no CA: each trusts itself alone */
};

MUST_CHECK bool anchors_read(const char *path, struct anchors_facts *ret, char **ret_error);
bool certificate_is_anchored(const char *path, const char *anchors_path);

/* ---- the built-in CA: a folder with ca.crt, ca.key, ca.crl and issued/SERIAL.crt ---- */

enum pki_kind {
    PKI_SERVER, /* serverAuth, with subject alternative names */
    PKI_CLIENT, /* clientAuth, the common name says who */
};

struct pki_request {
    enum pki_kind kind;
    const char *common_name;  /* 1 to 64 characters */
    const char *const *names; /* PKI_SERVER: DNS names and IP addresses, at least one */
    size_t n_names;
    uint64_t not_before_unix_ms;
    uint64_t not_after_unix_ms;
};

struct pki_entry {
    char *path; /* owned */
    struct certificate_facts facts;
    bool is_revoked;
    uint64_t revoked_unix_ms;
};

struct pki_list {
    struct pki_entry *at; /* owned; by not_before */
    size_t n;
};

#define PKI_CA_DAYS 3650

MUST_CHECK bool pki_create(const char *dir, const char *common_name, uint64_t not_before_unix_ms,
                           uint64_t not_after_unix_ms, char **ret_error);
/* Makes an ECDSA P-256 key and its certificate.  @ret_serial may be NULL. */
MUST_CHECK bool pki_issue(const char *dir, const struct pki_request *request,
                          const char *certificate_path, const char *key_path,
                          char ret_serial[SERIAL_TEXT_LEN], char **ret_error);
/* @which: a serial number, or the common name of all certificates that are not revoked yet. */
MUST_CHECK bool pki_revoke(const char *dir, const char *which, uint64_t now_unix_ms, size_t *ret_n,
                           char **ret_error);
MUST_CHECK bool pki_list_read(const char *dir, struct pki_list *ret, char **ret_error);
void pki_list_done(struct pki_list *l);

/* ---- signatures: Ed25519, apart from what they sign ---- */

/*
 * How an attestation is signed.  attestations.json holds {"attestations": [...]}.  The bytes that
 * are signed are what jansson's json_dumps(a, JSON_SORT_KEYS | JSON_COMPACT) gives for the object
 * of one attestation without its member "signature"; "signature" is then the text of
 * signing_key_sign() over them.  Who verifies takes the object as parsed, drops "signature" and
 * dumps the rest by the same two flags (json_dumps() writes UTF-8; no other flag, no line end).
 */

#define SIGNATURE_TEXT_LEN 89 /* 64 bytes in base64 and a zero */

struct signing_key;
struct verifying_key;

MUST_CHECK bool signing_key_create(const char *private_path, const char *public_path,
                                   char **ret_error);
struct signing_key *signing_key_load(const char *private_path, char **ret_error);
struct signing_key *signing_key_free(struct signing_key *k);
void signing_key_sign(const struct signing_key *k, struct bytes message,
                      char ret[SIGNATURE_TEXT_LEN]);
struct verifying_key *verifying_key_load(const char *public_path, char **ret_error);
struct verifying_key *verifying_key_free(struct verifying_key *k);
bool verifying_key_check(const struct verifying_key *k, struct bytes message,
                         const char *signature_text);
