/* SPDX-License-Identifier: Apache-2.0 */
/* Views of batches that lie in shared memory, as other libraries hold them: DLPack, from any thread, in
 * any order, for longer than the loader. */
#include "base/run.h"

#include "loader_env/fixture.h"
#include "support/leftovers.h"
#include "support/scale.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { READ_ONLY = 1, CPU = 1 };

static int count_segments(void)
{
    return env_count_mappings("memfd:seine-lane") + env_count_mappings("memfd:seine-spill");
}

static DLManagedTensorVersioned *export(sn_batch *batch, const char *name)
{
    DLManagedTensorVersioned *out;
    ENV_OK(sn_batch_to_dlpack(batch, name, &out));
    return out;
}

static sn_loader *loader_of(uint64_t channel_bytes)
{
    sn_loader *loader;
    ENV_OK(sn_node_loader_create(
        plan, SN_LOADER_OPTIONS(.workers = 2, .channel_bytes = channel_bytes), &loader));
    ENV_OK(sn_loader_begin(loader, 0));
    return loader;
}

/* Lanes with room, and lanes in which every batch is in a segment of its own. */
static const uint64_t channels[] = { 0, 1 };

/* -- What a view says -------------------------------------------------------------------------- */

START_TEST(view_is_of_the_memory_that_the_worker_wrote_and_is_read_only)
{
    sn_loader *loader = loader_of(channels[_i]);
    sn_batch *batch = env_next(loader, &stream, 0, 0);
    const sn_tensor *x = sn_batch_find(batch, "x");
    DLManagedTensorVersioned *view = export(batch, "x");
    DLManagedTensor *legacy;
    ENV_OK(sn_batch_to_dlpack_legacy(batch, "x", &legacy));
    const DLTensor *all[] = { &view->dl_tensor, &legacy->dl_tensor };
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_eq(all[i]->data, x->data);
        ck_assert_int_eq(all[i]->device.device_type, CPU);
        ck_assert_int_eq(all[i]->ndim, 2);
        ck_assert_int_eq(all[i]->shape[0], x->shape[0]);
        ck_assert_int_eq(all[i]->shape[1], 16);
        ck_assert_int_eq(all[i]->strides[0], 16);
        ck_assert_int_eq(all[i]->strides[1], 1);
        ck_assert_uint_eq(all[i]->byte_offset, 0);
    }
    ck_assert_uint_eq(view->flags, READ_ONLY);
    ck_assert_uint_eq((uintptr_t)x->data % 64, 0);
    ck_assert(env_is_mapped_as(x->data, "memfd:seine-"));
    view->deleter(view);
    legacy->deleter(legacy);
    ck_assert_int_eq(sn_batch_to_dlpack(batch, "z", &view), SN_E_NOT_FOUND);
    ck_assert_str_eq(sn_error_detail(), "batch: no tensor z");
    sn_batch_release(batch);
    sn_loader_release(loader);
}
END_TEST

/* -- Who keeps what alive ---------------------------------------------------------------------- */

/* What the loader does next does not touch a batch of which only a view is left. */
START_TEST(view_alone_keeps_its_batch_while_the_stream_goes_on)
{
    sn_loader *loader = loader_of(channels[_i]);
    sn_batch *batch = env_next(loader, &stream, 0, 0);
    const sn_tensor *x = sn_batch_find(batch, "x");
    size_t bytes = (size_t)sn_tensor_bytes(x);
    void *copy = malloc(bytes);
    memcpy(copy, x->data, bytes);
    DLManagedTensorVersioned *view = export(batch, "x");
    sn_batch_release(batch);
    env_rest(loader, &stream, 0, 1);
    for (int64_t i = sn_test_scale(20); i > 0; i--)
        env_epoch(loader, &stream, (uint64_t)(i & 1));
    ck_assert_int_eq(memcmp(copy, view->dl_tensor.data, bytes), 0);
    sn_loader_release(loader);
    ck_assert_int_eq(memcmp(copy, view->dl_tensor.data, bytes), 0);
    view->deleter(view);
    ck_assert_int_eq(count_segments(), 0);
    free(copy);
}
END_TEST

START_TEST(memory_of_a_loader_lives_until_its_last_view_in_any_form_is_gone)
{
    sn_loader *loader = loader_of(channels[_i]);
    sn_batch *batches[3];
    for (int i = 0; i < 3; i++)
        batches[i] = env_next(loader, &stream, 0, i);
    DLManagedTensorVersioned *view = export(batches[0], "x"), *ids = export(batches[0], "node");
    DLManagedTensor *legacy;
    ENV_OK(sn_batch_to_dlpack_legacy(batches[1], "row", &legacy));
    sn_batch *again = sn_batch_retain(batches[2]);
    sn_loader_shutdown(loader);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(sn_batch_digest(batches[i]), stream.digests[i]);
    sn_loader_release(loader);
    ck_assert_int_eq(env_count_mappings("memfd:seine-control"), 1); /* that of blocks */
    for (int i = 0; i < 3; i++)
        sn_batch_release(batches[i]);
    ck_assert_int_gt(count_segments(), 0);
    view->deleter(view);
    legacy->deleter(legacy);
    ck_assert_int_gt(count_segments(), 0);
    ck_assert_uint_eq(sn_batch_digest(again), stream.digests[2]);
    sn_batch_release(again);
    ck_assert_int_gt(count_segments(), 0);
    ids->deleter(ids);
    ck_assert_int_eq(count_segments(), 0);
    ck_assert_int_eq(env_count_mappings("memfd:seine-"), 0);
}
END_TEST

/* -- Threads ----------------------------------------------------------------------------------- */

enum { THREADS = 4, ROOM = 64 };

typedef struct box {
    pthread_mutex_t lock;
    DLManagedTensorVersioned *views[ROOM];
    int count;
    bool over;
} box;

static box shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Takes any view out and deletes it. */
static void *delete_some(void *argument)
{
    unsigned random = *(unsigned *)argument;
    for (bool over = false; !over;) {
        DLManagedTensorVersioned *view = NULL;
        pthread_mutex_lock(&shared.lock);
        if (shared.count > 0) {
            int i = (int)((unsigned)rand_r(&random) % (unsigned)shared.count);
            view = shared.views[i];
            shared.views[i] = shared.views[--shared.count];
        } else {
            over = shared.over;
        }
        pthread_mutex_unlock(&shared.lock);
        if (view != NULL)
            view->deleter(view);
        else
            env_sleep(ENV_MS / 10);
    }
    return NULL;
}

static bool put(DLManagedTensorVersioned *view)
{
    pthread_mutex_lock(&shared.lock);
    bool fits = shared.count < ROOM;
    if (fits)
        shared.views[shared.count++] = view;
    pthread_mutex_unlock(&shared.lock);
    return fits;
}

START_TEST(views_are_deleted_by_any_thread_while_batches_come)
{
    pthread_t threads[THREADS];
    unsigned seeds[THREADS];
    sn_loader *loader = loader_of(channels[_i]);
    for (int t = 0; t < THREADS; t++) {
        seeds[t] = (unsigned)(sn_test_seed() + (uint64_t)t);
        pthread_create(&threads[t], NULL, delete_some, &seeds[t]);
    }
    for (int64_t epochs = sn_test_scale(40); epochs > 0; epochs--) {
        uint64_t epoch = (uint64_t)(epochs & 1);
        ENV_OK(sn_loader_begin(loader, epoch));
        for (int64_t step = 0; step < stream.steps; step++) {
            sn_batch *batch = env_next(loader, &stream, epoch, step);
            static const char *const names[] = { "x", "node", "col" };
            for (int i = 0; i < 3; i++) {
                DLManagedTensorVersioned *view = export(batch, names[i]);
                if (!put(view))
                    view->deleter(view);
            }
            sn_batch_release(batch);
        }
    }
    sn_loader_release(loader); /* while the others go on */
    pthread_mutex_lock(&shared.lock);
    shared.over = true;
    pthread_mutex_unlock(&shared.lock);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    ck_assert_int_eq(env_count_mappings("memfd:seine-"), 0);
}
END_TEST

static sn_loader *seen;

static void *make_and_forget(void *out)
{
    sn_batch *batch = env_next(seen, &stream, 0, 0);
    *(DLManagedTensorVersioned **)out = export(batch, "x");
    sn_batch_release(batch);
    return NULL;
}

START_TEST(view_outlives_the_thread_that_made_it)
{
    pthread_t thread;
    DLManagedTensorVersioned *view;
    seen = loader_of(channels[_i]);
    pthread_create(&thread, NULL, make_and_forget, &view);
    pthread_join(thread, NULL);
    env_rest(seen, &stream, 0, 1);
    sn_loader_release(seen);
    ck_assert_int_eq(view->dl_tensor.shape[1], 16);
    view->deleter(view);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("views");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_checked_fixture(cases, env_begin, env_end);
    tcase_add_loop_test(cases, view_is_of_the_memory_that_the_worker_wrote_and_is_read_only, 0, 2);
    tcase_add_loop_test(cases, view_alone_keeps_its_batch_while_the_stream_goes_on, 0, 2);
    tcase_add_loop_test(cases, memory_of_a_loader_lives_until_its_last_view_in_any_form_is_gone, 0,
                        2);
    tcase_add_loop_test(cases, views_are_deleted_by_any_thread_while_batches_come, 0, 2);
    tcase_add_loop_test(cases, view_outlives_the_thread_that_made_it, 0, 2);
    return run_cases("views", cases);
}
