/* SPDX-License-Identifier: Apache-2.0 */
/* From a topology to the tensors of a batch.
 *
 * In two steps, because the size is known only after sampling: sn__deliver_layout says what every
 * tensor looks like and where it lies; then a sink reserves the memory, and sn__deliver_write fills
 * it. A feature row is written once, by the gather, into that memory. */
#ifndef SN_ENGINE_SAMPLE_DELIVER_H
#define SN_ENGINE_SAMPLE_DELIVER_H

#include "engine/sample/sink.h"
#include "engine/sample/topology.h"

/* Shapes, types and offsets (as `data`, relative to the payload) of all tensors of the plan into
 * `tensors`; *bytes is the payload's size. Fails: SN_E_NOMEM (overflow). */
SN_NODISCARD sn_status sn__deliver_layout(const sn__topology *topology, sn_tensor *tensors,
                                          size_t *bytes);
/* Moves the offsets into `payload` and writes the content; `sink` sees SN_STEP_GATHER and progress.
 * Fails: SN_E_CORRUPT (an edge id outside of the edge features). */
SN_NODISCARD sn_status sn__deliver_write(const sn__topology *topology, const sn__kernel_ops *ops,
                                         const sn__sink *sink, uint8_t *payload,
                                         sn_tensor *tensors);

#endif
