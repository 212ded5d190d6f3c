/* source_command: what a command writes to its standard output, as one file named "output".
 *
 * No shell is involved. The output is a file only if the command ended with exit code 0: half a
 * dump must not pass for a dump. Whatever ends the reading early ends the command, too, with all
 * that it started.
 */
#include "command_process.h"
#include "kura/source.h"
#include "owner.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 500 }; /* the sink is asked at least so often whether it goes on */

static enum status deliver_entry(const struct source_sink *sink, struct error *error)
{
    CLEANUP(owner_names_free) struct owner_names names = {0};
    char path[] = "output";
    struct entry entry = {
        .path = path,
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

static enum status report_failure(const char *program, const struct command_end *end,
                                  const char *last, struct error *error)
{
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

static void warn_of_words(const struct source_sink *sink, const char *last, uint64_t size)
{
    struct error problem;
    if (last[0] != '\0') {
        error_set(&problem, STATUS_FAILED, 0,
                  _("the command succeeded, but wrote to its standard error: %s"), last);
        sink->warn(sink->context, "output", &problem);
    }
    if (size == 0) {
        error_set(&problem, STATUS_FAILED, 0, _("the command succeeded, but wrote nothing"));
        sink->warn(sink->context, "output", &problem);
    }
}

static enum status run(const struct config_source *source, const struct source_sink *sink,
                       struct error *error)
{
    CLEANUP(command_process_stop) struct command_process process = COMMAND_PROCESS_NONE;
    if (command_process_start(&process, source->command, error) != STATUS_OK) {
        return error->status;
    }
    struct source_outcome outcome = {0};
    struct command_end end = {0};
    if (deliver_entry(sink, error) != STATUS_OK ||
        read_output(sink, &process, &outcome.size, error) != STATUS_OK ||
        wait_for_end(sink, &process, &end, error) != STATUS_OK) {
        return error->status;
    }
    char last[COMMAND_WORDS_SIZE];
    command_process_last_words(&process, last);
    if (end.by_signal || end.code != 0) {
        return report_failure(source->command[0], &end, last, error);
    }
    warn_of_words(sink, last, outcome.size);
    return sink->end(sink->context, &outcome, error);
}

const struct source_driver source_command = {
    .kind = SOURCE_COMMAND,
    .run = run,
};
