/* kura host: which machines may write here. Only the recovery kit can say. */
#include "cli_audit.h"
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum status need_kit(const struct cli_arguments *arguments, struct error *error)
{
    if (arguments->kit == NULL) {
        error_set(error, STATUS_USAGE, 0, "%s", _("this needs the recovery kit: --kit FILE"));
        return error_set_hint(error, "%s",
                              _("Only the recovery key can vouch for a machine or revoke one."));
    }
    return STATUS_OK;
}

/* The kit's login can only read: what is published here goes the way of the configuration. */
static enum status open_configured(struct cli_access *access, struct cli *cli, struct error *error)
{
    enum status status = need_kit(&cli->arguments, error);
    if (status == STATUS_OK) {
        cli->arguments.config =
            cli->arguments.config == NULL ? CONFIG_DEFAULT_PATH : cli->arguments.config;
        status = cli_access_open(access, &cli->arguments, CLI_NEED_ANY, error);
    }
    return status;
}

/* ------------------------------------------------------------------ host add */

static enum status make_host_key(struct host_key *host, const struct cli_access *access,
                                 struct error *error)
{
    enum status status = signing_key_generate(&host->signing, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct recovery_kit *kit = &access->kit;
    host->secret = secret_new(REPOSITORY_SECRET_SIZE);
    memcpy(host->secret, repo_secret(access->repo), REPOSITORY_SECRET_SIZE);
    memcpy(host->repository, kit->repository, REPOSITORY_ID_SIZE);
    memcpy(host->trusted, kit->signing.public_key, SIGN_PUBLIC_SIZE);
    host->recovery = kit->identity.recipient;
    return STATUS_OK;
}

static enum status vouch(struct cli_access *access, const struct host_key *host,
                         struct error *error)
{
    struct host_record record = {.verdict = HOST_ADDED, .time = moment_now()};
    memcpy(record.public_key, host->signing.public_key, SIGN_PUBLIC_SIZE);
    gethostname(record.name, sizeof record.name - 1);
    return repo_vouch(access->repo, &record, &access->kit.signing, error);
}

/* Else only a machine that kept a copy could bring the description back. */
static enum status describe_anew(const struct cli *cli, struct cli_access *access,
                                 const struct host_key *host, struct error *error)
{
    if (!repo_can_describe(access->repo)) {
        return STATUS_OK;
    }
    CLEANUP(memory_free) struct age_recipient *recipients = NULL;
    size_t count = 0;
    enum status status =
        cli_recipients_read(&recipients, &count, &access->config, &host->recovery, error);
    const struct repo_creation creation = {
        .host = host,
        .recovery = &access->kit.signing,
        .recipients = recipients,
        .recipient_count = count,
    };
    status = status ? status : repo_describe(access->repo, &creation, error);
    if (status == STATUS_OK) {
        cli_say(cli, _("The description of this repository was missing or damaged; it was stored "
                       "anew."));
    }
    return status;
}

static enum status check_absent(const char *path, struct error *error)
{
    if (access(path, F_OK) == 0) {
        error_set(error, STATUS_EXISTS, 0, _("the host key %s is there already"), path);
        return error_set_hint(error, "%s",
                              _("A host key is never overwritten. Move it away first."));
    }
    CLEANUP(memory_free) char *copy = strdup(path);
    return copy == NULL ? error_set_memory(error) : file_make_folders(dirname(copy), 0700, error);
}

/* Written under another name first: a key that has its own name is vouched for. */
static enum status add(const struct cli *cli, struct cli_access *access, struct host_key *host,
                       struct error *error)
{
    const char *path = access->config.host_key;
    CLEANUP(memory_free) char *unfinished = NULL;
    if (asprintf(&unfinished, "%s.unfinished", path) < 0) {
        unfinished = NULL;
        return error_set_memory(error);
    }
    enum status status = make_host_key(host, access, error);
    if (status != STATUS_OK) {
        return status;
    }
    unlink(unfinished);
    status = host_key_write(unfinished, host, error);
    status = status ? status : describe_anew(cli, access, host, error);
    if (status == STATUS_OK) {
        status = vouch(access, host, error);
    }
    return status == STATUS_OK ? cli_file_rename(unfinished, path, error) : status;
}

static enum status run_add(struct cli *cli, struct error *error)
{
    CLEANUP(cli_access_free) struct cli_access access = {0};
    CLEANUP(host_key_free) struct host_key host = {0};
    enum status status = open_configured(&access, cli, error);
    if (status == STATUS_OK) {
        status = check_absent(access.config.host_key, error);
    }
    if (status == STATUS_OK) {
        status = add(cli, &access, &host, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    cli_log_set_aside(cli, &access.config);
    cli_json_set_id(cli->facts, "host", host.signing.public_key, SIGN_PUBLIC_SIZE);
    char text[2 * SIGN_PUBLIC_SIZE + 1];
    hex_encode(text, host.signing.public_key, SIGN_PUBLIC_SIZE);
    if (cli->arguments.json) {
        json_t *object = json_object();
        json_object_set_new(object, "key", json_string(text));
        cli_json_set_bytes(object, "host_key", access.config.host_key);
        return cli_json_print(object, error);
    }
    if (!cli->arguments.quiet) {
        printf(_("This machine can back up now. Its host key: %s\n%s\n"), access.config.host_key,
               text);
        printf("%s\n",
               _("If the old machine is lost or stolen, revoke its key with kura host revoke."));
    }
    return STATUS_OK;
}

const struct cli_command cmd_host_add = {
    .name = "host add",
    .event = "host.add",
    .operands = "",
    .summary = N_("Let this machine back up into an existing repository, with the recovery kit."),
    .details =
        N_("Makes a new host key where the configuration says. The store is the one of the\n"
           "configuration, for the kit's own login can only read. If the storage has lost the\n"
           "description of the repository, it is made anew."),
    .options = {OPTION_KIT, OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD,
                OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY, OPTION_JSON, OPTION_END},
    .run = run_add,
};

/* ------------------------------------------------------------------ host revoke */

/* The first sequence number that the host has not used yet: what is there stays trusted. */
static uint64_t next_sequence(const struct snapshot_list *list, const unsigned char *host)
{
    uint64_t next = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct statement *statement = &list->items[i];
        if (memcmp(statement->host, host, SIGN_PUBLIC_SIZE) == 0 && statement->sequence >= next) {
            next = statement->sequence + 1;
        }
    }
    return next;
}

static bool known_host(const struct repo *repo, const unsigned char *host)
{
    size_t count;
    const struct host_record *records = repo_hosts(repo, &count);
    for (size_t i = 0; i < count; i++) {
        if (memcmp(records[i].public_key, host, SIGN_PUBLIC_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static enum status run_revoke(struct cli *cli, struct error *error)
{
    CLEANUP(cli_access_free) struct cli_access access = {0};
    CLEANUP(snapshot_list_free) struct snapshot_list list = {0};
    struct host_record record = {.verdict = HOST_REVOKED, .time = moment_now()};
    const char *key = cli->arguments.words.items[0];
    if (!hex_decode(record.public_key, SIGN_PUBLIC_SIZE, key, strlen(key))) {
        error_set(error, STATUS_USAGE, 0, _("%s is not a host's public key"), key);
        return error_set_hint(error, "%s", _("kura host list shows them: 64 hexadecimal digits."));
    }
    cli_json_set_bytes(cli->facts, "host", key);
    enum status status = open_configured(&access, cli, error);
    if (status == STATUS_OK && !known_host(access.repo, record.public_key)) {
        status = error_set(error, STATUS_NOT_FOUND, 0, _("no host has the key %s"), key);
    }
    if (status == STATUS_OK) {
        status = cli_list(&list, cli, &access, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    record.from_sequence = cli->arguments.given[OPTION_FROM_SEQUENCE]
                               ? cli->arguments.from_sequence
                               : next_sequence(&list, record.public_key);
    status = repo_vouch(access.repo, &record, &access.kit.signing, error);
    if (status == STATUS_OK) {
        cli_json_set_count(cli->facts, "from_sequence", record.from_sequence);
        cli_say(cli, _("Snapshots of this host are not trusted from number %llu on."),
                (unsigned long long)record.from_sequence);
    }
    return status;
}

const struct cli_command cmd_host_revoke = {
    .name = "host revoke",
    .event = "host.revoke",
    .operands = N_("PUBLIC_KEY"),
    .summary = N_("Stop trusting a machine's host key, with the recovery kit."),
    .details =
        N_("Snapshots that are there stay trusted, unless --from-sequence names an earlier one."),
    .least = 1,
    .most = 1,
    .options = {OPTION_KIT, OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_FROM_SEQUENCE,
                OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY, OPTION_END},
    .run = run_revoke,
};

/* ------------------------------------------------------------------ host list */

static enum status show(struct cli *cli, struct cli_json_array *array,
                        const struct host_record *record, struct error *error)
{
    char key[2 * SIGN_PUBLIC_SIZE + 1];
    char time[MOMENT_TEXT_SIZE];
    bool added = record->verdict == HOST_ADDED;
    hex_encode(key, record->public_key, SIGN_PUBLIC_SIZE);
    if (!cli->arguments.json) {
        CLEANUP(memory_free) char *name = cli_format_path("", record->name);
        printf("%s  %s  %s %s\n", key, moment_format_local(time, record->time),
               added ? _("added") : _("revoked"), name == NULL ? "" : name + (*name == '/'));
        return cli_check_output(error);
    }
    json_t *object = json_object();
    json_object_set_new(object, "key", json_string(key));
    json_object_set_new(object, "verdict", json_string(added ? "added" : "revoked"));
    cli_json_set_moment(object, "time", record->time);
    cli_json_set_bytes(object, "name", record->name);
    if (!added) {
        json_object_set_new(object, "from_sequence",
                            json_integer((json_int_t)record->from_sequence));
    }
    return cli_json_add(array, object, error);
}

static enum status run_list(struct cli *cli, struct error *error)
{
    CLEANUP(cli_access_free) struct cli_access access = {0};
    struct cli_json_array array = {0};
    size_t count = 0;
    enum status status = cli_access_open(&access, &cli->arguments, CLI_NEED_ANY, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct host_record *records = repo_hosts(access.repo, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = show(cli, &array, &records[i], error);
    }
    return status == STATUS_OK && cli->arguments.json ? cli_json_end(&array, error) : status;
}

const struct cli_command cmd_host_list = {
    .name = "host list",
    .operands = "",
    .summary = N_("Show the machines that the recovery key added or revoked."),
    .options = {OPTION_KIT, OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_STORE,
                OPTION_SSH_KEY, OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY, OPTION_KNOWN_HOSTS,
                OPTION_JSON, OPTION_END},
    .run = run_list,
};
