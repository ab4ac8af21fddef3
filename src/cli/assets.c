/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/assets.c - bastide assets, flows, crypto: what there is, beside what there should be
 *
 * MQ.ID.AM-01 MQ.ID.AM-02 MQ.ID.AM-03 MQ.ID.IC-01 MQ.ID.IC-04
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/shown.h"
#include "cli/ask.h"
#include "cli/bom.h"
#include "cli/csv.h"
#include "cli/dot.h"
#include "cli/home.h"
#include "cli/print.h"
#include "cli/register.h"

/* clang-format off */
static const struct show_field asset_columns[] = {
    {"ASSET",       "name",               SHOW_TEXT},
    {"STATE",       "state",              SHOW_TEXT},
    {"ROLE",        "role",               SHOW_TEXT},
    {"CONNECTED",   "connected",          SHOW_YES},
    {"CRITICALITY", "criticality",        SHOW_TEXT},
    {"OWNER",       "owner",              SHOW_TEXT},
    {"ZONE",        "zone_seen",          SHOW_TEXT},
    {"ADDRESS",     "address",            SHOW_TEXT},
    {"FIRMWARE",    "seen_firmware",      SHOW_TEXT},
    {"FIRST SEEN",  "first_seen_unix_ms", SHOW_AGO},
    {"LAST SEEN",   "last_seen_unix_ms",  SHOW_AGO},
    {"LIFECYCLE",   "lifecycle",          SHOW_TEXT},
    {"DIFFERS",     "differs",            SHOW_TEXT},
};
static const struct csv_column asset_values[] = {
    {"name", "name"}, {"state", "state"}, {"connected", "connected"}, {"client_id", "client_id"},
    {"certificate_cn", "certificate_cn"}, {"user_name", "user_name"}, {"role", "role"},
    {"owner", "owner"}, {"site", "site"}, {"location", "location"}, {"zone", "zone"},
    {"zone_seen", "zone_seen"}, {"criticality", "criticality"}, {"lifecycle", "lifecycle"},
    {"address", "address"}, {"protocol", "protocol"}, {"hw_model", "hw_model"}, {"hw_serial", "hw_serial"},
    {"seen_manufacturer", "seen_manufacturer"}, {"seen_hw_model", "seen_hw_model"},
    {"seen_hw_serial", "seen_hw_serial"}, {"seen_firmware", "seen_firmware"},
    {"seen_software", "seen_software"}, {"seen_library", "seen_library"}, {"seen_os", "seen_os"},
    {"seen_tls_version", "seen_tls_version"}, {"first_seen", "first_seen_unix_ms"},
    {"last_seen", "last_seen_unix_ms"}, {"messages_per_s", "messages_per_s"}, {"differs", "differs"},
};
static const struct show_field flow_columns[] = {
    {"FROM",       "from",               SHOW_TEXT},
    {"TOPIC",      "topic",              SHOW_TEXT},
    {"TO",         "to",                 SHOW_TEXT},
    {"DECLARED",   "declared",           SHOW_YES},
    {"LIVE",       "live",               SHOW_YES},
    {"ABOUT/S",    "messages_per_s",     SHOW_DECIMAL},
    {"FROM ZONE",  "from_zone",          SHOW_TEXT},
    {"TO ZONE",    "to_zone",            SHOW_TEXT},
    {"CLASS",      "classification",     SHOW_TEXT},
    {"FIRST SEEN", "first_seen_unix_ms", SHOW_AGO},
    {"LAST SEEN",  "last_seen_unix_ms",  SHOW_AGO},
};
static const struct csv_column flow_values[] = {
    {"from", "from"}, {"topic", "topic"}, {"to", "to"}, {"declared", "declared"}, {"live", "live"},
    {"messages_per_s", "messages_per_s"}, {"from_zone", "from_zone"}, {"to_zone", "to_zone"},
    {"conduit", "conduit"}, {"classification", "classification"}, {"from_id", "from_id"}, {"to_id", "to_id"},
    {"first_seen", "first_seen_unix_ms"}, {"last_seen", "last_seen_unix_ms"},
};
static const struct show_field missing_columns[] = {
    {"DECLARED, NOT SEEN: FROM", "from",  SHOW_TEXT},
    {"TOPIC",                    "topic", SHOW_TEXT},
    {"TO",                       "to",    SHOW_TEXT},
};
static const struct show_field crypto_columns[] = {
    {"ASSET",     "name",                          SHOW_TEXT},
    {"CONNECTED", "connected",                     SHOW_YES},
    {"TLS",       "tls_version",                   SHOW_TEXT},
    {"SUITE",     "tls_cipher",                    SHOW_TEXT},
    {"GROUP",     "tls_group",                     SHOW_TEXT},
    {"KEY",       "certificate_key",               SHOW_TEXT},
    {"SIGNATURE", "certificate_signature",         SHOW_TEXT},
    {"ENDS",      "certificate_not_after_unix_ms", SHOW_UNTIL},
    {"PROFILE",   "profile",                       SHOW_TEXT},
};
static const struct csv_column crypto_values[] = {
    {"name", "name"}, {"connected", "connected"}, {"tls_version", "tls_version"}, {"tls_cipher", "tls_cipher"},
    {"tls_group", "tls_group"}, {"certificate_key", "certificate_key"},
    {"certificate_signature", "certificate_signature"}, {"certificate_issuer", "certificate_issuer"},
    {"certificate_serial", "certificate_serial"}, {"certificate_not_after", "certificate_not_after"},
    {"profile", "profile"}, {"id", "id"},
};
/* An option, the members it is held against, and how. */
static const struct filter {
    const char *option;
    const char *keys[4]; /* NULL ends them */
    bool is_part;        /* the text is anywhere in the member, in either case */
} filters[] = {
    {"--state",  {"state"},                                  false},
    {"--role",   {"role"},                                   false},
    {"--zone",   {"zone_seen", "zone", "from_zone", "to_zone"}, false},
    {"--from",   {"from", "from_name", "from_id"},           false},
    {"--to",     {"to", "to_name", "to_id"},                 false},
    {"--topic",  {"topic"},                                  true},
    {"--search", {"name", "client_id", "principal", "address"}, true},
};
/* An option, and a member that must be so. */
static const struct {
    const char *option;
    const char *key;
    bool wanted;
} flags[] = {
    {"--connected",   "connected",     true},
    {"--undeclared",  "declared",      false},
    {"--cross-zone",  "crosses_zones", true},
};
/* clang-format on */

static bool has_option(const struct cli_args *a, const char *name)
{
    for (const struct cli_option *o = a->verb->options; o != NULL && o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return true;
    return false;
}

static bool meets_text(const json_t *row, const struct filter *f, const char *wanted)
{
    for (size_t k = 0; k < COUNT_OF(f->keys) && f->keys[k] != NULL; k++) {
        const char *text = json_string_value(json_object_get(row, f->keys[k]));

        if (text != NULL &&
            (f->is_part ? strcasestr(text, wanted) != NULL : strcmp(text, wanted) == 0))
            return true;
    }
    return false;
}

static bool expires_within(const json_t *row, const char *days)
{
    uint64_t ends =
        (uint64_t)json_integer_value(json_object_get(row, "certificate_not_after_unix_ms"));

    return ends > 0 && ends < clock_unix_ms() + strtoull(days, NULL, 10) * DAY_MS;
}

static bool meets(const struct cli_args *a, const json_t *row)
{
    for (size_t i = 0; i < COUNT_OF(filters); i++)
        if (has_option(a, filters[i].option) && cli_arg(a, filters[i].option) != NULL &&
            !meets_text(row, &filters[i], cli_arg(a, filters[i].option)))
            return false;
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (has_option(a, flags[i].option) && cli_flag(a, flags[i].option) &&
            json_is_true(json_object_get(row, flags[i].key)) != flags[i].wanted)
            return false;
    if (has_option(a, "--different") && cli_flag(a, "--different") &&
        json_array_size(json_object_get(row, "differences")) == 0)
        return false;
    if (has_option(a, "--outside") && cli_flag(a, "--outside") &&
        !meets_text(row, &(const struct filter){.keys = {"profile"}}, "outside"))
        return false;
    return !has_option(a, "--expiring") || cli_arg(a, "--expiring") == NULL ||
           expires_within(row, cli_arg(a, "--expiring"));
}

/* Those of @all that the options ask for; a new reference. */
static json_t *chosen(const struct cli_args *a, const json_t *all)
{
    json_t *rows = json_array();
    json_t *row;
    size_t i;

    json_array_foreach(all, i, row) if (meets(a, row))(void) json_array_append(rows, row);
    return rows;
}

static bool is_asset_state(const char *text)
{
    static const char *const states[] = {"declared", "learned", "declared-not-seen"};

    for (size_t i = 0; i < COUNT_OF(states); i++)
        if (strcmp(text, states[i]) == 0)
            return true;
    return false;
}

/* At most one of the formats, and values that there are. */
static int check_options(const struct cli_args *a)
{
    static const char *const formats[] = {"--json", "--csv", "--dot", "--cyclonedx"};
    unsigned n = 0;
    unsigned days;

    for (size_t i = 0; i < COUNT_OF(formats); i++)
        n += has_option(a, formats[i]) && cli_flag(a, formats[i]);
    if (n > 1)
        return cli_usage(a->verb, "say one of --json, --csv and the like");
    if (has_option(a, "--expiring") && cli_arg(a, "--expiring") != NULL &&
        !number_parse(cli_arg(a, "--expiring"), 0, 100000, &days))
        return cli_usage(a->verb, "--expiring takes a number of days");
    if (has_option(a, "--state") && cli_arg(a, "--state") != NULL &&
        !is_asset_state(cli_arg(a, "--state")))
        return cli_usage(a->verb, "--state takes declared, learned or declared-not-seen");
    return CLI_OK;
}

static void print_csv(const json_t *rows, const struct csv_column *columns, size_t n)
{
    CLEANUP(buf_done) struct buf out = {0};

    csv_write(&out, rows, columns, n);
    print_file(&out);
}

static void print_dropped(const json_t *reply, const char *what)
{
    json_int_t dropped = json_integer_value(json_object_get(reply, "dropped"));

    if (dropped > 0)
        (void)fprintf(stderr, "bastide: %" JSON_INTEGER_FORMAT " more %s did not fit\n", dropped,
                      what);
}

static bool imports(const struct cli_args *a)
{
    return a->n_operands == 2 && strcmp(a->operands[0], "import") == 0;
}

static bool lists(const struct cli_args *a)
{
    return a->n_operands == 0 || (a->n_operands == 1 && strcmp(a->operands[0], "list") == 0);
}

/* What can be listed, and imported into the inventory. */
struct listing {
    enum register_list list;
    const char *path;
    const char *key;                  /* of the list in the node's answer */
    const struct csv_column *written; /* the columns of --csv */
    size_t n_written;
    int (*print)(const struct cli_args *a, const json_t *list, const json_t *reply);
    struct listing_verb {
        const char *name; /* NULL: none */
        int n_operands;   /* with the name */
        int (*act)(const struct cli_args *a);
    } verbs[2]; /* further ones */
};

static int list_or_import(int argc, char **argv, const struct listing *l)
{
    struct cli_args a;
    json_t *reply = NULL;
    json_t *list;
    int rc = cli_args_parse(&a, argc, argv, 0, 3);

    if (rc == CLI_OK)
        rc = check_options(&a);
    if (rc != CLI_OK)
        return rc;
    if (imports(&a))
        return register_import(&a, l->list, a.operands[1], l->written, l->n_written);
    for (size_t i = 0; i < COUNT_OF(l->verbs) && l->verbs[i].name != NULL; i++)
        if (a.n_operands == l->verbs[i].n_operands && strcmp(a.operands[0], l->verbs[i].name) == 0)
            return l->verbs[i].act(&a);
    if (!lists(&a))
        return cli_usage(a.verb, "say %s", a.verb->operands);
    rc = ask_node(&a, "GET", l->path, NULL, &reply);
    if (rc == CLI_OK) {
        list = chosen(&a, json_object_get(reply, l->key));
        rc = l->print(&a, list, reply);
        json_decref(list);
        print_dropped(reply, l->key);
    }
    json_decref(reply);
    return rc;
}

/* ---- assets ---- */

static int print_network(const struct cli_args *a, const json_t *assets)
{
    CLEANUP(buf_done) struct buf out = {0};
    json_t *network = NULL;
    int rc = ask_node(a, "GET", "/v1/network", NULL, &network);

    if (rc == CLI_OK)
        dot_network(&out, network, assets);
    print_file(&out);
    json_decref(network);
    return rc;
}

static json_t *flat(const json_t *assets)
{
    json_t *rows = json_array();
    const json_t *one;
    size_t i;

    json_array_foreach(assets, i, one)(void) json_array_append_new(rows, register_flat(one));
    return rows;
}

static int print_assets(const struct cli_args *a, const json_t *assets, const json_t *reply)
{
    json_t *rows = flat(assets);
    json_t *bom;
    int rc = CLI_OK;

    (void)reply;
    if (cli_flag(a, "--dot")) {
        rc = print_network(a, assets);
    } else if (cli_flag(a, "--csv")) {
        print_csv(rows, asset_values, COUNT_OF(asset_values));
    } else if (cli_flag(a, "--cyclonedx")) {
        bom = bom_write(rows, clock_unix_ms());
        print_json(bom);
        json_decref(bom);
    } else {
        print_list(cli_flag(a, "--json") ? assets : rows, cli_flag(a, "--json"),
                   "no assets to show", asset_columns, COUNT_OF(asset_columns));
    }
    json_decref(rows);
    return rc;
}

static int set_state(const struct cli_args *a)
{
    json_t *body;

    if (cli_arg(a, "--reason") == NULL)
        return cli_usage(a->verb, "say why, by --reason TEXT");
    shown_undo(a->operands[1]);
    body = json_pack("{s:s, s:s, s:s}", "name", a->operands[1], "state", a->operands[2], "reason",
                     cli_arg(a, "--reason"));
    return body != NULL ? ask_do(a, "/v1/assets/state", body)
                        : cli_usage(a->verb, "an operand or option is no UTF-8 text");
}

static int inspected(const struct cli_args *a)
{
    json_t *body;

    if (cli_arg(a, "--reason") == NULL)
        return cli_usage(a->verb, "say what was looked at, by --reason TEXT");
    shown_undo(a->operands[1]);
    body = json_pack("{s:s, s:s}", "name", a->operands[1], "reason", cli_arg(a, "--reason"));
    return body != NULL ? ask_do(a, "/v1/assets/inspect", body)
                        : cli_usage(a->verb, "an operand or option is no UTF-8 text");
}

/** cli_assets() - bastide assets [list | import FILE | state NAME STATE | inspect NAME];
 * MQ.ID.AM-01 MQ.ID.AM-04 MQ.RC.RP-06 */
int cli_assets(int argc, char **argv)
{
    static const struct listing assets = {
        REGISTER_ASSETS,
        "/v1/assets",
        "assets",
        asset_values,
        COUNT_OF(asset_values),
        print_assets,
        {{"state", 3, set_state}, {"inspect", 2, inspected}},
    };

    return list_or_import(argc, argv, &assets);
}

/* ---- flows ---- */

static void print_missing(const struct cli_args *a, const json_t *missing)
{
    json_t *rows = chosen(a, missing);

    if (json_array_size(rows) > 0) {
        (void)printf("\n");
        print_list(rows, false, "", missing_columns, COUNT_OF(missing_columns));
    }
    json_decref(rows);
}

static int print_flows(const struct cli_args *a, const json_t *flows, const json_t *reply)
{
    CLEANUP(buf_done) struct buf out = {0};

    if (cli_flag(a, "--csv")) {
        print_csv(flows, flow_values, COUNT_OF(flow_values));
    } else if (cli_flag(a, "--dot")) {
        dot_flows(&out, flows);
        print_file(&out);
    } else {
        print_list(flows, cli_flag(a, "--json"), "no flows to show", flow_columns,
                   COUNT_OF(flow_columns));
        if (!cli_flag(a, "--json"))
            print_missing(a, json_object_get(reply, "declared_not_seen"));
    }
    return CLI_OK;
}

/** cli_flows() - bastide flows [list | import FILE]; MQ.ID.IC-01 */
int cli_flows(int argc, char **argv)
{
    static const struct listing flows = {
        REGISTER_FLOWS,        "/v1/flows", "flows", flow_values,
        COUNT_OF(flow_values), print_flows, {{0}},
    };

    return list_or_import(argc, argv, &flows);
}

/* ---- crypto ---- */

/* In place of a table that is empty. */
static const char *no_crypto_text(const struct cli_args *a, const json_t *reply)
{
    if (cli_flag(a, "--outside") && !json_is_true(json_object_get(reply, "has_profile")))
        return "the inventory has no crypto_profile: write down in it which versions, suites and "
               "groups are allowed,\nthen 'bastide reload'";
    return "no assets to show";
}

/** cli_crypto() - bastide crypto; MQ.ID.IC-04 */
int cli_crypto(int argc, char **argv)
{
    struct cli_args a;
    json_t *reply = NULL;
    json_t *rows;
    int rc = cli_args_parse(&a, argc, argv, 0, 0);

    if (rc == CLI_OK)
        rc = check_options(&a);
    if (rc == CLI_OK)
        rc = ask_node(&a, "GET", "/v1/crypto", NULL, &reply);
    if (rc == CLI_OK) {
        rows = chosen(&a, json_object_get(reply, "assets"));
        if (cli_flag(&a, "--csv"))
            print_csv(rows, crypto_values, COUNT_OF(crypto_values));
        else
            print_list(rows, cli_flag(&a, "--json"), no_crypto_text(&a, reply), crypto_columns,
                       COUNT_OF(crypto_columns));
        json_decref(rows);
    }
    json_decref(reply);
    return rc;
}
