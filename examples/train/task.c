/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and checking a task. The library has checked files, types and shapes when it opened the
 * dataset, but has not read its arrays; what is checked here is what a classifier relies on. */
#include "task.h"

#include <stdlib.h>

#include "convert.h"
#include "report.h"

static bool check_features(struct task *task, const sn_tensor *x)
{
    if (x == NULL)
        return report_error("%s: has no node features", task->name);
    if (!convert_knows_floats(x->dtype))
        return report_error("%s: features are %s, not numbers that can be trained on", task->name,
                            sn_dtype_name(x->dtype));
    int64_t features = 1;
    for (int32_t d = 1; d < x->ndim; d++)
        features *= x->shape[d];
    if (features < 1 || features > TASK_MAX_CLASSES)
        return report_error("%s: %lld features per node, not 1 to %d", task->name,
                            (long long)features, TASK_MAX_CLASSES);
    task->features = (int32_t)features;
    return true;
}

static bool read_all_labels(struct task *task, const sn_tensor *y)
{
    int64_t unlabelled = sn_dataset_unlabelled(task->dataset);

    if (y == NULL)
        return report_error("%s: has no labels", task->name);
    if (!convert_knows_integers(y->dtype))
        return report_error("%s: labels are %s, not integers", task->name, sn_dtype_name(y->dtype));
    if (sn_tensor_count(y) != task->nodes)
        return report_error("%s: %lld labels for %lld nodes, not one each", task->name,
                            (long long)sn_tensor_count(y), (long long)task->nodes);
    task->labels = malloc((size_t)task->nodes * sizeof(int32_t) + 1);
    if (task->labels == NULL)
        return report_error("out of memory: %lld labels", (long long)task->nodes);
    for (int64_t i = 0; i < task->nodes; i++) {
        int64_t label = convert_integer(y, i);
        if (label != unlabelled && (label < 0 || label >= TASK_MAX_CLASSES))
            return report_error("%s: label %lld of node %lld is not in 0 to %d", task->name,
                                (long long)label, (long long)i, TASK_MAX_CLASSES - 1);
        task->labels[i] = label == unlabelled ? -1 : (int32_t)label;
        if (task->labels[i] >= task->classes)
            task->classes = task->labels[i] + 1;
    }
    return true;
}

static bool read_split(const struct task *task, const sn_tensor *ids, const char *name,
                       struct task_split *out)
{
    if (ids == NULL)
        return report_error("%s: has no %s split", task->name, name);
    int64_t count = sn_tensor_count(ids);
    out->ids = malloc((size_t)count * sizeof(int64_t) + 1);
    if (out->ids == NULL)
        return report_error("out of memory: a split of %lld nodes", (long long)count);
    for (int64_t i = 0; i < count; i++) {
        int64_t id = convert_integer(ids, i);
        if (id < 0 || id >= task->nodes)
            return report_error("%s: entry %lld of the %s split is node %lld of %lld", task->name,
                                (long long)i, name, (long long)id, (long long)task->nodes);
        if (task->labels[id] >= 0)
            out->ids[out->count++] = id;
    }
    if (out->count == 0)
        return report_error("%s: none of the %lld nodes of the %s split is labelled", task->name,
                            (long long)count, name);
    return true;
}

bool task_init_typed(struct task *task, sn_dataset *dataset, int32_t node_type, const char *name)
{
    sn_node_info node;
    sn_edge_info edge;

    *task = (struct task){ .dataset = dataset, .name = name };
    if (sn_dataset_node_type(dataset, node_type, &node) != SN_OK)
        return report_library_error();
    task->nodes = node.count;
    for (int32_t e = 0; e < sn_dataset_num_edge_types(dataset); e++) {
        if (sn_dataset_edge_type(dataset, e, &edge) != SN_OK)
            return report_library_error();
        task->edges += edge.count;
    }
    if (check_features(task, node.x) && read_all_labels(task, node.y) &&
        read_split(task, node.train, "train", &task->train) &&
        read_split(task, node.val, "val", &task->val) &&
        read_split(task, node.test, "test", &task->test))
        return true;
    task_deinit(task);
    return false;
}

bool task_init(struct task *task, sn_dataset *dataset, const char *name)
{
    if (sn_dataset_is_homogeneous(dataset))
        return task_init_typed(task, dataset, 0, name);
    *task = (struct task){ 0 };
    return report_error("%s: has %d node types and %d edge types; this trainer takes one each",
                        name, sn_dataset_num_node_types(dataset),
                        sn_dataset_num_edge_types(dataset));
}

void task_deinit(struct task *task)
{
    free(task->labels);
    free(task->train.ids);
    free(task->val.ids);
    free(task->test.ids);
    *task = (struct task){ 0 };
}

void task_read_labels(const struct task *task, const sn_tensor *y, int32_t *out)
{
    int64_t unlabelled = sn_dataset_unlabelled(task->dataset);

    for (int64_t i = 0; i < y->shape[0]; i++) {
        int64_t label = convert_integer(y, i);
        out[i] = label == unlabelled ? -1 : (int32_t)label;
    }
}

int32_t task_majority(const struct task *task)
{
    int32_t best = 0;
    int64_t best_count = -1;

    for (int32_t class = 0; class < task->classes; class ++) {
        int64_t count = 0;
        for (int64_t i = 0; i < task->train.count; i++)
            count += task->labels[task->train.ids[i]] == class;
        if (count > best_count) {
            best = class;
            best_count = count;
        }
    }
    return best;
}

double task_accuracy(const struct task *task, const struct task_split *split,
                     const int32_t *predicted)
{
    int64_t right = 0;

    for (int64_t i = 0; i < split->count; i++)
        right += predicted[split->ids[i]] == task->labels[split->ids[i]];
    return (double)right / (double)split->count;
}
