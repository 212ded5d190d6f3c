/* dump_entries: which entries of an archive belong to a table. */
#ifndef RESTORE_DUMP_ENTRIES_H
#define RESTORE_DUMP_ENTRIES_H

#include "kura/base.h"

/* How many tables are in a list, and the number of the last of them. With --table pg_restore lists
 * only what has exactly that name; blanks within names are not marked in it. */
size_t dump_entries_table(unsigned long *id, const char *list);

#define DUMP_ENCODING_SIZE 64
/* The encoding of a script that pg_restore writes, in PostgreSQL's word; empty: it does not say. */
void dump_entries_encoding(char encoding[DUMP_ENCODING_SIZE], const char *script);

/* From the list that `pg_restore --list --verbose` writes, the lines that --use-list takes, for
 * the tables of these numbers: the tables with their partitions, and of what belongs to them (data,
 * own sequences, defaults, indexes, constraints, triggers, comments, privileges) all that needs no
 * other table, view or sequence than these. *left counts what does, such as a foreign key to
 * another table. */
MUST_USE enum status dump_entries_choose(struct buffer *lines, size_t *left, const char *list,
                                         const unsigned long *ids, size_t id_count,
                                         struct error *error);

#endif
