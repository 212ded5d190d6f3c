/* tree_visit: one name in a folder. What lstat says is only a question to the sink; what is opened
 * then must be the same thing, or all begins again: nothing is read that somebody slipped under the
 * name in between. Of pipes, sockets and devices only a handle is taken, which wakes nobody.
 */
#include "exclude.h"
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

enum { LEASE_WAIT_MS = 50, LEASE_TRIES = 1000 }; /* longer than the kernel lets a holder linger */

struct visit {
    struct tree *tree;
    int folder;
    const char *name;
    struct stat facts;
    enum tree_next next;
};

/* These concern the whole night and not one file. */
static bool is_exhausted(int os_error)
{
    return os_error == EMFILE || os_error == ENFILE || os_error == ENOMEM;
}

static bool is_vanished(int os_error)
{
    return os_error == ENOENT || os_error == ESTALE;
}

/* What opening says of something of another type than was expected. */
static bool is_replaced(int os_error)
{
    return os_error == ELOOP || os_error == ENOTDIR || os_error == ENXIO;
}

static enum status report(struct visit *visit, int os_error, const char *message,
                          struct error *error)
{
    if (is_exhausted(os_error)) {
        return error_set_errno(error, os_error, "%s", message);
    }
    if (is_vanished(os_error)) {
        tree_warn(visit->tree, 0, _("it vanished before it could be read"));
    } else if (is_replaced(os_error)) {
        visit->next = TREE_REPLACED;
    } else {
        tree_warn(visit->tree, os_error, message);
    }
    return STATUS_OK;
}

static enum status ask(const struct tree *tree, const struct entry *entry, bool *known,
                       struct error *error)
{
    *known = false;
    return tree->sink->known == NULL ? STATUS_OK
                                     : tree->sink->known(tree->sink->context, entry, known, error);
}

/* O_NONBLOCK: should the name be a pipe by now, opening must not wait for a writer. With it a file
 * that another program holds a lease on (a Samba share) says EWOULDBLOCK until it is given up.
 * O_NOATIME is only for the owner and root. */
static int open_beneath(int folder, const char *name, int flags)
{
    flags |= O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int noatime = (flags & O_PATH) == 0 ? O_NOATIME : 0;
    for (int tries = 0;;) {
        int fd = openat(folder, name, flags | noatime);
        if (fd < 0 && errno == EPERM && noatime != 0) {
            noatime = 0;
        } else if (fd < 0 && errno == EWOULDBLOCK && tries < LEASE_TRIES) {
            nanosleep(&(struct timespec){.tv_nsec = LEASE_WAIT_MS * 1000000L}, NULL);
            tries++;
        } else if (fd >= 0 || errno != EINTR) {
            return fd;
        }
    }
}

/* Opens what lstat saw and takes the newer facts. 0 or an errno; ELOOP for something else. */
static int open_same(struct visit *visit, int *opened, int flags)
{
    CLEANUP(file_close) int fd = open_beneath(visit->folder, visit->name, flags);
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts) != 0) {
        return errno;
    }
    if (!tree_same(&facts, &visit->facts)) {
        return ELOOP;
    }
    visit->facts = facts;
    *opened = tree_take(&fd);
    return 0;
}

enum status tree_deliver_folder(struct tree *tree, int fd, bool descriptor_only,
                                const struct stat *facts, struct error *error)
{
    struct entry entry = tree_entry(tree, facts);
    bool known;
    if (ask(tree, &entry, &known, error) != STATUS_OK) {
        return error->status;
    }
    return known ? STATUS_OK : tree_entry_deliver(tree, &entry, fd, descriptor_only, error);
}

/* A folder that may not be listed is an entry all the same, and so is a place where another file
 * system is mounted, and kura's own repository. */
static enum status visit_folder(struct visit *visit, int *opened, struct error *error)
{
    struct tree *tree = visit->tree;
    if (exclude_matches(tree->exclude, tree->path, true)) {
        return STATUS_OK;
    }
    bool foreign = tree->one_file_system && visit->facts.st_dev != tree->device;
    bool own = tree_own_is(&tree->own.repository, visit->facts.st_dev, visit->facts.st_ino);
    bool closed = foreign || own;
    CLEANUP(file_close) int fd = -1;
    int os_error = closed ? 0 : open_same(visit, &fd, O_RDONLY | O_DIRECTORY);
    int unlistable =
        is_exhausted(os_error) || is_vanished(os_error) || is_replaced(os_error) ? 0 : os_error;
    if (closed || unlistable != 0) {
        os_error = open_same(visit, &fd, O_PATH | O_DIRECTORY);
    }
    if (os_error != 0) {
        return report(visit, os_error, _("the folder could not be opened and is not in the backup"),
                      error);
    }
    bool descriptor_only = closed || unlistable != 0;
    if (tree_deliver_folder(tree, fd, descriptor_only, &visit->facts, error) != STATUS_OK) {
        return error->status;
    }
    if (own) {
        tree_note(tree, _("the repository of kura itself; what is in it is not in the backup"));
    }
    if (unlistable != 0) {
        tree_warn(tree, unlistable,
                  _("the folder could not be listed; what is in it is not in the backup"));
    }
    if (!descriptor_only) {
        *opened = tree_take(&fd);
        visit->next = TREE_DESCEND;
    }
    return STATUS_OK;
}

static enum status deliver_file(struct visit *visit, int fd, struct error *error)
{
    struct tree *tree = visit->tree;
    struct entry entry = tree_entry(tree, &visit->facts);
    bool good = false;
    if (tree_entry_deliver(tree, &entry, fd, false, error) != STATUS_OK ||
        tree_content_deliver(tree, fd, &visit->facts, &good, error) != STATUS_OK) {
        return error->status;
    }
    return good && visit->facts.st_nlink > 1
               ? tree_links_add(&tree->links, &visit->facts, tree->path, error)
               : STATUS_OK;
}

/* Only a file that is in the backup is remembered for its other names: if the first one could not
 * be read, the next one is the file. */
static enum status visit_file(struct visit *visit, struct error *error)
{
    struct tree *tree = visit->tree;
    bool linked = visit->facts.st_nlink > 1;
    char *first = linked ? tree_links_find(&tree->links, &visit->facts) : NULL;
    struct entry entry = tree_entry(tree, &visit->facts);
    if (first != NULL) {
        entry.type = ENTRY_HARD_LINK;
        entry.link = first;
        entry.size = 0;
    }
    bool known;
    if (ask(tree, &entry, &known, error) != STATUS_OK) {
        return error->status;
    }
    if (known) {
        return linked && first == NULL
                   ? tree_links_add(&tree->links, &visit->facts, tree->path, error)
                   : STATUS_OK;
    }
    if (first != NULL) {
        return tree_entry_deliver(tree, &entry, -1, false, error);
    }
    CLEANUP(file_close) int fd = -1;
    int os_error = open_same(visit, &fd, O_RDONLY);
    if (os_error != 0) {
        return report(visit, os_error, _("it could not be opened and is not in the backup"), error);
    }
    return deliver_file(visit, fd, error);
}

/* Whatever has no content. */
static enum status visit_special(struct visit *visit, struct error *error)
{
    struct tree *tree = visit->tree;
    struct entry entry = tree_entry(tree, &visit->facts);
    bool known;
    if (ask(tree, &entry, &known, error) != STATUS_OK || known) {
        return known ? STATUS_OK : error->status;
    }
    CLEANUP(file_close) int fd = -1;
    int os_error = open_same(visit, &fd, O_PATH);
    char text[PATH_MAX + 1];
    if (os_error == 0 && S_ISLNK(visit->facts.st_mode)) {
        ssize_t size = readlinkat(fd, "", text, sizeof text - 1);
        os_error = size < 0 ? errno : 0;
        text[size < 0 ? 0 : size] = '\0';
    }
    if (os_error != 0) {
        return report(visit, os_error, _("it could not be read and is not in the backup"), error);
    }
    entry = tree_entry(tree, &visit->facts);
    entry.link = S_ISLNK(visit->facts.st_mode) ? text : NULL;
    return tree_entry_deliver(tree, &entry, fd, true, error);
}

enum status tree_visit(struct tree *tree, int folder, const char *name, enum tree_next *next,
                       int *opened, struct error *error)
{
    struct visit visit = {.tree = tree, .folder = folder, .name = name, .next = TREE_DONE};
    enum status status;
    if (fstatat(folder, name, &visit.facts, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
        status =
            report(&visit, errno, _("it could not be looked at and is not in the backup"), error);
    } else if (S_ISDIR(visit.facts.st_mode)) {
        status = visit_folder(&visit, opened, error);
    } else if (S_ISREG(visit.facts.st_mode)) {
        status = visit_file(&visit, error);
    } else {
        status = visit_special(&visit, error);
    }
    *next = visit.next;
    return status;
}
