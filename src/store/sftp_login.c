/* sftp_login: proves to the server who we are, with the key that was given, or with those of the
 * ssh-agent and of ssh_config in turn. Runs only after the server has proved who it is. */
#include "sftp_login.h"
#include <string.h>

#define KEY_FILE_LIMIT ((size_t)64 * 1024)

/* The outcome of one try: STATUS_OK, STATUS_DENIED (the server does not want this key),
 * STATUS_UNREACHABLE (the line broke), or why the key cannot be used. */
static enum status outcome(const struct sftp_session *session, int result, struct error *error)
{
    if (result == 0) {
        return STATUS_OK;
    }
    if (session->failure != SFTP_SOUND) {
        return sftp_error_broken(session, error);
    }
    return error_set(error, STATUS_DENIED, 0, _("the server does not accept the login of %s"),
                     session->config->address.user);
}

static enum status explain_key(const struct sftp_session *session, const struct sftp_key *key,
                               const char *name, struct error *error)
{
    const struct secret_text *passphrase = &session->config->passphrase;
    if (key->encrypted && (passphrase->text == NULL || passphrase->size == 0)) {
        error_set(error, STATUS_UNAUTHENTIC, 0, _("%s is encrypted, and no passphrase was given"),
                  name);
        return error_set_hint(error, "%s",
                              _("Give its passphrase, or load the key into ssh-agent."));
    }
    if (key->encrypted) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, _("the passphrase of %s is wrong"), name);
    }
    return error_set(error, STATUS_CORRUPT, 0, _("%s cannot be read as a private key"), name);
}

static enum status try_key(struct sftp_session *session, const struct secret_text *text,
                           const char *name, struct error *error)
{
    struct sftp_key key;
    enum status status = sftp_key_inspect(&key, text, name, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct sftp_config *config = session->config;
    if (key.encrypted && config->passphrase.text == NULL) {
        return explain_key(session, &key, name, error);
    }
    const char *user = config->address.user;
    int result;
    SFTP_REPEAT(session, result,
                libssh2_userauth_publickey_frommemory(session->ssh, user, strlen(user), NULL, 0,
                                                      text->text, text->size,
                                                      config->passphrase.text));
    bool refused = result == LIBSSH2_ERROR_AUTHENTICATION_FAILED ||
                   result == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED;
    /* libssh2 has half a dozen codes for a key that it cannot open, and none says why. */
    bool unreadable = result != 0 && !refused;
    if (session->failure == SFTP_SOUND && unreadable) {
        return explain_key(session, &key, name, error);
    }
    return outcome(session, result, error);
}

static enum status try_file(struct sftp_session *session, const char *path, struct error *error)
{
    CLEANUP(secret_text_free) struct secret_text text = {0};
    enum status status = file_read_secret(&text, path, KEY_FILE_LIMIT, error);
    return status == STATUS_OK ? try_key(session, &text, path, error) : status;
}

struct signer {
    struct sftp_agent *agent;
    const struct sftp_agent_key *key;
};

static int sign(LIBSSH2_SESSION *ssh, unsigned char **signature, size_t *size,
                const unsigned char *data, size_t data_size, void **abstract)
{
    (void)ssh;
    const struct signer *signer = *abstract;
    return sftp_agent_sign(signature, size, signer->agent, signer->key->blob, signer->key->size,
                           data, data_size)
               ? 0
               : LIBSSH2_ERROR_AGENT_PROTOCOL;
}

static enum status try_agent(struct sftp_session *session, bool *skipped, struct error *error)
{
    const struct sftp_config *config = session->config;
    CLEANUP(sftp_agent_close) struct sftp_agent agent = {.fd = -1};
    struct sftp_agent_key keys[SFTP_AGENT_KEYS];
    size_t count = 0;
    enum status status = sftp_agent_open(&agent, keys, &count, skipped, config->agent,
                                         config->deadline_seconds, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = error_set(error, STATUS_DENIED, 0, "%s", _("the ssh-agent holds no usable key"));
    for (size_t i = 0; i < count && status == STATUS_DENIED; i++) {
        struct signer signer = {.agent = &agent, .key = &keys[i]};
        void *context = &signer;
        int result;
        SFTP_REPEAT(session, result,
                    libssh2_userauth_publickey(session->ssh, config->address.user, keys[i].blob,
                                               keys[i].size, sign, &context));
        status = outcome(session, result, error);
    }
    return status;
}

/* The keys that ssh_config names, or the usual ones; those that are not there are passed over. */
static enum status try_files(struct sftp_session *session, struct error *unusable,
                             struct error *error)
{
    const struct sftp_paths *paths = &session->config->identities;
    enum status status = STATUS_DENIED;
    for (size_t i = 0; i < paths->count; i++) {
        status = try_file(session, paths->path[i], error);
        if (status == STATUS_OK || status == STATUS_UNREACHABLE) {
            return status;
        }
        if (status != STATUS_NOT_FOUND && status != STATUS_DENIED &&
            unusable->status == STATUS_OK) {
            *unusable = *error;
        }
    }
    return STATUS_DENIED;
}

static enum status try_all(struct sftp_session *session, struct error *error)
{
    bool skipped = false;
    struct error unusable = {0};
    enum status status = STATUS_DENIED;
    if (session->config->agent != NULL) {
        status = try_agent(session, &skipped, error);
    }
    if (status != STATUS_OK && status != STATUS_UNREACHABLE) {
        status = try_files(session, &unusable, error);
    }
    if (status == STATUS_OK || status == STATUS_UNREACHABLE) {
        return status;
    }
    if (unusable.status != STATUS_OK) {
        *error = unusable;
        return error->status;
    }
    if (skipped) {
        return sftp_key_refuse_type("ssh-rsa", _("a key in the ssh-agent"), error);
    }
    return error_set(error, STATUS_DENIED, 0, _("the server accepts no key of %s"),
                     session->config->address.user);
}

enum status sftp_login(struct sftp_session *session, struct error *error)
{
    const struct sftp_config *config = session->config;
    enum status status;
    if (config->login_key.text != NULL) {
        status = try_key(session, &config->login_key, _("the login key"), error);
    } else if (config->one_identity) {
        status = try_file(session, config->identities.path[0], error);
        if (status == STATUS_NOT_FOUND) {
            /* A missing key file must not read as a missing object. */
            status = error_set(error, STATUS_USAGE, 0, _("the key file %s is not there"),
                               config->identities.path[0]);
        }
    } else {
        status = try_all(session, error);
    }
    if (status == STATUS_DENIED && error->hint[0] == '\0') {
        return error_set_hint(
            error, "%s",
            _("Add the key's .pub line to authorized_keys on the server, and check "
              "the user's name in the address."));
    }
    return status;
}
