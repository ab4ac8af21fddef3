/* SPDX-License-Identifier: Apache-2.0 */
/* cli/init_explain.c - what bastide init made, and what comes next */
#include <stdio.h>

#include "base/text.h"
#include "cli/home.h"
#include "cli/init.h"

/* clang-format off */
static const struct {
    const char *name;
    const char *what;
} files[] = {
    {"bastide.yaml",                 "the configuration: listeners, roles, limits"},
    {"users.yaml",                   "who may come in, and in which role"},
    {"inventory.yaml",               "which equipment and flows there should be; to be filled in"},
    {"target-profile.yaml",          "which tier is aimed at, and why; to be filled in"},
    {"scope.yaml",                   "what an assessment is about; to be filled in"},
    {"attestations.json",            "signed statements on what cannot be measured; none yet"},
    {"pki/ca.crt",                   "by which clients know the node: every client needs it"},
    {"pki/ca.key",                   "SECRET: whoever has it can issue certificates"},
    {"pki/ca.crl",                   "which certificates are revoked; none yet"},
    {"pki/server.crt, server.key",   "the node's certificate, and its SECRET key"},
    {"pki/operator.crt, .key",       "user \"admin\" at the control listener; the key is SECRET"},
    {"pki/attestation.pub, .key",    "verifies, and (SECRET) signs attestations"},
    {"keys/at-rest.key",             "SECRET: for data that is stored sealed"},
    {"state/, run/",                 "what the node keeps, and its admin socket"},
};
/* clang-format on */

static void explain_files(void)
{
    for (size_t i = 0; i < COUNT_OF(files); i++)
        home_say("  %-28s %s\n", files[i].name, files[i].what);
}

static void explain_certificates(const struct init_task *t)
{
    char end[21];

    home_say("\nThe node's certificate is good until %.10s for\n ",
             date_text(t->certificates_end_unix_ms, end));
    for (size_t i = 0; i < t->n_hosts; i++)
        home_say(" %s", t->hosts[i]);
    home_say("\n");
}

static void explain_listeners(const struct init_task *t)
{
    home_say("\nIt will listen on\n"
             "  %s port %u   field: TLS, with a certificate or a password\n"
             "  %s port %u   control: TLS, only with a certificate, only operators\n"
             "  127.0.0.1 port %u   local: programs on this machine, with a password\n",
             t->address, t->field_port, t->address, t->control_port, t->local_port);
}

static void explain_administrator(const struct init_task *t)
{
    home_say("\nThe administrator, shown once only\n"
             "  user name  admin\n"
             "  password   %s\n",
             t->password_secret);
}

static void explain_next(const struct init_task *t)
{
    home_say("\nWhat comes next\n"
             "  1  Copy pki/ca.key and keys/ to a medium that is kept offline.\n"
             "  2  See whether all is in order, and run the node:\n"
             "       bastide check-config --home %s\n"
             "       bastide run --home %s\n",
             t->dir, t->dir);
    home_say("  3  Let a device in, by a certificate of its own:\n"
             "       bastide pki issue client meter-17 --home %s\n"
             "       bastide user add meter-17 --role device --certificate-cn meter-17 --home %s\n"
             "       bastide reload --home %s\n",
             t->dir, t->dir, t->dir);
    home_say(
        "  4  Write down in inventory.yaml what there should be, and in scope.yaml what is at\n"
        "     stake; then see where you stand:\n"
        "       bastide assess --home %s\n",
        t->dir);
}

/** init_explain() - to standard output, for the person who has to go on from here */
void init_explain(const struct init_task *t)
{
    home_say("Made the home of node %s, profile %s, in %s%s%s.\n\n", t->name, t->profile->name,
             t->dir, t->owner != NULL ? ", for user " : "", text_or_empty(t->owner));
    explain_files();
    explain_certificates(t);
    explain_listeners(t);
    explain_administrator(t);
    explain_next(t);
}
