/* register_entry: the content of a register/ object.
 *
 *     host public key 32 | signature 64 | u32 n, JSON | u32 m, minisign signature | age file
 *
 * The host's signature is over the repository id and all between it and the age file; the JSON has
 * the digest of the age file's payload, so that its header can be sealed to other recipients later.
 * The manager's minisign signature is over the JSON: minisign verifies it, too. */
#include "register_private.h"
#include <sodium.h>
#include <string.h>

#define KIND_ERASURE "erasure"
#define KIND_WITHDRAWAL "withdrawal"

/* ------------------------------------------------------------------ the head */

static json_t *head_to_json(const struct erasure *erasure,
                            const unsigned char repository[REPOSITORY_ID_SIZE],
                            const unsigned char digest[OBJECT_ID_SIZE],
                            const struct minisign_secret *manager)
{
    char line[MINISIGN_PUBLIC_TEXT_SIZE];
    json_auto_t *json = json_object();
    int failed = json_object_set_new(json, "version", json_integer(FORMAT_VERSION));
    failed |= json_object_set_new(
        json, "kind", json_string(erasure->withdrawal ? KIND_WITHDRAWAL : KIND_ERASURE));
    failed |= json_object_set_new(json, "repository", json_new_hex(repository, REPOSITORY_ID_SIZE));
    failed |= json_object_set_new(json, "person", json_new_hex(erasure->person, PERSON_SIZE));
    failed |= json_object_set_new(json, "time", json_new_moment(erasure->time));
    failed |= json_object_set_new(json, "sealed", json_new_hex(digest, OBJECT_ID_SIZE));
    if (erasure->withdrawal) {
        failed |= json_object_set_new(json, "withdraws",
                                      json_new_hex(erasure->withdraws, ERASURE_ID_SIZE));
    }
    if (manager == NULL) {
        failed |= json_object_set_new(json, "manager", json_null());
    } else {
        minisign_public_format(line, &manager->public_key);
        failed |= json_object_set_new(json, "manager", json_string(line));
    }
    return failed != 0 ? NULL : json_incref(json);
}

/* The first bytes of the JSON's digest: what statements name. */
static void erasure_name(unsigned char id[ERASURE_ID_SIZE], const void *json, size_t size)
{
    unsigned char digest[OBJECT_ID_SIZE];
    object_hash(digest, json, size);
    memcpy(id, digest, ERASURE_ID_SIZE);
}

static enum status payload_digest(unsigned char digest[OBJECT_ID_SIZE], const void *sealed,
                                  size_t size, struct error *error)
{
    size_t header = 0;
    enum status status = age_header_length(&header, sealed, size, error);
    if (status == STATUS_OK) {
        object_hash(digest, (const unsigned char *)sealed + header, size - header);
    }
    return status;
}

static enum status append_piece(struct buffer *out, const struct buffer *piece, struct error *error)
{
    enum status status = buffer_append_u32(out, (uint32_t)piece->size, error);
    return status == STATUS_OK ? buffer_append(out, piece->data, piece->size, error) : status;
}

/* ------------------------------------------------------------------ writing */

/* Repository id | u32 n, JSON | u32 m, the manager's signature: what the host signs. */
static enum status make_message(struct buffer *message, struct erasure *erasure,
                                const struct buffer *sealed, const struct host_key *host,
                                const struct minisign_secret *manager, struct error *error)
{
    unsigned char digest[OBJECT_ID_SIZE];
    CLEANUP(buffer_free) struct buffer text = {0};
    CLEANUP(buffer_free) struct buffer word = {0};
    enum status status = payload_digest(digest, sealed->data, sealed->size, error);
    if (status != STATUS_OK) {
        return status;
    }
    json_auto_t *json = head_to_json(erasure, host->repository, digest, manager);
    status = json == NULL ? error_set_memory(error) : json_print(&text, json, error);
    if (status == STATUS_OK && manager != NULL) {
        status = minisign_sign(&word, manager, text.data, text.size, ERASURE_COMMENT, error);
    }
    if (status == STATUS_OK) {
        erasure_name(erasure->id, text.data, text.size);
        status = buffer_append(message, host->repository, REPOSITORY_ID_SIZE, error);
    }
    if (status == STATUS_OK) {
        status = append_piece(message, &text, error);
    }
    return status == STATUS_OK ? append_piece(message, &word, error) : status;
}

enum status erasure_encode(struct buffer *content, struct erasure *erasure,
                           const struct buffer *sealed, const struct host_key *host,
                           const struct minisign_secret *manager, struct error *error)
{
    unsigned char signature[SIGN_SIZE];
    CLEANUP(buffer_free) struct buffer message = {0};
    enum status status = make_message(&message, erasure, sealed, host, manager, error);
    if (status == STATUS_OK) {
        status = sign(signature, &host->signing, ERASURE_DOMAIN, message.data, message.size, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(content, host->signing.public_key, SIGN_PUBLIC_SIZE, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(content, signature, SIGN_SIZE, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(content, message.data + REPOSITORY_ID_SIZE,
                               message.size - REPOSITORY_ID_SIZE, error);
    }
    if (status == STATUS_OK) {
        memcpy(erasure->host, host->signing.public_key, SIGN_PUBLIC_SIZE);
        erasure->approved = manager != NULL;
        erasure->manager =
            manager == NULL ? (struct minisign_public){{0}, {0}} : manager->public_key;
        status = buffer_append(content, sealed->data, sealed->size, error);
    }
    return status;
}

/* ------------------------------------------------------------------ reading */

struct entry_parts {
    unsigned char signature[SIGN_SIZE];
    const unsigned char *signed_from; /* u32 n on */
    size_t signed_size;
    struct cursor json, word;
};

static bool take_piece(struct cursor *piece, struct cursor *from)
{
    uint32_t size;
    if (!cursor_u32(from, &size) || size > from->left) {
        return false;
    }
    piece->left = size;
    return cursor_take(from, &piece->at, size);
}

static bool take_parts(struct entry_parts *parts, struct erasure *erasure, struct cursor *sealed,
                       const struct buffer *content)
{
    *sealed = (struct cursor){content->data, content->size};
    if (!cursor_copy(sealed, erasure->host, SIGN_PUBLIC_SIZE) ||
        !cursor_copy(sealed, parts->signature, SIGN_SIZE)) {
        return false;
    }
    parts->signed_from = sealed->at;
    if (!take_piece(&parts->json, sealed) || !take_piece(&parts->word, sealed)) {
        return false;
    }
    parts->signed_size = (size_t)(sealed->at - parts->signed_from);
    return true;
}

static enum status verify_host(const struct entry_parts *parts, const struct erasure *erasure,
                               const unsigned char repository[REPOSITORY_ID_SIZE],
                               struct error *error)
{
    CLEANUP(buffer_free) struct buffer message = {0};
    enum status status = buffer_append(&message, repository, REPOSITORY_ID_SIZE, error);
    if (status == STATUS_OK) {
        status = buffer_append(&message, parts->signed_from, parts->signed_size, error);
    }
    if (status == STATUS_OK &&
        !sign_verify(parts->signature, erasure->host, ERASURE_DOMAIN, message.data, message.size)) {
        status = error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                           _("the signature on this erasure is wrong: it was altered, or written "
                             "for another repository"));
    }
    return status;
}

static bool take_manager(struct erasure *erasure, const struct entry_parts *parts,
                         const json_t *json)
{
    struct error ignored;
    const char *line = NULL;
    if (json_is_null(json_object_get(json, "manager"))) {
        return parts->word.left == 0;
    }
    erasure->approved =
        json_take_text(&line, json, "manager") &&
        minisign_public_parse(&erasure->manager, line, strlen(line), &ignored) == STATUS_OK;
    return erasure->approved;
}

static bool take_kind(struct erasure *erasure, const json_t *json)
{
    const char *kind = NULL;
    if (!json_take_text(&kind, json, "kind")) {
        return false;
    }
    erasure->withdrawal = strcmp(kind, KIND_WITHDRAWAL) == 0;
    return erasure->withdrawal
               ? json_take_hex(erasure->withdraws, ERASURE_ID_SIZE, json, "withdraws")
               : strcmp(kind, KIND_ERASURE) == 0;
}

static enum status take_head(struct erasure *erasure, unsigned char digest[OBJECT_ID_SIZE],
                             const struct entry_parts *parts,
                             const unsigned char repository[REPOSITORY_ID_SIZE],
                             struct error *error)
{
    unsigned char named[REPOSITORY_ID_SIZE];
    json_auto_t *json = NULL;
    enum status status =
        json_parse(&json, parts->json.at, parts->json.left, SMALL_OBJECT_LIMIT, error);
    if (status == STATUS_OK) {
        status = json_check_version(json, error);
    }
    if (status == STATUS_OK &&
        !(take_kind(erasure, json) && json_take_hex(named, sizeof named, json, "repository") &&
          memcmp(named, repository, sizeof named) == 0 &&
          json_take_hex(erasure->person, PERSON_SIZE, json, "person") &&
          json_take_moment(&erasure->time, json, "time") &&
          json_take_hex(digest, OBJECT_ID_SIZE, json, "sealed") &&
          take_manager(erasure, parts, json))) {
        status = error_set(error, STATUS_CORRUPT, 0, "%s",
                           _("a member of its JSON is missing or of the wrong form"));
    }
    return status;
}

static enum status verify_manager(const struct entry_parts *parts, const struct erasure *erasure,
                                  struct error *error)
{
    char comment[MINISIGN_COMMENT_SIZE];
    if (!erasure->approved) {
        return STATUS_OK;
    }
    enum status status = minisign_verify(comment, &erasure->manager, parts->word.at,
                                         parts->word.left, parts->json.at, parts->json.left, error);
    if (status == STATUS_OK && strcmp(comment, ERASURE_COMMENT) != 0) {
        status = error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                           _("the manager's signature was not made for an erasure"));
    }
    return status;
}

static enum status verify_sealed(const unsigned char digest[OBJECT_ID_SIZE],
                                 const struct cursor *sealed, struct error *error)
{
    unsigned char found[OBJECT_ID_SIZE];
    enum status status = payload_digest(found, sealed->at, sealed->left, error);
    if (status != STATUS_OK || memcmp(found, digest, OBJECT_ID_SIZE) != 0) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("the sealed part of this erasure is damaged or was exchanged"));
    }
    return STATUS_OK;
}

enum status erasure_decode(struct erasure *erasure, struct cursor *sealed,
                           const unsigned char repository[REPOSITORY_ID_SIZE],
                           const struct buffer *content, struct error *error)
{
    struct entry_parts parts;
    unsigned char digest[OBJECT_ID_SIZE];
    *erasure = (struct erasure){0};
    if (!take_parts(&parts, erasure, sealed, content)) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("this is too short for an erasure"));
    }
    enum status status = verify_host(&parts, erasure, repository, error);
    if (status == STATUS_OK) {
        status = take_head(erasure, digest, &parts, repository, error);
    }
    if (status == STATUS_OK) {
        status = verify_manager(&parts, erasure, error);
    }
    if (status == STATUS_OK) {
        status = verify_sealed(digest, sealed, error);
    }
    if (status == STATUS_OK) {
        erasure_name(erasure->id, parts.json.at, parts.json.left);
    }
    return status;
}
