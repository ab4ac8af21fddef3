/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/self_door.c - how the trials come to a listener of the node, and what they see of it
 *
 * On the self-test's thread.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "node/self_trials.h"

/** door_address() - where on this machine the listener is reached; borrowed from it */
const char *door_address(const struct config_listener *l)
{
    if (strcmp(l->address, "0.0.0.0") == 0)
        return "127.0.0.1";
    if (strcmp(l->address, "::") == 0)
        return "::1";
    return l->address;
}

/* A principal with a password can use it: no client certificate is demanded, delivery plane. */
static bool can_use(const struct config_listener *l)
{
    return l->plane == CONFIG_PLANE_DELIVERY && config_listener_is_direct(l) &&
           (!l->has_tls ||
            (l->client_certificate != CONFIG_CLIENT_CERTIFICATE_REQUIRED && l->client_ca != NULL));
}

/** door_open() - by password at this listener; false where the principals cannot come in.  For
 * door_close() in any case. */
bool door_open(const struct config_listener *l, struct door *ret)
{
    char *error = NULL;

    *ret = (struct door){.listener = l};
    if (!can_use(l))
        return false;
    if (!l->has_tls)
        return true;
    ret->tls = tls_context_new_client(l->client_ca, NULL, NULL, &error);
    free(error);
    return ret->tls != NULL;
}

/** door_close() - free what door_open() made */
void door_close(struct door *d)
{
    tls_context_unref(d->tls);
}

/** door_first() - door_open() of the first listener that can be used */
bool door_first(const struct trial_kit *kit, struct door *ret)
{
    const struct config *c = kit->node->started;

    for (size_t i = 0; i < c->n_listeners; i++) {
        if (door_open(&c->listeners[i], ret))
            return true;
    }
    return false;
}

/**
 * trial_settings() - a client of the self-test
 * @principal:  0 or 1; otherwise nobody
 * @client_id:  written, and borrowed by what is returned
 */
struct client_settings trial_settings(const struct trial_kit *kit, const struct door *d,
                                      unsigned principal, const char *id,
                                      char client_id[TRIAL_ID_LEN])
{
    snprintf(client_id, TRIAL_ID_LEN, "%s%s", kit->client_prefix, id);
    return (struct client_settings){
        .host = door_address(d->listener),
        .port = d->listener->port,
        .tls = d->tls,
        .client_id = client_id,
        .user_name = principal < 2 ? kit->names[principal] : NULL,
        .password = principal < 2 ? kit->passwords_secret[principal] : NULL,
        .timeout_ms = TRIAL_MS,
    };
}

/** trial_client() - connected; NULL: it was not let in */
struct client *trial_client(const struct client_settings *s)
{
    struct client *c = client_new(s);

    return client_connect(c) == CLIENT_OK ? c : client_free(c);
}

/**
 * trial_closed_after_ms() - wait until the node closes the connection
 *
 * Return: ms, or UINT64_MAX when it did not in @patience_ms.
 */
uint64_t trial_closed_after_ms(const struct trial_kit *kit, int fd, uint64_t since_ns,
                               unsigned patience_ms)
{
    struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = kit->stop_fd, .events = POLLIN}};
    char some[256];
    uint64_t end_ns = since_ns + patience_ms * NS_PER_MS;

    for (;;) {
        uint64_t now_ns = clock_now_ns();

        if (now_ns >= end_ns ||
            poll(p, COUNT_OF(p), (int)((end_ns - now_ns) / NS_PER_MS) + 1) <= 0 ||
            p[1].revents != 0)
            return UINT64_MAX;
        if (recv(fd, some, sizeof(some), MSG_DONTWAIT) == 0 || (p[0].revents & (POLLHUP | POLLERR)))
            return (clock_now_ns() - since_ns) / NS_PER_MS;
    }
}

/** trial_is_refused() - was that answered by 0x87? */
bool trial_is_refused(struct client *c, enum client_outcome o)
{
    return o == CLIENT_E_REFUSED && client_reason(c) == REASON_NOT_AUTHORIZED;
}
