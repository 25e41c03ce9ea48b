/* SPDX-License-Identifier: Apache-2.0 */
/* Reading regular files, and writing files that appear whole or not at all. */
#ifndef BASE_FILE_INT_H
#define BASE_FILE_INT_H

#include "base/buf_int.h"
#include "base/error_int.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/**
 * Open @p path for reading; only a regular file will do (a FIFO would hang, a folder
 * cannot be read). @p out is a file descriptor that the caller closes, or -1; @p st may
 * be NULL. Returns EM_OK or EM_ERR_IO.
 */
enum em_status em_file_open(int *out, const char *path, struct stat *st,
                            struct em_error *err);

/**
 * Append the whole of the regular file @p path to @p out; more than @p max bytes are
 * refused. Returns EM_OK, EM_ERR_IO, EM_ERR_INPUT (too large) or EM_ERR_NOMEM.
 */
enum em_status em_file_read(struct em_buf *out, const char *path, size_t max,
                            struct em_error *err);

/** Make the folder @p path and those above it that are missing, with @p mode for the
 * last. */
enum em_status em_file_mkdirs(const char *path, mode_t mode, struct em_error *err);

/** A folder that files are written into. May be used by several threads at a time. */
struct em_dir;

/**
 * Open the folder @p path, which has to exist. Ended by em_dir_close(); NULL is allowed
 * there.
 */
enum em_status em_dir_open(struct em_dir **out, const char *path, struct em_error *err);
void em_dir_close(struct em_dir *dir);

/** The path it was opened with. */
const char *em_dir_path(const struct em_dir *dir);

/** true when nobody but its owner (and root) can look into it. */
bool em_dir_is_private(const struct em_dir *dir);

/**
 * Take the folder for this process until it is closed. Returns EM_OK, or EM_ERR_EXISTS
 * when another process has it.
 */
enum em_status em_dir_lock(struct em_dir *dir, struct em_error *err);

/** What em_dir_put() does about a file of that name. */
enum em_put {
    EM_PUT_NEW,      /* refuse: EM_ERR_EXISTS, and the file stays as it is */
    EM_PUT_REPLACE,  /* put the new content in its place in one step */
    EM_PUT_STAGED,   /* as NEW, but written under its name: a kill may leave a short file.
                      * For folders that get their own name when all is written. */
    EM_PUT_COMPLETE, /* such a short file is there: write it to its end */
    EM_PUT_DURABLE,  /* as NEW, and on the disk when this returns, its name too */
};

/**
 * Write the file @p name of @p len bytes with permissions @p mode (less the umask). It
 * appears under its name with its whole content or not at all, whenever the program is
 * killed. Returns EM_OK, EM_ERR_EXISTS, EM_ERR_IO or EM_ERR_NOMEM; after an error nothing
 * is left.
 */
enum em_status em_dir_put(struct em_dir *dir, const char *name, const void *data,
                          size_t len, mode_t mode, enum em_put what,
                          struct em_error *err);

/** Bring the file @p name and its name to the disk. Returns EM_OK or EM_ERR_IO. */
enum em_status em_dir_settle(struct em_dir *dir, const char *name, struct em_error *err);

/**
 * Overwrite the regular file @p name with zeros and remove it, both brought to the disk.
 * Nothing there is EM_OK. What a file system or an SSD keeps of overwritten blocks is out
 * of reach. Returns EM_OK or EM_ERR_IO.
 */
enum em_status em_dir_erase(struct em_dir *dir, const char *name, struct em_error *err);

/** Remove the file @p name, unless it holds something. Returns EM_OK or EM_ERR_IO. */
enum em_status em_dir_drop_empty(struct em_dir *dir, const char *name,
                                 struct em_error *err);

/**
 * Remove the temporary files that killed programs left where files cannot be written
 * without a name; *left of those remain whose program still runs. Those that hold @p data
 * (NULL: none) are erased, whosoever's they are. Returns EM_OK, EM_ERR_IO, …NOMEM.
 */
enum em_status em_dir_sweep(struct em_dir *dir, const void *data, size_t len,
                            size_t *left, struct em_error *err);

/** Give the file @p from the name @p to, which nothing may have. Killed in between, it
 * has both. Returns EM_OK, EM_ERR_EXISTS or EM_ERR_IO. */
enum em_status em_dir_rename(struct em_dir *dir, const char *from, const char *to,
                             struct em_error *err);

/** Remove the file @p name; nothing there is EM_OK. Returns EM_OK or EM_ERR_IO. */
enum em_status em_dir_remove(struct em_dir *dir, const char *name, struct em_error *err);

/** What @p name is, a symbolic link not followed. Returns false when nothing is there. */
bool em_dir_look(const struct em_dir *dir, const char *name, struct stat *out);

/** Its file descriptor, for what is not here. */
int em_dir_fd(const struct em_dir *dir);

/** true when something of that name is there. */
bool em_dir_has(const struct em_dir *dir, const char *name);

/** How a file compares with the content it should have. */
enum em_same {
    EM_SAME_ABSENT,  /* no such file */
    EM_SAME_EQUAL,   /* exactly this content */
    EM_SAME_SHORT,   /* the first part of it: a file that lost its end */
    EM_SAME_DIFFERS, /* something else */
};

/** Compare the file @p name with @p data. Returns EM_OK, EM_ERR_IO or EM_ERR_NOMEM. */
enum em_status em_dir_compare(enum em_same *out, const struct em_dir *dir,
                              const char *name, const void *data, size_t len,
                              struct em_error *err);

/** Append the content of the file @p name, at most @p max bytes; as em_file_read(). */
enum em_status em_dir_read(struct em_buf *out, const struct em_dir *dir, const char *name,
                           size_t max, struct em_error *err);

/**
 * Read the regular file @p name into @p buf of @p cap bytes. *len becomes what the file
 * has; when that is more than @p cap, only the first @p cap bytes are read. It is
 * quickest when the file has @p expected bytes, fewer than @p cap. Returns EM_OK or
 * EM_ERR_IO.
 */
enum em_status em_dir_load(void *buf, size_t cap, size_t expected, uint64_t *len,
                           const struct em_dir *dir, const char *name,
                           struct em_error *err);

/** Size of the regular file @p name; false when there is none. */
bool em_dir_size(const struct em_dir *dir, const char *name, uint64_t *out);

/** true when @p name in @p dir is the very file that @p path names. */
bool em_dir_is_file(const struct em_dir *dir, const char *name, const char *path);

/** The names in a folder, one after the other. */
struct em_names_in;

/** Begin with the first name. Ended by em_names_in_close(). EM_OK, EM_ERR_IO, …NOMEM. */
enum em_status em_names_in_open(struct em_names_in **out, const struct em_dir *dir,
                                struct em_error *err);
void em_names_in_close(struct em_names_in *names);

/**
 * *name becomes the next name in no particular order (never "." or ".."), good until the
 * next call, or NULL behind the last. Returns EM_OK or EM_ERR_IO.
 */
enum em_status em_names_in_next(struct em_names_in *names, const char **name,
                                struct em_error *err);

/** Ask the system to bring all that was written to the disk. Returns EM_OK or EM_ERR_IO.
 */
enum em_status em_dir_sync(struct em_dir *dir, struct em_error *err);

/** A file too large to be held in memory, written piece by piece as PATH.partial. */
struct em_stream;

/**
 * Begin the file @p path. Refuses what is there already: the file, and the partial file
 * of an earlier run. With @p resume the partial file is begun anew, and the file may be
 * there if it turns out to be equal. Returns EM_OK, EM_ERR_EXISTS, EM_ERR_IO or
 * EM_ERR_NOMEM.
 */
enum em_status em_stream_open(struct em_stream **out, const char *path, bool resume,
                              struct em_error *err);

/** Append. A failure is remembered and told by em_stream_finish(). */
void em_stream_write(struct em_stream *stream, const void *data, size_t len);

/**
 * Give the file its name. Returns EM_OK, EM_ERR_EXISTS or EM_ERR_IO, and then nothing is
 * left. Either way the stream is to be closed.
 */
enum em_status em_stream_finish(struct em_stream *stream, struct em_error *err);

/** Let go; what was not finished is removed. NULL is allowed. */
void em_stream_close(struct em_stream *stream);

#endif
