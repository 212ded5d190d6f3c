/* dump_entries: what of an archive belongs to a table, in the words of pg_restore 15. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "restore/dump_entries.h"
#include <string.h>

static const char list[] =
    ";\n; Archive created at 2026-11-27 23:14:30 UTC\n;\n"
    "3389; 1262 16384 DATABASE - shop owner\n"
    "6; 2615 16385 SCHEMA - the shop owner\n"
    "216; 1259 16387 TABLE public customers owner\n"
    "3392; 0 0 COMMENT public TABLE customers owner\n;\tdepends on: 216\n"
    "215; 1259 16386 SEQUENCE public customers_id_seq owner\n;\tdepends on: 216\n"
    "3393; 0 0 SEQUENCE OWNED BY public customers_id_seq owner\n;\tdepends on: 215\n"
    "230; 1259 16500 VIEW public names owner\n;\tdepends on: 216\n"
    "219; 1259 16408 TABLE public p owner\n"
    "220; 1259 16411 TABLE public p1 owner\n;\tdepends on: 219\n"
    "218; 1259 16397 TABLE the shop the cars owner\n;\tdepends on: 6\n"
    "217; 1259 16396 SEQUENCE the shop the cars_id_seq owner\n;\tdepends on: 6 218\n"
    "231; 1259 16501 TABLE the shop customers owner\n;\tdepends on: 6\n"
    "3219; 0 0 TABLE ATTACH public p1 owner\n;\tdepends on: 220 219\n"
    "3220; 2604 16390 DEFAULT public customers id owner\n;\tdepends on: 216 215 216\n"
    "3376; 0 16387 TABLE DATA public customers owner\n;\tdepends on: 216\n"
    "3379; 0 16411 TABLE DATA public p1 owner\n;\tdepends on: 220\n"
    "3378; 0 16397 TABLE DATA the shop the cars owner\n;\tdepends on: 218\n"
    "3394; 0 0 SEQUENCE SET public customers_id_seq owner\n;\tdepends on: 215\n"
    "3224; 2606 16394 CONSTRAINT public customers customers_pkey owner\n;\tdepends on: 216\n"
    "3222; 1259 16395 INDEX public customers_name_idx owner\n;\tdepends on: 216\n"
    "3227; 1259 16414 INDEX public p_d_idx owner\n;\tdepends on: 219\n"
    "3228; 1259 16415 INDEX public p1_d_idx owner\n;\tdepends on: 220 220 3227\n"
    "3231; 0 0 INDEX ATTACH public p1_d_idx owner\n;\tdepends on: 3228 3227 220 219\n"
    "3232; 2606 16403 FK CONSTRAINT the shop the cars the cars_fkey owner\n"
    ";\tdepends on: 3224 218 216\n";

/* The ids of the chosen lines, in their order. */
static enum status choose(char ids[256], size_t *left, const char *const *tables,
                          struct error *error)
{
    CLEANUP(buffer_free) struct buffer lines = {0};
    enum status status = dump_entries_choose(&lines, left, list, tables, error);
    ids[0] = '\0';
    for (size_t i = 0; i < lines.size;) {
        size_t size = strcspn((const char *)lines.data + i, ";");
        strncat(ids, (const char *)lines.data + i, size);
        strcat(ids, " ");
        i += strcspn((const char *)lines.data + i, "\n") + 1;
    }
    return status;
}

static void test_what_belongs(void **state)
{
    (void)state;
    const struct {
        const char *table;
        const char *ids;
        size_t left;
    } cases[] = {
        {"public.customers", "216 3392 215 3393 3220 3376 3394 3224 3222 ", 0},
        {"p", "219 220 3219 3379 3227 3228 3231 ", 0},
        {"p1", "220 3379 ", 3}, /* what ties it to its parent */
        {"the shop.the cars", "218 217 3378 ", 1},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const char *const tables[] = {cases[i].table, NULL};
        char ids[256];
        size_t left = 0;
        struct error error = {0};
        assert_int_equal(choose(ids, &left, tables, &error), STATUS_OK);
        assert_string_equal(ids, cases[i].ids);
        assert_int_equal(left, cases[i].left);
    }
    /* With both tables the foreign key comes along. */
    const char *const both[] = {"the cars", "public.customers", NULL};
    char ids[256];
    size_t left = 9;
    struct error error = {0};
    assert_int_equal(choose(ids, &left, both, &error), STATUS_OK);
    assert_non_null(strstr(ids, "3232 "));
    assert_int_equal(left, 0);
}

static void test_names(void **state)
{
    (void)state;
    const struct {
        const char *table;
        enum status status;
    } cases[] = {
        {"customers", STATUS_USAGE},           {"cars", STATUS_OK}, /* "the shop the" and "cars":
                                                                       blanks in names are not
                                                                       marked */
        {"names", STATUS_NOT_FOUND},           {"p2", STATUS_NOT_FOUND},  {"", STATUS_NOT_FOUND},
        {"public.the cars", STATUS_NOT_FOUND}, {"the", STATUS_NOT_FOUND}, /* but part of a name */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const char *const tables[] = {cases[i].table, NULL};
        char ids[256];
        size_t left;
        struct error error = {0};
        assert_int_equal(choose(ids, &left, tables, &error), cases[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_belongs),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
