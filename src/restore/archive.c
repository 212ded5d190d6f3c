/* archive: the dump goes from the repository through a pipe into pg_restore; nothing of it touches
 * the disk in between. */
#include "dump.h"
#include "hidden.h"
#include "kura/command.h"
#include <string.h>
#include <time.h>

enum {
    LOCK_SECONDS = 1,
    WAIT_MS = 200, /* the user's wish to stop is looked at so often */
    TURN_MS = 20,  /* writing and reading take turns where there is output */
    TEXT_LIMIT = 64 * 1024 * 1024,
    ZEROS_SIZE = 64 * 1024
};

struct run {
    struct hidden_database *database;
    struct command_process process;
    archive_output output;
    void *context;
    bool closed; /* it reads no more */
    bool silent; /* its output has ended */
    uint64_t fed;
    double told;    /* when progress was told last, */
    double checked; /* and the lock looked at */
};

/* Without the lock another restore may take the database for a leftover. */
static enum status check_going_on(struct run *run, struct error *error)
{
    const volatile sig_atomic_t *cancelled = run->database->options->cancelled;
    double now = clock_monotonic();
    if (cancelled != NULL && *cancelled != 0) {
        return error_set(error, STATUS_CANCELLED, 0, "%s", _("stopped on request"));
    }
    if (now - run->checked < LOCK_SECONDS) {
        return STATUS_OK;
    }
    run->checked = now;
    return hidden_check_lock(run->database, error);
}

static void tell_progress(struct run *run)
{
    const struct restore_events *events = &run->database->options->events;
    double now = clock_monotonic();
    if (events->progress != NULL && now - run->told > 0.2) {
        const struct restore_progress progress = {
            .files_total = 1, .bytes_done = run->fed, .bytes_total = run->database->content.size};
        events->progress(events->context, &progress);
        run->told = now;
    }
}

/* What it has written so far, without waiting for more than `wait_ms`. */
static enum status take_output(struct run *run, int wait_ms, struct error *error)
{
    unsigned char text[16 * 1024];
    size_t got = 1;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !run->silent && got > 0) {
        status = command_process_read(&run->process, text, sizeof text, wait_ms, &got, &run->silent,
                                      error);
        if (status == STATUS_OK && got > 0 && run->output != NULL) {
            status = run->output(run->context, (const char *)text, got, error);
        }
        wait_ms = 0;
    }
    return status;
}

static enum status feed(struct run *run, const unsigned char *data, size_t size,
                        struct error *error)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && size > 0 && !run->closed) {
        size_t put = 0;
        int wait_ms = run->output == NULL ? WAIT_MS : TURN_MS;
        status = check_going_on(run, error);
        if (status == STATUS_OK) {
            status = command_process_write(&run->process, data, size, wait_ms, &put, &run->closed,
                                           error);
        }
        if (status == STATUS_OK && run->output != NULL) {
            status = take_output(run, 0, error);
        }
        data += put;
        size -= put;
        run->fed += put;
        tell_progress(run);
    }
    /* The walk through the content ends early; its reader knows that this is no failure. */
    return status == STATUS_OK && run->closed
               ? error_set(error, STATUS_CANCELLED, 0, "%s", _("pg_restore reads no more"))
               : status;
}

static enum status write_piece(void *context, const void *data, uint64_t size, struct error *error)
{
    static const unsigned char zeros[ZEROS_SIZE];
    enum status status = STATUS_OK;
    if (data != NULL) {
        return feed(context, data, (size_t)size, error);
    }
    while (status == STATUS_OK && size > 0) {
        size_t part = size < sizeof zeros ? (size_t)size : sizeof zeros;
        status = feed(context, zeros, part, error);
        size -= part;
    }
    return status;
}

static enum status feed_all(struct run *run, struct error *error)
{
    struct hidden_database *database = run->database;
    struct chunk_reader *reader = NULL;
    enum status status = chunk_reader_new(&reader, database->snapshot, error);
    if (status == STATUS_OK) {
        const struct dump dump = {database->snapshot, database->source, reader, write_piece, run};
        status = dump_content(&dump, &database->content, error);
    }
    chunk_reader_free(reader);
    if (run->closed) {
        error_clear(error);
        status = STATUS_OK;
    }
    command_process_end_input(&run->process);
    return status;
}

/* It may be building indexes for a long time after its last byte. */
static enum status wait_for_end(struct run *run, struct command_end *end, struct error *error)
{
    enum status status = STATUS_OK;
    bool ended = false;
    while (status == STATUS_OK && !ended) {
        status = check_going_on(run, error);
        if (status == STATUS_OK) {
            status = take_output(run, run->output == NULL ? 0 : TURN_MS, error);
        }
        if (status == STATUS_OK) {
            status = command_process_wait(&run->process, run->silent ? WAIT_MS : TURN_MS, &ended,
                                          end, error);
        }
    }
    return status == STATUS_OK ? take_output(run, 0, error) : status;
}

/* pg_restore sets search_path to nothing, and PostgreSQL keeps no function from relying on it. */
#define HINT_NAMES                                                                                   \
    N_("A function that an index, a check or a materialized view uses names what it needs "          \
       "without "                                                                                    \
       "a schema, and nothing is found so while a database is loaded. In the database that is "      \
       "backed up: ALTER FUNCTION … SET search_path = …, so that later backups load. This one: " \
       "kura restore --target gives the archive; pg_restore without --exit-on-error loads all "      \
       "but "                                                                                        \
       "what failed.")

/* Its words and the server's are in the languages of the two; what SQLSTATE would have said must be
 * read out of them, as far as it helps. All words of a row must be there. */
static const struct {
    const char *words[2];
    enum status status;
    const char *hint;
} known[] = {
    {{"unsupported version"},
     STATUS_FAILED,
     N_("Install the PostgreSQL client programs of the version that made the dump, or of a newer "
        "one.")},
    {{"ファイルヘッダ内のバージョン"},
     STATUS_FAILED,
     N_("Install the PostgreSQL client programs of the version that made the dump, or of a newer "
        "one.")},
    /* the name of the database that was backed up */
    {{"contains a newline"},
     STATUS_FAILED,
     N_("pg_restore makes no database like one with such a name. Make an empty one (createdb), and "
        "restore into that.")},
    {{"データベース名に改行"},
     STATUS_FAILED,
     N_("pg_restore makes no database like one with such a name. Make an empty one (createdb), and "
        "restore into that.")},
    {{"No space left on device"}, STATUS_NO_SPACE, N_("The disk of the database server is full.")},
    {{"デバイスに空き領域がありません"},
     STATUS_NO_SPACE,
     N_("The disk of the database server is full.")},
    {{"read-only transaction"},
     STATUS_FAILED,
     N_("Nothing may be written there: the server is a standby, or default_transaction_read_only "
        "is on.")},
    {{"リードオンリーのトランザクション"},
     STATUS_FAILED,
     N_("Nothing may be written there: the server is a standby, or default_transaction_read_only "
        "is on.")},
    {{"SQL function", "does not exist"}, STATUS_FAILED, HINT_NAMES},
    {{"SQL関数", "存在しません"}, STATUS_FAILED, HINT_NAMES},
    {{"SQL function", "存在しません"}, STATUS_FAILED, HINT_NAMES},
};

static enum status fail_restore(struct run *run, const struct command_end *end, struct error *error)
{
    char words[COMMAND_WORDS_SIZE];
    command_process_last_words(&run->process, words);
    if (end->by_signal) {
        return error_set(error, STATUS_FAILED, 0, _("pg_restore was ended by signal %d (%s)"),
                         end->code, strsignal(end->code));
    }
    for (size_t i = 0; i < LENGTH(known); i++) {
        const char *second = known[i].words[1];
        if (strstr(words, known[i].words[0]) != NULL &&
            (second == NULL || strstr(words, second) != NULL)) {
            error_set(error, known[i].status, 0, _("pg_restore failed: %s"), words);
            return error_set_hint(error, "%s", _(known[i].hint));
        }
    }
    error_set(error, STATUS_FAILED, 0, _("pg_restore failed: %s"), words);
    return error_set_hint(error, "%s",
                          _("If a role is missing: make the roles first (kura dump SNAPSHOT "
                            "SOURCE:globals.sql, or CREATE ROLE), or use --no-owner. If an "
                            "extension is missing: install it on the server."));
}

static enum status start(struct run *run, const char *const *words, int list, struct error *error)
{
    char *copies[32] = {NULL};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && words[i] != NULL && i + 1 < LENGTH(copies); i++) {
        copies[i] = strdup(words[i]);
        status = copies[i] == NULL ? error_set_memory(error) : STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = command_process_start_fed(&run->process, copies, list, error);
    }
    if (status == STATUS_NOT_FOUND) {
        error_set_hint(error, "%s", _("Install PostgreSQL's client programs (postgresql-client)."));
    }
    for (size_t i = 0; i < LENGTH(copies); i++) {
        memory_free(&copies[i]);
    }
    return status;
}

enum status archive_run(struct hidden_database *database, const char *const *words, int list,
                        archive_output output, void *context, struct error *error)
{
    struct run run = {.database = database,
                      .process = COMMAND_PROCESS_NONE,
                      .output = output,
                      .context = context,
                      .checked = clock_monotonic()};
    struct command_end end = {0};
    enum status status = start(&run, words, list, error);
    if (status == STATUS_OK) {
        status = feed_all(&run, error);
    }
    if (status == STATUS_OK) {
        status = wait_for_end(&run, &end, error);
    }
    if (status == STATUS_OK && (end.by_signal || end.code != 0)) {
        status = fail_restore(&run, &end, error);
    }
    command_process_stop(&run.process);
    return status;
}

static enum status keep_text(void *context, const char *data, size_t size, struct error *error)
{
    struct buffer *text = context;
    return text->size + size > TEXT_LIMIT
               ? error_set(error, STATUS_CORRUPT, 0, "%s",
                           _("the description of the tables is too long"))
               : buffer_append(text, data, size, error);
}

enum status archive_read(struct buffer *text, struct hidden_database *database,
                         const char *const *words, int list, struct error *error)
{
    struct error second;
    enum status status = archive_run(database, words, list, keep_text, text, error);
    enum status ended = buffer_append_u8(text, '\0', status == STATUS_OK ? error : &second);
    return status ? status : ended;
}
