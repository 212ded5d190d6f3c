// room: carry
/* Any bytes as what a signed word says, and as a whole token, label or request. The first byte
 * chooses. Payloads are signed here, so that what is behind the signature is reached. */
#include "../../src/carry/label.h"
#include "fuzz.h"
#include "kura/carry.h"

static struct host_key host;
static struct minisign_secret person;
static struct policy policy;

static void start(void)
{
    static const unsigned char host_seed[SIGN_SEED_SIZE] = {1}, person_seed[SIGN_SEED_SIZE] = {2};
    struct error error = {0};
    char text[2048], key[MINISIGN_PUBLIC_TEXT_SIZE];
    if (host.signing.seed != NULL) {
        return;
    }
    fuzz_must(signing_key_from_seed(&host.signing, host_seed, &error) == STATUS_OK &&
              signing_key_from_seed(&person.signing, person_seed, &error) == STATUS_OK);
    memcpy(person.public_key.key, person.signing.public_key, SIGN_PUBLIC_SIZE);
    minisign_public_format(key, &person.public_key);
    snprintf(text, sizeof text,
             "{version: 1, shop: s, contact: c, purposes: [p], people: [{id: yamada, name: y, "
             "roles: [data_manager], key: \"%s\", recipient: age1x}], limits: {absolute_ceiling: "
             "9, max_persons_per_carry: 9, max_persons_outstanding: 9, "
             "max_persons_outstanding_shop: 9, rolling_days: 7, max_persons_rolling_bearer: 9, "
             "max_persons_rolling_shop: 9}, approval: {carry_days: 7}}",
             key);
    fuzz_must(policy_parse(&policy, text, strlen(text), "policy.yaml", &error) == STATUS_OK);
}

static void open_attestation(const char *token, size_t size)
{
    struct carry_attestation attestation;
    struct buffer again = {0};
    struct error error = {0};
    if (carry_attestation_open(&attestation, token, size, host.signing.public_key, &error) ==
        STATUS_OK) {
        fuzz_must(attestation.fields != NULL && attestation.purpose != NULL &&
                  carry_attestation_sign(&again, &attestation, &host.signing, &error) == STATUS_OK);
        buffer_free(&again);
        carry_attestation_free(&attestation);
    } else {
        fuzz_must(error.status == STATUS_REFUSED);
    }
}

static void open_approval(const char *token, size_t size)
{
    static const unsigned char digest[DIGEST_SIZE];
    struct carry_approval approval;
    struct error error = {0};
    if (carry_approval_open(&approval, token, size, &policy, host.signing.public_key, digest,
                            &error) == STATUS_OK) {
        fuzz_must(strcmp(approval.approver, "yamada") == 0 && approval.fields != NULL);
        carry_approval_free(&approval);
    } else {
        fuzz_must(error.status == STATUS_REFUSED);
    }
}

static void open_word(const char *token, size_t size)
{
    struct carry_word word;
    struct carry_receipt receipt;
    struct error error = {0};
    if (carry_word_open(&word, token, size, &policy, &error) == STATUS_OK) {
        fuzz_must(strcmp(word.person, "yamada") == 0);
        carry_word_free(&word);
    }
    if (carry_receipt_open(&receipt, token, size, &policy, &error) == STATUS_OK) {
        fuzz_must(strcmp(receipt.bearer, "yamada") == 0);
    }
}

static void open_request(const char *token, size_t size)
{
    struct carry_request request;
    struct carry_policy carried;
    struct error error = {0};
    /* Nothing here can be signed by the root, so nothing may be accepted. */
    fuzz_must(carry_request_open(&request, &carried, token, size, &person.public_key, &error) !=
              STATUS_OK);
}

static void open_label(const char *text, size_t size)
{
    char nonce[LABEL_NONCE_SIZE];
    struct error error = {0};
    fuzz_must(label_read(nonce, text, size, "M-001", &host, &error) != STATUS_OK ||
              strlen(nonce) == LABEL_NONCE_SIZE - 1);
}

/* What is behind the signature: any text that this host would have signed. */
static void open_signed_label(const char *text, size_t size)
{
    char nonce[LABEL_NONCE_SIZE] = "", front[64], *copy = strndup(text, size);
    struct buffer note = {0};
    struct error error = {0};
    fuzz_must(copy != NULL);
    if (note_sign(&note, copy, "kura-medium", &host.signing, &error) == STATUS_OK &&
        label_read(nonce, (const char *)note.data, note.size, "M-001", &host, &error) ==
            STATUS_OK) {
        snprintf(front, sizeof front, "kura medium label\nM-001\n%s\n", nonce);
        fuzz_must(strcmp(copy, front) == 0);
    }
    buffer_free(&note);
    free(copy);
}

static const struct {
    const char *implicit; /* NULL: the bytes are the token */
    bool by_host;
    void (*open)(const char *token, size_t size);
} kinds[] = {
    {"kura/carry/1 attestation", true, open_attestation},
    {"carry-v1|cecc1507dc1ddd7295951c290888f095adb9044d1b73d696e6df065d683bd4fc|"
     "0000000000000000000000000000000000000000000000000000000000000000",
     false, open_approval},
    {"kura/carry/1 word", false, open_word},
    {"kura/carry/1 receipt", false, open_word},
    {"kura/carry/1 request", false, open_request},
    {NULL, false, open_request},
    {NULL, false, open_approval},
    {NULL, false, open_label},
    {NULL, false, open_signed_label},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer token = {0};
    struct error error = {0};
    fuzz_start();
    start();
    if (size == 0 || data[0] >= LENGTH(kinds)) {
        return 0;
    }
    const char *implicit = kinds[data[0]].implicit;
    const char *bytes = (const char *)data + 1;
    if (implicit == NULL) {
        kinds[data[0]].open(bytes, size - 1);
        return 0;
    }
    if (paseto_sign(&token, kinds[data[0]].by_host ? &host.signing : &person.signing, bytes,
                    size - 1, implicit, &error) == STATUS_OK) {
        kinds[data[0]].open((const char *)token.data, token.size);
    }
    buffer_free(&token);
    return 0;
}
