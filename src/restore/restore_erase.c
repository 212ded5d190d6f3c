/* restore_erase: a restore obeys the register. Files that a rule names are not made; a database
 * becomes visible only when all rules were applied to it in the hidden folder. */
#include "erase_sqlite.h"
#include "restore_private.h"
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void restore_rules_digest(unsigned char digest[RULES_DIGEST_SIZE],
                          const struct erasure_register *erasures)
{
    crypto_generichash_state hash;
    memset(digest, 0, RULES_DIGEST_SIZE);
    if (erasures == NULL || erasures->count == 0) {
        return;
    }
    crypto_generichash_init(&hash, NULL, 0, RULES_DIGEST_SIZE);
    for (size_t i = 0; i < erasures->count; i++) {
        crypto_generichash_update(&hash, erasures->items[i].id, ERASURE_ID_SIZE);
    }
    crypto_generichash_final(&hash, digest, RULES_DIGEST_SIZE);
}

bool restore_leaves_out(const struct erasure_register *erasures, const char *source,
                        const struct entry *entry)
{
    /* A hard link has the content of the other name. */
    return register_erases_path(erasures, source, entry->path) ||
           (entry->type == ENTRY_HARD_LINK && register_erases_path(erasures, source, entry->link));
}

enum status restore_hint_as_it_was(const char *source, struct error *error)
{
    return error_set_hint(error,
                          _("It is not given back: somebody who asked to be erased would "
                            "be in it. With the data manager's key, --as-it-was --reason TEXT "
                            "--source %s gives it as it was, to be erased from by hand."),
                          source);
}

/* Beside the archive of a PostgreSQL source lie its roles, which are nobody's data. */
bool restore_erases_from(const struct erasure_register *erasures,
                         const struct statement_source *words, const char *path)
{
    bool roles = strcmp(words->kind, "postgres") == 0 && strcmp(path, "globals.sql") == 0;
    return !roles && register_erases_rows(erasures, words->name);
}

enum status restore_check_rules(const struct erasure_register *erasures,
                                const struct statement_source *words, const char *path,
                                struct error *error)
{
    if (!restore_erases_from(erasures, words, path) || strcmp(words->kind, "sqlite") == 0) {
        return STATUS_OK;
    }
    error_set(error, STATUS_FAILED, 0,
              _("somebody in source %s asked to be erased, and from what a source of kind %s gives "
                "as a file nobody can be erased"),
              words->name, words->kind);
    return strcmp(words->kind, "postgres") != 0
               ? restore_hint_as_it_was(words->name, error)
               : error_set_hint(error, _("Restore it into a database: --database NAME --source %s"),
                                words->name);
}

bool restore_erased_left(struct error *problem, const struct persons *persons,
                         const struct erasure_register *erasures)
{
    size_t left = 0;
    for (size_t i = 0; i < erasures->count; i++) {
        left += persons_has(persons, erasures->items[i].person);
    }
    if (left == 0) {
        return false;
    }
    error_set(problem, STATUS_FAILED, 0,
              ngettext("%zu person who asked to be erased is still in it after the rules",
                       "%zu persons who asked to be erased are still in it after the rules", left),
              left);
    error_set_hint(problem, "%s",
                   _("Erase them by hand, and put the rules in kura.yaml right. Rows that are "
                     "only made anonymous must not count as persons: see persons in "
                     "kura.yaml(5)."));
    return true;
}

bool restore_erased_others(struct error *problem, const struct persons *before,
                           const struct persons *after, const struct erasure_register *erasures)
{
    size_t others = 0;
    for (size_t i = 0, j = 0; i < before->count; i++) {
        int order = -1;
        while (j < after->count &&
               (order = memcmp(before->ids[i], after->ids[j], PERSON_SIZE)) > 0) {
            j++;
        }
        bool gone = j == after->count || order < 0;
        others += gone && !register_has(erasures, before->ids[i]);
    }
    if (others == 0) {
        return false;
    }
    error_set(problem, STATUS_FAILED, 0,
              ngettext("%zu person who is not registered as erased is gone after the rules",
                       "%zu persons who are not registered as erased are gone after the rules",
                       others),
              others);
    error_set_hint(
        problem, "%s",
        _("Perhaps an ID was registered in another spelling than the database's (blanks, "
          "capitals, zeros in front): register that one, too, for backups and kura "
          "person where know no other. If not, a rule removes more than the person."));
    return true;
}

static void add_erased(struct restore_erased *to, const struct restore_erased *more)
{
    to->databases += more->databases;
    to->rows += more->rows;
    to->rows_removed += more->rows_removed;
    to->files += more->files;
    to->refused += more->refused;
    if (to->written == 0) {
        memcpy(to->written_table, more->written_table, sizeof to->written_table);
    }
    to->written += more->written;
}

static enum status erase_staged(struct restore *restore, const char *staged,
                                const struct catalogue_source *source, uint64_t *size,
                                struct error *error)
{
    CLEANUP(erase_image_close) struct erase_image image = {.fd = -1};
    struct restore_erased erased = {0};
    const struct erase_rules rules = {.erasures = restore->options->erasures,
                                      .words = &source->words,
                                      .cancelled = restore->options->cancelled};
    const int folder = target_staging(restore->target);
    enum status status = erase_image_open(&image, folder, staged, error);
    if (status == STATUS_OK) {
        status = erase_image_run(&erased, &image, &rules, error);
    }
    off_t end = status == STATUS_OK ? lseek(image.fd, 0, SEEK_END) : -1;
    *size = end < 0 ? 0 : (uint64_t)end;
    pthread_mutex_lock(&restore->lock);
    add_erased(&restore->summary->erased, &erased);
    pthread_mutex_unlock(&restore->lock);
    return status;
}

/* A journal that another database of the name left would be rolled into this one when it is opened:
 * other rows, and whoever was erased. */
static enum status publish(struct restore *restore, uint64_t number,
                           const struct catalogue_source *from, const struct entry *entry,
                           struct error *error)
{
    const char *name = from->words.name;
    if (strcmp(from->words.kind, "sqlite") == 0) {
        enum status status = target_clear_journals(restore->target, name, entry->path, error);
        if (status != STATUS_OK) {
            target_drop_file(restore->target, number);
            return status;
        }
    }
    return target_finish_file(restore->target, number, name, entry, error);
}

enum status restore_finish_file(struct restore *restore, uint64_t number, size_t source,
                                const struct entry *entry, struct error *error)
{
    const struct catalogue_source *from = snapshot_source(restore->snapshot, source);
    const char *name = from->words.name;
    uint64_t size = 0;
    CLEANUP(persons_free) struct persons persons = {0};
    restore_recount(&persons, restore, from, entry, &number);
    if (!restore_erases_from(restore->options->erasures, &from->words, entry->path)) {
        return publish(restore, number, from, entry, error);
    }
    char staged[TARGET_NAME_SIZE];
    target_staged_name(staged, number);
    target_close_file(restore->target, number);
    enum status status = erase_staged(restore, staged, from, &size, error);
    if (status == STATUS_OK) {
        restore_look_for_erased(&persons, restore, from, entry, number);
        status = target_note_size(restore->target, source, size, error);
    }
    if (status == STATUS_OK) {
        return publish(restore, number, from, entry, error);
    }
    target_drop_file(restore->target, number);
    if (status == STATUS_CANCELLED || status == STATUS_NO_SPACE) {
        return status;
    }
    pthread_mutex_lock(&restore->lock);
    restore->summary->erased.refused++;
    pthread_mutex_unlock(&restore->lock);
    return restore_hint_as_it_was(name, error);
}
