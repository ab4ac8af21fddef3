/* SPDX-License-Identifier: Apache-2.0 */
/* respond/canonical.c - see canonical.h */
#include "respond/canonical.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/mem.h"
#include "base/text.h"

static char *address_of(const char *text)
{
    char shown[ADDRESS_NETWORK_LEN];
    struct address a;

    if (prefix_parse(text, &a) != NULL)
        return text_dup(text); /* it will be refused as it was said */
    address_text(&a, shown);
    return text_dup(shown);
}

/* Whole bytes in upper case, without colons, as certificates are shown. */
static char *serial_of(const char *text)
{
    char *digits = mem_zero(strlen(text) + 2); /* one in front, and the end */
    char *first = digits + 1;
    size_t n = 0;

    for (; *text != '\0'; text++) {
        if (*text != ':')
            first[n++] = (char)toupper((unsigned char)*text);
    }
    while (*first == '0' && first[1] != '\0') {
        first++;
        n--;
    }
    if (n % 2 == 1 && strcmp(first, "0") != 0)
        *--first = '0';
    memmove(digits, first, strlen(first) + 1);
    return digits;
}

/** canonical_of() - @target and @address, either of which may be NULL, in the one spelling; what
 * can be none stays as it is */
struct canonical canonical_of(enum respond_target kind, const char *target, const char *address)
{
    struct canonical c = {0};

    if (address != NULL)
        c.address = kind == TARGET_CONDUIT ? text_dup(address) : address_of(address);
    if (target == NULL)
        return c;
    if (kind == TARGET_ADDRESS)
        c.target = address_of(target);
    else if (kind == TARGET_CERTIFICATE)
        c.target = serial_of(target);
    else
        c.target = text_dup(target);
    return c;
}

/** canonical_done() - free what it holds */
void canonical_done(struct canonical *c)
{
    free(c->target);
    free(c->address);
}
