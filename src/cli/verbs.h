/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verbs.h - the verbs of the command line
 *
 * Each is called with argv[0] its own name, and returns one of enum cli_exit.
 * The table with their summaries, options and help is in cli/verbs.c.
 */
#pragma once

enum cli_exit {
    CLI_OK = 0,
    CLI_NO = 1,          /* it failed, or the answer is no; standard error says why */
    CLI_USAGE = 2,       /* the command line is wrong */
    CLI_UNREACHABLE = 3, /* no node answers at the admin socket */
};

int cli_acl(int argc, char **argv);
int cli_assess(int argc, char **argv);
int cli_assets(int argc, char **argv);
int cli_attest(int argc, char **argv);
int cli_audit(int argc, char **argv);
int cli_backup(int argc, char **argv);
int cli_ban(int argc, char **argv);
int cli_bans(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_check_config(int argc, char **argv);
int cli_clients(int argc, char **argv);
int cli_crypto(int argc, char **argv);
int cli_disconnect(int argc, char **argv);
int cli_flows(int argc, char **argv);
int cli_help(int argc, char **argv);
int cli_incidents(int argc, char **argv);
int cli_init(int argc, char **argv);
int cli_key(int argc, char **argv);
int cli_store(int argc, char **argv);
int cli_lab(int argc, char **argv);
int cli_drill(int argc, char **argv);
int cli_metrics(int argc, char **argv);
int cli_pki(int argc, char **argv);
int cli_record(int argc, char **argv);
int cli_reference(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_respond(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_stop(int argc, char **argv);
int cli_unban(int argc, char **argv);
int cli_user(int argc, char **argv);
int cli_version(int argc, char **argv);
