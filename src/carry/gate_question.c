/* gate_question: what somebody asks for, against the policy: who, which data set, why, whereto, on
 * which medium, until when. */
#include "gate_request.h"
#include "shared.h"
#include <stdlib.h>
#include <string.h>

#define WAITING_LIMIT 20 /* requests of one bearer that were neither exported nor denied */

static enum status take_parameters(struct asking *asking, const json_t *list, struct error *error)
{
    size_t count = json_array_size(list);
    if (count > 64) {
        return carry_refuse(error, "parameters", _("there are too many parameters"));
    }
    asking->parameters = calloc(count + 1, sizeof *asking->parameters);
    if (asking->parameters == NULL) {
        return error_set_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        asking->parameters[i] = text == NULL ? NULL : strdup(text);
        if (asking->parameters[i] == NULL) {
            return carry_refuse(error, "parameters", _("a parameter is not a text"));
        }
    }
    return STATUS_OK;
}

static enum status take_names(struct asking *asking, const json_t *json, struct error *error)
{
    const struct policy *policy = &asking->gate->policy.policy;
    const char *data_set = gate_text(json, "data_set", POLICY_NAME_SIZE);
    const char *destination = gate_text(json, "destination", 1024);
    const char *medium = gate_text(json, "medium", POLICY_NAME_SIZE);
    const char *purpose = gate_text(json, "purpose", 1024);
    asking->set = policy_find_data_set(policy, data_set);
    asking->destination = policy_find_destination(policy, destination);
    asking->medium = policy_find_medium(policy, medium);
    for (char **item = policy->purposes; purpose != NULL && *item != NULL; item++) {
        asking->purpose = strcmp(*item, purpose) == 0 ? *item : asking->purpose;
    }
    if (asking->set == NULL) {
        return carry_refuse(error, "data-set", _("the policy has no such data set"));
    }
    if (asking->purpose == NULL) {
        return carry_refuse(error, "purpose", _("the policy does not know this purpose"));
    }
    if (asking->destination == NULL) {
        return carry_refuse(error, "destination", _("the policy does not know this destination"));
    }
    if (asking->medium == NULL || asking->medium->status != MEDIUM_ACTIVE) {
        return carry_refuse(error, "medium-status",
                            _("the medium is not, or not any more, in the policy"));
    }
    const struct carry_medium_state *state =
        carry_find_medium(&asking->gate->ledger, asking->medium->id);
    return state != NULL && state->retired
               ? carry_refuse(error, "medium-retired", _("the medium is retired"))
               : STATUS_OK;
}

static enum status take_return(struct asking *asking, const json_t *json, struct error *error)
{
    const char *text = gate_text(json, "return_by", MOMENT_TEXT_SIZE);
    const struct moment now = moment_now();
    const int64_t longest = (int64_t)asking->gate->policy.policy.approval.carry_days * 86400;
    if (text == NULL || !moment_parse(&asking->return_by, text) ||
        moment_compare(asking->return_by, now) <= 0) {
        return carry_refuse(error, "return-by", _("the date of return must be a date to come"));
    }
    /* A day names its end in the client's words; the grace is one day of the calendar. */
    if (asking->return_by.seconds - now.seconds > longest + 86400) {
        return error_set(error, STATUS_REFUSED, 0,
                         _("[return-by] the policy allows %u days until the return"),
                         asking->gate->policy.policy.approval.carry_days);
    }
    return STATUS_OK;
}

static enum status check_bearer(const struct asking *asking, struct error *error)
{
    const struct carry_ledger *ledger = &asking->gate->ledger;
    const struct moment now = moment_now();
    size_t waiting = 0;
    if (policy_key_ended(asking->bearer, now)) {
        return carry_refuse(error, "bearer-expired", _("the bearer's key is not valid any more"));
    }
    for (size_t i = 0; i < ledger->count; i++) {
        const struct carry_record *carry = &ledger->carries[i];
        waiting += (carry->state == CARRY_REQUESTED || carry->state == CARRY_APPROVED) &&
                   moment_compare(now, carry->due) < 0 &&
                   strcmp(carry->bearer, asking->bearer->id) == 0;
    }
    /* Each keeps a staged artefact: without a bound, somebody could fill the host's disk. */
    if (waiting >= WAITING_LIMIT) {
        carry_refuse(error, "waiting", _("too many requests of the bearer wait for an approval"));
        return error_set_hint(error, "%s",
                              _("Let the data manager or a deputy deny what is not needed, with "
                                "kura carry deny ID."));
    }
    return STATUS_OK;
}

enum status gate_take_question(struct asking *asking, const json_t *json, struct error *error)
{
    asking->documents = json_is_true(json_object_get(json, "documents"));
    asking->zip = json_is_true(json_object_get(json, "zip"));
    enum status status = gate_find_bearer(&asking->bearer, asking->gate,
                                          gate_text(json, "key", MINISIGN_PUBLIC_TEXT_SIZE), error);
    if (status == STATUS_OK) {
        status = check_bearer(asking, error);
    }
    if (status == STATUS_OK) {
        status = carry_check_clock(&asking->gate->ledger, &asking->gate->policy.policy,
                                   moment_now(), error);
    }
    if (status == STATUS_OK) {
        status = take_names(asking, json, error);
    }
    if (status == STATUS_OK) {
        status = take_return(asking, json, error);
    }
    return status == STATUS_OK ? take_parameters(asking, json_object_get(json, "parameters"), error)
                               : status;
}
