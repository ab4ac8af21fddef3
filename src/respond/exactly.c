/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/exactly.c - what exactly is done, for lists and for the audit
 *
 * "quarantine" alone does not say of what direction, nor "posture" which one: in lists and in
 * the audit each is said with all that makes it what it is.
 *
 * MQ.RS.RP-03 MQ.PR.IP-04
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "respond/private.h"
#include "store/audit.h"

/* ---- in words ---- */

typedef void say_fn(const struct respond_order *o, struct buf *ret);

static void say_delay(const struct respond_order *o, struct buf *ret)
{
    if (o->amount > 0)
        buf_addf(ret, " %llu ms", (unsigned long long)o->amount);
}

static void say_rate(const struct respond_order *o, struct buf *ret)
{
    buf_addf(ret, " %llu/s", (unsigned long long)o->amount);
}

/* A listener is closed, whatever the direction; a conduit has one. */
static void say_direction(const struct respond_order *o, struct buf *ret)
{
    if (o->target_kind == TARGET_TOPIC)
        buf_addf(ret, " %s", respond_direction_text(o->directions));
}

static void say_posture(const struct respond_order *o, struct buf *ret)
{
    buf_addf(ret, " %s", respond_posture_text((enum respond_posture)o->amount));
}

static say_fn *const says[ACTION_KIND_N] = {
    [ACTION_DELAY] = say_delay,
    [ACTION_THROTTLE] = say_rate,
    [ACTION_QUARANTINE] = say_direction,
    [ACTION_POSTURE] = say_posture,
};

static void say_duration(uint64_t ms, struct buf *ret)
{
    static const struct {
        const char *letters;
        uint64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {" ms", 1}};
    size_t i = 0;

    while (ms % units[i].ms != 0)
        i++;
    buf_addf(ret, " for %llu%s", (unsigned long long)(ms / units[i].ms), units[i].letters);
}

/** respond_exactly() - see order.h */
char *respond_exactly(const struct respond_order *o)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_addf(&text, "%s", action_kind_text(o->kind));
    if (says[o->kind] != NULL)
        says[o->kind](o, &text);
    if (o->for_ms > 0)
        say_duration(o->for_ms, &text);
    return bytes_dup_str(buf_view(&text));
}

/** respond_order_of() - what an order of @a would be; borrows from it */
struct respond_order respond_order_of(const struct action *a)
{
    return (struct respond_order){
        .kind = a->kind,
        .target_kind = a->target_kind,
        .target = a->target,
        .address = a->address,
        .directions = a->directions,
        .amount = a->amount,
        .for_ms = a->for_ms,
        .reason = a->reason,
    };
}

/** respond_order_of_measure() - the same of @m, from when it was taken */
struct respond_order respond_order_of_measure(const struct respond_measure *m)
{
    return (struct respond_order){
        .kind = m->kind,
        .target_kind = m->target_kind,
        .target = m->target,
        .address = m->address,
        .directions = m->directions,
        .amount = m->amount,
        .for_ms =
            m->expires_unix_ms > m->created_unix_ms ? m->expires_unix_ms - m->created_unix_ms : 0,
        .reason = m->reason,
    };
}

/** respond_result_text() - see order.h */
char *respond_result_text(const char *result, const struct respond_order *o)
{
    char *exactly = respond_exactly(o);
    bool says_more = strcmp(exactly, action_kind_text(o->kind)) != 0;
    char *text = says_more ? text_format("%s: %s", result, exactly) : text_format("%s", result);

    free(exactly);
    return text;
}

/** ends_later() - does what ends at @a go on when @b is over?  0: until undone. */
bool ends_later(uint64_t a_unix_ms, uint64_t b_unix_ms)
{
    return b_unix_ms != 0 && (a_unix_ms == 0 || a_unix_ms > b_unix_ms);
}

/* @before, until when and by whom @m is in force, and @behind; owned by the caller. */
static char *whose_text(const char *before, const struct respond_measure *m, const char *behind)
{
    const struct respond_order o = respond_order_of_measure(m);
    char *exactly = respond_exactly(&o);
    char date[CLOCK_TEXT_LEN];
    char *text =
        text_format("%s until %s by %s, as %s%s", before,
                    m->expires_unix_ms != 0 ? clock_format(m->expires_unix_ms, date) : "undone",
                    m->author, exactly, behind);

    free(exactly);
    return text;
}

/** in_force_text() - why something weaker than @m is refused; owned by the caller */
char *in_force_text(const struct respond_measure *m)
{
    return whose_text("in force", m, ": undo it first");
}

/** in_place_text() - what gave way to something longer; owned by the caller */
char *in_place_text(const struct respond_measure *m)
{
    return whose_text("in place of what was in force", m, "");
}

/** beside_text() - what goes on beside something that is not stronger; owned by the caller */
char *beside_text(const struct respond_measure *m)
{
    return whose_text("beside what is in force", m, "");
}

/* ---- in the audit; MQ.PR.IP-04 ---- */

/** respond_object_text() - see order.h */
char *respond_object_text(enum respond_target kind, const char *target, const char *address)
{
    if (address == NULL)
        return text_format("%s %s", respond_target_text(kind), target);
    return text_format("%s %s %s", respond_target_text(kind), target, address);
}

static void audit(struct respond *r, const struct respond_order *o, const char *actor,
                  const char *action, const char *result, struct respond_now now)
{
    char *object = respond_object_text(o->target_kind, o->target, o->address);
    char *said = respond_result_text(result, o);
    const struct audit_entry e = {
        .at_unix_ms = now.unix_ms,
        .actor = actor,
        .action = action,
        .object = object,
        .reason = o->reason,
        .result = said,
    };

    if (r->settings.control != NULL)
        control_audit(r->settings.control, &e);
    free(object);
    free(said);
}

/** act_audit() - what became of @a is in the audit */
void act_audit(struct respond *r, const struct action *a, const char *author, const char *result,
               struct respond_now now)
{
    struct respond_order o = respond_order_of(a);
    char *reason =
        text_format("%s%s%s", a->reason, a->why_not != NULL ? "; " : "", text_or_empty(a->why_not));

    o.reason = reason;
    audit(r, &o, author, action_kind_text(a->kind), result, now);
    free(reason);
}

/**
 * result_with_under() - @result, and what is under the quarantine @m, which is in force still
 *
 * Of other measures @result alone.  Return: owned by the caller.
 */
char *result_with_under(const struct respond *r, const struct respond_measure *m,
                        const char *result)
{
    char *under = m->kind == ACTION_QUARANTINE ? r->hands.under(r->hands.arg, m) : NULL;
    char *said = text_format("%s%s%s", result, under != NULL ? ", " : "", text_or_empty(under));

    free(under);
    return said;
}

/**
 * audit_end() - that @m is over, and that nobody did it, is in the audit as if a person had
 * @action:  what a person would have done, "unban"
 *
 * Before it is lifted.  MQ.RC.RP-06
 */
void audit_end(struct respond *r, const struct respond_measure *m, const char *action,
               struct respond_now now)
{
    const struct respond_order o = respond_order_of_measure(m);
    char *result = result_with_under(r, m, "done, its time is over");

    audit(r, &o, "node", action, result, now);
    free(result);
}

/** audit_late() - the same of @m, which somebody has undone before the node could */
void audit_late(struct respond *r, const struct respond_measure *m, struct respond_now now)
{
    const struct respond_order o = respond_order_of_measure(m);
    char *action = text_format("undo %s", action_kind_text(m->kind));

    audit(r, &o, m->undo_by, action, "done, now that it can be", now);
    free(action);
}
