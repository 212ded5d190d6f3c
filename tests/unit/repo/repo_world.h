/* A real repository in a local folder, and the hands of whoever spoils it. */
#ifndef TEST_REPO_WORLD_H
#define TEST_REPO_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../../src/repo/object.h"
#include "support/scratch.h"
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define assert_good(call)                                                                          \
    do {                                                                                           \
        enum status assert_status = (call);                                                        \
        if (assert_status != STATUS_OK) {                                                          \
            fail_msg("%s: status %d: %s", #call, (int)assert_status, error.message);               \
        }                                                                                          \
    } while (0)

#define UNUSED __attribute__((unused))

struct world {
    char folder[64];
    char store[128];
    struct host_key host;
    struct signing_key recovery;
    struct age_identity identity;
    struct repo *repo;    /* opened with the host key */
    struct store *direct; /* a connection of it, for what the room does with one */
};

/* ---- keys ---- */

UNUSED static void make_host_key(struct host_key *host, const struct world *world)
{
    struct error error;
    randombytes_buf(host->repository, sizeof host->repository);
    host->secret = secret_new(REPOSITORY_SECRET_SIZE);
    randombytes_buf(host->secret, REPOSITORY_SECRET_SIZE);
    assert_good(signing_key_generate(&host->signing, &error));
    memcpy(host->trusted, world->recovery.public_key, SIGN_PUBLIC_SIZE);
    host->recovery = world->identity.recipient;
}

/* Another machine's key for the same repository. */
UNUSED static void make_second_host(struct host_key *host, const struct world *world)
{
    make_host_key(host, world);
    memcpy(host->repository, world->host.repository, REPOSITORY_ID_SIZE);
    memcpy(host->secret, world->host.secret, REPOSITORY_SECRET_SIZE);
}

/* ---- the repository ---- */

UNUSED static struct repo_access host_access(const struct world *world, const struct host_key *host)
{
    return (struct repo_access){.store = {.url = world->store}, .connections = 3, .host = host};
}

UNUSED static struct repo_access identity_access(const struct world *world)
{
    return (struct repo_access){.store = {.url = world->store},
                                .identities = &world->identity,
                                .identity_count = 1,
                                .trusted = world->recovery.public_key};
}

UNUSED static struct repo_creation creation_of(const struct world *world)
{
    return (struct repo_creation){.store = {.url = world->store},
                                  .host = &world->host,
                                  .recovery = &world->recovery,
                                  .recipients = &world->identity.recipient,
                                  .recipient_count = 1,
                                  .host_name = "garage"};
}

UNUSED static void world_keys(struct world *world)
{
    struct error error;
    *world = (struct world){0};
    assert_good(base_start(&error));
    assert_int_equal(scratch_make(world->folder, sizeof world->folder), 0);
    snprintf(world->store, sizeof world->store, "%s/store", world->folder);
    assert_int_equal(mkdir(world->store, 0700), 0);
    assert_good(age_identity_generate(&world->identity, &error));
    assert_good(signing_key_generate(&world->recovery, &error));
    make_host_key(&world->host, world);
}

UNUSED static void world_start(struct world *world)
{
    struct error error = {0};
    world_keys(world);
    struct repo_creation creation = creation_of(world);
    assert_good(repo_create(&creation, &error));
    struct repo_access access = host_access(world, &world->host);
    assert_good(repo_open(&world->repo, &access, &error));
    assert_good(repo_take_store(&world->direct, world->repo, &error));
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

UNUSED static void world_end(struct world *world)
{
    if (world->repo != NULL) {
        repo_give_store(world->repo, world->direct);
    }
    repo_free(world->repo);
    host_key_free(&world->host);
    signing_key_free(&world->recovery);
    age_identity_free(&world->identity);
    nftw(world->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

UNUSED static int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world_start(world);
    *state = world;
    return 0;
}

UNUSED static int world_teardown(void **state)
{
    world_end(*state);
    free(*state);
    return 0;
}

static int remove_object_file(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)ftw;
    bool first = strstr(path, "/store/repository/") != NULL ||
                 strstr(path, "/store/hosts/") != NULL || strstr(path, "/store/keys/") != NULL;
    return type == FTW_F && !first ? remove(path) : 0;
}

/* For tests that share a world, as making one takes hundreds of folders: back to the first objects.
 */
UNUSED static int world_clear(void **state)
{
    const struct world *world = *state;
    return nftw(world->store, remove_object_file, 16, FTW_PHYS);
}

/* ---- the spoiling hand ---- */

UNUSED static void read_object(struct buffer *bytes, const struct world *world, const char *name)
{
    struct error error;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", world->store, name);
    assert_good(file_read(bytes, path, PACK_LIMIT, &error));
}

UNUSED static void write_object(const struct world *world, const char *name, const void *data,
                                size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", world->store, name);
    FILE *file = fopen(path, "wb"); /* without the waits of file_write */
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

UNUSED static void remove_object(const struct world *world, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", world->store, name);
    assert_int_equal(unlink(path), 0);
}

UNUSED static void flip_byte(const struct world *world, const char *name, size_t offset)
{
    struct buffer bytes = {0};
    read_object(&bytes, world, name);
    assert_true(offset < bytes.size);
    bytes.data[offset] ^= 0x10;
    write_object(world, name, bytes.data, bytes.size);
    buffer_free(&bytes);
}

/* "folder/<the first file in it>" */
UNUSED static void only_object(char name[OBJECT_NAME_SIZE], const struct world *world,
                               const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", world->store, folder);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    name[0] = '\0';
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] != '.') {
            snprintf(name, OBJECT_NAME_SIZE, "%s/%.100s", folder, entry->d_name);
        }
    }
    closedir(directory);
    assert_true(name[0] != '\0');
}

UNUSED static size_t count_objects(const struct world *world, const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", world->store, folder);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    size_t count = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

/* The problem of this object, or NULL. */
UNUSED static const struct problem *find_problem(const struct problems *problems,
                                                 const char *object)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (strcmp(problems->items[i].object, object) == 0) {
            return &problems->items[i];
        }
    }
    return NULL;
}

UNUSED static void print_problems(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        print_message("%s: %s\n", problems->items[i].object, problems->items[i].message);
    }
}

/* ---- things to store ---- */

UNUSED static void fill_random(struct buffer *buffer, size_t size)
{
    struct error error;
    buffer_clear(buffer);
    assert_good(buffer_reserve(buffer, size + 1, &error));
    randombytes_buf(buffer->data, size);
    buffer->size = size;
}

#define WORLD_CHUNKS 5
/* A pack of WORLD_CHUNKS random sealed chunks, of lengths that differ. pack->chunks is to be freed.
 */
UNUSED static void make_pack(struct buffer *bytes, struct index_pack *pack,
                             const struct world *world)
{
    struct error error = {0};
    static unsigned char content[WORLD_CHUNKS][600];
    const unsigned char *sealed[WORLD_CHUNKS];
    randombytes_buf(content, sizeof content);
    *pack = (struct index_pack){.count = WORLD_CHUNKS};
    pack->chunks = calloc(WORLD_CHUNKS, sizeof *pack->chunks);
    assert_non_null(pack->chunks);
    for (uint32_t i = 0; i < WORLD_CHUNKS; i++) {
        sealed[i] = content[i];
        randombytes_buf(pack->chunks[i].id, CHUNK_ID_SIZE);
        pack->chunks[i].size = 100 * (i + 1);
    }
    assert_good(pack_build(bytes, pack, world->repo, sealed, &error));
}

/* Seals the content and stores it; fills the id. */
UNUSED static void put_sealed(unsigned char id[OBJECT_ID_SIZE], const struct world *world,
                              enum object_kind kind, const struct buffer *content)
{
    struct error error = {0};
    struct buffer bytes = {0};
    assert_good(object_seal(&bytes, world->repo, kind, content, &error));
    object_hash(id, bytes.data, bytes.size);
    assert_good(object_put(world->repo, world->direct, kind, id, &bytes, &error));
    buffer_free(&bytes);
}

/* A statement with one source, to be freed; nothing that it names need exist. */
UNUSED static struct statement make_statement(uint64_t sequence,
                                              const unsigned char parent[OBJECT_ID_SIZE])
{
    struct statement statement = {.sequence = sequence,
                                  .time = {1763773200 + (int64_t)sequence * 86400, 0},
                                  .due = {1763859600 + (int64_t)sequence * 86400, 0},
                                  .stored = 12345};
    randombytes_buf(statement.snapshot, OBJECT_ID_SIZE);
    statement.parents = calloc(1, OBJECT_ID_SIZE);
    statement.references = calloc(1, OBJECT_ID_SIZE);
    statement.indexes = calloc(1, OBJECT_ID_SIZE);
    statement.sources = calloc(1, sizeof *statement.sources);
    assert_non_null(statement.sources);
    if (parent != NULL) {
        memcpy(statement.parents[0], parent, OBJECT_ID_SIZE);
        statement.parent_count = 1;
    }
    statement.source_count = 1;
    struct statement_source *source = &statement.sources[0];
    source->name = strdup("customers");
    source->kind = strdup("sqlite");
    source->status = SOURCE_WARNINGS;
    source->problem = strdup("a file changed");
    source->entries = 1;
    source->bytes = 4096;
    source->persons = 12;
    randombytes_buf(source->digest, sizeof source->digest);
    source->tables = calloc(2, sizeof *source->tables);
    source->tables[0] = (struct statement_table){strdup("cars"), 20};
    source->tables[1] = (struct statement_table){strdup("customers"), 12};
    source->table_count = 2;
    return statement;
}

/* Writes one that builds on the parent; returns its id. */
UNUSED static void put_statement(unsigned char id[OBJECT_ID_SIZE], const struct world *world,
                                 uint64_t sequence, const unsigned char parent[OBJECT_ID_SIZE])
{
    struct error error = {0};
    struct statement statement = make_statement(sequence, parent);
    assert_good(statement_write(&statement, world->repo, world->direct, &error));
    memcpy(id, statement.id, OBJECT_ID_SIZE);
    statement_free(&statement);
}

#endif
