/* SPDX-License-Identifier: Apache-2.0 */
/* lab/home.c - what the lab needs to know of a node's home */
#include "lab/lab_private.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "conf/conf.h"
#include "io/io.h"

/** lab_path() - dir/lab/name.suffix; owned by the caller */
char *lab_path(const char *dir, const char *name, const char *suffix)
{
    struct buf path = {0};
    char *text;

    buf_addf(&path, "%s/lab/%s%s", dir, name, suffix);
    text = bytes_dup_str(buf_view(&path));
    buf_done(&path);
    return text;
}

static char *joined(const char *dir, const char *name)
{
    struct buf path = {0};
    char *text;

    buf_addf(&path, "%s/%s", dir, name);
    text = bytes_dup_str(buf_view(&path));
    buf_done(&path);
    return text;
}

/* "Everywhere" is no address to connect to. */
static void come_home(struct lab_home *h)
{
    static const char *const everywhere[] = {"0.0.0.0", "::", "*"};

    for (size_t i = 0; i < COUNT_OF(everywhere); i++) {
        if (strcmp(h->address, everywhere[i]) == 0) {
            free(h->address);
            h->address = bytes_dup_str(BYTES("127.0.0.1"));
        }
    }
}

/* A name, where there is one: then it is sent, and looked for in the certificate. */
static void name_server(struct lab_home *h)
{
    const char *name = address_is_loopback(h->address) ? "localhost" : h->address;

    h->server_name = text_dup(name);
}

/* The first listener of the delivery plane with TLS. */
static void find_listener(struct conf *c, struct lab_home *h)
{
    static const char *const planes[] = {"delivery", "control", NULL};
    struct conf_value all = conf_need(conf_root(c), "listeners");

    for (size_t i = 0; i < conf_len(all) && h->address == NULL; i++) {
        struct conf_value one = conf_item(all, i);
        unsigned plane = 0;
        double port = 0;

        conf_choice(conf_get(one, "plane"), planes, &plane);
        if (plane != 0 || !conf_given(conf_get(one, "tls")))
            continue;
        if (conf_number(conf_need(one, "port"), 1, 65535, &port) &&
            conf_string(conf_need(one, "address"), &h->address))
            h->port = (uint16_t)port;
    }
    if (h->address != NULL) {
        come_home(h);
        name_server(h);
    } else {
        conf_fail(all, "no listener of the delivery plane has TLS; the lab needs one");
    }
}

/**
 * lab_home_open() - read where the node listens from its configuration
 * @dir:        a folder that `bastide init` made
 * @ret_error:  owned by the caller
 */
bool lab_home_open(struct lab_home *h, const char *dir, char **ret_error)
{
    char *path = joined(dir, "bastide.yaml");
    struct conf *c = conf_open(path);
    bool ok;

    *h = (struct lab_home){0};
    find_listener(c, h);
    ok = conf_ok(c, ret_error);
    h->dir = text_dup(dir);
    h->ca = joined(dir, "pki/ca.crt");
    conf_close(c);
    free(path);
    if (!ok)
        lab_home_done(h);
    return ok;
}

/** lab_node_answers() - see lab_private.h; TCP only */
bool lab_node_answers(const struct lab_home *h, const char *source)
{
    const struct stream_target target = {
        .host = h->address, .port = h->port, .source = source, .timeout_ms = 5000};
    char *error = NULL;
    struct stream *s = stream_connect(&target, &error);
    bool ok = s != NULL;

    stream_free(s);
    free(error);
    return ok;
}

/** lab_home_done() */
void lab_home_done(struct lab_home *h)
{
    free(h->dir);
    free(h->ca);
    free(h->address);
    free(h->server_name);
    *h = (struct lab_home){0};
}
