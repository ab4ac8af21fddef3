/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/config_keys.h - the table of keys, and what loads by it
 *
 * One row a key.  It drives loading, defaults, ranges, the texts of errors,
 * config_describe() and freeing; nothing about a key is said anywhere else but in
 * the checks of config_check.c, which look at several keys at once or at the world.
 *
 * Private to the config*.c files.
 */
#pragma once

#include "base/map.h"
#include "conf/conf.h"
#include "node/config.h"

enum config_kind {
    CONFIG_TEXT,    /* char * */
    CONFIG_PATH,    /* char *, made absolute */
    CONFIG_ADDRESS, /* char *: of a listener; a path behind "unix:" is made absolute */
    CONFIG_BOOL,    /* bool */
    CONFIG_U16,     /* uint16_t */
    CONFIG_U32,     /* uint32_t, unsigned */
    CONFIG_U64,     /* uint64_t */
    CONFIG_DECIMAL, /* double */
    CONFIG_CHOICE,  /* an enum or int: the value of one of .choices */
    CONFIG_WORD,    /* char *: the text of one of .choices */
    CONFIG_RULE, /* struct rule_spec: its filter; .min is for what, RULE_PUBLISH | RULE_SUBSCRIBE */
    CONFIG_SECTION, /* a mapping whose keys stand in the same object; a bool when CONFIG_OPTIONAL */
    CONFIG_LIST,    /* pointer and count: a list of .section, at most .max */
    CONFIG_NAMED,   /* pointer and count: a mapping of names to .section, at most .max */
    CONFIG_RULES,   /* as CONFIG_LIST; added to what is there; .min: they deny */
    CONFIG_TEXTS,   /* char ** and count: a list of .items, at most .max */
    CONFIG_KIND_N,
};

#define RULE_PUBLISH   1U
#define RULE_SUBSCRIBE 2U

#define CONFIG_REQUIRED 1U  /* its absence is an error */
#define CONFIG_OPTIONAL 2U  /* a section whose absence has a meaning of its own */
#define CONFIG_READABLE 4U  /* a file that must be there */
#define CONFIG_SECRET   8U  /* a file that nobody else should read; a text that is wiped */
#define CONFIG_RESTART  16U /* is read at the start alone */
#define CONFIG_OR_ZERO  32U /* a number that may be 0 as well, below .min */

struct config_choice {
    const char *text; /* NULL ends the list */
    int value;
};

struct config_loader;

/* Several keys of one object at once; @v is where it stands. */
typedef void config_check_fn(struct config_loader *l, const void *object, struct conf_value v);

struct config_section {
    const struct config_key *keys;
    size_t n_keys;
    size_t size;             /* of the object, for lists */
    config_check_fn *verify; /* NULL: none */
};

struct config_key {
    const char *name;
    enum config_kind kind;
    unsigned flags;
    size_t offset;       /* in the object */
    size_t count_offset; /* of lists: a size_t */
    uint64_t min;        /* numbers: the value; texts: bytes */
    uint64_t max;
    const char *deflt; /* as it would stand in the file; NULL: zero or nothing */
    const struct config_choice *choices;
    const struct config_section *section;
    const char *items; /* of CONFIG_TEXTS: "topic filters" */
    /* Of a text, or of each of CONFIG_TEXTS: what is wrong with it; NULL: nothing. */
    const char *(*wrong_why)(const char *text);
    const char *what; /* for the manual */
};

/* One file being loaded. */
struct config_loader {
    struct config *config;
    struct buf path;         /* of the key that is being looked at: "listeners[0].port" */
    struct conf_value place; /* the innermost mapping: where a key that is missing would be */
    struct buf *warnings;    /* borrowed */
};

/* A row's place in the object, and a section of rows. */
#define IN(type, field) .offset = offsetof(struct type, field)
#define SECTION(keys_, type, check_)                                                               \
    {                                                                                              \
        .keys = (keys_), .n_keys = COUNT_OF(keys_), .size = sizeof(struct type),                   \
        .verify = (check_)                                                                         \
    }

extern const struct config_section config_root_section;
extern const struct config_section config_role_section;  /* of roles */
extern const struct config_section config_users_section; /* of users_file */
extern const struct config_choice config_subjects[];     /* of a play: enum subject_kind */

/* A place in the object that a key of it stands for. */
static inline void *config_field(const void *object, size_t offset)
{
    return (char *)(uintptr_t)object + offset;
}

/* config_report.c */
void config_fail(struct config_loader *l, struct conf_value v, const char *format, ...)
    PRINTF(3, 4);
void config_fail_key(struct config_loader *l, struct conf_value map, const char *key,
                     const char *format, ...) PRINTF(4, 5);
void config_warn_key(struct config_loader *l, struct conf_value map, const char *key,
                     const char *format, ...) PRINTF(4, 5);
void config_fail_allowed(struct config_loader *l, const struct config_key *k, struct conf_value v,
                         const char *why);
bool config_fail_twice(struct config_loader *l, struct conf_value map, size_t i, const char *name);
void config_check_keys(struct config_loader *l, const struct config_section *s,
                       struct conf_value map);
const char *config_key_text(struct config_loader *l, struct conf_value key);
size_t config_enter(struct config_loader *l, const char *key);
size_t config_enter_item(struct config_loader *l, size_t i);
void config_leave(struct config_loader *l, size_t len);

/* config_load.c */
void config_load_section(struct config_loader *l, const struct config_section *s, void *object,
                         struct conf_value map);
void config_free_section(const struct config_section *s, void *object);

/* config_value.c */
bool config_set(const struct config_loader *l, const struct config_key *k, void *object,
                const char *text, struct buf *ret_why);
void config_allowed(const struct config_key *k, struct buf *ret);

/* config_listener.c */
config_check_fn config_check_listener;
void config_check_listeners(struct config_loader *l, struct conf_value list);
const char *config_websocket_path_wrong_why(const char *text);
const char *config_origin_wrong_why(const char *text);
const char *config_proxy_wrong_why(const char *text);

/* config_check.c */
config_check_fn config_check_alerts;
config_check_fn config_check_detect;
config_check_fn config_check_monitor;
config_check_fn config_check_root;
config_check_fn config_check_mqtt;
config_check_fn config_check_rule;
config_check_fn config_check_override;
config_check_fn config_check_users;
const char *config_file_wrong_why(const char *path);
const char *config_detector_wrong_why(const char *name);
const char *config_listener_name_wrong_why(const char *name);
bool config_file_is_open(const char *path);
void config_check_role(struct config_loader *l, struct conf_value map, const char *key,
                       const char *role);

/* config_plays.c */
config_check_fn config_check_play;
void config_check_plays(struct config_loader *l, struct conf_value list);

#define CONFIG_UNIX            "unix:" /* before the path of a socket */
#define CONFIG_SOCKET_PATH_MAX 107U    /* of a unix socket; unix(7) */

/* config.c */
struct config *config_from(struct conf *c, const char *path, char **ret_error);
