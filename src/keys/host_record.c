/* host_record: the recovery key's signed word about a host key, as it lies in the repository.
 *
 *     signature (64) | JSON, one line, keys sorted:
 *     {"from_sequence":0,"host":"hex","name":"…","repository":"hex","time":"…Z",
 *      "verdict":"added"|"revoked","version":1}
 *
 * The signature is over the JSON's bytes as they are, in the domain "kura/1 host"; nothing of them
 * is looked at before it verifies.
 */
#include "kura/keys.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DOMAIN "kura/1 host"
#define OBJECT_LIMIT 4096
#define VERSION 1

static const char *verdict_text(enum host_verdict verdict)
{
    return verdict == HOST_ADDED ? "added" : verdict == HOST_REVOKED ? "revoked" : NULL;
}

/* NULL and the error, or the text. */
static char *to_json(const struct host_record *record,
                     const unsigned char repository[REPOSITORY_ID_SIZE], struct error *error)
{
    char host[2 * SIGN_PUBLIC_SIZE + 1];
    char repository_text[2 * REPOSITORY_ID_SIZE + 1];
    char time[MOMENT_TEXT_SIZE];
    const char *verdict = verdict_text(record->verdict);
    if (verdict == NULL || record->from_sequence > INT64_MAX ||
        memchr(record->name, '\0', sizeof(record->name)) == NULL) {
        error_set(error, STATUS_FAILED, 0, "%s", _("the host's record makes no sense"));
        return NULL;
    }
    json_auto_t *json = json_pack(
        "{s:I, s:s, s:s, s:s, s:s, s:s, s:i}", "from_sequence", (json_int_t)record->from_sequence,
        "host", hex_encode(host, record->public_key, SIGN_PUBLIC_SIZE), "name", record->name,
        "repository", hex_encode(repository_text, repository, REPOSITORY_ID_SIZE), "time",
        moment_format(time, record->time), "verdict", verdict, "version", VERSION);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    if (text == NULL) {
        error_set(error, STATUS_USAGE, 0, "%s", _("the host's name is not in UTF-8"));
    }
    return text;
}

enum status host_record_encode(struct buffer *object, const struct host_record *record,
                               const unsigned char repository[REPOSITORY_ID_SIZE],
                               const struct signing_key *recovery, struct error *error)
{
    CLEANUP(memory_free) char *text = to_json(record, repository, error);
    unsigned char signature[SIGN_SIZE];
    if (text == NULL) {
        return error->status;
    }
    enum status status = sign(signature, recovery, DOMAIN, text, strlen(text), error);
    if (status == STATUS_OK) {
        status = buffer_append(object, signature, sizeof(signature), error);
    }
    return status == STATUS_OK ? buffer_append_text(object, text, error) : status;
}

static enum status corrupt(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, "%s", _("the host's record is damaged"));
}

static bool take_hex(void *target, size_t size, const char *text)
{
    return hex_decode(target, size, text, strlen(text));
}

static bool take_verdict(enum host_verdict *verdict, const char *text)
{
    *verdict = strcmp(text, "added") == 0 ? HOST_ADDED : HOST_REVOKED;
    return strcmp(text, verdict_text(*verdict)) == 0;
}

static enum status from_json(struct host_record *record, json_t *json,
                             const unsigned char repository[REPOSITORY_ID_SIZE],
                             struct error *error)
{
    json_int_t sequence = 0;
    const char *host = NULL;
    const char *name = NULL;
    const char *named_repository = NULL;
    const char *time = NULL;
    const char *verdict = NULL;
    int version = 0;
    if (json_unpack(json, "{s:i}", "version", &version) != 0) {
        return corrupt(error);
    }
    if (version != VERSION) {
        return error_set(error, STATUS_UNSUPPORTED, 0, "%s",
                         _("the host's record is of a version that is not known here"));
    }
    unsigned char named[REPOSITORY_ID_SIZE];
    if (json_unpack(json, "{s:I, s:s, s:s, s:s, s:s, s:s, s:i !}", "from_sequence", &sequence,
                    "host", &host, "name", &name, "repository", &named_repository, "time", &time,
                    "verdict", &verdict, "version", &version) != 0 ||
        sequence < 0 || !take_hex(record->public_key, SIGN_PUBLIC_SIZE, host) ||
        strlen(name) >= sizeof(record->name) || !take_hex(named, sizeof(named), named_repository) ||
        !moment_parse(&record->time, time) || !take_verdict(&record->verdict, verdict)) {
        return corrupt(error);
    }
    record->from_sequence = (uint64_t)sequence;
    memcpy(record->name, name, strlen(name) + 1);
    /* The same recovery key may serve two repositories: a host of one is no host of the other. */
    if (memcmp(named, repository, sizeof(named)) != 0) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("the host's record is of another repository"));
    }
    return STATUS_OK;
}

enum status host_record_decode(struct host_record *record, const void *object, size_t size,
                               const unsigned char repository[REPOSITORY_ID_SIZE],
                               const unsigned char trusted[SIGN_PUBLIC_SIZE], struct error *error)
{
    const unsigned char *signature = object;
    *record = (struct host_record){0};
    if (size <= SIGN_SIZE || size > OBJECT_LIMIT) {
        return corrupt(error);
    }
    if (!sign_verify(signature, trusted, DOMAIN, signature + SIGN_SIZE, size - SIGN_SIZE)) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("the host's record is not signed by the recovery key"));
    }
    json_error_t ignored;
    json_auto_t *json = json_loadb((const char *)signature + SIGN_SIZE, size - SIGN_SIZE,
                                   JSON_REJECT_DUPLICATES, &ignored);
    struct host_record decoded = {0};
    enum status status =
        json == NULL ? corrupt(error) : from_json(&decoded, json, repository, error);
    if (status == STATUS_OK) {
        *record = decoded;
    }
    return status;
}
