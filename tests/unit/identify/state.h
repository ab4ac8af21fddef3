/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/identify/state.h - a state folder with a control store, made and removed for each test
 */
#pragma once

#include <dirent.h>

#include "feed.h"

static char dir[64];
static struct keyring *keys;
static struct control *control;

static inline int dir_make(void **state)
{
    char key[96];
    char ring[96];
    const struct key_source from = {.kind = KEY_FROM_FILE, .name = key};
    char *error = NULL;

    (void)state;
    (void)snprintf(dir, sizeof(dir), "/dev/shm/bastide-identify-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(key, sizeof(key), "%s/key", dir);
    (void)snprintf(ring, sizeof(ring), "%s/ring", dir);
    if (!at_rest_key_create(key, &error))
        return -1;
    keys = keyring_create(ring, &from, &error);
    control = control_open(dir, keys, &error);
    return control != NULL ? 0 : -1;
}

static inline int dir_remove(void **state)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char path[512];

    (void)state;
    control_close(control);
    keyring_free(keys);
    while (d != NULL && (e = readdir(d)) != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        (void)unlink(path);
    }
    if (d != NULL)
        closedir(d);
    return rmdir(dir);
}
