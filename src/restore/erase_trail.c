/* erase_trail: see the header. */
#include "erase_trail.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void trail_free(struct trail *trail)
{
    for (size_t i = 0; i < trail->count; i++) {
        free(trail->tables[i].name);
    }
    free(trail->tables);
    *trail = (struct trail){0};
}

struct trail_table *trail_find(struct trail *trail, const char *name)
{
    for (size_t i = 0; i < trail->count; i++) {
        if (strcmp(trail->tables[i].name, name) == 0) {
            return &trail->tables[i];
        }
    }
    struct trail_table *grown = realloc(trail->tables, (trail->count + 1) * sizeof *grown);
    char *copy = strdup(name);
    trail->tables = grown == NULL ? trail->tables : grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        return NULL;
    }
    grown[trail->count] = (struct trail_table){.name = copy};
    return &grown[trail->count++];
}

/* The rule's author wrote an INSERT, and this name: he knows. */
static bool says_so(const char *sql, const char *table)
{
    char bare[256];
    const char *dot = strrchr(table, '.');
    const char *name = dot == NULL ? table : dot + 1;
    size_t quote = name[0] == '"' ? 1 : 0;
    snprintf(bare, sizeof bare, "%s", name + quote);
    bare[strcspn(bare, "\"")] = '\0';
    return strcasestr(sql, "INSERT") != NULL && strcasestr(sql, bare) != NULL;
}

void trail_settle(struct trail *trail, const char *sql)
{
    for (size_t i = 0; i < trail->count; i++) {
        struct trail_table *table = &trail->tables[i];
        bool inserted = table->inserted > table->inserted_before;
        bool deleted = table->deleted > table->deleted_before;
        if (inserted && !says_so(sql, table->name)) {
            table->suspicious = true;
        } else if (deleted && !inserted) {
            table->suspicious = false;
        }
        table->inserted_before = table->inserted;
        table->deleted_before = table->deleted;
    }
}

void trail_tell(const struct trail *trail, struct restore_erased *erased)
{
    for (size_t i = 0; i < trail->count; i++) {
        if (trail->tables[i].suspicious && erased->written++ == 0) {
            snprintf(erased->written_table, sizeof erased->written_table, "%s",
                     trail->tables[i].name);
        }
    }
}
