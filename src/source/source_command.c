/* source_command: what a command writes to its standard output, as one file named "output".
 *
 * No shell is involved. The output is a file only if the command ended with exit code 0: half a
 * dump must not pass for a dump. Whatever ends the reading early ends the command, too, with all
 * that it started.
 */
#include "command_output.h"

#define OUTPUT "output"

static void warn_of_words(const struct source_sink *sink, const char *last, uint64_t size)
{
    struct error problem;
    if (last[0] != '\0') {
        error_set(&problem, STATUS_FAILED, 0,
                  _("the command succeeded, but wrote to its standard error: %s"), last);
        sink->warn(sink->context, OUTPUT, &problem);
    }
    if (size == 0) {
        error_set(&problem, STATUS_FAILED, 0, _("the command succeeded, but wrote nothing"));
        sink->warn(sink->context, OUTPUT, &problem);
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
    if (command_output_entry(sink, OUTPUT, error) != STATUS_OK ||
        command_output_send(&outcome.size, sink, &process, source->command[0], source->timeout,
                            error) != STATUS_OK) {
        return error->status;
    }
    char last[COMMAND_WORDS_SIZE];
    command_process_last_words(&process, last);
    warn_of_words(sink, last, outcome.size);
    return sink->end(sink->context, &outcome, error);
}

const struct source_driver source_command = {
    .kind = SOURCE_COMMAND,
    .run = run,
};
