/* owner: names of users and groups. Holds a fixed number of them, however many owners a tree has.
 */
#include "owner.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_FIRST = 1024, RECORD_LIMIT = 1024 * 1024 }; /* a group's record lists its members */

/* 0 or ERANGE: the record needs a larger buffer. *name is the caller's. */
static int look_up_user(char **name, uint32_t number, char *record, size_t size)
{
    struct passwd user;
    struct passwd *found = NULL;
    int result = getpwuid_r(number, &user, record, size, &found);
    *name = found == NULL ? NULL : strdup(user.pw_name);
    return result;
}

static int look_up_group(char **name, uint32_t number, char *record, size_t size)
{
    struct group group;
    struct group *found = NULL;
    int result = getgrgid_r(number, &group, record, size, &found);
    *name = found == NULL ? NULL : strdup(group.gr_name);
    return result;
}

static char *find(struct owner_name *slots, uint32_t number,
                  int (*look_up)(char **, uint32_t, char *, size_t))
{
    struct owner_name *slot = &slots[number % OWNER_SLOTS];
    if (slot->looked_up && slot->number == number) {
        return slot->name;
    }
    free(slot->name);
    *slot = (struct owner_name){.looked_up = true, .number = number};
    for (size_t size = RECORD_FIRST; size <= RECORD_LIMIT; size *= 4) {
        CLEANUP(buffer_free) struct buffer record = {0};
        struct error error;
        if (buffer_reserve(&record, size, &error) != STATUS_OK ||
            look_up(&slot->name, number, (char *)record.data, size) != ERANGE) {
            break;
        }
    }
    return slot->name;
}

char *owner_user(struct owner_names *names, uint32_t number)
{
    return find(names->users, number, look_up_user);
}

char *owner_group(struct owner_names *names, uint32_t number)
{
    return find(names->groups, number, look_up_group);
}

void owner_names_free(struct owner_names *names)
{
    for (size_t i = 0; i < OWNER_SLOTS; i++) {
        free(names->users[i].name);
        free(names->groups[i].name);
    }
    *names = (struct owner_names){0};
}
