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

struct held {
    const struct config_source *source;
    struct postgres postgres;
    struct postgres_tables tables;
    struct command_process process; /* pg_dump, which waits until somebody reads */
};

static void release(void *state)
{
    struct held *held = state;
    command_process_stop(&held->process);
    postgres_tables_free(&held->tables);
    postgres_close(&held->postgres);
    free(held);
}

static enum status take_state(struct held *held, struct error *error)
{
    const struct config_postgres *config = &held->source->postgres;
    CLEANUP(memory_free) char *snapshot = NULL;
    enum status status =
        postgres_open(&held->postgres, held->source, config->lock_timeout, 0, error);
    if (status == STATUS_OK) {
        status = postgres_dump_check(&held->postgres, config, error);
    }
    if (status == STATUS_OK) {
        status = postgres_begin(&held->tables, &snapshot, &held->postgres, error);
    }
    return status == STATUS_OK
               ? postgres_dump_start(&held->process, &held->postgres, config, snapshot, error)
               : status;
}

static enum status hold(void **state, const struct config_source *source,
                        const struct source_sink *sink, struct error *error)
{
    struct held *held = calloc(1, sizeof *held);
    if (held == NULL) {
        return error_set_memory(error);
    }
    held->source = source;
    held->process = COMMAND_PROCESS_NONE;
    held->postgres.sink = sink;
    enum status status = take_state(held, error);
    held->postgres.sink = NULL;
    if (status != STATUS_OK) {
        release(held);
        return status;
    }
    *state = held;
    return STATUS_OK;
}

static enum status deliver(void *state, const struct source_sink *sink, struct error *error)
{
    struct held *held = state;
    struct postgres *postgres = &held->postgres;
    const struct config_postgres *config = &held->source->postgres;
    struct source_outcome outcome = {0};
    postgres->sink = sink;
    enum status status = postgres_count(postgres, &held->tables, error);
    if (status == STATUS_OK) {
        status = postgres_persons(postgres, held->source, error);
    }
    if (status == STATUS_OK) {
        status = postgres_dump_send(&outcome, &held->process, postgres, config, error);
    }
    if (status == STATUS_OK) {
        status = postgres_still_there(postgres, error);
    }
    if (status == STATUS_OK) {
        status = sink->end(sink->context, &outcome, error);
    }
    return status == STATUS_OK && config->globals ? postgres_globals_send(postgres, config, error)
                                                  : status;
}

static enum status run(const struct config_source *source, const struct source_sink *sink,
                       struct error *error)
{
    void *held = NULL;
    enum status status = hold(&held, source, sink, error);
    if (held != NULL) {
        status = deliver(held, sink, error);
        release(held);
    }
    return status;
}

const struct source_driver source_postgres = {
    .kind = SOURCE_POSTGRES,
    .run = run,
    .query = postgres_query_run,
    .hold = hold,
    .deliver = deliver,
    .release = release,
    .check_changes = postgres_check_changes,
};
