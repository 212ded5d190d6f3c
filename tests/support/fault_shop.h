/* fault_shop: a small shop, a database and some documents, with two days of backups, on a store in
 * which a script can make any one operation go wrong. What was restored is held against what a
 * faultless restore gave, and that against the shop itself. */
#ifndef TESTS_SUPPORT_FAULT_SHOP_H
#define TESTS_SUPPORT_FAULT_SHOP_H

#include "unit/repo/repo_world.h"

#include "kura/backup.h"
#include "kura/restore.h"
#include "support/scripted_store.h"
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>

#define DEADLINE_SECONDS 30
#define DAYS 2

/* Nothing here is about power failures: the waits for the disk would be all of the time. */
#define SEEN __attribute__((visibility("default")))
SEEN int fsync(int fd)
{
    (void)fd;
    return 0;
}
SEEN int fdatasync(int fd)
{
    (void)fd;
    return 0;
}
SEEN int syncfs(int fd)
{
    (void)fd;
    return 0;
}

struct shop {
    struct world world;
    struct config config;
    struct config_source sources[2];
    char state[128];
    char documents[128];
    char database[128];
    unsigned char days[DAYS][OBJECT_ID_SIZE]; /* the snapshots of a faultless run */
};

/* What is being tried, for whoever reads of a failure. */
static char trying[2048];

#define require(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fail_msg("%s: %s", trying, #condition);                                                \
        }                                                                                          \
    } while (0)

#define must(call)                                                                                 \
    do {                                                                                           \
        enum status must_status = (call);                                                          \
        if (must_status != STATUS_OK) {                                                            \
            fail_msg("%s: %s: status %d: %s", trying, #call, (int)must_status, error.message);     \
        }                                                                                          \
    } while (0)

/* ---- files ---- */

UNUSED static const char *shop_path(char path[512], const struct shop *shop, const char *name)
{
    snprintf(path, 512, "%s/%s", shop->world.folder, name);
    return path;
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int remove_file(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)ftw;
    return type == FTW_F ? remove(path) : 0;
}

static const char *walk_from; /* of the walk in progress */
static const char *walk_to;

static const char *other_side(char other[512], const char *path)
{
    snprintf(other, 512, "%s%s", walk_to, path + strlen(walk_from));
    return other;
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    require(file != NULL);
    require(fwrite(data, 1, size, file) == size);
    require(fclose(file) == 0);
}

static void read_whole(struct buffer *bytes, const char *path)
{
    struct error error;
    must(file_read(bytes, path, PACK_LIMIT, &error));
}

static int copy_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)ftw;
    char other[512];
    other_side(other, path);
    if (type == FTW_D) {
        require(mkdir(other, 0700) == 0 || errno == EEXIST);
        return 0;
    }
    struct buffer bytes = {0};
    read_whole(&bytes, path);
    write_file(other, bytes.data, bytes.size);
    buffer_free(&bytes);
    return 0;
}

static void walk_both(const char *from, const char *to,
                      int (*visit)(const char *, const struct stat *, int, struct FTW *))
{
    walk_from = from;
    walk_to = to;
    require(nftw(from, visit, 16, FTW_PHYS) == 0);
    walk_from = NULL;
    walk_to = NULL;
}

static void copy_tree(const char *from, const char *to)
{
    walk_both(from, to, copy_one);
}

static bool is_staging(const char *path)
{
    return strstr(path, "/.kura-restore") != NULL;
}

static int same_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    char other[512];
    struct stat there;
    if (ftw->level == 0 || is_staging(path)) {
        return 0;
    }
    other_side(other, path);
    if (lstat(other, &there) != 0 || (there.st_mode & S_IFMT) != (stat->st_mode & S_IFMT)) {
        fail_msg("%s: %s is not in %s", trying, path, walk_to);
    }
    if (type == FTW_F) {
        struct buffer a = {0};
        struct buffer b = {0};
        read_whole(&a, path);
        read_whole(&b, other);
        if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0) {
            fail_msg("%s: %s has wrong bytes", trying, path);
        }
        require(there.st_mode == stat->st_mode);
        require(there.st_mtim.tv_sec == stat->st_mtim.tv_sec);
        buffer_free(&a);
        buffer_free(&b);
    }
    if (type == FTW_SL) {
        char a[64] = "";
        char b[64] = "";
        require(readlink(path, a, sizeof a - 1) > 0 && readlink(other, b, sizeof b - 1) > 0);
        require(strcmp(a, b) == 0);
    }
    return 0;
}

/* Whatever is in `part` is the same in `whole`. */
static void require_part_of(const char *part, const char *whole)
{
    walk_both(part, whole, same_one);
}

static void require_same(const char *a, const char *b)
{
    require_part_of(a, b);
    require_part_of(b, a);
}

/* ---- the shop ---- */

static void write_document(const struct shop *shop, const char *name, size_t size, unsigned seed)
{
    unsigned char key[randombytes_SEEDBYTES] = {(unsigned char)seed};
    unsigned char *bytes = malloc(size + 1);
    char path[512];
    require(bytes != NULL);
    randombytes_buf_deterministic(bytes, size, key);
    snprintf(path, sizeof path, "%s/%s", shop->documents, name);
    write_file(path, bytes, size);
    free(bytes);
}

static void run_sql(const struct shop *shop, const char *sql)
{
    sqlite3 *database = NULL;
    require(sqlite3_open(shop->database, &database) == SQLITE_OK);
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s", sqlite3_errmsg(database));
    }
    sqlite3_close(database);
}

static void first_day(const struct shop *shop)
{
    char path[512];
    require(mkdir(shop_path(path, shop, "shop"), 0700) == 0);
    require(mkdir(shop->documents, 0700) == 0);
    snprintf(path, sizeof path, "%s/2024", shop->documents);
    require(mkdir(path, 0750) == 0);
    write_document(shop, "opening-hours.txt", 300, 1);
    write_document(shop, "2024/invoice-1.pdf", 9000, 2);
    write_document(shop, "2024/invoice-2.pdf", 7000, 3);
    write_document(shop, "2024/note.txt", 40, 4);
    write_document(shop, "empty", 0, 5);
    write_document(shop, "scan.tiff", 400000, 6);
    snprintf(path, sizeof path, "%s/newest", shop->documents);
    require(symlink("2024/invoice-2.pdf", path) == 0);
    run_sql(shop, "PRAGMA journal_mode = WAL;"
                  "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, notes TEXT);"
                  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)"
                  "INSERT INTO customers SELECT i, 'name ' || i, hex(randomblob(60)) FROM n;");
}

static void second_day(const struct shop *shop)
{
    char path[512];
    write_document(shop, "2024/invoice-3.pdf", 8000, 7);
    write_document(shop, "opening-hours.txt", 310, 8);
    snprintf(path, sizeof path, "%s/2024/invoice-1.pdf", shop->documents);
    require(unlink(path) == 0);
    run_sql(shop, "UPDATE customers SET notes = 'called' WHERE id = 450;"
                  "DELETE FROM customers WHERE id = 12;");
}

static void configure(struct shop *shop)
{
    snprintf(shop->state, sizeof shop->state, "%s/state", shop->world.folder);
    snprintf(shop->documents, sizeof shop->documents, "%s/shop/documents", shop->world.folder);
    snprintf(shop->database, sizeof shop->database, "%s/shop/customers.db", shop->world.folder);
    static char customers[] = "customers";
    static char documents[] = "documents";
    static char name[] = "kura.yaml";
    shop->sources[0] =
        (struct config_source){.name = customers, .kind = SOURCE_SQLITE, .path = shop->database};
    shop->sources[1] =
        (struct config_source){.name = documents, .kind = SOURCE_TREE, .path = shop->documents};
    shop->config = (struct config){.path = name,
                                   .state = shop->state,
                                   .compression = 1,
                                   .spool_limit = (uint64_t)64 * 1024 * 1024,
                                   .due_hours = 26,
                                   .sources = shop->sources,
                                   .source_count = LENGTH(shop->sources)};
}

/* ---- backups and restores, with a driver or faultless (NULL) ---- */

static enum status try_backup(struct backup_summary *summary, const struct shop *shop,
                              const struct store_driver *driver, struct error *error)
{
    struct repo_access access = host_access(&shop->world, &shop->world.host);
    access.store.driver = driver;
    struct repo *repo = NULL;
    *summary = (struct backup_summary){0};
    enum status status = repo_open(&repo, &access, error);
    if (status == STATUS_OK) {
        const struct backup_options options = {.config = &shop->config,
                                               .host = &shop->world.host,
                                               .recipients = &shop->world.identity.recipient,
                                               .recipient_count = 1};
        status = backup_run(summary, repo, &options, error);
    }
    repo_free(repo);
    return status;
}

struct restored {
    struct restore_summary summary;
    uint64_t sequence; /* of the snapshot */
    size_t problems;   /* of the repository, that were told */
};

/* name: as of snapshot_list_find. */
static enum status try_restore(struct restored *restored, const struct shop *shop,
                               const struct store_driver *driver, const char *name,
                               const struct restore_options *options, struct error *error)
{
    struct repo_access access = identity_access(&shop->world);
    access.store.driver = driver;
    struct repo *repo = NULL;
    struct snapshot_list list = {0};
    struct snapshot *snapshot = NULL;
    const struct statement *statement = NULL;
    *restored = (struct restored){0};
    enum status status = repo_open(&repo, &access, error);
    status = status ? status : repo_list(&list, repo, error);
    status = status ? status : snapshot_list_find(&statement, &list, name, NULL, error);
    status = status ? status : snapshot_open(&snapshot, repo, statement, error);
    if (status == STATUS_OK) {
        restored->sequence = statement->sequence;
        restored->problems = list.problems.count;
        status = restore_run(&restored->summary, snapshot, statement, options, error);
    }
    snapshot_free(snapshot);
    snapshot_list_free(&list);
    repo_free(repo);
    return status;
}

/* ---- what must hold without a fault ---- */

static void clean_backup(struct shop *shop, unsigned char id[OBJECT_ID_SIZE])
{
    struct error error = {0};
    struct backup_summary summary;
    must(try_backup(&summary, shop, NULL, &error));
    require(summary.failed_sources == 0 && summary.warnings == 0);
    memcpy(id, summary.statement.id, OBJECT_ID_SIZE);
    backup_summary_free(&summary);
}

static void clean_restore(const struct shop *shop, const unsigned char id[OBJECT_ID_SIZE],
                          const char *target, enum restore_existing existing)
{
    struct error error = {0};
    struct restored restored;
    const struct restore_options options = {.target = target, .existing = existing};
    char name[OBJECT_ID_TEXT_SIZE];
    hex_encode(name, id, OBJECT_ID_SIZE);
    must(try_restore(&restored, shop, NULL, name, &options, &error));
    require(restored.summary.failed == 0 && restored.summary.counts_match);
}

static const char *truth_path(char path[512], const struct shop *shop, size_t day)
{
    snprintf(path, 512, "%s/truth-%zu", shop->world.folder, day);
    return path;
}

/* The snapshot gives back the day, bit by bit. */
UNUSED static void require_day(const struct shop *shop, const unsigned char id[OBJECT_ID_SIZE],
                               size_t day)
{
    char target[512];
    char truth[512];
    shop_path(target, shop, "target");
    remove_tree(target);
    clean_restore(shop, id, target, RESTORE_KEEP);
    require_same(target, truth_path(truth, shop, day));
}

UNUSED static void clean_check(const struct shop *shop, struct check_report *report)
{
    struct error error = {0};
    struct repo_access access = identity_access(&shop->world);
    struct repo *repo = NULL;
    const struct check_options options = {.read_percent = 100, .open_chunks = true};
    must(repo_open(&repo, &access, &error));
    must(repo_check(report, repo, &options, &error));
    repo_free(repo);
}

/* ---- the two days ---- */

/* The restored database says what the shop's says. */
static void compare_database(const struct shop *shop, const char *truth)
{
    char sql[1200];
    snprintf(sql, sizeof sql,
             "ATTACH '%s/customers/customers.db' AS back;"
             "CREATE TEMP TABLE differs (n CHECK (n = 0));"
             "INSERT INTO differs SELECT count(*) FROM"
             " (SELECT * FROM main.customers EXCEPT SELECT * FROM back.customers);"
             "INSERT INTO differs SELECT count(*) FROM"
             " (SELECT * FROM back.customers EXCEPT SELECT * FROM main.customers);"
             "INSERT INTO differs SELECT count(*) FROM"
             " pragma_integrity_check('customers', 'back') WHERE integrity_check <> 'ok';",
             truth);
    run_sql(shop, sql);
}

static void keep_truth(const struct shop *shop, const unsigned char id[OBJECT_ID_SIZE], size_t day)
{
    char truth[512];
    char back[600];
    truth_path(truth, shop, day);
    clean_restore(shop, id, truth, RESTORE_KEEP);
    snprintf(back, sizeof back, "%s/documents", truth);
    require_same(back, shop->documents);
    compare_database(shop, truth);
}

/* Takes the store and the state as they are as the beginning of every trial. */
static void keep_beginning(const struct shop *shop)
{
    char path[512];
    copy_tree(shop->world.store, shop_path(path, shop, "kept-store"));
    copy_tree(shop->state, shop_path(path, shop, "kept-state"));
}

UNUSED static void begin_anew(const struct shop *shop)
{
    char path[512];
    require(nftw(shop->world.store, remove_file, 16, FTW_PHYS) == 0);
    remove_tree(shop->state);
    copy_tree(shop_path(path, shop, "kept-store"), shop->world.store);
    copy_tree(shop_path(path, shop, "kept-state"), shop->state);
}

static void on_deadline(int number)
{
    (void)number;
    static const char words[] = ": hangs\n";
    (void)!write(STDERR_FILENO, trying, strlen(trying));
    (void)!write(STDERR_FILENO, words, sizeof words - 1);
    _exit(1);
}

/* The trials begin after so many backups. */
UNUSED static struct shop *shop_open(size_t backups)
{
    struct error error = {0};
    struct shop *shop = calloc(1, sizeof *shop);
    snprintf(trying, sizeof trying, "before any fault");
    require(shop != NULL);
    signal(SIGALRM, on_deadline);
    world_keys(&shop->world);
    configure(shop);
    struct repo_creation creation = creation_of(&shop->world);
    must(repo_create(&creation, &error));
    for (size_t day = 0; day < DAYS; day++) {
        (day == 0 ? first_day : second_day)(shop);
        clean_backup(shop, shop->days[day]);
        keep_truth(shop, shop->days[day], day);
        if (day + 1 == backups) {
            keep_beginning(shop);
        }
    }
    return shop;
}

UNUSED static void shop_free(struct shop *shop)
{
    world_end(&shop->world);
    free(shop);
}

/* ---- every place ---- */

struct fault {
    const char *name;
    enum deed deed;
    enum status status;
    enum span span;
    unsigned step; /* only every so many-th place; 0: every one */
};

typedef void (*fault_trial)(struct shop *shop, const struct fault *fault, struct script *script,
                            const struct store_driver *driver);

static uint64_t fault_step(const struct fault *fault)
{
    const char *wanted = getenv("KURA_FAULT_STEP");
    uint64_t step = wanted == NULL ? fault->step : strtoull(wanted, NULL, 10);
    return step == 0 ? 1 : step;
}

/* Tries it with the fault at one place after the other, until it finds no place any more. */
UNUSED static void at_every_place(struct shop *shop, const struct fault *fault, fault_trial trial)
{
    struct script script = {.deed = fault->deed,
                            .status = fault->status,
                            .span = fault->span,
                            .delay_ms = 20,
                            .lock = PTHREAD_MUTEX_INITIALIZER};
    uint64_t places = 0;
    for (script.at = 1;; script.at += fault_step(fault)) {
        struct scripted_driver driver = scripted_driver(&script);
        snprintf(trying, sizeof trying, "%s at place %llu", fault->name,
                 (unsigned long long)script.at);
        trial(shop, fault, &script, &driver.driver);
        if (script.struck == 0) {
            break;
        }
        places++;
    }
    pthread_mutex_destroy(&script.lock);
    print_message("%s: %llu places\n", fault->name, (unsigned long long)places);
    require(places > 0);
}

/* The shop of all trials, and the tests, one for each fault. */
static struct shop *trial_shop;
static fault_trial trial_of_all;

static void test_fault(void **state)
{
    at_every_place(trial_shop, *state, trial_of_all);
}

#define FAULTS_LIMIT 32
static struct CMUnitTest fault_tests[FAULTS_LIMIT];

UNUSED static void add_fault_tests(struct fault *faults, size_t count, fault_trial trial)
{
    assert_true(count <= FAULTS_LIMIT);
    trial_of_all = trial;
    for (size_t i = 0; i < count; i++) {
        fault_tests[i] = (struct CMUnitTest){
            .name = faults[i].name, .test_func = test_fault, .initial_state = &faults[i]};
    }
}

UNUSED static int shop_end(void **state)
{
    (void)state;
    shop_free(trial_shop);
    return 0;
}

/* An attempt has ended: no longer than it may, well, or with a clear word. A store that could not
 * be asked is never taken for one that has lost or spoilt something. */
UNUSED static void require_clear_end(const struct fault *fault, const struct script *script,
                                     enum status status, const struct error *error)
{
    size_t length = strlen(trying);
    snprintf(trying + length, sizeof trying - length, " (%s %s): status %d%s%.1200s", script->call,
             script->name, (int)status, status == STATUS_OK ? "" : ": ",
             status == STATUS_OK ? "" : error->message);
    require(status == STATUS_OK || (error->status == status && error->message[0] != '\0'));
    require(script->struck > 0 || status == STATUS_OK);
    bool harmless = fault->deed == DEED_DELAY || fault->deed == DEED_REORDER;
    require(!harmless || status == STATUS_OK);
    if (fault->status == STATUS_UNREACHABLE || fault->status == STATUS_NO_SPACE) {
        require(status == STATUS_OK || status == fault->status);
    }
}

#endif
