/* store_sftp_run: keeps an operation going over lines that break. A lost connection is made again,
 * with backoff, and the operation repeated from its beginning; nothing is resumed in the middle,
 * because writes on the way can land after an earlier one failed. */
#include "store_sftp.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BACKOFF_FIRST 0.25
#define BACKOFF_MOST 30.0
/* Less room than this counts as none: a file needs more than its bytes. */
#define SPACE_LEAST ((uint64_t)64 * 1024)

char *sftp_path(char target[SFTP_PATH_LIMIT], const struct store_sftp *store, const char *name)
{
    const char *folder = store->config->address.folder;
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    snprintf(target, SFTP_PATH_LIMIT, "%s%s%s", folder, slash, name);
    return target;
}

enum status sftp_fail(struct store_sftp *store, struct error *error, int answer, const char *format,
                      ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (answer == SFTP_BROKEN) {
        sftp_error_broken(store->session, error);
        return error_add_context(error, "%s", text);
    }
    return sftp_error_answer(error, answer, "%s", text);
}

enum status sftp_fail_writing(struct store_sftp *store, const char *name, size_t size, int answer,
                              struct error *error)
{
    uint64_t bytes = 0;
    if (answer == LIBSSH2_FX_FAILURE) {
        int told = sftp_call_space(&bytes, store->session, store->config->address.folder);
        if (told == SFTP_BROKEN) {
            answer = SFTP_BROKEN;
        } else if (told == LIBSSH2_FX_OK && bytes < size + SPACE_LEAST) {
            answer = LIBSSH2_FX_NO_SPACE_ON_FILESYSTEM;
        }
    }
    enum status status = sftp_fail(store, error, answer, _("%s cannot be stored"), name);
    if (status == STATUS_NO_SPACE) {
        return error_set_hint(
            error, "%s",
            _("Make room on the server, or have its operator give the login more: "
              "kura never removes what it stored."));
    }
    if (status == STATUS_FAILED) {
        return error_set_hint(error, "%s",
                              _("The login's quota on the server may be used up; its operator can "
                                "tell."));
    }
    return status;
}

void sftp_stop_reading(struct store_sftp *store)
{
    if (store->reading != NULL) {
        /* A failure breaks the session, and the next request says so. */
        (void)sftp_call_close(store->session, &store->reading);
    }
    store->reading_name[0] = '\0';
}

void sftp_disconnect(struct store_sftp *store)
{
    /* Closing the session frees the open handle; closing the handle first frees it in time. */
    sftp_stop_reading(store);
    sftp_session_close(store->session);
    store->session = NULL;
}

static enum status measure(struct store_sftp *store, struct error *error)
{
    double start = clock_monotonic();
    LIBSSH2_SFTP_ATTRIBUTES attributes;
    int answer = sftp_call_look(&attributes, store->session, store->config->address.folder);
    if (answer == SFTP_BROKEN) {
        return sftp_error_broken(store->session, error);
    }
    store->round_trip = clock_monotonic() - start;
    store->session->distant = store->round_trip > STORE_DISTANT;
    return STATUS_OK;
}

static enum status connect_once(struct store_sftp *store, struct error *error)
{
    enum status status = sftp_session_open(&store->session, store->config, error);
    if (status == STATUS_OK) {
        status = measure(store, error);
    }
    if (status == STATUS_OK && store->host_key == NULL) {
        status = sftp_session_host_key(&store->host_key, store->session, error);
    }
    return status;
}

static void sleep_for(double seconds)
{
    struct timespec rest = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {
    }
}

/* false when nobody wants to wait any longer. */
static bool rest(const struct store_sftp *store, double seconds)
{
    while (seconds > 0 && sftp_config_go_on(store->config)) {
        sleep_for(seconds < SFTP_WAITING_SECONDS ? seconds : SFTP_WAITING_SECONDS);
        seconds -= SFTP_WAITING_SECONDS;
    }
    return seconds <= 0 && sftp_config_go_on(store->config);
}

/* Sleeps before the next attempt; false when the time for attempts is over. The random part keeps
 * several connections from coming back all at once, which sshd (MaxStartups) would refuse. */
static bool back_off(double *delay, double *until, const struct store_sftp *store)
{
    double now = clock_monotonic();
    if (*until == 0) {
        *until = now + store->config->retry_seconds;
        *delay = BACKOFF_FIRST;
    }
    double left = *until - now;
    if (left <= 0) {
        return false;
    }
    double wait = *delay * (0.5 + randombytes_uniform(1000) / 1000.0);
    *delay = *delay * 2 < BACKOFF_MOST ? *delay * 2 : BACKOFF_MOST;
    return rest(store, wait < left ? wait : left);
}

enum status sftp_run(struct store_sftp *store, sftp_attempt attempt, void *request,
                     struct error *error)
{
    double delay = 0;
    double until = 0;
    double begin = clock_monotonic();
    for (;;) {
        error_clear(error);
        enum status status = STATUS_OK;
        if (store->session == NULL) {
            status = connect_once(store, error);
        }
        if (status == STATUS_OK) {
            status = attempt(store, request, error);
        }
        if (store->session != NULL && store->session->failure != SFTP_SOUND) {
            sftp_disconnect(store);
        }
        if (status != STATUS_UNREACHABLE || store->session != NULL) {
            return status;
        }
        if (!back_off(&delay, &until, store)) {
            return error_add_context(error, _("given up after %u seconds"),
                                     (unsigned)(clock_monotonic() - begin));
        }
    }
}
