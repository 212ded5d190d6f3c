/* source_postgres: a live PostgreSQL database as the archive that pg_dump makes, with the row
 * counts and persons of that very state, and no copy on any disk.
 *
 *   connect -> hold the tables -> export the snapshot -> start pg_dump on it -> count -> stream
 *
 * pg_dump is started before the counting, so that it has its locks as soon as we have ours. An
 * ALTER TABLE that comes in between waits for us, and pg_dump behind it, so we would wait for each
 * other, and the shop for us: then all is let go and begun again. A dump is a file only if pg_dump
 * ended well and the session that held its state is still there.
 */
#include "postgres.h"
#include <sodium.h>
#include <stdlib.h>
#include <time.h>

struct held {
    const struct config_source *source;
    struct postgres postgres;
    struct postgres_tables tables;
    struct command_process process; /* pg_dump, which waits until somebody reads */
};

static void let_go(struct held *held)
{
    command_process_stop(&held->process);
    postgres_tables_free(&held->tables);
    postgres_close(&held->postgres);
}

static void release(void *state)
{
    let_go(state);
    free(state);
}

static enum status try_state(struct held *held, bool *stuck, struct error *error)
{
    const struct config_postgres *config = &held->source->postgres;
    CLEANUP(memory_free) char *snapshot = NULL;
    held->postgres.silence = CONFIG_DEFAULT_SILENCE + config->lock_timeout;
    enum status status =
        postgres_open(&held->postgres, held->source, config->lock_timeout, 0, error);
    if (status == STATUS_OK) {
        status = postgres_dump_check(&held->postgres, config, error);
    }
    if (status == STATUS_OK) {
        status = postgres_begin(&held->tables, &snapshot, &held->postgres, error);
    }
    if (status == STATUS_OK) {
        status = postgres_dump_start(&held->process, &held->postgres, config, snapshot, error);
    }
    return status == STATUS_OK ? postgres_dump_locks(stuck, &held->process, &held->postgres, error)
                               : status;
}

/* Whoever wanted the tables gets them meanwhile; not always after the same time, or two programs
 * could go on in step. */
static void give_way(void)
{
    struct timespec pause = {.tv_nsec = 50000000L + (long)randombytes_uniform(200000000)};
    nanosleep(&pause, NULL);
}

static enum status take_state(struct held *held, struct error *error)
{
    const struct source_sink *sink = held->postgres.sink;
    const double end = clock_monotonic() + held->source->postgres.lock_timeout;
    bool stuck = false;
    enum status status = try_state(held, &stuck, error);
    while (status == STATUS_OK && stuck && clock_monotonic() < end) {
        let_go(held);
        give_way();
        held->postgres.sink = sink;
        status = try_state(held, &stuck, error);
    }
    if (status == STATUS_OK && stuck) {
        error_set(error, STATUS_FAILED, 0, "%s",
                  _("other sessions change tables all the time, so that none could be held"));
        error_set_hint(error, "%s",
                       _("ALTER TABLE, TRUNCATE and the like keep the backup from its locks. Make "
                         "the backup at another hour, or lock_timeout longer."));
    }
    return status == STATUS_OK && stuck ? error->status : status;
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
    enum status status = postgres_tell_left_out(postgres, error);
    if (status == STATUS_OK) {
        status = postgres_count(postgres, &held->tables, error);
    }
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
    .spellings = postgres_spellings,
};
