/* tree_content: what is in one file, read straight into the sink's memory. Holes are not read.
 *
 * What counts is the size that the file had when it was opened: a log that is being written is
 * delivered up to there and no further. Whether it was touched meanwhile is seen by its facts
 * afterwards.
 */
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

enum {
    SEQUENTIAL_FROM = 1024 * 1024,
    HOLES_FROM = 16 * 1024, /* in smaller files looking for holes costs more than reading them */
    BLOCK = 512,            /* unit of st_blocks */
    MILLISECOND = 1000000,  /* ns */
    TICK = 20 * MILLISECOND /* the kernel's stamps stand still for 10 ms at most */
};

struct reading {
    struct tree *tree;
    int fd;
    uint64_t size;
    uint64_t at;
    bool ended; /* the file ends at `at`, before `size` */
    int os_error;
};

static int64_t nanoseconds_between(struct timespec from, struct timespec to)
{
    int64_t seconds = (int64_t)to.tv_sec - from.tv_sec;
    if (seconds > 1 || seconds < -1) {
        return seconds > 0 ? INT64_MAX : INT64_MIN;
    }
    return seconds * 1000000000 + to.tv_nsec - from.tv_nsec;
}

/* File systems stamp with a clock that advances by ticks. A write after our reading, but in the
 * tick of the write before it, would leave the same stamp, and the change would go unnoticed next
 * time. So reading begins in a later tick than the last change. */
static void wait_for_tick(const struct stat *facts)
{
    for (;;) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
        int64_t ahead = nanoseconds_between(now, facts->st_ctim);
        if (ahead < 0 || ahead > TICK) {
            return;
        }
        nanosleep(&(struct timespec){.tv_nsec = MILLISECOND}, NULL);
    }
}

static enum status read_piece(struct reading *reading, uint64_t end, struct error *error)
{
    const struct source_sink *sink = reading->tree->sink;
    unsigned char *target;
    size_t room;
    if (sink->space(sink->context, &target, &room, error) != STATUS_OK) {
        return error->status;
    }
    size_t wanted = room < end - reading->at ? room : (size_t)(end - reading->at);
    ssize_t got = pread(reading->fd, target, wanted, (off_t)reading->at);
    if (got > 0) {
        reading->at += (uint64_t)got;
        return sink->advance(sink->context, (size_t)got, error);
    }
    if (got == 0) {
        reading->ended = true;
    } else if (errno != EINTR) {
        reading->os_error = errno;
    }
    return STATUS_OK;
}

static enum status read_to(struct reading *reading, uint64_t end, struct error *error)
{
    while (reading->at < end && !reading->ended && reading->os_error == 0) {
        if (read_piece(reading, end, error) != STATUS_OK) {
            return error->status;
        }
    }
    return STATUS_OK;
}

/* Where the data from `at` on begins and ends. A file system that knows no holes, or a file that is
 * being cut, is all data: reading tells the truth. */
static void find_data(const struct reading *reading, uint64_t *begin, uint64_t *end)
{
    *begin = reading->at;
    *end = reading->size;
    off_t data = lseek(reading->fd, (off_t)reading->at, SEEK_DATA);
    if (data < 0) {
        struct stat facts;
        if (errno == ENXIO && fstat(reading->fd, &facts) == 0 &&
            (uint64_t)facts.st_size >= reading->size) {
            *begin = reading->size; /* a hole up to the end */
        }
        return;
    }
    *begin = (uint64_t)data < reading->size ? (uint64_t)data : reading->size;
    off_t hole = lseek(reading->fd, data, SEEK_HOLE);
    if (hole > data && (uint64_t)hole < reading->size) {
        *end = (uint64_t)hole;
    }
}

static enum status read_sparse(struct reading *reading, struct error *error)
{
    const struct source_sink *sink = reading->tree->sink;
    while (reading->at < reading->size && !reading->ended && reading->os_error == 0) {
        uint64_t begin;
        uint64_t end;
        find_data(reading, &begin, &end);
        if (begin > reading->at) {
            if (sink->hole(sink->context, begin - reading->at, error) != STATUS_OK) {
                return error->status;
            }
            reading->at = begin;
        }
        if (read_to(reading, end, error) != STATUS_OK) {
            return error->status;
        }
    }
    return STATUS_OK;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static void report_changes(const struct reading *reading, const struct stat *facts)
{
    struct tree *tree = reading->tree;
    struct stat now;
    if (fstat(reading->fd, &now) != 0) {
        tree_warn(tree, errno, _("whether it changed while it was read cannot be told"));
    } else if ((uint64_t)now.st_size > reading->size && !reading->ended) {
        tree_warn(tree, 0, _("it grew while it was read; what was added is not in the backup"));
    } else if (reading->ended || (uint64_t)now.st_size < reading->size) {
        tree_warn(tree, 0,
                  _("it was cut shorter while it was read; its content may mix two states"));
    } else if (!same_time(now.st_mtim, facts->st_mtim) || !same_time(now.st_ctim, facts->st_ctim)) {
        tree_warn(tree, 0, _("it changed while it was read; its content may mix two states"));
    }
}

enum status tree_content_deliver(struct tree *tree, int fd, const struct stat *facts, bool *good,
                                 struct error *error)
{
    struct reading reading = {.tree = tree, .fd = fd, .size = (uint64_t)facts->st_size};
    wait_for_tick(facts);
    if (reading.size >= SEQUENTIAL_FROM) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    bool sparse = reading.size >= HOLES_FROM && (uint64_t)facts->st_blocks < reading.size / BLOCK;
    enum status status =
        sparse ? read_sparse(&reading, error) : read_to(&reading, reading.size, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (reading.os_error != 0) {
        tree_warn(tree, reading.os_error,
                  _("it could not be read to its end and is not in the backup"));
    } else {
        report_changes(&reading, facts);
    }
    *good = reading.os_error == 0;
    struct source_outcome outcome = {.size = reading.at, .failed = !*good};
    return tree->sink->end(tree->sink->context, &outcome, error);
}
