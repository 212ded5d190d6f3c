/* The sandbox: what is outside stays as it is, what is inside can be worked with. Each case runs in
 * a process of its own, as there is no way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kura/base.h"
#include "support/skip.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char inside[64], outside[64];

static bool write_to(const char *folder, const char *name, int flags)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
    bool written = fd >= 0 && write(fd, "x", 1) == 1;
    if (fd >= 0) {
        close(fd);
    }
    return written;
}

static long landlock_version(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
}

static void need_landlock(void)
{
    if (landlock_version() < 2) {
        SKIP_BECAUSE("this kernel has no Landlock, or too old a one");
    }
}

/* Runs it in a process of its own, which says by its exit code where it failed. */
static void assert_apart(int (*run)(void))
{
    int code = -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        _exit(run());
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 0);
}

#define step(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition, strerror(errno));          \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static enum status enter(bool execute, struct error *error)
{
    const char *const writable[] = {inside, "/dev/null", "/nonexistent/folder", NULL};
    return sandbox_enter(&(struct sandbox_options){.writable = writable, .execute = execute},
                         error);
}

static bool can_execute(void)
{
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(99);
    }
    int code = -1;
    return waitpid(child, &code, 0) == child && WIFEXITED(code) && WEXITSTATUS(code) == 0;
}

static int run_outside(void)
{
    struct error error = {0};
    char path[128];
    char other[128];
    step(write_to(outside, "before", O_CREAT));
    step(enter(false, &error) == STATUS_OK);
    step(!write_to(outside, "new", O_CREAT) && errno == EACCES);
    step(!write_to(outside, "before", 0) && errno == EACCES);
    snprintf(path, sizeof path, "%s/before", outside);
    step(unlink(path) != 0 && errno == EACCES);
    snprintf(other, sizeof other, "%s/taken", inside);
    step(rename(path, other) != 0);
    snprintf(path, sizeof path, "%s/folder", outside);
    step(mkdir(path, 0700) != 0 && errno == EACCES);
    snprintf(path, sizeof path, "%s/link", inside);
    snprintf(other, sizeof other, "%s/before", outside);
    step(symlink(other, path) == 0);
    step(!write_to(inside, "link", 0) && errno == EACCES);
    step(!can_execute());
    step(landlock_version() < 3 || truncate(other, 0) != 0);
    return 0;
}

static int run_inside(void)
{
    struct error error = {0};
    char path[128];
    char other[128];
    step(enter(false, &error) == STATUS_OK);
    step(write_to(inside, "new", O_CREAT) && write_to(inside, "new", O_TRUNC));
    snprintf(path, sizeof path, "%s/folder", inside);
    step(mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/new", inside);
    snprintf(other, sizeof other, "%s/folder/moved", inside);
    step(rename(path, other) == 0); /* from folder to folder: what a restore lives on */
    step(unlink(other) == 0);
    int fd = open(inside, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    step(fd >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    step(open(path, O_RDWR | O_CLOEXEC) >= 0);
    step(write_to("/dev", "null", 0));
    step(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
    step(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    return 0;
}

static int run_program(void)
{
    struct error error = {0};
    step(enter(true, &error) == STATUS_OK);
    step(can_execute());
    step(!write_to(outside, "new", O_CREAT) && errno == EACCES);
    return 0;
}

static void *write_outside(void *result)
{
    *(bool *)result = write_to(outside, "new", O_CREAT);
    return NULL;
}

static int run_thread(void)
{
    struct error error = {0};
    bool written = true;
    pthread_t thread;
    step(enter(false, &error) == STATUS_OK);
    step(thread_start(&thread, write_outside, &written, &error) == STATUS_OK);
    pthread_join(thread, NULL);
    step(!written);
    return 0;
}

/* A second confinement takes from the first, and gives nothing back. */
static int run_narrower(void)
{
    struct error error = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/narrow", inside);
    step(enter(false, &error) == STATUS_OK);
    step(mkdir(path, 0700) == 0);
    const char *const writable[] = {path, outside, NULL};
    step(sandbox_enter(&(struct sandbox_options){.writable = writable}, &error) == STATUS_OK);
    step(write_to(path, "new", O_CREAT));
    step(!write_to(inside, "elsewhere", O_CREAT));
    step(!write_to(outside, "elsewhere", O_CREAT));
    return 0;
}

/* A kernel without Landlock, made of one with it. */
static bool refuse_landlock(uint32_t with)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | with),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = LENGTH(filter), .filter = filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static int run_without(uint32_t with)
{
    struct error error = {0};
    step(refuse_landlock(with));
    step(enter(false, &error) == STATUS_UNSUPPORTED);
    step(strstr(error.message, "Landlock") != NULL);
    step(write_to(outside, "still", O_CREAT));
    step(can_execute());
    return 0;
}

static int run_absent(void)
{
    return run_without(ENOSYS);
}

static int run_disabled(void)
{
    return run_without(EOPNOTSUPP);
}

static void test_outside(void **state)
{
    (void)state;
    need_landlock();
    assert_apart(run_outside);
}

static void test_inside(void **state)
{
    (void)state;
    need_landlock();
    assert_apart(run_inside);
}

static void test_program(void **state)
{
    (void)state;
    need_landlock();
    assert_apart(run_program);
}

static void test_thread(void **state)
{
    (void)state;
    need_landlock();
    assert_apart(run_thread);
}

static void test_narrower(void **state)
{
    (void)state;
    need_landlock();
    assert_apart(run_narrower);
}

static void test_kernel_without(void **state)
{
    (void)state;
    assert_apart(run_absent);
    assert_apart(run_disabled);
}

static int make_folders(void **state)
{
    (void)state;
    strcpy(inside, "/tmp/kura-sandbox-in-XXXXXX");
    strcpy(outside, "/tmp/kura-sandbox-out-XXXXXX");
    return mkdtemp(inside) == NULL || mkdtemp(outside) == NULL ? -1 : 0;
}

static int remove_folders(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s %s", inside, outside);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_outside, make_folders, remove_folders),
        cmocka_unit_test_setup_teardown(test_inside, make_folders, remove_folders),
        cmocka_unit_test_setup_teardown(test_program, make_folders, remove_folders),
        cmocka_unit_test_setup_teardown(test_thread, make_folders, remove_folders),
        cmocka_unit_test_setup_teardown(test_narrower, make_folders, remove_folders),
        cmocka_unit_test_setup_teardown(test_kernel_without, make_folders, remove_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
