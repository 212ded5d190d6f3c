/* road: the table of README.md, and nothing else. */
#include "kura/medium.h"

/* A carry goes onto a medium that the policy knows, whatever the kernel says of it: a container
 * file on a fixed disk may be one. Over the network nothing is carried. */
static enum road_verdict judge_carry(const struct road_facts *facts)
{
    if (facts->class == PLACE_NETWORK) {
        return VERDICT_REFUSED;
    }
    if (facts->enrolled) {
        return VERDICT_NEEDS_TOKEN;
    }
    return facts->class == PLACE_REMOVABLE ? VERDICT_NEEDS_ENROLMENT : VERDICT_REFUSED;
}

/* Where nobody has set rules, the state may lie in a container or on a second disk, which cannot be
 * told, and on the card from which a small machine runs: whoever takes that takes the machine. */
static enum road_verdict judge_staging(const struct road_facts *facts)
{
    if (facts->class == PLACE_FIXED) {
        return VERDICT_ALLOWED;
    }
    bool own = facts->class == PLACE_UNKNOWN || (facts->class == PLACE_REMOVABLE && facts->on_root);
    return own && !facts->with_policy ? VERDICT_ALLOWED_RECORDED : VERDICT_REFUSED;
}

/* Sealed, so it may go where it cannot be followed, as long as nobody has set rules. */
static enum road_verdict judge_store(const struct road_facts *facts)
{
    bool strict = facts->class == PLACE_UNKNOWN && facts->with_policy;
    return strict || facts->class == PLACE_REMOVABLE ? VERDICT_NEEDS_ENROLMENT : VERDICT_ALLOWED;
}

static enum road_verdict judge_output(const struct road_facts *facts)
{
    if (facts->class == PLACE_REMOVABLE) {
        return VERDICT_NEEDS_REASON;
    }
    return facts->class == PLACE_UNKNOWN ? VERDICT_ALLOWED_RECORDED : VERDICT_ALLOWED;
}

enum road_verdict road_judge(enum road road, const struct road_facts *facts)
{
    struct road_facts sound = *facts;
    /* Only a policy enrols; an enrolment without one is a mistake of the caller's. */
    sound.enrolled = facts->enrolled && facts->with_policy;
    if (road == ROAD_CARRY) {
        return judge_carry(&sound);
    }
    if (sound.enrolled) {
        return VERDICT_ALLOWED;
    }
    switch (road) {
    case ROAD_STAGING:
        return judge_staging(&sound);
    case ROAD_STORE:
        return judge_store(&sound);
    case ROAD_OUTPUT:
    case ROAD_CARRY:
        break;
    }
    return judge_output(&sound);
}
