/* kura carry list, show: what is out, and what became of it. */
#include "cli_carry.h"
#include <string.h>

#define ID_COLUMN 19
#define STATE_COLUMN 22
#define COUNT_COLUMN 8
#define NAME_COLUMN 16

static enum status read_list(json_t **list, struct cli *cli, struct error *error)
{
    CLEANUP(cli_gate_close) struct cli_gate gate = {0};
    enum status status = cli_gate_open(&gate, cli, error);
    return status == STATUS_OK ? carry_client_list(list, gate.client, error) : status;
}

static unsigned long long count_of(const json_t *carry, const char *name)
{
    return (unsigned long long)json_integer_value(json_object_get(carry, name));
}

static void print_row(const json_t *carry)
{
    char text[64], due[MOMENT_TEXT_SIZE];
    cli_print_column(stdout, cli_carry_text(carry, "id"), ID_COLUMN);
    snprintf(text, sizeof text, "%s%s", cli_carry_state(cli_carry_text(carry, "state")),
             json_is_true(json_object_get(carry, "overdue")) ? _(", OVERDUE") : "");
    putchar(' ');
    cli_print_column(stdout, text, STATE_COLUMN);
    snprintf(text, sizeof text, "%llu", count_of(carry, "persons"));
    putchar(' ');
    cli_print_column(stdout, text, COUNT_COLUMN);
    putchar(' ');
    cli_print_column(stdout, cli_carry_text(carry, "bearer"), NAME_COLUMN);
    putchar(' ');
    cli_print_column(stdout, cli_carry_text(carry, "medium"), NAME_COLUMN);
    printf(" %s\n", cli_carry_time(due, carry, "due"));
}

static void print_head(void)
{
    const struct {
        const char *title;
        int width;
    } columns[] = {{_("CARRY"), ID_COLUMN},
                   {_("STATE"), STATE_COLUMN},
                   {_("PERSONS"), COUNT_COLUMN},
                   {_("BEARER"), NAME_COLUMN},
                   {_("MEDIUM"), NAME_COLUMN}};
    for (size_t i = 0; i < LENGTH(columns); i++) {
        cli_print_column(stdout, columns[i].title, columns[i].width);
        putchar(' ');
    }
    printf("%s\n", _("DUE"));
}

static enum status run_list(struct cli *cli, struct error *error)
{
    json_auto_t *list = NULL;
    enum status status = read_list(&list, cli, error);
    if (status != STATUS_OK) {
        return status;
    }
    const json_t *carries = json_object_get(list, "carries");
    if (cli->arguments.json) {
        return cli_json_print(json_incref(list), error);
    }
    if (json_array_size(carries) == 0) {
        cli_say(cli, "%s", _("Nothing was ever asked for."));
        return STATUS_OK;
    }
    print_head();
    for (size_t i = 0; i < json_array_size(carries); i++) {
        print_row(json_array_get(carries, i));
    }
    return cli_check_output(error);
}

const struct cli_command cmd_carry_list = {
    .name = "carry list",
    .operands = "",
    .summary = N_("List all carries: what is out, with whom, until when."),
    .options = {OPTION_JSON, OPTION_END},
    .run = run_list,
};

/* ------------------------------------------------------------------ show */

static void print_line(const char *title, const char *value)
{
    char printable[1024];
    if (*value != '\0') {
        cli_print_column(stdout, title, STATE_COLUMN);
        printf(" %s\n", text_printable(printable, sizeof printable, value));
    }
}

static void print_list(const char *title, const json_t *carry, const char *name)
{
    const json_t *array = json_object_get(carry, name);
    for (size_t i = 0; i < json_array_size(array); i++) {
        print_line(i == 0 ? title : "", json_string_value(json_array_get(array, i)));
    }
}

static void print_times(const json_t *carry)
{
    const struct {
        const char *title, *name;
    } times[] = {{_("Asked for"), "requested"},
                 {_("Export begun"), "reserved"},
                 {_("Out"), "out"},
                 {_("Due"), "due"},
                 {_("Lost"), "lost"},
                 {_("Found"), "found"},
                 {_("Back"), "returned"},
                 {_("Erased"), "erased"}};
    for (size_t i = 0; i < LENGTH(times); i++) {
        char text[MOMENT_TEXT_SIZE];
        print_line(times[i].title, cli_carry_time(text, carry, times[i].name));
    }
}

static void print_carry(const json_t *carry)
{
    char text[128];
    print_line(_("Carry"), cli_carry_text(carry, "id"));
    snprintf(text, sizeof text, "%s%s", cli_carry_state(cli_carry_text(carry, "state")),
             json_is_true(json_object_get(carry, "overdue")) ? _(", OVERDUE") : "");
    print_line(_("State"), text);
    print_line(_("Bearer"), cli_carry_text(carry, "bearer"));
    print_list(_("Approved by"), carry, "approvers");
    print_line(_("Return confirmed by"), cli_carry_text(carry, "confirmer"));
    print_line(_("Data set"), cli_carry_text(carry, "data_set"));
    snprintf(text, sizeof text, _("%llu persons, %llu rows, %llu documents"),
             count_of(carry, "persons"), count_of(carry, "rows"), count_of(carry, "documents"));
    print_line(_("How many"), text);
    print_list(_("Fields"), carry, "fields");
    print_line(_("Purpose"), cli_carry_text(carry, "purpose"));
    print_line(_("Destination"), cli_carry_text(carry, "destination"));
    print_line(_("Medium"), cli_carry_text(carry, "medium"));
    print_line(_("Format"), cli_carry_text(carry, "format"));
    print_times(carry);
}

static enum status run_show(struct cli *cli, struct error *error)
{
    json_auto_t *list = NULL;
    const char *id = cli->arguments.words.items[0];
    enum status status = read_list(&list, cli, error);
    const json_t *carries = json_object_get(list, "carries");
    for (size_t i = 0; i < json_array_size(carries); i++) {
        json_t *carry = json_array_get(carries, i);
        if (strcmp(cli_carry_text(carry, "id"), id) != 0) {
            continue;
        }
        if (cli->arguments.json) {
            return cli_json_print(json_incref(carry), error);
        }
        print_carry(carry);
        return cli_check_output(error);
    }
    return status == STATUS_OK
               ? error_set(error, STATUS_NOT_FOUND, 0, _("there is no carry %s"), id)
               : status;
}

const struct cli_command cmd_carry_show = {
    .name = "carry show",
    .operands = N_("ID"),
    .summary = N_("Show one carry: what, who, when."),
    .least = 1,
    .most = 1,
    .options = {OPTION_JSON, OPTION_END},
    .run = run_show,
};
