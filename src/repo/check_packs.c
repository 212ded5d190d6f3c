/* check_packs: every pack that an index names is in the listing with the right size. The 256
 * folders are listed over all connections. */
#include "check.h"
#include <string.h>

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

static enum status list_folder(void *context, struct store *store, size_t number,
                               struct error *error)
{
    struct check *check = context;
    struct problems problems = {0};
    enum status status =
        object_list_folder(store, OBJECT_PACK, (unsigned)number, &problems, see, check, error);
    pthread_mutex_lock(&check->lock);
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

enum status check_pack_listing(struct check *check, struct error *error)
{
    enum status status =
        repo_parallel(check->repo, object_folder_count(OBJECT_PACK), list_folder, check, error);
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
