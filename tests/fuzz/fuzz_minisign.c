// room: keys
/* Any bytes as a file of minisign's: secret key, public key, signature. The first byte chooses. No
 * file makes anybody spend memory on a passphrase before it is judged, what is read is written the
 * same again, and nothing but the one signature of the data verifies. */
#include "fuzz_keys.h"
#include "kura/signed.h"

#define DATA "policy"
#define COMMENT "version 7"

static const struct minisign_secret *signer(void)
{
    static struct minisign_secret secret;
    static const unsigned char seed[SIGN_SEED_SIZE] = {7};
    struct error error = {0};
    if (secret.signing.seed == NULL) {
        fuzz_must(signing_key_from_seed(&secret.signing, seed, &error) == STATUS_OK);
        memcpy(secret.public_key.key, secret.signing.public_key, SIGN_PUBLIC_SIZE);
        memcpy(secret.public_key.key_id, "fuzzing!", MINISIGN_KEY_ID_SIZE);
    }
    return &secret;
}

static void read_secret(const uint8_t *data, size_t size)
{
    static const struct passphrase_source source = {.get = fuzz_no_passphrase};
    struct error error = {0};
    struct minisign_secret secret = {0};
    struct buffer signature = {0};
    enum status status = minisign_read_secret(&secret, fuzz_file(data, size), &source, &error);
    fuzz_must(status == error.status && (status == STATUS_OK) == (secret.signing.seed != NULL));
    if (status == STATUS_OK) {
        fuzz_must(minisign_sign(&signature, &secret, DATA, strlen(DATA), "", &error) == STATUS_OK &&
                  minisign_verify(NULL, &secret.public_key, signature.data, signature.size, DATA,
                                  strlen(DATA), &error) == STATUS_OK);
    }
    buffer_free(&signature);
    minisign_secret_free(&secret);
}

static void read_public(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct minisign_public key = {0};
    struct minisign_public again = {0};
    char text[MINISIGN_PUBLIC_TEXT_SIZE];
    if (minisign_public_parse(&key, (const char *)data, size, &error) != STATUS_OK) {
        return;
    }
    minisign_public_format(text, &key);
    fuzz_must(memmem(data, size, text, strlen(text)) != NULL &&
              minisign_public_parse(&again, text, strlen(text), &error) == STATUS_OK &&
              memcmp(&key, &again, sizeof key) == 0);
}

/* Ed25519 is deterministic here: whatever verifies holds the lines of the one true signature. */
static void verify(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct buffer signature = {0};
    char comment[MINISIGN_COMMENT_SIZE] = "";
    enum status status =
        minisign_verify(comment, &signer()->public_key, data, size, DATA, strlen(DATA), &error);
    fuzz_must(status == error.status);
    if (status == STATUS_OK) {
        fuzz_must(strcmp(comment, COMMENT) == 0 &&
                  minisign_sign(&signature, signer(), DATA, strlen(DATA), COMMENT, &error) ==
                      STATUS_OK);
        const unsigned char *line = memchr(signature.data, '\n', signature.size);
        fuzz_must(memmem(data, size, line + 1, 100) != NULL);
    }
    buffer_free(&signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    if (size == 0) {
        return 0;
    }
    switch (data[0] % 3) {
    case 0:
        read_secret(data + 1, size - 1);
        break;
    case 1:
        read_public(data + 1, size - 1);
        break;
    default:
        verify(data + 1, size - 1);
        break;
    }
    return 0;
}
