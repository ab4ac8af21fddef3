/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/evidence.c - what was, at the moment of a shutdown that a person ordered
 *
 * Written before anybody is disconnected: who was connected, what was banned and
 * blocked, which incidents there were, what the probes measured, and the signed heads of
 * the audit.  Whoever keeps it elsewhere can show later that nothing was changed since.
 *
 * MQ.RS.RP-06
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "node/node_private.h"

#define FILE_MODE 0600

/**
 * evidence_keep() - state_dir/shutdown-<date>.json
 *
 * By the main thread, while all others still run and nobody else asks.  Where it
 * cannot be written this is said; the node stops all the same.
 */
void evidence_keep(struct node *n, const char *reason)
{
    json_t *all = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "reason", reason, "status",
                            node_status_json(n), "clients", node_clients_json(n, 0), "bans",
                            node_bans_json(n), "responses", node_responses_json(n), "incidents",
                            node_incidents_json(n, NULL), "evidence", node_evidence_json(n),
                            "audit_heads", node_audit_heads_json(n));
    char *text = json_dumps(all, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    struct buf path CLEANUP(buf_done) = {0};
    char date[CLOCK_TEXT_LEN];
    char *error = NULL;

    buf_addf(&path, "%s/shutdown-%s.json", n->started->state_dir,
             clock_format(clock_unix_ms(), date));
    buf_add_u8(&path, '\0');
    if (text != NULL && file_replace((const char *)path.at, bytes_str(text), FILE_MODE, &error))
        log_warning("node", "what was at the shutdown is kept in %s", (const char *)path.at);
    else
        log_error("node", "what was at the shutdown is lost: %s",
                  error != NULL ? error : (const char *)path.at);
    free(error);
    free(text);
    json_decref(all);
}
