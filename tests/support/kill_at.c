/* kill_at: runs a command and kills it with -9, with all its threads and children, at its n-th
 * system call that changes something: right after the call or, with -b, right before it.
 *
 *     kill_at [-b] [-n N | -m MILLISECONDS] [-t SECONDS] [-o FILE] COMMAND...
 *
 *   -n N   kill at the N-th call; without -n and -m nothing is killed, and the calls are counted
 *   -m MS  kill after so many milliseconds, wherever it is then
 *   -t S   the command hangs after so long (300): it is killed, and the exit code is 124
 *   -o F   writes "killed N CALL" or "ended N EXIT-CODE" to F instead of standard error; N is how
 *          many such calls there were
 *
 * Ends with 137 if it killed, else as the command did. Every call is counted that can leave a trace
 * outside the process: on files, folders and sockets, but not on standard output and error. A
 * seccomp filter picks them out, so that all other calls run at full speed; the filter and the
 * tracing are there before exec, and so hold for a program that makes itself undumpable. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define ENDED_IN_TIME_OUT 124
#define KILLED 137
#define OPTIONS                                                                                    \
    (PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |      \
     PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)

struct call {
    long number;
    const char *name;
    enum { ALWAYS, NOT_TO_TERMINAL, CREATES_1, CREATES_2, CREATES_HOW } when;
};

#define CALL(name, when)                                                                           \
    {                                                                                              \
        SYS_##name, #name, when                                                                    \
    }

static const struct call calls[] = {
    CALL(write, NOT_TO_TERMINAL),  CALL(writev, NOT_TO_TERMINAL),
    CALL(pwrite64, ALWAYS),        CALL(pwritev, ALWAYS),
    CALL(pwritev2, ALWAYS),        CALL(sendto, ALWAYS),
    CALL(sendmsg, ALWAYS),         CALL(sendmmsg, ALWAYS),
    CALL(sendfile, ALWAYS),        CALL(splice, ALWAYS),
    CALL(copy_file_range, ALWAYS), CALL(connect, ALWAYS),
    CALL(fsync, ALWAYS),           CALL(fdatasync, ALWAYS),
    CALL(syncfs, ALWAYS),          CALL(sync_file_range, ALWAYS),
    CALL(msync, ALWAYS),           CALL(ftruncate, ALWAYS),
    CALL(truncate, ALWAYS),        CALL(fallocate, ALWAYS),
    CALL(renameat, ALWAYS),        CALL(renameat2, ALWAYS),
    CALL(linkat, ALWAYS),          CALL(symlinkat, ALWAYS),
    CALL(unlinkat, ALWAYS),        CALL(mkdirat, ALWAYS),
    CALL(mknodat, ALWAYS),         CALL(fchmod, ALWAYS),
    CALL(fchmodat, ALWAYS),        CALL(fchown, ALWAYS),
    CALL(fchownat, ALWAYS),        CALL(utimensat, ALWAYS),
    CALL(setxattr, ALWAYS),        CALL(lsetxattr, ALWAYS),
    CALL(fsetxattr, ALWAYS),       CALL(openat, CREATES_2),
    CALL(openat2, CREATES_HOW),
#ifdef SYS_open
    CALL(open, CREATES_1),         CALL(creat, ALWAYS),
    CALL(rename, ALWAYS),          CALL(link, ALWAYS),
    CALL(symlink, ALWAYS),         CALL(unlink, ALWAYS),
    CALL(rmdir, ALWAYS),           CALL(mkdir, ALWAYS),
    CALL(mknod, ALWAYS),           CALL(chmod, ALWAYS),
    CALL(chown, ALWAYS),           CALL(lchown, ALWAYS),
#endif
};

struct options {
    bool before;
    uint64_t at;      /* 0: none */
    long after_ms;    /* 0: never */
    long deadline_ms; /* of the whole command */
    const char *output;
    char **command;
};

struct run {
    const struct options *options;
    pid_t main;
    struct timespec start;
    uint64_t count;
    const struct call *struck; /* the call that is killed at */
    bool killed;
    bool late;    /* the deadline passed */
    int ended_as; /* exit code of the main process, or -1 */
};

static void die(const char *what)
{
    fprintf(stderr, "kill_at: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* ---- the command's side */

/* The low half of an argument; every machine that this runs on has it first. */
#define ARGUMENT(i) ((unsigned)(offsetof(struct seccomp_data, args) + 8 * (unsigned)(i)))
#define STATEMENT(code, k) ((struct sock_filter)BPF_STMT((code), (k)))
#define JUMP(code, k, yes, no) ((struct sock_filter)BPF_JUMP((code), (k), (yes), (no)))

/* Five statements for each call: it is this one, and its argument says so, or on to the next. */
static void install_filter(void)
{
    static struct sock_filter filter[LENGTH(calls) * 5 + 2];
    size_t size = 0;
    filter[size++] = STATEMENT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < LENGTH(calls); i++) {
        unsigned number = (unsigned)calls[i].number;
        unsigned argument = calls[i].when == CREATES_2 ? 2 : calls[i].when == CREATES_1 ? 1 : 0;
        filter[size++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4);
        filter[size++] = STATEMENT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(argument));
        if (calls[i].when == CREATES_1 || calls[i].when == CREATES_2) {
            filter[size++] = JUMP(BPF_JMP | BPF_JSET | BPF_K, O_CREAT | O_TRUNC, 1, 0);
        } else if (calls[i].when == NOT_TO_TERMINAL) {
            filter[size++] = JUMP(BPF_JMP | BPF_JGT | BPF_K, STDERR_FILENO, 1, 0);
        } else {
            filter[size++] = JUMP(BPF_JMP | BPF_JA, 1, 0, 0);
        }
        filter[size++] = STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        filter[size++] = STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    filter[size++] = STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = (unsigned short)size, .filter = filter};
    if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        die("PR_SET_NO_NEW_PRIVS");
    }
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        die("the filter cannot be installed");
    }
}

__attribute__((noreturn)) static void run_command(char **command, int gate)
{
    char byte;
    setpgid(0, 0);
    if (read(gate, &byte, 1) != 1) {
        _exit(125);
    }
    close(gate);
    install_filter();
    execvp(command[0], command);
    die(command[0]);
    _exit(125);
}

/* ---- the tracer's side */

static long passed_ms(const struct run *run)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - run->start.tv_sec) * 1000 + (now.tv_nsec - run->start.tv_nsec) / 1000000;
}

static void on_alarm(int number)
{
    (void)number;
}

static void kill_all(struct run *run, pid_t here)
{
    run->killed = true;
    kill(-run->main, SIGKILL);
    kill(run->main, SIGKILL);
    kill(here, SIGKILL); /* it may have a group of its own */
}

static const struct call *call_of(long number)
{
    for (size_t i = 0; i < LENGTH(calls); i++) {
        if (calls[i].number == number) {
            return &calls[i];
        }
    }
    return NULL;
}

/* openat2 keeps its flags in memory, where a filter cannot look. */
static bool creates(pid_t pid, uint64_t how)
{
    errno = 0;
    long flags = ptrace(PTRACE_PEEKDATA, pid, how + offsetof(struct open_how, flags), NULL);
    return errno != 0 || (flags & (O_CREAT | O_TRUNC)) != 0;
}

static void on_call(struct run *run, pid_t pid)
{
    struct __ptrace_syscall_info information = {0};
    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof information, &information);
    const struct call *call = call_of((long)information.seccomp.nr);
    if (call == NULL || (call->when == CREATES_HOW && !creates(pid, information.seccomp.args[2]))) {
        ptrace(PTRACE_CONT, pid, NULL, NULL);
        return;
    }
    run->count++;
    if (run->options->at == 0 || run->count != run->options->at) {
        ptrace(PTRACE_CONT, pid, NULL, NULL);
        return;
    }
    run->struck = call;
    if (run->options->before) {
        kill_all(run, pid);
    } else {
        ptrace(PTRACE_SYSCALL, pid, NULL, NULL); /* stops again when the call is done */
    }
}

static void on_stop(struct run *run, pid_t pid, int state)
{
    int number = WSTOPSIG(state);
    int event = state >> 16;
    if (run->killed) {
        kill(pid, SIGKILL); /* a child that was born meanwhile */
    } else if (event == PTRACE_EVENT_SECCOMP) {
        on_call(run, pid);
    } else if (number == (SIGTRAP | 0x80)) {
        kill_all(run, pid);
    } else if (event == PTRACE_EVENT_STOP && number != SIGTRAP) {
        ptrace(PTRACE_LISTEN, pid, NULL, NULL);
    } else {
        ptrace(PTRACE_CONT, pid, NULL, event == 0 ? (long)number : 0L);
    }
}

static void on_tick(struct run *run)
{
    long passed = passed_ms(run);
    if (passed >= run->options->deadline_ms) {
        run->late = true;
        kill_all(run, run->main);
    } else if (run->options->after_ms != 0 && passed >= run->options->after_ms) {
        kill_all(run, run->main);
    }
}

/* Until every process of the command is gone, so that no lock of theirs outlives this. */
static void follow(struct run *run)
{
    for (;;) {
        int state = 0;
        pid_t pid = waitpid(-1, &state, __WALL);
        if (pid < 0 && errno == ECHILD) {
            return;
        }
        if (pid < 0) {
            on_tick(run);
        } else if (WIFSTOPPED(state)) {
            on_stop(run, pid, state);
        } else if (pid == run->main) {
            run->ended_as = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
        }
    }
}

static void start(struct run *run)
{
    int gate[2];
    if (pipe(gate) != 0) {
        die("pipe");
    }
    run->main = fork();
    if (run->main == 0) {
        close(gate[1]);
        run_command(run->options->command, gate[0]);
    }
    close(gate[0]);
    if (run->main < 0 || ptrace(PTRACE_SEIZE, run->main, NULL, OPTIONS) != 0) {
        die("tracing is not possible");
    }
    setpgid(run->main, run->main);
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval tick = {{0, 5000}, {0, 5000}};
    clock_gettime(CLOCK_MONOTONIC, &run->start);
    setitimer(ITIMER_REAL, &tick, NULL);
    if (write(gate[1], "", 1) != 1) {
        die("the command cannot be started");
    }
    close(gate[1]);
}

static void tell(const struct run *run)
{
    FILE *file = run->options->output == NULL ? stderr : fopen(run->options->output, "w");
    if (file == NULL) {
        die(run->options->output);
    }
    if (run->killed) {
        fprintf(file, "killed %llu %s\n", (unsigned long long)run->count,
                run->late             ? "deadline"
                : run->struck != NULL ? run->struck->name
                                      : "time");
    } else {
        fprintf(file, "ended %llu %d\n", (unsigned long long)run->count, run->ended_as);
    }
    if (file != stderr) {
        fclose(file);
    }
}

static void read_options(struct options *options, int argc, char **argv)
{
    *options = (struct options){.deadline_ms = 300000};
    for (int option; (option = getopt(argc, argv, "+bn:m:t:o:")) != -1;) {
        switch (option) {
        case 'b':
            options->before = true;
            break;
        case 'n':
            options->at = strtoull(optarg, NULL, 10);
            break;
        case 'm':
            options->after_ms = strtol(optarg, NULL, 10);
            break;
        case 't':
            options->deadline_ms = strtol(optarg, NULL, 10) * 1000;
            break;
        case 'o':
            options->output = optarg;
            break;
        default:
            exit(2);
        }
    }
    options->command = argv + optind;
    if (optind == argc) {
        fprintf(stderr, "usage: kill_at [-b] [-n N | -m MS] [-t SECONDS] [-o FILE] COMMAND...\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct options options;
    read_options(&options, argc, argv);
    struct run run = {.options = &options, .ended_as = -1};
    start(&run);
    follow(&run);
    tell(&run);
    return run.late ? ENDED_IN_TIME_OUT : run.killed ? KILLED : run.ended_as;
}
