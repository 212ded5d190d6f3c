/* check_lies: indexes that say what is not so. Only who has a host key can store one, and a thief
 * can store many; no chunk is lost by it, for every place that any index names is tried. Where the
 * pack itself has been read, it says which of them lies. */
#include "check.h"
#include <string.h>

enum status check_contradiction(struct check *check, int64_t number,
                                const unsigned char origin[OBJECT_ID_SIZE], uint64_t size,
                                const unsigned char digest[OBJECT_ID_SIZE], struct error *error)
{
    CLEANUP(sql_finalize) sqlite3_stmt *add = NULL;
    enum status status = sql_prepare(
        &add, check->sets,
        "INSERT OR IGNORE INTO claim (pack, origin, size, digest) VALUES (?, ?, ?, ?)", error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind_number(add, 1, number);
    sql_bind(add, 2, origin, OBJECT_ID_SIZE);
    sql_bind_number(add, 3, (int64_t)size);
    sql_bind(add, 4, digest, OBJECT_ID_SIZE);
    return sql_once(add, error);
}

/* Each index once, however much it lies. */
static enum status tell_liar(struct check *check, const unsigned char origin[OBJECT_ID_SIZE],
                             const struct error *lie, struct error *error)
{
    CLEANUP(sql_finalize) sqlite3_stmt *add = NULL;
    enum status status =
        sql_prepare(&add, check->sets, "INSERT OR IGNORE INTO liar (origin) VALUES (?)", error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind(add, 1, origin, OBJECT_ID_SIZE);
    status = sql_once(add, error);
    if (status == STATUS_OK && sqlite3_changes(check->sets) > 0) {
        struct error told = *lie;
        error_set_hint(
            &told, "%s",
            _("No backup is lost by it: chunks are looked for wherever any index says. "
              "But only who has a host key can have stored it. If no machine of yours is "
              "faulty, revoke that key with kura host revoke."));
        check_tell(check, OBJECT_INDEX, origin, &told);
    }
    return status;
}

/* Tells every index whose id is in a row; *any: there was one. */
static enum status tell_rows(struct check *check, sqlite3_stmt *rows, const struct error *lie,
                             bool *any, struct error *error)
{
    *any = false;
    for (;;) {
        unsigned char origin[OBJECT_ID_SIZE];
        bool row = false;
        enum status status = sql_step(rows, &row, error);
        if (status != STATUS_OK || !row) {
            return status;
        }
        status = sql_blob(origin, sizeof origin, rows, 0, error);
        status = status ? status : tell_liar(check, origin, lie, error);
        if (status != STATUS_OK) {
            return status;
        }
        *any = true;
    }
}

static enum status run_for_pack(struct check *check, const char *text,
                                const unsigned char id[OBJECT_ID_SIZE], struct error *error)
{
    CLEANUP(sql_finalize) sqlite3_stmt *statement = NULL;
    enum status status = sql_prepare(&statement, check->sets, text, error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind(statement, 1, id, OBJECT_ID_SIZE);
    return sql_once(statement, error);
}

enum status check_settle(struct check *check, const unsigned char id[OBJECT_ID_SIZE],
                         const unsigned char digest[OBJECT_ID_SIZE], struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    object_name(name, OBJECT_PACK, id);
    struct error lie;
    error_set(&lie, STATUS_UNAUTHENTIC, 0,
              _("this index lies: it says of %s what that pack itself does not say"), name);
    CLEANUP(sql_finalize) sqlite3_stmt *liars = NULL;
    enum status status =
        sql_prepare(&liars, check->sets,
                    "SELECT origin FROM pack WHERE id = ?1 AND digest <> ?2"
                    " UNION SELECT claim.origin FROM claim JOIN pack ON pack.number = claim.pack"
                    " WHERE pack.id = ?1 AND claim.digest <> ?2",
                    error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind(liars, 1, id, OBJECT_ID_SIZE);
    sql_bind(liars, 2, digest, OBJECT_ID_SIZE);
    bool any = false;
    status = tell_rows(check, liars, &lie, &any, error);
    if (status != STATUS_OK || !any) {
        return status;
    }
    status = run_for_pack(check, "UPDATE pack SET lied = 1 WHERE id = ?", id, error);
    return status ? status
                  : run_for_pack(check,
                                 "DELETE FROM claim WHERE pack ="
                                 " (SELECT number FROM pack WHERE id = ?)",
                                 id, error);
}

/* With a liar about this pack already told, it was most likely his place. */
enum status check_empty_place(struct check *check, const unsigned char id[OBJECT_ID_SIZE],
                              struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    object_name(name, OBJECT_PACK, id);
    struct error lie;
    error_set(&lie, STATUS_UNAUTHENTIC, 0,
              _("this index lies: %s, which it names, holds other bytes than the chunks that it is "
                "said to hold"),
              name);
    CLEANUP(sql_finalize) sqlite3_stmt *liars = NULL;
    enum status status =
        sql_prepare(&liars, check->sets,
                    "SELECT origin FROM pack WHERE id = ? AND seen = 3 AND told = 0 AND lied = 0"
                    " AND origin <> zeroblob(32)", /* no index said it */
                    error);
    if (status != STATUS_OK) {
        return status;
    }
    sql_bind(liars, 1, id, OBJECT_ID_SIZE);
    bool any = false;
    return tell_rows(check, liars, &lie, &any, error);
}

enum status check_tell_contradictions(struct check *check, struct error *error)
{
    CLEANUP(sql_finalize) sqlite3_stmt *rows = NULL;
    enum status status = sql_prepare(&rows, check->sets,
                                     "SELECT claim.origin, pack.id FROM claim"
                                     " JOIN pack ON pack.number = claim.pack GROUP BY claim.origin",
                                     error);
    bool row = status == STATUS_OK;
    while (status == STATUS_OK && row) {
        unsigned char origin[OBJECT_ID_SIZE];
        unsigned char id[OBJECT_ID_SIZE];
        status = sql_step(rows, &row, error);
        if (status != STATUS_OK || !row) {
            return status;
        }
        status = sql_blob(origin, sizeof origin, rows, 0, error);
        status = status ? status : sql_blob(id, sizeof id, rows, 1, error);
        if (status == STATUS_OK) {
            char name[OBJECT_NAME_SIZE];
            object_name(name, OBJECT_PACK, id);
            struct error problem;
            error_set(&problem, STATUS_CORRUPT, 0,
                      _("this index and another one contradict each other about %s"), name);
            error_set_hint(&problem, "%s",
                           _("With --read-data, check finds out which of them lies."));
            check_tell(check, OBJECT_INDEX, origin, &problem);
        }
    }
    return status;
}
