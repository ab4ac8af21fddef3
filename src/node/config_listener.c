/* SPDX-License-Identifier: Apache-2.0 */
/* node/config_listener.c - listeners: their keys fit each other, and they fit together; MQ.PR.DT-01
 */
#include "base/address.h"
#include "node/config_keys.h"

/* ---- texts ---- */

/** config_websocket_path_wrong_why() - is it a path as an HTTP request has it?  NULL, or what is
 * wrong. */
const char *config_websocket_path_wrong_why(const char *text)
{
    size_t len = strlen(text);

    if (text[0] != '/')
        return "does not begin with /";
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '?' || text[i] == '#')
            return "has a character that no path has; letters, digits and -._~%/ are good";
    }
    return NULL;
}

/** config_origin_wrong_why() - as a browser sends it in Origin?  NULL, or what is wrong. */
const char *config_origin_wrong_why(const char *text)
{
    const char *host = strstr(text, "://");
    size_t len = strlen(text);

    if (strcmp(text, "null") == 0)
        return NULL;
    if (strchr(text, '*') != NULL)
        return "is a pattern; name each origin, such as https://panel.example:8443";
    if (host == NULL || host == text || host[3] == '\0' || strpbrk(host + 3, "/?#@") != NULL)
        return "is not an origin: scheme, host, and port if it is not the usual one, such as "
               "https://panel.example:8443";
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return "has a character that no origin has";
    }
    return NULL;
}

/** config_proxy_wrong_why() - some addresses, not all?  NULL, or what is wrong. */
const char *config_proxy_wrong_why(const char *text)
{
    struct address prefix;
    const char *why = prefix_parse(text, &prefix);

    if (why != NULL)
        return why;
    return prefix_is_everybody(&prefix)
               ? "is everybody, who then could pass for any client; name the proxies"
               : NULL;
}

/* ---- addresses ---- */

/** config_listener_unix_path() - see config.h */
const char *config_listener_unix_path(const struct config_listener *l)
{
    if (!bytes_has_prefix(bytes_str(l->address), BYTES(CONFIG_UNIX)))
        return NULL;
    return l->address + strlen(CONFIG_UNIX);
}

/* One address; no prefix, and no zone, which bind() would want to know as a number. */
static bool parse_ip(const char *text, struct address *ret)
{
    return strpbrk(text, "/%") == NULL && prefix_parse(text, ret) == NULL;
}

static bool is_v4(const struct address *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(a->at, mapped, sizeof(mapped)) == 0;
}

static bool is_loopback(const struct address *a)
{
    static const uint8_t one[ADDRESS_BYTES] = {[15] = 1};

    return is_v4(a) ? a->at[12] == 127 : memcmp(a->at, one, sizeof(one)) == 0;
}

/* All of a family; "::" is taken for all of both, as Linux does. */
static bool takes_all_of(const struct address *a, const struct address *other)
{
    static const uint8_t zeros[ADDRESS_BYTES];

    if (memcmp(a->at, zeros, sizeof(zeros)) == 0)
        return true;
    return is_v4(a) && memcmp(&a->at[12], zeros, 4) == 0 && is_v4(other);
}

/* ---- one listener ---- */

static void check_unix(struct config_loader *l, const char *path, struct conf_value v)
{
    if (path[0] == '\0')
        config_fail_key(l, v, "address", "names no socket; such as unix:run/mqtt.sock");
    else if (strlen(path) > CONFIG_SOCKET_PATH_MAX)
        config_fail_key(l, v, "address", "%s has %zu bytes; a socket's path has at most %u", path,
                        strlen(path), CONFIG_SOCKET_PATH_MAX);
    if (conf_given(conf_get(v, "port")))
        config_fail_key(l, v, "port", "a unix socket has none; leave it out");
}

static void check_ip(struct config_loader *l, const struct config_listener *at, struct conf_value v)
{
    struct address a;

    if (!conf_given(conf_get(v, "port")))
        config_fail_key(l, v, "port", "is missing; whole number from 1 to 65535");
    if (!parse_ip(at->address, &a)) {
        config_fail_key(l, v, "address",
                        "\"%s\" is not an IP address; such as 127.0.0.1 or ::, or "
                        "unix:run/mqtt.sock for a unix socket",
                        at->address);
        return;
    }
    if (at->has_tls || is_loopback(&a))
        return;
    if (at->plaintext_beyond_loopback)
        config_warn_key(l, v, "allow_plaintext_beyond_loopback",
                        "who is on the way to %s reads and changes everything; give it tls",
                        at->address);
    else
        config_fail_key(l, v, "address",
                        "%s is reached from other machines and there is no tls; add tls, or listen "
                        "on 127.0.0.1, or say allow_plaintext_beyond_loopback: yes",
                        at->address);
}

static void check_client_ca(struct config_loader *l, const struct config_listener *at,
                            struct conf_value tls)
{
    if (at->client_certificate != CONFIG_CLIENT_CERTIFICATE_NONE && at->client_ca == NULL)
        config_fail_key(l, tls, "client_certificate",
                        "clients are asked for a certificate and no CA is believed; add client_ca");
    else if (at->client_ca == NULL && at->crl != NULL)
        config_fail_key(l, tls, "crl", "revokes for no CA; add client_ca");
    else if (at->client_certificate == CONFIG_CLIENT_CERTIFICATE_NONE && at->client_ca != NULL)
        config_warn_key(l, tls, "client_ca",
                        "not used, as client_certificate is none; optional and required use it");
    else if (at->client_ca != NULL && at->crl == NULL)
        config_warn_key(l, tls, "client_ca",
                        "without crl a revoked client certificate is believed; add crl");
}

/* Keys without the one that they are for. */
static void check_useless(struct config_loader *l, const struct config_listener *at,
                          struct conf_value v)
{
    static const char *const of_websocket[] = {"websocket_path", "websocket_origins"};

    for (size_t i = 0; i < COUNT_OF(of_websocket); i++) {
        if (!at->websocket && conf_given(conf_get(v, of_websocket[i])))
            config_fail_key(l, v, of_websocket[i],
                            "does nothing without websocket: yes; add it, or leave this out");
    }
    if (!at->proxy_protocol && conf_given(conf_get(v, "proxy_trusted")))
        config_fail_key(l, v, "proxy_trusted",
                        "does nothing without proxy_protocol: yes; add it, or leave this out");
}

static void check_proxy(struct config_loader *l, const struct config_listener *at, bool is_unix,
                        struct conf_value v)
{
    bool is_given = conf_given(conf_get(v, "proxy_trusted"));

    if (at->proxy_protocol && !is_given && !is_unix)
        config_fail_key(l, v, "proxy_protocol",
                        "anybody could pass for any client; add proxy_trusted with the addresses "
                        "of the proxies");
    else if (at->proxy_protocol && is_given && is_unix)
        config_fail_key(l, v, "proxy_trusted",
                        "proxies have no address on a unix socket: its mode says who may "
                        "connect; leave this out");
    else if (at->proxy_protocol && is_given && conf_len(conf_get(v, "proxy_trusted")) == 0)
        config_fail_key(l, v, "proxy_trusted", "is empty; IP addresses or prefixes are needed");
}

/** config_check_listener() - the keys of one listener fit each other; MQ.PR.DT-01 */
void config_check_listener(struct config_loader *l, const void *object, struct conf_value v)
{
    const struct config_listener *at = object;
    const char *path = at->address != NULL ? config_listener_unix_path(at) : NULL;

    if (path != NULL)
        check_unix(l, path, v);
    else if (at->address != NULL)
        check_ip(l, at, v);
    if (at->has_tls) {
        size_t len = config_enter(l, "tls");

        check_client_ca(l, at, conf_get(v, "tls"));
        config_leave(l, len);
    }
    if (at->anonymous && at->plane == CONFIG_PLANE_CONTROL)
        config_fail_key(l, v, "anonymous",
                        "the control plane is for users with a name; no, or plane: delivery");
    check_useless(l, at, v);
    check_proxy(l, at, path != NULL, v);
}

/* ---- several ---- */

/* Why @a cannot be there beside @b, which stands before it, as the key to be told; NULL: it can. */
static const char *clash(const struct config_listener *a, const struct config_listener *b)
{
    struct address a_ip;
    struct address b_ip;

    if (a->name != NULL && b->name != NULL && strcmp(a->name, b->name) == 0)
        return "name";
    if (a->address == NULL || b->address == NULL || a->port != b->port)
        return NULL;
    if (config_listener_unix_path(a) != NULL)
        return strcmp(a->address, b->address) == 0 ? "address" : NULL;
    if (a->port == 0 || !parse_ip(a->address, &a_ip) || !parse_ip(b->address, &b_ip))
        return NULL;
    return memcmp(a_ip.at, b_ip.at, sizeof(a_ip.at)) == 0 || takes_all_of(&a_ip, &b_ip) ||
                   takes_all_of(&b_ip, &a_ip)
               ? "port"
               : NULL;
}

static void check_pair(struct config_loader *l, struct conf_value list, size_t i, size_t j)
{
    const struct config_listener *a = &l->config->listeners[i];
    const char *key = clash(a, &l->config->listeners[j]);
    size_t len = l->path.len;

    if (key == NULL)
        return;
    buf_addf(&l->path, "listeners[%zu]", i);
    if (strcmp(key, "name") == 0)
        config_fail_key(l, conf_item(list, i), key,
                        "\"%s\" is listeners[%zu] already; each needs another name", a->name, j);
    else if (strcmp(key, "address") == 0)
        config_fail_key(l, conf_item(list, i), key,
                        "%s is that of listeners[%zu]; each needs another path",
                        config_listener_unix_path(a), j);
    else
        config_fail_key(l, conf_item(list, i), key,
                        "%u is the port of listeners[%zu] on the same address; each needs another "
                        "port or address",
                        a->port, j);
    l->path.len = len;
}

/** config_check_listeners() - names and places differ; @list: where they stand */
void config_check_listeners(struct config_loader *l, struct conf_value list)
{
    for (size_t i = 0; i < l->config->n_listeners; i++) {
        for (size_t j = 0; j < i; j++)
            check_pair(l, list, i, j);
    }
}

/* ---- for others ---- */

/** config_listener_is_direct() - see config.h */
bool config_listener_is_direct(const struct config_listener *l)
{
    return !l->websocket && !l->proxy_protocol && config_listener_unix_path(l) == NULL;
}

static bool same_texts(char *const *a, size_t n_a, char *const *b, size_t n_b)
{
    if (n_a != n_b)
        return false;
    for (size_t i = 0; i < n_a; i++) {
        if (strcmp(a[i], b[i]) != 0)
            return false;
    }
    return true;
}

/** config_listener_is_same() - see config.h */
bool config_listener_is_same(const struct config_listener *a, const struct config_listener *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->address, b->address) == 0 &&
           a->port == b->port && a->plane == b->plane && a->anonymous == b->anonymous &&
           a->has_tls == b->has_tls && a->websocket == b->websocket &&
           a->proxy_protocol == b->proxy_protocol &&
           strcmp(a->websocket_path, b->websocket_path) == 0 &&
           same_texts(a->websocket_origins, a->n_websocket_origins, b->websocket_origins,
                      b->n_websocket_origins) &&
           same_texts(a->proxy_trusted, a->n_proxy_trusted, b->proxy_trusted, b->n_proxy_trusted);
}

/** config_listener_describe() - see config.h */
void config_listener_describe(const struct config_listener *l, struct buf *ret)
{
    bool is_unix = config_listener_unix_path(l) != NULL;

    buf_addf(ret, "%s", l->address);
    if (!is_unix)
        buf_addf(ret, " port %u", l->port);
    buf_addf(ret, ", %s plane", l->plane == CONFIG_PLANE_CONTROL ? "control" : "delivery");
    if (l->proxy_protocol)
        buf_addf(ret, ", behind a proxy");
    if (l->websocket)
        buf_addf(ret, ", WebSocket at %s", l->websocket_path);
    buf_addf(ret, ", %s", l->has_tls ? "TLS" : (is_unix ? "no TLS" : "plain TCP"));
}
