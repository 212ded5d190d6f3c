/* facts: see facts.h. What is missing is said to be missing; nothing is made up for it. */
#include "facts.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

static const char *or_real(const char *given, const char *real)
{
    return given != NULL ? given : real;
}

/* A folder that somebody mounted or copied over /sys is not the kernel's word. */
static void open_sysfs(struct facts *facts, const char *path)
{
    struct statfs about;
    facts->sysfs = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (facts->sysfs >= 0 && !facts->recorded &&
        (fstatfs(facts->sysfs, &about) != 0 || about.f_type != SYSFS_MAGIC)) {
        file_close(&facts->sysfs);
        facts->sysfs = -1;
    }
}

void facts_open(struct facts *facts, const struct place_roots *roots)
{
    static const struct place_roots real = {0};
    roots = roots == NULL ? &real : roots;
    *facts = (struct facts){
        .devfs = or_real(roots->devfs, "/dev"),
        .udev = or_real(roots->udev, "/run/udev/data"),
        .recorded = roots->mountinfo != NULL,
    };
    open_sysfs(facts, or_real(roots->sysfs, "/sys"));
    facts->mounts = mnt_new_table();
    if (facts->mounts != NULL &&
        mnt_table_parse_file(facts->mounts, or_real(roots->mountinfo, "/proc/self/mountinfo")) !=
            0) {
        mnt_unref_table(facts->mounts);
        facts->mounts = NULL;
    }
}

void facts_close(struct facts *facts)
{
    file_close(&facts->sysfs);
    mnt_unref_table(facts->mounts);
    *facts = (struct facts){.sysfs = -1};
}

/* ------------------------------------------------------------------ attributes */

static bool join(char full[FACT_PATH], const char *path, const char *name)
{
    int size = snprintf(full, FACT_PATH, "%s%s%s", path, *name == '\0' ? "" : "/", name);
    return size > 0 && size < FACT_PATH;
}

bool fact_read_bytes(void *data, size_t size, size_t *got, const struct facts *facts,
                     const char *path, const char *name)
{
    char full[FACT_PATH];
    *got = 0;
    if (!join(full, path, name)) {
        return false;
    }
    CLEANUP(file_close)
    int fd = openat(facts->sysfs, full, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    while (*got < size) {
        ssize_t count = read(fd, (unsigned char *)data + *got, size - *got);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return count == 0;
        }
        *got += (size_t)count;
    }
    return true;
}

bool fact_read(char *text, size_t size, const struct facts *facts, const char *path,
               const char *name)
{
    size_t got;
    if (!fact_read_bytes(text, size, &got, facts, path, name) || got == size) {
        *text = '\0';
        return false;
    }
    text[got] = '\0';
    if (got > 0 && text[got - 1] == '\n') {
        text[got - 1] = '\0';
    }
    return true;
}

bool fact_read_number(uint64_t *number, const struct facts *facts, const char *path,
                      const char *name)
{
    char text[32];
    char *end;
    if (!fact_read(text, sizeof text, facts, path, name) || *text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

bool fact_read_device(dev_t *device, const struct facts *facts, const char *path)
{
    char text[32];
    char *end;
    if (!fact_read(text, sizeof text, facts, path, "dev") || *text < '0' || *text > '9') {
        return false;
    }
    unsigned long major = strtoul(text, &end, 10);
    if (*end != ':' || end[1] < '0' || end[1] > '9') {
        return false;
    }
    unsigned long minor = strtoul(end + 1, &end, 10);
    *device = makedev((unsigned)major, (unsigned)minor);
    return *end == '\0';
}

bool fact_exists(const struct facts *facts, const char *path, const char *name)
{
    char full[FACT_PATH];
    struct stat about;
    return join(full, path, name) && fstatat(facts->sysfs, full, &about, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ------------------------------------------------------------------ links and folders */

bool fact_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

const char *fact_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Goes from the folder `at` along the relative `link`. */
static bool walk(char at[FACT_PATH], char *link)
{
    char *left = NULL;
    for (char *part = strtok_r(link, "/", &left); part != NULL; part = strtok_r(NULL, "/", &left)) {
        size_t used = strlen(at);
        size_t size = strlen(part);
        if (strcmp(part, ".") == 0) {
            continue;
        }
        if (strcmp(part, "..") == 0) {
            if (used == 0) {
                return false;
            }
            if (!fact_parent(at)) {
                *at = '\0';
            }
            continue;
        }
        if (used + size + 2 > FACT_PATH) {
            return false;
        }
        at[used] = '/';
        memcpy(at + used + (used > 0), part, size + 1);
    }
    return true;
}

bool fact_link(char target[FACT_PATH], const struct facts *facts, const char *path,
               const char *name)
{
    char link[FACT_PATH];
    if (!join(target, path, name)) {
        return false;
    }
    ssize_t size = readlinkat(facts->sysfs, target, link, sizeof link - 1);
    if (size <= 0 || size == (ssize_t)sizeof link - 1 || *link == '/') {
        return false;
    }
    link[size] = '\0';
    return fact_parent(target) && walk(target, link);
}

static int compare_names(const void *a, const void *b)
{
    return strverscmp(a, b);
}

void fact_list(struct fact_names *names, const struct facts *facts, const char *path)
{
    *names = (struct fact_names){0};
    int fd = openat(facts->sysfs, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        file_close(&fd);
        return;
    }
    names->items = calloc(FACT_NAMES, sizeof *names->items);
    names->cut = names->items == NULL;
    for (struct dirent *entry; !names->cut && (entry = readdir(folder)) != NULL;) {
        size_t size = strlen(entry->d_name);
        if (entry->d_name[0] == '.') {
            continue;
        }
        names->cut = names->count == FACT_NAMES || size >= FACT_NAME;
        if (!names->cut) {
            memcpy(names->items[names->count++], entry->d_name, size + 1);
        }
    }
    closedir(folder);
    if (names->items != NULL && names->count > 0) {
        qsort(names->items, names->count, sizeof *names->items, compare_names);
    }
}

void fact_names_free(struct fact_names *names)
{
    free(names->items);
    *names = (struct fact_names){0};
}

/* ------------------------------------------------------------------ devices */

bool fact_device_path(char path[FACT_PATH], const struct facts *facts, dev_t device)
{
    char name[32];
    snprintf(name, sizeof name, "%u:%u", major(device), minor(device));
    return fact_link(path, facts, "dev/block", name);
}

bool fact_device_by_name(dev_t *device, const struct facts *facts, const char *name)
{
    char path[FACT_PATH];
    struct stat about;
    static const char prefix[] = "/dev/";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0) {
        return false;
    }
    name += sizeof prefix - 1;
    if (facts->recorded) {
        return fact_link(path, facts, "class/block", name) && fact_read_device(device, facts, path);
    }
    int size = snprintf(path, sizeof path, "%s/%s", facts->devfs, name);
    if (size >= (int)sizeof path || stat(path, &about) != 0 || !S_ISBLK(about.st_mode)) {
        return false;
    }
    *device = about.st_rdev;
    return true;
}
