/* kura medium explain: where the bytes of a path land, how that was found, and what may go there.
 */
#include "cli_road.h"
#include <string.h>

static const struct {
    enum road road;
    const char *name; /* for programs */
    const char *title;
} roads[] = {
    {ROAD_CARRY, "carry", N_("carry export")},
    {ROAD_STAGING, "staging", N_("staged files, spool and state")},
    {ROAD_STORE, "store", N_("repository store or replica")},
    {ROAD_OUTPUT, "output", N_("restore, dump, open, redirected output")},
};

static const struct {
    const char *name;
    const char *title;
} verdicts[] = {
    [VERDICT_ALLOWED] = {"allowed", N_("allowed")},
    [VERDICT_ALLOWED_RECORDED] = {"allowed-recorded", N_("allowed, and recorded")},
    [VERDICT_REFUSED] = {"refused", N_("refused")},
    [VERDICT_NEEDS_ENROLMENT] = {"needs-enrolment",
                                 N_("refused, unless the policy enrols this very device")},
    [VERDICT_NEEDS_REASON] = {"needs-reason",
                              N_("refused, unless the manager gives a reason: --onto-removable")},
    [VERDICT_NEEDS_TOKEN] = {"needs-token", N_("with an approval token that covers it")},
};

/* The three cases of the table: what the policy, if there is one, says of this device. */
static const struct {
    const char *name;
    const char *title;
    bool with_policy, enrolled;
} cases[] = {
    {"without_policy", N_("no policy is in force"), false, false},
    {"with_policy", N_("a policy that does not enrol it"), true, false},
    {"enrolled", N_("a policy that enrols it"), true, true},
};

/* What is explained. */
struct explained {
    const char *path;
    struct place place;
    const char *fingerprint; /* or NULL */
    enum cli_rules rules;    /* of this machine, */
    struct error why;        /* and why its policy cannot be verified, */
    uint64_t version;        /* or which one is in force */
    enum road_verdict here[LENGTH(roads)];
};

static enum road_verdict judge_case(size_t road, const struct place *place, size_t which)
{
    const struct road_facts facts = {place->class, place->on_root, cases[which].with_policy,
                                     cases[which].enrolled};
    return road_judge(roads[road].road, &facts);
}

static void judge_here(struct explained *explained, struct cli *cli)
{
    CLEANUP(cli_road_end) struct cli_road road;
    cli_road_begin(&road, cli, ROAD_OUTPUT);
    explained->rules = cli_road_rules(&road);
    explained->why = road.why;
    explained->version = road.policy.policy.version;
    for (size_t i = 0; i < LENGTH(roads); i++) {
        road.road = roads[i].road;
        explained->here[i] = cli_road_verdict(&road, &explained->place);
    }
}

/* ------------------------------------------------------------------ for programs */

static json_t *json_identity(const struct medium_identity *identity)
{
    json_t *object = json_object();
    json_object_set_new(object, "usb_vendor", json_string(identity->usb_vendor));
    json_object_set_new(object, "usb_product", json_string(identity->usb_product));
    json_object_set_new(object, "serial", json_string(identity->serial));
    json_object_set_new(object, "size", json_integer((json_int_t)identity->size));
    json_object_set_new(object, "fs_type", json_string(identity->fs_type));
    json_object_set_new(object, "fs_uuid", json_string(identity->fs_uuid));
    return object;
}

static json_t *json_roads(const struct explained *explained)
{
    json_t *object = json_object();
    for (size_t i = 0; i < LENGTH(roads); i++) {
        json_t *row = json_object();
        json_object_set_new(row, "here", json_string(verdicts[explained->here[i]].name));
        for (size_t j = 0; j < LENGTH(cases); j++) {
            enum road_verdict verdict = judge_case(i, &explained->place, j);
            json_object_set_new(row, cases[j].name, json_string(verdicts[verdict].name));
        }
        json_object_set_new(object, roads[i].name, row);
    }
    return object;
}

static json_t *json_policy(const struct explained *explained)
{
    if (explained->rules == CLI_RULES_NONE) {
        return json_null();
    }
    json_t *object = json_object();
    bool in_force = explained->rules == CLI_RULES_SIGNED;
    json_object_set_new(object, "in_force", json_boolean(in_force));
    if (in_force) {
        cli_json_set_count(object, "version", explained->version);
    } else {
        cli_json_set_bytes(object, "reason", explained->why.message);
    }
    return object;
}

static enum status show_json(const struct explained *explained, struct error *error)
{
    const struct place *place = &explained->place;
    const char *fingerprint = explained->fingerprint;
    json_t *object = json_object();
    json_t *steps = json_array();
    cli_json_set_bytes(object, "path", explained->path);
    json_object_set_new(object, "class", json_string(place_class_name(place->class)));
    json_object_set_new(object, "on_root", json_boolean(place->on_root));
    json_object_set_new(object, "mount_id", json_integer((json_int_t)place->mount_id));
    cli_json_set_bytes(object, "mount_point", place->mount_point);
    json_object_set_new(object, "diskseq", json_integer((json_int_t)place->diskseq));
    for (size_t i = 0; i < place->step_count; i++) {
        json_array_append_new(steps, json_string(place->steps[i]));
    }
    json_object_set_new(object, "steps", steps);
    json_object_set_new(object, "identity", json_identity(&place->identity));
    json_object_set_new(object, "fingerprint",
                        fingerprint == NULL ? json_null() : json_string(fingerprint));
    json_object_set_new(object, "policy", json_policy(explained));
    json_object_set_new(object, "roads", json_roads(explained));
    return cli_json_print(object, error);
}

/* ------------------------------------------------------------------ for people */

#define NAME_COLUMN 20
#define CASE_COLUMN 36

static void show_value(const char *name, const char *value)
{
    fputs("  ", stdout);
    cli_print_column(stdout, name, NAME_COLUMN);
    printf(" %s\n", *value == '\0' ? "-" : value);
}

static void show_identity(const struct medium_identity *identity, const char *fingerprint)
{
    char text[CLI_SIZE_TEXT] = "";
    if (identity->size > 0) {
        cli_format_bytes(text, identity->size);
    }
    printf("\n%s\n", _("Recognised by:"));
    show_value(_("USB vendor"), identity->usb_vendor);
    show_value(_("USB product"), identity->usb_product);
    show_value(_("serial number"), identity->serial);
    show_value(_("size"), text);
    show_value(_("file system"), identity->fs_type);
    show_value(_("its UUID"), identity->fs_uuid);
    show_value(_("fingerprint"), fingerprint == NULL ? "" : fingerprint);
}

static void show_policy(const struct explained *explained)
{
    printf("\n");
    if (explained->rules == CLI_RULES_NONE) {
        printf("%s\n", _("No policy is in force on this machine."));
    } else if (explained->rules == CLI_RULES_SIGNED) {
        printf(_("Version %llu of the policy is in force on this machine.\n"),
               (unsigned long long)explained->version);
    } else {
        printf(_("The policy of this machine cannot be verified, so it enrols nothing: %s\n"),
               explained->why.message);
    }
}

static void show_verdict(const char *title, enum road_verdict verdict)
{
    fputs("    ", stdout);
    cli_print_column(stdout, title, CASE_COLUMN);
    printf(" %s\n", _(verdicts[verdict].title));
}

static void show_roads(const struct explained *explained)
{
    show_policy(explained);
    printf("%s\n", _("What may be written there:"));
    for (size_t i = 0; i < LENGTH(roads); i++) {
        printf("  %s\n", _(roads[i].title));
        show_verdict(_("on this machine"), explained->here[i]);
        for (size_t j = 0; j < LENGTH(cases); j++) {
            show_verdict(_(cases[j].title), judge_case(i, &explained->place, j));
        }
    }
}

static enum status show(const struct explained *explained, struct error *error)
{
    const struct place *place = &explained->place;
    CLEANUP(memory_free) char *name = cli_format_path("", explained->path);
    if (name == NULL) {
        return error_set_memory(error);
    }
    printf("%s: %s\n\n%s\n", name + (*name == '/'), cli_place_title(place->class),
           _("How it was found:"));
    for (size_t i = 0; i < place->step_count; i++) {
        printf("  %zu. %s\n", i + 1, place->steps[i]);
    }
    show_identity(&place->identity, explained->fingerprint);
    show_roads(explained);
    return cli_check_output(error);
}

static enum status run_explain(struct cli *cli, struct error *error)
{
    struct explained explained = {.path = cli->arguments.words.items[0]};
    struct error no_fingerprint;
    char fingerprint[MEDIUM_FINGERPRINT_SIZE];
    enum status status = place_judge_path(&explained.place, explained.path, NULL, error);
    if (status != STATUS_OK) {
        return status;
    }
    bool recognised =
        medium_fingerprint(fingerprint, &explained.place.identity, &no_fingerprint) == STATUS_OK;
    explained.fingerprint = recognised ? fingerprint : NULL;
    judge_here(&explained, cli);
    return cli->arguments.json ? show_json(&explained, error) : show(&explained, error);
}

const struct cli_command cmd_medium_explain = {
    .name = "medium explain",
    .operands = N_("PATH"),
    .summary = N_("Tell on what kind of medium a path lies, and what may be written there."),
    .details =
        N_("Follows the path as a write would: links, bind mounts, loop devices, encryption,\n"
           "RAID, down to the disks. Without root the UUID of the file system may be missing."),
    .least = 1,
    .most = 1,
    .options = {OPTION_JSON, OPTION_END},
    .run = run_explain,
};
