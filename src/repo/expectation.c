/* expectation: this machine's own word on what it published last, in `last-snapshot` of the state
 * folder. Signatures prove what is there; only who remembers notices what is there no more. A file
 * of its own, so that it can be read while a backup runs and outlives a damaged state. */
#include "writer_private.h"
#include <stdio.h>
#include <string.h>

#define FILE_NAME "last-snapshot"
#define LINE_SIZE (2 * REPOSITORY_ID_SIZE + 1 + 2 * OBJECT_ID_SIZE + 1)

enum status expectation_write(const char *folder, const struct repo *repo,
                              const struct statement *statement, struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    char repository[2 * REPOSITORY_ID_SIZE + 1];
    char id[OBJECT_ID_TEXT_SIZE];
    char line[LINE_SIZE + 1];
    snprintf(line, sizeof line, "%s %s\n",
             hex_encode(repository, repo_id(repo), REPOSITORY_ID_SIZE),
             hex_encode(id, statement->id, OBJECT_ID_SIZE));
    enum status status = path_join(&path, folder, FILE_NAME, error);
    return status ? status : file_write(path, line, LINE_SIZE, 0600, FILE_REPLACE_EXISTING, error);
}

/* Another repository's word, or none that can be read, is no word. */
static bool parse(unsigned char id[OBJECT_ID_SIZE], const struct buffer *line,
                  const struct repo *repo)
{
    unsigned char repository[REPOSITORY_ID_SIZE];
    const char *text = (const char *)line->data;
    return line->size == LINE_SIZE &&
           hex_decode(repository, sizeof repository, text, 2 * sizeof repository) &&
           memcmp(repository, repo_id(repo), sizeof repository) == 0 &&
           hex_decode(id, OBJECT_ID_SIZE, text + 2 * sizeof repository + 1, 2 * OBJECT_ID_SIZE);
}

static bool is_listed(const struct snapshot_list *list, const unsigned char id[OBJECT_ID_SIZE],
                      const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->items[i].id, id, OBJECT_ID_SIZE) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < list->problems.count; i++) {
        if (strcmp(list->problems.items[i].object, name) == 0) {
            return true; /* there, and told already why it does not count */
        }
    }
    return false;
}

enum status snapshot_list_expect(struct problems *problems, const struct snapshot_list *list,
                                 const struct repo *repo, const char *state, struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    CLEANUP(buffer_free) struct buffer line = {0};
    unsigned char id[OBJECT_ID_SIZE];
    char name[OBJECT_NAME_SIZE];
    enum status status = path_join(&path, state, FILE_NAME, error);
    if (status != STATUS_OK) {
        return status;
    }
    /* Who looks may not be allowed into the state folder: that is the backup's own. */
    struct error unread = {0};
    if (file_read(&line, path, LINE_SIZE, &unread) != STATUS_OK || !parse(id, &line, repo)) {
        return STATUS_OK;
    }
    object_name(name, OBJECT_STATEMENT, id);
    if (!is_listed(list, id, name)) {
        struct error problem;
        error_set(&problem, STATUS_NOT_FOUND, 0, "%s",
                  _("the newest snapshot that this machine published is not in the storage: it was "
                    "removed or the storage was rolled back"));
        problems_add(problems, name, &problem);
    }
    return STATUS_OK;
}
