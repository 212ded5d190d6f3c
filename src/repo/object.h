/* object: names, and bytes that verify. Everything in the room goes through here to the store. */
#ifndef REPO_OBJECT_H
#define REPO_OBJECT_H

#include "kura/repo.h"

/* The numbers are not stored. */
enum object_kind {
    OBJECT_REPOSITORY,
    OBJECT_HOST,
    OBJECT_KEYS,
    OBJECT_STATEMENT,
    OBJECT_SNAPSHOT,
    OBJECT_REFERENCES,
    OBJECT_INDEX,
    OBJECT_PACK,
    OBJECT_REGISTER,
};
#define OBJECT_NAME_SIZE 160
#define OBJECT_LIMIT ((size_t)8 * 1024 * 1024) /* bytes of a sealed object or a small one */
#define SNAPSHOT_OBJECT_LIMIT ((size_t)16 * 1024 * 1024)
#define PACK_LIMIT ((size_t)64 * 1024 * 1024)

const char *object_folder(enum object_kind kind); /* "index" */
/* "index/<id>", "packs/3f/<id>" */
void object_name(char name[OBJECT_NAME_SIZE], enum object_kind kind,
                 const unsigned char id[OBJECT_ID_SIZE]);

/* Connections: each thread takes one and gives it back. Opens up to access.connections of them,
 * then waits. Thread-safe. */
MUST_USE enum status repo_take_store(struct store **store, struct repo *repo, struct error *error);
void repo_give_store(struct repo *repo, struct store *store); /* NULL is silent */
unsigned repo_connections(const struct repo *repo);

/* Publishes bytes under the id. When the name is taken: by these very bytes, that is success; else,
 * under `<id>.<random>`. For OBJECT_REPOSITORY, HOST, KEYS and REGISTER the id is ignored and the
 * name random; for OBJECT_SNAPSHOT the name is always `<id>.<random>`. */
MUST_USE enum status object_put(struct repo *repo, struct store *store, enum object_kind kind,
                                const unsigned char id[OBJECT_ID_SIZE], const struct buffer *bytes,
                                struct error *error);
/* The same for those with a random name, which is told. */
MUST_USE enum status object_put_nameless(char name[OBJECT_NAME_SIZE], const struct repo *repo,
                                         struct store *store, enum object_kind kind,
                                         const struct buffer *bytes, struct error *error);
/* The object's bytes, verified against its id (BLAKE2b-256 of the bytes; of the age payload for a
 * snapshot). Tries every name of the id. NOT_FOUND: no name; CORRUPT: names, but none verifies. */
MUST_USE enum status object_get(struct buffer *bytes, struct repo *repo, struct store *store,
                                enum object_kind kind, const unsigned char id[OBJECT_ID_SIZE],
                                struct error *error);
/* A piece of a pack, not verified; *got < size only at its end. Tries every name until one has it.
 * Where a piece does not open, object_get of the whole pack finds the name that verifies. */
MUST_USE enum status object_get_range(struct store *store, enum object_kind kind,
                                      const unsigned char id[OBJECT_ID_SIZE], uint64_t offset,
                                      void *target, size_t size, size_t *got, struct error *error);

/* Visits all objects of a kind. `id` is taken from the name (zeros where the kind has random
 * names). Names that are no object's are told as problems (may be NULL). */
typedef enum status (*object_visit)(void *context, const unsigned char id[OBJECT_ID_SIZE],
                                    const struct store_entry *entry, struct error *error);
MUST_USE enum status object_list(struct repo *repo, struct store *store, enum object_kind kind,
                                 struct problems *problems, object_visit visit, void *context,
                                 struct error *error);

/* Sealed objects (FORMAT.md): kind STATEMENT, REFERENCES, INDEX, REGISTER; the content is padded
 * and sealed.
 */
MUST_USE enum status object_seal(struct buffer *bytes, const struct repo *repo,
                                 enum object_kind kind, const struct buffer *content,
                                 struct error *error);
MUST_USE enum status object_unseal(struct buffer *content, const struct repo *repo,
                                   enum object_kind kind, const struct buffer *bytes,
                                   struct error *error);
void object_hash(unsigned char id[OBJECT_ID_SIZE], const void *bytes, size_t size);

/* What a subkey is for: "seal index", "content hash", ...; see FORMAT.md. */
void repo_subkey(unsigned char key[SUBKEY_SIZE], const struct repo *repo, const char *use);
const struct host_key *repo_host(const struct repo *repo); /* or NULL */
const struct age_identity *repo_identities(const struct repo *repo, size_t *count);

/* ---- index: which pack holds which chunk ---- */
struct index_chunk {
    unsigned char id[CHUNK_ID_SIZE];
    uint32_t offset;
    uint32_t size; /* sealed */
};
struct index_pack {
    unsigned char id[OBJECT_ID_SIZE];
    uint64_t size;
    struct index_chunk *chunks;
    uint32_t count;
    uint32_t origin; /* of index_read_all: counts the index objects, this one is in that one */
};
MUST_USE enum status index_pack_encode(struct buffer *content, const struct index_pack *pack,
                                       struct error *error); /* one pack, to be put after a u32 */
/* Calls visit for every pack; its chunks are borrowed for the call. */
typedef enum status (*index_visit)(void *context, const struct index_pack *pack,
                                   struct error *error);
MUST_USE enum status index_decode(const struct buffer *content, index_visit visit, void *context,
                                  struct error *error);
/* Reads, verifies and decodes every index object, on several connections; the visits come one at a
 * time. Damaged ones are told as problems and left out. */
MUST_USE enum status index_read_all(struct repo *repo, struct problems *problems, index_visit visit,
                                    void *context, struct error *error);

/* ---- pack: sealed chunks and a sealed directory ---- */
/* Bytes of a pack of `count` chunks that together have `chunk_bytes`, before it is padded. */
uint64_t pack_size_before_padding(uint64_t chunk_bytes, uint32_t count);
/* Builds the whole pack of chunks given in any order; shuffles them. The caller fills pack->count
 * and each chunk's id and size, sealed[i] being the bytes of chunk i; the callee brings
 * pack->chunks into the end order with their offsets, and fills pack->id and size. */
MUST_USE enum status pack_build(struct buffer *bytes, struct index_pack *pack,
                                const struct repo *repo, const unsigned char *const *sealed,
                                struct error *error);
/* Reads the directory of a whole pack in memory; checks bounds and overlaps. Caller frees
 * pack->chunks. pack->id is not touched: whoever fetched the pack verified it. */
MUST_USE enum status pack_directory(struct index_pack *pack, const struct repo *repo,
                                    const struct buffer *bytes, struct error *error);

/* The same of a pack in the store, without its chunks. The caller fills pack->id and size; nothing
 * says that the other bytes match the id. */
MUST_USE enum status pack_fetch_directory(struct index_pack *pack, const struct repo *repo,
                                          struct store *store, struct error *error);

/* ---- references ---- */
struct references {
    unsigned char base[OBJECT_ID_SIZE]; /* statement; zeros: none */
    unsigned char (*added)[CHUNK_ID_SIZE];
    size_t added_count;
    unsigned char (*removed)[CHUNK_ID_SIZE];
    size_t removed_count;
};
MUST_USE enum status references_encode(struct buffer *content, const struct references *references,
                                       struct error *error);
MUST_USE enum status references_decode(struct references *references, const struct buffer *content,
                                       struct error *error);
void references_free(struct references *references);

/* ---- statements ---- */
/* Signs with the host key and writes it; fills statement->id, host, standing. */
MUST_USE enum status statement_write(struct statement *statement, struct repo *repo,
                                     struct store *store, struct error *error);
/* The JSON of a source's words, shared by statement and catalogue. Opaque here: json_t. */
struct json_t;
struct json_t *statement_source_to_json(const struct statement_source *source);
MUST_USE enum status statement_source_from_json(struct statement_source *source,
                                                const struct json_t *json, struct error *error);
void statement_source_free(struct statement_source *source);

#endif
