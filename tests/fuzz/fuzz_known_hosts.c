// room: store
/* Any bytes as a known_hosts file, for a server at the ordinary port and at another: no line hides
 * the good one that follows, and only @revoked speaks against it. */
#include "../../src/store/sftp_session.h"
#include "fuzz.h"

#define TYPE "ssh-ed25519"
#define KEY "AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"

static LIBSSH2_SESSION *session;

static void check(const uint8_t *data, size_t size, unsigned port, const char *good)
{
    struct error error = {0};
    struct buffer file = {0};
    struct sftp_known_hosts *known = NULL;
    unsigned char key[4 + sizeof TYPE - 1 + 4 + 32] = {0, 0, 0, sizeof TYPE - 1};
    memcpy(key + 4, TYPE, sizeof TYPE - 1);
    key[4 + sizeof TYPE - 1 + 3] = 32;
    memset(key + sizeof key - 32, 1, 32);
    char host[] = "backup.example.org";
    fuzz_must(buffer_append(&file, data, size, &error) == STATUS_OK &&
              buffer_append_text(&file, good, &error) == STATUS_OK);
    char *path = strdup(fuzz_file(file.data, file.size));
    fuzz_must(path != NULL);
    const struct sftp_config config = {.address = {.host = host, .port = port},
                                       .host_name = host,
                                       .known_hosts = {.path = {path}, .count = 1}};
    fuzz_must(sftp_known_hosts_new(&known, session, &config, &error) == STATUS_OK);
    char preference[256];
    sftp_known_hosts_preference(preference, sizeof preference, known);
    fuzz_must(strlen(preference) < sizeof preference - 1);
    enum status status = sftp_known_hosts_check(known, key, sizeof key, &error);
    fuzz_must(status == STATUS_OK ||
              (status == STATUS_UNAUTHENTIC &&
               (*good == '\0' || memmem(data, size, "@revoked", 8) != NULL)));
    /* What a server shows is of any bytes, too. */
    (void)!sftp_known_hosts_check(known, data, size, &error);
    sftp_known_hosts_free(known);
    buffer_free(&file);
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    if (session == NULL) {
        fuzz_must(libssh2_init(0) == 0);
        session = libssh2_session_init();
        fuzz_must(session != NULL);
    }
    check(data, size, 22, "");
    check(data, size, 22, "\nbackup.example.org " TYPE " " KEY "\n");
    check(data, size, 2222, "\n[backup.example.org]:2222 " TYPE " " KEY);
    return 0;
}
