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
static enum status choose(char ids[256], size_t *left, const unsigned long *tables, size_t count,
                          struct error *error)
{
    CLEANUP(buffer_free) struct buffer lines = {0};
    enum status status = dump_entries_choose(&lines, left, list, tables, count, error);
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
        unsigned long table;
        const char *ids;
        size_t left;
    } cases[] = {
        {216, "216 3392 215 3393 3220 3376 3394 3224 3222 ", 0},
        {219, "219 220 3219 3379 3227 3228 3231 ", 0},
        {220, "220 3379 ", 3}, /* what ties it to its parent */
        {218, "218 217 3378 ", 1},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char ids[256];
        size_t left = 0;
        struct error error = {0};
        assert_int_equal(choose(ids, &left, &cases[i].table, 1, &error), STATUS_OK);
        assert_string_equal(ids, cases[i].ids);
        assert_int_equal(left, cases[i].left);
    }
    /* With both tables the foreign key comes along. */
    const unsigned long both[] = {218, 216};
    char ids[256];
    size_t left = 9;
    struct error error = {0};
    assert_int_equal(choose(ids, &left, both, LENGTH(both), &error), STATUS_OK);
    assert_non_null(strstr(ids, "3232 "));
    assert_int_equal(left, 0);
}

static void test_tables(void **state)
{
    (void)state;
    unsigned long id = 0;
    assert_int_equal(dump_entries_table(&id, list), 5);
    assert_int_equal(dump_entries_table(&id, ";\n; Archive\n\n7; 1259 5 VIEW public x owner\n"
                                             "9; 1259 4 TABLE a b c d\n11; 0 4 TABLE DATA a b c"),
                     1);
    assert_int_equal(id, 9);
    assert_int_equal(dump_entries_table(&id, ""), 0);
    /* An owner whose name has a blank: the foreign key that stays behind is counted. */
    static const char owned[] = "1; 1259 1 TABLE public cars the owner\n"
                                "2; 1259 2 TABLE public men the owner\n"
                                "3; 2606 3 FK CONSTRAINT public cars of_man the owner\n"
                                ";\tdepends on: 1 2\n";
    for (unsigned long table = 1; table <= 2; table++) {
        CLEANUP(buffer_free) struct buffer lines = {0};
        struct error problem = {0};
        size_t left_out;
        assert_int_equal(dump_entries_choose(&lines, &left_out, owned, &table, 1, &problem),
                         STATUS_OK);
        assert_int_equal(left_out, table == 1);
    }
    /* No table: nothing is chosen. */
    const unsigned long others[] = {230, 99999};
    char ids[256];
    size_t left;
    struct error error = {0};
    assert_int_equal(choose(ids, &left, others, LENGTH(others), &error), STATUS_OK);
    assert_string_equal(ids, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_belongs),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
