/* SPDX-License-Identifier: Apache-2.0 */
/* admin/socket.c - see socket.h; sources: unix(7), SO_PEERCRED */
#include "admin/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define SOCKET_MODE     0660
#define SOCKET_BACKLOG  16
#define PASSWD_BUF_SIZE 4096

/* A file that nothing listens at is left by a node that was killed, and is removed. */
static bool make_room(const char *path, const struct sockaddr_un *at, char **ret_error)
{
    struct stat st;
    int fd;
    int err;

    if (lstat(path, &st) < 0) {
        if (errno == ENOENT)
            return true;
        return text_fail(ret_error, "admin socket %s: %s", path, strerror(errno));
    }
    if (!S_ISSOCK(st.st_mode))
        return text_fail(ret_error,
                         "admin socket %s: the file is there and is no socket; remove it or set "
                         "admin.socket to another path",
                         path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return text_fail(ret_error, "admin socket %s: %s", path, strerror(errno));
    err = connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ? errno : 0;
    close(fd);
    if (err != ECONNREFUSED && err != ENOENT)
        return text_fail(ret_error,
                         "admin socket %s: another node answers there (%s); stop it, or give this "
                         "node its own admin.socket",
                         path, err == 0 ? "it accepted a connection" : strerror(err));
    if (unlink(path) < 0 && errno != ENOENT)
        return text_fail(ret_error, "admin socket %s: cannot remove what a dead node left: %s",
                         path, strerror(errno));
    return true;
}

/* The folder is made when only it is missing, for nobody but us and our group. */
static bool make_folder(const char *path, char **ret_error)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    bool made;

    if (slash == NULL || slash == path)
        return true;
    folder = bytes_dup_str(bytes_of(path, (size_t)(slash - path)));
    made = mkdir(folder, 0750) == 0 || errno == EEXIST;
    if (!made)
        text_fail(ret_error, "admin socket: cannot make the folder %s: %s", folder,
                  strerror(errno));
    free(folder);
    return made;
}

/* Nobody can connect before listen(), so the mode is right from the first moment on. */
static bool bind_and_listen(struct admin_socket *s, const char *path, const struct sockaddr_un *at)
{
    s->file_fd = -1;
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return false;
    if (bind(s->fd, (const struct sockaddr *)at, sizeof(*at)) == 0) {
        s->file_fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (s->file_fd >= 0 && chmod(path, SOCKET_MODE) == 0 && listen(s->fd, SOCKET_BACKLOG) == 0)
            return true;
    }
    if (s->file_fd >= 0)
        close(s->file_fd);
    close(s->fd);
    return false;
}

/**
 * admin_socket_open() - listen at @path, mode 0660
 * @s:          written on success
 * @ret_error:  what is wrong and what to do; owned by the caller
 *
 * Return: false on failure, with nothing left open.
 */
bool admin_socket_open(struct admin_socket *s, const char *path, char **ret_error)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct admin_socket opened;

    if (strlen(path) >= sizeof(at.sun_path))
        return text_fail(ret_error,
                         "admin socket %s: the path is longer than the %zu bytes a unix socket may "
                         "have; set admin.socket to a shorter one, for example under /run",
                         path, sizeof(at.sun_path) - 1);
    memcpy(at.sun_path, path, strlen(path) + 1);
    if (!make_folder(path, ret_error) || !make_room(path, &at, ret_error))
        return false;
    if (!bind_and_listen(&opened, path, &at))
        return text_fail(ret_error, "admin socket %s: cannot listen: %s", path, strerror(errno));
    opened.path = text_dup(path);
    *s = opened;
    return true;
}

/** admin_socket_remove() - remove the file if it is still ours; @s->fd is closed by who uses it */
void admin_socket_remove(struct admin_socket *s)
{
    struct stat ours;
    struct stat there;

    if (fstat(s->file_fd, &ours) == 0 && lstat(s->path, &there) == 0 &&
        ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
        unlink(s->path);
    close(s->file_fd);
    free(s->path);
    s->path = NULL;
}

/**
 * admin_peer_author() - "admin:alice" for the process that connected to @fd
 * @ret:  "admin:uid-1000" when the user has no name, "admin:?" when the kernel does not say
 */
void admin_peer_author(int fd, char *ret, size_t cap)
{
    struct ucred who;
    socklen_t len = sizeof(who);
    struct passwd pw;
    struct passwd *found = NULL;
    char *text;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0) {
        snprintf(ret, cap, "admin:?");
        return;
    }
    text = mem_alloc(PASSWD_BUF_SIZE);
    if (getpwuid_r(who.uid, &pw, text, PASSWD_BUF_SIZE, &found) == 0 && found != NULL)
        snprintf(ret, cap, "admin:%s", found->pw_name);
    else
        snprintf(ret, cap, "admin:uid-%u", who.uid);
    free(text);
}
