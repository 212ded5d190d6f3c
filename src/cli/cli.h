/* cli, private: what the commands share. */
#ifndef KURA_CLI_PRIVATE_H
#define KURA_CLI_PRIVATE_H

#include "cli_options.h"
#include "kura/config.h"
#include "kura/repo.h"
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

/* One run of the program. */
struct cli {
    struct cli_arguments arguments;
    enum cli_exit exit; /* what to say when the command returns STATUS_OK */
    json_t *facts;      /* what the audit log is to say of it; NULL if it is not recorded, which the
                         * functions of jansson bear. Never a path or name within a source. */
    struct cli_recorder *recorder; /* cli_audit.h */
};

/* ------------------------------------------------------------------ results */

enum cli_exit cli_exit_code(enum status status);
/* Raises the exit code: damage outweighs warnings, and both outweigh "done". */
void cli_note(struct cli *cli, enum cli_exit exit);

/* "kura: message" and the hint on its own line, to standard error. */
void cli_report_error(const struct error *error);
/* The same for what does not end the command: "kura: warning: …". */
void cli_report_warning(const struct error *error);
/* The same about one entry of a source; path may be NULL. */
void cli_report_entry(const char *source, const char *path, const struct error *error);

/* A line for people on standard error; nothing with --quiet. */
void cli_say(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

/* ------------------------------------------------------------------ formats */

#define CLI_SIZE_TEXT 32
char *cli_format_bytes(char text[CLI_SIZE_TEXT], uint64_t bytes);
/* "1:05:09" */
char *cli_format_duration(char text[CLI_SIZE_TEXT], double seconds);
#define CLI_ID_SHORT 8
char *cli_format_id(char text[OBJECT_ID_TEXT_SIZE], const unsigned char id[OBJECT_ID_SIZE]);
/* "source/path", printable; malloc'ed, NULL without memory. */
char *cli_format_path(const char *source, const char *path);
/* Writes the text and blanks up to `width` columns, as a terminal counts them. */
void cli_print_column(FILE *stream, const char *text, int width);
const char *cli_status_word(enum source_status status);

/* ------------------------------------------------------------------ JSON */

/* A name or path of any bytes: as text, and if it is not UTF-8, escaped as \ooo with the exact
 * bytes in hexadecimal under "<key>_hex". */
void cli_json_set_bytes(json_t *object, const char *key, const char *bytes);
void cli_json_set_moment(json_t *object, const char *key, struct moment moment);
void cli_json_set_id(json_t *object, const char *key, const void *id, size_t size);
void cli_json_set_count(json_t *object, const char *key, uint64_t count);
/* The names of the words as an array, if there are any. */
void cli_json_set_words(json_t *object, const char *key, const struct cli_words *words);
/* Writes the value to standard output and gives it back. */
MUST_USE enum status cli_json_print(json_t *value, struct error *error);

/* An array of which every item is written as it comes. */
struct cli_json_array {
    bool begun;
};
MUST_USE enum status cli_json_add(struct cli_json_array *array, json_t *item, struct error *error);
MUST_USE enum status cli_json_end(struct cli_json_array *array, struct error *error);

/* STATUS_OK as long as standard output takes what is written. */
MUST_USE enum status cli_check_output(struct error *error);
MUST_USE enum status cli_flush_output(struct error *error);

/* ------------------------------------------------------------------ passphrases */

/* Where the passphrase of an existing key comes from: the options, else the terminal. `arguments`
 * must live as long. */
struct passphrase_source cli_passphrase(struct cli_arguments *arguments);

/* One for a new key. */
struct cli_new_passphrase {
    struct secret_text text;
    unsigned work_factor;
    bool generated;
};
/* From the file or descriptor that the options name, or asked for, and judged; else generated: and
 * then written into the passphrase file if one was named, or shown on the terminal. */
MUST_USE enum status cli_new_passphrase_get(struct cli_new_passphrase *passphrase,
                                            const struct cli_arguments *arguments,
                                            const char *what_for, struct error *error);
/* Writes the generated one to the file or terminal; a chosen one needs no telling. */
MUST_USE enum status cli_new_passphrase_tell(const struct cli_new_passphrase *passphrase,
                                             const struct cli_arguments *arguments,
                                             const char *what_for, struct error *error);
/* A chosen one from a file (NULL: asked for at the terminal), judged. */
MUST_USE enum status cli_new_passphrase_choose(struct cli_new_passphrase *passphrase,
                                               const char *file, const char *what_for,
                                               struct error *error);
void cli_new_passphrase_free(struct cli_new_passphrase *passphrase);

/* ------------------------------------------------------------------ access */

/* While the storage does not answer: says so once, and ends the wait early as long as there was no
 * connection yet. Connections of several threads share it. */
struct cli_waiting {
    pthread_mutex_t lock;
    const char *url;
    unsigned long first_retry; /* seconds for the first connection */
    bool quiet;
    bool connected;
    bool told;
    double since, last; /* when it began to wait, and was last heard of */
};
void cli_waiting_begin(struct cli_waiting *waiting, struct store_options *store,
                       const struct cli_arguments *arguments);
void cli_waiting_connected(struct cli_waiting *waiting);

/* What is going to be done: for the sandbox. */
enum cli_work {
    CLI_WORK_OTHER, /* not confined */
    CLI_WORK_BACKUP,
    CLI_WORK_RESTORE,
    CLI_WORK_CHECK,
};

/* Everything that a repository is opened with. Empty is {0}; `work` may be set before. */
struct cli_access {
    struct config config;
    bool has_config;
    struct host_key host;
    bool has_host;
    struct recovery_kit kit;
    bool has_kit;
    struct age_identity identity; /* of --identity */
    struct secret_text login_key, ssh_passphrase;
    unsigned char trusted[SIGN_PUBLIC_SIZE];
    struct cli_waiting waiting;
    struct repo_access access;
    struct repo *repo;
    enum cli_work work;
    const char *log_folder; /* of the audit log, which is written to at the end; or NULL */
    struct cli_road *road;  /* by which a local store is judged, for who writes; or NULL */
};

enum cli_need {
    CLI_NEED_ANY,      /* whatever is given: host key, identity or kit */
    CLI_NEED_HOST,     /* the host key, for writing */
    CLI_NEED_IDENTITY, /* a kit or an identity, for opening */
};

/* The configuration that -c or the default names. */
MUST_USE enum status cli_config_read(struct config *config, const struct cli_arguments *arguments,
                                     struct error *error);
/* How to reach the configured store, with what the options say about it. `access` keeps what the
 * options point to. */
MUST_USE enum status cli_store_options(struct store_options *options, struct cli_access *access,
                                       const struct cli_arguments *arguments, struct error *error);
/* Reads configuration, host key, kit or identity, and opens the repository. */
MUST_USE enum status cli_access_open(struct cli_access *access, struct cli_arguments *arguments,
                                     enum cli_need need, struct error *error);
void cli_access_free(struct cli_access *access);
/* Confines the process to what access->work needs, for good, where the system can; called by
 * cli_access_open before the store is asked anything. A second call confines it further. */
void cli_sandbox_enter(struct cli_access *access, const struct cli_arguments *arguments);
/* The recipients that the configuration names, and the recovery recipient. */
MUST_USE enum status cli_recipients_read(struct age_recipient **recipients, size_t *count,
                                         const struct config *config,
                                         const struct age_recipient *recovery, struct error *error);

/* Tells what was set aside in the repository, and notes EXIT_INTEGRITY if there was anything. What
 * was accepted as lost is taken out of the problems before. */
void cli_report_problems(struct cli *cli, const struct cli_access *access,
                         struct problems *problems);
/* Takes out what was accepted as lost, and says how much. */
void cli_losses_leave_out(struct cli *cli, const struct cli_access *access,
                          struct problems *problems);
/* After a check that found the problems: what came back is no accepted loss any more; with `more`,
 * what is not there is one from now on, which is recorded. access has a configuration. */
MUST_USE enum status cli_losses_settle(struct cli *cli, const struct cli_access *access,
                                       const struct problems *problems, bool more,
                                       struct error *error);

/* Lists and tells the problems. */
MUST_USE enum status cli_list(struct snapshot_list *list, struct cli *cli,
                              struct cli_access *access, struct error *error);
/* A snapshot by what people write; `before` NULL: any. */
MUST_USE enum status cli_find(const struct statement **found, const struct snapshot_list *list,
                              const char *name, const char *before, struct error *error);
/* Not one that the user named by its id. */
bool cli_is_latest(const char *name);
/* Whether the source is in the snapshot, and did not fail when it was backed up. */
bool cli_holds_source(const struct statement *statement, const char *name);
/* "origin not proved": STATUS_UNAUTHENTIC, unless the user said --untrusted. */
MUST_USE enum status cli_check_origin(const struct cli_access *access,
                                      const struct cli_arguments *arguments, struct error *error);

/* A snapshot that is open for looking into. Empty is {0}. */
struct cli_view {
    struct cli_access access;
    struct snapshot_list list;
    const struct statement *statement; /* in the list */
    struct snapshot *snapshot;
};
/* `name` NULL: the latest, not after --before; with --source the latest that holds these. */
MUST_USE enum status cli_view_open(struct cli_view *view, struct cli *cli, const char *name,
                                   struct error *error);
void cli_view_free(struct cli_view *view);
/* For struct walk: tells the damage and notes EXIT_INTEGRITY. `context` is a struct cli_walk. */
struct cli_walk {
    struct cli *cli;
    const struct catalogue_source *source;
};
void cli_walk_problem(struct cli_walk *walk, const char *near_path, const struct error *error);

/* What a statement says, for programs. */
json_t *cli_json_statement(const struct statement *statement);
/* One source of it with its tables, for --verbose. */
void cli_print_source(const struct statement_source *source);

/* What a source's counts are: "persons", if they were counted, and "rows" by table. */
void cli_json_set_counts(json_t *object, const struct statement_source *source);
uint64_t cli_count_rows(const struct statement_source *source);      /* of all tables */
char *cli_format_persons(char text[CLI_SIZE_TEXT], int64_t persons); /* "-": not counted */
/* How many persons are in the snapshot, and in which databases they were not counted; nothing if
 * they were counted in none. */
void cli_print_persons(const struct statement *statement);

/* An entry for programs, and as a line like that of ls -l under a printable name. */
json_t *cli_json_entry(const char *source, const struct entry *entry);
void cli_print_entry(const char *name, const struct entry *entry);

/* A source that the snapshot does not have: STATUS_USAGE with those it has. */
MUST_USE enum status cli_find_source(const struct catalogue_source **source,
                                     const struct snapshot *snapshot, const char *name,
                                     struct error *error);
/* "SOURCE[/PATH]" (or with ':') cut in two; *path is malloc'ed, "" for none, without slashes at its
 * ends. */
MUST_USE enum status cli_split_path(const struct catalogue_source **source, char **path,
                                    const struct snapshot *snapshot, const char *text,
                                    char separator, struct error *error);

/* ------------------------------------------------------------------ the rest */

/* One line on standard error, if that is a terminal and nobody wants quiet. Calls may come from any
 * thread. */
struct cli_progress;
struct cli_progress_values {
    uint64_t files;
    uint64_t bytes;
    uint64_t bytes_total; /* 0: unknown */
    const char *doing;    /* in front; may be NULL */
};
struct cli_progress *cli_progress_new(const struct cli_arguments *arguments); /* NULL: silent */
void cli_progress_show(struct cli_progress *progress, const struct cli_progress_values *values);
/* Takes the line away, so that something else can be written. */
void cli_progress_clear(struct cli_progress *progress);
void cli_progress_free(struct cli_progress *progress);

/* Ctrl-C and SIGTERM ask to stop; a second one ends the program at once. */
const volatile sig_atomic_t *cli_catch_signals(void);

/* A file that appears under its name only when it is whole, and never over another. */
struct cli_file {
    const char *path;
    char *temporary;
    int fd;
    struct cli_road *road; /* by which it is judged; NULL: it holds nothing personal */
};
MUST_USE enum status cli_file_open(struct cli_file *file, const char *path, struct error *error);
/* The same for personal data: the place is judged before there is a file, when it is open, and
 * before it gets its name. */
MUST_USE enum status cli_file_open_on(struct cli_file *file, const char *path,
                                      struct cli_road *road, struct error *error);
MUST_USE enum status cli_file_publish(struct cli_file *file, struct error *error);
void cli_file_free(struct cli_file *file); /* and removes what was not published */
/* Renames; never over another. */
MUST_USE enum status cli_file_rename(const char *from, const char *to, struct error *error);

/* A descriptor for bytes that go to standard output: that itself, or, if it is a terminal, a filter
 * that stops at the first thing that is not text. */
struct cli_output;
MUST_USE enum status cli_output_open(struct cli_output **output, int *fd, struct error *error);
/* `status` is what the writing ended with; returns it, or the filter's own word. */
MUST_USE enum status cli_output_close(struct cli_output *output, enum status status,
                                      struct error *error);

#endif
