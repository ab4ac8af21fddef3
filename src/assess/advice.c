/* SPDX-License-Identifier: Apache-2.0 */
/* assess/advice.c - what holds the next tier back, and what to do about it */
#include "assess/private.h"

#include <stdio.h>
#include <stdlib.h>

#define REVOKE  "Run the drill: bastide lab --drill revoke"
#define DISABLE "Run the drill: bastide lab --drill disable"
#define BAN     "Run the drill: bastide lab --drill ban"
#define BLOCK   "Run the drill: bastide lab --drill block"
#define POSTURE "Run the drill: bastide lab --drill posture"
#define BURST   "Run the drill: bastide lab --drill burst"
#define CANARY  "Run the drill: bastide lab --drill canary --backups DIR"
#define ROGUE   "Run the drill: bastide lab --drill rogue-server"
#define INTRUDE                                                                                    \
    "Run a drill: bastide lab --intruder against a test lab, or record one of your own by "        \
    "bastide record"
#define DRILL(detector) "Run the drill: bastide drill " detector
#define SIGN            "; then let it be signed: bastide attest"

/* clang-format off */
/* What to do where more is known than the kind of the test: when it failed, and when it is not known;
 * NULL: nothing more.  Each command is one that there is (tests/integration/test_assess.py). */
static const struct {
    const char *test;
    const char *failed;
    const char *unknown;
} advices[] = {
    {"MQ.ID.AM-01.t1", "Go through \"bastide assets\": declare each learned device in the inventory, or ban it.", NULL},
    {"MQ.ID.AM-01.t2", "Fill in owner, site, hw_model, hw_serial and criticality of each record in the inventory.", "Declare the devices in the inventory, with owner, site, hw_model, hw_serial and criticality."},
    {"MQ.ID.AM-01.t3", "Decide on new devices within days: declare them in the inventory or ban them.", NULL},
    {"MQ.ID.AM-01.t4", "Look after the declared devices that are silent; mark spare and retired ones as such.", NULL},
    {"MQ.ID.AM-02.t2", "Have devices say their firmware (User Property fw, or a Sparkplug birth), or write it into the inventory and approve it within 90 d.", "Declare the devices in the inventory; those that are approved are looked at."},
    {"MQ.ID.AM-03.t1", "Bind the listeners that are configured and no others; look at \"bastide status\".", NULL},
    {"MQ.ID.AM-03.t2", "Declare the zones (address prefixes) that clients come from in the inventory.", "Declare the zones (address prefixes) that clients come from in the inventory."},
    {"MQ.ID.AM-03.t4", "Review the inventory and set approved_by and approved_at.", "Review the inventory and set approved_by and approved_at."},
    {"MQ.ID.AM-04.t1", "Give each record of the inventory a state and state_since.", "Declare the devices in the inventory, each with state and state_since."},
    {"MQ.ID.AM-04.t2", "Revoke the credentials of retired devices: bastide pki revoke, bastide user disable.", NULL},
    {"MQ.ID.RM-01.t1", "Write a tolerance for each impact area into the scope and have it approved.", "Write a tolerance for each impact area into the scope and have it approved."},
    {"MQ.ID.RM-02.t2", "Declare zones with exposure and impact in the scope; each assessment then identifies risks.", "Declare zones with exposure and impact in the scope; each assessment then identifies risks."},
    {"MQ.ID.RM-03.t1", "Give every zone of the scope an impact from 0 to 100.", "Declare zones in the scope, each with an impact from 0 to 100."},
    {"MQ.ID.RM-03.t2", NULL, "Declare zones in the scope, each with an impact from 0 to 100."},
    {"MQ.ID.RM-04.t3", "Raise MQ.PR.IA-04 first: clients must check the server's certificate.", NULL},
    {"MQ.ID.CO-01.t1", "Give each critical topic filter of the inventory availability, latency_ms and retention_days.", "Declare the topic filters in the inventory, with criticality, availability, latency_ms and retention_days."},
    {"MQ.ID.CO-01.t3", "Review the objectives" SIGN " MQ.ID.CO-01.", "Review the objectives" SIGN " MQ.ID.CO-01."},
    {"MQ.ID.CO-02.t1", "List obligations (law, regulation) in the scope, each with source, owner and reviewed_at.", "List obligations (law, regulation) in the scope, each with source, owner and reviewed_at."},
    {"MQ.ID.CO-02.t3", "Review the obligations in the scope and set reviewed_at.", "List obligations (law, regulation) in the scope, each with source, owner and reviewed_at."},
    {"MQ.ID.CO-03.t2", "Renew the agreement of the conduit in the inventory, or cut the external zone off.", "Give external conduits of the inventory an agreement_expires."},
    {"MQ.ID.IC-01.t1", "Go through \"bastide flows\": declare what is needed, deny the rest.", NULL},
    {"MQ.ID.IC-01.t2", "Declare conduits between zones, or stop the flows that cross without one.", "Declare zones in the inventory, so that flows between them are seen."},
    {"MQ.ID.IC-01.t3", "Give the control plane its own listener (plane: control) and reserve command topics.", NULL},
    {"MQ.ID.IC-01.t4", "Give every topic filter of the inventory an owner and a classification.", "Declare the topic filters in the inventory, each with an owner and a classification."},
    {"MQ.ID.IC-02.t2", "Acknowledge high incidents in time and by name: bastide incidents ack.", "Known as soon as there is a high incident: acknowledge it by name with bastide incidents ack."},
    {"MQ.ID.IC-02.t3", "Test each alert route end to end, then: bastide record MQ.ID.IC-02.t3 0 --by NAME.", "Test each alert route end to end, then: bastide record MQ.ID.IC-02.t3 0 --by NAME."},
    {"MQ.ID.IC-04.t1", "See bastide crypto --outside: change these clients, or the crypto_profile of the inventory.", "Write a crypto_profile into the inventory."},
    {"MQ.ID.IC-04.t3", "See bastide crypto: move the clients whose profile is deprecated.", "Write a crypto_profile into the inventory."},
    {"MQ.ID.EA-01.t1", "Give every approved record a site and an exposure_class.", "Declare the devices in the inventory, each with a site and an exposure_class."},
    {"MQ.ID.EA-02.t1", "Describe each conduit: carrier, medium, route_class, owner, redundant.", "Describe the conduits between zones in the inventory: carrier, medium, route_class, owner, redundant."},
    {"MQ.ID.EA-02.t2", "Declare a second conduit by another carrier, or redundant: yes, between the zones of critical flows.", "Declare zones, conduits and flows in the inventory, the critical ones as such."},
    {"MQ.ID.EA-03.t1", "Describe each broker: site, room, rack, access_control, power_backup.", "Describe the brokers in the inventory: site, room, rack, access_control, power_backup."},
    {"MQ.PR.SA-03.t1", INTRUDE ".", INTRUDE "."},
    {"MQ.PR.SA-03.t2", NULL, INTRUDE "."},
    {"MQ.PR.SA-03.t4", "Exercise more of the scenarios R01 to R12: bastide lab --drill, bastide record --scenario.", INTRUDE "."},
    {"MQ.PR.IA-01.t1", "Issue client certificates (bastide pki issue) and set client_certificate: required.", "Connect clients from beyond this machine; if there are none, say so in the scope (empty_populations)."},
    {"MQ.PR.IA-01.t2", "Give every listener beyond loopback tls, and remove allow_plaintext_beyond_loopback.", NULL},
    {"MQ.PR.IA-01.t3", "Name a revocation list that is not past its next update in each listener; that of the built-in CA holds as long as the CA.", "Name a revocation list (crl) in each listener that asks for client certificates."},
    {"MQ.PR.IA-01.t4", "Renew the certificates that expire within 14 days: bastide pki issue --replace.", NULL},
    {"MQ.PR.IA-02.t4", "Take the certificates that are no CA out of client_ca: each lets itself in.", NULL},
    {"MQ.PR.IA-03.t1", "Set anonymous: no on every listener beyond loopback.", NULL},
    {"MQ.PR.IA-03.t2", "Move clients from weak methods to certificates or Argon2id passwords.", NULL},
    {"MQ.PR.IA-03.t3", "Give each device its own name; declare real groups with group: yes.", NULL},
    {"MQ.PR.IA-03.t4", "Change the passwords that the log names: bastide user passwd.", NULL},
    {"MQ.PR.IA-04.t1", "Renew the server certificate (bastide pki issue --replace); its names must be those that clients use.", NULL},
    {"MQ.PR.IA-04.t2", "Let clients connect by the broker's name, not by its address, and check that name.", NULL},
    {"MQ.PR.IA-04.t3", ROGUE ", and mend the clients that go on.", ROGUE " for the lab, or show your own clients an untrusted certificate in a maintenance window and record it."},
    {"MQ.PR.IA-04.t4", ROGUE ", with more classes of clients.", ROGUE " for the lab, or show your own clients an untrusted certificate in a maintenance window and record it."},
    {"MQ.PR.IA-05.t1", "Take rules for everybody away: what no rule allows is to be refused.", NULL},
    {"MQ.PR.IA-05.t2", "Give each active user a role with rules of its own.", NULL},
    {"MQ.PR.IA-05.t3", "Narrow rules for '#' and for command topics to the roles that need them; bastide acl explain says what a rule does.", NULL},
    {"MQ.PR.IA-05.t5", "Review users and roles (bastide user list)" SIGN " MQ.PR.IA-05.", "Review users and roles (bastide user list)" SIGN " MQ.PR.IA-05."},
    {"MQ.PR.IP-01.t1", "Carry all traffic beyond loopback over TLS 1.2 with AEAD, or TLS 1.3.", "Connect clients from beyond this machine; if there are none, say so in the scope (empty_populations)."},
    {"MQ.PR.IP-01.t2", "Upgrade clients to TLS 1.3, then set version_min: \"1.3\".", NULL},
    {"MQ.PR.IP-02.t1", "Carry all traffic beyond loopback over TLS.", "Connect clients from beyond this machine; if there are none, say so in the scope (empty_populations)."},
    {"MQ.PR.IP-03.t1", "Take confidential topics off listeners without tls.", NULL},
    {"MQ.PR.IP-03.t2", "Remove subscriptions to confidential topics by principals that are no readers of them.", NULL},
    {"MQ.PR.SP-02.t3", REVOKE ".", REVOKE "."},
    {"MQ.PR.SP-03.t3", INTRUDE ".", INTRUDE "."},
    {"MQ.PR.SP-03.t4", "See which detector errs: bastide incidents --stats; give the clients it errs about another role.", "Judge incidents when they are closed: bastide incidents close --as; known from one client-day on."},
    {"MQ.PR.SP-03.t5", INTRUDE ".", INTRUDE "."},
    {"MQ.PR.SP-04.t1", BAN ".", BAN "."},
    {"MQ.PR.SP-04.t2", BAN ".", BAN "."},
    {"MQ.PR.SP-04.t3", "Give each ban a reason and an end: bastide ban --reason --for.", "Known as soon as somebody is banned; the drill bans: bastide lab --drill ban."},
    {"MQ.PR.SP-04.t4", "See why the bans could not be written; the log says it.", "Known as soon as somebody is banned, by an incident or by bastide ban."},
    {"MQ.PR.SP-04.t5", "Mark roles that must never be cut automatically with critical: yes.", NULL},
    {"MQ.PR.SP-05.t1", "Set the limits that are missing in the configuration.", NULL},
    {"MQ.PR.SP-05.t2", BURST ", when nothing else is done there.", BURST "."},
    {"MQ.PR.SP-06.t1", "See which file it names, and tell the maintainers: " CANARY ".", CANARY "."},
    {"MQ.PR.SP-06.t2", "Keep the file of users on an encrypted volume.", NULL},
    {"MQ.PR.SP-06.t3", "Keep the at-rest key on another volume than the state, mode 0600, or let it be a credential or a passphrase: store.key_from.", NULL},
    {"MQ.PR.SP-06.t4", "Replace the data key: bastide key rotate.", NULL},
    {"MQ.PR.SP-07.t3", "Reload or restart the node more often: both make new ticket keys.", NULL},
    {"MQ.PR.CL-02.t1", "Give every device a key of its own.", NULL},
    {"MQ.DE.NM-01.t2", DRILL("connection-flood") ".", DRILL("connection-flood") "."},
    {"MQ.DE.NM-01.t3", DRILL("connection-flood") ".", DRILL("connection-flood") "."},
    {"MQ.DE.NM-02.t2", DRILL("abnormal-termination") ".", DRILL("abnormal-termination") "."},
    {"MQ.DE.NM-02.t3", "Judge each such incident within 7 days, with a note: bastide incidents close --as --note.", NULL},
    {"MQ.DE.PM-01.t1", "Give every record in service an expected_interval_s.", "Declare the devices in the inventory, each with an expected_interval_s."},
    {"MQ.DE.ID-01.t2", DRILL("credential-stuffing") ".", DRILL("credential-stuffing") "."},
    {"MQ.DE.ID-01.t3", DRILL("credential-stuffing") ".", DRILL("credential-stuffing") "."},
    {"MQ.DE.ID-02.t1", DRILL("topic-scan-subscribe") ".", DRILL("topic-scan-subscribe") "."},
    {"MQ.DE.ID-02.t2", DRILL("topic-scan-subscribe") ".", DRILL("topic-scan-subscribe") "."},
    {"MQ.DE.ID-03.t3", DRILL("undeliverable-messages") ".", DRILL("undeliverable-messages") "."},
    {"MQ.DE.ID-04.t2", DRILL("connection-pileup") ".", DRILL("connection-pileup") "."},
    {"MQ.RS.RP-01.t1", REVOKE ".", REVOKE "."},
    {"MQ.RS.RP-01.t2", REVOKE ".", REVOKE "."},
    {"MQ.RS.RP-02.t1", DISABLE ".", DISABLE "."},
    {"MQ.RS.RP-03.t2", REVOKE ".", REVOKE "."},
    {"MQ.RS.RP-03.t3", "Automatic answers would cut critical clients; this is a fault of the program.", "Mark the roles that must never be cut automatically with critical: yes."},
    {"MQ.RS.RP-04.t2", BLOCK ".", BLOCK "."},
    {"MQ.RS.RP-04.t3", BLOCK ".", BLOCK "."},
    {"MQ.RS.RP-04.t4", "The node tries it on itself, and nothing of it is configured: report what the self-test found.", NULL},
    {"MQ.RS.RP-05.t2", POSTURE ".", POSTURE "."},
    {"MQ.RC.RP-04.t1", "Review the firewall and access rules" SIGN " MQ.RC.RP-04.", "Review the firewall and access rules" SIGN " MQ.RC.RP-04."},
    {"MQ.RC.RP-04.t4", "Lift the temporary bans that are past their expiry: bastide unban.", NULL},
    {"MQ.RC.RP-06.t1", "Before a device is let in again, look at it and say so: bastide assets inspect.", "Known as soon as a declared device that was banned is let in again."},
    {"MQ.RC.RP-06.t2", "Look at devices that are banned sooner: bastide assets inspect.", "Known as soon as a declared device that is banned was looked at: bastide assets inspect."},
    {"MQ.RC.RP-06.t3", "Find out why devices are banned again that were let in; look longer before.", "Known as soon as a declared device that was banned is let in again."},
    {"MQ.RC.RP-07.t1", "Review the management of keys" SIGN " MQ.RC.RP-07.", "Review the management of keys" SIGN " MQ.RC.RP-07."},
    {"MQ.RC.RP-08.t1", "Make a backup: bastide backup create.", "Known as soon as there is a backup: bastide backup create."},
    {"MQ.RC.RP-08.t2", "Restore a backup elsewhere, bastide backup restore --into, compare, then: bastide record MQ.RC.RP-08.t2 0 --by NAME.", "Restore a backup elsewhere, bastide backup restore --into, compare, then: bastide record MQ.RC.RP-08.t2 0 --by NAME."},
    {"MQ.RC.RP-08.t3", "Take the at-rest key out of the folder of backups.", "Known as soon as there is a backup: bastide backup create."},
    {"MQ.RC.RP-09.t1", "Revise the recovery plan" SIGN " MQ.RC.RP-09.", "Revise the recovery plan" SIGN " MQ.RC.RP-09."},
};

/* What to do about a failed test where nothing more exact is known, by its kind. */
static const struct {
    const char *kind;
    const char *better;
} by_kind[] = {
    {"config",    "Configure: "},
    {"inventory", "Complete the inventory: "},
    {"runtime",   "Improve in operation: "},
    {"log",       "Improve what the log shows: "},
    {"crypto",    "Mend: "},
    {"drill",     "Improve, and drill again: "},
    {"file",      "Bring up to date: "},
    {"self-test", "Mend what the self-test finds: "},
    {"import",    "Bring up to date: "},
};
/* clang-format on */

static void advise_failed(struct buf *out, const struct catalog_test *t)
{
    for (size_t i = 0; i < COUNT_OF(advices); i++) {
        if (strcmp(advices[i].test, t->id) == 0 && advices[i].failed != NULL) {
            buf_addf(out, "%s", advices[i].failed);
            return;
        }
    }
    for (size_t i = 0; i < COUNT_OF(by_kind); i++)
        if (strcmp(by_kind[i].kind, t->kind) == 0)
            buf_addf(out, "%s%s.", by_kind[i].better, t->observe);
}

static const char *advice_if_unknown(const struct catalog_test *t)
{
    for (size_t i = 0; i < COUNT_OF(advices); i++)
        if (strcmp(advices[i].test, t->id) == 0)
            return advices[i].unknown;
    return NULL;
}

static void advise_unknown(struct buf *out, const struct assess_test *t)
{
    const struct catalog_test *ct = t->test;
    const char *text = t->samples == 0 ? advice_if_unknown(ct) : NULL;

    if (text != NULL) {
        buf_addf(out, "%s", text);
        return;
    }
    switch (source_of(ct)) {
    case SOURCE_NODE:
        if (t->samples > 0)
            buf_addf(out,
                     "Wait until the node has seen enough, or let fewer count in the scope "
                     "(min_samples), with the reason: %s.",
                     ct->observe);
        else
            buf_addf(out, "The node measures it once there is something to measure: %s.",
                     ct->observe);
        break;
    case SOURCE_PERSON:
        buf_addf(out, "Measure it, then: bastide record %s VALUE --by NAME. VALUE is: %s.", ct->id,
                 ct->observe);
        break;
    case SOURCE_NOBODY:
        buf_addf(out,
                 "This version cannot measure it, so it stays unknown: %s. Where it does not "
                 "apply, say so in the target profile.",
                 ct->observe);
        break;
    }
}

static const struct assess_test *first_with(const struct assess_sub *s, unsigned tier,
                                            enum assess_mark mark, size_t *ret_n)
{
    const struct assess_test *first = NULL;

    *ret_n = 0;
    for (size_t k = 0; k < s->n_tests; k++) {
        if (s->tests[k].mark[tier] != mark)
            continue;
        if (first == NULL)
            first = &s->tests[k];
        ++*ret_n;
    }
    return first;
}

/* Of what is unknown first what somebody can do something about. */
static const struct assess_test *first_unknown(const struct assess_sub *s, unsigned tier,
                                               size_t *ret_n)
{
    const struct assess_test *first = first_with(s, tier, ASSESS_UNKNOWN, ret_n);

    for (size_t k = 0; k < s->n_tests; k++)
        if (s->tests[k].mark[tier] == ASSESS_UNKNOWN &&
            source_of(s->tests[k].test) < source_of(first->test))
            first = &s->tests[k];
    return first;
}

static void add_more(struct buf *out, size_t n)
{
    if (n > 1)
        buf_addf(out, "; and %zu more", n - 1);
}

static void say_failed(struct buf *out, const struct assess_test *t, unsigned tier, size_t n)
{
    words_of_metric(out, t->test->metric);
    buf_addf(out, " is ");
    words_of_value(out, t->test, t->value);
    buf_addf(out, ", tier %u needs %s%s", tier, words_of_op(t->test->op),
             t->test->op == CATALOG_EQUAL ? "" : " ");
    words_of_value(out, t->test, t->test->threshold[tier]);
    add_more(out, n);
}

static void say_unknown(struct buf *out, const struct assess_test *t, size_t n)
{
    buf_addf(out, "not known: ");
    words_of_metric(out, t->test->metric);
    buf_addf(out, " (%s)", t->why_not);
    add_more(out, n);
}

static void say_attestation(struct buf *what, struct buf *todo, const struct assess_sub *s)
{
    if (s->attestation == ATTESTATION_VALID) {
        buf_addf(what, "the attestation is not by somebody else than the implementer");
        buf_addf(todo, "Have another %s sign, and name the implementer.", s->sub->attest_who);
        return;
    }
    buf_addf(what, "attestation %s", attestation_status_text(s->attestation));
    buf_addf(todo, "Let the %s sign (bastide attest %s): \"%s\"", s->sub->attest_who, s->sub->id,
             s->sub->attest_statement);
}

static bool attestation_holds_back(const struct assess_sub *s, unsigned tier)
{
    if (s->attestation == ATTESTATION_NOT_NEEDED)
        return false;
    return s->attestation == ATTESTATION_VALID ? tier > 2 && !s->attestation_is_independent
                                               : tier >= s->sub->attest_from_tier;
}

/* A failed test first, as it is a finding; then what is not known; then signatures and gates. */
static void advise(const struct assess_sub *s, const struct assess_rollup *category,
                   struct buf *what, struct buf *todo)
{
    unsigned tier = s->tier + 1;
    size_t n;
    const struct assess_test *t = first_with(s, tier, ASSESS_FAIL, &n);

    if (t != NULL) {
        say_failed(what, t, tier, n);
        advise_failed(todo, t->test);
        return;
    }
    t = first_unknown(s, tier, &n);
    if (t != NULL) {
        say_unknown(what, t, n);
        advise_unknown(todo, t);
    } else if (attestation_holds_back(s, tier)) {
        say_attestation(what, todo, s);
    } else if (category->gate != NULL) {
        buf_addf(what, "gate of tier %u: %s", tier, category->gate);
        buf_addf(todo, "%s", category->gate_todo);
    } else {
        buf_addf(what, "nothing was measured");
        buf_addf(todo, "Let the node measure at least one test of it.");
    }
}

/** advice_write() - .blocker and .next_step of each subcategory below tier 4 */
void advice_write(const struct assess_input *in, struct assessment *a)
{
    (void)in;
    for (size_t i = 0; i < a->n_subs; i++) {
        struct assess_sub *s = &a->subs[i];
        CLEANUP(buf_done) struct buf what = {0};
        CLEANUP(buf_done) struct buf todo = {0};

        if (!s->in_profile || s->not_applicable || s->tier >= ASSESS_TIER_MAX)
            continue;
        advise(s, &a->categories[s->sub->category], &what, &todo);
        s->blocker = bytes_dup_str(buf_view(&what));
        s->next_step = bytes_dup_str(buf_view(&todo));
    }
}
