/* scratch: where a test that syncs much has its files: in memory if there is room, or in /tmp. What
 * is special to a disk (attributes, holes, a full one) is tested on a disk. */
#ifndef TEST_SCRATCH_H
#define TEST_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SCRATCH_ROOM ((unsigned long long)1 << 30)

/* An empty folder of its own in `path`; 0, or -1 and errno. */
static inline int scratch_make(char *path, size_t size)
{
    struct statvfs facts;
    int memory = access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &facts) == 0 &&
                 (unsigned long long)facts.f_bavail * facts.f_frsize >= SCRATCH_ROOM;
    snprintf(path, size, "%s/kura-test-XXXXXX", memory ? "/dev/shm" : "/tmp");
    return mkdtemp(path) == NULL ? -1 : 0;
}

#endif
