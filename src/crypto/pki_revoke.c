/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/pki_revoke.c - what was issued, and what of it is revoked, MQ.RS.RP-01
 *
 * A revocation list stays valid until the CA itself ends.  It is a local file
 * that is rewritten at each revocation, so a nearer end would not make it any
 * fresher; but a list past its end refuses every certificate, and so an equipment
 * that nobody looks after for a year would lose all of its clients at once.
 */
#include "crypto/pki.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>
#include <openssl/bn.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define CRL_V2        1 /* versions are counted from zero */
#define DNS_NAME_MAX  253
#define DNS_LABEL_MAX 63

static bool label_valid(const char *at, size_t len)
{
    if (len == 0 || len > DNS_LABEL_MAX || at[0] == '-' || at[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)at[i]) && at[i] != '-' && at[i] != '_')
            return false;
    return true;
}

/* ASCII labels between dots; "*" may be the first of at least two. */
bool pki_dns_name_valid(const char *name)
{
    const char *at = strncmp(name, "*.", 2) == 0 ? name + 2 : name;

    if (strlen(name) > DNS_NAME_MAX)
        return false;
    for (;;) {
        size_t len = strcspn(at, ".");

        if (!label_valid(at, len))
            return false;
        if (at[len] == '\0')
            return true;
        at += len + 1;
    }
}

/* ---- the list of revocations ---- */

/* The list that @dir has, or none. */
static bool crl_load_old(const char *dir, X509_CRL **ret, char **ret_error)
{
    char *path = pki_path(dir, "ca.crl");
    bool exists = access(path, F_OK) == 0;

    *ret = exists ? pem_read_crl(path, ret_error) : NULL;
    free(path);
    return !exists || *ret != NULL;
}

static bool copy_revoked(X509_CRL *to, X509_CRL *from)
{
    STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(from);

    for (int i = 0; i < sk_X509_REVOKED_num(list); i++) {
        X509_REVOKED *r = X509_REVOKED_dup(sk_X509_REVOKED_value(list, i));

        if (r == NULL || X509_CRL_add0_revoked(to, r) != 1) {
            X509_REVOKED_free(r);
            return false;
        }
    }
    return true;
}

static bool add_revoked(X509_CRL *to, const char *serial, const ASN1_TIME *when)
{
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_INTEGER *number = NULL;
    BIGNUM *n = NULL;
    bool ok;

    ok = r != NULL && BN_hex2bn(&n, serial) > 0 && (number = BN_to_ASN1_INTEGER(n, NULL)) != NULL &&
         X509_REVOKED_set_serialNumber(r, number) == 1 &&
         X509_REVOKED_set_revocationDate(r, (ASN1_TIME *)(uintptr_t)when) == 1 &&
         X509_CRL_add0_revoked(to, r) == 1;
    if (!ok)
        X509_REVOKED_free(r);
    ASN1_INTEGER_free(number);
    BN_free(n);
    return ok;
}

static bool add_number(X509_CRL *to, X509_CRL *old)
{
    ASN1_INTEGER *number =
        old != NULL ? X509_CRL_get_ext_d2i(old, NID_crl_number, NULL, NULL) : NULL;
    uint64_t n = 0;
    bool ok;

    if (number == NULL)
        number = ASN1_INTEGER_new();
    else if (ASN1_INTEGER_get_uint64(&n, number) != 1)
        n = 0;
    ok = number != NULL && ASN1_INTEGER_set_uint64(number, n + 1) == 1 &&
         X509_CRL_add1_ext_i2d(to, NID_crl_number, number, 0, X509V3_ADD_DEFAULT) == 1;
    ASN1_INTEGER_free(number);
    return ok;
}

static bool crl_fill(X509_CRL *crl, const struct pki_ca *ca, X509_CRL *old,
                     const struct pki_revocations *more, const ASN1_TIME *now)
{
    if (X509_CRL_set_version(crl, CRL_V2) != 1 ||
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate)) != 1 ||
        X509_CRL_set1_lastUpdate(crl, now) != 1 ||
        X509_CRL_set1_nextUpdate(crl, X509_get0_notAfter(ca->certificate)) != 1 ||
        !pki_add_extension(NULL, crl, ca->certificate, NID_authority_key_identifier, "keyid") ||
        !add_number(crl, old))
        return false;
    if (old != NULL && !copy_revoked(crl, old))
        return false;
    for (size_t i = 0; more != NULL && i < more->n; i++)
        if (!add_revoked(crl, more->serials[i], now))
            return false;
    return X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0;
}

/** pki_crl_write() - the list of before, with @more, which may be NULL, signed anew */
bool pki_crl_write(const char *dir, const struct pki_ca *ca, const struct pki_revocations *more,
                   uint64_t now_unix_ms, char **ret_error)
{
    char *path = pki_path(dir, "ca.crl");
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)(now_unix_ms / 1000));
    X509_CRL *crl = X509_CRL_new();
    X509_CRL *old = NULL;
    bool ok;

    check(crl != NULL && now != NULL);
    ok = crl_load_old(dir, &old, ret_error);
    if (ok && !crl_fill(crl, ca, old, more, now))
        ok = openssl_failed(ret_error, "cannot make the revocation list %s", path);
    if (ok)
        ok = pem_write_crl(path, crl, ret_error);
    X509_CRL_free(old);
    X509_CRL_free(crl);
    ASN1_TIME_free(now);
    free(path);
    return ok;
}

/* ---- what was issued ---- */

static bool ends_in_crt(const char *name)
{
    size_t len = strlen(name);

    return len > 4 && strcmp(name + len - 4, ".crt") == 0;
}

/* @path is consumed. */
static bool add_entry(struct pki_list *list, char *path, X509_CRL *crl, char **ret_error)
{
    struct pki_entry e = {.path = path};
    X509 *certificate = pem_read_certificate(path, ret_error);
    X509_REVOKED *revoked = NULL;

    if (certificate == NULL || !certificate_facts_of(certificate, path, &e.facts, ret_error)) {
        X509_free(certificate);
        free(path);
        return false;
    }
    if (crl != NULL && X509_CRL_get0_by_cert(crl, &revoked, certificate) == 1) {
        e.is_revoked = true;
        e.revoked_unix_ms = asn1_time_unix_ms(X509_REVOKED_get0_revocationDate(revoked));
    }
    X509_free(certificate);
    list->at = mem_resize(list->at, (list->n + 1) * sizeof(*list->at));
    list->at[list->n++] = e;
    return true;
}

static int by_begin(const void *a, const void *b)
{
    const struct certificate_facts *fa = &((const struct pki_entry *)a)->facts;
    const struct certificate_facts *fb = &((const struct pki_entry *)b)->facts;

    if (fa->not_before_unix_ms != fb->not_before_unix_ms)
        return fa->not_before_unix_ms < fb->not_before_unix_ms ? -1 : 1;
    return strcmp(fa->serial, fb->serial);
}

/**
 * pki_list_read() - all that the CA in @dir has issued, and what of it is revoked
 * @ret:  written on success, earliest first; give it to pki_list_done()
 */
bool pki_list_read(const char *dir, struct pki_list *ret, char **ret_error)
{
    char *issued = pki_path(dir, "issued");
    struct pki_list list = {0};
    X509_CRL *crl = NULL;
    struct dirent *file;
    DIR *folder = opendir(issued);
    bool ok;

    if (folder == NULL)
        ok = text_fail(ret_error, "cannot open %s: %s%s", issued, strerror(errno),
                       errno == ENOENT ? "; is there a CA? bastide pki ca makes one" : "");
    else
        ok = crl_load_old(dir, &crl, ret_error);
    while (ok && (file = readdir(folder)) != NULL)
        if (ends_in_crt(file->d_name))
            ok = add_entry(&list, pki_path(issued, file->d_name), crl, ret_error);
    if (folder != NULL)
        closedir(folder);
    X509_CRL_free(crl);
    free(issued);
    if (!ok) {
        pki_list_done(&list);
        return false;
    }
    if (list.n > 1)
        qsort(list.at, list.n, sizeof(*list.at), by_begin);
    *ret = list;
    return true;
}

/** pki_list_done() - free what @l owns; one of all zero is fine */
void pki_list_done(struct pki_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->at[i].path);
        certificate_facts_done(&l->at[i].facts);
    }
    free(l->at);
    *l = (struct pki_list){0};
}

/* ---- revoking ---- */

/* As certificates are shown elsewhere too: colons, lower case, "0x", leading zeros. */
static bool serial_equals(const char *serial, const char *text)
{
    if (strncasecmp(text, "0x", 2) == 0)
        text += 2;
    while (*serial == '0')
        serial++;
    while (*text == '0' || *text == ':')
        text++;
    while (*text != '\0') {
        if (*text == ':') {
            text++;
            continue;
        }
        if (toupper((unsigned char)*text++) != *serial++)
            return false;
    }
    return *serial == '\0';
}

static const struct pki_entry *find_serial(const struct pki_list *list, const char *which)
{
    for (size_t i = 0; i < list->n; i++)
        if (serial_equals(list->at[i].facts.serial, which))
            return &list->at[i];
    return NULL;
}

/* The entries that @which means and that are not revoked; false when there are none. */
static bool select_entries(const struct pki_list *list, const char *which,
                           struct pki_revocations *ret, char **ret_error)
{
    const struct pki_entry *one = find_serial(list, which);
    bool known = one != NULL;

    ret->serials = mem_alloc((list->n + 1) * sizeof(*ret->serials));
    ret->n = 0;
    if (one != NULL && !one->is_revoked)
        ret->serials[ret->n++] = one->facts.serial;
    for (size_t i = 0; one == NULL && i < list->n; i++) {
        const struct pki_entry *e = &list->at[i];

        if (strcmp(e->facts.common_name, which) != 0)
            continue;
        known = true;
        if (!e->is_revoked)
            ret->serials[ret->n++] = e->facts.serial;
    }
    if (!known)
        return text_fail(ret_error,
                         "no certificate of this CA has the serial number or name \"%s\"; "
                         "bastide pki list shows what it has issued",
                         which);
    if (ret->n == 0)
        return text_fail(ret_error, "\"%s\" is revoked already", which);
    return true;
}

/**
 * pki_revoke() - put certificates on the revocation list of the CA in @dir
 * @which:        a serial number in hex, or a common name: all its certificates that are not
 *                revoked yet, also expired ones
 * @now_unix_ms:  date of the revocation and of the new list
 * @ret_n:        how many were revoked
 *
 * In force at a node once it has read the new list.
 */
bool pki_revoke(const char *dir, const char *which, uint64_t now_unix_ms, size_t *ret_n,
                char **ret_error)
{
    struct pki_revocations chosen = {0};
    struct pki_list list = {0};
    struct pki_ca ca = {0};
    int lock = folder_lock(dir, ret_error);
    bool ok;

    if (lock < 0)
        return false;
    ok = pki_ca_load(dir, &ca, ret_error) && pki_list_read(dir, &list, ret_error) &&
         select_entries(&list, which, &chosen, ret_error) &&
         pki_crl_write(dir, &ca, &chosen, now_unix_ms, ret_error);
    if (ok)
        *ret_n = chosen.n;
    free(chosen.serials);
    pki_list_done(&list);
    pki_ca_done(&ca);
    folder_unlock(lock);
    return ok;
}
