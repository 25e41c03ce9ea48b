/* SPDX-License-Identifier: Apache-2.0 */
/* Why a port cannot be opened, in words that help. */
#include "config.h"

#include "flasher/transport/fault_int.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

void em_port_reason(char *out, size_t size, int errnum)
{
    if (strerror_r(errnum, out, size) != 0)
        (void)snprintf(out, size, "error %d", errnum);
}

bool em_port_is_pty(dev_t device)
{
    /* UNIX98_PTY_SLAVE_MAJOR and the seven behind it, <linux/major.h>. */
    return major(device) >= 136 && major(device) <= 143;
}

static bool process_name(struct em_port_holder *holder)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/comm", (long)holder->pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool known = fgets(holder->name, sizeof holder->name, file) != NULL;
    (void)fclose(file); /* was only read */
    holder->name[strcspn(holder->name, "\n")] = '\0';
    return known;
}

/* Lines as "1: FLOCK  ADVISORY  WRITE 1234 00:18:5 0 EOF", see proc_locks(5): the device
 * in hex, the inode in decimal. */
static bool find_lock(struct em_port_holder *out, const struct stat *st)
{
    FILE *file = fopen("/proc/locks", "re");
    if (file == NULL)
        return false;
    char line[256];
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        long pid;
        unsigned dev_major, dev_minor;
        uintmax_t inode;
        if (sscanf(line, "%*s FLOCK %*s %*s %ld %x:%x:%" SCNuMAX, &pid, &dev_major,
                   &dev_minor, &inode) != 4)
            continue;
        if (dev_major != major(st->st_dev) || dev_minor != minor(st->st_dev) ||
            inode != st->st_ino)
            continue;
        out->pid = (pid_t)pid;
        found = pid > 0 && process_name(out);
    }
    (void)fclose(file); /* was only read */
    return found;
}

/* Does the process have the device open? PTYs of containers may have equal numbers. */
static bool process_has(pid_t pid, const struct stat *st)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    bool found = false;
    struct dirent *entry;
    while (!found && (entry = readdir(folder)) != NULL) {
        struct stat other;
        found = fstatat(dirfd(folder), entry->d_name, &other, 0) == 0 &&
                S_ISCHR(other.st_mode) && other.st_rdev == st->st_rdev &&
                (!em_port_is_pty(st->st_rdev) || other.st_dev == st->st_dev);
    }
    (void)closedir(folder); /* was only read */
    return found;
}

static bool find_open(struct em_port_holder *out, const struct stat *st)
{
    DIR *folder = opendir("/proc");
    if (folder == NULL)
        return false;
    bool found = false;
    struct dirent *entry;
    while (!found && (entry = readdir(folder)) != NULL) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (*end != '\0' || pid <= 0 || pid == (long)getpid())
            continue;
        out->pid = (pid_t)pid;
        found = process_has(out->pid, st) && process_name(out);
    }
    (void)closedir(folder); /* was only read */
    out->pid = found ? out->pid : getpid();
    return found || (process_has(out->pid, st) && process_name(out));
}

bool em_port_find_holder(struct em_port_holder *out, const char *path)
{
    *out = (struct em_port_holder){0};
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    return find_lock(out, &st) || find_open(out, &st);
}

enum em_status em_port_busy(const char *path, struct em_error *err)
{
    struct em_port_holder holder;
    if (!em_port_find_holder(&holder, path))
        return em_error_set(err, EM_ERR_PORT,
                            "end the other program (a serial monitor?); 'sudo fuser -v' "
                            "shows it",
                            "port '%s' is in use by another program", path);
    if (holder.pid == getpid())
        return em_error_set(err, EM_ERR_PORT, "name each port once",
                            "port '%s' is in use by this program already", path);
    return em_error_set(
        err, EM_ERR_PORT, "end that program (a serial monitor?), or use another port",
        "port '%s' is in use by process %ld (%s)", path, (long)holder.pid, holder.name);
}

/* How many letters have to be changed, added or left out. Long names: too many. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 48 };
    size_t row[LONGEST + 1];
    size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > LONGEST || b_len > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t same =
                tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = corner + !same;
            corner = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[b_len];
}

/* Length of a name without the number at its end. */
static size_t stem(const char *name)
{
    size_t len = strlen(name);
    while (len > 0 && isdigit((unsigned char)name[len - 1]))
        len--;
    return len;
}

/* The device in the same folder whose name is most like that of @p path. */
static bool find_similar(char *out, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    size_t folder_len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    char folder_path[PATH_MAX];
    (void)snprintf(folder_path, sizeof folder_path, "%.*s", (int)folder_len, path);
    DIR *folder = opendir(folder_len == 0 ? "." : folder_path);
    if (folder == NULL)
        return false;
    size_t best = SIZE_MAX;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        size_t far = distance(name, entry->d_name);
        bool same_stem = stem(name) == stem(entry->d_name) && stem(name) > 0 &&
                         strncmp(name, entry->d_name, stem(name)) == 0;
        struct stat st;
        if (far >= best || !(same_stem || (far <= 2 && far < strlen(name) / 2)) ||
            fstatat(dirfd(folder), entry->d_name, &st, 0) != 0 || !S_ISCHR(st.st_mode))
            continue;
        if (snprintf(out, size, "%s%s", folder_path, entry->d_name) < (int)size)
            best = far;
    }
    (void)closedir(folder); /* was only read */
    return best != SIZE_MAX;
}

static enum em_status not_there(const char *path, struct em_error *err)
{
    char other[PATH_MAX];
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
        ssize_t n = readlink(path, other, sizeof other - 1);
        other[n > 0 ? n : 0] = '\0';
        return em_error_set(err, EM_ERR_PORT,
                            "start the program that made the link again",
                            "port '%s' is a link to '%s', which is gone", path, other);
    }
    if (find_similar(other, sizeof other, path)) {
        char hint[PATH_MAX + 64];
        (void)snprintf(hint, sizeof hint, "there is '%s'; 'mfg_flash ports' shows all",
                       other);
        return em_error_set(err, EM_ERR_PORT, hint, "there is no port '%s'", path);
    }
    return em_error_set(err, EM_ERR_PORT,
                        "plug the device in and check the spelling; 'mfg_flash ports' "
                        "shows all",
                        "there is no port '%s'", path);
}

static enum em_status not_permitted(const char *path, struct em_error *err)
{
    struct stat st;
    struct group entry;
    struct group *group = NULL;
    char texts[4096];
    char hint[256] = "run as another user, or have the permissions of its folder changed";
    if (stat(path, &st) == 0) {
        if ((st.st_mode & (S_IRGRP | S_IWGRP)) != (S_IRGRP | S_IWGRP))
            (void)snprintf(hint, sizeof hint,
                           "only its owner may use it; a udev rule can give it to a "
                           "group (see 'ls -l %s')",
                           path);
        else if (getgrgid_r(st.st_gid, &entry, texts, sizeof texts, &group) == 0 &&
                 group != NULL)
            (void)snprintf(hint, sizeof hint,
                           "become a member of group '%s': sudo usermod -a -G %s $USER, "
                           "then log in again",
                           group->gr_name, group->gr_name);
        else
            (void)snprintf(hint, sizeof hint, "become a member of group %ld",
                           (long)st.st_gid);
    }
    return em_error_set(err, EM_ERR_PORT, hint, "no permission to use port '%s'", path);
}

enum em_status em_port_fault(const char *path, int errnum, struct em_error *err)
{
    char reason[96];
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return not_there(path, err);
    case EACCES:
    case EPERM:
        return not_permitted(path, err);
    case EBUSY:
    case EWOULDBLOCK:
        return em_port_busy(path, err);
    case ENOTTY:
    case EINVAL:
    case EISDIR:
        return em_error_set(err, EM_ERR_PORT, "'mfg_flash ports' shows all ports",
                            "'%s' is not a serial port", path);
    case EIO:
    case ENXIO:
    case ENODEV:
        return em_error_set(err, EM_ERR_PORT,
                            "plug the device in again; 'mfg_flash ports' shows all ports",
                            "there is no device behind port '%s'", path);
    default:
        em_port_reason(reason, sizeof reason, errnum);
        return em_error_set(err, EM_ERR_PORT, "'mfg_flash ports' shows all ports",
                            "cannot open port '%s': %s", path, reason);
    }
}
