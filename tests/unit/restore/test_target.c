/* target: nothing is written outside, nothing half appears, nothing that is there is lost. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "restore/target.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[] = "/tmp/kura-test-XXXXXX";
static char root[64];
static const unsigned char snapshot[OBJECT_ID_SIZE] = {5};
static const unsigned char other_snapshot[OBJECT_ID_SIZE] = {6};

static struct target *open_target(const unsigned char *id, bool replace)
{
    struct error error;
    struct target *target;
    struct target_options options = {.path = root, .snapshot = id, .replace = replace};
    assert_int_equal(target_open(&target, &options, &error), STATUS_OK);
    return target;
}

static struct entry file_entry(char *path)
{
    return (struct entry){
        .path = path, .type = ENTRY_FILE, .mode = 0640, .size = 5, .modified = {1000, 123456789}};
}

static enum status put(struct target *target, uint64_t number, char *path, const char *text,
                       struct error *error)
{
    struct entry entry = file_entry(path);
    enum status status = target_begin_file(target, number, 5, error);
    if (status == STATUS_OK) {
        status = target_write_file(target, number, 0, text, 5, error);
    }
    return status != STATUS_OK ? status
                               : target_finish_file(target, number, "documents", &entry, error);
}

static void content_is(const char *path, const char *text)
{
    struct error error;
    struct buffer content = {0};
    char full[128];
    snprintf(full, sizeof full, "%s/%s", root, path);
    assert_int_equal(file_read(&content, full, 100, &error), STATUS_OK);
    assert_int_equal(content.size, strlen(text));
    assert_memory_equal(content.data, text, content.size);
    buffer_free(&content);
}

static void a_symlink_of_the_snapshot_does_not_lead_out(void **state)
{
    (void)state;
    struct error error;
    struct target *target = open_target(snapshot, false);
    static char name[] = "leads-out";
    static char inside[] = "leads-out/file";
    static char below[] = "leads-out";
    struct entry link = {.path = name, .link = base, .type = ENTRY_SYMLINK};
    assert_int_equal(target_make_special(target, "documents", &link, &error), STATUS_OK);
    assert_int_not_equal(put(target, 1, inside, "12345", &error), STATUS_OK);
    assert_int_not_equal(target_make_folder(target, "documents", below, &error), STATUS_OK);
    char outside[128];
    snprintf(outside, sizeof outside, "%s/file", base);
    assert_int_not_equal(access(outside, F_OK), 0);
    target_free(target);
}

static void existing_files_stay_unless_replaced(void **state)
{
    (void)state;
    struct error error;
    static char path[] = "a/b/c";
    struct target *target = open_target(snapshot, false);
    assert_int_equal(put(target, 1, path, "first", &error), STATUS_OK);
    content_is("documents/a/b/c", "first");
    assert_int_equal(put(target, 2, path, "other", &error), STATUS_EXISTS);
    content_is("documents/a/b/c", "first");
    target_free(target);
    target = open_target(snapshot, true);
    assert_int_equal(put(target, 3, path, "third", &error), STATUS_OK);
    content_is("documents/a/b/c", "third");
    assert_int_equal(target_finish(target, &error), STATUS_OK);
    target_free(target);
    char staging[128];
    snprintf(staging, sizeof staging, "%s/%s", root, TARGET_STAGING);
    assert_int_not_equal(access(staging, F_OK), 0);
}

static void only_the_same_snapshot_is_resumed(void **state)
{
    (void)state;
    struct error error;
    static char path[] = "resumed";
    struct entry entry = file_entry(path);
    enum target_place place;
    struct target *target = open_target(snapshot, false);
    assert_int_equal(put(target, 1, path, "whole", &error), STATUS_OK);
    target_free(target); /* interrupted: the marker stays */
    target = open_target(snapshot, false);
    assert_int_equal(target_look(&place, target, "documents", &entry, &error), STATUS_OK);
    assert_int_equal(place, PLACE_FINISHED);
    entry.modified.nanoseconds++;
    assert_int_equal(target_look(&place, target, "documents", &entry, &error), STATUS_OK);
    assert_int_equal(place, PLACE_TAKEN);
    entry.modified.nanoseconds--;
    target_free(target);
    target = open_target(other_snapshot, false);
    assert_int_equal(target_look(&place, target, "documents", &entry, &error), STATUS_OK);
    assert_int_equal(place, PLACE_TAKEN);
    target_free(target);
}

/* What a database that was erased from is by now is known to the next run, and to no other. */
static void the_size_of_an_erased_one_is_noted(void **state)
{
    (void)state;
    struct error error;
    uint64_t size = 4096;
    static char path[] = "noted";
    struct target *target = open_target(snapshot, false);
    target_noted_size(&size, target, 3);
    assert_int_equal(size, 4096);
    assert_int_equal(target_note_size(target, 3, 77, &error), STATUS_OK);
    assert_int_equal(put(target, 1, path, "whole", &error), STATUS_OK);
    target_free(target);
    target = open_target(snapshot, false);
    target_noted_size(&size, target, 2);
    assert_int_equal(size, 4096);
    target_noted_size(&size, target, 3);
    assert_int_equal(size, 77);
    target_free(target);
    target = open_target(other_snapshot, false);
    size = 4096;
    target_noted_size(&size, target, 3);
    assert_int_equal(size, 4096);
    target_free(target);
}

static void other_rules_are_not_resumed(void **state)
{
    (void)state;
    struct error error;
    static const unsigned char before[OBJECT_ID_SIZE] = {1}, now[OBJECT_ID_SIZE] = {2};
    struct target *target;
    struct target_options options = {.path = root, .snapshot = snapshot, .rules = before};
    assert_int_equal(target_open(&target, &options, &error), STATUS_OK);
    target_free(target);
    assert_int_equal(target_open(&target, &options, &error), STATUS_OK);
    target_free(target);
    options.rules = now;
    assert_int_equal(target_open(&target, &options, &error), STATUS_EXISTS);
    options.rules = NULL;
    assert_int_equal(target_open(&target, &options, &error), STATUS_EXISTS);
    options.rules = before;
    assert_int_equal(target_open(&target, &options, &error), STATUS_OK);
    assert_int_equal(target_finish(target, &error), STATUS_OK);
    target_free(target);
}

static void metadata_comes_back(void **state)
{
    (void)state;
    struct error error;
    static char path[] = "metadata";
    struct stat facts;
    char full[128];
    struct target *target = open_target(snapshot, false);
    assert_int_equal(put(target, 1, path, "12345", &error), STATUS_OK);
    target_free(target);
    snprintf(full, sizeof full, "%s/documents/metadata", root);
    assert_int_equal(stat(full, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0640);
    assert_int_equal(facts.st_mtim.tv_sec, 1000);
    assert_int_equal(facts.st_mtim.tv_nsec, 123456789);
}

/* Allows it so many times. */
static enum status judge_some(void *context, int fd, struct error *error)
{
    unsigned *left = context;
    struct stat facts, wanted;
    assert_int_equal(fstat(fd, &facts), 0);
    assert_int_equal(stat(root, &wanted), 0);
    assert_int_equal(facts.st_ino, wanted.st_ino);
    if (*left == 0) {
        return error_set(error, STATUS_REFUSED, 0, "refused");
    }
    (*left)--;
    return STATUS_OK;
}

static void a_refused_target_is_not_written_to(void **state)
{
    (void)state;
    struct error error;
    struct target *target;
    unsigned left = 0;
    char full[128];
    char path[] = "judged";
    snprintf(root, sizeof root, "%s/judged", base);
    const struct target_options options = {
        .path = root, .snapshot = snapshot, .judge = judge_some, .judge_context = &left};
    assert_int_equal(target_open(&target, &options, &error), STATUS_REFUSED);
    snprintf(full, sizeof full, "%s/%s", root, TARGET_STAGING);
    assert_int_equal(access(full, F_OK), -1);

    /* And what is exchanged in the meantime is noticed at the end. */
    left = 1;
    assert_int_equal(target_open(&target, &options, &error), STATUS_OK);
    assert_int_equal(put(target, 1, path, "12345", &error), STATUS_OK);
    assert_int_equal(target_finish(target, &error), STATUS_REFUSED);
    target_free(target);
    snprintf(root, sizeof root, "%s/root", base);
}

int main(void)
{
    struct error error;
    if (base_start(&error) != STATUS_OK || mkdtemp(base) == NULL) {
        return 1;
    }
    snprintf(root, sizeof root, "%s/root", base);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_symlink_of_the_snapshot_does_not_lead_out),
        cmocka_unit_test(existing_files_stay_unless_replaced),
        cmocka_unit_test(only_the_same_snapshot_is_resumed),
        cmocka_unit_test(the_size_of_an_erased_one_is_noted),
        cmocka_unit_test(other_rules_are_not_resumed),
        cmocka_unit_test(metadata_comes_back),
        cmocka_unit_test(a_refused_target_is_not_written_to),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", base);
    return system(command) != 0 || failed;
}
