/* check_packs: every pack that an index names is in the listing with the right size. The 256
 * folders are listed over all connections. What uploads left unfinished is counted on the way, here
 * and in the folders of the other kinds.
 *
 * It is told and not removed: nothing says whether another machine is still at it. Its clock may be
 * wrong, and locks do not reach it on every network drive. */
#include "check.h"
#include <string.h>

static const enum object_kind OTHER_KINDS[] = {
    OBJECT_REPOSITORY, OBJECT_HOST,       OBJECT_KEYS,  OBJECT_STATEMENT,
    OBJECT_SNAPSHOT,   OBJECT_REFERENCES, OBJECT_INDEX, OBJECT_REGISTER,
};

static enum status see(void *context, const unsigned char id[OBJECT_ID_SIZE],
                       const struct store_entry *entry, struct error *error)
{
    struct check *check = context;
    bool known = false;
    pthread_mutex_lock(&check->lock);
    enum status status = check_see_pack(check, id, entry->size, &known, error);
    check->report->unused_packs += !known;
    pthread_mutex_unlock(&check->lock);
    return status;
}

static void add_unfinished(struct check *check, const struct unfinished *more)
{
    struct check_report *report = check->report;
    report->unfinished += more->files;
    if (__builtin_add_overflow(report->unfinished_bytes, more->bytes, &report->unfinished_bytes)) {
        report->unfinished_bytes = UINT64_MAX;
    }
}

static enum status list_folder(void *context, struct store *store, size_t number,
                               struct error *error)
{
    struct check *check = context;
    struct problems problems = {0};
    struct unfinished unfinished = {0};
    enum status status = object_list_folder(store, OBJECT_PACK, (unsigned)number, &problems,
                                            &unfinished, see, check, error);
    pthread_mutex_lock(&check->lock);
    add_unfinished(check, &unfinished);
    if (status == STATUS_OK) {
        status = problems_copy(&check->report->problems, &problems, error);
    }
    pthread_mutex_unlock(&check->lock);
    problems_free(&problems);
    return status;
}

static enum status tell_one(struct check *check, sqlite3_stmt *row, struct error *error)
{
    unsigned char id[OBJECT_ID_SIZE];
    enum status status = sql_blob(id, sizeof id, row, 0, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct error problem;
    if (sqlite3_column_int(row, 1) == 0) {
        error_set(&problem, STATUS_NOT_FOUND, 0, "%s", _("missing: this pack is not there"));
    } else {
        error_set(&problem, STATUS_CORRUPT, 0, "%s",
                  _("damaged: this pack has not the size that its index says"));
    }
    return check_tell_pack(check, id, &problem, error);
}

static enum status pass(void *context, const unsigned char id[OBJECT_ID_SIZE],
                        const struct store_entry *entry, struct error *error)
{
    (void)context;
    (void)id;
    (void)entry;
    (void)error;
    return STATUS_OK;
}

/* The folders of the kinds that are not packs. */
static enum status look_for_unfinished(void *context, struct store *store, size_t number,
                                       struct error *error)
{
    struct check *check = context;
    struct unfinished unfinished = {0};
    enum status status =
        object_list_folder(store, OTHER_KINDS[number], 0, NULL, &unfinished, pass, NULL, error);
    pthread_mutex_lock(&check->lock);
    add_unfinished(check, &unfinished);
    pthread_mutex_unlock(&check->lock);
    return status;
}

enum status check_pack_listing(struct check *check, struct error *error)
{
    enum status status =
        repo_parallel(check->repo, object_folder_count(OBJECT_PACK), list_folder, check, error);
    if (status == STATUS_OK) {
        status = repo_parallel(check->repo, LENGTH(OTHER_KINDS), look_for_unfinished, check, error);
    }
    CLEANUP(sql_finalize) sqlite3_stmt *missing = NULL;
    if (status == STATUS_OK) {
        status = sql_prepare(&missing, check->sets,
                             "SELECT id, seen FROM pack WHERE seen < 2 ORDER BY id", error);
    }
    bool row = status == STATUS_OK;
    while (status == STATUS_OK && row) {
        status = sql_step(missing, &row, error);
        if (status == STATUS_OK && row) {
            status = tell_one(check, missing, error);
        }
    }
    return status;
}
