/* SPDX-License-Identifier: Apache-2.0 */
/* node/config_check.c - what the table cannot say: keys that depend on each other, and the world */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alert/alert.h"
#include "base/map.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "crypto/scram.h"
#include "node/config_keys.h"
#include "respond/respond.h"

/* ---- files ---- */

/** config_file_wrong_why() - can @path be read?  Return: NULL, or why not. */
const char *config_file_wrong_why(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "it is not a file";
    return access(path, R_OK) == 0 ? NULL : strerror(errno);
}

/** config_file_is_open() - may others than its owner read or change @path? */
bool config_file_is_open(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

/* ---- rules ---- */

/** config_check_rule() - a rule is for one filter */
void config_check_rule(struct config_loader *l, const void *object, struct conf_value v)
{
    static const char *const keys[] = {"publish", "subscribe", "publish_subscribe"};
    size_t n = 0;

    (void)object;
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        n += conf_given(conf_get(v, keys[i]));
    if (n == 0)
        config_fail(l, v, "a rule without a filter; publish, subscribe or publish_subscribe");
    else if (n > 1)
        config_fail(l, v, "a rule with several filters; write one item (- ) for each");
}

/** config_detector_wrong_why() - of an incident's kind; Return: NULL, or what is wrong; static. */
const char *config_detector_wrong_why(const char *name)
{
    for (size_t i = 0; i < detect_detectors(); i++) {
        if (strcmp(detect_detector(i)->name, name) == 0)
            return NULL;
    }
    return "is no kind of incident; docs/reference/detectors.md has them";
}

/** config_listener_name_wrong_why() - Return: NULL, or what is wrong; static. */
const char *config_listener_name_wrong_why(const char *name)
{
    return name[0] == '\0' ? "is empty; give the name of a listener" : NULL;
}

/* ---- the whole file ---- */

static bool has_listener(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->n_listeners; i++) {
        if (c->listeners[i].name != NULL && strcmp(c->listeners[i].name, name) == 0)
            return true;
    }
    return false;
}

static void fail_closed(struct config_loader *l, const char *posture, struct conf_value list,
                        const char *listener)
{
    CLEANUP(buf_done) struct buf names = {0};
    size_t len = l->path.len;

    for (size_t i = 0; i < l->config->n_listeners && names.len < 256; i++)
        buf_addf(&names, "%s%s", i > 0 ? ", " : "", text_or_empty(l->config->listeners[i].name));
    buf_addf(&l->path, "postures.%s.closed_listeners", posture);
    config_fail(l, list, "there is no listener \"%s\"; listeners has %.*s", listener,
                BYTES_ARG(buf_view(&names)));
    l->path.len = len;
}

static void check_postures(struct config_loader *l, struct conf_value root)
{
    const struct config *c = l->config;

    for (enum respond_posture p = POSTURE_ELEVATED; p < POSTURE_N; p++) {
        const char *name = respond_posture_text(p);
        struct conf_value list =
            conf_get(conf_get(conf_get(root, "postures"), name), "closed_listeners");

        for (size_t i = 0; i < c->postures[p].n_closed_listeners; i++) {
            if (!has_listener(c, c->postures[p].closed_listeners[i]))
                fail_closed(l, name, list, c->postures[p].closed_listeners[i]);
        }
    }
}

static const struct role_spec *role_named(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->policy.n_roles; i++) {
        if (strcmp(c->policy.roles[i].name, name) == 0)
            return &c->policy.roles[i];
    }
    return NULL;
}

static void add_role_names(const struct config *c, struct buf *ret)
{
    if (c->policy.n_roles == 0)
        buf_addf(ret, "roles has none");
    for (size_t i = 0; i < c->policy.n_roles && ret->len < 256; i++)
        buf_addf(ret, "%s%s", i > 0 ? ", " : "roles has ", c->policy.roles[i].name);
}

static void fail_role(struct config_loader *l, struct conf_value map, const char *key,
                      const char *role)
{
    struct buf names CLEANUP(buf_done) = {0};

    add_role_names(l->config, &names);
    config_fail_key(l, map, key, "there is no role \"%s\"; %.*s", role,
                    BYTES_ARG(buf_view(&names)));
}

/** config_check_role() - the role that @key of @map names is there; @role NULL: it names none */
void config_check_role(struct config_loader *l, struct conf_value map, const char *key,
                       const char *role)
{
    if (role != NULL && role_named(l->config, role) == NULL)
        fail_role(l, map, key, role);
}

static void check_anonymous(struct config_loader *l, struct conf_value root)
{
    const struct config *c = l->config;
    const char *name = c->policy.anonymous_role;
    const struct role_spec *role = name != NULL ? role_named(c, name) : NULL;
    struct conf_value list = conf_get(root, "listeners");

    if (name != NULL && role == NULL)
        fail_role(l, root, "anonymous_role", name);
    else if (role != NULL && role->control_plane)
        config_fail_key(l, root, "anonymous_role",
                        "role \"%s\" has control_plane, which takes a name; a role without it",
                        name);
    for (size_t i = 0; i < c->n_listeners && name == NULL; i++) {
        size_t len = l->path.len;

        if (!c->listeners[i].anonymous)
            continue;
        buf_addf(&l->path, "listeners[%zu]", i);
        config_fail_key(l, conf_item(list, i), "anonymous",
                        "yes, and there is no role for such clients; set anonymous_role");
        l->path.len = len;
    }
}

static void check_run_as(struct config_loader *l, struct conf_value node)
{
    const char *name = l->config->run_as;

    if (name == NULL || getpwnam(name) != NULL)
        return;
    if (geteuid() == 0)
        config_fail_key(l, node, "run_as",
                        "this machine has no user \"%s\"; one of /etc/passwd, or leave it out",
                        name);
    else
        config_warn_key(l, node, "run_as", "this machine has no user \"%s\"", name);
}

/** config_check_override() - an entry of detect.detectors names what there is */
void config_check_override(struct config_loader *l, const void *object, struct conf_value v)
{
    const struct detect_override *o = object;
    const char *why = o->detector != NULL ? detect_override_wrong_why(o) : NULL;

    if (why != NULL)
        config_fail_key(l, v, "detector", "\"%s\" %s", o->detector, why);
}

static void check_override_roles(struct config_loader *l, struct conf_value list)
{
    const struct config *c = l->config;
    size_t len = l->path.len;

    for (size_t i = 0; i < c->n_detect_overrides; i++) {
        buf_addf(&l->path, "detect.detectors[%zu]", i);
        config_check_role(l, conf_item(list, i), "role", c->detect_overrides[i].role);
        l->path.len = len;
    }
}

/* Nothing would be held, and somebody relies on it. */
static void check_hold(struct config_loader *l, struct conf_value respond)
{
    const struct config *c = l->config;
    size_t n_topics = c->policy.n_command_topics;

    for (size_t i = 0; i < c->policy.n_roles; i++)
        n_topics += c->policy.roles[i].n_command_topics;
    if (c->hold_commands && n_topics == 0)
        config_warn_key(l, respond, "hold_commands",
                        "holds nothing: no topic is a command topic; say which in command_topics");
}

/** config_check_detect() - that bans end sooner than they say is said */
void config_check_detect(struct config_loader *l, const void *object, struct conf_value v)
{
    const struct config *c = object;

    if (c->detect_time_scale > 1)
        config_warn_key(l, v, "time_scale",
                        "automatic bans and delays end %g times sooner than they say; for "
                        "exercises only, leave it out",
                        c->detect_time_scale);
}

/** config_check_alerts() - what is told beyond this machine is encrypted, or it is said */
void config_check_alerts(struct config_loader *l, const void *object, struct conf_value v)
{
    const struct config *c = object;

    if (c->alert_webhook != NULL && alert_webhook_is_open(c->alert_webhook))
        config_warn_key(l, v, "webhook",
                        "http:// beyond this machine: incidents%s can be read on the way; use "
                        "https://",
                        c->alert_webhook_token_file != NULL ? " and the token" : "");
}

/** config_check_mqtt() - who is sent on is told where to */
void config_check_mqtt(struct config_loader *l, const void *object, struct conf_value v)
{
    const struct answers_spec *a = &((const struct config *)object)->policy.answers;

    if (a->redirect != REDIRECT_AT_STOP && a->server_reference == NULL)
        config_fail_key(l, v, "redirect",
                        "clients are sent on, and not told where to; add server_reference");
}

/** config_check_monitor() - that payloads are shown is said */
void config_check_monitor(struct config_loader *l, const void *object, struct conf_value v)
{
    const struct config *c = object;

    if (c->monitor_payload_bytes_max > 0)
        config_warn_key(l, v, "payload_bytes_max",
                        "%u bytes of each payload stand in logs and tap; 0 shows none",
                        c->monitor_payload_bytes_max);
}

/** config_check_root() - the sections fit each other and the machine */
void config_check_root(struct config_loader *l, const void *object, struct conf_value v)
{
    const struct config *c = object;
    size_t len = l->path.len;

    config_check_listeners(l, conf_get(v, "listeners"));
    check_anonymous(l, v);
    check_override_roles(l, conf_get(conf_get(v, "detect"), "detectors"));
    check_postures(l, v);
    buf_addf(&l->path, "node");
    check_run_as(l, conf_get(v, "node"));
    l->path.len = len;
    buf_addf(&l->path, "respond");
    check_hold(l, conf_get(v, "respond"));
    config_check_plays(l, conf_get(conf_get(v, "respond"), "playbooks"));
    l->path.len = len;
    buf_addf(&l->path, "admin");
    if (c->admin_socket != NULL && strlen(c->admin_socket) > CONFIG_SOCKET_PATH_MAX)
        config_fail_key(l, conf_get(v, "admin"), "socket",
                        "%s has %zu bytes; a socket's path has at most %u", c->admin_socket,
                        strlen(c->admin_socket), CONFIG_SOCKET_PATH_MAX);
    l->path.len = len;
}

/* ---- users ---- */

static struct bytes user_key(const void *item)
{
    return bytes_str(((const struct user_spec *)item)->name);
}

static struct bytes user_cn_key(const void *item)
{
    return bytes_str(((const struct user_spec *)item)->certificate_cn);
}

static struct bytes role_key(const void *item)
{
    return bytes_str(((const struct role_spec *)item)->name);
}

struct user_check {
    struct config_loader *loader;
    struct map roles;
    struct map by_name;
    struct map by_cn;
};

static void check_user_name(struct user_check *c, const struct user_spec *u, struct conf_value v)
{
    const char *why = user_name_wrong_why(u->name);

    if (why != NULL)
        config_fail_key(c->loader, v, "name", "%s", why);
    else if (map_find(&c->by_name, bytes_str(u->name)) != NULL)
        config_fail_key(c->loader, v, "name", "\"%s\" is there already; each needs another name",
                        u->name);
    else
        map_put(&c->by_name, (void *)(uintptr_t)u);
}

static void check_user_cn(struct user_check *c, const struct user_spec *u, struct conf_value v)
{
    const char *why = user_name_wrong_why(u->certificate_cn);
    const struct user_spec *other = map_find(&c->by_cn, bytes_str(u->certificate_cn));

    if (why != NULL)
        config_fail_key(c->loader, v, "certificate_cn", "%s", why);
    else if (other != NULL)
        config_fail_key(c->loader, v, "certificate_cn",
                        "\"%s\" is that of user \"%s\"; a certificate is for one user",
                        u->certificate_cn, text_or_empty(other->name));
    else
        map_put(&c->by_cn, (void *)(uintptr_t)u);
}

static void check_user(struct user_check *c, const struct user_spec *u, struct conf_value v)
{
    struct scram_verifier scram;

    if (u->name != NULL)
        check_user_name(c, u, v);
    if (u->certificate_cn != NULL)
        check_user_cn(c, u, v);
    if (u->role != NULL && map_find(&c->roles, bytes_str(u->role)) == NULL)
        fail_role(c->loader, v, "role", u->role);
    if (u->password_verifier != NULL && !password_verifier_valid(u->password_verifier))
        config_fail_key(c->loader, v, "password",
                        "is not a verifier; have 'bastide user passwd' write one, for a password "
                        "itself never stands here");
    if (u->scram_verifier != NULL && !scram_verifier_parse(u->scram_verifier, &scram))
        config_fail_key(c->loader, v, "scram",
                        "is not a verifier of " SCRAM_METHOD " with %d iterations or more; have "
                        "'bastide user passwd' write one",
                        SCRAM_ITERATIONS_MIN);
    if (u->name != NULL && u->password_verifier == NULL && u->scram_verifier == NULL &&
        u->certificate_cn == NULL && !u->disabled)
        config_warn_key(c->loader, v, "name",
                        "\"%s\" has neither password nor certificate_cn and cannot come in",
                        u->name);
}

/** config_check_users() - names are unique, roles exist, verifiers are such; MQ.PR.IA-03 */
void config_check_users(struct config_loader *l, const void *object, struct conf_value v)
{
    const struct policy_spec *p = &((const struct config *)object)->policy;
    struct conf_value list = conf_get(v, "users");
    struct user_check c = {.loader = l};

    map_init(&c.roles, role_key);
    map_init(&c.by_name, user_key);
    map_init(&c.by_cn, user_cn_key);
    for (size_t i = 0; i < p->n_roles; i++)
        map_put(&c.roles, (void *)(uintptr_t)&p->roles[i]);
    for (size_t i = 0; i < p->n_users; i++) {
        size_t len = l->path.len;

        buf_addf(&l->path, "users[%zu]", i);
        check_user(&c, &p->users[i], conf_item(list, i));
        l->path.len = len;
    }
    map_done(&c.roles);
    map_done(&c.by_name);
    map_done(&c.by_cn);
}
