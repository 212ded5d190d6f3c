/* register_private: an entry of the register between bytes and memory (FORMAT.md, register/). */
#ifndef REPO_REGISTER_PRIVATE_H
#define REPO_REGISTER_PRIVATE_H

#include "kura/register.h"
#include "statement_private.h"

#define ERASURE_DOMAIN "kura/1 erasure"
#define ERASURE_COMMENT "kura erasure" /* of the manager's signature */
#define ERASURE_VALUE_LIMIT 1024       /* bytes of a person's id */

/* Signs what `head` says of the sealed part, and appends the object's content: host key, signature,
 * head, the manager's word, and the sealed part. Fills erasure->id, host, approved, manager. */
MUST_USE enum status erasure_encode(struct buffer *content, struct erasure *erasure,
                                    const struct buffer *sealed, const struct host_key *host,
                                    const struct minisign_secret *manager, struct error *error);
/* Verifies both signatures and the digest of the sealed part, which is borrowed from the content.
 * Whether the host may be believed is not judged here. */
MUST_USE enum status erasure_decode(struct erasure *erasure, struct cursor *sealed,
                                    const unsigned char repository[REPOSITORY_ID_SIZE],
                                    const struct buffer *content, struct error *error);

/* The sealed part: domain, value, reason, by and rules as JSON. */
MUST_USE enum status erasure_words_encode(struct buffer *text, const struct erasure *erasure,
                                          struct error *error);
/* On failure the erasure has no words. */
MUST_USE enum status erasure_words_decode(struct erasure *erasure, const void *text, size_t size,
                                          struct error *error);

/* Moves the withdrawals among the items, and what they take back, to the settled ones, and counts
 * what is left unopened. A withdrawal that may not take back what it names is a problem. */
MUST_USE enum status register_settle(struct erasure_register *entries, struct error *error);

/* Sorted, each once. */
struct erasure_ids {
    unsigned char (*items)[ERASURE_ID_SIZE];
    size_t count;
};
/* What the statements of the list swear to, and what is there of the entries (may be NULL): the
 * next statement's own. What is lost stays sworn to for ever: waiting a night does not hide it. */
MUST_USE enum status register_ids(struct erasure_ids *ids, const struct snapshot_list *list,
                                  const struct erasure_register *entries, struct error *error);
void register_ids_free(struct erasure_ids *ids);
bool register_ids_have(const struct erasure_ids *ids, const unsigned char id[ERASURE_ID_SIZE]);
/* Of more than a statement can name the rest is let go, with a problem: only somebody with a host
 * key can have made so many, and a night without a statement would be the worse loss. */
void register_ids_limit(struct erasure_ids *ids, size_t limit, struct problems *problems);

/* Keeps the object in the state folder; and stores again what is sworn to, not there, and kept. */
MUST_USE enum status register_keep_copy(const char *state, const unsigned char id[ERASURE_ID_SIZE],
                                        const struct buffer *bytes, struct error *error);
MUST_USE enum status register_heal(struct repo *repo, const char *state,
                                   const struct erasure_ids *sworn,
                                   const struct erasure_register *there, struct error *error);

#endif
