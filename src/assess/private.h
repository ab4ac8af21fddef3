/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/private.h - what the files of assess share
 *
 *   catalog.c target.c scope.c attest.c evidence.c drills.c history.c   what is read
 *   gate.c tier.c rollup.c                                              tiers
 *   risk.c gap.c advice.c                                               risk, gaps, words
 *   run.c                                                               all of it in order
 *   text.c html.c svg.c json.c compare.c                                what is written
 */
#pragma once

#include "assess/assess.h"

#define DAY_MS            86400000ULL
#define COVERAGE_MIN      0.8
#define COVERAGE_TIER_MAX 2
#define EVIDENCE_DAYS     35 /* evidence of a test without a window is used so long */

/* ---- ids: a subcategory, a category, a function, "MQ" for all; MQA.* of Appendix A ---- */

struct id_set {
    bool *subs;     /* by index into catalog.subcategories; owned */
    unsigned depth; /* how exact the id was: 0 all, 1 function, 2 category, 3 subcategory */
};

/* False: no such id.  @ret->subs is to be freed. */
bool catalog_resolve(const struct catalog *c, const char *id, struct id_set *ret);
bool catalog_scenario_index(const struct catalog *c, const char *id, unsigned *ret);
bool catalog_test_is_statistic(const struct catalog_test *t);
unsigned catalog_test_window_days(const struct catalog_test *t); /* 0: none */

/* ---- target ---- */

struct target_sub {
    unsigned tier; /* 0: none asked */
    unsigned depth;
    char *reason; /* NULL */
    bool in_profile;
    char *na_reason; /* NULL: applies */
    char *na_approver;
    uint64_t na_expires_unix_ms;
};

struct target {
    char *name;
    char *approved_by; /* NULL: not approved */
    uint64_t approved_unix_ms;
    struct target_sub *subs; /* by index */
    size_t n_subs;
};

/* ---- scope ---- */

enum impact_area {
    AREA_SAFETY,
    AREA_SUPPLY,
    AREA_MONEY,
    AREA_DATA,
    AREA_REGULATION,
    AREA_N,
};

extern const char *const area_names[];

struct scope_zone {
    char *name;
    double events_per_year; /* prior, by exposure */
    double impact[AREA_N];  /* 0 to 100 */
    bool has_impact[AREA_N];
};

struct scope_scenario {
    bool has_frequency;
    double events_per_year; /* in place of the exposure's */
    bool has_observed;
    double observed, years; /* own detections */
};

struct obligation {
    char *name, *source, *owner;
    uint64_t reviewed_unix_ms;
};

struct scope_test {
    char *samples_reason; /* NULL: as in the catalogue */
    uint64_t samples_min;
    char *empty_reason; /* NULL: its population is not declared empty */
};

struct scope {
    char *name;
    char *approved_by;
    uint64_t approved_unix_ms;
    struct scope_zone *zones;
    size_t n_zones;
    bool has_tolerance[AREA_N];
    enum assess_level tolerance[AREA_N];
    char *tolerance_approved_by;
    uint64_t tolerance_approved_unix_ms;
    struct obligation *obligations;
    size_t n_obligations;
    bool *must;                       /* by subcategory */
    double *effort;                   /* by subcategory and tier; 0: the catalogue's */
    struct scope_scenario *scenarios; /* by scenario */
    struct scope_test *tests;         /* by subcategory and test, see scope_test_of() */
    size_t *first_test;               /* of each subcategory */
    size_t n_tests;
    size_t n_subs;
};

const struct scope_test *scope_test_of(const struct scope *s, const struct catalog *c,
                                       const struct catalog_test *t);

/* ---- attestations ---- */

enum attestation_kind {
    ATTEST_STATEMENT,  /* of a subcategory: the catalogue's */
    ATTEST_POLICY,     /* of categories: policy and procedure, approved by management */
    ATTEST_RESOURCES,  /* of categories: people and time for the duties */
    ATTEST_VALIDATION, /* of categories: an independent check */
};

struct attestation {
    enum attestation_kind kind;
    bool *subs; /* what it covers */
    char *who;  /* name, role */
    char *role;
    bool is_independent; /* somebody else than the implementer, who is named */
    bool is_authentic;
    bool has_document;
    bool from_lessons; /* policy: lessons and shared information went into it */
    uint64_t made_unix_ms;
    uint64_t effective_unix_ms;
    uint64_t expires_unix_ms;
};

struct attestations {
    struct attestation *at;
    size_t n;
    bool has_key;
    size_t n_subs;
};

struct attested {
    enum attestation_status status;
    const struct attestation *by; /* the one that decides; NULL when missing */
    uint64_t until_unix_ms;       /* it holds no longer than that */
};

/* The statement of a subcategory, or what kind a gate asks for; the best one there is. */
struct attested attestation_find(const struct attestations *a, enum attestation_kind kind,
                                 const struct catalog *c, size_t sub, uint64_t now);

/* ---- history ---- */

struct history_entry { /* a change or an indicator */
    char *covers;      /* id of a category, a Function, or MQ */
    bool is_indicator;
    char *cause; /* of a change */
    uint64_t at_unix_ms;
    uint64_t since_unix_ms; /* of an indicator: its first data */
};

struct history {
    uint64_t *runs_unix_ms;
    size_t n_runs;
    struct history_entry *entries;
    size_t n_entries;
};

bool id_covers(const char *covers, const char *id); /* "MQ.PR" covers "MQ.PR.IA" */

/* ---- evidence ---- */

struct evidence_item {
    char *test;
    double value;
    uint64_t samples;
    char *window;
    uint64_t at_unix_ms;
    char *detail;
};

struct evidence_set {
    struct evidence_item *items;
    size_t n;
    size_t cap;
};

/* Who can make a test known? */
enum source {
    SOURCE_NODE,   /* a probe of the node, or a file that the assessment is given */
    SOURCE_PERSON, /* who measures and records it, see assess_drill_may_record() */
    SOURCE_NOBODY, /* this version has no probe */
};

enum source source_of(const struct catalog_test *t);

const struct evidence_item *evidence_find(const struct evidence_set *e, const char *test);

/* ---- the run, in this order ---- */

void tier_judge_tests(const struct assess_input *in, const struct evidence_set *own,
                      struct assessment *a);
void tier_decide(const struct assess_input *in, struct assessment *a);
unsigned tier_by_tests(const struct assess_sub *s, bool unknown_passes);
/* The first gate of @tier that is shut for the category, in words; NULL: open. */
char *gate_shut(const struct assess_input *in, const struct assessment *a, unsigned category,
                unsigned tier, const char **ret_todo);
bool gate_is_same(const struct assessment *a, size_t i, size_t k);
bool gate_is_first(const struct assessment *a, size_t k);
void rollup_run(const struct assess_input *in, struct assessment *a);
struct evidence_set *own_evidence(const struct assess_input *in); /* what files given here show */

/* Vulnerability and impact factor of a scenario, for tiers by subcategory. */
void risk_factors(const struct catalog *c, unsigned scenario, const unsigned *tiers, double *ret_v,
                  double *ret_j);
double risk_frequency(double prior, double observed, double years);
enum assess_level risk_level_of_percent(double percent);
enum assess_level risk_level_of_frequency(double events_per_year);
enum assess_level risk_level(enum assess_level initiation, enum assess_level adverse,
                             enum assess_level impact);
void risk_run(const struct assess_input *in, struct assessment *a);
double risk_total(const struct assess_input *in, const unsigned *tiers); /* sum of all scores */
unsigned *risk_tiers(const struct assessment *a, bool unknown_passes);   /* freed by the caller */
void gap_run(const struct assess_input *in, struct assessment *a);

void advice_write(const struct assess_input *in, struct assessment *a);
void note_add(struct assessment *a, const char *format, ...) PRINTF(2, 3);

/* ---- words ---- */

const char *tier_name(unsigned tier);
void words_of_metric(struct buf *out, const char *metric); /* '_' to ' ' */
void words_of_value(struct buf *out, const struct catalog_test *t, double value);
const char *words_of_op(enum catalog_op op); /* "at least" */
const char *mark_text(enum assess_mark m);
void words_of_date(struct buf *out, uint64_t unix_ms); /* "2026-01-31" */
