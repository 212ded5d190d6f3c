/* kura policy: the signed rules for carries. */
#include "cli.h"
#include "cli_audit.h"
#include "kura/carry.h"
#include <stdlib.h>
#include <string.h>

static enum status read_text(struct buffer *text, const char *path, struct error *error)
{
    enum status status = file_read(text, path, POLICY_SIZE_LIMIT, error);
    return status == STATUS_OK ? status
                               : error_add_context(error, "%s", _("cannot read the policy"));
}

/* Reads the text and looks at everything but the signature. */
static enum status read_checked(struct buffer *text, struct policy *policy, const char *path,
                                struct error *error)
{
    enum status status = read_text(text, path, error);
    if (status == STATUS_OK) {
        status = policy_parse(policy, text->data, text->size, path, error);
    }
    return status == STATUS_OK ? carry_policy_check(policy, error) : status;
}

/* ------------------------------------------------------------------ check, sign */

static enum status print_version(const struct policy *policy, struct error *error)
{
    json_t *object = json_object();
    cli_json_set_count(object, "version", policy->version);
    return cli_json_print(object, error);
}

static enum status run_check(struct cli *cli, struct error *error)
{
    CLEANUP(buffer_free) struct buffer text = {0};
    CLEANUP(policy_free) struct policy policy = {0};
    enum status status = read_checked(&text, &policy, cli->arguments.words.items[0], error);
    if (status == STATUS_OK && cli->arguments.json) {
        return print_version(&policy, error);
    }
    if (status == STATUS_OK && !cli->arguments.quiet) {
        printf(
            _("The policy is well-formed: version %llu, %zu people, %zu data sets, %zu media.\n"),
            (unsigned long long)policy.version, policy.people_count, policy.data_set_count,
            policy.medium_count);
    }
    return status;
}

const struct cli_command cmd_policy_check = {
    .name = "policy check",
    .operands = N_("POLICY"),
    .summary = N_("Check a policy's text, without its signature."),
    .least = 1,
    .most = 1,
    .options = {OPTION_JSON, OPTION_END},
    .run = run_check,
};

static enum status write_signature(const char *path, const struct buffer *text,
                                   const struct policy *policy, const struct minisign_secret *key,
                                   struct error *error)
{
    CLEANUP(buffer_free) struct buffer signature = {0};
    CLEANUP(memory_free) char *target = NULL;
    char comment[256], now[MOMENT_TEXT_SIZE];
    snprintf(comment, sizeof comment, "kura policy version %llu, signed %s",
             (unsigned long long)policy->version, moment_format(now, moment_now()));
    enum status status = minisign_sign(&signature, key, text->data, text->size, comment, error);
    if (status == STATUS_OK && asprintf(&target, "%s.minisig", path) < 0) {
        target = NULL;
        status = error_set_memory(error);
    }
    return status == STATUS_OK ? file_write(target, signature.data, signature.size, 0644,
                                            FILE_REPLACE_EXISTING, error)
                               : status;
}

static enum status run_sign(struct cli *cli, struct error *error)
{
    CLEANUP(buffer_free) struct buffer text = {0};
    CLEANUP(policy_free) struct policy policy = {0};
    CLEANUP(minisign_secret_free) struct minisign_secret key = {0};
    struct cli_arguments *arguments = &cli->arguments;
    const char *path = arguments->words.items[0];
    struct passphrase_source passphrase = cli_passphrase(arguments);
    if (arguments->key == NULL) {
        return error_set(error, STATUS_USAGE, 0, "%s", _("kura policy sign needs --key FILE"));
    }
    enum status status = read_checked(&text, &policy, path, error);
    if (status == STATUS_OK) {
        status = minisign_read_secret(&key, arguments->key, &passphrase, error);
    }
    const struct policy_person *signer =
        status == STATUS_OK ? carry_key_owner(&policy, &key.public_key) : NULL;
    if (status == STATUS_OK && (signer == NULL || (signer->roles & ROLE_DATA_MANAGER) == 0)) {
        error_set(error, STATUS_USAGE, 0, _("%s is not the key of a data_manager of this policy"),
                  arguments->key);
        return error_set_hint(error, "%s",
                              _("The policy names its signer under people, with the role "
                                "data_manager."));
    }
    if (status == STATUS_OK) {
        status = write_signature(path, &text, &policy, &key, error);
    }
    if (status == STATUS_OK && arguments->json) {
        return print_version(&policy, error);
    }
    if (status == STATUS_OK) {
        cli_say(cli, _("Version %llu of the policy is signed: %s.minisig"),
                (unsigned long long)policy.version, path);
    }
    return status;
}

const struct cli_command cmd_policy_sign = {
    .name = "policy sign",
    .operands = N_("POLICY"),
    .summary = N_("Check a policy and sign it with the data manager's key."),
    .details = N_("Writes POLICY.minisig, which minisign -V verifies, too."),
    .least = 1,
    .most = 1,
    .options = {OPTION_KEY, OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_JSON, OPTION_END},
    .run = run_sign,
};

/* ------------------------------------------------------------------ show */

static void show_people(const struct policy *policy)
{
    printf("%s\n", _("People:"));
    for (size_t i = 0; i < policy->people_count; i++) {
        const struct policy_person *person = &policy->people[i];
        printf("  %s  %s  %s%s%s%s\n", person->id, person->name,
               (person->roles & ROLE_DATA_MANAGER) != 0 ? _("data manager ") : "",
               (person->roles & ROLE_DEPUTY) != 0 ? _("deputy ") : "",
               (person->roles & ROLE_STAFF) != 0 ? _("staff ") : "",
               person->system_user == NULL ? "" : person->system_user);
    }
}

static void show_limits(const struct policy *policy)
{
    const struct policy_limits *limits = &policy->limits;
    printf("%s\n", _("Persons at most:"));
    const struct {
        const char *words;
        uint64_t value;
    } rows[] = {
        {_("in one carry"), limits->max_persons_per_carry},
        {_("out with one bearer"), limits->max_persons_outstanding},
        {_("out in all"), limits->max_persons_outstanding_shop},
        {_("in the rolling window, one bearer"), limits->max_persons_rolling_bearer},
        {_("in the rolling window, in all"), limits->max_persons_rolling_shop},
        {_("whoever approves"), limits->absolute_ceiling},
    };
    for (size_t i = 0; i < LENGTH(rows); i++) {
        printf("  %6llu  %s\n", (unsigned long long)rows[i].value, rows[i].words);
    }
    printf(ngettext("The rolling window is %u day.\n", "The rolling window is %u days.\n",
                    limits->rolling_days),
           limits->rolling_days);
    if (policy->approval.second_above > 0) {
        printf(_("Above %llu persons a second approver is needed.\n"),
               (unsigned long long)policy->approval.second_above);
    }
}

static void show(const struct policy *policy)
{
    char from[MOMENT_TEXT_SIZE];
    printf(_("Policy of %s, version %llu, in force from %s\n"), policy->shop,
           (unsigned long long)policy->version, moment_format_local(from, policy->valid_from));
    show_people(policy);
    show_limits(policy);
    if (policy->person_kind_count > 0) {
        printf("%s\n", _("Counted as persons:"));
    }
    for (size_t i = 0; i < policy->person_kind_count; i++) {
        const struct policy_person_kind *kind = &policy->person_kinds[i];
        printf("  %s (%s): %s\n", kind->domain, kind->source, kind->sql);
    }
    printf("%s\n", _("Data sets:"));
    for (size_t i = 0; i < policy->data_set_count; i++) {
        printf("  %s (%s)\n", policy->data_sets[i].name, policy->data_sets[i].source);
    }
    printf("%s\n", _("Media:"));
    for (size_t i = 0; i < policy->medium_count; i++) {
        const struct policy_medium *medium = &policy->media[i];
        printf("  %s  %s  %s\n", medium->id,
               medium->status == MEDIUM_ACTIVE    ? _("active")
               : medium->status == MEDIUM_RETIRED ? _("retired")
                                                  : _("lost"),
               medium->kept_at == NULL ? "" : medium->kept_at);
    }
}

static enum status show_json(const struct policy *policy, const unsigned char digest[DIGEST_SIZE],
                             bool verified, struct error *error)
{
    const struct policy_limits *limits = &policy->limits;
    json_t *people = json_array();
    for (size_t i = 0; i < policy->people_count; i++) {
        const struct policy_person *person = &policy->people[i];
        json_array_append_new(people, json_pack("{s:s,s:s,s:b,s:b,s:b,s:s*}", "id", person->id,
                                                "name", person->name, "data_manager",
                                                (person->roles & ROLE_DATA_MANAGER) != 0, "deputy",
                                                (person->roles & ROLE_DEPUTY) != 0, "staff",
                                                (person->roles & ROLE_STAFF) != 0, "system_user",
                                                person->system_user));
    }
    json_t *kinds = json_array();
    for (size_t i = 0; i < policy->person_kind_count; i++) {
        const struct policy_person_kind *kind = &policy->person_kinds[i];
        json_array_append_new(kinds, json_pack("{s:s,s:s,s:s}", "domain", kind->domain, "source",
                                               kind->source, "sql", kind->sql));
    }
    json_t *object = json_pack(
        "{s:I,s:s,s:b,s:o,s:o,s:{s:I,s:I,s:I,s:I,s:I,s:I}}", "version", (json_int_t)policy->version,
        "shop", policy->shop, "verified", verified, "people", people, "persons", kinds, "limits",
        "max_persons_per_carry", (json_int_t)limits->max_persons_per_carry,
        "max_persons_outstanding", (json_int_t)limits->max_persons_outstanding,
        "max_persons_outstanding_shop", (json_int_t)limits->max_persons_outstanding_shop,
        "max_persons_rolling_bearer", (json_int_t)limits->max_persons_rolling_bearer,
        "max_persons_rolling_shop", (json_int_t)limits->max_persons_rolling_shop,
        "absolute_ceiling", (json_int_t)limits->absolute_ceiling);
    if (object == NULL) {
        return error_set_memory(error);
    }
    cli_json_set_moment(object, "valid_from", policy->valid_from);
    cli_json_set_id(object, "digest", digest, DIGEST_SIZE);
    return cli_json_print(object, error);
}

static enum status run_show(struct cli *cli, struct error *error)
{
    CLEANUP(carry_policy_free) struct carry_policy policy = {0};
    CLEANUP(cli_log_close) struct cli_log log = {0};
    enum status status = cli_log_open(&log, cli, CLI_LOG_APPEND, error);
    if (status == STATUS_OK && log.config.policy == NULL) {
        error_set(error, STATUS_USAGE, 0, "%s", _("the configuration names no policy"));
        return error_set_hint(error, "%s", _("Add the line policy: policy.yaml to it."));
    }
    if (status == STATUS_OK) {
        status =
            carry_policy_in_force(&policy, log.config.policy, log.config.state, log.audit, error);
    }
    if (status != STATUS_OK || cli->arguments.quiet) {
        return status;
    }
    if (cli->arguments.json) {
        return show_json(&policy.policy, policy.digest, true, error);
    }
    show(&policy.policy);
    return cli_check_output(error);
}

const struct cli_command cmd_policy_show = {
    .name = "policy show",
    .operands = "",
    .summary = N_("Verify the policy in force on this machine and show it."),
    .options = {OPTION_JSON, OPTION_END},
    .run = run_show,
};

/* ------------------------------------------------------------------ trust */

static enum status run_trust(struct cli *cli, struct error *error)
{
    CLEANUP(cli_log_close) struct cli_log log = {0};
    struct minisign_public root;
    enum status status = minisign_public_read(&root, cli->arguments.words.items[0], error);
    if (status == STATUS_OK) {
        status = cli_log_open(&log, cli, CLI_LOG_APPEND, error);
    }
    if (status == STATUS_OK) {
        status = carry_root_fix(log.config.state, log.audit, &root, error);
    }
    if (status == STATUS_OK) {
        cli_say(cli, "%s", _("From now on this machine obeys policies signed by this key alone."));
    }
    return status;
}

const struct cli_command cmd_policy_trust = {
    .name = "policy trust",
    .operands = N_("MANAGER.sign.pub"),
    .summary = N_("Fix, once and for good, whose signature makes a policy."),
    .details = N_("For a machine whose kura init was not told with --policy-key."),
    .least = 1,
    .most = 1,
    .options = {OPTION_END},
    .run = run_trust,
};
