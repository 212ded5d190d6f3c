/* kura audit show, export: the records of the log, for people, for programs and for inspectors. */
#include "cli_audit.h"
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_COLUMN 8
#define TIME_COLUMN 27
#define EVENT_COLUMN 16
#define USER_COLUMN 12
#define EXIT_COLUMN 6

/* Which records are wanted. */
struct filter {
    struct moment since, until;
    bool has_since, has_until;
    const char *event; /* pattern, or NULL */
};

struct showing {
    struct cli *cli;
    struct filter filter;
    struct cli_json_array array;
    struct buffer *out; /* of an export, emptied into the file now and then */
    int fd;
    bool csv;
    uint64_t count;
};

static enum status take_moment(struct moment *moment, bool *has, const char *text,
                               struct error *error)
{
    *has = text != NULL;
    if (text != NULL && !moment_parse(moment, text)) {
        error_set(error, STATUS_USAGE, 0, _("\"%s\" is not a time"), text);
        return error_set_hint(error, "%s",
                              _("Write it like 2026-11-22, \"2026-11-22 02:00\" or "
                                "2026-11-22T02:00:00Z."));
    }
    return STATUS_OK;
}

static enum status take_filter(struct filter *filter, const struct cli_arguments *arguments,
                               struct error *error)
{
    filter->event = arguments->event;
    enum status status = take_moment(&filter->since, &filter->has_since, arguments->since, error);
    return status == STATUS_OK
               ? take_moment(&filter->until, &filter->has_until, arguments->until, error)
               : status;
}

static bool is_wanted(const struct filter *filter, const struct audit_record *record)
{
    return (!filter->has_since || moment_compare(record->time, filter->since) >= 0) &&
           (!filter->has_until || moment_compare(record->time, filter->until) <= 0) &&
           (filter->event == NULL || fnmatch(filter->event, record->event, 0) == 0);
}

/* ------------------------------------------------------------------ facts as text */

/* Appends the text with control characters as \ooo. */
static enum status add_printable(struct buffer *text, const char *value, struct error *error)
{
    size_t size = 4 * strlen(value) + 1;
    CLEANUP(memory_free) char *printable = malloc(size);
    return printable == NULL
               ? error_set_memory(error)
               : buffer_append_text(text, text_printable(printable, size, value), error);
}

static enum status add_value(struct buffer *text, const json_t *value, struct error *error)
{
    if (json_is_string(value)) {
        return add_printable(text, json_string_value(value), error);
    }
    CLEANUP(memory_free)
    char *json = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    return json == NULL ? error_set_memory(error) : add_printable(text, json, error);
}

static bool has_own_column(const char *key)
{
    static const char *const keys[] = {"n", "time", "event", "user", "exit"};
    for (size_t i = 0; i < LENGTH(keys); i++) {
        if (strcmp(key, keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* "key=value key=value", in the order of the line, which is sorted; terminated. */
static enum status compose_details(struct buffer *text, const json_t *json, struct error *error)
{
    const char *key;
    json_t *value;
    enum status status = STATUS_OK;
    json_auto_t *copy = json_deep_copy(json); /* to walk through it is to change it */
    json_object_foreach(copy, key, value)
    {
        if (has_own_column(key) || status != STATUS_OK) {
            continue;
        }
        status = buffer_append_text(text, text->size > 0 ? " " : "", error);
        status = status ? status : add_printable(text, key, error);
        status = status ? status : buffer_append_text(text, "=", error);
        status = status ? status : add_value(text, value, error);
    }
    return status ? status : buffer_append_u8(text, '\0', error);
}

/* A fact with a column of its own: its text, or "". */
static enum status compose_cell(struct buffer *text, const json_t *json, const char *key,
                                struct error *error)
{
    const json_t *value = json_object_get(json, key);
    enum status status = value == NULL ? STATUS_OK : add_value(text, value, error);
    return status ? status : buffer_append_u8(text, '\0', error);
}

/* What the columns of a record say; texts are terminated. */
struct cells {
    char number[24];
    char time[MOMENT_TEXT_SIZE];
    struct buffer event, user, exit, details;
};

static void cells_free(struct cells *cells)
{
    buffer_free(&cells->event);
    buffer_free(&cells->user);
    buffer_free(&cells->exit);
    buffer_free(&cells->details);
}

static enum status cells_fill(struct cells *cells, const struct audit_record *record,
                              struct error *error)
{
    snprintf(cells->number, sizeof cells->number, "%llu", (unsigned long long)record->number);
    moment_format_local(cells->time, record->time);
    enum status status = compose_cell(&cells->event, record->json, "event", error);
    status = status ? status : compose_cell(&cells->user, record->json, "user", error);
    status = status ? status : compose_cell(&cells->exit, record->json, "exit", error);
    return status ? status : compose_details(&cells->details, record->json, error);
}

static const char *text_of(const struct buffer *cell)
{
    return (const char *)cell->data;
}

/* ------------------------------------------------------------------ show */

static void print_columns(const struct cli *cli, const char *const texts[6])
{
    static const int widths[] = {NUMBER_COLUMN, TIME_COLUMN, EVENT_COLUMN, USER_COLUMN,
                                 EXIT_COLUMN};
    for (size_t i = cli->arguments.verbose ? 0 : 1; i < LENGTH(widths); i++) {
        cli_print_column(stdout, texts[i], widths[i] - 1);
        putchar(' ');
    }
    printf("%s\n", texts[5]);
}

static enum status show_record(void *context, const struct audit_record *record,
                               struct error *error)
{
    struct showing *showing = context;
    CLEANUP(cells_free) struct cells cells = {0};
    if (!is_wanted(&showing->filter, record)) {
        return STATUS_OK;
    }
    if (showing->cli->arguments.json) {
        return cli_json_add(&showing->array, json_deep_copy(record->json), error);
    }
    enum status status = cells_fill(&cells, record, error);
    if (status != STATUS_OK) {
        return status;
    }
    print_columns(showing->cli,
                  (const char *const[]){cells.number, cells.time, text_of(&cells.event),
                                        text_of(&cells.user), text_of(&cells.exit),
                                        text_of(&cells.details)});
    return cli_check_output(error);
}

static enum status run_show(struct cli *cli, struct error *error)
{
    CLEANUP(cli_log_close) struct cli_log log = {0};
    struct showing showing = {.cli = cli, .fd = -1};
    enum status status = take_filter(&showing.filter, &cli->arguments, error);
    if (status == STATUS_OK) {
        status = cli_log_open(&log, cli, CLI_LOG_READ, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!cli->arguments.json) {
        print_columns(cli, (const char *const[]){_("NO"), _("TIME"), _("EVENT"), _("USER"),
                                                 _("EXIT"), _("DETAILS")});
    }
    status = audit_walk(log.audit, show_record, &showing, error);
    return status == STATUS_OK && cli->arguments.json ? cli_json_end(&showing.array, error)
                                                      : status;
}

const struct cli_command cmd_audit_show = {
    .name = "audit show",
    .operands = "",
    .summary = N_("Show the records of this machine's audit log, oldest first."),
    .details = N_("The log is verified first. --verbose shows the records' numbers, too."),
    .options = {OPTION_SINCE, OPTION_UNTIL, OPTION_EVENT, OPTION_JSON, OPTION_END},
    .run = run_show,
};

/* ------------------------------------------------------------------ export */

#define FLUSH_AT ((size_t)64 * 1024)
#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* without it Excel takes UTF-8 for the old code page */

/* Always quoted. What a spreadsheet would take for a formula gets an apostrophe in front. */
static enum status add_cell(struct buffer *out, const char *text, bool last, struct error *error)
{
    enum status status = buffer_append_text(out, "\"", error);
    if (status == STATUS_OK && text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL) {
        status = buffer_append_text(out, "'", error);
    }
    while (status == STATUS_OK && *text != '\0') {
        size_t plain = strcspn(text, "\"");
        status = buffer_append(out, text, plain, error);
        text += plain;
        if (status == STATUS_OK && *text == '"') {
            status = buffer_append_text(out, "\"\"", error);
            text++;
        }
    }
    return status ? status : buffer_append_text(out, last ? "\"\r\n" : "\",", error);
}

static enum status add_row(struct buffer *out, const char *const texts[6], struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < 6 && status == STATUS_OK; i++) {
        status = add_cell(out, texts[i], i == 5, error);
    }
    return status;
}

static enum status add_record(struct showing *showing, const struct audit_record *record,
                              struct error *error)
{
    if (!showing->csv) { /* the line as it stands in the log */
        enum status status =
            buffer_append_text(showing->out, showing->count == 0 ? "[\n" : ",\n", error);
        return status ? status : buffer_append_text(showing->out, record->line, error);
    }
    CLEANUP(cells_free) struct cells cells = {0};
    enum status status = cells_fill(&cells, record, error);
    if (status != STATUS_OK) {
        return status;
    }
    return add_row(showing->out,
                   (const char *const[]){cells.number, cells.time, text_of(&cells.event),
                                         text_of(&cells.user), text_of(&cells.exit),
                                         text_of(&cells.details)},
                   error);
}

static enum status flush(struct showing *showing, struct error *error)
{
    enum status status = file_write_all(showing->fd, showing->out->data, showing->out->size,
                                        showing->cli->arguments.out, error);
    buffer_clear(showing->out);
    return status;
}

static enum status export_record(void *context, const struct audit_record *record,
                                 struct error *error)
{
    struct showing *showing = context;
    if (!is_wanted(&showing->filter, record)) {
        return STATUS_OK;
    }
    enum status status = add_record(showing, record, error);
    showing->count++;
    return status == STATUS_OK && showing->out->size >= FLUSH_AT ? flush(showing, error) : status;
}

static enum status export_all(struct showing *showing, const struct audit *audit,
                              struct error *error)
{
    enum status status = STATUS_OK;
    if (showing->csv) {
        status = buffer_append_text(showing->out, BYTE_ORDER_MARK, error);
        status = status ? status
                        : add_row(showing->out,
                                  (const char *const[]){_("NO"), _("TIME"), _("EVENT"), _("USER"),
                                                        _("EXIT"), _("DETAILS")},
                                  error);
    }
    status = status ? status : audit_walk(audit, export_record, showing, error);
    if (status == STATUS_OK && !showing->csv) {
        status = buffer_append_text(showing->out, showing->count == 0 ? "[]\n" : "\n]\n", error);
    }
    return status ? status : flush(showing, error);
}

static enum status check_words(const struct cli_arguments *arguments, struct error *error)
{
    if (arguments->csv == arguments->json) {
        return error_set(error, STATUS_USAGE, 0, "%s", _("say in which form: --csv or --json"));
    }
    if (arguments->out == NULL) {
        return error_set(error, STATUS_USAGE, 0, "%s", _("kura audit export needs --out FILE"));
    }
    return STATUS_OK;
}

static enum status run_export(struct cli *cli, struct error *error)
{
    CLEANUP(cli_log_close) struct cli_log log = {0};
    CLEANUP(cli_file_free) struct cli_file file = {.fd = -1};
    CLEANUP(buffer_free) struct buffer out = {0};
    struct showing showing = {.cli = cli, .out = &out, .csv = cli->arguments.csv};
    enum status status = check_words(&cli->arguments, error);
    status = status ? status : take_filter(&showing.filter, &cli->arguments, error);
    status = status ? status : cli_log_open(&log, cli, CLI_LOG_READ, error);
    status = status ? status : cli_file_open(&file, cli->arguments.out, error);
    if (status != STATUS_OK) {
        return status;
    }
    showing.fd = file.fd;
    status = export_all(&showing, log.audit, error);
    status = status ? status : cli_file_publish(&file, error);
    cli_json_set_count(cli->facts, "records", showing.count);
    if (status == STATUS_OK) {
        cli_say(cli, _("%llu records are in %s."), (unsigned long long)showing.count,
                cli->arguments.out);
    }
    return status;
}

const struct cli_command cmd_audit_export = {
    .name = "audit export",
    .event = "audit.export",
    .operands = "",
    .summary = N_("Write the records of this machine's audit log into a file."),
    .details = N_("--csv is for spreadsheets: UTF-8 with a byte order mark, and no cell is taken\n"
                  "for a formula."),
    .options = {OPTION_CSV, OPTION_JSON, OPTION_OUT, OPTION_SINCE, OPTION_UNTIL, OPTION_EVENT,
                OPTION_END},
    .run = run_export,
};
