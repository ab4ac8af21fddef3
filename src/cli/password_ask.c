/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/password_ask.c - see password_ask.h
 *
 * On a terminal, echo and the keys that send signals are off while it is asked,
 * so that nothing can end the program and leave the terminal without echo;
 * Ctrl-C and Ctrl-D come as characters and mean no.
 */
#include "cli/password_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"
#include "crypto/crypto.h"

#define CTRL_C 3

static bool refuse(char **ret_error, const char *why)
{
    *ret_error = text_dup(why);
    return false;
}

/* One line without its end, in memory that is asked for once so that no copy is left. */
static bool read_line(int fd, struct buf *ret_secret, char **ret_error)
{
    uint8_t *at = buf_reserve(ret_secret, PASSWORD_BYTES_MAX + 2);
    size_t len = 0;

    for (;;) {
        ssize_t n = read(fd, at + len, 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse(ret_error, "the password could not be read");
        if (n == 0 || at[len] == '\n')
            break;
        if (++len > PASSWORD_BYTES_MAX + 1)
            return refuse(ret_error, "the password has more than 1024 bytes");
    }
    if (len > 0 && at[len - 1] == '\r')
        len--;
    ret_secret->len = len;
    return true;
}

static void prompt(int fd, const char *text)
{
    ssize_t n = write(fd, text, strlen(text));

    (void)n; /* who does not see the question can still answer it */
}

static bool ask_once(int fd, const char *question, struct buf *ret_secret, char **ret_error)
{
    prompt(fd, question);
    if (!read_line(fd, ret_secret, ret_error))
        return false;
    prompt(fd, "\n");
    if (ret_secret->len == 0 || memchr(ret_secret->at, CTRL_C, ret_secret->len) != NULL)
        return refuse(ret_error, "no password was given; nothing is changed");
    return true;
}

static bool ask_twice(int fd, const char *name, struct buf *ret_secret, char **ret_error)
{
    CLEANUP(secret_buf_done) struct buf again_secret = {0};
    CLEANUP(buf_done) struct buf question = {0};

    buf_addf(&question, "New password of %s: ", name);
    buf_add_u8(&question, 0);
    if (!ask_once(fd, (const char *)question.at, ret_secret, ret_error) ||
        !ask_once(fd, "The same again: ", &again_secret, ret_error))
        return false;
    if (!bytes_equal_secret(buf_view(ret_secret), buf_view(&again_secret)))
        return refuse(ret_error, "the two are not the same; nothing is changed");
    return true;
}

/* With @fn on the terminal, while echo and signals are off. */
static bool
on_terminal(bool (*fn)(int fd, const char *text, struct buf *ret_secret, char **ret_error),
            const char *text, const char *else_by, struct buf *ret_secret, char **ret_error)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct termios quiet;
    struct termios old;
    bool ok;

    if (fd < 0 || tcgetattr(fd, &old) != 0) {
        if (fd >= 0)
            close(fd);
        return refuse(ret_error, else_by);
    }
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    quiet.c_lflag |= ICANON;
    if (tcsetattr(fd, TCSAFLUSH, &quiet) != 0) {
        close(fd);
        return refuse(ret_error, "the terminal's echo cannot be turned off");
    }
    ok = fn(fd, text, ret_secret, ret_error);
    tcsetattr(fd, TCSAFLUSH, &old);
    close(fd);
    return ok;
}

/**
 * password_ask() - ask for it twice on the terminal, without echo
 * @name:        whose it will be
 * @else_by:     the error where there is no terminal
 * @ret_secret:  empty; give it to secret_buf_done() in any case
 */
bool password_ask(const char *name, const char *else_by, struct buf *ret_secret, char **ret_error)
{
    return on_terminal(ask_twice, name, else_by, ret_secret, ret_error);
}

/** password_ask_once() - ask for one that exists; as password_ask() */
bool password_ask_once(const char *question, struct buf *ret_secret, char **ret_error)
{
    return on_terminal(ask_once, question,
                       "there is no terminal to ask for the passphrase at; give it by "
                       "--passphrase-fd",
                       ret_secret, ret_error);
}

/**
 * password_read() - the first line of @fd, without its end
 * @ret_secret:  empty; give it to secret_buf_done() in any case
 */
bool password_read(int fd, struct buf *ret_secret, char **ret_error)
{
    return read_line(fd, ret_secret, ret_error);
}
