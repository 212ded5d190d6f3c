/* passphrase: made, judged, and read from files. Passphrases are in secret memory, but for the
 * copies that libpwquality makes while it judges a chosen one: it does so in a process of its own,
 * whose memory goes with it.
 */
#include "passphrase.h"
#include <errno.h>
#include <fcntl.h>
#include <pwquality.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LETTERS 20
#define GROUP_LENGTH 4
#define TEXT_LENGTH 24 /* with the hyphens */

enum status passphrase_generate(struct secret_text *passphrase, struct error *error)
{
    /* Douglas Crockford's alphabet: no i, l, o that look like 1 and 0, no u. */
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    _Static_assert(sizeof(alphabet) - 1 == 32, "five bits a letter");
    CLEANUP(secret_free_pointer) unsigned char *random = secret_new(LETTERS);
    randombytes_buf(random, LETTERS);
    enum status status = secret_text_new(passphrase, TEXT_LENGTH, error);
    for (size_t i = 0; status == STATUS_OK && i < LETTERS; i++) {
        if (i > 0 && i % GROUP_LENGTH == 0) {
            status = secret_text_append(passphrase, "-", 1, error);
        }
        if (status == STATUS_OK) {
            status = secret_text_append(passphrase, &alphabet[random[i] & 31], 1, error);
        }
    }
    return status;
}

/* ------------------------------------------------------------------ judging */

static bool dictionary_readable(const char *dictionary)
{
    static const char *const suffixes[] = {".pwd", ".pwi", ".hwm"};
    for (size_t i = 0; i < LENGTH(suffixes); i++) {
        char path[512];
        int length = snprintf(path, sizeof(path), "%s%s", dictionary, suffixes[i]);
        if (length < 0 || (size_t)length >= sizeof(path) || access(path, R_OK) != 0) {
            return false;
        }
    }
    return true;
}

/* A missing dictionary makes the library refuse every passphrase: then it is not asked. */
static void set_dictionary(pwquality_settings_t *settings, const char *dictionary)
{
    if (dictionary != NULL && dictionary_readable(dictionary)) {
        pwquality_set_str_value(settings, PWQ_SETTING_DICT_PATH, dictionary);
    } else {
        pwquality_set_int_value(settings, PWQ_SETTING_DICT_CHECK, 0);
    }
}

static void free_settings(pwquality_settings_t **settings)
{
    pwquality_free_settings(*settings);
}

struct verdict {
    bool weak;
    char reason[PWQ_MAX_ERROR_MESSAGE_LEN];
};

static void judge(struct verdict *verdict, pwquality_settings_t *settings,
                  const struct secret_text *passphrase, const char *dictionary)
{
    /* The machine's own rules hold where there are some; a broken file of them does not stop. */
    void *detail = NULL;
    int shortest = 0;
    int result = pwquality_read_config(settings, NULL, &detail);
    if (result != 0) {
        pwquality_strerror(verdict->reason, sizeof(verdict->reason), result, detail);
        detail = NULL;
    }
    pwquality_get_int_value(settings, PWQ_SETTING_MIN_LENGTH, &shortest);
    if (shortest < PASSPHRASE_SHORTEST) {
        pwquality_set_int_value(settings, PWQ_SETTING_MIN_LENGTH, PASSPHRASE_SHORTEST);
    }
    set_dictionary(settings, dictionary);
    result = pwquality_check(settings, passphrase->text, NULL, NULL, &detail);
    verdict->weak = result < 0;
    if (verdict->weak) {
        const char *said =
            pwquality_strerror(verdict->reason, sizeof(verdict->reason), result, detail);
        if (said != verdict->reason) {
            snprintf(verdict->reason, sizeof(verdict->reason), "%s", said);
        }
    }
}

/* The library and cracklib under it leave what they looked at in buffers of their own. */
static enum status judge_apart(struct verdict *verdict, pwquality_settings_t *settings,
                               const struct secret_text *passphrase, const char *dictionary,
                               struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_set_errno(error, errno, "%s", _("the passphrase cannot be judged"));
    }
    pid_t child = fork();
    if (child == 0) {
        judge(verdict, settings, passphrase, dictionary);
        _exit(write(ends[1], verdict, sizeof(*verdict)) == sizeof(*verdict) ? 0 : 1);
    }
    int reason = errno;
    ssize_t count = 0;
    close(ends[1]);
    while (child > 0 && (count = read(ends[0], verdict, sizeof(*verdict))) < 0 && errno == EINTR) {
    }
    close(ends[0]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    return count == sizeof(*verdict) ? STATUS_OK
                                     : error_set(error, STATUS_FAILED, child < 0 ? reason : 0, "%s",
                                                 _("the passphrase cannot be judged"));
}

enum status passphrase_judge_by(const struct secret_text *passphrase, const char *dictionary,
                                struct error *error)
{
    CLEANUP(free_settings) pwquality_settings_t *settings = pwquality_default_settings();
    if (settings == NULL) {
        return error_set_memory(error);
    }
    struct verdict verdict = {0};
    enum status status = judge_apart(&verdict, settings, passphrase, dictionary, error);
    if (status != STATUS_OK || !verdict.weak) {
        return status;
    }
    error_set(error, STATUS_DENIED, 0, _("the passphrase is too weak: %s"), verdict.reason);
    return error_set_hint(error,
                          _("Take at least %d characters, several unrelated words for "
                            "example."),
                          PASSPHRASE_SHORTEST);
}

enum status passphrase_judge(const struct secret_text *passphrase, struct error *error)
{
    static const char *const dictionaries[] = {"/var/cache/cracklib/cracklib_dict",
                                               "/usr/share/cracklib/pw_dict"};
    const char *dictionary = NULL;
    for (size_t i = 0; i < LENGTH(dictionaries) && dictionary == NULL; i++) {
        dictionary = dictionary_readable(dictionaries[i]) ? dictionaries[i] : NULL;
    }
    return passphrase_judge_by(passphrase, dictionary, error);
}

/* ------------------------------------------------------------------ reading */

/* Byte by byte: what follows the line is left to whoever reads next. */
static enum status read_line(struct secret_text *line, int fd, struct error *error)
{
    CLEANUP(secret_free_pointer) char *byte = secret_new(1);
    while (true) {
        ssize_t count = read(fd, byte, 1);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return error_set_errno(error, errno, "%s", _("the passphrase cannot be read"));
        }
        if (count == 0 || *byte == '\n') {
            return STATUS_OK;
        }
        if (*byte == '\0' || line->size == line->capacity) {
            return error_set(error, STATUS_CORRUPT, 0,
                             _("the passphrase is longer than %d bytes or not a text"),
                             PASSPHRASE_LIMIT);
        }
        enum status status = secret_text_append(line, byte, 1, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
}

enum status passphrase_read_descriptor(struct secret_text *passphrase, int fd, struct error *error)
{
    CLEANUP(secret_text_free) struct secret_text line = {0};
    *passphrase = (struct secret_text){0};
    enum status status = secret_text_new(&line, PASSPHRASE_LIMIT, error);
    if (status == STATUS_OK) {
        status = read_line(&line, fd, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    /* A newline of other systems is two characters. */
    if (line.size > 0 && line.text[line.size - 1] == '\r') {
        line.text[--line.size] = '\0';
    }
    if (line.size == 0) {
        return error_set(error, STATUS_DENIED, 0, "%s", _("the passphrase is empty"));
    }
    *passphrase = line;
    line = (struct secret_text){0};
    return STATUS_OK;
}

enum status passphrase_read_file(struct secret_text *passphrase, const char *path,
                                 struct error *error)
{
    *passphrase = (struct secret_text){0};
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return error_set_errno(error, errno, _("the passphrase file %s cannot be opened"), path);
    }
    enum status status = passphrase_read_descriptor(passphrase, fd, error);
    return status == STATUS_OK ? status : error_add_context(error, "%s", path);
}
