/* keys: who can do what. age identities and recipients, passphrases, the host key, the recovery
 * kit, and the signed list of host keys.
 *
 * Specifications: C2SP age.md (X25519 and scrypt stanzas, armor), RFC 7748, RFC 8032, RFC 5869,
 * BIP 173 (bech32). All cryptography is libsodium's (HKDF from its HMAC).
 */
#ifndef KURA_KEYS_H
#define KURA_KEYS_H

#include "kura/base.h"
#include <stdio.h>

/* ------------------------------------------------------------------ age */

#define AGE_KEY_SIZE 32
#define AGE_FILE_KEY_SIZE 16
#define AGE_RECIPIENT_TEXT_SIZE 63 /* "age1…" and its terminator */
#define AGE_HEADER_LIMIT 65536     /* bytes of a header that we read */
#define AGE_STANZAS_LIMIT 128
#define AGE_IDENTITIES_LIMIT 64

struct age_recipient {
    unsigned char public_key[AGE_KEY_SIZE];
};

/* An identity opens files. Its key is in secret memory. */
struct age_identity {
    unsigned char *secret_key; /* AGE_KEY_SIZE bytes, secret memory */
    struct age_recipient recipient;
};

MUST_USE enum status age_identity_generate(struct age_identity *identity, struct error *error);
/* Parses "AGE-SECRET-KEY-1…" of `size` characters. */
MUST_USE enum status age_identity_parse(struct age_identity *identity, const char *text,
                                        size_t size, struct error *error);
/* "AGE-SECRET-KEY-1…" appended to the secret text. */
MUST_USE enum status age_identity_format(struct secret_text *text,
                                         const struct age_identity *identity, struct error *error);
void age_identity_free(struct age_identity *identity);

/* "age1…" */
MUST_USE enum status age_recipient_parse(struct age_recipient *recipient, const char *text,
                                         struct error *error);
void age_recipient_format(char text[AGE_RECIPIENT_TEXT_SIZE],
                          const struct age_recipient *recipient);
/* Reads a file of recipients, one a line, '#' comments; appends to the array, which the caller
 * frees. */
MUST_USE enum status age_recipients_read(struct age_recipient **recipients, size_t *count,
                                         const char *path, struct error *error);

/* A passphrase when one is needed; called at most once per file. */
struct passphrase_source {
    enum status (*get)(void *context, struct secret_text *passphrase, const char *what_for,
                       struct error *error);
    void *context;
};

/* Reads an identity file: plain ("AGE-SECRET-KEY-1…", comments), or passphrase-encrypted in age's
 * own way, armored or not. A wrong passphrase is STATUS_DENIED. */
MUST_USE enum status age_identity_read(struct age_identity *identity, const char *path,
                                       const struct passphrase_source *passphrase,
                                       struct error *error);
/* Writes a passphrase-encrypted identity file (0600) that `age -d -i` understands. work_factor:
 * log2 of scrypt's N. */
MUST_USE enum status age_identity_write(const char *path, const struct age_identity *identity,
                                        const struct secret_text *passphrase, unsigned work_factor,
                                        enum file_replace replace, struct error *error);
#define AGE_WORK_FACTOR_GENERATED 15 /* for generated passphrases of at least 90 bits */
#define AGE_WORK_FACTOR_CHOSEN 18
#define AGE_WORK_FACTOR_LIMIT 20 /* the most that is read: 1 GiB of memory */

/* Where sealed bytes go. */
struct age_sink {
    enum status (*write)(void *context, const void *data, size_t size, struct error *error);
    void *context;
};
/* Where sealed bytes come from: fills target, *got < size only at the end. */
struct age_supply {
    enum status (*read)(void *context, void *target, size_t size, size_t *got, struct error *error);
    void *context;
};

/* Sealing to recipients under the given file key (NULL: a fresh one). */
struct age_writer;
MUST_USE enum status age_writer_open(struct age_writer **writer, struct age_sink sink,
                                     const struct age_recipient *recipients, size_t count,
                                     const unsigned char *file_key, struct error *error);
/* Sealing with a passphrase (one scrypt stanza). */
MUST_USE enum status age_writer_open_passphrase(struct age_writer **writer, struct age_sink sink,
                                                const struct secret_text *passphrase,
                                                unsigned work_factor, struct error *error);
MUST_USE enum status age_writer_write(struct age_writer *writer, const void *data, size_t size,
                                      struct error *error);
/* Writes the final chunk; nothing may follow. */
MUST_USE enum status age_writer_finish(struct age_writer *writer, struct error *error);
void age_writer_free(struct age_writer *writer);

/* Opening. Armor is recognised. What is handed out has been authenticated chunk by chunk; only
 * STATUS_OK with *got == 0 of age_reader_read says that the file is complete. No identity fits:
 * STATUS_DENIED. A passphrase file needs `passphrase`, else STATUS_DENIED. */
struct age_reader;
MUST_USE enum status age_reader_open(struct age_reader **reader, struct age_supply supply,
                                     const struct age_identity *identities, size_t count,
                                     const struct passphrase_source *passphrase,
                                     struct error *error);
MUST_USE enum status age_reader_read(struct age_reader *reader, void *target, size_t size,
                                     size_t *got, struct error *error);
void age_reader_free(struct age_reader *reader);

/* Both ways at once for what fits in memory. age_open_buffer refuses more than `limit` bytes of
 * plaintext. */
MUST_USE enum status age_seal_buffer(struct buffer *sealed, const void *data, size_t size,
                                     const struct age_recipient *recipients, size_t count,
                                     const unsigned char *file_key, struct error *error);
MUST_USE enum status age_open_buffer(struct buffer *opened, const void *sealed, size_t size,
                                     const struct age_identity *identities, size_t count,
                                     size_t limit, struct error *error);
/* Appends the armored form of `data`, with a newline at its end. */
MUST_USE enum status age_armor_append(struct buffer *text, const void *data, size_t size,
                                      struct error *error);
/* Length of the header (offset of the payload) of a whole age file in memory, without any key. */
MUST_USE enum status age_header_length(size_t *length, const void *sealed, size_t size,
                                       struct error *error);

/* ------------------------------------------------------------------ passphrases */

/* 20 characters of a 32-letter alphabet without look-alikes in groups of four: 100 bits. */
MUST_USE enum status passphrase_generate(struct secret_text *passphrase, struct error *error);
/* libpwquality's word on a chosen one; weak is STATUS_DENIED with its reason. */
MUST_USE enum status passphrase_judge(const struct secret_text *passphrase, struct error *error);
/* From the terminal without echo (twice with confirm), whatever standard input is. STATUS_DENIED
 * with no terminal. */
MUST_USE enum status passphrase_ask(struct secret_text *passphrase, const char *prompt,
                                    bool confirm, struct error *error);
/* The first line of a file, or of a descriptor; one newline at its end is cut off. */
MUST_USE enum status passphrase_read_file(struct secret_text *passphrase, const char *path,
                                          struct error *error);
MUST_USE enum status passphrase_read_descriptor(struct secret_text *passphrase, int fd,
                                                struct error *error);

/* ------------------------------------------------------------------ signing */

#define SIGN_SEED_SIZE 32
#define SIGN_PUBLIC_SIZE 32
#define SIGN_SIZE 64

struct signing_key {
    unsigned char *seed; /* SIGN_SEED_SIZE bytes, secret memory */
    unsigned char public_key[SIGN_PUBLIC_SIZE];
};
MUST_USE enum status signing_key_generate(struct signing_key *key, struct error *error);
MUST_USE enum status signing_key_from_seed(struct signing_key *key, const unsigned char *seed,
                                           struct error *error);
void signing_key_free(struct signing_key *key);
/* Ed25519 (RFC 8032) over domain, a zero byte, and the data; so no signature of one kind can serve
 * as one of another. */
MUST_USE enum status sign(unsigned char signature[SIGN_SIZE], const struct signing_key *key,
                          const char *domain, const void *data, size_t size, struct error *error);
MUST_USE bool sign_verify(const unsigned char signature[SIGN_SIZE],
                          const unsigned char public_key[SIGN_PUBLIC_SIZE], const char *domain,
                          const void *data, size_t size);

/* ------------------------------------------------------------------ the host key */

#define REPOSITORY_ID_SIZE 16
#define REPOSITORY_SECRET_SIZE 32

/* All that the nightly job holds: it can write, sign, list and verify, and open nothing old. */
struct host_key {
    unsigned char repository[REPOSITORY_ID_SIZE];
    unsigned char *secret; /* REPOSITORY_SECRET_SIZE bytes, secret memory */
    struct signing_key signing;
    unsigned char trusted[SIGN_PUBLIC_SIZE]; /* recovery signing key: the root of trust */
    struct age_recipient recovery;           /* recipient of the recovery identity */
};
MUST_USE enum status host_key_read(struct host_key *key, const char *path, struct error *error);
/* 0600, never over an existing one. */
MUST_USE enum status host_key_write(const char *path, const struct host_key *key,
                                    struct error *error);
void host_key_free(struct host_key *key);

/* subkey = BLAKE2b-256 keyed with the secret over the label (e.g. "kura/1 index"): one derived
 * subkey per use. `subkey` should be secret memory. */
#define SUBKEY_SIZE 32
void key_derive(unsigned char subkey[SUBKEY_SIZE], const void *secret, size_t secret_size,
                const char *label);

/* Who a person is, without saying who: BLAKE2b-128 keyed with the subkey "kura/1 persons" of the
 * repository secret, over domain, a zero byte, and the value of the person key. The same person has
 * the same pseudonym in every snapshot, carry and erasure of a repository; without the secret
 * nobody can tell who it is. */
#define PERSON_SIZE 16
void person_pseudonym(unsigned char pseudonym[PERSON_SIZE],
                      const unsigned char secret[REPOSITORY_SECRET_SIZE], const char *domain,
                      const void *value, size_t size);
/* The same for many: with the subkey, derived once. */
void person_subkey(unsigned char subkey[SUBKEY_SIZE],
                   const unsigned char secret[REPOSITORY_SECRET_SIZE]);
void person_pseudonym_keyed(unsigned char pseudonym[PERSON_SIZE],
                            const unsigned char subkey[SUBKEY_SIZE], const char *domain,
                            const void *value, size_t size);

/* A set of persons. {0} is an empty one; to be settled before it is read. */
struct persons {
    unsigned char (*ids)[PERSON_SIZE]; /* sorted and distinct once settled */
    size_t count, capacity;
    uint64_t unlinked;     /* rows that are tied to nobody: one person each */
    unsigned char *subkey; /* SUBKEY_SIZE, secret memory; NULL before the first one */
};
#define PERSONS_LIMIT ((size_t)10 * 1000 * 1000) /* distinct ones of one set: 160 MB */
void persons_free(struct persons *persons);
/* The same as person_pseudonym of the value, the same secret for every call. Memory grows with the
 * distinct ones only. More than PERSONS_LIMIT of them: STATUS_UNSUPPORTED. */
MUST_USE enum status persons_add(struct persons *persons,
                                 const unsigned char secret[REPOSITORY_SECRET_SIZE],
                                 const char *domain, const void *value, size_t size,
                                 struct error *error);
/* Adds `count` pseudonyms, in any order. */
MUST_USE enum status persons_append(struct persons *persons, const void *ids, size_t count,
                                    struct error *error);
/* Adds the set to a union, and settles that. */
MUST_USE enum status persons_unite(struct persons *all, const struct persons *more,
                                   struct error *error);
void persons_settle(struct persons *persons); /* sorts, drops duplicates */
bool persons_settled(const struct persons *persons);
/* Of a settled set: how many, those that are tied to nobody added; whether one is in it;
 * BLAKE2b-256 over the pseudonyms in their order. */
uint64_t persons_count(const struct persons *persons);
bool persons_has(const struct persons *persons, const unsigned char pseudonym[PERSON_SIZE]);
#define PERSONS_DIGEST_SIZE 32
void persons_digest(unsigned char digest[PERSONS_DIGEST_SIZE], const struct persons *persons);

/* ------------------------------------------------------------------ the recovery kit */

/* What a bare machine needs. As a file: words for the finder, then an armored age file sealed with
 * the kit's passphrase; its lines are documented in src/keys/KIT.md. */
struct recovery_kit {
    unsigned char repository[REPOSITORY_ID_SIZE];
    char *url;                    /* store address; an absolute path or sftp:// */
    char *host_key_line;          /* pinned SSH host key "ssh-ed25519 AAAA…", or NULL */
    unsigned char *login_seed;    /* 32 bytes of the read-only SSH login, secret memory, or NULL */
    struct age_identity identity; /* recovery identity */
    struct signing_key signing;   /* recovery signing key */
    unsigned char host_public[SIGN_PUBLIC_SIZE]; /* the host key at the time of init */
    struct moment created;
};
MUST_USE enum status recovery_kit_write(const char *path, const struct recovery_kit *kit,
                                        const struct secret_text *passphrase, unsigned work_factor,
                                        struct error *error);
MUST_USE enum status recovery_kit_read(struct recovery_kit *kit, const char *path,
                                       const struct passphrase_source *passphrase,
                                       struct error *error);
void recovery_kit_free(struct recovery_kit *kit);

/* ------------------------------------------------------------------ hosts */

/* One signed word of the recovery key about a host key. A revocation counts from a sequence on:
 * statements of that host with a sequence >= from_sequence are not trusted. */
enum host_verdict { HOST_ADDED = 1, HOST_REVOKED = 2 };
struct host_record {
    unsigned char public_key[SIGN_PUBLIC_SIZE];
    enum host_verdict verdict;
    uint64_t from_sequence;
    struct moment time;
    char name[128]; /* the machine's, for people */
};
/* The bytes of a hosts/ object: JSON and its signature (domain "kura/1 host"). */
MUST_USE enum status host_record_encode(struct buffer *object, const struct host_record *record,
                                        const unsigned char repository[REPOSITORY_ID_SIZE],
                                        const struct signing_key *recovery, struct error *error);
/* Not by `trusted`, or of another repository: STATUS_UNAUTHENTIC. */
MUST_USE enum status host_record_decode(struct host_record *record, const void *object, size_t size,
                                        const unsigned char repository[REPOSITORY_ID_SIZE],
                                        const unsigned char trusted[SIGN_PUBLIC_SIZE],
                                        struct error *error);

#endif
