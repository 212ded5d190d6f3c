/* retention: until when the rule keeps a snapshot. Pure: from times to a time. */
#include "kura/backup.h"
#include <time.h>

enum period { DAY, WEEK, MONTH, YEAR, PERIODS };

/* The first moment of the period in which `at` lies, so many periods later. */
static time_t period_begin(time_t at, enum period period, unsigned later)
{
    struct tm day = {0};
    localtime_r(&at, &day);
    day.tm_sec = day.tm_min = day.tm_hour = 0;
    day.tm_isdst = -1;
    switch (period) {
    case DAY:
        day.tm_mday += (int)later;
        break;
    case WEEK:
        day.tm_mday += 7 * (int)later - (day.tm_wday + 6) % 7;
        break;
    case MONTH:
        day.tm_mday = 1;
        day.tm_mon += (int)later;
        break;
    case YEAR:
    case PERIODS:
        day.tm_mday = 1;
        day.tm_mon = 0;
        day.tm_year += (int)later;
        break;
    }
    return mktime(&day);
}

/* Of two at the same moment the later in the list is the newer one. */
static bool is_last_of(const struct moment *times, size_t count, size_t number, enum period period)
{
    const time_t begin = period_begin(times[number].seconds, period, 0);
    for (size_t i = 0; i < count; i++) {
        int order = moment_compare(times[i], times[number]);
        bool newer = order > 0 || (order == 0 && i > number);
        if (newer && period_begin(times[i].seconds, period, 0) == begin) {
            return false;
        }
    }
    return true;
}

bool retention_until(struct moment *until, const struct config_retention *rule,
                     const struct moment *times, size_t count, size_t number)
{
    const unsigned kept[PERIODS] = {rule->daily, rule->weekly, rule->monthly, rule->yearly};
    bool any = false;
    *until = times[number];
    for (enum period period = DAY; period < PERIODS; period++) {
        if (kept[period] == 0) {
            continue;
        }
        any = true;
        if (is_last_of(times, count, number, period)) {
            const time_t end = period_begin(times[number].seconds, period, kept[period]);
            if (end > until->seconds) {
                *until = (struct moment){.seconds = end};
            }
        }
    }
    return any;
}
