/* repo_hosts: what another host's key is made of, and who may write here. */
#include "repo_private.h"

const unsigned char *repo_secret(const struct repo *repo)
{
    return repo->secret;
}

const struct host_record *repo_hosts(const struct repo *repo, size_t *count)
{
    *count = repo->host_count;
    return repo->hosts;
}
