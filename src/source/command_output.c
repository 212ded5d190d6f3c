/* command_output: reads a command to its end; the sink is asked meanwhile whether it goes on. */
#include "command_output.h"
#include "owner.h"
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 500 }; /* the sink is asked at least so often whether it goes on */

enum status command_output_entry(const struct source_sink *sink, const char *path,
                                 struct error *error)
{
    CLEANUP(owner_names_free) struct owner_names names = {0};
    CLEANUP(memory_free) char *copy = strdup(path);
    if (copy == NULL) {
        return error_set_memory(error);
    }
    struct entry entry = {
        .path = copy,
        .type = ENTRY_FILE,
        .mode = 0600,
        .uid = geteuid(),
        .gid = getegid(),
        .modified = moment_now(),
    };
    entry.changed = entry.modified;
    entry.user = owner_user(&names, entry.uid);
    entry.group = owner_group(&names, entry.gid);
    return sink->entry(sink->context, &entry, error);
}

static enum status read_output(const struct source_sink *sink, struct command_process *process,
                               uint64_t *size, struct error *error)
{
    for (bool ended = false; !ended;) {
        unsigned char *target;
        size_t room;
        size_t got = 0;
        if (sink->space(sink->context, &target, &room, error) != STATUS_OK ||
            command_process_read(process, target, room, WAIT_MS, &got, &ended, error) !=
                STATUS_OK) {
            return error->status;
        }
        if (got > 0) {
            *size += got;
            if (sink->advance(sink->context, got, error) != STATUS_OK) {
                return error->status;
            }
        }
    }
    return STATUS_OK;
}

/* A command may close its output and work on; the sink may want to stop meanwhile. */
static enum status wait_for_end(const struct source_sink *sink, struct command_process *process,
                                struct command_end *end, struct error *error)
{
    for (bool ended = false; !ended;) {
        unsigned char *target;
        size_t room;
        if (sink->space(sink->context, &target, &room, error) != STATUS_OK ||
            command_process_wait(process, WAIT_MS, &ended, end, error) != STATUS_OK) {
            return error->status;
        }
    }
    return STATUS_OK;
}

enum status command_output_send(uint64_t *size, struct command_end *end,
                                const struct source_sink *sink, struct command_process *process,
                                struct error *error)
{
    enum status status = read_output(sink, process, size, error);
    return status == STATUS_OK ? wait_for_end(sink, process, end, error) : status;
}

bool command_end_is_good(const struct command_end *end)
{
    return !end->by_signal && end->code == 0;
}

enum status command_end_report(const struct command_end *end, const char *program,
                               const struct command_process *process, struct error *error)
{
    char last[COMMAND_WORDS_SIZE];
    command_process_last_words(process, last);
    const char *colon = last[0] == '\0' ? "" : ": ";
    if (end->by_signal) {
        error_set(error, STATUS_FAILED, 0, _("the command %s was ended by signal %d (%s)%s%s"),
                  program, end->code, strsignal(end->code), colon, last);
    } else {
        error_set(error, STATUS_FAILED, 0, _("the command %s ended with exit code %d%s%s"), program,
                  end->code, colon, last);
    }
    return error_set_hint(error, _("Run the command by hand as the user who makes the backup. "
                                   "Nothing of its output was kept."));
}
