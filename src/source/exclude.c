/* exclude: patterns of paths. Takes time at most in proportion to pattern times path, whatever the
 * pattern. */
#include "exclude.h"
#include <stdint.h>
#include <string.h>

struct span {
    const char *at;
    const char *end;
};

enum { FIRST_BYTE_VALUE = 0x110000 }; /* beyond the code points: a byte that is not UTF-8 */

static unsigned sequence_size(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Takes one character off the front; the span must not be empty. */
static uint32_t take_character(struct span *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)*text->at;
    unsigned size = sequence_size(first);
    if (size == 1) {
        text->at++;
        return first;
    }
    bool whole = size != 0 && first < 0xf5 && (size_t)(text->end - text->at) >= size;
    uint32_t value = whole ? first & (0x7fU >> size) : 0;
    for (unsigned i = 1; whole && i < size; i++) {
        unsigned char next = (unsigned char)text->at[i];
        whole = (next & 0xc0) == 0x80;
        value = value << 6 | (next & 0x3f);
    }
    if (!whole || value < least[size] || value >= FIRST_BYTE_VALUE) {
        text->at++;
        return FIRST_BYTE_VALUE + first;
    }
    text->at += size;
    return value;
}

/* One character of a set, an escaped one counting as itself. */
static uint32_t take_literal(struct span *pattern)
{
    uint32_t value = take_character(pattern);
    return value == '\\' && pattern->at < pattern->end ? take_character(pattern) : value;
}

/* `pattern` stands behind '['. True if there is a whole set; then it stands behind the ']' and
 * *matched says whether `wanted` is in it. */
static bool take_set(struct span *pattern, uint32_t wanted, bool *matched)
{
    struct span set = *pattern;
    bool negated = set.at < set.end && (*set.at == '!' || *set.at == '^');
    set.at += negated;
    bool found = false;
    for (bool first = true; set.at < set.end; first = false) {
        if (*set.at == ']' && !first) {
            pattern->at = set.at + 1;
            *matched = found != negated;
            return true;
        }
        uint32_t low = take_literal(&set);
        uint32_t high = low;
        if (set.end - set.at >= 2 && set.at[0] == '-' && set.at[1] != ']') {
            set.at++;
            high = take_literal(&set);
        }
        found = found || (low <= wanted && wanted <= high);
    }
    return false;
}

/* Takes one character off each if they fit together. */
static bool match_character(struct span *pattern, struct span *name)
{
    if (pattern->at == pattern->end || name->at == name->end) {
        return false;
    }
    struct span pattern_after = *pattern;
    struct span name_after = *name;
    uint32_t wanted = take_character(&name_after);
    uint32_t sign = take_character(&pattern_after);
    bool matched = false;
    if (sign == '?') {
        matched = true;
    } else if (sign != '[' || !take_set(&pattern_after, wanted, &matched)) {
        if (sign == '\\' && pattern_after.at < pattern_after.end) {
            sign = take_character(&pattern_after);
        }
        matched = sign == wanted;
    }
    if (matched) {
        *pattern = pattern_after;
        *name = name_after;
    }
    return matched;
}

/* One component. After a mismatch only the last '*' needs to take in one character more: whatever
 * an earlier one could take in, the last can as well. */
static bool match_name(struct span pattern, struct span name)
{
    struct span star_pattern = {NULL, NULL};
    struct span star_name = {NULL, NULL};
    while (name.at < name.end) {
        if (pattern.at < pattern.end && *pattern.at == '*') {
            pattern.at++;
            star_pattern = pattern;
            star_name = name;
        } else if (!match_character(&pattern, &name)) {
            if (star_pattern.at == NULL) {
                return false;
            }
            take_character(&star_name);
            pattern = star_pattern;
            name = star_name;
        }
    }
    while (pattern.at < pattern.end && *pattern.at == '*') {
        pattern.at++;
    }
    return pattern.at == pattern.end;
}

static struct span first_component(struct span path)
{
    const char *slash = memchr(path.at, '/', (size_t)(path.end - path.at));
    return (struct span){path.at, slash == NULL ? path.end : slash};
}

static bool is_any_depth(struct span component)
{
    return component.end - component.at == 2 && component.at[0] == '*' && component.at[1] == '*';
}

/* What is left behind the first component; at: NULL behind the last one. */
static struct span behind(struct span path, struct span first)
{
    return (struct span){first.end == path.end ? NULL : first.end + 1, path.end};
}

/* After a mismatch only the last "**" needs to take in one component more, as with '*' in a name.
 */
static bool match_path(struct span pattern, struct span path)
{
    struct span deep_pattern = {NULL, NULL};
    struct span deep_path = {NULL, NULL};
    while (path.at != NULL) {
        struct span component = first_component(path);
        struct span sign = pattern.at == NULL ? pattern : first_component(pattern);
        if (pattern.at != NULL && is_any_depth(sign)) {
            pattern = behind(pattern, sign);
            if (pattern.at == NULL) {
                return true;
            }
            deep_pattern = pattern;
            deep_path = path;
        } else if (pattern.at != NULL && match_name(sign, component)) {
            pattern = behind(pattern, sign);
            path = behind(path, component);
        } else if (deep_path.at != NULL) {
            deep_path = behind(deep_path, first_component(deep_path));
            pattern = deep_pattern;
            path = deep_path;
        } else {
            return false;
        }
    }
    return pattern.at == NULL;
}

static bool matches(const char *text, struct span path, struct span name, bool folder)
{
    struct span pattern = {text, text + strlen(text)};
    bool folders_only = pattern.at < pattern.end && pattern.end[-1] == '/';
    while (pattern.at < pattern.end && pattern.end[-1] == '/') {
        pattern.end--;
    }
    if (pattern.at == pattern.end || (folders_only && !folder)) {
        return false;
    }
    if (memchr(pattern.at, '/', (size_t)(pattern.end - pattern.at)) == NULL) {
        return match_name(pattern, name);
    }
    pattern.at += *pattern.at == '/';
    return match_path(pattern, path);
}

bool exclude_matches(char *const *patterns, const char *path, bool folder)
{
    if (patterns == NULL || patterns[0] == NULL) {
        return false;
    }
    struct span whole = {path, path + strlen(path)};
    const char *slash = strrchr(path, '/');
    struct span name = {slash == NULL ? path : slash + 1, whole.end};
    for (; *patterns != NULL; patterns++) {
        if (matches(*patterns, whole, name, folder)) {
            return true;
        }
    }
    return false;
}
