/* clock: moments, and their texts by RFC 3339. */
#include "kura/base.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

struct moment moment_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (struct moment){now.tv_sec, (uint32_t)now.tv_nsec};
}

double clock_monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

char *moment_format(char target[MOMENT_TEXT_SIZE], struct moment moment)
{
    struct tm parts;
    time_t seconds = moment.seconds;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(target, MOMENT_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        snprintf(target, MOMENT_TEXT_SIZE, "@%lld", (long long)moment.seconds);
    }
    return target;
}

char *moment_format_local(char target[MOMENT_TEXT_SIZE], struct moment moment)
{
    struct tm parts;
    time_t seconds = moment.seconds;
    if (localtime_r(&seconds, &parts) == NULL ||
        strftime(target, MOMENT_TEXT_SIZE, "%Y-%m-%d %H:%M:%S %z", &parts) == 0) {
        snprintf(target, MOMENT_TEXT_SIZE, "@%lld", (long long)moment.seconds);
    }
    return target;
}

/* Parses the whole text by the format, or fails. */
static bool parse_whole(struct tm *parts, const char *text, const char *format)
{
    *parts = (struct tm){.tm_isdst = -1};
    const char *end = strptime(text, format, parts);
    return end != NULL && *end == '\0';
}

bool moment_parse(struct moment *moment, const char *text)
{
    struct tm parts;
    if (parse_whole(&parts, text, "%Y-%m-%dT%H:%M:%SZ")) {
        *moment = (struct moment){timegm(&parts), 0};
        return true;
    }
    if (parse_whole(&parts, text, "%Y-%m-%dT%H:%M:%S%z")) {
        long offset = parts.tm_gmtoff;
        *moment = (struct moment){timegm(&parts) - offset, 0};
        return true;
    }
    static const char *const local_formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S",
                                                "%Y-%m-%dT%H:%M:%S"};
    for (size_t i = 0; i < LENGTH(local_formats); i++) {
        if (parse_whole(&parts, text, local_formats[i])) {
            *moment = (struct moment){mktime(&parts), 0};
            return true;
        }
    }
    return false;
}

int moment_compare(struct moment a, struct moment b)
{
    if (a.seconds != b.seconds) {
        return a.seconds < b.seconds ? -1 : 1;
    }
    return (a.nanoseconds > b.nanoseconds) - (a.nanoseconds < b.nanoseconds);
}
