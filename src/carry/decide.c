/* decide: see decide.h. The rules stand in the order in which they are asked; each has the attack
 * that it stops. Rule 1 (the lock), 2 (the policy's signature and version), 3 (the log itself) and
 * 5 (the token's form and signature) hold already, or there would be no facts; 16 and 17 come
 * after. */
#include "decide.h"
#include "shared.h"
#include <stdio.h>
#include <string.h>

static bool same_list(char *const *a, char *const *b)
{
    for (; *a != NULL && *b != NULL; a++, b++) {
        if (strcmp(*a, *b) != 0) {
            return false;
        }
    }
    return *a == NULL && *b == NULL;
}

/* 3. The log was cut off, or the machine's state was put back from an old copy: what is off-site
 * would not fit. Without a young enough anchor nobody could tell. */
static enum status check_anchor(const struct carry_facts *facts, struct error *error)
{
    if (!facts->has_anchor) {
        carry_refuse(error, "anchor-none", _("the audit log was never put off-site"));
        return error_set_hint(error, "%s", _("Run kura backup, and then again."));
    }
    if (!audit_extends(facts->log, &facts->anchor)) {
        carry_refuse(error, "anchor-ahead",
                     _("what is off-site of the audit log is not the beginning of the log here"));
        return error_set_hint(
            error, "%s",
            _("The log was cut off or changed, or this machine's state is from an "
              "old copy. Look into it with kura audit verify."));
    }
    if (facts->now.seconds - facts->anchor_time.seconds > (int64_t)facts->policy->anchor_age) {
        carry_refuse(error, "anchor-old",
                     _("the newest off-site copy of the audit log's head is too old"));
        return error_set_hint(error, "%s", _("Run kura backup, and then again."));
    }
    return STATUS_OK;
}

/* 4. An anchor of a backup that was made with a clock far ahead would stay young for as long. */
static enum status check_clock(const struct carry_facts *facts, struct error *error)
{
    if (carry_check_clock(facts->ledger, facts->policy, facts->now, error) != STATUS_OK) {
        return error->status;
    }
    if (facts->anchor_time.seconds - facts->now.seconds > (int64_t)facts->policy->clock_tolerance) {
        carry_refuse(error, "anchor-early",
                     _("the newest off-site copy of the audit log's head is of a time to come"));
        return error_set_hint(error, "%s", _("Run kura backup, and then again."));
    }
    return STATUS_OK;
}

/* 5. A token of another history of this host, or of one that was rolled back. */
static enum status check_log(const struct carry_facts *facts, struct error *error)
{
    for (size_t i = 0; i < facts->approval_count; i++) {
        if (!audit_extends(facts->log, &facts->approvals[i].log)) {
            return carry_refuse(
                error, "token-log",
                _("the audit log that the approval was given under is not the beginning "
                  "of the log here"));
        }
    }
    return STATUS_OK;
}

/* 6. Self-approval, by a second key too: people are compared, not keys. */
static enum status check_approver(const struct carry_facts *facts,
                                  const struct carry_approval *approval, struct error *error)
{
    const struct policy_person *approver = policy_find_person(facts->policy, approval->approver);
    if (!policy_may_approve(approver)) {
        return carry_refuse(error, "approver-role",
                            _("who approved is neither data manager nor deputy"));
    }
    if (policy_key_ended(approver, facts->now)) {
        return carry_refuse(error, "approver-expired",
                            _("the approver's key is not valid any more"));
    }
    if (strcmp(approval->approver, facts->attestation->requester) == 0 ||
        strcmp(approval->approver, approval->bearer) == 0) {
        carry_refuse(error, "self-approval", _("nobody approves their own carry"));
        return error_set_hint(error, "%s", _("Ask the deputy."));
    }
    return STATUS_OK;
}

static enum status check_approvers(const struct carry_facts *facts, struct error *error)
{
    const struct policy_approval *rules = &facts->policy->approval;
    size_t needed = rules->approvers;
    if (rules->second_above > 0 && facts->persons > rules->second_above) {
        needed = 2;
    }
    enum status status = STATUS_OK;
    for (size_t i = 0; i < facts->approval_count && status == STATUS_OK; i++) {
        status = check_approver(facts, &facts->approvals[i], error);
    }
    if (status == STATUS_OK && facts->approval_count == 2 &&
        strcmp(facts->approvals[0].approver, facts->approvals[1].approver) == 0) {
        status = carry_refuse(error, "second-approver", _("both approvals are by the same person"));
    }
    if (status == STATUS_OK && facts->approval_count < needed) {
        carry_refuse(error, "second-approver",
                     _("so many persons need the approval of a second person"));
        status = error_set_hint(error, "%s",
                                _("Let another approver approve the same request, and name both "
                                  "tokens."));
    }
    return status;
}

/* 7. A token that was stolen, lent, kept, or made for another host. */
static enum status check_bearer(const struct carry_facts *facts,
                                const struct carry_approval *approval, struct error *error)
{
    const struct policy_person *bearer = policy_find_person(facts->policy, approval->bearer);
    if (memcmp(approval->host, facts->host, SIGN_PUBLIC_SIZE) != 0) {
        return carry_refuse(error, "other-host", _("the approval is for another host"));
    }
    if (bearer == NULL || strcmp(approval->bearer, facts->attestation->requester) != 0 ||
        (facts->caller != NULL && strcmp(approval->bearer, facts->caller) != 0)) {
        return carry_refuse(error, "other-bearer", _("the approval is for another person"));
    }
    if (policy_key_ended(bearer, facts->now)) {
        return carry_refuse(error, "bearer-expired", _("the bearer's key is not valid any more"));
    }
    return STATUS_OK;
}

static enum status check_receipt(const struct carry_facts *facts, struct error *error)
{
    const struct carry_receipt *receipt = facts->receipt;
    if (receipt == NULL) {
        return STATUS_OK;
    }
    if (strcmp(receipt->bearer, facts->approvals[0].bearer) != 0 ||
        strcmp(receipt->carry, facts->approvals[0].carry) != 0 ||
        memcmp(receipt->approval, facts->approvals[0].digest, DIGEST_SIZE) != 0 ||
        memcmp(receipt->challenge, facts->challenge, DIGEST_SIZE) != 0) {
        return carry_refuse(error, "receipt", _("the bearer's receipt is for something else"));
    }
    return STATUS_OK;
}

static enum status check_window(const struct carry_facts *facts,
                                const struct carry_approval *approval, struct error *error)
{
    const int64_t tolerance = (int64_t)facts->policy->clock_tolerance;
    const uint64_t lifetime = facts->policy->approval.token_lifetime;
    char text[MOMENT_TEXT_SIZE];
    if (facts->now.seconds + tolerance < approval->not_before.seconds ||
        facts->now.seconds + tolerance < approval->issued.seconds) {
        return error_set(error, STATUS_REFUSED, 0,
                         _("[token-early] the approval is good only from %s"),
                         moment_format_local(text, approval->not_before));
    }
    if (moment_compare(facts->now, approval->expires) >= 0) {
        error_set(error, STATUS_REFUSED, 0, _("[token-expired] the approval ended at %s"),
                  moment_format_local(text, approval->expires));
        return error_set_hint(error, "%s", _("Ask for approval anew."));
    }
    if (approval->expires.seconds - approval->issued.seconds > (int64_t)lifetime) {
        return carry_refuse(error, "token-lifetime",
                            _("the approval is good for longer than the policy allows"));
    }
    return STATUS_OK;
}

/* 8. The same token twice, also at the same time: the lock of rule 1 is held. */
static enum status check_unspent(const struct carry_facts *facts, struct error *error)
{
    const struct carry_record *carry = carry_find(facts->ledger, facts->attestation->carry);
    for (size_t i = 0; i < facts->approval_count; i++) {
        if (carry_is_spent(facts->ledger, facts->approvals[i].id)) {
            return carry_refuse(error, "token-spent", _("the approval was used or revoked"));
        }
    }
    if (facts->approval_count == 2 && strcmp(facts->approvals[0].id, facts->approvals[1].id) == 0) {
        return carry_refuse(error, "token-spent", _("the same approval is there twice"));
    }
    if (carry == NULL || (carry->state != CARRY_REQUESTED && carry->state != CARRY_APPROVED)) {
        return carry_refuse(
            error, "carry-state",
            _("this carry was exported, denied or revoked before, or was never asked for"));
    }
    return STATUS_OK;
}

/* 9. An approval of one thing used for another. */
static enum status check_same(const struct carry_facts *facts,
                              const struct carry_approval *approval, struct error *error)
{
    const struct carry_attestation *attestation = facts->attestation;
    if (memcmp(approval->request, facts->request, DIGEST_SIZE) != 0 ||
        strcmp(approval->carry, attestation->carry) != 0) {
        return carry_refuse(error, "request", _("the approval is of another request"));
    }
    if (strcmp(approval->purpose, attestation->purpose) != 0) {
        return carry_refuse(error, "purpose", _("the approval is for another purpose"));
    }
    if (strcmp(approval->destination, attestation->destination) != 0 ||
        policy_find_destination(facts->policy, approval->destination) == NULL) {
        return carry_refuse(error, "destination", _("the approval is for another destination"));
    }
    if (!same_list(approval->recipients, attestation->recipients)) {
        return carry_refuse(error, "recipients", _("the approval is for other readers"));
    }
    if (strcmp(approval->format, attestation->format) != 0) {
        return carry_refuse(error, "format", _("the approval is for another format"));
    }
    if (moment_compare(approval->return_by, attestation->return_by) != 0) {
        return carry_refuse(error, "return-by", _("the approval has another date of return"));
    }
    return moment_compare(facts->now, attestation->return_by) < 0
               ? STATUS_OK
               : carry_refuse(error, "return-by",
                              _("the date of return has passed: ask for a new carry"));
}

/* 10. The staged artefact swapped or changed after the approval. */
static enum status check_artefact(const struct carry_facts *facts,
                                  const struct carry_approval *approval, struct error *error)
{
    if (!facts->artefact_there) {
        return carry_refuse(error, "artefact-gone", _("the staged artefact is not there any more"));
    }
    if (memcmp(approval->artefact, facts->attestation->artefact, DIGEST_SIZE) != 0 ||
        memcmp(facts->artefact, facts->attestation->artefact, DIGEST_SIZE) != 0) {
        return carry_refuse(error, "artefact",
                            _("the staged artefact is not the one that was approved"));
    }
    return STATUS_OK;
}

/* 11. A field that became sensitive since, or fields that were not shown to the approver. */
static enum status check_fields(const struct carry_facts *facts,
                                const struct carry_approval *approval, struct error *error)
{
    if (!same_list(approval->fields, facts->attestation->fields)) {
        return carry_refuse(error, "fields", _("the approval is for other fields"));
    }
    return carry_check_fields(approval->fields, facts->policy, error);
}

/* 12. More than was approved: the host counts for itself and believes nobody. */
static enum status check_persons(const struct carry_facts *facts,
                                 const struct carry_approval *approval, struct error *error)
{
    if (facts->persons != facts->attestation->persons) {
        return carry_refuse(error, "persons-record",
                            _("the host's own list of persons does not fit its attestation"));
    }
    if (facts->persons > approval->persons_max) {
        return error_set(
            error, STATUS_REFUSED, 0, _("[persons-approved] %llu persons, and %llu are approved"),
            (unsigned long long)facts->persons, (unsigned long long)approval->persons_max);
    }
    if (facts->attestation->documents > approval->documents_max) {
        return error_set(error, STATUS_REFUSED, 0,
                         _("[documents-approved] %llu documents, and %llu are approved"),
                         (unsigned long long)facts->attestation->documents,
                         (unsigned long long)approval->documents_max);
    }
    return STATUS_OK;
}

/* 14. Another medium than was approved, a copy of it, one that is retired or still out. */
static enum status check_label(const struct carry_facts *facts, struct error *error)
{
    const struct carry_medium_state *state =
        carry_find_medium(facts->ledger, facts->attestation->medium);
    if (state == NULL || state->label[0] == '\0') {
        return carry_refuse(error, "medium-label",
                            _("this host never wrote a label on the medium"));
    }
    if (facts->label[0] == '\0' || strcmp(facts->label, state->label) != 0) {
        carry_refuse(error, "medium-label",
                     _("the label on the medium is not the one that this host wrote last"));
        return error_set_hint(
            error, "%s",
            _("It is a copy or was put back to an earlier state. Look into it, and "
              "then write a new label with kura medium label."));
    }
    return state->retired ? carry_refuse(error, "medium-retired", _("the medium is retired"))
                          : STATUS_OK;
}

static enum status check_medium(const struct carry_facts *facts,
                                const struct carry_approval *approval, struct error *error)
{
    const struct policy_medium *medium =
        policy_find_medium(facts->policy, facts->attestation->medium);
    if (strcmp(approval->medium, facts->attestation->medium) != 0 ||
        strcmp(approval->medium_fingerprint, facts->attestation->medium_fingerprint) != 0) {
        return carry_refuse(error, "medium", _("the approval is for another medium"));
    }
    if (medium == NULL || medium->status != MEDIUM_ACTIVE) {
        return carry_refuse(error, "medium-status",
                            _("the medium is not, or not any more, in the policy"));
    }
    if (strcmp(medium->fingerprint, approval->medium_fingerprint) != 0 ||
        strcmp(medium->fingerprint, facts->medium_fingerprint) != 0) {
        return carry_refuse(error, "medium-other", _("what is plugged in is another medium"));
    }
    return check_label(facts, error);
}

static enum status check_road(const struct carry_facts *facts, struct error *error)
{
    /* Its enrolment outweighs signs, and lack of signs; not that bytes leave over a network. */
    const struct road_facts road = {
        .class = facts->place->class, .with_policy = true, .enrolled = true};
    enum road_verdict verdict = road_judge(ROAD_CARRY, &road);
    return verdict == VERDICT_ALLOWED || verdict == VERDICT_ALLOWED_RECORDED ||
                   verdict == VERDICT_NEEDS_TOKEN
               ? STATUS_OK
               : error_set(error, STATUS_REFUSED, 0,
                           _("[medium-class] a carry cannot go to a place of the class \"%s\""),
                           place_class_name(facts->place->class));
}

static enum status check_others(const struct carry_facts *facts, struct error *error)
{
    for (size_t i = 0; i < facts->ledger->count; i++) {
        const struct carry_record *other = &facts->ledger->carries[i];
        if (strcmp(other->id, facts->attestation->carry) == 0 || !carry_is_out(other)) {
            continue;
        }
        if (strcmp(other->medium, facts->attestation->medium) == 0) {
            return error_set(error, STATUS_REFUSED, 0,
                             _("[medium-out] the medium still holds carry %s"), other->id);
        }
        if (strcmp(other->bearer, facts->attestation->requester) == 0 &&
            carry_is_overdue(other, facts->policy, facts->now)) {
            return error_set(error, STATUS_REFUSED, 0,
                             _("[overdue] the bearer has not brought back carry %s in time"),
                             other->id);
        }
    }
    return STATUS_OK;
}

/* 15. A half-written container; a stick that carries other things, too. */
static enum status check_space(const struct carry_facts *facts, struct error *error)
{
    if (facts->space_free < facts->attestation->artefact_size + 1024 * 1024) {
        return carry_refuse(error, "medium-full", _("there is not enough space on the medium"));
    }
    if (facts->foreign_files) {
        carry_refuse(error, "foreign-files", _("there are other files on the medium"));
        return error_set_hint(error, "%s",
                              _("A medium for carries is used for nothing else. Remove them."));
    }
    return STATUS_OK;
}

enum status carry_decide(const struct carry_facts *facts, struct error *error)
{
    enum status (*const before[])(const struct carry_facts *, struct error *) = {
        check_anchor, check_clock, check_log, check_approvers};
    enum status (*const each[])(const struct carry_facts *, const struct carry_approval *,
                                struct error *) = {check_bearer, check_window};
    enum status (*const each_later[])(const struct carry_facts *, const struct carry_approval *,
                                      struct error *) = {check_same, check_artefact, check_fields,
                                                         check_persons, check_medium};
    enum status (*const last[])(const struct carry_facts *,
                                struct error *) = {check_road, check_others, check_space};
    enum status status = facts->approval_count == 0
                             ? carry_refuse(error, "token-none", _("there is no approval"))
                             : STATUS_OK;
    for (size_t i = 0; i < LENGTH(before) && status == STATUS_OK; i++) {
        status = before[i](facts, error);
    }
    for (size_t i = 0; i < LENGTH(each) && status == STATUS_OK; i++) {
        for (size_t j = 0; j < facts->approval_count && status == STATUS_OK; j++) {
            status = each[i](facts, &facts->approvals[j], error);
        }
    }
    if (status == STATUS_OK) {
        status = check_receipt(facts, error);
    }
    if (status == STATUS_OK) {
        status = check_unspent(facts, error);
    }
    for (size_t i = 0; i < LENGTH(each_later) && status == STATUS_OK; i++) {
        for (size_t j = 0; j < facts->approval_count && status == STATUS_OK; j++) {
            status = each_later[i](facts, &facts->approvals[j], error);
        }
    }
    /* 13. Splitting one set into many: unions of persons, over time. */
    if (status == STATUS_OK) {
        status = carry_limits_check(&facts->use, facts->persons, facts->attestation->documents,
                                    facts->policy, error);
    }
    for (size_t i = 0; i < LENGTH(last) && status == STATUS_OK; i++) {
        status = last[i](facts, error);
    }
    return status;
}
