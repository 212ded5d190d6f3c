// room: pipeline
/* Runs a file through the whole pipeline with a keeper that only counts, and prints MB/s.
 *
 *   bench_pipeline FILE content|database [LEVEL [WORKERS [ROUNDS]]]
 *
 * "database" trains a dictionary first. */
#include "kura/pipeline.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct tally {
    atomic_ullong sealed;
    atomic_ullong chunks;
    unsigned char secret[CHUNK_KEY_SIZE];
};

static enum status recognise(void *context, const unsigned char hash[CHUNK_HASH_SIZE],
                             uint32_t size, struct chunk_reference *reference, bool *known,
                             struct error *error)
{
    (void)hash;
    (void)error;
    struct tally *tally = context;
    *known = false;
    reference->size = size;
    chunk_key_derive(reference->key, tally->secret, atomic_fetch_add(&tally->chunks, 1));
    return STATUS_OK;
}

static enum status store(void *context, const unsigned char hash[CHUNK_HASH_SIZE],
                         const struct chunk_reference *reference, const void *sealed,
                         size_t sealed_size, struct error *error)
{
    (void)hash;
    (void)reference;
    (void)sealed;
    (void)error;
    atomic_fetch_add(&((struct tally *)context)->sealed, sealed_size);
    return STATUS_OK;
}

static enum status on_chunk(void *context, const struct chunk_result *result, struct error *error)
{
    (void)error;
    *(uint64_t *)context += result->reference.size;
    return STATUS_OK;
}

static enum status train(struct dictionary **dictionary, int fd, off_t size, int level,
                         struct error *error)
{
    CLEANUP(buffer_free) struct buffer samples = {0};
    CLEANUP(buffer_free) struct buffer bytes = {0};
    size_t sample = CHUNKING_DATABASE.maximum;
    size_t pages = (size_t)size / sample;
    size_t count = pages < 512 ? pages : 512;
    enum status status = buffer_reserve(&samples, count * sample + 1, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        size_t got;
        status = file_read_at(fd, samples.data + i * sample, sample, i * pages / count * sample,
                              &got, "the file", error);
    }
    if (status == STATUS_OK) {
        status = dictionary_train(&bytes, samples.data, sample, count, error);
    }
    return status == STATUS_OK ? dictionary_new(dictionary, bytes.data, bytes.size, level, error)
                               : status;
}

static enum status feed(struct pipeline *pipeline, int fd, struct error *error)
{
    enum status status;
    unsigned char *data;
    size_t space;
    while ((status = pipeline_space(pipeline, &data, &space, error)) == STATUS_OK) {
        ssize_t got = read(fd, data, space);
        if (got <= 0) {
            return pipeline_stream_end(pipeline, error);
        }
        status = pipeline_advance(pipeline, (size_t)got, error);
        if (status != STATUS_OK) {
            break;
        }
    }
    return status;
}

static enum status measure(int fd, bool database, int level, unsigned workers, struct error *error)
{
    struct tally tally = {.chunks = 0};
    uint64_t out = 0;
    unsigned char key[CHUNK_KEY_SIZE] = {1};
    struct pipeline_options options = {.keeper = {&tally, recognise, store},
                                       .hash_key = key,
                                       .chunker_key = key,
                                       .level = level,
                                       .workers = workers};
    struct stat stat;
    struct dictionary *dictionary = NULL;
    struct pipeline *pipeline = NULL;
    fstat(fd, &stat);
    double begin = clock_monotonic();
    enum status status = STATUS_OK;
    if (database) {
        status = train(&dictionary, fd, stat.st_size, level, error);
    }
    double trained = clock_monotonic();
    struct pipeline_stream stream = {database ? CHUNKING_DATABASE : CHUNKING_CONTENT, dictionary,
                                     on_chunk, &out};
    if (status == STATUS_OK) {
        status = pipeline_open(&pipeline, &options, error);
    }
    if (status == STATUS_OK) {
        status = pipeline_stream_begin(pipeline, &stream, error);
    }
    if (status == STATUS_OK) {
        status = feed(pipeline, fd, error);
    }
    if (status == STATUS_OK) {
        status = pipeline_drain(pipeline, error);
    }
    double end = clock_monotonic();
    pipeline_free(pipeline);
    dictionary_free(dictionary);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%.1f MB -> %.1f MB in %llu chunks, %.0f MB/s; training %.0f ms; resident %ld MiB\n",
           (double)out / 1e6, (double)tally.sealed / 1e6, (unsigned long long)tally.chunks,
           (double)out / 1e6 / (end - trained), (trained - begin) * 1e3, usage.ru_maxrss / 1024);
    return status;
}

int main(int count, char **words)
{
    struct error error;
    if (count < 3) {
        fprintf(stderr, "bench_pipeline FILE content|database [LEVEL [WORKERS [ROUNDS]]]\n");
        return EXIT_FAILURE;
    }
    int level = count > 3 ? (int)strtol(words[3], NULL, 10) : 3;
    unsigned workers = count > 4 ? (unsigned)strtoul(words[4], NULL, 10) : 0;
    int rounds = count > 5 ? (int)strtol(words[5], NULL, 10) : 3;
    int fd = open(words[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || base_start(&error) != STATUS_OK) {
        perror(words[1]);
        return EXIT_FAILURE;
    }
    for (int i = 0; i < rounds && lseek(fd, 0, SEEK_SET) == 0; i++) {
        if (measure(fd, strcmp(words[2], "database") == 0, level, workers, &error) != STATUS_OK) {
            fprintf(stderr, "%s\n", error.message);
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}
