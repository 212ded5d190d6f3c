/* What every store promises (kura/store.h), held against a local folder, an ordinary SFTP server
 * and a write-once one. A new driver gets a row in `kinds`.
 *
 * Where libssh2 and OpenSSH do what nobody expects, and the test that holds it (without a file: of
 * unit/store/test_sftp_line.c; .sh: a scenario):
 *
 *   after a time-out libssh2 gives the late       takes_no_late_answer
 *     answer to the next question
 *   its keepalive shortens its waits              lets_the_kernel_watch_the_line
 *   any signal handler looks like a time-out      works_under_signals
 *   it waits for ever, also when sftp-server      waits_for_no_frozen_server, network.sh,
 *     dies and sshd lives                           survives_the_death_of_sftp_server
 *   ending a dead session waits at each step      waits_for_no_frozen_server
 *   two handles in use on a session livelock      reads_any_range_of_a_pack (here)
 *   rename does not replace; FX 4 says not why    never_replaces (here)
 *   a failed upload may have holes                comes_back_in_the_middle_of_a_put,
 *                                                   takes_no_partial_name_again
 *   a full disk is FX 4, or acknowledges bytes    says_that_the_disk_is_full (here),
 *     and does not keep them                        full_disk.sh, lying_server.sh
 *   host keys: ecdsa first, @revoked ignored,     test_sftp_known_hosts.c
 *     a bad line drops all after it
 *   no RSA, no EtM, no GCM or ChaCha20, of the    test_sftp_login.c, test_sftp_known_hosts.c,
 *     server or of an encrypted key                 sftp.sh (in both languages)
 *   few channels; MaxStartups                     comes_again_when_turned_away, network.sh
 *   write-once storage permits no rename,         the third row of `kinds`, sftp.sh
 *     remove or mkdir
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/store.h"
#include "support/skip.h"
#include "support/sshd.h"
#include <sys/mount.h>

struct kind {
    const char *name;
    const char *sshd; /* lines of sshd_config; NULL: a local folder */
    bool write_once;
};

static const struct kind kinds[] = {
    {.name = "local"},
    {.name = "sftp", .sshd = SSHD_ORDINARY},
    {.name = "write-once", .sshd = SSHD_WRITE_ONCE, .write_once = true},
};

struct fixture {
    const struct kind *kind;
    struct sshd sshd;
    struct store *store;
};

static struct error error;

static void expect(enum status wanted, enum status status)
{
    if (wanted != status) {
        print_error("status %d instead of %d: %s (%s)\n", (int)status, (int)wanted, error.message,
                    error.hint);
    }
    assert_int_equal(wanted, status);
    error_clear(&error);
}

static struct store *open_at(const struct fixture *fixture, const char *folder)
{
    char url[512];
    if (fixture->kind->sshd == NULL) {
        snprintf(url, sizeof url, "%s", folder);
    } else {
        snprintf(url, sizeof url, "sftp://%s@127.0.0.1:%u%s", fixture->sshd.user,
                 fixture->sshd.port, folder);
    }
    struct store_options options = {.url = url,
                                    .identity_file = fixture->sshd.identity,
                                    .known_hosts = fixture->sshd.known_hosts,
                                    .ssh_config = "none",
                                    .deadline_seconds = 20,
                                    .retry_seconds = 5};
    struct store *store = NULL;
    expect(STATUS_OK, store_open(&store, &options, &error));
    return store;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->kind = *state;
    sshd_prepare(&fixture->sshd);
    if (fixture->kind->sshd != NULL) {
        sshd_start(&fixture->sshd, fixture->kind->sshd);
    }
    sshd_shell("mkdir -p %s/packs/3f %s/index", fixture->sshd.data, fixture->sshd.data);
    fixture->store = open_at(fixture, fixture->sshd.data);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    store_free(fixture->store);
    sshd_remove(&fixture->sshd);
    free(fixture);
    return 0;
}

/* Bytes that no shift or swap leaves the same. */
static unsigned char *pattern(size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    uint64_t state = size + 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (unsigned char)(state >> 56);
    }
    return bytes;
}

static void stores_and_gives_back(void **state)
{
    struct fixture *fixture = *state;
    const size_t sizes[] = {0, 1, 29999, 30000, 30001, 100000, 3000000};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        char name[64];
        snprintf(name, sizeof name, "packs/3f/object-%zu", sizes[i]);
        unsigned char *bytes = pattern(sizes[i]);
        unsigned char *read = malloc(sizes[i] + 10);
        expect(STATUS_OK, store_put(fixture->store, name, bytes, sizes[i], &error));
        uint64_t size = 77;
        expect(STATUS_OK, store_size(fixture->store, name, &size, &error));
        assert_int_equal(size, sizes[i]);
        size_t got = 0;
        expect(STATUS_OK, store_get(fixture->store, name, 0, read, sizes[i] + 10, &got, &error));
        assert_int_equal(got, sizes[i]);
        assert_memory_equal(read, bytes, sizes[i]);
        expect(STATUS_OK, store_get(fixture->store, name, sizes[i] + 5, read, 10, &got, &error));
        assert_int_equal(got, 0);
        free(bytes);
        free(read);
    }
}

static void reads_any_range_of_a_pack(void **state)
{
    struct fixture *fixture = *state;
    const size_t size = (size_t)16 * 1024 * 1024;
    unsigned char *bytes = pattern(size);
    unsigned char *read = malloc(size);
    size_t got = 0;
    expect(STATUS_OK, store_put(fixture->store, "packs/3f/pack", bytes, size, &error));
    expect(STATUS_OK, store_put(fixture->store, "packs/3f/small", "small", 5, &error));
    const struct {
        size_t offset;
        size_t size;
    } ranges[] = {{0, size},     {0, 1},          {1, 1},           {262144, 262144},
                  {524288, 99},  {524287, 30001}, {1000000, 5000},  {999999, 3000000},
                  {size - 1, 1}, {0, 262144},     {262144, 262144}, {size - 40000, 40000},
                  {5, 8000000}};
    for (size_t i = 0; i < LENGTH(ranges); i++) {
        memset(read, 0, ranges[i].size);
        expect(STATUS_OK, store_get(fixture->store, "packs/3f/pack", ranges[i].offset, read,
                                    ranges[i].size, &got, &error));
        assert_int_equal(got, ranges[i].size);
        assert_memory_equal(read, bytes + ranges[i].offset, ranges[i].size);
        if (i % 3 == 0) {
            expect(STATUS_OK,
                   store_get(fixture->store, "packs/3f/small", 1, read, 3, &got, &error));
            assert_memory_equal(read, "mal", 3);
        } else if (i % 3 == 1) {
            /* With a pack half read, and more of it asked for than was taken. */
            char name[64];
            snprintf(name, sizeof name, "packs/3f/beside-%zu", i);
            expect(STATUS_OK, store_put(fixture->store, name, bytes, 100000, &error));
            uint64_t told = 0;
            expect(STATUS_OK, store_size(fixture->store, "packs/3f/pack", &told, &error));
            assert_int_equal(told, size);
        }
    }
    expect(STATUS_OK,
           store_get(fixture->store, "packs/3f/pack", size - 100, read, 50000, &got, &error));
    assert_int_equal(got, 100);
    assert_memory_equal(read, bytes + size - 100, 100);
    expect(STATUS_USAGE,
           store_get(fixture->store, "packs/3f/pack", UINT64_MAX - 3, read, 8, &got, &error));
    free(bytes);
    free(read);
}

static void never_replaces(void **state)
{
    struct fixture *fixture = *state;
    char read[16];
    size_t got = 0;
    expect(STATUS_OK, store_put(fixture->store, "index/one", "first", 5, &error));
    expect(STATUS_EXISTS, store_put(fixture->store, "index/one", "second", 6, &error));
    expect(STATUS_OK, store_get(fixture->store, "index/one", 0, read, sizeof read, &got, &error));
    assert_int_equal(got, 5);
    assert_memory_equal(read, "first", 5);
    struct store *other = open_at(fixture, fixture->sshd.data);
    expect(STATUS_EXISTS, store_put(other, "index/one", "third", 5, &error));
    expect(STATUS_OK, store_put(other, "index/two", "third", 5, &error));
    store_free(other);
    sshd_shell("test $(ls -A %s/index | wc -l) = 2", fixture->sshd.data);
}

static void says_what_is_absent(void **state)
{
    struct fixture *fixture = *state;
    char read[16];
    size_t got = 9;
    uint64_t size = 9;
    expect(STATUS_NOT_FOUND,
           store_get(fixture->store, "index/none", 0, read, sizeof read, &got, &error));
    assert_int_equal(got, 0);
    expect(STATUS_NOT_FOUND, store_size(fixture->store, "index/none", &size, &error));
    expect(STATUS_NOT_FOUND, store_size(fixture->store, "nowhere/none", &size, &error));
    expect(STATUS_NOT_FOUND, store_put(fixture->store, "nowhere/none", "x", 1, &error));
    /* The connection is as good as before. */
    expect(STATUS_OK, store_put(fixture->store, "index/some", "x", 1, &error));
    expect(STATUS_OK, store_size(fixture->store, "index/some", &size, &error));
    assert_int_equal(size, 1);
}

static void refuses_bad_names(void **state)
{
    struct fixture *fixture = *state;
    char longest[202];
    memset(longest, 'a', 201);
    longest[201] = '\0';
    const char *const names[] = {"",     "/etc/passwd", "../x", "a/../b", "a//b",   "a/", "A",
                                 "a b",  ".a",          "a/.b", "a\n",    "ä",      ".",  "..",
                                 "a\\b", longest,       "a;b",  "a.tmp",  "a.tmp/b"};
    char byte = 0;
    size_t got = 0;
    uint64_t size = 0;
    for (size_t i = 0; i < LENGTH(names); i++) {
        expect(STATUS_USAGE, store_put(fixture->store, names[i], "x", 1, &error));
        expect(STATUS_USAGE, store_get(fixture->store, names[i], 0, &byte, 1, &got, &error));
        expect(STATUS_USAGE, store_size(fixture->store, names[i], &size, &error));
        expect(STATUS_USAGE, store_list(fixture->store, names[i], NULL, NULL, &error));
        expect(STATUS_USAGE, store_make_folder(fixture->store, names[i], &error));
    }
}

struct seen {
    unsigned count;
    uint64_t bytes;
    bool wrong;
    unsigned stop_after;
    uint64_t unfinished; /* bytes */
};

static enum status look(void *context, const struct store_entry *entry, struct error *failure)
{
    struct seen *seen = context;
    if (strncmp(entry->name, "packs/3f/good", 13) != 0) {
        seen->wrong = true;
    }
    seen->count++;
    seen->bytes += entry->size;
    if (seen->stop_after == seen->count) {
        return error_set(failure, STATUS_CANCELLED, 0, "enough");
    }
    return STATUS_OK;
}

static enum status look_at_all(void *context, const struct store_entry *entry,
                               struct error *failure)
{
    struct seen *seen = context;
    if (!entry->unfinished) {
        return look(context, entry, failure);
    }
    seen->unfinished += entry->size;
    seen->wrong = seen->wrong || strcmp(entry->name, "packs/3f/half.0123abcd.tmp") != 0;
    return STATUS_OK;
}

static void lists_objects_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    sshd_shell("cd %s/packs/3f && for i in $(seq 300); do printf %%$((i %% 7))s '' > good$i; done",
               fixture->sshd.data);
    sshd_shell("cd %s/packs/3f && mkdir folder && ln -s good1 link && mkfifo pipe && "
               "echo x > .hidden && echo x > half.0123abcd.tmp && echo x > 'UPPER' && "
               "echo x > 'two words' && echo x > \"$(printf 'new\\nline')\" && "
               "echo x > $(printf 'a%%.0s' $(seq 195)) && echo x > \"$(printf '\\377')\"",
               fixture->sshd.data);
    struct seen seen = {0};
    expect(STATUS_OK, store_list(fixture->store, "packs/3f", look, &seen, &error));
    assert_false(seen.wrong);
    assert_int_equal(seen.count, 300);
    uint64_t bytes = 0;
    for (unsigned i = 1; i <= 300; i++) {
        bytes += i % 7;
    }
    assert_int_equal(seen.bytes, bytes);

    /* And the unfinished upload, if it is asked for. */
    struct seen all = {0};
    expect(STATUS_OK, store_list_all(fixture->store, "packs/3f", look_at_all, &all, &error));
    assert_false(all.wrong);
    assert_int_equal(all.count, 300);
    assert_int_equal(all.unfinished, 2);

    struct seen stopped = {.stop_after = 5};
    expect(STATUS_CANCELLED, store_list(fixture->store, "packs/3f", look, &stopped, &error));
    assert_int_equal(stopped.count, 5);
    struct seen none = {0};
    expect(STATUS_NOT_FOUND, store_list(fixture->store, "packs/40", look, &none, &error));
    expect(STATUS_OK, store_list(fixture->store, "index", look, &none, &error));
    assert_int_equal(none.count, 0);
    expect(STATUS_OK, store_list(fixture->store, "packs", look, &none, &error));
    assert_int_equal(none.count, 0);
}

static void makes_folders_unless_write_once(void **state)
{
    struct fixture *fixture = *state;
    enum status wanted = fixture->kind->write_once ? STATUS_DENIED : STATUS_OK;
    expect(STATUS_OK, store_make_folder(fixture->store, "packs/3f", &error));
    expect(wanted, store_make_folder(fixture->store, "packs/40", &error));
    char root[256];
    snprintf(root, sizeof root, "%s/new/repository", fixture->sshd.folder);
    struct store *fresh = open_at(fixture, root);
    struct seen none = {0};
    /* A local folder that is gone is a disk that is away. */
    expect(fixture->kind->sshd == NULL ? STATUS_UNREACHABLE : STATUS_NOT_FOUND,
           store_list(fresh, "packs", look, &none, &error));
    expect(wanted, store_make_folder(fresh, "packs/00/deep", &error));
    if (!fixture->kind->write_once) {
        expect(STATUS_OK, store_make_folder(fresh, "packs/00/deep", &error));
        expect(STATUS_OK, store_put(fresh, "packs/00/deep/x", "x", 1, &error));
        expect(STATUS_OK, store_put(fresh, "packs/00/file", "x", 1, &error));
        assert_int_not_equal(STATUS_OK, store_make_folder(fresh, "packs/00/file/y", &error));
        assert_int_not_equal(STATUS_OK, store_make_folder(fresh, "packs/00/file", &error));
    }
    store_free(fresh);
}

static void leaves_whole_objects_only(void **state)
{
    struct fixture *fixture = *state;
    expect(STATUS_OK, store_put(fixture->store, "packs/3f/good", "x", 1, &error));
    sshd_shell("test $(ls -A %s/packs/3f) = good && test $(ls -A %s | wc -l) = 2",
               fixture->sshd.data, fixture->sshd.data);
    if (fixture->kind->write_once) {
        sshd_shell("test $(stat -c %%a %s/packs/3f/good) = 400", fixture->sshd.data);
    }
}

static void tells_of_itself(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->kind->sshd == NULL) {
        assert_true(store_round_trip(fixture->store) == 0);
        assert_null(store_host_key(fixture->store));
    } else {
        double seconds = store_round_trip(fixture->store);
        assert_true(seconds > 0 && seconds < 1);
        sshd_shell("test \"$(cut -d' ' -f1,2 %s/host_ed25519.pub)\" = '%s'", fixture->sshd.folder,
                   store_host_key(fixture->store));
    }
}

/* A file system of 8 MiB, which sshd serves like any other. */
static void says_that_the_disk_is_full(void **state)
{
    struct fixture *fixture = *state;
    const char *folder = fixture->sshd.folder;
    char command[512];
    snprintf(command, sizeof command,
             "cd %s && mkdir small && truncate -s 8M image && mkfs.ext4 -q -F image && "
             "mount -o loop image small 2>/dev/null",
             folder);
    if (system(command) != 0) {
        if (getenv("CI") != NULL) {
            fail_msg("no loop mount here, and the full disk has to be tested in CI");
        }
        SKIP_BECAUSE("no loop mount here");
    }
    sshd_shell("mkdir %s/small/packs", folder);
    char root[256];
    snprintf(root, sizeof root, "%s/small", folder);
    const size_t size = (size_t)16 * 1024 * 1024;
    unsigned char *bytes = pattern(size);
    struct store *store = open_at(fixture, root);
    struct error full = {0};
    enum status first = store_put(store, "packs/a", bytes, size, &full);
    /* The way out is one that there is. */
    bool hinted = fixture->kind->sshd == NULL ||
                  strstr(full.hint, "kura never removes what it stored") != NULL;
    enum status list = STATUS_OK;
    struct seen seen = {0};
    if (!fixture->kind->write_once) {
        list = store_list(store, "packs", look, &seen, &error);
    }
    /* Afterwards it works again, as far as there is room. */
    enum status second =
        fixture->kind->write_once ? STATUS_OK : store_put(store, "packs/b", bytes, 1000000, &error);
    store_free(store);
    free(bytes);
    sshd_shell("umount %s", root);
    expect(STATUS_NO_SPACE, first);
    assert_true(hinted);
    expect(STATUS_OK, list);
    assert_int_equal(seen.count, 0);
    expect(STATUS_OK, second);
}

/* Inside a store nothing is followed that points elsewhere. */
static void local_follows_no_links(void **state)
{
    struct fixture *fixture = *state;
    sshd_shell("cd %s && echo secret > secret && ln -s ../secret data/index/link && "
               "ln -s ../../ data/up && mkfifo data/index/pipe",
               fixture->sshd.folder);
    char read[16];
    size_t got = 0;
    uint64_t size = 0;
    assert_int_not_equal(STATUS_OK,
                         store_get(fixture->store, "index/link", 0, read, 1, &got, &error));
    assert_int_not_equal(STATUS_OK, store_size(fixture->store, "index/link", &size, &error));
    assert_int_not_equal(STATUS_OK,
                         store_get(fixture->store, "up/secret", 0, read, 1, &got, &error));
    assert_int_not_equal(STATUS_OK, store_put(fixture->store, "up/new", "x", 1, &error));
    assert_int_not_equal(STATUS_OK, store_make_folder(fixture->store, "up/new", &error));
    struct seen seen = {0};
    assert_int_not_equal(STATUS_OK, store_list(fixture->store, "up", look, &seen, &error));
    assert_int_not_equal(STATUS_OK,
                         store_get(fixture->store, "index/pipe", 0, read, 1, &got, &error));
    expect(STATUS_EXISTS, store_put(fixture->store, "index/link", "x", 1, &error));
    sshd_shell("test \"$(cat %s/secret)\" = secret", fixture->sshd.folder);
}

#define CONTRACT(function, number)                                                                 \
    {                                                                                              \
#function, function, setup, teardown, (void *)(uintptr_t)&kinds[number]                    \
    }
#define CONTRACTS(number)                                                                          \
    CONTRACT(stores_and_gives_back, number), CONTRACT(reads_any_range_of_a_pack, number),          \
        CONTRACT(never_replaces, number), CONTRACT(says_what_is_absent, number),                   \
        CONTRACT(refuses_bad_names, number), CONTRACT(lists_objects_and_nothing_else, number),     \
        CONTRACT(makes_folders_unless_write_once, number),                                         \
        CONTRACT(leaves_whole_objects_only, number), CONTRACT(tells_of_itself, number),            \
        CONTRACT(says_that_the_disk_is_full, number)

int main(void)
{
    const struct CMUnitTest local[] = {CONTRACTS(0), CONTRACT(local_follows_no_links, 0)};
    const struct CMUnitTest ordinary[] = {CONTRACTS(1)};
    const struct CMUnitTest write_once[] = {CONTRACTS(2)};
    if (base_start(&error) != STATUS_OK) {
        return 1;
    }
    return cmocka_run_group_tests_name("local", local, NULL, NULL) +
           cmocka_run_group_tests_name("sftp", ordinary, NULL, NULL) +
           cmocka_run_group_tests_name("write-once", write_once, NULL, NULL);
}
