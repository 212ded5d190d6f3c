/* dump_entries: which entries of an archive belong to a table. */
#ifndef RESTORE_DUMP_ENTRIES_H
#define RESTORE_DUMP_ENTRIES_H

#include "kura/base.h"

/* From the list that `pg_restore --list --verbose` writes, the lines that --use-list takes, for
 * these tables ("NAME" or "SCHEMA.NAME", NULL-terminated): the tables with their partitions, and of
 * what belongs to them (data, own sequences, defaults, indexes, constraints, triggers, comments,
 * privileges) all that needs no other table, view or sequence than these. *left counts what does,
 * such as a foreign key to another table. A table that is not there: STATUS_NOT_FOUND; a NAME that
 * several schemas have: STATUS_USAGE. */
MUST_USE enum status dump_entries_choose(struct buffer *lines, size_t *left, const char *list,
                                         const char *const *tables, struct error *error);

#endif
