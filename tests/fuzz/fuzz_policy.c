// room: config
/* Any bytes as a policy. What is accepted keeps to the ceilings. */
#include "fuzz.h"
#include "kura/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy policy;
    struct error error = {0};
    fuzz_start();
    if (policy_parse(&policy, data, size, "policy.yaml", &error) == STATUS_OK) {
        fuzz_must(policy.version > 0 && policy.people_count > 0 && policy.purposes[0] != NULL &&
                  policy.limits.absolute_ceiling <= POLICY_PERSONS_CEILING &&
                  policy.limits.max_persons_per_carry <= policy.limits.absolute_ceiling &&
                  policy_find_person(&policy, policy.people[0].id) == &policy.people[0]);
        policy_free(&policy);
    } else {
        fuzz_must(error.message[0] != '\0');
    }
    return 0;
}
