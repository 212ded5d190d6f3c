/* cli_access: how a command comes into the repository: with the configuration and its host key,
 * with an identity, or with the recovery kit alone. */
#include "cli_road.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum status cli_config_read(struct config *config, const struct cli_arguments *arguments,
                            struct error *error)
{
    return config_read(config, arguments->config == NULL ? CONFIG_DEFAULT_PATH : arguments->config,
                       error);
}

/* What the command line says about the connection outweighs what the configuration or kit says. */
static enum status take_overrides(struct cli_access *access, const struct cli_arguments *arguments,
                                  struct error *error)
{
    struct store_options *store = &access->access.store;
    /* 0 would be the store's own default. */
    store->retry_seconds = arguments->retry == 0         ? 1
                           : arguments->retry > UINT_MAX ? UINT_MAX
                                                         : (unsigned)arguments->retry;
    if (arguments->store != NULL) {
        store->url = arguments->store;
    }
    if (access->road != NULL) {
        store->judge = cli_road_check_store;
        store->judge_context = access->road;
    }
    cli_waiting_begin(&access->waiting, store, arguments);
    if (arguments->ssh_key != NULL) {
        store->identity_file = arguments->ssh_key;
        store->login_key = NULL;
    }
    if (arguments->known_hosts != NULL) {
        store->known_hosts = arguments->known_hosts;
        store->pinned_host_key = NULL;
    }
    if (arguments->ssh_key_passphrase_file == NULL) {
        return STATUS_OK;
    }
    store->login_passphrase = &access->ssh_passphrase;
    return passphrase_read_file(&access->ssh_passphrase, arguments->ssh_key_passphrase_file, error);
}

enum status cli_store_options(struct store_options *options, struct cli_access *access,
                              const struct cli_arguments *arguments, struct error *error)
{
    const struct config_store *store = &access->config.stores[0];
    access->access.store = (struct store_options){
        .url = store->url,
        .identity_file = store->identity_file,
        .known_hosts = store->known_hosts,
        .ssh_config = store->ssh_config,
        .deadline_seconds = store->timeout,
    };
    access->access.connections = store->connections;
    enum status status = take_overrides(access, arguments, error);
    *options = access->access.store;
    return status;
}

static enum status use_kit_store(struct cli_access *access, const struct cli_arguments *arguments,
                                 struct error *error)
{
    access->access.store = (struct store_options){
        .url = access->kit.url,
        .pinned_host_key = access->kit.host_key_line,
    };
    if (access->kit.login_seed != NULL) {
        char public_line[128];
        enum status status =
            store_login_key(&access->login_key, public_line, access->kit.login_seed, error);
        if (status != STATUS_OK) {
            return status;
        }
        access->access.store.login_key = &access->login_key;
    }
    return take_overrides(access, arguments, error);
}

/* The host key is a must for the nightly job only; others use it if they may read it. */
static enum status read_host_key(struct cli_access *access, const struct cli_arguments *arguments,
                                 enum cli_need need, struct error *error)
{
    bool other_way = arguments->kit != NULL || arguments->identity != NULL;
    if (arguments->kit != NULL && need != CLI_NEED_HOST) {
        return STATUS_OK;
    }
    enum status status = host_key_read(&access->host, access->config.host_key, error);
    access->has_host = status == STATUS_OK;
    if (status == STATUS_OK || (other_way && need != CLI_NEED_HOST)) {
        error_clear(error);
        return STATUS_OK;
    }
    if (status == STATUS_NOT_FOUND) {
        error_set_hint(error, "%s",
                       _("Make a new repository with kura init, or take an existing one over with "
                         "kura host add."));
    }
    return status;
}

static enum status read_keys(struct cli_access *access, struct cli_arguments *arguments,
                             enum cli_need need, struct error *error)
{
    struct passphrase_source passphrase = cli_passphrase(arguments);
    enum status status = STATUS_OK;
    if (need == CLI_NEED_IDENTITY && arguments->kit == NULL && arguments->identity == NULL) {
        error_set(error, STATUS_USAGE, 0, "%s", _("the host key cannot open backups"));
        return error_set_hint(error, "%s", _("Name a key with --identity FILE or --kit FILE."));
    }
    if (arguments->kit != NULL) {
        status = recovery_kit_read(&access->kit, arguments->kit, &passphrase, error);
        access->has_kit = status == STATUS_OK;
    } else if (arguments->identity != NULL) {
        status = age_identity_read(&access->identity, arguments->identity, &passphrase, error);
    }
    return status;
}

static void fill_access(struct cli_access *access, const struct cli_arguments *arguments)
{
    struct repo_access *way = &access->access;
    way->untrusted = arguments->untrusted;
    way->host = access->has_host ? &access->host : NULL;
    if (access->has_kit) {
        way->identities = &access->kit.identity;
        way->identity_count = 1;
        way->repository = access->kit.repository;
        way->trusted = access->kit.signing.public_key;
        return;
    }
    if (access->identity.secret_key != NULL) {
        way->identities = &access->identity;
        way->identity_count = 1;
    }
    if (access->has_host) {
        way->repository = access->host.repository;
        way->trusted = access->host.trusted;
    }
    const char *configured = access->config.trusted_key;
    if (configured != NULL &&
        hex_decode(access->trusted, sizeof access->trusted, configured, strlen(configured))) {
        way->trusted = access->trusted;
    }
}

enum status cli_access_open(struct cli_access *access, struct cli_arguments *arguments,
                            enum cli_need need, struct error *error)
{
    /* A bare machine has no configuration; one that is named is used. */
    bool bare =
        need != CLI_NEED_HOST && arguments->config == NULL &&
        (arguments->kit != NULL || (arguments->identity != NULL && arguments->store != NULL));
    struct store_options options;
    enum status status = STATUS_OK;
    if (!bare) {
        status = cli_config_read(&access->config, arguments, error);
        access->has_config = status == STATUS_OK;
    }
    if (status == STATUS_OK && !bare) {
        status = read_host_key(access, arguments, need, error);
    }
    if (status == STATUS_OK) {
        status = read_keys(access, arguments, need, error);
    }
    if (status == STATUS_OK && !bare) {
        status = cli_store_options(&options, access, arguments, error);
    } else if (status == STATUS_OK && access->has_kit) {
        status = use_kit_store(access, arguments, error);
    } else if (status == STATUS_OK) {
        status = take_overrides(access, arguments, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    fill_access(access, arguments);
    cli_sandbox_enter(access, arguments);
    status = repo_open(&access->repo, &access->access, error);
    if (status == STATUS_OK) {
        cli_waiting_connected(&access->waiting);
    }
    return status;
}

void cli_access_free(struct cli_access *access)
{
    repo_free(access->repo);
    config_free(&access->config);
    host_key_free(&access->host);
    recovery_kit_free(&access->kit);
    age_identity_free(&access->identity);
    secret_text_free(&access->login_key);
    secret_text_free(&access->ssh_passphrase);
    *access = (struct cli_access){0};
}

enum status cli_recipients_read(struct age_recipient **recipients, size_t *count,
                                const struct config *config, const struct age_recipient *recovery,
                                struct error *error)
{
    *recipients = malloc(sizeof **recipients);
    *count = 1;
    if (*recipients == NULL) {
        *count = 0;
        return error_set_memory(error);
    }
    **recipients = *recovery;
    for (char **file = config->recipients; file != NULL && *file != NULL; file++) {
        enum status status = age_recipients_read(recipients, count, *file, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}
