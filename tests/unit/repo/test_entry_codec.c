/* Every field of an entry comes back; whatever is cut, lengthened or out of its bounds is refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../../src/repo/node.h"
#include <stdlib.h>
#include <string.h>

static struct entry full_entry(void)
{
    static char acl_name[] = "system.posix_acl_access";
    static unsigned char acl[] = {2, 0, 0, 0, 1};
    static char empty_name[] = "user.empty";
    static struct entry_attribute attributes[] = {
        {acl_name, acl, sizeof acl},
        {empty_name, acl, 0},
    };
    static char path[] = "2024/\xe6\xa4\x9c\xe6\x9f\xbb \xff.pdf";
    static char user[] = "shop";
    static char group[] = "staff";
    return (struct entry){.path = path,
                          .user = user,
                          .group = group,
                          .type = ENTRY_FILE,
                          .mode = 04750,
                          .uid = 1000,
                          .gid = UINT32_MAX,
                          .size = 12,
                          .device_number = 5,
                          .modified = {-1, 999999999},
                          .attributes = attributes,
                          .attribute_count = 2};
}

static struct content inline_content(void)
{
    struct error error;
    struct content content = {.inlined = true, .size = 12};
    assert_int_equal(buffer_append(&content.data, "twelve bytes", 12, &error), STATUS_OK);
    return content;
}

/* Two chunks and a hole: 1000 + 50 + 4000 bytes. */
static struct content list_content(void)
{
    struct error error;
    struct content content = {.size = 5050, .count = 3, .rotation = 1000};
    unsigned char key[CHUNK_KEY_SIZE] = {7};
    struct buffer *data = &content.data;
    assert_int_equal(buffer_append_u8(data, 0, &error), STATUS_OK);
    assert_int_equal(buffer_append_u32(data, 3, &error), STATUS_OK);
    assert_int_equal(buffer_append_u32(data, 1000, &error), STATUS_OK);
    assert_int_equal(buffer_append(data, key, sizeof key, &error), STATUS_OK);
    assert_int_equal(buffer_append_u32(data, 0, &error), STATUS_OK);
    assert_int_equal(buffer_append_u64(data, 50, &error), STATUS_OK);
    assert_int_equal(buffer_append_u32(data, 4000, &error), STATUS_OK);
    assert_int_equal(buffer_append(data, key, sizeof key, &error), STATUS_OK);
    return content;
}

static void assert_same(const struct entry *a, const struct entry *b)
{
    assert_string_equal(a->path, b->path);
    assert_string_equal(a->user, b->user);
    assert_string_equal(a->group, b->group);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->mode, b->mode);
    assert_int_equal(a->uid, b->uid);
    assert_int_equal(a->gid, b->gid);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->device_number, b->device_number);
    assert_int_equal(moment_compare(a->modified, b->modified), 0);
    assert_int_equal(a->attribute_count, b->attribute_count);
    for (size_t i = 0; i < a->attribute_count; i++) {
        assert_string_equal(a->attributes[i].name, b->attributes[i].name);
        assert_int_equal(a->attributes[i].size, b->attributes[i].size);
        assert_memory_equal(a->attributes[i].value, b->attributes[i].value, b->attributes[i].size);
    }
}

static void check_round_trip(const struct entry *entry, const struct content *content)
{
    struct error error = {0};
    struct buffer record = {0};
    struct buffer again = {0};
    struct entry decoded;
    struct content list;
    assert_int_equal(entry_encode(&record, entry, content, &error), STATUS_OK);
    assert_int_equal(entry_decode(&decoded, &list, record.data, record.size, &error), STATUS_OK);
    assert_same(&decoded, entry);
    assert_int_equal(list.size, content->size);
    assert_int_equal(list.rotation, content->rotation);
    assert_int_equal(list.inlined, content->inlined);
    assert_int_equal(list.count, content->count);
    assert_int_equal(list.data.size, content->data.size);
    assert_memory_equal(list.data.data, content->data.data, content->data.size);
    assert_int_equal(entry_encode(&again, &decoded, &list, &error), STATUS_OK);
    assert_int_equal(again.size, record.size);
    assert_memory_equal(again.data, record.data, record.size);
    /* Each shorter record, and a longer one, is refused. */
    for (size_t size = 0; size < record.size; size++) {
        struct entry cut;
        struct content cut_content;
        unsigned char *exact = malloc(size + 1);
        memcpy(exact, record.data, size);
        assert_int_equal(entry_decode(&cut, &cut_content, exact, size, &error), STATUS_CORRUPT);
        assert_null(cut.path);
        free(exact);
    }
    struct entry longer;
    struct content longer_content;
    assert_int_equal(buffer_append_u8(&record, 0, &error), STATUS_OK);
    assert_int_equal(entry_decode(&longer, &longer_content, record.data, record.size, &error),
                     STATUS_CORRUPT);
    entry_free(&decoded);
    content_free(&list);
    buffer_free(&record);
    buffer_free(&again);
}

static void test_inline_round_trip(void **state)
{
    (void)state;
    struct entry entry = full_entry();
    struct content content = inline_content();
    check_round_trip(&entry, &content);
    content_free(&content);
}

static void test_list_round_trip(void **state)
{
    (void)state;
    struct entry entry = full_entry();
    struct content content = list_content();
    entry.size = content.size;
    check_round_trip(&entry, &content);
    content_free(&content);
}

static enum status recode(const struct entry *entry, const struct content *content)
{
    struct error error = {0};
    struct buffer record = {0};
    struct entry decoded;
    struct content list;
    enum status status = entry_encode(&record, entry, content, &error);
    if (status == STATUS_OK) {
        status = entry_decode(&decoded, &list, record.data, record.size, &error);
    }
    if (status == STATUS_OK) {
        entry_free(&decoded);
        content_free(&list);
    }
    buffer_free(&record);
    return status;
}

static void test_every_type_round_trips(void **state)
{
    (void)state;
    for (unsigned type = ENTRY_FOLDER; type <= ENTRY_HARD_LINK; type++) {
        struct entry entry = {.type = (enum entry_type)type, .path = (char[]){"x"}, .size = 4096};
        assert_int_equal(recode(&entry, NULL), type == ENTRY_SYMLINK || type == ENTRY_HARD_LINK
                                                   ? STATUS_CORRUPT
                                                   : STATUS_OK);
        entry.link = (char[]){"y"};
        assert_int_equal(recode(&entry, NULL), type == ENTRY_SYMLINK || type == ENTRY_HARD_LINK
                                                   ? STATUS_OK
                                                   : STATUS_CORRUPT);
    }
}

static void test_paths_that_must_not_be_written_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"../x", "a/../b", "/etc", "a//b", ".", "a/", "a/./b"};
    struct content content = inline_content();
    for (size_t i = 0; i < LENGTH(bad); i++) {
        struct entry entry = full_entry();
        char path[16];
        strcpy(path, bad[i]);
        entry.path = path;
        assert_int_equal(recode(&entry, &content), STATUS_CORRUPT);
        struct entry link = {.type = ENTRY_HARD_LINK, .path = (char[]){"x"}, .link = path};
        assert_int_equal(recode(&link, NULL), STATUS_CORRUPT);
    }
    content_free(&content);
}

static void test_fields_out_of_bounds_are_refused(void **state)
{
    (void)state;
    struct content content = inline_content();
    struct entry entry = full_entry();
    entry.mode = 010000;
    assert_int_equal(recode(&entry, &content), STATUS_CORRUPT);
    entry = full_entry();
    entry.modified.nanoseconds = 1000000000;
    assert_int_equal(recode(&entry, &content), STATUS_CORRUPT);
    entry = full_entry();
    entry.type = (enum entry_type)9;
    assert_int_equal(recode(&entry, &content), STATUS_CORRUPT);
    entry = full_entry();
    content.size = 13; /* not what is inline */
    assert_int_equal(recode(&entry, &content), STATUS_CORRUPT);
    content_free(&content);
}

static void test_lists_that_do_not_add_up_are_refused(void **state)
{
    (void)state;
    struct entry entry = full_entry();
    struct content content = list_content();
    content.size = 5051;
    assert_int_equal(recode(&entry, &content), STATUS_CORRUPT);
    content.size = 5049;
    assert_int_equal(recode(&entry, &content), STATUS_CORRUPT);
    content.size = 5050;
    content.rotation = 5050;
    assert_int_equal(recode(&entry, &content), STATUS_CORRUPT);
    content.rotation = 0;
    assert_int_equal(recode(&entry, &content), STATUS_OK);
    content.data.data[0] = 1; /* the same bytes as references to nodes */
    assert_int_equal(recode(&entry, &content), STATUS_CORRUPT);
    content.data.data[0] = NODE_LEVELS;
    assert_int_equal(recode(&entry, &content), STATUS_CORRUPT);
    content.data.data[0] = 0;
    content.data.data[1] = 4; /* one reference more than there is */
    assert_int_equal(recode(&entry, &content), STATUS_CORRUPT);
    content_free(&content);
}

static void test_sizes_cannot_overflow(void **state)
{
    (void)state;
    struct error error;
    struct entry entry = full_entry();
    struct content content = {.size = 10, .count = 2};
    assert_int_equal(buffer_append_u8(&content.data, 0, &error), STATUS_OK);
    assert_int_equal(buffer_append_u32(&content.data, 2, &error), STATUS_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(buffer_append_u32(&content.data, 0, &error), STATUS_OK);
        assert_int_equal(buffer_append_u64(&content.data, (UINT64_MAX / 2) + 6, &error), STATUS_OK);
    }
    assert_int_equal(recode(&entry, &content), STATUS_CORRUPT);
    content_free(&content);
}

static void test_too_much_is_refused_when_written(void **state)
{
    (void)state;
    struct error error = {0};
    struct buffer record = {0};
    struct entry entry = full_entry();
    struct content content = inline_content();
    static unsigned char value[ENTRY_ATTRIBUTE_MAX + 1];
    struct entry_attribute one = {(char[]){"user.x"}, value, sizeof value};
    entry.attributes = &one;
    entry.attribute_count = 1;
    assert_int_equal(entry_encode(&record, &entry, &content, &error), STATUS_UNSUPPORTED);
    assert_int_equal(record.size, 0);
    assert_non_null(strstr(error.message, "2024/"));
    struct entry_attribute many[64];
    for (size_t i = 0; i < 64; i++) {
        many[i] = (struct entry_attribute){(char[]){"user.x"}, value, ENTRY_ATTRIBUTE_MAX};
    }
    entry.attributes = many;
    entry.attribute_count = 64;
    assert_int_equal(entry_encode(&record, &entry, &content, &error), STATUS_UNSUPPORTED);
    buffer_free(&record);
    content_free(&content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inline_round_trip),
        cmocka_unit_test(test_list_round_trip),
        cmocka_unit_test(test_every_type_round_trips),
        cmocka_unit_test(test_paths_that_must_not_be_written_are_refused),
        cmocka_unit_test(test_fields_out_of_bounds_are_refused),
        cmocka_unit_test(test_lists_that_do_not_add_up_are_refused),
        cmocka_unit_test(test_sizes_cannot_overflow),
        cmocka_unit_test(test_too_much_is_refused_when_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
