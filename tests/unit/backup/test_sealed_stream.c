/* sealed_stream: what was written is read, and nothing that was cut, changed or sealed otherwise.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "backup/sealed_stream.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE 2000000 /* several times what waits for the thread */

static char path[] = "/tmp/kura-test-XXXXXX";
static const unsigned char key[32] = {1};
static unsigned char data[SIZE];

static void write_stream(size_t size)
{
    struct error error;
    struct sealed_output *output;
    assert_int_equal(sealed_output_open(&output, path, key, &error), STATUS_OK);
    for (size_t done = 0; done < size;) {
        size_t part = size - done < 777 ? size - done : 777;
        assert_int_equal(sealed_output_write(output, data + done, part, &error), STATUS_OK);
        done += part;
    }
    assert_int_equal(sealed_output_finish(output, &error), STATUS_OK);
    sealed_output_free(output);
}

/* Reads all in pieces of 1000; returns the status of the first piece that is not there. */
static enum status read_stream(const unsigned char *with, size_t *size)
{
    struct error error;
    struct sealed_input *input;
    unsigned char piece[1000];
    bool got = true;
    *size = 0;
    enum status status = sealed_input_open(&input, path, with, &error);
    if (status != STATUS_OK) {
        return status;
    }
    while (status == STATUS_OK && got) {
        status = sealed_input_read(input, piece, sizeof piece, &got, &error);
        if (status == STATUS_OK && got) {
            assert_memory_equal(piece, data + *size, sizeof piece);
            *size += sizeof piece;
        }
    }
    sealed_input_free(input);
    return status;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1000, 65000, 131000, SIZE};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        size_t size;
        write_stream(sizes[i]);
        assert_int_equal(read_stream(key, &size), STATUS_OK);
        assert_int_equal(size, sizes[i]);
    }
}

static void a_cut_stream_does_not_end_well(void **state)
{
    (void)state;
    size_t size;
    struct stat facts;
    write_stream(SIZE);
    assert_int_equal(stat(path, &facts), 0);
    static const long cuts[] = {1, 100, 65536, 131072, 199990};
    for (size_t i = 0; i < LENGTH(cuts); i++) {
        write_stream(SIZE);
        assert_int_equal(truncate(path, facts.st_size - cuts[i]), 0);
        assert_int_equal(read_stream(key, &size), STATUS_CORRUPT);
    }
}

static void a_changed_stream_is_damaged(void **state)
{
    (void)state;
    static const unsigned char other[32] = {2};
    static const off_t places[] = {0, 23, 24, 30, 70000, 190000};
    size_t size;
    for (size_t i = 0; i < LENGTH(places); i++) {
        write_stream(SIZE);
        int fd = open(path, O_RDWR);
        unsigned char byte;
        assert_int_equal(pread(fd, &byte, 1, places[i]), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, places[i]), 1);
        close(fd);
        assert_int_equal(read_stream(key, &size), STATUS_CORRUPT);
    }
    write_stream(SIZE);
    assert_int_equal(read_stream(other, &size), STATUS_CORRUPT);
}

/* The thread fails; whoever fills is told, at the latest at the end, and nothing hangs. */
static void what_cannot_be_written_is_told(void **state)
{
    (void)state;
    const size_t sizes[] = {SIZE, 100000};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct error error;
        struct sealed_output *output;
        assert_int_equal(sealed_output_open(&output, path, key, &error), STATUS_OK);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 70000,
                                                                  .rlim_max = before.rlim_max}),
                         0);
        enum status status = STATUS_OK;
        for (size_t done = 0; status == STATUS_OK && done < sizes[i]; done += 1000) {
            status = sealed_output_write(output, data + done, 1000, &error);
        }
        status = status == STATUS_OK ? sealed_output_finish(output, &error) : status;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(status, error.status);
        assert_int_not_equal(status, STATUS_OK);
        sealed_output_free(output);
    }
}

int main(void)
{
    struct error error;
    if (base_start(&error) != STATUS_OK) {
        return 1;
    }
    signal(SIGXFSZ, SIG_IGN);
    close(mkstemp(path));
    for (size_t i = 0; i < SIZE; i++) {
        data[i] = (unsigned char)(i * 31 + i / 251);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_cut_stream_does_not_end_well),
        cmocka_unit_test(a_changed_stream_is_damaged),
        cmocka_unit_test(what_cannot_be_written_is_told),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
