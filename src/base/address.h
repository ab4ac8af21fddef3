/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/address.h - an IP address or prefix as bytes that can be compared and hashed
 *
 * IPv4 is kept as IPv6 (::ffff:0:0/96), so that a client which came by an IPv6
 * socket is the same one.
 */
#pragma once

#include "base/bytes.h"

#define ADDRESS_BYTES    16
#define ADDRESS_BITS_MAX 128

struct address {
    uint8_t at[ADDRESS_BYTES];
    uint8_t prefix_len; /* in bits of the 128; ADDRESS_BITS_MAX: one address */
};

bool address_parse(struct bytes text, struct address *ret);
const char *prefix_parse(const char *text, struct address *ret);
void address_mask(struct address *a, uint8_t prefix_len);
bool prefix_has(const struct address *prefix, const struct address *a);
/* "192.0.2.0/24", with its zero. */
#define ADDRESS_NETWORK_LEN 50
bool address_network(struct bytes text, uint8_t v4_bits, uint8_t v6_bits,
                     char ret[ADDRESS_NETWORK_LEN]);
/* The one way to write it: "192.0.2.1", "192.0.2.0/24", "2001:db8::/32". */
void address_text(const struct address *a, char ret[ADDRESS_NETWORK_LEN]);
bool prefix_is_everybody(const struct address *prefix);
