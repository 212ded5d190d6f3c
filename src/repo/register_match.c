/* register_match: what an entry means of a source. */
#include "kura/register.h"
#include <string.h>

static const char MARK[] = "{id}";

/* The length of the first component of `text`. */
static size_t component(const char *text)
{
    return strcspn(text, "/");
}

/* Matches one component of the pattern with one of the path: '*' takes as little as it can, and the
 * last one more whenever the rest does not fit, so the work is at most the product of both. */
static bool matches(const char *pattern, size_t pattern_size, const char *id, const char *name,
                    size_t name_size)
{
    const size_t id_size = strlen(id);
    const char *end = pattern + pattern_size, *name_end = name + name_size;
    const char *star = NULL, *taken = NULL;
    while (name < name_end || pattern < end) {
        size_t left = (size_t)(name_end - name);
        if (pattern < end && *pattern == '*') {
            star = ++pattern;
            taken = name;
            continue;
        }
        bool mark = (size_t)(end - pattern) >= sizeof MARK - 1 &&
                    memcmp(pattern, MARK, sizeof MARK - 1) == 0;
        size_t need = mark ? id_size : 1;
        if (pattern < end && need <= left &&
            (mark ? memcmp(name, id, id_size) == 0 : *pattern == '?' || *pattern == *name)) {
            pattern += mark ? sizeof MARK - 1 : 1;
            name += need;
        } else if (star != NULL && taken < name_end) {
            pattern = star;
            name = ++taken;
        } else {
            return false;
        }
    }
    return true;
}

bool erasure_path_matches(const char *pattern, const char *id, const char *path)
{
    /* As an id, none of these would be the name of one file or folder. */
    if (id[0] == '\0' || strchr(id, '/') != NULL || strcmp(id, ".") == 0 || strcmp(id, "..") == 0) {
        return false;
    }
    while (*pattern != '\0') {
        size_t size = component(pattern), name = component(path);
        if (name == 0 || !matches(pattern, size, id, path, name)) {
            return false;
        }
        pattern += size + (pattern[size] == '/');
        path += name + (path[name] == '/');
    }
    return true;
}

bool register_erases_path(const struct erasure_register *entries, const char *source,
                          const char *path)
{
    for (size_t i = 0; entries != NULL && i < entries->count; i++) {
        const struct erasure *erasure = &entries->items[i];
        for (size_t j = 0; j < erasure->rule_count; j++) {
            const struct erasure_rule *rule = &erasure->rules[j];
            for (size_t k = 0; strcmp(rule->source, source) == 0 && rule->paths[k] != NULL; k++) {
                if (erasure_path_matches(rule->paths[k], erasure->value, path)) {
                    return true;
                }
            }
        }
    }
    return false;
}

bool register_erases_rows(const struct erasure_register *entries, const char *source)
{
    for (size_t i = 0; entries != NULL && i < entries->count; i++) {
        const struct erasure *erasure = &entries->items[i];
        for (size_t j = 0; j < erasure->rule_count; j++) {
            if (strcmp(erasure->rules[j].source, source) == 0 && erasure->rules[j].sql[0] != NULL) {
                return true;
            }
        }
    }
    return false;
}

bool register_has(const struct erasure_register *entries, const unsigned char person[PERSON_SIZE])
{
    for (size_t i = 0; i < entries->count; i++) {
        if (memcmp(entries->items[i].person, person, PERSON_SIZE) == 0) {
            return true;
        }
    }
    return false;
}
