/* SPDX-License-Identifier: Apache-2.0 */
/* node/self_trials.h - what the self-test tries; private to node */
#pragma once

#include "client/client.h"
#include "node/probes.h"

/* No filter that begins with a wildcard matches them [MQTT5-4.7.2-1]: nobody who reads all of what
 * clients say is told.  Below $bastide/ no client may publish, not even these. */
#define SELF_TEST_TOPICS "$bastide-self-test/"
#define SELF_TEST_SOURCE "127.83.84.1" /* of who must be kept out, when nobody else may be */
#define TRIAL_MS         3000
#define TRIAL_ID_LEN     96

/* How many events of the self-test have arrived at the sentinel. */
struct trial_seen {
    unsigned n_auth_failed;
    unsigned n_denied;
};

struct trial_kit {
    struct node *node;
    const char *client_prefix;
    const char *names[2];
    const char *passwords_secret[2];
    struct trial_seen (*seen)(void *arg);
    void *seen_arg;
    int stop_fd;          /* readable: the node stops; waiting ends at once */
    unsigned n_malformed; /* written: packets sent to be refused */
};

/* self_door.c */
struct door {
    const struct config_listener *listener;
    struct tls_context *tls; /* owned; NULL for plain TCP */
};

const char *door_address(const struct config_listener *l);
bool door_open(const struct config_listener *l, struct door *ret);
void door_close(struct door *d);
bool door_first(const struct trial_kit *kit, struct door *ret);
struct client_settings trial_settings(const struct trial_kit *kit, const struct door *d,
                                      unsigned principal, const char *id,
                                      char client_id[TRIAL_ID_LEN]);
struct client *trial_client(const struct client_settings *s);
uint64_t trial_closed_after_ms(const struct trial_kit *kit, int fd, uint64_t since_ns,
                               unsigned patience_ms);
bool trial_is_refused(struct client *c, enum client_outcome o);

/* self_tls.c */
void try_renegotiation(struct trial_kit *kit, struct evidence_list *e);

/* self_blocks.c */
void try_blocks(struct trial_kit *kit, struct evidence_list *e);

bool self_trials(struct trial_kit *kit, struct evidence_list *e);
