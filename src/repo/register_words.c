/* register_words: what of an entry is sealed to the recipients: whom it is about, and by which
 * rules of that day. */
#include "register_private.h"
#include <stdlib.h>
#include <string.h>

static void texts_free(char **texts)
{
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        free(texts[i]);
    }
    free(texts);
}

static void words_free(struct erasure *erasure)
{
    for (size_t i = 0; i < erasure->rule_count; i++) {
        free(erasure->rules[i].source);
        texts_free(erasure->rules[i].sql);
        texts_free(erasure->rules[i].paths);
    }
    free(erasure->rules);
    free(erasure->domain);
    free(erasure->value);
    free(erasure->reason);
    free(erasure->by);
    erasure->rules = NULL;
    erasure->rule_count = 0;
    erasure->domain = erasure->value = erasure->reason = erasure->by = NULL;
}

void erasure_free(struct erasure *erasure)
{
    words_free(erasure);
    *erasure = (struct erasure){0};
}

/* ------------------------------------------------------------------ writing */

/* A text that is not UTF-8 would be another one when it is read: NULL. */
static json_t *texts_to_json(char *const *texts)
{
    json_auto_t *list = json_array();
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        if (json_array_append_new(list, json_string(texts[i])) != 0) {
            return NULL;
        }
    }
    return json_incref(list);
}

static json_t *rules_to_json(const struct erasure *erasure)
{
    json_auto_t *list = json_array();
    for (size_t i = 0; i < erasure->rule_count; i++) {
        const struct erasure_rule *rule = &erasure->rules[i];
        json_auto_t *json = json_object();
        int failed = json_object_set_new(json, "source", json_string(rule->source));
        failed |= json_object_set_new(json, "sql", texts_to_json(rule->sql));
        failed |= json_object_set_new(json, "paths", texts_to_json(rule->paths));
        if (failed != 0 || json_array_append(list, json) != 0) {
            return NULL;
        }
    }
    return json_incref(list);
}

enum status erasure_words_encode(struct buffer *text, const struct erasure *erasure,
                                 struct error *error)
{
    json_auto_t *json = json_object();
    int failed = json_object_set_new(json, "version", json_integer(FORMAT_VERSION));
    failed |= json_object_set_new(json, "domain", json_string(erasure->domain));
    failed |= json_object_set_new(json, "id", json_string(erasure->value));
    failed |= json_object_set_new(json, "reason", json_string(erasure->reason));
    failed |= json_object_set_new(json, "by", json_string(erasure->by));
    failed |= json_object_set_new(json, "rules", rules_to_json(erasure));
    if (failed != 0) {
        return error_set(error, STATUS_USAGE, 0, "%s",
                         _("the id, the reason or a rule of the erasure is not in UTF-8"));
    }
    return json_print(text, json, error);
}

/* ------------------------------------------------------------------ reading */

static bool take_copy(char **target, const json_t *json, const char *key)
{
    const char *text = NULL;
    *target = json_take_text(&text, json, key) ? strdup(text) : NULL;
    return *target != NULL;
}

static bool take_texts(char ***target, const json_t *json, const char *key)
{
    const json_t *list = json_object_get(json, key);
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > ERASURE_RULES_LIMIT) {
        return false;
    }
    *target = calloc(count + 1, sizeof **target);
    for (size_t i = 0; *target != NULL && i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        (*target)[i] = text == NULL ? NULL : strdup(text);
        if ((*target)[i] == NULL) {
            return false;
        }
    }
    return *target != NULL;
}

static bool take_rules(struct erasure *erasure, const json_t *json)
{
    const json_t *list = json_object_get(json, "rules");
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > ERASURE_RULES_LIMIT) {
        return false;
    }
    erasure->rules = calloc(count + 1, sizeof *erasure->rules);
    if (erasure->rules == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        struct erasure_rule *rule = &erasure->rules[erasure->rule_count++];
        if (!take_copy(&rule->source, item, "source") || !take_texts(&rule->sql, item, "sql") ||
            !take_texts(&rule->paths, item, "paths")) {
            return false;
        }
    }
    return true;
}

enum status erasure_words_decode(struct erasure *erasure, const void *text, size_t size,
                                 struct error *error)
{
    json_auto_t *json = NULL;
    enum status status = json_parse(&json, text, size, SMALL_OBJECT_LIMIT, error);
    if (status == STATUS_OK) {
        status = json_check_version(json, error);
    }
    if (status == STATUS_OK &&
        !(take_copy(&erasure->domain, json, "domain") && take_copy(&erasure->value, json, "id") &&
          take_copy(&erasure->reason, json, "reason") && take_copy(&erasure->by, json, "by") &&
          take_rules(erasure, json))) {
        status = error_set(error, STATUS_CORRUPT, 0, "%s",
                           _("a member of its JSON is missing or of the wrong form"));
    }
    if (status != STATUS_OK) {
        words_free(erasure);
    }
    return status;
}
