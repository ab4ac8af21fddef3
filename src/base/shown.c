/* SPDX-License-Identifier: Apache-2.0 */
/* base/shown.c - see shown.h */
#include "base/shown.h"

/**
 * shown_character() - the character at the start of @b, which is not empty
 * @ret_len:  its bytes; 0: an ill-formed one, which gives its value
 *
 * Overlong forms and surrogates need no care: what is shown is only kept from being a control.
 */
uint32_t shown_character(struct bytes b, size_t *ret_len)
{
    uint8_t first = b.at[0];
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = len <= 1 ? first : first & (0x7fU >> len);
    bool well_formed = first <= 0xf4 && len > 0 && len <= b.len;

    for (size_t i = 1; well_formed && i < len; i++) {
        well_formed = (b.at[i] & 0xc0) == 0x80;
        code = code << 6 | (b.at[i] & 0x3f);
    }
    *ret_len = well_formed ? len : 0;
    return well_formed ? code : first;
}

/* Controls, what makes a line read in another order than it was written, and what nobody sees. */
static bool is_treacherous(uint32_t c)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } ranges[] = {
        {0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c},
        {0x180e, 0x180e}, {0x200b, 0x200b}, {0x200e, 0x200f}, {0x2028, 0x202e},
        {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xfffe, 0xffff},
    };

    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    }
    return false;
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Does @b begin as shown_add() writes a character that it does not leave as it is?  U+0000 is in no
 * text of MQTT. */
static bool is_written(struct bytes b, uint32_t *ret_code, size_t *ret_len)
{
    size_t digits = b.len > 1 && b.at[1] == 'x' ? 2 : b.len > 1 && b.at[1] == 'u' ? 4 : 0;
    uint32_t code = 0;

    if (digits == 0 || b.at[0] != '\\' || b.len < 2 + digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        int digit = hex_digit(b.at[2 + i]);

        if (digit < 0)
            return false;
        code = code << 4 | (uint32_t)digit;
    }
    if (code != '\\' && (code == 0 || !is_treacherous(code)))
        return false;
    *ret_code = code;
    *ret_len = 2 + digits;
    return true;
}

/** shown_add() - append @text so that it cannot steer a terminal */
void shown_add(struct buf *to, struct bytes text)
{
    while (text.len > 0) {
        size_t len = 0;
        size_t written_len = 0;
        uint32_t written = 0;
        uint32_t code = shown_character(text, &len);

        if (len == 0 || is_treacherous(code) || is_written(text, &written, &written_len))
            buf_addf(to, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
        else
            buf_add(to, bytes_of(text.at, len));
        text = bytes_of(text.at + MAX(len, 1), text.len - MAX(len, 1));
    }
}

/**
 * shown_treacherous() - has @text, for one line, what shown_add() would write otherwise?
 * @ret_code:  the first of them; written when there is one
 *
 * Ill-formed UTF-8 is passed over, and so is what looks like that notation.
 *
 * Return: which character it is, from 1 on; 0: none.
 */
size_t shown_treacherous(struct bytes text, uint32_t *ret_code)
{
    for (size_t n = 1; text.len > 0; n++) {
        size_t len = 0;
        uint32_t code = shown_character(text, &len);

        if (len > 0 && is_treacherous(code)) {
            *ret_code = code;
            return n;
        }
        text = bytes_of(text.at + MAX(len, 1), text.len - MAX(len, 1));
    }
    return 0;
}

/* UTF-8 of a character below U+10000; Return: its length. */
static size_t put_character(char *to, uint32_t code)
{
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : 3;

    for (size_t i = len; i-- > 1; code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)(code | (len == 1 ? 0 : len == 2 ? 0xc0 : 0xe0));
    return len;
}

/** shown_undo() - make of what shown_add() wrote what it was, in its place: it is never longer */
void shown_undo(char *text)
{
    struct bytes rest = bytes_of(text, strlen(text));
    char *to = text;

    while (rest.len > 0) {
        uint32_t code = 0;
        size_t len = 1;

        if (is_written(rest, &code, &len))
            to += put_character(to, code);
        else
            *to++ = (char)rest.at[0];
        rest = bytes_of(rest.at + len, rest.len - len);
    }
    *to = '\0';
}
