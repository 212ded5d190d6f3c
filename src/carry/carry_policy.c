/* carry_policy: the signed policy: who may sign it, that it is the newest, and that what it names
 * can be used. */
#include "kura/carry.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ what the room config cannot
 * know */

static enum status check_recipient(const char *text, const char *whose, struct error *error)
{
    struct age_recipient recipient;
    enum status status = age_recipient_parse(&recipient, text, error);
    if (status != STATUS_OK) {
        error->status = STATUS_USAGE;
        return error_add_context(error, _("policy: recipient of \"%s\""), whose);
    }
    return STATUS_OK;
}

static enum status check_person(const struct policy_person *person, struct error *error)
{
    struct minisign_public key;
    enum status status = minisign_public_parse(&key, person->key, strlen(person->key), error);
    if (status != STATUS_OK) {
        error->status = STATUS_USAGE;
        return error_add_context(error, _("policy: key of \"%s\""), person->id);
    }
    return person->recipient == NULL ? STATUS_OK
                                     : check_recipient(person->recipient, person->id, error);
}

/* Two spellings of one key would be two people. */
static enum status check_shared(const struct policy *policy, struct error *error)
{
    struct minisign_public a, b;
    for (size_t i = 1; i < policy->people_count; i++) {
        for (size_t j = 0; j < i; j++) {
            const char *first = policy->people[i].key, *second = policy->people[j].key;
            if (minisign_public_parse(&a, first, strlen(first), error) != STATUS_OK ||
                minisign_public_parse(&b, second, strlen(second), error) != STATUS_OK) {
                return error->status;
            }
            if (memcmp(a.key, b.key, sizeof a.key) == 0) {
                return error_set(error, STATUS_USAGE, 0,
                                 _("policy: \"%s\" and \"%s\" share one key"), policy->people[j].id,
                                 policy->people[i].id);
            }
        }
    }
    return STATUS_OK;
}

enum status carry_policy_check(const struct policy *policy, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < policy->people_count && status == STATUS_OK; i++) {
        status = check_person(&policy->people[i], error);
    }
    for (size_t i = 0; i < policy->destination_count && status == STATUS_OK; i++) {
        const struct policy_destination *destination = &policy->destinations[i];
        for (size_t j = 0; destination->recipients[j] != NULL && status == STATUS_OK; j++) {
            status = check_recipient(destination->recipients[j], destination->name, error);
        }
    }
    return status == STATUS_OK ? check_shared(policy, error) : status;
}

const struct policy_person *carry_key_owner(const struct policy *policy,
                                            const struct minisign_public *key)
{
    for (size_t i = 0; i < policy->people_count; i++) {
        struct minisign_public found;
        struct error ignored = {0};
        const char *text = policy->people[i].key;
        if (minisign_public_parse(&found, text, strlen(text), &ignored) == STATUS_OK &&
            memcmp(&found, key, sizeof found) == 0) {
            return &policy->people[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------ signature */

static enum status fail_signature(struct error *error)
{
    const char *rule = error->status == STATUS_UNAUTHENTIC ? "policy-changed" : "policy-unsigned";
    error->status = STATUS_REFUSED;
    error_add_context(error, "[%s] %s", rule,
                      _("the policy is not signed as it stands by the data manager's key"));
    return error_set_hint(error, "%s",
                          _("The data manager signs it anew with: kura policy sign policy.yaml "
                            "--key manager.sign"));
}

enum status carry_policy_verify(struct carry_policy *policy, const void *text, size_t text_size,
                                const void *signature, size_t signature_size,
                                const struct minisign_public *root, struct error *error)
{
    *policy = (struct carry_policy){0};
    if (minisign_verify(NULL, root, signature, signature_size, text, text_size, error) !=
        STATUS_OK) {
        return fail_signature(error);
    }
    enum status status = policy_parse(&policy->policy, text, text_size, "policy.yaml", error);
    if (status == STATUS_OK) {
        status = carry_policy_check(&policy->policy, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(&policy->text, text, text_size, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(&policy->signature, signature, signature_size, error);
    }
    if (status != STATUS_OK) {
        carry_policy_free(policy);
        return status;
    }
    crypto_generichash(policy->digest, sizeof policy->digest, text, text_size, NULL, 0);
    return STATUS_OK;
}

enum status carry_policy_read(struct carry_policy *policy, const char *path,
                              const struct minisign_public *root, struct error *error)
{
    *policy = (struct carry_policy){0};
    CLEANUP(buffer_free) struct buffer text = {0};
    CLEANUP(buffer_free) struct buffer signature = {0};
    CLEANUP(memory_free) char *signature_path = NULL;
    if (asprintf(&signature_path, "%s.minisig", path) < 0) {
        signature_path = NULL;
        return error_set_memory(error);
    }
    enum status status = file_read(&text, path, POLICY_SIZE_LIMIT, error);
    if (status != STATUS_OK) {
        return error_add_context(error, "%s", _("cannot read the policy"));
    }
    status = file_read(&signature, signature_path, MINISIGN_FILE_LIMIT, error);
    if (status == STATUS_NOT_FOUND) {
        return fail_signature(error);
    }
    if (status != STATUS_OK) {
        return error_add_context(error, "%s", _("cannot read the policy's signature"));
    }
    return carry_policy_verify(policy, text.data, text.size, signature.data, signature.size, root,
                               error);
}

void carry_policy_free(struct carry_policy *policy)
{
    policy_free(&policy->policy);
    buffer_free(&policy->text);
    buffer_free(&policy->signature);
}

/* ------------------------------------------------------------------ the trust root */

static enum status root_path(char **path, const char *state, struct error *error)
{
    return path_join(path, state, "policy/root.pub", error);
}

static enum status root_write(const char *state, const struct minisign_public *root,
                              struct error *error)
{
    CLEANUP(memory_free) char *folder = NULL;
    CLEANUP(memory_free) char *path = NULL;
    char text[MINISIGN_PUBLIC_TEXT_SIZE], content[MINISIGN_PUBLIC_TEXT_SIZE + 64];
    minisign_public_format(text, root);
    int size = snprintf(content, sizeof content, "untrusted comment: kura policy root\n%s\n", text);
    enum status status = path_join(&folder, state, "policy", error);
    if (status == STATUS_OK) {
        status = file_make_folders(folder, 0700, error);
    }
    if (status == STATUS_OK) {
        status = root_path(&path, state, error);
    }
    return status == STATUS_OK
               ? file_write(path, content, (size_t)size, 0644, FILE_REPLACE_EXISTING, error)
               : status;
}

static bool same_key(const struct minisign_public *a, const struct minisign_public *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

enum status carry_root_fix(const char *state, struct audit *audit,
                           const struct minisign_public *root, struct error *error)
{
    CLEANUP(carry_ledger_free) struct carry_ledger ledger = {0};
    enum status status = carry_ledger_read(&ledger, audit, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (ledger.has_root && !same_key(&ledger.root, root)) {
        error_set(error, STATUS_EXISTS, 0, "%s",
                  _("another key signs this machine's policies already"));
        return error_set_hint(error, "%s",
                              _("The root is fixed for good. For another one, make a new "
                                "repository with kura init."));
    }
    if (!ledger.has_root) {
        char text[MINISIGN_PUBLIC_TEXT_SIZE];
        minisign_public_format(text, root);
        json_t *facts = json_pack("{s:s}", "key", text);
        status = facts == NULL ? error_set_memory(error)
                               : audit_append(audit, "policy.root", facts, error);
        json_decref(facts);
    }
    /* The log comes first: a file without a word of it there is not believed. */
    return status == STATUS_OK ? root_write(state, root, error) : status;
}

static enum status read_root(struct minisign_public *root, const char *state,
                             const struct carry_ledger *ledger, struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    enum status status = root_path(&path, state, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = minisign_public_read(root, path, error);
    if (status == STATUS_NOT_FOUND && ledger->has_root) {
        *root = ledger->root;
        error_clear(error);
        return STATUS_OK;
    }
    if (status == STATUS_NOT_FOUND) {
        return error_set_hint(error, "%s",
                              _("Name the data manager's key with kura policy trust "
                                "manager.sign.pub, or at kura init with --policy-key."));
    }
    if (status == STATUS_OK && (!ledger->has_root || !same_key(&ledger->root, root))) {
        error_set(error, STATUS_REFUSED, 0, "[policy-root] %s",
                  _("the key that signs the policy is not the one that the audit log has"));
        return error_set_hint(error, _("Somebody changed %s, or the log is not of this machine."),
                              path);
    }
    return status;
}

enum status carry_root_read(struct minisign_public *root, const char *state,
                            const struct audit *audit, struct error *error)
{
    CLEANUP(carry_ledger_free) struct carry_ledger ledger = {0};
    enum status status = carry_ledger_read(&ledger, audit, error);
    return status == STATUS_OK ? read_root(root, state, &ledger, error) : status;
}

/* ------------------------------------------------------------------ the policy in force */

static enum status record_newer(const struct carry_policy *policy, struct audit *audit,
                                struct error *error)
{
    char digest[2 * DIGEST_SIZE + 1];
    hex_encode(digest, policy->digest, DIGEST_SIZE);
    json_t *facts =
        json_pack("{s:I,s:s}", "version", (json_int_t)policy->policy.version, "digest", digest);
    enum status status =
        facts == NULL ? error_set_memory(error) : audit_append(audit, "policy", facts, error);
    json_decref(facts);
    return status;
}

static enum status check_version(const struct carry_policy *policy,
                                 const struct carry_ledger *ledger, struct error *error)
{
    unsigned long long version = policy->policy.version, highest = ledger->policy_version;
    if (version < highest) {
        error_set(error, STATUS_REFUSED, 0,
                  _("[policy-rolled-back] the policy has version %llu, and version %llu was in "
                    "force already"),
                  version, highest);
        return error_set_hint(error, "%s", _("Put the newest policy back in its place."));
    }
    if (version == highest && memcmp(policy->digest, ledger->policy_digest, DIGEST_SIZE) != 0) {
        error_set(error, STATUS_REFUSED, 0,
                  _("[policy-changed] the policy is another text than before under the same "
                    "version %llu"),
                  version);
        return error_set_hint(error, "%s", _("Raise the version and sign it anew."));
    }
    if (moment_compare(policy->policy.valid_from, moment_now()) > 0) {
        char from[MOMENT_TEXT_SIZE];
        return error_set(error, STATUS_REFUSED, 0,
                         _("[policy-early] the policy is in force only from %s"),
                         moment_format_local(from, policy->policy.valid_from));
    }
    return STATUS_OK;
}

enum status carry_policy_in_force(struct carry_policy *policy, const char *path, const char *state,
                                  struct audit *audit, struct error *error)
{
    struct minisign_public root;
    CLEANUP(carry_ledger_free) struct carry_ledger ledger = {0};
    *policy = (struct carry_policy){0};
    enum status status = carry_ledger_read(&ledger, audit, error);
    if (status == STATUS_OK) {
        status = read_root(&root, state, &ledger, error);
    }
    if (status == STATUS_OK) {
        status = carry_policy_read(policy, path, &root, error);
    }
    if (status == STATUS_OK) {
        status = check_version(policy, &ledger, error);
    }
    if (status == STATUS_OK && policy->policy.version > ledger.policy_version) {
        status = record_newer(policy, audit, error);
    }
    if (status != STATUS_OK) {
        carry_policy_free(policy);
    }
    return status;
}
