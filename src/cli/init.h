/* SPDX-License-Identifier: Apache-2.0 */
/* cli/init.h - what init.c and init_explain.c share */
#pragma once

#include <sys/types.h>

#include "cli/args.h"

#define INIT_HOSTS_MAX 64
#define NODE_NAME_MAX  48 /* "Bastide CA " before it still makes a common name */
#define PORT_TEXT_LEN  11

struct init_profile {
    const char *name;
    const char *durability; /* lines of the configuration */
};

struct init_task {
    const struct cli_args *args;
    const char *dir;
    const char *name;
    const char *address; /* of the listeners with TLS */
    const struct init_profile *profile;
    unsigned field_port;
    unsigned control_port;
    unsigned local_port;
    char field_port_text[PORT_TEXT_LEN];
    char control_port_text[PORT_TEXT_LEN];
    char local_port_text[PORT_TEXT_LEN];
    char hostname[256];
    char *host_list; /* owned; cut up */
    const char *hosts[INIT_HOSTS_MAX];
    size_t n_hosts;
    const char *owner; /* NULL: who runs this */
    uid_t uid;
    gid_t gid;
    char *run_as_line; /* owned */
    uint64_t now_unix_ms;
    uint64_t certificates_end_unix_ms;
    char *password_secret; /* owned */
    char *verifier;        /* owned */
    char *scram;           /* owned */
    bool made_dir;
};

void init_explain(const struct init_task *t);
