/* statement_source: the words about one source, shared by statements and catalogues. */
#include "statement_private.h"
#include <stdlib.h>
#include <string.h>

static const char *const STATUS_WORDS[] = {
    [SOURCE_COMPLETE] = "complete", [SOURCE_WARNINGS] = "warnings", [SOURCE_FAILED] = "failed"};

static void free_tables(struct statement_source *source)
{
    for (size_t i = 0; i < source->table_count; i++) {
        free(source->tables[i].name);
    }
    free(source->tables);
    source->tables = NULL;
    source->table_count = 0;
}

void statement_source_free(struct statement_source *source)
{
    free_tables(source);
    free(source->name);
    free(source->kind);
    free(source->problem);
    *source = (struct statement_source){.persons = -1};
}

bool statement_source_is_uncounted(const struct statement_source *source)
{
    return source->persons < 0 && source->status != SOURCE_FAILED &&
           strcmp(source->kind, "tree") != 0 && strcmp(source->kind, "command") != 0;
}

/* ---- writing ---- */

static json_t *tables_to_json(const struct statement_source *source)
{
    json_t *tables = json_object();
    for (size_t i = 0; tables != NULL && i < source->table_count; i++) {
        json_auto_t *key = json_new_text(source->tables[i].name);
        json_t *rows = json_integer((json_int_t)source->tables[i].rows);
        if (key == NULL || json_object_set_new(tables, json_string_value(key), rows) != 0) {
            json_decref(tables);
            return NULL;
        }
    }
    return tables;
}

json_t *json_new_persons(int64_t persons)
{
    return persons < 0 ? json_null() : json_integer((json_int_t)persons);
}

static json_t *together_to_json(const struct statement_source *source)
{
    json_auto_t *together = json_object();
    int failed = json_object_set_new(together, "began", json_new_moment(source->together_began));
    failed |= json_object_set_new(together, "ended", json_new_moment(source->together_ended));
    return failed != 0 ? NULL : json_incref(together);
}

struct json_t *statement_source_to_json(const struct statement_source *source)
{
    json_auto_t *json = json_object();
    const char *status = STATUS_WORDS[source->status];
    json_t *problem = source->problem == NULL ? json_null() : json_new_text(source->problem);
    json_t *persons = json_new_persons(source->persons);
    int failed = json_object_set_new(json, "name", json_new_text(source->name));
    failed |= json_object_set_new(json, "kind", json_new_text(source->kind));
    failed |= json_object_set_new(json, "status", json_string(status));
    failed |= json_object_set_new(json, "problem", problem);
    failed |= json_object_set_new(json, "entries", json_integer((json_int_t)source->entries));
    failed |= json_object_set_new(json, "bytes", json_integer((json_int_t)source->bytes));
    failed |= json_object_set_new(json, "persons", persons);
    if (source->persons >= 0) {
        failed |= json_object_set_new(json, "persons_digest",
                                      json_new_hex(source->persons_digest, PERSONS_DIGEST_SIZE));
    }
    failed |=
        json_object_set_new(json, "digest", json_new_hex(source->digest, sizeof source->digest));
    failed |= json_object_set_new(json, "tables", tables_to_json(source));
    if (source->together) {
        failed |= json_object_set_new(json, "together", together_to_json(source));
    }
    if (source->remnants != 0) {
        struct moment since = {.seconds = source->remnants};
        failed |= json_object_set_new(json, "remnants", json_new_moment(since));
    }
    return failed != 0 ? NULL : json_incref(json);
}

enum status statement_source_fit(bool *fits, size_t *room, struct statement_source *source,
                                 struct error *error)
{
    CLEANUP(buffer_free) struct buffer text = {0};
    json_auto_t *tables = tables_to_json(source);
    *fits = true;
    enum status status =
        tables == NULL ? error_set_memory(error) : json_print(&text, tables, error);
    if (status != STATUS_OK) {
        return status;
    }
    *fits = text.size <= *room;
    if (*fits) {
        *room -= text.size;
    } else {
        free_tables(source);
    }
    return STATUS_OK;
}

/* ---- reading ---- */

static bool take_copy(char **copy, const json_t *json, const char *key)
{
    const char *text = NULL;
    if (!json_take_text(&text, json, key)) {
        return false;
    }
    *copy = strdup(text);
    return *copy != NULL;
}

static bool take_status(enum source_status *status, const json_t *json)
{
    const char *word = NULL;
    if (!json_take_text(&word, json, "status")) {
        return false;
    }
    for (size_t i = 0; i < LENGTH(STATUS_WORDS); i++) {
        if (strcmp(word, STATUS_WORDS[i]) == 0) {
            *status = (enum source_status)i;
            return true;
        }
    }
    return false;
}

static bool take_problem(char **problem, const json_t *json)
{
    return json_is_null(json_object_get(json, "problem")) || take_copy(problem, json, "problem");
}

bool json_take_persons(int64_t *persons, const json_t *json)
{
    const json_t *member = json_object_get(json, "persons");
    uint64_t count = 0;
    *persons = -1;
    if (member == NULL || json_is_null(member)) {
        return true;
    }
    bool good = json_take_count(&count, json, "persons") && count <= INT64_MAX;
    *persons = good ? (int64_t)count : -1;
    return good;
}

static bool take_persons(struct statement_source *source, const json_t *json)
{
    return json_take_persons(&source->persons, json) &&
           (source->persons < 0 ||
            json_take_hex(source->persons_digest, PERSONS_DIGEST_SIZE, json, "persons_digest"));
}

static bool take_together(struct statement_source *source, const json_t *json)
{
    const json_t *together = json_object_get(json, "together");
    source->together = together != NULL;
    return together == NULL ||
           (json_is_object(together) &&
            json_take_moment(&source->together_began, together, "began") &&
            json_take_moment(&source->together_ended, together, "ended") &&
            moment_compare(source->together_began, source->together_ended) <= 0);
}

static bool take_remnants(struct statement_source *source, const json_t *json)
{
    struct moment since = {0};
    if (json_object_get(json, "remnants") == NULL) {
        return true;
    }
    bool good = json_take_moment(&since, json, "remnants") && since.seconds != 0;
    source->remnants = since.seconds;
    return good;
}

static int compare_tables(const void *a, const void *b)
{
    return strcmp(((const struct statement_table *)a)->name,
                  ((const struct statement_table *)b)->name);
}

static bool take_tables(struct statement_source *source, const json_t *json)
{
    json_t *tables = json_object_get(json, "tables");
    if (!json_is_object(tables)) {
        return false;
    }
    source->tables = calloc(json_object_size(tables) + 1, sizeof *source->tables);
    if (source->tables == NULL) {
        return false;
    }
    const char *name = NULL;
    json_t *rows = NULL;
    json_object_foreach(tables, name, rows)
    {
        struct statement_table *table = &source->tables[source->table_count];
        if (!json_take_count(&table->rows, tables, name)) {
            return false;
        }
        table->name = strdup(name);
        if (table->name == NULL) {
            return false;
        }
        source->table_count++;
    }
    qsort(source->tables, source->table_count, sizeof *source->tables, compare_tables);
    return true;
}

enum status statement_source_from_json(struct statement_source *source, const struct json_t *json,
                                       struct error *error)
{
    *source = (struct statement_source){.persons = -1};
    if (json_is_object(json) && take_copy(&source->name, json, "name") &&
        take_copy(&source->kind, json, "kind") && take_status(&source->status, json) &&
        take_problem(&source->problem, json) &&
        json_take_count(&source->entries, json, "entries") &&
        json_take_count(&source->bytes, json, "bytes") && take_persons(source, json) &&
        json_take_hex(source->digest, sizeof source->digest, json, "digest") &&
        take_together(source, json) && take_remnants(source, json) && take_tables(source, json)) {
        return STATUS_OK;
    }
    statement_source_free(source);
    return error_set(error, STATUS_CORRUPT, 0, "%s",
                     _("what is said of a source is incomplete or of the wrong form"));
}
