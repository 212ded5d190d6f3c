/* approve: what an approver signs, on any machine. Whatever the host would refuse later is refused
 * here, so that nobody approves in vain. */
#include "limits.h"
#include "shared.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status check_person(const struct policy_person *person,
                                const struct carry_request *request, struct moment now,
                                struct error *error)
{
    if (!policy_may_approve(person)) {
        return carry_refuse(error, "approver-role",
                            _("this key is neither the data manager's nor a deputy's"));
    }
    if (policy_key_ended(person, now)) {
        return carry_refuse(error, "approver-expired",
                            _("the approver's key is not valid any more"));
    }
    if (strcmp(person->id, request->requester) == 0) {
        carry_refuse(error, "self-approval", _("nobody approves their own carry"));
        return error_set_hint(error, "%s", _("Ask the deputy."));
    }
    return STATUS_OK;
}

static enum status check_contents(const struct carry_attestation *attestation,
                                  const struct policy *policy, uint64_t persons_max,
                                  struct error *error)
{
    if (attestation->persons > persons_max) {
        return error_set(error, STATUS_REFUSED, 0,
                         _("[persons-approved] %llu persons, and %llu are approved"),
                         (unsigned long long)attestation->persons, (unsigned long long)persons_max);
    }
    enum status status = carry_check_fields(attestation->fields, policy, error);
    return status == STATUS_OK ? carry_limits_check(&attestation->use, attestation->persons,
                                                    attestation->documents, policy, error)
                               : status;
}

static char **copy_list(char *const *list)
{
    size_t count = 0;
    while (list[count] != NULL) {
        count++;
    }
    char **copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = strdup(list[i]);
        if (copy[i] == NULL) {
            return copy; /* shorter: the host would refuse it */
        }
    }
    return copy;
}

static enum status fill(struct carry_approval *approval, const struct carry_request *request,
                        const struct carry_policy *policy, const struct policy_person *person,
                        const struct carry_approve_options *options, struct error *error)
{
    const struct carry_attestation *attestation = &request->attestation;
    unsigned char id[16];
    const uint64_t longest = policy->policy.approval.token_lifetime;
    const uint64_t lifetime =
        options->lifetime == 0 || options->lifetime > longest ? longest : options->lifetime;
    approval->issued = (struct moment){.seconds = options->now.seconds};
    approval->not_before = approval->issued;
    approval->expires = (struct moment){.seconds = options->now.seconds + (int64_t)lifetime};
    approval->persons_max = options->persons_max == 0 ? attestation->persons : options->persons_max;
    approval->documents_max = attestation->documents;
    approval->return_by = attestation->return_by;
    approval->log = attestation->log;
    randombytes_buf(id, sizeof id);
    hex_encode(approval->id, id, sizeof id);
    memcpy(approval->host, attestation->host, sizeof approval->host);
    memcpy(approval->request, request->digest, sizeof approval->request);
    memcpy(approval->artefact, attestation->artefact, sizeof approval->artefact);
    memcpy(approval->policy, policy->digest, sizeof approval->policy);
    memcpy(approval->carry, attestation->carry, sizeof approval->carry);
    memcpy(approval->bearer, request->requester, sizeof approval->bearer);
    memcpy(approval->medium, attestation->medium, sizeof approval->medium);
    memcpy(approval->medium_fingerprint, attestation->medium_fingerprint,
           sizeof approval->medium_fingerprint);
    memcpy(approval->format, attestation->format, sizeof approval->format);
    snprintf(approval->approver, sizeof approval->approver, "%s", person->id);
    approval->purpose = strdup(attestation->purpose);
    approval->destination = strdup(attestation->destination);
    approval->fields = copy_list(attestation->fields);
    approval->recipients = copy_list(attestation->recipients);
    return approval->purpose == NULL || approval->destination == NULL || approval->fields == NULL ||
                   approval->recipients == NULL
               ? error_set_memory(error)
               : STATUS_OK;
}

enum status carry_approve(struct carry_approval *approval, const struct carry_request *request,
                          const struct carry_policy *policy, const struct minisign_public *approver,
                          const struct carry_approve_options *options, struct error *error)
{
    *approval = (struct carry_approval){0};
    const struct policy_person *person = carry_key_owner(&policy->policy, approver);
    const uint64_t most =
        options->persons_max == 0 ? request->attestation.persons : options->persons_max;
    enum status status = check_person(person, request, options->now, error);
    if (status == STATUS_OK) {
        status = check_contents(&request->attestation, &policy->policy, most, error);
    }
    if (status == STATUS_OK) {
        status = fill(approval, request, policy, person, options, error);
    }
    if (status != STATUS_OK) {
        carry_approval_free(approval);
    }
    return status;
}
