/* statement_find: a snapshot by what people call it, and the code that proves freshness later. */
#include "statement_private.h"
#include <ctype.h>
#include <sodium.h>
#include <string.h>

#define PREFIX_MINIMUM 4
#define HEAD_CODE_CHARACTERS 8

static enum status check_name(char prefix[OBJECT_ID_TEXT_SIZE], const char *name,
                              struct error *error)
{
    size_t length = strlen(name);
    bool good = length >= PREFIX_MINIMUM && length < OBJECT_ID_TEXT_SIZE;
    for (size_t i = 0; good && i < length; i++) {
        good = isxdigit((unsigned char)name[i]) != 0;
        prefix[i] = (char)tolower((unsigned char)name[i]);
    }
    if (!good) {
        error_set(error, STATUS_USAGE, 0, _("\"%s\" is not the name of a snapshot"), name);
        return error_set_hint(error, "%s",
                              _("Say \"latest\", or at least 4 leading digits of a snapshot that "
                                "\"kura snapshots\" shows."));
    }
    prefix[length] = '\0';
    return STATUS_OK;
}

static bool is_allowed(const struct statement *statement, const struct moment *before)
{
    return before == NULL || moment_compare(statement->time, *before) <= 0;
}

static const struct statement *find_latest(const struct snapshot_list *list,
                                           const struct moment *before)
{
    for (size_t i = list->count; i > 0; i--) {
        if (is_allowed(&list->items[i - 1], before)) {
            return &list->items[i - 1];
        }
    }
    return NULL;
}

enum status snapshot_list_find(const struct statement **found, const struct snapshot_list *list,
                               const char *name, const struct moment *before, struct error *error)
{
    *found = NULL;
    if (strcmp(name, "latest") == 0) {
        *found = find_latest(list, before);
        return *found != NULL
                   ? STATUS_OK
                   : error_set(error, STATUS_NOT_FOUND, 0, "%s",
                               before == NULL ? _("there is no snapshot")
                                              : _("there is no snapshot of that time or before"));
    }
    char prefix[OBJECT_ID_TEXT_SIZE];
    enum status status = check_name(prefix, name, error);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < list->count; i++) {
        char text[OBJECT_ID_TEXT_SIZE];
        hex_encode(text, list->items[i].id, OBJECT_ID_SIZE);
        if (strncmp(text, prefix, strlen(prefix)) != 0 || !is_allowed(&list->items[i], before)) {
            continue;
        }
        if (*found != NULL) {
            *found = NULL;
            error_set(error, STATUS_USAGE, 0, _("more than one snapshot begins with %s"), prefix);
            return error_set_hint(error, "%s", _("Give more digits."));
        }
        *found = &list->items[i];
    }
    return *found != NULL
               ? STATUS_OK
               : error_set(error, STATUS_NOT_FOUND, 0, _("no snapshot begins with %s"), prefix);
}

void snapshot_list_head_code(char code[HEAD_CODE_SIZE], const struct snapshot_list *list)
{
    static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"; /* no look-alikes */
    /* The heads in the order of the list, which is the same for whoever sees the same ones. */
    crypto_generichash_state state;
    unsigned char hash[OBJECT_ID_SIZE];
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    for (size_t i = 0; i < list->head_count; i++) {
        crypto_generichash_update(&state, list->items[list->heads[i]].id, OBJECT_ID_SIZE);
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    char *at = code;
    for (size_t i = 0; i < HEAD_CODE_CHARACTERS; i++) {
        if (i == HEAD_CODE_CHARACTERS / 2) {
            *at++ = '-';
        }
        unsigned bit = (unsigned)i * 5;
        unsigned pair = ((unsigned)hash[bit / 8] << 8) | hash[bit / 8 + 1];
        *at++ = alphabet[(pair >> (11 - bit % 8)) & 31];
    }
    *at = '\0';
}
