/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/conf_edit.h - change the file of users and leave the rest of it as it is
 *
 * The text is read as YAML to find the place, and then changed at that place
 * only: comments, order and spelling of all else stay.  After each change it is
 * read again and must say what was wanted, or the text is left as it was.
 */
#pragma once

#include "base/bytes.h"

#define CONF_USERS_BYTES_MAX (16 * 1024 * 1024)

/* One user as the file has it.  All owned; NULL: not there. */
struct conf_user {
    char *name;
    char *role;
    char *password; /* the verifier */
    char *scram;    /* another one, of the same password */
    char *certificate_cn;
    bool disabled;
};

struct conf_users {
    struct conf_user *at; /* owned */
    size_t n;
};

MUST_CHECK bool conf_users_parse(struct bytes text, struct conf_users *ret, char **ret_error);
void conf_users_done(struct conf_users *u);
const struct conf_user *conf_users_find(const struct conf_users *u, const char *name);

MUST_CHECK bool conf_user_add(struct buf *text, const struct conf_user *user, char **ret_error);
MUST_CHECK bool conf_user_set_password(struct buf *text, const char *name, const char *verifier,
                                       const char *scram, char **ret_error);
MUST_CHECK bool conf_user_set_disabled(struct buf *text, const char *name, bool disabled,
                                       char **ret_error);
MUST_CHECK bool conf_user_remove(struct buf *text, const char *name, char **ret_error);
