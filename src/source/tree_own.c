/* tree_own: folders of kura itself within a tree. Each night writes into them, so that a tree which
 * holds them would back up the last night with every night, and the repository would double. */
#include "tree.h"

static struct tree_identity identify(const char *path)
{
    struct stat facts;
    return path != NULL && stat(path, &facts) == 0
               ? (struct tree_identity){true, facts.st_dev, facts.st_ino}
               : (struct tree_identity){.known = false};
}

void tree_own_find(struct tree_own *own, const struct config_own *config)
{
    const char *state = config->remade == NULL ? NULL : config->state;
    *own = (struct tree_own){.repository = identify(config->repository),
                             .state = identify(state),
                             .remade = config->remade};
}

bool tree_own_is(const struct tree_identity *identity, dev_t device, ino_t inode)
{
    return identity->known && identity->device == device && identity->inode == inode;
}
