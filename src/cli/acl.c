/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/acl.c - bastide acl explain: what may this client do, and which rule says so
 *
 * Works from the configuration alone, with the gate that the node uses, so it
 * also answers before a change is put in force.  MQ.PR.IA-05
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/ask.h"
#include "cli/print.h"
#include "node/node.h"
#include "wire/wire.h"

static const struct user_spec *user_named(const struct policy_spec *p, const char *name)
{
    for (size_t i = 0; name != NULL && i < p->n_users; i++) {
        if (strcmp(p->users[i].name, name) == 0)
            return &p->users[i];
    }
    return NULL;
}

/* The certificate a user comes with when it has no password. */
static const char *certificate_of(const struct user_spec *u)
{
    return u != NULL && u->password_verifier == NULL ? u->certificate_cn : NULL;
}

static bool only_has_scram(const struct user_spec *u)
{
    return u != NULL && u->password_verifier == NULL && u->scram_verifier != NULL;
}

static struct gate_subject subject_of(const struct cli_args *a, const struct policy_spec *p)
{
    const char *user = cli_arg(a, "--user");
    const char *cn = cli_arg(a, "--cert-cn");
    const char *address = cli_arg(a, "--address");
    const struct user_spec *spec = user_named(p, user);

    if (cn == NULL)
        cn = certificate_of(spec);
    return (struct gate_subject){
        .client_id = bytes_str(cli_arg(a, "--client")),
        .user_name = bytes_str(user),
        .address = address != NULL ? bytes_str(address) : BYTES("127.0.0.1"),
        .certificate_cn = bytes_str(cn),
        .has_user_name = user != NULL,
        .has_password = user != NULL && cn == NULL,
        .has_scram = cn == NULL && only_has_scram(spec),
        .has_certificate = cn != NULL,
        .is_control = cli_flag(a, "--control"),
        .anonymous_allowed = user == NULL && cn == NULL,
    };
}

/* As the node does it, but that the password is taken as the right one. */
static struct grant *admit(struct policy *p, const struct gate_subject *s, enum gate_outcome *ret)
{
    const char *verifier = NULL;

    *ret = gate_connect(p, s, &verifier);
    if (*ret != GATE_ALLOWED && *ret != GATE_ASK_PASSWORD)
        return NULL;
    return gate_admit(p, s, ret);
}

/* Rights are asked for without "$share/group/". */
static struct bytes unshared(const char *filter)
{
    struct bytes share = BYTES("$share/");
    struct bytes f = bytes_str(filter);
    const uint8_t *slash = NULL;

    if (bytes_has_prefix(f, share))
        slash = memchr(f.at + share.len, '/', f.len - share.len);
    return slash != NULL ? bytes_of(slash + 1, f.len - (size_t)(slash + 1 - f.at)) : f;
}

static int explain(const struct cli_args *a, const struct grant *g)
{
    CLEANUP(buf_done) struct buf text = {0};
    const char *topic = cli_arg(a, "--publish");
    enum gate_action action = topic != NULL ? GATE_PUBLISH : GATE_SUBSCRIBE;
    struct bytes asked = topic != NULL ? bytes_str(topic) : unshared(cli_arg(a, "--subscribe"));
    struct gate_answer answer = gate_check(g, action, asked);

    if (answer.outcome == GATE_ALLOWED)
        (void)printf("ALLOWED\n");
    else
        (void)printf("DENIED: %s\n", gate_outcome_text(answer.outcome));
    gate_explain(g, action, asked, &text);
    buf_add_u8(&text, 0);
    print_text((const char *)text.at);
    return answer.outcome == GATE_ALLOWED ? CLI_OK : CLI_NO;
}

static int with_config(const struct cli_args *a, const struct config *c)
{
    char *error = NULL;
    struct policy *p = policy_new(&c->policy, &error);
    struct gate_subject s = subject_of(a, &c->policy);
    enum gate_outcome outcome = GATE_ALLOWED;
    struct grant *g;
    int rc;

    if (p == NULL) {
        rc = cli_fail("%s", error);
        free(error);
        return rc;
    }
    g = admit(p, &s, &outcome);
    if (g != NULL) {
        rc = explain(a, g);
    } else {
        (void)printf("DENIED: not let in: %s\n", gate_outcome_text(outcome));
        rc = CLI_NO;
    }
    grant_free(g);
    policy_unref(p);
    return rc;
}

/** cli_acl() - bastide acl explain; Return: CLI_OK allowed, CLI_NO denied */
int cli_acl(int argc, char **argv)
{
    struct cli_args a;
    struct config *c = NULL;
    int rc = cli_args_parse(&a, argc, argv, 1, 1);

    if (rc != CLI_OK)
        return rc;
    if (strcmp(a.operands[0], "explain") != 0)
        return cli_usage(a.verb, "say explain");
    if (cli_arg(&a, "--client") == NULL)
        return cli_usage(a.verb,
                         "whose rights? give --client CLIENT, and --user USER if it has one");
    if ((cli_arg(&a, "--publish") == NULL) == (cli_arg(&a, "--subscribe") == NULL))
        return cli_usage(a.verb, "give one of --publish TOPIC and --subscribe FILTER");
    if (cli_arg(&a, "--publish") != NULL && strpbrk(cli_arg(&a, "--publish"), "+#") != NULL)
        return cli_usage(a.verb, "a topic that is published to has no + or #");
    if (cli_arg(&a, "--subscribe") != NULL &&
        !wire_topic_filter_well_formed(bytes_str(cli_arg(&a, "--subscribe")), WIRE_V5))
        return cli_usage(a.verb, "%s is no topic filter: + is a whole level, # the last one",
                         cli_arg(&a, "--subscribe"));
    rc = ask_config(&a, &c);
    if (rc == CLI_OK)
        rc = with_config(&a, c);
    config_free(c);
    return rc;
}
