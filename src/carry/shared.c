/* shared: see shared.h. */
#include "shared.h"
#include <stdlib.h>
#include <string.h>

enum status carry_refuse(struct error *error, const char *rule, const char *words)
{
    return error_set(error, STATUS_REFUSED, 0, "[%s] %s", rule, words);
}

void carry_texts_free(char **texts)
{
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        free(texts[i]);
    }
    free(texts);
}

json_t *carry_texts_json(char *const *texts)
{
    json_t *array = json_array();
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        if (json_array_append_new(array, json_string(texts[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

enum status carry_check_fields(char *const *fields, const struct policy *policy,
                               struct error *error)
{
    for (; *fields != NULL; fields++) {
        const char *colon = strrchr(*fields, ':');
        const struct policy_field_class *class =
            colon == NULL ? NULL : policy_find_class(policy, colon + 1);
        if (class == NULL || class->sensitive) {
            return error_set(error, STATUS_REFUSED, 0, _("[sensitive] %s can never leave"),
                             *fields);
        }
    }
    return STATUS_OK;
}

/* A clock that was set back would make an expired token good again. */
enum status carry_check_clock(const struct carry_ledger *ledger, const struct policy *policy,
                              struct moment now, struct error *error)
{
    struct moment newest = ledger->newest;
    if (newest.seconds - now.seconds > (int64_t)policy->clock_tolerance) {
        char text[MOMENT_TEXT_SIZE];
        error_set(error, STATUS_REFUSED, 0,
                  _("[clock] the clock is behind the newest record of the audit log, %s"),
                  moment_format_local(text, newest));
        return error_set_hint(error, "%s",
                              _("Set the clock right. If it is right, and was ahead once, the data "
                                "manager says so with kura audit clock."));
    }
    return STATUS_OK;
}
