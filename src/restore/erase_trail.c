/* erase_trail: see the header. */
#include "erase_trail.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void trail_free(struct trail *trail)
{
    for (size_t i = 0; i < trail->count; i++) {
        free(trail->tables[i].name);
        free(trail->tables[i].bare);
        free(trail->tables[i].suspects);
    }
    free(trail->tables);
    *trail = (struct trail){0};
}

struct trail_table *trail_find(struct trail *trail, const char *name, const char *bare)
{
    for (size_t i = 0; i < trail->count; i++) {
        if (strcmp(trail->tables[i].name, name) == 0) {
            return &trail->tables[i];
        }
    }
    struct trail_table *grown = realloc(trail->tables, (trail->count + 1) * sizeof *grown);
    struct trail_table made = {.name = strdup(name), .bare = strdup(bare)};
    trail->tables = grown == NULL ? trail->tables : grown;
    if (grown == NULL || made.name == NULL || made.bare == NULL) {
        free(made.name);
        free(made.bare);
        return NULL;
    }
    grown[trail->count] = made;
    return &grown[trail->count++];
}

/* ------------------------------------------------------------------ names in SQL */

struct word {
    const char *text;
    size_t size;
    bool quoted;
};

static bool is_name_byte(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || byte == '$' ||
           (unsigned char)byte >= 0x80;
}

/* From a quote to its end; one that is doubled within looks like two names, which is none of a
 * table that anybody has. */
static size_t quoted_size(const char *text)
{
    const char *close = strchr(text + 1, text[0] == '[' ? ']' : text[0]);
    return close == NULL ? strlen(text) : (size_t)(close - text) + 1;
}

/* The next name or keyword; texts are passed over. */
static bool next_word(struct word *word, const char **sql)
{
    const char *at = *sql;
    while (*at != '\0' && !is_name_byte(*at) && strchr("\"`[", *at) == NULL) {
        at += *at == '\'' ? quoted_size(at) : 1;
    }
    size_t size = 0;
    if (is_name_byte(*at)) {
        while (is_name_byte(at[size])) {
            size++;
        }
        *word = (struct word){at, size, false};
    } else if (*at != '\0') {
        size = quoted_size(at);
        *word = (struct word){at + 1, size < 2 ? 0 : size - 2, true};
    }
    *sql = at + size;
    return size > 0;
}

static bool is_word(const struct word *word, const char *name)
{
    return word->size == strlen(name) &&
           (word->quoted ? strncmp(word->text, name, word->size)
                         : strncasecmp(word->text, name, word->size)) == 0;
}

static bool is_one_of(const struct word *word, const char *const *names)
{
    while (*names != NULL && (word->quoted || !is_word(word, *names))) {
        names++;
    }
    return *names != NULL;
}

bool trail_names(const char *sql, const char *bare, bool inserts)
{
    static const char *const into[] = {"INTO", NULL};
    static const char *const verbs[] = {"INTO", "UPDATE", "FROM", NULL};
    static const char *const between[] = {"ONLY",   "OR",      "ABORT",    "FAIL",
                                          "IGNORE", "REPLACE", "ROLLBACK", NULL};
    struct word word;
    bool behind = false; /* a verb, with a schema or what may stand between */
    while (next_word(&word, &sql)) {
        bool schema = *sql == '.';
        if (!schema && behind && is_word(&word, bare)) {
            return true;
        }
        behind = is_one_of(&word, inserts ? into : verbs) ||
                 (behind && (schema || is_one_of(&word, between)));
    }
    return false;
}

/* ------------------------------------------------------------------ suspicion */

static void acquit(struct trail_table *table, const unsigned char person[PERSON_SIZE])
{
    size_t kept = 0;
    for (size_t i = 0; i < table->suspect_count; i++) {
        if (memcmp(table->suspects[i], person, PERSON_SIZE) != 0) {
            memmove(table->suspects[kept++], table->suspects[i], PERSON_SIZE);
        }
    }
    table->suspect_count = kept;
}

/* One person's rules come one after the other. */
static enum status suspect(struct trail_table *table, const unsigned char person[PERSON_SIZE],
                           struct error *error)
{
    size_t count = table->suspect_count;
    if (count > 0 && memcmp(table->suspects[count - 1], person, PERSON_SIZE) == 0) {
        return STATUS_OK;
    }
    unsigned char(*grown)[PERSON_SIZE] = realloc(table->suspects, (count + 1) * sizeof *grown);
    if (grown == NULL) {
        return error_set_memory(error);
    }
    memcpy(grown[count], person, PERSON_SIZE);
    table->suspects = grown;
    table->suspect_count++;
    return STATUS_OK;
}

enum status trail_settle(struct trail *trail, const char *sql,
                         const unsigned char person[PERSON_SIZE], struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < trail->count; i++) {
        struct trail_table *table = &trail->tables[i];
        bool inserted = table->now.inserted > table->before.inserted;
        bool updated = table->now.updated > table->before.updated;
        bool deleted = table->now.deleted > table->before.deleted;
        if ((inserted && !trail_names(sql, table->bare, true)) ||
            (updated && !table->expected && !trail_names(sql, table->bare, false))) {
            status = suspect(table, person, error);
        } else if (deleted && !inserted) {
            acquit(table, person);
        }
        table->before = table->now;
        table->expected = table->may.insert = table->may.update = table->may.erase = false;
    }
    return status;
}

void trail_tell(const struct trail *trail, struct restore_erased *erased)
{
    for (size_t i = 0; i < trail->count; i++) {
        if (trail->tables[i].suspect_count > 0 && erased->written++ == 0) {
            snprintf(erased->written_table, sizeof erased->written_table, "%s",
                     trail->tables[i].name);
        }
    }
}
