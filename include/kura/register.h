/* register: persons who asked to be erased. Part of the room repo; the bytes are in
 * src/repo/FORMAT.md.
 *
 * Backups are never rewritten, so what was erased from the shop's own data still lies in them. The
 * register makes every way back obey: each entry names a person by pseudonym, and, sealed to the
 * recipients, the id and the rules by which a restore erases whatever of it a snapshot brings back.
 * So a bare machine with the recovery kit needs nothing else.
 *
 * An entry is believed by the signature of a host key for which the recovery key vouches. From the
 * next backup on its id stands in every statement: a storage that drops it is found out. Nothing is
 * removed from the register: what was entered by mistake is taken back by another entry. */
#ifndef KURA_REGISTER_H
#define KURA_REGISTER_H

#include "kura/repo.h"
#include "kura/signed.h"

#define ERASURE_RULES_LIMIT 1000 /* rules of one entry, and texts of one rule */
#define ERASURES_LIMIT 50000     /* entries; nobody is registered beyond */

/* How a person is erased from one source. Both lists are NULL-terminated and may be empty. */
struct erasure_rule {
    char *source; /* its name */
    char **sql;   /* statements with the parameter :id, in order */
    char **paths; /* patterns of paths with {id}, see erasure_path_matches */
};

struct erasure {
    unsigned char id[ERASURE_ID_SIZE];
    unsigned char person[PERSON_SIZE];
    struct moment time;
    unsigned char host[SIGN_PUBLIC_SIZE]; /* who signed it */
    bool approved;                        /* and a manager, by this key: */
    struct minisign_public manager;
    bool withdrawal; /* no erasure: it takes this one of the same person back: */
    unsigned char withdraws[ERASURE_ID_SIZE];

    /* Sealed to the recipients: */
    bool opened; /* false: the identities at hand do not open it, and what follows is empty */
    char *domain, *value; /* whose pseudonym it is */
    char *reason, *by;
    struct erasure_rule *rules;
    size_t rule_count;
};
void erasure_free(struct erasure *erasure);

struct erasure_register {
    struct erasure *items; /* oldest first, each once */
    size_t count;
    size_t unopened;         /* of them */
    struct erasure *settled; /* withdrawals, and what they took back: nobody obeys them */
    size_t settled_count;
    struct problems problems; /* damaged, unauthentic, missing entries */
    size_t missing;           /* that statements swear to and that are not there, or not whole */
    bool unread; /* its folder could not be listed whole, so none was read, and none is missing */
};
void erasure_register_free(struct erasure_register *entries);

/* Reads and verifies all entries, opens them where the access has identities, and holds them
 * against what the statements of the list swear to. What is damaged, not by a host that may, or
 * missing is told in the problems, and never applied. A folder that cannot be read, or holds more
 * than a register can, is a problem, too: whoever obeys must not go on. An entry of a host that was
 * revoked later counts if a trusted statement names it: a thief of the key cannot add any. What a
 * manager signed is taken back by the same key only. */
MUST_USE enum status register_read(struct erasure_register *entries, struct repo *repo,
                                   const struct snapshot_list *list, struct error *error);
bool register_has(const struct erasure_register *entries, const unsigned char person[PERSON_SIZE]);
/* STATUS_CORRUPT if it is unread: nobody can act on a part of it. */
MUST_USE enum status register_check_read(const struct erasure_register *entries,
                                         struct error *error);
/* STATUS_UNSUPPORTED if there is no room for another person. What is taken back takes room, too;
 * to take back there always is some. */
MUST_USE enum status register_check_room(const struct erasure_register *entries,
                                         struct error *error);
/* Whether a withdrawal that this manager signed (not approved: nobody) takes the erasure back. */
bool erasure_may_be_withdrawn(const struct erasure *erasure, bool approved,
                              const struct minisign_public *manager);

/* What a backup in progress found there. Borrowed. */
const struct erasure_register *writer_register(const struct writer *writer);

struct register_writing {
    const struct age_recipient *recipients;
    size_t recipient_count;
    const struct minisign_secret *manager; /* signs it, too; NULL: nobody */
    const char *state; /* folder that gets a copy, so that a backup can store it again; or NULL */
};
/* Signs, seals and publishes an entry with the words of `erasure` (domain, value, reason, by,
 * rules), which may be a withdrawal; fills id, person, time, host and the manager's part of it.
 * Needs the host key. Too many or too long words: STATUS_USAGE. */
MUST_USE enum status register_write(struct erasure *erasure, struct repo *repo,
                                    const struct register_writing *writing, struct error *error);

/* Whether the pattern means the path, or a folder that it lies in. In a pattern {id} is the
 * person's id, letter by letter; '*' is any number and '?' one of the bytes of a component, never
 * '/'. */
bool erasure_path_matches(const char *pattern, const char *id, const char *path);
/* Whether some entry erases this path of the source; only opened entries can tell. */
bool register_erases_path(const struct erasure_register *entries, const char *source,
                          const char *path);
/* Whether some entry has SQL for the source. */
bool register_erases_rows(const struct erasure_register *entries, const char *source);

#endif
