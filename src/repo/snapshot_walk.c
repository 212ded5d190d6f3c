/* snapshot_walk: the entries of a source in order. A tree is believed only as far as it holds
 * together: levels fall by one, paths rise strictly, counts and the digest of the root fit. So even
 * a hostile tree ends: it cannot lead back, and it cannot show the same entries twice. */
#include "snapshot_private.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct walker {
    struct snapshot *snapshot;
    const struct catalogue_source *source;
    const struct walk *walk;
    char *last;              /* path of the last entry or child that was seen; NULL at the start */
    bool done;               /* everything below walk->path is behind us */
    bool stopped;            /* the visitor's own status, not damage */
    struct node_ahead ahead; /* leaves */
};

static enum status malformed(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, _("A node of the tree of files is damaged"));
}

/* Strictly after all that came before. */
static enum status advance(struct walker *walker, const char *path, struct error *error)
{
    if (walker->last != NULL && entry_path_compare(walker->last, path) >= 0) {
        return malformed(error);
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        return error_set_memory(error);
    }
    free(walker->last);
    walker->last = copy;
    return STATUS_OK;
}

/* The first of a node begins where its parent says, which was reached already. */
static enum status enter(struct walker *walker, const char *first, const char *parent_first,
                         struct error *error)
{
    if (parent_first == NULL) {
        return advance(walker, first, error);
    }
    return strcmp(first, parent_first) == 0 ? STATUS_OK : malformed(error);
}

static bool is_below(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return size == 0 ||
           (strncmp(path, folder, size) == 0 && (path[size] == '\0' || path[size] == '/'));
}

/* ------------------------------------------------------------------ leaves */

static enum status visit_record(struct walker *walker, const unsigned char *record, size_t size,
                                const char *first, struct error *error)
{
    CLEANUP(entry_free) struct entry entry = {0};
    CLEANUP(content_free) struct content content = {0};
    enum status status = entry_decode(&entry, &content, record, size, error);
    status = status ? status : enter(walker, entry.path, first, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (is_below(entry.path, walker->walk->path)) {
        status = walker->walk->visit(walker->walk->context, &entry, &content, error);
        walker->stopped = status != STATUS_OK;
        return status;
    }
    walker->done = entry_path_compare(entry.path, walker->walk->path) > 0;
    return STATUS_OK;
}

static enum status walk_leaf(struct walker *walker, struct cursor cursor,
                             const struct tree_child *child, struct error *error)
{
    const char *first = child->first;
    uint64_t entries = 0;
    while (cursor.left > 0 && !walker->done) {
        uint32_t size;
        const unsigned char *record;
        if (!cursor_u32(&cursor, &size) || !cursor_take(&cursor, &record, size)) {
            return malformed(error);
        }
        enum status status = visit_record(walker, record, size, first, error);
        if (status != STATUS_OK) {
            return status;
        }
        first = NULL;
        entries++;
    }
    bool counts = walker->done || !child->counted || entries == child->entries;
    return entries > 0 && counts ? STATUS_OK : malformed(error);
}

/* ------------------------------------------------------------------ inner nodes */

static enum status walk_node(struct walker *walker, const struct tree_child *child,
                             struct error *error);

/* A child whose successor begins at or before the wanted path holds nothing that is wanted. */
static bool is_before(const struct walker *walker, struct cursor cursor, unsigned level)
{
    struct tree_child next = {.first = NULL};
    bool before = cursor.left > 0 && tree_child_read(&next, &cursor, level) &&
                  entry_path_compare(next.first, walker->walk->path) <= 0;
    free(next.first);
    return before;
}

static bool is_behind(const struct walker *walker, const char *first)
{
    return !is_below(first, walker->walk->path) &&
           entry_path_compare(first, walker->walk->path) > 0;
}

/* Of the children that follow, those that are wanted. Returns how many children that covers. */
static size_t fetch_ahead(struct walker *walker, struct cursor cursor)
{
    struct node_ahead *ahead = &walker->ahead;
    size_t covered = 0;
    ahead->count = 0;
    while (cursor.left > 0 && ahead->count < NODE_AHEAD_LIMIT) {
        struct tree_child child;
        bool good = tree_child_read(&child, &cursor, 0);
        CLEANUP(memory_free) char *first = child.first;
        if (!good || is_behind(walker, first)) {
            break;
        }
        if (!is_before(walker, cursor, 0)) {
            ahead->nodes[ahead->count++].reference = child.reference;
        }
        covered++;
    }
    if (ahead->count > 1) {
        node_ahead_fetch(ahead, walker->snapshot, walker->source);
    }
    return covered;
}

/* Damage of one child is told, and the walk goes on behind it; everything else ends it. */
static enum status walk_child(struct walker *walker, const struct tree_child *child,
                              struct error *error)
{
    enum status status = walk_node(walker, child, error);
    if (walker->stopped || !problem_is_local(status, error) || walker->walk->problem == NULL) {
        return status;
    }
    walker->walk->problem(walker->walk->context, child->first == NULL ? "" : child->first, error);
    error_clear(error);
    return STATUS_OK;
}

static enum status walk_inner(struct walker *walker, struct cursor cursor,
                              const struct tree_child *parent, struct error *error)
{
    const char *parent_first = parent->first;
    uint64_t entries = 0;
    size_t covered = parent->level == 1 && node_ahead_pays(walker->snapshot) ? 0 : SIZE_MAX;
    while (cursor.left > 0 && !walker->done) {
        covered = covered == 0 ? fetch_ahead(walker, cursor) : covered;
        covered -= covered > 0 ? 1 : 0;
        struct tree_child child;
        bool good = tree_child_read(&child, &cursor, parent->level - 1);
        CLEANUP(memory_free) char *first = child.first;
        if (!good || child.entries > UINT64_MAX - entries) {
            return malformed(error);
        }
        entries += child.entries;
        enum status status = enter(walker, first, parent_first, error);
        parent_first = NULL;
        walker->done = is_behind(walker, first);
        if (status == STATUS_OK && !walker->done && !is_before(walker, cursor, parent->level - 1)) {
            status = walk_child(walker, &child, error);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    bool counts = walker->done || !parent->counted || entries == parent->entries;
    return entries > 0 && counts ? STATUS_OK : malformed(error);
}

/* ------------------------------------------------------------------ the root */

static enum status check_digest(const struct walker *walker, const struct buffer *node,
                                struct error *error)
{
    unsigned char digest[32];
    crypto_generichash(digest, sizeof digest, node->data, node->size, NULL, 0);
    if (memcmp(digest, walker->source->words.digest, sizeof digest) != 0) {
        return error_set(
            error, STATUS_CORRUPT, 0,
            _("The tree of files is not the one of which the host's statement speaks"));
    }
    return STATUS_OK;
}

static enum status walk_node(struct walker *walker, const struct tree_child *child,
                             struct error *error)
{
    CLEANUP(buffer_free) struct buffer node = {0};
    enum status status =
        node_ahead_take(&node, &walker->ahead, &child->reference)
            ? STATUS_OK
            : snapshot_node(&node, walker->snapshot, walker->source, &child->reference, error);
    if (status == STATUS_OK && child->first == NULL) {
        status = check_digest(walker, &node, error);
    }
    status = status ? status : snapshot_tell_node(walker->snapshot, &child->reference, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct cursor cursor = {.at = node.data, .left = node.size};
    uint8_t kind = 0;
    if (!cursor_u8(&cursor, &kind) || kind != (child->level == 0 ? NODE_LEAF : NODE_INNER)) {
        return malformed(error);
    }
    return child->level == 0 ? walk_leaf(walker, cursor, child, error)
                             : walk_inner(walker, cursor, child, error);
}

enum status snapshot_walk(struct snapshot *snapshot, const struct catalogue_source *source,
                          const struct walk *walk, struct error *error)
{
    struct walker walker = {.snapshot = snapshot, .source = source, .walk = walk};
    if (!source->root.present) {
        return STATUS_OK;
    }
    struct tree_child root = {.reference = source->root.reference, .level = source->root.level};
    if (root.level >= NODE_LEVELS || (root.level > 0 && root.reference.size > NODE_MAXIMUM)) {
        return malformed(error);
    }
    enum status status = walk_child(&walker, &root, error);
    node_ahead_free(&walker.ahead);
    free(walker.last);
    return status;
}

/* ------------------------------------------------------------------ one entry */

struct find {
    const char *path;
    struct entry *entry;
    struct content *content;
    bool found;
};

static enum status content_copy(struct content *target, const struct content *from,
                                struct error *error)
{
    *target = *from;
    target->data = (struct buffer){0};
    return buffer_append(&target->data, from->data.data, from->data.size, error);
}

/* The first entry at or below a path is the path's own, if there is one. Any status but OK ends the
 * walk; `found` says that this one is no failure. */
static enum status take_entry(void *context, const struct entry *entry,
                              const struct content *content, struct error *error)
{
    struct find *find = context;
    if (strcmp(entry->path, find->path) != 0) {
        return STATUS_CANCELLED;
    }
    enum status status = entry_copy(find->entry, entry, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = content_copy(find->content, content, error);
    if (status != STATUS_OK) {
        entry_free(find->entry);
        return status;
    }
    find->found = true;
    return STATUS_CANCELLED;
}

enum status snapshot_find(struct entry *entry, struct content *content, struct snapshot *snapshot,
                          const struct catalogue_source *source, const char *path,
                          struct error *error)
{
    *entry = (struct entry){0};
    *content = (struct content){0};
    struct find find = {.path = path, .entry = entry, .content = content};
    struct walk walk = {.path = path, .visit = take_entry, .context = &find};
    enum status status = snapshot_walk(snapshot, source, &walk, error);
    if (find.found) {
        return STATUS_OK;
    }
    if (status == STATUS_OK || status == STATUS_CANCELLED) {
        return error_set(error, STATUS_NOT_FOUND, 0, _("%s is not in the snapshot"), path);
    }
    return status;
}
