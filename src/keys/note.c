/* note: C2SP signed notes with Ed25519 signatures (type 0x01).
 *
 *     text, which ends in a newline
 *     an empty line
 *     — NAME base64(key id (4) | signature (64))      one such line for every signature
 *
 * The key id is the front of SHA-256(name | newline | 0x01 | public key). A note is read whole
 * before any of it is believed: UTF-8 without control characters, the text in front of its last
 * empty line, every signature line of the right form. Lines of other keys prove nothing and do no
 * harm; a line by the name and id asked for that does not verify spoils the note.
 */
#include "kura/signed.h"
#include "sign_bytes.h"
#include <sodium.h>
#include <string.h>

#define TYPE_ED25519 0x01
#define KEY_ID_SIZE 4
#define DASH "\xe2\x80\x94 " /* U+2014 and a space */
#define DASH_SIZE (sizeof DASH - 1)
#define LINES_LIMIT 64    /* signatures of one note; the format asks for 16 at least */
#define OTHERS_LIMIT 8192 /* bytes of one signature; the longest kind known has 5000 */
#define SIGNATURE_SIZE (KEY_ID_SIZE + SIGN_SIZE)
#define SIGNATURE_TEXT_SIZE                                                                        \
    sodium_base64_ENCODED_LEN(SIGNATURE_SIZE, sodium_base64_VARIANT_ORIGINAL)

static enum status malformed(struct error *error, const char *what)
{
    return error_set(error, STATUS_CORRUPT, 0, _("the signed note is malformed: %s"), what);
}

/* ------------------------------------------------------------------ text */

/* The character at the front, or a number that no character has; *length is what it takes. */
#define NO_CHARACTER UINT32_MAX
static uint32_t decode(size_t *length, const unsigned char *at, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = at[0];
    *length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (*length == 0 || *length > left || first > 0xf4) {
        return NO_CHARACTER;
    }
    uint32_t value = *length == 1 ? first : first & (0xffu >> (*length + 1));
    for (size_t i = 1; i < *length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return NO_CHARACTER;
        }
        value = value << 6 | (at[i] & 0x3fu);
    }
    bool surrogate = value >= 0xd800 && value <= 0xdfff;
    return value < least[*length] || value > 0x10ffff || surrogate ? NO_CHARACTER : value;
}

static bool is_space(uint32_t character)
{
    return character <= 0x20 || character == 0x85 || character == 0xa0 || character == 0x1680 ||
           (character >= 0x2000 && character <= 0x200a) || character == 0x2028 ||
           character == 0x2029 || character == 0x202f || character == 0x205f || character == 0x3000;
}

/* UTF-8 without control characters other than newline. */
static bool text_valid(const char *text, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i += length) {
        uint32_t character = decode(&length, (const unsigned char *)text + i, size - i);
        if (character == NO_CHARACTER || (character < 0x20 && character != '\n')) {
            return false;
        }
    }
    return true;
}

static bool name_valid(const char *name, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i += length) {
        uint32_t character = decode(&length, (const unsigned char *)name + i, size - i);
        if (character == NO_CHARACTER || character == '+' || is_space(character)) {
            return false;
        }
    }
    return size > 0 && size < NOTE_NAME_SIZE;
}

static void make_key_id(unsigned char id[KEY_ID_SIZE], const char *name,
                        const unsigned char public_key[SIGN_PUBLIC_SIZE])
{
    static const unsigned char kind[] = {'\n', TYPE_ED25519};
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)name, strlen(name));
    crypto_hash_sha256_update(&state, kind, sizeof kind);
    crypto_hash_sha256_update(&state, public_key, SIGN_PUBLIC_SIZE);
    crypto_hash_sha256_final(&state, hash);
    memcpy(id, hash, KEY_ID_SIZE);
}

/* ------------------------------------------------------------------ writing */

static enum status compose(struct buffer *note, const char *text, const char *name,
                           const char *signature, struct error *error)
{
    const char *const pieces[] = {text, "\n", DASH, name, " ", signature, "\n"};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < LENGTH(pieces) && status == STATUS_OK; i++) {
        status = buffer_append_text(note, pieces[i], error);
    }
    return status;
}

enum status note_sign(struct buffer *note, const char *text, const char *name,
                      const struct signing_key *key, struct error *error)
{
    size_t size = strlen(text);
    unsigned char signature[SIGNATURE_SIZE];
    char encoded[SIGNATURE_TEXT_SIZE];
    if (size == 0 || text[size - 1] != '\n' || !text_valid(text, size) ||
        !name_valid(name, strlen(name)) ||
        size + strlen(name) + sizeof encoded + DASH_SIZE + 3 > NOTE_SIZE_LIMIT) {
        return error_set(error, STATUS_FAILED, 0, "%s", _("this text cannot be a signed note"));
    }
    make_key_id(signature, name, key->public_key);
    enum status status = sign_bytes(signature + KEY_ID_SIZE, key, text, size, error);
    if (status != STATUS_OK) {
        return status;
    }
    sodium_bin2base64(encoded, sizeof encoded, signature, sizeof signature,
                      sodium_base64_VARIANT_ORIGINAL);
    return compose(note, text, name, encoded, error);
}

/* ------------------------------------------------------------------ reading */

struct line {
    const char *name;
    size_t name_size;
    unsigned char signature[OTHERS_LIMIT];
    size_t signature_size;
};

/* Takes one line without its newline apart. */
static bool parse_line(struct line *line, const char *text, size_t size)
{
    if (size < DASH_SIZE || memcmp(text, DASH, DASH_SIZE) != 0) {
        return false;
    }
    text += DASH_SIZE;
    size -= DASH_SIZE;
    const char *space = memchr(text, ' ', size);
    if (space == NULL) {
        return false;
    }
    line->name = text;
    line->name_size = (size_t)(space - text);
    const char *encoded = space + 1;
    return name_valid(text, line->name_size) && text_ascii(encoded, size - line->name_size - 1) &&
           sodium_base642bin(line->signature, sizeof line->signature, encoded,
                             size - line->name_size - 1, NULL, &line->signature_size, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           line->signature_size > KEY_ID_SIZE;
}

/* Where the text ends: behind the last newline that an empty line follows. */
static size_t find_text_end(const char *note, size_t size)
{
    for (size_t end = size; end >= 2; end--) {
        if (note[end - 1] == '\n' && note[end - 2] == '\n') {
            return end - 1;
        }
    }
    return 0;
}

struct asked {
    const char *name;
    const unsigned char *public_key;
    unsigned char id[KEY_ID_SIZE];
    bool found;
};

static enum status judge_line(struct asked *asked, const struct line *line, const char *text,
                              size_t text_size, struct error *error)
{
    if (line->name_size != strlen(asked->name) ||
        memcmp(line->name, asked->name, line->name_size) != 0 ||
        memcmp(line->signature, asked->id, KEY_ID_SIZE) != 0) {
        return STATUS_OK;
    }
    if (line->signature_size != SIGNATURE_SIZE ||
        crypto_sign_verify_detached(line->signature + KEY_ID_SIZE, (const unsigned char *)text,
                                    text_size, asked->public_key) != 0) {
        return error_set(error, STATUS_UNAUTHENTIC, 0,
                         _("the signature of %s does not fit the note"), asked->name);
    }
    asked->found = true;
    return STATUS_OK;
}

/* Every line, also behind the one that is looked for: a note is good as a whole or not at all. */
static enum status judge_lines(struct asked *asked, const char *note, size_t text_size, size_t size,
                               struct error *error)
{
    struct line line;
    enum status status = STATUS_OK;
    size_t count = 0;
    for (size_t at = text_size + 1; at < size && status == STATUS_OK; count++) {
        const char *end = memchr(note + at, '\n', size - at);
        if (end == NULL || count == LINES_LIMIT ||
            !parse_line(&line, note + at, (size_t)(end - note) - at)) {
            return malformed(error, _("a line of its signatures cannot be read"));
        }
        status = judge_line(asked, &line, note, text_size, error);
        at = (size_t)(end - note) + 1;
    }
    return count == 0 ? malformed(error, _("it has no signature")) : status;
}

enum status note_verify(size_t *text_size, const char *note, size_t size, const char *name,
                        const unsigned char public_key[SIGN_PUBLIC_SIZE], struct error *error)
{
    *text_size = 0;
    if (size > NOTE_SIZE_LIMIT || !text_valid(note, size)) {
        return malformed(error, _("it is too long, or not plain text"));
    }
    size_t end = find_text_end(note, size);
    if (end == 0) {
        return malformed(error, _("no empty line stands before its signatures"));
    }
    struct asked asked = {.name = name, .public_key = public_key};
    make_key_id(asked.id, name, public_key);
    enum status status = judge_lines(&asked, note, end, size, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!asked.found) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, _("the note is not signed by the key of %s"),
                         name);
    }
    *text_size = end;
    return STATUS_OK;
}
