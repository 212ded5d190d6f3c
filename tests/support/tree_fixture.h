/* A folder for a test to fill, and the tree source run on it. */
#ifndef KURA_TESTS_TREE_FIXTURE_H
#define KURA_TESTS_TREE_FIXTURE_H

#include "support/source_recorder.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct tree_fixture {
    char base[64];    /* mkdtemp */
    char folder[128]; /* base/tree: the source */
    int fd;           /* of it */
};

static inline int tree_fixture_setup(void **state)
{
    struct tree_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    snprintf(fixture->base, sizeof fixture->base, "/tmp/kura-tree-XXXXXX");
    assert_non_null(mkdtemp(fixture->base));
    assert_int_equal(chmod(fixture->base, 0755), 0);
    snprintf(fixture->folder, sizeof fixture->folder, "%s/tree", fixture->base);
    assert_int_equal(mkdir(fixture->folder, 0755), 0);
    fixture->fd = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fixture->fd >= 0);
    *state = fixture;
    return 0;
}

static inline int tree_fixture_teardown(void **state)
{
    struct tree_fixture *fixture = *state;
    char command[128];
    close(fixture->fd);
    snprintf(command, sizeof command, "rm -rf %s", fixture->base);
    int result = system(command); // NOLINT(cert-env33-c)
    free(fixture);
    return result;
}

/* Runs the script in the folder. */
static inline void tree_fixture_run(const struct tree_fixture *fixture, const char *script)
{
    char command[1024];
    snprintf(command, sizeof command, "cd %s && %s", fixture->folder, script);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c)
}

static inline void tree_fixture_write(int folder, const char *name, const void *data, size_t size)
{
    CLEANUP(file_close)
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    struct error error;
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, data, size, name, &error), STATUS_OK);
}

static inline void tree_fixture_text(int folder, const char *name, const char *text)
{
    tree_fixture_write(folder, name, text, strlen(text));
}

static inline enum status tree_fixture_source(const char *path, char **exclude,
                                              bool one_file_system, struct recorder *recorder,
                                              struct error *error)
{
    char name[] = "documents";
    char copy[256];
    assert_true(snprintf(copy, sizeof copy, "%s", path) < (int)sizeof copy);
    struct config_source source = {.name = name,
                                   .kind = SOURCE_TREE,
                                   .path = copy,
                                   .exclude = exclude,
                                   .one_file_system = one_file_system};
    struct source_sink sink = recorder_sink(recorder);
    error_clear(error);
    return source_tree.run(&source, &sink, error);
}

/* Must succeed. */
static inline void tree_fixture_read(const struct tree_fixture *fixture, struct recorder *recorder)
{
    struct error error;
    enum status status = tree_fixture_source(fixture->folder, NULL, false, recorder, &error);
    if (status != STATUS_OK) {
        fail_msg("%s", error.message);
    }
}

#endif
