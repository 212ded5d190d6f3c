/* What the program leaves in its memory. Every command that handles secrets runs in this process,
 * one after the other; after each, and at each file that one publishes, all memory that can be
 * written and is not locked (heap, freed heap, stacks of threads that are gone, dead frames of this
 * one) is searched for the passphrases, the seeds, the identities, the repository's secret and the
 * file keys, raw and in every form of text that they have.
 *
 * Not promised, and not searched for: keys of chunks, and SSH keys inside OpenSSL. */
#include "support/fault_shop.h"
#include "support/skip.h"

#include "keys/age_private.h"
#include "kura/cli.h"
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#define NEEDLES_LIMIT 512
#define NEEDLE_SIZE 128
#define PIECE 16 /* half a key is a leak as well */
#define WINDOW ((size_t)256 * 1024)
#define MAPPINGS_LIMIT 4096

/* A form of a secret. Lies in secret memory. */
struct needle {
    const char *name;
    size_t size;
    unsigned char bytes[NEEDLE_SIZE];
};

struct mapping {
    uintptr_t start, end;
    char name[64];
};

static struct needle *needles[NEEDLES_LIMIT];
static size_t needle_count;
static struct shop shop;
static size_t leaks;
static bool planted_only; /* what is found is what was planted: not worth a word */

/* ------------------------------------------------------------------ what is searched for */

static struct needle *new_needle(const char *name)
{
    require(needle_count < NEEDLES_LIMIT);
    struct needle *needle = secret_new(sizeof *needle);
    needle->name = name;
    needles[needle_count++] = needle;
    return needle;
}

static void seek_bytes(const char *name, const void *bytes, size_t size)
{
    require(size >= PIECE && size <= NEEDLE_SIZE);
    struct needle *needle = new_needle(name);
    memcpy(needle->bytes, bytes, size);
    needle->size = size;
}

/* As the key of an HMAC: what its two passes begin with. */
static void seek_masked(const char *name, const unsigned char *bytes, size_t size,
                        unsigned char mask)
{
    struct needle *needle = new_needle(name);
    for (size_t i = 0; i < size; i++) {
        needle->bytes[i] = bytes[i] ^ mask;
    }
    needle->size = size;
}

static void seek_key(const char *name, const unsigned char *key, size_t size)
{
    seek_bytes(name, key, size);
    seek_masked(name, key, size, 0x36);
    seek_masked(name, key, size, 0x5c);
    struct needle *hex = new_needle(name);
    sodium_bin2hex((char *)hex->bytes, NEEDLE_SIZE, key, size);
    hex->size = 2 * size;
    struct needle *base64 = new_needle(name);
    sodium_bin2base64((char *)base64->bytes, NEEDLE_SIZE, key, size,
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    base64->size = strlen((const char *)base64->bytes);
}

static void seek_identity(const char *name, const struct age_identity *identity)
{
    static const size_t skipped = sizeof "AGE-SECRET-KEY-1" - 1;
    struct error error = {0};
    struct secret_text text = {0};
    seek_key(name, identity->secret_key, AGE_KEY_SIZE);
    must(secret_text_new(&text, NEEDLE_SIZE, &error));
    must(age_identity_format(&text, identity, &error));
    seek_bytes(name, text.text + skipped, text.size - skipped);
    for (size_t i = 0; i < text.size; i++) {
        text.text[i] = (char)(text.text[i] | 0x20); /* lower case, and digits as they are */
    }
    seek_bytes(name, text.text + skipped, text.size - skipped);
    secret_text_free(&text);
}

static void seek_passphrase(const char *name, const char *file)
{
    struct error error = {0};
    struct secret_text text = {0};
    char path[512];
    must(passphrase_read_file(&text, shop_path(path, &shop, file), &error));
    seek_bytes(name, text.text, text.size);
    seek_masked(name, (const unsigned char *)text.text, text.size, 0x36);
    seek_masked(name, (const unsigned char *)text.text, text.size, 0x5c);
    secret_text_free(&text);
}

static enum status passphrase_of_file(void *context, struct secret_text *passphrase,
                                      const char *what_for, struct error *error)
{
    char path[512];
    (void)what_for;
    return passphrase_read_file(passphrase, shop_path(path, &shop, context), error);
}

static enum status read_memory(void *context, void *target, size_t size, size_t *got,
                               struct error *error)
{
    struct cursor *cursor = context;
    (void)error;
    *got = size < cursor->left ? size : cursor->left;
    return cursor_copy(cursor, target, *got) ? STATUS_OK : STATUS_FAILED;
}

/* Who opens what is in the store: the manager and the kit. */
static struct age_identity openers[2];

/* The key of one age file. */
static void seek_file_key(const char *name, const char *path, const struct age_identity *identities,
                          const struct passphrase_source *passphrase)
{
    struct error error = {0};
    struct buffer bytes = {0};
    struct age_reader *reader = NULL;
    read_whole(&bytes, path);
    struct cursor cursor = {bytes.data, bytes.size};
    const unsigned char *armor = memmem(bytes.data, bytes.size, "-----BEGIN", 10);
    if (armor != NULL) {
        cursor = (struct cursor){armor, bytes.size - (size_t)(armor - bytes.data)};
    }
    const struct age_supply supply = {.read = read_memory, .context = &cursor};
    must(age_reader_open(&reader, supply, identities, identities == NULL ? 0 : LENGTH(openers),
                         passphrase, &error));
    seek_key(name, age_reader_file_key(reader), AGE_FILE_KEY_SIZE);
    age_reader_free(reader);
    buffer_free(&bytes);
}

static void seek_host_key(const char *seed_name, const char *file)
{
    struct error error = {0};
    struct host_key host;
    char path[512];
    must(host_key_read(&host, shop_path(path, &shop, file), &error));
    seek_key(seed_name, host.signing.seed, SIGN_SEED_SIZE);
    seek_key("the repository's secret", host.secret, REPOSITORY_SECRET_SIZE);
    host_key_free(&host);
}

static void seek_kit(void)
{
    static char pw[] = "pw";
    struct error error = {0};
    struct recovery_kit kit;
    char path[512];
    const struct passphrase_source source = {.get = passphrase_of_file, .context = pw};
    must(recovery_kit_read(&kit, shop_path(path, &shop, "kit.txt"), &source, &error));
    seek_identity("the kit's identity", &kit.identity);
    seek_key("the kit's signing seed", kit.signing.seed, SIGN_SEED_SIZE);
    recovery_kit_free(&kit);
    seek_file_key("the kit's file key", path, NULL, &source);
}

static void seek_manager(void)
{
    static char pw[] = "pw.manager";
    struct error error = {0};
    struct age_identity identity;
    char path[512];
    const struct passphrase_source source = {.get = passphrase_of_file, .context = pw};
    must(age_identity_read(&identity, shop_path(path, &shop, "manager.key"), &source, &error));
    seek_identity("the manager's identity", &identity);
    age_identity_free(&identity);
    seek_file_key("the file key of the manager's identity", path, NULL, &source);
}

static int visit_object(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)ftw;
    if (type == FTW_F && strstr(path, "/keys/") != NULL) {
        seek_file_key("the file key of the repository's secret", path, openers, NULL);
    } else if (type == FTW_F && strstr(path, "/snapshots/") != NULL) {
        seek_file_key("the file key of a snapshot", path, openers, NULL);
    }
    return 0;
}

static void seek_object_keys(void)
{
    static char manager[] = "pw.manager";
    static char pw[] = "pw";
    struct error error = {0};
    struct recovery_kit kit;
    char path[512];
    size_t before = needle_count;
    const struct passphrase_source source = {.get = passphrase_of_file, .context = manager};
    const struct passphrase_source kit_source = {.get = passphrase_of_file, .context = pw};
    must(age_identity_read(&openers[0], shop_path(path, &shop, "manager.key"), &source, &error));
    must(recovery_kit_read(&kit, shop_path(path, &shop, "kit.txt"), &kit_source, &error));
    openers[1] = kit.identity;
    require(nftw(shop_path(path, &shop, "store"), visit_object, 16, FTW_PHYS) == 0);
    require(needle_count > before + 5);
    recovery_kit_free(&kit);
    age_identity_free(&openers[0]);
}

/* ------------------------------------------------------------------ the search */

/* Those that can be read and written and are not locked. */
static size_t list_mappings(struct mapping *mappings)
{
    char line[1024];
    size_t count = 0;
    bool wanted = false;
    FILE *file = fopen("/proc/self/smaps", "r");
    require(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned long start;
        unsigned long end;
        char access[5];
        char name[64] = "";
        if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %63s", &start, &end, access, name) >= 3 &&
            strchr(line, '-') != NULL) {
            wanted = access[0] == 'r' && access[1] == 'w';
            if (wanted) {
                require(count < MAPPINGS_LIMIT);
                mappings[count] = (struct mapping){.start = start, .end = end};
                memcpy(mappings[count++].name, name, sizeof name);
            }
        } else if (wanted && strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " lo") != NULL) {
            count--;
        }
    }
    fclose(file);
    return count;
}

static void say_found(const char *after, const struct needle *needle, size_t at,
                      const struct mapping *mapping, uintptr_t address)
{
    leaks++;
    if (planted_only) {
        return;
    }
    print_error("after %s: %s (form of %zu bytes, at %zu) lies at %lx in %lx-%lx %s\n", after,
                needle->name, needle->size, at, (unsigned long)address,
                (unsigned long)mapping->start, (unsigned long)mapping->end, mapping->name);
}

/* A bit for each three bytes with which a piece begins: few places need a closer look. */
static unsigned char beginnings[(1 << 24) / 8];

static uint32_t beginning_at(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
}

static void note_beginnings(void)
{
    static size_t noted;
    for (; noted < needle_count; noted++) {
        for (size_t at = 0; at + PIECE <= needles[noted]->size; at += PIECE) {
            uint32_t beginning = beginning_at(needles[noted]->bytes + at);
            beginnings[beginning / 8] |= (unsigned char)(1U << beginning % 8);
        }
    }
}

static void look_closer(const char *after, const struct mapping *mapping, uintptr_t address,
                        const unsigned char *bytes)
{
    for (size_t i = 0; i < needle_count; i++) {
        for (size_t at = 0; at + PIECE <= needles[i]->size; at += PIECE) {
            if (memcmp(bytes, needles[i]->bytes + at, PIECE) == 0) {
                say_found(after, needles[i], at, mapping, address);
            }
        }
    }
}

static void search_window(const char *after, const struct mapping *mapping, uintptr_t start,
                          const unsigned char *window, size_t size)
{
    for (size_t i = 0; i + PIECE <= size; i++) {
        uint32_t beginning = beginning_at(window + i);
        if (beginning != 0 && (beginnings[beginning / 8] & 1U << beginning % 8) != 0) {
            look_closer(after, mapping, start + i, window + i);
        }
    }
}

/* Reads through the kernel: what a sanitizer has poisoned as well, and what is gone meanwhile is
 * left out. */
static void search_mapping(const char *after, const struct mapping *mapping, unsigned char *window)
{
    for (uintptr_t at = mapping->start; at < mapping->end; at += WINDOW - PIECE) {
        size_t size = mapping->end - at < WINDOW ? mapping->end - at : WINDOW;
        struct iovec here = {window, size};
        struct iovec there = {(void *)at, size};
        ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
        if (got > 0) {
            search_window(after, mapping, at, window, (size_t)got);
        }
    }
}

static size_t search(const char *after)
{
    static struct mapping mappings[MAPPINGS_LIMIT];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    unsigned char *window = secret_new(WINDOW);
    pthread_mutex_lock(&lock);
    size_t before = leaks;
    size_t count = list_mappings(mappings);
    note_beginnings();
    require(count > 3);
    for (size_t i = 0; i < count; i++) {
        search_mapping(after, &mappings[i], window);
    }
    size_t found = leaks - before;
    pthread_mutex_unlock(&lock);
    secret_free(window);
    return found;
}

static bool watching;
static atomic_uint publications;

/* Whatever is published, in the store or here, gets its name by this call: then everything that is
 * needed for it is unlocked. */
SEEN int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    if (watching) {
        char when[300];
        snprintf(when, sizeof when, "(publishing) %s", new);
        atomic_fetch_add(&publications, 1);
        search(when);
    }
    return (int)syscall(SYS_renameat2, from, old, to, new, flags);
}

/* ------------------------------------------------------------------ the program */

static void configure_program(const char *recipients)
{
    char path[512];
    FILE *file = fopen(shop_path(path, &shop, "kura.yaml"), "w");
    require(file != NULL);
    fprintf(file,
            "repository:\n  host_key: host.key\n  state: state\n%s"
            "  stores:\n    - name: offsite\n      url: store\n"
            "sources:\n  - { name: customers, sqlite: shop/customers.db }\n"
            "  - { name: documents, tree: shop/documents }\n",
            recipients);
    require(fclose(file) == 0);
}

#define run(...) run_command((const char *[]){"kura", "-c", "kura.yaml", __VA_ARGS__, NULL})

static void run_command(const char **words)
{
    static const struct cli_command *const commands[] = {
        &cmd_init,    &cmd_key_new, &cmd_key_passwd, &cmd_backup,   &cmd_snapshots,
        &cmd_restore, &cmd_dump,    &cmd_check,      &cmd_host_add, &cmd_host_list,
    };
    char line[1024] = "";
    char *arguments[16] = {NULL};
    int count = 0;
    for (; words[count] != NULL; count++) {
        require((size_t)count + 1 < LENGTH(arguments));
        arguments[count] = strdup(words[count]);
        strncat(line, words[count], sizeof line - strlen(line) - 2);
        strcat(line, " ");
    }
    snprintf(trying, sizeof trying, "%s", line);
    alarm(DEADLINE_SECONDS);
    watching = true;
    int code = cli_main(count, arguments, commands, LENGTH(commands));
    watching = false;
    alarm(0);
    if (code != EXIT_DONE) {
        fail_msg("%s: ended with %d", line, code);
    }
    for (int i = 0; i < count; i++) {
        free(arguments[i]);
    }
    search(line);
}

/* ------------------------------------------------------------------ tests */

/* A sanitizer makes mlock do nothing, and keeps what was freed. */
static void skip_sanitized(void)
{
#ifdef SANITIZED
    SKIP_BECAUSE("under a sanitizer no memory is locked");
#endif
}

static void test_search_finds(void **state)
{
    (void)state;
    skip_sanitized();
    static unsigned char planted[64];
    unsigned char *secret = secret_new(32);
    randombytes_buf(secret, 32);
    planted_only = true;
    seek_key("a planted key", secret, 32);
    assert_int_equal(search("nothing"), 0);
    memcpy(planted + 7, secret, 32);
    assert_int_equal(search("a copy in the data"), 2); /* both halves */
    sodium_memzero(planted, sizeof planted);
    char *hex = malloc(65);
    assert_non_null(hex);
    sodium_bin2hex(hex, 65, secret, 32);
    assert_int_equal(search("a text on the heap"), 4);
    sodium_memzero(hex, 30); /* what is left is still found */
    assert_int_equal(search("half a text on the heap"), 2);
    sodium_memzero(hex, 65);
    free(hex);
    assert_int_equal(search("nothing any more"), 0);
    secret_free(secret);
    leaks = 0;
    planted_only = false;
}

static void test_no_secret_stays(void **state)
{
    (void)state;
    skip_sanitized();
    first_day(&shop);
    configure_program("");
    run("init", "--kit", "kit.txt", "--passphrase-file", "pw", "--quiet");
    seek_passphrase("the kit's passphrase", "pw");
    seek_kit();
    seek_host_key("the host's seed", "host.key");
    search("kura init, and reading its files");
    run("key", "new", "--role", "manager", "--out", "manager.key", "--passphrase-file",
        "pw.manager");
    seek_passphrase("the manager's passphrase", "pw.manager");
    seek_manager();
    search("kura key new, and reading its file");
    configure_program("  recipients: [manager.key.pub]\n");
    run("backup", "--quiet");
    second_day(&shop);
    run("backup", "--quiet");
    seek_object_keys();
    search("two backups, and opening their objects");
    run("snapshots");
    run("restore", "--kit", "kit.txt", "--passphrase-file", "pw", "--target", "restored");
    run("restore", "--identity", "manager.key", "--passphrase-file", "pw.manager", "--target",
        "restored.manager");
    run("check", "--read-data", "--kit", "kit.txt", "--passphrase-file", "pw");
    run("dump", "latest", "documents:opening-hours.txt", "--identity", "manager.key",
        "--passphrase-file", "pw.manager");
    rename("host.key", "old.key");
    run("host", "add", "--kit", "kit.txt", "--passphrase-file", "pw", "--quiet");
    seek_host_key("the second host's seed", "host.key");
    run("host", "list", "--kit", "kit.txt", "--passphrase-file", "pw");
    run("backup", "--quiet");
    seek_object_keys();
    search("a second machine's backup");
    write_file("pw.new", "correct horse battery staple 99 gallops", 39);
    seek_passphrase("the manager's new passphrase", "pw.new");
    run("key", "passwd", "manager.key", "--passphrase-file", "pw.manager", "--new-passphrase-file",
        "pw.new");
    run("check", "--identity", "manager.key", "--passphrase-file", "pw.new");
    assert_int_equal(leaks, 0);
    assert_true(publications > 20);
}

static int start(void **state)
{
    (void)state;
    struct error error;
    snprintf(trying, sizeof trying, "at the start");
    snprintf(shop.world.folder, sizeof shop.world.folder, "/tmp/kura-memory-XXXXXX");
    signal(SIGALRM, on_deadline);
    must(base_start(&error));
    cli_stay_unconfined();
    require(mkdtemp(shop.world.folder) != NULL);
    require(chdir(shop.world.folder) == 0);
    configure(&shop);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < needle_count; i++) {
        secret_free(needles[i]);
    }
    remove_tree(shop.world.folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_finds),
        cmocka_unit_test(test_no_secret_stays),
    };
    return cmocka_run_group_tests(tests, start, end);
}
