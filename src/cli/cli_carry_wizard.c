/* cli_carry_wizard: what a request still needs is asked for, from what the policy offers. */
#include "cli_carry.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

void cli_wizard_free(struct cli_wizard *wizard)
{
    for (size_t i = 0; i < wizard->count; i++) {
        free(wizard->answers[i]);
    }
    free(wizard->parameters);
    *wizard = (struct cli_wizard){0};
}

/* Keeps the answer until the command is over; *target borrows it. */
static enum status keep(struct cli_wizard *wizard, const char **target, char *answer,
                        struct error *error)
{
    if (answer == NULL) {
        return error_set_memory(error);
    }
    if (wizard->count == LENGTH(wizard->answers)) {
        free(answer);
        return error_set(error, STATUS_USAGE, 0, "%s",
                         _("there is too much to ask for; say it on the command line"));
    }
    wizard->answers[wizard->count++] = answer;
    *target = answer;
    return STATUS_OK;
}

static enum status ask_text(struct cli_wizard *wizard, const char **target, const char *question,
                            const char *otherwise, struct error *error)
{
    char *answer = NULL;
    do {
        free(answer);
        enum status status = cli_ask_line(&answer, question, otherwise, error);
        if (status != STATUS_OK) {
            return status;
        }
    } while (answer[0] == '\0');
    return keep(wizard, target, answer, error);
}

enum status cli_wizard_option(struct cli_wizard *wizard, const struct cli *cli,
                              enum cli_option option, const char **target, const char *otherwise,
                              struct error *error)
{
    enum status status = cli_need_option(cli, option, error);
    if (status == STATUS_OK || !cli_can_ask(cli)) {
        return status;
    }
    error_clear(error);
    const char *question = option == OPTION_KEY ? _("File of your signing key")
                                                : _(cli_option_definitions[option].help);
    return ask_text(wizard, target, question, otherwise, error);
}

/* A name of the list: an item is a text or an object with "name". */
static const char *item_name(const json_t *item)
{
    const char *text = json_string_value(item);
    return text != NULL ? text : cli_carry_text(item, "name");
}

/* By its number or its name; again until it is one of them. */
static enum status choose(struct cli_wizard *wizard, const char **target, const char *question,
                          const json_t *list, struct error *error)
{
    const size_t count = json_array_size(list);
    if (count == 0) {
        return error_set(error, STATUS_NOT_FOUND, 0, _("%s: the policy has none to choose from"),
                         question);
    }
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, "  %zu. %s\n", i + 1, item_name(json_array_get(list, i)));
    }
    for (;;) {
        CLEANUP(memory_free) char *answer = NULL;
        enum status status = cli_ask_line(&answer, question, count == 1 ? "1" : NULL, error);
        if (status != STATUS_OK || answer == NULL) {
            return status;
        }
        size_t number = strtoul(answer, NULL, 10);
        for (size_t i = 0; i < count; i++) {
            const char *name = item_name(json_array_get(list, i));
            if (number == i + 1 || strcmp(answer, name) == 0) {
                return keep(wizard, target, strdup(name), error);
            }
        }
    }
}

static const json_t *find_data_set(const json_t *offers, const char *name)
{
    const json_t *list = json_object_get(offers, "data_sets");
    for (size_t i = 0; name != NULL && i < json_array_size(list); i++) {
        if (strcmp(item_name(json_array_get(list, i)), name) == 0) {
            return json_array_get(list, i);
        }
    }
    return NULL;
}

static bool is_given(const struct cli_words *words, const char *name)
{
    const size_t size = strlen(name);
    for (size_t i = 0; i < words->count; i++) {
        if (strncmp(words->items[i], name, size) == 0 && words->items[i][size] == '=') {
            return true;
        }
    }
    return false;
}

/* A typing error in a date is asked again at once, not refused after all questions. */
static enum status ask_value(char **value, const json_t *parameter, struct error *error)
{
    const bool date = strcmp(cli_carry_text(parameter, "type"), "date") == 0;
    const bool integer = strcmp(cli_carry_text(parameter, "type"), "integer") == 0;
    char question[256];
    struct moment moment;
    snprintf(question, sizeof question, "%s (%s)", item_name(parameter),
             date      ? _("a date such as 2026-11-22")
             : integer ? _("a whole number")
                       : _("a text"));
    for (;;) {
        char *end = NULL;
        enum status status = cli_ask_line(value, question, NULL, error);
        if (status != STATUS_OK || *value == NULL) {
            return status;
        }
        if (date ? strlen(*value) == 10 && moment_parse(&moment, *value)
                 : !integer || ((void)strtoll(*value, &end, 10), end != *value && *end == '\0')) {
            return STATUS_OK;
        }
        memory_free(value);
        *value = NULL;
    }
}

static enum status ask_parameters(struct cli_wizard *wizard, const struct cli_arguments *arguments,
                                  const json_t *offers, struct error *error)
{
    const struct cli_words *given = &arguments->parameters;
    const json_t *list = json_object_get(find_data_set(offers, arguments->data_set), "parameters");
    const size_t count = json_array_size(list);
    size_t used = 0;
    wizard->parameters = calloc(given->count + count + 1, sizeof *wizard->parameters);
    if (wizard->parameters == NULL) {
        return error_set_memory(error);
    }
    for (; used < given->count; used++) {
        wizard->parameters[used] = given->items[used];
    }
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const json_t *item = json_array_get(list, i);
        CLEANUP(memory_free) char *value = NULL;
        char *pair = NULL;
        if (is_given(given, item_name(item))) {
            continue;
        }
        status = ask_value(&value, item, error);
        if (status == STATUS_OK && asprintf(&pair, "%s=%s", item_name(item), value) < 0) {
            pair = NULL;
        }
        if (status == STATUS_OK) {
            status = keep(wizard, &wizard->parameters[used++], pair, error);
        }
    }
    return status;
}

static enum status ask_documents(struct cli_arguments *arguments, const json_t *offers,
                                 struct error *error)
{
    const json_t *set = find_data_set(offers, arguments->data_set);
    return arguments->documents || !json_is_true(json_object_get(set, "documents"))
               ? STATUS_OK
               : cli_ask_yes(&arguments->documents, _("The persons' documents, too? (y/n)"), error);
}

static void default_day(char day[16], const json_t *offers)
{
    struct tm local;
    time_t end = (time_t)(moment_now().seconds +
                          86400 * json_integer_value(json_object_get(offers, "carry_days")));
    localtime_r(&end, &local);
    strftime(day, 16, "%Y-%m-%d", &local);
}

static enum status ask_all(struct cli_wizard *wizard, struct cli_arguments *arguments,
                           const json_t *offers, struct error *error)
{
    const struct {
        const char **target;
        const char *question, *list;
    } choices[] = {
        {&arguments->data_set, _("Data set"), "data_sets"},
        {&arguments->purpose, _("Purpose"), "purposes"},
        {&arguments->destination, _("Destination"), "destinations"},
        {&arguments->medium, _("Medium"), "media"},
    };
    char day[16];
    enum status status = STATUS_OK;
    for (size_t i = 0; i < LENGTH(choices) && status == STATUS_OK; i++) {
        if (*choices[i].target == NULL) {
            status = choose(wizard, choices[i].target, choices[i].question,
                            json_object_get(offers, choices[i].list), error);
        }
        if (status == STATUS_OK && i == 0) {
            status = ask_parameters(wizard, arguments, offers, error);
            status = status == STATUS_OK ? ask_documents(arguments, offers, error) : status;
        }
    }
    default_day(day, offers);
    if (status == STATUS_OK && arguments->return_by == NULL) {
        status = ask_text(wizard, &arguments->return_by, _("Back by"), day, error);
    }
    if (status == STATUS_OK && arguments->key == NULL) {
        status = ask_text(wizard, &arguments->key, _("File of your signing key"), NULL, error);
    }
    return status == STATUS_OK && arguments->out == NULL
               ? ask_text(wizard, &arguments->out, _("File for the request"), "carry.request",
                          error)
               : status;
}

enum status cli_wizard_run(struct cli_wizard *wizard, struct cli_gate *gate, struct error *error)
{
    static const enum cli_option needed[] = {OPTION_DATA_SET, OPTION_PURPOSE,   OPTION_DESTINATION,
                                             OPTION_MEDIUM,   OPTION_RETURN_BY, OPTION_KEY,
                                             OPTION_OUT};
    json_auto_t *offers = NULL;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < LENGTH(needed) && status == STATUS_OK; i++) {
        status = cli_need_option(gate->cli, needed[i], error);
    }
    if (status == STATUS_OK || !cli_can_ask(gate->cli)) {
        return status;
    }
    error_clear(error);
    status = carry_client_offers(&offers, gate->client, NULL, error);
    return status == STATUS_OK ? ask_all(wizard, &gate->cli->arguments, offers, error) : status;
}
