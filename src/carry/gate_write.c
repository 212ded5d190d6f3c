/* gate_write: see gate_write.h. */
#include "gate_write.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_SIZE 65536

static enum status open_file(int *fd, const char *path, struct error *error)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return *fd >= 0 ? STATUS_OK : error_set_errno(error, errno, _("cannot open %s"), path);
}

/* Reads from the beginning, and hands every piece to `target` unless that is negative. */
static enum status run_through(unsigned char digest[DIGEST_SIZE], int fd, const char *name,
                               int target, struct error *error)
{
    unsigned char piece[PIECE_SIZE];
    crypto_generichash_state hash;
    uint64_t offset = 0;
    size_t got = 0;
    crypto_generichash_init(&hash, NULL, 0, DIGEST_SIZE);
    do {
        enum status status = file_read_at(fd, piece, sizeof piece, offset, &got, name, error);
        if (status == STATUS_OK && target >= 0) {
            status = file_write_all(target, piece, got, _("the medium"), error);
        }
        if (status != STATUS_OK) {
            return status;
        }
        crypto_generichash_update(&hash, piece, got);
        offset += got;
    } while (got == sizeof piece);
    crypto_generichash_final(&hash, digest, DIGEST_SIZE);
    return STATUS_OK;
}

enum status gate_digest(unsigned char digest[DIGEST_SIZE], const char *path, struct error *error)
{
    CLEANUP(file_close) int fd = -1;
    enum status status = open_file(&fd, path, error);
    return status == STATUS_OK ? run_through(digest, fd, path, -1, error) : status;
}

enum status gate_write(int target, const char *artefact, const unsigned char digest[DIGEST_SIZE],
                       struct error *error)
{
    CLEANUP(file_close) int fd = -1;
    unsigned char sent[DIGEST_SIZE], found[DIGEST_SIZE];
    enum status status = open_file(&fd, artefact, error);
    if (status == STATUS_OK) {
        status = run_through(sent, fd, artefact, target, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (memcmp(sent, digest, DIGEST_SIZE) != 0) {
        return error_set(error, STATUS_REFUSED, 0, "[artefact] %s",
                         _("the staged artefact is not the one that was approved"));
    }
    if (fsync(target) != 0) {
        return error_set_errno(error, errno, "%s", _("the medium does not keep what is written"));
    }
    /* What is read now comes from the medium, as far as the kernel can say. */
    (void)posix_fadvise(target, 0, 0, POSIX_FADV_DONTNEED);
    status = run_through(found, target, _("the medium"), -1, error);
    if (status == STATUS_OK && memcmp(found, digest, DIGEST_SIZE) != 0) {
        status = error_set(error, STATUS_CORRUPT, 0, "%s",
                           _("the medium gives back other bytes than were written"));
    }
    return status;
}

enum status gate_check_target(int target, const struct gate_folder *folder, const struct gate *gate,
                              struct error *error)
{
    struct stat facts;
    struct place place;
    if (target < 0 || fstat(target, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size != 0 ||
        facts.st_nlink != 1 || (fcntl(target, F_GETFL) & O_ACCMODE) != O_RDWR) {
        return error_set(error, STATUS_REFUSED, 0, "[medium-file] %s",
                         _("what was handed over is not a new file on the medium"));
    }
    enum status status = place_judge(&place, target, gate->host->roots, error);
    if (status == STATUS_OK && !place_same(&place, &folder->place)) {
        status = error_set(error, STATUS_REFUSED, 0, "[medium-file] %s",
                           _("the file that was handed over is not on the medium"));
    }
    return status;
}
