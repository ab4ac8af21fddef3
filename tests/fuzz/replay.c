/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/replay.c - run the files of the directories given through a fuzz target
 *
 * For compilers without libFuzzer, and to see again what a fuzzer found.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

static int run_file(const char *path)
{
    struct buf input = {0};
    struct bytes exact;
    FILE *file = fopen(path, "rb");
    size_t n;

    if (file == NULL)
        return -errno;
    do {
        n = fread(buf_reserve(&input, 4096), 1, 4096, file);
        input.len += n;
    } while (n > 0);
    fclose(file);

    exact = bytes_dup(buf_view(&input)); /* so that a read beyond it is noticed */
    printf("%s: %zu bytes\n", path, exact.len);
    LLVMFuzzerTestOneInput(exact.at, exact.len);
    bytes_free(exact);
    buf_done(&input);
    return 0;
}

static int run_directory(const char *path, unsigned *n)
{
    DIR *dir = opendir(path);
    int err = 0;

    if (dir == NULL)
        return -errno;
    for (struct dirent *e = readdir(dir); e != NULL && err == 0; e = readdir(dir)) {
        char file[4096];

        if (e->d_name[0] == '.')
            continue;
        snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
        err = run_file(file);
        ++*n;
    }
    closedir(dir);
    return err;
}

int main(int argc, char **argv)
{
    unsigned n = 0;

    for (int i = 1; i < argc; i++) {
        int err = run_directory(argv[i], &n);

        if (err != 0) {
            fprintf(stderr, "%s: %s\n", argv[i], strerror(-err));
            return EXIT_FAILURE;
        }
    }
    printf("%u files\n", n);
    return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
