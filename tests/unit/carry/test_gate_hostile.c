/* gate: a client that is not ours: it hands over what it likes, when it likes, and hangs up at any
 * time. Nothing leaves uncounted, and the next one is served. */
#include "gate_shop.h"
#include <signal.h>
#include <sys/mman.h>

/* ------------------------------------------------------------------ an export by hand */

struct by_hand {
    const struct shop *shop;
    struct raw raw;
    struct asked asked;
    struct buffer token;
    unsigned char challenge[DIGEST_SIZE];
    char file[80], partial[96];
};

static void by_hand_begin(struct by_hand *hand, const struct shop *shop, unsigned to)
{
    *hand = (struct by_hand){.shop = shop};
    shop_approved(&hand->asked, &hand->token, shop, 1, to);
    raw_open(&hand->raw, shop);
}

static void by_hand_end(struct by_hand *hand)
{
    raw_close(&hand->raw);
    asked_free(&hand->asked);
    buffer_free(&hand->token);
}

static char *read_label(const struct shop *shop)
{
    static char label[LABEL_SIZE_LIMIT];
    struct error must_error = {0};
    CLEANUP(buffer_free) struct buffer text = {0};
    char path[160];
    snprintf(path, sizeof path, "%s/kura-label.txt", shop->medium);
    MUST(file_read(&text, path, sizeof label - 1, &must_error));
    snprintf(label, sizeof label, "%.*s", (int)text.size, (char *)text.data);
    return label;
}

/* The first message with this folder. */
static enum status challenge_with(struct by_hand *hand, int folder, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
    enum status status = raw_ask(&answer, &hand->raw,
                                 json_pack("{s:s,s:[s%],s:s}", "step", "export", "approvals",
                                           (const char *)hand->token.data, hand->token.size,
                                           "label", read_label(hand->shop)),
                                 folder, error);
    if (status == STATUS_OK) {
        const char *text = gate_text(answer.json, "challenge", 64);
        assert_true(hex_decode(hand->challenge, DIGEST_SIZE, text, strlen(text)));
        snprintf(hand->file, sizeof hand->file, "%s", gate_text(answer.json, "file", 64));
        snprintf(hand->partial, sizeof hand->partial, ".%s.partial", hand->file);
    }
    return status;
}

static void challenge(struct by_hand *hand)
{
    struct error must_error = {0};
    CLEANUP(file_close) int folder = shop_folder(hand->shop);
    MUST(challenge_with(hand, folder, &must_error));
}

static int target_open(const struct by_hand *hand, int flags)
{
    CLEANUP(file_close) int folder = shop_folder(hand->shop);
    int fd = openat(folder, hand->partial, flags | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    return fd;
}

static json_t *receipt_by(const struct by_hand *hand, enum world_person who,
                          const unsigned char answer[DIGEST_SIZE])
{
    struct error must_error = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    struct carry_receipt receipt = {.issued = {.seconds = moment_now().seconds}};
    char bearer[POLICY_NAME_SIZE];
    MUST(carry_approval_peek(bearer, receipt.approval, &hand->token, &must_error));
    snprintf(receipt.bearer, sizeof receipt.bearer, "%s", world_ids[who]);
    memcpy(receipt.carry, hand->asked.sworn.carry, sizeof receipt.carry);
    memcpy(receipt.challenge, answer, DIGEST_SIZE);
    MUST(carry_receipt_sign(&token, &receipt, &hand->shop->world.keys[who].signing, &must_error));
    return json_pack("{s:s,s:s%}", "step", "receipt", "receipt", (const char *)token.data,
                     token.size);
}

/* The second message with this file as target. */
static enum status receipt_with(struct by_hand *hand, int target, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
    return raw_ask(&answer, &hand->raw, receipt_by(hand, STAFF, hand->challenge), target, error);
}

static enum status say_renamed(struct by_hand *hand, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
    return raw_ask(&answer, &hand->raw, json_pack("{s:s}", "step", "renamed"), -1, error);
}

/* Whatever was done: the next step of somebody else works, and the log is whole. */
static void expect_served(const struct shop *shop)
{
    struct error must_error = {0};
    CLEANUP(client_close) struct carry_client *client = shop_client(shop);
    json_t *list = NULL;
    MUST(carry_client_list(&list, client, &must_error));
    json_decref(list);
}

/* After the reservation: spent and counted in full, whatever is on the medium. */
static void expect_counted(const struct by_hand *hand, enum carry_state wanted)
{
    struct error error = {0};
    CLEANUP(asked_free) struct asked more = {0};
    expect_served(hand->shop);
    expect_state(hand->shop, hand->asked.sworn.carry, wanted);
    shell("rm -f %s/kura-C* %s/.kura-C*", hand->shop->medium, hand->shop->medium);
    expect_refusal(shop_export(hand->shop, &hand->token, &error), &error, "[token-spent]");
    const struct ask_for others = {.who = STAFF, .from = 100, .to = 149};
    expect_refusal(shop_ask(&more, hand->shop, &others, &error), &error, "[quota-bearer]");
}

/* Before it: the token is as good as before. */
static void expect_untouched(const struct by_hand *hand)
{
    struct error must_error = {0};
    expect_served(hand->shop);
    expect_state(hand->shop, hand->asked.sworn.carry, CARRY_REQUESTED);
    shell("rm -f %s/.kura-C*", hand->shop->medium);
    MUST(shop_export(hand->shop, &hand->token, &must_error));
}

#define ENOUGH 15 /* persons: with 50 more, beyond the quota of 60 */

/* ------------------------------------------------------------------ hanging up */

static void test_hangs_up_before_receipt(void **state)
{
    CLEANUP(by_hand_end) struct by_hand hand;
    by_hand_begin(&hand, *state, ENOUGH);
    challenge(&hand);
    raw_close(&hand.raw);
    expect_untouched(&hand);
}

static void test_hangs_up_after_writing(void **state)
{
    struct error must_error = {0};
    CLEANUP(by_hand_end) struct by_hand hand;
    by_hand_begin(&hand, *state, ENOUGH);
    challenge(&hand);
    CLEANUP(file_close) int target = target_open(&hand, O_RDWR);
    MUST(receipt_with(&hand, target, &must_error));
    raw_close(&hand.raw);
    expect_counted(&hand, CARRY_INTERRUPTED);
}

/* The gate's own process dies right after writing: whoever comes next counts the carry in full. */
static void test_gate_killed(void **state)
{
    CLEANUP(by_hand_end) struct by_hand hand;
    by_hand_begin(&hand, *state, ENOUGH);
    raw_close(&hand.raw);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error error = {0};
        raw_open(&hand.raw, *state);
        challenge(&hand);
        _exit(receipt_with(&hand, target_open(&hand, O_RDWR), &error) == STATUS_OK ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    expect_state(hand.shop, hand.asked.sworn.carry, CARRY_WRITTEN);
    expect_counted(&hand, CARRY_INTERRUPTED);
}

/* It says that the file has its name, and it has not; then it is told to go on, and does not. */
static void test_never_renames(void **state)
{
    struct error must_error = {0}, error = {0};
    CLEANUP(by_hand_end) struct by_hand hand;
    by_hand_begin(&hand, *state, ENOUGH);
    challenge(&hand);
    CLEANUP(file_close) int target = target_open(&hand, O_RDWR);
    MUST(receipt_with(&hand, target, &must_error));
    assert_int_equal(say_renamed(&hand, &error), STATUS_FAILED);
    raw_close(&hand.raw);
    expect_counted(&hand, CARRY_INTERRUPTED);
}

/* ------------------------------------------------------------------ the log meanwhile */

/* A client that thinks, or writes to a slow medium, keeps no backup from recording. */
static void test_log_is_free(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0};
    CLEANUP(by_hand_end) struct by_hand hand;
    by_hand_begin(&hand, shop, ENOUGH);
    challenge(&hand);
    for (unsigned i = 0; i < 2; i++) {
        struct audit *audit = NULL;
        const double begin = clock_monotonic();
        MUST(shop_log(&audit, shop, true, &must_error));
        assert_true(clock_monotonic() - begin < 10);
        MUST(audit_append(audit, "backup", NULL, &must_error));
        audit_free(audit);
        if (i == 0) {
            CLEANUP(file_close) int target = target_open(&hand, O_RDWR);
            MUST(receipt_with(&hand, target, &must_error));
        }
    }
    CLEANUP(file_close) int folder = shop_folder(shop);
    assert_int_equal(renameat(folder, hand.partial, folder, hand.file), 0);
    MUST(say_renamed(&hand, &must_error));
    raw_close(&hand.raw);
    expect_counted(&hand, CARRY_OUT);
}

/* What was looked at before is not forgotten: an older log put back between two messages. */
static void test_log_put_back_meanwhile(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(by_hand_end) struct by_hand hand;
    struct audit *audit = NULL;
    by_hand_begin(&hand, shop, ENOUGH);
    shell("cp -a %s/audit %s/audit.old", shop->state, shop->state);
    MUST(shop_log(&audit, shop, true, &must_error));
    MUST(audit_append(audit, "backup", NULL, &must_error));
    audit_free(audit);
    challenge(&hand);
    shell("cd %s && mv audit audit.true && mv audit.old audit", shop->state);
    CLEANUP(file_close) int target = target_open(&hand, O_RDWR);
    expect_refusal(receipt_with(&hand, target, &error), &error, "[log]");
    raw_close(&hand.raw);
    shell("cd %s && rm -r audit && mv audit.true audit", shop->state);
    expect_untouched(&hand);
}

/* In the middle of the message with the receipt. */
static void test_half_a_message(void **state)
{
    CLEANUP(by_hand_end) struct by_hand hand;
    by_hand_begin(&hand, *state, ENOUGH);
    challenge(&hand);
    assert_int_equal(send(hand.raw.fd, "\x00\x10\x00\x00{\"step\"", 11, 0), 11);
    raw_close(&hand.raw);
    expect_untouched(&hand);
}

static void test_answer_without_reader(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0};
    struct raw raw;
    raw_open(&raw, shop);
    for (unsigned i = 0; i < 3; i++) { /* and hangs up before it reads */
        MUST(gate_send(raw.fd, json_pack("{s:s}", "step", "list"), NULL, 0, &must_error));
    }
    raw_close(&raw);
    expect_served(shop);
}

/* ------------------------------------------------------------------ descriptors */

static void test_folders(void **state)
{
    struct shop *shop = *state;
    CLEANUP(by_hand_end) struct by_hand hand;
    struct error error = {0};
    by_hand_begin(&hand, shop, ENOUGH);
    expect_refusal(challenge_with(&hand, -1, &error), &error, "[medium-folder]");
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_not_equal(challenge_with(&hand, ends[0], &error), STATUS_OK);
    close(ends[0]);
    close(ends[1]);
    CLEANUP(file_close) int file = open(shop->policy_path, O_RDONLY | O_CLOEXEC);
    assert_int_not_equal(challenge_with(&hand, file, &error), STATUS_OK);
    /* Another mount of this machine: no medium at all. */
    CLEANUP(file_close) int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    expect_refusal(challenge_with(&hand, proc, &error), &error, "[medium-other]");
    raw_close(&hand.raw);
    expect_untouched(&hand);
}

enum target {
    NONE,
    NOT_EMPTY,
    WRITE_ONLY,
    READ_ONLY,
    FOLDER,
    OTHER_DISK,
    SECOND_NAME,
    NO_NAME,
    PIPE,
    MEMORY,
    TARGETS
};

static int open_target(const struct by_hand *hand, enum target kind)
{
    const char *medium = hand->shop->medium;
    char path[256], second[256];
    int ends[2];
    snprintf(path, sizeof path, "%s/%s", medium, hand->partial);
    snprintf(second, sizeof second, "%s/.kura-C-second.partial", medium);
    switch (kind) {
    case NOT_EMPTY:
        shell("echo x >%s", path);
        return target_open(hand, O_RDWR);
    case WRITE_ONLY:
        return target_open(hand, O_WRONLY);
    case READ_ONLY:
        return target_open(hand, O_RDONLY);
    case FOLDER:
        return shop_folder(hand->shop);
    case OTHER_DISK:
        snprintf(path, sizeof path, "%s/%s", hand->shop->tree.folder, hand->partial);
        return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    case SECOND_NAME:
        close(target_open(hand, O_RDWR));
        assert_int_equal(link(path, second), 0);
        return target_open(hand, O_RDWR);
    case NO_NAME:
        close(target_open(hand, O_RDWR));
        ends[0] = target_open(hand, O_RDWR);
        assert_int_equal(unlink(path), 0);
        return ends[0];
    case PIPE:
        assert_int_equal(pipe(ends), 0);
        close(ends[0]);
        return ends[1];
    case MEMORY:
        return memfd_create("x", MFD_CLOEXEC);
    default:
        return -1;
    }
}

static void test_targets(void **state)
{
    for (enum target kind = NONE; kind < TARGETS; kind++) {
        struct error error = {0};
        CLEANUP(by_hand_end) struct by_hand hand;
        by_hand_begin(&hand, *state, 2);
        challenge(&hand);
        CLEANUP(file_close) int target = open_target(&hand, kind);
        if (kind == OTHER_DISK && strncmp(hand.shop->folder, "/tmp", 4) == 0) {
            continue; /* no two mounts to choose from here */
        }
        expect_refusal(receipt_with(&hand, target, &error), &error, "[medium-file]");
        raw_close(&hand.raw);
        expect_state(hand.shop, hand.asked.sworn.carry, CARRY_REQUESTED);
        shell("rm -f %s/.kura-C*", hand.shop->medium);
    }
}

/* The folder is of the right stick, and then another one is in the socket. */
static void test_exchanged_before_receipt(void **state)
{
    struct error error = {0};
    CLEANUP(by_hand_end) struct by_hand hand;
    by_hand_begin(&hand, *state, ENOUGH);
    challenge(&hand);
    CLEANUP(file_close) int target = target_open(&hand, O_RDWR);
    shop_plug(hand.shop, STICK_SERIAL, STICK_UUID, 99);
    expect_refusal(receipt_with(&hand, target, &error), &error, "[medium-file]");
    raw_close(&hand.raw);
    expect_untouched(&hand);
}

/* Written, and then exchanged before it is confirmed. */
static void test_exchanged_after_writing(void **state)
{
    struct error must_error = {0}, error = {0};
    CLEANUP(by_hand_end) struct by_hand hand;
    by_hand_begin(&hand, *state, ENOUGH);
    challenge(&hand);
    CLEANUP(file_close) int target = target_open(&hand, O_RDWR);
    MUST(receipt_with(&hand, target, &must_error));
    shell("cd %s && mv %s %s", hand.shop->medium, hand.partial, hand.file);
    shop_plug(hand.shop, STICK_SERIAL, STICK_UUID, 99);
    expect_refusal(say_renamed(&hand, &error), &error, "[medium-changed]");
    raw_close(&hand.raw);
    expect_counted(&hand, CARRY_INTERRUPTED);
}

/* ------------------------------------------------------------------ receipts */

static void test_receipts(void **state)
{
    struct shop *shop = *state;
    const unsigned char other[DIGEST_SIZE] = {1};
    for (unsigned kind = 0; kind < 4; kind++) {
        struct error error = {0};
        CLEANUP(by_hand_end) struct by_hand hand;
        CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
        by_hand_begin(&hand, shop, 2);
        challenge(&hand);
        CLEANUP(file_close) int target = target_open(&hand, O_RDWR);
        json_t *message = kind == 0   ? receipt_by(&hand, STAFF, other)
                          : kind == 1 ? receipt_by(&hand, OTHER, hand.challenge)
                          : kind == 2 ? json_pack("{s:s,s:s%}", "step", "receipt", "receipt",
                                                  (const char *)hand.token.data, hand.token.size)
                                      : json_pack("{s:s,s:s}", "step", "receipt", "receipt", "x");
        static const char *const rules[] = {"[receipt]", "[receipt]", "[token-forged]", "[token-"};
        expect_refusal(raw_ask(&answer, &hand.raw, message, target, &error), &error, rules[kind]);
        raw_close(&hand.raw);
        expect_state(shop, hand.asked.sworn.carry, CARRY_REQUESTED);
        shell("rm -f %s/.kura-C*", shop->medium);
    }
}

/* ------------------------------------------------------------------ words */

static void test_out_of_turn(void **state)
{
    struct shop *shop = *state;
    static const char *const words[] = {"receipt", "renamed", "signed", "erased", "labelled", "x"};
    for (size_t i = 0; i < LENGTH(words); i++) {
        struct error error = {0};
        CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
        struct raw raw;
        raw_open(&raw, shop);
        assert_int_not_equal(
            raw_ask(&answer, &raw, json_pack("{s:s}", "step", words[i]), -1, &error), STATUS_OK);
        raw_close(&raw);
    }
    /* And instead of the receipt: another step, which must not run inside of this one. */
    struct error error = {0};
    CLEANUP(by_hand_end) struct by_hand hand;
    by_hand_begin(&hand, shop, ENOUGH);
    challenge(&hand);
    CLEANUP(file_close) int target = target_open(&hand, O_RDWR);
    CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
    json_t *message = receipt_by(&hand, STAFF, hand.challenge);
    json_object_set_new(message, "step", json_string("renamed"));
    assert_int_equal(raw_ask(&answer, &hand.raw, message, target, &error), STATUS_CORRUPT);
    assert_int_not_equal(receipt_with(&hand, target, &error), STATUS_OK);
    raw_close(&hand.raw);
    expect_untouched(&hand);
}

static void test_garbage(void **state)
{
    struct shop *shop = *state;
    char text[70000];
    static const char *const front = "\x70\x11\x01\x00{\"step\":\"list\",\"x\":";
    memset(text, '[', sizeof text);
    memcpy(text, front, 4);
    memcpy(text + 4, front + 4, strlen(front + 4));
    const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"\xff\xff\xff\xff{}", 6},      {"\x00\x00\x00\x00", 4},
        {"\x01\x00\x00\x00[", 5},       {"\x02\x00\x00\x00[]", 6},
        {"\x04\x00\x00\x00null", 8},    {"\x10\x00\x00\x00{\"a\":1,\"a\":2}   ", 20},
        {"\x03\x00\x00\x00{\"\xff", 7}, {text, sizeof text}, /* nested without an end */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct raw raw;
        struct gate_message answer = {.fds = {-1, -1}};
        struct error error = {0};
        raw_open(&raw, shop);
        assert_int_equal(send(raw.fd, cases[i].bytes, cases[i].size, MSG_NOSIGNAL), cases[i].size);
        assert_int_equal(shutdown(raw.fd, SHUT_WR), 0);
        assert_int_not_equal(gate_receive(&answer, raw.fd, &error), STATUS_OK);
        raw_close(&raw);
    }
    expect_served(shop);
}

static void test_wrong_types(void **state)
{
    struct shop *shop = *state;
    static const char *const messages[] = {
        "{}",
        "{\"step\":7}",
        "{\"step\":\"\"}",
        "{\"step\":\"export\"}",
        "{\"step\":\"export\",\"approvals\":[]}",
        "{\"step\":\"export\",\"approvals\":[1]}",
        "{\"step\":\"export\",\"approvals\":[\"x\",\"x\",\"x\"]}",
        "{\"step\":\"export\",\"approvals\":{\"a\":\"b\"}}",
        "{\"step\":\"export\",\"approvals\":[\"v4.public.\"]}",
        "{\"step\":\"request\"}",
        "{\"step\":\"request\",\"key\":\"x\",\"parameters\":7}",
        "{\"step\":\"return\"}",
        "{\"step\":\"return\",\"word\":\"v4.public.AAAA.AAAA\"}",
        "{\"step\":\"tell\"}",
        "{\"step\":\"tell\",\"word_kind\":\"deny\",\"carry\":\"C-20261122-AAAAAA\"}",
        "{\"step\":\"tell\",\"word_kind\":\"lost\",\"carry\":\"../../etc/passwd\"}",
        "{\"step\":\"tell\",\"word_kind\":\"lost\",\"carry\":\"C-20261122-AAAAAA\"}",
        "{\"step\":\"enrol\"}",
        "{\"step\":\"enrol\",\"id\":\"../x\"}",
        "{\"step\":\"retire\",\"id\":7}",
        "{\"step\":\"offers\",\"key\":\"x\"}",
    };
    struct raw raw;
    raw_open(&raw, shop);
    for (size_t i = 0; i < LENGTH(messages); i++) {
        CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
        struct error error = {0};
        json_t *json = json_loads(messages[i], 0, NULL);
        assert_non_null(json);
        if (raw_ask(&answer, &raw, json, -1, &error) == STATUS_OK) {
            fail_msg("accepted: %s", messages[i]);
        }
    }
    raw_close(&raw);
    expect_served(shop);
}

/* A name that would lead out of the folder of carries. */
static void test_names_no_files(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(asked_free) struct asked asked = {0};
    CLEANUP(buffer_free) struct buffer token = {0};
    CLEANUP(draft_free) struct draft draft = {0};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = 2};
    MUST(shop_ask(&asked, shop, &want, &must_error));
    MUST(draft_approval(&draft, shop, &asked, MANAGER, &must_error));
    snprintf(draft.approval.carry, sizeof draft.approval.carry, "../%.16s", asked.sworn.carry);
    MUST(carry_approval_sign(&token, &draft.approval, &shop->world.keys[MANAGER].signing,
                             &must_error));
    expect_refusal(shop_export(shop, &token, &error), &error, "[carry-state]");
}

/* A signed request that does not come back, or is another's: nothing stays staged. */
static void test_request_not_signed(void **state)
{
    struct shop *shop = *state;
    CLEANUP(asked_free) struct asked other = {0};
    for (unsigned kind = 0; kind < 3; kind++) {
        struct error must_error = {0}, error = {0};
        char key[MINISIGN_PUBLIC_TEXT_SIZE], due[MOMENT_TEXT_SIZE];
        CLEANUP(gate_message_free) struct gate_message sworn = {.fds = {-1, -1}};
        CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
        struct raw raw;
        if (kind == 2) {
            const struct ask_for want = {.who = STAFF, .from = 1, .to = 2};
            MUST(shop_ask(&other, shop, &want, &must_error));
        }
        raw_open(&raw, shop);
        minisign_public_format(key, &shop->world.keys[STAFF].public_key);
        MUST(raw_ask(&sworn, &raw,
                     json_pack("{s:s,s:s,s:[s,s],s:s,s:s,s:s,s:s,s:s}", "step", "request",
                               "data_set", "visits", "parameters", "from=1", "to=2", "purpose",
                               "出張点検", "destination", "laptop", "medium", "M-001", "return_by",
                               moment_format(due, in_days(2)), "key", key),
                     -1, &must_error));
        const char *carry = gate_text(sworn.json, "carry", CARRY_ID_SIZE);
        if (kind > 0) {
            json_t *message =
                kind == 1 ? json_pack("{s:s,s:s}", "step", "signed", "request",
                                      gate_text(sworn.json, "attestation", PASETO_SIZE_LIMIT))
                          : json_pack("{s:s,s:s%}", "step", "signed", "request",
                                      (const char *)other.request.data, other.request.size);
            assert_int_equal(raw_ask(&answer, &raw, message, -1, &error), STATUS_REFUSED);
        }
        raw_close(&raw);
        shell("test ! -e %s/carry/%s && ! grep -q '\"event\":\"carry.request\".*%s' %s/audit/log",
              shop->state, carry, carry, shop->state);
    }
}

/* ------------------------------------------------------------------ the medium gives way */

/* A limit of the size of files stands for the full or pulled medium: writing fails half-way. */
static void test_medium_fails(void **state)
{
    struct shop *shop = *state;
    struct error must_error = {0}, error = {0};
    CLEANUP(by_hand_end) struct by_hand hand;
    shell("head -c 3000000 /dev/urandom >%s/1/large.tif", shop->documents);
    hand = (struct by_hand){.shop = shop};
    const struct ask_for want = {.who = STAFF, .from = 1, .to = ENOUGH, .documents = true};
    MUST(shop_ask(&hand.asked, shop, &want, &must_error));
    MUST(shop_approve(&hand.token, shop, &hand.asked, MANAGER, &must_error));
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 1000000, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum status status = shop_export(shop, &hand.token, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_not_equal(status, STATUS_OK);
    assert_non_null(strstr(error.message, "medium"));
    assert_string_not_equal(error.hint, "");
    /* The client took its half-written file away. */
    assert_int_equal(count_files(shop->medium, ".partial"), 0);
    assert_int_equal(count_files(shop->medium, ".age"), 0);
    expect_counted(&hand, CARRY_INTERRUPTED);
    shop_returned(shop, hand.asked.sworn.carry);
    expect_state(shop, hand.asked.sworn.carry, CARRY_ERASED);
}

/* The descriptor's position is the client's, too: moved, the bytes would lie elsewhere. */
static void test_moved_position(void **state)
{
    struct error error = {0};
    CLEANUP(by_hand_end) struct by_hand hand;
    by_hand_begin(&hand, *state, ENOUGH);
    challenge(&hand);
    CLEANUP(file_close) int target = target_open(&hand, O_RDWR);
    assert_int_equal(lseek(target, 4096, SEEK_SET), 4096);
    assert_int_equal(receipt_with(&hand, target, &error), STATUS_CORRUPT);
    raw_close(&hand.raw);
    expect_counted(&hand, CARRY_INTERRUPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hangs_up_before_receipt),
        TEST(hangs_up_after_writing),
        TEST(gate_killed),
        TEST(never_renames),
        TEST(half_a_message),
        TEST(log_is_free),
        TEST(log_put_back_meanwhile),
        TEST(answer_without_reader),
        TEST(folders),
        TEST(targets),
        TEST(exchanged_before_receipt),
        TEST(exchanged_after_writing),
        TEST(receipts),
        TEST(out_of_turn),
        TEST(garbage),
        TEST(wrong_types),
        TEST(names_no_files),
        TEST(request_not_signed),
        TEST(medium_fails),
        TEST(moved_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
