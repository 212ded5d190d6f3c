/* store: where objects lie. A store keeps named bytes and is blind to their meaning. What it has
 * stays: there is no call that removes or replaces an object.
 *
 * Names are relative, "packs/3f/3f…", of [a-z0-9./_-] only, at most 200 bytes, no component
 * starting with a dot or ending in ".tmp"; anything else is STATUS_USAGE before the store is
 * touched. Names read from a listing that do not fit are left out of it.
 *
 * A `struct store` is one connection and serves one thread at a time. Open one per thread.
 * Every wait has a deadline; a store never hangs.
 */
#ifndef KURA_STORE_H
#define KURA_STORE_H

#include "kura/base.h"

struct store;

struct store_options {
    const char *url;             /* sftp://[user@]host[:port]/path or a folder's path */
    const char *identity_file;   /* private key file; NULL: ssh-agent, or what ssh_config says */
    const char *known_hosts;     /* file; NULL: the user's own */
    const char *pinned_host_key; /* "ssh-ed25519 AAAA…", instead of known_hosts; NULL: none */
    const struct secret_text *login_key;        /* private key in memory (OpenSSH PEM), instead of
                                                 * identity_file; NULL: none */
    const struct secret_text *login_passphrase; /* of an encrypted key, or NULL */
    const char *ssh_config;    /* file for ssh -G (-F), or NULL for the user's own */
    unsigned deadline_seconds; /* of one wait without progress; 0: 60 */
    unsigned retry_seconds;    /* how long to try to reconnect, with backoff; 0: 300 */
    /* Called about twice a second, by the thread that waits, while a connection is tried; false
     * gives up at once. NULL: nobody needs to know. */
    bool (*waiting)(void *context);
    void *waiting_context;
    /* Whether objects may be written into this opened folder of this machine; called by any thread
     * before each. Never for a store elsewhere. NULL: nobody minds. */
    enum status (*judge)(void *context, int fd, struct error *error);
    void *judge_context;
    const struct store_driver *driver; /* instead of the one that the address names: a decorator in
                                        * tests, which opens the real store itself; NULL: none */
};

struct store_entry {
    const char *name; /* relative to the store's root, borrowed for the call */
    uint64_t size;
    bool unfinished; /* an upload that is on its way, or that a killed run left */
};

/* Return anything but STATUS_OK to stop the listing with that status. */
typedef enum status (*store_visit)(void *context, const struct store_entry *entry,
                                   struct error *error);

/* Connects. sftp: verifies the host key strictly before anything is sent that could be abused:
 * unknown or changed key: STATUS_UNAUTHENTIC, with what to do. */
MUST_USE enum status store_open(struct store **store, const struct store_options *options,
                                struct error *error);
void store_free(struct store *store);

/* Makes a folder and its parents, for init; existing ones are fine. STATUS_DENIED on a write-once
 * store whose folders are missing. */
MUST_USE enum status store_make_folder(struct store *store, const char *name, struct error *error);

/* Publishes an object: afterwards it is there whole, on stable storage where the server can do
 * that, its size verified; or it is not visible under this name except on a write-once store, where
 * a partial one can stay. Never replaces: STATUS_EXISTS if the name is taken (also by a partial
 * one). Reconnects and retries on a lost connection; when the connection broke after the name was
 * made on a write-once store, the retry ends with STATUS_EXISTS and the caller takes another name.
 */
MUST_USE enum status store_put(struct store *store, const char *name, const void *data, size_t size,
                               struct error *error);

/* Reads `size` bytes at `offset` into `target`. *got < size only at the end of the object.
 * STATUS_NOT_FOUND if it is not there. */
MUST_USE enum status store_get(struct store *store, const char *name, uint64_t offset, void *target,
                               size_t size, size_t *got, struct error *error);

/* Bytes of an object. STATUS_NOT_FOUND if it is not there, STATUS_CORRUPT if something else has its
 * name. */
MUST_USE enum status store_size(struct store *store, const char *name, uint64_t *size,
                                struct error *error);

/* Visits every object directly in the folder `name` ("packs/3f", "index"), in no certain order, not
 * its subfolders. Unfinished uploads are left out. A missing folder is STATUS_NOT_FOUND. At most
 * STORE_LIST_LIMIT entries, then STATUS_CORRUPT: a hostile server can list for ever. */
#define STORE_LIST_LIMIT 10000000
MUST_USE enum status store_list(struct store *store, const char *name, store_visit visit,
                                void *context, struct error *error);

/* The same with the unfinished uploads, of which name and size are only for being told. */
MUST_USE enum status store_list_all(struct store *store, const char *name, store_visit visit,
                                    void *context, struct error *error);

/* The measured time of one round trip in seconds (0 for a local folder). */
double store_round_trip(const struct store *store);
/* From here on more memory for what is on the way makes a transfer faster. */
#define STORE_DISTANT 0.002

/* What the pinned host key line of this connection would be ("ssh-ed25519 AAAA…"), for the recovery
 * kit; NULL for a local folder. Borrowed. */
const char *store_host_key(const struct store *store);

/* Makes an ssh-ed25519 key pair: the private key as OpenSSH PEM text from a 32-byte seed (so that a
 * kit can carry the seed alone), the public one as an authorized_keys line. */
MUST_USE enum status store_login_key(struct secret_text *private_key, char public_line[128],
                                     const unsigned char seed[32], struct error *error);

/* ---- for drivers (store_local.c, store_sftp.c) and for decorators in tests ---- */

/* The contract of a driver: what is said of the function store_… binds the member of that name,
 * and list is store_list_all; tests/contract/test_store.c is the same for all. `self` is what open
 * gave. */
struct store_driver {
    const char *scheme; /* "file", "sftp" */
    enum status (*open)(void **self, const struct store_options *options, struct error *error);
    void (*close)(void *self);
    enum status (*make_folder)(void *self, const char *name, struct error *error);
    enum status (*put)(void *self, const char *name, const void *data, size_t size,
                       struct error *error);
    enum status (*get)(void *self, const char *name, uint64_t offset, void *target, size_t size,
                       size_t *got, struct error *error);
    enum status (*size)(void *self, const char *name, uint64_t *size, struct error *error);
    enum status (*list)(void *self, const char *name, store_visit visit, void *context,
                        struct error *error);
    double (*round_trip)(const void *self);
    const char *(*host_key)(const void *self);
};

#endif
