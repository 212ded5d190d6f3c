/* gate_medium: media come into the books and go out of them: enrol, label anew, retire. */
#include "gate_private.h"
#include <stdlib.h>
#include <string.h>

static enum status check_id(const char *id, struct error *error)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (id != NULL && id[0] != '\0' && id[0] != '.' && strspn(id, letters) == strlen(id)) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_USAGE, 0, "%s",
                     _("a medium's id has letters, digits, '.', '_' or '-'"));
}

/* A label is never written over data that is out: it would hide a copy. */
static enum status check_free(const struct gate *gate, const char *id, struct error *error)
{
    for (size_t i = 0; i < gate->ledger.count; i++) {
        const struct carry_record *carry = &gate->ledger.carries[i];
        if (carry_is_out(carry) && id != NULL && strcmp(carry->medium, id) == 0) {
            return error_set(error, STATUS_REFUSED, 0,
                             _("[medium-out] the medium still holds carry %s"), carry->id);
        }
    }
    return STATUS_OK;
}

static enum status check_known(const struct gate *gate, const char *id,
                               const struct gate_folder *folder, struct error *error)
{
    const struct policy_medium *medium =
        gate->has_policy ? policy_find_medium(&gate->policy.policy, id) : NULL;
    if (folder->fingerprint[0] == '\0') {
        return error_set(error, STATUS_REFUSED, 0, "[medium-unknown] %s",
                         _("the medium has nothing that it could be recognised by"));
    }
    return medium != NULL && strcmp(medium->fingerprint, folder->fingerprint) != 0
               ? error_set(error, STATUS_REFUSED, 0, "[medium-other] %s",
                           _("the policy has another medium under this id"))
               : STATUS_OK;
}

static json_t *json_identity(const struct medium_identity *identity)
{
    return json_pack("{s:s,s:s,s:s,s:I,s:s,s:s}", "usb_vendor", identity->usb_vendor, "usb_product",
                     identity->usb_product, "serial", identity->serial, "size",
                     (json_int_t)identity->size, "fs_type", identity->fs_type, "fs_uuid",
                     identity->fs_uuid);
}

static enum status write_label(struct gate *gate, const char *id, const struct gate_folder *folder,
                               struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message next = {.fds = {-1, -1}};
    CLEANUP(buffer_free) struct buffer label = {0};
    char nonce[LABEL_NONCE_SIZE];
    const bool known = carry_find_medium(&gate->ledger, id) != NULL;
    enum status status = label_make(&label, nonce, id, gate->host->key, error);
    if (status == STATUS_OK) {
        status = gate_answer(gate,
                             json_pack("{s:s%,s:s,s:o,s:s}", "label", (const char *)label.data,
                                       label.size, "fingerprint", folder->fingerprint, "identity",
                                       json_identity(&folder->place.identity), "class",
                                       place_class_name(folder->place.class)),
                             error);
    }
    if (status == STATUS_OK) {
        status = gate_next(&next, gate, "labelled", error);
    }
    if (status == STATUS_OK) {
        status =
            gate_record(gate, known ? "medium.label" : "medium.enrol",
                        json_pack("{s:s,s:s,s:s,s:s}", "medium", id, "label", nonce, "fingerprint",
                                  folder->fingerprint, "by", gate_caller_name(gate)),
                        error);
    }
    return status == STATUS_OK ? gate_answer(gate, json_pack("{s:b}", "recorded", true), error)
                               : status;
}

static enum status enrol(struct gate *gate, struct gate_message *message, struct error *error)
{
    struct gate_folder folder;
    const char *id = gate_text(message->json, "id", POLICY_NAME_SIZE - 1);
    enum status status = gate_need_manager(gate, error);
    if (status == STATUS_OK) {
        status = check_id(id, error);
    }
    if (status == STATUS_OK) {
        status = gate_folder_look(&folder, message->fds[0], NULL, gate, error);
    }
    if (status == STATUS_OK) {
        status = check_known(gate, id, &folder, error);
    }
    if (status == STATUS_OK) {
        status = check_free(gate, id, error);
    }
    return status == STATUS_OK ? write_label(gate, id, &folder, error) : status;
}

enum status gate_step_enrol(struct gate *gate, struct gate_message *message, struct error *error)
{
    enum status status = enrol(gate, message, error);
    if (status == STATUS_REFUSED) {
        gate_record_refusal(gate, error, NULL, NULL);
    }
    return status;
}

enum status gate_step_retire(struct gate *gate, struct gate_message *message, struct error *error)
{
    const char *id = gate_text(message->json, "id", POLICY_NAME_SIZE - 1);
    enum status status = gate_need_manager(gate, error);
    if (status == STATUS_OK &&
        (id == NULL || policy_find_medium(&gate->policy.policy, id) == NULL)) {
        status = error_set(error, STATUS_NOT_FOUND, 0, "%s", _("the policy has no such medium"));
    }
    if (status == STATUS_OK) {
        status = check_free(gate, id, error);
    }
    if (status == STATUS_OK) {
        status =
            gate_record(gate, "medium.retire",
                        json_pack("{s:s,s:s}", "medium", id, "by", gate_caller_name(gate)), error);
    }
    if (status == STATUS_REFUSED) {
        gate_record_refusal(gate, error, NULL, NULL);
    }
    return status == STATUS_OK ? gate_answer(gate, json_pack("{s:b}", "recorded", true), error)
                               : status;
}
