/* command_output: what a running command writes to its standard output becomes a file. */
#ifndef KURA_SOURCE_COMMAND_OUTPUT_H
#define KURA_SOURCE_COMMAND_OUTPUT_H

#include "command_process.h"
#include "kura/source.h"

/* Gives the sink an entry for the output: a file of this user's, of now. */
MUST_USE enum status command_output_entry(const struct source_sink *sink, const char *path,
                                          struct error *error);

/* Delivers all of the output and waits for the command's end. Whether that was a good one is the
 * caller's to judge, before sink->end. */
MUST_USE enum status command_output_send(uint64_t *size, struct command_end *end,
                                         const struct source_sink *sink,
                                         struct command_process *process, struct error *error);

bool command_end_is_good(const struct command_end *end);
/* "the command X ended with exit code 1: LAST WORDS"; STATUS_FAILED. */
enum status command_end_report(const struct command_end *end, const char *program,
                               const struct command_process *process, struct error *error);

#endif
