/* cli_options: the words of the command line. No abbreviations, so that a new option never changes
 * what an old script means. */
#include "cli_options.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status add_word(struct cli_words *words, const char *word, struct error *error)
{
    const char **items = realloc(words->items, (words->count + 2) * sizeof *items);
    if (items == NULL) {
        return error_set_memory(error);
    }
    items[words->count++] = word;
    items[words->count] = NULL;
    words->items = items;
    return STATUS_OK;
}

void cli_arguments_free(struct cli_arguments *arguments)
{
    free(arguments->sources.items);
    free(arguments->includes.items);
    free(arguments->tables.items);
    free(arguments->parameters.items);
    free(arguments->words.items);
    *arguments = (struct cli_arguments){0};
}

static bool parse_number(unsigned long *number, const char *text)
{
    char *end;
    errno = 0;
    *number = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

/* Puts the value where it belongs. text: NULL if none was given. */
static enum status take_value(struct cli_arguments *arguments, enum cli_option option,
                              const char *text, struct error *error)
{
    const struct cli_option_definition *definition = &cli_option_definitions[option];
    char *place = (char *)arguments + definition->offset;
    unsigned long number = 100;
    arguments->given[option] = true;
    switch (definition->kind) {
    case CLI_FLAG:
        *(bool *)(void *)place = true;
        return STATUS_OK;
    case CLI_TEXT:
        memcpy(place, &text, sizeof(text));
        return STATUS_OK;
    case CLI_LIST:
        return add_word((struct cli_words *)(void *)place, text, error);
    case CLI_PERCENT:
        if (text != NULL && (!parse_number(&number, text) || number < 1 || number > 100)) {
            return error_set(error, STATUS_USAGE, 0, _("--%s takes a number from 1 to 100"),
                             definition->name);
        }
        break;
    case CLI_NUMBER:
        if (text == NULL || !parse_number(&number, text)) {
            return error_set(error, STATUS_USAGE, 0, _("--%s takes a number, not \"%s\""),
                             definition->name, text == NULL ? "" : text);
        }
        break;
    }
    memcpy(place, &number, sizeof number);
    return STATUS_OK;
}

static enum cli_option find_long(const char *name, size_t size)
{
    for (int i = OPTION_END + 1; i < OPTION_COUNT; i++) {
        const char *known = cli_option_definitions[i].name;
        if (strlen(known) == size && memcmp(known, name, size) == 0) {
            return (enum cli_option)i;
        }
    }
    return OPTION_END;
}

static enum cli_option find_letter(char letter)
{
    for (int i = OPTION_END + 1; i < OPTION_COUNT; i++) {
        if (cli_option_definitions[i].letter == letter) {
            return (enum cli_option)i;
        }
    }
    return OPTION_END;
}

/* The words still to read. */
struct reading {
    struct cli_arguments *arguments;
    char **argv;
    int argc, at;
    struct error *error;
};

static enum status fail_unknown(struct reading *reading, const char *word)
{
    error_set(reading->error, STATUS_USAGE, 0, _("there is no option %s"), word);
    return error_set_hint(reading->error, "%s", _("See kura --help."));
}

/* The value is the rest of the word, or the next word. */
static enum status take_argument(struct reading *reading, enum cli_option option, const char *rest)
{
    const struct cli_option_definition *definition = &cli_option_definitions[option];
    if (rest == NULL && definition->kind != CLI_PERCENT) {
        if (reading->at == reading->argc) {
            return error_set(reading->error, STATUS_USAGE, 0, _("--%s needs a value"),
                             definition->name);
        }
        rest = reading->argv[reading->at++];
    }
    return take_value(reading->arguments, option, rest, reading->error);
}

static enum status read_long(struct reading *reading, const char *word)
{
    const char *name = word + 2;
    const char *equals = strchrnul(name, '=');
    enum cli_option option = find_long(name, (size_t)(equals - name));
    if (option == OPTION_END) {
        return fail_unknown(reading, word);
    }
    const char *value = *equals == '=' ? equals + 1 : NULL;
    if (cli_option_definitions[option].argument != NULL) {
        return take_argument(reading, option, value);
    }
    if (value != NULL) {
        return error_set(reading->error, STATUS_USAGE, 0, _("--%s takes no value"),
                         cli_option_definitions[option].name);
    }
    return take_value(reading->arguments, option, NULL, reading->error);
}

/* "-v", "-qv", "-cFILE", "-c FILE" */
static enum status read_letters(struct reading *reading, const char *word)
{
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        enum cli_option option = find_letter(*letter);
        if (option == OPTION_END) {
            return fail_unknown(reading, word);
        }
        if (cli_option_definitions[option].argument != NULL) {
            return take_argument(reading, option, letter[1] == '\0' ? NULL : letter + 1);
        }
        enum status status = take_value(reading->arguments, option, NULL, reading->error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status read_words(struct reading *reading)
{
    enum status status = STATUS_OK;
    bool options_over = false;
    while (reading->at < reading->argc && status == STATUS_OK) {
        const char *word = reading->argv[reading->at++];
        if (options_over || word[0] != '-' || word[1] == '\0') {
            status = add_word(&reading->arguments->words, word, reading->error);
        } else if (strcmp(word, "--") == 0) {
            options_over = true;
        } else if (word[1] == '-') {
            status = read_long(reading, word);
        } else {
            status = read_letters(reading, word);
        }
    }
    return status;
}

static void drop_words(struct cli_words *words, size_t count)
{
    words->count -= count;
    for (size_t i = 0; i <= words->count; i++) {
        words->items[i] = words->items[i + count];
    }
}

/* How many words at the front are the command's name; 0: they are not. */
static size_t match_name(const struct cli_words *words, const char *name)
{
    size_t used = 0;
    while (used < words->count) {
        size_t size = strcspn(name, " ");
        if (strlen(words->items[used]) != size || memcmp(words->items[used], name, size) != 0) {
            return 0;
        }
        used++;
        if (name[size] == '\0') {
            return used;
        }
        name += size + 1;
    }
    return 0;
}

static const struct cli_command *
find_command(struct cli_words *words, const struct cli_command *const *commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t used = match_name(words, commands[i]->name);
        if (used > 0) {
            drop_words(words, used);
            return commands[i];
        }
    }
    return NULL;
}

/* "key" alone: the commands that begin with it. */
static void list_longer(char *names, size_t size, const char *word,
                        const struct cli_command *const *commands, size_t count)
{
    size_t used = 0;
    size_t length = strlen(word);
    names[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *name = commands[i]->name;
        if (strncmp(name, word, length) == 0 && name[length] == ' ' && used < size) {
            used += (size_t)snprintf(names + used, size - used, "%skura %s", used > 0 ? ", " : "",
                                     name);
        }
    }
}

static enum status fail_command(const char *word, const struct cli_command *const *commands,
                                size_t count, struct error *error)
{
    char names[200];
    list_longer(names, sizeof names, word, commands, count);
    error_set(error, STATUS_USAGE, 0,
              names[0] == '\0' ? _("there is no command %s") : _("the command %s is not complete"),
              word);
    return names[0] == '\0' ? error_set_hint(error, "%s", _("See kura --help."))
                            : error_set_hint(error, _("Write one of: %s."), names);
}

static bool command_takes(const struct cli_command *command, enum cli_option option)
{
    if (option <= OPTION_VERSION) {
        return true;
    }
    for (const enum cli_option *taken = command->options; *taken != OPTION_END; taken++) {
        if (*taken == option) {
            return true;
        }
    }
    return false;
}

static enum status check_for_command(const struct cli_arguments *arguments,
                                     const struct cli_command *command, struct error *error)
{
    for (int i = OPTION_END + 1; i < OPTION_COUNT; i++) {
        if (arguments->given[i] && !command_takes(command, (enum cli_option)i)) {
            error_set(error, STATUS_USAGE, 0, _("kura %s does not take --%s"), command->name,
                      cli_option_definitions[i].name);
            return error_set_hint(error, _("See kura %s --help."), command->name);
        }
    }
    if (arguments->words.count < command->least || arguments->words.count > command->most) {
        error_set(error, STATUS_USAGE, 0,
                  arguments->words.count < command->least ? _("kura %s needs more words")
                                                          : _("too many words for kura %s"),
                  command->name);
        return error_set_hint(error, _("Write: kura %s %s"), command->name,
                              command->operands[0] == '\0' ? "" : _(command->operands));
    }
    static const enum cli_option pairs[][2] = {
        {OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD},
        {OPTION_PASSPHRASE_FILE, OPTION_CHOOSE_PASSPHRASE},
        {OPTION_PASSPHRASE_FD, OPTION_CHOOSE_PASSPHRASE},
        {OPTION_KIT, OPTION_IDENTITY},
        {OPTION_QUIET, OPTION_VERBOSE},
    };
    for (size_t i = 0; i < LENGTH(pairs); i++) {
        if (arguments->given[pairs[i][0]] && arguments->given[pairs[i][1]]) {
            return error_set(error, STATUS_USAGE, 0, _("only one of --%s and --%s is possible"),
                             cli_option_definitions[pairs[i][0]].name,
                             cli_option_definitions[pairs[i][1]].name);
        }
    }
    return STATUS_OK;
}

enum status cli_options_read(struct cli_arguments *arguments, const struct cli_command **command,
                             int argc, char **argv, const struct cli_command *const *commands,
                             size_t count, struct error *error)
{
    *arguments = (struct cli_arguments){0};
    *command = NULL;
    struct reading reading = {
        .arguments = arguments, .argv = argv, .argc = argc, .at = 1, .error = error};
    enum status status = read_words(&reading);
    struct cli_words *words = &arguments->words;
    if (words->count > 0 && strcmp(words->items[0], "help") == 0) {
        arguments->help = true;
        drop_words(words, 1);
    }
    if (words->count == 0) {
        return status;
    }
    const char *first = words->items[0];
    *command = find_command(words, commands, count);
    if (status != STATUS_OK || (arguments->help && *command != NULL) || arguments->version) {
        return status;
    }
    if (*command == NULL) {
        return arguments->help ? STATUS_OK : fail_command(first, commands, count, error);
    }
    if (!arguments->given[OPTION_RETRY]) {
        arguments->retry = (*command)->retry == 0 ? CLI_RETRY : (*command)->retry;
    }
    bool patient = arguments->given[OPTION_RETRY] || (*command)->nightly;
    arguments->first_retry = patient ? arguments->retry : CLI_RETRY_FIRST;
    return check_for_command(arguments, *command, error);
}
