/* SPDX-License-Identifier: Apache-2.0 */
/* assess/advice.c - what holds the next tier back, and what to do about it */
#include "assess/private.h"

#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
static const struct {
    const char *test;
    const char *text;
} advices[] = {
    {"MQ.ID.AM-01.t1", "Go through \"bastide assets\": declare each learned device in the inventory, or ban it."},
    {"MQ.ID.AM-01.t2", "Fill in owner, site, hw_model, hw_serial and criticality of each record in the inventory."},
    {"MQ.ID.AM-01.t3", "Decide on new devices within days: declare them in the inventory or ban them."},
    {"MQ.ID.AM-01.t4", "Look after the declared devices that are silent; mark spare and retired ones as such."},
    {"MQ.ID.AM-03.t1", "Bind the listeners that are configured and no others; look at \"bastide status\"."},
    {"MQ.ID.AM-03.t2", "Declare the zones (address prefixes) that clients come from in the inventory."},
    {"MQ.ID.AM-03.t4", "Review the inventory and set approved_by and approved_at."},
    {"MQ.ID.AM-04.t1", "Give each record of the inventory a state and state_since."},
    {"MQ.ID.AM-04.t2", "Revoke the credentials of retired devices: bastide pki revoke, bastide user disable."},
    {"MQ.ID.RM-01.t1", "Write a tolerance for each impact area into the scope and have it approved."},
    {"MQ.ID.RM-02.t2", "Declare zones with exposure and impact in the scope; each assessment then identifies risks."},
    {"MQ.ID.RM-03.t1", "Give every zone of the scope an impact from 0 to 100."},
    {"MQ.ID.RM-04.t3", "Raise MQ.PR.IA-04 first: clients must check the server's certificate."},
    {"MQ.ID.CO-02.t1", "List obligations (law, regulation) in the scope, each with source, owner and reviewed_at."},
    {"MQ.ID.IC-01.t1", "Go through \"bastide flows\": declare what is needed, deny the rest."},
    {"MQ.ID.IC-01.t2", "Declare conduits between zones, or stop the flows that cross without one."},
    {"MQ.ID.IC-01.t3", "Give the control plane its own listener (plane: control) and reserve command topics."},
    {"MQ.ID.IC-01.t4", "Give every topic filter of the inventory an owner and a classification."},
    {"MQ.ID.IC-02.t2", "Acknowledge high incidents in time and by name: bastide incidents ack."},
    {"MQ.ID.IC-02.t3", "Test each alert route end to end and record it in state/drills.jsonl."},
    {"MQ.ID.EA-01.t1", "Give every approved record a site and an exposure_class."},
    {"MQ.ID.EA-02.t1", "Describe each conduit: carrier, medium, route_class, owner, redundant."},
    {"MQ.ID.EA-03.t1", "Describe each broker: site, room, rack, access_control, power_backup."},
    {"MQ.PR.SA-03.t1", "Run a drill (bastide lab attack) and record it."},
    {"MQ.PR.SA-03.t4", "Exercise more of the scenarios R01 to R12."},
    {"MQ.PR.IA-01.t1", "Issue client certificates (bastide pki issue) and set client_certificate: required."},
    {"MQ.PR.IA-01.t2", "Give every listener beyond loopback tls, and remove allow_plaintext_beyond_loopback."},
    {"MQ.PR.IA-01.t3", "Publish a CRL on time (bastide pki crl) and name it in the listener."},
    {"MQ.PR.IA-01.t4", "Renew the certificates that expire within 14 days."},
    {"MQ.PR.IA-03.t1", "Set anonymous: no on every listener beyond loopback."},
    {"MQ.PR.IA-03.t2", "Move clients from weak methods to certificates or Argon2id passwords."},
    {"MQ.PR.IA-03.t3", "Give each device its own name; declare real groups with group: yes."},
    {"MQ.PR.IA-03.t4", "Change the passwords that are on the list of default passwords."},
    {"MQ.PR.IA-04.t1", "Renew the server certificate; its names must be those that clients use."},
    {"MQ.PR.IA-05.t1", "Take rules for everybody away: what no rule allows is to be refused."},
    {"MQ.PR.IA-05.t2", "Give each active user a role with rules of its own."},
    {"MQ.PR.IA-05.t3", "Narrow rules for '#' and for command topics to the roles that need them."},
    {"MQ.PR.IA-05.t4", "Remove rules that were never used: bastide acl."},
    {"MQ.PR.IP-01.t1", "Carry all traffic beyond loopback over TLS 1.2 with AEAD, or TLS 1.3."},
    {"MQ.PR.IP-01.t2", "Upgrade clients to TLS 1.3, then set version_min: \"1.3\"."},
    {"MQ.PR.IP-03.t1", "Take confidential topics off listeners without tls."},
    {"MQ.PR.IP-03.t2", "Remove subscriptions to confidential topics by principals that are no readers of them."},
    {"MQ.PR.SP-02.t3", "Run a revocation drill: revoke a test certificate, measure until its session is cut."},
    {"MQ.PR.SP-04.t5", "Mark roles that must never be cut automatically with critical: yes."},
    {"MQ.PR.SP-05.t1", "Set the limits that are missing in the configuration."},
    {"MQ.PR.SP-06.t3", "Keep the at-rest key on another volume than the state, mode 0600."},
    {"MQ.PR.CL-02.t1", "Give every device a key of its own."},
    {"MQ.DE.PM-01.t1", "Give every record in service an expected_interval_s."},
    {"MQ.RS.RP-01.t1", "Run a revocation drill: revoke a test certificate, measure until it is refused."},
    {"MQ.RC.RP-04.t4", "Lift the temporary bans that are past their expiry."},
    {"MQ.RC.RP-08.t1", "Make a backup of configuration, keys and state, and note its time."},
    {"MQ.RC.RP-08.t2", "Restore a backup into an isolated node and compare hashes and counts."},
};

/* What to do where nothing more exact is known, by the kind of the test: how to get it better, and how
 * to get it known. */
static const struct {
    const char *kind;
    const char *better;
    const char *known;
} by_kind[] = {
    {"config",    "Configure: ",                       "Let the node read back: "},
    {"inventory", "Complete the inventory: ",          "Complete the inventory: "},
    {"runtime",   "Improve in operation: ",            "Run the node until it has seen enough: "},
    {"log",       "Improve what the log shows: ",      "Let the log show: "},
    {"crypto",    "Mend: ",                            "Let the node check: "},
    {"drill",     "Improve, and drill again: ",        "Run and record a drill: "},
    {"file",      "Bring up to date: ",                "Put on file: "},
    {"self-test", "Mend what the self-test finds: ",   "Run the self-test: "},
    {"import",    "Bring up to date: ",                "Import: "},
};
/* clang-format on */

static void add_general(struct buf *out, const struct catalog_test *t, bool is_known)
{
    for (size_t i = 0; i < COUNT_OF(by_kind); i++)
        if (strcmp(by_kind[i].kind, t->kind) == 0)
            buf_addf(out, "%s%s.", is_known ? by_kind[i].better : by_kind[i].known, t->observe);
}

static void advise_failed(struct buf *out, const struct catalog_test *t)
{
    for (size_t i = 0; i < COUNT_OF(advices); i++) {
        if (strcmp(advices[i].test, t->id) == 0) {
            buf_addf(out, "%s", advices[i].text);
            return;
        }
    }
    add_general(out, t, true);
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
    buf_addf(todo, "Let the %s sign: \"%s\"", s->sub->attest_who, s->sub->attest_statement);
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
    t = first_with(s, tier, ASSESS_UNKNOWN, &n);
    if (t != NULL) {
        say_unknown(what, t, n);
        add_general(todo, t->test, false);
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
