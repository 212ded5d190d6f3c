/* cli_road_rules: which policy this machine judges by, and who may overrule the table with
 * --onto-removable. */
#include "cli_audit.h"
#include "cli_road.h"
#include <errno.h>
#include <string.h>

/* ------------------------------------------------------------------ the policy */

/* A configuration that is there and cannot be read may name a policy. */
static enum cli_rules read_rules(struct cli_road *road, const char *path)
{
    const struct cli other = {.arguments = {.config = path}};
    struct config config = {0};
    struct cli_log log = {0};
    enum status status = cli_config_read(&config, &other.arguments, &road->why);
    int reason = road->why.os_error;
    bool absent =
        status == STATUS_OK ? config.policy == NULL : reason == ENOENT || reason == ENOTDIR;
    config_free(&config);
    if (absent) {
        return CLI_RULES_NONE;
    }
    if (status == STATUS_OK) {
        status = cli_log_open(&log, &other, CLI_LOG_APPEND, &road->why);
    }
    if (status == STATUS_OK) {
        status = carry_policy_in_force(&road->policy, log.config.policy, log.config.state,
                                       log.audit, &road->why);
    }
    cli_log_close(&log);
    return status == STATUS_OK ? CLI_RULES_SIGNED : CLI_RULES_UNKNOWN;
}

/* A new host has neither key nor log. */
static enum cli_rules read_founding(struct cli_road *road)
{
    struct config config = {0};
    enum status status = cli_config_read(&config, &road->cli->arguments, &road->why);
    enum cli_rules rules = CLI_RULES_NONE;
    if (status == STATUS_OK && road->root != NULL && config.policy != NULL) {
        status = carry_policy_read(&road->policy, config.policy, road->root, &road->why);
        rules = status == STATUS_OK ? CLI_RULES_SIGNED : CLI_RULES_UNKNOWN;
    }
    config_free(&config);
    return rules;
}

/* Naming another configuration does not take the machine's own policy away. */
enum cli_rules cli_road_rules(struct cli_road *road)
{
    const char *named = road->cli->arguments.config;
    if (road->rules == CLI_RULES_UNREAD && road->founding) {
        road->rules = read_founding(road);
    }
    if (road->rules == CLI_RULES_UNREAD && named != NULL) {
        enum cli_rules rules = read_rules(road, named);
        road->rules = rules == CLI_RULES_NONE ? CLI_RULES_UNREAD : rules;
    }
    if (road->rules == CLI_RULES_UNREAD) {
        road->rules = read_rules(road, CONFIG_DEFAULT_PATH);
    }
    return road->rules;
}

/* ------------------------------------------------------------------ --onto-removable */

void cli_road_unlock(struct cli_road *road, const struct age_identity *identity, bool kit)
{
    road->unlocked = identity->secret_key != NULL;
    road->manager = kit ? NULL : &identity->recipient;
}

void cli_road_unlock_access(struct cli_road *road, const struct cli_access *access)
{
    cli_road_unlock(road, access->has_kit ? &access->kit.identity : &access->identity,
                    access->has_kit);
}

static bool is_manager(const struct policy *policy, const struct age_recipient *recipient)
{
    for (size_t i = 0; i < policy->people_count; i++) {
        const struct policy_person *person = &policy->people[i];
        struct age_recipient own;
        struct error ignored = {0};
        if ((person->roles & (ROLE_DATA_MANAGER | ROLE_DEPUTY)) != 0 && person->recipient != NULL &&
            age_recipient_parse(&own, person->recipient, &ignored) == STATUS_OK &&
            memcmp(&own, recipient, sizeof own) == 0) {
            return true;
        }
    }
    return false;
}

/* A limit of 0 refuses at once; any other lets the recovery kit and managers restore as many
 * persons as it says (cli_road_check_persons). */
enum status cli_road_check_exception(struct cli_road *road, struct error *error)
{
    if (road->cli->arguments.onto_removable[0] == '\0') {
        return error_set(error, STATUS_USAGE, 0, "%s", _("--onto-removable needs a reason"));
    }
    if (!road->unlocked) {
        return error_set(error, STATUS_REFUSED, 0, "[road-identity] %s",
                         _("--onto-removable needs the unlocked recovery kit or the data "
                           "manager's identity"));
    }
    switch (cli_road_rules(road)) {
    case CLI_RULES_UNREAD:
    case CLI_RULES_NONE:
        return STATUS_OK;
    case CLI_RULES_UNKNOWN:
        error_set(error, STATUS_REFUSED, 0, "[road-policy] %s: %s",
                  _("--onto-removable is not heard while the policy of this machine cannot be "
                    "verified"),
                  road->why.message);
        return error_set_hint(error, "%s",
                              _("Put the signed policy right, restore to another disk, or work on "
                                "a machine without a policy."));
    case CLI_RULES_SIGNED:
        break;
    }
    if (road->policy.policy.limits.max_persons_restore == 0) {
        error_set(error, STATUS_REFUSED, 0, "[road-persons] %s",
                  _("the policy lets nothing be restored onto removable media "
                    "(max_persons_restore is 0)"));
        return error_set_hint(error, "%s",
                              _("Restore to a fixed disk, or let the data manager change the "
                                "policy."));
    }
    if (road->manager != NULL && !is_manager(&road->policy.policy, road->manager)) {
        return error_set(error, STATUS_REFUSED, 0, "[road-identity] %s",
                         _("the policy has this identity for no data manager or deputy: "
                           "--onto-removable is not heard"));
    }
    return STATUS_OK;
}
