/* host_key: the nightly job's key file, which only its owner can read.
 *
 *     kura host key 1
 *     repository: 32 hexadecimal digits
 *     secret: 64
 *     seed: 64
 *     trusted: 64
 *     recovery: age1…
 */
#include "key_lines.h"
#include "kura/keys.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIND "kura host key"
#define FILE_LIMIT 4096

void host_key_free(struct host_key *key)
{
    secret_free(key->secret);
    signing_key_free(&key->signing);
    *key = (struct host_key){0};
}

static enum status open_private(int *fd, const char *path, struct error *error)
{
    struct stat information;
    /* O_NONBLOCK: a pipe of this name must not hold the job up. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0 || fstat(*fd, &information) != 0) {
        return error_set_errno(error, errno, _("the host key %s cannot be read"), path);
    }
    if (!S_ISREG(information.st_mode)) {
        return error_set(error, STATUS_DENIED, 0, _("the host key %s is not a regular file"), path);
    }
    /* A key that somebody put here would have everything sealed to him. */
    if (information.st_uid != geteuid() && information.st_uid != 0) {
        error_set(error, STATUS_DENIED, 0, _("the host key %s belongs to another user"), path);
        return error_set_hint(error, "%s",
                              _("Run kura as the user to whom the key belongs, or give the key to "
                                "this user with chown."));
    }
    /* Whoever else can read it can write backups and list them in this machine's name. */
    if ((information.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        error_set(error, STATUS_DENIED, 0,
                  _("others than its owner have access to the host key %s"), path);
        return error_set_hint(
            error,
            _("Run: chmod 600 %s. If others may have read it, make a new host key and revoke this "
              "one with the recovery kit."),
            path);
    }
    return STATUS_OK;
}

static bool take_recovery(struct age_recipient *recovery, struct key_lines *lines)
{
    const char *value = NULL;
    size_t size = 0;
    char text[AGE_RECIPIENT_TEXT_SIZE];
    struct error ignored = {0};
    if (!key_lines_take(lines, "recovery", &value, &size) || size >= sizeof(text)) {
        return false;
    }
    memcpy(text, value, size);
    text[size] = '\0';
    return age_recipient_parse(recovery, text, &ignored) == STATUS_OK;
}

static enum status parse(struct host_key *key, const struct secret_text *content,
                         struct error *error)
{
    struct key_lines lines = {.at = content->text, .left = content->size};
    CLEANUP(secret_free_pointer) unsigned char *seed = secret_new(SIGN_SEED_SIZE);
    enum status status = key_lines_version(&lines, KIND, error);
    if (status != STATUS_OK) {
        return status;
    }
    key->secret = secret_new(REPOSITORY_SECRET_SIZE);
    if (!key_lines_take_hex(&lines, "repository", key->repository, sizeof(key->repository)) ||
        !key_lines_take_hex(&lines, "secret", key->secret, REPOSITORY_SECRET_SIZE) ||
        !key_lines_take_hex(&lines, "seed", seed, SIGN_SEED_SIZE) ||
        !key_lines_take_hex(&lines, "trusted", key->trusted, sizeof(key->trusted)) ||
        !take_recovery(&key->recovery, &lines) || !key_lines_ended(&lines)) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("its lines are not as they should be"));
    }
    return signing_key_from_seed(&key->signing, seed, error);
}

enum status host_key_read(struct host_key *key, const char *path, struct error *error)
{
    *key = (struct host_key){0};
    CLEANUP(file_close) int fd = -1;
    CLEANUP(secret_text_free) struct secret_text content = {0};
    CLEANUP(host_key_free) struct host_key read = {0};
    enum status status = open_private(&fd, path, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = file_read_descriptor_secret(&content, fd, FILE_LIMIT, error);
    if (status == STATUS_OK) {
        status = parse(&read, &content, error);
    }
    if (status != STATUS_OK) {
        return error_add_context(error, _("the host key %s"), path);
    }
    *key = read;
    read = (struct host_key){0};
    return STATUS_OK;
}

static enum status compose(struct secret_text *content, const struct host_key *key,
                           struct error *error)
{
    char recovery[AGE_RECIPIENT_TEXT_SIZE];
    age_recipient_format(recovery, &key->recovery);
    enum status status = secret_text_append(content, KIND " 1\n", strlen(KIND " 1\n"), error);
    if (status == STATUS_OK) {
        status = key_lines_add_hex(content, "repository", key->repository, sizeof(key->repository),
                                   error);
    }
    if (status == STATUS_OK) {
        status = key_lines_add_hex(content, "secret", key->secret, REPOSITORY_SECRET_SIZE, error);
    }
    if (status == STATUS_OK) {
        status = key_lines_add_hex(content, "seed", key->signing.seed, SIGN_SEED_SIZE, error);
    }
    if (status == STATUS_OK) {
        status = key_lines_add_hex(content, "trusted", key->trusted, sizeof(key->trusted), error);
    }
    return status == STATUS_OK
               ? key_lines_add(content, "recovery", recovery, strlen(recovery), error)
               : status;
}

enum status host_key_write(const char *path, const struct host_key *key, struct error *error)
{
    CLEANUP(secret_text_free) struct secret_text content = {0};
    enum status status = secret_text_new(&content, FILE_LIMIT, error);
    if (status == STATUS_OK) {
        status = compose(&content, key, error);
    }
    return status == STATUS_OK
               ? file_write(path, content.text, content.size, 0600, FILE_KEEP_EXISTING, error)
               : status;
}
