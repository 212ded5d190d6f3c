/* cli_output: content on its way to standard output. A terminal would obey what a file contains, so
 * only text gets there. */
#include "cli.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cli_output {
    pthread_t thread;
    int pipe_in;  /* the writer's end */
    int pipe_out; /* the thread's end */
    bool filtered;
    bool refused;
};

static bool is_text(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = bytes[i];
        if ((byte < 0x20 && byte != '\n' && byte != '\t' && byte != '\r') || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

static void *filter(void *context)
{
    struct cli_output *output = context;
    unsigned char bytes[16384];
    for (;;) {
        ssize_t size = read(output->pipe_out, bytes, sizeof bytes);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        struct error ignored = {0};
        if (size > 0 && !is_text(bytes, (size_t)size)) {
            output->refused = true;
        }
        if (size <= 0 || output->refused ||
            file_write_all(STDOUT_FILENO, bytes, (size_t)size, "", &ignored) != STATUS_OK) {
            /* The writer sees a broken pipe and ends. */
            file_close(&output->pipe_out);
            return NULL;
        }
    }
}

enum status cli_output_open(struct cli_output **output, int *fd, struct error *error)
{
    struct cli_output *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    *output = made;
    *fd = STDOUT_FILENO;
    made->pipe_in = made->pipe_out = -1;
    if (isatty(STDOUT_FILENO) == 0) {
        return STATUS_OK;
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_set_errno(error, errno, "%s", _("cannot make a pipe"));
    }
    made->pipe_out = ends[0];
    made->pipe_in = ends[1];
    enum status status = thread_start(&made->thread, filter, made, error);
    made->filtered = status == STATUS_OK;
    *fd = made->pipe_in;
    return status;
}

enum status cli_output_close(struct cli_output *output, enum status status, struct error *error)
{
    if (output == NULL) {
        return status;
    }
    file_close(&output->pipe_in);
    if (output->filtered) {
        pthread_join(output->thread, NULL);
    }
    file_close(&output->pipe_out);
    if (output->refused) {
        status = error_set(error, STATUS_USAGE, 0, "%s",
                           _("this is not text; it is not written to a terminal"));
        error_set_hint(error, "%s", _("Send standard output to a file or another program."));
    }
    free(output);
    return status;
}
