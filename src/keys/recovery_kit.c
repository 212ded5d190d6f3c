/* recovery_kit: the sheet of paper from which everything comes back.
 *
 * The file is text: words for whoever finds it, then an armored age file sealed with the kit's
 * passphrase, whose content is the lines that KIT.md documents. It fits one printed sheet.
 */
#include "age_private.h"
#include "key_lines.h"
#include "recovery_kit_words.h"
#include <stdlib.h>
#include <string.h>

#define KIND "kura recovery kit"
#define FILE_LIMIT 65536
#define VALUE_LIMIT 1024 /* bytes of an address or of a host key */
#define SHEET_LINES 60

void recovery_kit_free(struct recovery_kit *kit)
{
    free(kit->url);
    free(kit->host_key_line);
    secret_free(kit->login_seed);
    age_identity_free(&kit->identity);
    signing_key_free(&kit->signing);
    *kit = (struct recovery_kit){0};
}

/* ------------------------------------------------------------------ writing */

/* One line of printable bytes: nothing that could pass for another line of the kit. */
static bool is_value(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 32 || byte == 127) {
            return false;
        }
    }
    return size > 0 && size <= VALUE_LIMIT;
}

static enum status add_text(struct secret_text *content, const char *name, const char *value,
                            struct error *error)
{
    if (!is_value(value, strlen(value))) {
        return error_set(error, STATUS_USAGE, 0, _("\"%s\" in a recovery kit must be one line"),
                         name);
    }
    return key_lines_add(content, name, value, strlen(value), error);
}

static enum status add_identity(struct secret_text *content, const struct recovery_kit *kit,
                                struct error *error)
{
    CLEANUP(secret_text_free) struct secret_text identity = {0};
    enum status status = secret_text_new(&identity, 128, error);
    if (status == STATUS_OK) {
        status = age_identity_format(&identity, &kit->identity, error);
    }
    return status == STATUS_OK
               ? key_lines_add(content, "identity", identity.text, identity.size, error)
               : status;
}

static enum status add_store(struct secret_text *content, const struct recovery_kit *kit,
                             struct error *error)
{
    enum status status = secret_text_append(content, KIND " 1\n", strlen(KIND " 1\n"), error);
    if (status == STATUS_OK) {
        status = key_lines_add_hex(content, "repository", kit->repository, sizeof(kit->repository),
                                   error);
    }
    if (status == STATUS_OK) {
        status = add_text(content, "url", kit->url, error);
    }
    if (status == STATUS_OK && kit->host_key_line != NULL) {
        status = add_text(content, "host-key", kit->host_key_line, error);
    }
    if (status == STATUS_OK && kit->login_seed != NULL) {
        status = key_lines_add_hex(content, "login-seed", kit->login_seed, SIGN_SEED_SIZE, error);
    }
    return status;
}

static enum status compose(struct secret_text *content, const struct recovery_kit *kit,
                           struct error *error)
{
    char created[MOMENT_TEXT_SIZE];
    enum status status = add_store(content, kit, error);
    if (status == STATUS_OK) {
        status = add_identity(content, kit, error);
    }
    if (status == STATUS_OK) {
        status =
            key_lines_add_hex(content, "signing-seed", kit->signing.seed, SIGN_SEED_SIZE, error);
    }
    if (status == STATUS_OK) {
        status = key_lines_add_hex(content, "host-public", kit->host_public,
                                   sizeof(kit->host_public), error);
    }
    return status == STATUS_OK
               ? add_text(content, "created", moment_format(created, kit->created), error)
               : status;
}

static enum status check_sheet(const struct buffer *text, struct error *error)
{
    size_t lines = 0;
    for (size_t i = 0; i < text->size; i++) {
        lines += text->data[i] == '\n';
    }
    if (lines <= SHEET_LINES) {
        return STATUS_OK;
    }
    error_set(error, STATUS_USAGE, 0, _("the recovery kit has %zu lines and would not fit a sheet"),
              lines);
    return error_set_hint(error, "%s",
                          _("Use a shorter address, or a host key of the kind ssh-ed25519."));
}

enum status recovery_kit_write(const char *path, const struct recovery_kit *kit,
                               const struct secret_text *passphrase, unsigned work_factor,
                               struct error *error)
{
    CLEANUP(secret_text_free) struct secret_text content = {0};
    CLEANUP(buffer_free) struct buffer text = {0};
    enum status status = secret_text_new(&content, 4096, error);
    if (status == STATUS_OK) {
        status = compose(&content, kit, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append_text(&text, recovery_kit_words, error);
    }
    if (status == STATUS_OK) {
        status = age_seal_armored(&text, &content, passphrase, work_factor, error);
    }
    if (status == STATUS_OK) {
        status = check_sheet(&text, error);
    }
    return status == STATUS_OK
               ? file_write(path, text.data, text.size, 0600, FILE_KEEP_EXISTING, error)
               : status;
}

/* ------------------------------------------------------------------ reading */

static bool take_text(char **text, struct key_lines *lines, const char *name)
{
    const char *value = NULL;
    size_t size = 0;
    if (!key_lines_take(lines, name, &value, &size) || !is_value(value, size)) {
        return false;
    }
    *text = strndup(value, size);
    return *text != NULL;
}

static bool next_is(const struct key_lines *lines, const char *name)
{
    struct key_lines ahead = *lines;
    const char *value = NULL;
    size_t size = 0;
    return key_lines_take(&ahead, name, &value, &size);
}

static bool take_seed(unsigned char **seed, struct key_lines *lines, const char *name)
{
    *seed = secret_new(SIGN_SEED_SIZE);
    return key_lines_take_hex(lines, name, *seed, SIGN_SEED_SIZE);
}

static bool take_store(struct recovery_kit *kit, struct key_lines *lines)
{
    return key_lines_take_hex(lines, "repository", kit->repository, sizeof(kit->repository)) &&
           take_text(&kit->url, lines, "url") &&
           (!next_is(lines, "host-key") || take_text(&kit->host_key_line, lines, "host-key")) &&
           (!next_is(lines, "login-seed") || take_seed(&kit->login_seed, lines, "login-seed"));
}

static bool take_keys(struct recovery_kit *kit, struct key_lines *lines, struct error *error)
{
    const char *identity = NULL;
    size_t size = 0;
    CLEANUP(secret_free_pointer) unsigned char *seed = NULL;
    return key_lines_take(lines, "identity", &identity, &size) &&
           age_identity_parse(&kit->identity, identity, size, error) == STATUS_OK &&
           take_seed(&seed, lines, "signing-seed") &&
           signing_key_from_seed(&kit->signing, seed, error) == STATUS_OK &&
           key_lines_take_hex(lines, "host-public", kit->host_public, sizeof(kit->host_public));
}

static bool take_created(struct recovery_kit *kit, struct key_lines *lines)
{
    CLEANUP(memory_free) char *created = NULL;
    return take_text(&created, lines, "created") && moment_parse(&kit->created, created);
}

static enum status parse(struct recovery_kit *kit, const struct secret_text *content,
                         struct error *error)
{
    struct key_lines lines = {.at = content->text, .left = content->size};
    enum status status = key_lines_version(&lines, KIND, error);
    if (status != STATUS_OK) {
        /* The seal is sound: what is under it is something else than a kit. */
        return error->status = status == STATUS_CORRUPT ? STATUS_FAILED : status;
    }
    if (!take_store(kit, &lines) || !take_keys(kit, &lines, error) || !take_created(kit, &lines) ||
        !key_lines_ended(&lines)) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("its lines are not as they should be"));
    }
    return STATUS_OK;
}

static enum status open_kit(struct recovery_kit *kit, const struct buffer *text, const char *path,
                            const struct passphrase_source *passphrase, struct error *error)
{
    CLEANUP(secret_text_free) struct secret_text content = {0};
    const struct age_keys keys = {.passphrase = passphrase, .what_for = path};
    const char *armor = NULL;
    size_t size = 0;
    if (!age_armor_find(&armor, &size, (const char *)text->data, text->size)) {
        /* Without a beginning it is another file, not a damaged kit. */
        bool begins =
            memmem(text->data, text->size, AGE_ARMOR_BEGIN, strlen(AGE_ARMOR_BEGIN)) != NULL;
        error_set(error, begins ? STATUS_CORRUPT : STATUS_FAILED, 0, "%s",
                  _("it holds no sealed text"));
        return error_set_hint(error, "%s",
                              _("The text from -----BEGIN to -----END must be complete."));
    }
    enum status status = age_open_secret(&content, armor, size, &keys, error);
    return status == STATUS_OK ? parse(kit, &content, error) : status;
}

enum status recovery_kit_read(struct recovery_kit *kit, const char *path,
                              const struct passphrase_source *passphrase, struct error *error)
{
    *kit = (struct recovery_kit){0};
    CLEANUP(buffer_free) struct buffer text = {0};
    CLEANUP(recovery_kit_free) struct recovery_kit read = {0};
    enum status status = file_read(&text, path, FILE_LIMIT, error);
    if (status != STATUS_OK) {
        /* A file that is too large is another file, not a damaged kit. */
        return error->status = status == STATUS_CORRUPT ? STATUS_FAILED : status;
    }
    status = open_kit(&read, &text, path, passphrase, error);
    if (status != STATUS_OK) {
        return error_add_context(error, _("the recovery kit %s"), path);
    }
    *kit = read;
    read = (struct recovery_kit){0};
    return STATUS_OK;
}
