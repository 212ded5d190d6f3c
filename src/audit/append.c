/* append: how the log grows. Each step is durable before the next begins:
 *
 *     1  next         the line and the checkpoint that belongs to it, under one name at once
 *     2  log          the line behind the others
 *     3  checkpoint   replaced by the new one
 *     4  next         removed
 *
 * Whatever is interrupted before 1 is done never was; after it, the next opening goes on with 2. */
#include "audit_private.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status write_checkpoint(const struct audit *audit, const void *note, size_t size,
                                    struct error *error)
{
    CLEANUP(buffer_free) struct buffer content = {0};
    enum status status = buffer_append(&content, note, size, error);
    return status == STATUS_OK ? folder_write(audit->folder, CHECKPOINT_FILE, &content, error)
                               : status;
}

/* The folder may have been made a moment ago, and the state folder, too. */
static enum status sync_above(const struct audit *audit, struct error *error)
{
    static const char *const above[] = {"..", "../.."};
    for (size_t i = 0; i < LENGTH(above); i++) {
        CLEANUP(file_close)
        int fd = openat(audit->folder, above[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        /* What others keep their folders in is not always ours to open. */
        if (fd < 0 && errno != EACCES) {
            return error_set_errno(error, errno, "%s", _("the folder cannot be opened"));
        }
        enum status status = fd < 0 ? STATUS_OK : folder_sync(fd, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status audit_make(struct audit *audit, struct error *error)
{
    CLEANUP(buffer_free) struct buffer note = {0};
    CLEANUP(file_close) int fd = -1;
    struct audit_head head = {0};
    tree_root(head.root, &audit->tree, 0);
    enum status status = folder_open_log(&fd, audit->folder, true, true, error);
    if (status == STATUS_OK) {
        status = sync_above(audit, error);
    }
    if (status == STATUS_OK) {
        status = folder_sync(audit->folder, error);
    }
    if (status == STATUS_OK) {
        status = checkpoint_compose(&note, &audit->options, &head, error);
    }
    return status == STATUS_OK ? folder_write(audit->folder, CHECKPOINT_FILE, &note, error)
                               : status;
}

/* Step 2: whatever an interrupted one left behind the last line is written over. */
static enum status write_line(const struct audit *audit, const struct intent *intent,
                              struct error *error)
{
    size_t done = 0;
    while (done < intent->line_size) {
        ssize_t count = pwrite(audit->log, intent->content.data + done, intent->line_size - done,
                               (off_t)(audit->log_size + done));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return error_set_errno(error, errno, _("%s cannot be written"), LOG_FILE);
        }
        done += (size_t)count;
    }
    if (fsync(audit->log) != 0) {
        return error_set_errno(error, errno, _("%s cannot be written"), LOG_FILE);
    }
    return STATUS_OK;
}

/* Steps 2 and 3. */
static enum status carry_out(const struct audit *audit, const struct intent *intent,
                             struct error *error)
{
    enum status status = write_line(audit, intent, error);
    return status == STATUS_OK ? write_checkpoint(audit, intent->content.data + intent->line_size,
                                                  intent->content.size - intent->line_size, error)
                               : status;
}

static enum status take_up(struct audit *audit, const struct intent *intent, struct error *error)
{
    struct audit_record record;
    json_auto_t *json = NULL;
    uint64_t number = tree_size(&audit->tree);
    const char *line = (const char *)intent->content.data;
    enum status status = line_parse(&json, &record, number, line, intent->line_size - 1, error);
    if (status == STATUS_OK) {
        status = tree_add(&audit->tree, line, intent->line_size - 1, error);
    }
    if (status == STATUS_OK) {
        audit->log_size += intent->line_size;
        if (number == 0 || moment_compare(record.time, audit->newest) > 0) {
            audit->newest = record.time;
        }
    }
    return status;
}

enum status audit_recover(struct audit *audit, const struct intent *intent, struct error *error)
{
    if (!intent->present) {
        return STATUS_OK;
    }
    enum status status = STATUS_OK;
    if (intent->head.size > tree_size(&audit->tree)) {
        status = carry_out(audit, intent, error);
        if (status == STATUS_OK) {
            status = take_up(audit, intent, error);
        }
    }
    return status == STATUS_OK ? folder_remove(audit->folder, NEXT_FILE, error) : status;
}

/* ------------------------------------------------------------------ a new record */

static enum status compose(struct intent *intent, struct audit *audit, const char *event,
                           const json_t *facts, struct error *error)
{
    uint64_t number = tree_size(&audit->tree);
    const struct audit_record record = {
        .number = number, .time = {moment_now().seconds, 0}, .event = event};
    enum status status = line_compose(&intent->content, &record, facts, error);
    if (status != STATUS_OK) {
        return status;
    }
    intent->line_size = intent->content.size;
    intent->head.size = number + 1;
    status = tree_add(&audit->tree, intent->content.data, intent->line_size - 1, error);
    if (status != STATUS_OK) {
        return status;
    }
    tree_root(intent->head.root, &audit->tree, number + 1);
    tree_cut(&audit->tree, number);
    return checkpoint_compose(&intent->content, &audit->options, &intent->head, error);
}

static enum status check_writable(const struct audit *audit, struct error *error)
{
    struct stat information;
    if (audit->options.signing == NULL || audit->broken) {
        return error_set(
            error, STATUS_FAILED, 0, "%s",
            _("it is not open for writing, or an earlier record could not be written"));
    }
    if (fstat(audit->log, &information) != 0) {
        return error_set_errno(error, errno, _("%s cannot be read"), LOG_FILE);
    }
    if ((uint64_t)information.st_size != audit->log_size) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("it was changed by somebody else"));
    }
    return STATUS_OK;
}

/* After a failure before the checkpoint was replaced: as it was before. If that cannot be had, the
 * next opening decides, and until then nothing more is written. */
static void undo(struct audit *audit)
{
    struct error ignored = {0};
    audit->broken = ftruncate(audit->log, (off_t)audit->log_size) != 0 || fsync(audit->log) != 0 ||
                    folder_remove(audit->folder, NEXT_FILE, &ignored) != STATUS_OK;
}

static enum status append(struct audit *audit, const struct intent *intent, struct error *error)
{
    enum status status = folder_write(audit->folder, NEXT_FILE, &intent->content, error);
    if (status == STATUS_OK) {
        status = write_line(audit, intent, error);
    }
    if (status != STATUS_OK) {
        undo(audit);
        return status;
    }
    status = write_checkpoint(audit, intent->content.data + intent->line_size,
                              intent->content.size - intent->line_size, error);
    if (status == STATUS_OK) {
        status = take_up(audit, intent, error);
    }
    if (status != STATUS_OK) {
        audit->broken = true;
        return status;
    }
    /* What says the same as the checkpoint does no harm: the next opening removes it. */
    struct error ignored = {0};
    (void)!folder_remove(audit->folder, NEXT_FILE, &ignored);
    return STATUS_OK;
}

enum status audit_append(struct audit *audit, const char *event, const json_t *facts,
                         struct error *error)
{
    CLEANUP(intent_free) struct intent intent = {0};
    enum status status = check_writable(audit, error);
    if (status == STATUS_OK) {
        status = compose(&intent, audit, event, facts, error);
    }
    if (status == STATUS_OK && audit->log_size + intent.line_size > AUDIT_LOG_LIMIT) {
        status = error_set(error, STATUS_NO_SPACE, 0, "%s", _("it is full"));
    }
    if (status == STATUS_OK) {
        status = append(audit, &intent, error);
    }
    return status == STATUS_OK
               ? status
               : error_add_context(error, _("the audit log %s"), audit->folder_name);
}
