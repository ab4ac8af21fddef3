/* SPDX-License-Identifier: Apache-2.0 */
/* home.h - a node's home, to be configured in */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

#include <cmocka.h>

#include "node/config.h"

/* A node's home with what a configuration may name. */
struct home {
    char *dir; /* absolute */
    char *config;
    char *users;
};

#define LISTENER "listeners: [{name: l, address: 127.0.0.1, port: 1883}]\n"
#define LIST     "node: {name: n}\nlisteners: [{name: l, address: 127.0.0.1, port: 1883, "
#define LEAST    "node: {name: n}\n" LISTENER

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

char *join(const char *dir, const char *name);
void write_file(const struct home *h, const char *name, const char *text, mode_t mode);
int home_setup(void **state);
int home_teardown(void **state);
char *without_dir(const struct home *h, const char *text);
void assert_errors(const struct home *h, const char *errors);
struct config *load(const struct home *h, const char *text);
