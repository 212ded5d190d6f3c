/* sealed_stream: see the header. */
#include "sealed_stream.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK ((size_t)64 * 1024)
#define SEALED_BLOCK (BLOCK + crypto_secretstream_xchacha20poly1305_ABYTES)
#define HEADER crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define RING 8u /* blocks; a power of two */

/* A thread of its own seals and writes the blocks while the next ones are filled: a million small
 * files are half a gigabyte every night, also when nothing changed. */
struct sealed_output {
    crypto_secretstream_xchacha20poly1305_state state; /* the thread's */
    int fd;
    char *path;
    size_t used; /* bytes of the block that is being filled */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool running;
    /* Under the lock. A block between `written` and `filled` is the thread's. */
    unsigned filled, written;
    bool over; /* nothing more is filled */
    struct error failure;
    unsigned char blocks[RING][BLOCK];
    unsigned char sealed[SEALED_BLOCK];
};

static enum status push(struct sealed_output *output, const unsigned char *block, size_t size,
                        bool final, struct error *error)
{
    unsigned long long sealed = 0;
    crypto_secretstream_xchacha20poly1305_push(
        &output->state, output->sealed, &sealed, block, size, NULL, 0,
        final ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0);
    return file_write_all(output->fd, output->sealed, (size_t)sealed, output->path, error);
}

static void *write_blocks(void *context)
{
    struct sealed_output *output = context;
    struct error error = {0};
    pthread_mutex_lock(&output->lock);
    while (error.status == STATUS_OK) {
        while (output->written == output->filled && !output->over) {
            pthread_cond_wait(&output->changed, &output->lock);
        }
        if (output->written == output->filled) {
            break;
        }
        unsigned number = output->written;
        pthread_mutex_unlock(&output->lock);
        (void)push(output, output->blocks[number % RING], BLOCK, false, &error);
        pthread_mutex_lock(&output->lock);
        output->written++;
        pthread_cond_signal(&output->changed);
    }
    output->failure = error;
    pthread_cond_signal(&output->changed);
    pthread_mutex_unlock(&output->lock);
    return NULL;
}

static enum status start(struct sealed_output *output, struct error *error)
{
    enum status status = thread_start(&output->thread, write_blocks, output, error);
    output->running = status == STATUS_OK;
    return status;
}

enum status sealed_output_open(struct sealed_output **output, const char *path,
                               const unsigned char key[32], struct error *error)
{
    struct sealed_output *made = calloc(1, sizeof *made);
    char *name = strdup(path);
    if (made == NULL || name == NULL) {
        free(made);
        free(name);
        return error_set_memory(error);
    }
    made->path = name;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum status status = STATUS_OK;
    if (made->fd < 0) {
        status = error_set_errno(error, errno, _("%s cannot be made"), path);
    }
    unsigned char header[HEADER];
    crypto_secretstream_xchacha20poly1305_init_push(&made->state, header, key);
    status = status ? status : file_write_all(made->fd, header, sizeof header, path, error);
    status = status ? status : start(made, error);
    if (status != STATUS_OK) {
        sealed_output_free(made);
        return status;
    }
    *output = made;
    return STATUS_OK;
}

/* Gives the thread the full block, and waits until there is room for another. */
static enum status hand_over(struct sealed_output *output, struct error *error)
{
    pthread_mutex_lock(&output->lock);
    output->filled++;
    pthread_cond_signal(&output->changed);
    while (output->filled - output->written == RING && output->failure.status == STATUS_OK) {
        pthread_cond_wait(&output->changed, &output->lock);
    }
    if (output->failure.status != STATUS_OK) {
        *error = output->failure;
    }
    enum status status = output->failure.status;
    pthread_mutex_unlock(&output->lock);
    output->used = 0;
    return status;
}

static void join(struct sealed_output *output)
{
    if (output->running) {
        pthread_mutex_lock(&output->lock);
        output->over = true;
        pthread_cond_signal(&output->changed);
        pthread_mutex_unlock(&output->lock);
        pthread_join(output->thread, NULL);
        output->running = false;
    }
}

enum status sealed_output_write(struct sealed_output *output, const void *data, size_t size,
                                struct error *error)
{
    const unsigned char *at = data;
    while (size > 0) {
        if (output->used == BLOCK) {
            enum status status = hand_over(output, error);
            if (status != STATUS_OK) {
                return status;
            }
        }
        size_t part = BLOCK - output->used < size ? BLOCK - output->used : size;
        memcpy(output->blocks[output->filled % RING] + output->used, at, part);
        output->used += part;
        at += part;
        size -= part;
    }
    return STATUS_OK;
}

enum status sealed_output_finish(struct sealed_output *output, struct error *error)
{
    join(output);
    if (output->failure.status != STATUS_OK) {
        *error = output->failure;
        return error->status;
    }
    enum status status =
        push(output, output->blocks[output->filled % RING], output->used, true, error);
    if (status == STATUS_OK && fsync(output->fd) != 0) {
        status = error_set_errno(error, errno, _("%s cannot be written"), output->path);
    }
    return status;
}

void sealed_output_free(struct sealed_output *output)
{
    if (output == NULL) {
        return;
    }
    join(output);
    pthread_cond_destroy(&output->changed);
    pthread_mutex_destroy(&output->lock);
    file_close(&output->fd);
    free(output->path);
    sodium_memzero(output, sizeof *output);
    free(output);
}

struct sealed_input {
    crypto_secretstream_xchacha20poly1305_state state;
    int fd;
    char *path;
    uint64_t offset;
    size_t size; /* of what is in the block */
    size_t used;
    bool final;
    unsigned char block[BLOCK];
    unsigned char sealed[SEALED_BLOCK];
};

static enum status damaged(const struct sealed_input *input, struct error *error)
{
    return error_set(error, STATUS_CORRUPT, 0, _("%s is damaged"), input->path);
}

static enum status read_header(struct sealed_input *input, const unsigned char key[32],
                               struct error *error)
{
    unsigned char header[HEADER];
    size_t got;
    enum status status =
        file_read_at(input->fd, header, sizeof header, 0, &got, input->path, error);
    if (status != STATUS_OK) {
        return status;
    }
    input->offset = sizeof header;
    if (got != sizeof header ||
        crypto_secretstream_xchacha20poly1305_init_pull(&input->state, header, key) != 0) {
        return damaged(input, error);
    }
    return STATUS_OK;
}

enum status sealed_input_open(struct sealed_input **input, const char *path,
                              const unsigned char key[32], struct error *error)
{
    struct sealed_input *made = calloc(1, sizeof *made);
    char *name = strdup(path);
    if (made == NULL || name == NULL) {
        free(made);
        free(name);
        return error_set_memory(error);
    }
    made->path = name;
    made->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum status status = made->fd < 0
                             ? error_set_errno(error, errno, _("%s cannot be opened"), path)
                             : read_header(made, key, error);
    if (status != STATUS_OK) {
        sealed_input_free(made);
        return status;
    }
    *input = made;
    return STATUS_OK;
}

static enum status pull(struct sealed_input *input, struct error *error)
{
    size_t got;
    enum status status = file_read_at(input->fd, input->sealed, SEALED_BLOCK, input->offset, &got,
                                      input->path, error);
    if (status != STATUS_OK) {
        return status;
    }
    unsigned char tag = 0;
    unsigned long long size = 0;
    if (got < crypto_secretstream_xchacha20poly1305_ABYTES ||
        crypto_secretstream_xchacha20poly1305_pull(&input->state, input->block, &size, &tag,
                                                   input->sealed, got, NULL, 0) != 0) {
        return damaged(input, error);
    }
    input->offset += got;
    input->size = (size_t)size;
    input->used = 0;
    input->final = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return STATUS_OK;
}

enum status sealed_input_read(struct sealed_input *input, void *target, size_t size, bool *got,
                              struct error *error)
{
    unsigned char *at = target;
    size_t left = size;
    *got = true;
    while (left > 0) {
        if (input->used == input->size) {
            if (input->final && left == size) {
                *got = false;
                return STATUS_OK;
            }
            enum status status = input->final ? damaged(input, error) : pull(input, error);
            if (status != STATUS_OK) {
                return status;
            }
            continue;
        }
        size_t part = input->size - input->used < left ? input->size - input->used : left;
        memcpy(at, input->block + input->used, part);
        input->used += part;
        at += part;
        left -= part;
    }
    return STATUS_OK;
}

void sealed_input_free(struct sealed_input *input)
{
    if (input == NULL) {
        return;
    }
    file_close(&input->fd);
    free(input->path);
    sodium_memzero(input, sizeof *input);
    free(input);
}
