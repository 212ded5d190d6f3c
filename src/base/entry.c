/* entry: the order of paths, which of them are safe to write, and copies. */
#include "kura/entry.h"
#include <stdlib.h>
#include <string.h>

static int order(unsigned char byte)
{
    return byte == '/' ? 1 : byte == '\0' ? 0 : byte + 1;
}

int entry_path_compare(const char *a, const char *b)
{
    const unsigned char *left = (const unsigned char *)a;
    const unsigned char *right = (const unsigned char *)b;
    while (*left == *right && *left != '\0') {
        left++;
        right++;
    }
    return order(*left) - order(*right);
}

static bool component_valid(const char *component, size_t size)
{
    bool dots = (size == 1 && component[0] == '.') ||
                (size == 2 && component[0] == '.' && component[1] == '.');
    return size > 0 && size <= 255 && !dots;
}

bool entry_path_valid(const char *path)
{
    size_t size = strlen(path);
    if (size == 0) {
        return true;
    }
    if (size > ENTRY_PATH_MAX) {
        return false;
    }
    for (const char *at = path;; at++) {
        const char *slash = strchrnul(at, '/');
        if (!component_valid(at, (size_t)(slash - at))) {
            return false;
        }
        if (*slash == '\0') {
            return true;
        }
        at = slash;
    }
}

static bool copy_text(char **target, const char *text)
{
    *target = text == NULL ? NULL : strdup(text);
    return text == NULL || *target != NULL;
}

static bool copy_attributes(struct entry *target, const struct entry *from)
{
    target->attributes = calloc(from->attribute_count + 1, sizeof *target->attributes);
    if (target->attributes == NULL) {
        return false;
    }
    for (size_t i = 0; i < from->attribute_count; i++) {
        const struct entry_attribute *attribute = &from->attributes[i];
        struct entry_attribute *copy = &target->attributes[i];
        target->attribute_count = i + 1;
        copy->size = attribute->size;
        copy->value = malloc(attribute->size + 1);
        if (copy->value == NULL || !copy_text(&copy->name, attribute->name)) {
            return false;
        }
        memcpy(copy->value, attribute->value, attribute->size);
    }
    return true;
}

enum status entry_copy(struct entry *target, const struct entry *from, struct error *error)
{
    *target = *from;
    target->attributes = NULL;
    target->attribute_count = 0;
    target->path = target->link = target->user = target->group = NULL;
    bool copied = copy_text(&target->path, from->path) && copy_text(&target->link, from->link) &&
                  copy_text(&target->user, from->user) && copy_text(&target->group, from->group) &&
                  copy_attributes(target, from);
    if (!copied) {
        entry_free(target);
        return error_set_memory(error);
    }
    return STATUS_OK;
}

void entry_free(struct entry *entry)
{
    for (size_t i = 0; i < entry->attribute_count; i++) {
        free(entry->attributes[i].name);
        free(entry->attributes[i].value);
    }
    free(entry->attributes);
    free(entry->path);
    free(entry->link);
    free(entry->user);
    free(entry->group);
    *entry = (struct entry){0};
}
