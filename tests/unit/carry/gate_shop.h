/* gate_shop: a shop with a real database, documents, state folder, audit log and signed policy, and
 * a USB stick in a recorded device tree. Client and gate run as in the program. A test plugs other
 * sticks, edits files, shifts the clock, or speaks to the gate itself. */
#ifndef TESTS_UNIT_CARRY_GATE_SHOP_H
#define TESTS_UNIT_CARRY_GATE_SHOP_H

#include "carry_world.h"

#include "carry/gate_message.h"
#include "carry/label.h"
#include "support/device_tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------------ the clock */

static int64_t clock_shift; /* seconds by which everybody's clock is wrong */

/* In front of the C library's. */
int clock_gettime(clockid_t id, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, id, now);
    if (result == 0 && id == CLOCK_REALTIME) {
        now->tv_sec += clock_shift;
    }
    return result;
}

/* ------------------------------------------------------------------ the shop */

struct shop {
    struct world world; /* for its keys */
    char folder[64];    /* of all below */
    struct device_tree tree;
    struct config config;
    struct config_source sources[2];
    struct gate_host host;
    char database[128], documents[128], state[128], policy_path[128];
    char medium[128];                           /* the stick's folder */
    char fingerprint[MEDIUM_FINGERPRINT_SIZE];  /* of M-001 */
    char fingerprint2[MEDIUM_FINGERPRINT_SIZE]; /* of M-002; empty: not in the policy */
    unsigned version;
    unsigned second_above;
    const char *valid_from;
    const char *name_class; /* of the column `name` */
    const char *documents_class;
    bool ended[PEOPLE]; /* the keys that are not valid any more */
    enum status anchor_status;
    struct audit_head anchor;
    struct moment anchor_time;
};

#define NVME_DISK "pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1"
#define STICK_USB "pci0000:00/0000:00:14.0/usb1/1-2"
#define STICK_DISK STICK_USB "/1-2:1.0/host2/target2:0:0/2:0:0:0/block/sdb"

/* Another stick in the same socket: what the kernel and udev say of it. */
static inline void shop_plug(const struct shop *shop, const char *serial, const char *uuid,
                             unsigned diskseq)
{
    char path[256], text[128];
    snprintf(path, sizeof path, "%s/devices/" STICK_USB, shop->tree.sysfs);
    tree_file(path, "serial", serial);
    snprintf(path, sizeof path, "%s/devices/" STICK_DISK, shop->tree.sysfs);
    snprintf(text, sizeof text, "%u\n", diskseq);
    tree_file(path, "diskseq", text);
    snprintf(text, sizeof text, "E:ID_FS_TYPE=vfat\nE:ID_FS_UUID=%s\n", uuid);
    tree_file(shop->tree.udev, "b8:17", text);
}

#define STICK_SERIAL "60A44C413FAE"
#define STICK_UUID "1A2B-3C4D"

/* The mount that really holds the temporary folder is the stick's; by path it is the fixed disk. */
static inline void shop_devices(struct shop *shop)
{
    struct statx about;
    char mounts[512];
    assert_int_equal(statx(AT_FDCWD, shop->medium, 0, STATX_MNT_ID, &about), 0);
    unsigned long long stick = about.stx_mnt_id;
    tree_begin(&shop->tree);
    tree_add(&shop->tree, "pci0000:00 \n"
                          "pci0000:00/0000:00:1d.0 :pci\n"
                          "pci0000:00/0000:00:1d.0/0000:03:00.0 :pci removable=fixed\n"
                          "pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0 :nvme serial=S4E\n" //
             NVME_DISK " :block dev=259:0 size=1000215216 removable=0 diskseq=1\n"             //
             NVME_DISK "/nvme0n1p2 :block dev=259:2 partition=2 size=900000000\n"
                          "pci0000:00/0000:00:14.0 :pci\n"
                          "pci0000:00/0000:00:14.0/usb1 :usb idVendor=1d6b idProduct=0002\n" //
             STICK_USB " :usb idVendor=0951 idProduct=1666 removable=removable\n"            //
             STICK_USB "/1-2:1.0 :usb\n"                                                     //
             STICK_USB "/1-2:1.0/host2/target2:0:0/2:0:0:0 :scsi\n"                          //
             STICK_DISK " :block dev=8:16 size=60751872 removable=1\n"                       //
             STICK_DISK "/sdb1 :block dev=8:17 partition=1 size=60749824\n");
    snprintf(mounts, sizeof mounts,
             "%llu 1 259:2 / / rw - ext4 /dev/nvme0n1p2 rw\n"
             "%llu %llu 8:17 / /media/stick rw - vfat /dev/sdb1 rw\n",
             stick + 100000, stick, stick + 100000);
    tree_mounts(&shop->tree, mounts);
    shop_plug(shop, STICK_SERIAL, STICK_UUID, 12);
}

static inline void shop_people(const struct shop *shop, FILE *stream)
{
    static const char *const logins[PEOPLE] = {"bin", "sys", "nobody", "daemon"};
    char recipient[AGE_RECIPIENT_TEXT_SIZE];
    age_recipient_format(recipient, &shop->world.manager.recipient);
    fprintf(stream, "people:\n");
    for (size_t i = 0; i < PEOPLE; i++) {
        char key[MINISIGN_PUBLIC_TEXT_SIZE];
        minisign_public_format(key, &shop->world.keys[i].public_key);
        fprintf(stream,
                "  - {id: %s, name: %s さん, roles: [%s], key: \"%s\", recipient: %s, "
                "system_user: %s%s}\n",
                world_ids[i], world_ids[i], world_roles[i], key, recipient, logins[i],
                shop->ended[i] ? ", until: 2026-01-02" : "");
    }
}

static inline char *shop_policy_text(const struct shop *shop)
{
    char *text = NULL, hex[2 * SIGN_PUBLIC_SIZE + 1], recipient[AGE_RECIPIENT_TEXT_SIZE];
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    age_recipient_format(recipient, &shop->world.manager.recipient);
    fprintf(stream,
            "version: %u\nvalid_from: %s\nshop: 山田自動車\ncontact: 03-0000-0000\n"
            "clock_tolerance: 5m\nanchor_age: 36h\n"
            "limits: {absolute_ceiling: 300, max_persons_per_carry: 50,\n"
            "  max_persons_outstanding: 60, max_persons_outstanding_shop: 100, rolling_days: 7,\n"
            "  max_persons_rolling_bearer: 80, max_persons_rolling_shop: 120,\n"
            "  max_documents_per_carry: 10}\n"
            "approval: {approvers: 1, second_above: %u, token_lifetime: 24h, carry_days: 7,\n"
            "  overdue_grace_days: 1}\n",
            shop->version, shop->valid_from, shop->second_above);
    shop_people(shop, stream);
    fprintf(stream, "hosts: [{name: office, key: \"%s\"}]\n",
            hex_encode(hex, shop->world.host.signing.public_key, SIGN_PUBLIC_SIZE));
    fprintf(stream,
            "purposes: [出張点検, 車検の代行]\n"
            "destinations: [{name: laptop, recipients: [%s]}]\n"
            "field_classes: [{name: opaque}, {name: name}, {name: scan},\n"
            "  {name: sensitive, sensitive: true}]\n"
            "data_sets:\n"
            "  - name: visits\n    source: customers\n"
            "    sql: SELECT id, name FROM customers WHERE id BETWEEN :from AND :to\n"
            "    parameters: [{name: from, type: integer}, {name: to, type: integer}]\n"
            "    persons: [{column: id, domain: customer}]\n"
            "    fields: [{column: id, class: opaque}, {column: name, class: %s}]\n"
            "    documents_source: documents\n    documents_path: \"{id}\"\n"
            "    documents_class: %s\n",
            recipient, shop->name_class, shop->documents_class);
    fprintf(stream, "media:\n  - {id: M-001, fingerprint: \"%s\", kept_at: 金庫}\n",
            shop->fingerprint);
    if (shop->fingerprint2[0] != '\0') {
        fprintf(stream, "  - {id: M-002, fingerprint: \"%s\"}\n", shop->fingerprint2);
    }
    fclose(stream);
    return text;
}

/* policy.yaml as the shop's members say, signed by `signer`. */
static inline void shop_policy_by(struct shop *shop, enum world_person signer)
{
    struct error must_error = {0};
    CLEANUP(buffer_free) struct buffer signature = {0};
    CLEANUP(memory_free) char *text = shop_policy_text(shop);
    char path[160];
    snprintf(path, sizeof path, "%s.minisig", shop->policy_path);
    MUST(
        minisign_sign(&signature, &shop->world.keys[signer], text, strlen(text), "t", &must_error));
    MUST(file_write(shop->policy_path, text, strlen(text), 0644, FILE_REPLACE_EXISTING,
                    &must_error));
    MUST(
        file_write(path, signature.data, signature.size, 0644, FILE_REPLACE_EXISTING, &must_error));
}

static inline void shop_policy(struct shop *shop)
{
    shop_policy_by(shop, MANAGER);
}

/* The host's own log, opened as the gate does it. */
static inline enum status shop_log(struct audit **audit, const struct shop *shop, bool append,
                                   struct error *error)
{
    char folder[160], origin[64], id[2 * REPOSITORY_ID_SIZE + 1];
    snprintf(folder, sizeof folder, "%s/audit", shop->state);
    snprintf(origin, sizeof origin, "kura/%s",
             hex_encode(id, shop->world.host.repository, REPOSITORY_ID_SIZE));
    const struct audit_options options = {.folder = folder,
                                          .origin = origin,
                                          .public_key = shop->world.host.signing.public_key,
                                          .signing = append ? &shop->world.host.signing : NULL};
    return audit_open(audit, &options, error);
}

/* A backup took the head of the log away, now. */
static inline void shop_backup(struct shop *shop)
{
    struct error must_error = {0};
    struct audit *audit = NULL;
    MUST(shop_log(&audit, shop, false, &must_error));
    shop->anchor = audit_head(audit);
    shop->anchor_time = moment_now();
    shop->anchor_status = STATUS_OK;
    audit_free(audit);
}

static inline enum status shop_anchor(void *context, struct audit_head *head, struct moment *time,
                                      struct error *error)
{
    const struct shop *shop = context;
    *head = shop->anchor;
    *time = shop->anchor_time;
    return shop->anchor_status == STATUS_OK ? STATUS_OK
                                            : error_set(error, shop->anchor_status, 0, "no anchor");
}

static inline struct carry_client *shop_client(const struct shop *shop)
{
    struct error must_error = {0};
    struct carry_client *client = NULL;
    MUST(carry_client_open(&client, NULL, &shop->host, &must_error));
    return client;
}

static inline void client_close(struct carry_client **client)
{
    carry_client_free(*client);
}

static inline int shop_folder(const struct shop *shop)
{
    int fd = open(shop->medium, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static inline enum status shop_enrol(struct shop *shop, const char *id,
                                     char fingerprint[MEDIUM_FINGERPRINT_SIZE], struct error *error)
{
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    CLEANUP(file_close) int folder = shop_folder(shop);
    struct carry_enrolled enrolled;
    enum status status = carry_client_enrol(&enrolled, client, id, folder, error);
    if (status == STATUS_OK) {
        memcpy(fingerprint, enrolled.fingerprint, MEDIUM_FINGERPRINT_SIZE);
    }
    return status;
}

static inline void shop_data(struct shop *shop)
{
    const char *folder = shop->folder;
    assert_int_equal(scratch_make(shop->folder, sizeof shop->folder), 0);
    snprintf(shop->database, sizeof shop->database, "%s/c.db", folder);
    snprintf(shop->documents, sizeof shop->documents, "%s/documents", folder);
    snprintf(shop->state, sizeof shop->state, "%s/state", folder);
    snprintf(shop->policy_path, sizeof shop->policy_path, "%s/policy.yaml", folder);
    snprintf(shop->medium, sizeof shop->medium, "%s/stick", folder);
    shell("mkdir -p %s %s/1 %s && echo scan >%s/1/a.pdf", shop->state, shop->documents,
          shop->medium, shop->documents);
    shell(
        "sqlite3 %s \"CREATE TABLE customers(id INT, name TEXT); WITH RECURSIVE n(i) AS (SELECT "
        "1 UNION ALL SELECT i+1 FROM n WHERE i < 900) INSERT INTO customers SELECT i, '顧客' || i "
        "FROM n\"",
        shop->database);
    shop->sources[0] = (struct config_source){
        .name = (char *)(uintptr_t) "customers", .kind = SOURCE_SQLITE, .path = shop->database};
    shop->sources[1] = (struct config_source){
        .name = (char *)(uintptr_t) "documents", .kind = SOURCE_TREE, .path = shop->documents};
    shop->config =
        (struct config){.state = shop->state, .sources = shop->sources, .source_count = 2};
}

static inline void shop_keys(struct world *world)
{
    struct error must_error = {0};
    MUST(signing_key_generate(&world->host.signing, &must_error));
    world->host.secret = secret_new(REPOSITORY_SECRET_SIZE);
    randombytes_buf(world->host.secret, REPOSITORY_SECRET_SIZE);
    MUST(age_identity_generate(&world->manager, &must_error));
    for (size_t i = 0; i < PEOPLE; i++) {
        MUST(minisign_generate(&world->keys[i], &must_error));
    }
}

static inline void shop_make(struct shop *shop)
{
    struct error must_error = {0};
    struct audit *audit = NULL;
    *shop = (struct shop){.version = 1,
                          .second_above = 20,
                          .valid_from = "2026-01-01",
                          .name_class = "name",
                          .documents_class = "scan"};
    clock_shift = 0;
    MUST(base_start(&must_error));
    shop_keys(&shop->world);
    randombytes_buf(shop->world.host.repository, REPOSITORY_ID_SIZE);
    shop_data(shop);
    shop_devices(shop);
    shop->host = (struct gate_host){.config = &shop->config,
                                    .key = &shop->world.host,
                                    .policy_path = shop->policy_path,
                                    .roots = &shop->tree.roots,
                                    .anchor = shop_anchor,
                                    .context = shop};
    MUST(file_make_folders(shop->state, 0700, &must_error));
    char folder[160];
    snprintf(folder, sizeof folder, "%s/audit", shop->state);
    MUST(file_make_folders(folder, 0700, &must_error));
    MUST(shop_log(&audit, shop, true, &must_error));
    MUST(carry_root_fix(shop->state, audit, &shop->world.keys[MANAGER].public_key, &must_error));
    audit_free(audit);
    MUST(shop_enrol(shop, "M-001", shop->fingerprint, &must_error));
    shop_policy(shop);
    shop_backup(shop);
}

static inline void shop_free(struct shop *shop)
{
    clock_shift = 0;
    tree_end(&shop->tree);
    world_remove(shop->folder);
    for (size_t i = 0; i < PEOPLE; i++) {
        minisign_secret_free(&shop->world.keys[i]);
    }
    age_identity_free(&shop->world.manager);
    host_key_free(&shop->world.host);
}

static inline int make(void **state)
{
    static struct shop shop;
    shop_make(&shop);
    *state = &shop;
    return 0;
}

static inline int drop(void **state)
{
    shop_free(*state);
    return 0;
}

/* Each test has a shop of its own. */
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, make, drop)

/* ------------------------------------------------------------------ the good way, step by step */

static inline struct moment in_days(int days)
{
    return (struct moment){.seconds = moment_now().seconds + (int64_t)days * 86400};
}

struct asked {
    struct buffer request;
    struct carry_attestation sworn;
};

static inline void asked_free(struct asked *asked)
{
    buffer_free(&asked->request);
    carry_attestation_free(&asked->sworn);
}

/* Customers from to to, by `who`, onto the medium. */
struct ask_for {
    enum world_person who;
    unsigned from, to;
    const char *medium; /* NULL: M-001 */
    bool documents, zip;
    const char *purpose; /* NULL: the first */
    int days;            /* 0: 3 */
};

static inline enum status shop_ask(struct asked *asked, const struct shop *shop,
                                   const struct ask_for *want, struct error *error)
{
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    char from[32], to[32];
    const char *const parameters[] = {from, to, NULL};
    snprintf(from, sizeof from, "from=%u", want->from);
    snprintf(to, sizeof to, "to=%u", want->to);
    const struct carry_ask ask = {.data_set = "visits",
                                  .parameters = parameters,
                                  .documents = want->documents,
                                  .zip = want->zip,
                                  .purpose = want->purpose == NULL ? "出張点検" : want->purpose,
                                  .destination = "laptop",
                                  .medium = want->medium == NULL ? "M-001" : want->medium,
                                  .return_by = in_days(want->days == 0 ? 3 : want->days),
                                  .key = &shop->world.keys[want->who]};
    return carry_client_request(&asked->request, &asked->sworn, client, &ask, error);
}

/* What an approver's program has before it signs. */
struct draft {
    struct carry_request request;
    struct carry_policy policy;
    struct carry_approval approval;
};

static inline void draft_free(struct draft *draft)
{
    carry_request_free(&draft->request);
    carry_policy_free(&draft->policy);
    carry_approval_free(&draft->approval);
}

static inline enum status draft_approval(struct draft *draft, const struct shop *shop,
                                         const struct asked *asked, enum world_person approver,
                                         struct error *error)
{
    const struct carry_approve_options options = {.now = moment_now()};
    enum status status =
        carry_request_open(&draft->request, &draft->policy, (const char *)asked->request.data,
                           asked->request.size, &shop->world.keys[MANAGER].public_key, error);
    return status == STATUS_OK
               ? carry_approve(&draft->approval, &draft->request, &draft->policy,
                               &shop->world.keys[approver].public_key, &options, error)
               : status;
}

static inline enum status shop_approve(struct buffer *token, const struct shop *shop,
                                       const struct asked *asked, enum world_person approver,
                                       struct error *error)
{
    CLEANUP(draft_free) struct draft draft = {0};
    enum status status = draft_approval(&draft, shop, asked, approver, error);
    return status == STATUS_OK ? carry_approval_sign(token, &draft.approval,
                                                     &shop->world.keys[approver].signing, error)
                               : status;
}

static inline void exported_free(struct carry_exported *exported)
{
    buffer_free(&exported->sealed_passphrase);
}

static inline enum status shop_export_as(const struct shop *shop, const struct buffer *tokens,
                                         size_t count, enum world_person who, struct error *error)
{
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    CLEANUP(file_close) int folder = shop_folder(shop);
    CLEANUP(exported_free) struct carry_exported exported = {0};
    const struct carry_export_options options = {.approvals = tokens,
                                                 .approval_count = count,
                                                 .folder = folder,
                                                 .key = &shop->world.keys[who]};
    return carry_client_export(&exported, client, &options, error);
}

static inline enum status shop_export(const struct shop *shop, const struct buffer *token,
                                      struct error *error)
{
    return shop_export_as(shop, token, 1, STAFF, error);
}

/* Asked for by the member of staff and approved by the manager. */
static inline void shop_approved(struct asked *asked, struct buffer *token, const struct shop *shop,
                                 unsigned from, unsigned to)
{
    struct error must_error = {0};
    const struct ask_for want = {.who = STAFF, .from = from, .to = to};
    MUST(shop_ask(asked, shop, &want, &must_error));
    MUST(shop_approve(token, shop, asked, MANAGER, &must_error));
}

static inline enum status shop_return(const struct shop *shop, const char *carry,
                                      enum world_person confirmer, bool at_hand, json_t **facts,
                                      struct error *error)
{
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    CLEANUP(file_close) int folder = at_hand ? shop_folder(shop) : -1;
    const struct carry_back back = {.carry = carry,
                                    .folder = folder,
                                    .confirmer = &shop->world.keys[confirmer],
                                    .person = world_ids[confirmer],
                                    .note = at_hand ? NULL : "シュレッダーで破壊"};
    return carry_client_return(facts, client, &back, error);
}

/* Handed to a colleague, who confirms it. */
static inline void shop_returned(const struct shop *shop, const char *carry)
{
    struct error must_error = {0};
    json_t *facts = NULL;
    MUST(shop_return(shop, carry, OTHER, true, &facts, &must_error));
    json_decref(facts);
}

static inline enum status shop_tell(const struct shop *shop, enum carry_word_kind kind,
                                    const char *carry, const char *jti, enum world_person who,
                                    json_t **facts, struct error *error)
{
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    CLEANUP(buffer_free) struct buffer token = {0};
    struct carry_word word = {.kind = kind, .issued = moment_now()};
    word.issued.nanoseconds = 0;
    snprintf(word.person, sizeof word.person, "%s", world_ids[who]);
    snprintf(word.carry, sizeof word.carry, "%s", carry);
    snprintf(word.approval, sizeof word.approval, "%s", jti == NULL ? "" : jti);
    enum status status = carry_word_sign(&token, &word, &shop->world.keys[who].signing, error);
    return status == STATUS_OK
               ? carry_client_tell(client, (const char *)token.data, token.size, facts, error)
               : status;
}

/* ------------------------------------------------------------------ what must hold */

static inline enum carry_state shop_state(const struct shop *shop, const char *carry)
{
    struct error must_error = {0};
    struct audit *audit = NULL;
    CLEANUP(carry_ledger_free) struct carry_ledger ledger = {0};
    MUST(shop_log(&audit, shop, false, &must_error));
    MUST(carry_ledger_read(&ledger, audit, &must_error));
    audit_free(audit);
    const struct carry_record *record = carry_find(&ledger, carry);
    assert_non_null(record);
    return record->state;
}

static inline void expect_state(const struct shop *shop, const char *carry, enum carry_state state)
{
    assert_string_equal(carry_state_name(shop_state(shop, carry)), carry_state_name(state));
}

static inline void expect_refusal(enum status status, const struct error *error, const char *rule)
{
    if (status != STATUS_REFUSED) {
        fail_msg("wanted %s, got %d: %s", rule, (int)status,
                 status == STATUS_OK ? "" : error->message);
    }
    if (strstr(error->message, rule) == NULL) {
        fail_msg("wanted %s: %s", rule, error->message);
    }
}

/* The last record of the log is this refusal. */
static inline enum status find_last(void *context, const struct audit_record *record,
                                    struct error *error)
{
    char **last = context;
    (void)error;
    free(*last);
    *last = strdup(record->line);
    return STATUS_OK;
}

static inline void expect_recorded(const struct shop *shop, const char *words)
{
    struct error must_error = {0};
    struct audit *audit = NULL;
    CLEANUP(memory_free) char *last = NULL;
    MUST(shop_log(&audit, shop, false, &must_error));
    MUST(audit_walk(audit, find_last, &last, &must_error));
    audit_free(audit);
    if (last == NULL || strstr(last, words) == NULL) {
        fail_msg("the last record is not about %s: %s", words, last == NULL ? "" : last);
    }
}

/* How many files on the medium have a name that ends so. */
static inline unsigned count_files(const char *folder, const char *ending)
{
    unsigned count = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (struct dirent *item = readdir(listing); item != NULL; item = readdir(listing)) {
        size_t size = strlen(item->d_name);
        count +=
            size >= strlen(ending) && strcmp(item->d_name + size - strlen(ending), ending) == 0;
    }
    closedir(listing);
    return count;
}

/* ------------------------------------------------------------------ a hostile client */

/* A connection on which the test says what it likes. */
struct raw {
    int fd;
    int other_end;
    pthread_t gate;
    const struct gate_host *host;
    bool open;
};

static inline void *raw_serve(void *context)
{
    struct raw *raw = context;
    struct error ignored = {0};
    if (gate_serve(raw->other_end, raw->host, &ignored) != STATUS_OK) {
        error_clear(&ignored);
    }
    file_close(&raw->other_end);
    return NULL;
}

static inline void raw_open(struct raw *raw, const struct shop *shop)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    *raw = (struct raw){.fd = ends[0], .other_end = ends[1], .host = &shop->host, .open = true};
    assert_int_equal(pthread_create(&raw->gate, NULL, raw_serve, raw), 0);
}

/* Hangs up, and waits until the gate has let go of everything. */
static inline void raw_close(struct raw *raw)
{
    if (raw->open) {
        file_close(&raw->fd);
        pthread_join(raw->gate, NULL);
        raw->open = false;
    }
}

static inline enum status raw_ask(struct gate_message *answer, struct raw *raw, json_t *message,
                                  int fd, struct error *error)
{
    enum status status = gate_send(raw->fd, message, &fd, fd < 0 ? 0 : 1, error);
    if (status == STATUS_OK) {
        status = gate_receive(answer, raw->fd, error);
    }
    return status == STATUS_OK ? gate_error_take(answer->json, error) : status;
}

#endif
