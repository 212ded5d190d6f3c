/* roads: what the commands may write where, on recorded machines: a fixed disk, a stick, a loop, a
 * bind mount, a small machine that runs from a card; and who hears --onto-removable. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "cli/cli_road.h"
#include "support/device_tree.h"
#include <fcntl.h>
#include <sys/stat.h>

#define ROOT_DISK                                                                                  \
    "pci/nvme0 :nvme transport=pcie serial=S4\n"                                                   \
    "pci/nvme0/nvme0n1 :block dev=259:0 size=1000215216 removable=0 diskseq=1\n"
#define STICK                                                                                      \
    "pci/usb1 :usb idVendor=1d6b idProduct=0002\n"                                                 \
    "pci/usb1/1-2 :usb idVendor=0951 idProduct=1666 serial=60A4\n"                                 \
    "pci/usb1/1-2/block/sdb :block dev=8:16 size=60751872 removable=1 diskseq=12\n"
#define LOOP                                                                                       \
    "virtual/block/loop0 :block dev=7:0 size=4096 diskseq=20 "                                     \
    "loop/backing_file=/media/stick/c.img\n"
#define CARD                                                                                       \
    "pci/mmc_host/mmc0/mmc0:aaaa :mmc type=SD cid=1b53\n"                                          \
    "pci/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0 :block dev=179:0 size=60751872 removable=0 "        \
    "diskseq=3\n"
/* The home is a bind mount of a folder on the stick. */
#define MOUNTS                                                                                     \
    "27 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n"                                                   \
    "36 27 8:16 / /media/stick rw - vfat /dev/sdb rw\n"                                            \
    "37 27 8:16 /sub /srv/bound rw - vfat /dev/sdb rw\n"                                           \
    "38 27 7:0 / /srv/loop rw - ext4 /dev/loop0 rw\n"                                              \
    "39 27 0:40 / /srv/memory rw - tmpfs none rw\n"                                                \
    "40 27 0:41 / /srv/share rw - nfs4 nas:/share rw\n"

static struct cli cli;
static struct cli_road road;
static struct device_tree tree;
static char base[] = "/tmp/kura-test-XXXXXX";

static int begin(void **state)
{
    (void)state;
    tree_begin(&tree);
    tree_add(&tree, ROOT_DISK STICK LOOP CARD);
    tree_mounts(&tree, MOUNTS);
    /* Neither this nor a default configuration is there: a bare machine. */
    cli = (struct cli){.facts = json_object(), .arguments = {.config = "/nowhere/kura.yaml"}};
    cli_road_begin(&road, &cli, ROAD_OUTPUT);
    road.rules = CLI_RULES_NONE;
    road.roots = &tree.roots;
    return 0;
}

static int end(void **state)
{
    (void)state;
    memset(&road.policy, 0, sizeof road.policy); /* nothing in it is owned */
    cli_road_end(&road);
    json_decref(cli.facts);
    tree_end(&tree);
    return 0;
}

static const json_t *last_record(void)
{
    const json_t *places = json_object_get(cli.facts, "places");
    assert_true(json_array_size(places) > 0);
    return json_array_get(places, json_array_size(places) - 1);
}

static void recorded(const char *key, const char *value)
{
    const char *is = json_string_value(json_object_get(last_record(), key));
    assert_non_null(is);
    assert_string_equal(is, value);
}

static void recorded_allowed(bool allowed)
{
    assert_int_equal(json_is_true(json_object_get(last_record(), "allowed")), allowed);
}

static void goes(const char *path)
{
    struct error error = {0};
    if (cli_road_check_path(&road, path, &error) != STATUS_OK) {
        fail_msg("%s: %s", path, error.message);
    }
}

static void refused(enum status status, const struct error *error, const char *rule)
{
    assert_int_equal(status, STATUS_REFUSED);
    if (strstr(error->message, rule) == NULL) {
        fail_msg("not %s: %s", rule, error->message);
    }
}

static void stays(const char *path, const char *rule)
{
    struct error error = {0};
    refused(cli_road_check_path(&road, path, &error), &error, rule);
    recorded_allowed(false);
}

static void signed_policy(uint64_t persons)
{
    road.rules = CLI_RULES_SIGNED;
    road.policy.policy.version = 7;
    road.policy.policy.limits.max_persons_restore = persons;
}

/* ------------------------------------------------------------------ output */

static void output_goes_anywhere_but_onto_removable_media(void **state)
{
    (void)state;
    goes("/home/out");
    assert_null(json_object_get(cli.facts, "places"));
    goes("/srv/share/out");
    goes("/srv/memory/out");
    recorded_allowed(true);
    recorded("class", "unknown");
    recorded("mount_point", "/srv/memory");
    /* No name of a file. */
    char *text = json_dumps(cli.facts, 0);
    assert_null(strstr(text, "/out"));
    free(text);
    stays("/media/stick/out", "[road-removable]");
    recorded("class", "removable");
}

static void every_way_onto_the_stick_is_found(void **state)
{
    (void)state;
    stays("/srv/bound/out", "[road-removable]");
    stays("/srv/loop/out", "[road-removable]");
}

/* The mount of the folder that is really open, under whatever name. */
static void this_mount_is_the_stick(int fd)
{
    char line[256];
    struct statx about;
    assert_int_equal(statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &about), 0);
    snprintf(line, sizeof line,
             "1 0 259:0 / / rw - ext4 /dev/nvme0n1 rw\n%llu 1 8:16 / %s rw - vfat /dev/sdb rw\n",
             (unsigned long long)about.stx_mnt_id, base);
    tree_mounts(&tree, line);
}

static void a_link_onto_the_stick_is_judged_where_it_leads(void **state)
{
    (void)state;
    struct error error = {0};
    char link[] = "/dev/shm/kura-test-link";
    int stick = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    this_mount_is_the_stick(stick);
    unlink(link);
    assert_int_equal(symlink(base, link), 0);
    int fd = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
    unlink(link);
    refused(cli_road_check(&road, fd, &error), &error, "[road-removable]");
    close(fd);
    close(stick);
}

static void a_stick_that_is_exchanged_is_another_place(void **state)
{
    (void)state;
    struct error error = {0};
    int fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    this_mount_is_the_stick(fd);
    cli_road_unlock(&road, &(struct age_identity){.secret_key = (unsigned char *)base}, true);
    cli.arguments.onto_removable = "the office burned down";
    assert_int_equal(cli_road_check(&road, fd, &error), STATUS_OK);
    recorded("reason", "the office burned down");
    assert_int_equal(cli_road_check(&road, fd, &error), STATUS_OK);
    tree_add(&tree, "pci/usb1/1-2/block/sdb diskseq=13\n");
    refused(cli_road_check(&road, fd, &error), &error, "[road-changed]");
    recorded_allowed(false);
    close(fd);
}

static void one_output_has_one_place(void **state)
{
    (void)state;
    struct error error = {0};
    int first = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int second = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    road.roots = NULL;
    assert_int_equal(cli_road_check(&road, first, &error), STATUS_OK);
    refused(cli_road_check(&road, second, &error), &error, "[road-changed]");
    close(first);
    close(second);
}

/* ------------------------------------------------------------------ standard output */

/* The road's word about standard output, were it this descriptor. */
static enum status judge_output(int fd, struct error *error)
{
    int kept = dup(STDOUT_FILENO);
    fflush(stdout);
    assert_true(dup2(fd, STDOUT_FILENO) >= 0);
    enum status status = cli_road_check_output(&road, error);
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    close(kept);
    return status;
}

static void standard_output_to_a_file_is_judged(void **state)
{
    (void)state;
    struct error error = {0};
    int fd = open(base, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    this_mount_is_the_stick(fd);
    refused(judge_output(fd, &error), &error, "[road-removable]");
    close(fd);
}

static void standard_output_to_a_pipe_passes_and_is_recorded(void **state)
{
    (void)state;
    struct error error = {0};
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(judge_output(ends[1], &error), STATUS_OK);
    recorded("stream", "pipe");
    close(ends[0]);
    close(ends[1]);
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_int_equal(judge_output(nothing, &error), STATUS_OK);
    recorded("class", "unknown");
    close(nothing);
}

/* ------------------------------------------------------------------ --onto-removable */

static void only_an_unlocked_key_is_heard(void **state)
{
    (void)state;
    const struct age_identity locked = {0};
    const struct age_identity open = {.secret_key = (unsigned char *)base};
    cli.arguments.onto_removable = "the office burned down";
    stays("/media/stick/out", "[road-identity]");
    cli_road_unlock(&road, &locked, false);
    stays("/media/stick/out", "[road-identity]");
    cli_road_unlock(&road, &open, false);
    goes("/media/stick/out");
    recorded("reason", "the office burned down");
    struct error error = {0};
    cli.arguments.onto_removable = "";
    assert_int_equal(cli_road_check_path(&road, "/media/stick/out", &error), STATUS_USAGE);
}

static void a_policy_that_allows_no_persons_is_final(void **state)
{
    (void)state;
    cli.arguments.onto_removable = "the office burned down";
    cli_road_unlock(&road, &(struct age_identity){.secret_key = (unsigned char *)base}, true);
    signed_policy(0);
    stays("/media/stick/out", "[road-persons]");
    signed_policy(1000);
    goes("/media/stick/out");
    assert_int_equal(json_integer_value(json_object_get(last_record(), "policy")), 7);
    road.rules = CLI_RULES_UNKNOWN;
    stays("/media/stick/out", "[road-policy]");
}

static void with_a_policy_the_identity_is_a_managers(void **state)
{
    (void)state;
    struct error error = {0};
    struct age_identity identity = {0};
    char text[AGE_RECIPIENT_TEXT_SIZE];
    assert_int_equal(age_identity_generate(&identity, &error), STATUS_OK);
    age_recipient_format(text, &identity.recipient);
    struct policy_person person = {.id = (char[]){"sato"}, .roles = ROLE_STAFF, .recipient = text};
    signed_policy(1000);
    road.policy.policy.people = &person;
    road.policy.policy.people_count = 1;
    cli.arguments.onto_removable = "the office burned down";
    cli_road_unlock(&road, &identity, false);
    stays("/media/stick/out", "[road-identity]");
    person.roles = ROLE_DEPUTY;
    goes("/media/stick/out");
    age_identity_free(&identity);
}

/* ------------------------------------------------------------------ store, state */

static void a_store_needs_enrolment_where_it_cannot_be_followed(void **state)
{
    (void)state;
    road.road = ROAD_STORE;
    goes("/srv/memory/vault");
    goes("/srv/share/vault");
    stays("/media/stick/vault", "[road-removable]");
    road.place_count = 0;
    signed_policy(0);
    stays("/srv/memory/vault", "[road-unknown]");
    road.rules = CLI_RULES_UNKNOWN;
    stays("/srv/memory/vault", "[road-unknown]");
    goes("/home/vault");
}

static void an_enrolled_disk_takes_what_it_is_enrolled_for(void **state)
{
    (void)state;
    struct error error = {0};
    struct place place;
    char fingerprint[MEDIUM_FINGERPRINT_SIZE];
    tree_file(tree.udev, "b8:16", "E:ID_FS_TYPE=vfat\nE:ID_FS_UUID=AAAA-BBBB\n");
    assert_int_equal(place_judge_path(&place, "/media/stick", &tree.roots, &error), STATUS_OK);
    assert_int_equal(medium_fingerprint(fingerprint, &place.identity, &error), STATUS_OK);
    struct policy_disk disk = {
        .name = (char[]){"vault"}, .fingerprint = fingerprint, .store = true};
    signed_policy(0);
    road.policy.policy.disks = &disk;
    road.policy.policy.disk_count = 1;
    road.road = ROAD_STORE;
    stays("/media/stick/vault", "[road-removable]"); /* a whole repository there is never allowed */
    road.place_count = 0;
    road.policy.policy.limits.max_persons_repository_copy = 1000;
    goes("/media/stick/vault");
    road.place_count = 0;
    road.road = ROAD_OUTPUT;
    stays("/media/stick/out", "[road-removable]");
    road.road = ROAD_STORE;
    fingerprint[0] = fingerprint[0] == '0' ? '1' : '0';
    stays("/media/stick/vault", "[road-removable]");
}

static void persons(int64_t number, bool uncounted, const char *rule)
{
    struct error error = {0};
    enum status status = cli_road_check_persons(&road, number, uncounted, &error);
    if (rule == NULL) {
        assert_int_equal(status, STATUS_OK);
    } else {
        refused(status, &error, rule);
    }
}

static void as_many_persons_as_the_policy_says(void **state)
{
    (void)state;
    struct error error = {0};
    struct place place;
    char fingerprint[MEDIUM_FINGERPRINT_SIZE];
    tree_file(tree.udev, "b8:16", "E:ID_FS_TYPE=vfat\nE:ID_FS_UUID=AAAA-BBBB\n");
    assert_int_equal(place_judge_path(&place, "/media/stick", &tree.roots, &error), STATUS_OK);
    assert_int_equal(medium_fingerprint(fingerprint, &place.identity, &error), STATUS_OK);
    struct policy_disk disk = {
        .name = (char[]){"vault"}, .fingerprint = fingerprint, .store = true, .output = true};
    signed_policy(20);
    road.policy.policy.disks = &disk;
    road.policy.policy.disk_count = 1;
    road.policy.policy.limits.max_persons_repository_copy = 1000;
    /* Nobody is counted who stays on this machine. */
    goes("/home/out");
    persons(1000000, true, NULL);
    goes("/media/stick/out");
    persons(20, false, NULL);
    persons(21, false, "[road-persons]");
    persons(-1, true, "[road-persons]");
    persons(-1, false, NULL); /* documents alone */
    road.road = ROAD_STORE;
    persons(1000, false, NULL);
    persons(1001, false, "[road-persons]");
    persons(3, true, "[road-persons]");
    /* Without a policy there is no number: whoever has the key decides. */
    road.rules = CLI_RULES_NONE;
    persons(1001, true, NULL);
}

static void the_state_stays_on_this_machine(void **state)
{
    (void)state;
    road.road = ROAD_STAGING;
    goes("/var/lib/kura");
    goes("/srv/memory/state");
    recorded("class", "unknown");
    stays("/media/stick/state", "[road-removable]");
    stays("/srv/share/state", "[road-network]");
    road.place_count = 0;
    signed_policy(0);
    goes("/var/lib/kura");
    stays("/srv/memory/state", "[road-unknown]");
}

static void a_machine_that_runs_from_a_card_keeps_its_state_there(void **state)
{
    (void)state;
    tree_mounts(&tree, "27 1 179:0 / / rw - ext4 /dev/mmcblk0 rw\n"
                       "36 27 8:16 / /media/stick rw - vfat /dev/sdb rw\n");
    road.road = ROAD_STAGING;
    goes("/var/lib/kura");
    recorded("class", "removable");
    stays("/media/stick/state", "[road-removable]");
    road.place_count = 0;
    signed_policy(0);
    stays("/var/lib/kura", "[road-removable]");
    /* What comes out readable is another matter. */
    road.rules = CLI_RULES_NONE;
    road.road = ROAD_OUTPUT;
    stays("/home/out", "[road-removable]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(output_goes_anywhere_but_onto_removable_media, begin, end),
        cmocka_unit_test_setup_teardown(every_way_onto_the_stick_is_found, begin, end),
        cmocka_unit_test_setup_teardown(a_link_onto_the_stick_is_judged_where_it_leads, begin, end),
        cmocka_unit_test_setup_teardown(a_stick_that_is_exchanged_is_another_place, begin, end),
        cmocka_unit_test_setup_teardown(one_output_has_one_place, begin, end),
        cmocka_unit_test_setup_teardown(standard_output_to_a_file_is_judged, begin, end),
        cmocka_unit_test_setup_teardown(standard_output_to_a_pipe_passes_and_is_recorded, begin,
                                        end),
        cmocka_unit_test_setup_teardown(only_an_unlocked_key_is_heard, begin, end),
        cmocka_unit_test_setup_teardown(a_policy_that_allows_no_persons_is_final, begin, end),
        cmocka_unit_test_setup_teardown(with_a_policy_the_identity_is_a_managers, begin, end),
        cmocka_unit_test_setup_teardown(a_store_needs_enrolment_where_it_cannot_be_followed, begin,
                                        end),
        cmocka_unit_test_setup_teardown(an_enrolled_disk_takes_what_it_is_enrolled_for, begin, end),
        cmocka_unit_test_setup_teardown(as_many_persons_as_the_policy_says, begin, end),
        cmocka_unit_test_setup_teardown(the_state_stays_on_this_machine, begin, end),
        cmocka_unit_test_setup_teardown(a_machine_that_runs_from_a_card_keeps_its_state_there,
                                        begin, end),
    };
    struct error error;
    if (base_start(&error) != STATUS_OK || mkdtemp(base) == NULL) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(base) != 0 || failed;
}
