/* cli_audit: see cli_audit.h. No name of a customer is ever among the facts: paths within sources
 * and patterns are only counted, and messages of errors, which may name a file, are left out. */
#include "cli_audit.h"
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ORIGIN_SIZE (sizeof "kura/" + 2 * REPOSITORY_ID_SIZE)
#define NOBODY UINT32_MAX /* in loginuid: no session */

struct cli_recorder {
    const char *event;
    struct config config;
    struct host_key host;
    char *folder; /* NULL: there is nothing to write with */
    double began;
    bool told; /* that the log is not as it should be */
};

/* ------------------------------------------------------------------ opening */

static enum status open_in(struct audit **audit, const char *folder, const struct host_key *host,
                           enum cli_log_mode mode, struct error *error)
{
    char origin[ORIGIN_SIZE] = "kura/";
    hex_encode(origin + strlen(origin), host->repository, REPOSITORY_ID_SIZE);
    const struct audit_options options = {
        .folder = folder,
        .origin = origin,
        .public_key = host->signing.public_key,
        .signing = mode == CLI_LOG_APPEND ? &host->signing : NULL,
    };
    return audit_open(audit, &options, error);
}

enum status cli_log_open(struct cli_log *log, const struct cli *cli, enum cli_log_mode mode,
                         struct error *error)
{
    CLEANUP(memory_free) char *folder = NULL;
    enum status status = cli_config_read(&log->config, &cli->arguments, error);
    if (status == STATUS_OK) {
        status = host_key_read(&log->host, log->config.host_key, error);
    }
    if (status == STATUS_OK) {
        status = path_join(&folder, log->config.state, "audit", error);
    }
    return status == STATUS_OK ? open_in(&log->audit, folder, &log->host, mode, error) : status;
}

void cli_log_close(struct cli_log *log)
{
    audit_free(log->audit);
    config_free(&log->config);
    host_key_free(&log->host);
    *log = (struct cli_log){0};
}

/* ------------------------------------------------------------------ the recorder */

/* Read at once: what confines the command later must not keep it from being recorded. init and host
 * add have their key only at the end, so it is looked for again then. */
static void load(struct cli_recorder *recorder, const struct cli *cli, struct error *error)
{
    if (recorder->folder != NULL) {
        return;
    }
    config_free(&recorder->config);
    host_key_free(&recorder->host);
    enum status status = cli_config_read(&recorder->config, &cli->arguments, error);
    if (status == STATUS_OK) {
        status = host_key_read(&recorder->host, recorder->config.host_key, error);
    }
    if (status == STATUS_OK) {
        (void)!path_join(&recorder->folder, recorder->config.state, "audit", error);
    }
}

void cli_record_prepare(struct cli *cli, const struct cli_command *command)
{
    if (command->event == NULL) {
        return;
    }
    struct error ignored = {0};
    cli->facts = json_object();
    cli->recorder = calloc(1, sizeof *cli->recorder);
    if (cli->recorder != NULL) {
        cli->recorder->event = command->event;
        cli->recorder->began = clock_monotonic();
        load(cli->recorder, cli, &ignored);
    }
}

void cli_record_free(struct cli *cli)
{
    struct cli_recorder *recorder = cli->recorder;
    if (recorder != NULL) {
        config_free(&recorder->config);
        host_key_free(&recorder->host);
        free(recorder->folder);
        free(recorder);
    }
    json_decref(cli->facts);
    cli->recorder = NULL;
    cli->facts = NULL;
}

const char *cli_record_folder(const struct cli *cli)
{
    return cli->recorder == NULL ? NULL : cli->recorder->folder;
}

/* Damage outweighs "done", "failed" and "warnings"; what only could not be written is a warning. */
static void note_trouble(struct cli *cli, enum status status)
{
    bool damage = status == STATUS_CORRUPT || status == STATUS_UNAUTHENTIC;
    if (damage && (cli->exit == EXIT_DONE || cli->exit == EXIT_FAILED)) {
        cli->exit = EXIT_INTEGRITY;
    } else if (damage) {
        cli_note(cli, EXIT_INTEGRITY);
    } else if (cli->exit == EXIT_DONE) {
        cli->exit = EXIT_WARNINGS;
    }
}

static void tell_trouble(struct cli *cli, struct error *error)
{
    if (cli->recorder == NULL || !cli->recorder->told) {
        bool damage = error->status == STATUS_CORRUPT || error->status == STATUS_UNAUTHENTIC;
        if (damage) {
            error_set_hint(error, "%s",
                           _("The audit log was changed, or the disk damaged it. Keep its folder "
                             "as it is for whoever looks into it; kura audit verify says more."));
        }
        error_add_context(error, "%s", _("this is not recorded"));
        cli_report_warning(error);
    }
    if (cli->recorder != NULL) {
        cli->recorder->told = true;
    }
    note_trouble(cli, error->status);
}

/* The user, and who logged in if that was somebody else: the one who called sudo. */
static void add_user(json_t *facts)
{
    struct error ignored = {0};
    CLEANUP(buffer_free) struct buffer text = {0};
    const struct passwd *user = getpwuid(getuid());
    char number[16];
    snprintf(number, sizeof number, "%u", (unsigned)getuid());
    cli_json_set_bytes(facts, "user", user == NULL ? number : user->pw_name);
    if (file_read(&text, "/proc/self/loginuid", 16, &ignored) != STATUS_OK ||
        buffer_append_u8(&text, '\0', &ignored) != STATUS_OK) {
        return;
    }
    uid_t login = (uid_t)strtoul((const char *)text.data, NULL, 10);
    user = login == NOBODY || login == getuid() ? NULL : getpwuid(login);
    if (user != NULL) {
        cli_json_set_bytes(facts, "login", user->pw_name);
    }
}

static enum status append(struct cli_recorder *recorder, const json_t *facts, struct error *error)
{
    struct audit *audit = NULL;
    enum status status = open_in(&audit, recorder->folder, &recorder->host, CLI_LOG_APPEND, error);
    if (status == STATUS_OK) {
        status = audit_append(audit, recorder->event, facts, error);
    }
    audit_free(audit);
    return status;
}

static void record(struct cli *cli, json_t *facts)
{
    struct error error = {0};
    add_user(facts);
    if (append(cli->recorder, facts, &error) != STATUS_OK) {
        tell_trouble(cli, &error);
    }
    json_decref(facts);
}

void cli_record_begin(struct cli *cli)
{
    json_t *facts = cli_record_folder(cli) == NULL ? NULL : json_deep_copy(cli->facts);
    if (facts != NULL) {
        json_object_set_new(facts, "begun", json_true());
        record(cli, facts);
    }
}

void cli_record_end(struct cli *cli)
{
    struct error error = {0};
    if (cli->recorder == NULL || cli->facts == NULL || cli->exit == EXIT_USAGE) {
        return;
    }
    load(cli->recorder, cli, &error);
    if (cli->recorder->folder == NULL) {
        if (cli->arguments.verbose) {
            cli_say(cli, _("Nothing is recorded in an audit log: %s"), error.message);
        }
        return;
    }
    double seconds = clock_monotonic() - cli->recorder->began;
    json_object_set_new(cli->facts, "exit", json_integer(cli->exit));
    json_object_set_new(cli->facts, "seconds", json_integer((json_int_t)(seconds + 0.5)));
    record(cli, json_incref(cli->facts));
}

/* ------------------------------------------------------------------ anchors */

struct audit_head cli_log_head(struct cli *cli)
{
    struct audit *audit = NULL;
    struct audit_head head = {0};
    struct error error = {0};
    if (cli_record_folder(cli) == NULL) {
        return head;
    }
    enum status status =
        open_in(&audit, cli->recorder->folder, &cli->recorder->host, CLI_LOG_READ, &error);
    if (status == STATUS_OK) {
        head = audit_head(audit);
    } else if (status != STATUS_NOT_FOUND) {
        tell_trouble(cli, &error);
    }
    audit_free(audit);
    return head;
}

void cli_anchors_compare(struct cli_anchors *anchors, const struct audit *audit,
                         const struct snapshot_list *list,
                         const unsigned char host[SIGN_PUBLIC_SIZE])
{
    *anchors = (struct cli_anchors){0};
    for (size_t i = 0; i < list->count; i++) {
        const struct statement *statement = &list->items[i];
        struct audit_head head = {.size = statement->audit_size};
        if (head.size == 0 || memcmp(statement->host, host, SIGN_PUBLIC_SIZE) != 0) {
            continue;
        }
        memcpy(head.root, statement->audit_root, sizeof head.root);
        anchors->count++;
        if (audit != NULL && audit_extends(audit, &head)) {
            anchors->kept = head.size > anchors->kept ? head.size : anchors->kept;
        } else if (anchors->wrong == NULL || head.size < anchors->wrong->audit_size) {
            anchors->wrong = statement;
        }
    }
}

void cli_anchors_describe(struct error *told, const struct cli_anchors *anchors,
                          const struct audit *audit)
{
    char id[OBJECT_ID_TEXT_SIZE];
    char time[MOMENT_TEXT_SIZE];
    const struct statement *wrong = anchors->wrong;
    unsigned long long size = audit == NULL ? 0 : audit_head(audit).size;
    cli_format_id(id, wrong->id);
    moment_format_local(time, wrong->time);
    if (wrong->audit_size > size) {
        error_set(told, STATUS_CORRUPT, 0,
                  _("the audit log has %llu records, but had %llu when snapshot %s of %s was made: "
                    "it was cut off, deleted, or restored from an old copy"),
                  size, (unsigned long long)wrong->audit_size, id, time);
    } else {
        error_set(told, STATUS_CORRUPT, 0,
                  _("the audit log is not the one of which snapshot %s of %s tells: its first %llu "
                    "records are not what they were then. They were changed, or the log was "
                    "restored from an old copy and went on from there"),
                  id, time, (unsigned long long)wrong->audit_size);
    }
    error_set_hint(
        told, "%s",
        _("Keep the state folder as it is and find out who did it. If it was lost and "
          "is new, give this machine a new host key: move the old one's file away and run "
          "kura host add. Its log begins anew then."));
}

void cli_anchors_watch(struct cli *cli, const struct snapshot_list *list)
{
    struct cli_anchors anchors;
    struct error error = {0};
    struct audit *audit = NULL;
    if (cli_record_folder(cli) == NULL || cli->recorder->told) {
        return;
    }
    const struct host_key *host = &cli->recorder->host;
    enum status status = open_in(&audit, cli->recorder->folder, host, CLI_LOG_READ, &error);
    if (status == STATUS_OK || status == STATUS_NOT_FOUND) {
        cli_anchors_compare(&anchors, audit, list, host->signing.public_key);
        if (anchors.wrong != NULL) {
            cli_anchors_describe(&error, &anchors, audit);
            cli_report_warning(&error);
            cli_note(cli, EXIT_INTEGRITY);
        }
    } else {
        tell_trouble(cli, &error);
    }
    audit_free(audit);
}

/* ------------------------------------------------------------------ a new host key */

void cli_log_set_aside(struct cli *cli, const struct config *config)
{
    struct error error = {0};
    struct stat information;
    char time[MOMENT_TEXT_SIZE];
    CLEANUP(memory_free) char *folder = NULL;
    CLEANUP(memory_free) char *aside = NULL;
    if (path_join(&folder, config->state, "audit", &error) != STATUS_OK ||
        lstat(folder, &information) != 0) {
        return;
    }
    moment_format(time, moment_now());
    if (asprintf(&aside, "%s-until-%s", folder, time) < 0) {
        aside = NULL;
        return;
    }
    if (cli_file_rename(folder, aside, &error) != STATUS_OK) {
        cli_report_warning(&error);
        return;
    }
    cli_say(cli, _("The audit log of the earlier host key is kept in %s."), aside);
}
