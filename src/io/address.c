/* SPDX-License-Identifier: Apache-2.0 */
/* io/address.c - see address.h */
#include "io/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

/* IPv4 clients of an IPv6 socket have addresses like ::ffff:192.0.2.1. */
static bool find_v4(const struct sockaddr_storage *a, struct in_addr *ret)
{
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)a)->sin6_addr;

    if (a->ss_family == AF_INET) {
        *ret = ((const struct sockaddr_in *)a)->sin_addr;
        return true;
    }
    if (a->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(v6))
        return false;
    memcpy(ret, &v6->s6_addr[12], sizeof(*ret));
    return true;
}

/** sockaddr_is_loopback() - can only this machine be there?  Unix sockets count. */
bool sockaddr_is_loopback(const struct sockaddr_storage *a)
{
    struct in_addr v4;

    if (a->ss_family == AF_UNIX)
        return true;
    if (find_v4(a, &v4))
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    return a->ss_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

/**
 * sockaddr_format() - the address as text, IPv4 in IPv6 as IPv4
 * @ret:  "unix" for unix sockets, "unknown" for what is neither IP nor unix
 *
 * Return: the port, 0 when there is none.
 */
uint16_t sockaddr_format(const struct sockaddr_storage *a, char ret[STREAM_ADDRESS_LEN])
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
    struct in_addr v4;

    if (find_v4(a, &v4)) {
        inet_ntop(AF_INET, &v4, ret, STREAM_ADDRESS_LEN);
        return ntohs(a->ss_family == AF_INET ? ((const struct sockaddr_in *)a)->sin_port
                                             : v6->sin6_port);
    }
    if (a->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, ret, STREAM_ADDRESS_LEN);
        return ntohs(v6->sin6_port);
    }
    snprintf(ret, STREAM_ADDRESS_LEN, "%s", a->ss_family == AF_UNIX ? "unix" : "unknown");
    return 0;
}
