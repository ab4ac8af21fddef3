/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_manifest.c - the manifest of a backup, sealed as it should be whatever is in it
 *
 * A chunk called by one digit stands for one of a real backup.  What comes back is whole, or there
 * is a reason; and nothing is written beside the folder that is restored into.
 */
#include "fuzz.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/backup_private.h"

#define ID         "20261126T023000.125Z-4f2a"
#define CHUNKS_MAX 10

static struct {
    char top[64]; /* in memory: each input makes and removes files */
    char state[96];
    char dir[96];
    char outer[96]; /* with nothing but @into in it */
    char into[128];
    char key[128];
    struct backup_repo repo;
    json_t *chunks; /* names */
} world;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void remove_all(void)
{
    nftw(world.top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct key_source key_of(void)
{
    return (struct key_source){.kind = KEY_FROM_FILE, .name = world.key};
}

static void list_chunks(const json_t *manifest)
{
    const json_t *file;
    size_t i;

    world.chunks = json_array();
    json_array_foreach(json_object_get(manifest, "files"), i, file)
        check(json_array_extend(world.chunks, json_object_get(file, "chunks")) == 0);
    check(json_array_size(world.chunks) > 0 && json_array_size(world.chunks) <= CHUNKS_MAX);
}

/* One good backup, of a home without files; its keyring serves the others, too. */
static void make_backup(struct keyring *keys)
{
    struct backup_input in = {
        .dir = world.dir, .home = world.state, .state_dir = world.state, .node_name = "n"};
    struct backup_result made;
    char *error = NULL;
    struct control *c = control_open(world.state, keys, &error);
    char *was;
    char *is;
    json_t *manifest;

    check(c != NULL && backup_create(&in, c, keys, &made, &error));
    control_close(c);
    repo_open(&world.repo, world.dir, keys);
    manifest = repo_get_manifest(&world.repo, made.id, &error);
    check(manifest != NULL);
    list_chunks(manifest);
    json_decref(manifest);
    was = repo_path(world.dir, made.id, ".keyring");
    is = repo_path(world.dir, ID, ".keyring");
    check(rename(was, is) == 0);
    free(was);
    free(is);
}

static void make_world(void)
{
    struct keyring *keys;
    char ring[128];
    char *error = NULL;
    struct key_source from = key_of();

    snprintf(world.top, sizeof(world.top), "/dev/shm/bastide-fuzz-XXXXXX");
    check(mkdtemp(world.top) != NULL && atexit(remove_all) == 0);
    snprintf(world.state, sizeof(world.state), "%s/state", world.top);
    snprintf(world.dir, sizeof(world.dir), "%s/repo", world.top);
    snprintf(world.outer, sizeof(world.outer), "%s/outer", world.top);
    snprintf(world.into, sizeof(world.into), "%s/into", world.outer);
    snprintf(world.key, sizeof(world.key), "%s/at-rest.key", world.top);
    snprintf(ring, sizeof(ring), "%s/keyring", world.state);
    check(mkdir(world.state, 0700) == 0 && mkdir(world.outer, 0700) == 0);
    check(at_rest_key_create(world.key, &error));
    keys = keyring_create(ring, &from, &error);
    check(keys != NULL);
    make_backup(keys);
    keyring_free(keys);
}

/* Of the file that is given, for its own use. */
static void name_chunks(json_t *file)
{
    json_t *chunks = json_object_get(file, "chunks");
    const json_t *chunk;
    size_t i;

    json_array_foreach(chunks, i, chunk)
    {
        const char *name = json_string_value(chunk);

        if (name != NULL && name[0] >= '0' && name[0] <= '9' && name[1] == '\0')
            (void)json_array_set(chunks, i,
                                 json_array_get(world.chunks, (size_t)(name[0] - '0') %
                                                                  json_array_size(world.chunks)));
    }
}

static unsigned count_in(const char *path)
{
    DIR *d = opendir(path);
    unsigned n = 0;

    check(d != NULL);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2; /* . and .. */
}

static void try(void)
{
    struct key_source from = key_of();
    struct backup_restored r;
    char *error = NULL;
    bool ok = backup_restore(world.dir, ID, &from, world.into, &r, &error);

    check(ok == (error == NULL));
    check(error == NULL || error[0] != '\0');
    free(error);
    check(count_in(world.outer) == 1); /* @into */
    check(count_in(world.top) == 4);   /* state, repo, outer, at-rest.key */
    check(nftw(world.into, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *m = json_loadb((const char *)data, size, 0, NULL);
    char *error = NULL;
    json_t *file;
    size_t i;

    if (world.chunks == NULL)
        make_world();
    json_array_foreach(json_object_get(m, "files"), i, file) name_chunks(file);
    if (m != NULL) {
        check(repo_put_manifest(&world.repo, ID, m, &error));
        try();
    }
    json_decref(m);
    return 0;
}
