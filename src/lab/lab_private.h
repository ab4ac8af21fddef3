/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/lab_private.h - what the lab is made of; private to lab
 *
 * scene.c is the stage manager: it starts one process for the plant and one for
 * each actor, tells the tablet when to begin, and follows what they report.  The
 * actors speak MQTT with the node and nothing else with one another; the power
 * supply, the meter and the capacitor bank's controller each also hold a wire to
 * the plant, which is the world and not the network.
 */
#pragma once

#include <jansson.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "client/client.h"
#include "lab/feeder.h"

#define LAB_TOPICS_MAX 4
#define LAB_PLANT_V    FEEDER_NOMINAL_V /* what the power supply is set to in normal operation */
#define LAB_START_V    114.0            /* "the Tablet UI publishes low voltage - 114V" */

/* clang-format off */
#define TOPIC_SUPPLY_COMMAND  "fmb/command/power-supply-1/voltage"
#define TOPIC_SUPPLY_STATUS   "fmb/status/power-supply-1/voltage"
#define TOPIC_METER_STATUS    "fmb/status/meter-1/voltage"
#define TOPIC_CAP_COMMAND     "fmb/command/cap-bank-1/switch"
#define TOPIC_CAP_STATUS      "fmb/status/cap-bank-1/switch"
#define TOPIC_RESTORE_COMMAND "fmb/command/dms-1/restore"
#define TOPIC_DIAGRAM         "fmb/diagram/feeder-1"
/* clang-format on */

/* ---- the node's home ---- */

struct lab_home {
    char *dir;         /* owned, as all */
    char *ca;          /* dir/pki/ca.crt */
    char *address;     /* of the first delivery listener with TLS */
    char *server_name; /* that its certificate must be for */
    uint16_t port;
};

MUST_CHECK bool lab_home_open(struct lab_home *h, const char *dir, char **ret_error);
void lab_home_done(struct lab_home *h);
char *lab_path(const char *dir, const char *name, const char *suffix);
int lab_prepare(const char *dir, bool is_quiet);

/* Does the node take connections from @source?  Else "closed" would also be what a dead node says.
 */
bool lab_node_answers(const struct lab_home *h, const char *source);

/* ---- the operator ---- */

MUST_CHECK bool operator_tell(const char *dir, const char *const *words, struct bytes typed,
                              struct buf *ret_out, char **ret_error);
MUST_CHECK bool operator_issue(const char *dir, const char *name, const char *common_name,
                               const char *host, const char *days, char **ret_error);
MUST_CHECK bool operator_do(const struct lab_home *h, const char *const *words, struct buf *ret_out,
                            char **ret_error);
json_t *operator_ask(const struct lab_home *h, const char *const *words, char **ret_error);

/* ---- the state of the feeder, as someone knows it ---- */

struct lab_state {
    double source_v; /* 0: not known */
    double meter_v;
    enum feeder_status meter_status;
    bool cap_is_known;
    bool cap_is_closed;
};

/* ---- reports to the stage manager: one write(2) each, so that order is causal order ---- */

/* clang-format off */
/*    name             text in --json */
#define LAB_REPORTS(X)                  \
    X(READY,           "ready")         \
    X(FAILED,          "failed")        \
    X(TABLET_RESTORES, "tablet-restores") \
    X(TABLET_SETS,     "tablet-sets")   \
    X(SUPPLY_CHANGES,  "supply-changes") \
    X(METER_PUBLISHES, "meter-publishes") \
    X(DMS_TAKES_IN,    "dms-takes-in")  \
    X(DMS_SWITCHES,    "dms-switches")  \
    X(CAP_SWITCHES,    "cap-switches")  \
    X(DMS_REDRAWS,     "dms-redraws")   \
    X(DMS_RAISES,      "dms-raises")    \
    X(DMS_PUBLISHES,   "dms-publishes") \
    X(TABLET_SHOWS,    "tablet-shows")
/* clang-format on */

enum lab_report_kind {
#define X(name, text) LAB_##name,
    LAB_REPORTS(X)
#undef X
};

struct lab_report {
    enum lab_report_kind kind;
    unsigned actor; /* index in lab_actors */
    uint64_t at_ns;
    uint64_t at_unix_ms;
    struct lab_state state; /* as the actor knows it */
    char text[256];         /* LAB_FAILED: why */
};

const char *lab_report_text(enum lab_report_kind k);

/* ---- actors ---- */

/* What the stage manager tells the tablet: a finger on its screen. */
enum lab_touch {
    LAB_TOUCH_RESTORE = 'r',
    LAB_TOUCH_LOW = 'l',
};

struct lab_actor;

/* One actor's process. */
struct lab_stage {
    const struct lab_actor *actor;
    struct client *client;
    int plant;   /* -1: none */
    int manager; /* touches come here, and its end is the end of the play */
    int reports;
    struct lab_state state;
    unsigned mode; /* the actor's own */
};

/* A false ends the process, loudly; lab_publish() has reported why then. */
struct lab_actor {
    const char *id; /* client id, common name and user name */
    const char *title;
    const char *role;
    const char *filters[LAB_TOPICS_MAX]; /* subscribed */
    bool (*start)(struct lab_stage *s);
    bool (*receive)(struct lab_stage *s, struct bytes topic, struct bytes payload);
    bool (*sense)(struct lab_stage *s, double value); /* the plant's wire */
    bool (*touch)(struct lab_stage *s, enum lab_touch touch);
};

enum lab_actor_id { /* in the order of their start: who publishes a status before who reads it */
                    LAB_SUPPLY,
                    LAB_CAP_BANK,
                    LAB_METER,
                    LAB_DMS,
                    LAB_TABLET,
                    LAB_ACTORS_N,
};

extern const struct lab_actor *const lab_actors[LAB_ACTORS_N];
extern const struct lab_actor lab_tablet, lab_supply, lab_meter, lab_dms, lab_cap_bank;

struct client_settings lab_actor_settings(const struct lab_home *h, const struct lab_actor *a,
                                          struct tls_context *tls);
int lab_actor_run(const struct lab_home *h, const struct lab_actor *a, int plant, int manager,
                  int reports);
bool lab_publish(struct lab_stage *s, const char *topic, char *json, bool retain);
void lab_report(struct lab_stage *s, enum lab_report_kind kind);
bool lab_plant_set(struct lab_stage *s, double value);

/* ---- payloads: small JSON objects; what does not fit is false, and the peer's fault ---- */

char *payload_volts(double volts);
char *payload_meter(double volts, enum feeder_status status);
char *payload_switch(bool is_closed);
char *payload_diagram(const struct lab_state *s);
bool payload_read_volts(struct bytes json, double *ret);
bool payload_read_meter(struct bytes json, double *ret_volts, enum feeder_status *ret_status);
bool payload_read_switch(struct bytes json, bool *ret_is_closed);
bool payload_read_diagram(struct bytes json, struct lab_state *ret);

/* ---- the plant ---- */

enum plant_wire {
    PLANT_SOURCE, /* the power supply's: volts in, volts out */
    PLANT_CAP,    /* the controller's: 1 closed, 0 open */
    PLANT_METER,  /* volts out */
    PLANT_WIRES_N,
};

int plant_run(const int wires[PLANT_WIRES_N], int manager);

/* ---- the scene ---- */

struct lab_options {
    const char *home;
    unsigned rounds;     /* 0: no limit but duration_s */
    unsigned duration_s; /* 0: no limit but rounds */
    unsigned interval_ms;
    unsigned step_timeout_ms;
    const char *drill;   /* NULL: none */
    const char *source;  /* address of a drill's attacker; NULL: on the loopback */
    const char *backups; /* the node's folder of them; NULL: not said */
    bool is_quiet;
    bool is_json;
    bool is_ascii;
    bool has_colours;
};

struct lab_step {
    enum lab_report_kind kind;
    enum lab_actor_id actor;
    const char *text;
    bool (*is_it)(const struct lab_state *s);
};

extern const struct lab_step lab_prologue[], lab_steps[];
extern const size_t lab_prologue_n, lab_steps_n;

int lab_scene_run(const struct lab_options *o);
int lab_intruder_run(const struct lab_options *o);
int drill_run(const struct lab_options *o);

/* ---- exercises: what was tried, held against what the node noticed ---- */

#define EXERCISE_ATTEMPTS_MAX 1024

struct exercise_plan {
    const char *what;        /* for a person */
    const char *subcategory; /* whose detection is exercised */
    const char *scenario;
    const char *incident; /* kind that is to come */
    const char *subject;  /* whom it is about */
};

struct exercise {
    const struct exercise_plan *plan;
    unsigned n;
    uint64_t begun_unix_ms[EXERCISE_ATTEMPTS_MAX]; /* of each attempt */
};

void exercise_attempt(struct exercise *e, uint64_t begun_unix_ms);
json_t *exercise_result(const struct exercise *e, const json_t *incidents, char **ret_text);
MUST_CHECK bool drill_record(const struct lab_home *h, json_t *line, const char *tool,
                             char **ret_error);

/* ---- the screen ---- */

void diagram_draw(struct buf *out, const struct lab_state *s, bool is_ascii, bool has_colours);
const char *screen_mark(const struct lab_options *o, bool is_good);
const char *screen_colour(const struct lab_options *o, const char *code);
