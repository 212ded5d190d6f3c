/* config_lines: one pass over the YAML events that remembers the line of every key, and refuses
 * what the file has no use for. libcyaml reports the line before a wrong key, and knows none once
 * it is done; messages need both. */
#include "config_private.h"
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct mark {
    char *place;
    unsigned line;
};

/* One walk over the text. */
struct pass {
    struct config_lines *lines;
    yaml_parser_t parser;
    char place[CONFIG_PLACE_SIZE];
    struct error *error;
};

static int compare_marks(const void *a, const void *b)
{
    const struct mark *left = a;
    const struct mark *right = b;
    return strcmp(left->place, right->place);
}

static void mark_free(void *pointer)
{
    struct mark *mark = pointer;
    free(mark->place);
    free(mark);
}

unsigned config_lines_find(const struct config_lines *lines, const char *place)
{
    char wanted_place[CONFIG_PLACE_SIZE];
    snprintf(wanted_place, sizeof wanted_place, "%s", place);
    struct mark wanted = {.place = wanted_place};
    const struct mark *const *found = tfind(&wanted, &lines->tree, compare_marks);
    return found == NULL ? 0 : (*found)->line;
}

void config_lines_free(struct config_lines *lines)
{
    tdestroy(lines->tree, mark_free);
    lines->tree = NULL;
    lines->count = 0;
}

enum status config_error(const struct config_lines *lines, const char *place, struct error *error,
                         const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    char outer[CONFIG_PLACE_SIZE];
    snprintf(outer, sizeof outer, "%s", place);
    unsigned line = config_lines_find(lines, outer);
    while (line == 0 && outer[0] != '\0') {
        char *end = strrchr(outer, '.');
        char *bracket = strrchr(outer, '[');
        end = bracket > end ? bracket : end;
        *(end == NULL ? outer : end) = '\0';
        line = config_lines_find(lines, outer);
    }
    if (line == 0) {
        return error_set(error, STATUS_USAGE, 0, "%s: %s", lines->file, message);
    }
    return error_set(error, STATUS_USAGE, 0, _("%s: line %u: %s"), lines->file, line, message);
}

static enum status fail_at(struct pass *pass, size_t line, const char *message)
{
    return error_set(pass->error, STATUS_USAGE, 0, _("%s: line %u: %s"), pass->lines->file,
                     (unsigned)line + 1, message);
}

static enum status next_event(struct pass *pass, yaml_event_t *event)
{
    if (yaml_parser_parse(&pass->parser, event) != 0) {
        return STATUS_OK;
    }
    if (pass->parser.error == YAML_MEMORY_ERROR) {
        return error_set_memory(pass->error);
    }
    char message[300];
    snprintf(message, sizeof message, _("this is not YAML: %s"),
             pass->parser.problem == NULL ? "?" : pass->parser.problem);
    fail_at(pass, pass->parser.problem_mark.line, message);
    return error_set_hint(pass->error, _("Indent with blanks, never with tabs, and put texts with "
                                         "special characters between quotation marks."));
}

/* Remembers where the current place is. */
static enum status remember(struct pass *pass, size_t line)
{
    if (config_lines_find(pass->lines, pass->place) != 0) {
        char message[CONFIG_PLACE_SIZE + 100];
        snprintf(message, sizeof message, _("key \"%s\" is given twice"), pass->place);
        return fail_at(pass, line, message);
    }
    if (pass->lines->count >= CONFIG_NODES_LIMIT) {
        return fail_at(pass, line, _("the file has too many entries"));
    }
    struct mark *mark = calloc(1, sizeof *mark);
    if (mark == NULL || (mark->place = strdup(pass->place)) == NULL ||
        tsearch(mark, &pass->lines->tree, compare_marks) == NULL) {
        if (mark != NULL) {
            mark_free(mark);
        }
        return error_set_memory(pass->error);
    }
    mark->line = (unsigned)line + 1;
    pass->lines->count++;
    return STATUS_OK;
}

static enum status check_scalar(struct pass *pass, const yaml_event_t *event)
{
    if (memchr(event->data.scalar.value, '\0', event->data.scalar.length) != NULL) {
        return fail_at(pass, event->start_mark.line, _("a text contains a NUL character"));
    }
    return STATUS_OK;
}

/* Appends to the place; the caller cuts it off again. */
static enum status enter(struct pass *pass, size_t line, const char *between, const char *name)
{
    size_t length = strlen(pass->place);
    size_t left = sizeof pass->place - length;
    int size = snprintf(pass->place + length, left, "%s%s", between, name);
    if (size < 0 || (size_t)size >= left) {
        pass->place[length] = '\0';
        return fail_at(pass, line, _("a key is too long"));
    }
    return STATUS_OK;
}

static enum status read_node(struct pass *pass, const yaml_event_t *event, unsigned depth);

/* The key whose event is given, and its value. */
static enum status read_pair(struct pass *pass, const yaml_event_t *key, unsigned depth)
{
    if (key->type != YAML_SCALAR_EVENT) {
        return fail_at(pass, key->start_mark.line, _("a key must be a plain word"));
    }
    enum status status = check_scalar(pass, key);
    if (status != STATUS_OK) {
        return status;
    }
    size_t length = strlen(pass->place);
    status = enter(pass, key->start_mark.line, length == 0 ? "" : ".",
                   (const char *)key->data.scalar.value);
    if (status == STATUS_OK) {
        status = remember(pass, key->start_mark.line);
    }
    yaml_event_t value = {0};
    if (status == STATUS_OK) {
        status = next_event(pass, &value);
    }
    if (status == STATUS_OK) {
        status = read_node(pass, &value, depth);
        yaml_event_delete(&value);
    }
    pass->place[length] = '\0';
    return status;
}

static enum status read_item(struct pass *pass, const yaml_event_t *item, size_t number,
                             unsigned depth)
{
    size_t length = strlen(pass->place);
    char name[24];
    snprintf(name, sizeof name, "[%zu]", number);
    enum status status = enter(pass, item->start_mark.line, "", name);
    if (status == STATUS_OK) {
        status = remember(pass, item->start_mark.line);
    }
    if (status == STATUS_OK) {
        status = read_node(pass, item, depth);
    }
    pass->place[length] = '\0';
    return status;
}

static enum status read_children(struct pass *pass, bool mapping, unsigned depth)
{
    yaml_event_type_t last = mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    for (size_t number = 0;; number++) {
        yaml_event_t event = {0};
        enum status status = next_event(pass, &event);
        if (status != STATUS_OK) {
            return status;
        }
        bool end = event.type == last;
        if (!end) {
            status =
                mapping ? read_pair(pass, &event, depth) : read_item(pass, &event, number, depth);
        }
        yaml_event_delete(&event);
        if (end || status != STATUS_OK) {
            return status;
        }
    }
}

static enum status read_node(struct pass *pass, const yaml_event_t *event, unsigned depth)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return check_scalar(pass, event);
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        /* A file of nothing but brackets would use up the stack. */
        if (depth >= CONFIG_DEPTH_LIMIT) {
            return fail_at(pass, event->start_mark.line, _("too many levels"));
        }
        return read_children(pass, event->type == YAML_MAPPING_START_EVENT, depth + 1);
    default:
        /* Aliases can unfold to any size. */
        return fail_at(pass, event->start_mark.line,
                       _("aliases (*name) are not allowed; write the value again"));
    }
}

static enum status read_stream(struct pass *pass)
{
    bool document_seen = false;
    for (;;) {
        yaml_event_t event = {0};
        enum status status = next_event(pass, &event);
        if (status != STATUS_OK) {
            return status;
        }
        yaml_event_type_t type = event.type;
        switch (type) {
        case YAML_STREAM_START_EVENT:
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (document_seen) {
                status = fail_at(pass, event.start_mark.line,
                                 _("a second document begins; only one is read"));
            }
            document_seen = true;
            break;
        default:
            status = read_node(pass, &event, 0);
        }
        yaml_event_delete(&event);
        if (status != STATUS_OK || type == YAML_STREAM_END_EVENT) {
            return status;
        }
    }
}

enum status config_lines_read(struct config_lines *lines, const char *text, size_t size,
                              struct error *error)
{
    struct pass pass = {.lines = lines, .error = error};
    if (yaml_parser_initialize(&pass.parser) == 0) {
        return error_set_memory(error);
    }
    yaml_parser_set_input_string(&pass.parser, (const unsigned char *)text, size);
    enum status status = read_stream(&pass);
    yaml_parser_delete(&pass.parser);
    return status;
}
