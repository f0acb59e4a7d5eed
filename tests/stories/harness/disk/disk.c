/* Stands between a process and its files under one directory (LD_PRELOAD): writes down, in order,
 * what is done to them, and fails as a disk fails when it is told to.
 *
 *   NESTR_DISK_DIR      the directory; everything else passes untouched
 *   NESTR_DISK_JOURNAL  where it is written down, one record an operation, before it is acknowledged
 *   NESTR_DISK_FAULT    a file of one byte: which fault there is now
 *
 * A record: kind (1 byte), file (8), offset (8), length of data (4), data; little endian.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, SYNC_DIRECTORY, SYNC_FAILED };
enum { NONE, FULL, IO_ERROR, SYNC_ERROR, READ_ONLY, LYING, STORE_SYNC_ERROR, SLOW };

static const char *dir;
static size_t dir_length;
static int journal = -1;
static volatile unsigned char *fault;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
/* What each descriptor is: 0 none of ours, 1 a directory, else the number of a file and 2. */
static uint64_t known[65536];
/* Whether it is the store's file itself, not its log. */
static unsigned char is_store[65536];

__attribute__((constructor)) static void begin(void) {
    const char *journal_path = getenv("NESTR_DISK_JOURNAL");
    const char *fault_path = getenv("NESTR_DISK_FAULT");
    dir = getenv("NESTR_DISK_DIR");
    if (dir == NULL || journal_path == NULL || fault_path == NULL) {
        dir = NULL;
        return;
    }
    dir_length = strlen(dir);
    journal = syscall(SYS_openat, AT_FDCWD, journal_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int fd = syscall(SYS_openat, AT_FDCWD, fault_path, O_RDONLY | O_CLOEXEC);
    fault = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (journal < 0 || fault == MAP_FAILED)
        abort();
}

static void note(uint8_t kind, uint64_t file, uint64_t offset, const void *data, uint32_t length) {
    uint8_t head[21];
    head[0] = kind;
    memcpy(head + 1, &file, 8);
    memcpy(head + 9, &offset, 8);
    memcpy(head + 17, &length, 4);
    struct iovec parts[2] = {{head, sizeof head}, {(void *)data, length}};
    if (syscall(SYS_writev, journal, parts, 2) != (long)(sizeof head + length))
        abort();
}

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), of_end = strlen(end);
    return length >= of_end && strcmp(text + length - of_end, end) == 0;
}

/* The part of a path behind the directory; NULL when it is elsewhere or not kept (-shm is memory). */
static const char *ours(const char *path) {
    if (dir == NULL || strncmp(path, dir, dir_length) != 0)
        return NULL;
    const char *rest = path + dir_length;
    if (ends_with(rest, "-shm"))
        return NULL;
    return *rest == '/' ? rest + 1 : (*rest == 0 ? rest : NULL);
}

static uint64_t is(int fd) {
    return fd >= 0 && fd < 65536 ? known[fd] : 0;
}

static int fails(int error) {
    errno = error;
    return -1;
}

static int opened(int at, const char *path, int flags, mode_t mode) {
    const char *name = ours(path);
    if (name == NULL)
        return syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&one_at_a_time);
    int is_new = (flags & O_CREAT) && access(path, F_OK) != 0;
    int fd;
    if (is_new && (*fault == FULL || *fault == READ_ONLY)) {
        fd = fails(*fault == FULL ? ENOSPC : EROFS);
    } else {
        fd = syscall(SYS_openat, at, path, flags, mode);
    }
    struct stat status;
    if (fd >= 0 && fd < 65536 && fstat(fd, &status) == 0) {
        known[fd] = S_ISDIR(status.st_mode) ? 1 : status.st_ino + 2;
        is_store[fd] = ends_with(name, ".sqlite3");
        if (is_new)
            note(CREATE, status.st_ino + 2, 0, name, strlen(name));
        if ((flags & O_TRUNC) && !is_new)
            note(TRUNCATE, status.st_ino + 2, 0, NULL, 0);
    }
    pthread_mutex_unlock(&one_at_a_time);
    return fd;
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...) {                                                   \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;                  \
        va_end(rest);                                                                              \
        return opened(AT_FDCWD, path, flags, mode);                                                \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                               \
    int name(int at, const char *path, int flags, ...) {                                           \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;                  \
        va_end(rest);                                                                              \
        return opened(at, path, flags, mode);                                                      \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    if (fd >= 0 && fd < 65536)
        known[fd] = 0;
    return syscall(SYS_close, fd);
}

static int no_write(void) {
    switch (*fault) {
    case FULL: return ENOSPC;
    case IO_ERROR: return EIO;
    case READ_ONLY: return EROFS;
    default: return 0;
    }
}

static ssize_t written(int fd, const void *data, size_t length, off_t offset, int is_positioned) {
    uint64_t file = is(fd);
    if (file < 2)
        return is_positioned ? syscall(SYS_pwrite64, fd, data, length, offset) : syscall(SYS_write, fd, data, length);
    pthread_mutex_lock(&one_at_a_time);
    ssize_t done;
    int error = no_write();
    if (error) {
        done = fails(error);
    } else {
        if (!is_positioned)
            offset = lseek(fd, 0, SEEK_CUR);
        done = is_positioned ? syscall(SYS_pwrite64, fd, data, length, offset) : syscall(SYS_write, fd, data, length);
        if (done > 0)
            note(WRITE, file, offset, data, done);
    }
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}

ssize_t write(int fd, const void *data, size_t length) { return written(fd, data, length, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return written(fd, data, length, offset, 1); }
ssize_t pwrite64(int fd, const void *data, size_t length, off_t offset) { return written(fd, data, length, offset, 1); }

static int truncated(int fd, off_t length) {
    uint64_t file = is(fd);
    if (file < 2)
        return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&one_at_a_time);
    int error = no_write();
    int done = error ? fails(error) : syscall(SYS_ftruncate, fd, length);
    if (done == 0)
        note(TRUNCATE, file, length, NULL, 0);
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}

int ftruncate(int fd, off_t length) { return truncated(fd, length); }
int ftruncate64(int fd, off_t length) { return truncated(fd, length); }

static int synced(int fd, long call) {
    uint64_t file = is(fd);
    if (file == 0)
        return syscall(call, fd);
    if (*fault == LYING)
        return 0;
    if (*fault == SLOW)
        usleep(20 * 1000);
    pthread_mutex_lock(&one_at_a_time);
    int done;
    if (*fault == SYNC_ERROR || (*fault == STORE_SYNC_ERROR && is_store[fd])) {
        /* As Linux does: the error is told once, and what was to be written counts as written: a later
         * sync succeeds and does not write it. */
        note(SYNC_FAILED, file, 0, NULL, 0);
        done = fails(EIO);
    } else {
        done = syscall(call, fd);
        if (done == 0)
            note(file == 1 ? SYNC_DIRECTORY : SYNC, file, 0, NULL, 0);
    }
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int rename(const char *from, const char *to) {
    const char *old = ours(from), *new = ours(to);
    if (old == NULL || new == NULL)
        return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    pthread_mutex_lock(&one_at_a_time);
    int error = *fault == READ_ONLY ? EROFS : 0;
    int done = error ? fails(error) : syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (done == 0) {
        char names[2 * PATH_MAX];
        size_t length = strlen(old) + 1;
        memcpy(names, old, length);
        memcpy(names + length, new, strlen(new));
        note(RENAME, 0, 0, names, length + strlen(new));
    }
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}

int unlink(const char *path) {
    const char *name = ours(path);
    if (name == NULL)
        return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&one_at_a_time);
    int error = *fault == READ_ONLY ? EROFS : 0;
    int done = error ? fails(error) : syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (done == 0)
        note(UNLINK, 0, 0, name, strlen(name));
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}
