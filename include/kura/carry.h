/* carry: the gate through which personal data leaves on removable media. src/carry/README.md tells
 * the story and the order of the checks.
 *
 * A refusal is STATUS_REFUSED: the message starts with the rule's short name in brackets. */
#ifndef KURA_CARRY_H
#define KURA_CARRY_H

#include "kura/audit.h"
#include "kura/config.h"
#include "kura/medium.h"
#include "kura/policy.h"
#include "kura/signed.h"

/* ------------------------------------------------------------------ the signed policy */

#define DIGEST_SIZE 32 /* BLAKE2b-256 */

struct carry_policy {
    struct policy policy;
    struct buffer text;                /* policy.yaml as it was signed */
    struct buffer signature;           /* policy.yaml.minisig */
    unsigned char digest[DIGEST_SIZE]; /* of the text */
};

/* Both texts verified with the root and read. Unsigned, by another key, or changed:
 * STATUS_REFUSED [policy-unsigned] or [policy-changed]. */
MUST_USE enum status carry_policy_verify(struct carry_policy *policy, const void *text,
                                         size_t text_size, const void *signature,
                                         size_t signature_size, const struct minisign_public *root,
                                         struct error *error);
/* The same from `path` and `path`.minisig. No file: STATUS_NOT_FOUND. */
MUST_USE enum status carry_policy_read(struct carry_policy *policy, const char *path,
                                       const struct minisign_public *root, struct error *error);
void carry_policy_free(struct carry_policy *policy);
/* That the keys and recipients which a policy names can be used, and nobody shares one. */
MUST_USE enum status carry_policy_check(const struct policy *policy, struct error *error);
/* Whose key it is; NULL: nobody's in the policy. */
const struct policy_person *carry_key_owner(const struct policy *policy,
                                            const struct minisign_public *key);

/* The trust root in the state folder. Fixed once: another one is STATUS_EXISTS. The log has it,
 * too, and both must agree, else STATUS_REFUSED [policy-root]. None yet: STATUS_NOT_FOUND. */
MUST_USE enum status carry_root_fix(const char *state, struct audit *audit,
                                    const struct minisign_public *root, struct error *error);
MUST_USE enum status carry_root_read(struct minisign_public *root, const char *state,
                                     const struct audit *audit, struct error *error);

/* The policy in force on this host: read, verified, not older than the highest version in the log
 * (STATUS_REFUSED [policy-rolled-back]), not another text under the same version
 * ([policy-changed]), in force already ([policy-early]). A newer one is recorded in the log, which
 * must be open to append. */
MUST_USE enum status carry_policy_in_force(struct carry_policy *policy, const char *path,
                                           const char *state, struct audit *audit,
                                           struct error *error);

/* ------------------------------------------------------------------ carries */

#define CARRY_ID_SIZE 20 /* "C-20261122-K7QF2M9X" and its terminator: date and 40 random bits */

enum carry_state {
    CARRY_REQUESTED,
    CARRY_APPROVED,
    CARRY_DENIED,
    CARRY_REVOKED,
    CARRY_RESERVED, /* export was begun; counts in full */
    CARRY_WRITTEN,  /* the container is on the medium under a temporary name */
    CARRY_OUT,
    CARRY_INTERRUPTED, /* export failed: counts in full until it is reconciled by a return */
    CARRY_RETURNED,
    CARRY_ERASED,
    CARRY_LOST,
    CARRY_FOUND, /* counts as out */
};
const char *carry_state_name(enum carry_state state); /* "out"; for JSON and the log */
const char *carry_state_word(enum carry_state state); /* translated */

/* One carry as the log tells it. Texts are owned. */
struct carry_record {
    char id[CARRY_ID_SIZE];
    enum carry_state state;
    char bearer[POLICY_NAME_SIZE]; /* person ids */
    char approvers[2][POLICY_NAME_SIZE];
    char confirmer[POLICY_NAME_SIZE];
    char *data_set, *purpose, *destination;
    char medium[POLICY_NAME_SIZE];
    char format[16]; /* "tar" or "zip" */
    uint64_t persons, rows, documents, artefact_size;
    unsigned char artefact[DIGEST_SIZE], request[DIGEST_SIZE];
    char **fields;     /* "column:class", NULL-terminated */
    char **recipients; /* age1…, NULL-terminated */
    struct moment requested, approved, reserved, out, due, returned, erased, lost, found;
};

/* All carries, and what else the checks need from the log. */
struct carry_ledger {
    struct carry_record *carries;
    size_t count;
    struct moment newest; /* latest time of a record; of those from clock.accept on */
    char **spent;         /* jti of approvals that were used or revoked */
    size_t spent_count;
    uint64_t policy_version; /* highest in the log; 0: none */
    unsigned char policy_digest[DIGEST_SIZE];
    bool has_root;
    struct minisign_public root;
    struct carry_medium_state { /* newest word on each medium */
        char id[POLICY_NAME_SIZE];
        char label[33];    /* nonce, hex; empty: none written yet */
        char replaced[33]; /* the one before, where a return may have been cut off between the
                            * record of the new one and its writing; else empty */
        bool retired;
    } * media;
    size_t medium_count;
};
MUST_USE enum status carry_ledger_read(struct carry_ledger *ledger, const struct audit *audit,
                                       struct error *error);
void carry_ledger_free(struct carry_ledger *ledger);
const struct carry_record *carry_find(const struct carry_ledger *ledger, const char *id);
/* Whether the approval was used or revoked. */
bool carry_is_spent(const struct carry_ledger *ledger, const char *jti);
const struct carry_medium_state *carry_find_medium(const struct carry_ledger *ledger,
                                                   const char *id);
bool carry_is_out(const struct carry_record *carry); /* counts as outstanding */
/* Whether a person is in the carry, by the pseudonyms that this host keeps of it. */
enum carry_holds { CARRY_HOLDS, CARRY_HOLDS_NOT, CARRY_HOLDS_UNKNOWN };
enum carry_holds carry_holds_person(const struct carry_record *carry, const char *state,
                                    const struct host_key *host,
                                    const unsigned char person[PERSON_SIZE]);
/* The carry whose container lies at `path`, by its digest, whatever the file is called; NULL: none
 * of this host's, or not a file that can be read. */
const struct carry_record *carry_find_container(const struct carry_ledger *ledger,
                                                const char *path);
bool carry_is_overdue(const struct carry_record *carry, const struct policy *policy,
                      struct moment now);

/* ------------------------------------------------------------------ signed words */

/* How much a carry makes use of each limit, it included; unions of persons. */
struct carry_use {
    uint64_t outstanding_bearer, outstanding_shop, rolling_bearer, rolling_shop;
};

/* What the host swears: PASETO v4.public by the host key, implicit "kura/carry/1 attestation". */
struct carry_attestation {
    char carry[CARRY_ID_SIZE];
    unsigned char host[SIGN_PUBLIC_SIZE];
    char *host_name;
    struct moment issued;
    char requester[POLICY_NAME_SIZE];
    char *data_set, *purpose, *destination;
    char **parameters; /* "name=value", NULL-terminated */
    char medium[POLICY_NAME_SIZE];
    char medium_fingerprint[MEDIUM_FINGERPRINT_SIZE];
    char format[16];
    struct moment return_by;
    unsigned char artefact[DIGEST_SIZE]; /* BLAKE2b-256 of the sealed file */
    uint64_t artefact_size, persons, rows, documents;
    char **fields;           /* "column:class" */
    char **recipients;       /* age1… */
    char *sealed_passphrase; /* of a zip: armored age, for the recipients; else NULL */
    struct carry_use use;
    struct carry_out { /* what else the bearer has out */
        char carry[CARRY_ID_SIZE], medium[POLICY_NAME_SIZE];
        uint64_t persons;
        struct moment due;
    } * others;
    size_t other_count;
    unsigned char policy[DIGEST_SIZE];
    uint64_t policy_version;
    struct audit_head log;
};

/* R.request: PASETO by the staff key, implicit "kura/carry/1 request". */
struct carry_request {
    char requester[POLICY_NAME_SIZE];
    struct moment issued;
    struct buffer attestation_token, policy_text, policy_signature;
    /* Of the attestation, once verified: */
    struct carry_attestation attestation;
    unsigned char digest[DIGEST_SIZE]; /* of the request's own token */
};

/* R.token: PASETO by the approver's key, implicit "carry-v1|HOST|POLICY" (public key and policy
 * digest in hexadecimal). Claims of the design: */
struct carry_approval {
    char approver[POLICY_NAME_SIZE];           /* iss */
    char bearer[POLICY_NAME_SIZE];             /* sub */
    unsigned char host[SIGN_PUBLIC_SIZE];      /* aud */
    struct moment issued, not_before, expires; /* iat nbf exp */
    char id[33];                               /* jti: 128 random bits, hex */
    char carry[CARRY_ID_SIZE];
    unsigned char request[DIGEST_SIZE], artefact[DIGEST_SIZE], policy[DIGEST_SIZE];
    uint64_t persons_max, documents_max;
    char **fields, **recipients;
    char medium[POLICY_NAME_SIZE];
    char medium_fingerprint[MEDIUM_FINGERPRINT_SIZE];
    char format[16];
    char *purpose, *destination;
    struct moment return_by;
    struct audit_head log;
    unsigned char digest[DIGEST_SIZE]; /* of the token itself */
};

/* The bearer's word on receiving: PASETO by the staff key, implicit "kura/carry/1 receipt". */
struct carry_receipt {
    char bearer[POLICY_NAME_SIZE], carry[CARRY_ID_SIZE];
    unsigned char approval[DIGEST_SIZE]; /* digest of the (first) token */
    unsigned char challenge[DIGEST_SIZE];
    struct moment issued;
};

/* One word of a person about a carry: PASETO by that person's key, implicit "kura/carry/1 word". */
enum carry_word_kind { WORD_DENY, WORD_REVOKE, WORD_RETURN, WORD_LOST, WORD_FOUND, WORD_CLOCK };
struct carry_word {
    enum carry_word_kind kind;
    char person[POLICY_NAME_SIZE], carry[CARRY_ID_SIZE]; /* "-" for a word about the clock */
    char approval[33]; /* jti, for revoke; the gate's challenge, for the clock; else empty */
    char *note;        /* or NULL */
    struct moment issued;
};

/* Signing appends the token. Opening verifies with the key (of whom the policy names under the
 * token's kid; unknown: STATUS_REFUSED [token-key]) and reads strictly: an unknown, duplicate,
 * missing or mistyped claim is STATUS_REFUSED [claims]; a wrong version, purpose or signature
 * [token-…]. */
MUST_USE enum status carry_attestation_sign(struct buffer *token,
                                            const struct carry_attestation *attestation,
                                            const struct signing_key *host, struct error *error);
MUST_USE enum status carry_attestation_open(struct carry_attestation *attestation,
                                            const char *token, size_t size,
                                            const unsigned char host[SIGN_PUBLIC_SIZE],
                                            struct error *error);
/* The claims of a token that was not verified: for showing and for asking only. */
MUST_USE enum status carry_attestation_peek(struct carry_attestation *attestation,
                                            const struct buffer *payload, struct error *error);
/* Bearer and digest of an approval, not verified. */
MUST_USE enum status carry_approval_peek(char bearer[POLICY_NAME_SIZE],
                                         unsigned char digest[DIGEST_SIZE],
                                         const struct buffer *token, struct error *error);
MUST_USE enum status carry_request_sign(struct buffer *token, const struct carry_request *request,
                                        const struct signing_key *staff, struct error *error);
/* Verifies everything inside with `root`, the manager's own key: the policy by it, the requester's
 * key and the host's by the policy, the attestation by the host's key and that it is the
 * requester's and under this very policy. `policy` is what the request carries. */
MUST_USE enum status carry_request_open(struct carry_request *request, struct carry_policy *policy,
                                        const char *token, size_t size,
                                        const struct minisign_public *root, struct error *error);
MUST_USE enum status carry_approval_sign(struct buffer *token,
                                         const struct carry_approval *approval,
                                         const struct signing_key *approver, struct error *error);
MUST_USE enum status carry_approval_open(struct carry_approval *approval, const char *token,
                                         size_t size, const struct policy *policy,
                                         const unsigned char host[SIGN_PUBLIC_SIZE],
                                         const unsigned char policy_digest[DIGEST_SIZE],
                                         struct error *error);
MUST_USE enum status carry_receipt_sign(struct buffer *token, const struct carry_receipt *receipt,
                                        const struct signing_key *bearer, struct error *error);
MUST_USE enum status carry_receipt_open(struct carry_receipt *receipt, const char *token,
                                        size_t size, const struct policy *policy,
                                        struct error *error);
MUST_USE enum status carry_word_sign(struct buffer *token, const struct carry_word *word,
                                     const struct signing_key *person, struct error *error);
MUST_USE enum status carry_word_open(struct carry_word *word, const char *token, size_t size,
                                     const struct policy *policy, struct error *error);
void carry_attestation_free(struct carry_attestation *attestation);
void carry_request_free(struct carry_request *request);
void carry_approval_free(struct carry_approval *approval);
void carry_word_free(struct carry_word *word);

/* ------------------------------------------------------------------ approving, on any machine */

struct carry_approve_options {
    uint64_t persons_max; /* 0: as many as the attestation says */
    uint64_t lifetime;    /* seconds; 0: the policy's longest */
    struct moment now;
};
/* What the approver signs for a request that was opened. Refuses what the host would refuse: an
 * approver who is the requester, without the role, or past `until`; more than the policy allows. */
MUST_USE enum status
carry_approve(struct carry_approval *approval, const struct carry_request *request,
              const struct carry_policy *policy, const struct minisign_public *approver,
              const struct carry_approve_options *options, struct error *error);

/* ------------------------------------------------------------------ the gate */

/* Everything of the host that the gate works with. Borrowed. */
struct gate_host {
    const struct config *config;
    const struct host_key *key;
    const char *policy_path;
    const struct place_roots *roots; /* NULL: the real ones */
    /* The newest head of the log that is off-site, and when it was put there; STATUS_NOT_FOUND:
     * none; STATUS_UNREACHABLE: neither the storage nor the log's own record of the newest anchor
     * can tell. */
    enum status (*anchor)(void *context, struct audit_head *head, struct moment *time,
                          struct error *error);
    void *context;
};

/* Serves one connection until it ends. Who calls is asked of the kernel. */
MUST_USE enum status gate_serve(int connection, const struct gate_host *host, struct error *error);
/* Listens on the socket (made 0660, in a folder of the service's) and serves every connection in a
 * process of its own until a signal; or takes over what systemd hands on (LISTEN_FDS). */
MUST_USE enum status gate_listen(const char *socket_path, const struct gate_host *host,
                                 struct error *error);

/* The other half. socket_path: where a gate listens; with `host` instead, it runs in this process.
 */
struct carry_client;
MUST_USE enum status carry_client_open(struct carry_client **client, const char *socket_path,
                                       const struct gate_host *host, struct error *error);
void carry_client_free(struct carry_client *client);

struct carry_ask { /* carry request */
    const char *data_set;
    const char *const *parameters; /* "name=value", NULL-terminated */
    bool documents;
    bool zip;
    const char *purpose, *destination, *medium;
    struct moment return_by;
    const struct minisign_secret *key; /* the requester's */
};
/* Appends the request's token for a file, and fills what was sworn for showing. */
MUST_USE enum status carry_client_request(struct buffer *token,
                                          struct carry_attestation *attestation,
                                          struct carry_client *client, const struct carry_ask *ask,
                                          struct error *error);

struct carry_export_options {
    const struct buffer *approvals; /* tokens, one or two */
    size_t approval_count;
    int folder;                        /* the medium's, open */
    const struct minisign_secret *key; /* the bearer's */
};
struct carry_exported {
    char carry[CARRY_ID_SIZE];
    char file[64]; /* name of the container on the medium */
    struct moment due;
    uint64_t persons;
    struct buffer sealed_passphrase; /* of a zip: age file for readers and managers, to go another
                                      * way than the medium; else empty */
};
MUST_USE enum status carry_client_export(struct carry_exported *exported,
                                         struct carry_client *client,
                                         const struct carry_export_options *options,
                                         struct error *error);

/* All carries and media as JSON: {"carries": [...], "media": [...]}. */
MUST_USE enum status carry_client_list(json_t **list, struct carry_client *client,
                                       struct error *error);
/* What the policy lets people ask for, for a choice: {"data_sets": [{"name", "parameters":
 * [{"name", "type"}], "documents"}], "purposes", "destinations", "media", "carry_days"}; and with a
 * key, the id of the "person" who has it. key may be NULL. */
MUST_USE enum status carry_client_offers(json_t **offers, struct carry_client *client,
                                         const struct minisign_public *key, struct error *error);
/* Gives a signed word about a carry to the host: deny, revoke, lost, found. */
MUST_USE enum status carry_client_tell(struct carry_client *client, const char *token, size_t size,
                                       json_t **facts, struct error *error);
/* Without a key, by the login: WORD_LOST or WORD_FOUND only. The answer to a loss has the incident
 * report as "report". */
MUST_USE enum status carry_client_report(struct carry_client *client, enum carry_word_kind kind,
                                         const char *carry, const char *note, json_t **facts,
                                         struct error *error);
/* The medium is back: the container is overwritten and removed, label and other files looked at,
 * and the confirmer's word recorded. The answer has the erasure certificate as "certificate". */
struct carry_back {
    const char *carry;
    int folder; /* of the medium; negative: it was destroyed, as the note says */
    const struct minisign_secret *confirmer;
    const char *person; /* the confirmer's id in the policy */
    const char *note;   /* or NULL */
};
MUST_USE enum status carry_client_return(json_t **facts, struct carry_client *client,
                                         const struct carry_back *back, struct error *error);
/* That the clock is right although a record of the log is of a later time: [clock] where there is
 * none, or the clock shows something else than `now`. The answer has that time as "newest". */
struct carry_clock {
    struct moment now;                 /* as another clock shows it */
    const struct minisign_secret *key; /* a data manager's or deputy's */
    const char *person;                /* whose id in the policy this is */
    const char *note;                  /* or NULL */
};
MUST_USE enum status carry_client_clock(json_t **facts, struct carry_client *client,
                                        const struct carry_clock *clock, struct error *error);
/* Enrolment: what the policy needs to know of the medium in the folder; writes the first label. */
struct carry_enrolled {
    char fingerprint[MEDIUM_FINGERPRINT_SIZE];
    struct medium_identity identity;
    char label[33];
};
MUST_USE enum status carry_client_enrol(struct carry_enrolled *enrolled,
                                        struct carry_client *client, const char *id, int folder,
                                        struct error *error);

MUST_USE enum status carry_client_retire(struct carry_client *client, const char *id,
                                         struct error *error);

/* ------------------------------------------------------------------ opening at the other end */

/* Whether these first bytes of an opened file (512 are enough) begin the container of a carry. */
bool carry_is_container(const void *data, size_t size);
struct carry_unpacking {
    const char *path; /* the new folder; an empty one may be there */
    struct age_supply supply;
    /* Whether the content may lie in the opened folder: asked before its first byte, and again when
     * it is whole and has no name yet. NULL: nobody minds. */
    enum status (*judge)(void *context, int fd, struct error *error);
    void *judge_context;
};
/* Unpacks the container of a carry into the folder, which appears only when it is whole. Names that
 * a carry does not give are STATUS_CORRUPT: nothing is ever written elsewhere. The supply is read
 * to its end. */
MUST_USE enum status carry_unpack(uint64_t *files, const struct carry_unpacking *what,
                                  struct error *error);

/* ------------------------------------------------------------------ the roads */

/* Judges the place for the road by the table, the policy in force (NULL: none) and its enrolled
 * disks. STATUS_REFUSED names the class and how it was found. *recorded: what the caller must write
 * into the audit log when it goes on. reason: of --onto-removable, with an unlocked manager's or
 * recovery identity, or NULL. */
MUST_USE enum status carry_road_check(enum road_verdict *verdict, const struct place *place,
                                      enum road road, const struct policy *policy,
                                      const char *reason, struct error *error);
/* Whether so many persons may lie on a removable medium by this road: at most the policy's
 * max_persons_repository_copy, or max_persons_restore, and none of whom it is not known how many
 * they are. persons: -1 for nobody counted; uncounted: there is a database in which nobody counted.
 * STATUS_REFUSED [road-persons]. */
MUST_USE enum status carry_road_check_persons(const struct policy *policy, enum road road,
                                              int64_t persons, bool uncounted, struct error *error);

#endif
