/* paper_text: see paper_text.h. */
#include "paper_text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum status paper_append(struct buffer *text, struct error *error, const char *format, ...)
{
    CLEANUP(memory_free) char *piece = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&piece, format, arguments);
    va_end(arguments);
    if (size < 0) {
        piece = NULL;
        return error_set_memory(error);
    }
    return buffer_append(text, piece, (size_t)size, error);
}

char *paper_time(char target[PAPER_TIME_SIZE], struct moment moment)
{
    struct tm local;
    time_t seconds = (time_t)moment.seconds;
    if (moment.seconds == 0 || localtime_r(&seconds, &local) == NULL) {
        snprintf(target, PAPER_TIME_SIZE, "%s", PAPER_UNKNOWN);
        return target;
    }
    snprintf(target, PAPER_TIME_SIZE, "%d年%d月%d日 %02d時%02d分", local.tm_year + 1900,
             local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min);
    return target;
}

char *paper_date(char target[PAPER_DATE_SIZE], struct moment moment, unsigned days)
{
    struct tm local;
    time_t seconds = (time_t)moment.seconds;
    if (moment.seconds == 0 || localtime_r(&seconds, &local) == NULL) {
        snprintf(target, PAPER_DATE_SIZE, "%s", PAPER_UNKNOWN);
        return target;
    }
    local.tm_mday += (int)days; /* days of the calendar: mktime carries over */
    local.tm_isdst = -1;
    (void)mktime(&local);
    snprintf(target, PAPER_DATE_SIZE, "%d年%d月%d日", local.tm_year + 1900, local.tm_mon + 1,
             local.tm_mday);
    return target;
}

char *paper_person(char target[PAPER_NAME_SIZE], const struct policy *policy, const char *id)
{
    const struct policy_person *person = policy_find_person(policy, id);
    if (id[0] == '\0') {
        snprintf(target, PAPER_NAME_SIZE, "%s", PAPER_UNKNOWN);
    } else if (person == NULL) {
        snprintf(target, PAPER_NAME_SIZE, "%s", id);
    } else {
        snprintf(target, PAPER_NAME_SIZE, "%.400s (%s)", person->name, id);
    }
    return target;
}
