/* cli_main: the way of every command: language, words, the work, the report. */
#include "cli_audit.h"
#include <limits.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#define TEXT_DOMAIN "kura"

/* A program that was built but not installed has its translations beside it. */
static void choose_language(void)
{
    char folder[PATH_MAX];
    setlocale(LC_ALL, "");
    ssize_t size = readlink("/proc/self/exe", folder, sizeof folder - sizeof "/locale");
    char *slash = size < 0 ? NULL : memrchr(folder, '/', (size_t)size);
    if (slash != NULL) {
        memcpy(slash, "/locale", sizeof "/locale");
    }
    bindtextdomain(TEXT_DOMAIN,
                   slash != NULL && access(folder, R_OK) == 0 ? folder : KURA_LOCALE_FOLDER);
    textdomain(TEXT_DOMAIN);
}

static enum status run(struct cli *cli, const struct cli_command *const *commands, size_t count,
                       int argc, char **argv, struct error *error)
{
    const struct cli_command *command;
    struct cli_arguments *arguments = &cli->arguments;
    enum status status = cli_options_read(arguments, &command, argc, argv, commands, count, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (arguments->version) {
        printf("kura %s\n", KURA_VERSION);
    } else if (command == NULL && arguments->help) {
        cli_help_all(commands, count);
    } else if (command == NULL) {
        error_set(error, STATUS_USAGE, 0, "%s", _("no command is given"));
        return error_set_hint(error, "%s", _("See kura --help."));
    } else if (arguments->help) {
        cli_help_command(command);
    } else {
        cli_record_prepare(cli, command);
        return command->run(cli, error);
    }
    return STATUS_OK;
}

int cli_main(int argc, char **argv, const struct cli_command *const *commands, size_t count)
{
    struct error error = {0};
    struct cli cli = {.exit = EXIT_DONE};
    choose_language();
    /* A reader that went away is an error of the write, with a message, not sudden death. */
    signal(SIGPIPE, SIG_IGN);
    enum status status = base_start(&error);
    if (status == STATUS_OK) {
        status = run(&cli, commands, count, argc, argv, &error);
    }
    struct error output_error = {0};
    enum status output = cli_flush_output(&output_error);
    if (status == STATUS_OK && output != STATUS_OK) {
        status = output;
        error = output_error;
    }
    if (status != STATUS_OK) {
        cli_report_error(&error);
        /* What failed as a whole is not "done with warnings"; but damage that was told, and that
         * may be why, stays the word. */
        bool damage = cli.exit == EXIT_INTEGRITY && cli_exit_code(status) == EXIT_FAILED;
        cli.exit = damage ? EXIT_INTEGRITY : cli_exit_code(status);
    }
    cli_record_end(&cli);
    cli_record_free(&cli);
    cli_arguments_free(&cli.arguments);
    return (int)cli.exit;
}
