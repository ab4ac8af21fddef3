/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/prepare.c - `bastide lab --prepare`: roles, users, inventory and certificates of the lab
 *
 * Everything that is there already is left as it is, so it may be run again; a role that lacks
 * what the lab needs is told.
 */
#include "lab/lab_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/conf.h"
#include "crypto/crypto.h"
#include "lab/drill.h"
#include "lab/insert.h"
#include "lab/roles.h"

#define FILE_BYTES_MAX   (16U << 20)
#define CERTIFICATE_DAYS "365"
#define CONTRACTOR_ID    "contractor-1"
#define CONTRACTOR_ROLE  "lab-contractor"
#define PASSWORD_LEN     20

struct entry {
    const char *name; /* found by it */
    const char *lines;
};

static const char *const command_topics[] = {"fmb/command/#"};

/* clang-format off */
static const struct entry topics[] = {
    {"fmb/command/#",
     "- filter: fmb/command/#\n"
     "  owner: Grid operation\n"
     "  classification: critical\n"
     "  criticality: safety\n"
     "  availability: 0.999\n"
     "  latency_ms: 250\n"
     "  retention_days: 0\n"},
    {"fmb/status/#",
     "- filter: fmb/status/#\n"
     "  owner: Grid operation\n"
     "  classification: internal\n"
     "  criticality: high\n"
     "  availability: 0.999\n"
     "  latency_ms: 1000\n"
     "  retention_days: 0\n"},
    {"fmb/diagram/#",
     "- filter: fmb/diagram/#\n"
     "  owner: Grid operation\n"
     "  classification: internal\n"
     "  criticality: medium\n"},
};

#define ASSET(id, title, place, criticality, role, direction, model, exposure) \
    {title,                                                     \
     "- name: " title "\n"                                      \
     "  certificate_cn: " id "\n"                               \
     "  owner: Grid operation\n"                                \
     "  site: Test lab\n"                                       \
     "  location: " place "\n"                                  \
     "  zone: lab\n"                                            \
     "  exposure_class: " exposure "\n"                         \
     "  location_confirmed: %s\n"                               \
     "  hw_model: " model "\n"                                  \
     "  hw_serial: \"lab-" id "\"\n"                            \
     "  criticality: " criticality "\n"                         \
     "  role: " role "\n"                                       \
     "  direction: " direction "\n"                             \
     "  state: in-service\n"                                    \
     "  state_since: %s\n"                                      \
     "  approved_at: %s\n"                                      \
     "  key_storage: file\n"                                    \
     "  auto_renew: no\n"}

static const struct entry assets[] = {
    ASSET("tablet-1",       "Tablet UI",            "Operator's hand",       "medium", "lab-tablet",       "both",      "Tablet PC",              "attended"),
    ASSET("power-supply-1", "Power supply",         "Bench 1, left",         "safety", "lab-power-supply", "both",      "Programmable AC source", "indoor-locked"),
    ASSET("meter-1",        "Smart meter",          "Bench 1, right",        "high",   "lab-meter",        "publisher", "Single-phase meter",     "indoor-locked"),
    ASSET("dms-1",          "Distribution management system", "Server rack A", "safety", "lab-dms",        "both",      "DMS server",             "indoor-locked"),
    ASSET("cap-bank-1",     "Cap bank controller",  "Bench 1, below",        "safety", "lab-cap-bank",     "both",      "Capacitor controller",   "indoor-locked"),
};

#define FLOW(from, topic, to, classification) \
    {topic " " from,                          \
     "- from: " from "\n"                     \
     "  topic: " topic "\n"                   \
     "  to: " to "\n"                         \
     "  classification: " classification "\n" \
     "  owner: Grid operation\n"}

static const struct entry flows[] = {
    FLOW("Tablet UI",            TOPIC_SUPPLY_COMMAND,  "Power supply",                   "critical"),
    FLOW("Tablet UI",            TOPIC_RESTORE_COMMAND, "Distribution management system", "critical"),
    FLOW("Distribution management system", TOPIC_SUPPLY_COMMAND, "Power supply",          "critical"),
    FLOW("Distribution management system", TOPIC_CAP_COMMAND, "Cap bank controller",      "critical"),
    FLOW("Distribution management system", TOPIC_DIAGRAM, "Tablet UI",                    "internal"),
    FLOW("Power supply",         TOPIC_SUPPLY_STATUS,   "Distribution management system", "internal"),
    FLOW("Smart meter",          TOPIC_METER_STATUS,    "Distribution management system", "internal"),
    FLOW("Cap bank controller",  TOPIC_CAP_STATUS,      "Distribution management system", "internal"),
};

static const struct entry zones[] = {
    {"lab", "- name: lab\n"
            "  prefixes: [127.0.0.0/26, \"::1/128\"]\n"},
};
/* clang-format on */

/* ---- one YAML file ---- */

struct yaml_file {
    char *path;
    struct buf text;
    size_t n_added;
};

static bool open_file(struct yaml_file *f, const char *dir, const char *name, char **ret_error)
{
    struct buf path = {0};

    buf_addf(&path, "%s/%s", dir, name);
    f->path = bytes_dup_str(buf_view(&path));
    buf_done(&path);
    return file_read(f->path, FILE_BYTES_MAX, &f->text, ret_error);
}

static void close_file(struct yaml_file *f)
{
    buf_done(&f->text);
    free(f->path);
}

static bool add(struct yaml_file *f, const char *key, const char *lines, char **ret_error)
{
    char *why = NULL;

    f->n_added++;
    if (yaml_insert(&f->text, key, bytes_str(lines), &why))
        return true;
    text_fail(ret_error, "%s: %s", f->path, why);
    free(why);
    return false;
}

/* The changed text must still be YAML. */
static bool save_file(struct yaml_file *f, unsigned mode, char **ret_error)
{
    struct conf *c = conf_parse(f->path, buf_view(&f->text));
    bool ok = conf_ok(c, ret_error);

    conf_close(c);
    if (!ok || f->n_added == 0)
        return ok;
    return file_replace(f->path, buf_view(&f->text), mode, ret_error);
}

/* Is there an item of @list whose member @member is @name? */
static bool list_has(struct conf_value list, const char *member, const char *name)
{
    for (size_t i = 0; i < conf_len(list); i++) {
        const char *text = conf_text(conf_get(conf_item(list, i), member));

        if (text != NULL && strcmp(text, name) == 0)
            return true;
    }
    return false;
}

/* ---- bastide.yaml ---- */

/* A role that is there may be of an older version. */
static bool add_roles(struct yaml_file *f, struct conf_value root, char **ret_error)
{
    for (size_t i = 0; i < lab_roles_n; i++) {
        struct conf_value there = conf_get(conf_get(root, "roles"), lab_roles[i].name);

        if (conf_given(there))
            lab_role_check(&lab_roles[i], there);
        else if (!add(f, "roles", lab_roles[i].lines, ret_error))
            return false;
    }
    return true;
}

static bool add_command_topics(struct yaml_file *f, struct conf_value root, char **ret_error)
{
    struct conf_value list = conf_get(root, "command_topics");
    struct buf line = {0};
    bool ok = true;

    for (size_t i = 0; i < conf_len(list); i++) {
        const char *text = conf_text(conf_item(list, i));

        if (text != NULL && strcmp(text, command_topics[0]) == 0)
            return true;
    }
    buf_addf(&line, "- %s\n%c", command_topics[0], 0);
    ok = add(f, "command_topics", (const char *)line.at, ret_error);
    buf_done(&line);
    return ok;
}

/* A drill need not wait until what follows a start is over; it is said. */
static bool add_grace(struct yaml_file *f, struct conf_value root, char **ret_error)
{
    return conf_given(conf_get(conf_get(root, "detect"), "startup_grace_s")) ||
           add(f, "detect",
               "startup_grace_s: 0 # of the lab: the node acts also while all come back after a "
               "start\n",
               ret_error);
}

static bool prepare_node(const char *dir, char **ret_error)
{
    struct yaml_file f = {0};
    struct conf *c;
    bool ok = open_file(&f, dir, "bastide.yaml", ret_error);

    c = conf_parse("bastide.yaml", buf_view(&f.text));
    ok = ok && conf_ok(c, ret_error) && add_roles(&f, conf_root(c), ret_error) &&
         add_command_topics(&f, conf_root(c), ret_error) && add_grace(&f, conf_root(c), ret_error);
    conf_close(c);
    ok = ok && save_file(&f, 0640, ret_error);
    close_file(&f);
    return ok;
}

/* ---- inventory.yaml ---- */

struct section {
    const char *key;
    const char
        *member; /* that an entry is found by; NULL: the topic of a flow, and who it is from */
    const struct entry *entries;
    size_t n;
};

/* clang-format off */
static const struct section sections[] = {
    {"zones",  "name",   zones,  COUNT_OF(zones)},
    {"topics", "filter", topics, COUNT_OF(topics)},
    {"assets", "name",   assets, COUNT_OF(assets)},
    {"flows",  NULL,     flows,  COUNT_OF(flows)},
};
/* clang-format on */

static bool has_flow(struct conf_value list, const char *name)
{
    for (size_t i = 0; i < conf_len(list); i++) {
        const char *topic = conf_text(conf_get(conf_item(list, i), "topic"));
        const char *from = conf_text(conf_get(conf_item(list, i), "from"));
        size_t len = topic != NULL ? strlen(topic) : 0;

        if (topic != NULL && from != NULL && strncmp(name, topic, len) == 0 && name[len] == ' ' &&
            strcmp(name + len + 1, from) == 0)
            return true;
    }
    return false;
}

/* Dates in an asset's lines: today. */
static bool add_entry(struct yaml_file *f, const struct section *s, const struct entry *e,
                      char **ret_error)
{
    char now[CLOCK_TEXT_LEN];
    struct buf lines = {0};
    const char *at = e->lines;
    const char *hole;
    bool ok;

    clock_format(clock_unix_ms(), now);
    while ((hole = strstr(at, "%s")) != NULL) {
        buf_addf(&lines, "%.*s%.10s", (int)(hole - at), at, now);
        at = hole + 2;
    }
    buf_add(&lines, bytes_of(at, strlen(at) + 1));
    ok = add(f, s->key, (const char *)lines.at, ret_error);
    buf_done(&lines);
    return ok;
}

/* From the last to the first, since each is put before what is there. */
static bool add_section(struct yaml_file *f, const struct section *s, struct conf_value root,
                        char **ret_error)
{
    struct conf_value list = conf_get(root, s->key);

    for (size_t i = s->n; i-- > 0;) {
        const struct entry *e = &s->entries[i];
        bool is_there =
            s->member != NULL ? list_has(list, s->member, e->name) : has_flow(list, e->name);

        if (!is_there && !add_entry(f, s, e, ret_error))
            return false;
    }
    return true;
}

static bool prepare_inventory(const char *dir, char **ret_error)
{
    struct yaml_file f = {0};
    struct conf *c;
    bool ok = open_file(&f, dir, "inventory.yaml", ret_error);

    c = conf_parse("inventory.yaml", buf_view(&f.text));
    ok = ok && conf_ok(c, ret_error);
    for (size_t i = 0; ok && i < COUNT_OF(sections); i++)
        ok = add_section(&f, &sections[i], conf_root(c), ret_error);
    conf_close(c);
    ok = ok && save_file(&f, 0640, ret_error);
    close_file(&f);
    return ok;
}

/* ---- users, certificates, the contractor's password ---- */

/* By the commands that a person would give, so that what they keep in the audit is there. */

struct person {
    const char *name;
    const char *role;
    bool by_password; /* which stands in lab/: the contractor's the intruder will have stolen */
};

static const struct person people[] = {
    {CONTRACTOR_ID, CONTRACTOR_ROLE, true},
    {DRILL_ID, DRILL_ROLE, false},
    {DRILL_NAME, DRILL_ROLE, true},
};

static bool add_user(const char *dir, const struct person *p, char **ret_error)
{
    const char *const words[] = {"user",
                                 "add",
                                 p->name,
                                 "--role",
                                 p->role,
                                 p->by_password ? "--password-stdin" : "--certificate-cn",
                                 p->by_password ? NULL : p->name,
                                 NULL};
    char *path = lab_path(dir, p->name, ".password");
    char *password = random_text(PASSWORD_LEN);
    bool ok = (!p->by_password || file_replace(path, bytes_str(password), 0600, ret_error)) &&
              operator_tell(dir, words, p->by_password ? bytes_str(password) : BYTES_NONE, NULL,
                            ret_error);

    secret_free(password);
    free(path);
    return ok;
}

static bool add_users(const char *dir, struct conf_value there, char **ret_error)
{
    for (size_t i = 0; i < LAB_ACTORS_N + COUNT_OF(people); i++) {
        const struct person p = i < LAB_ACTORS_N
                                    ? (struct person){lab_actors[i]->id, lab_actors[i]->role, false}
                                    : people[i - LAB_ACTORS_N];

        if (!list_has(there, "name", p.name) && !add_user(dir, &p, ret_error))
            return false;
    }
    return true;
}

static bool prepare_users(const char *dir, char **ret_error)
{
    struct yaml_file f = {0};
    struct conf *c;
    bool ok = open_file(&f, dir, "users.yaml", ret_error);

    c = conf_parse("users.yaml", buf_view(&f.text));
    ok = ok && conf_ok(c, ret_error) && add_users(dir, conf_get(conf_root(c), "users"), ret_error);
    conf_close(c);
    close_file(&f);
    return ok;
}

static bool prepare_certificates(const char *dir, char **ret_error)
{
    bool ok = true;

    for (size_t i = 0; ok && i < LAB_ACTORS_N; i++) {
        const char *id = lab_actors[i]->id;
        char *certificate = lab_path(dir, id, ".crt");

        if (access(certificate, F_OK) != 0)
            ok = operator_issue(dir, id, id, NULL, CERTIFICATE_DAYS, ret_error);
        free(certificate);
    }
    return ok;
}

static bool make_folder(const char *dir, char **ret_error)
{
    char *path = text_format("%s/lab", dir);
    bool ok = folder_make(path, ret_error);

    free(path);
    return ok;
}

static bool prepare_files(const char *dir, char **ret_error)
{
    int lock = folder_lock(dir, ret_error);
    bool ok = lock >= 0 && make_folder(dir, ret_error) && prepare_inventory(dir, ret_error) &&
              prepare_node(dir, ret_error);

    if (lock >= 0)
        folder_unlock(lock);
    return ok;
}

/**
 * lab_prepare() - make the home @dir ready for the lab
 *
 * Return: exit status.
 */
int lab_prepare(const char *dir, bool is_quiet)
{
    char *error = NULL;

    if (!prepare_files(dir, &error) || !prepare_certificates(dir, &error) ||
        !prepare_users(dir, &error)) {
        fprintf(stderr, "bastide lab: %s\n", error);
        free(error);
        return EXIT_FAILURE;
    }
    if (!is_quiet)
        printf("%s/lab: certificates of five devices, and a contractor's password\n"
               "%s/bastide.yaml: their roles; users.yaml: who they are; inventory.yaml: what they "
               "are and whom they talk to\n"
               "%s/bastide.yaml: detect.startup_grace_s is 0, if it did not say otherwise: drills "
               "need not wait, and the node acts also while all come back after a start. Take the "
               "line out when the lab is over.\n"
               "A running node takes it up by: bastide reload --home %s\n",
               dir, dir, dir, dir);
    return EXIT_SUCCESS;
}
