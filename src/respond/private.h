/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/private.h - the parts of respond, for one another
 *
 * A finding opens or updates an incident (incident.c); the playbook (playbook.c)
 * says which actions its severity and the subject's history ask for; guard.c may
 * forbid them, act.c does them; what changed is a record (record.c) in the feed (feed.c).
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "respond/order.h"
#include "respond/respond.h"

/* ---- history.c: what a subject did before; the least recently seen is forgotten ---- */

#define HISTORY_MAX      4096
#define HISTORY_LOWS_MAX 5
#define HISTORY_HIGHS    3

struct history_low {
    const struct detector_info *detector;
    uint64_t at_ns;
};

struct history {
    char *key; /* owned; "ip:192.0.2.1" */
    struct list link;
    struct history_low lows[HISTORY_LOWS_MAX];
    uint64_t medium_ns;
    unsigned mediums; /* each within an hour of the one before; this one not counted */
    uint64_t high_ns[HISTORY_HIGHS];
    unsigned highs;         /* ever; the last are in high_ns, in turn */
    unsigned ban_doublings; /* of the next ban */
    uint64_t ban_ends_ns;
};

struct histories {
    struct map by_key;
    struct list seen;        /* least recently first */
    struct control *control; /* borrowed; NULL: they are not kept */
};

void histories_init(struct histories *all);
void histories_done(struct histories *all);
struct history *history_of(struct histories *all, enum subject_kind kind, const char *subject);
bool history_low(struct history *h, const struct detector_info *d, uint64_t now_ns,
                 uint64_t hour_ns);
unsigned history_medium(struct history *h, uint64_t now_ns, uint64_t hour_ns);
unsigned history_high(struct history *h, uint64_t now_ns, uint64_t day_ns);
uint64_t history_ban(struct history *h, uint64_t base_ns, uint64_t now_ns, uint64_t day_ns);
void histories_load(struct histories *all, struct control *control, struct respond_now now);
void history_keep(const struct histories *all, const struct history *h, struct respond_now now);

/* ---- protected.c: never_act_on ---- */

#define PROTECTED_MAX                                                                              \
    65536 /* learned ones of each kind; then the least recently seen is forgotten */

struct protected_set {
    struct map by_name;
    struct list seen; /* least recently first */
    enum subject_kind kind;
    struct control *control; /* borrowed; NULL: they are not kept */
};

void protected_init(struct protected_set *p);
void protected_done(struct protected_set *p);
void protected_load(struct protected_set *all, struct control *control);
void protected_learn(struct protected_set *p, struct bytes name);
bool protected_has(const struct protected_set *p, struct bytes name);

/* ---- spared.c: whom the configuration names ---- */

struct spared;

void spared_take(struct respond *r, char *const *texts, size_t n);
void spared_done(struct respond *r);
bool spared_has(const struct respond *r, const struct incident *i, const struct action *a);

/* ---- blast.c: clients touched automatically of late ---- */

struct touch {
    uint64_t key;
    unsigned clients;
    uint64_t at_ns;
};

struct blast {
    struct touch *touches; /* owned */
    size_t n;
    size_t cap;
};

void blast_done(struct blast *b);
unsigned blast_with(struct blast *b, uint64_t key, unsigned clients, uint64_t since_ns);
void blast_touch(struct blast *b, uint64_t key, unsigned clients, uint64_t now_ns);

/* ---- feed.c: incidents.jsonl ---- */

#define FEED_READ_BACK_BYTES (8U << 20) /* of each of the two newest files */

struct feed {
    char *path; /* owned; NULL: none */
    int fd;     /* -1: not open */
    uint64_t size;
    uint64_t size_max;
    bool line_is_torn;  /* the last line has no end */
    bool failed;        /* and it was said */
    unsigned last_date; /* 20261125 */
    unsigned last_number;
};

void feed_init(struct feed *f, const char *state_dir, uint64_t size_max);
void feed_done(struct feed *f);
bool feed_append(struct feed *f, const char *line);
void feed_read_back(const struct feed *f, struct buf *ret);
void feed_next_id(struct feed *f, uint64_t now_unix_ms, char ret[INCIDENT_ID_BYTES]);

/* ---- bans.c, bans_store.c ---- */

struct ban_entry {
    struct respond_ban ban; /* its texts are owned */
    char *key;              /* owned; of the subject, and of the incident that it is because of */
    struct list link;
};

struct ban_list {
    struct map by_key;
    struct list all;         /* in the order in which they were made */
    struct control *control; /* borrowed; NULL: they are not kept */
};

void bans_init(struct ban_list *l);
void bans_done(struct ban_list *l);
struct ban_entry *bans_find(const struct ban_list *l, const struct respond_ban *b);
bool bans_same_subject(const struct respond_ban *a, const struct respond_ban *b);
struct ban_entry *bans_put(struct ban_list *l, const struct respond_ban *b);
void bans_drop(struct ban_list *l, struct ban_entry *e);
struct ban_entry *bans_ends_first(const struct ban_list *l);
bool ban_is_automatic(const struct respond_ban *b);
bool ban_is_sound(const struct respond_ban *b);

void bans_load(struct ban_list *l, struct control *control, const char *state_dir,
               uint64_t now_unix_ms);
void bans_read_back(struct control *from, struct ban_list *ret);
void ban_keep(struct ban_list *l, const struct ban_entry *e);
void ban_unkeep(struct ban_list *l, const char *key);

/* ---- measure.c, measure_store.c ---- */

struct measure_entry {
    struct respond_measure measure; /* its texts are owned */
    bool is_going;                  /* it is being lifted, and holds no more if that succeeds */
    struct list link;
};

struct measure_list {
    struct list all; /* in the order in which they were taken */
    unsigned n;
    struct control *control; /* borrowed; NULL: not kept */
};

void measures_init(struct measure_list *l);
void measures_done(struct measure_list *l);
void measures_add(struct measure_list *l, const struct respond_measure *m);
void measures_drop(struct measure_list *l, struct measure_entry *e);
const char *force_measures(struct respond *r, const struct respond_measure *at,
                           struct respond_now now);
bool force_ends_by_itself(enum action_kind kind);
bool measure_is_kind(enum action_kind kind);
bool measure_is_kept(enum action_kind kind);
void measures_load(struct measure_list *l, struct control *control, uint64_t now_unix_ms);
void measure_keep(struct measure_list *l, const struct respond_measure *m, bool is_in_force);

/* ---- waiting.c: orders that wait for a second person ---- */

struct waiting_list {
    struct list all; /* oldest first */
    unsigned n;
    uint64_t last_id;
};

void waiting_done(struct waiting_list *l);
void waiting_expire(struct respond *r, struct respond_now now);

/* order.c */
struct action order_action(const struct respond_order *o, const char *author,
                           struct respond_now now);
enum respond_answer order_perform(struct respond *r, struct action *a, struct respond_now now,
                                  char **ret_why);

/* ---- the whole ---- */

struct kept_incident {
    struct incident face;
    char *key; /* owned; detector and subject */
    struct list link;
    bool is_open;     /* in respond.open_by_key */
    bool is_restored; /* of an earlier run, and not found again since */
};

struct respond {
    struct respond_settings settings;
    struct respond_hands hands;
    struct histories histories;
    struct protected_set protected[SUBJECT_KIND_N];
    struct spared *spared; /* owned */
    size_t n_spared;
    struct blast blast;
    struct feed feed;
    struct ban_list bans;
    struct measure_list measures;
    struct waiting_list waiting;
    struct respond_play *plays; /* owned, with their texts */
    size_t n_plays;
    struct map by_id;
    struct map open_by_key;
    struct list incidents; /* oldest first */
    unsigned n_open;
    uint64_t started_ns;
    uint64_t suspended_until_ns;
    uint64_t suspended_until_unix_ms;
    struct respond_counters counters;
};

uint64_t respond_scaled_ns(const struct respond *r, uint64_t seconds);
uint64_t respond_scaled_ms(const struct respond *r, uint64_t seconds);
void respond_flush(struct respond *r);

/* measures of the list and on the node, at once */
enum respond_answer respond_measure_put(struct respond *r, const struct respond_measure *m,
                                        struct respond_now now, char **ret_why);
const struct respond_measure *measures_cover(const struct measure_list *l,
                                             const struct respond_measure *m);
unsigned respond_measures_lift(struct respond *r, const struct respond_measure *at,
                               const char *author, struct respond_now now, char **ret_why);
void respond_measures_expire(struct respond *r, struct respond_now now);

/* bans of the list and on the node, at once */
enum respond_answer respond_ban_put(struct respond *r, const struct respond_ban *b,
                                    struct respond_now now, char **ret_why);
const struct respond_ban *bans_cover(const struct ban_list *l, const struct respond_ban *b);
bool bans_suffice(const struct ban_list *l, const struct respond_ban *b, uint64_t now_unix_ms);
void respond_ban_lift(struct respond *r, struct ban_entry *e);
void respond_bans_expire(struct respond *r, struct respond_now now);

/* playbook.c */

struct plan {
    unsigned actions; /* BIT(enum action_kind) */
    struct respond_step steps[ACTION_KIND_N];
    bool needs_approval; /* as of struct respond_play */
};

void playbook_take(struct respond *r, const struct respond_play *plays, size_t n);
void playbook_done(struct respond *r);
struct plan playbook_plan(struct respond *r, struct incident *i, const struct finding *f,
                          struct respond_now now);

/* guard.c */
extern const char guard_protected_why[]; /* of what guard_protects() says */
bool guard_protects(const struct respond *r, const struct incident *i, const struct action *a);
unsigned guard_clients(const struct respond *r, const struct action *a);
void guard_touched(struct respond *r, const struct action *a, unsigned clients,
                   struct respond_now now);
enum action_state guard_ask(struct respond *r, const struct incident *i, const struct action *a,
                            const struct finding *f, struct respond_now now, const char **ret_why);

/* action.c */
bool action_is_sound(const struct action *a);
bool action_is_for_people(enum action_kind kind);
bool action_can_be_undone(enum action_kind kind);
bool action_is_ban(enum action_kind kind);
struct respond_measure action_measure(const struct action *a);
enum respond_answer action_perform(struct respond *r, struct action *a, struct respond_now now,
                                   char **ret_why);
bool action_undo(struct respond *r, const struct action *a, const char *author,
                 struct respond_now now, char **ret_why);
struct respond_ban action_ban(const struct action *a);

/* exactly.c */
void act_audit(struct respond *r, const struct action *a, const char *author, const char *result,
               struct respond_now now);
bool ends_later(uint64_t a_unix_ms, uint64_t b_unix_ms);
char *in_force_text(const struct respond_measure *m);
char *in_place_text(const struct respond_measure *m);
char *beside_text(const struct respond_measure *m);
char *result_with_under(const struct respond *r, const struct respond_measure *m,
                        const char *result);
void audit_end(struct respond *r, const struct respond_measure *m, const char *action,
               struct respond_now now);
void audit_late(struct respond *r, const struct respond_measure *m, struct respond_now now);

/* aim.c */
bool action_aim(const struct respond *r, const struct incident *i, const struct respond_step *step,
                struct action *a);

/* act.c */
void act_on(struct respond *r, struct incident *i, const struct finding *f, const struct plan *p,
            struct respond_now now);
unsigned act_approve(struct respond *r, struct incident *i, const char *author,
                     struct respond_now now, unsigned *ret_done);
unsigned act_rollback(struct respond *r, struct incident *i, const char *author,
                      struct respond_now now, char **ret_why);
void act_withdraw(struct respond *r, struct incident *i, const char *author,
                  struct respond_now now);
bool act_expire(struct respond *r, struct incident *i, struct respond_now now);
void act_calm(struct respond *r, struct incident *i, struct respond_now now);
void action_done(struct action *a);
void act_lifted(struct respond *r, const struct respond_measure *at, const char *author,
                struct respond_now now);
void act_ban_lifted(struct respond *r, const struct respond_ban *b, const char *author,
                    struct respond_now now);

void incident_actions_free(struct incident *i);

/* incident.c */
void incidents_init(struct respond *r);
void incidents_done(struct respond *r);
void incidents_expire(struct respond *r, struct respond_now now);
void incident_adopt(struct respond *r, struct kept_incident *k);
void incident_free(struct kept_incident *k);
struct incident *incident_mutable(struct respond *r, const char *id);
void incident_changed(struct respond *r, struct incident *i, struct respond_now now);

/* restore.c */
void incidents_restore(struct respond *r);

/* record.c */
json_t *json_text(const char *text);
char *incident_sentence(const struct incident *i);
void respond_record(struct respond *r, const struct incident *i, const char *state);
