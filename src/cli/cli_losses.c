/* cli_losses: what is gone from the storage for good, and was accepted as lost with `kura check
 * --accept-losses`. This machine does not tell it again, so that what is lost next is not
 * overlooked among it. Only what is not there can be accepted: what is there and wrong can be
 * removed by whoever runs the storage, and is gone then. What this machine still has is stored
 * again by its next backup, so that accepting hides nothing that later snapshots need. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>

#define FILE_NAME "accepted-losses" /* in the state folder: a name of an object in each line */
#define SIZE_LIMIT ((size_t)1024 * 1024)
#define NAMES_RECORDED 200

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
        if (problem_is_loss(problem) && is_listed(&names, problem->object)) {
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

/* Appends, of the problems, those that stay accepted, and with `more` the others that can be. What
 * a check does not meet any more has come back; if it goes again, it is told again. */
static enum status choose(struct buffer *chosen, json_t *fresh, const struct buffer *names,
                          const struct problems *problems, bool more, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        bool old = is_listed(names, problem->object);
        bool kept = old && problems->dropped > 0; /* it is there already */
        if (!problem_is_loss(problem) || (!old && !more) || kept) {
            continue;
        }
        status = buffer_append_text(chosen, problem->object, error);
        status = status ? status : buffer_append_text(chosen, "\n", error);
        if (!old) {
            json_array_append_new(fresh, json_string(problem->object));
        }
    }
    return status;
}

/* A record of the log is bounded: of very many losses it has the number and the first names. */
static void record(struct cli *cli, json_t *fresh)
{
    cli_json_set_count(cli->facts, "accepted", json_array_size(fresh));
    while (json_array_size(fresh) > NAMES_RECORDED) {
        json_array_remove(fresh, json_array_size(fresh) - 1);
    }
    json_object_set(cli->facts, "accepted_losses", fresh);
}

enum status cli_losses_settle(struct cli *cli, const struct cli_access *access,
                              const struct problems *problems, bool more, struct error *error)
{
    const char *state = access->config.state;
    CLEANUP(buffer_free) struct buffer names = {0};
    CLEANUP(buffer_free) struct buffer chosen = {0};
    CLEANUP(memory_free) char *path = NULL;
    json_auto_t *fresh = json_array();
    enum status status = losses_read(&names, state, error);
    /* Among problems that were only counted may be any of the accepted ones. */
    if (status == STATUS_OK && problems->dropped > 0) {
        status = buffer_append(&chosen, names.data, names.size - 1, error);
    }
    status = status ? status : choose(&chosen, fresh, &names, problems, more, error);
    if (status == STATUS_OK && more) {
        record(cli, fresh);
        status = writer_ask_to_look(state, error);
    }
    bool same = status == STATUS_OK && chosen.size == names.size - 1 &&
                (chosen.size == 0 || memcmp(chosen.data, names.data, chosen.size) == 0);
    if (status == STATUS_OK && !same) {
        status = path_join(&path, state, FILE_NAME, error);
        status = status ? status
                        : file_write(path, chosen.size == 0 ? "" : (const char *)chosen.data,
                                     chosen.size, 0600, FILE_REPLACE_EXISTING, error);
    }
    /* Who only looks may not be allowed into the state folder, and then settles nothing. */
    return more ? status : STATUS_OK;
}
