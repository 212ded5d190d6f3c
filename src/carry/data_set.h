/* data_set: what a data set holds now: its rows as CSV, who they are about, and which documents
 * belong to them. All in memory; nothing reaches a file. */
#ifndef KURA_CARRY_DATA_SET_H
#define KURA_CARRY_DATA_SET_H

#include "kura/source.h"
#include "stage.h"

#define DATA_SET_CSV_LIMIT ((size_t)256 * 1024 * 1024)

struct data_set {
    struct buffer csv; /* UTF-8 with BOM, CRLF, as Excel opens it; no cell can be a formula */
    uint64_t rows;
    struct persons persons; /* settled */
    char **fields;          /* "column:class", and "documents/:class"; NULL-terminated */
    char **folders;         /* of documents, below the tree source's root; distinct */
    size_t folder_count;
};
MUST_USE enum status data_set_read(struct data_set *set, const struct stage_options *options,
                                   struct error *error);
void data_set_free(struct data_set *set);

/* One cell: quoted where it must be; with a ' in front where a spreadsheet would take it for a
 * formula (=, +, -, @, tab, return at the beginning), unless it is a plain number. */
MUST_USE enum status csv_append(struct buffer *csv, const char *text, size_t size,
                                struct error *error);

#endif
