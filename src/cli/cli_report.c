/* cli_report: what went wrong, for people and for scripts. */
#include "cli.h"
#include <string.h>

enum cli_exit cli_exit_code(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return EXIT_DONE;
    case STATUS_USAGE:
        return EXIT_USAGE;
    case STATUS_CORRUPT:
    case STATUS_UNAUTHENTIC:
        return EXIT_INTEGRITY;
    case STATUS_UNREACHABLE:
        return EXIT_UNREACHABLE;
    case STATUS_REFUSED:
        return EXIT_REFUSED;
    default:
        return EXIT_FAILED;
    }
}

void cli_note(struct cli *cli, enum cli_exit exit)
{
    cli->exit = exit > cli->exit ? exit : cli->exit;
}

#define HINT "      %s\n"

static void print_hint(const struct error *error)
{
    if (error->hint[0] != '\0') {
        fprintf(stderr, HINT, error->hint);
    }
}

void cli_report_error(const struct error *error)
{
    fprintf(stderr, "kura: %s\n", error->message);
    print_hint(error);
}

void cli_report_warning(const struct error *error)
{
    fprintf(stderr, _("kura: warning: %s\n"), error->message);
    print_hint(error);
}

void cli_report_entry(const char *source, const char *path, const struct error *error)
{
    struct error told = *error;
    error_add_context(&told, "%s%s%s", source, path == NULL || path[0] == '\0' ? "" : "/",
                      path == NULL ? "" : path);
    cli_report_warning(&told);
}

/* A way out that many problems have in common is told once, after them. */
static bool is_hint_due(const struct problems *problems, size_t number)
{
    const char *hint = problems->items[number].hint;
    return hint[0] != '\0' &&
           (number + 1 == problems->count || strcmp(hint, problems->items[number + 1].hint) != 0);
}

void cli_report_problems(struct cli *cli, const struct cli_access *access,
                         struct problems *problems)
{
    cli_losses_leave_out(cli, access, problems);
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        fprintf(stderr, _("kura: problem: %s: %s\n"), problem->object, problem->message);
        if (is_hint_due(problems, i)) {
            fprintf(stderr, HINT, problem->hint);
        }
    }
    if (problems->dropped > 0) {
        unsigned long more = (unsigned long)problems->dropped;
        fprintf(stderr,
                ngettext("kura: and %lu more problem\n", "kura: and %lu more problems\n", more),
                more);
    }
    if (problems->count > 0 || problems->dropped > 0) {
        cli_note(cli, EXIT_INTEGRITY);
    }
}

void cli_say(const struct cli *cli, const char *format, ...)
{
    if (cli->arguments.quiet) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}
