/* fingerprint: of one text that another program can hash, and different for whatever differs. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/medium.h"
#include <string.h>

static const struct medium_identity stick = {
    .usb_vendor = "0951",
    .usb_product = "1666",
    .serial = "60A44C413FAE",
    .size = 31104958464,
    .fs_type = "vfat",
    .fs_uuid = "AAAA-BBBB",
};

static void take(char fingerprint[MEDIUM_FINGERPRINT_SIZE], const struct medium_identity *identity)
{
    struct error error;
    assert_int_equal(medium_fingerprint(fingerprint, identity, &error), STATUS_OK);
}

/* printf 'kura-medium-1\nusb-vendor 4:0951\nusb-product 4:1666\nserial 12:60A44C413FAE\n
 * size 31104958464\nfs-uuid 9:AAAA-BBBB\n' | b2sum -l 256 */
static void as_b2sum_says(void **state)
{
    (void)state;
    char fingerprint[MEDIUM_FINGERPRINT_SIZE];
    take(fingerprint, &stick);
    assert_string_equal(fingerprint,
                        "82a48e1fe5f20f936600ea309720cfed0718c64801e600e5ecead77960b398e7");
}

static void every_part_counts(void **state)
{
    (void)state;
    char all[7][MEDIUM_FINGERPRINT_SIZE];
    struct medium_identity changed[7] = {stick, stick, stick, stick, stick, stick, stick};
    changed[1].usb_vendor[0] = '1';
    changed[2].usb_product[0] = '2';
    changed[3].serial[0] = '7';
    changed[4].size++;
    changed[5].fs_uuid[0] = 'B';
    /* What ends one value cannot be moved into the next. */
    memcpy(changed[6].serial, "60A44C413FAE\nsize 1", 20);
    for (size_t i = 0; i < LENGTH(all); i++) {
        take(all[i], &changed[i]);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(all[i], all[j]);
        }
    }
}

static void the_name_of_the_type_does_not_count(void **state)
{
    (void)state;
    char a[MEDIUM_FINGERPRINT_SIZE];
    char b[MEDIUM_FINGERPRINT_SIZE];
    struct medium_identity other = stick;
    memcpy(other.fs_type, "fuseblk", 8);
    take(a, &stick);
    take(b, &other);
    assert_string_equal(a, b);
}

static void none_without_a_file_system(void **state)
{
    (void)state;
    char fingerprint[MEDIUM_FINGERPRINT_SIZE];
    struct error error;
    struct medium_identity bare = stick;
    bare.fs_uuid[0] = '\0';
    assert_int_equal(medium_fingerprint(fingerprint, &bare, &error), STATUS_UNSUPPORTED);
    assert_string_not_equal(error.hint, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_b2sum_says),
        cmocka_unit_test(every_part_counts),
        cmocka_unit_test(the_name_of_the_type_does_not_count),
        cmocka_unit_test(none_without_a_file_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
