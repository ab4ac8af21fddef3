/* SPDX-License-Identifier: Apache-2.0 */
/* home.c - see home.h */
#include "home.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char *join(const char *dir, const char *name)
{
    struct buf path CLEANUP(buf_done) = {0};

    buf_addf(&path, "%s/%s", dir, name);
    return bytes_dup_str(buf_view(&path));
}

void write_file(const struct home *h, const char *name, const char *text, mode_t mode)
{
    char *path = join(h->dir, name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
    free(path);
}

static const char *const files[] = {"server.crt", "server.key", "ca.crt", "ca.crl", "file"};

int home_setup(void **state)
{
    struct home *h = calloc(1, sizeof(*h));
    char template[] = "/tmp/bastide-config-XXXXXX";

    h->dir = realpath(mkdtemp(template), NULL);
    h->config = join(h->dir, "bastide.yaml");
    h->users = join(h->dir, "users.yaml");
    for (size_t i = 0; i < COUNT_OF(files); i++)
        write_file(h, files[i], "x\n", 0600);
    write_file(h, "users.yaml", "users: []\n", 0600);
    *state = h;
    return 0;
}

int home_teardown(void **state)
{
    static const char *const more[] = {"bastide.yaml", "users.yaml", "fifo"};
    struct home *h = *state;

    for (size_t i = 0; i < COUNT_OF(files) + COUNT_OF(more); i++) {
        char *path = join(h->dir, i < COUNT_OF(files) ? files[i] : more[i - COUNT_OF(files)]);

        (void)unlink(path);
        free(path);
    }
    assert_int_equal(rmdir(h->dir), 0);
    free(h->dir);
    free(h->config);
    free(h->users);
    free(h);
    return 0;
}

/* @text without the folder before the names of files. */
char *without_dir(const struct home *h, const char *text)
{
    struct buf plain CLEANUP(buf_done) = {0};
    char *prefix = join(h->dir, "");

    while (*text != '\0') {
        if (strncmp(text, prefix, strlen(prefix)) == 0)
            text += strlen(prefix);
        else
            buf_add_u8(&plain, (uint8_t)*text++);
    }
    free(prefix);
    return bytes_dup_str(buf_view(&plain));
}

void assert_errors(const struct home *h, const char *errors)
{
    char *error = NULL;
    char *plain;
    struct config *c = config_load(h->config, &error);

    assert_null(c);
    plain = without_dir(h, error);
    assert_string_equal(plain, errors);
    free(plain);
    free(error);
}

struct config *load(const struct home *h, const char *text)
{
    char *error = NULL;
    struct config *c;

    write_file(h, "bastide.yaml", text, 0600);
    c = config_load(h->config, &error);
    if (c == NULL)
        fail_msg("%s", error);
    return c;
}
