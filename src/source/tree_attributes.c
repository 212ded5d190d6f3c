/* tree_attributes: extended attributes, POSIX ACLs among them, ordered by name. An attribute that
 * cannot be read is told and left out. */
#include "tree.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

enum { LIST_LIMIT = XATTR_LIST_MAX, TRIES = 8 };

/* The calls that take a descriptor refuse one that was opened with O_PATH; its name under /proc
 * leads to the very same file, also to a symlink itself. */
struct subject {
    int fd;
    bool by_name;
    char name[32];
};

static ssize_t list_names(const struct subject *subject, char *target, size_t size)
{
    return subject->by_name ? listxattr(subject->name, target, size)
                            : flistxattr(subject->fd, target, size);
}

static ssize_t get_value(const struct subject *subject, const char *name, void *target, size_t size)
{
    return subject->by_name ? getxattr(subject->name, name, target, size)
                            : fgetxattr(subject->fd, name, target, size);
}

/* Both sizes may change between asking and reading: then ERANGE, and again. Returns 0 or an errno.
 */
static int read_names(const struct subject *subject, struct buffer *names)
{
    for (int i = 0; i < TRIES; i++) {
        ssize_t needed = list_names(subject, NULL, 0);
        if (needed <= 0) {
            return needed == 0 || errno == ENOTSUP ? 0 : errno;
        }
        struct error error;
        if (needed > LIST_LIMIT || buffer_reserve(names, (size_t)needed, &error) != STATUS_OK) {
            return needed > LIST_LIMIT ? E2BIG : ENOMEM;
        }
        ssize_t got = list_names(subject, (char *)names->data, (size_t)needed);
        if (got >= 0) {
            names->size = (size_t)got;
            return 0;
        }
        if (errno != ERANGE) {
            return errno;
        }
    }
    return ERANGE;
}

static int read_value(const struct subject *subject, struct entry_attribute *attribute)
{
    for (int i = 0; i < TRIES; i++) {
        ssize_t needed = get_value(subject, attribute->name, NULL, 0);
        if (needed < 0) {
            return errno;
        }
        if (needed > ENTRY_ATTRIBUTE_MAX) {
            return E2BIG;
        }
        unsigned char *target = malloc((size_t)needed + 1);
        ssize_t got =
            target == NULL ? -1 : get_value(subject, attribute->name, target, (size_t)needed + 1);
        if (got >= 0 && got <= needed) {
            attribute->value = target;
            attribute->size = (size_t)got;
            return 0;
        }
        int os_error = got < 0 ? errno : ERANGE;
        free(target);
        if (os_error != ERANGE) {
            return os_error;
        }
    }
    return ERANGE;
}

static int compare_names(const void *a, const void *b)
{
    const struct entry_attribute *left = a;
    const struct entry_attribute *right = b;
    return strcmp(left->name, right->name);
}

/* One that vanished in between is nothing to report. */
static enum status add(struct tree *tree, struct entry *entry, const struct subject *subject,
                       const char *name, struct error *error)
{
    struct entry_attribute *attribute = &entry->attributes[entry->attribute_count];
    attribute->name = strdup(name);
    if (attribute->name == NULL) {
        return error_set_memory(error);
    }
    int os_error = read_value(subject, attribute);
    if (os_error == 0) {
        entry->attribute_count++;
        return STATUS_OK;
    }
    free(attribute->name);
    attribute->name = NULL;
    if (os_error == ENOMEM) {
        return error_set_memory(error);
    }
    if (os_error != ENODATA) {
        tree_warn(tree, os_error,
                  _("one of its extended attributes could not be read and is not in the backup"));
    }
    return STATUS_OK;
}

static size_t count_names(const struct buffer *names)
{
    size_t count = 0;
    for (size_t i = 0; i < names->size; i++) {
        count += names->data[i] == '\0';
    }
    return count;
}

enum status tree_attributes_read(struct tree *tree, struct entry *entry, int fd,
                                 bool descriptor_only, struct error *error)
{
    struct subject subject = {.fd = fd, .by_name = descriptor_only};
    snprintf(subject.name, sizeof subject.name, "/proc/self/fd/%d", fd);
    CLEANUP(buffer_free) struct buffer names = {0};
    int os_error = read_names(&subject, &names);
    if (os_error == ENOMEM) {
        return error_set_memory(error);
    }
    if (os_error != 0) {
        tree_warn(tree, os_error,
                  _("its extended attributes could not be read and are not in the backup"));
        return STATUS_OK;
    }
    size_t count = count_names(&names);
    if (count == 0) {
        return STATUS_OK;
    }
    if (count > ENTRY_ATTRIBUTES_MAX) {
        tree_warn(
            tree, 0,
            _("it has more extended attributes than can be kept; some are not in the backup"));
        count = ENTRY_ATTRIBUTES_MAX;
    }
    entry->attributes = calloc(count, sizeof *entry->attributes);
    if (entry->attributes == NULL) {
        return error_set_memory(error);
    }
    const char *name = (const char *)names.data;
    for (size_t i = 0; i < count; i++, name += strlen(name) + 1) {
        if (add(tree, entry, &subject, name, error) != STATUS_OK) {
            return error->status;
        }
    }
    qsort(entry->attributes, entry->attribute_count, sizeof *entry->attributes, compare_names);
    return STATUS_OK;
}

void tree_attributes_free(struct entry *entry)
{
    for (size_t i = 0; i < entry->attribute_count; i++) {
        free(entry->attributes[i].name);
        free(entry->attributes[i].value);
    }
    free(entry->attributes);
    entry->attributes = NULL;
    entry->attribute_count = 0;
}
