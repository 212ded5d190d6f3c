/* cli_carry_anchor: what is off-site of the audit log. The statements in the storage carry its head
 * away with each backup; a carry is allowed only on a log that is still the one they know. */
#include "cli_audit.h"
#include "cli_carry.h"
#include <string.h>

struct anchor {
    struct audit_head head;
    struct moment time;
};

/* ------------------------------------------------------------------ from the storage */

static const struct statement *newest_own(const struct snapshot_list *list,
                                          const unsigned char host[SIGN_PUBLIC_SIZE])
{
    for (size_t i = list->count; i > 0; i--) {
        const struct statement *statement = &list->items[i - 1];
        if (statement->audit_size > 0 && memcmp(statement->host, host, SIGN_PUBLIC_SIZE) == 0) {
            return statement;
        }
    }
    return NULL;
}

/* A head that does not fit is the one that counts: somebody may have hidden the log's end behind
 * newer, fitting ones. */
static enum status choose(struct anchor *anchor, const struct cli_gate *gate,
                          const struct snapshot_list *list, struct error *error)
{
    CLEANUP(cli_log_close) struct cli_log log = {0};
    struct cli_anchors anchors;
    const unsigned char *host = gate->key.signing.public_key;
    const struct statement *newest = newest_own(list, host);
    if (newest == NULL) {
        return error_set(error, STATUS_NOT_FOUND, 0, "%s",
                         _("no backup of this machine took the audit log's head along"));
    }
    enum status status = cli_log_open(&log, gate->cli, CLI_LOG_READ, error);
    if (status != STATUS_OK) {
        return status;
    }
    cli_anchors_compare(&anchors, log.audit, list, host);
    const struct statement *chosen = anchors.wrong == NULL ? newest : anchors.wrong;
    anchor->time = newest->time;
    anchor->head.size = chosen->audit_size;
    memcpy(anchor->head.root, chosen->audit_root, sizeof anchor->head.root);
    return STATUS_OK;
}

static enum status ask_storage(struct anchor *anchor, struct cli_gate *gate, struct error *error)
{
    CLEANUP(cli_access_free) struct cli_access access = {0};
    CLEANUP(snapshot_list_free) struct snapshot_list list = {0};
    enum status status = cli_access_open(&access, &gate->cli->arguments, CLI_NEED_HOST, error);
    if (status == STATUS_OK) {
        status = repo_list(&list, access.repo, error);
    }
    return status == STATUS_OK ? choose(anchor, gate, &list, error) : status;
}

/* ------------------------------------------------------------------ from the log itself */

static enum status take_backup(void *context, const struct audit_record *record,
                               struct error *error)
{
    struct anchor *anchor = context;
    struct audit_head head = {0};
    const json_t *size = json_object_get(record->json, "log_size");
    const char *root = json_string_value(json_object_get(record->json, "log_root"));
    (void)error;
    if (strcmp(record->event, "backup") == 0 && json_integer_value(size) > 0 && root != NULL &&
        hex_decode(head.root, sizeof head.root, root, strlen(root))) {
        head.size = (uint64_t)json_integer_value(size);
        *anchor = (struct anchor){head, record->time};
    }
    return STATUS_OK;
}

/* The last backup that reached the storage is in the log: how old the newest anchor can be at most
 * is known without asking. */
static enum status ask_log(struct anchor *anchor, const struct cli_gate *gate, struct error *error)
{
    CLEANUP(cli_log_close) struct cli_log log = {0};
    enum status status = cli_log_open(&log, gate->cli, CLI_LOG_READ, error);
    if (status == STATUS_OK) {
        status = audit_walk(log.audit, take_backup, anchor, error);
    }
    return status;
}

enum status cli_gate_anchor(void *context, struct audit_head *head, struct moment *time,
                            struct error *error)
{
    struct cli_gate *gate = context;
    struct anchor anchor = {0};
    struct error away = {0};
    enum status status = STATUS_OK;
    if (!gate->anchor_known) {
        status = ask_storage(&anchor, gate, error);
        if (status == STATUS_UNREACHABLE) {
            away = *error;
            error_clear(error);
            status = ask_log(&anchor, gate, error);
        }
        if (status == STATUS_OK && anchor.head.size == 0) {
            *error = away;
            return error_add_context(error, "%s",
                                     _("how old the newest off-site copy of the audit log's head "
                                       "is cannot be told"));
        }
        if (status != STATUS_OK) {
            return status;
        }
        gate->anchor_known = true;
        gate->anchor = anchor.head;
        gate->anchor_time = anchor.time;
    }
    *head = gate->anchor;
    *time = gate->anchor_time;
    return STATUS_OK;
}
