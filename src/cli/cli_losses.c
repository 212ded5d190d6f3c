/* cli_losses: what is gone from the storage for good, and was accepted as lost with `kura check
 * --accept-losses`. This machine does not tell it again, so that what is lost next is not
 * overlooked among it. Only what is not there can be accepted: what is there and wrong can be
 * removed by whoever runs the storage, and is gone then. What this machine still has is stored
 * again by its next backup, so that accepting hides nothing that later snapshots need. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>

#define FILE_NAME "accepted-losses" /* in the state folder: a name of an object in each line */
#define SIZE_LIMIT                                                                                 \
    ((size_t)128 * (PROBLEMS_LIMIT + LOSSES_LIMIT)) /* above what one check names                  \
                                                     */
#define NAMES_RECORDED 200

/* ------------------------------------------------------------------ what was accepted */

struct accepted {
    struct buffer text; /* of the file */
    struct buffer cut;  /* the same, cut into names */
    char **names;       /* sorted */
    size_t count;
};

static void accepted_free(struct accepted *accepted)
{
    buffer_free(&accepted->text);
    buffer_free(&accepted->cut);
    free(accepted->names);
}

static int compare(const void *a, const void *b)
{
    char *const *left = a;
    char *const *right = b;
    return strcmp(*left, *right);
}

static enum status cut_names(struct accepted *accepted, struct error *error)
{
    size_t lines = 0;
    for (size_t i = 0; i < accepted->text.size; i++) {
        lines += accepted->text.data[i] == '\n';
    }
    accepted->names = malloc((lines + 1) * sizeof *accepted->names);
    if (accepted->names == NULL) {
        return error_set_memory(error);
    }
    char *rest = (char *)accepted->cut.data;
    for (size_t i = 0; i < lines; i++) {
        accepted->names[accepted->count++] = strsep(&rest, "\n");
    }
    qsort(accepted->names, accepted->count, sizeof *accepted->names, compare);
    return STATUS_OK;
}

static enum status accepted_read(struct accepted *accepted, const char *state, struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    enum status status = path_join(&path, state, FILE_NAME, error);
    status = status ? status : file_read(&accepted->text, path, SIZE_LIMIT, error);
    if (status == STATUS_NOT_FOUND) {
        error_clear(error);
        status = STATUS_OK;
    }
    const struct buffer *text = &accepted->text;
    status = status ? status : buffer_append(&accepted->cut, text->data, text->size, error);
    status = status ? status : buffer_append_u8(&accepted->cut, 0, error);
    return status ? status : cut_names(accepted, error);
}

static bool is_accepted(const struct accepted *accepted, const char *object)
{
    return bsearch(&object, accepted->names, accepted->count, sizeof *accepted->names, compare) !=
           NULL;
}

/* ------------------------------------------------------------------ telling */

/* Of the problems that are only counted. */
static unsigned long leave_out_counted(struct problems *problems, const struct accepted *accepted)
{
    unsigned long left_out = 0;
    size_t kept = 0;
    for (size_t i = 0; i < problems->loss_count; i++) {
        struct loss *loss = &problems->losses[i];
        if (is_accepted(accepted, loss->object)) {
            left_out += loss->count;
            free(loss->object);
        } else {
            problems->losses[kept++] = *loss;
        }
    }
    problems->loss_count = kept;
    problems->dropped -= left_out;
    return left_out;
}

/* Where others were left out there is room to name losses that were only counted. */
static void name_counted(struct problems *problems)
{
    struct error problem;
    error_set(&problem, STATUS_NOT_FOUND, 0, "%s", _("missing, or something that it needs is"));
    while (problems->count < PROBLEMS_LIMIT && problems->loss_count > 0) {
        struct loss *loss = &problems->losses[--problems->loss_count];
        problems->dropped -= loss->count;
        problems_add(problems, loss->object, &problem);
        free(loss->object);
    }
}

/* Who looks may not be allowed into the state folder: then nothing is accepted. */
void cli_losses_leave_out(struct cli *cli, const struct cli_access *access,
                          struct problems *problems)
{
    CLEANUP(accepted_free) struct accepted accepted = {0};
    struct error ignored;
    if (!access->has_config || problems->count == 0 ||
        accepted_read(&accepted, access->config.state, &ignored) != STATUS_OK) {
        return;
    }
    unsigned long left_out = leave_out_counted(problems, &accepted);
    for (size_t i = problems->count; i-- > 0;) {
        const struct problem *problem = &problems->items[i];
        if (problem_is_loss(problem) && is_accepted(&accepted, problem->object)) {
            problems_remove(problems, i);
            left_out++;
        }
    }
    name_counted(problems);
    if (left_out > 0) {
        cli_say(cli,
                ngettext("%lu loss that was accepted is not told again",
                         "%lu losses that were accepted are not told again", left_out),
                left_out);
    }
}

/* ------------------------------------------------------------------ accepting */

struct choice {
    const struct accepted *accepted; /* until now */
    bool more;                       /* take what was not accepted yet, too */
    struct buffer text;              /* of the new file */
    const char *last;                /* chosen: the problems of one object come one after another */
    uint64_t fresh;
    json_t *first; /* NAMES_RECORDED of the fresh ones */
};

static void choice_free(struct choice *choice)
{
    buffer_free(&choice->text);
    json_decref(choice->first);
}

static enum status choose(struct choice *choice, const char *object, struct error *error)
{
    bool old = is_accepted(choice->accepted, object);
    if ((!old && !choice->more) || (choice->last != NULL && strcmp(choice->last, object) == 0)) {
        return STATUS_OK;
    }
    choice->last = object;
    if (!old && choice->fresh++ < NAMES_RECORDED) {
        json_array_append_new(choice->first, json_string(object));
    }
    enum status status = buffer_append_text(&choice->text, object, error);
    return status ? status : buffer_append_u8(&choice->text, '\n', error);
}

/* What a check does not meet any more has come back; if it goes again, it is told again. */
static enum status choose_all(struct choice *choice, const struct problems *problems,
                              struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        status = problem_is_loss(problem) ? choose(choice, problem->object, error) : STATUS_OK;
    }
    for (size_t i = 0; status == STATUS_OK && i < problems->loss_count; i++) {
        status = choose(choice, problems->losses[i].object, error);
    }
    return status;
}

static enum status write_choice(const struct choice *choice, const char *state, struct error *error)
{
    const struct buffer *text = &choice->text;
    const struct buffer *before = &choice->accepted->text;
    if (text->size == before->size &&
        (text->size == 0 || memcmp(text->data, before->data, text->size) == 0)) {
        return STATUS_OK;
    }
    CLEANUP(memory_free) char *path = NULL;
    enum status status = path_join(&path, state, FILE_NAME, error);
    return status ? status
                  : file_write(path, text->size == 0 ? "" : (const char *)text->data, text->size,
                               0600, FILE_REPLACE_EXISTING, error);
}

/* A record of the log is bounded: of very many losses it has the number and the first names. */
static void record(struct cli *cli, const struct choice *choice)
{
    cli_json_set_count(cli->facts, "accepted", choice->fresh);
    json_object_set(cli->facts, "accepted_losses", choice->first);
}

static enum status settle(struct cli *cli, const char *state, const struct problems *problems,
                          bool more, struct error *error)
{
    CLEANUP(accepted_free) struct accepted accepted = {0};
    CLEANUP(choice_free)
    struct choice choice = {.accepted = &accepted, .more = more, .first = json_array()};
    enum status status = accepted_read(&accepted, state, error);
    status = status ? status : choose_all(&choice, problems, error);
    if (status == STATUS_OK && more) {
        record(cli, &choice);
        status = writer_ask_to_look(state, error);
    }
    return status ? status : write_choice(&choice, state, error);
}

enum status cli_losses_settle(struct cli *cli, const struct cli_access *access,
                              const struct problems *problems, bool more, struct error *error)
{
    /* Among losses that were only counted may be any of the accepted ones. */
    if (problems->losses_cut) {
        if (!more) {
            return STATUS_OK;
        }
        error_set(error, STATUS_FAILED, 0, "%s",
                  _("so many objects are missing that they cannot be accepted as lost"));
        return error_set_hint(error, "%s",
                              _("Is this the right place, and is its disk whole? If so: move the "
                                "host key away and make a new repository at another address with "
                                "kura init; what is left here stays readable with the old key and "
                                "kit."));
    }
    struct error ignored;
    enum status status = settle(cli, access->config.state, problems, more, more ? error : &ignored);
    /* Who only looks may not be allowed into the state folder, and then settles nothing. */
    return more ? status : STATUS_OK;
}
