# SPDX-License-Identifier: Apache-2.0
"""libseine through ctypes: what the comparison calls, nothing more.

The structs are those of include/seine; tests/repo/compare.py holds their batches against the command's.
"""
import array
import ctypes

i32, i64, u32, u64, flag = (ctypes.c_int32, ctypes.c_int64, ctypes.c_uint32, ctypes.c_uint64,
                            ctypes.c_bool)
pointer = ctypes.c_void_p
SN_OK, SN_E_END, WAIT_DEFAULT = 0, -43, -1
LOAD = {"map": 1, "memory": 2}


class Tensor(ctypes.Structure):
    _fields_ = [("data", pointer), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("ndim", i32),
                ("shape", i64 * 4)]


class DatasetOptions(ctypes.Structure):
    _fields_ = [("struct_size", u32), ("load", ctypes.c_int)]


class PlanOptions(ctypes.Structure):
    _fields_ = [("struct_size", u32), ("input_type", i32), ("input", ctypes.POINTER(Tensor)),
                ("batch_size", i64), ("shuffle", flag), ("drop_last", flag), ("seed", u64), ("hops", i32),
                ("fanout", ctypes.POINTER(i64)), ("per_edge_type", flag), ("dir", ctypes.c_int),
                ("replace", flag), ("with_edge", flag), ("features", flag), ("labels", ctypes.c_int),
                ("index", ctypes.c_int), ("rank", i64), ("world", i64), ("uneven", ctypes.c_int)]


class BatchInfo(ctypes.Structure):
    _fields_ = [("seed", u64), ("epoch", u64), ("batch", u64), ("flags", u32), ("tensors", i32),
                ("num_nodes", i64), ("num_edges", i64)]


SIGNATURES = {
    "sn_error_detail": (ctypes.c_char_p, []),
    "sn_version_string": (ctypes.c_char_p, []),
    "sn_dataset_open": (i32, [ctypes.c_char_p, pointer, pointer]),
    "sn_dataset_release": (None, [pointer]),
    "sn_plan_create": (i32, [pointer, pointer, pointer]),
    "sn_plan_num_steps": (i64, [pointer]),
    "sn_plan_release": (None, [pointer]),
    "sn_sampler_create": (i32, [pointer, pointer]),
    "sn_sampler_sample_step": (i32, [pointer, u64, i64, pointer]),
    "sn_sampler_release": (None, [pointer]),
    "sn_node_loader_create": (i32, [pointer, pointer, pointer]),
    "sn_loader_begin": (i32, [pointer, u64]),
    "sn_loader_next": (i32, [pointer, i64, pointer]),
    "sn_loader_release": (None, [pointer]),
    "sn_batch_get_info": (BatchInfo, [pointer]),
    "sn_batch_digest": (u64, [pointer]),
    "sn_batch_release": (None, [pointer]),
}


class Library:
    def __init__(self, path):
        self.calls = ctypes.CDLL(path)
        for name, (result, arguments) in SIGNATURES.items():
            call = getattr(self.calls, name)
            call.restype, call.argtypes = result, arguments

    def check(self, status):
        if status != SN_OK:
            raise RuntimeError(f"seine: {self.calls.sn_error_detail().decode()} (status {status})")

    def version(self):
        return self.calls.sn_version_string().decode()

    def make(self, name, *arguments):
        """The object that call `name` writes to its last parameter."""
        out = pointer()
        self.check(getattr(self.calls, name)(*arguments, ctypes.byref(out)))
        return out


class Dataset:
    def __init__(self, library, path, load):
        self.library = library
        options = DatasetOptions(ctypes.sizeof(DatasetOptions), LOAD[load])
        self.handle = library.make("sn_dataset_open", str(path).encode(), ctypes.byref(options))

    def close(self):
        self.library.calls.sn_dataset_release(self.handle)


class Plan:
    """Batches of `batch_size` of the seeds (a sequence of ids), in their order."""

    def __init__(self, dataset, seeds, batch_size, fanout, features):
        self.library = dataset.library
        ids = array.array("q", seeds)
        tensor = Tensor(ids.buffer_info()[0], 0, 64, 1, (i64 * 4)(len(ids), 1, 1, 1))
        options = PlanOptions(ctypes.sizeof(PlanOptions), input=ctypes.pointer(tensor),
                              batch_size=batch_size, hops=len(fanout),
                              fanout=(i64 * len(fanout))(*fanout), features=features)
        self.handle = self.library.make("sn_plan_create", dataset.handle, ctypes.byref(options))
        self.steps = self.library.calls.sn_plan_num_steps(self.handle)

    def close(self):
        self.library.calls.sn_plan_release(self.handle)


class Batches:
    """Calls return (nodes, edges) of the next batch, over and over; epochs count on."""

    def __init__(self, plan):
        self.library, self.plan, self.epoch = plan.library, plan, 0

    def take(self, batch):
        info = self.library.calls.sn_batch_get_info(batch)
        self.library.calls.sn_batch_release(batch)
        return info.num_nodes, info.num_edges


class Sampler(Batches):
    def __init__(self, plan):
        super().__init__(plan)
        self.step = 0
        self.handle = self.library.make("sn_sampler_create", plan.handle)

    def next_batch(self):
        if self.step == self.plan.steps:
            self.step, self.epoch = 0, self.epoch + 1
        batch = self.library.make("sn_sampler_sample_step", self.handle, self.epoch, self.step)
        self.step += 1
        return batch

    def __call__(self):
        return self.take(self.next_batch())

    def close(self):
        self.library.calls.sn_sampler_release(self.handle)


class Loader(Batches):
    """Without workers: the batches are made in the call."""

    def __init__(self, plan):
        super().__init__(plan)
        self.handle = self.library.make("sn_node_loader_create", plan.handle, None)
        self.library.check(self.library.calls.sn_loader_begin(self.handle, self.epoch))

    def __call__(self):
        batch = pointer()
        call = self.library.calls.sn_loader_next
        status = call(self.handle, WAIT_DEFAULT, ctypes.byref(batch))
        if status == SN_E_END:
            self.epoch += 1
            self.library.check(self.library.calls.sn_loader_begin(self.handle, self.epoch))
            status = call(self.handle, WAIT_DEFAULT, ctypes.byref(batch))
        self.library.check(status)
        return self.take(batch)

    def close(self):
        self.library.calls.sn_loader_release(self.handle)
