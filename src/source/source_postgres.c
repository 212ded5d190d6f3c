/* source_postgres: a live PostgreSQL database as the archive that pg_dump makes, with the row
 * counts and persons of that very state, and no copy on any disk.
 *
 *   connect -> hold the tables -> export the snapshot -> start pg_dump on it -> count -> stream
 *
 * pg_dump is started before the counting, so that it has its locks as soon as we have ours: an
 * ALTER TABLE that came in between would wait for us, and pg_dump behind it. A dump is a file only
 * if pg_dump ended well and the session that held its state is still there.
 */
#include "postgres.h"
#include <stdlib.h>

static enum status dump(struct postgres *postgres, const struct config_source *source,
                        const struct postgres_tables *tables, const char *snapshot,
                        struct error *error)
{
    const struct config_postgres *config = &source->postgres;
    CLEANUP(command_process_stop) struct command_process process = COMMAND_PROCESS_NONE;
    struct source_outcome outcome = {0};
    enum status status = postgres_dump_start(&process, postgres, config, snapshot, error);
    if (status == STATUS_OK) {
        status = postgres_count(postgres, tables, error);
    }
    if (status == STATUS_OK) {
        status = postgres_persons(postgres, source, error);
    }
    if (status == STATUS_OK) {
        status = postgres_dump_send(&outcome, &process, postgres, config, error);
    }
    if (status == STATUS_OK) {
        status = postgres_still_there(postgres, error);
    }
    return status == STATUS_OK ? postgres->sink->end(postgres->sink->context, &outcome, error)
                               : status;
}

static enum status run(const struct config_source *source, const struct source_sink *sink,
                       struct error *error)
{
    CLEANUP(postgres_close) struct postgres postgres = {.sink = sink};
    CLEANUP(postgres_tables_free) struct postgres_tables tables = {0};
    CLEANUP(memory_free) char *snapshot = NULL;
    enum status status = postgres_open(&postgres, source, source->postgres.lock_timeout, 0, error);
    if (status == STATUS_OK) {
        status = postgres_dump_check(&postgres, &source->postgres, error);
    }
    if (status == STATUS_OK) {
        status = postgres_begin(&tables, &snapshot, &postgres, error);
    }
    if (status == STATUS_OK) {
        status = dump(&postgres, source, &tables, snapshot, error);
    }
    if (status == STATUS_OK && source->postgres.globals) {
        status = postgres_globals_send(&postgres, &source->postgres, error);
    }
    return status;
}

const struct source_driver source_postgres = {
    .kind = SOURCE_POSTGRES,
    .run = run,
    .query = postgres_query_run,
};
