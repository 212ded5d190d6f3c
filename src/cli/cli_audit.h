/* cli_audit: how the commands open this machine's audit log and write into it. */
#ifndef KURA_CLI_AUDIT_H
#define KURA_CLI_AUDIT_H

#include "cli.h"
#include "kura/audit.h"

/* The log with what belongs to it. Empty is {0}. */
struct cli_log {
    struct config config;
    struct host_key host;
    struct audit *audit;
};
enum cli_log_mode { CLI_LOG_READ, CLI_LOG_APPEND };
/* Reads the configuration and the host key, and opens STATE/audit. With STATUS_NOT_FOUND of the log
 * alone, configuration and host key are there all the same. */
MUST_USE enum status cli_log_open(struct cli_log *log, const struct cli *cli,
                                  enum cli_log_mode mode, struct error *error);
void cli_log_close(struct cli_log *log);

/* ------------------------------------------------------------------ every command */

/* A command that has an `event` is recorded when it ends, with its facts, its exit code, who ran it
 * and how long it took. Only where a configuration and its host key are at hand; a log that cannot
 * be written is told, and stops nothing. */
void cli_record_prepare(struct cli *cli, const struct cli_command *command);
/* What gives data away is recorded before its first byte, too: a second record when it begins. */
void cli_record_begin(struct cli *cli);
void cli_record_end(struct cli *cli);
void cli_record_free(struct cli *cli);
/* Where it is written, for the sandbox; NULL: nowhere. */
const char *cli_record_folder(const struct cli *cli);

/* ------------------------------------------------------------------ anchors */

/* The head of the log now, for the statement of the snapshot that is going to be made; size 0 if
 * there is no log, or none that is whole (which is told). */
struct audit_head cli_log_head(struct cli *cli);

/* What the statements of this machine in the storage say of its log. */
struct cli_anchors {
    size_t count;                  /* statements with a head */
    uint64_t kept;                 /* records that the largest fitting head holds */
    const struct statement *wrong; /* that with the smallest head which does not fit, or NULL */
};
/* audit: NULL for a log that is not there. */
void cli_anchors_compare(struct cli_anchors *anchors, const struct audit *audit,
                         const struct snapshot_list *list,
                         const unsigned char host[SIGN_PUBLIC_SIZE]);
/* What is wrong, in words; for a wrong one only. */
void cli_anchors_describe(struct error *told, const struct cli_anchors *anchors,
                          const struct audit *audit);
/* Compares this machine's log with the list, and tells and notes what is wrong. */
void cli_anchors_watch(struct cli *cli, const struct snapshot_list *list);

/* ------------------------------------------------------------------ a new host key */

/* The log of an earlier host key of this machine is kept beside the new one that begins. */
void cli_log_set_aside(struct cli *cli, const struct config *config);

#endif
