/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/init.c - bastide init: a node's home that is secure as it stands
 *
 * All or nothing: what was made is taken away when a step fails.  What the files
 * say is in cli/templates/.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/home.h"
#include "cli/init.h"
#include "cli/templates.h"
#include "crypto/crypto.h"
#include "crypto/scram.h"

#define PASSWORD_LENGTH  20 /* 116 bits */
#define CERTIFICATE_DAYS 397
#define SKEW_MS          600000U /* of a device's clock */
#define PORT_BASE_MAX    65531
#define OPERATOR         "operator"

/* ---- what the command line says ---- */

static bool is_node_name(const char *name)
{
    size_t len = strlen(name);

    return len >= 1 && len <= NODE_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static bool is_address(const char *text)
{
    uint8_t bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool is_everywhere(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

static void add_host(struct init_task *t, const char *host)
{
    for (size_t i = 0; i < t->n_hosts; i++)
        if (strcasecmp(t->hosts[i], host) == 0)
            return;
    if (t->n_hosts < INIT_HOSTS_MAX)
        t->hosts[t->n_hosts++] = host;
}

/* What clients may reach the node by; goes into its certificate. */
static void take_hosts(struct init_task *t, const char *given)
{
    char *rest = NULL;

    t->host_list = text_dup(text_or_empty(given));
    add_host(t, "localhost");
    add_host(t, "127.0.0.1");
    add_host(t, "::1");
    if (is_node_name(t->hostname))
        add_host(t, t->hostname);
    if (!is_everywhere(t->address))
        add_host(t, t->address);
    for (char *at = strtok_r(t->host_list, ",", &rest); at != NULL; at = strtok_r(NULL, ",", &rest))
        add_host(t, at);
}

static int take_owner(struct init_task *t, const char *owner)
{
    const struct passwd *user;

    if (owner == NULL)
        return CLI_OK;
    if (geteuid() != 0)
        return cli_usage(t->args->verb, "--owner is for root");
    user = getpwnam(owner);
    if (user == NULL)
        return cli_fail("there is no user %s on this machine; make it first, such as: "
                        "useradd --system --shell /usr/sbin/nologin %s",
                        owner, owner);
    t->owner = owner;
    t->uid = user->pw_uid;
    t->gid = user->pw_gid;
    return CLI_OK;
}

/* Where a node stands says whether queues persist (MQA.X-05): at the edge what counts is there anew
 * in a moment, and the server side keeps it. */
static const struct init_profile profiles[] = {
    {"edge", "  # Profile edge: sessions, queues and retained messages live as long as this "
             "process.  What\n"
             "  # counts here is there anew in a moment, and a node in the centre keeps it.  "
             "\"commit\": what\n"
             "  # is acknowledged survives a kill, a crash and a loss of power; see "
             "durability_topics, too.\n"
             "  durability: memory"},
    {"centre",
     "  # Profile centre: when PUBACK, PUBREC or PUBCOMP leaves, the message and its place in the\n"
     "  # queue of each session with an expiry interval are on the disk, flushed and sealed; QoS 2 "
     "is\n"
     "  # exactly once over a kill, a crash or a loss of power.  It takes a disk that flushes when "
     "it\n"
     "  # says so, and one flush more for each acknowledgement.  \"memory\" is for the edge.\n"
     "  durability: commit"},
};

static bool take_profile(struct init_task *t, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        if (name == NULL || strcmp(profiles[i].name, name) == 0) {
            t->profile = &profiles[i];
            return true;
        }
    }
    return false;
}

static int take_options(struct init_task *t)
{
    const struct cli_args *a = t->args;
    const char *base = cli_arg(a, "--port-base");
    unsigned n = 0;

    if (gethostname(t->hostname, sizeof(t->hostname) - 1) != 0)
        t->hostname[0] = '\0';
    t->name = cli_arg(a, "--name");
    if (t->name == NULL)
        t->name = is_node_name(t->hostname) ? t->hostname : "node";
    if (!is_node_name(t->name))
        return cli_usage(a->verb, "--name %s is no name of 1 to %d letters, digits, '.', '_', '-'",
                         t->name, NODE_NAME_MAX);
    t->address = cli_arg(a, "--bind") != NULL ? cli_arg(a, "--bind") : "127.0.0.1";
    if (!is_address(t->address))
        return cli_usage(a->verb, "--bind %s is no IP address", t->address);
    if (base != NULL && !number_parse(base, 1, PORT_BASE_MAX, &n))
        return cli_usage(a->verb, "--port-base %s is no number from 1 to %d", base, PORT_BASE_MAX);
    t->local_port = base != NULL ? n : 1883;
    t->field_port = base != NULL ? n + 3 : 8883;
    t->control_port = base != NULL ? n + 4 : 8884;
    take_hosts(t, cli_arg(a, "--host"));
    if (!take_profile(t, cli_arg(a, "--profile")))
        return cli_usage(a->verb, "--profile %s is none of edge, centre", cli_arg(a, "--profile"));
    return take_owner(t, cli_arg(a, "--owner"));
}

/* ---- files ---- */

static void replace_all(struct buf *to, const char *text, const char *mark, const char *with)
{
    const char *found;

    while ((found = strstr(text, mark)) != NULL) {
        buf_add(to, bytes_of(text, (size_t)(found - text)));
        buf_add(to, bytes_str(with));
        text = found + strlen(mark);
    }
    buf_add(to, bytes_str(text));
}

static bool write_text(struct init_task *t, const char *name, const char *text, unsigned mode,
                       char **ret_error)
{
    const struct {
        const char *mark;
        const char *with;
    } marks[] = {
        {"@NAME@", t->name},
        {"@ADDRESS@", t->address},
        {"@DURABILITY@", t->profile->durability},
        {"@RUN_AS@", t->run_as_line},
        {"@FIELD_PORT@", t->field_port_text},
        {"@VERIFIER@", t->verifier},
        {"@SCRAM@", t->scram},
        {"@CONTROL_PORT@", t->control_port_text},
        {"@LOCAL_PORT@", t->local_port_text},
    };
    char *path = home_path(t->dir, name);
    struct buf out = {0};
    bool ok;

    buf_add(&out, bytes_str(text));
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        struct buf next = {0};

        buf_add_u8(&out, 0);
        replace_all(&next, (const char *)out.at, marks[i].mark, marks[i].with);
        buf_done(&out);
        out = next;
    }
    ok = file_replace(path, buf_view(&out), mode, ret_error);
    buf_done(&out);
    free(path);
    return ok;
}

/* clang-format off */
static const char *const folders[] = {"pki", "pki/clients", "keys", "state", "run"};

static const struct {
    const char *name;
    const char *text;
    unsigned mode;
} texts[] = {
    {"bastide.yaml",        embedded_bastide_yaml,        0644},
    {"users.yaml",          embedded_users_yaml,          0600},
    {"inventory.yaml",      embedded_inventory_yaml,      0644},
    {"target-profile.yaml", embedded_target_profile_yaml, 0644},
    {"scope.yaml",          embedded_scope_yaml,  0644},
    {"attestations.json",   "{\n  \"attestations\": []\n}\n", 0644},
};
/* clang-format on */

static bool make_folders(struct init_task *t, char **ret_error)
{
    bool ok = true;

    for (size_t i = 0; i < COUNT_OF(folders) && ok; i++) {
        char *path = home_path(t->dir, folders[i]);

        ok = folder_make(path, ret_error);
        free(path);
    }
    return ok;
}

static bool make_texts(struct init_task *t, char **ret_error)
{
    bool ok = true;

    for (size_t i = 0; i < COUNT_OF(texts) && ok; i++)
        ok = write_text(t, texts[i].name, texts[i].text, texts[i].mode, ret_error);
    return ok;
}

static bool issue(const char *pki, const struct pki_request *r, const char *name, char **ret_error)
{
    char *certificate_path = text_format("%s/%s.crt", pki, name);
    char *key_path = text_format("%s/%s.key", pki, name);
    bool ok = pki_issue(pki, r, certificate_path, key_path, NULL, ret_error);

    free(certificate_path);
    free(key_path);
    return ok;
}

static bool make_pki(struct init_task *t, char **ret_error)
{
    char *pki = home_path(t->dir, "pki");
    uint64_t from = t->now_unix_ms - SKEW_MS;
    const struct pki_request server = {PKI_SERVER, t->name, t->hosts,
                                       t->n_hosts, from,    t->certificates_end_unix_ms};
    const struct pki_request client = {PKI_CLIENT, OPERATOR, NULL,
                                       0,          from,     t->certificates_end_unix_ms};
    struct buf ca_name = {0};
    bool ok;

    buf_addf(&ca_name, "Bastide CA %s", t->name);
    buf_add_u8(&ca_name, 0);
    ok = pki_create(pki, (const char *)ca_name.at, from, t->now_unix_ms + PKI_CA_DAYS * DAY_MS,
                    ret_error) &&
         issue(pki, &server, "server", ret_error) && issue(pki, &client, OPERATOR, ret_error);
    buf_done(&ca_name);
    free(pki);
    return ok;
}

static bool make_keys(struct init_task *t, char **ret_error)
{
    char *at_rest = home_path(t->dir, "keys/at-rest.key");
    char *private = home_path(t->dir, "pki/attestation.key");
    char *public = home_path(t->dir, "pki/attestation.pub");
    bool ok =
        at_rest_key_create(at_rest, ret_error) && signing_key_create(private, public, ret_error);

    free(at_rest);
    free(private);
    free(public);
    return ok;
}

/* ---- the folder ---- */

static bool give_away(struct init_task *t, char **ret_error)
{
    return t->owner == NULL || home_give(t->dir, t->owner, t->uid, t->gid, ret_error);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    return at->level > 0 ? remove(path) : 0;
}

static void take_back(const struct init_task *t)
{
    if (nftw(t->dir, remove_one, HOME_OPEN_FILES_MAX, FTW_PHYS | FTW_DEPTH) != 0 ||
        (t->made_dir && rmdir(t->dir) != 0))
        (void)cli_fail("what was made in %s could not all be taken away: %s", t->dir,
                       strerror(errno));
}

static bool is_empty(const char *path, bool *ret)
{
    DIR *dir = opendir(path);
    const struct dirent *e;

    if (dir == NULL)
        return false;
    *ret = true;
    while ((e = readdir(dir)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            *ret = false;
    closedir(dir);
    return true;
}

/* There, empty and ours; or made. */
static bool take_folder(struct init_task *t, char **ret_error)
{
    bool empty = false;

    if (mkdir(t->dir, 0700) == 0) {
        t->made_dir = true;
        return true;
    }
    if (errno != EEXIST)
        return text_fail(ret_error, "cannot make the folder %s: %s", t->dir, strerror(errno));
    if (!is_empty(t->dir, &empty))
        return text_fail(ret_error, "cannot use %s: %s", t->dir, strerror(errno));
    if (!empty)
        return text_fail(
            ret_error,
            "%s is not empty, and nothing in it is touched; name a folder that is empty or "
            "not there yet",
            t->dir);
    return true;
}

static bool make_all(struct init_task *t, char **ret_error)
{
    return make_folders(t, ret_error) && make_pki(t, ret_error) && make_keys(t, ret_error) &&
           make_texts(t, ret_error) && give_away(t, ret_error);
}

static void prepare(struct init_task *t)
{
    t->certificates_end_unix_ms = t->now_unix_ms + CERTIFICATE_DAYS * DAY_MS;
    t->password_secret = random_text(PASSWORD_LENGTH);
    t->verifier = password_verifier_new(bytes_str(t->password_secret));
    t->scram = scram_verifier_new(bytes_str(t->password_secret));
    snprintf(t->field_port_text, sizeof(t->field_port_text), "%u", t->field_port);
    snprintf(t->control_port_text, sizeof(t->control_port_text), "%u", t->control_port);
    snprintf(t->local_port_text, sizeof(t->local_port_text), "%u", t->local_port);
    t->run_as_line =
        text_format("  %srun_as: %s              # when started as root: whom to become",
                    t->owner != NULL ? "" : "# ", t->owner != NULL ? t->owner : "bastide");
}

/** cli_init() - bastide init DIR */
int cli_init(int argc, char **argv)
{
    struct init_task t = {.now_unix_ms = clock_unix_ms()};
    struct cli_args a;
    char *error = NULL;
    int rc = cli_args_parse(&a, argc, argv, 1, 1);

    if (rc != CLI_OK)
        return rc;
    t.args = &a;
    t.dir = a.operands[0];
    rc = take_options(&t);
    if (rc == CLI_OK) {
        prepare(&t);
        if (!take_folder(&t, &error)) {
            rc = home_failed(error);
        } else if (!make_all(&t, &error)) {
            take_back(&t);
            rc = home_failed(error);
        } else {
            init_explain(&t);
        }
    }
    secret_free(t.password_secret);
    secret_free(t.verifier);
    secret_free(t.scram);
    free(t.run_as_line);
    free(t.host_list);
    return rc;
}
