/* command_output: what a running command writes to its standard output becomes a file. */
#ifndef KURA_SOURCE_COMMAND_OUTPUT_H
#define KURA_SOURCE_COMMAND_OUTPUT_H

#include "kura/command.h"
#include "kura/source.h"

/* Gives the sink an entry for the output: a file of this user's, of now. */
MUST_USE enum status command_output_entry(const struct source_sink *sink, const char *path,
                                          struct error *error);

/* Delivers all of the output and waits for the command's end; FAILED if that was not a good one.
 * `program` is its name in the message. After `silence` seconds without output it is given up.
 * sink->end is the caller's. */
MUST_USE enum status command_output_send(uint64_t *size, const struct source_sink *sink,
                                         struct command_process *process, const char *program,
                                         unsigned silence, struct error *error);

#endif
