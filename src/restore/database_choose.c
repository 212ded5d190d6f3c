/* database_choose: which entries of the archive --table means. pg_restore itself looks for the
 * names, byte by byte as the archive has them: a list for people does not mark the blanks in them.
 */
#include "dump_entries.h"
#include "hidden.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status read_encoding(char encoding[DUMP_ENCODING_SIZE],
                                 struct hidden_database *database, struct error *error)
{
    const char *const words[] = {"pg_restore", "--schema-only", "--schema=/", "--file=-", NULL};
    CLEANUP(buffer_free) struct buffer script = {0};
    enum status status = archive_read(&script, database, words, -1, error);
    if (status == STATUS_OK) {
        dump_entries_encoding(encoding, (const char *)script.data);
    }
    return status;
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80) {
            return false;
        }
    }
    return true;
}

/* The user's words are in UTF-8. A name that the archive's encoding cannot have stays as it is: no
 * table is called so. */
static enum status encode(char **encoded, struct hidden_database *database, const char *name,
                          struct error *error)
{
    char encoding[DUMP_ENCODING_SIZE] = "";
    enum status status = STATUS_OK;
    *encoded = NULL;
    if (!is_ascii(name)) {
        status = read_encoding(encoding, database, error);
    }
    if (status == STATUS_OK && encoding[0] != '\0' && strcmp(encoding, "UTF8") != 0) {
        status = hidden_encode(encoded, &database->server, name, encoding, error);
        if (status == STATUS_USAGE) {
            error_clear(error);
            status = STATUS_OK;
        }
    }
    if (status == STATUS_OK && *encoded == NULL) {
        *encoded = strdup(name);
        status = *encoded == NULL ? error_set_memory(error) : STATUS_OK;
    }
    return status;
}

/* *found: how many tables have the name, in the schema or, with NULL, in any. */
static enum status look_for(unsigned long *id, size_t *found, struct hidden_database *database,
                            const char *schema, const char *name, struct error *error)
{
    CLEANUP(buffer_free) struct buffer list = {0};
    CLEANUP(memory_free) char *table_word = NULL;
    CLEANUP(memory_free) char *schema_word = NULL;
    if (asprintf(&table_word, "--table=%s", name) < 0) {
        table_word = NULL;
        return error_set_memory(error);
    }
    if (schema != NULL && asprintf(&schema_word, "--schema=%s", schema) < 0) {
        schema_word = NULL;
        return error_set_memory(error);
    }
    const char *const words[] = {"pg_restore", "--list", table_word, schema_word, NULL};
    enum status status = archive_read(&list, database, words, -1, error);
    *found = status == STATUS_OK ? dump_entries_table(id, (const char *)list.data) : 0;
    return status;
}

/* "SCHEMA.NAME", or a name that may have a dot itself. */
static enum status look_for_both(unsigned long *id, size_t *found, struct hidden_database *database,
                                 char *encoded, struct error *error)
{
    char *dot = strchr(encoded, '.');
    enum status status = STATUS_OK;
    *found = 0;
    if (dot != NULL) {
        *dot = '\0';
        status = look_for(id, found, database, encoded, dot + 1, error);
        *dot = '.';
    }
    return status == STATUS_OK && *found == 0 ? look_for(id, found, database, NULL, encoded, error)
                                              : status;
}

static enum status find_table(unsigned long *id, struct hidden_database *database, const char *name,
                              struct error *error)
{
    CLEANUP(memory_free) char *encoded = NULL;
    size_t found = 0;
    enum status status = encode(&encoded, database, name, error);
    if (status == STATUS_OK) {
        status = look_for_both(id, &found, database, encoded, error);
    }
    if (status == STATUS_OK && found > 1) {
        error_set(error, STATUS_USAGE, 0, _("--table: several tables are called %s"), name);
        return error_set_hint(error, "%s", _("Name it with its schema: SCHEMA.NAME"));
    }
    return status == STATUS_OK && found == 0
               ? error_set(error, STATUS_NOT_FOUND, 0, _("the backup has no table %s"), name)
               : status;
}

static enum status find_tables(unsigned long *ids, struct hidden_database *database,
                               struct error *error)
{
    const char *const *tables = database->options->tables;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && tables[i] != NULL; i++) {
        status = find_table(&ids[i], database, tables[i], error);
    }
    return status;
}

enum status database_choose(int *list, size_t *left, struct hidden_database *database,
                            struct error *error)
{
    const char *const words[] = {"pg_restore", "--list", "--verbose", NULL};
    CLEANUP(buffer_free) struct buffer text = {0};
    CLEANUP(buffer_free) struct buffer lines = {0};
    size_t count = 0;
    while (database->options->tables[count] != NULL) {
        count++;
    }
    CLEANUP(memory_free) unsigned long *ids = calloc(count + 1, sizeof *ids);
    if (ids == NULL) {
        return error_set_memory(error);
    }
    enum status status = find_tables(ids, database, error);
    if (status == STATUS_OK) {
        status = archive_read(&text, database, words, -1, error);
    }
    if (status == STATUS_OK) {
        status = dump_entries_choose(&lines, left, (const char *)text.data, ids, count, error);
    }
    return status == STATUS_OK ? database_list_write(list, &lines, error) : status;
}
