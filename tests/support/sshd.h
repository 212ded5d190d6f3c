/* A real sshd for tests: on a free port of the loopback interface, with keys of its own in a folder
 * under /tmp. Touches neither /etc nor ~/.ssh.
 *
 *     struct sshd sshd;
 *     sshd_prepare(&sshd);                   folder, host keys, a user key, known_hosts
 *     sshd_start(&sshd, SSHD_ORDINARY);      one or more lines of sshd_config
 *     … sshd.url, sshd.identity, sshd.known_hosts; files under sshd.data …
 *     sshd_stop(&sshd);                      may be started again, on the same port
 *     sshd_remove(&sshd);
 */
#ifndef TESTS_SUPPORT_SSHD_H
#define TESTS_SUPPORT_SSHD_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SSHD_ORDINARY "Subsystem sftp internal-sftp\n"
#define SSHD_SEPARATE "Subsystem sftp /usr/lib/openssh/sftp-server\n"
#define SSHD_READ_ONLY "Subsystem sftp internal-sftp\nForceCommand internal-sftp -R\n"
/* Storage on which nothing can be replaced, changed or removed. */
#define SSHD_WRITE_ONCE                                                                            \
    "Subsystem sftp internal-sftp\n"                                                               \
    "ForceCommand internal-sftp -u 0222 -p open,close,read,write,lstat,fstat,stat,opendir,"        \
    "readdir,realpath,statvfs,fstatvfs,fsync,limits\n"

struct sshd {
    char folder[64];
    char data[96];
    char identity[96];
    char known_hosts[96];
    char url[256];
    char user[64];
    unsigned port;
    pid_t pid; /* 0: not running */
};

__attribute__((noreturn)) static inline void sshd_fail(const char *what)
{
    fprintf(stderr, "sshd fixture: %s: %s\n", what, strerror(errno));
    abort();
}

__attribute__((format(printf, 1, 2))) static inline void sshd_shell(const char *format, ...)
{
    char command[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    if (system(command) != 0) {
        sshd_fail(command);
    }
}

static inline void sshd_sleep(unsigned milliseconds)
{
    struct timespec rest = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {
    }
}

static inline int sshd_dial(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Below the ports that the kernel gives to outgoing connections: one of those could take it while
 * the server is not up yet, or down for a moment. */
static inline unsigned sshd_free_port(void)
{
    for (;;) {
        unsigned port = 20000 + arc4random_uniform(12000);
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port),
                                      .sin_addr = {htonl(INADDR_LOOPBACK)}};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int taken = bind(fd, (struct sockaddr *)&address, sizeof address);
        close(fd);
        if (taken == 0) {
            return port;
        }
    }
}

static inline void sshd_prepare(struct sshd *sshd)
{
    *sshd = (struct sshd){.folder = "/tmp/kura-sshd-XXXXXX"};
    if (mkdtemp(sshd->folder) == NULL) {
        sshd_fail("mkdtemp");
    }
    const char *folder = sshd->folder;
    snprintf(sshd->data, sizeof sshd->data, "%s/data", folder);
    snprintf(sshd->identity, sizeof sshd->identity, "%s/user_ed25519", folder);
    snprintf(sshd->known_hosts, sizeof sshd->known_hosts, "%s/known_hosts", folder);
    snprintf(sshd->user, sizeof sshd->user, "%s", getpwuid(getuid())->pw_name);
    sshd->port = sshd_free_port();
    snprintf(sshd->url, sizeof sshd->url, "sftp://%s@127.0.0.1:%u%s", sshd->user, sshd->port,
             sshd->data);
    if (getuid() == 0) {
        mkdir("/run/sshd", 0755);
    }
    sshd_shell("cd %s && mkdir data && ssh-keygen -q -t ed25519 -N '' -f host_ed25519 && "
               "ssh-keygen -q -t ecdsa -N '' -f host_ecdsa && "
               "ssh-keygen -q -t ed25519 -N '' -C user -f user_ed25519 && "
               "cp user_ed25519.pub authorized_keys && "
               "printf '[127.0.0.1]:%%s %%s\\n' %u \"$(cut -d' ' -f1,2 host_ed25519.pub)\" "
               "> known_hosts",
               folder, sshd->port);
}

static inline void sshd_write_config(const struct sshd *sshd, const char *lines)
{
    char path[128];
    snprintf(path, sizeof path, "%s/sshd_config", sshd->folder);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        sshd_fail(path);
    }
    /* The first value counts in sshd_config, so the caller's lines come first. */
    fprintf(file,
            "%sListenAddress 127.0.0.1:%u\nPidFile none\nStrictModes no\nUsePAM no\n"
            "AuthorizedKeysFile %s/authorized_keys\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nLogLevel VERBOSE\n",
            lines, sshd->port, sshd->folder);
    if (strstr(lines, "HostKey ") == NULL) {
        fprintf(file, "HostKey %s/host_ed25519\nHostKey %s/host_ecdsa\n", sshd->folder,
                sshd->folder);
    }
    fclose(file);
}

static inline void sshd_wait_ready(const struct sshd *sshd)
{
    for (int i = 0; i < 500; i++) {
        int fd = sshd_dial(sshd->port);
        char banner[4] = "";
        bool ready = fd >= 0 && recv(fd, banner, 4, MSG_WAITALL) == 4;
        if (fd >= 0) {
            close(fd);
        }
        if (ready && memcmp(banner, "SSH-", 4) == 0) {
            return;
        }
        sshd_sleep(10);
    }
    fprintf(stderr, "sshd does not start; its log is %s/log\n", sshd->folder);
    abort();
}

static inline void sshd_start(struct sshd *sshd, const char *lines)
{
    sshd_write_config(sshd, lines);
    char config[128];
    char log[128];
    snprintf(config, sizeof config, "%s/sshd_config", sshd->folder);
    snprintf(log, sizeof log, "%s/log", sshd->folder);
    sshd->pid = fork();
    if (sshd->pid == 0) {
        setsid();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, 2);
        execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-D", "-e", "-f", config, (char *)NULL);
        _exit(127);
    }
    sshd_wait_ready(sshd);
}

/* Sends a signal to every process below `pid` whose name begins with `name`. */
static inline void sshd_signal_below(pid_t pid, const char *name, int number)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return;
    }
    int child;
    while (fscanf(file, "%d", &child) == 1) {
        sshd_signal_below(child, name, number);
        char title[64] = "";
        snprintf(path, sizeof path, "/proc/%d/comm", child);
        FILE *comm = fopen(path, "r");
        if (comm != NULL) {
            if (fgets(title, sizeof title, comm) != NULL &&
                strncmp(title, name, strlen(name)) == 0) {
                kill(child, number);
            }
            fclose(comm);
        }
    }
    fclose(file);
}

/* Kills the listener and every connection at once, as a power failure does. Each connection is a
 * session of its own, so a process group does not reach it. */
static inline void sshd_stop(struct sshd *sshd)
{
    if (sshd->pid > 0) {
        kill(sshd->pid, SIGSTOP);
        sshd_signal_below(sshd->pid, "", SIGKILL);
        kill(sshd->pid, SIGKILL);
        waitpid(sshd->pid, NULL, 0);
        sshd->pid = 0;
    }
}

static inline void sshd_remove(struct sshd *sshd)
{
    sshd_stop(sshd);
    sshd_shell("chmod -R u+w %s && rm -rf %s", sshd->folder, sshd->folder);
}

#endif
