/* sftp_config: what the caller says, and behind it what the user's ssh_config says of the host
 * (through `ssh -G`, so that every rule of OpenSSH holds). Without an installed ssh the defaults of
 * OpenSSH apply. */
#include "sftp_config.h"
#include "sftp_process.h"
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_DEFAULT 60
#define RETRY_DEFAULT 300
#define PORT_DEFAULT 22

static void paths_clear(struct sftp_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        free(paths->path[i]);
    }
    paths->count = 0;
}

void sftp_config_free(struct sftp_config *config)
{
    if (config == NULL) {
        return;
    }
    sftp_address_clear(&config->address);
    free(config->host_name);
    free(config->jump);
    free(config->ssh_config);
    free(config->agent);
    paths_clear(&config->identities);
    paths_clear(&config->known_hosts);
    free(config->pinned_host_key);
    secret_text_free(&config->login_key);
    secret_text_free(&config->passphrase);
    free(config);
}

static enum status copy_text(char **target, const char *text, struct error *error)
{
    char *copy = strdup(text);
    if (copy == NULL) {
        return error_set_memory(error);
    }
    free(*target);
    *target = copy;
    return STATUS_OK;
}

static enum status copy_secret(struct secret_text *target, const struct secret_text *secret,
                               struct error *error)
{
    if (secret == NULL || secret->text == NULL) {
        return STATUS_OK;
    }
    enum status status = secret_text_new(target, secret->size, error);
    return status == STATUS_OK ? secret_text_append(target, secret->text, secret->size, error)
                               : status;
}

static const char *home_folder(void)
{
    const char *home = getenv("HOME");
    if (home == NULL || home[0] != '/') {
        const struct passwd *entry = getpwuid(getuid());
        home = entry == NULL ? "/" : entry->pw_dir;
    }
    return home;
}

/* Adds a path, with "~/" as the user's own folder. More than the limit are left out. */
static enum status paths_add(struct sftp_paths *paths, const char *path, struct error *error)
{
    if (paths->count == SFTP_PATHS_LIMIT) {
        return STATUS_OK;
    }
    char *added = NULL;
    enum status status = strncmp(path, "~/", 2) == 0
                             ? path_join(&added, home_folder(), path + 2, error)
                             : copy_text(&added, path, error);
    if (status == STATUS_OK) {
        paths->path[paths->count++] = added;
    }
    return status;
}

static enum status paths_add_all(struct sftp_paths *paths, char *list, struct error *error)
{
    enum status status = STATUS_OK;
    char *rest = NULL;
    for (char *word = strtok_r(list, " ", &rest); word != NULL && status == STATUS_OK;
         word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, "none") != 0 && strcmp(word, "/dev/null") != 0) {
            status = paths_add(paths, word, error);
        }
    }
    return status;
}

static enum status take_port(struct sftp_config *config, const char *value, struct error *error)
{
    unsigned long port = strtoul(value, NULL, 10);
    if (port < 1 || port > 65535) {
        return error_set(error, STATUS_USAGE, 0, _("ssh_config gives a bad port: %s"), value);
    }
    config->address.port = (unsigned)port;
    return STATUS_OK;
}

static enum status take_agent(struct sftp_config *config, const char *value, struct error *error)
{
    if (strcmp(value, "none") == 0) {
        free(config->agent);
        config->agent = NULL;
        return STATUS_OK;
    }
    if (strcmp(value, "SSH_AUTH_SOCK") == 0) {
        return STATUS_OK;
    }
    const char *path = value;
    if (value[0] == '$') {
        path = getenv(value + (value[1] == '{' ? 2 : 1));
    }
    return path == NULL ? STATUS_OK : copy_text(&config->agent, path, error);
}

static enum status refuse_proxy_command(struct error *error)
{
    error_set(error, STATUS_UNSUPPORTED, 0, "%s",
              _("ssh_config sets a ProxyCommand for this host, which is a shell command; it is not "
                "run"));
    return error_set_hint(error, "%s", _("Use ProxyJump in ssh_config instead."));
}

/* One line of ssh -G: a keyword in lower case, and its value. */
static enum status take_setting(struct sftp_config *config, const char *keyword, char *value,
                                struct error *error)
{
    if (strcmp(keyword, "hostname") == 0) {
        return copy_text(&config->address.host, value, error);
    }
    if (strcmp(keyword, "user") == 0) {
        return copy_text(&config->address.user, value, error);
    }
    if (strcmp(keyword, "port") == 0) {
        return take_port(config, value, error);
    }
    if (strcmp(keyword, "hostkeyalias") == 0) {
        return copy_text(&config->host_name, value, error);
    }
    if (strcmp(keyword, "proxyjump") == 0 && strcmp(value, "none") != 0) {
        return copy_text(&config->jump, value, error);
    }
    if (strcmp(keyword, "proxycommand") == 0 && strcmp(value, "none") != 0) {
        return refuse_proxy_command(error);
    }
    if (strcmp(keyword, "identityagent") == 0 && !config->one_identity) {
        return take_agent(config, value, error);
    }
    if (strcmp(keyword, "identityfile") == 0 && !config->one_identity) {
        return paths_add(&config->identities, value, error);
    }
    return STATUS_OK;
}

static enum status take_settings(struct sftp_config *config, char *text, bool known_hosts,
                                 struct error *error)
{
    enum status status = STATUS_OK;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL && status == STATUS_OK;
         line = strtok_r(NULL, "\n", &rest)) {
        char *value = strchr(line, ' ');
        if (value == NULL) {
            continue;
        }
        *value++ = '\0';
        if (known_hosts && (strcmp(line, "userknownhostsfile") == 0 ||
                            strcmp(line, "globalknownhostsfile") == 0)) {
            status = paths_add_all(&config->known_hosts, value, error);
        } else {
            status = take_setting(config, line, value, error);
        }
    }
    return status;
}

static enum status take_defaults(struct sftp_config *config, bool known_hosts, struct error *error)
{
    enum status status = STATUS_OK;
    static const char *const identities[] = {"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa"};
    for (size_t i = 0; i < LENGTH(identities) && status == STATUS_OK && !config->one_identity;
         i++) {
        status = paths_add(&config->identities, identities[i], error);
    }
    static const char *const files[] = {"~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"};
    for (size_t i = 0; i < LENGTH(files) && status == STATUS_OK && known_hosts; i++) {
        status = paths_add(&config->known_hosts, files[i], error);
    }
    if (status == STATUS_OK && config->address.user == NULL) {
        const struct passwd *entry = getpwuid(getuid());
        status = copy_text(&config->address.user, entry == NULL ? "root" : entry->pw_name, error);
    }
    if (config->address.port == 0) {
        config->address.port = PORT_DEFAULT;
    }
    return status;
}

static enum status ask_ssh(struct sftp_config *config, bool known_hosts, struct error *error)
{
    char port[16];
    const char *argv[12] = {"ssh", "-G"};
    size_t count = 2;
    if (config->ssh_config != NULL) {
        argv[count++] = "-F";
        argv[count++] = config->ssh_config;
    }
    if (config->address.user != NULL) {
        argv[count++] = "-l";
        argv[count++] = config->address.user;
    }
    if (config->address.port != 0) {
        snprintf(port, sizeof port, "%u", config->address.port);
        argv[count++] = "-p";
        argv[count++] = port;
    }
    argv[count++] = "--";
    argv[count++] = config->address.host;
    argv[count] = NULL;

    CLEANUP(buffer_free) struct buffer output = {0};
    int code = -1;
    enum status status =
        sftp_process_capture(&output, &code, argv, config->deadline_seconds, error);
    if (status == STATUS_NOT_FOUND) {
        error_clear(error);
        return take_defaults(config, known_hosts, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append_u8(&output, 0, error);
    }
    if (status == STATUS_OK && code != 0) {
        char *text = (char *)output.data;
        text[strcspn(text, "\r\n")] = '\0';
        return error_set(error, STATUS_USAGE, 0, _("ssh refuses its configuration: %s"), text);
    }
    return status == STATUS_OK ? take_settings(config, (char *)output.data, known_hosts, error)
                               : status;
}

bool sftp_config_go_on(const struct sftp_config *config)
{
    return config->waiting == NULL || config->waiting(config->waiting_context);
}

static enum status take_options(struct sftp_config *config, const struct store_options *options,
                                struct error *error)
{
    config->deadline_seconds =
        options->deadline_seconds == 0 ? DEADLINE_DEFAULT : options->deadline_seconds;
    config->retry_seconds = options->retry_seconds == 0 ? RETRY_DEFAULT : options->retry_seconds;
    config->waiting = options->waiting;
    config->waiting_context = options->waiting_context;
    enum status status = sftp_address_parse(&config->address, options->url, error);
    if (status == STATUS_OK) {
        status = copy_secret(&config->login_key, options->login_key, error);
    }
    if (status == STATUS_OK) {
        status = copy_secret(&config->passphrase, options->login_passphrase, error);
    }
    config->one_identity = options->identity_file != NULL || config->login_key.text != NULL;
    if (status == STATUS_OK && options->identity_file != NULL && config->login_key.text == NULL) {
        status = paths_add(&config->identities, options->identity_file, error);
    }
    if (status == STATUS_OK && options->known_hosts != NULL) {
        status = paths_add(&config->known_hosts, options->known_hosts, error);
    }
    if (status == STATUS_OK && options->pinned_host_key != NULL) {
        status = copy_text(&config->pinned_host_key, options->pinned_host_key, error);
    }
    if (status == STATUS_OK && options->ssh_config != NULL) {
        status = copy_text(&config->ssh_config, options->ssh_config, error);
    }
    const char *agent = getenv("SSH_AUTH_SOCK");
    if (status == STATUS_OK && !config->one_identity && agent != NULL && agent[0] != '\0') {
        status = copy_text(&config->agent, agent, error);
    }
    return status;
}

static enum status fill(struct sftp_config *config, const struct store_options *options,
                        struct error *error)
{
    enum status status = take_options(config, options, error);
    if (status == STATUS_OK) {
        status = ask_ssh(config, options->known_hosts == NULL, error);
    }
    if (status == STATUS_OK && config->host_name == NULL) {
        status = copy_text(&config->host_name, config->address.host, error);
    }
    if (status == STATUS_OK) {
        for (char *at = config->host_name; at != NULL && *at != '\0'; at++) {
            *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
        }
    }
    return status;
}

enum status sftp_config_new(struct sftp_config **config, const struct store_options *options,
                            struct error *error)
{
    *config = calloc(1, sizeof **config);
    if (*config == NULL) {
        return error_set_memory(error);
    }
    enum status status = fill(*config, options, error);
    if (status != STATUS_OK) {
        sftp_config_free(*config);
        *config = NULL;
    }
    return status;
}
