/* check_persons: the lists of who is in a snapshot, against the numbers and digests that the host's
 * statement has of them, and against each other: the sum over all sources has nobody twice. Lists
 * that are those of an earlier snapshot are not read again. */
#include "check.h"
#include "snapshot_private.h"
#include <sodium.h>
#include <string.h>

/* What is checked, as one hash: where the lists lie, and what is said of them. */
static bool fingerprint(unsigned char hash[OBJECT_ID_SIZE], const struct snapshot *snapshot)
{
    const struct catalogue *catalogue = &snapshot->catalogue;
    crypto_generichash_state state;
    bool counted = false;
    crypto_generichash_init(&state, NULL, 0, OBJECT_ID_SIZE);
    crypto_generichash_update(&state, (const unsigned char *)&catalogue->persons,
                              sizeof catalogue->persons);
    for (size_t i = 0; i < catalogue->source_count; i++) {
        const struct catalogue_source *source = &catalogue->sources[i];
        const struct buffer *list = &source->census.list.data;
        if (source->words.persons < 0) {
            continue;
        }
        counted = true;
        crypto_generichash_update(&state, source->words.persons_digest, PERSONS_DIGEST_SIZE);
        crypto_generichash_update(&state, (const unsigned char *)&source->census.unlinked,
                                  sizeof source->census.unlinked);
        crypto_generichash_update(&state, (const unsigned char *)&list->size, sizeof list->size);
        crypto_generichash_update(&state, list->data, list->size);
    }
    crypto_generichash_final(&state, hash, OBJECT_ID_SIZE);
    return counted;
}

static enum status is_new(bool *fresh, struct check *check,
                          const unsigned char hash[OBJECT_ID_SIZE], struct error *error)
{
    CLEANUP(sql_finalize) sqlite3_stmt *add = NULL;
    enum status status =
        sql_run(check->sets,
                "CREATE TABLE IF NOT EXISTS census (hash BLOB PRIMARY KEY) WITHOUT ROWID", error);
    if (status == STATUS_OK) {
        status = sql_prepare(&add, check->sets, "INSERT OR IGNORE INTO census VALUES (?)", error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind(add, 1, hash, OBJECT_ID_SIZE);
    status = sql_once(add, error);
    *fresh = sqlite3_changes(check->sets) > 0;
    return status;
}

enum status check_persons(struct check *check, struct snapshot *snapshot,
                          const struct statement *statement, struct error *error)
{
    unsigned char hash[OBJECT_ID_SIZE];
    bool fresh = false;
    if (!fingerprint(hash, snapshot)) {
        return STATUS_OK;
    }
    enum status status = is_new(&fresh, check, hash, error);
    if (status != STATUS_OK || !fresh) {
        return status;
    }
    CLEANUP(persons_free) struct persons persons = {0};
    status = snapshot_persons(&persons, snapshot, NULL, error);
    if (problem_is_local(status, error)) {
        check_tell(check, OBJECT_SNAPSHOT, statement->snapshot, error);
        error_clear(error);
        return STATUS_OK;
    }
    return status;
}
