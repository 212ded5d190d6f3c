/* source_backup: one source on its way into the snapshot. Entries come in by the sink, are compared
 * with the memory of the last night, travel through the pipeline, and come out in order: into the
 * tree of the snapshot and into the new memory. */
#ifndef BACKUP_SOURCE_BACKUP_H
#define BACKUP_SOURCE_BACKUP_H

#include "fragments.h"
#include "journey.h"
#include "uses.h"
#include <sys/queue.h>

/* An entry between the sink and the tree: its chunks are under way. */
struct pending {
    struct source_backup *owner;
    struct memory_entry item;
    struct buffer hashes; /* of an entry that was taken over as it was remembered */
    struct buffer holes;  /* uint64_t each, in the order in which they come out */
    size_t holes_emerged;
    bool failed;
    TAILQ_ENTRY(pending) queue;
};
TAILQ_HEAD(pending_queue, pending);
void pending_free(struct pending *pending);

struct source_backup {
    struct journey *journey;
    const struct config_source *source;
    const struct preparation *preparation; /* or NULL */
    struct catalogue_source *catalogue;
    bool fatal;                 /* the failure is not the source's own */
    struct pending_queue queue; /* entries between the sink and the tree */
    size_t queued;

    struct memory_reader *old;   /* NULL: nothing remembered, or not readable */
    struct memory_record record; /* the next of the old memory; kind 0: none left */
    uint64_t old_hashes;         /* of the record, not yet read */
    bool had_entries;            /* it remembers any beside the source's own folder */
    struct memory_writer *memory;
    struct uses uses;
    struct buffer node_hashes; /* of the tree's nodes */

    struct persons persons; /* who was counted so far */
    struct list_builder *person_list;
    struct buffer person_hashes; /* of their list's chunks and nodes */

    struct list_builder *list;
    struct tree_builder *tree;
    struct dictionary *dictionary;
    struct source_fragments *fragments; /* NULL: whole chunks only */

    /* The entry that the sink is filling; it belongs to the pipeline from its end on. */
    struct pending *filling;
    bool streaming;
    /* The entry whose chunks come out. */
    struct pending *emerging;
};

/* ---- inward: the sink (source_sink.c) ---- */
void source_sink_fill(struct source_sink *sink, struct source_backup *backup);
/* Ends what a source that failed left half delivered. */
MUST_USE enum status source_sink_abandon(struct source_backup *backup, struct error *error);
/* Enters a dictionary that was just stored into catalogue and memory. */
MUST_USE enum status source_add_dictionary(struct source_backup *backup,
                                           const struct chunk_result *stored, struct error *error);

/* Bytes into the stream that was begun. */
MUST_USE enum status source_stream_append(struct source_backup *backup, const void *data,
                                          size_t size, struct error *error);

/* ---- dumps, of whose chunks parts are used (source_fragments.c) ---- */
MUST_USE enum status source_fragments_open(struct source_fragments **fragments,
                                           struct source_backup *backup, struct error *error);
/* As pipeline_space and pipeline_advance, while a stream is begun. */
void source_fragments_space(struct source_fragments *fragments, unsigned char **data, size_t *size);
MUST_USE enum status source_fragments_advance(struct source_fragments *fragments, size_t size,
                                              struct error *error);
/* What comes out of the pipeline. */
MUST_USE enum status emerge_fragments(void *pending, const struct chunk_result *result,
                                      struct error *error);
/* Before pipeline_stream_end: when it returns, all of the entry's content has come out. */
MUST_USE enum status source_fragments_end(struct source_fragments *fragments,
                                          struct pending *pending, struct error *error);
/* When the source is complete: enters its remnants, and writes the memory. */
MUST_USE enum status source_fragments_finish(struct source_fragments *fragments,
                                             struct error *error);
void source_fragments_free(struct source_fragments *fragments);

/* ---- who is in the source (source_persons.c) ---- */
/* value NULL or empty: somebody of whom nothing is known. STATUS_UNSUPPORTED: too many. */
MUST_USE enum status source_persons_add(struct source_backup *backup,
                                        const struct config_person *kind, const void *value,
                                        size_t size, struct error *error);
/* When nothing else is under way in the pipeline: stores the list, and enters it into catalogue,
 * memory and the journey's own count. */
MUST_USE enum status source_persons_finish(struct source_backup *backup, struct error *error);
void source_persons_free(struct source_backup *backup);

/* ---- outward: what comes out of the pipeline, in order (source_emerge.c) ---- */
MUST_USE enum status emerge_chunk(void *pending, const struct chunk_result *result,
                                  struct error *error);
/* One more use of a chunk, in the order of the list. */
MUST_USE enum status emerge_use(struct source_backup *backup,
                                const unsigned char hash[CHUNK_HASH_SIZE], struct error *error);
MUST_USE enum status emerge_known(void *pending, struct error *error);
MUST_USE enum status emerge_end(void *pending, struct error *error);
MUST_USE enum status emerge_list_node(void *backup, const struct chunk_result *node,
                                      struct error *error);
MUST_USE enum status emerge_tree_node(void *backup, const struct chunk_result *node,
                                      struct error *error);
MUST_USE enum status emerge_hole(void *pending, struct error *error);

/* ---- the memory of the last night (source_recall.c) ---- */
MUST_USE enum status recall_open(struct source_backup *backup, struct error *error);
/* Is `entry` remembered and unchanged? Then `pending` is filled with what is remembered. Goes
 * forward past all that comes before `entry`; what is passed over is gone. */
MUST_USE enum status recall_entry(struct pending *pending, bool *known, const struct entry *entry,
                                  struct error *error);
/* One chunk of the entry that is filled anew: counts it as new unless the same place of the
 * remembered content (databases and commands only) had the same. */
MUST_USE enum status recall_compare(struct source_backup *backup,
                                    const unsigned char hash[CHUNK_HASH_SIZE], struct error *error);
/* All that is left of the memory is gone. */
MUST_USE enum status recall_finish(struct source_backup *backup, struct error *error);

#endif
