/* passphrase_ask: asks at the terminal, whatever standard input is, and shows nothing of what is
 * typed. However it ends, the terminal is left as it was: signals that would end or stop the
 * program are held until the echo is back, and then raised again.
 */
#include "passphrase.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define TRIES 3

/* SIGTTOU is the last: foreign_terminal looks there. */
static const int caught[] = {SIGALRM, SIGHUP,  SIGINT,  SIGPIPE, SIGQUIT,
                             SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};

static volatile sig_atomic_t raised[LENGTH(caught)];

struct terminal {
    int fd;
    struct termios before;
    struct sigaction actions[LENGTH(caught)];
};

static void note_signal(int number)
{
    for (size_t i = 0; i < LENGTH(caught); i++) {
        if (caught[i] == number) {
            raised[i] = 1;
        }
    }
}

static bool any_raised(void)
{
    for (size_t i = 0; i < LENGTH(caught); i++) {
        if (raised[i] != 0) {
            return true;
        }
    }
    return false;
}

/* In the background, where each attempt to set the terminal ends in a signal. */
static bool foreign_terminal(void)
{
    return raised[LENGTH(caught) - 1] != 0;
}

/* False for any reason but a signal. */
static bool set_terminal(int fd, const struct termios *settings)
{
    while (tcsetattr(fd, TCSAFLUSH, settings) != 0 && !any_raised()) {
        if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void restore_actions(const struct terminal *terminal)
{
    for (size_t i = 0; i < LENGTH(caught); i++) {
        sigaction(caught[i], &terminal->actions[i], NULL);
    }
}

static enum status echo_off(struct terminal *terminal, struct error *error)
{
    struct sigaction action = {.sa_handler = note_signal};
    if (tcgetattr(terminal->fd, &terminal->before) != 0) {
        return error_set_errno(error, errno, "%s", _("the terminal cannot be used"));
    }
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < LENGTH(caught); i++) {
        raised[i] = 0;
        sigaction(caught[i], &action, &terminal->actions[i]);
    }
    struct termios silent = terminal->before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    silent.c_lflag |= ICANON | ISIG;
    if (!set_terminal(terminal->fd, &silent)) {
        int reason = errno;
        restore_actions(terminal);
        return error_set_errno(error, reason, "%s", _("the terminal cannot be used"));
    }
    return STATUS_OK;
}

/* Whether a signal came that stopped the program for a while, so that the question is to be put
 * again. One that ends the program does so here. */
static bool echo_back(const struct terminal *terminal)
{
    bool stopped = false;
    while (tcsetattr(terminal->fd, TCSAFLUSH, &terminal->before) != 0 && errno == EINTR &&
           !foreign_terminal()) {
    }
    restore_actions(terminal);
    for (size_t i = 0; i < LENGTH(caught); i++) {
        if (raised[i] != 0) {
            kill(getpid(), caught[i]);
            stopped =
                stopped || caught[i] == SIGTSTP || caught[i] == SIGTTIN || caught[i] == SIGTTOU;
        }
    }
    return stopped;
}

static enum status read_line(struct secret_text *line, int fd, struct error *error)
{
    CLEANUP(secret_free_pointer) char *byte = secret_new(1);
    while (!any_raised()) {
        ssize_t count = read(fd, byte, 1);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return error_set_errno(error, errno, "%s", _("the terminal cannot be used"));
        }
        if (count == 0 || *byte == '\n') {
            return STATUS_OK;
        }
        enum status status = secret_text_append(line, byte, 1, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status write_prompt(int fd, const char *prompt, struct error *error)
{
    enum status status = file_write_all(fd, prompt, strlen(prompt), "/dev/tty", error);
    return status == STATUS_OK ? file_write_all(fd, ": ", 2, "/dev/tty", error) : status;
}

static enum status ask_line(struct secret_text *line, struct terminal *terminal, const char *prompt,
                            struct error *error)
{
    bool again = true;
    enum status status = STATUS_OK;
    while (again && status == STATUS_OK) {
        sodium_memzero(line->text, line->capacity);
        line->size = 0;
        status = echo_off(terminal, error);
        if (status != STATUS_OK) {
            return status;
        }
        if (!any_raised()) {
            status = write_prompt(terminal->fd, prompt, error);
        }
        if (status == STATUS_OK) {
            status = read_line(line, terminal->fd, error);
        }
        bool interrupted = any_raised();
        again = echo_back(terminal);
        if (status == STATUS_OK) {
            status = file_write_all(terminal->fd, "\n", 1, "/dev/tty", error);
        }
        if (status == STATUS_OK && ((interrupted && !again) || (!again && line->size == 0))) {
            status = error_set(error, STATUS_CANCELLED, 0, "%s", _("no passphrase was given"));
        }
    }
    return status;
}

static enum status ask_twice(struct secret_text *line, struct terminal *terminal,
                             const char *prompt, struct error *error)
{
    CLEANUP(secret_text_free) struct secret_text repeated = {0};
    enum status status = secret_text_new(&repeated, PASSPHRASE_LIMIT, error);
    for (int i = 0; status == STATUS_OK && i < TRIES; i++) {
        status = ask_line(line, terminal, prompt, error);
        if (status == STATUS_OK) {
            status = ask_line(&repeated, terminal, _("The same again"), error);
        }
        if (status == STATUS_OK && line->size == repeated.size &&
            sodium_memcmp(line->text, repeated.text, line->size) == 0) {
            return STATUS_OK;
        }
        if (status == STATUS_OK) {
            const char *message = _("The two differ.");
            status = file_write_all(terminal->fd, message, strlen(message), "/dev/tty", error);
        }
        if (status == STATUS_OK) {
            status = file_write_all(terminal->fd, "\n", 1, "/dev/tty", error);
        }
    }
    return status == STATUS_OK
               ? error_set(error, STATUS_DENIED, 0, "%s", _("the two passphrases differ"))
               : status;
}

enum status passphrase_ask(struct secret_text *passphrase, const char *prompt, bool confirm,
                           struct error *error)
{
    *passphrase = (struct secret_text){0};
    CLEANUP(file_close) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        error_set(error, STATUS_DENIED, 0, "%s",
                  _("there is no terminal to ask for the passphrase at"));
        return error_set_hint(error, "%s", _("Give the passphrase in a file instead."));
    }
    struct terminal terminal = {.fd = fd};
    CLEANUP(secret_text_free) struct secret_text line = {0};
    enum status status = secret_text_new(&line, PASSPHRASE_LIMIT, error);
    if (status == STATUS_OK) {
        status = confirm ? ask_twice(&line, &terminal, prompt, error)
                         : ask_line(&line, &terminal, prompt, error);
    }
    if (status == STATUS_OK) {
        *passphrase = line;
        line = (struct secret_text){0};
    }
    return status;
}
