/* repo: the repository. Immutable objects in a store, in the format of src/repo/FORMAT.md; what the
 * host says of them (statements), and the ways in and out for chunks, entries and catalogues.
 */
#ifndef KURA_REPO_H
#define KURA_REPO_H

#include "kura/entry.h"
#include "kura/keys.h"
#include "kura/pipeline.h"
#include "kura/store.h"
#include <signal.h>

#define OBJECT_ID_SIZE 32
#define OBJECT_ID_TEXT_SIZE 65
#define ERASURE_ID_SIZE 16 /* of an entry of the register */

/* ------------------------------------------------------------------ opening */

struct repo;

/* How to come in. What is pointed to must live as long as the repo. */
struct repo_access {
    struct store_options store;
    unsigned connections; /* at most so many at once; 0: usual (8, 4 on a near line, 2 in a local
                             folder) */
    const struct host_key *host;           /* the way of the nightly job; or NULL */
    const struct age_identity *identities; /* open keys/ and catalogues; or none */
    size_t identity_count;
    const unsigned char *trusted;    /* SIGN_PUBLIC_SIZE: root of trust; NULL: the origin cannot be
                                      * proved, and everything read is STANDING_UNPROVED */
    const unsigned char *repository; /* REPOSITORY_ID_SIZE expected, or NULL */
    bool untrusted; /* where the storage has lost all words about hosts: on without proof */
};

/* Reads repository/, hosts/ and, without a host key, keys/. Damaged or unauthentic objects among
 * them are set aside as problems (repo_list tells them) as long as one good one is left in
 * repository/ and keys/; with none in hosts/ no statement is trusted. No repository there:
 * STATUS_NOT_FOUND. A newer format: STATUS_UNSUPPORTED. */
MUST_USE enum status repo_open(struct repo **repo, const struct repo_access *access,
                               struct error *error);
void repo_free(struct repo *repo);
const unsigned char *repo_id(const struct repo *repo);
/* The repository secret, REPOSITORY_SECRET_SIZE bytes in secret memory, for another host's key; and
 * all words of the recovery key about hosts, none without a root of trust. Both are borrowed. */
const unsigned char *repo_secret(const struct repo *repo);
const struct host_record *repo_hosts(const struct repo *repo, size_t *count);

struct repo_creation {
    struct store_options store;
    const struct host_key *host;
    const struct signing_key *recovery;     /* signs repository/ and hosts/ */
    const struct age_recipient *recipients; /* the recovery recipient among them */
    size_t recipient_count;
    const char *host_name;
};
/* Makes all folders and the first objects. STATUS_EXISTS where a repository is already. */
MUST_USE enum status repo_create(const struct repo_creation *creation, struct error *error);

/* Publishes a word of the recovery key about a host key. */
MUST_USE enum status repo_vouch(struct repo *repo, const struct host_record *record,
                                const struct signing_key *recovery, struct error *error);
/* Whether the storage has lost the description in repository/, and a host for which the recovery
 * key vouches shows which secret is the repository's: then the recovery key can write it anew. */
bool repo_can_describe(const struct repo *repo);
/* Writes it. Of the creation the store and the host's name are not looked at. */
MUST_USE enum status repo_describe(struct repo *repo, const struct repo_creation *creation,
                                   struct error *error);

/* ------------------------------------------------------------------ problems */

/* What was found damaged, missing or not to be trusted; it is set aside, never fatal to the rest.
 */
struct problem {
    enum status status; /* CORRUPT, UNAUTHENTIC, NOT_FOUND, UNSUPPORTED, UNREACHABLE */
    char *object;       /* name in the store, printable */
    char *message;
    char *hint; /* the way out; "": none */
};
/* One object that is lost, in so many of the problems. */
struct loss {
    char *object;
    uint64_t count;
};
struct problems {
    struct problem *items;
    size_t count;
    size_t loss_items;   /* losses among the items; they yield to other problems */
    uint64_t dropped;    /* beyond PROBLEMS_LIMIT only counted */
    struct loss *losses; /* what is lost according to those */
    size_t loss_count;
    bool losses_cut; /* beyond LOSSES_LIMIT only counted, too */
};
#define PROBLEMS_LIMIT 1000
#define LOSSES_LIMIT 100000
/* Whether a failure is about one object (absent, damaged, not readable), so that it is told as a
 * problem while the others go on. What concerns the connection, the memory or the user's wish to
 * stop is not; nor is STATUS_OK. */
MUST_USE bool problem_is_local(enum status status, const struct error *error);
/* Whether the problem is one object that is gone, of a kind that no host brings back by itself. */
bool problem_is_loss(const struct problem *problem);
void problems_add(struct problems *problems, const char *object, const struct error *error);
void problems_remove(struct problems *problems, size_t number);
void problems_free(struct problems *problems);
MUST_USE enum status problems_copy(struct problems *to, const struct problems *from,
                                   struct error *error);

/* ------------------------------------------------------------------ statements */

enum standing {
    STANDING_TRUSTED,  /* signed by a host key for which the recovery key vouches */
    STANDING_UNPROVED, /* no root of trust was given */
};

struct statement_table {
    char *name;
    uint64_t rows;
};

enum source_status { SOURCE_COMPLETE, SOURCE_WARNINGS, SOURCE_FAILED };

struct statement_source {
    char *name;
    char *kind;
    enum source_status status;
    char *problem; /* or NULL */
    uint64_t entries;
    uint64_t bytes;
    int64_t persons; /* distinct natural persons; -1: not counted */
    unsigned char persons_digest[PERSONS_DIGEST_SIZE]; /* of their pseudonyms, if counted */
    unsigned char digest[32];
    /* Taken together with the others that have the same two moments: all of what is in it lay
     * between them, a database in one state. */
    bool together;
    struct moment together_began, together_ended; /* whole seconds */
    /* Seconds; 0: none. Chunks that are used in part hold, in the parts that are not, what is gone
     * from the source: nothing that was not in a backup of it at that time or later. */
    int64_t remnants;
    struct statement_table *tables;
    size_t table_count;
};

struct statement {
    unsigned char id[OBJECT_ID_SIZE];
    unsigned char host[SIGN_PUBLIC_SIZE];
    enum standing standing;
    uint64_t sequence;
    struct moment time;
    struct moment due;
    unsigned char (*parents)[OBJECT_ID_SIZE];
    size_t parent_count;
    unsigned char snapshot[OBJECT_ID_SIZE];
    unsigned char (*references)[OBJECT_ID_SIZE];
    size_t reference_count;
    unsigned char (*indexes)[OBJECT_ID_SIZE];
    size_t index_count;
    uint64_t stored;     /* bytes that this backup added to the store */
    uint64_t audit_size; /* head of the host's log then, opaque to the repository; 0: none */
    unsigned char audit_root[32];
    unsigned char (*erasures)[ERASURE_ID_SIZE]; /* of the register then (register.h), sorted */
    size_t erasure_count;
    int64_t persons; /* of all sources together, nobody twice; -1: counted in none */
    struct statement_source *sources;
    size_t source_count;
};
void statement_free(struct statement *statement); /* what it holds; leaves it empty */

/* All good statements, oldest first (by sequence, then time). */
struct snapshot_list {
    struct statement *items;
    size_t count;
    size_t *heads; /* positions of those that are no one's parent */
    size_t head_count;
    struct problems problems; /* damaged, unauthentic, missing parents, revoked hosts */
};
MUST_USE enum status repo_list(struct snapshot_list *list, struct repo *repo, struct error *error);
void snapshot_list_free(struct snapshot_list *list);
/* By "latest", or at least 4 leading hexadecimal digits of the id. NOT_FOUND; ambiguous: USAGE.
 * before: NULL or the latest moment allowed. *found is borrowed from the list. */
MUST_USE enum status snapshot_list_find(const struct statement **found,
                                        const struct snapshot_list *list, const char *name,
                                        const struct moment *before, struct error *error);
/* Holds the list against what the state folder of this machine says was published from here last:
 * the storage alone cannot hide that its newest snapshot was dropped. If it is not there, that is
 * added as a problem; what the state does not say is none. */
MUST_USE enum status snapshot_list_expect(struct problems *problems,
                                          const struct snapshot_list *list, const struct repo *repo,
                                          const char *state, struct error *error);
#define HEAD_CODE_SIZE 10
/* A short code over all heads, "K7QF-2M9X", that a person can keep: proves freshness later. */
void snapshot_list_head_code(char code[HEAD_CODE_SIZE], const struct snapshot_list *list);

/* ------------------------------------------------------------------ content and trees */

/* Where the bytes of a file are: inline, or a list of chunk references, or the root of a tree of
 * such lists. Encoded as in FORMAT.md, from "u8 level" on (or the inline bytes). */
struct content {
    uint64_t size; /* of the file */
    uint32_t rotation;
    bool inlined;
    uint8_t level;
    uint32_t count; /* of references */
    struct buffer data;
};
#define CONTENT_INLINE_LIMIT 1024 /* bytes: what is at most so long goes into the leaf */
void content_free(struct content *content);

/* Where the nodes of lists and trees go while they are built. */
struct node_output {
    struct pipeline *pipeline;
    const unsigned char *key; /* writer_node_key */
    /* Called with the chunk of each, for whoever counts the uses of chunks. */
    enum status (*stored)(void *context, const struct chunk_result *node, struct error *error);
    void *context;
};

/* Collects the references of one file. */
struct list_builder;
MUST_USE enum status list_builder_new(struct list_builder **builder,
                                      const struct node_output *output, struct error *error);
MUST_USE enum status list_builder_add(struct list_builder *builder,
                                      const struct chunk_reference *reference, struct error *error);
/* `size` bytes of the chunk, behind the first `skip`. */
MUST_USE enum status list_builder_add_part(struct list_builder *builder,
                                           const struct chunk_reference *reference, uint32_t skip,
                                           uint32_t size, struct error *error);
MUST_USE enum status list_builder_hole(struct list_builder *builder, uint64_t size,
                                       struct error *error);
/* Hands over what was collected (size and rotation are the caller's to set) and begins anew. */
MUST_USE enum status list_builder_finish(struct content *content, struct list_builder *builder,
                                         struct error *error);
void list_builder_free(struct list_builder *builder);

struct tree_root {
    bool present; /* false: no entries */
    struct chunk_reference reference;
    uint8_t level;
    uint64_t entries;
    unsigned char digest[32];
};
/* Collects the entries of one source, in order. */
struct tree_builder;
MUST_USE enum status tree_builder_new(struct tree_builder **builder,
                                      const struct node_output *output, struct error *error);
/* content: NULL for what has none. */
MUST_USE enum status tree_builder_add(struct tree_builder *builder, const struct entry *entry,
                                      const struct content *content, struct error *error);
MUST_USE enum status tree_builder_finish(struct tree_root *root, struct tree_builder *builder,
                                         struct error *error);
void tree_builder_free(struct tree_builder *builder);

/* One entry as in a leaf (without the length in front), for leaves and for the host's local memory
 * of the last night. Encoding appends. Decoding trusts nothing; the record must be used up exactly.
 * content: NULL for what has none; decoded, that is an inline content of 0 bytes. */
MUST_USE enum status entry_encode(struct buffer *out, const struct entry *entry,
                                  const struct content *content, struct error *error);
MUST_USE enum status entry_decode(struct entry *entry, struct content *content, const void *record,
                                  size_t size, struct error *error);

/* ------------------------------------------------------------------ writing */

/* A backup in progress: keeps new chunks in packs, knows old ones by the local content map. */
struct writer;

struct writer_options {
    const char *state;                      /* folder: content map, journal, spool */
    uint64_t spool_limit;                   /* bytes */
    const struct age_recipient *recipients; /* of the catalogue */
    size_t recipient_count;
    unsigned wait_seconds;          /* for another backup on the same state, then STATUS_LOCKED */
    void (*on_wait)(void *context); /* called before waiting; may be NULL */
    void *context;
    const volatile sig_atomic_t *cancelled; /* ends the waiting, or NULL */
};

/* Whether a name in the state folder is of what every backup makes anew, and the next one can do
 * without: spool, memory, content map. Its neighbours, like the audit log, are not. */
bool repo_state_remade(const char *name);

/* Locks the state, takes up what an interrupted run left (complete packs in the spool are sent),
 * draws tonight's key. */
MUST_USE enum status writer_open(struct writer **writer, struct repo *repo,
                                 const struct writer_options *options, struct error *error);
/* An unpublished backup is dropped; what it stored so far serves the next one. */
void writer_free(struct writer *writer);

/* The next backup that is made with this state folder looks whether all is there that it knows of,
 * as after damage, and stores again what is not. */
MUST_USE enum status writer_ask_to_look(const char *state, struct error *error);

/* What was found wrong and dealt with so far: a damaged state.db that was removed, a base, index or
 * pack that the repository has no more. Borrowed. */
const struct problems *writer_problems(const struct writer *writer);
/* What is remembered proved wrong: the memory is damaged or, if `lost` is not NULL, the store has
 * that chunk of the map no more. Its pack and what was remembered of the last backup are forgotten,
 * with a chunk that is damaged (reason->status CORRUPT) the whole map; this backup fails with
 * *reason from here on. Returns reason->status. */
enum status writer_distrust(struct writer *writer, const struct chunk_reference *lost,
                            struct error *reason);
/* Whether the backup failed over something remembered that proved wrong and is forgotten now: the
 * same backup, begun anew, goes on without it. */
bool writer_distrusted(const struct writer *writer);

/* Fills hash_key, chunker_key, repository and keeper of the options. They live as long as the
 * writer. */
void writer_pipeline(struct writer *writer, struct pipeline_options *options);
const unsigned char *writer_node_key(const struct writer *writer);

/* Counts the uses of a chunk by the snapshot in progress, relative to the last one: +1 for what is
 * new in it, -1 for what is gone from it. What nothing uses any more is forgotten at publication.
 * The references object comes from it. Not thread-safe: the journey's thread only. */
MUST_USE enum status writer_use(struct writer *writer, const unsigned char hash[CHUNK_HASH_SIZE],
                                int change, struct error *error);
/* What the content map knows of a content: the chunk's key. Thread-safe. */
MUST_USE enum status writer_find_chunk(struct writer *writer,
                                       const unsigned char hash[CHUNK_HASH_SIZE],
                                       struct chunk_reference *reference, bool *found,
                                       struct error *error);
/* Opens a chunk that the content map knows, from the store or the spool (a dictionary). */
MUST_USE enum status writer_open_chunk(struct writer *writer,
                                       const struct chunk_reference *reference,
                                       struct buffer *content, struct error *error);

/* Name of the folder (in the state) with what the last published backup of this state remembers,
 * or NULL; and the folder where this one may write its own. Publication switches from one to the
 * other and removes the old, in one step that survives any interruption. Borrowed. */
const char *writer_memory(const struct writer *writer);
const char *writer_new_memory(const struct writer *writer);

struct catalogue_dictionary {
    uint32_t id;
    struct chunk_reference reference;
};
/* By which definition persons were counted: config_person of config.h. */
struct person_kind {
    char *domain;
    char *sql;
};
/* Who was counted in a source, if words.persons >= 0. */
struct census {
    struct person_kind *kinds;
    size_t kind_count;
    uint64_t unlinked;   /* of words.persons those who are tied to nobody */
    struct content list; /* the others' pseudonyms, sorted: PERSON_SIZE bytes each */
};
struct catalogue_source {
    struct statement_source words;
    struct tree_root root;
    struct catalogue_dictionary *dictionaries;
    size_t dictionary_count;
    struct census census;
};
void catalogue_source_free(struct catalogue_source *source); /* what it holds; leaves it empty */

struct publication {
    struct catalogue_source *sources;
    size_t source_count;
    struct moment time;
    struct moment due;
    uint64_t audit_size; /* for the statement, as it is */
    unsigned char audit_root[32];
    int64_t persons; /* as in the statement */
};
/* Flushes the open pack, waits for all packs, fetches and opens a random sample of reused chunks
 * (damage among them: STATUS_CORRUPT, and writer_distrusted), then writes index, references,
 * snapshot and statement, and makes the local state follow. *statement is what was said. */
MUST_USE enum status writer_publish(struct statement *statement, struct writer *writer,
                                    const struct publication *publication, struct error *error);

struct writer_progress { /* safe to read from any thread */
    uint64_t stored;     /* bytes of packs that are off-site and verified */
    uint64_t waiting;    /* bytes of packs that wait, in memory and spool */
};
void writer_get_progress(struct writer *writer, struct writer_progress *progress);

/* ------------------------------------------------------------------ reading */

/* An opened catalogue, and what is needed to find its chunks. Needs an identity in the access. */
struct snapshot;
MUST_USE enum status snapshot_open(struct snapshot **snapshot, struct repo *repo,
                                   const struct statement *statement, struct error *error);
void snapshot_free(struct snapshot *snapshot);
const struct repo *snapshot_repo(const struct snapshot *snapshot); /* borrowed */
size_t snapshot_source_count(const struct snapshot *snapshot);
const struct catalogue_source *snapshot_source(const struct snapshot *snapshot, size_t number);
const struct catalogue_source *snapshot_find_source(const struct snapshot *snapshot,
                                                    const char *name);
/* How many threads can fetch from it at once, each on a connection of its own. */
unsigned snapshot_connections(const struct snapshot *snapshot);

/* Both are borrowed for the call. */
typedef enum status (*entry_visit)(void *context, const struct entry *entry,
                                   const struct content *content, struct error *error);
/* Visits the entries in order from `path` on that are `path` or below it ("" for all); fetches only
 * the nodes that it needs. A damaged node is told to `problem` (may be NULL: then it ends the walk)
 * and what is below it is left out. Checks that paths are valid and in order. */
struct walk {
    const char *path;
    entry_visit visit;
    void (*problem)(void *context, const char *near_path, const struct error *error);
    void *context;
};
MUST_USE enum status snapshot_walk(struct snapshot *snapshot, const struct catalogue_source *source,
                                   const struct walk *walk, struct error *error);
/* One entry by its path; NOT_FOUND. The caller frees both. */
MUST_USE enum status snapshot_find(struct entry *entry, struct content *content,
                                   struct snapshot *snapshot, const struct catalogue_source *source,
                                   const char *path, struct error *error);

/* One piece of a file: position in the file (rotation undone), and a chunk, a part of one, or a
 * hole. A chunk that rotation splits over the end of the file does not occur: rotation is at a
 * chunk's border. */
struct piece {
    uint64_t offset;
    uint64_t size;
    const struct chunk_reference *reference; /* NULL: a hole, or inline */
    uint32_t skip;                           /* bytes of the chunk before the piece */
    const unsigned char *inlined;            /* inline bytes, or NULL */
};
typedef enum status (*piece_visit)(void *context, const struct piece *piece, struct error *error);
/* Visits the pieces in the order of the stream; fetches list nodes. Checks that sizes add up. */
MUST_USE enum status content_walk(struct snapshot *snapshot, const struct content *content,
                                  piece_visit visit, void *context, struct error *error);

/* The persons that were counted in the source, settled; of all sources together if `source` is
 * NULL. Nobody was counted there: STATUS_NOT_FOUND. Holds the list against what the statement says
 * of its number and digest: STATUS_CORRUPT. Up to PERSON_SIZE bytes for each person are needed. */
MUST_USE enum status snapshot_persons(struct persons *persons, struct snapshot *snapshot,
                                      const struct catalogue_source *source, struct error *error);
/* Whether a person of the domain is in one of the snapshot's sources: fetches little of the lists.
 * *complete is false if there is a database in which persons were not counted, or if those of this
 * domain were counted in none; what failed is not there. */
MUST_USE enum status snapshot_has_person(bool *found, bool *complete, struct snapshot *snapshot,
                                         const char *domain,
                                         const unsigned char pseudonym[PERSON_SIZE],
                                         struct error *error);
/* Of all sources of a snapshot together: the names of tables, with their rows, in a statement. */
#define STATEMENT_TABLES_LIMIT ((size_t)2 * 1024 * 1024) /* bytes */
/* Takes what the source's tables need from *room. Where they need more, its tables go: a statement
 * without the rows of one source is better than none. */
MUST_USE enum status statement_source_fit(bool *fits, size_t *room, struct statement_source *source,
                                          struct error *error);
/* Whether the source could hold persons that were not counted: a database without a number. */
bool statement_source_is_uncounted(const struct statement_source *source);

/* Where a chunk lies. NOT_FOUND if no index says. Thread-safe. */
struct location {
    unsigned char pack[OBJECT_ID_SIZE];
    uint32_t offset;
    uint32_t size; /* sealed */
};
MUST_USE enum status snapshot_locate(struct location *location, struct snapshot *snapshot,
                                     const struct chunk_reference *reference, struct error *error);

/* One thread's way to chunk contents: a connection, a decompressor, and the last piece of a pack.
 */
struct chunk_reader;
MUST_USE enum status chunk_reader_new(struct chunk_reader **reader, struct snapshot *snapshot,
                                      struct error *error);
void chunk_reader_free(struct chunk_reader *reader);
/* Puts reference->size bytes into `target`. For single chunks and in-order reading: fetches aligned
 * ranges and keeps recent ones. Damage: STATUS_CORRUPT; other packs that hold the chunk are tried.
 */
MUST_USE enum status chunk_reader_get(struct chunk_reader *reader,
                                      const struct catalogue_source *source,
                                      const struct chunk_reference *reference, void *target,
                                      struct error *error);
/* As chunk_reader_get, for chunks of which parts are wanted in turns: *content stays the reader's,
 * until the next call of this function. The last few are kept. */
MUST_USE enum status chunk_reader_borrow(const unsigned char **content, struct chunk_reader *reader,
                                         const struct catalogue_source *source,
                                         const struct chunk_reference *reference,
                                         struct error *error);
/* Many chunks of one pack, in any order: fetches merged ranges (gap <= 256 KiB, range <= 16 MiB)
 * and calls `visit` for each wish with its content, or with NULL and the reason. With both: the
 * chunk was not at the place that was wished, and was found at another one. */
struct chunk_wish {
    struct chunk_reference reference;
    struct location location;
    const struct catalogue_source *source; /* for its dictionaries */
    uint64_t tag;                          /* the caller's */
};
typedef enum status (*chunk_visit)(void *context, const struct chunk_wish *wish,
                                   const unsigned char *content, const struct error *damage,
                                   struct error *error);
MUST_USE enum status chunk_reader_get_many(struct chunk_reader *reader,
                                           const struct chunk_wish *wishes, size_t count,
                                           chunk_visit visit, void *context, struct error *error);

/* ------------------------------------------------------------------ checking */

struct check_options {
    const char *state;     /* folder, for snapshot_list_expect; or NULL */
    unsigned read_percent; /* of the packs, at random; 0: structure only; 100: all */
    bool open_chunks;      /* also open every chunk (needs an identity) */
    void (*progress)(void *context, uint64_t done, uint64_t total); /* bytes; may be NULL */
    void *context;
};
struct check_report {
    struct problems problems;
    size_t snapshots;
    uint64_t packs;
    uint64_t bytes;
    uint64_t chunks; /* that indexes name */
    uint64_t packs_read;
    uint64_t chunks_opened;
    uint64_t unused_packs; /* named by no index, as interrupted runs leave them */
    uint64_t found_packs;  /* named by none either, but read, for an index is lost */
    uint64_t unfinished;   /* files that never became objects: left by killed runs, or on the way */
    uint64_t unfinished_bytes;
};
/* Statements, their chain, references, indexes, presence and size of every pack; as asked the bytes
 * of packs against their names and directories against indexes; as asked every chunk of every
 * snapshot. What is wrong is in the report; the status is about the checking itself. */
MUST_USE enum status repo_check(struct check_report *report, struct repo *repo,
                                const struct check_options *options, struct error *error);
void check_report_free(struct check_report *report);

#endif
