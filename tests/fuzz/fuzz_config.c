// room: config
/* Any bytes as kura.yaml: read or refused as a usage error, never worse. */
#include "kura/config.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("kura.yaml", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) {
        abort();
    }
    struct config config;
    struct error error = {0};
    enum status status = config_read(&config, path, &error);
    if (status == STATUS_OK) {
        config_free(&config);
    } else if (status != STATUS_USAGE || error.message[0] == '\0') {
        abort();
    }
    return 0;
}
