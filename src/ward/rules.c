/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ward/rules.c - requests as commands of nftables, in JSON
 *
 * One table of our own, "inet bastide": a set of sources for each family, whose
 * elements time out, and a chain before all others that drops what they send.  No
 * other table is touched.  Everything that is printed here is a constant, a number or
 * an address that inet_ntop() has written, so that there is nothing to escape.
 */
#include <arpa/inet.h>

#include "base/err.h"
#include "ward/keeper.h"

#define V4_BITS  96
#define PRIORITY -310 /* before connection tracking and every usual chain */

static bool is_v4(const struct address *a)
{
    static const uint8_t front[V4_BITS / 8] = {[10] = 0xff, [11] = 0xff};

    return a->prefix_len >= V4_BITS && memcmp(a->at, front, sizeof(front)) == 0;
}

static void add_set(struct buf *to, const char *name, const char *type)
{
    buf_addf(to,
             "{\"add\":{\"set\":{\"family\":\"inet\",\"table\":\"bastide\",\"name\":\"%s\","
             "\"type\":\"%s\",\"flags\":[\"interval\",\"timeout\"]}}},"
             "{\"flush\":{\"set\":{\"family\":\"inet\",\"table\":\"bastide\",\"name\":\"%s\"}}},",
             name, type, name);
}

static void add_drop(struct buf *to, const char *protocol, const char *set)
{
    buf_addf(to,
             "{\"add\":{\"rule\":{\"family\":\"inet\",\"table\":\"bastide\",\"chain\":\"block\","
             "\"expr\":[{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"%s\","
             "\"field\":\"saddr\"}},\"right\":\"@%s\"}},{\"counter\":null},{\"drop\":null}]}}}",
             protocol, set);
}

/** rules_base() - the table, its empty sets and its chain, whether they are there or not */
void rules_base(struct buf *ret)
{
    buf_addf(ret, "{\"nftables\":["
                  "{\"add\":{\"table\":{\"family\":\"inet\",\"name\":\"bastide\"}}},");
    add_set(ret, "block4", "ipv4_addr");
    add_set(ret, "block6", "ipv6_addr");
    buf_addf(ret,
             "{\"add\":{\"chain\":{\"family\":\"inet\",\"table\":\"bastide\",\"name\":\"block\","
             "\"type\":\"filter\",\"hook\":\"prerouting\",\"prio\":%d,\"policy\":\"accept\"}}},"
             "{\"flush\":{\"chain\":{\"family\":\"inet\",\"table\":\"bastide\",\"name\":\"block\"}}"
             "},",
             PRIORITY);
    add_drop(ret, "ip", "block4");
    buf_addf(ret, ",");
    add_drop(ret, "ip6", "block6");
    buf_addf(ret, "]}");
}

/* {"add"|"delete": {"element": ...}}; @seconds 0: without a timeout. */
static void add_element(struct buf *to, const char *verb, const struct address *p, uint32_t seconds)
{
    bool v4 = is_v4(p);
    char text[INET6_ADDRSTRLEN];
    unsigned len = v4 ? p->prefix_len - V4_BITS : p->prefix_len;

    check(inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? p->at + V4_BITS / 8 : p->at, text,
                    sizeof(text)) != NULL);
    buf_addf(to,
             "{\"%s\":{\"element\":{\"family\":\"inet\",\"table\":\"bastide\",\"name\":\"%s\","
             "\"elem\":[{\"elem\":{\"val\":",
             verb, v4 ? "block4" : "block6");
    if (p->prefix_len == ADDRESS_BITS_MAX)
        buf_addf(to, "\"%s\"", text);
    else
        buf_addf(to, "{\"prefix\":{\"addr\":\"%s\",\"len\":%u}}", text, len);
    if (seconds > 0)
        buf_addf(to, ",\"timeout\":%u", seconds);
    buf_addf(to, "}}]}}}");
}

/**
 * rules_of() - one transaction that does @r
 *
 * The element of a prefix that is blocked is replaced, since adding one that is there changes
 * nothing; and one that is not there cannot be deleted.  Whether it is there the kernel alone
 * knows, who ends it by its own clock: so it is added, deleted, and added as it is to be.
 */
void rules_of(const struct ward_request *r, struct buf *ret)
{
    if (r->verb == WARD_CLEAR) {
        rules_base(ret);
        return;
    }
    buf_addf(ret, "{\"nftables\":[");
    add_element(ret, "add", &r->prefix, 1);
    buf_addf(ret, ",");
    add_element(ret, "delete", &r->prefix, 0);
    if (r->verb == WARD_BLOCK) {
        buf_addf(ret, ",");
        add_element(ret, "add", &r->prefix, r->seconds);
    }
    buf_addf(ret, "]}");
}
