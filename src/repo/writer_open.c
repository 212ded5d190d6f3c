/* writer_open: a backup begins: the state is locked, held against the repository, and freed of what
 * interrupted runs left; and it ends, published or not. */
#include "writer_private.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOCK_PAUSE_MS 250

bool repo_state_remade(const char *name)
{
    static const char *const beginnings[] = {"spool", "memory-", "state.db"};
    for (size_t i = 0; i < LENGTH(beginnings); i++) {
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0) {
            return true;
        }
    }
    return false;
}

static enum status make_folders(struct writer *writer, const char *state, struct error *error)
{
    writer->folder = strdup(state);
    if (writer->folder == NULL) {
        return error_set_memory(error);
    }
    enum status status = path_join(&writer->spool, state, "spool", error);
    status = status ? status : file_make_folders(writer->spool, 0700, error);
    if (status != STATUS_OK) {
        return status;
    }
    CLEANUP(file_close) int fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? error_set_errno(error, errno, _("the folder %s cannot be used"), state)
                  : file_shut_folder(fd, state, error);
}

static enum status lock_state(struct writer *writer, const struct writer_options *options,
                              struct error *error)
{
    CLEANUP(memory_free) char *path = NULL;
    enum status status = path_join(&path, options->state, "lock", error);
    status = status ? status : file_lock(&writer->lock_file, path, false, error);
    if (status == STATUS_LOCKED && options->wait_seconds > 0 && options->on_wait != NULL) {
        options->on_wait(options->context);
    }
    /* The kernel's own waiting could be neither ended by a signal that is caught nor limited. */
    double until = clock_monotonic() + options->wait_seconds;
    while (status == STATUS_LOCKED && clock_monotonic() < until) {
        if (options->cancelled != NULL && *options->cancelled != 0) {
            return error_set(error, STATUS_CANCELLED, 0, "%s",
                             _("stopped on request, while another backup was running"));
        }
        nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_MS * 1000000L}, NULL);
        status = file_lock(&writer->lock_file, path, false, error);
    }
    return status;
}

static enum status copy_recipients(struct writer *writer, const struct writer_options *options,
                                   struct error *error)
{
    if (options->recipient_count == 0) {
        return error_set(error, STATUS_USAGE, 0,
                         _("A backup needs a recipient who can open it again"));
    }
    writer->recipients = calloc(options->recipient_count, sizeof *writer->recipients);
    if (writer->recipients == NULL) {
        return error_set_memory(error);
    }
    memcpy(writer->recipients, options->recipients,
           options->recipient_count * sizeof *writer->recipients);
    writer->recipient_count = options->recipient_count;
    return STATUS_OK;
}

static void make_keys(struct writer *writer)
{
    writer->keys = secret_new(sizeof *writer->keys);
    repo_subkey(writer->keys->hash, writer->repo, "content hash");
    repo_subkey(writer->keys->chunker, writer->repo, "chunker");
    repo_subkey(writer->keys->nodes, writer->repo, "nodes");
    randombytes_buf(writer->keys->file, sizeof writer->keys->file);
    key_derive(writer->keys->chunk_secret, writer->keys->file, sizeof writer->keys->file,
               "kura/1 chunks");
}

static void make_locks(struct writer *writer)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static enum status prepare(struct writer *writer, const struct writer_options *options,
                           struct error *error)
{
    enum status status = copy_recipients(writer, options, error);
    status = status ? status : make_folders(writer, options->state, error);
    status = status ? status : lock_state(writer, options, error);
    status = status ? status
                    : state_open(&writer->state, writer->folder, repo_id(writer->repo),
                                 &writer->problems, error);
    status = status ? status : pending_open(&writer->pending, error);
    status = status ? status : copies_settle(writer, error);
    status = status ? status : trust_check(writer, error);
    status = status ? status : recipients_cover(writer, error);
    status = status ? status : memory_open(writer, error);
    status = status ? status : trust_indexes(writer, error);
    status = status ? status : trust_packs(writer, error);
    status = status ? status : spool_recover(writer, error);
    status = status ? status : samples_draw(writer, error);
    return status ? status : uploaders_start(writer, error);
}

enum status writer_open(struct writer **writer, struct repo *repo,
                        const struct writer_options *options, struct error *error)
{
    *writer = NULL;
    if (repo_host(repo) == NULL) {
        return error_set(error, STATUS_DENIED, 0, _("Only with the host key can one back up"));
    }
    struct writer *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return error_set_memory(error);
    }
    opened->repo = repo;
    opened->lock_file = -1;
    opened->spool_limit = options->spool_limit;
    opened->pack_target = PACK_TARGET;
    /* Left alone, glibc learns from the first freed pack to keep such blocks, one set per thread:
     * twice the memory after a while. */
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    opened->held_limit = repo_connections(repo) + 1;
    make_locks(opened);
    make_keys(opened);
    enum status status = prepare(opened, options, error);
    if (status != STATUS_OK) {
        writer_free(opened);
        return status;
    }
    *writer = opened;
    return STATUS_OK;
}

/* The lock goes last: the next backup finds everything closed. */
void writer_free(struct writer *writer)
{
    if (writer == NULL) {
        return;
    }
    uploaders_stop(writer);
    while (writer->queue != NULL) {
        struct pack_job *job = writer->queue;
        writer->queue = job->next;
        pack_job_free(job);
    }
    draft_free(writer->draft);
    draft_free(writer->spare_draft);
    for (unsigned i = 0; i < SPARE_PACKS; i++) {
        buffer_free(&writer->spare_packs[i]);
    }
    pending_close(&writer->pending);
    state_free(writer->state);
    if (!writer->published && writer->new_memory != NULL) {
        struct error ignored;
        (void)!memory_sweep(writer, writer->base.memory, &ignored);
    }
    problems_free(&writer->problems);
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->lock);
    secret_free(writer->keys);
    free(writer->recipients);
    free(writer->parents);
    erasure_register_free(&writer->erased);
    register_ids_free(&writer->erasures);
    free(writer->memory);
    free(writer->new_memory);
    free(writer->folder);
    free(writer->spool);
    file_close(&writer->lock_file);
    free(writer);
}

void writer_pipeline(struct writer *writer, struct pipeline_options *options)
{
    options->hash_key = writer->keys->hash;
    options->chunker_key = writer->keys->chunker;
    memcpy(options->repository, repo_id(writer->repo), REPOSITORY_ID_SIZE);
    writer_keeper(writer, &options->keeper);
}

const unsigned char *writer_node_key(const struct writer *writer)
{
    return writer->keys->nodes;
}

const struct problems *writer_problems(const struct writer *writer)
{
    return &writer->problems;
}

const struct erasure_register *writer_register(const struct writer *writer)
{
    return &writer->erased;
}

bool writer_distrusted(const struct writer *writer)
{
    return writer->distrusted;
}

const char *writer_memory(const struct writer *writer)
{
    return writer->memory;
}

const char *writer_new_memory(const struct writer *writer)
{
    return writer->new_memory;
}

void writer_get_progress(struct writer *writer, struct writer_progress *progress)
{
    pthread_mutex_lock(&writer->lock);
    progress->stored = writer->stored;
    progress->waiting = writer->waiting;
    pthread_mutex_unlock(&writer->lock);
}
