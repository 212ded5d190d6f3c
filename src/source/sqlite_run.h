/* sqlite_run: the SQLite source with what a test must be able to set. */
#ifndef SOURCE_SQLITE_RUN_H
#define SOURCE_SQLITE_RUN_H

#include "kura/source.h"

struct sqlite_options {
    int busy_ms;        /* how long to wait for a program that keeps the database to itself */
    uint64_t lock_byte; /* where SQLite's locks lie in a file */
    const struct config_person *persons;
    size_t person_count;
};

MUST_USE enum status sqlite_source_run(const char *path, const struct sqlite_options *options,
                                       const struct source_sink *sink, struct error *error);

#endif
