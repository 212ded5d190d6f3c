/* compress: what the files that see zstd share. */
#ifndef KURA_PIPELINE_COMPRESS_H
#define KURA_PIPELINE_COMPRESS_H

#include "kura/pipeline.h"
#include <zstd.h>

#define TAG_RAW 0
#define TAG_ZSTD 1

struct dictionary {
    ZSTD_CDict *compressing;
    ZSTD_DDict *decompressing;
    uint32_t id;
};

#endif
