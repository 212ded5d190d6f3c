/* kura open: any age file that is sealed to the identity. The container of a carry becomes a
 * folder.
 */
#include "cli_audit.h"
#include "cli_register.h"
#include "cli_road.h"
#include "kura/carry.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

/* What the file holds, of which the front was looked at already. */
struct opened {
    struct age_reader *reader;
    struct buffer front;
    size_t given; /* bytes of the front that were handed out again */
};

static void opened_free(struct opened *opened)
{
    age_reader_free(opened->reader);
    buffer_wipe(&opened->front);
}

/* Enough to tell what it is; less only if there is no more. */
static enum status look(struct opened *opened, struct error *error)
{
    struct buffer *front = &opened->front;
    enum status status = buffer_reserve(front, PIECE, error);
    for (size_t got = 1; status == STATUS_OK && got > 0 && front->size < PIECE;) {
        status = age_reader_read(opened->reader, front->data + front->size, PIECE - front->size,
                                 &got, error);
        front->size += status == STATUS_OK ? got : 0;
    }
    return status;
}

static enum status read_opened(void *context, void *target, size_t size, size_t *got,
                               struct error *error)
{
    struct opened *opened = context;
    const size_t left = opened->front.size - opened->given;
    if (left == 0) {
        return age_reader_read(opened->reader, target, size, got, error);
    }
    *got = left < size ? left : size;
    memcpy(target, opened->front.data + opened->given, *got);
    opened->given += *got;
    return STATUS_OK;
}

/* What is written has been authenticated piece by piece; only the end proves that nothing is
 * missing.
 */
static enum status copy(int fd, struct opened *opened, const char *name, struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer piece = {0};
    enum status status = buffer_reserve(&piece, PIECE, error);
    for (size_t got = 1; status == STATUS_OK && got > 0;) {
        status = read_opened(opened, piece.data, PIECE, &got, error);
        if (status == STATUS_OK) {
            status = file_write_all(fd, piece.data, got, name, error);
        }
    }
    return status;
}

static enum status write_file(struct opened *opened, const char *path, struct cli_road *road,
                              struct error *error)
{
    CLEANUP(cli_file_free) struct cli_file file = {.fd = -1};
    enum status status = cli_file_open_on(&file, path, road, error);
    if (status == STATUS_OK) {
        status = copy(file.fd, opened, path, error);
    }
    return status == STATUS_OK ? cli_file_publish(&file, error) : status;
}

static enum status write_output(struct opened *opened, struct cli_road *road, struct error *error)
{
    struct cli_output *output = NULL;
    int fd = -1;
    enum status status = cli_output_open(&output, &fd, error);
    if (status == STATUS_OK) {
        status = copy(fd, opened, _("standard output"), error);
    }
    status = cli_output_close(output, status, error);
    return status == STATUS_OK ? cli_road_check_output(road, error) : status;
}

static enum status write_folder(struct opened *opened, struct cli_road *road, struct error *error)
{
    const struct cli *cli = road->cli;
    const struct carry_unpacking what = {.path = cli->arguments.out,
                                         .supply = {read_opened, opened},
                                         .judge = cli_road_check,
                                         .judge_context = road};
    uint64_t files = 0;
    enum status status = carry_unpack(&files, &what, error);
    if (status == STATUS_OK) {
        cli_say(cli,
                ngettext("The carry is opened in %s: %llu file.",
                         "The carry is opened in %s: %llu files.", (unsigned long)files),
                cli->arguments.out, (unsigned long long)files);
    }
    return status;
}

static enum status write_out(struct opened *opened, struct cli_road *road, struct error *error)
{
    const char *out = road->cli->arguments.out;
    if (out == NULL) {
        return write_output(opened, road, error);
    }
    enum status status = look(opened, error);
    if (status != STATUS_OK) {
        return status;
    }
    return carry_is_container(opened->front.data, opened->front.size)
               ? write_folder(opened, road, error)
               : write_file(opened, out, road, error);
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
    CLEANUP(opened_free) struct opened opened = {0};
    CLEANUP(cli_road_end) struct cli_road road;
    struct cli_arguments *arguments = &cli->arguments;
    const char *path = arguments->words.items[0];
    const struct age_identity *identity;
    cli_road_begin(&road, cli, ROAD_OUTPUT);
    enum status status = cli_register_check_container(cli, path, error);
    if (status == STATUS_OK) {
        status = read_identity(&identity, &own, &kit, arguments, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return error_set_errno(error, errno, _("cannot open %s"), path);
    }
    struct sealed sealed = {fd, path};
    status = age_reader_open(&opened.reader, (struct age_supply){read_sealed, &sealed}, identity, 1,
                             NULL, error);
    if (status != STATUS_OK) {
        return error_add_context(error, "%s", path);
    }
    cli_road_unlock(&road, identity, arguments->kit != NULL);
    status = arguments->out == NULL ? cli_road_check_output(&road, error)
                                    : cli_road_check_path(&road, arguments->out, error);
    if (status != STATUS_OK) {
        return status;
    }
    json_object_set_new(cli->facts, "to_file", json_boolean(arguments->out != NULL));
    cli_record_begin(cli);
    return write_out(&opened, &road, error);
}

const struct cli_command cmd_open = {
    .name = "open",
    .event = "open",
    .operands = N_("FILE"),
    .summary = N_("Open an age file that is sealed to a key, to standard output or --out."),
    .details = N_(
        "The container of a carry (kura-….tar.age) becomes the new folder --out. The machine that\n"
        "made it does not open it if somebody in it asked to be erased (kura person erase)."),
    .least = 1,
    .most = 1,
    .options = {OPTION_OUT, OPTION_IDENTITY, OPTION_KIT, OPTION_PASSPHRASE_FILE,
                OPTION_PASSPHRASE_FD, OPTION_ONTO_REMOVABLE, OPTION_AS_IT_WAS, OPTION_REASON,
                OPTION_KEY, OPTION_KEY_PASSPHRASE_FILE, OPTION_END},
    .run = run,
};
