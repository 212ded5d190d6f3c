/* carry_road: whether personal data may go to a place by a road: the table of the room medium, and
 * what the signed policy enrols. */
#include "kura/carry.h"
#include <string.h>

static bool is_medium(const struct policy *policy, const char *fingerprint)
{
    for (size_t i = 0; i < policy->medium_count; i++) {
        const struct policy_medium *medium = &policy->media[i];
        if (medium->status == MEDIUM_ACTIVE && strcmp(medium->fingerprint, fingerprint) == 0) {
            return true;
        }
    }
    return false;
}

/* How many persons a repository, or a restore, on a medium that can be taken along may hold. */
static uint64_t persons_limit(enum road road, const struct policy *policy)
{
    return road == ROAD_STORE ? policy->limits.max_persons_repository_copy
                              : policy->limits.max_persons_restore;
}

/* The policy must allow that, too, beside enrolling the disk. Whether there are more than it says
 * is seen when they are counted. */
static bool allows_persons(const struct place *place, enum road road, const struct policy *policy)
{
    return place->class != PLACE_REMOVABLE || road == ROAD_STAGING ||
           persons_limit(road, policy) > 0;
}

static bool is_enrolled(const struct place *place, enum road road, const struct policy *policy)
{
    char fingerprint[MEDIUM_FINGERPRINT_SIZE];
    struct error unknown = {0};
    if (policy == NULL ||
        medium_fingerprint(fingerprint, &place->identity, &unknown) != STATUS_OK) {
        return false;
    }
    if (road == ROAD_CARRY) {
        return is_medium(policy, fingerprint);
    }
    const struct policy_disk *disk = policy_find_disk(policy, fingerprint);
    return disk != NULL && allows_persons(place, road, policy) &&
           ((road == ROAD_STORE && disk->store) || (road == ROAD_OUTPUT && disk->output) ||
            (road == ROAD_STAGING && disk->staging));
}

static const char *road_words(enum road road)
{
    switch (road) {
    case ROAD_CARRY:
        return _("a carry");
    case ROAD_STAGING:
        return _("staged personal data");
    case ROAD_STORE:
        return _("a repository");
    default:
        return _("restored personal data");
    }
}

static enum status refuse(const struct place *place, enum road road, const char *hint,
                          struct error *error)
{
    const char *why = place->step_count == 0 ? "" : place->steps[place->step_count - 1];
    error_set(error, STATUS_REFUSED, 0,
              _("[road-%s] %s cannot go there: the place is of the class \"%s\" (%s)"),
              place_class_name(place->class), road_words(road), place_class_name(place->class),
              why);
    return error_set_hint(error, "%s", hint);
}

enum status carry_road_check(enum road_verdict *verdict, const struct place *place, enum road road,
                             const struct policy *policy, const char *reason, struct error *error)
{
    const struct road_facts facts = {place->class, place->on_root, policy != NULL,
                                     is_enrolled(place, road, policy)};
    *verdict = road_judge(road, &facts);
    switch (*verdict) {
    case VERDICT_ALLOWED:
    case VERDICT_ALLOWED_RECORDED:
        return STATUS_OK;
    case VERDICT_NEEDS_REASON:
        return reason != NULL
                   ? STATUS_OK
                   : refuse(place, road,
                            _("Restore to a fixed disk. If it must be, the data manager says why "
                              "with --onto-removable REASON and an unlocked key."),
                            error);
    case VERDICT_NEEDS_ENROLMENT:
        return refuse(place, road,
                      _("The data manager can enrol this very disk in the policy, under "
                        "fixed_disks. See kura medium explain."),
                      error);
    case VERDICT_NEEDS_TOKEN:
        return refuse(place, road, _("Ask for a carry with kura carry request."), error);
    case VERDICT_REFUSED:
        break;
    }
    return refuse(place, road,
                  road == ROAD_STAGING
                      ? _("Keep it on the disk of this machine, or let the data manager enrol this "
                          "very disk in the policy, under fixed_disks.")
                      : _("See kura medium explain for how this was found."),
                  error);
}

enum status carry_road_check_persons(const struct policy *policy, enum road road, int64_t persons,
                                     bool uncounted, struct error *error)
{
    uint64_t limit = persons_limit(road, policy);
    const char *name = road == ROAD_STORE ? "max_persons_repository_copy" : "max_persons_restore";
    if (uncounted) {
        error_set(error, STATUS_REFUSED, 0,
                  _("[road-persons] nobody knows how many persons go onto the removable medium: "
                    "they were not counted in every database"));
        return error_set_hint(error, "%s",
                              _("Say under persons in the policy who is a person, and back up "
                                "again."));
    }
    if (persons > 0 && (uint64_t)persons > limit) {
        error_set(
            error, STATUS_REFUSED, 0,
            _("[road-persons] %llu persons would go onto the removable medium, and the policy "
              "allows %llu (%s)"),
            (unsigned long long)persons, (unsigned long long)limit, name);
        return error_set_hint(error, "%s",
                              _("Use a fixed disk, or let the data manager change the policy."));
    }
    return STATUS_OK;
}
