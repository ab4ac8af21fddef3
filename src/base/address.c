/* SPDX-License-Identifier: Apache-2.0 */
/* base/address.c - see address.h */
#include "base/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define V4_PREFIX_BITS   96
#define ADDRESS_TEXT_MAX 64

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const struct address *a)
{
    return memcmp(a->at, v4_mapped, sizeof(v4_mapped)) == 0;
}

static bool parse(const char *text, struct address *ret)
{
    struct address a = {.prefix_len = ADDRESS_BITS_MAX};

    memcpy(a.at, v4_mapped, sizeof(v4_mapped));
    if (inet_pton(AF_INET, text, a.at + sizeof(v4_mapped)) != 1 &&
        inet_pton(AF_INET6, text, a.at) != 1)
        return false;
    *ret = a;
    return true;
}

/**
 * address_parse() - read what a socket says of its peer
 * @text:  "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1" or "fe80::1%eth0"; the zone does not count
 * @ret:   written on success
 */
bool address_parse(struct bytes text, struct address *ret)
{
    char s[ADDRESS_TEXT_MAX];
    size_t len = 0;

    while (len < text.len && text.at[len] != '%')
        len++;
    if (len == 0 || len >= sizeof(s))
        return false;
    memcpy(s, text.at, len);
    s[len] = '\0';
    return parse(s, ret);
}

/**
 * address_mask() - clear all bits past the first @prefix_len
 */
void address_mask(struct address *a, uint8_t prefix_len)
{
    for (size_t i = 0; i < ADDRESS_BYTES; i++) {
        size_t first_bit = i * 8;

        if (first_bit >= prefix_len)
            a->at[i] = 0;
        else if (prefix_len - first_bit < 8)
            a->at[i] &= (uint8_t)(0xff << (8 - (prefix_len - first_bit)));
    }
    a->prefix_len = prefix_len;
}

/* "24" of "192.0.2.0/24". */
static bool parse_len(const char *text, bool v4, struct address *ret)
{
    unsigned most = v4 ? ADDRESS_BITS_MAX - V4_PREFIX_BITS : ADDRESS_BITS_MAX;
    size_t len = strlen(text);
    unsigned long n;

    if (len == 0 || len > 3 || strspn(text, "0123456789") != len)
        return false;
    n = strtoul(text, NULL, 10);
    if (n > most)
        return false;
    ret->prefix_len = (uint8_t)(n + (v4 ? V4_PREFIX_BITS : 0));
    return true;
}

/**
 * prefix_parse() - read one address or a prefix, as a person writes it
 * @text:  "192.0.2.1", "192.0.2.0/24", "2001:db8::/32"
 * @ret:   written on success
 *
 * Return: NULL, or what is wrong; static.
 */
const char *prefix_parse(const char *text, struct address *ret)
{
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    char s[ADDRESS_TEXT_MAX];
    struct address a;
    struct address masked;

    if (len >= sizeof(s))
        return "is not an IP address or prefix, such as 192.0.2.1 or 2001:db8::/32";
    memcpy(s, text, len);
    s[len] = '\0';
    if (!parse(s, &a))
        return "is not an IP address or prefix, such as 192.0.2.1 or 2001:db8::/32";
    if (slash != NULL && !parse_len(slash + 1, is_v4(&a) && strchr(s, ':') == NULL, &a))
        return "has a prefix length that is not a number from 0 to 32 (IPv4) or 128 (IPv6)";
    masked = a;
    address_mask(&masked, a.prefix_len);
    if (memcmp(masked.at, a.at, sizeof(a.at)) != 0)
        return "has bits set past its prefix length; did you mean a longer prefix, or zeros there?";
    *ret = a;
    return NULL;
}

/** prefix_has() - is the one address @a inside @prefix? */
bool prefix_has(const struct address *prefix, const struct address *a)
{
    struct address masked = *a;

    address_mask(&masked, prefix->prefix_len);
    return memcmp(masked.at, prefix->at, sizeof(masked.at)) == 0;
}

/** prefix_is_everybody() - "0.0.0.0/0" or "::/0" */
bool prefix_is_everybody(const struct address *prefix)
{
    return prefix->prefix_len == 0 || (prefix->prefix_len == V4_PREFIX_BITS && is_v4(prefix));
}

/** address_text() - see address.h */
void address_text(const struct address *a, char ret[ADDRESS_NETWORK_LEN])
{
    char host[INET6_ADDRSTRLEN];
    bool v4 = is_v4(a);

    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->at + V4_PREFIX_BITS / 8 : a->at, host, sizeof(host));
    if (a->prefix_len == ADDRESS_BITS_MAX)
        snprintf(ret, ADDRESS_NETWORK_LEN, "%s", host);
    else
        snprintf(ret, ADDRESS_NETWORK_LEN, "%s/%d", host,
                 a->prefix_len - (v4 ? V4_PREFIX_BITS : 0));
}

/**
 * address_network() - the network that an address is in, as text
 * @v4_bits, @v6_bits:  how much of it is the network's; less than all
 *
 * Return: false if @text is no address; @ret is then untouched.
 */
bool address_network(struct bytes text, uint8_t v4_bits, uint8_t v6_bits,
                     char ret[ADDRESS_NETWORK_LEN])
{
    struct address a;

    if (!address_parse(text, &a))
        return false;
    address_mask(&a, is_v4(&a) ? (uint8_t)(V4_PREFIX_BITS + v4_bits) : v6_bits);
    address_text(&a, ret);
    return true;
}
