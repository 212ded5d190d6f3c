// room: store
/* How fast a store takes and gives packs: bench_store URL [IDENTITY KNOWN_HOSTS] [PACKS].
 * Puts PACKS objects of 16 MiB (8) under packs/, and gets them back.
 */
#include "kura/store.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SIZE ((size_t)16 * 1024 * 1024)

static struct error error;

static void must(enum status status)
{
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n%s\n", error.message, error.hint);
        exit(1);
    }
}

static double run(struct store *store, unsigned char *pack, unsigned long packs, unsigned tag,
                  bool put)
{
    double start = clock_monotonic();
    for (unsigned long i = 0; i < packs; i++) {
        char name[64];
        size_t got = SIZE;
        snprintf(name, sizeof name, "packs/%08x-%lu", tag, i);
        must(put ? store_put(store, name, pack, SIZE, &error)
                 : store_get(store, name, 0, pack, SIZE, &got, &error));
        if (got != SIZE) {
            fprintf(stderr, "%s came back short\n", name);
            exit(1);
        }
    }
    return (double)packs * SIZE / 1e6 / (clock_monotonic() - start);
}

int main(int count, char **words)
{
    if (count != 2 && count != 3 && count != 4 && count != 5) {
        fprintf(stderr, "usage: bench_store URL [IDENTITY KNOWN_HOSTS] [PACKS]\n");
        return 2;
    }
    must(base_start(&error));
    struct store_options options = {.url = words[1]};
    if (count >= 4) {
        options.identity_file = words[2];
        options.known_hosts = words[3];
    }
    unsigned long packs = count % 2 == 1 ? strtoul(words[count - 1], NULL, 10) : 8;
    struct store *store = NULL;
    must(store_open(&store, &options, &error));
    must(store_make_folder(store, "packs", &error));
    unsigned char *pack = malloc(SIZE);
    if (pack == NULL || packs == 0) {
        return 1;
    }
    randombytes_buf(pack, SIZE);
    unsigned tag = randombytes_random();
    double put = run(store, pack, packs, tag, true);
    double get = run(store, pack, packs, tag, false);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("round trip %.2f ms, put %.0f MB/s, get %.0f MB/s, resident %ld MiB\n",
           store_round_trip(store) * 1e3, put, get, usage.ru_maxrss / 1024);
    store_free(store);
    free(pack);
    return 0;
}
