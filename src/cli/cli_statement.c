/* cli_statement: what a statement says, as JSON and in detail for people. */
#include "cli.h"

static const char *status_name(enum source_status status)
{
    static const char *const names[] = {
        [SOURCE_COMPLETE] = "complete", [SOURCE_WARNINGS] = "warnings", [SOURCE_FAILED] = "failed"};
    return names[status];
}

static json_t *json_source(const struct statement_source *source)
{
    json_t *object = json_object();
    cli_json_set_bytes(object, "name", source->name);
    cli_json_set_bytes(object, "kind", source->kind);
    json_object_set_new(object, "status", json_string(status_name(source->status)));
    if (source->problem != NULL) {
        cli_json_set_bytes(object, "problem", source->problem);
    }
    json_object_set_new(object, "entries", json_integer((json_int_t)source->entries));
    json_object_set_new(object, "bytes", json_integer((json_int_t)source->bytes));
    cli_json_set_counts(object, source);
    if (source->remnants != 0) {
        cli_json_set_moment(object, "remnants", (struct moment){.seconds = source->remnants});
    }
    if (source->together) {
        json_t *together = json_object();
        cli_json_set_moment(together, "began", source->together_began);
        cli_json_set_moment(together, "ended", source->together_ended);
        json_object_set_new(object, "together", together);
    }
    return object;
}

json_t *cli_json_statement(const struct statement *statement)
{
    json_t *object = json_object();
    json_t *sources = json_array();
    json_t *parents = json_array();
    uint64_t bytes = 0;
    cli_json_set_id(object, "id", statement->id, sizeof statement->id);
    cli_json_set_moment(object, "time", statement->time);
    cli_json_set_moment(object, "due", statement->due);
    cli_json_set_id(object, "host", statement->host, sizeof statement->host);
    json_object_set_new(object, "sequence", json_integer((json_int_t)statement->sequence));
    json_object_set_new(object, "trusted", json_boolean(statement->standing == STANDING_TRUSTED));
    for (size_t i = 0; i < statement->parent_count; i++) {
        char text[OBJECT_ID_TEXT_SIZE];
        json_array_append_new(parents,
                              json_string(hex_encode(text, statement->parents[i], OBJECT_ID_SIZE)));
    }
    json_object_set_new(object, "parents", parents);
    for (size_t i = 0; i < statement->source_count; i++) {
        json_array_append_new(sources, json_source(&statement->sources[i]));
        bytes += statement->sources[i].bytes;
    }
    json_object_set_new(object, "bytes", json_integer((json_int_t)bytes));
    json_object_set_new(object, "stored", json_integer((json_int_t)statement->stored));
    if (statement->persons >= 0) {
        json_object_set_new(object, "persons", json_integer((json_int_t)statement->persons));
    }
    json_object_set_new(object, "sources", sources);
    return object;
}

void cli_print_source(const struct statement_source *source)
{
    char bytes[CLI_SIZE_TEXT];
    printf(_("  %s: %llu entries, %s, %s\n"), source->name, (unsigned long long)source->entries,
           cli_format_bytes(bytes, source->bytes), cli_status_word(source->status));
    if (source->persons >= 0) {
        unsigned long persons = (unsigned long)source->persons;
        printf(ngettext("    %lu person\n", "    %lu persons\n", persons), persons);
    }
    if (source->together) {
        char began[MOMENT_TEXT_SIZE];
        char ended[MOMENT_TEXT_SIZE];
        printf(_("    taken together with others between %s and %s\n"),
               moment_format_local(began, source->together_began),
               moment_format_local(ended, source->together_ended));
    }
    for (size_t i = 0; i < source->table_count; i++) {
        CLEANUP(memory_free) char *table = cli_format_path("", source->tables[i].name);
        unsigned long rows = (unsigned long)source->tables[i].rows;
        printf(ngettext("    %s: %lu row\n", "    %s: %lu rows\n", rows),
               table == NULL ? "" : table + (*table == '/'), rows);
    }
}
