// room: pipeline
/* How a dump is best cut: what the first backup and the next night would store, by chunk size, with
 * and without a dictionary.
 *
 *   bench_dump FIRST SECOND       two archives of pg_dump; tests/bench/dump-chunks makes them
 *
 * Counted: sealed chunks, 104 bytes for each one's index entry and padding, and 36 bytes for each
 * reference, which the second night writes anew as well. */
#include "kura/pipeline.h"
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OVERHEAD (SEAL_OVERHEAD + 104)
#define REFERENCE 36
#define SAMPLE_SIZE ((size_t)16 * 1024)
#define SAMPLE_COUNT ((size_t)512)
#define SLOTS ((size_t)1 << 22)

struct file {
    const unsigned char *data;
    size_t size;
};

struct run {
    struct chunking chunking;
    const struct dictionary *dictionary;
    struct compressor *compressor;
    uint64_t *seen; /* SLOTS; 0: free */
    struct error error;
};

struct tally {
    size_t chunks, fresh;
    uint64_t bytes;
    double seconds; /* of the processor */
};

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "bench_dump: %s\n", what);
        exit(1);
    }
}

static struct file map(const char *path)
{
    struct stat facts;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0 && fstat(fd, &facts) == 0, path);
    void *data = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    must(data != MAP_FAILED, path);
    close(fd);
    return (struct file){data, (size_t)facts.st_size};
}

static struct dictionary *train(struct file file)
{
    struct error error;
    struct buffer bytes = {0};
    struct dictionary *dictionary = NULL;
    unsigned char *samples = malloc(SAMPLE_COUNT * SAMPLE_SIZE);
    must(samples != NULL && file.size > SAMPLE_COUNT * SAMPLE_SIZE, "too little to sample");
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        size_t at = i * (file.size / SAMPLE_COUNT);
        memcpy(samples + i * SAMPLE_SIZE, file.data + at, SAMPLE_SIZE);
    }
    if (dictionary_train(&bytes, samples, SAMPLE_SIZE, SAMPLE_COUNT, &error) == STATUS_OK) {
        must(dictionary_new(&dictionary, bytes.data, bytes.size, 3, &error) == STATUS_OK,
             error.message);
    }
    buffer_free(&bytes);
    free(samples);
    return dictionary;
}

static bool is_fresh(struct run *run, const unsigned char *data, size_t size)
{
    uint64_t hash[4];
    crypto_generichash((unsigned char *)hash, sizeof hash, data, size, NULL, 0);
    size_t slot = hash[1] % SLOTS;
    while (run->seen[slot] != 0 && run->seen[slot] != hash[0]) {
        slot = (slot + 1) % SLOTS;
    }
    bool fresh = run->seen[slot] == 0;
    run->seen[slot] = hash[0];
    return fresh;
}

static struct tally cut(struct run *run, struct file file)
{
    static const unsigned char key[CHUNK_KEY_SIZE] = {1};
    struct chunker *chunker;
    struct buffer packed = {0};
    struct tally tally = {0};
    clock_t begin = clock();
    must(chunker_new(&chunker, key, run->chunking, &run->error) == STATUS_OK, "chunker");
    for (size_t at = 0; at < file.size;) {
        struct chunker_state state = {0};
        size_t size = chunker_cut(chunker, file.data + at, file.size - at, &state);
        size = size == 0 ? file.size - at : size;
        tally.chunks++;
        if (is_fresh(run, file.data + at, size)) {
            buffer_clear(&packed);
            must(compressor_run(run->compressor, &packed, file.data + at, size, run->dictionary,
                                &run->error) == STATUS_OK,
                 run->error.message);
            tally.fresh++;
            tally.bytes += packed.size + OVERHEAD;
        }
        at += size;
    }
    tally.bytes += tally.chunks * REFERENCE;
    tally.seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    chunker_free(chunker);
    buffer_free(&packed);
    return tally;
}

static void measure(uint32_t average, const struct dictionary *dictionary, struct file first,
                    struct file second)
{
    struct run run = {.chunking = {average / 4, average, average * 4}, .dictionary = dictionary};
    must(compressor_new(&run.compressor, 3, &run.error) == STATUS_OK, "compressor");
    run.seen = calloc(SLOTS, sizeof *run.seen);
    must(run.seen != NULL, "memory");
    struct tally a = cut(&run, first);
    struct tally b = cut(&run, second);
    printf("| %3u K | %-3s | %7zu | %8.1f MB | %6.1f %% | %7.2f MB | %4.1f s |\n", average / 1024,
           dictionary == NULL ? "no" : "yes", a.chunks, (double)a.bytes / 1e6,
           100.0 * (double)b.fresh / (double)b.chunks, (double)b.bytes / 1e6, a.seconds);
    fflush(stdout);
    free(run.seen);
    compressor_free(run.compressor);
}

int main(int count, char **words)
{
    must(count == 3 && sodium_init() >= 0, "give two dumps");
    struct file first = map(words[1]);
    struct file second = map(words[2]);
    struct dictionary *dictionary = train(first);
    printf("%zu MB; with zstd -3\n", first.size / 1000000);
    puts(
        "| average | dictionary | chunks | first backup | new chunks | second night | processor |");
    puts("|---|---|---|---|---|---|---|");
    for (uint32_t average = 4096; average <= 131072; average *= 2) {
        measure(average, NULL, first, second);
        if (dictionary != NULL) {
            measure(average, dictionary, first, second);
        }
    }
    dictionary_free(dictionary);
    return 0;
}
