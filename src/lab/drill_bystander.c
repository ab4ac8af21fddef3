/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_bystander.c - somebody who has nothing to do with an attack, and must not notice it
 *
 * It is DRILL_ID, by a certificate of its own, from an address that no attacker has; its
 * messages have to come back to it.
 *
 * MQ.PR.SP-03 MQ.PR.SP-05
 */
#include "lab/drill.h"

#include <stdio.h>

#include "base/text.h"
#include "client/client.h"

#define SOURCE  "127.0.2.1"
#define TOPIC   "fmb/drill/" DRILL_ID "/bystander"
#define WELL_MS 5000 /* then it is disturbed */

/** bystander_comes() - d->bystander is connected, and d->tls is its; for bystander_leaves() */
bool bystander_comes(struct drill *d, char **ret_error)
{
    if (!drill_new_certificate(d, ret_error))
        return false;
    snprintf(d->source, sizeof(d->source), SOURCE);
    d->bystander = drill_client(d, d->tls, DRILL_ID, d->source);
    return drill_comes_in(d, d->bystander, ret_error) &&
           (client_subscribe(d->bystander, TOPIC, 1) == CLIENT_OK ||
            text_fail(ret_error, "the bystander cannot subscribe: %s", client_error(d->bystander)));
}

/** bystander_is_well() - does its message come back to it? */
bool bystander_is_well(const struct drill *d, char **ret_error)
{
    const struct client_message said = {
        .topic = BYTES(TOPIC), .payload = BYTES("all is well"), .qos = 1};
    struct client_message heard;
    enum client_outcome o = client_publish(d->bystander, &said);

    if (o == CLIENT_OK)
        o = client_next(d->bystander, WELL_MS, &heard);
    return o == CLIENT_OK ||
           text_fail(ret_error, "a bystander was disturbed: %s",
                     o == CLIENT_NOTHING ? client_outcome_text(o) : client_error(d->bystander));
}

/** bystander_leaves() - fine if it never came */
void bystander_leaves(struct drill *d)
{
    if (d->bystander != NULL)
        client_disconnect(d->bystander, REASON_SUCCESS);
    d->bystander = client_free(d->bystander);
}
