/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/hold.c - commands that wait for a person in place of being routed
 *
 * A worker decides with what it has: the policy (respond.hold_commands) and the restraints (the
 * action hold).  What is held is in one bounded list of the node, in memory alone; held.c tells
 * what becomes of it.
 *
 * MQ.RS.RP-03 (detection, D32 and D33; decision 16)
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "node/held.h"
#include "node/node_private.h"
#include "queue/held.h"

/** held_shown() - @text, UTF-8, cut off between characters if it is long */
struct bytes held_shown(struct bytes text)
{
    if (text.len <= HELD_SHOWN_BYTES_MAX)
        return text;
    return bytes_of(text.at, wire_utf8_whole_len(bytes_of(text.at, HELD_SHOWN_BYTES_MAX)));
}

/** held_actor() - a client, for the audit and in answers; Return: owned by the caller. */
char *held_actor(struct bytes client_id)
{
    return text_format("client:%.*s", BYTES_ARG(held_shown(client_id)));
}

/** hold_audit() - what became of the command @m is in the audit; any thread */
void hold_audit(struct node *n, const char *actor, const char *action, const struct message *m,
                const char *reason, const char *result)
{
    char *object = text_format("topic %.*s", BYTES_ARG(held_shown(m->topic)));

    node_audit(n, actor, action, object, reason, result);
    free(object);
}

static uint64_t held_for_ms(const struct worker *w, const struct publication *p)
{
    double scale = MAX(w->node->started->detect_time_scale, 1.0);
    uint64_t for_ms = (uint64_t)(RESPOND_HELD_S * 1000.0 / scale);

    if (p->expires_ns == EXPIRES_NEVER)
        return for_ms;
    return MIN(for_ms, (p->expires_ns - MIN(p->expires_ns, w->now_ns)) / NS_PER_MS);
}

/* The id or the limit goes first: a long topic is cut off. */
static void tell(struct worker *w, const struct link *l, const struct publication *p,
                 const struct held_from *from, bool is_foreign, const char *what)
{
    char text[REFUSAL_TEXT_MAX];
    struct event e = {
        .kind = EVENT_COMMAND_HELD,
        .value = is_foreign ? EVENT_COMMAND : 0,
        .client_id = from->client_id,
        .user_name = from->user_name,
        .topic = p->topic,
    };

    snprintf(text, sizeof(text), "%s: %.*s", what, BYTES_ARG(p->topic));
    text[wire_utf8_whole_len(bytes_str(text))] = '\0';
    e.text = bytes_str(text);
    worker_event(w, l, &e);
    if (l != NULL)
        link_log(l, "gate", "command %s", text);
    else
        log_info("gate", "%.*s: Will, a command, %s", BYTES_ARG(from->client_id), text);
}

/**
 * hold_command() - a command waits for a person in place of being routed
 * @l:           its connection; NULL: it is a Will
 * @is_foreign:  it is not its role's to give
 * @ret_why:     for who published it: as what it is held, or why not
 *
 * Return: false: no more are held.
 */
bool hold_command(struct worker *w, const struct link *l, struct publication *p,
                  const struct held_from *from, bool is_foreign, char ret_why[REFUSAL_TEXT_MAX])
{
    const struct limits *limits = policy_limits(w->policy);
    const struct held_limits room = {limits->held_commands_max, limits->held_commands_bytes_max,
                                     limits->held_commands_per_client_max};
    char id[HELD_ID_BYTES] = "";
    const char *limit =
        held_put(w->node->held, p, from, &room, clock_unix_ms(), held_for_ms(w, p), id);
    char what[64];
    char *actor;

    if (limit != NULL) {
        w->counters.limits_hit++;
        snprintf(what, sizeof(what), "refused: %s", limit);
        snprintf(ret_why, REFUSAL_TEXT_MAX, "no more commands are held for approval: %s", limit);
        tell(w, l, p, from, is_foreign, what);
        return false;
    }
    w->counters.commands_held++;
    snprintf(what, sizeof(what), "held as %s", id);
    snprintf(ret_why, REFUSAL_TEXT_MAX, "%s as %s", gate_outcome_text(GATE_E_HELD), id);
    tell(w, l, p, from, is_foreign, what);
    actor = held_actor(from->client_id);
    hold_audit(w->node, actor, "hold command", p->message, "", what);
    free(actor);
    return true;
}

/**
 * hold_wants() - is what the gate allows to wait for a person?
 * @is_held_back:  the commands of who publishes it are
 * @a:             what the gate said to it
 */
bool hold_wants(const struct worker *w, bool is_held_back, struct bytes topic,
                const struct gate_answer *a)
{
    return a->is_held ||
           (a->is_command &&
            (is_held_back || restraints_block(w->restraints, QUARANTINE_HOLD, topic) != NULL));
}

static bool is_held_back(const struct worker *w, const struct resident *c)
{
    const struct gate_subject who = {.client_id = c->session->client_id};

    return c->commands_held ||
           restraints_holds(w->restraints, &who, bytes_str(c->principal), clock_unix_ms());
}

/**
 * hold_of_will() - is the Will @p of @c, which the gate allows, to wait when it fires?
 * @a:  what the gate said to it
 *
 * How it was with its connection when that ended counts, since where it came from is not known any
 * more.  What is quarantined is refused, and does not wait.
 */
bool hold_of_will(const struct worker *w, const struct resident *c, const struct publication *p,
                  const struct gate_answer *a)
{
    return hold_wants(w, is_held_back(w, c), p->topic, a) &&
           restraints_block(w->restraints, QUARANTINE_PUBLISH, p->topic) == NULL;
}
