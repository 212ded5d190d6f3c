/* dump_entries: see the header. The list looks like this, a line for each entry and one for what it
 * depends on:
 *
 *     216; 1259 16387 TABLE public customers owner
 *     3222; 1259 16395 INDEX public customers_name_idx owner
 *     ;	depends on: 216
 */
#include "dump_entries.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item {
    unsigned long id;
    const char *line; /* borrowed, not terminated */
    size_t size;
    const char *kind;  /* of `kinds`, or NULL: nothing that concerns tables */
    bool belongs;      /* may come along with what it depends on */
    const char *needs; /* the numbers of the second line, or NULL */
    bool chosen;
};
struct list {
    struct item *items; /* in the order of the archive */
    struct item **by_id;
    size_t count;
};

static void list_free(struct list *list)
{
    free(list->items);
    free(list->by_id);
}

/* What depends on an entry of a kind that is not here (a schema, a type, a function, an extension)
 * relies on the database to have it. The longer of two that begin alike comes first. */
static const struct {
    const char *name;
    bool belongs;
    bool second; /* of an object that has an entry of its own: no number of the catalogue */
} kinds[] = {
    {"TABLE DATA", true, true},
    {"TABLE ATTACH", true, true},
    {"TABLE", false, false},
    {"FOREIGN TABLE", false, false},
    {"VIEW", false, false},
    {"MATERIALIZED VIEW", false, false},
    {"SEQUENCE OWNED BY", true, true},
    {"SEQUENCE SET", true, true},
    {"SEQUENCE", true, false},
    {"DEFAULT", true, false},
    {"CHECK CONSTRAINT", true, false},
    {"FK CONSTRAINT", true, false},
    {"CONSTRAINT", true, false},
    {"INDEX ATTACH", true, true},
    {"INDEX", true, false},
    {"STATISTICS DATA", true, true},
    {"STATISTICS", true, false},
    {"TRIGGER", true, false},
    {"RULE", true, false},
    {"POLICY", true, false},
    {"ROW SECURITY", true, false},
    {"COMMENT", true, false},
    {"SECURITY LABEL", true, false},
    {"ACL", true, false},
};

/* Behind "216; 1259 16387 ". */
static const char *words_of(const struct item *item)
{
    const char *at = item->line;
    for (int i = 0; i < 3; i++) {
        at += strspn(at, "0123456789");
        at += strspn(at, "; ");
    }
    return at;
}

/* "TABLE DATA customers" is a table of a schema that is called so if the second number, of the
 * catalogue, is not 0. */
static void find_kind(struct item *item)
{
    const char *words = words_of(item);
    const char *number = item->line + strspn(item->line, "0123456789");
    bool second = strtoul(number + strspn(number, "; "), NULL, 10) == 0;
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        size_t size = strlen(kinds[i].name);
        if (strncmp(words, kinds[i].name, size) == 0 && words[size] == ' ' &&
            (second || !kinds[i].second)) {
            item->kind = kinds[i].name;
            item->belongs = kinds[i].belongs;
            return;
        }
    }
}

static enum status add(struct list *list, const char *line, size_t size, struct error *error)
{
    if ((list->count & (list->count + 1)) == 0) { /* 2^n - 1 are full */
        struct item *grown = realloc(list->items, (2 * list->count + 1) * sizeof *grown);
        if (grown == NULL) {
            return error_set_memory(error);
        }
        list->items = grown;
    }
    struct item *item = &list->items[list->count++];
    *item = (struct item){.id = strtoul(line, NULL, 10), .line = line, .size = size};
    find_kind(item);
    return STATUS_OK;
}

static enum status read_list(struct list *list, const char *text, struct error *error)
{
    static const char needs[] = ";\tdepends on:";
    enum status status = STATUS_OK;
    while (status == STATUS_OK && *text != '\0') {
        size_t size = strcspn(text, "\n");
        if (strncmp(text, needs, sizeof needs - 1) == 0 && list->count > 0) {
            list->items[list->count - 1].needs = text + sizeof needs - 1;
        } else if (text[0] >= '0' && text[0] <= '9') {
            status = add(list, text, size, error);
        }
        text += size + (text[size] == '\n');
    }
    return status;
}

void dump_entries_encoding(char encoding[DUMP_ENCODING_SIZE], const char *script)
{
    static const char set[] = "\nSET client_encoding = '";
    const char *at = strstr(script, set);
    encoding[0] = '\0';
    if (at != NULL) {
        at += sizeof set - 1;
        snprintf(encoding, DUMP_ENCODING_SIZE, "%.*s", (int)strcspn(at, "'\n"), at);
    }
}

/* ------------------------------------------------------------------ the tables */

static bool is_kind(const struct item *item, const char *kind)
{
    return item->kind != NULL && strcmp(item->kind, kind) == 0;
}

size_t dump_entries_table(unsigned long *id, const char *list)
{
    size_t found = 0;
    for (; *list != '\0'; list += strcspn(list, "\n"), list += *list == '\n') {
        struct item item = {.line = list, .size = strcspn(list, "\n")};
        if (list[0] >= '0' && list[0] <= '9') {
            find_kind(&item);
        }
        if (is_kind(&item, "TABLE")) {
            *id = strtoul(list, NULL, 10);
            found++;
        }
    }
    return found;
}

/* ------------------------------------------------------------------ what belongs to them */

static int compare_ids(const void *a, const void *b)
{
    unsigned long one = (*(struct item *const *)a)->id;
    unsigned long other = (*(struct item *const *)b)->id;
    return (one > other) - (one < other);
}

static enum status sort_ids(struct list *list, struct error *error)
{
    list->by_id = calloc(list->count + 1, sizeof(struct item *));
    if (list->by_id == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < list->count; i++) {
        list->by_id[i] = &list->items[i];
    }
    qsort(list->by_id, list->count, sizeof(struct item *), compare_ids);
    return STATUS_OK;
}

static struct item *find(const struct list *list, unsigned long id)
{
    struct item wanted = {.id = id};
    struct item *key = &wanted;
    struct item **found =
        bsearch(&key, list->by_id, list->count, sizeof(struct item *), compare_ids);
    return found == NULL ? NULL : *found;
}

struct needs {
    bool some; /* of the chosen */
    bool all;  /* none of another table */
};

/* The next of the numbers " 216 215"; anything else ends them. */
static bool next_need(unsigned long *id, const char **needs)
{
    if (*needs == NULL || (*needs)[0] != ' ' || (*needs)[1] < '0' || (*needs)[1] > '9') {
        return false;
    }
    char *end;
    *id = strtoul(*needs, &end, 10);
    *needs = end;
    return true;
}

static struct needs look_at_needs(const struct list *list, const struct item *item)
{
    struct needs needs = {.all = true};
    const char *at = item->needs;
    for (unsigned long id; next_need(&id, &at);) {
        const struct item *other = find(list, id);
        needs.some |= other != NULL && other->chosen;
        needs.all &= other == NULL || other->kind == NULL || other->chosen;
    }
    return needs;
}

/* A partition's table hangs on its parent's by an entry that names both. */
static bool choose_partition(const struct list *list, const struct item *attach)
{
    bool more = false;
    const char *at = attach->needs;
    for (unsigned long id; next_need(&id, &at);) {
        struct item *table = find(list, id);
        if (table != NULL && is_kind(table, "TABLE") && !table->chosen) {
            table->chosen = true;
            more = true;
        }
    }
    return more;
}

/* The parent comes second; the child's own attachment must not bring the parent along. */
static bool is_of_chosen_parent(const struct list *list, const struct item *attach)
{
    const char *at = attach->needs;
    unsigned long child;
    unsigned long parent;
    if (!next_need(&child, &at) || !next_need(&parent, &at)) {
        return false;
    }
    const struct item *table = find(list, parent);
    return table != NULL && table->chosen;
}

static bool choose_more(struct list *list)
{
    bool more = false;
    for (size_t i = 0; i < list->count; i++) {
        struct item *item = &list->items[i];
        if (is_kind(item, "TABLE ATTACH") && is_of_chosen_parent(list, item)) {
            more |= choose_partition(list, item);
        }
        struct needs needs = {0};
        if (!item->chosen && item->belongs) {
            needs = look_at_needs(list, item);
        }
        if (needs.some && needs.all) {
            item->chosen = true;
            more = true;
        }
    }
    return more;
}

/* A foreign key needs two tables and is part of the one that it names: "FK CONSTRAINT public
 * vehicles vehicles_customer_fkey owner" beside "TABLE public vehicles owner". The owner's name may
 * have blanks, so each could be where it begins. */
static bool is_part_of(const struct item *key, const struct item *table)
{
    const char *words = words_of(table) + strlen("TABLE ");
    const char *end = table->line + table->size;
    const char *key_words = words_of(key) + strlen("FK CONSTRAINT ");
    const char *key_end = key->line + key->size;
    for (const char *at = words; at < end; at++) {
        size_t name = (size_t)(at + 1 - words);
        size_t owner = (size_t)(end - at); /* with the blank in front of it */
        if (*at == ' ' && (size_t)(key_end - key_words) > name + owner &&
            memcmp(key_words, words, name) == 0 && memcmp(key_end - owner, at, owner) == 0) {
            return true;
        }
    }
    return false;
}

/* What belongs to the tables and cannot come along. */
static bool is_left(const struct list *list, const struct item *item)
{
    bool left = !item->chosen && item->belongs && look_at_needs(list, item).some;
    if (!left || !is_kind(item, "FK CONSTRAINT")) {
        return left;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct item *table = &list->items[i];
        if (table->chosen && is_kind(table, "TABLE") && is_part_of(item, table)) {
            return true;
        }
    }
    return false;
}

enum status dump_entries_choose(struct buffer *lines, size_t *left, const char *text,
                                const unsigned long *ids, size_t id_count, struct error *error)
{
    CLEANUP(list_free) struct list list = {0};
    *left = 0;
    enum status status = read_list(&list, text, error);
    if (status == STATUS_OK) {
        status = sort_ids(&list, error);
    }
    for (size_t i = 0; status == STATUS_OK && i < id_count; i++) {
        struct item *table = find(&list, ids[i]);
        if (table != NULL && is_kind(table, "TABLE")) {
            table->chosen = true;
        }
    }
    while (status == STATUS_OK && choose_more(&list)) {
    }
    for (size_t i = 0; status == STATUS_OK && i < list.count; i++) {
        const struct item *item = &list.items[i];
        *left += is_left(&list, item);
        if (item->chosen) {
            status = buffer_append(lines, item->line, item->size, error);
        }
        if (item->chosen && status == STATUS_OK) {
            status = buffer_append_u8(lines, '\n', error);
        }
    }
    return status;
}
