/* data_set: see data_set.h. Persons are counted, not rows: every column that identifies one counts,
 * the same person once, and nobody is merged by name. */
#include "data_set.h"
#include "shared.h"
#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER_SIZE 4096

struct reading {
    struct data_set *set;
    const struct stage_options *options;
    size_t person_columns[QUERY_COLUMNS_LIMIT]; /* of persons[i] */
    char **names;
    size_t count;
};

void data_set_free(struct data_set *set)
{
    buffer_wipe(&set->csv);
    persons_free(&set->persons);
    carry_texts_free(set->fields);
    carry_texts_free(set->folders);
    *set = (struct data_set){0};
}

/* ------------------------------------------------------------------ parameters */

static enum status fail_parameter(const char *name, const char *words, struct error *error)
{
    return error_set(error, STATUS_REFUSED, 0, "[parameters] \"%s\" %s", name, words);
}

static bool is_date(const char *value)
{
    struct moment moment;
    return strlen(value) == 10 && moment_parse(&moment, value);
}

static bool is_integer(const char *value)
{
    char *end;
    errno = 0;
    (void)strtoll(value, &end, 10);
    return value[0] != '\0' && !isspace((unsigned char)value[0]) && *end == '\0' && errno == 0;
}

static enum status take_parameter(struct query_parameter *target,
                                  const struct policy_parameter *wanted, const char *const *given,
                                  struct error *error)
{
    size_t size = strlen(wanted->name);
    for (size_t i = 0; given != NULL && given[i] != NULL; i++) {
        if (strncmp(given[i], wanted->name, size) != 0 || given[i][size] != '=') {
            continue;
        }
        if (target->value != NULL) {
            return fail_parameter(wanted->name, _("is given twice"), error);
        }
        *target = (struct query_parameter){wanted->name, given[i] + size + 1,
                                           wanted->type == PARAMETER_INTEGER};
    }
    if (target->value == NULL) {
        return fail_parameter(wanted->name, _("is missing; give it with --param NAME=VALUE"),
                              error);
    }
    if (wanted->type == PARAMETER_INTEGER && !is_integer(target->value)) {
        return fail_parameter(wanted->name, _("must be a whole number"), error);
    }
    if (wanted->type == PARAMETER_DATE && !is_date(target->value)) {
        return fail_parameter(wanted->name, _("must be a date such as 2026-11-22"), error);
    }
    return STATUS_OK;
}

static enum status take_parameters(struct query_parameter *parameters,
                                   const struct stage_options *options, struct error *error)
{
    const struct policy_data_set *set = options->set;
    size_t given = 0;
    for (; options->parameters != NULL && options->parameters[given] != NULL; given++) {
    }
    for (size_t i = 0; i < set->parameter_count; i++) {
        enum status status =
            take_parameter(&parameters[i], &set->parameters[i], options->parameters, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return given == set->parameter_count
               ? STATUS_OK
               : error_set(error, STATUS_REFUSED, 0, "[parameters] %s",
                           _("there is a parameter that this data set does not have"));
}

/* ------------------------------------------------------------------ columns */

static const struct policy_field *find_field(const struct policy_data_set *set, const char *column)
{
    for (size_t i = 0; i < set->field_count; i++) {
        if (strcmp(set->fields[i].column, column) == 0) {
            return &set->fields[i];
        }
    }
    return NULL;
}

static enum status name_field(char **target, const char *column, const char *class,
                              struct error *error)
{
    if (asprintf(target, "%s:%s", column, class) < 0) {
        *target = NULL;
        return error_set_memory(error);
    }
    return STATUS_OK;
}

static enum status take_field(char **target, const struct reading *reading, const char *column,
                              struct error *error)
{
    const struct policy_field *field = find_field(reading->options->set, column);
    if (field == NULL) {
        error_set(error, STATUS_REFUSED, 0,
                  _("[unclassed] the policy gives the column \"%s\" no class"), column);
        return error_set_hint(
            error, "%s", _("The data manager adds it under fields, or takes it out of the SQL."));
    }
    if (policy_find_class(reading->options->policy, field->class)->sensitive) {
        return error_set(error, STATUS_REFUSED, 0,
                         _("[sensitive] the column \"%s\" can never leave"), column);
    }
    return name_field(target, column, field->class, error);
}

static enum status find_person_columns(struct reading *reading, const char *const *names,
                                       size_t count, struct error *error)
{
    const struct policy_data_set *set = reading->options->set;
    for (size_t i = 0; i < set->person_count; i++) {
        size_t column = 0;
        while (column < count && strcmp(names[column], set->persons[i].column) != 0) {
            column++;
        }
        if (column == count || i == QUERY_COLUMNS_LIMIT) {
            return error_set(
                error, STATUS_REFUSED, 0,
                _("[persons-column] the SQL has no column \"%s\", which identifies persons"),
                set->persons[i].column);
        }
        reading->person_columns[i] = column;
    }
    return STATUS_OK;
}

static enum status end_line(struct buffer *csv, struct error *error)
{
    if (csv->size > DATA_SET_CSV_LIMIT) {
        return error_set(error, STATUS_REFUSED, 0, "[rows] %s", _("the rows are too large"));
    }
    return buffer_append_text(csv, "\r\n", error);
}

static enum status take_columns(void *context, const char *const *names, size_t count,
                                struct error *error)
{
    struct reading *reading = context;
    struct buffer *csv = &reading->set->csv;
    reading->set->fields = calloc(count + 2, sizeof *reading->set->fields);
    reading->names = calloc(count + 1, sizeof *reading->names);
    if (reading->set->fields == NULL || reading->names == NULL) {
        return error_set_memory(error);
    }
    enum status status = buffer_append_text(csv, "\xef\xbb\xbf", error); /* Excel asks for it */
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        reading->names[i] = strdup(names[i]);
        reading->count = i + 1;
        status = reading->names[i] == NULL
                     ? error_set_memory(error)
                     : take_field(&reading->set->fields[i], reading, names[i], error);
        if (status == STATUS_OK && i > 0) {
            status = buffer_append_text(csv, ",", error);
        }
        if (status == STATUS_OK) {
            status = csv_append(csv, names[i], strlen(names[i]), error);
        }
    }
    if (status == STATUS_OK) {
        status = end_line(csv, error);
    }
    if (status == STATUS_OK && reading->options->documents) {
        status = name_field(&reading->set->fields[count], "documents/",
                            reading->options->set->documents_class, error);
    }
    return status == STATUS_OK ? find_person_columns(reading, names, count, error) : status;
}

/* ------------------------------------------------------------------ rows */

static enum status count_persons(struct reading *reading, const struct query_value *values,
                                 struct error *error)
{
    const struct policy_data_set *set = reading->options->set;
    struct persons *persons = &reading->set->persons;
    bool tied = false;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < set->person_count && status == STATUS_OK; i++) {
        const struct query_value *value = &values[reading->person_columns[i]];
        if (value->type != QUERY_NULL && value->size > 0) {
            tied = true;
            status = persons_add(persons, reading->options->host->secret, set->persons[i].domain,
                                 value->data, value->size, error);
        } else if (set->persons[i].unlinked) {
            tied = true;
            persons->unlinked++;
        }
    }
    /* A row that names nobody may still be about somebody. */
    persons->unlinked += tied ? 0 : 1;
    return status;
}

static const struct query_value *find_value(const struct reading *reading,
                                            const struct query_value *values, const char *name,
                                            size_t size)
{
    for (size_t i = 0; i < reading->count; i++) {
        if (strlen(reading->names[i]) == size && memcmp(reading->names[i], name, size) == 0) {
            return &values[i];
        }
    }
    return NULL;
}

/* "kunden/{customer_id}" with this row's value. *there false: the row has none. */
static enum status fill_pattern(char *folder, bool *there, const struct reading *reading,
                                const struct query_value *values, struct error *error)
{
    const char *at = reading->options->set->documents_path;
    size_t used = 0;
    *there = true;
    while (*at != '\0') {
        const char *piece = at;
        size_t size = strcspn(at, "{");
        if (size == 0) {
            size_t name = strcspn(at + 1, "}");
            const struct query_value *value = find_value(reading, values, at + 1, name);
            if (at[1 + name] != '}' || value == NULL) {
                return error_set(error, STATUS_REFUSED, 0, "[documents-path] %s",
                                 _("documents_path names a column that the SQL does not have"));
            }
            *there = *there && value->type != QUERY_NULL && value->size > 0;
            piece = value->data;
            size = value->size;
            at += name + 2;
            /* A value must stay one name: else it could lead to another person's folder. */
            if (size > 0 && (memchr(piece, '/', size) != NULL ||
                             memchr(piece, '\0', size) != NULL || piece[0] == '.')) {
                return error_set(error, STATUS_REFUSED, 0, "[documents-path] %s",
                                 _("a value for documents_path is not the name of a folder"));
            }
        } else {
            at += size;
        }
        if (used + size + 1 > FOLDER_SIZE) {
            return error_set(error, STATUS_REFUSED, 0, "[documents-path] %s",
                             _("a path is too long"));
        }
        if (size > 0) {
            memcpy(folder + used, piece, size);
        }
        used += size;
    }
    folder[used] = '\0';
    return STATUS_OK;
}

static enum status take_folder(struct reading *reading, const struct query_value *values,
                               struct error *error)
{
    struct data_set *set = reading->set;
    char folder[FOLDER_SIZE];
    bool there = false;
    enum status status = fill_pattern(folder, &there, reading, values, error);
    if (status != STATUS_OK || !there) {
        return status;
    }
    for (size_t i = 0; i < set->folder_count; i++) {
        if (strcmp(set->folders[i], folder) == 0) {
            return STATUS_OK;
        }
    }
    char **folders = reallocarray(set->folders, set->folder_count + 2, sizeof *folders);
    if (folders == NULL) {
        return error_set_memory(error);
    }
    set->folders = folders;
    folders[set->folder_count] = strdup(folder);
    if (folders[set->folder_count] == NULL) {
        return error_set_memory(error);
    }
    folders[++set->folder_count] = NULL;
    return STATUS_OK;
}

static enum status take_value(struct buffer *csv, const struct query_value *value,
                              struct error *error)
{
    char hex[2 * 512 + 1];
    if (value->type != QUERY_BINARY) {
        return value->type == QUERY_NULL ? STATUS_OK
                                         : csv_append(csv, value->data, value->size, error);
    }
    if (value->size > 512) {
        return error_set(error, STATUS_REFUSED, 0, "[binary] %s",
                         _("a binary value cannot go into a table"));
    }
    return buffer_append_text(csv, hex_encode(hex, value->data, value->size), error);
}

static enum status take_row(void *context, const struct query_value *values, size_t count,
                            struct error *error)
{
    struct reading *reading = context;
    struct buffer *csv = &reading->set->csv;
    enum status status = count_persons(reading, values, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (i > 0) {
            status = buffer_append_text(csv, ",", error);
        }
        if (status == STATUS_OK) {
            status = take_value(csv, &values[i], error);
        }
    }
    if (status == STATUS_OK) {
        status = end_line(csv, error);
    }
    if (status == STATUS_OK && reading->options->documents) {
        status = take_folder(reading, values, error);
    }
    reading->set->rows++;
    return status;
}

static enum status check_documents(const struct stage_options *options, struct error *error)
{
    if (!options->documents) {
        return STATUS_OK;
    }
    if (options->set->documents_path == NULL) {
        return error_set(error, STATUS_REFUSED, 0, "[documents] %s",
                         _("this data set has no documents"));
    }
    return policy_find_class(options->policy, options->set->documents_class)->sensitive
               ? error_set(error, STATUS_REFUSED, 0, "[sensitive] %s",
                           _("the documents of this data set can never leave"))
               : STATUS_OK;
}

static void reading_end(struct reading *reading)
{
    carry_texts_free(reading->names);
}

enum status data_set_read(struct data_set *set, const struct stage_options *options,
                          struct error *error)
{
    *set = (struct data_set){0};
    CLEANUP(reading_end) struct reading reading = {.set = set, .options = options};
    struct query_parameter parameters[64] = {0};
    const struct config_source *source = config_find_source(options->config, options->set->source);
    if (source == NULL || options->set->parameter_count > LENGTH(parameters)) {
        return error_set(error, STATUS_REFUSED, 0,
                         _("[data-set] the configuration has no source \"%s\""),
                         options->set->source);
    }
    const struct query query = {.sql = options->set->sql,
                                .parameters = parameters,
                                .parameter_count = options->set->parameter_count,
                                .max_rows = options->set->max_rows,
                                .timeout = options->set->timeout};
    const struct query_sink sink = {&reading, take_columns, take_row};
    enum status status = check_documents(options, error);
    if (status == STATUS_OK) {
        status = take_parameters(parameters, options, error);
    }
    if (status == STATUS_OK) {
        status = source_query(source, &query, &sink, error);
    }
    if (status != STATUS_OK) {
        data_set_free(set);
        return status;
    }
    persons_settle(&set->persons);
    return STATUS_OK;
}
