/* kura carry approve: another person looks at a request, on any machine, and signs. */
#include "cli_carry.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct approving {
    struct cli *cli;
    struct cli_wizard wizard;
    struct minisign_secret key;
    struct carry_request request;
    struct carry_policy policy;
    struct carry_approval approval;
};

static void approving_end(struct approving *approving)
{
    cli_wizard_free(&approving->wizard);
    minisign_secret_free(&approving->key);
    carry_request_free(&approving->request);
    carry_policy_free(&approving->policy);
    carry_approval_free(&approving->approval);
}

/* ------------------------------------------------------------------ showing */

static const char *class_of(const char *field)
{
    const char *colon = strrchr(field, ':');
    return colon == NULL ? "" : colon + 1;
}

static void show_line(const char *title, const char *value)
{
    char printable[1024];
    fputs("  ", stderr);
    cli_print_column(stderr, title, 22);
    fprintf(stderr, " %s\n", text_printable(printable, sizeof printable, value));
}

/* "name: family_name, given_name" */
static void show_fields(char *const *fields)
{
    for (char *const *field = fields; *field != NULL; field++) {
        bool first = true;
        for (char *const *earlier = fields; earlier < field; earlier++) {
            first = first && strcmp(class_of(*earlier), class_of(*field)) != 0;
        }
        if (!first) {
            continue;
        }
        char line[1024];
        int used = snprintf(line, sizeof line, "%s:", class_of(*field));
        for (char *const *other = field; *other != NULL && used < (int)sizeof line; other++) {
            if (strcmp(class_of(*other), class_of(*field)) == 0) {
                used += snprintf(line + used, sizeof line - (size_t)used, " %.*s",
                                 (int)(strlen(*other) - strlen(class_of(*other)) - 1), *other);
            }
        }
        show_line(field == fields ? _("Fields by class") : "", line);
    }
}

static void show_use(const struct approving *approving)
{
    const struct carry_use *use = &approving->request.attestation.use;
    const struct policy_limits *limits = &approving->policy.policy.limits;
    const struct {
        const char *title;
        uint64_t value, limit;
    } rows[] = {
        {_("Out with the bearer"), use->outstanding_bearer, limits->max_persons_outstanding},
        {_("Out in all"), use->outstanding_shop, limits->max_persons_outstanding_shop},
        {_("Lately, the bearer"), use->rolling_bearer, limits->max_persons_rolling_bearer},
        {_("Lately, in all"), use->rolling_shop, limits->max_persons_rolling_shop},
    };
    for (size_t i = 0; i < LENGTH(rows); i++) {
        char text[128];
        snprintf(text, sizeof text, _("%llu of %llu persons, with this carry"),
                 (unsigned long long)rows[i].value, (unsigned long long)rows[i].limit);
        show_line(rows[i].title, text);
    }
}

static void show_others(const struct carry_attestation *sworn)
{
    for (size_t i = 0; i < sworn->other_count; i++) {
        const struct carry_out *other = &sworn->others[i];
        char text[256], due[MOMENT_TEXT_SIZE];
        snprintf(text, sizeof text, _("%s on %s: %llu persons, due %s"), other->carry,
                 other->medium, (unsigned long long)other->persons,
                 moment_format_local(due, other->due));
        show_line(i == 0 ? _("The bearer has out") : "", text);
    }
}

static void show_counts(const struct carry_attestation *sworn)
{
    char text[128], size[CLI_SIZE_TEXT];
    snprintf(text, sizeof text, _("%llu persons, %llu rows, %llu documents (%s)"),
             (unsigned long long)sworn->persons, (unsigned long long)sworn->rows,
             (unsigned long long)sworn->documents, cli_format_bytes(size, sworn->artefact_size));
    show_line(_("How many"), text);
}

static void show(const struct approving *approving)
{
    const struct carry_attestation *sworn = &approving->request.attestation;
    const struct policy *policy = &approving->policy.policy;
    const struct policy_person *person = policy_find_person(policy, sworn->requester);
    const struct policy_medium *medium = policy_find_medium(policy, sworn->medium);
    char text[512], time[MOMENT_TEXT_SIZE];
    fprintf(stderr, _("Request for carry %s, as host %s swears:\n"), sworn->carry,
            sworn->host_name);
    snprintf(text, sizeof text, "%s (%s)", person == NULL ? "?" : person->name, sworn->requester);
    show_line(_("Who carries"), text);
    show_counts(sworn);
    show_line(_("Data set"), sworn->data_set);
    for (char **item = sworn->parameters; *item != NULL; item++) {
        show_line(item == sworn->parameters ? _("Parameters") : "", *item);
    }
    show_fields(sworn->fields);
    show_line(_("Purpose"), sworn->purpose);
    show_line(_("Destination"), sworn->destination);
    const char *place = medium == NULL || medium->kept_at == NULL ? "" : medium->kept_at;
    snprintf(text, sizeof text, "%s%s%s", sworn->medium, place[0] == '\0' ? "" : " ", place);
    show_line(_("Medium"), text);
    show_line(_("Format"), sworn->format);
    show_line(_("Back by"), moment_format_local(time, sworn->return_by));
    show_line(_("Asked for"), moment_format_local(time, approving->request.issued));
    show_use(approving);
    show_others(sworn);
    snprintf(text, sizeof text, _("version %llu"), (unsigned long long)policy->version);
    show_line(_("Policy"), text);
}

static json_t *json_list(char *const *items)
{
    json_t *array = json_array();
    for (size_t i = 0; items[i] != NULL; i++) {
        json_array_append_new(array, json_string(items[i]));
    }
    return array;
}

static json_t *json_others(const struct carry_attestation *sworn)
{
    json_t *array = json_array();
    for (size_t i = 0; i < sworn->other_count; i++) {
        const struct carry_out *other = &sworn->others[i];
        json_t *object = json_pack("{s:s,s:s,s:I}", "carry", other->carry, "medium", other->medium,
                                   "persons", (json_int_t)other->persons);
        cli_json_set_moment(object, "due", other->due);
        json_array_append_new(array, object);
    }
    return array;
}

static enum status print_json(const struct approving *approving, struct error *error)
{
    const struct carry_attestation *sworn = &approving->request.attestation;
    const struct carry_approval *approval = &approving->approval;
    json_t *object = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o}", "carry", sworn->carry, "host",
        sworn->host_name, "requester", sworn->requester, "approver", approval->approver, "data_set",
        sworn->data_set, "purpose", sworn->purpose, "destination", sworn->destination, "medium",
        sworn->medium, "format", sworn->format, "fields", json_list(sworn->fields), "parameters",
        json_list(sworn->parameters), "recipients", json_list(sworn->recipients), "others",
        json_others(sworn));
    if (object == NULL) {
        return error_set_memory(error);
    }
    cli_json_set_count(object, "persons", sworn->persons);
    cli_json_set_count(object, "rows", sworn->rows);
    cli_json_set_count(object, "documents", sworn->documents);
    cli_json_set_count(object, "persons_max", approval->persons_max);
    cli_json_set_count(object, "outstanding_bearer", sworn->use.outstanding_bearer);
    cli_json_set_count(object, "outstanding_shop", sworn->use.outstanding_shop);
    cli_json_set_count(object, "rolling_bearer", sworn->use.rolling_bearer);
    cli_json_set_count(object, "rolling_shop", sworn->use.rolling_shop);
    cli_json_set_count(object, "policy_version", approving->policy.policy.version);
    cli_json_set_moment(object, "return_by", sworn->return_by);
    cli_json_set_moment(object, "expires", approval->expires);
    cli_json_set_bytes(object, "token", approving->cli->arguments.out);
    return cli_json_print(object, error);
}

/* ------------------------------------------------------------------ signing */

/* "90m", "24h", "2d" */
static enum status parse_span(uint64_t *seconds, const char *text, struct error *error)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    for (size_t i = 0; i < LENGTH(units); i++) {
        if (text[0] >= '0' && text[0] <= '9' && errno == 0 && number > 0 && number <= 1000000 &&
            end[0] == units[i].letter && end[1] == '\0') {
            *seconds = number * units[i].seconds;
            return STATUS_OK;
        }
    }
    error_set(error, STATUS_USAGE, 0, _("--expires: \"%s\" is not a span of time"), text);
    return error_set_hint(error, "%s", _("Write a number and s, m, h or d: 24h."));
}

/* Also in front of a program's JSON whoever sits there sees what they sign. */
static enum status let_see(const struct approving *approving, struct error *error)
{
    const struct cli *cli = approving->cli;
    bool yes = true;
    enum status status = STATUS_OK;
    if (!cli->arguments.quiet && !cli->arguments.json) {
        show(approving);
    }
    if (cli_can_ask(cli) && !cli->arguments.yes) {
        if (cli->arguments.json) {
            show(approving);
        }
        status = cli_ask_yes(&yes, _("Approve this? (y/n)"), error);
    }
    return status == STATUS_OK && !yes
               ? error_set(error, STATUS_CANCELLED, 0, "%s", _("nothing was signed"))
               : status;
}

static enum status sign_approval(struct approving *approving, struct error *error)
{
    CLEANUP(buffer_free) struct buffer token = {0};
    enum status status =
        carry_approval_sign(&token, &approving->approval, &approving->key.signing, error);
    return status == STATUS_OK ? cli_token_write(approving->cli->arguments.out, &token, error)
                               : status;
}

static enum status approve(struct approving *approving, struct error *error)
{
    const struct cli_arguments *arguments = &approving->cli->arguments;
    struct carry_approve_options options = {.persons_max = arguments->persons_max,
                                            .now = moment_now()};
    enum status status = arguments->expires == NULL
                             ? STATUS_OK
                             : parse_span(&options.lifetime, arguments->expires, error);
    if (status == STATUS_OK && arguments->given[OPTION_PERSONS_MAX] &&
        arguments->persons_max == 0) {
        status = error_set(error, STATUS_USAGE, 0, "%s", _("--persons-max 0 approves nothing"));
    }
    if (status == STATUS_OK) {
        status = carry_approve(&approving->approval, &approving->request, &approving->policy,
                               &approving->key.public_key, &options, error);
    }
    if (status == STATUS_OK) {
        status = let_see(approving, error);
    }
    return status == STATUS_OK ? sign_approval(approving, error) : status;
}

static enum status tell(const struct approving *approving, struct error *error)
{
    const struct cli *cli = approving->cli;
    const struct policy_approval *rules = &approving->policy.policy.approval;
    const uint64_t persons = approving->request.attestation.persons;
    char expires[MOMENT_TEXT_SIZE];
    if (cli->arguments.json) {
        return print_json(approving, error);
    }
    cli_say(cli, _("Approved until %s: %s"),
            moment_format_local(expires, approving->approval.expires), cli->arguments.out);
    if (rules->approvers > 1 || (rules->second_above > 0 && persons > rules->second_above)) {
        cli_say(cli, "%s",
                _("So many persons need a second approver: let another one approve the same "
                  "request, and export with both tokens."));
    }
    return STATUS_OK;
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(approving_end) struct approving approving = {.cli = cli};
    CLEANUP(buffer_free) struct buffer token = {0};
    const char *path = cli->arguments.words.items[0];
    enum status status =
        cli_wizard_option(&approving.wizard, cli, OPTION_KEY, &cli->arguments.key, NULL, error);
    if (status == STATUS_OK) {
        status = cli_wizard_option(&approving.wizard, cli, OPTION_OUT, &cli->arguments.out,
                                   "carry.token", error);
    }
    if (status == STATUS_OK) {
        status = cli_check_free(cli->arguments.out, error);
    }
    if (status == STATUS_OK) {
        status = cli_token_read(&token, path, error);
    }
    if (status == STATUS_OK) {
        status = cli_signing_key(&approving.key, cli, error);
    }
    if (status == STATUS_OK) {
        status = cli_request_read(&approving.request, &approving.policy, cli, &token,
                                  &approving.key.public_key, error);
    }
    if (status == STATUS_OK) {
        status = approve(&approving, error);
    }
    return status == STATUS_OK ? tell(&approving, error) : status;
}

const struct cli_command cmd_carry_approve = {
    .name = "carry approve",
    .operands = N_("REQUEST"),
    .summary = N_("Look at a request for a carry and approve it with your signature."),
    .details =
        N_("Works on any machine. The policy in the request must be signed by --key itself, or by\n"
           "the key that --root names: a deputy names the data manager's public key."),
    .least = 1,
    .most = 1,
    .options = {OPTION_KEY, OPTION_ROOT, OPTION_PERSONS_MAX, OPTION_EXPIRES, OPTION_YES,
                OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_OUT, OPTION_JSON, OPTION_END},
    .run = run,
};
