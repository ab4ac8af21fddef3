/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_warm.c - a new client begins with what others of its role are used to */
#include "acts.h"

#define FAST_S 10  /* between two messages of a peer */
#define SLOW_S 100 /* and of one that does not agree */
#define TAUGHT 70  /* messages of each */

static void speaks(struct scene *s, unsigned i, bool is_first)
{
    char id[16];
    const struct actor a = {id, "meter", "192.0.2.1", i + 1};

    snprintf(id, sizeof(id), "m-%u", i);
    if (is_first)
        connects(s, &a, 0, 60);
    does(s, &a, EVENT_PUBLISH_TOPIC, id, 0);
    sends_n(s, &a, 1);
}

/* All at the same time, each on a topic of its own. */
static void teach_peers(struct scene *s, unsigned n_fast, unsigned n_slow)
{
    unsigned every = SLOW_S / FAST_S;
    unsigned rounds = n_slow > 0 ? TAUGHT * every : TAUGHT;

    for (unsigned r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < n_fast; i++)
            speaks(s, i, r == 0);
        for (unsigned i = 0; i < n_slow && r % every == 0; i++)
            speaks(s, n_fast + i, r == 0);
        idle(s, FAST_S);
    }
}

/* The new one sends thirty times as much as its peers, for so long; how much was found. */
static unsigned sends_too_much(struct scene *s, const char *role, unsigned seconds)
{
    const struct actor new = {"new", role, "192.0.2.9", 99};

    s->only = "publish-rate-anomaly";
    connects(s, &new, 0, 60);
    for (unsigned i = 0; i < seconds; i++) {
        sends_n(s, &new, 3);
        idle(s, 1);
    }
    return s->n_found;
}

static unsigned stays_silent(struct scene *s, const char *role, unsigned seconds)
{
    const struct actor new = {"new", role, "192.0.2.9", 99};

    s->only = "client-unavailable";
    connects(s, &new, 0, 20);
    idle(s, seconds);
    return s->n_found;
}

typedef unsigned found_fn(struct scene *s, const char *role, unsigned seconds);

/* clang-format off */
static const struct {
    const char *what;
    unsigned peers;         /* of role meter, one message each 10 s */
    unsigned others;        /* of role meter, one each 100 s */
    const char *role;       /* of the new one */
    found_fn *does;
    unsigned seconds;
    bool is_found;
} cases[] = {
    {"sends too much",                    8, 0, "meter",  sends_too_much, 60,  true},
    {"sends too much, of another role",   8, 0, "device", sends_too_much, 60,  false},
    {"sends too much, and peers are few", 4, 0, "meter",  sends_too_much, 60,  false},
    {"sends too much, peers do not agree",8, 8, "meter",  sends_too_much, 60,  false},
    {"sends about as much",               8, 0, "meter",  sends_too_much, 5,   false},
    {"says nothing",                      8, 0, "meter",  stays_silent,   130, true},
    {"says nothing yet",                  8, 0, "meter",  stays_silent,   55,  false},
    {"says nothing, of another role",     8, 0, "device", stays_silent,   130, false},
    {"says nothing, peers are few",       4, 0, "meter",  stays_silent,   130, false},
    {"says nothing, peers do not agree",  8, 8, "meter",  stays_silent,   130, false},
};
/* clang-format on */

static void a_new_client_is_held_against_many_that_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scene s;

        print_message("  %s\n", cases[i].what);
        scene_begin(&s, 1, 0);
        s.only = "none";
        teach_peers(&s, cases[i].peers, cases[i].others);
        assert_int_equal(cases[i].does(&s, cases[i].role, cases[i].seconds) > 0, cases[i].is_found);
        scene_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_client_is_held_against_many_that_agree),
    };

    hash_key_set(5, 6);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
