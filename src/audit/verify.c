/* verify: whether log, checkpoint and what an interrupted append left fit together. Nothing is
 * changed here. */
#include "audit_private.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------ what was meant */

void intent_free(struct intent *intent)
{
    buffer_free(&intent->content);
    *intent = (struct intent){0};
}

enum status intent_read(struct intent *intent, const struct audit *audit, struct error *error)
{
    *intent = (struct intent){0};
    enum status status = folder_read(&intent->content, audit->folder, NEXT_FILE, error);
    if (status == STATUS_NOT_FOUND) {
        error_clear(error);
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        return status;
    }
    const unsigned char *content = intent->content.data;
    const unsigned char *end = memchr(content, '\n', intent->content.size);
    if (end == NULL) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s is damaged"), NEXT_FILE);
    }
    intent->line_size = (size_t)(end - content) + 1;
    status = checkpoint_parse(&intent->head, end + 1, intent->content.size - intent->line_size,
                              &audit->options, error);
    intent->present = status == STATUS_OK;
    return status == STATUS_OK ? status : error_add_context(error, "%s", NEXT_FILE);
}

/* ------------------------------------------------------------------ the log */

static enum status take_line(void *context, uint64_t number, const char *line, size_t size,
                             struct error *error)
{
    struct audit *audit = context;
    struct audit_record record;
    json_auto_t *json = NULL;
    enum status status = line_parse(&json, &record, number, line, size, error);
    if (status == STATUS_OK) {
        status = tree_add(&audit->tree, line, size, error);
    }
    if (status == STATUS_OK && (number == 0 || moment_compare(record.time, audit->newest) > 0)) {
        audit->newest = record.time;
    }
    return status;
}

static enum status measure(uint64_t *size, const struct audit *audit, struct error *error)
{
    struct stat information;
    if (fstat(audit->log, &information) != 0) {
        return error_set_errno(error, errno, _("%s cannot be read"), LOG_FILE);
    }
    *size = (uint64_t)information.st_size;
    if (*size > AUDIT_LOG_LIMIT) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s is longer than the %zu bytes allowed"),
                         LOG_FILE, (size_t)AUDIT_LOG_LIMIT);
    }
    return STATUS_OK;
}

static bool same_head(const struct audit_head *a, const struct audit_head *b)
{
    return a->size == b->size && memcmp(a->root, b->root, sizeof a->root) == 0;
}

/* The line that was about to be appended makes the head that was signed for it. */
static bool leads_to(struct audit *audit, const struct intent *intent, struct error *error)
{
    struct audit_record record;
    json_auto_t *json = NULL;
    uint64_t number = tree_size(&audit->tree);
    const char *line = (const char *)intent->content.data;
    unsigned char root[AUDIT_ROOT_SIZE];
    if (line_parse(&json, &record, number, line, intent->line_size - 1, error) != STATUS_OK ||
        tree_add(&audit->tree, line, intent->line_size - 1, error) != STATUS_OK) {
        return false;
    }
    tree_root(root, &audit->tree, number + 1);
    tree_cut(&audit->tree, number);
    return memcmp(root, intent->head.root, sizeof root) == 0;
}

/* `behind`: bytes after the last signed line. A crash leaves there at most as much as was about to
 * be written, of whatever content: the file system may have given it room and not yet its bytes. */
static enum status judge_end(struct audit *audit, const struct audit_head *head,
                             const struct intent *intent, uint64_t behind, struct error *error)
{
    if (intent->present && intent->head.size == head->size + 1) {
        if (behind <= intent->line_size && leads_to(audit, intent, error)) {
            error_clear(error);
            return STATUS_OK;
        }
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("the record that was being written does not fit the log"));
    }
    /* An old intent put back must not undo or repeat anything. */
    if (intent->present && !same_head(&intent->head, head)) {
        return error_set(error, STATUS_CORRUPT, 0, _("%s does not fit the checkpoint"), NEXT_FILE);
    }
    if (behind > 0) {
        return error_set(error, STATUS_CORRUPT, 0,
                         _("there is something behind record %llu, the last one that is signed: it "
                           "was added by somebody else, or the checkpoint is an old one"),
                         (unsigned long long)head->size);
    }
    return STATUS_OK;
}

static enum status verify_lines(struct audit *audit, const struct audit_head *head,
                                const struct intent *intent, struct error *error)
{
    uint64_t file_size = 0;
    unsigned char root[AUDIT_ROOT_SIZE];
    enum status status = measure(&file_size, audit, error);
    if (status == STATUS_OK) {
        status = lines_each(&audit->log_size, audit->log, head->size, take_line, audit, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    tree_root(root, &audit->tree, head->size);
    if (memcmp(root, head->root, sizeof root) != 0) {
        return error_set(error, STATUS_CORRUPT, 0,
                         _("its %llu records are not those that were signed: at least one of them "
                           "was changed"),
                         (unsigned long long)head->size);
    }
    uint64_t behind = file_size > audit->log_size ? file_size - audit->log_size : 0;
    return judge_end(audit, head, intent, behind, error);
}

/* A log without a checkpoint: only one that was about to be made is nothing yet. */
static enum status judge_unsigned(const struct audit *audit, struct error *error)
{
    uint64_t size = 0;
    enum status status = measure(&size, audit, error);
    if (status == STATUS_OK && size > 0) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("its checkpoint is missing"));
    }
    return status == STATUS_OK
               ? error_set(error, STATUS_NOT_FOUND, 0, "%s", _("there is no audit log yet"))
               : status;
}

enum status audit_verify(struct audit *audit, const struct intent *intent, struct error *error)
{
    CLEANUP(buffer_free) struct buffer note = {0};
    struct audit_head head = {0};
    struct error no_note = {0};
    enum status log =
        folder_open_log(&audit->log, audit->folder, audit->options.signing != NULL, false, error);
    enum status status = folder_read(&note, audit->folder, CHECKPOINT_FILE, &no_note);
    if (log == STATUS_NOT_FOUND && status == STATUS_NOT_FOUND && !intent->present) {
        return error_set(error, STATUS_NOT_FOUND, 0, "%s", _("there is no audit log yet"));
    }
    if (log == STATUS_NOT_FOUND) {
        return error_set(error, STATUS_CORRUPT, 0, "%s",
                         _("the log is gone, and its checkpoint is still there"));
    }
    if (log != STATUS_OK) {
        return log;
    }
    if (status == STATUS_NOT_FOUND) {
        return judge_unsigned(audit, error);
    }
    if (status != STATUS_OK) {
        *error = no_note;
        return status;
    }
    status = checkpoint_parse(&head, note.data, note.size, &audit->options, error);
    if (status != STATUS_OK) {
        return error_add_context(error, "%s", CHECKPOINT_FILE);
    }
    return verify_lines(audit, &head, intent, error);
}
