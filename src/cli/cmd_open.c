/* kura open: any age file that is sealed to the identity. */
#include "cli.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE (size_t)(64 * 1024)

struct sealed {
    int fd;
    const char *path;
};

static enum status read_sealed(void *context, void *target, size_t size, size_t *got,
                               struct error *error)
{
    const struct sealed *sealed = context;
    *got = 0;
    while (*got < size) {
        ssize_t count = read(sealed->fd, (unsigned char *)target + *got, size - *got);
        if (count < 0 && errno != EINTR) {
            return error_set_errno(error, errno, _("cannot read %s"), sealed->path);
        }
        if (count == 0) {
            break;
        }
        *got += count > 0 ? (size_t)count : 0;
    }
    return STATUS_OK;
}

static void reader_free(struct age_reader **reader)
{
    age_reader_free(*reader);
}

/* What is written has been authenticated piece by piece; only the end proves that nothing is
 * missing.
 */
static enum status copy(int fd, struct age_reader *reader, const char *name, struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer piece = {0};
    enum status status = buffer_reserve(&piece, PIECE, error);
    for (size_t got = 1; status == STATUS_OK && got > 0;) {
        status = age_reader_read(reader, piece.data, PIECE, &got, error);
        if (status == STATUS_OK) {
            status = file_write_all(fd, piece.data, got, name, error);
        }
    }
    return status;
}

static enum status write_file(struct age_reader *reader, const char *path, struct error *error)
{
    CLEANUP(cli_file_free) struct cli_file file = {.fd = -1};
    enum status status = cli_file_open(&file, path, error);
    if (status == STATUS_OK) {
        status = copy(file.fd, reader, path, error);
    }
    return status == STATUS_OK ? cli_file_publish(&file, error) : status;
}

static enum status write_output(struct age_reader *reader, struct error *error)
{
    struct cli_output *output = NULL;
    int fd = -1;
    enum status status = cli_output_open(&output, &fd, error);
    if (status == STATUS_OK) {
        status = copy(fd, reader, _("standard output"), error);
    }
    return cli_output_close(output, status, error);
}

static enum status read_identity(const struct age_identity **identity, struct age_identity *own,
                                 struct recovery_kit *kit, struct cli_arguments *arguments,
                                 struct error *error)
{
    struct passphrase_source passphrase = cli_passphrase(arguments);
    if (arguments->kit != NULL) {
        *identity = &kit->identity;
        return recovery_kit_read(kit, arguments->kit, &passphrase, error);
    }
    *identity = own;
    if (arguments->identity != NULL) {
        return age_identity_read(own, arguments->identity, &passphrase, error);
    }
    error_set(error, STATUS_USAGE, 0, "%s", _("nothing is given to open the file with"));
    return error_set_hint(error, "%s", _("Name a key with --identity FILE or --kit FILE."));
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(age_identity_free) struct age_identity own = {0};
    CLEANUP(recovery_kit_free) struct recovery_kit kit = {0};
    CLEANUP(file_close) int fd = -1;
    CLEANUP(reader_free) struct age_reader *reader = NULL;
    struct cli_arguments *arguments = &cli->arguments;
    const char *path = arguments->words.items[0];
    const struct age_identity *identity;
    enum status status = read_identity(&identity, &own, &kit, arguments, error);
    if (status != STATUS_OK) {
        return status;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return error_set_errno(error, errno, _("cannot open %s"), path);
    }
    struct sealed sealed = {fd, path};
    status = age_reader_open(&reader, (struct age_supply){read_sealed, &sealed}, identity, 1, NULL,
                             error);
    if (status != STATUS_OK) {
        return error_add_context(error, "%s", path);
    }
    status = arguments->out != NULL ? write_file(reader, arguments->out, error)
                                    : write_output(reader, error);
    return status;
}

const struct cli_command cmd_open = {
    .name = "open",
    .operands = N_("FILE"),
    .summary = N_("Open an age file that is sealed to a key, to standard output or --out."),
    .least = 1,
    .most = 1,
    .options = {OPTION_OUT, OPTION_IDENTITY, OPTION_KIT, OPTION_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FD, OPTION_END},
    .run = run,
};
