/* cli_losses: what is gone from the storage for good, and was accepted as lost with `kura check
 * --accept-losses`. It stays told by nobody again on this machine, so that what is lost next is not
 * overlooked among it. Only what is not there can be accepted: what is there and wrong can be
 * removed by whoever runs the storage, and is gone then. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>

#define FILE_NAME "accepted-losses" /* in the state folder: a name of an object in each line */
#define SIZE_LIMIT ((size_t)1024 * 1024)

static enum status losses_read(struct buffer *names, const char *state, struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    enum status status = path_join(&path, state, FILE_NAME, error);
    status = status ? status : file_read(names, path, SIZE_LIMIT, error);
    status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    return status ? status : buffer_append(names, "", 1, error);
}

static bool is_listed(const struct buffer *names, const char *object)
{
    size_t size = strlen(object);
    for (const char *at = (const char *)names->data; at != NULL && *at != '\0';) {
        if (strncmp(at, object, size) == 0 && at[size] == '\n') {
            return true;
        }
        at = strchr(at, '\n');
        at += at != NULL ? 1 : 0;
    }
    return false;
}

/* Who looks may not be allowed into the state folder: then nothing is accepted. */
void cli_losses_leave_out(struct cli *cli, const struct cli_access *access,
                          struct problems *problems)
{
    CLEANUP(buffer_free) struct buffer names = {0};
    struct error ignored;
    if (!access->has_config || problems->count == 0 ||
        losses_read(&names, access->config.state, &ignored) != STATUS_OK) {
        return;
    }
    unsigned long accepted = 0;
    for (size_t i = problems->count; i-- > 0;) {
        const struct problem *problem = &problems->items[i];
        if (problem->status == STATUS_NOT_FOUND && is_listed(&names, problem->object)) {
            problems_remove(problems, i);
            accepted++;
        }
    }
    if (accepted > 0) {
        cli_say(cli,
                ngettext("%lu loss that was accepted is not told again",
                         "%lu losses that were accepted are not told again", accepted),
                accepted);
    }
}

enum status cli_losses_accept(struct cli *cli, const struct cli_access *access,
                              const struct problems *problems, struct error *error)
{
    CLEANUP(buffer_free) struct buffer names = {0};
    CLEANUP(memory_free) char *path = NULL;
    json_t *accepted = json_array();
    enum status status = losses_read(&names, access->config.state, error);
    for (size_t i = 0; status == STATUS_OK && i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        if (problem->status == STATUS_NOT_FOUND && !is_listed(&names, problem->object)) {
            names.size--;
            status = buffer_append(&names, problem->object, strlen(problem->object), error);
            status = status ? status : buffer_append(&names, "\n", 2, error);
            json_array_append_new(accepted, json_string(problem->object));
        }
    }
    json_object_set_new(cli->facts, "accepted_losses", accepted);
    status = status ? status : path_join(&path, access->config.state, FILE_NAME, error);
    return status
               ? status
               : file_write(path, names.data, names.size - 1, 0600, FILE_REPLACE_EXISTING, error);
}
