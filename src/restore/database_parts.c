/* database_parts: what of the archive does not come with the load. An event trigger would run at
 * everything that is made, counted and erased after it, and write rows or forbid it: these come
 * last. A subscription draws its rows from a database that lives, under the name of the one that
 * was backed up, and keeps its database from being removed: none comes. */
#include "hidden.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum kind { LOADED, LATER, NEVER };

/* "3223; 3466 16400 EVENT TRIGGER - name owner", "3300; 0 0 COMMENT - EVENT TRIGGER name owner":
 * what belongs to no schema has a '-' in its place. A table may be called anything, but not so. */
static enum kind kind_of(const char *line)
{
    static const struct {
        const char *words;
        enum kind kind;
    } kinds[] = {
        {"EVENT TRIGGER - ", LATER},
        {"COMMENT - EVENT TRIGGER ", LATER},
        {"SECURITY LABEL - EVENT TRIGGER ", LATER},
        {"SUBSCRIPTION - ", NEVER},
        {"SUBSCRIPTION TABLE - ", NEVER},
        {"COMMENT - SUBSCRIPTION ", NEVER},
        {"SECURITY LABEL - SUBSCRIPTION ", NEVER},
    };
    for (int i = 0; i < 3; i++) {
        line += strspn(line, "0123456789");
        line += strspn(line, "; ");
    }
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        if (strncmp(line, kinds[i].words, strlen(kinds[i].words)) == 0) {
            return kinds[i].kind;
        }
    }
    return LOADED;
}

enum status database_parts_read(struct database_parts *parts, struct hidden_database *database,
                                struct error *error)
{
    const char *const words[] = {"pg_restore", "--list", NULL};
    CLEANUP(buffer_free) struct buffer list = {0};
    enum status status = archive_read(&list, database, words, -1, error);
    const char *line = status == STATUS_OK ? (const char *)list.data : "";
    for (size_t size; status == STATUS_OK && *line != '\0'; line += size) {
        size = strcspn(line, "\n");
        size += line[size] == '\n';
        enum kind kind = line[0] >= '0' && line[0] <= '9' ? kind_of(line) : LOADED;
        parts->never += kind == NEVER;
        if (kind != NEVER) {
            status =
                buffer_append(kind == LATER ? &parts->later : &parts->loaded, line, size, error);
        }
    }
    return status;
}

void database_parts_free(struct database_parts *parts)
{
    buffer_free(&parts->loaded);
    buffer_free(&parts->later);
    *parts = (struct database_parts){0};
}

bool database_parts_differ(const struct database_parts *parts)
{
    return parts->never > 0 || parts->later.size > 0;
}

enum status database_list_write(int *fd, const struct buffer *lines, struct error *error)
{
    *fd = memfd_create("kura-list", MFD_CLOEXEC);
    return *fd < 0 ? error_set_errno(error, errno, "%s", _("the list of tables cannot be kept"))
                   : file_write_all(*fd, lines->data, lines->size, _("the list of tables"), error);
}

void database_parts_tell(const struct hidden_database *database)
{
    struct error told = {0};
    if (database->parts.never == 0) {
        return;
    }
    error_set(&told, STATUS_UNSUPPORTED, 0, "%s",
              _("subscriptions of logical replication are left out: they would take the rows of "
                "the database that was backed up"));
    error_set_hint(&told, "%s",
                   _("If this database takes its place: CREATE SUBSCRIPTION … (kura restore "
                     "--target gives the archive, and pg_restore shows how it was made)."));
    hidden_warn(database, &told);
}
