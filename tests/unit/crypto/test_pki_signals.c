/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/crypto/test_pki_signals.c - whenever a person interrupts, a pair of files is a pair
 *
 * The linker puts the __wrap_ functions in the place of system calls; see meson.build. */
#include "folder.h"

#include <signal.h>
#include <sys/wait.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/bytes.h"

#define DAY_MS 86400000ULL
#define NOW_MS 1790000000000ULL

static unsigned n_calls;
static unsigned raise_at; /* behind this one of all, counted from 1; 0: never */
static int raised;

static void called(void)
{
    if (++n_calls == raise_at)
        raise(raised);
}

int __real_mkostemp64(char *name, int flags);
int __wrap_mkostemp64(char *name, int flags);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int __wrap_mkostemp64(char *name, int flags)
{
    int fd = __real_mkostemp64(name, flags);

    called();
    return fd;
}

int __wrap_fsync(int fd)
{
    int r = __real_fsync(fd);

    called();
    return r;
}

int __wrap_rename(const char *from, const char *to)
{
    int r = __real_rename(from, to);

    called();
    return r;
}

static bool create(const struct folder *f)
{
    char *error = NULL;

    return pki_create(in(f, "ca"), "ca", NOW_MS - DAY_MS, NOW_MS + 9 * DAY_MS, &error);
}

static bool issue(const struct folder *f)
{
    const struct pki_request r = {
        .kind = PKI_CLIENT,
        .common_name = "a",
        .not_before_unix_ms = NOW_MS,
        .not_after_unix_ms = NOW_MS + DAY_MS,
    };
    char *error = NULL;

    return pki_issue(in(f, "ca"), &r, in(f, "a.crt"), in(f, "a.key"), NULL, &error);
}

static void assert_pair(const struct folder *f)
{
    FILE *crt = fopen(in(f, "a.crt"), "r");
    FILE *key = fopen(in(f, "a.key"), "r");
    X509 *certificate;
    EVP_PKEY *private;

    assert_non_null(crt);
    assert_non_null(key);
    certificate = PEM_read_X509(crt, NULL, NULL, NULL);
    private = PEM_read_PrivateKey(key, NULL, NULL, NULL);
    assert_int_equal(X509_check_private_key(certificate, private), 1);
    X509_free(certificate);
    EVP_PKEY_free(private);
    fclose(crt);
    fclose(key);
}

/* In a process of its own, to which @sent is sent behind call @n; Return: its status. */
static int interrupted(bool (*make)(const struct folder *f), const struct folder *f, int sent,
                       unsigned n)
{
    pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        n_calls = 0;
        raise_at = n;
        raised = sent;
        (void)signal(sent, SIG_DFL); /* whoever runs the tests may ignore it */
        _exit(make(f) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void whenever_it_is_interrupted_a_pair_is_a_pair_and_nothing_lies_beside_it(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct folder *f = *state;
    size_t n_issued = 0;
    int status;

    mkdir(in(f, "ca"), 0700);
    assert_true(create(f));
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        unsigned n = 0;

        do {
            status = interrupted(issue, f, signals[i], ++n);
            assert_pair(f);
            assert_int_equal(count_files(f->path), 3); /* and the CA's folder */
            assert_int_equal(count_files(in(f, "ca/issued")), ++n_issued);
        } while (WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_int_equal(n, 13); /* each of three files: make, flush, rename, flush of the folder */
    }
}

static void whenever_it_is_interrupted_a_ca_is_whole(void **state)
{
    struct folder *f = *state;
    char *error = NULL;
    int status;

    for (unsigned n = 1; n <= 12; n++) {
        struct pki_list list = {0};

        mkdir(in(f, "ca"), 0700);
        status = interrupted(create, f, SIGINT, n);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
        assert_int_equal(count_files(in(f, "ca")), 4); /* ca.crt, ca.key, ca.crl, issued */
        assert_true(pki_list_read(in(f, "ca"), &list, &error));
        pki_list_done(&list);
        assert_int_equal(nftw(in(f, "ca"), folder_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(whenever_it_is_interrupted_a_pair_is_a_pair_and_nothing_lies_beside_it),
        IN_FOLDER(whenever_it_is_interrupted_a_ca_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
