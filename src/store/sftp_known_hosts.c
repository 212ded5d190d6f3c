/* sftp_known_hosts: whether the server is who it was.
 *
 * The files are read line by line here: libssh2's own reader drops everything after a malformed or
 * very long line, ignores @revoked, and matches no patterns. Only a hashed name is handed to it,
 * one line at a time. A line that cannot be understood counts as absent and never hides another
 * one.
 */
#include "sftp_session.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT ((size_t)16 * 1024 * 1024)
#define LINE_LIMIT ((size_t)16 * 1024)
#define KEY_LIMIT 4096
#define NAME_LIMIT 320
/* Stands for the key where only the name of a hashed line is asked for. */
#define ANY_KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define HASHED "|1|"
#define HASH_TEXT 28 /* base64 of the 20 bytes of an HMAC-SHA-1, or of its salt */

static const char *const strong_types[] = {"ssh-ed25519", "ecdsa-sha2-nistp256",
                                           "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"};

struct known_key {
    char type[48];
    unsigned char *blob;
    size_t size;
    bool revoked;
};

struct sftp_known_hosts {
    struct known_key *keys;
    size_t count;
    char name[NAME_LIMIT]; /* "host" or "[host]:port" */
    char host[NAME_LIMIT];
    unsigned port;
    bool pinned;
    bool authority; /* a @cert-authority line matched; libssh2 cannot follow it */
    const char *file;
};

void sftp_known_hosts_free(struct sftp_known_hosts *known)
{
    if (known != NULL) {
        for (size_t i = 0; i < known->count; i++) {
            free(known->keys[i].blob);
        }
        free(known->keys);
        free(known);
    }
}

/* The next word of a line, cut out in place; NULL at the end. */
static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    if (*word == '\0') {
        return NULL;
    }
    char *end = word + strcspn(word, " \t");
    *rest = end + (*end != '\0');
    *end = '\0';
    return word;
}

/* With * and ?, as in OpenSSH; brackets are ordinary characters, "[host]:port" has them. */
static bool pattern_matches(const char *pattern, size_t size, const char *text)
{
    const char *end = pattern + size;
    const char *star = NULL;
    const char *resume = NULL;
    while (*text != '\0') {
        char byte = (char)(pattern < end && *pattern >= 'A' && *pattern <= 'Z'
                               ? *pattern - 'A' + 'a'
                               : (pattern < end ? *pattern : '\0'));
        if (byte == '*') {
            star = pattern++;
            resume = text;
        } else if (byte != '\0' && (byte == '?' || byte == *text)) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (pattern < end && *pattern == '*') {
        pattern++;
    }
    return pattern == end;
}

/* A comma-separated list of patterns; one that begins with ! and matches excludes the line. */
static bool patterns_match(const char *list, const char *name)
{
    bool found = false;
    for (const char *at = list; *at != '\0';) {
        size_t size = strcspn(at, ",");
        bool negated = *at == '!';
        if (pattern_matches(at + negated, size - negated, name)) {
            if (negated) {
                return false;
            }
            found = true;
        }
        at += size + (at[size] == ',');
    }
    return found;
}

static bool is_hash(const char *text)
{
    unsigned char bytes[HASH_TEXT];
    size_t size = 0;
    return text_ascii(text, HASH_TEXT) &&
           sodium_base642bin(bytes, sizeof bytes, text, HASH_TEXT, NULL, &size, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           size == 20;
}

/* |1|SALT|HASH and nothing else: of what is nearly that, libssh2 leaks memory. */
static bool is_hashed_name(const char *text)
{
    const char *salt = text + strlen(HASHED);
    return strlen(text) == strlen(HASHED) + HASH_TEXT + 1 + HASH_TEXT && is_hash(salt) &&
           salt[HASH_TEXT] == '|' && is_hash(salt + HASH_TEXT + 1);
}

static bool hash_matches(LIBSSH2_SESSION *ssh, const char *hashed, const char *name)
{
    char line[1024];
    if (!is_hashed_name(hashed)) {
        return false;
    }
    int size = snprintf(line, sizeof line, "%s ssh-ed25519 %s\n", hashed, ANY_KEY);
    if (size < 0 || (size_t)size >= sizeof line) {
        return false;
    }
    LIBSSH2_KNOWNHOSTS *hosts = libssh2_knownhost_init(ssh);
    if (hosts == NULL) {
        return false;
    }
    bool found = false;
    if (libssh2_knownhost_readline(hosts, line, (size_t)size, LIBSSH2_KNOWNHOST_FILE_OPENSSH) ==
        0) {
        found =
            libssh2_knownhost_check(hosts, name, ANY_KEY, strlen(ANY_KEY),
                                    LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_BASE64,
                                    NULL) == LIBSSH2_KNOWNHOST_CHECK_MATCH;
    }
    libssh2_knownhost_free(hosts);
    return found;
}

/* Takes the key of a line over. False if type and key are not what they should be. */
static bool add_key(struct sftp_known_hosts *known, const char *type, const char *text,
                    bool revoked)
{
    unsigned char blob[KEY_LIMIT];
    size_t size = 0;
    if (strlen(type) >= sizeof known->keys[0].type || !text_ascii(text, strlen(text)) ||
        sodium_base642bin(blob, sizeof blob, text, strlen(text), NULL, &size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return false;
    }
    /* The blob begins with its own type. A line whose two types differ is malformed. */
    size_t length = strlen(type);
    if (size < 4 + length || blob[0] != 0 || blob[1] != 0 ||
        ((size_t)blob[2] << 8 | blob[3]) != length || memcmp(blob + 4, type, length) != 0) {
        return false;
    }
    struct known_key *keys = realloc(known->keys, (known->count + 1) * sizeof *keys);
    if (keys == NULL) {
        return false;
    }
    known->keys = keys;
    unsigned char *copy = malloc(size);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, blob, size);
    struct known_key *key = &keys[known->count++];
    *key = (struct known_key){.blob = copy, .size = size, .revoked = revoked};
    memcpy(key->type, type, length);
    return true;
}

static void take_line(struct sftp_known_hosts *known, LIBSSH2_SESSION *ssh, char *line)
{
    char *rest = line;
    char *hosts = next_word(&rest);
    if (hosts == NULL || hosts[0] == '#') {
        return;
    }
    const char *marker = NULL;
    if (hosts[0] == '@') {
        marker = hosts;
        hosts = next_word(&rest);
    }
    const char *type = next_word(&rest);
    const char *key = next_word(&rest);
    if (hosts == NULL || type == NULL || key == NULL) {
        return;
    }
    bool found = strncmp(hosts, HASHED, strlen(HASHED)) == 0 ? hash_matches(ssh, hosts, known->name)
                                                             : patterns_match(hosts, known->name);
    if (!found) {
        return;
    }
    if (marker == NULL || strcmp(marker, "@revoked") == 0) {
        add_key(known, type, key, marker != NULL);
    } else if (strcmp(marker, "@cert-authority") == 0) {
        known->authority = true;
    }
}

static enum status read_known_file(struct sftp_known_hosts *known, LIBSSH2_SESSION *ssh,
                                   const char *path, struct error *error)
{
    CLEANUP(buffer_free) struct buffer content = {0};
    enum status status = file_read(&content, path, FILE_LIMIT, error);
    if (status == STATUS_NOT_FOUND) {
        error_clear(error);
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = buffer_append_u8(&content, '\n', error);
    }
    if (status != STATUS_OK) {
        return error_add_context(error, "%s", _("the known hosts cannot be read"));
    }
    char *at = (char *)content.data;
    char *end = at + content.size;
    while (at < end) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        *stop = '\0';
        size_t size = (size_t)(stop - at);
        if (size > 0 && at[size - 1] == '\r') {
            at[size - 1] = '\0';
        }
        if (size <= LINE_LIMIT && strlen(at) + 1 >= size) {
            take_line(known, ssh, at);
        }
        at = stop + 1;
    }
    return STATUS_OK;
}

static enum status take_pinned(struct sftp_known_hosts *known, const char *pinned,
                               struct error *error)
{
    CLEANUP(memory_free) char *text = strdup(pinned);
    if (text == NULL) {
        return error_set_memory(error);
    }
    char *rest = text;
    const char *type = next_word(&rest);
    char *key = next_word(&rest);
    if (key != NULL) {
        key[strcspn(key, "\r\n")] = '\0';
    }
    if (type == NULL || key == NULL || !add_key(known, type, key, false)) {
        error_set(error, STATUS_USAGE, 0, "%s", _("the pinned host key is malformed"));
        return error_set_hint(error, "%s", _("It is two words, as in \"ssh-ed25519 AAAA…\"."));
    }
    known->pinned = true;
    return STATUS_OK;
}

enum status sftp_known_hosts_new(struct sftp_known_hosts **known, LIBSSH2_SESSION *ssh,
                                 const struct sftp_config *config, struct error *error)
{
    *known = calloc(1, sizeof **known);
    if (*known == NULL) {
        return error_set_memory(error);
    }
    unsigned port = config->address.port;
    snprintf((*known)->host, NAME_LIMIT, "%s", config->address.host);
    (*known)->port = port;
    (*known)->file =
        config->known_hosts.count == 0 ? "~/.ssh/known_hosts" : config->known_hosts.path[0];
    if (port == 22) {
        snprintf((*known)->name, NAME_LIMIT, "%s", config->host_name);
    } else {
        snprintf((*known)->name, NAME_LIMIT, "[%s]:%u", config->host_name, port);
    }
    if (config->pinned_host_key != NULL) {
        return take_pinned(*known, config->pinned_host_key, error);
    }
    enum status status = STATUS_OK;
    for (size_t i = 0; i < config->known_hosts.count && status == STATUS_OK; i++) {
        status = read_known_file(*known, ssh, config->known_hosts.path[i], error);
    }
    return status;
}

static bool knows_type(const struct sftp_known_hosts *known, const char *type)
{
    for (size_t i = 0; i < known->count; i++) {
        if (!known->keys[i].revoked && strcmp(known->keys[i].type, type) == 0) {
            return true;
        }
    }
    return false;
}

/* Two rounds: what is known comes first, because the server shows the first of ours that it has. */
void sftp_known_hosts_preference(char *target, size_t size, const struct sftp_known_hosts *known)
{
    size_t used = 0;
    target[0] = '\0';
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < LENGTH(strong_types); i++) {
            if (knows_type(known, strong_types[i]) == (round == 0)) {
                int count = snprintf(target + used, size - used, "%s%s", used == 0 ? "" : ",",
                                     strong_types[i]);
                used += (size_t)count;
            }
        }
    }
}

static void fingerprint(char target[64], const unsigned char *key, size_t size)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, key, size);
    char text[sodium_base64_ENCODED_LEN(sizeof hash, sodium_base64_VARIANT_ORIGINAL_NO_PADDING)];
    sodium_bin2base64(text, sizeof text, hash, sizeof hash,
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    snprintf(target, 64, "SHA256:%s", text);
}

static enum status refuse_unknown(const struct sftp_known_hosts *known, const char *type,
                                  const char *print, struct error *error)
{
    error_set(error, STATUS_UNAUTHENTIC, 0, _("the host %s is not known; it shows the %s key %s"),
              known->name, type, print);
    if (known->authority) {
        return error_set_hint(error,
                              _("Host certificates are not supported. Compare the fingerprint with "
                                "the operator's, then add the plain key: ssh-keyscan -p %u %s >> "
                                "%s"),
                              known->port, known->host, known->file);
    }
    return error_set_hint(error,
                          _("Compare the fingerprint with the one that the server's operator gives "
                            "you by another way; if they are the same: ssh-keyscan -p %u %s >> %s"),
                          known->port, known->host, known->file);
}

static enum status refuse_changed(const struct sftp_known_hosts *known, const char *type,
                                  const char *print, struct error *error)
{
    error_set(
        error, STATUS_UNAUTHENTIC, 0,
        _("the host key of %s has changed: it shows the %s key %s, which is not the one known "
          "here; somebody may be in the line"),
        known->name, type, print);
    if (known->pinned) {
        return error_set_hint(error, "%s",
                              _("Nothing was sent. Ask the server's operator whether the key was "
                                "changed, compare the fingerprint, and only then replace the "
                                "pinned key."));
    }
    return error_set_hint(error,
                          _("Nothing was sent. Ask the server's operator whether the key was "
                            "changed, compare the fingerprint, and only then: ssh-keygen -f %s -R "
                            "'%s'; ssh-keyscan -p %u %s >> %s"),
                          known->file, known->name, known->port, known->host, known->file);
}

enum status sftp_known_hosts_check(const struct sftp_known_hosts *known, const unsigned char *key,
                                   size_t size, struct error *error)
{
    size_t length = size < 4 ? 0 : (size_t)key[2] << 8 | key[3];
    if (size < 4 || key[0] != 0 || key[1] != 0 || length == 0 || length > size - 4 || length > 47 ||
        size > KEY_LIMIT) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("the server's host key is malformed"));
    }
    char type[48] = "";
    memcpy(type, key + 4, length);
    char print[64];
    fingerprint(print, key, size);
    bool match = false;
    bool other = false;
    for (size_t i = 0; i < known->count; i++) {
        const struct known_key *at = &known->keys[i];
        bool same = at->size == size && memcmp(at->blob, key, size) == 0;
        if (same && at->revoked) {
            error_set(error, STATUS_UNAUTHENTIC, 0,
                      _("the host key of %s (%s) has been revoked in %s"), known->name, print,
                      known->file);
            return error_set_hint(error, "%s",
                                  _("Do not connect. Whoever holds this key may not be your "
                                    "server; ask its operator for the new key."));
        }
        match = match || same;
        other = other || !at->revoked;
    }
    if (match) {
        return STATUS_OK;
    }
    return other ? refuse_changed(known, type, print, error)
                 : refuse_unknown(known, type, print, error);
}
