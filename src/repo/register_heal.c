/* register_heal: what this machine registered lies in its state folder as well, as the sealed
 * object that it is. When the storage has lost it, the next backup stores it again. */
#include "register_private.h"
#include <stdio.h>
#include <string.h>

#define FOLDER "register"

static enum status copy_path(char **path, const char *state, const unsigned char *id,
                             struct error *error)
{
    char name[sizeof FOLDER + 1 + 2 * ERASURE_ID_SIZE], text[2 * ERASURE_ID_SIZE + 1];
    snprintf(name, sizeof name, FOLDER "/%s", hex_encode(text, id, ERASURE_ID_SIZE));
    return path_join(path, state, name, error);
}

enum status register_keep_copy(const char *state, const unsigned char id[ERASURE_ID_SIZE],
                               const struct buffer *bytes, struct error *error)
{
    CLEANUP(memory_free) char *folder = NULL;
    CLEANUP(memory_free) char *path = NULL;
    enum status status = path_join(&folder, state, FOLDER, error);
    if (status == STATUS_OK) {
        status = file_make_folders(folder, 0700, error);
    }
    if (status == STATUS_OK) {
        status = copy_path(&path, state, id, error);
    }
    return status == STATUS_OK
               ? file_write(path, bytes->data, bytes->size, 0600, FILE_REPLACE_EXISTING, error)
               : status;
}

/* A copy that is not there, or damaged, heals nothing and is no new problem. */
static bool read_copy(struct buffer *bytes, const struct repo *repo, const char *state,
                      const unsigned char id[ERASURE_ID_SIZE])
{
    struct erasure erasure;
    struct cursor sealed;
    struct error ignored;
    CLEANUP(memory_free) char *path = NULL;
    CLEANUP(buffer_free) struct buffer content = {0};
    return copy_path(&path, state, id, &ignored) == STATUS_OK &&
           file_read(bytes, path, SMALL_OBJECT_LIMIT, &ignored) == STATUS_OK &&
           object_unseal(&content, repo, OBJECT_REGISTER, bytes, &ignored) == STATUS_OK &&
           erasure_decode(&erasure, &sealed, repo->id, &content, &ignored) == STATUS_OK &&
           memcmp(erasure.id, id, ERASURE_ID_SIZE) == 0;
}

static enum status heal(struct repo *repo, struct store *store, const char *state,
                        const unsigned char id[ERASURE_ID_SIZE], struct error *error)
{
    CLEANUP(buffer_free) struct buffer bytes = {0};
    return read_copy(&bytes, repo, state, id)
               ? object_put(repo, store, OBJECT_REGISTER, NULL, &bytes, error)
               : STATUS_OK;
}

enum status register_heal(struct repo *repo, const char *state, const struct erasure_ids *sworn,
                          const struct erasure_register *there, struct error *error)
{
    struct store *store = NULL;
    const struct snapshot_list none = {0};
    struct erasure_ids held = {0};
    if (there->missing == 0) {
        return STATUS_OK;
    }
    enum status status = register_ids(&held, &none, there, error);
    if (status == STATUS_OK) {
        status = repo_take_store(&store, repo, error);
    }
    for (size_t i = 0; status == STATUS_OK && i < sworn->count; i++) {
        if (!register_ids_have(&held, sworn->items[i])) {
            status = heal(repo, store, state, sworn->items[i], error);
        }
    }
    repo_give_store(repo, store);
    register_ids_free(&held);
    return status;
}
