/* restore_recount: rows and persons of a restored database against what the backup said of it. The
 * digests have proved already that its bytes are those that were stored; this proves that they are
 * the database that was counted. The definition of persons comes from the sealed catalogue, so a
 * bare machine needs no configuration. */
#include "kura/source.h"
#include "restore_private.h"
#include <stdlib.h>
#include <string.h>

struct recount {
    struct restore *restore;
    const struct catalogue_source *source;
    const char *path;
    struct persons persons;
    size_t tables;    /* counted now */
    size_t uncounted; /* tables that this machine cannot count */
    bool match;
};

static void differ(struct recount *recount, const struct error *problem)
{
    recount->match = false;
    restore_warn(recount->restore, recount->source->words.name, recount->path, problem);
}

static enum status take_rows(void *context, const char *table, uint64_t rows, struct error *error)
{
    struct recount *recount = context;
    const struct statement_source *words = &recount->source->words;
    struct error problem;
    (void)error;
    recount->tables++;
    if (words->table_count == 0) {
        return STATUS_OK; /* too many names to be sworn to (statement_source_fit) */
    }
    for (size_t i = 0; i < words->table_count; i++) {
        if (strcmp(words->tables[i].name, table) != 0) {
            continue;
        }
        if (words->tables[i].rows != rows) {
            error_set(&problem, STATUS_CORRUPT, 0,
                      _("table %s has %llu rows where the backup counted %llu"), table,
                      (unsigned long long)rows, (unsigned long long)words->tables[i].rows);
            differ(recount, &problem);
        }
        return STATUS_OK;
    }
    error_set(&problem, STATUS_CORRUPT, 0, _("the backup counted no table %s"), table);
    differ(recount, &problem);
    return STATUS_OK;
}

static enum status take_person(void *context, const struct config_person *kind, const void *value,
                               size_t size, struct error *error)
{
    struct recount *recount = context;
    if (value == NULL || size == 0) {
        recount->persons.unlinked++;
        return STATUS_OK;
    }
    return persons_add(&recount->persons, repo_secret(snapshot_repo(recount->restore->snapshot)),
                       kind->domain, value, size, error);
}

static void take_warning(void *context, const char *path, const struct error *problem)
{
    struct recount *recount = context;
    (void)path;
    recount->uncounted++;
    restore_warn(recount->restore, recount->source->words.name, recount->path, problem);
}

static void compare_tables(struct recount *recount)
{
    const struct statement_source *words = &recount->source->words;
    struct error problem;
    if (recount->tables + recount->uncounted < words->table_count) {
        error_set(&problem, STATUS_CORRUPT, 0,
                  _("%zu tables are there where the backup counted %zu"), recount->tables,
                  words->table_count);
        differ(recount, &problem);
    }
}

static void compare_persons(struct recount *recount)
{
    const struct statement_source *words = &recount->source->words;
    struct error problem;
    if (words->persons < 0) {
        return;
    }
    unsigned char digest[PERSONS_DIGEST_SIZE];
    persons_settle(&recount->persons);
    persons_digest(digest, &recount->persons);
    uint64_t count = persons_count(&recount->persons);
    if (count != (uint64_t)words->persons) {
        error_set(&problem, STATUS_CORRUPT, 0,
                  _("%llu persons are in it where the backup counted %llu"),
                  (unsigned long long)count, (unsigned long long)words->persons);
        differ(recount, &problem);
    } else if (memcmp(digest, words->persons_digest, sizeof digest) != 0) {
        error_set(&problem, STATUS_CORRUPT, 0, "%s",
                  _("as many persons are in it as the backup counted, but not the same ones"));
        differ(recount, &problem);
    }
}

static enum status count(struct recount *recount, enum source_kind kind, int fd,
                         const struct source_sink *sink, struct error *error)
{
    const struct census *census = &recount->source->census;
    char *name = recount->source->words.name;
    struct config_source source = {.name = name, .kind = kind};
    CLEANUP(memory_free)
    struct config_person *persons = calloc(census->kind_count + 1, sizeof *persons);
    if (persons == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < census->kind_count; i++) {
        persons[i] = (struct config_person){census->kinds[i].domain, census->kinds[i].sql};
    }
    source.persons = persons;
    source.person_count = census->kind_count;
    return source_recount(&source, fd, sink, error);
}

static void settle(struct recount *recount, enum status status)
{
    struct restore *restore = recount->restore;
    /* That it cannot be told is no difference; a database that SQLite finds damaged is one. */
    recount->match &= status != STATUS_CORRUPT;
    bool told = status == STATUS_OK || !recount->match;
    bool sworn = recount->source->words.table_count > 0 || recount->tables == 0;
    pthread_mutex_lock(&restore->lock);
    restore->summary->recounted += told && sworn;
    restore->summary->recount_failed += !told;
    restore->summary->recount_match &= recount->match;
    pthread_mutex_unlock(&restore->lock);
}

/* Where no rule erases from the source, nobody looks again. */
static void tell_left(const struct recount *recount)
{
    struct error problem = {0};
    const struct erasure_register *erasures = recount->restore->options->erasures;
    if (erasures != NULL && !register_erases_rows(erasures, recount->source->words.name) &&
        restore_erased_left(&problem, &recount->persons, erasures)) {
        restore_warn(recount->restore, recount->source->words.name, recount->path, &problem);
    }
}

void restore_recount(struct persons *persons, struct restore *restore,
                     const struct catalogue_source *source, const struct entry *entry,
                     const uint64_t *number)
{
    struct recount recount = {
        .restore = restore, .source = source, .path = entry->path, .match = true};
    struct error problem = {0};
    const struct source_sink sink = {
        .context = &recount, .rows = take_rows, .person = take_person, .warn = take_warning};
    enum source_kind kind;
    CLEANUP(file_close) int fd = -1;
    if (entry->type != ENTRY_FILE || !source_kind_find(&kind, source->words.kind) ||
        !source_can_recount(kind)) {
        return;
    }
    enum status status = number != NULL ? target_open_file(&fd, restore->target, *number, &problem)
                                        : target_open_entry(&fd, restore->target,
                                                            source->words.name, entry, &problem);
    if (status == STATUS_OK) {
        status = count(&recount, kind, fd, &sink, &problem);
    }
    if (status == STATUS_OK || status == STATUS_USAGE) { /* USAGE is of persons, after all rows */
        compare_tables(&recount);
    }
    if (status == STATUS_OK) {
        compare_persons(&recount);
        tell_left(&recount);
    } else {
        error_add_context(&problem, "%s", _("rows and persons cannot be counted again"));
        restore_warn(restore, source->words.name, entry->path, &problem);
    }
    if (status == STATUS_OK && persons != NULL) {
        *persons = recount.persons;
        recount.persons = (struct persons){0};
    }
    persons_free(&recount.persons);
    settle(&recount, status);
}

/* ------------------------------------------------------------------ after erasing */

static enum status ignore_rows(void *context, const char *table, uint64_t rows, struct error *error)
{
    (void)context, (void)table, (void)rows, (void)error;
    return STATUS_OK;
}

static void ignore_warning(void *context, const char *path, const struct error *problem)
{
    (void)context, (void)path, (void)problem; /* told when the rows were counted */
}

void restore_look_for_erased(const struct persons *before, struct restore *restore,
                             const struct catalogue_source *source, const struct entry *entry,
                             uint64_t number)
{
    struct recount recount = {.restore = restore, .source = source, .path = entry->path};
    const struct erasure_register *erasures = restore->options->erasures;
    const char *name = source->words.name;
    const struct source_sink sink = {
        .context = &recount, .rows = ignore_rows, .person = take_person, .warn = ignore_warning};
    struct error problem = {0};
    CLEANUP(file_close) int fd = -1;
    if (source->words.persons < 0) {
        return;
    }
    enum status status = target_open_file(&fd, restore->target, number, &problem);
    if (status == STATUS_OK) {
        status = count(&recount, SOURCE_SQLITE, fd, &sink, &problem);
    }
    persons_settle(&recount.persons);
    if (status != STATUS_OK) {
        error_add_context(&problem, "%s", _("rows and persons cannot be counted again"));
        restore_warn(restore, name, entry->path, &problem);
    } else {
        if (restore_erased_left(&problem, &recount.persons, erasures)) {
            restore_warn(restore, name, entry->path, &problem);
        }
        if (restore_erased_others(&problem, before, &recount.persons, erasures)) {
            restore_warn(restore, name, entry->path, &problem);
        }
    }
    persons_free(&recount.persons);
}
