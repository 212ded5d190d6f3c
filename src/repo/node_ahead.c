/* node_ahead: over a long line the nodes that a walk will want next are fetched together, each on a
 * connection of its own, so that their round trips overlap. */
#include "chunk_reader.h"
#include <string.h>

struct fetching {
    struct snapshot *snapshot;
    const struct catalogue_source *source;
    struct node_ahead *ahead;
    pthread_mutex_t lock; /* of next */
    size_t next;
};

static struct ahead_node *next_node(struct fetching *fetching)
{
    pthread_mutex_lock(&fetching->lock);
    struct ahead_node *node =
        fetching->next < fetching->ahead->count ? &fetching->ahead->nodes[fetching->next++] : NULL;
    pthread_mutex_unlock(&fetching->lock);
    return node;
}

/* What cannot be got stays empty: the walk asks for it itself and meets the error. */
static void fetch(struct chunk_reader *reader, const struct fetching *fetching,
                  struct ahead_node *node)
{
    struct error ignored = {0};
    buffer_clear(&node->content);
    if (buffer_reserve(&node->content, node->reference.size, &ignored) == STATUS_OK &&
        chunk_reader_get(reader, fetching->source, &node->reference, node->content.data,
                         &ignored) == STATUS_OK) {
        node->content.size = node->reference.size;
    }
}

static enum status fetch_some(void *context, struct error *error)
{
    struct fetching *fetching = context;
    struct chunk_reader *reader = NULL;
    enum status status = chunk_reader_new(&reader, fetching->snapshot, error);
    if (status != STATUS_OK) {
        return status;
    }
    for (struct ahead_node *node = next_node(fetching); node != NULL; node = next_node(fetching)) {
        fetch(reader, fetching, node);
    }
    chunk_reader_free(reader);
    return STATUS_OK;
}

bool node_ahead_pays(const struct snapshot *snapshot)
{
    return snapshot->repo->distant && snapshot->repo->limit > 1;
}

void node_ahead_fetch(struct node_ahead *ahead, struct snapshot *snapshot,
                      const struct catalogue_source *source)
{
    struct error ignored = {0};
    struct fetching fetching = {snapshot, source, ahead, PTHREAD_MUTEX_INITIALIZER, 0};
    size_t threads = ahead->count < snapshot->repo->limit ? ahead->count : snapshot->repo->limit;
    (void)!threads_run(threads, fetch_some, &fetching, &ignored);
    pthread_mutex_destroy(&fetching.lock);
}

bool node_ahead_take(struct buffer *node, struct node_ahead *ahead,
                     const struct chunk_reference *reference)
{
    for (size_t i = 0; i < ahead->count; i++) {
        struct ahead_node *found = &ahead->nodes[i];
        if (found->content.size == reference->size &&
            memcmp(found->reference.key, reference->key, CHUNK_KEY_SIZE) == 0) {
            buffer_free(node);
            *node = found->content;
            found->content = (struct buffer){0};
            return true;
        }
    }
    return false;
}

void node_ahead_free(struct node_ahead *ahead)
{
    for (size_t i = 0; i < NODE_AHEAD_LIMIT; i++) {
        buffer_free(&ahead->nodes[i].content);
    }
    *ahead = (struct node_ahead){.count = 0};
}
