/* SPDX-License-Identifier: Apache-2.0 */
/* wire/proxy.c - see proxy.h */
#include "wire/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>

#define V1_LINE_MAX 107 /* with CRLF */
#define V1_BEGIN    BYTES("PROXY ")
#define V2_BEGIN    BYTES("\r\n\r\n\0\r\nQUIT\n")
#define V2_HEAD     16
#define TLV_HEAD    3
#define TLV_CRC32C  3 /* PP2_TYPE_CRC32C */
#define CRC32C_LEN  4
#define PORT_DIGITS 5

static const char *const texts[] = {
#define X(name, text) [PROXY_##name] = (text),
    PROXY_OUTCOMES(X)
#undef X
};

/** proxy_outcome_text() - what was wrong, for a person; static */
const char *proxy_outcome_text(enum proxy_outcome outcome)
{
    return texts[outcome];
}

/* As io/ writes the address of a peer. */
static void format_v6(const uint8_t at[16], char ret[PROXY_ADDRESS_LEN])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(at, mapped, sizeof(mapped)) == 0)
        inet_ntop(AF_INET, at + sizeof(mapped), ret, PROXY_ADDRESS_LEN);
    else
        inet_ntop(AF_INET6, at, ret, PROXY_ADDRESS_LEN);
}

/* ---- version 1: a line of text ---- */

/* The next word, which a blank or the end of the line ends. */
static struct bytes next_word(struct bytes *line)
{
    const uint8_t *blank = line->len > 0 ? memchr(line->at, ' ', line->len) : NULL;
    struct bytes word = bytes_of(line->at, blank != NULL ? (size_t)(blank - line->at) : line->len);

    *line = blank != NULL ? bytes_of(blank + 1, line->len - word.len - 1) : BYTES_NONE;
    return word;
}

static bool parse_address(struct bytes word, int family, uint8_t ret[16])
{
    char text[INET6_ADDRSTRLEN];

    if (word.len == 0 || word.len >= sizeof(text) || memchr(word.at, '\0', word.len) != NULL)
        return false;
    memcpy(text, word.at, word.len);
    text[word.len] = '\0';
    return inet_pton(family, text, ret) == 1;
}

static bool parse_port(struct bytes word, uint16_t *ret)
{
    unsigned n = 0;

    if (word.len == 0 || word.len > PORT_DIGITS || (word.len > 1 && word.at[0] == '0'))
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] < '0' || word.at[i] > '9')
            return false;
        n = n * 10 + (word.at[i] - '0');
    }
    *ret = (uint16_t)n;
    return n <= UINT16_MAX;
}

static enum proxy_outcome read_v1_line(struct bytes line, struct proxy_header *h)
{
    struct bytes family = next_word(&line);
    bool is_v4 = bytes_equal(family, BYTES("TCP4"));
    uint8_t source[16], target[16];
    uint16_t target_port;

    if (bytes_equal(family, BYTES("UNKNOWN")))
        return PROXY_OK; /* the rest of the line is to be ignored */
    if (!is_v4 && !bytes_equal(family, BYTES("TCP6")))
        return PROXY_E_FAMILY;
    if (!parse_address(next_word(&line), is_v4 ? AF_INET : AF_INET6, source) ||
        !parse_address(next_word(&line), is_v4 ? AF_INET : AF_INET6, target) ||
        !parse_port(next_word(&line), &h->port) || !parse_port(next_word(&line), &target_port) ||
        line.at != NULL)
        return PROXY_E_ADDRESS;
    h->has_client = true;
    if (is_v4)
        inet_ntop(AF_INET, source, h->address, sizeof(h->address));
    else
        format_v6(source, h->address);
    return PROXY_OK;
}

static enum proxy_outcome read_v1(struct bytes in, struct proxy_header *h)
{
    const uint8_t *cr = memchr(in.at, '\r', MIN(in.len, (size_t)V1_LINE_MAX - 1));
    size_t len = cr != NULL ? (size_t)(cr - in.at) : 0;

    if (cr == NULL)
        return in.len < V1_LINE_MAX ? PROXY_MORE : PROXY_E_LENGTH;
    if (len + 1 == in.len)
        return PROXY_MORE;
    if (cr[1] != '\n')
        return PROXY_E_ADDRESS;
    h->len = len + 2;
    return read_v1_line(bytes_of(in.at + V1_BEGIN.len, len - V1_BEGIN.len), h);
}

/* ---- version 2: binary ---- */

enum {
    LOCAL = 0x20,
    PROXY = 0x21,
    UNSPECIFIED = 0x00,
    TCP4 = 0x11,
    TCP6 = 0x21,
    UNIX_STREAM = 0x31,
};

static uint16_t u16_at(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t u32_at(const uint8_t *at)
{
    return (uint32_t)u16_at(at) << 16 | u16_at(at + 2);
}

/* Castagnoli's polynomial, the lowest bit first; bit by bit, as it is for one header a connection.
 */
static uint32_t crc32c_add(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    for (unsigned bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
    return crc;
}

/* Section 2.2.3: of the whole header, with zeros in the place of the checksum itself. */
static bool is_checksum(struct bytes header, const uint8_t *sum)
{
    uint32_t crc = UINT32_MAX;

    for (const uint8_t *at = header.at; at < header.at + header.len; at++)
        crc = crc32c_add(crc, at >= sum && at < sum + CRC32C_LEN ? 0 : *at);
    return ~crc == u32_at(sum);
}

/* They must fill what is left of @header behind @tlvs.  Of what they say the checksum is looked at;
 * what the proxy knows of names, TLS and the like is not used. */
static enum proxy_outcome read_tlvs(struct bytes header, struct bytes tlvs)
{
    while (tlvs.len >= TLV_HEAD) {
        size_t len = u16_at(tlvs.at + 1);
        const uint8_t *value = tlvs.at + TLV_HEAD;

        if (TLV_HEAD + len > tlvs.len || (tlvs.at[0] == TLV_CRC32C && len != CRC32C_LEN))
            return PROXY_E_LENGTH;
        if (tlvs.at[0] == TLV_CRC32C && !is_checksum(header, value))
            return PROXY_E_CHECKSUM;
        tlvs = bytes_of(value + len, tlvs.len - TLV_HEAD - len);
    }
    return tlvs.len == 0 ? PROXY_OK : PROXY_E_LENGTH;
}

/* @header: all of it; its first sixteen bytes are known to be right */
static enum proxy_outcome read_v2_body(uint8_t family, struct bytes header, struct proxy_header *h)
{
    struct bytes body = bytes_of(header.at + V2_HEAD, header.len - V2_HEAD);
    size_t len = family == TCP4 ? 12 : (family == TCP6 ? 36 : 216);
    enum proxy_outcome outcome = body.len < len
                                     ? PROXY_E_LENGTH
                                     : read_tlvs(header, bytes_of(body.at + len, body.len - len));

    if (outcome != PROXY_OK)
        return outcome;
    if (family == UNIX_STREAM)
        return PROXY_OK; /* a client on the proxy's own machine: as the proxy itself */
    h->has_client = true;
    if (family == TCP4) {
        inet_ntop(AF_INET, body.at, h->address, sizeof(h->address));
        h->port = u16_at(body.at + 8);
    } else {
        format_v6(body.at, h->address);
        h->port = u16_at(body.at + 32);
    }
    return PROXY_OK;
}

static enum proxy_outcome read_v2(struct bytes in, struct proxy_header *h)
{
    size_t len;

    if (in.len > 12 && in.at[12] != LOCAL && in.at[12] != PROXY)
        return PROXY_E_VERSION;
    if (in.len > 13 && in.at[12] == PROXY && in.at[13] != UNSPECIFIED && in.at[13] != TCP4 &&
        in.at[13] != TCP6 && in.at[13] != UNIX_STREAM)
        return PROXY_E_FAMILY;
    if (in.len < V2_HEAD)
        return PROXY_MORE;
    len = u16_at(in.at + 14);
    if (V2_HEAD + len > PROXY_HEADER_BYTES_MAX)
        return PROXY_E_LENGTH;
    if (in.len < V2_HEAD + len)
        return PROXY_MORE;
    h->len = V2_HEAD + len;
    if (in.at[12] == LOCAL || in.at[13] == UNSPECIFIED)
        return PROXY_OK; /* whatever else it says is to be ignored */
    return read_v2_body(in.at[13], bytes_of(in.at, h->len), h);
}

static bool may_begin(struct bytes in, struct bytes begin)
{
    return in.len == 0 || memcmp(in.at, begin.at, MIN(in.len, begin.len)) == 0;
}

/**
 * proxy_header_read() - the header that a connection from a proxy begins with
 * @in:   what has come so far
 * @ret:  written on PROXY_OK
 *
 * Return: PROXY_MORE while all of @in belongs to a header that is not whole yet, otherwise PROXY_OK
 *         or what is wrong.
 */
enum proxy_outcome proxy_header_read(struct bytes in, struct proxy_header *ret)
{
    struct proxy_header h = {0};
    enum proxy_outcome outcome;

    if (may_begin(in, V1_BEGIN))
        outcome = in.len < V1_BEGIN.len ? PROXY_MORE : read_v1(in, &h);
    else if (may_begin(in, V2_BEGIN))
        outcome = in.len < V2_BEGIN.len ? PROXY_MORE : read_v2(in, &h);
    else
        outcome = PROXY_E_NONE;
    if (outcome == PROXY_OK)
        *ret = h;
    return outcome;
}
