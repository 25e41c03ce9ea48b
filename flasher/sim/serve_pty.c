/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo-terminals with a simulated chip behind them. */
#define _XOPEN_SOURCE 700 /* posix_openpt() and its friends */
#include "config.h"

#include "flasher/sim/serve_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/inotify.h>
#endif

/* No echo, no line editing, eight bits: before the first host comes. */
static void set_raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t) != 0)
        return;
    t.c_iflag = 0;
    t.c_oflag = 0;
    t.c_lflag = 0;
    t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSIZE | PARENB | CSTOPB)) | CS8 | CREAD | CLOCAL;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    (void)cfsetispeed(&t, B115200); /* a name for no rate at all, on a PTY */
    (void)cfsetospeed(&t, B115200);
    (void)tcsetattr(fd, TCSANOW, &t); /* hosts set it again */
}

/* Put the link in its place in one step; only another link may have been there. */
static enum em_status make_link(const struct em_sim_slot *slot, struct em_error *err)
{
    char name[512];
    struct stat st;
    if (lstat(slot->link, &st) == 0 && !S_ISLNK(st.st_mode))
        return em_error_set(err, EM_ERR_EXISTS, "choose another name for the link",
                            "%s is there already and is no link", slot->link);
    int len = snprintf(name, sizeof name, "%s.new", slot->link);
    if (len < 0 || (size_t)len >= sizeof name)
        return em_error_set(err, EM_ERR_PORT, NULL, "the name of a link is too long");
    (void)unlink(name); /* of a run that was killed */
    if (symlink(slot->name, name) != 0 || rename(name, slot->link) != 0)
        return em_error_errno(err, errno, "cannot make link %s", slot->link);
    return EM_OK;
}

enum em_status em_sim_pty_open(struct em_sim_slot *slot, struct em_error *err)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY);
    const char *name = NULL;
    if (fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0)
        name = ptsname(fd);
    if (name == NULL || strlen(name) >= sizeof slot->name) {
        enum em_status status =
            em_error_errno(err, errno, "cannot make a pseudo-terminal");
        if (fd >= 0)
            (void)close(fd); /* nothing was written */
        return status == EM_ERR_IO ? EM_ERR_PORT : status;
    }
    memcpy(slot->name, name, strlen(name) + 1);
    slot->fd = fd;
    slot->slave_fd = open(slot->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slot->slave_fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return em_error_errno(err, errno, "cannot open %s", slot->name);
    set_raw(slot->slave_fd);
    return slot->link == NULL ? EM_OK : make_link(slot, err);
}

void em_sim_pty_close(struct em_sim_slot *slot)
{
    char target[sizeof slot->name + 1];
    if (slot->link != NULL && slot->fd >= 0) {
        ssize_t len = readlink(slot->link, target, sizeof target);
        if (len == (ssize_t)strlen(slot->name) &&
            memcmp(target, slot->name, (size_t)len) == 0)
            (void)unlink(slot->link); /* it is ours, and leads nowhere from now on */
    }
    em_sim_pty_unwatch(slot);
    if (slot->slave_fd >= 0)
        (void)close(slot->slave_fd); /* a PTY has nothing to lose */
    if (slot->fd >= 0)
        (void)close(slot->fd);
    slot->slave_fd = slot->fd = -1;
}

/* A PTY tells its other end nothing about who opens it. Linux does; elsewhere only time
 * brings a board back. */
void em_sim_pty_watch(struct em_sim_slot *slot)
{
#ifdef __linux__
    slot->open_watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (slot->open_watch >= 0 &&
        inotify_add_watch(slot->open_watch, slot->name, IN_OPEN) < 0)
        em_sim_pty_unwatch(slot);
#else
    (void)slot;
#endif
}

bool em_sim_pty_was_opened(struct em_sim_slot *slot)
{
    char events[512]; /* what they are does not matter: only one kind is asked for */
    return slot->open_watch >= 0 && read(slot->open_watch, events, sizeof events) > 0;
}

void em_sim_pty_unwatch(struct em_sim_slot *slot)
{
    if (slot->open_watch >= 0)
        (void)close(slot->open_watch); /* it has nothing to lose */
    slot->open_watch = -1;
}
