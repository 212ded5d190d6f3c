/* exclude: which paths of a tree are left out.
 *
 * A pattern without '/' is matched against the name alone, at any depth: "*.tmp", ".cache".
 * A pattern with '/' is matched against the whole path from the source's folder, the leading '/'
 * being optional: "/old", "scans/2019", "scans/?/draft*". A component that is "**" stands for any
 * number of components, also none: "scans/ ** /draft" (without the blanks); at the end it stands
 * for everything beneath: "scans/ **" keeps the folder itself.
 * A pattern that ends in '/' matches folders only: "build/" at any depth, "/build/" at the top.
 *
 *     *        any characters but '/', also none
 *     ?        one character but '/'
 *     [a-z]    one of these; [!a-z] or [^a-z]: one not of these
 *     \x       x itself
 *
 * A character is a code point where the bytes are UTF-8, else a byte, in every locale. Case counts;
 * a leading dot is nothing special. What is beneath an excluded folder is excluded.
 */
#ifndef KURA_SOURCE_EXCLUDE_H
#define KURA_SOURCE_EXCLUDE_H

#include <stdbool.h>

/* `patterns` ends with NULL or is NULL; `path` is an entry's path but not "". Patterns for folders
 * only match if `folder`. */
bool exclude_matches(char *const *patterns, const char *path, bool folder);

#endif
