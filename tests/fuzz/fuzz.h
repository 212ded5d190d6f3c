/* fuzz: what the targets share. Keys and random bytes are the same for every input, so that an
 * input does the same in every run. */
#ifndef KURA_TESTS_FUZZ_H
#define KURA_TESTS_FUZZ_H

#include "kura/base.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What does not hold is a finding. */
static inline void fuzz_must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static uint64_t fuzz_counter;

static inline const char *fuzz_random_name(void)
{
    return "the same every time";
}

static inline uint32_t fuzz_random(void)
{
    return (uint32_t)(++fuzz_counter * 2654435761u);
}

static inline void fuzz_random_bytes(void *target, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((unsigned char *)target)[i] = (unsigned char)(fuzz_random() >> 24);
    }
}

/* To be called for each input. */
static inline void fuzz_start(void)
{
    static randombytes_implementation fixed = {
        .implementation_name = fuzz_random_name, .random = fuzz_random, .buf = fuzz_random_bytes};
    static bool started;
    if (!started) {
        fuzz_must(randombytes_set_implementation(&fixed) == 0 && sodium_init() >= 0);
        started = true;
    }
    fuzz_counter = 0;
}

/* The path of a file with these bytes, which only its owner may read. The same one every time. */
static inline const char *fuzz_file(const void *data, size_t size)
{
    static char path[64];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        fuzz_must(fd >= 0 && fchmod(fd, 0600) == 0);
    }
    fuzz_must(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    return path;
}

#endif
