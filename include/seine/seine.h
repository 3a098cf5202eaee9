/* SPDX-License-Identifier: Apache-2.0 */
/* Seine: mini-batches for graph neural networks. This header includes all others. */
#ifndef SEINE_SEINE_H
#define SEINE_SEINE_H

#include "seine/batch.h"
#include "seine/dataset.h"
#include "seine/import.h"
#include "seine/limits.h"
#include "seine/loader.h"
#include "seine/log.h"
#include "seine/options.h"
#include "seine/plan.h"
#include "seine/sampler.h"
#include "seine/stats.h"
#include "seine/status.h"
#include "seine/system.h"
#include "seine/tensor.h"
#include "seine/types.h"
#include "seine/worker.h"

#endif
