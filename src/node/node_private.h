/* SPDX-License-Identifier: Apache-2.0 */
/* node/node_private.h - the whole node; private to node */
#pragma once

#include "crypto/scram.h"
#include "monitor/monitor.h"
#include "node/node.h"
#include "node/worker.h"
#include "respond/respond.h"

struct sentinel;
struct auth;
struct admission;
struct user_sessions;
struct acquaintances;
struct held_list;
struct self_test;
struct scribe;
struct keyring;
struct journal;
struct journal_io;

/* When something holds: written by the main thread, read by all. */
struct shared_span {
    atomic_ullong begins_unix_ms;
    atomic_ullong ends_unix_ms;
};

struct node {
    struct config *config; /* owned; replaced by a reload under config_lock, which all but the main
                              thread read it under */
    pthread_mutex_t config_lock;
    struct sandbox *sandbox; /* owned; NULL: off */
    struct config *started;  /* owned; what does not change by a reload */
    struct policy *policy;
    struct keyring *keys;    /* owned */
    struct control *control; /* owned */
    struct worker *workers[WORKERS_MAX];
    unsigned n_workers;
    struct mailbox *outlets[OUTLETS_MAX]; /* borrowed: of the workers, then of others that joined */
    unsigned n_outlets;
    struct sentinel *sentinel;
    struct auth *auth;
    struct admission *admission;
    struct user_sessions *user_sessions;
    struct acquaintances *acquaintances;
    struct held_list *held; /* owned; commands that wait for a person */
    struct self_test *self_test;
    struct monitor *monitor;       /* owned */
    struct journal_io *journal_io; /* these three: NULL without a journal */
    struct journal *journal;
    bool journal_was_damaged; /* when it was opened */
    struct scribe *scribe;
    atomic_uint posture_wanted; /* enum respond_posture; the main thread puts it in force */
    atomic_bool refresh_wanted; /* certificates and CRL are to be read again */
    unsigned posture;           /* in force; under reload_lock */
    struct shared_span certificate_spans[CONFIG_LISTENERS_MAX]; /* by listener; 0 and 0: no TLS, */
    struct shared_span crl_spans[CONFIG_LISTENERS_MAX];         /* no revocation list */
    char *shutdown_reason; /* owned; evidence is to be kept at the stop; under reload_lock */
    const struct node_hooks *hooks;
    atomic_ullong next_link;
    atomic_ullong next_stamp;
    atomic_ullong n_rooms;     /* how often there may have come room in a member of a group */
    atomic_size_t n_sessions;  /* places of sessions_max that are taken */
    atomic_size_t n_connected; /* clients with a session */
    atomic_size_t n_connected_most;
    atomic_uint_least64_t heap_bytes_most; /* that facts_take() has seen */
    atomic_bool stopping;
    uint8_t scram_key[SCRAM_KEY_BYTES]; /* secret; of the salts of users that do not exist */
    uint64_t started_unix_ms;
    uint64_t started_ns;
    atomic_ullong loaded_unix_ms;
    int wake_fd;                   /* eventfd: the main thread has something to do */
    struct reload_request *reload; /* under reload_lock */
    pthread_mutex_t reload_lock;
    pthread_cond_t reload_done;
};

struct certificate_span shared_span_get(const struct shared_span *s);
void node_note_certificates(struct node *n, struct tls_context *const *tls);

/* Run @fn on the thread of a worker or of the sentinel and wait for it; never from that thread. */
void node_call_worker(struct node *n, unsigned worker, void (*fn)(struct worker *w, void *arg),
                      void *arg);
void node_call_all(struct node *n, void (*fn)(struct worker *w, void *arg), void *arg);

/* survey.c: of a worker's sessions, on its thread, in parts */
struct survey {
    size_t part;              /* sessions at once */
    void (*begin)(void *arg); /* before the first; what was said before of this worker's is void */
    bool (*each)(const struct resident *c, void *arg); /* false: enough */
    void *arg;
};

void survey_worker(struct node *n, unsigned worker, const struct survey *s);

/* outlet.c: what is no worker and wants messages all the same */
typedef void outlet_message_fn(void *arg, const struct publication *p);
unsigned outlet_join(struct node *n, struct mailbox *m);
void outlet_take(struct mail *mail, outlet_message_fn *each, void *arg);
/* interest.c */
void outlet_want(struct node *n, unsigned outlet, struct bytes filter, bool wanted);
/* confine.c */
MUST_CHECK int confine_process(struct node *n);
/* The calling thread may from here on ask the kernel only for what its role needs; called by each
 * thread when its work begins.  Ends the process when that cannot be had. */
void node_confine(const struct node *n, enum sandbox_role role);

#define NODE_AUDIT_INSPECT  "inspect"     /* the action of such an entry */
#define NODE_BACKUP_SETTING "last backup" /* a row of table setting: {"id", "dir", "left_out"} */
void node_wake_main(struct node *n);
void node_set_log_level(const struct config *c);

/* command.c */
enum node_answer node_answer_of(enum respond_answer a);

/* posture.c */
struct policy *posture_policy(const struct node *n, const struct config *c, enum respond_posture p,
                              char **ret_error);
const char *posture_lacks(struct node *n, enum respond_posture p);
void posture_want(struct node *n, enum respond_posture p);
void posture_wait(struct node *n);
void posture_listeners(struct worker *w, const struct config *c, enum respond_posture p);

/* evidence.c */
void evidence_keep(struct node *n, const char *reason);

/* audit.c: an entry; any thread, does not wait.  NULL is "". */
void node_audit(struct node *n, const char *actor, const char *action, const char *object,
                const char *reason, const char *result);

/* auth.c: what may block.  The answer comes back to the worker as connect_verified(). */
struct auth *auth_new(struct node *n);
struct auth *auth_free(struct auth *a);
bool auth_verify(struct auth *a, struct worker *w, uint64_t link, struct bytes address,
                 const char *verifier, struct bytes password);

/* admission.c: network connections of the node and of each address */
struct admission *admission_new(void);
struct admission *admission_free(struct admission *a);
const char *admission_enter(struct admission *a, const struct limits *limits);
const char *admission_enter_address(struct admission *a, const char *address,
                                    const struct limits *limits);
bool admission_wait(struct admission *a, const char *address, const struct limits *limits);
void admission_accept(struct admission *a, const char *address, enum admission_as as);
void admission_leave(struct admission *a, const char *address, enum admission_as as);

/* user_sessions.c: sessions that are kept, of each user */
struct user_sessions *user_sessions_new(void);
struct user_sessions *user_sessions_free(struct user_sessions *u);
bool user_sessions_take(struct user_sessions *u, const char *user, uint64_t max,
                        size_t *ret_before);
void user_sessions_give(struct user_sessions *u, const char *user);
