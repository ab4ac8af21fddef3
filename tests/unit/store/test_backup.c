/* SPDX-License-Identifier: Apache-2.0 */
/* A backup is whole or refused, costs what has changed, and holds no key.  MQ.RC.RP-08 */
#include "kept.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>

#include "store/audit.h"
#include "store/backup_private.h"

static char repo[160];
static char into[160];

static void put_text(const struct kept *k, const char *name, const char *text)
{
    put_file(in(k, name), bytes_str(text));
}

/* kept's folder is the state folder; a home stands beside it. */
static struct backup_input input(const struct kept *k)
{
    static char home[160];

    snprintf(home, sizeof(home), "%s/home", k->dir);
    snprintf(repo, sizeof(repo), "%s/repo", k->dir);
    snprintf(into, sizeof(into), "%s/into", k->dir);
    return (struct backup_input){
        .dir = repo, .home = home, .state_dir = k->dir, .key_file = k->key, .node_name = "n1"};
}

static void fill(struct kept *k)
{
    struct audit_entry e = {.at_unix_ms = 1, .actor = "admin:a", .action = "ban"};

    assert_int_equal(mkdir(in(k, "home"), 0700), 0);
    assert_int_equal(mkdir(in(k, "home/pki"), 0700), 0);
    put_text(k, "home/bastide.yaml", "node: {name: canary}\n");
    put_text(k, "home/pki/ca.key", "a private canary");
    put_text(k, "incidents.jsonl", "{\"canary\": 1}\n");
    open_store(k);
    for (unsigned i = 0; i < 400; i++) {
        char key[32];

        snprintf(key, sizeof(key), "canary %u", i);
        control_put(k->c, CONTROL_ASSET, key, i, "\"something of some length, to fill pages\"");
    }
    control_put(k->c, CONTROL_BAN, "evil", 1, "{}");
    control_audit(k->c, &e);
    assert_true(control_flush(k->c));
}

static struct backup_result make(struct kept *k)
{
    struct backup_input i = input(k);
    struct backup_result r = {0};

    if (!backup_create(&i, k->c, k->keys, &r, &k->error))
        fail_msg("%s", k->error);
    return r;
}

static struct key_source key_of(const struct kept *k)
{
    return (struct key_source){.kind = KEY_FROM_FILE, .name = k->key};
}

static void what_was_backed_up_comes_back(void **state)
{
    struct kept *k = *state;
    struct key_source from = key_of(k);
    struct backup_restored r;
    struct buf file = {0};
    struct kept back = {0};
    char path[300];

    fill(k);
    assert_int_equal(make(k).n_left_out, 0);
    if (!backup_restore(repo, NULL, &from, into, &r, &k->error))
        fail_msg("%s", k->error);
    assert_string_equal(r.node_name, "n1");
    assert_int_equal(r.n_audit_entries, 1);
    snprintf(path, sizeof(path), "%s/pki/ca.key", into);
    assert_true(file_read(path, 100, &file, &k->error));
    assert_int_equal(bytes_compare(buf_view(&file), BYTES("a private canary")), 0);
    buf_done(&file);
    snprintf(path, sizeof(path), "%s/state/incidents.jsonl", into);
    assert_int_equal(access(path, F_OK), 0);
    snprintf(path, sizeof(path), "%s/state/at-rest.key", into);
    assert_int_not_equal(access(path, F_OK), 0);

    snprintf(back.dir, sizeof(back.dir), "%.100s/state", into);
    snprintf(path, sizeof(path), "%s/keyring", back.dir);
    back.keys = keyring_open(path, &from, &k->error);
    open_store(&back);
    assert_rows(&back, CONTROL_BAN, "evil={};");
    close_store(&back);
    keyring_free(back.keys);
}

static void the_second_costs_what_has_changed(void **state)
{
    struct kept *k = *state;
    struct backup_result first, second;

    fill(k);
    first = make(k);
    assert_true(first.n_new_chunks > 3);
    second = make(k);
    assert_int_equal(second.n_new_chunks, 0);
    assert_int_equal(second.n_chunks, first.n_chunks);
    control_put(k->c, CONTROL_BAN, "more", 1, "{}");
    second = make(k);
    assert_in_range(second.n_new_chunks, 1, 2); /* the page, and that of the number */
}

static void make_deep(const struct kept *k, const char *name)
{
    char path[200];
    size_t len = (size_t)snprintf(path, sizeof(path), "%s/home/%s", k->dir, name);

    for (unsigned i = 0; i < 18; i++) {
        assert_int_equal(mkdir(path, 0700), 0);
        len += (size_t)snprintf(path + len, sizeof(path) - len, "/d");
    }
}

static void assert_says(const struct backup_result *r, const char *words)
{
    char *text = backup_text(r);

    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, text);
    free(text);
}

static void what_is_left_out_is_named_up_to_a_bound(void **state)
{
    struct kept *k = *state;
    struct backup_result r;
    char expected[300];

    fill(k);
    r = make(k);
    assert_says(&r, "; nothing was left out");
    make_deep(k, "a\nline");
    r = make(k);
    assert_int_equal(r.n_left_out, 2); /* the home stands in the state folder here */
    snprintf(expected, sizeof(expected), "; 2 left out: %s/home/a\\x0aline/d/d", k->dir);
    assert_says(&r, expected);
    make_deep(k, "no text\xff");
    r = make(k);
    assert_int_equal(r.n_left_out, 4);
    snprintf(expected, sizeof(expected), "%s/home/no text\\xff,", k->dir);
    assert_says(&r, expected);
    for (unsigned i = 0; i < 30; i++) {
        char name[8];

        snprintf(name, sizeof(name), "%u", i);
        make_deep(k, name);
    }
    r = make(k);
    assert_int_equal(r.n_left_out, 64);
    assert_int_equal(r.n_named, 5);
    assert_says(&r, "; 64 left out, /");
    assert_says(&r, " and others: the log says which");
}

static void it_is_restored_after_the_data_key_was_replaced(void **state)
{
    struct kept *k = *state;
    struct key_source from = key_of(k);
    struct backup_restored r;
    uint32_t id;

    fill(k);
    make(k);
    assert_true(keyring_add(k->keys, &id, &k->error));
    assert_true(control_reseal(k->c, &k->error));
    assert_true(keyring_drop(k->keys, 1, &k->error));
    make(k);
    assert_true(backup_verify(repo, NULL, &from, &r, &k->error));
    assert_int_equal(r.n_audit_entries, 1);
}

/* ---- what a verify writes ---- */

static bool is_empty(const char *dir)
{
    return rmdir(dir) == 0 && mkdir(dir, 0700) == 0;
}

static const char *own_tmp(const struct kept *k)
{
    const char *tmp = in(k, "tmp");

    assert_int_equal(mkdir(tmp, 0700), 0);
    assert_int_equal(setenv("TMPDIR", tmp, 1), 0);
    return tmp;
}

static void a_verify_changes_no_folder(void **state)
{
    struct kept *k = *state;
    struct key_source from = key_of(k);
    const char *tmp = own_tmp(k);
    struct backup_restored r;
    struct stat before, after;

    fill(k);
    make(k);
    assert_int_equal(stat(repo, &before), 0);
    assert_true(backup_verify(repo, NULL, &from, &r, &k->error));
    assert_int_equal(stat(repo, &after), 0);
    assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
    assert_true(is_empty(tmp));
    assert_int_equal(rmdir(tmp), 0);
    assert_false(backup_verify(repo, NULL, &from, &r, &k->error));
    assert_non_null(strstr(k->error, "let TMPDIR name a folder"));
    unsetenv("TMPDIR");
}

/* A signal that came, held back by who calls: what it would do is theirs to see. */
static void a_signal_ends_a_verify_that_leaves_nothing(void **state)
{
    struct kept *k = *state;
    struct key_source from = key_of(k);
    const char *tmp = own_tmp(k);
    struct backup_restored r;
    sigset_t term, before;
    int got = 0;

    fill(k);
    make(k);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &term, &before), 0);
    assert_int_equal(raise(SIGTERM), 0);
    assert_false(backup_verify(repo, NULL, &from, &r, &k->error));
    assert_int_equal(sigwait(&term, &got), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    assert_non_null(strstr(k->error, "ended by a signal"));
    assert_true(is_empty(tmp));
    unsetenv("TMPDIR");
}

static void a_home_that_an_earlier_verify_left_is_told_and_pruned(void **state)
{
    struct kept *k = *state;
    struct key_source from = key_of(k);
    struct backup_pruned r;
    json_t *all;

    fill(k);
    make(k);
    assert_int_equal(mkdir(in(k, "repo/verify.aB3xYz"), 0700), 0);
    assert_int_equal(mkdir(in(k, "repo/verify.aB3xYz/pki"), 0700), 0);
    put_text(k, "repo/verify.aB3xYz/pki/ca.key", "a private canary");
    put_text(k, "repo/verify.notes1", "of a person"); /* no folder */
    all = backup_leftovers(repo, &k->error);
    assert_int_equal(json_array_size(all), 1);
    assert_string_equal(json_string_value(json_array_get(all, 0)), in(k, "repo/verify.aB3xYz"));
    json_decref(all);
    assert_true(backup_prune(repo, &from, 1, 0, &r, &k->error));
    assert_int_equal(r.n_leftovers, 1);
    assert_int_not_equal(access(in(k, "repo/verify.aB3xYz"), F_OK), 0);
    assert_int_equal(access(in(k, "repo/verify.notes1"), F_OK), 0);
}

/* ---- what is in the folder ---- */

static void each_file(const char *dir, void (*fn)(void *arg, const char *path), void *arg)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        char path[PATH_MAX];

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (e->d_type == DT_DIR)
            each_file(path, fn, arg);
        else
            fn(arg, path);
    }
    closedir(d);
}

static void look_for_words(void *arg, const char *path)
{
    struct buf file = {0};
    char *error = NULL;

    assert_true(file_read(path, 64U << 20, &file, &error));
    assert_null(memmem(file.at, file.len, "canary", 6));
    assert_null(memmem(file.at, file.len, "bastide-at-rest-key", 19));
    ++*(unsigned *)arg;
    buf_done(&file);
}

static void no_file_of_it_holds_a_word_or_the_key(void **state)
{
    struct kept *k = *state;
    unsigned n = 0;

    fill(k);
    make(k);
    each_file(repo, look_for_words, &n);
    assert_true(n > 5);
}

static void flip_and_verify(void *arg, const char *path)
{
    struct kept *k = arg;
    struct key_source from = key_of(k);
    struct backup_restored r;
    struct buf file = {0};
    char *error = NULL;
    size_t at;

    assert_true(file_read(path, 64U << 20, &file, &error));
    at = file.len / 2;
    file.at[at] ^= 4;
    put_file(path, buf_view(&file));
    if (backup_verify(repo, NULL, &from, &r, &error))
        fail_msg("%s was changed, and nobody noticed", path);
    free(error);
    file.at[at] ^= 4;
    put_file(path, buf_view(&file));
    buf_done(&file);
}

static void a_change_of_any_file_of_it_is_found(void **state)
{
    struct kept *k = *state;
    struct key_source from = key_of(k);
    struct backup_restored r;

    fill(k);
    make(k);
    each_file(repo, flip_and_verify, k);
    assert_true(backup_verify(repo, NULL, &from, &r, &k->error));
}

static void empty_chunk(void *arg, const char *path)
{
    (void)arg;
    assert_int_equal(truncate(path, 0), 0);
}

/* As a power cut leaves them, whose backup was never finished: the next does not rely on them. */
static void a_chunk_that_is_not_sound_is_written_again(void **state)
{
    struct kept *k = *state;
    struct key_source from = key_of(k);
    struct backup_restored r;
    struct backup_result first, second;
    char chunks[200];

    fill(k);
    first = make(k);
    snprintf(chunks, sizeof(chunks), "%s/chunks", repo);
    each_file(chunks, empty_chunk, NULL);
    assert_false(backup_verify(repo, NULL, &from, &r, &k->error));
    free(k->error);
    k->error = NULL;
    second = make(k);
    assert_int_equal(second.n_new_chunks, first.n_new_chunks);
    assert_true(backup_verify(repo, second.id, &from, &r, &k->error));
}

static void assert_verifies(struct kept *k, const char *id)
{
    struct key_source from = key_of(k);
    struct backup_restored r;

    if (!backup_verify(repo, id, &from, &r, &k->error))
        fail_msg("%s: %s", id, k->error);
}

static void what_is_pruned_goes_and_what_is_kept_stays_whole(void **state)
{
    struct kept *k = *state;
    struct key_source from = key_of(k);
    struct backup_restored restored;
    struct backup_pruned r;
    struct backup_result made[4];

    fill(k);
    for (unsigned i = 0; i < COUNT_OF(made); i++) {
        char text[64];

        snprintf(text, sizeof(text), "the canary of the time %u", i);
        put_text(k, "home/pki/ca.key", text);
        control_put(k->c, CONTROL_BAN, text, 1, "{}");
        assert_true(control_flush(k->c));
        made[i] = make(k);
    }
    /* None is so old. */
    assert_true(backup_prune(repo, &from, 1, made[0].at_unix_ms - 1000, &r, &k->error));
    assert_int_equal(r.n_kept, 4);
    assert_int_equal(r.n_chunks_removed, 0);
    assert_true(backup_prune(repo, &from, 2, UINT64_MAX / 2, &r, &k->error));
    assert_int_equal(r.n_kept, 2);
    assert_int_equal(r.n_removed, 2);
    assert_true(r.n_chunks_removed >= 4); /* of each the file and a page of the store */
    assert_true(r.bytes_freed > 0);
    assert_verifies(k, made[2].id);
    assert_verifies(k, made[3].id);
    assert_false(backup_verify(repo, made[0].id, &from, &restored, &k->error));
    free(k->error);
    k->error = NULL;
    /* What goes on is still incremental. */
    put_text(k, "home/pki/ca.key", "another canary");
    assert_int_equal(make(k).n_new_chunks, 1);
}

static void remove_chunk(void *arg, const char *path)
{
    (void)arg;
    assert_int_equal(unlink(path), 0);
}

static void nothing_is_pruned_when_what_is_kept_is_not_whole(void **state)
{
    struct kept *k = *state;
    struct key_source from = key_of(k);
    struct key_source wrong = {.kind = KEY_FROM_FILE, .name = in(k, "wrong.key")};
    struct backup_pruned r;
    struct backup_result first;
    char chunks[300];

    fill(k);
    first = make(k);
    put_text(k, "home/pki/ca.key", "a later canary");
    make(k);
    assert_true(at_rest_key_create(wrong.name, &k->error));
    assert_false(backup_prune(repo, &wrong, 1, UINT64_MAX / 2, &r, &k->error));
    assert_non_null(strstr(k->error, "is not the one"));
    free(k->error);
    k->error = NULL;
    assert_verifies(k, first.id);
    snprintf(chunks, sizeof(chunks), "%s/chunks", repo);
    each_file(chunks, remove_chunk, NULL);
    assert_false(backup_prune(repo, &from, 1, UINT64_MAX / 2, &r, &k->error));
    assert_non_null(strstr(k->error, "nothing was removed"));
    snprintf(chunks, sizeof(chunks), "%s/%s.backup", repo, first.id);
    assert_int_equal(access(chunks, F_OK), 0);
}

static void what_can_not_be_is_refused_with_a_reason(void **state)
{
    struct kept *k = *state;
    struct key_source from = key_of(k);
    struct key_source wrong = {.kind = KEY_FROM_FILE, .name = in(k, "wrong.key")};
    struct backup_restored r;
    struct backup_input i;

    fill(k);
    i = input(k);
    assert_false(backup_verify(repo, NULL, &from, &r, &k->error));
    assert_non_null(strstr(k->error, "there is no folder"));
    free(k->error);
    assert_int_equal(mkdir(repo, 0700), 0);
    assert_false(backup_verify(repo, NULL, &from, &r, &k->error));
    assert_non_null(strstr(k->error, "there is no backup"));
    free(k->error);
    make(k);
    assert_true(at_rest_key_create(wrong.name, &k->error));
    assert_false(backup_verify(repo, NULL, &wrong, &r, &k->error));
    assert_non_null(strstr(k->error, "is not the one"));
    free(k->error);
    assert_false(backup_restore(repo, "../x", &from, into, &r, &k->error));
    assert_non_null(strstr(k->error, "is no name"));
    free(k->error);
    assert_false(backup_restore(repo, NULL, &from, k->dir, &r, &k->error));
    assert_non_null(strstr(k->error, "must be empty"));
    free(k->error);
    i.dir = "/proc/nowhere";
    assert_false(backup_create(&i, k->c, k->keys, &(struct backup_result){0}, &k->error));
    assert_non_null(strstr(k->error, "cannot make the folder"));
}

/* Where the control store stands among the files of @m. */
static size_t index_of_control(const json_t *m)
{
    const json_t *file;
    size_t i;

    json_array_foreach(json_object_get(m, "files"), i, file)
    {
        if (strcmp(json_string_value(json_object_get(file, "at")), "control") == 0)
            return i;
    }
    fail_msg("the manifest has no control store");
    return 0;
}

static void take_control(json_t *files, size_t i)
{
    assert_int_equal(json_array_remove(files, i), 0);
}

static void add_control(json_t *files, size_t i)
{
    assert_int_equal(json_array_append(files, json_array_get(files, i)), 0);
}

static void empty_control(json_t *files, size_t i)
{
    json_array_clear(json_object_get(json_array_get(files, i), "chunks"));
}

/* Each backup has it, and one that opens: otherwise an empty one would be made for the look. */
static void a_backup_has_one_control_store(void **state)
{
    static const struct {
        void (*change)(json_t *files, size_t i);
        const char *why;
    } cases[] = {
        {take_control, "names no control store"},
        {add_control, "names two control stores"},
        {empty_control, "control.db"},
    };
    struct kept *k = *state;
    struct key_source from = key_of(k);
    struct backup_restored restored;
    struct backup_repo r;
    struct backup_result made;

    fill(k);
    made = make(k);
    repo_open(&r, repo, k->keys);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        json_t *m = repo_get_manifest(&r, made.id, &k->error);
        json_t *was = json_deep_copy(m);

        cases[i].change(json_object_get(m, "files"), index_of_control(m));
        assert_true(repo_put_manifest(&r, made.id, m, &k->error));
        assert_false(backup_verify(repo, NULL, &from, &restored, &k->error));
        print_message("  %s\n", k->error);
        assert_non_null(strstr(k->error, cases[i].why));
        free(k->error);
        assert_false(backup_restore(repo, NULL, &from, into, &restored, &k->error));
        assert_non_null(strstr(k->error, cases[i].why));
        free(k->error);
        assert_true(repo_remove_folder(into));
        assert_true(repo_put_manifest(&r, made.id, was, &k->error));
        json_decref(was);
        json_decref(m);
    }
    k->error = NULL;
    repo_done(&r);
    assert_verifies(k, made.id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEPT(what_was_backed_up_comes_back),
        KEPT(the_second_costs_what_has_changed),
        KEPT(what_is_left_out_is_named_up_to_a_bound),
        KEPT(it_is_restored_after_the_data_key_was_replaced),
        KEPT(a_verify_changes_no_folder),
        KEPT(a_signal_ends_a_verify_that_leaves_nothing),
        KEPT(a_home_that_an_earlier_verify_left_is_told_and_pruned),
        KEPT(no_file_of_it_holds_a_word_or_the_key),
        KEPT(a_change_of_any_file_of_it_is_found),
        KEPT(a_chunk_that_is_not_sound_is_written_again),
        KEPT(what_is_pruned_goes_and_what_is_kept_stays_whole),
        KEPT(nothing_is_pruned_when_what_is_kept_is_not_whole),
        KEPT(what_can_not_be_is_refused_with_a_reason),
        KEPT(a_backup_has_one_control_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
