/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/password.c - verifiers of passwords, MQ.PR.IA-02
 *
 * Argon2id through libsodium (crypto_pwhash_str), at its "interactive" cost: 64
 * MiB of memory and 2 passes, some 50 to 100 ms of one CPU.  Two auth threads
 * then need 128 MiB and answer some 20 to 40 logins a second.  A verifier is text
 * of the PHC form, "$argon2id$v=19$m=65536,t=2,p=1$salt$hash", and carries its
 * cost, so that a later change of the cost leaves old ones valid.
 */
#include "crypto/private.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

#include "base/err.h"
#include "base/text.h"

#define VERIFIER_MEMORY_KIB_MAX 262144 /* 256 MiB */
#define VERIFIER_PASSES_MAX     16

/* The cost of the dummy is the cost of a new verifier. */
_Static_assert(crypto_pwhash_MEMLIMIT_INTERACTIVE == 65536 * 1024, "the dummy says m=65536");
_Static_assert(crypto_pwhash_OPSLIMIT_INTERACTIVE == 2, "the dummy says t=2");

/* Salt and hash are text in base64, not the outcome of hashing anything. */
static const char dummy_verifier[] = "$argon2id$v=19$m=65536,t=2,p=1$"
                                     "bm8tcGFzc3dvcmQtaGVyZQ$"
                                     "dGhpcyBpcyBubyBoYXNoLCBub3RoaW5nIG1hdGNoZXM";

/* The ones that scanners of MQTT brokers and of industrial equipment try first. */
static const char *const default_passwords[] = {
    "",       "admin",    "password", "public",  "mqtt",     "root",     "guest",
    "123456", "test",     "user",     "default", "secret",   "hivemq",   "mosquitto",
    "emqx",   "changeme", "bastide",  "1234",    "12345678", "operator",
};

/* Long enough to pass the rule of length, yet among the first to be tried. */
static const char *const guessable_passwords[] = {
    "123456789012",     "1234567890123",
    "passwordpassword", "password1234",
    "adminadminadmin",  "changemechangeme",
    "qwertyuiop12",     "administrator",
    "letmeinletmein",   "correcthorsebatterystaple",
};

/* libsodium asks for a pointer even to no bytes. */
static const char *text_of(struct bytes password)
{
    return password.len > 0 ? (const char *)password.at : "";
}

static char *verifier_at(struct bytes password, unsigned long long passes, size_t memory_bytes)
{
    char verifier[crypto_pwhash_STRBYTES];

    check(sodium_init() >= 0);
    check(crypto_pwhash_str_alg(verifier, text_of(password), password.len, passes, memory_bytes,
                                crypto_pwhash_ALG_ARGON2ID13) == 0);
    return text_dup(verifier);
}

/**
 * password_verifier_new() - what is kept in place of @password
 *
 * Blocks for the cost of Argon2id.  Aborts when the 64 MiB cannot be had, as all
 * allocation does.
 *
 * Return: owned, to be given to free(); not a secret of the password's worth, but
 *         not to be shown either.
 */
char *password_verifier_new(struct bytes password)
{
    return verifier_at(password, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                       crypto_pwhash_MEMLIMIT_INTERACTIVE);
}

/**
 * password_verifier_new_of_random() - the same of a password that the program drew, at the least
 * cost
 *
 * A guess has to cost something only where guesses have a chance.
 */
char *password_verifier_new_of_random(struct bytes password)
{
    check(password.len >= PASSWORD_RANDOM_BYTES_MIN);
    return verifier_at(password, crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN);
}

/**
 * password_verify() - is it the password @verifier was made of?
 *
 * Blocks for the cost the verifier says; false at once when it is not a valid one.
 * Compares in constant time.
 */
bool password_verify(const char *verifier, struct bytes password)
{
    bool match;

    check(sodium_init() >= 0);
    if (!password_verifier_valid(verifier))
        return false;
    match = crypto_pwhash_str_verify(verifier, text_of(password), password.len) == 0;
    return match && strcmp(verifier, dummy_verifier) != 0;
}

/**
 * password_default() - the well-known default passwords, one after another
 * @i:  from 0
 *
 * For the assessment.  Trying them all on a verifier takes 20 times a password_verify(), 1 to 2 s,
 * so whoever does it has to look at other things in between.
 *
 * Return: static; NULL after the last.
 */
const char *password_default(size_t i)
{
    return i < COUNT_OF(default_passwords) ? default_passwords[i] : NULL;
}

/** password_dummy_verifier() - a verifier that costs as a new one does and matches nothing; static
 */
const char *password_dummy_verifier(void)
{
    return dummy_verifier;
}

/**
 * password_verifier_valid() - Argon2id in the PHC form, at most 256 MiB and 16 passes
 *
 * A verifier from elsewhere that asks for more would stop the auth threads.
 */
bool password_verifier_valid(const char *verifier)
{
    unsigned memory_kib;
    unsigned passes;
    int end = 0;

    check(sodium_init() >= 0);
    if (strlen(verifier) >= crypto_pwhash_STRBYTES)
        return false;
    if (sscanf(verifier, "$argon2id$v=19$m=%9u,t=%9u,p=1$%n", &memory_kib, &passes, &end) != 2 ||
        end == 0)
        return false;
    if (memory_kib > VERIFIER_MEMORY_KIB_MAX || passes > VERIFIER_PASSES_MAX)
        return false;
    return crypto_pwhash_str_needs_rehash(verifier, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                          crypto_pwhash_MEMLIMIT_INTERACTIVE) >= 0;
}

static bool equals_ignoring_case(struct bytes a, const char *b)
{
    return a.len == strlen(b) && strncasecmp((const char *)a.at, b, a.len) == 0;
}

static bool is_listed(struct bytes password, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (equals_ignoring_case(password, list[i]))
            return true;
    return false;
}

static size_t count_characters(struct bytes utf8)
{
    size_t n = 0;

    for (size_t i = 0; i < utf8.len; i++)
        n += (utf8.at[i] & 0xc0) != 0x80;
    return n;
}

/* The same few characters over and over: fewer than five different bytes. */
static bool is_monotonous(struct bytes b)
{
    bool seen[256] = {false};
    size_t n = 0;

    for (size_t i = 0; i < b.len; i++) {
        n += !seen[b.at[i]];
        seen[b.at[i]] = true;
    }
    return n < 5;
}

/**
 * password_rejected_why() - may user @name take @password?
 *
 * Length counts, not kinds of characters (NIST SP 800-63B, 5.1.1.2).
 *
 * Return: NULL when yes, otherwise a sentence for the person who chose it; static.
 */
const char *password_rejected_why(const char *name, struct bytes password)
{
    if (is_listed(password, default_passwords, COUNT_OF(default_passwords)))
        return "it is one of the default passwords that every scanner tries";
    if (count_characters(password) < PASSWORD_CHARACTERS_MIN)
        return "it has fewer than 12 characters";
    if (password.len > PASSWORD_BYTES_MAX)
        return "it has more than 1024 bytes";
    if (memchr(password.at, 0, password.len) != NULL)
        return "it has a zero byte in it";
    if (is_listed(password, guessable_passwords, COUNT_OF(guessable_passwords)))
        return "it is one of the passwords that are guessed first";
    if (is_monotonous(password))
        return "it has fewer than 5 different characters";
    if (equals_ignoring_case(password, name))
        return "it is the user's name";
    return NULL;
}
