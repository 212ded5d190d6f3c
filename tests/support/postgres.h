/* A real PostgreSQL for a test program, by postgres.sh: in a folder of its own, stopped at the end.
 * Sets PGHOST, PGPORT, PGUSER and PGDATABASE for libpq and its programs. */
#ifndef KURA_TESTS_POSTGRES_H
#define KURA_TESTS_POSTGRES_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct postgres_server {
    char folder[64];
    char data[128]; /* the server's own folder is in it */
    char port[16];
    char pg_dump[256]; /* the program itself, without Debian's wrapper */
};

static inline int postgres_server_shell(const struct postgres_server *server, const char *script)
{
    char command[2048];
    snprintf(command, sizeof command, "bash -c '. %s/support/postgres.sh && cd %s && %s'",
             KURA_TESTS, server->folder, script);
    return system(command); // NOLINT(cert-env33-c)
}

static inline bool postgres_server_line(char *target, size_t size, const char *command)
{
    FILE *stream = popen(command, "r"); // NOLINT(cert-env33-c)
    bool good = stream != NULL && fgets(target, (int)size, stream) != NULL;
    target[strcspn(target, "\n")] = '\0';
    return stream != NULL && pclose(stream) == 0 && good;
}

static inline bool postgres_server_start(struct postgres_server *server)
{
    char command[256];
    snprintf(server->folder, sizeof server->folder, "/tmp/kura-postgres-XXXXXX");
    if (mkdtemp(server->folder) == NULL) {
        return false;
    }
    snprintf(server->data, sizeof server->data, "%s/server", server->folder);
    snprintf(command, sizeof command, "cat %s/port", server->data);
    if (postgres_server_shell(server, "postgres_start \"$PWD/server\"") != 0 ||
        !postgres_server_line(server->port, sizeof server->port, command) ||
        !postgres_server_line(server->pg_dump, sizeof server->pg_dump,
                              "echo $(pg_config --bindir)/pg_dump")) {
        return false;
    }
    return setenv("PGHOST", server->data, 1) == 0 && setenv("PGPORT", server->port, 1) == 0 &&
           setenv("PGUSER", "shop_owner", 1) == 0 && setenv("PGDATABASE", "postgres", 1) == 0;
}

static inline void postgres_server_stop(const struct postgres_server *server)
{
    if (postgres_server_shell(server, "postgres_stop \"$PWD/server\" immediate; rm -rf \"$PWD\"") !=
        0) {
        fprintf(stderr, "PostgreSQL in %s could not be stopped\n", server->folder);
    }
}

/* Runs statements as the superuser; fails the test if one fails. */
static inline void postgres_server_run(const char *database, const char *sql)
{
    PGconn *connection = PQsetdbLogin(NULL, NULL, NULL, NULL, database, NULL, NULL);
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    }
    PQclear(result);
    PQfinish(connection);
}

#endif
