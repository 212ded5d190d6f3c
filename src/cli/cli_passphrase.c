/* cli_passphrase: passphrases come from a file, a descriptor or the terminal, never from the
 * command line, where every user of the machine could read them. */
#include "cli.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static enum status read_descriptor(struct secret_text *passphrase, unsigned long number,
                                   struct error *error)
{
    if (number > INT_MAX || fcntl((int)number, F_GETFD) < 0) {
        return error_set(error, STATUS_USAGE, 0, _("descriptor %lu of --passphrase-fd is not open"),
                         number);
    }
    return passphrase_read_descriptor(passphrase, (int)number, error);
}

static enum status get(void *context, struct secret_text *passphrase, const char *what_for,
                       struct error *error)
{
    const struct cli_arguments *arguments = context;
    if (arguments->passphrase_file != NULL) {
        return passphrase_read_file(passphrase, arguments->passphrase_file, error);
    }
    if (arguments->given[OPTION_PASSPHRASE_FD]) {
        return read_descriptor(passphrase, arguments->passphrase_fd, error);
    }
    char prompt[512];
    char printable[400];
    snprintf(prompt, sizeof prompt, _("Passphrase of %s"),
             text_printable(printable, sizeof printable, what_for));
    enum status status = passphrase_ask(passphrase, prompt, false, error);
    return status == STATUS_DENIED
               ? error_set_hint(error, "%s",
                                _("Give it with --passphrase-file FILE or --passphrase-fd N."))
               : status;
}

struct passphrase_source cli_passphrase(struct cli_arguments *arguments)
{
    return (struct passphrase_source){.get = get, .context = arguments};
}

void cli_new_passphrase_free(struct cli_new_passphrase *passphrase)
{
    secret_text_free(&passphrase->text);
}

static enum status judge(struct cli_new_passphrase *passphrase, enum status status,
                         struct error *error)
{
    passphrase->work_factor = AGE_WORK_FACTOR_CHOSEN;
    return status == STATUS_OK ? passphrase_judge(&passphrase->text, error) : status;
}

enum status cli_new_passphrase_choose(struct cli_new_passphrase *passphrase, const char *file,
                                      const char *what_for, struct error *error)
{
    if (file != NULL) {
        return judge(passphrase, passphrase_read_file(&passphrase->text, file, error), error);
    }
    char prompt[512];
    char printable[400];
    snprintf(prompt, sizeof prompt, _("New passphrase of %s"),
             text_printable(printable, sizeof printable, what_for));
    return judge(passphrase, passphrase_ask(&passphrase->text, prompt, true, error), error);
}

/* A generated passphrase that nobody can read would be lost. */
static enum status check_reader(const struct cli_arguments *arguments, struct error *error)
{
    if (arguments->passphrase_file != NULL) {
        return STATUS_OK;
    }
    CLEANUP(file_close) int fd = open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        error_set(error, STATUS_USAGE, 0, "%s",
                  _("there is no terminal on which the new passphrase could be shown"));
        return error_set_hint(error, "%s",
                              _("Name a file with --passphrase-file: the passphrase is read from "
                                "it, or written into it if it does not exist."));
    }
    return STATUS_OK;
}

enum status cli_new_passphrase_get(struct cli_new_passphrase *passphrase,
                                   const struct cli_arguments *arguments, const char *what_for,
                                   struct error *error)
{
    if (arguments->given[OPTION_PASSPHRASE_FD]) {
        return judge(passphrase,
                     read_descriptor(&passphrase->text, arguments->passphrase_fd, error), error);
    }
    const char *file = arguments->passphrase_file;
    if (arguments->choose_passphrase ||
        (file != NULL && (access(file, F_OK) == 0 || errno != ENOENT))) {
        return cli_new_passphrase_choose(passphrase, file, what_for, error);
    }
    passphrase->generated = true;
    passphrase->work_factor = AGE_WORK_FACTOR_GENERATED;
    enum status status = check_reader(arguments, error);
    return status == STATUS_OK ? passphrase_generate(&passphrase->text, error) : status;
}

static enum status show(const struct secret_text *passphrase, const char *what_for,
                        struct error *error)
{
    CLEANUP(file_close) int fd = open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return error_set_errno(error, errno, "%s", _("cannot write to the terminal"));
    }
    char before[512];
    char printable[300];
    snprintf(before, sizeof before, _("Passphrase of %s:\n\n    "),
             text_printable(printable, sizeof printable, what_for));
    const char *after = _("\n\nWrite it down now and keep it apart from the file. It is shown only "
                          "once and kept nowhere.\n\n");
    enum status status = file_write_all(fd, before, strlen(before), "/dev/tty", error);
    if (status == STATUS_OK) {
        status = file_write_all(fd, passphrase->text, passphrase->size, "/dev/tty", error);
    }
    return status == STATUS_OK ? file_write_all(fd, after, strlen(after), "/dev/tty", error)
                               : status;
}

enum status cli_new_passphrase_tell(const struct cli_new_passphrase *passphrase,
                                    const struct cli_arguments *arguments, const char *what_for,
                                    struct error *error)
{
    if (!passphrase->generated) {
        return STATUS_OK;
    }
    if (arguments->passphrase_file == NULL) {
        return show(&passphrase->text, what_for, error);
    }
    CLEANUP(secret_text_free) struct secret_text line = {0};
    enum status status = secret_text_new(&line, passphrase->text.size + 1, error);
    if (status == STATUS_OK) {
        status = secret_text_append(&line, passphrase->text.text, passphrase->text.size, error);
    }
    if (status == STATUS_OK) {
        status = secret_text_append(&line, "\n", 1, error);
    }
    return status == STATUS_OK ? file_write(arguments->passphrase_file, line.text, line.size, 0600,
                                            FILE_KEEP_EXISTING, error)
                               : status;
}
