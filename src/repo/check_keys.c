/* check_keys: the sealed secret, without which a kit opens nothing, is there and whole. The host
 * has the secret itself and never opens these objects, so nobody else would miss them before the
 * day of need. Without an identity their form is all that can be checked. */
#include "check.h"
#include <sodium.h>
#include <string.h>

/* After the header of an age file: a nonce, and one piece with its tag. */
#define SEALED_SECRET_SIZE (size_t)(16 + REPOSITORY_SECRET_SIZE + 16)

static enum status check_form(const struct buffer *object, struct error *error)
{
    size_t header = 0;
    enum status status = age_header_length(&header, object->data, object->size, error);
    if (status == STATUS_OK && object->size - header != SEALED_SECRET_SIZE) {
        status = error_set(error, STATUS_CORRUPT, 0, "%s",
                           _("it is damaged: it has not the size of a sealed secret"));
    }
    return status;
}

/* STATUS_DENIED: of the right form, and sealed to others than the identities. */
static enum status check_secret(const struct buffer *object, struct repo *repo, struct error *error)
{
    size_t count = 0;
    const struct age_identity *identities = repo_identities(repo, &count);
    if (count == 0) {
        return STATUS_OK;
    }
    CLEANUP(buffer_wipe) struct buffer opened = {0};
    enum status status = age_open_buffer(&opened, object->data, object->size, identities, count,
                                         REPOSITORY_SECRET_SIZE, error);
    if (status == STATUS_OK &&
        (opened.size != REPOSITORY_SECRET_SIZE ||
         sodium_memcmp(opened.data, repo->secret, REPOSITORY_SECRET_SIZE) != 0)) {
        status = error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                           _("it holds another secret than the one of this repository"));
    }
    return status;
}

/* Adds to problems what is wrong with one object; an error is what ends the check. What is sealed
 * to others goes to `sealed`. */
static enum status check_object(struct problems *sealed, struct check *check, struct store *store,
                                const char *name, struct error *error)
{
    CLEANUP(buffer_free) struct buffer object = {0};
    enum status status = object_read_limited(&object, store, name, SMALL_OBJECT_LIMIT, error);
    struct problems *problems = &check->report->problems;
    if (status == STATUS_OK) {
        status = check_form(&object, error);
        status = status ? status : check_secret(&object, check->repo, error);
        problems = status == STATUS_DENIED ? sealed : problems;
    }
    if (problem_is_local(status, error)) {
        problems_add(problems, name, error);
        error_clear(error);
        return STATUS_OK;
    }
    return status;
}

enum status check_keys(struct check *check, struct error *error)
{
    if (check->repo->access.host == NULL) {
        return STATUS_OK; /* the repository was opened by them: they were read, and told */
    }
    CLEANUP(name_list_free) struct name_list names = {0};
    struct store *store = NULL;
    enum status status = repo_take_store(&store, check->repo, error);
    if (status == STATUS_OK) {
        status = object_list_names(&names, check->repo, store, &check->report->problems,
                                   OBJECT_KEYS, error);
    }
    if (status == STATUS_OK && names.count == 0) {
        struct error problem;
        error_set(&problem, STATUS_NOT_FOUND, 0, "%s",
                  _("the repository's sealed secret is missing: keys/ is empty"));
        problems_add(&check->report->problems, object_folder(OBJECT_KEYS), &problem);
    }
    /* One object that opens is enough. If none does, somebody may have spoilt the part that was
     * sealed to this identity, which makes it look like one that is sealed to others. */
    CLEANUP(problems_free) struct problems sealed = {0};
    for (size_t i = 0; status == STATUS_OK && i < names.count; i++) {
        status = check_object(&sealed, check, store, names.names[i], error);
    }
    repo_give_store(check->repo, store);
    if (status == STATUS_OK && sealed.count > 0 && sealed.count == names.count) {
        status = problems_copy(&check->report->problems, &sealed, error);
    }
    return status;
}
