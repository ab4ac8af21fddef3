/* SPDX-License-Identifier: Apache-2.0 */
/* cli/user.c - bastide user: who may come in, in the file of users; MQ.PR.IA-02 MQ.PR.IA-05 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/ask.h"
#include "cli/conf_edit.h"
#include "cli/home.h"
#include "cli/password_ask.h"
#include "cli/print.h"
#include "cli/state.h"
#include "crypto/crypto.h"
#include "crypto/scram.h"
#include "node/config.h"

#define GENERATED_LENGTH 20 /* 116 bits */
#define TOPIC_CHARACTERS "/+#"

struct user_task {
    const struct cli_args *args;
    struct config *config; /* owned; as it was before the change */
    const char *name;      /* of the user; NULL: all */
    struct buf secret;     /* owned; a new password */
    char *verifier;        /* owned; of it; NULL: none is set */
    char *scram;           /* owned; of it, too, for logins that do not send it */
    struct buf text;       /* owned; of the file of users */
};

/* ---- the password ---- */

static bool make_password(struct user_task *t)
{
    char *text_secret = random_text(GENERATED_LENGTH);

    buf_add(&t->secret, bytes_str(text_secret));
    secret_free(text_secret);
    return true;
}

static bool take_password(struct user_task *t, char **ret_error)
{
    bool ok = cli_flag(t->args, "--password-stdin")
                  ? password_read(STDIN_FILENO, &t->secret, ret_error)
                  : password_ask(t->name,
                                 "there is no terminal to ask for the password at; give it by "
                                 "--password-stdin, or let one be made by --generate",
                                 &t->secret, ret_error);
    const char *why = ok ? password_rejected_why(t->name, buf_view(&t->secret)) : NULL;

    if (why != NULL)
        return text_fail(ret_error, "the password is refused: %s", why);
    return ok;
}

/* Before the file is locked, for a person takes time. */
static bool get_password(struct user_task *t, char **ret_error)
{
    if (cli_flag(t->args, "--generate") ? !make_password(t) : !take_password(t, ret_error))
        return false;
    t->verifier = password_verifier_new(buf_view(&t->secret));
    t->scram = scram_verifier_new(buf_view(&t->secret));
    return true;
}

/* The only time that one which was made here is seen. */
static void show_generated(const struct user_task *t)
{
    if (cli_flag(t->args, "--generate"))
        (void)printf("The password, shown once only:\n\n    %.*s\n\n",
                     BYTES_ARG(buf_view(&t->secret)));
}

/* ---- what each task does to the text ---- */

static bool has_role(const struct config *c, const char *role)
{
    for (size_t i = 0; i < c->policy.n_roles; i++)
        if (strcmp(c->policy.roles[i].name, role) == 0)
            return true;
    return false;
}

static bool no_such_role(const struct config *c, const char *role, char **ret_error)
{
    struct buf text = {0};

    buf_addf(&text, "%s has no role \"%s\"; it has", c->path, role);
    for (size_t i = 0; i < c->policy.n_roles; i++)
        buf_addf(&text, "%s %s", i > 0 ? "," : "", c->policy.roles[i].name);
    *ret_error = bytes_dup_str(buf_view(&text));
    buf_done(&text);
    return false;
}

static bool do_add(struct user_task *t, char **ret_error)
{
    const char *role = cli_arg(t->args, "--role");
    struct conf_user user = {
        .name = (char *)(uintptr_t)t->name,
        .role = (char *)(uintptr_t)role,
        .password = t->verifier,
        .scram = t->scram,
        .certificate_cn = (char *)(uintptr_t)cli_arg(t->args, "--certificate-cn"),
    };

    if (!has_role(t->config, role))
        return no_such_role(t->config, role, ret_error);
    return conf_user_add(&t->text, &user, ret_error);
}

static bool do_passwd(struct user_task *t, char **ret_error)
{
    return conf_user_set_password(&t->text, t->name, t->verifier, t->scram, ret_error);
}

static bool do_disable(struct user_task *t, char **ret_error)
{
    return conf_user_set_disabled(&t->text, t->name, true, ret_error);
}

static bool do_enable(struct user_task *t, char **ret_error)
{
    return conf_user_set_disabled(&t->text, t->name, false, ret_error);
}

static bool do_remove(struct user_task *t, char **ret_error)
{
    return conf_user_remove(&t->text, t->name, ret_error);
}

/* ---- list ---- */

/* clang-format off */
static const struct show_field user_columns[] = {
    {"USER",        "name",           SHOW_TEXT},
    {"ROLE",        "role",           SHOW_TEXT},
    {"PASSWORD",    "password",       SHOW_YES},
    {"SCRAM",       "scram",          SHOW_YES},
    {"CERTIFICATE", "certificate_cn", SHOW_TEXT},
    {"DISABLED",    "disabled",       SHOW_YES},
};
/* clang-format on */

/* The verifiers are not shown. */
static bool do_list(struct user_task *t, char **ret_error)
{
    json_t *array = json_array();
    struct conf_users users = {0};

    if (!conf_users_parse(buf_view(&t->text), &users, ret_error)) {
        json_decref(array);
        return false;
    }
    for (size_t i = 0; i < users.n; i++) {
        const struct conf_user *u = &users.at[i];

        json_array_append_new(array, json_pack("{s:s, s:s*, s:b, s:b, s:s*, s:b}", "name", u->name,
                                               "role", u->role, "password", u->password != NULL,
                                               "scram", u->scram != NULL, "certificate_cn",
                                               u->certificate_cn, "disabled", (int)u->disabled));
    }
    print_list(array, cli_flag(t->args, "--json"), "there are no users", user_columns,
               COUNT_OF(user_columns));
    conf_users_done(&users);
    json_decref(array);
    return true;
}

/* ---- the verb ---- */

/* clang-format off */
static const struct user_verb {
    const char *name;
    bool has_user; /* an operand says which */
    bool changes;
    bool takes_password;
    bool (*run)(struct user_task *t, char **ret_error);
    const char *done;
} tasks[] = {
    {"list",    false, false, false, do_list,    NULL},
    {"add",     true,  true,  true,  do_add,     "is added"},
    {"passwd",  true,  true,  true,  do_passwd,  "has a new password"},
    {"disable", true,  true,  false, do_disable, "is disabled"},
    {"enable",  true,  true,  false, do_enable,  "is enabled"},
    {"remove",  true,  true,  false, do_remove,  "is removed"},
};
/* clang-format on */

/* Who has a certificate gets a password only on demand. */
static bool wants_password(const struct cli_args *a, const struct user_verb *v)
{
    return v->run != do_add || cli_arg(a, "--certificate-cn") == NULL ||
           cli_flag(a, "--generate") || cli_flag(a, "--password-stdin");
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_mode & 0777 : 0600;
}

/* Keep the change only if the node could load it. */
static int write_checked(const struct user_task *t, struct bytes before)
{
    const char *path = t->config->users_file;
    unsigned mode = mode_of(path);
    struct config *after;
    char *restored = NULL;
    char *error = NULL;

    if (!file_replace(path, buf_view(&t->text), mode, &error))
        return home_failed(error);
    after = config_load(t->config->path, &error);
    if (after != NULL) {
        config_free(after);
        return CLI_OK;
    }
    if (!file_replace(path, before, mode, &restored))
        (void)home_failed(restored);
    (void)cli_fail("nothing is changed, for the configuration would not be in order:");
    return home_failed(error);
}

static int run_locked(struct user_task *t, const struct user_verb *v)
{
    const char *path = t->config->users_file;
    CLEANUP(buf_done) struct buf before = {0};
    char *error = NULL;
    int rc;

    if (!file_read(path, CONF_USERS_BYTES_MAX, &before, &error))
        return home_failed(error);
    buf_add(&t->text, buf_view(&before));
    if (!v->run(t, &error)) {
        rc = cli_fail("%s: %s", path, error);
        free(error);
        return rc;
    }
    return v->changes ? write_checked(t, buf_view(&before)) : CLI_OK;
}

/* Who has which rights from now on. */
static void audit_change(const struct user_task *t)
{
    const char *role = cli_arg(t->args, "--role");
    const char *cn = cli_arg(t->args, "--certificate-cn");
    char *object = text_format("user %s", t->name);
    char *reason = role == NULL
                       ? NULL
                       : text_format("role %s%s%s", role, cn != NULL ? ", certificate " : "",
                                     text_or_empty(cn));

    state_audit_home(t->args, object, reason);
    free(object);
    free(reason);
}

static int run_with_config(struct user_task *t, const struct user_verb *v)
{
    char *error = NULL;
    int lock;
    int rc;

    if (t->config->users_file == NULL)
        return cli_fail("%s names no users_file", t->config->path);
    if (v->takes_password && wants_password(t->args, v) && !get_password(t, &error))
        return home_failed(error);
    lock = folder_lock(t->config->dir, &error);
    if (lock < 0)
        return home_failed(error);
    rc = run_locked(t, v);
    folder_unlock(lock);
    if (rc != CLI_OK || !v->changes)
        return rc;
    home_say("User \"%s\" %s.\n", t->name, v->done);
    show_generated(t);
    home_hint_reload(t->config->dir);
    audit_change(t);
    return CLI_OK;
}

static int run(const struct cli_args *a, const struct user_verb *v)
{
    struct user_task t = {.args = a, .name = v->has_user ? a->operands[1] : NULL};
    int rc = ask_config(a, &t.config);

    if (rc == CLI_OK)
        rc = run_with_config(&t, v);
    secret_buf_done(&t.secret);
    buf_done(&t.text);
    secret_free(t.verifier);
    secret_free(t.scram);
    config_free(t.config);
    return rc;
}

static int check_add(const struct cli_args *a)
{
    if (cli_arg(a, "--role") == NULL)
        return cli_usage(a->verb, "a new user needs --role");
    if (strpbrk(a->operands[1], TOPIC_CHARACTERS) != NULL)
        return cli_usage(a->verb, "a name with '/', '+' or '#' cannot stand for ${user_name} in a "
                                  "rule; choose another");
    return CLI_OK;
}

static int check_options(const struct cli_args *a, const struct user_verb *v)
{
    if (cli_flag(a, "--generate") && cli_flag(a, "--password-stdin"))
        return cli_usage(a->verb, "--generate and --password-stdin do not go together");
    if (!v->takes_password && (cli_flag(a, "--generate") || cli_flag(a, "--password-stdin")))
        return cli_usage(a->verb, "--generate and --password-stdin are for add and passwd");
    if (v->run == do_add)
        return check_add(a);
    if (cli_flag(a, "--role") || cli_flag(a, "--certificate-cn"))
        return cli_usage(a->verb, "--role and --certificate-cn are for add");
    return CLI_OK;
}

/** cli_user() - bastide user list | add | passwd | disable | enable | remove */
int cli_user(int argc, char **argv)
{
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 1, 2);

    if (rc != CLI_OK)
        return rc;
    for (size_t i = 0; i < COUNT_OF(tasks); i++) {
        const struct user_verb *v = &tasks[i];

        if (strcmp(v->name, a.operands[0]) != 0)
            continue;
        if (a.n_operands != 1 + (int)v->has_user)
            return cli_usage(a.verb, "%s takes %s", v->name,
                             v->has_user ? "the name of one user" : "no operand");
        rc = cli_json_is_for(&a, v->run == do_list, "list");
        if (rc == CLI_OK)
            rc = check_options(&a, v);
        return rc != CLI_OK ? rc : run(&a, v);
    }
    return cli_usage(a.verb, "there is no \"%s\"", a.operands[0]);
}
