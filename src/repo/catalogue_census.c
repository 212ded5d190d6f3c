/* catalogue_census: who was counted in a source, between JSON and memory. */
#include "catalogue.h"
#include "node.h"
#include "statement_private.h"
#include <stdlib.h>
#include <string.h>

/* What precedes the references of a list: level and number. */
#define LIST_HEAD_SIZE ((size_t)5)

/* ------------------------------------------------------------------ writing */

static json_t *kinds_to_json(const struct census *census)
{
    json_auto_t *list = json_array();
    int failed = list == NULL;
    for (size_t i = 0; failed == 0 && i < census->kind_count; i++) {
        json_t *json = json_object();
        failed |= json_object_set_new(json, "domain", json_new_text(census->kinds[i].domain));
        failed |= json_object_set_new(json, "sql", json_new_text(census->kinds[i].sql));
        failed |= json_array_append_new(list, json);
    }
    return failed != 0 ? NULL : json_incref(list);
}

json_t *census_to_json(const struct catalogue_source *source)
{
    const struct census *census = &source->census;
    if (source->words.persons < 0) {
        return json_null();
    }
    json_auto_t *json = json_object();
    int failed = json_object_set_new(json, "kinds", kinds_to_json(census));
    failed |= json_object_set_new(json, "unlinked", json_integer((json_int_t)census->unlinked));
    failed |= json_object_set_new(json, "size", json_integer((json_int_t)census->list.size));
    failed |= json_object_set_new(json, census->list.inlined ? "inline" : "references",
                                  json_new_hex(census->list.data.data, census->list.data.size));
    return failed != 0 ? NULL : json_incref(json);
}

/* ------------------------------------------------------------------ reading */

static bool take_text(char **text, const json_t *json, const char *key)
{
    const char *borrowed;
    if (!json_take_text(&borrowed, json, key) || borrowed[0] == '\0') {
        return false;
    }
    *text = strdup(borrowed);
    return *text != NULL;
}

static bool take_kinds(struct census *census, const json_t *list)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count == 0 || count > CATALOGUE_KINDS_LIMIT) {
        return false;
    }
    census->kinds = calloc(count, sizeof *census->kinds);
    if (census->kinds == NULL) {
        return false;
    }
    census->kind_count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *json = json_array_get(list, i);
        if (!take_text(&census->kinds[i].domain, json, "domain") ||
            !take_text(&census->kinds[i].sql, json, "sql")) {
            return false;
        }
    }
    return true;
}

static bool take_bytes(struct buffer *bytes, const char *text, size_t limit)
{
    struct error ignored;
    size_t size = strlen(text) / 2;
    if (size > limit || buffer_reserve(bytes, size + 1, &ignored) != STATUS_OK ||
        !hex_decode(bytes->data, size, text, strlen(text))) {
        return false;
    }
    bytes->size = size;
    return true;
}

static bool take_list(struct content *list, const json_t *json)
{
    const char *text;
    if (!json_take_count(&list->size, json, "size") || list->size % PERSON_SIZE != 0 ||
        list->size / PERSON_SIZE > PERSONS_LIMIT) {
        return false;
    }
    list->inlined = json_take_text(&text, json, "inline");
    if (list->inlined) {
        return list->size <= CONTENT_INLINE_LIMIT &&
               take_bytes(&list->data, text, CONTENT_INLINE_LIMIT) && list->data.size == list->size;
    }
    if (!json_take_text(&text, json, "references") ||
        !take_bytes(&list->data, text, LIST_HEAD_SIZE + LIST_INLINE_LIMIT)) {
        return false;
    }
    struct cursor cursor = {list->data.data, list->data.size};
    return cursor_u8(&cursor, &list->level) && cursor_u32(&cursor, &list->count) &&
           list->level < NODE_LEVELS;
}

bool census_from_json(struct catalogue_source *source, const json_t *json)
{
    struct census *census = &source->census;
    if (source->words.persons < 0) {
        return json == NULL || json_is_null(json);
    }
    return take_kinds(census, json_object_get(json, "kinds")) &&
           json_take_count(&census->unlinked, json, "unlinked") && take_list(&census->list, json) &&
           census->unlinked <= (uint64_t)source->words.persons &&
           census->list.size / PERSON_SIZE == (uint64_t)source->words.persons - census->unlinked;
}
