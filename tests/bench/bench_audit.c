// room: audit
/* How long it takes to open and verify a log of 100,000 records, and to append one to it.
 *
 *     bench_audit [RECORDS] */
#include "../../src/audit/audit_private.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "/tmp/kura-bench-audit"

static struct error error;

static void must(enum status status)
{
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
}

static void write_buffer(const char *name, const struct buffer *buffer)
{
    char path[128];
    snprintf(path, sizeof path, FOLDER "/%s", name);
    must(file_write(path, buffer->data, buffer->size, 0600, FILE_REPLACE_EXISTING, &error));
}

/* As it would be after so many appends, without their 400,000 fsyncs. */
static void make_log(const struct audit_options *options, uint64_t count)
{
    struct tree tree = {0};
    struct buffer log = {0};
    struct buffer note = {0};
    json_t *facts =
        json_pack("{s:i, s:i, s:s, s:[{s:s, s:s, s:i, s:I}], s:s, s:i}", "exit", 0, "seconds", 1234,
                  "snapshot", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                  "sources", "name", "customers", "status", "complete", "entries", 12345, "bytes",
                  (json_int_t)123456789012, "user", "kura", "warnings", 0);
    for (uint64_t i = 0; i < count; i++) {
        struct audit_record record = {
            .number = i, .time = {1763776800 + (int64_t)i, 0}, .event = "backup"};
        size_t before = log.size;
        must(line_compose(&log, &record, facts, &error));
        must(tree_add(&tree, log.data + before, log.size - before - 1, &error));
    }
    struct audit_head head = {.size = count};
    tree_root(head.root, &tree, count);
    must(checkpoint_compose(&note, options, &head, &error));
    write_buffer("log", &log);
    write_buffer("checkpoint", &note);
    printf("%llu records, %zu bytes\n", (unsigned long long)count, log.size);
    json_decref(facts);
    buffer_free(&log);
    buffer_free(&note);
    tree_free(&tree);
}

static double processor_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    struct signing_key key;
    struct audit *audit = NULL;
    must(base_start(&error));
    must(signing_key_generate(&key, &error));
    must(file_make_folders(FOLDER, 0700, &error));
    struct audit_options options = {
        .folder = FOLDER, .origin = "kura/bench", .public_key = key.public_key, .signing = &key};
    make_log(&options, count);
    double begin = clock_monotonic();
    double used = processor_time();
    must(audit_open(&audit, &options, &error));
    double opened = clock_monotonic();
    used = processor_time() - used;
    for (int i = 0; i < 20; i++) {
        must(audit_append(audit, "bench", NULL, &error));
    }
    double appended = clock_monotonic();
    printf("open and verify: %.3f s (%.3f s of processor time); append: %.1f ms each\n",
           opened - begin, used, (appended - opened) * 1000 / 20);
    audit_free(audit);
    signing_key_free(&key);
    return system("rm -rf " FOLDER) == 0 ? 0 : 1;
}
