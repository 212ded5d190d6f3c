/* cli_help: --help, from the tables. */
#include "cli.h"

#define OPTION_COLUMN 32
#define COMMAND_COLUMN 16

static void print_option(enum cli_option option)
{
    const struct cli_option_definition *definition = &cli_option_definitions[option];
    char text[100];
    char letter[8] = "    ";
    if (definition->letter != 0) {
        snprintf(letter, sizeof letter, "-%c, ", definition->letter);
    }
    if (definition->argument == NULL) {
        snprintf(text, sizeof text, "  %s--%s", letter, definition->name);
    } else {
        snprintf(text, sizeof text,
                 definition->kind == CLI_PERCENT ? "  %s--%s[=%s]" : "  %s--%s %s", letter,
                 definition->name, _(definition->argument));
    }
    cli_print_column(stdout, text, OPTION_COLUMN);
    printf(" %s\n", _(definition->help));
}

static void print_common(void)
{
    printf("\n%s\n", _("Options of every command:"));
    for (int i = OPTION_END + 1; i <= OPTION_VERSION; i++) {
        print_option((enum cli_option)i);
    }
}

static void print_exit_codes(void)
{
    printf("\n%s\n",
           _("Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 done with warnings,\n"
             "4 refused by the gate, 5 integrity, 6 storage unreachable."));
}

void cli_help_command(const struct cli_command *command)
{
    bool operands = command->operands[0] != '\0';
    printf(_("Usage: kura %s [OPTIONS]%s%s\n"), command->name, operands ? " " : "",
           operands ? _(command->operands) : "");
    printf("\n%s\n", _(command->summary));
    if (command->details != NULL) {
        printf("\n%s\n", _(command->details));
    }
    if (command->options[0] != OPTION_END) {
        printf("\n%s\n", _("Options:"));
    }
    for (const enum cli_option *option = command->options; *option != OPTION_END; option++) {
        print_option(*option);
    }
    print_common();
    print_exit_codes();
}

void cli_help_all(const struct cli_command *const *commands, size_t count)
{
    printf("%s\n\n%s\n", _("Usage: kura COMMAND [OPTIONS]"), _("Commands:"));
    for (size_t i = 0; i < count; i++) {
        fputs("  ", stdout);
        cli_print_column(stdout, commands[i]->name, COMMAND_COLUMN);
        printf(" %s\n", _(commands[i]->summary));
    }
    print_common();
    print_exit_codes();
    printf("\n%s\n", _("kura COMMAND --help says more about a command."));
}
