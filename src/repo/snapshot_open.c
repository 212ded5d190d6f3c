/* snapshot_open: a catalogue is opened with an identity, held against what the host said of it, and
 * asked for chunks. */
#include "snapshot_private.h"
#include "statement_private.h"
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ opening */

static enum status read_catalogue(struct snapshot *snapshot, const struct statement *statement,
                                  struct error *error)
{
    size_t identity_count;
    const struct age_identity *identities = repo_identities(snapshot->repo, &identity_count);
    if (identity_count == 0) {
        error_set(error, STATUS_DENIED, 0, _("Without an identity no snapshot can be opened"));
        return error_set_hint(error, "%s", _("Use the recovery kit or the manager's identity."));
    }
    CLEANUP(buffer_free) struct buffer sealed = {0};
    CLEANUP(buffer_wipe) struct buffer text = {0};
    struct store *store = NULL;
    enum status status = repo_take_store(&store, snapshot->repo, error);
    status = status ? status
                    : object_get(&sealed, snapshot->repo, store, OBJECT_SNAPSHOT,
                                 statement->snapshot, error);
    repo_give_store(snapshot->repo, store);
    status = status ? status
                    : age_open_buffer(&text, sealed.data, sealed.size, identities, identity_count,
                                      SNAPSHOT_OBJECT_LIMIT, error);
    return status ? status : catalogue_decode(&snapshot->catalogue, text.data, text.size, error);
}

static bool same_words(const struct statement_source *a, const struct statement_source *b)
{
    json_auto_t *left = statement_source_to_json(a);
    json_auto_t *right = statement_source_to_json(b);
    return left != NULL && right != NULL && json_equal(left, right) == 1;
}

/* The statement is signed by the host, the catalogue is sealed under a key that only this backup
 * had. A catalogue that is put under a foreign statement is caught here. */
static bool agree(const struct snapshot *snapshot, const struct statement *statement)
{
    const struct catalogue *catalogue = &snapshot->catalogue;
    if (memcmp(catalogue->repository, repo_id(snapshot->repo), REPOSITORY_ID_SIZE) != 0 ||
        memcmp(catalogue->host, statement->host, SIGN_PUBLIC_SIZE) != 0 ||
        catalogue->sequence != statement->sequence ||
        catalogue->time.seconds != statement->time.seconds ||
        catalogue->persons != statement->persons ||
        catalogue->source_count != statement->source_count) {
        return false;
    }
    for (size_t i = 0; i < catalogue->source_count; i++) {
        if (!same_words(&catalogue->sources[i].words, &statement->sources[i])) {
            return false;
        }
    }
    return true;
}

static size_t count_dictionaries(const struct catalogue *catalogue)
{
    size_t count = 0;
    for (size_t i = 0; i < catalogue->source_count; i++) {
        count += catalogue->sources[i].dictionary_count;
    }
    return count;
}

enum status snapshot_open(struct snapshot **snapshot, struct repo *repo,
                          const struct statement *statement, struct error *error)
{
    struct snapshot *opened = calloc(1, sizeof *opened);
    *snapshot = NULL;
    if (opened == NULL) {
        return error_set_memory(error);
    }
    opened->repo = repo;
    pthread_mutex_init(&opened->lookup_lock, NULL);
    pthread_mutex_init(&opened->dictionary_lock, NULL);
    pthread_mutex_init(&opened->node_lock, NULL);
    enum status status = read_catalogue(opened, statement, error);
    if (status == STATUS_OK && !agree(opened, statement)) {
        status = error_set(error, STATUS_UNAUTHENTIC, 0,
                           _("The catalogue does not say what the host's statement says of it"));
    }
    if (status == STATUS_OK) {
        opened->dictionaries =
            calloc(count_dictionaries(&opened->catalogue) + 1, sizeof(struct dictionary *));
        status = opened->dictionaries == NULL ? error_set_memory(error) : STATUS_OK;
    }
    if (status != STATUS_OK) {
        snapshot_free(opened);
        char name[OBJECT_NAME_SIZE];
        object_name(name, OBJECT_SNAPSHOT, statement->snapshot);
        return error_add_context(error, "%s", name);
    }
    *snapshot = opened;
    return STATUS_OK;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    chunk_reader_free(snapshot->nodes);
    lookup_free(snapshot->lookup);
    size_t count = count_dictionaries(&snapshot->catalogue);
    for (size_t i = 0; snapshot->dictionaries != NULL && i < count; i++) {
        dictionary_free(snapshot->dictionaries[i]);
    }
    free(snapshot->dictionaries);
    catalogue_free(&snapshot->catalogue);
    problems_free(&snapshot->problems);
    pthread_mutex_destroy(&snapshot->lookup_lock);
    pthread_mutex_destroy(&snapshot->dictionary_lock);
    pthread_mutex_destroy(&snapshot->node_lock);
    free(snapshot);
}

const struct repo *snapshot_repo(const struct snapshot *snapshot)
{
    return snapshot->repo;
}

size_t snapshot_source_count(const struct snapshot *snapshot)
{
    return snapshot->catalogue.source_count;
}

unsigned snapshot_connections(const struct snapshot *snapshot)
{
    return repo_connections(snapshot->repo);
}

const struct catalogue_source *snapshot_source(const struct snapshot *snapshot, size_t number)
{
    return &snapshot->catalogue.sources[number];
}

const struct catalogue_source *snapshot_find_source(const struct snapshot *snapshot,
                                                    const char *name)
{
    for (size_t i = 0; i < snapshot->catalogue.source_count; i++) {
        if (strcmp(snapshot->catalogue.sources[i].words.name, name) == 0) {
            return &snapshot->catalogue.sources[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------ where chunks lie */

static enum status find_locked(struct snapshot *snapshot, const unsigned char *id,
                               const struct place *after, struct place *places, size_t *count,
                               struct error *error)
{
    if (snapshot->lookup == NULL) {
        enum status status =
            lookup_open(&snapshot->lookup, snapshot->repo, &snapshot->problems, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return lookup_find(snapshot->lookup, id, after, places, count, error);
}

/* With nothing found, an index may be lost; and what it said stands in the packs, too. */
static enum status find_anywhere(struct snapshot *snapshot, const unsigned char *id,
                                 const struct place *after, struct place *places, size_t *count,
                                 struct error *error)
{
    bool first = after == NULL || after->pack == 0;
    struct place last;
    enum status status = find_locked(snapshot, id, after, places, count, error);
    if (status != STATUS_OK || *count > 0 || !first) {
        return status;
    }
    /* And if an index lies, too, only all packs together say where everything is. */
    for (int all = 0; status == STATUS_OK && *count == 0 && all <= 1; all++) {
        status = lookup_search(snapshot->lookup, snapshot->repo, all == 1, &last, error);
        status = status ? status : find_locked(snapshot, id, &last, places, count, error);
    }
    return status;
}

enum status snapshot_places(struct place places[PLACES_AT_ONCE], size_t *count,
                            struct snapshot *snapshot, const struct chunk_reference *reference,
                            const struct place *after, struct error *error)
{
    unsigned char id[CHUNK_ID_SIZE];
    chunk_reference_id(id, reference);
    *count = 0;
    pthread_mutex_lock(&snapshot->lookup_lock);
    enum status status = find_anywhere(snapshot, id, after, places, count, error);
    size_t damaged = snapshot->problems.count;
    pthread_mutex_unlock(&snapshot->lookup_lock);
    if (status != STATUS_OK || *count > 0 || after != NULL) {
        return status;
    }
    char text[2 * CHUNK_ID_SIZE + 1];
    error_set(error, STATUS_NOT_FOUND, 0, _("Neither an index nor a pack says where chunk %s lies"),
              hex_encode(text, id, sizeof id));
    if (damaged > 0) {
        error_set_hint(error, "%s",
                       _("Index objects of this repository are damaged; `kura check` names them."));
    }
    return STATUS_NOT_FOUND;
}

enum status snapshot_locate(struct location *location, struct snapshot *snapshot,
                            const struct chunk_reference *reference, struct error *error)
{
    struct place places[PLACES_AT_ONCE];
    size_t count;
    enum status status = snapshot_places(places, &count, snapshot, reference, NULL, error);
    if (status == STATUS_OK) {
        *location = places[0].location;
    }
    return status;
}

enum status snapshot_search_packs(struct snapshot *snapshot, struct place *after,
                                  struct error *error)
{
    pthread_mutex_lock(&snapshot->lookup_lock);
    enum status status = lookup_search(snapshot->lookup, snapshot->repo, false, after, error);
    pthread_mutex_unlock(&snapshot->lookup_lock);
    return status;
}

enum status snapshot_doubt(struct snapshot *snapshot, const struct place *place,
                           struct error *error)
{
    pthread_mutex_lock(&snapshot->lookup_lock);
    enum status status = lookup_doubt(snapshot->lookup, place, error);
    pthread_mutex_unlock(&snapshot->lookup_lock);
    return status;
}

/* ------------------------------------------------------------------ dictionaries */

/* With the lock held. A dictionary's own chunk needs no dictionary: it is read without a source, so
 * that a hostile catalogue cannot make a circle of them. */
static enum status load(struct dictionary **slot, struct snapshot *snapshot,
                        const struct catalogue_dictionary *wanted, struct error *error)
{
    CLEANUP(buffer_free) struct buffer bytes = {0};
    struct chunk_reader *reader = NULL;
    enum status status = buffer_reserve(&bytes, wanted->reference.size, error);
    status = status ? status : chunk_reader_new(&reader, snapshot, error);
    status =
        status ? status : chunk_reader_get(reader, NULL, &wanted->reference, bytes.data, error);
    chunk_reader_free(reader);
    status = status ? status : dictionary_new(slot, bytes.data, wanted->reference.size, 3, error);
    if (status == STATUS_OK && dictionary_id(*slot) != wanted->id) {
        dictionary_free(*slot);
        *slot = NULL;
        status = error_set(error, STATUS_CORRUPT, 0, _("a dictionary is not the one it is named"));
    }
    return status;
}

enum status snapshot_dictionary(const struct dictionary **dictionary, struct snapshot *snapshot,
                                const struct catalogue_source *source, uint32_t id,
                                struct error *error)
{
    const struct catalogue *catalogue = &snapshot->catalogue;
    size_t position = 0;
    for (size_t i = 0; source != NULL && i < catalogue->source_count; i++) {
        for (size_t k = 0; k < catalogue->sources[i].dictionary_count; k++, position++) {
            const struct catalogue_dictionary *candidate = &catalogue->sources[i].dictionaries[k];
            if (&catalogue->sources[i] != source || candidate->id != id) {
                continue;
            }
            pthread_mutex_lock(&snapshot->dictionary_lock);
            struct dictionary **slot = &snapshot->dictionaries[position];
            enum status status = *slot != NULL ? STATUS_OK : load(slot, snapshot, candidate, error);
            *dictionary = *slot;
            pthread_mutex_unlock(&snapshot->dictionary_lock);
            return status;
        }
    }
    return error_set(error, STATUS_CORRUPT, 0,
                     _("a chunk needs dictionary %u, which the catalogue does not name"), id);
}

/* ------------------------------------------------------------------ nodes */

enum status snapshot_tell_node(const struct snapshot *snapshot,
                               const struct chunk_reference *reference, struct error *error)
{
    return snapshot->on_node == NULL
               ? STATUS_OK
               : snapshot->on_node(snapshot->on_node_context, reference, error);
}

enum status snapshot_node(struct buffer *node, struct snapshot *snapshot,
                          const struct catalogue_source *source,
                          const struct chunk_reference *reference, struct error *error)
{
    buffer_clear(node);
    enum status status = buffer_reserve(node, reference->size, error);
    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&snapshot->node_lock);
    if (snapshot->nodes == NULL) {
        status = chunk_reader_new(&snapshot->nodes, snapshot, error);
    }
    status =
        status ? status : chunk_reader_get(snapshot->nodes, source, reference, node->data, error);
    pthread_mutex_unlock(&snapshot->node_lock);
    node->size = status == STATUS_OK ? reference->size : 0;
    return status;
}
