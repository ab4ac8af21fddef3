/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/reference.c - bastide reference: the program's tables as JSON
 *
 * tools/gen-reference makes the manual page, completion and docs/reference of
 * it, so that no document can differ from the program.
 */
#include <jansson.h>

#include "admin/admin.h"
#include "cli/args.h"
#include "cli/print.h"
#include "detect/detect.h"
#include "node/node.h"
#include "protect/protect.h"
#include "wire/proxy.h"
#include "wire/wire.h"
#include "wire/ws.h"

static json_t *options_json(const struct cli_option *options)
{
    json_t *all = json_array();

    for (size_t i = 0; options != NULL && options[i].name != NULL; i++)
        json_array_append_new(all, json_pack("{s:s, s:s*, s:s*, s:s}", "name", options[i].name,
                                             "letter", options[i].letter, "arg", options[i].arg,
                                             "text", options[i].text));
    return all;
}

static json_t *verbs_json(void)
{
    json_t *all = json_array();

    for (size_t i = 0; i < cli_verbs_n; i++) {
        const struct cli_verb *v = &cli_verbs[i];

        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:o, s:s*}", "name", v->name,
                                             "summary", v->summary, "operands", v->operands,
                                             "options", options_json(v->options), "more", v->more));
    }
    return all;
}

static void add_limit(json_t *all, const char *name, uint64_t deflt, uint64_t min, uint64_t max,
                      const char *text)
{
    json_array_append_new(all, json_pack("{s:s, s:I, s:I, s:I, s:s}", "name", name, "default",
                                         (json_int_t)deflt, "min", (json_int_t)min, "max",
                                         (json_int_t)max, "text", text));
}

static json_t *limits_json(void)
{
    json_t *all = json_array();

#define X(field, deflt, min, max, what) add_limit(all, #field, deflt, min, max, what);
    LIMITS(X)
#undef X
    return all;
}

/* What no configuration changes; where an end of the connection has a code, 5.0 clients are told.
 */
static json_t *fixed_json(void)
{
    /* clang-format off */
    static const struct {
        const char *of;
        unsigned max;
        const char *then;
    } fixed[] = {
        {"levels of a topic name or filter", WIRE_TOPIC_LEVELS_MAX, "PUBACK or PUBREC says 0x90 and the message is dropped; SUBACK says 0x8F (0x80 before 5.0); a Will's ends CONNECT with 0x90"},
        {"filters in one SUBSCRIBE or UNSUBSCRIBE", WIRE_FILTERS_MAX, "the connection ends with 0x97"},
        {"SUBSCRIBEs of one filter that wait for retained messages", SUBSCRIBES_WAITING_MAX, "the newest takes the place of the one before it"},
        {"User Properties in one packet", WIRE_USER_MAX, "the connection ends with 0x97"},
        {"bytes of the request that opens a WebSocket", WS_REQUEST_BYTES_MAX, "the request is answered with 431, and the connection ends"},
        {"bytes of a PROXY header with all it carries", PROXY_HEADER_BYTES_MAX, "the connection ends"},
        {"passwords that wait to be verified", AUTH_QUEUE_MAX, "the newest from the address with the most of them is refused with 0x89"},
    };
    /* clang-format on */
    json_t *all = json_array();

    for (size_t i = 0; i < COUNT_OF(fixed); i++)
        json_array_append_new(all, json_pack("{s:s, s:i, s:s}", "of", fixed[i].of, "max",
                                             (int)fixed[i].max, "then", fixed[i].then));
    return all;
}

static json_t *routes_json(void)
{
    const struct admin_route_text *routes = NULL;
    size_t n = admin_routes_describe(&routes);
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, json_pack("{s:s, s:s, s:s*, s:s}", "method", routes[i].method,
                                             "path", routes[i].pattern, "takes", routes[i].takes,
                                             "summary", routes[i].summary));
    return all;
}

/* The keys as three lines each. */
static json_t *configuration_json(void)
{
    CLEANUP(buf_done) struct buf text = {0};

    config_describe(&text);
    return json_stringn((const char *)text.at, text.len);
}

static json_t *kinds_json(void)
{
    json_t *all = json_array();
    const char *what = NULL;
    const char *name;

    for (size_t i = 0; (name = detect_role_kind(i, &what)) != NULL; i++)
        json_array_append_new(all, json_pack("{s:s, s:s}", "name", name, "what", what));
    return all;
}

static json_t *rules_json(const char *detector)
{
    json_t *all = json_array();
    const struct detect_rule *r;

    for (size_t i = 0; (r = detect_rule(i)) != NULL; i++) {
        if (strcmp(r->detector, detector) == 0)
            json_array_append_new(all, json_pack("{s:s, s:s, s:f, s:i, s:s}", "name", r->name,
                                                 "severity", severity_text(r->severity), "limit",
                                                 r->limit, "seconds", (int)r->window_s, "what",
                                                 r->what));
    }
    return all;
}

static json_t *detectors_json(void)
{
    json_t *all = json_array();

    for (size_t i = 0; i < detect_detectors(); i++) {
        const struct detector_info *d = detect_detector(i);
        json_t *techniques = json_array();

        for (size_t k = 0; k < DETECT_ATTCK_MAX && d->attck[k] != NULL; k++)
            json_array_append_new(techniques, json_string(d->attck[k]));
        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "id", d->id,
                                             "name", d->name, "subcategory", d->subcategory, "what",
                                             d->what, "mode", detect_mode_text(d->mode), "attck",
                                             techniques, "rules", rules_json(d->id)));
    }
    return all;
}

/** cli_reference() - bastide reference */
int cli_reference(int argc, char **argv)
{
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 0, 0);
    json_t *all;

    if (rc != CLI_OK)
        return rc;
    all =
        json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version", BASTIDE_VERSION,
                  "verbs", verbs_json(), "limits", limits_json(), "fixed_limits", fixed_json(),
                  "routes", routes_json(), "metrics", node_metrics_describe(), "configuration",
                  configuration_json(), "detectors", detectors_json(), "role_kinds", kinds_json());
    print_json(all);
    json_decref(all);
    return CLI_OK;
}
