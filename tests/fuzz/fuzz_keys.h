/* fuzz_keys: the keys of the targets that need some, always the same, and what they read from. */
#ifndef KURA_TESTS_FUZZ_KEYS_H
#define KURA_TESTS_FUZZ_KEYS_H

#include "fuzz.h"
#include "kura/keys.h"

/* Made for these targets and used for nothing else; tests/fuzz/make-corpus seals to it. */
#define FUZZ_IDENTITY "AGE-SECRET-KEY-1QVDVMEFTRUAYUXL0SNX9XQA8ACXV2WGZFUDAJGGAKFEEZ5W3FKYSXHDRUW"

static inline const struct age_identity *fuzz_identity(void)
{
    static struct age_identity identity;
    struct error error = {0};
    if (identity.secret_key == NULL) {
        fuzz_must(age_identity_parse(&identity, FUZZ_IDENTITY, strlen(FUZZ_IDENTITY), &error) ==
                  STATUS_OK);
    }
    return &identity;
}

static inline const struct signing_key *fuzz_signer(void)
{
    static struct signing_key key;
    static const unsigned char seed[SIGN_SEED_SIZE] = {7};
    struct error error = {0};
    if (key.seed == NULL) {
        fuzz_must(signing_key_from_seed(&key, seed, &error) == STATUS_OK);
    }
    return &key;
}

/* Who is asked has none: deriving a key for each input would take all the time. */
static inline enum status fuzz_no_passphrase(void *context, struct secret_text *passphrase,
                                             const char *what_for, struct error *error)
{
    (void)context;
    (void)passphrase;
    (void)what_for;
    return error_set(error, STATUS_CANCELLED, 0, "none");
}

/* Bytes as the supply of a reader. */
struct fuzz_bytes {
    const uint8_t *at;
    size_t left;
};

static inline enum status fuzz_bytes_read(void *context, void *target, size_t size, size_t *got,
                                          struct error *error)
{
    struct fuzz_bytes *bytes = context;
    (void)error;
    *got = size < bytes->left ? size : bytes->left;
    if (*got > 0) {
        memcpy(target, bytes->at, *got);
        bytes->at += *got;
        bytes->left -= *got;
    }
    return STATUS_OK;
}

static inline struct age_supply fuzz_supply(struct fuzz_bytes *bytes)
{
    return (struct age_supply){.read = fuzz_bytes_read, .context = bytes};
}

#endif
