/* sftp_key: looks at a private key before libssh2 does, whose one error for everything ("unable to
 * initialize private key") helps nobody. */
#include "sftp_login.h"
#include "sftp_wire.h"
#include <sodium.h>
#include <string.h>

#define NEW_HEAD "-----BEGIN OPENSSH PRIVATE KEY-----"
#define NEW_TAIL "-----END OPENSSH PRIVATE KEY-----"
#define MAGIC "openssh-key-v1"

static bool take_word(struct cursor *cursor, char *target, size_t room)
{
    const unsigned char *data = NULL;
    size_t size = 0;
    if (!wire_take_string(cursor, &data, &size) || size >= room) {
        return false;
    }
    memcpy(target, data, size);
    target[size] = '\0';
    return true;
}

static bool parse_container(struct sftp_key *key, struct cursor cursor)
{
    unsigned char magic[sizeof MAGIC];
    unsigned char count[4];
    const unsigned char *data = NULL;
    size_t size = 0;
    char derivation[48];
    if (!cursor_copy(&cursor, magic, sizeof magic) || memcmp(magic, MAGIC, sizeof magic) != 0 ||
        !take_word(&cursor, key->cipher, sizeof key->cipher) ||
        !take_word(&cursor, derivation, sizeof derivation) ||
        !wire_take_string(&cursor, &data, &size) || !cursor_copy(&cursor, count, sizeof count) ||
        !wire_take_string(&cursor, &data, &size)) {
        return false;
    }
    struct cursor blob = {.at = data, .left = size};
    key->encrypted = strcmp(key->cipher, "none") != 0;
    return take_word(&blob, key->type, sizeof key->type);
}

static bool parse_new(struct sftp_key *key, const char *start)
{
    const char *body = start + strlen(NEW_HEAD);
    const char *end = strstr(body, NEW_TAIL);
    if (end == NULL) {
        return false;
    }
    size_t capacity = (size_t)(end - body);
    CLEANUP(secret_free_pointer) unsigned char *bytes = secret_new(capacity + 1);
    size_t size = 0;
    if (sodium_base642bin(bytes, capacity + 1, body, capacity, "\r\n ", &size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return false;
    }
    return parse_container(key, (struct cursor){.at = bytes, .left = size});
}

enum status sftp_key_refuse_type(const char *type, const char *name, struct error *error)
{
    if (strcmp(type, "ssh-rsa") == 0) {
        error_set(error, STATUS_UNSUPPORTED, 0,
                  _("%s is an RSA key; libssh2 can use one only with SHA-1 signatures, which "
                    "servers of today refuse"),
                  name);
    } else {
        error_set(error, STATUS_UNSUPPORTED, 0,
                  _("%s is a key of the kind %s, which cannot be used"), name, type);
    }
    return error_set_hint(
        error, "%s",
        _("Make a key that works with ssh-keygen -t ed25519, and add its .pub line "
          "to authorized_keys on the server."));
}

static bool type_usable(const char *type)
{
    return type[0] == '\0' || strcmp(type, "ssh-ed25519") == 0 ||
           strncmp(type, "ecdsa-sha2-nistp", 16) == 0;
}

static enum status check(const struct sftp_key *key, const char *name, struct error *error)
{
    if (!type_usable(key->type)) {
        return sftp_key_refuse_type(key->type, name, error);
    }
    if (strstr(key->cipher, "gcm") != NULL || strstr(key->cipher, "chacha") != NULL) {
        error_set(error, STATUS_UNSUPPORTED, 0,
                  _("%s is encrypted with %s, which libssh2 cannot open"), name, key->cipher);
        return error_set_hint(
            error,
            _("Encrypt it anew with ssh-keygen -p -Z aes256-ctr -f %s, or load it "
              "into ssh-agent."),
            name);
    }
    return STATUS_OK;
}

enum status sftp_key_inspect(struct sftp_key *key, const struct secret_text *text, const char *name,
                             struct error *error)
{
    *key = (struct sftp_key){0};
    const char *start = strstr(text->text, NEW_HEAD);
    if (start != NULL) {
        if (!parse_new(key, start)) {
            return error_set(error, STATUS_CORRUPT, 0, _("%s is a damaged private key"), name);
        }
        return check(key, name, error);
    }
    if (strstr(text->text, "-----BEGIN RSA PRIVATE KEY-----") != NULL) {
        return sftp_key_refuse_type("ssh-rsa", name, error);
    }
    if (strstr(text->text, "PRIVATE KEY-----") == NULL) {
        error_set(error, STATUS_CORRUPT, 0, _("%s is not a private key"), name);
        return error_set_hint(error, "%s",
                              _("Name the file without .pub, as ssh-keygen wrote it."));
    }
    key->encrypted = strstr(text->text, "ENCRYPTED") != NULL;
    return STATUS_OK;
}
