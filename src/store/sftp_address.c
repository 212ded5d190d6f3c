/* sftp_address: takes sftp://[user@]host[:port]/folder apart. A host or user that a program could
 * take for an option is refused here, before it stands on any command line. */
#include "sftp_config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "sftp://"

void sftp_address_clear(struct sftp_address *address)
{
    free(address->user);
    free(address->host);
    free(address->folder);
    *address = (struct sftp_address){0};
}

static enum status refuse(const char *url, const char *reason, struct error *error)
{
    error_set(error, STATUS_USAGE, 0, _("%s is not a good address: %s"), url, reason);
    return error_set_hint(error, "%s", _("Write sftp://user@host:port/folder."));
}

static int hex_digit(char digit)
{
    const char *digits = "0123456789abcdef";
    char lower = (char)(digit >= 'A' && digit <= 'F' ? digit - 'A' + 'a' : digit);
    const char *at = lower == '\0' ? NULL : strchr(digits, lower);
    return at == NULL ? -1 : (int)(at - digits);
}

/* Undoes %XX in place; false for a bad one or a zero byte. */
static bool decode_percent(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        int high = hex_digit(from[1]);
        int low = high < 0 ? -1 : hex_digit(from[2]);
        if (low < 0 || (high == 0 && low == 0)) {
            return false;
        }
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    return true;
}

static bool parse_port(unsigned *port, const char *text)
{
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    *port = (unsigned)value;
    return errno == 0 && *end == '\0' && value >= 1 && value <= 65535;
}

/* Letters, digits and what stands in names and numeric addresses: what is left cannot be an option,
 * a percent token of ssh, or anything to a shell. */
static bool host_good(const char *host)
{
    size_t size = strlen(host);
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
    return size > 0 && size <= 255 && host[0] != '-' && strspn(host, allowed) == size;
}

static bool user_good(const char *user)
{
    if (user[0] == '\0' || user[0] == '-' || strlen(user) > 255) {
        return false;
    }
    for (const char *at = user; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f || strchr("'`\";&<>|(){}$\\", *at) != NULL) {
            return false;
        }
    }
    return true;
}

static enum status parse_host(struct sftp_address *address, char *text, const char *url,
                              struct error *error)
{
    char *port = NULL;
    char *host = text;
    if (text[0] == '[') {
        char *end = strchr(text, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return refuse(url, _("the numeric address has no closing bracket"), error);
        }
        host = text + 1;
        port = end[1] == ':' ? end + 2 : NULL;
        *end = '\0';
    } else {
        char *colon = strchr(text, ':');
        if (colon != NULL) {
            *colon = '\0';
            port = colon + 1;
        }
    }
    if (!host_good(host)) {
        return refuse(url, _("the host's name is missing or has forbidden characters"), error);
    }
    if (port != NULL && !parse_port(&address->port, port)) {
        return refuse(url, _("the port is not a number from 1 to 65535"), error);
    }
    address->host = strdup(host);
    return address->host == NULL ? error_set_memory(error) : STATUS_OK;
}

static enum status parse_user(struct sftp_address *address, const char *text, const char *url,
                              struct error *error)
{
    if (strchr(text, ':') != NULL) {
        return error_set(error, STATUS_USAGE, 0, "%s",
                         _("an address must not carry a password; log in with a key"));
    }
    address->user = strdup(text);
    if (address->user == NULL) {
        return error_set_memory(error);
    }
    if (!decode_percent(address->user) || !user_good(address->user)) {
        return refuse(url, _("the user's name has forbidden characters"), error);
    }
    return STATUS_OK;
}

/* "/~/folder" is relative to where the login starts. */
static enum status parse_folder(struct sftp_address *address, const char *text, const char *url,
                                struct error *error)
{
    const char *folder = text;
    if (strncmp(text, "/~/", 3) == 0) {
        folder = text + 3;
    } else if (strcmp(text, "/~") == 0) {
        folder = "";
    }
    address->folder = strdup(folder[0] == '\0' ? "." : folder);
    if (address->folder == NULL) {
        return error_set_memory(error);
    }
    if (!decode_percent(address->folder) || strlen(address->folder) > 2048) {
        return refuse(url, _("the folder is too long or has a bad %-sequence"), error);
    }
    for (size_t size = strlen(address->folder); size > 1 && address->folder[size - 1] == '/';) {
        address->folder[--size] = '\0';
    }
    return STATUS_OK;
}

enum status sftp_address_parse(struct sftp_address *address, const char *url, struct error *error)
{
    *address = (struct sftp_address){0};
    const char *authority = url + strlen(PREFIX);
    size_t size = strcspn(authority, "/");
    if (authority[size] == '\0') {
        return refuse(url, _("the folder is missing"), error);
    }
    CLEANUP(memory_free) char *text = strndup(authority, size);
    if (text == NULL) {
        return error_set_memory(error);
    }
    char *at = strrchr(text, '@');
    enum status status = STATUS_OK;
    if (at != NULL) {
        *at = '\0';
        status = parse_user(address, text, url, error);
    }
    if (status == STATUS_OK) {
        status = parse_host(address, at == NULL ? text : at + 1, url, error);
    }
    if (status == STATUS_OK) {
        status = parse_folder(address, authority + size, url, error);
    }
    if (status != STATUS_OK) {
        sftp_address_clear(address);
    }
    return status;
}
