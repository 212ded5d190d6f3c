/* sftp_methods: which algorithms we speak, and, when the server speaks none of them, which of them
 * are missing. Only what is held to be strong today and what libssh2 1.10 can do is named; it would
 * offer arcfour, 3des and md5 on its own. */
#include "sftp_session.h"
#include "sftp_wire.h"
#include <stdio.h>
#include <string.h>

#define CIPHERS "aes128-ctr,aes256-ctr,aes192-ctr"
#define MACS "hmac-sha2-256,hmac-sha2-512"
#define EXCHANGES                                                                                  \
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"        \
    "ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,"       \
    "diffie-hellman-group18-sha512,diffie-hellman-group14-sha256"
#define HOST_KEYS "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521"

static enum status set(LIBSSH2_SESSION *ssh, int method, const char *list, struct error *error)
{
    /* An unchecked refusal would silently leave the defaults, weak ones among them. */
    if (libssh2_session_method_pref(ssh, method, list) != 0) {
        return error_set(error, STATUS_UNSUPPORTED, 0,
                         _("this libssh2 knows none of the methods %s"), list);
    }
    return STATUS_OK;
}

enum status sftp_methods_set(LIBSSH2_SESSION *ssh, const char *host_keys, struct error *error)
{
    const struct {
        int method;
        const char *list;
    } wanted[] = {
        {LIBSSH2_METHOD_HOSTKEY, host_keys}, {LIBSSH2_METHOD_KEX, EXCHANGES},
        {LIBSSH2_METHOD_CRYPT_CS, CIPHERS},  {LIBSSH2_METHOD_CRYPT_SC, CIPHERS},
        {LIBSSH2_METHOD_MAC_CS, MACS},       {LIBSSH2_METHOD_MAC_SC, MACS},
        {LIBSSH2_METHOD_COMP_CS, "none"},    {LIBSSH2_METHOD_COMP_SC, "none"},
    };
    for (size_t i = 0; i < LENGTH(wanted); i++) {
        enum status status = set(ssh, wanted[i].method, wanted[i].list, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* A comma-separated list; more than fits is cut, which only shortens the message. */
static bool take_list(struct cursor *cursor, char *target, size_t size)
{
    size_t length = 0;
    const unsigned char *text = NULL;
    if (!wire_take_string(cursor, &text, &length)) {
        return false;
    }
    size_t take = length < size - 1 ? length : size - 1;
    memcpy(target, text, take);
    target[take] = '\0';
    return true;
}

static bool list_has(const char *list, const char *name, size_t size)
{
    for (const char *at = list; *at != '\0';) {
        size_t length = strcspn(at, ",");
        if (length == size && memcmp(at, name, size) == 0) {
            return true;
        }
        at += length + (at[length] == ',');
    }
    return false;
}

static bool lists_meet(const char *ours, const char *theirs)
{
    for (const char *at = ours; *at != '\0';) {
        size_t length = strcspn(at, ",");
        if (list_has(theirs, at, length)) {
            return true;
        }
        at += length + (at[length] == ',');
    }
    return false;
}

/* Puts the cursor behind the banner and onto the lists of SSH_MSG_KEXINIT. */
static bool find_offer(struct cursor *cursor)
{
    const unsigned char *line = cursor->at;
    for (;;) {
        const unsigned char *end = memchr(line, '\n', cursor->left);
        if (end == NULL) {
            return false;
        }
        size_t size = (size_t)(end - line) + 1;
        bool banner = size > 4 && memcmp(line, "SSH-", 4) == 0;
        const unsigned char *skipped = NULL;
        if (!cursor_take(cursor, &skipped, size)) {
            return false;
        }
        if (banner) {
            break;
        }
        line = cursor->at;
    }
    uint32_t packet = 0;
    uint8_t padding = 0;
    uint8_t type = 0;
    unsigned char cookie[16];
    return wire_take_u32(cursor, &packet) && cursor_u8(cursor, &padding) &&
           cursor_u8(cursor, &type) && type == 20 && cursor_copy(cursor, cookie, sizeof cookie);
}

static enum status nothing_common(const char *hint, const char *what, const char *offer,
                                  struct error *error)
{
    error_set(error, STATUS_UNSUPPORTED, 0,
              _("the server and this program's libssh2 %s have no %s in common; the server offers: "
                "%s"),
              libssh2_version(0), what, offer);
    return error_set_hint(error, "%s", hint);
}

enum status sftp_methods_diagnose(const unsigned char *heard, size_t size, struct error *error)
{
    struct cursor cursor = {.at = heard, .left = size};
    if (!find_offer(&cursor)) {
        return STATUS_OK;
    }
    const struct {
        const char *ours;
        const char *what;
        const char *hint;
    } parts[] = {
        {EXCHANGES, _("key exchange"),
         _("On the server, add curve25519-sha256 to KexAlgorithms in sshd_config.")},
        {HOST_KEYS, _("kind of host key"),
         _("The server has an RSA host key only. On the server, run ssh-keygen -A and let "
           "sshd_config use the ed25519 host key.")},
        {CIPHERS, _("cipher"),
         _("On the server, add aes128-ctr to Ciphers in sshd_config (GCM and ChaCha20 alone do not "
           "suffice).")},
        {MACS, _("message authentication"),
         _("On the server, add hmac-sha2-256 to MACs in sshd_config (the -etm ones alone do not "
           "suffice).")},
    };
    /* The server lists ciphers and authentication once for each direction. */
    static const size_t lists[] = {0, 1, 2, 2, 3, 3};
    for (size_t i = 0; i < LENGTH(lists); i++) {
        char offer[900];
        if (!take_list(&cursor, offer, sizeof offer)) {
            return STATUS_OK;
        }
        if (!lists_meet(parts[lists[i]].ours, offer)) {
            return nothing_common(parts[lists[i]].hint, parts[lists[i]].what, offer, error);
        }
    }
    return STATUS_OK;
}
