/* gate_offers: what the policy offers to whoever asks for a carry, and who has a key. */
#include "gate_private.h"
#include "shared.h"
#include <string.h>

static json_t *json_data_set(const struct policy_data_set *set)
{
    static const char *const types[] = {
        [PARAMETER_TEXT] = "text", [PARAMETER_INTEGER] = "integer", [PARAMETER_DATE] = "date"};
    json_t *parameters = json_array();
    for (size_t i = 0; i < set->parameter_count; i++) {
        json_array_append_new(parameters, json_pack("{s:s,s:s}", "name", set->parameters[i].name,
                                                    "type", types[set->parameters[i].type]));
    }
    return json_pack("{s:s,s:o,s:b}", "name", set->name, "parameters", parameters, "documents",
                     set->documents_path != NULL);
}

/* Media that a carry can be asked for now. */
static bool is_free(const struct policy_medium *medium, const struct gate *gate)
{
    const struct carry_medium_state *state = carry_find_medium(&gate->ledger, medium->id);
    if (medium->status != MEDIUM_ACTIVE || state == NULL || state->retired) {
        return false;
    }
    for (size_t i = 0; i < gate->ledger.count; i++) {
        const struct carry_record *carry = &gate->ledger.carries[i];
        if (carry_is_out(carry) && strcmp(carry->medium, medium->id) == 0) {
            return false;
        }
    }
    return true;
}

static json_t *json_offers(const struct gate *gate, const char *person)
{
    const struct policy *policy = &gate->policy.policy;
    json_t *sets = json_array();
    json_t *destinations = json_array(), *media = json_array();
    for (size_t i = 0; i < policy->data_set_count; i++) {
        json_array_append_new(sets, json_data_set(&policy->data_sets[i]));
    }
    for (size_t i = 0; i < policy->destination_count; i++) {
        json_array_append_new(destinations, json_string(policy->destinations[i].name));
    }
    for (size_t i = 0; i < policy->medium_count; i++) {
        if (is_free(&policy->media[i], gate)) {
            json_array_append_new(media, json_string(policy->media[i].id));
        }
    }
    return json_pack("{s:o,s:o,s:o,s:o,s:I,s:s*}", "data_sets", sets, "purposes",
                     carry_texts_json(policy->purposes), "destinations", destinations, "media",
                     media, "carry_days", (json_int_t)policy->approval.carry_days, "person",
                     person);
}

enum status gate_step_offers(struct gate *gate, struct gate_message *message, struct error *error)
{
    const struct policy_person *person = NULL;
    const char *key = gate_text(message->json, "key", MINISIGN_PUBLIC_TEXT_SIZE);
    enum status status = key == NULL ? STATUS_OK : gate_find_bearer(&person, gate, key, error);
    return status == STATUS_OK
               ? gate_answer(gate, json_offers(gate, person == NULL ? NULL : person->id), error)
               : status;
}
