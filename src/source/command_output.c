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

/* A command that hangs would hold up this backup, and every later one behind it. The time in which
 * the sink was busy is not its. */
static enum status check_silence(double *silent, double since, unsigned limit, struct error *error)
{
    *silent += clock_monotonic() - since;
    if (*silent < limit) {
        return STATUS_OK;
    }
    error_set(error, STATUS_FAILED, 0,
              _("the command was ended: it wrote nothing to its standard output for %u seconds"),
              limit);
    return error_set_hint(error, "%s",
                          _("If it needs more time without writing anything, give its source a "
                            "longer \"timeout\"."));
}

static enum status read_output(const struct source_sink *sink, struct command_process *process,
                               unsigned silence, uint64_t *size, struct error *error)
{
    double silent = 0;
    for (bool ended = false; !ended;) {
        unsigned char *target;
        size_t room;
        size_t got = 0;
        if (sink->space(sink->context, &target, &room, error) != STATUS_OK) {
            return error->status;
        }
        double since = clock_monotonic();
        if (command_process_read(process, target, room, WAIT_MS, &got, &ended, error) !=
                STATUS_OK ||
            check_silence(&silent, since, silence, error) != STATUS_OK) {
            return error->status;
        }
        silent = got > 0 ? 0 : silent;
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
                                unsigned silence, struct command_end *end, struct error *error)
{
    double silent = 0;
    for (bool ended = false; !ended;) {
        unsigned char *target;
        size_t room;
        if (sink->space(sink->context, &target, &room, error) != STATUS_OK) {
            return error->status;
        }
        double since = clock_monotonic();
        if (command_process_wait(process, WAIT_MS, &ended, end, error) != STATUS_OK ||
            check_silence(&silent, since, silence, error) != STATUS_OK) {
            return error->status;
        }
    }
    return STATUS_OK;
}

enum status command_output_send(uint64_t *size, const struct source_sink *sink,
                                struct command_process *process, const char *program,
                                unsigned silence, struct error *error)
{
    struct command_end end = {0};
    enum status status = read_output(sink, process, silence, size, error);
    if (status == STATUS_OK) {
        status = wait_for_end(sink, process, silence, &end, error);
    }
    if (status == STATUS_OK && command_process_judge(process, &end, program, error) != STATUS_OK) {
        status = error_set_hint(error, _("Run the command by hand as the user who makes the "
                                         "backup. Nothing of its output was kept."));
    }
    return status;
}
