/* SPDX-License-Identifier: Apache-2.0 */
/* Attaching a dataset's image that another process made.
 *
 * The input is the description, a zero byte, and the bytes of the arrays (which begin at 64). It is
 * attached as it is, and with the right header around it. What attaches is read in full, verified, and
 * sampled in both directions: its arrays hold anything. */
#include "engine/data/image.h"
#include "seine/seine.h"
#include "support/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEAD = 64 };

static void require(bool truth, const char *what)
{
    if (!truth) {
        fprintf(stderr, "%s: %s\n", what, sn_error_detail());
        abort();
    }
}

static int segment_of(const uint8_t *bytes, size_t count)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    require(fd >= 0 && write(fd, bytes, count) == (ssize_t)count &&
                fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0,
            "segment");
    return fd;
}

static uint64_t read_all(const sn_tensor *view)
{
    uint64_t sum = 0;
    for (int64_t i = 0; view != NULL && i < sn_tensor_bytes(view); i++)
        sum += ((const uint8_t *)view->data)[i];
    return sum;
}

static void read_dataset(const sn_dataset *dataset)
{
    volatile uint64_t sum = 0;
    for (int32_t i = 0; i < sn_dataset_num_node_types(dataset); i++) {
        sn_node_info info;
        require(sn_dataset_node_type(dataset, i, &info) == SN_OK, "node type");
        sum += read_all(info.x) + read_all(info.y) + read_all(info.times) + read_all(info.train) +
               read_all(info.val) + read_all(info.test);
    }
    for (int32_t i = 0; i < sn_dataset_num_edge_types(dataset); i++) {
        sn_edge_info info;
        require(sn_dataset_edge_type(dataset, i, &info) == SN_OK, "edge type");
        sum += read_all(info.x) + read_all(info.weights) + read_all(info.times);
    }
    (void)sum;
    sn_status status = sn_dataset_verify(dataset, NULL, NULL);
    require(status == SN_OK || status == SN_E_CORRUPT || status == SN_E_NOMEM, "verify");
}

static void sample(sn_dataset *dataset, sn_edge_dir dir)
{
    static const int64_t fanout[] = { 3, -1 };
    sn_plan *plan;
    sn_sampler *sampler;
    sn_batch *batch;
    for (int32_t type = 0; type < sn_dataset_num_node_types(dataset); type++) {
        sn_node_info info;
        require(sn_dataset_node_type(dataset, type, &info) == SN_OK, "node type");
        if (info.count > 1 << 16)
            return; /* a map of that many nodes for nothing */
    }
    if (sn_plan_create(dataset,
                       SN_PLAN_OPTIONS(.batch_size = 8, .hops = 2, .fanout = fanout, .dir = dir,
                                       .with_edge = true, .features = true,
                                       .labels = SN_LABELS_ALL),
                       &plan) != SN_OK)
        return;
    if (sn_plan_num_batches(plan) > 0 && sn_sampler_create(plan, &sampler) == SN_OK) {
        sn_status status = sn_sampler_sample(sampler, 0, 0, &batch);
        require(status == SN_OK || status == SN_E_CORRUPT || status == SN_E_NOMEM, "batch");
        if (status == SN_OK)
            sn_batch_release(batch);
        sn_sampler_release(sampler);
    }
    sn_plan_release(plan);
}

static void attach(const uint8_t *bytes, size_t count, const char *fingerprint)
{
    sn_dataset *dataset = NULL;
    sn__share share = { .fd = segment_of(bytes, count), .image_bytes = count };
    memcpy(share.fingerprint, fingerprint, strlen(fingerprint));
    sn_status status = sn__dataset_attach(&share, &dataset);
    require(status == SN_OK || status == SN_E_CORRUPT || status == SN_E_NOMEM, "status");
    require((dataset != NULL) == (status == SN_OK), "a dataset with an error");
    if (status != SN_OK)
        return;
    read_dataset(dataset);
    sample(dataset, SN_DIR_OUT);
    sample(dataset, SN_DIR_IN);
    sn_dataset_release(dataset);
}

/* The fingerprint that the description claims: any will do. */
static void find_fingerprint(const char *text, size_t bytes, char out[SN__HASH_HEX])
{
    static const char key[] = "\"fingerprint\":\"";
    const char *at = memmem(text, bytes, key, sizeof key - 1);
    if (at != NULL && (size_t)(text + bytes - at) >= sizeof key - 1 + SN__HASH_HEX - 1)
        memcpy(out, at + sizeof key - 1, SN__HASH_HEX - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char fingerprint[SN__HASH_HEX] = "", hash[SN__HASH_HEX];
    const uint8_t *zero = size > 0 ? memchr(data, '\0', size) : NULL;
    if (zero == NULL)
        return 0;
    size_t text = (size_t)(zero - data), arrays = size - text - 1, offset = HEAD + arrays;
    attach(data, size, fingerprint);

    uint64_t head[4] = { UINT64_C(0x314547414d494e53), offset + text, offset, text };
    uint8_t *bytes = calloc(1, offset + text);
    require(bytes != NULL, "calloc");
    sn__hash_hex(data, text, hash);
    find_fingerprint((const char *)data, text, fingerprint);
    memcpy(bytes, head, sizeof head);
    memcpy(bytes + sizeof head, hash, SN__HASH_HEX - 1);
    if (arrays > 0)
        memcpy(bytes + HEAD, zero + 1, arrays);
    if (text > 0)
        memcpy(bytes + offset, data, text);
    attach(bytes, offset + text, fingerprint);
    free(bytes);
    return 0;
}
