/* SPDX-License-Identifier: Apache-2.0 */
/* base/text.c - see text.h */
#include "base/text.h"

#include <stdio.h>

#include "base/err.h"

/** text_dup() - a copy, owned by the caller; NULL: of NULL */
char *text_dup(const char *text)
{
    return text != NULL ? bytes_dup_str(bytes_str(text)) : NULL;
}

/** text_vformat() - as text_format(), of arguments that were begun */
char *text_vformat(const char *format, va_list args)
{
    char *text = NULL;

    check(vasprintf(&text, format, args) >= 0);
    return text;
}

/** text_format() - what printf() would write; owned by the caller */
char *text_format(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = text_vformat(format, args);
    va_end(args);
    return text;
}

/**
 * text_fail() - say why something failed
 * @ret_error:  becomes the text, owned by the caller; NULL: nobody wants to know
 *
 * Return: false, so that a function can end with it.
 */
bool text_fail(char **ret_error, const char *format, ...)
{
    va_list args;

    if (ret_error == NULL)
        return false;
    va_start(args, format);
    *ret_error = text_vformat(format, args);
    va_end(args);
    return false;
}
