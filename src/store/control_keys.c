/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/control_keys.c - the keyring of a state folder
 *
 * A first start makes the keyring, and the file of the at-rest key when it is to come
 * from one.  Once anything is stored, a key that is missing is an error: a node must
 * not begin anew because its key has got lost.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "store/control_private.h"

#define KEYRING_NAME "keyring"

/** state_keyring_path() - of @state_dir; owned by the caller */
char *state_keyring_path(const char *state_dir)
{
    return text_format("%s/" KEYRING_NAME, state_dir);
}

static bool is_missing(const char *path)
{
    return access(path, F_OK) != 0 && errno == ENOENT;
}

/* What root makes for a node is the node's: its state folder tells whose. */
static bool give_to_node(const char *path, const char *state_dir)
{
    struct stat st;

    return geteuid() != 0 || (stat(state_dir, &st) == 0 && chown(path, st.st_uid, st.st_gid) == 0);
}

/* The folder too: that of the configuration may have been written by hand. */
static bool make_key_file(const char *path, const char *state_dir, char **ret_error)
{
    char *dir = text_dup(path);
    char *slash = strrchr(dir, '/');

    if (slash != NULL)
        *slash = '\0';
    if (slash != NULL && slash != dir &&
        (mkdir(dir, 0700) == 0 ? !give_to_node(dir, state_dir) : errno != EEXIST)) {
        (void)text_fail(ret_error, "cannot make the folder %s of the at-rest key: %s", dir,
                        strerror(errno));
        free(dir);
        return false;
    }
    free(dir);
    if (!at_rest_key_create(path, ret_error))
        return false;
    log_warning("store",
                "%s was made: without it nothing that this node stores can be read; keep a copy "
                "of it, apart from the backups",
                path);
    return true;
}

static struct keyring *make_keyring(const char *path, const char *state_dir,
                                    const struct key_source *from, char **ret_error)
{
    if (from->kind == KEY_FROM_FILE && is_missing(from->name) &&
        !make_key_file(from->name, state_dir, ret_error))
        return NULL;
    return keyring_create(path, from, ret_error);
}

/** state_keyring_open() - see control.h */
struct keyring *state_keyring_open(const char *state_dir, const struct key_source *from,
                                   char **ret_error)
{
    char *path = state_keyring_path(state_dir);
    struct keyring *k = NULL;

    if (keyring_exists(path))
        k = keyring_open(path, from, ret_error);
    else if (control_exists(state_dir))
        (void)text_fail(ret_error,
                        "%s is missing, and without it nothing in %s can be read: restore it from "
                        "a backup, or move what is in %s aside to start with nothing known",
                        path, state_dir, state_dir);
    else
        k = make_keyring(path, state_dir, from, ret_error);
    if (k != NULL && !keyring_is_locked(k))
        log_warning("store", "the keys may get into swap: locked memory is limited (LimitMEMLOCK=, "
                             "ulimit -l); encrypt the swap, or raise the limit");
    free(path);
    return k;
}
