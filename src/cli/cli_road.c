/* cli_road: see cli_road.h. */
#include "cli_road.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

void cli_road_begin(struct cli_road *road, struct cli *cli, enum road which)
{
    *road = (struct cli_road){.cli = cli, .road = which, .lock = PTHREAD_MUTEX_INITIALIZER};
}

void cli_road_end(struct cli_road *road)
{
    if (road->cli != NULL) {
        carry_policy_free(&road->policy);
        pthread_mutex_destroy(&road->lock);
        road->cli = NULL;
    }
}

const char *cli_place_title(enum place_class class)
{
    switch (class) {
    case PLACE_FIXED:
        return _("fixed disk");
    case PLACE_REMOVABLE:
        return _("removable medium");
    case PLACE_NETWORK:
        return _("network");
    case PLACE_UNKNOWN:
        break;
    }
    return _("unknown: it cannot be told");
}

/* ------------------------------------------------------------------ the table */

/* By the table, with what is enrolled. The table needs no policy where it says the same with one
 * and without: the log and the policy are not read every night for a fixed disk. */
static enum status judge(enum road_verdict *verdict, struct cli_road *road,
                         const struct place *place, const char *reason, struct error *error)
{
    static const struct policy nothing_enrolled;
    const struct policy *policy = NULL;
    struct road_facts facts = {.class = place->class, .on_root = place->on_root};
    bool bare = road_judge(road->road, &facts) <= VERDICT_ALLOWED_RECORDED;
    facts.with_policy = true;
    if (!bare || road_judge(road->road, &facts) > VERDICT_ALLOWED_RECORDED) {
        enum cli_rules rules = cli_road_rules(road);
        policy = rules == CLI_RULES_SIGNED    ? &road->policy.policy
                 : rules == CLI_RULES_UNKNOWN ? &nothing_enrolled
                                              : NULL;
    }
    return carry_road_check(verdict, place, road->road, policy, reason, error);
}

enum road_verdict cli_road_verdict(struct cli_road *road, const struct place *place)
{
    struct error refused = {0};
    enum road_verdict verdict;
    (void)!judge(&verdict, road, place, NULL, &refused);
    return verdict;
}

/* ------------------------------------------------------------------ the record */

static const char *road_name(enum road road)
{
    static const char *const names[] = {[ROAD_CARRY] = "carry",
                                        [ROAD_STAGING] = "staging",
                                        [ROAD_STORE] = "store",
                                        [ROAD_OUTPUT] = "output"};
    return names[road];
}

/* Adds what is not there yet: a place is judged more than once. */
static void add_record(struct cli_road *road, json_t *record)
{
    json_t *facts = road->cli->facts;
    json_t *places = json_object_get(facts, "places");
    size_t index;
    json_t *known;
    if (places == NULL && facts != NULL) {
        places = json_array();
        json_object_set_new(facts, "places", places);
    }
    json_array_foreach(places, index, known)
    {
        if (json_equal(known, record)) {
            json_decref(record);
            return;
        }
    }
    json_array_append_new(places, record);
}

/* That it goes where it always goes is no news. */
static void record(struct cli_road *road, const struct place *place, const char *reason,
                   bool allowed)
{
    if (allowed && place->class == PLACE_FIXED) {
        return;
    }
    json_t *facts = json_object();
    json_object_set_new(facts, "road", json_string(road_name(road->road)));
    json_object_set_new(facts, "class", json_string(place_class_name(place->class)));
    cli_json_set_bytes(facts, "mount_point", place->mount_point);
    json_object_set_new(facts, "allowed", json_boolean(allowed));
    if (reason != NULL) {
        cli_json_set_bytes(facts, "reason", reason);
    }
    if (road->rules == CLI_RULES_SIGNED) {
        cli_json_set_count(facts, "policy", road->policy.policy.version);
    }
    add_record(road, facts);
}

static void tell(const struct cli_road *road, const struct place *place)
{
    if (road->cli->arguments.verbose) {
        cli_say(road->cli, _("Judged: %s, %s (%s)"),
                place->mount_point[0] == '\0' ? "-" : place->mount_point,
                cli_place_title(place->class),
                place->step_count == 0 ? "" : place->steps[place->step_count - 1]);
    }
}

/* ------------------------------------------------------------------ the judgement */

static enum status allow(struct cli_road *road, const struct place *place, struct error *error)
{
    const char *asked = road->cli->arguments.onto_removable;
    enum road_verdict verdict;
    enum status status = judge(&verdict, road, place, asked, error);
    const char *reason = verdict == VERDICT_NEEDS_REASON ? asked : NULL;
    if (status == STATUS_OK && reason != NULL) {
        status = cli_road_check_exception(road, error);
    }
    record(road, place, reason, status == STATUS_OK);
    if (status == STATUS_OK) {
        tell(road, place);
    } else if (road->rules == CLI_RULES_UNKNOWN && verdict != VERDICT_NEEDS_REASON) {
        error_set_hint(error,
                       _("The policy of this machine cannot be verified, so it enrols "
                         "nothing: %s"),
                       road->why.message);
    }
    return status;
}

static enum status refuse_changed(struct cli_road *road, const struct place *place,
                                  struct error *error)
{
    record(road, place, NULL, false);
    return error_set(error, STATUS_REFUSED, 0,
                     _("[road-changed] what is mounted there is not what was judged before: the "
                       "place is now of the class \"%s\""),
                     place_class_name(place->class));
}

/* A place of another mount is a new one for a store or a state folder, which may hold several; one
 * output has one. */
static enum status admit(struct cli_road *road, const struct place *place, bool remember,
                         struct error *error)
{
    for (size_t i = 0; i < road->place_count; i++) {
        const struct place *known = &road->places[i];
        if (place_same(known, place)) {
            return STATUS_OK;
        }
        bool one = road->road == ROAD_OUTPUT && remember;
        if (one || (known->mount_id == place->mount_id && known->device == place->device)) {
            return refuse_changed(road, place, error);
        }
    }
    enum status status = allow(road, place, error);
    road->removable |= status == STATUS_OK && place->class == PLACE_REMOVABLE;
    if (status == STATUS_OK && remember && road->place_count < CLI_ROAD_PLACES) {
        road->places[road->place_count++] = *place;
    }
    return status;
}

enum status cli_road_check_path(struct cli_road *road, const char *path, struct error *error)
{
    struct place place;
    enum status status = place_judge_path(&place, path, road->roots, error);
    if (status == STATUS_OK) {
        pthread_mutex_lock(&road->lock);
        /* The device number of a file may be another than that of the folder that it will be in. */
        status = admit(road, &place, road->road != ROAD_OUTPUT, error);
        pthread_mutex_unlock(&road->lock);
    }
    return status;
}

enum status cli_road_check(void *context, int fd, struct error *error)
{
    struct cli_road *road = context;
    struct place place;
    enum status status = place_judge(&place, fd, road->roots, error);
    if (status == STATUS_OK) {
        pthread_mutex_lock(&road->lock);
        status = admit(road, &place, true, error);
        pthread_mutex_unlock(&road->lock);
    }
    return status;
}

enum status cli_road_check_persons(void *context, int64_t persons, bool uncounted,
                                   struct error *error)
{
    struct cli_road *road = context;
    if (!road->removable || cli_road_rules(road) != CLI_RULES_SIGNED) {
        return STATUS_OK;
    }
    return carry_road_check_persons(&road->policy.policy, road->road, persons, uncounted, error);
}

static bool is_known(struct cli_road *road, int fd)
{
    struct statx about;
    bool known = false;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &about) != 0 ||
        (about.stx_mask & STATX_MNT_ID) == 0) {
        return false;
    }
    pthread_mutex_lock(&road->lock);
    for (size_t i = 0; i < road->place_count; i++) {
        known |= road->places[i].mount_id == about.stx_mnt_id &&
                 road->places[i].device == makedev(about.stx_dev_major, about.stx_dev_minor);
    }
    pthread_mutex_unlock(&road->lock);
    return known;
}

enum status cli_road_check_store(void *context, int fd, struct error *error)
{
    return is_known(context, fd) ? STATUS_OK : cli_road_check(context, fd, error);
}

/* ------------------------------------------------------------------ standard output */

static void record_stream(struct cli_road *road, const char *kind)
{
    json_t *facts = json_object();
    json_object_set_new(facts, "road", json_string(road_name(road->road)));
    json_object_set_new(facts, "stream", json_string(kind));
    add_record(road, facts);
}

void cli_road_record_database(struct cli_road *road, const char *database)
{
    record_stream(road, "database");
    cli_json_set_bytes(road->cli->facts, "database", database);
}

enum status cli_road_check_output(struct cli_road *road, struct error *error)
{
    struct stat about;
    if (fstat(STDOUT_FILENO, &about) != 0) {
        return error_set_errno(error, errno, "%s", _("standard output cannot be used"));
    }
    bool terminal = isatty(STDOUT_FILENO) == 1;
    if (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode) || terminal) {
        record_stream(road, terminal ? "terminal" : S_ISFIFO(about.st_mode) ? "pipe" : "socket");
        return STATUS_OK;
    }
    return cli_road_check(road, STDOUT_FILENO, error);
}

/* ------------------------------------------------------------------ folders */

const char *cli_road_store_folder(const char *url)
{
    if (strncmp(url, "file://", 7) == 0) {
        return url + 7;
    }
    return strstr(url, "://") == NULL ? url : NULL;
}

enum status cli_road_choose_temporary(struct cli *cli, struct error *error)
{
    CLEANUP(cli_road_end) struct cli_road road;
    const char *const folders[] = {getenv("SQLITE_TMPDIR"), getenv("TMPDIR"), "/var/tmp",
                                   "/usr/tmp", "/tmp"};
    enum status status = STATUS_NOT_FOUND;
    cli_road_begin(&road, cli, ROAD_STAGING);
    for (size_t i = 0; i < LENGTH(folders) && status != STATUS_OK; i++) {
        const char *folder = folders[i];
        if (folder == NULL || access(folder, W_OK | X_OK) != 0) {
            continue;
        }
        error_clear(error);
        status = cli_road_check_path(&road, folder, error);
        if (status == STATUS_OK && setenv("SQLITE_TMPDIR", folder, 1) != 0) {
            return error_set_memory(error);
        }
    }
    return status == STATUS_NOT_FOUND
               ? error_set(error, STATUS_FAILED, 0, "%s",
                           _("no folder for temporary files can be written to"))
               : status;
}
