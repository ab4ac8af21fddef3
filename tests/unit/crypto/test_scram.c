/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/scram.h"
#include "folder.h"

#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT         "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81"

/* RFC 7677, section 3. */
static const char client_first[] = "n,,n=user,r=" CLIENT_NONCE;
static const char server_first[] =
    "r=" CLIENT_NONCE SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
static const char client_final[] =
    "c=biws,r=" CLIENT_NONCE SERVER_NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char server_final[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

static struct scram_verifier verifier_of(const char *password)
{
    struct scram_verifier v;

    scram_verifier_make(bytes_str(password), BYTES(SALT), 4096, &v);
    return v;
}

#define assert_buf(b, text)                                                                        \
    do {                                                                                           \
        assert_int_equal((b).len, strlen(text));                                                   \
        assert_memory_equal((b).at, text, strlen(text));                                           \
    } while (0)

static void the_server_speaks_as_the_rfc_has_it(void **state)
{
    struct scram_verifier v = verifier_of("pencil");
    struct scram_server *s = scram_server_new();
    struct buf out = {0};

    (void)state;
    assert_int_equal(scram_server_hello(s, bytes_str(client_first)), SCRAM_OK);
    assert_true(bytes_equal(scram_server_user(s), BYTES("user")));
    scram_server_challenge(s, &v, BYTES(SERVER_NONCE), &out);
    assert_buf(out, server_first);
    out.len = 0;
    assert_int_equal(scram_server_finish(s, bytes_str(client_final), &out), SCRAM_OK);
    assert_buf(out, server_final);
    buf_done(&out);
    scram_server_free(s);
}

static void the_client_speaks_as_the_rfc_has_it(void **state)
{
    struct scram_client *c = scram_client_new(BYTES("user"), BYTES("pencil"), BYTES(CLIENT_NONCE));
    struct buf out = {0};

    (void)state;
    scram_client_hello(c, &out);
    assert_buf(out, client_first);
    out.len = 0;
    assert_int_equal(scram_client_answer(c, bytes_str(server_first), &out), SCRAM_OK);
    assert_buf(out, client_final);
    assert_int_equal(scram_client_check(c, bytes_str(server_final)), SCRAM_OK);
    assert_int_equal(scram_client_check(c, BYTES("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=")),
                     SCRAM_E_MALFORMED);
    assert_int_equal(scram_client_check(c, BYTES("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")),
                     SCRAM_E_PROOF);
    assert_int_equal(scram_client_check(c, BYTES("e=other-error")), SCRAM_E_MALFORMED);
    buf_done(&out);
    scram_client_free(c);
}

/* Return: what the server says in the end to who has @password and this @name. */
static enum scram_outcome exchange(const struct scram_verifier *v, struct bytes name,
                                   const char *password)
{
    struct scram_client *c = scram_client_new(name, bytes_str(password), BYTES("one"));
    struct scram_server *s = scram_server_new();
    struct buf to_server = {0};
    struct buf to_client = {0};
    enum scram_outcome o;

    scram_client_hello(c, &to_server);
    assert_int_equal(scram_server_hello(s, buf_view(&to_server)), SCRAM_OK);
    assert_true(bytes_equal(scram_server_user(s), name));
    scram_server_challenge(s, v, BYTES("two"), &to_client);
    to_server.len = 0;
    assert_int_equal(scram_client_answer(c, buf_view(&to_client), &to_server), SCRAM_OK);
    to_client.len = 0;
    o = scram_server_finish(s, buf_view(&to_server), &to_client);
    if (o == SCRAM_OK)
        assert_int_equal(scram_client_check(c, buf_view(&to_client)), SCRAM_OK);
    else
        assert_int_equal(to_client.len, 0);
    buf_done(&to_server);
    buf_done(&to_client);
    scram_client_free(c);
    scram_server_free(s);
    return o;
}

static void only_the_password_proves_the_user(void **state)
{
    struct scram_verifier v = verifier_of("pencil");

    (void)state;
    assert_int_equal(exchange(&v, BYTES("user"), "pencil"), SCRAM_OK);
    assert_int_equal(exchange(&v, BYTES("a=b,c"), "pencil"), SCRAM_OK);
    assert_int_equal(exchange(&v, BYTES("user"), "pencils"), SCRAM_E_PROOF);
    assert_int_equal(exchange(&v, BYTES("user"), ""), SCRAM_E_PROOF);
    v.stored_key[0] ^= 1;
    assert_int_equal(exchange(&v, BYTES("user"), "pencil"), SCRAM_E_PROOF);
}

static const struct hello {
    const char *what;
    enum scram_outcome outcome;
    const char *message;
} hellos[] = {
    {"nothing", SCRAM_E_MALFORMED, ""},
    {"no header", SCRAM_E_MALFORMED, "n=user,r=abc"},
    {"half a header", SCRAM_E_MALFORMED, "n,"},
    {"channel binding", SCRAM_E_CHANNEL_BINDING, "p=tls-unique,,n=user,r=abc"},
    {"a client that could bind", SCRAM_OK, "y,,n=user,r=abc"},
    {"its own identity", SCRAM_OK, "n,a=user,n=user,r=abc"},
    {"another's identity", SCRAM_E_IDENTITY, "n,a=admin,n=user,r=abc"},
    {"an extension that must be known", SCRAM_E_MALFORMED, "n,,m=x,n=user,r=abc"},
    {"an extension that must be known, behind the nonce", SCRAM_E_MALFORMED, "n,,n=user,r=abc,m=x"},
    {"an extension that need not be known", SCRAM_OK, "n,,n=user,r=abc,x=y"},
    {"no name", SCRAM_E_MALFORMED, "n,,n=,r=abc"},
    {"an escape that is none", SCRAM_E_MALFORMED, "n,,n=us=er,r=abc"},
    {"an escape that is cut off", SCRAM_E_MALFORMED, "n,,n=user=2,r=abc"},
    {"no nonce", SCRAM_E_MALFORMED, "n,,n=user"},
    {"an empty nonce", SCRAM_E_MALFORMED, "n,,n=user,r="},
    {"a nonce with a space", SCRAM_E_MALFORMED, "n,,n=user,r=a c"},
};

static void a_first_message_is_taken_or_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hellos); i++) {
        struct scram_server *s = scram_server_new();

        print_message("  %s\n", hellos[i].what);
        assert_int_equal(scram_server_hello(s, bytes_str(hellos[i].message)), hellos[i].outcome);
        scram_server_free(s);
    }
}

static const uint8_t channel[SCRAM_CHANNEL_BYTES] = {1, 2, 3};

#define BOUND "p=tls-exporter,,n=user,r=" CLIENT_NONCE

static const struct bound {
    const char *what;
    bool binds;
    enum scram_outcome outcome;
    const char *message;
} bounds[] = {
    {"it binds", true, SCRAM_OK, BOUND},
    {"and has its own identity", true, SCRAM_OK, "p=tls-exporter,a=user,n=user,r=abc"},
    {"to what is not unique", true, SCRAM_E_CHANNEL_BINDING, "p=tls-unique,,n=user,r=abc"},
    {"to a longer name", true, SCRAM_E_CHANNEL_BINDING, "p=tls-exporter2,,n=user,r=abc"},
    {"nothing behind", true, SCRAM_E_MALFORMED, "p=tls-exporter"},
    {"half a header", true, SCRAM_E_MALFORMED, "p=tls-exporter,"},
    {"it does not, where its method does", true, SCRAM_E_CHANNEL_BINDING, "n,,n=user,r=abc"},
    {"it could, where its method does", true, SCRAM_E_CHANNEL_BINDING, "y,,n=user,r=abc"},
    {"it binds, where its method does not", false, SCRAM_E_CHANNEL_BINDING, BOUND},
    {"it was told that it cannot", false, SCRAM_E_DOWNGRADED, "y,,n=user,r=abc"},
    {"it cannot", false, SCRAM_OK, "n,,n=user,r=abc"},
};

static void who_can_bind_to_the_channel_does_so_or_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        struct scram_server *s = scram_server_new();

        print_message("  %s\n", bounds[i].what);
        scram_server_channel(s, channel, bounds[i].binds);
        assert_int_equal(scram_server_hello(s, bytes_str(bounds[i].message)), bounds[i].outcome);
        scram_server_free(s);
    }
}

#define R "r=" CLIENT_NONCE SERVER_NONCE
#define P ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static const struct final {
    const char *what;
    enum scram_outcome outcome;
    const char *message;
} finals[] = {
    {"nothing", SCRAM_E_MALFORMED, ""},
    {"no proof", SCRAM_E_MALFORMED, "c=biws," R},
    {"a proof that is cut off", SCRAM_E_MALFORMED, "c=biws," R ",p=dHzb"},
    {"a proof that is no base64", SCRAM_E_MALFORMED, "c=biws," R ",p=!"},
    {"something behind the proof", SCRAM_E_MALFORMED, "c=biws," R P ",x=y"},
    {"another header", SCRAM_E_MALFORMED, "c=eSws," R P},
    {"the client's nonce alone", SCRAM_E_MALFORMED, "c=biws,r=" CLIENT_NONCE P},
    {"another nonce", SCRAM_E_MALFORMED, "c=biws," R "x" P},
    {"the order of another mechanism", SCRAM_E_MALFORMED, R ",c=biws" P},
    {"an extension, which the proof does not cover", SCRAM_E_PROOF, "c=biws," R ",x=y" P},
    {"an extension that must be known", SCRAM_E_MALFORMED, "c=biws," R ",m=x" P},
    {"and behind another", SCRAM_E_MALFORMED, "c=biws," R ",x=y,m=x" P},
};

static void a_final_message_is_taken_or_named(void **state)
{
    struct scram_verifier v = verifier_of("pencil");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(finals); i++) {
        struct scram_server *s = scram_server_new();
        struct buf out = {0};

        print_message("  %s\n", finals[i].what);
        assert_int_equal(scram_server_hello(s, bytes_str(client_first)), SCRAM_OK);
        scram_server_challenge(s, &v, BYTES(SERVER_NONCE), &out);
        out.len = 0;
        assert_int_equal(scram_server_finish(s, bytes_str(finals[i].message), &out),
                         finals[i].outcome);
        assert_int_equal(out.len, 0);
        buf_done(&out);
        scram_server_free(s);
    }
}

static void a_proof_for_another_channel_is_named(void **state)
{
    struct scram_verifier v = verifier_of("pencil");
    struct scram_server *s = scram_server_new();
    struct buf out = {0};

    (void)state;
    scram_server_channel(s, channel, true);
    assert_int_equal(scram_server_hello(s, BYTES(BOUND)), SCRAM_OK);
    scram_server_challenge(s, &v, BYTES(SERVER_NONCE), &out);
    out.len = 0;
    /* The header alone, and the header of who does not bind. */
    assert_int_equal(scram_server_finish(s, BYTES("c=cD10bHMtZXhwb3J0ZXIsLA==," R P), &out),
                     SCRAM_E_OTHER_CHANNEL);
    assert_int_equal(scram_server_finish(s, BYTES("c=biws," R P), &out), SCRAM_E_OTHER_CHANNEL);
    assert_int_equal(out.len, 0);
    buf_done(&out);
    scram_server_free(s);
}

static const struct challenge {
    const char *what;
    const char *message;
} challenges[] = {
    {"nothing", ""},
    {"another's nonce", "r=another,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"},
    {"no nonce of the server", "r=" CLIENT_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"},
    {"no salt", R ",s=,i=4096"},
    {"so few iterations that it is easy to guess", R ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095"},
    {"so many that it takes for ever", R ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=10000001"},
    {"a number that is none", R ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096x"},
    {"a number that is too long", R ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=42949677296"},
};

static void a_challenge_that_harms_the_client_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(challenges); i++) {
        struct scram_client *c =
            scram_client_new(BYTES("user"), BYTES("pencil"), BYTES(CLIENT_NONCE));
        struct buf out = {0};

        print_message("  %s\n", challenges[i].what);
        scram_client_hello(c, &out);
        out.len = 0;
        assert_int_equal(scram_client_answer(c, bytes_str(challenges[i].message), &out),
                         SCRAM_E_MALFORMED);
        assert_int_equal(out.len, 0);
        buf_done(&out);
        scram_client_free(c);
    }
}

static void a_verifier_survives_being_text_and_differs_each_time(void **state)
{
    char *a = scram_verifier_new(BYTES("correct horse battery"));
    char *b = scram_verifier_new(BYTES("correct horse battery"));
    struct scram_verifier v;
    struct scram_verifier other;

    (void)state;
    assert_string_not_equal(a, b);
    assert_true(scram_verifier_parse(a, &v));
    assert_true(scram_verifier_parse(b, &other));
    assert_true(scram_verifier_equal(&v, &v));
    assert_false(scram_verifier_equal(&v, &other));
    assert_int_equal(v.iterations, SCRAM_ITERATIONS);
    assert_int_equal(v.salt_len, SCRAM_SALT_BYTES);
    assert_int_equal(exchange(&v, BYTES("user"), "correct horse battery"), SCRAM_OK);
    assert_true(scram_verifier_fits(b, BYTES("correct horse battery")));
    assert_false(scram_verifier_fits(b, BYTES("correct horse batterz")));
    assert_false(scram_verifier_fits("no verifier", BYTES_NONE));
    free(a);
    free(b);
}

#define KEYS                                                                                       \
    "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static const struct text {
    const char *what;
    bool is_one;
    const char *text;
} texts[] = {
    {"one of the RFC's example", true, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==" KEYS},
    {"too few iterations", false, "SCRAM-SHA-256$4095:W22ZaJ0SNY7soEsUEjb6gQ==" KEYS},
    {"of SHA-1", false, "SCRAM-SHA-1$4096:W22ZaJ0SNY7soEsUEjb6gQ==" KEYS},
    {"no salt", false, "SCRAM-SHA-256$4096:" KEYS},
    {"one key", false,
     "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="},
    {"short keys", false, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d:wfPL"},
    {"something behind", false, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==" KEYS "x"},
    {"Argon2id", false, "$argon2id$v=19$m=65536,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaA"},
    {"nothing", false, ""},
};

static void what_is_no_verifier_is_not_taken_for_one(void **state)
{
    struct scram_verifier v;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        print_message("  %s\n", texts[i].what);
        assert_int_equal(scram_verifier_parse(texts[i].text, &v), texts[i].is_one);
    }
    assert_true(scram_verifier_parse(texts[0].text, &v));
    assert_int_equal(exchange(&v, BYTES("user"), "pencil"), SCRAM_OK);
}

static void a_user_that_does_not_exist_has_a_salt_that_stays(void **state)
{
    static const uint8_t key[SCRAM_KEY_BYTES] = {1};
    static const uint8_t other_key[SCRAM_KEY_BYTES] = {2};
    struct scram_verifier a;
    struct scram_verifier b;

    (void)state;
    scram_verifier_fake(key, BYTES("nobody"), &a);
    scram_verifier_fake(key, BYTES("nobody"), &b);
    assert_true(scram_verifier_equal(&a, &b));
    assert_int_equal(a.iterations, SCRAM_ITERATIONS);
    assert_int_equal(a.salt_len, SCRAM_SALT_BYTES);
    assert_int_equal(exchange(&a, BYTES("nobody"), ""), SCRAM_E_PROOF);
    scram_verifier_fake(key, BYTES("somebody"), &b);
    assert_memory_not_equal(a.salt, b.salt, SCRAM_SALT_BYTES);
    scram_verifier_fake(other_key, BYTES("nobody"), &b);
    assert_memory_not_equal(a.salt, b.salt, SCRAM_SALT_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_speaks_as_the_rfc_has_it),
        cmocka_unit_test(the_client_speaks_as_the_rfc_has_it),
        cmocka_unit_test(only_the_password_proves_the_user),
        cmocka_unit_test(a_first_message_is_taken_or_named),
        cmocka_unit_test(who_can_bind_to_the_channel_does_so_or_is_named),
        cmocka_unit_test(a_final_message_is_taken_or_named),
        cmocka_unit_test(a_proof_for_another_channel_is_named),
        cmocka_unit_test(a_challenge_that_harms_the_client_is_refused),
        cmocka_unit_test(a_verifier_survives_being_text_and_differs_each_time),
        cmocka_unit_test(what_is_no_verifier_is_not_taken_for_one),
        cmocka_unit_test(a_user_that_does_not_exist_has_a_salt_that_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
