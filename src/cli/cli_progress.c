/* cli_progress: one line on the terminal that is written again and again. */
#include "cli.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_SIZE 300
/* The rate is that of the last seconds rather than of the whole run. */
#define SMOOTHING 0.1

struct cli_progress {
    pthread_mutex_t lock;
    double begun, before;
    uint64_t bytes_before;
    double rate;
    bool shown;
};

struct cli_progress *cli_progress_new(const struct cli_arguments *arguments)
{
    if (arguments->quiet || isatty(STDERR_FILENO) == 0) {
        return NULL;
    }
    struct cli_progress *progress = calloc(1, sizeof *progress);
    if (progress != NULL) {
        pthread_mutex_init(&progress->lock, NULL);
        progress->begun = progress->before = clock_monotonic();
    }
    return progress;
}

static void update_rate(struct cli_progress *progress, uint64_t bytes)
{
    double now = clock_monotonic();
    double passed = now - progress->before;
    if (passed <= 0 || bytes < progress->bytes_before) {
        return;
    }
    double current = (double)(bytes - progress->bytes_before) / passed;
    progress->rate =
        progress->rate == 0 ? current : progress->rate * (1 - SMOOTHING) + current * SMOOTHING;
    progress->before = now;
    progress->bytes_before = bytes;
}

/* Cut to the width of the terminal: a line that wraps could not be taken back. The text is our own
 * and printable; cutting counts bytes of it that are not continuation bytes of UTF-8, wide ones
 * twice. */
static void cut_line(char *line)
{
    struct winsize size;
    unsigned columns = 80;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        columns = size.ws_col;
    }
    unsigned used = 0;
    for (char *at = line; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        unsigned width = (byte & 0xc0) == 0x80 ? 0 : byte >= 0xe0 ? 2 : 1;
        if (used + width >= columns) {
            *at = '\0';
            return;
        }
        used += width;
    }
}

static void compose(char line[LINE_SIZE], const struct cli_progress *progress,
                    const struct cli_progress_values *values)
{
    char done[CLI_SIZE_TEXT];
    char total[CLI_SIZE_TEXT];
    char rate[CLI_SIZE_TEXT];
    char left[CLI_SIZE_TEXT];
    char doing[64] = "";
    if (values->doing != NULL) {
        snprintf(doing, sizeof doing, "%.60s: ", values->doing);
    }
    cli_format_bytes(done, values->bytes);
    cli_format_bytes(rate, (uint64_t)progress->rate);
    unsigned long files = (unsigned long)values->files;
    if (values->bytes_total <= values->bytes || progress->rate < 1) {
        snprintf(line, LINE_SIZE, ngettext("%s%s, %lu file, %s/s", "%s%s, %lu files, %s/s", files),
                 doing, done, files, rate);
        return;
    }
    cli_format_bytes(total, values->bytes_total);
    cli_format_duration(left, (double)(values->bytes_total - values->bytes) / progress->rate);
    snprintf(line, LINE_SIZE,
             ngettext("%s%s of %s, %lu file, %s/s, %s left", "%s%s of %s, %lu files, %s/s, %s left",
                      files),
             doing, done, total, files, rate, left);
}

void cli_progress_show(struct cli_progress *progress, const struct cli_progress_values *values)
{
    if (progress == NULL) {
        return;
    }
    char line[LINE_SIZE];
    pthread_mutex_lock(&progress->lock);
    update_rate(progress, values->bytes);
    compose(line, progress, values);
    cut_line(line);
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    progress->shown = true;
    pthread_mutex_unlock(&progress->lock);
}

void cli_progress_clear(struct cli_progress *progress)
{
    if (progress == NULL) {
        return;
    }
    pthread_mutex_lock(&progress->lock);
    if (progress->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->shown = false;
    }
    pthread_mutex_unlock(&progress->lock);
}

void cli_progress_free(struct cli_progress *progress)
{
    if (progress == NULL) {
        return;
    }
    cli_progress_clear(progress);
    pthread_mutex_destroy(&progress->lock);
    free(progress);
}
