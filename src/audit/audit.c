/* audit: opening the log, and what can be asked of it. See kura/audit.h and FORMAT.md. */
#include "audit_private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define READ_WAIT_MS 20
#define READ_TRIES 250 /* five seconds */

void audit_free(struct audit *audit)
{
    if (audit == NULL) {
        return;
    }
    tree_free(&audit->tree);
    file_close(&audit->log);
    file_close(&audit->lock);
    file_close(&audit->folder);
    free(audit->folder_name);
    free(audit->origin);
    free(audit);
}

static void free_pointer(struct audit **audit)
{
    audit_free(*audit);
}

static enum status take_options(struct audit *audit, const struct audit_options *options,
                                struct error *error)
{
    audit->folder_name = strdup(options->folder);
    audit->origin = strdup(options->origin);
    if (audit->folder_name == NULL || audit->origin == NULL) {
        return error_set_memory(error);
    }
    memcpy(audit->public_key, options->public_key, SIGN_PUBLIC_SIZE);
    audit->options = (struct audit_options){.folder = audit->folder_name,
                                            .origin = audit->origin,
                                            .public_key = audit->public_key,
                                            .signing = options->signing};
    if (options->signing != NULL &&
        memcmp(options->signing->public_key, audit->public_key, SIGN_PUBLIC_SIZE) != 0) {
        return error_set(error, STATUS_FAILED, 0, "%s",
                         _("the key that signs it is not the one that verifies it"));
    }
    return STATUS_OK;
}

static enum status open_folder(struct audit *audit, struct error *error)
{
    enum status status = STATUS_OK;
    if (audit->options.signing != NULL) {
        status = file_make_folders(audit->folder_name, 0700, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    audit->folder = open(audit->folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return audit->folder < 0 ? error_set_errno(error, errno, "%s", _("the folder cannot be opened"))
                             : STATUS_OK;
}

/* ------------------------------------------------------------------ opening */

static enum status look(struct audit *audit, struct intent *intent, struct error *error)
{
    enum status status = intent_read(intent, audit, error);
    return status == STATUS_OK ? audit_verify(audit, intent, error) : status;
}

/* Back to before a look. */
static void forget(struct audit *audit)
{
    file_close(&audit->log);
    audit->log = -1;
    audit->log_size = 0;
    audit->newest = (struct moment){0};
    tree_free(&audit->tree);
}

static enum status open_to_append(struct audit *audit, struct error *error)
{
    CLEANUP(intent_free) struct intent intent = {0};
    enum status status = folder_lock(&audit->lock, audit->folder, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = look(audit, &intent, error);
    if (status == STATUS_NOT_FOUND) {
        error_clear(error);
        forget(audit);
        status = audit_make(audit, error);
        if (status == STATUS_OK) {
            status = audit_verify(audit, &intent, error);
        }
    }
    return status == STATUS_OK ? audit_recover(audit, &intent, error) : status;
}

/* While somebody appends, what is there may not fit for a moment: then it is looked at again. The
 * lock is not kept: what a reader has verified stays as it is. */
static enum status open_to_read(struct audit *audit, struct error *error)
{
    for (int tries = 1;; tries++) {
        CLEANUP(intent_free) struct intent intent = {0};
        CLEANUP(file_close) int lock = -1;
        bool alone = folder_lock_shared(&lock, audit->folder);
        enum status status = look(audit, &intent, error);
        bool misfit = status == STATUS_CORRUPT || status == STATUS_NOT_FOUND;
        if (!misfit || alone || tries == READ_TRIES) {
            return status;
        }
        error_clear(error);
        forget(audit);
        nanosleep(&(struct timespec){0, READ_WAIT_MS * 1000000L}, NULL);
    }
}

enum status audit_open(struct audit **audit, const struct audit_options *options,
                       struct error *error)
{
    CLEANUP(free_pointer) struct audit *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->folder = made->lock = made->log = -1;
    enum status status = take_options(made, options, error);
    if (status == STATUS_OK) {
        status = open_folder(made, error);
    }
    if (status == STATUS_OK) {
        status = options->signing != NULL ? open_to_append(made, error) : open_to_read(made, error);
    }
    if (status != STATUS_OK) {
        return error_add_context(error, _("the audit log %s"), options->folder);
    }
    *audit = made;
    made = NULL;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ asking */

struct audit_head audit_head(const struct audit *audit)
{
    struct audit_head head = {.size = tree_size(&audit->tree)};
    tree_root(head.root, &audit->tree, head.size);
    return head;
}

bool audit_extends(const struct audit *audit, const struct audit_head *head)
{
    unsigned char root[AUDIT_ROOT_SIZE];
    if (head->size > tree_size(&audit->tree)) {
        return false;
    }
    tree_root(root, &audit->tree, head->size);
    return head->size == 0 || memcmp(root, head->root, sizeof root) == 0;
}

struct moment audit_newest(const struct audit *audit)
{
    return audit->newest;
}

struct walk {
    const struct audit *audit;
    enum status (*visit)(void *context, const struct audit_record *record, struct error *error);
    void *context;
    struct buffer line; /* terminated */
};

/* Read again from the file, and held against the tree: what was changed since the opening is never
 * shown. */
static enum status visit_line(void *context, uint64_t number, const char *line, size_t size,
                              struct error *error)
{
    struct walk *walk = context;
    struct audit_record record;
    json_auto_t *json = NULL;
    if (!tree_holds(&walk->audit->tree, number, line, size)) {
        return error_set(error, STATUS_CORRUPT, 0, _("record %llu was changed"),
                         (unsigned long long)number);
    }
    buffer_clear(&walk->line);
    enum status status = buffer_append(&walk->line, line, size, error);
    if (status == STATUS_OK) {
        status = buffer_append_u8(&walk->line, '\0', error);
    }
    if (status == STATUS_OK) {
        status = line_parse(&json, &record, number, (const char *)walk->line.data, size, error);
    }
    return status == STATUS_OK ? walk->visit(walk->context, &record, error) : status;
}

enum status audit_walk(const struct audit *audit,
                       enum status (*visit)(void *context, const struct audit_record *record,
                                            struct error *error),
                       void *context, struct error *error)
{
    struct walk walk = {.audit = audit, .visit = visit, .context = context};
    uint64_t end = 0;
    enum status status =
        lines_each(&end, audit->log, tree_size(&audit->tree), visit_line, &walk, error);
    buffer_free(&walk.line);
    return status;
}
