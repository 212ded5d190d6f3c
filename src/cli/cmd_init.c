/* kura init: a new repository, the host key of this machine, and the recovery kit. */
#include "cmd_init.h"
#include "cli_audit.h"
#include "cli_road.h"
#include "kura/carry.h"
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOGIN_SEED_SIZE 32
#define HOST_NAME_SIZE 128

struct init {
    struct cli *cli;
    struct cli_road road;
    struct cli_access access; /* configuration and way to the store */
    struct store_options store;
    struct init_files files;
    struct host_key host;
    struct recovery_kit kit;
    struct cli_new_passphrase passphrase;
    char login_line[128];
};

static void init_free(struct init *init)
{
    cli_access_free(&init->access);
    cli_road_end(&init->road);
    init_files_free(&init->files);
    host_key_free(&init->host);
    recovery_kit_free(&init->kit);
    cli_new_passphrase_free(&init->passphrase);
}

static enum status count_one(void *context, const struct store_entry *entry, struct error *error)
{
    (void)entry;
    (void)error;
    *(bool *)context = true;
    return STATUS_OK;
}

static enum status copy_text(char **target, const char *text, struct error *error)
{
    if (text != NULL && (*target = strdup(text)) == NULL) {
        return error_set_memory(error);
    }
    return STATUS_OK;
}

/* Whether there is a repository; and the SSH host key, for the kit. */
static enum status look_at_store(bool *found, struct init *init, struct error *error)
{
    struct store *store = NULL;
    *found = false;
    enum status status = store_open(&store, &init->store, error);
    if (status == STATUS_OK) {
        status = copy_text(&init->kit.host_key_line, store_host_key(store), error);
    }
    if (status == STATUS_OK) {
        status = store_list(store, "repository", count_one, found, error);
    }
    store_free(store);
    /* A local folder that is not there counts as away for everybody but who is about to make it. */
    bool to_make = status == STATUS_UNREACHABLE && error->os_error == ENOENT;
    if (status == STATUS_NOT_FOUND || to_make) {
        error_clear(error);
        return STATUS_OK;
    }
    return status;
}

static enum status fail_found(const struct init *init, struct error *error)
{
    error_set(error, STATUS_EXISTS, 0,
              _("there is a repository in %s already, and this machine "
                "has no key to it"),
              init->store.url);
    return error_set_hint(error, "%s",
                          _("To take it over on this machine, run kura host add with its recovery "
                            "kit. For a new repository, choose another place."));
}

/* ------------------------------------------------------------------ keys */

static enum status choose_url(struct init *init, struct error *error)
{
    const char *url = init->cli->arguments.url_for_kit;
    if (url == NULL) {
        url = init->store.url;
        url += strncmp(url, "file://", 7) == 0 ? 7 : 0;
    }
    if (url[0] != '/' && strncmp(url, "sftp://", 7) != 0) {
        return error_set(error, STATUS_USAGE, 0, "%s",
                         _("--url-for-kit must be sftp://… or an absolute path"));
    }
    return copy_text(&init->kit.url, url, error);
}

static bool uses_ssh(const struct init *init)
{
    return strncmp(init->kit.url, "sftp://", 7) == 0;
}

/* The kit logs in with a key of its own that can only read, never with the nightly one. */
static enum status make_login(struct init *init, struct error *error)
{
    if (!uses_ssh(init)) {
        return STATUS_OK;
    }
    CLEANUP(secret_text_free) struct secret_text private_key = {0};
    init->kit.login_seed = secret_new(LOGIN_SEED_SIZE);
    randombytes_buf(init->kit.login_seed, LOGIN_SEED_SIZE);
    return store_login_key(&private_key, init->login_line, init->kit.login_seed, error);
}

static enum status make_keys(struct init *init, struct error *error)
{
    struct host_key *host = &init->host;
    struct recovery_kit *kit = &init->kit;
    enum status status = choose_url(init, error);
    if (status == STATUS_OK) {
        status = age_identity_generate(&kit->identity, error);
    }
    if (status == STATUS_OK) {
        status = signing_key_generate(&kit->signing, error);
    }
    if (status == STATUS_OK) {
        status = signing_key_generate(&host->signing, error);
    }
    if (status == STATUS_OK) {
        status = make_login(init, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    randombytes_buf(host->repository, REPOSITORY_ID_SIZE);
    host->secret = secret_new(REPOSITORY_SECRET_SIZE);
    randombytes_buf(host->secret, REPOSITORY_SECRET_SIZE);
    memcpy(host->trusted, kit->signing.public_key, SIGN_PUBLIC_SIZE);
    host->recovery = kit->identity.recipient;
    memcpy(kit->repository, host->repository, REPOSITORY_ID_SIZE);
    memcpy(kit->host_public, host->signing.public_key, SIGN_PUBLIC_SIZE);
    kit->created = moment_now();
    return STATUS_OK;
}

static enum status write_login(const struct init *init, struct error *error)
{
    if (!uses_ssh(init)) {
        return STATUS_OK;
    }
    char line[256];
    int size =
        snprintf(line, sizeof line, "restrict,command=\"internal-sftp -R\" %s\n", init->login_line);
    return file_write(init->files.login, line, (size_t)size, 0644, FILE_REPLACE_EXISTING, error);
}

static enum status create(struct init *init, struct error *error)
{
    CLEANUP(memory_free) struct age_recipient *recipients = NULL;
    size_t recipient_count = 0;
    char host_name[HOST_NAME_SIZE] = "";
    gethostname(host_name, sizeof host_name - 1);
    enum status status = cli_recipients_read(&recipients, &recipient_count, &init->access.config,
                                             &init->host.recovery, error);
    if (status == STATUS_OK) {
        status = recovery_kit_write(init->files.kit_unfinished, &init->kit, &init->passphrase.text,
                                    init->passphrase.work_factor, error);
    }
    if (status == STATUS_OK) {
        status = write_login(init, error);
    }
    if (status == STATUS_OK) {
        status = host_key_write(init->files.host_unfinished, &init->host, error);
    }
    if (status == STATUS_OK) {
        status = cli_new_passphrase_tell(&init->passphrase, &init->cli->arguments,
                                         _("the recovery kit"), error);
    }
    const struct repo_creation creation = {
        .store = init->store,
        .host = &init->host,
        .recovery = &init->kit.signing,
        .recipients = recipients,
        .recipient_count = recipient_count,
        .host_name = host_name,
    };
    return status == STATUS_OK ? repo_create(&creation, error) : status;
}

/* ------------------------------------------------------------------ words */

static enum status print_json(const struct init *init, struct error *error)
{
    json_t *object = json_object();
    cli_json_set_id(object, "repository", init->host.repository, REPOSITORY_ID_SIZE);
    cli_json_set_bytes(object, "url", init->store.url);
    cli_json_set_bytes(object, "kit", init->files.kit);
    cli_json_set_bytes(object, "host_key", init->files.host_key);
    if (init->login_line[0] != '\0') {
        cli_json_set_bytes(object, "kit_login", init->files.login);
    }
    return cli_json_print(object, error);
}

static enum status print(const struct init *init, struct error *error)
{
    const struct cli_arguments *arguments = &init->cli->arguments;
    if (arguments->json) {
        return print_json(init, error);
    }
    if (arguments->quiet) {
        return STATUS_OK;
    }
    char id[2 * REPOSITORY_ID_SIZE + 1];
    printf(_("Repository %s is made in %s.\n"),
           hex_encode(id, init->host.repository, REPOSITORY_ID_SIZE), init->store.url);
    printf(_("Host key of this machine: %s\n"), init->files.host_key);
    printf(_("Recovery kit: %s\n"), init->files.kit);
    printf("%s\n",
           _("Print the kit and keep it away from this machine, and its passphrase apart from "
             "it:\nwithout both, nothing can be restored when this machine is lost."));
    if (init->login_line[0] != '\0') {
        printf(_("The kit logs in to the server with a key of its own that can only read. Add the "
                 "line in\n%s to authorized_keys of that account on the server.\n"),
               init->files.login);
    }
    if (init->access.config.stores[0].ssh_config != NULL && arguments->url_for_kit == NULL) {
        cli_say(init->cli, "%s",
                _("The address in the kit must be understood without this machine's ssh_config; if "
                  "it is not, make the kit with --url-for-kit."));
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ the way */

static enum status check_road(struct init *init, struct error *error)
{
    const char *folder = cli_road_store_folder(init->store.url);
    enum status status =
        folder == NULL ? STATUS_OK : cli_road_check_path(&init->road, folder, error);
    return status == STATUS_OK ? status : error_add_context(error, "%s", folder);
}

/* An earlier run made the repository and was interrupted before the files had their names. */
static enum status finish_earlier(struct init *init, struct error *error)
{
    enum status status = host_key_read(&init->host, init->files.host_unfinished, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct repo *repo = NULL;
    const struct repo_access access = {.store = init->store,
                                       .host = &init->host,
                                       .trusted = init->host.trusted,
                                       .repository = init->host.repository};
    status = repo_open(&repo, &access, error);
    repo_free(repo);
    if (status == STATUS_OK) {
        status = init_files_finish(&init->files, error);
    }
    if (status == STATUS_OK) {
        cli_say(init->cli, "%s",
                _("An earlier init had been interrupted; it is complete now. The passphrase of the "
                  "kit is the one from then."));
    }
    return status;
}

static enum status make(struct init *init, struct error *error)
{
    enum status status = check_road(init, error);
    if (status == STATUS_OK) {
        status = init_files_begin(&init->files, error);
    }
    if (status == STATUS_OK) {
        status = cli_new_passphrase_get(&init->passphrase, &init->cli->arguments,
                                        _("the recovery kit"), error);
    }
    if (status == STATUS_OK) {
        status = make_keys(init, error);
    }
    if (status == STATUS_OK) {
        status = create(init, error);
    }
    if (status == STATUS_OK) {
        status = check_road(init, error);
    }
    if (status == STATUS_OK) {
        status = init_files_finish(&init->files, error);
    }
    if (status == STATUS_OK) {
        cli_log_set_aside(init->cli, &init->access.config);
    }
    return status;
}

/* The log is this host's first record: who signs the policies is fixed before anything else. */
static enum status fix_root(const struct init *init, const struct minisign_public *root,
                            struct error *error)
{
    CLEANUP(cli_log_close) struct cli_log log = {0};
    if (init->cli->arguments.policy_key == NULL) {
        return STATUS_OK;
    }
    enum status status = cli_log_open(&log, init->cli, CLI_LOG_APPEND, error);
    return status == STATUS_OK ? carry_root_fix(log.config.state, log.audit, root, error) : status;
}

static enum status read_root(struct minisign_public *root, const struct cli *cli,
                             struct error *error)
{
    const char *path = cli->arguments.policy_key;
    return path == NULL ? STATUS_OK : minisign_public_read(root, path, error);
}

static enum status run(struct cli *cli, struct error *error)
{
    CLEANUP(init_free) struct init init = {.cli = cli};
    struct minisign_public root;
    if (cli->arguments.kit == NULL) {
        error_set(error, STATUS_USAGE, 0, "%s", _("kura init needs --kit FILE"));
        return error_set_hint(error, "%s",
                              _("The recovery kit is written there. Without one, nothing could be "
                                "restored when this machine is lost."));
    }
    cli_road_begin(&init.road, cli, ROAD_STORE);
    init.road.founding = true;
    init.road.root = cli->arguments.policy_key == NULL ? NULL : &root;
    init.access.road = &init.road;
    enum status status = read_root(&root, cli, error);
    if (status == STATUS_OK) {
        status = cli_config_read(&init.access.config, &cli->arguments, error);
    }
    if (status == STATUS_OK) {
        status = cli_store_options(&init.store, &init.access, &cli->arguments, error);
    }
    if (status == STATUS_OK) {
        status =
            init_files_name(&init.files, cli->arguments.kit, init.access.config.host_key, error);
    }
    bool found = false;
    if (status == STATUS_OK) {
        status = look_at_store(&found, &init, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (found && init_files_left(&init.files)) {
        status = finish_earlier(&init, error);
    } else if (found && access(init.files.host_key, F_OK) != 0) {
        status = fail_found(&init, error);
    } else {
        status = make(&init, error);
    }
    if (status == STATUS_OK) {
        status = fix_root(&init, &root, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    cli_json_set_id(cli->facts, "repository", init.host.repository, REPOSITORY_ID_SIZE);
    cli_json_set_id(cli->facts, "host", init.host.signing.public_key, SIGN_PUBLIC_SIZE);
    cli_json_set_bytes(cli->facts, "url", init.store.url);
    return print(&init, error);
}

const struct cli_command cmd_init = {
    .name = "init",
    .event = "init",
    .operands = "",
    .summary = N_("Make a new repository, this machine's host key, and the recovery kit."),
    .details =
        N_("The passphrase of the kit is generated and shown once. With --passphrase-file it is\n"
           "read from that file, or written into it if the file does not exist."),
    .options = {OPTION_KIT, OPTION_PASSPHRASE_FILE, OPTION_PASSPHRASE_FD, OPTION_CHOOSE_PASSPHRASE,
                OPTION_URL_FOR_KIT, OPTION_POLICY_KEY, OPTION_SSH_KEY_PASSPHRASE_FILE, OPTION_RETRY,
                OPTION_JSON, OPTION_END},
    .run = run,
};
