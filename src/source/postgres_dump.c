/* postgres_dump: pg_dump reads the state that the session holds; its output goes straight to the
 * sink. Nothing of it lies in a file, and no shell is involved. */
#include "command_output.h"
#include "postgres.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_SIZE 256
#define WORDS_LIMIT 12
enum { WAIT_MS = 500, LOOK_EVERY_MS = 100 };

static const char *dump_program(const struct config_postgres *config)
{
    return config->pg_dump == NULL ? "pg_dump" : config->pg_dump;
}

/* Beside pg_dump. */
static enum status globals_program(char **program, const struct config_postgres *config,
                                   struct error *error)
{
    const char *slash = config->pg_dump == NULL ? NULL : strrchr(config->pg_dump, '/');
    int folder = slash == NULL ? 0 : (int)(slash + 1 - config->pg_dump);
    if (asprintf(program, "%.*spg_dumpall", folder, folder == 0 ? "" : config->pg_dump) < 0) {
        *program = NULL;
        return error_set_memory(error);
    }
    return STATUS_OK;
}

static enum status start(struct command_process *process, const char *const *words,
                         struct error *error)
{
    CLEANUP(memory_free) char **copies = calloc(WORDS_LIMIT + 1, sizeof *copies);
    if (copies == NULL) {
        return error_set_memory(error);
    }
    size_t count = 0;
    for (size_t i = 0; i < WORDS_LIMIT; i++) {
        if (words[i] != NULL) {
            memcpy(&copies[count++], &words[i], sizeof *copies); /* execvp changes nothing */
        }
    }
    enum status status = command_process_start(process, copies, error);
    return status == STATUS_OK || error->hint[0] == '\0'
               ? status
               : error_set_hint(error, _("Install the package postgresql-client, or name the "
                                         "program with \"pg_dump: PATH\" at the source."));
}

/* ------------------------------------------------------------------ its version */

static enum status read_version(char text[VERSION_SIZE], struct command_process *process,
                                struct postgres *postgres, struct error *error)
{
    const struct source_sink *sink = postgres->sink;
    size_t used = 0;
    enum status status = STATUS_OK;
    for (bool ended = false; !ended && status == STATUS_OK && used + 1 < VERSION_SIZE;) {
        size_t got = 0;
        status = command_process_read(process, (unsigned char *)text + used,
                                      VERSION_SIZE - 1 - used, WAIT_MS, &got, &ended, error);
        used += got;
        if (status == STATUS_OK && sink->waiting != NULL) {
            status = sink->waiting(sink->context, error);
        }
    }
    text[used] = '\0';
    return status;
}

enum status postgres_dump_check(struct postgres *postgres, const struct config_postgres *config,
                                struct error *error)
{
    CLEANUP(command_process_stop) struct command_process process = COMMAND_PROCESS_NONE;
    const char *words[WORDS_LIMIT] = {dump_program(config), "--version"};
    char text[VERSION_SIZE];
    enum status status = start(&process, words, error);
    if (status == STATUS_OK) {
        status = read_version(text, &process, postgres, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    int server = PQserverVersion(postgres->connection) / 10000;
    const char *number = strpbrk(text, "0123456789"); /* pg_dump (PostgreSQL) 15.2 */
    if (strncmp(text, "pg_dump ", 8) != 0 || number == NULL) {
        return error_set(error, STATUS_FAILED, 0, _("%s does not say its version as pg_dump does"),
                         words[0]);
    }
    long client = strtol(number, NULL, 10);
    if (client >= server) {
        return STATUS_OK;
    }
    error_set(error, STATUS_UNSUPPORTED, 0,
              _("%s is of PostgreSQL %ld and cannot dump a server of PostgreSQL %d"), words[0],
              client, server);
    return error_set_hint(error,
                          _("Install postgresql-client-%d, or name its pg_dump with \"pg_dump: "
                            "PATH\" at the source."),
                          server);
}

/* ------------------------------------------------------------------ the dump */

/* Letters as the database has them: it, the role or the environment may name another encoding for
 * programs, and not every letter comes back out of that. */
static enum status own_encoding(char **option, const struct postgres *postgres, struct error *error)
{
    const char *name = PQparameterStatus(postgres->connection, "server_encoding");
    if (name == NULL) {
        return postgres_error(error, postgres->connection, NULL);
    }
    if (asprintf(option, "--encoding=%s", name) < 0) {
        *option = NULL;
        return error_set_memory(error);
    }
    return STATUS_OK;
}

enum status postgres_dump_start(struct command_process *process, const struct postgres *postgres,
                                const struct config_postgres *config, const char *snapshot,
                                struct error *error)
{
    char lock_timeout[64];
    CLEANUP(memory_free) char *state = NULL;
    CLEANUP(memory_free) char *encoding = NULL;
    snprintf(lock_timeout, sizeof lock_timeout, "--lock-wait-timeout=%us", config->lock_timeout);
    if (asprintf(&state, "--snapshot=%s", snapshot) < 0) {
        state = NULL;
        return error_set_memory(error);
    }
    enum status status = own_encoding(&encoding, postgres, error);
    if (status != STATUS_OK) {
        return status;
    }
    /* Uncompressed, or nothing in it would be recognised the next night. */
    const char *words[WORDS_LIMIT] = {
        dump_program(config),
        "--format=custom",
        "--compress=0",
        "--no-password",
        state,
        lock_timeout,
        encoding,
        "--dbname",
        postgres->words,
        config->large_objects ? "--blobs" : "--no-blobs",
    };
    return start(process, words, error);
}

/* Of our own role's sessions, as only those tell what they do. The server's list of sessions is
 * kept for the whole transaction unless it is asked anew. */
static const char STUCK[] =
    "SELECT count(*) FROM pg_catalog.pg_stat_activity q"
    " WHERE q.datname = pg_catalog.current_database() AND q.usename = current_user"
    " AND q.wait_event_type = 'Lock' AND q.query LIKE 'LOCK TABLE %'"
    " AND EXISTS (SELECT FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(q.pid)) w"
    " WHERE pg_catalog.pg_backend_pid() = ANY (pg_catalog.pg_blocking_pids(w)))";

static enum status look_whether_stuck(bool *stuck, struct postgres *postgres, struct error *error)
{
    CLEANUP(memory_free) char *count = NULL;
    enum status status =
        postgres_run(postgres, "SELECT pg_catalog.pg_stat_clear_snapshot()", NULL, NULL, error);
    if (status == STATUS_OK) {
        status = postgres_text(&count, postgres, STUCK, error);
    }
    *stuck = status == STATUS_OK && strcmp(count, "0") != 0;
    return status;
}

enum status postgres_dump_locks(bool *stuck, const struct command_process *process,
                                struct postgres *postgres, struct error *error)
{
    struct pollfd output = {.fd = process->output, .events = POLLIN};
    enum status status = STATUS_OK;
    *stuck = false;
    /* A signal is looked at by whatever is asked next. */
    while (status == STATUS_OK && !*stuck && poll(&output, 1, LOOK_EVERY_MS) <= 0) {
        status = look_whether_stuck(stuck, postgres, error);
    }
    return status;
}

static void warn_of_words(const struct source_sink *sink, const char *entry,
                          const struct command_process *process)
{
    struct error problem;
    char last[COMMAND_WORDS_SIZE];
    command_process_last_words(process, last);
    if (last[0] != '\0') {
        error_set(&problem, STATUS_FAILED, 0,
                  _("the command succeeded, but wrote to its standard error: %s"), last);
        sink->warn(sink->context, entry, &problem);
    }
}

/* ------------------------------------------------------------------ what they write */

/* The archive passes by on its way to the sink. */
struct passage {
    const struct source_sink *sink;
    struct postgres_archive archive;
    const unsigned char *data;
};

static enum status passage_space(void *context, unsigned char **data, size_t *size,
                                 struct error *error)
{
    struct passage *passage = context;
    enum status status = passage->sink->space(passage->sink->context, data, size, error);
    passage->data = status == STATUS_OK ? *data : NULL;
    return status;
}

static enum status passage_advance(void *context, size_t size, struct error *error)
{
    struct passage *passage = context;
    postgres_archive_feed(&passage->archive, passage->data, size);
    return passage->sink->advance(passage->sink->context, size, error);
}

static enum status fail_incomplete(const char *program, struct error *error)
{
    error_set(error, STATUS_FAILED, 0,
              _("%s ended well, but what it wrote is no complete archive of pg_dump"), program);
    return error_set_hint(error, "%s",
                          _("If it is a script: its exit code must be that of pg_dump (set -o "
                            "pipefail). Nothing of its output was kept."));
}

/* With `archive` it must be one. */
static enum status send_output(struct source_outcome *outcome, struct command_process *process,
                               const struct postgres *postgres, const char *entry,
                               const char *program, bool archive, struct error *error)
{
    const struct source_sink *sink = postgres->sink;
    struct passage passage = {.sink = sink};
    const struct source_sink by_passage = {
        .context = &passage, .space = passage_space, .advance = passage_advance};
    if (command_output_entry(sink, entry, error) != STATUS_OK ||
        command_output_send(&outcome->size, archive ? &by_passage : sink, process, program,
                            CONFIG_DEFAULT_SILENCE, error) != STATUS_OK) {
        return error->status;
    }
    if (archive && !postgres_archive_is_complete(&passage.archive)) {
        return fail_incomplete(program, error);
    }
    warn_of_words(sink, entry, process);
    return STATUS_OK;
}

enum status postgres_dump_send(struct source_outcome *outcome, struct command_process *process,
                               const struct postgres *postgres,
                               const struct config_postgres *config, struct error *error)
{
    return send_output(outcome, process, postgres, POSTGRES_DUMP_NAME, dump_program(config), true,
                       error);
}

/* ------------------------------------------------------------------ the globals */

/* Only a superuser may read the hashes of passwords. */
static enum status may_read_passwords(bool *may, struct postgres *postgres, struct error *error)
{
    CLEANUP(memory_free) char *answer = NULL;
    enum status status = postgres_text(
        &answer, postgres,
        "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')", error);
    *may = status == STATUS_OK && answer[0] == 't';
    return status;
}

static void warn_of_passwords(const struct source_sink *sink)
{
    struct error problem;
    error_set(&problem, STATUS_DENIED, 0, "%s",
              _("the roles were saved without their passwords: only a superuser may read them"));
    error_set_hint(&problem, "%s", _("After a restore the passwords must be set anew."));
    sink->warn(sink->context, POSTGRES_GLOBALS_NAME, &problem);
}

enum status postgres_globals_send(struct postgres *postgres, const struct config_postgres *config,
                                  struct error *error)
{
    CLEANUP(command_process_stop) struct command_process process = COMMAND_PROCESS_NONE;
    CLEANUP(memory_free) char *program = NULL;
    CLEANUP(memory_free) char *encoding = NULL;
    bool passwords = false;
    enum status status = may_read_passwords(&passwords, postgres, error);
    if (status == STATUS_OK) {
        status = globals_program(&program, config, error);
    }
    if (status == STATUS_OK) {
        status = own_encoding(&encoding, postgres, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const char *words[WORDS_LIMIT] = {
        program,         "--globals-only",
        "--no-password", encoding,
        "--dbname",      postgres->words,
        "--database", /* words, too: a name with a "=" in it would be taken for them */
        postgres->words, passwords ? NULL : "--no-role-passwords",
    };
    struct source_outcome outcome = {0};
    status = start(&process, words, error);
    if (status == STATUS_OK) {
        status =
            send_output(&outcome, &process, postgres, POSTGRES_GLOBALS_NAME, program, false, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!passwords) {
        warn_of_passwords(postgres->sink);
    }
    return postgres->sink->end(postgres->sink->context, &outcome, error);
}
