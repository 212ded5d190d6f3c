/* limits: see limits.h. Splitting a set into many carries gains nothing: what counts is the union
 * of the persons that are out, or were taken out within the window. */
#include "limits.h"
#include <string.h>

/* The union that one limit looks at. */
struct union_of {
    struct persons persons;
    uint64_t unreadable; /* of sets that cannot be read: in full */
    uint64_t *result;
};

static void unions_free(struct union_of (*unions)[4])
{
    for (size_t i = 0; i < LENGTH(*unions); i++) {
        persons_free(&(*unions)[i].persons);
    }
}

/* Counted from the reservation on: what was interrupted may be on the medium. */
static bool in_window(const struct carry_record *carry, const struct policy *policy,
                      struct moment now)
{
    struct moment begin = now;
    begin.seconds -= (int64_t)policy->limits.rolling_days * 86400;
    return carry->reserved.seconds != 0 && moment_compare(carry->reserved, begin) > 0;
}

static enum status add(struct union_of *into, const struct limits_carry *carry, struct error *error)
{
    if (carry->persons == NULL) {
        into->unreadable += carry->record->persons;
        return STATUS_OK;
    }
    return persons_unite(&into->persons, carry->persons, error);
}

static enum status add_earlier(struct union_of *unions, const struct limits_carry *earlier,
                               const char *bearer, const struct policy *policy, struct moment now,
                               struct error *error)
{
    const struct carry_record *record = earlier->record;
    const bool own = strcmp(record->bearer, bearer) == 0;
    const bool out = carry_is_out(record), recent = in_window(record, policy, now);
    const bool counts[4] = {out && own, out, recent && own, recent};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < LENGTH(counts) && status == STATUS_OK; i++) {
        if (counts[i]) {
            status = add(&unions[i], earlier, error);
        }
    }
    return status;
}

enum status carry_limits_use(struct carry_use *use, const char *self, const char *bearer,
                             const struct persons *persons, const struct limits_carry *earlier,
                             size_t count, const struct policy *policy, struct moment now,
                             struct error *error)
{
    CLEANUP(unions_free)
    struct union_of unions[4] = {
        {.result = &use->outstanding_bearer},
        {.result = &use->outstanding_shop},
        {.result = &use->rolling_bearer},
        {.result = &use->rolling_shop},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < LENGTH(unions) && status == STATUS_OK; i++) {
        status = persons_unite(&unions[i].persons, persons, error);
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (strcmp(earlier[i].record->id, self) != 0) {
            status = add_earlier(unions, &earlier[i], bearer, policy, now, error);
        }
    }
    for (size_t i = 0; i < LENGTH(unions); i++) {
        *unions[i].result = persons_count(&unions[i].persons) + unions[i].unreadable;
    }
    return status;
}

enum status carry_limits_check(const struct carry_use *use, uint64_t persons, uint64_t documents,
                               const struct policy *policy, struct error *error)
{
    const struct policy_limits *limits = &policy->limits;
    const struct {
        const char *rule, *what;
        uint64_t value, limit;
    } checks[] = {
        {"ceiling", N_("persons in one carry, whoever approves"), persons,
         limits->absolute_ceiling},
        {"persons", N_("persons in one carry"), persons, limits->max_persons_per_carry},
        {"documents", N_("documents in one carry"), documents, limits->max_documents_per_carry},
        {"quota-bearer", N_("persons that one bearer has out"), use->outstanding_bearer,
         limits->max_persons_outstanding},
        {"quota-shop", N_("persons that are out in all"), use->outstanding_shop,
         limits->max_persons_outstanding_shop},
        {"rolling-bearer", N_("persons that one bearer took out in the rolling window"),
         use->rolling_bearer, limits->max_persons_rolling_bearer},
        {"rolling-shop", N_("persons that were taken out in the rolling window"), use->rolling_shop,
         limits->max_persons_rolling_shop},
    };
    for (size_t i = 0; i < LENGTH(checks); i++) {
        if (checks[i].value > checks[i].limit) {
            error_set(error, STATUS_REFUSED, 0, _("[%s] %s: %llu, and the policy allows %llu"),
                      checks[i].rule, _(checks[i].what), (unsigned long long)checks[i].value,
                      (unsigned long long)checks[i].limit);
            return error_set_hint(error, "%s",
                                  _("Ask for fewer, or bring back and erase what is out."));
        }
    }
    return STATUS_OK;
}
