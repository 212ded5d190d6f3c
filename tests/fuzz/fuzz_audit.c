// room: audit
/* Any bytes as a record, which is bounded and says the same when it is written again; as a
 * checkpoint, unsigned and under the right signature; and as the whole log of a signed head. */
#include "../../src/audit/audit_private.h"
#include "fuzz_keys.h"

#define ORIGIN "kura/fuzz"

static struct audit_options options(void)
{
    return (struct audit_options){
        .origin = ORIGIN, .public_key = fuzz_signer()->public_key, .signing = fuzz_signer()};
}

static void read_line(const char *line, size_t size)
{
    struct error error = {0};
    struct audit_record record;
    struct audit_record again;
    struct buffer text = {0};
    json_t *json = NULL;
    json_t *second = NULL;
    if (line_parse(&json, &record, 0, line, size, &error) != STATUS_OK) {
        fuzz_must(json == NULL && error.message[0] != '\0');
        return;
    }
    json_t *facts = json_deep_copy(json);
    json_object_del(facts, "n");
    json_object_del(facts, "time");
    json_object_del(facts, "event");
    if (line_compose(&text, &record, facts, &error) == STATUS_OK) {
        fuzz_must(line_parse(&second, &again, 0, (char *)text.data, text.size - 1, &error) ==
                      STATUS_OK &&
                  json_equal(json, second) != 0 &&
                  memchr(text.data, '\n', text.size) == text.data + text.size - 1);
    }
    json_decref(facts);
    json_decref(second);
    json_decref(json);
    buffer_free(&text);
}

static void read_checkpoint(const void *data, size_t size)
{
    struct error error = {0};
    struct audit_options access = options();
    struct audit_head head = {0};
    struct audit_head again = {0};
    struct buffer note = {0};
    char *text = strndup(data, size);
    fuzz_must(text != NULL && checkpoint_parse(&head, data, size, &access, &error) != STATUS_OK);
    if (note_sign(&note, text, ORIGIN, fuzz_signer(), &error) == STATUS_OK &&
        checkpoint_parse(&head, note.data, note.size, &access, &error) == STATUS_OK) {
        buffer_clear(&note);
        fuzz_must(checkpoint_compose(&note, &access, &head, &error) == STATUS_OK &&
                  checkpoint_parse(&again, note.data, note.size, &access, &error) == STATUS_OK &&
                  again.size == head.size && memcmp(again.root, head.root, sizeof head.root) == 0);
    }
    free(text);
    buffer_free(&note);
}

static enum status see(void *context, uint64_t number, const char *line, size_t size,
                       struct error *error)
{
    struct tree *tree = context;
    fuzz_must(tree_size(tree) == number && size <= AUDIT_LINE_LIMIT &&
              (size == 0 || memchr(line, '\n', size) == NULL));
    return tree_add(tree, line, size, error);
}

static void read_lines(const void *data, size_t size)
{
    struct error error = {0};
    struct tree tree = {0};
    uint64_t end = 0;
    uint64_t count = size == 0 ? 0 : ((const uint8_t *)data)[0];
    FILE *file = fopen(fuzz_file(data, size), "re");
    fuzz_must(file != NULL);
    enum status status = lines_each(&end, fileno(file), count, see, &tree, &error);
    fuzz_must(end <= size && (status != STATUS_OK || tree_size(&tree) == count));
    fclose(file);
    tree_free(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    read_line((const char *)data, size);
    read_checkpoint(data, size);
    read_lines(data, size);
    return 0;
}
