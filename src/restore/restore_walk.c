/* restore_walk: from the snapshot's entries to folders, small files, and a plan for the rest. */
#include "restore_private.h"
#include <string.h>

struct source_walk {
    struct restore *restore;
    size_t number;
    const struct catalogue_source *source;
    uint64_t entries;
    uint64_t bytes;
    bool whole;                         /* nothing was left out or damaged */
    struct selection_trail trail;       /* of the entries */
    struct selection_trail first_trail; /* of the first names of hard links */
    /* Files that were there already and stay: paths, each with its NUL, and where each begins
     * (size_t). They come in the order of entry_path_compare. */
    struct buffer kept;
    struct buffer kept_at;
    /* What restore_unlinked found last, for further names of it. */
    struct entry first;
    struct content first_content;
};

struct file_pieces {
    struct source_walk *walk;
    const struct entry *entry;
    uint64_t number;
    uint32_t chunks;
};

static enum status place_piece(void *context, const struct piece *piece, struct error *error)
{
    struct file_pieces *file = context;
    struct restore *restore = file->walk->restore;
    if (piece->inlined != NULL) {
        return target_write_file(restore->target, file->number, piece->offset, piece->inlined,
                                 (size_t)piece->size, error);
    }
    if (piece->reference == NULL) {
        return STATUS_OK; /* a hole: the file has its size already */
    }
    struct plan_wish wish = {.number = file->number,
                             .offset = piece->offset,
                             .bytes = (uint32_t)piece->size,
                             .skip = piece->skip,
                             .source = file->walk->number,
                             .reference = *piece->reference};
    enum status status =
        snapshot_locate(&wish.location, restore->snapshot, piece->reference, error);
    if (status == STATUS_OK) {
        status = plan_add_wish(restore->plan, &wish, error);
    }
    file->chunks++;
    return status;
}

static enum status note_missing(struct restore *restore, uint64_t number, uint32_t chunks,
                                struct error *error)
{
    size_t needed = (number + 1) * sizeof chunks;
    if (restore->left.size < needed) {
        size_t more = needed - restore->left.size;
        enum status status = buffer_reserve(&restore->left, more, error);
        if (status != STATUS_OK) {
            return status;
        }
        memset(restore->left.data + restore->left.size, 0, more);
        restore->left.size = needed;
    }
    memcpy(restore->left.data + number * sizeof chunks, &chunks, sizeof chunks);
    return STATUS_OK;
}

static enum status plan_file(struct source_walk *walk, const struct entry *entry,
                             const struct content *content, struct error *error)
{
    struct restore *restore = walk->restore;
    const char *source = walk->source->words.name;
    struct file_pieces file = {.walk = walk, .entry = entry};
    struct error problem = {0};
    enum status status =
        plan_add_entry(&file.number, restore->plan, PLAN_FILE, walk->number, entry, error);
    if (status == STATUS_OK) {
        status = target_begin_file(restore->target, file.number, entry->size, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = content_walk(restore->snapshot, content, place_piece, &file, &problem);
    if (status != STATUS_OK && !problem_is_local(status, &problem)) {
        *error = problem;
        return status;
    }
    uint32_t left = status == STATUS_OK ? file.chunks : PIECES_FAILED;
    if (status != STATUS_OK) {
        restore_fail(restore, source, entry->path, &problem);
        target_drop_file(restore->target, file.number);
    } else if (file.chunks == 0) {
        status = restore_finish_file(restore, file.number, walk->number, entry, &problem);
        restore_settle(restore, source, entry->path, status, &problem);
        atomic_fetch_add(&restore->bytes_done, entry->size);
    }
    return note_missing(restore, file.number, left, error);
}

static enum status find_first(struct source_walk *walk, const char *path, struct error *error)
{
    if (walk->first.path != NULL && strcmp(walk->first.path, path) == 0) {
        return STATUS_OK;
    }
    entry_free(&walk->first);
    content_free(&walk->first_content);
    return snapshot_find(&walk->first, &walk->first_content, walk->restore->snapshot, walk->source,
                         path, error);
}

/* A hard link whose first name is not restored brings the content itself. */
static enum status restore_unlinked(struct source_walk *walk, const struct entry *entry,
                                    struct error *error)
{
    struct error problem = {0};
    enum status status = find_first(walk, entry->link, &problem);
    if (status == STATUS_OK) {
        struct entry alone = walk->first;
        alone.path = entry->path;
        return plan_file(walk, &alone, &walk->first_content, error);
    }
    if (problem_is_local(status, &problem)) {
        restore_fail(walk->restore, walk->source->words.name, entry->path, &problem);
        return STATUS_OK;
    }
    *error = problem;
    return status;
}

static enum status note_kept(struct source_walk *walk, const char *path, struct error *error)
{
    size_t at = walk->kept.size;
    enum status status = buffer_append(&walk->kept_at, &at, sizeof at, error);
    return status ? status : buffer_append(&walk->kept, path, strlen(path) + 1, error);
}

static bool was_kept(const struct source_walk *walk, const char *path)
{
    size_t low = 0;
    size_t high = walk->kept_at.size / sizeof low;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        size_t at;
        memcpy(&at, walk->kept_at.data + middle * sizeof at, sizeof at);
        int order = entry_path_compare((const char *)walk->kept.data + at, path);
        if (order == 0) {
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

static bool first_comes(struct source_walk *walk, const struct entry *link)
{
    return selection_has_path(&walk->restore->options->selection, &walk->first_trail, link->link) &&
           !was_kept(walk, link->link);
}

static enum status make_other(struct source_walk *walk, const struct entry *entry,
                              struct error *error)
{
    struct restore *restore = walk->restore;
    const char *source = walk->source->words.name;
    uint64_t number;
    struct error problem = {0};
    if (entry->type == ENTRY_HARD_LINK) {
        return first_comes(walk, entry)
                   ? plan_add_entry(&number, restore->plan, PLAN_LINK, walk->number, entry, error)
                   : restore_unlinked(walk, entry, error);
    }
    enum status status = target_make_special(restore->target, source, entry, &problem);
    restore_settle(restore, source, entry->path, status, &problem);
    return STATUS_OK;
}

static enum status make_folder(struct source_walk *walk, const struct entry *entry,
                               struct error *error)
{
    struct restore *restore = walk->restore;
    uint64_t number;
    struct error problem;
    enum status status =
        target_make_folder(restore->target, walk->source->words.name, entry->path, &problem);
    if (status != STATUS_OK) {
        restore_fail(restore, walk->source->words.name, entry->path, &problem);
        return STATUS_OK;
    }
    return plan_add_entry(&number, restore->plan, PLAN_FOLDER, walk->number, entry, error);
}

/* The folder of a database or of an output is nobody's entry: who owns the file may use it. */
static enum status adopt_folder(struct source_walk *walk, const struct entry *file,
                                struct error *error)
{
    static char own[] = "";
    uint64_t number;
    struct entry folder = {.path = own,
                           .user = file->user,
                           .group = file->group,
                           .type = ENTRY_FOLDER,
                           .mode = 0700,
                           .uid = file->uid,
                           .gid = file->gid,
                           .modified = file->modified};
    return plan_add_entry(&number, walk->restore->plan, PLAN_FOLDER, walk->number, &folder, error);
}

/* What cannot be is told and stays away. */
static bool can_be_erased_from(const struct source_walk *walk, const struct entry *entry)
{
    struct error unfit;
    struct restore *restore = walk->restore;
    const struct statement_source *words = &walk->source->words;
    if (restore_check_rules(restore->options->erasures, words, entry->path, &unfit) == STATUS_OK) {
        return true;
    }
    pthread_mutex_lock(&restore->lock);
    restore->summary->erased.refused++;
    pthread_mutex_unlock(&restore->lock);
    restore_fail(restore, words->name, entry->path, &unfit);
    return false;
}

/* A database that was erased from has another size than the backup says; a hard link without its
 * first name is a file. */
static enum status look(enum target_place *place, struct source_walk *walk,
                        const struct entry *entry, struct error *error)
{
    struct target *target = walk->restore->target;
    const struct statement_source *words = &walk->source->words;
    struct entry expected = *entry;
    struct error ignored;
    if (entry->type == ENTRY_HARD_LINK && !first_comes(walk, entry) &&
        find_first(walk, entry->link, &ignored) == STATUS_OK) {
        expected = walk->first;
        expected.path = entry->path;
    }
    if (restore_erases_from(walk->restore->options->erasures, words, entry->path)) {
        target_noted_size(&expected.size, target, walk->number);
    }
    return target_look(place, target, words->name, &expected, error);
}

/* What an interrupted run finished; hard links to it may still be missing. */
static enum status pass_finished(struct source_walk *walk, const struct entry *entry,
                                 struct error *error)
{
    struct restore *restore = walk->restore;
    uint64_t number;
    restore->summary->resumed++;
    if (!register_erases_rows(restore->options->erasures, walk->source->words.name)) {
        restore_recount(NULL, restore, walk->source, entry, NULL);
    }
    atomic_fetch_add(&restore->files_done, 1);
    atomic_fetch_add(&restore->bytes_done, entry->size);
    return entry->type == ENTRY_FILE
               ? plan_add_entry(&number, restore->plan, PLAN_FILE, walk->number, entry, error)
               : STATUS_OK;
}

static enum status visit(void *context, const struct entry *entry, const struct content *content,
                         struct error *error)
{
    struct source_walk *walk = context;
    struct restore *restore = walk->restore;
    walk->entries++;
    walk->bytes += entry->type == ENTRY_FILE ? entry->size : 0;
    enum status status = restore_check_cancelled(restore, error);
    if (status != STATUS_OK ||
        !selection_has_path(&restore->options->selection, &walk->trail, entry->path)) {
        return status;
    }
    if (restore_leaves_out(restore->options->erasures, walk->source->words.name, entry)) {
        restore->summary->erased.files += entry->type == ENTRY_FOLDER ? 0 : 1;
        return STATUS_OK;
    }
    if (entry->type == ENTRY_FILE && !can_be_erased_from(walk, entry)) {
        return STATUS_OK;
    }
    atomic_fetch_add(&restore->files_total, 1);
    atomic_fetch_add(&restore->bytes_total, entry->type == ENTRY_FILE ? entry->size : 0);
    if (entry->type == ENTRY_FOLDER) {
        return make_folder(walk, entry, error);
    }
    enum target_place place;
    struct error problem = {0};
    status = look(&place, walk, entry, &problem);
    if (status == STATUS_OK && place == PLACE_FINISHED) {
        return pass_finished(walk, entry, error);
    }
    if (status == STATUS_OK && place == PLACE_TAKEN) {
        status = error_set(&problem, STATUS_EXISTS, 0, _("%s is there already and was kept"),
                           entry->path);
    }
    if (status != STATUS_OK) {
        restore_fail(restore, walk->source->words.name, entry->path, &problem);
        return entry->type == ENTRY_FILE ? note_kept(walk, entry->path, error) : STATUS_OK;
    }
    if (strcmp(walk->source->words.kind, "tree") != 0) {
        status = adopt_folder(walk, entry, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    return entry->type == ENTRY_FILE ? plan_file(walk, entry, content, error)
                                     : make_other(walk, entry, error);
}

static void damaged_node(void *context, const char *near_path, const struct error *error)
{
    struct source_walk *walk = context;
    walk->whole = false;
    restore_fail(walk->restore, walk->source->words.name, near_path, error);
}

static void compare_counts(struct source_walk *walk)
{
    const struct statement_source *words = &walk->source->words;
    bool all = walk->restore->options->selection.includes == NULL;
    bool match = walk->whole && walk->entries == words->entries && walk->bytes == words->bytes;
    if (all && !match) {
        struct error problem;
        walk->restore->summary->counts_match = false;
        error_set(&problem, STATUS_CORRUPT, 0,
                  _("%llu entries with %llu bytes were found where the backup counted %llu with "
                    "%llu bytes"),
                  (unsigned long long)walk->entries, (unsigned long long)walk->bytes,
                  (unsigned long long)words->entries, (unsigned long long)words->bytes);
        restore_warn(walk->restore, words->name, NULL, &problem);
    }
}

enum status restore_walk_source(struct restore *restore, size_t source, struct error *error)
{
    struct source_walk walk = {.restore = restore,
                               .number = source,
                               .source = snapshot_source(restore->snapshot, source),
                               .whole = true};
    struct walk steps = {.path = "", .visit = visit, .problem = damaged_node, .context = &walk};
    struct error problem;
    if (walk.source->words.status == SOURCE_FAILED) {
        error_set(&problem, STATUS_NOT_FOUND, 0, _("this source failed when it was backed up: %s"),
                  walk.source->words.problem == NULL ? "" : walk.source->words.problem);
        restore_fail(restore, walk.source->words.name, NULL, &problem);
        return STATUS_OK;
    }
    if (target_make_folder(restore->target, walk.source->words.name, "", &problem) != STATUS_OK) {
        restore_fail(restore, walk.source->words.name, NULL, &problem);
        return STATUS_OK;
    }
    enum status status = snapshot_walk(restore->snapshot, walk.source, &steps, error);
    if (status == STATUS_OK) {
        compare_counts(&walk);
    }
    buffer_free(&walk.kept);
    buffer_free(&walk.kept_at);
    entry_free(&walk.first);
    content_free(&walk.first_content);
    return status;
}
