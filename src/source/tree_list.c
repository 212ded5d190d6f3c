/* tree_list: the names in one folder, sorted. One call of the kernel for thousands of names, one
 * piece of memory for all of them. */
#include "tree.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { READ_SIZE = 128 * 1024, NAME_LIMIT = 255 };

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static enum status take_names(struct buffer *text, size_t *count, size_t *strange,
                              struct cursor block, struct error *error)
{
    while (block.left > 0) {
        const struct dirent64 *found = (const struct dirent64 *)(const void *)block.at;
        block.at += found->d_reclen;
        block.left -= found->d_reclen;
        const char *name = found->d_name;
        size_t size = strlen(name);
        if (is_dots(name)) {
            continue;
        }
        if (size == 0 || size > NAME_LIMIT || memchr(name, '/', size) != NULL) {
            ++*strange;
            continue;
        }
        if (buffer_append(text, name, size + 1, error) != STATUS_OK) {
            return error->status;
        }
        ++*count;
    }
    return STATUS_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A folder that changes while it is read may say a name twice. */
static enum status sort(struct tree_list *list, size_t count, struct error *error)
{
    list->names = calloc(count + 1, sizeof *list->names);
    if (list->names == NULL) {
        return error_set_memory(error);
    }
    const char *at = list->text;
    bool sorted = true;
    for (size_t i = 0; i < count; i++) {
        list->names[i] = at;
        sorted = sorted && (i == 0 || strcmp(list->names[i - 1], at) < 0);
        at += strlen(at) + 1;
    }
    list->count = count;
    if (sorted) {
        return STATUS_OK;
    }
    qsort(list->names, count, sizeof *list->names, compare_names);
    list->count = 1;
    for (size_t i = 1; i < count; i++) {
        if (strcmp(list->names[i], list->names[list->count - 1]) != 0) {
            list->names[list->count++] = list->names[i];
        }
    }
    return STATUS_OK;
}

enum status tree_list_read(struct tree_list *list, int folder, int *os_error, size_t *strange,
                           struct error *error)
{
    *os_error = 0;
    *strange = 0;
    CLEANUP(buffer_free) struct buffer block = {0};
    if (buffer_reserve(&block, READ_SIZE, error) != STATUS_OK) {
        return error->status;
    }
    CLEANUP(buffer_free) struct buffer text = {0};
    size_t count = 0;
    for (;;) {
        ssize_t got = getdents64(folder, block.data, READ_SIZE);
        if (got <= 0) {
            *os_error = got < 0 ? errno : 0;
            break;
        }
        struct cursor names = {block.data, (size_t)got};
        if (take_names(&text, &count, strange, names, error) != STATUS_OK) {
            return error->status;
        }
    }
    list->text = (char *)text.data;
    text = (struct buffer){0};
    return sort(list, count, error);
}

void tree_list_free(struct tree_list *list)
{
    free(list->text);
    free(list->names);
    *list = (struct tree_list){0};
}
