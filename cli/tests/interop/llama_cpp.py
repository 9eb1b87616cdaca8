"""llama.cpp and ggml, as they are in the wheel of `xllamacpp`, called through ctypes.

The wheel holds a build of llama.cpp whose C functions are visible, so nothing is compiled
here. Its own Python functions are not used: they have no logits.
"""

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_float, c_int, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from importlib.util import find_spec
from pathlib import Path

import numpy as np

F32 = 0


class Parameters(ctypes.Structure):
    """The parameters of a model or a context, which llama.cpp fills and reads.

    Their fields differ between versions, and no field is set here. The room is larger than
    both structures; they are passed in memory, so the rest is not looked at.
    """

    _fields_ = [("room", c_uint64 * 128)]


class Batch(ctypes.Structure):
    """llama_batch: tokens, and whether logits are wanted at each."""

    _fields_ = [("n_tokens", c_int32), ("token", c_void_p), ("embd", c_void_p), ("pos", c_void_p),
                ("n_seq_id", c_void_p), ("seq_id", c_void_p), ("logits", c_void_p)]


class GgufParameters(ctypes.Structure):
    """gguf_init_params: whether to leave out the data, and where to put ggml's tensors."""

    _fields_ = [("no_alloc", c_bool), ("ctx", POINTER(c_void_p))]


class TypeTraits(ctypes.Structure):
    """The first fields of ggml_type_traits."""

    _fields_ = [("type_name", c_char_p), ("blck_size", c_int64), ("blck_size_interleave", c_int64), ("type_size", c_size_t),
                ("is_quantized", c_bool), ("to_float", ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_int64))]


class Tensor(ctypes.Structure):
    """The first fields of ggml_tensor."""

    _fields_ = [("type", c_int), ("buffer", c_void_p), ("ne", c_int64 * 4)]


LOG = ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)
messages = []


@LOG
def keep_message(_level, text, _data):
    """Keeps what llama.cpp says, to be shown when it fails."""
    messages.append(text.decode(errors="replace"))


def load_library():
    """The library, with the types of the functions that are used here."""
    package = Path(find_spec("xllamacpp").origin).parent
    library = ctypes.CDLL(str(next(package.glob("xllamacpp*.so"))))
    for name, result, arguments in [
        ("llama_model_default_params", Parameters, []),
        ("llama_context_default_params", Parameters, []),
        ("llama_model_load_from_file", c_void_p, [c_char_p, Parameters]),
        ("llama_init_from_model", c_void_p, [c_void_p, Parameters]),
        ("llama_model_get_vocab", c_void_p, [c_void_p]),
        ("llama_vocab_n_tokens", c_int32, [c_void_p]),
        ("llama_set_n_threads", None, [c_void_p, c_int32, c_int32]),
        ("llama_get_memory", c_void_p, [c_void_p]),
        ("llama_memory_clear", None, [c_void_p, c_bool]),
        ("llama_batch_init", Batch, [c_int32, c_int32, c_int32]),
        ("llama_batch_get_one", Batch, [c_void_p, c_int32]),
        ("llama_decode", c_int32, [c_void_p, Batch]),
        ("llama_get_logits", POINTER(c_float), [c_void_p]),
        ("llama_free", None, [c_void_p]),
        ("llama_model_free", None, [c_void_p]),
        ("llama_log_set", None, [LOG, c_void_p]),
        ("gguf_init_from_file", c_void_p, [c_char_p, GgufParameters]),
        ("gguf_free", None, [c_void_p]),
        ("ggml_free", None, [c_void_p]),
        ("gguf_get_n_tensors", c_int64, [c_void_p]),
        ("gguf_get_tensor_name", c_char_p, [c_void_p, c_int64]),
        ("ggml_get_tensor", POINTER(Tensor), [c_void_p, c_char_p]),
        ("ggml_get_data", c_void_p, [c_void_p]),
        ("ggml_type_name", c_char_p, [c_int]),
        ("ggml_get_type_traits", POINTER(TypeTraits), [c_int]),
    ]:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.llama_log_set(keep_message, None)
    library.llama_backend_init()
    return library


library = load_library()


def need(condition, what):
    """Fails with the last messages of llama.cpp unless the condition holds."""
    if not condition:
        raise RuntimeError(f"llama.cpp: {what}\n{''.join(messages[-20:])}")


def logits(path, prompts):
    """The logits after each token of each prompt: a list of arrays [tokens, vocabulary]."""
    model = library.llama_model_load_from_file(str(path).encode(), library.llama_model_default_params())
    need(model, f"does not load {path}")
    context = library.llama_init_from_model(model, library.llama_context_default_params())
    need(context, f"makes no context for {path}")
    library.llama_set_n_threads(context, 1, 1)
    vocabulary = library.llama_vocab_n_tokens(library.llama_model_get_vocab(model))
    out = []
    for prompt in prompts:
        library.llama_memory_clear(library.llama_get_memory(context), True)
        tokens = (c_int32 * len(prompt))(*prompt)
        wanted = (ctypes.c_int8 * len(prompt))(*[1] * len(prompt))
        batch = library.llama_batch_get_one(tokens, len(prompt))
        batch.logits = ctypes.addressof(wanted)
        need(library.llama_decode(context, batch) == 0, f"does not compute with {path}")
        values = np.ctypeslib.as_array(library.llama_get_logits(context), (len(prompt), vocabulary))
        out.append(values.astype(np.float64))
    library.llama_free(context)
    library.llama_model_free(model)
    return out


def read_gguf(path):
    """The tensors of a file, read and made float32 by ggml: {name: (name of the type, array)}."""
    tensors = c_void_p()
    file = library.gguf_init_from_file(str(path).encode(), GgufParameters(False, ctypes.pointer(tensors)))
    need(file, f"does not read {path}")
    out = {}
    for k in range(library.gguf_get_n_tensors(file)):
        name = library.gguf_get_tensor_name(file, k)
        tensor = library.ggml_get_tensor(tensors, name)
        kind, shape = tensor.contents.type, list(reversed(tensor.contents.ne))
        while len(shape) > 1 and shape[0] == 1:
            shape = shape[1:]
        values = np.empty(shape, dtype=np.float32)
        if kind == F32:
            ctypes.memmove(values.ctypes.data, library.ggml_get_data(tensor), values.nbytes)
        else:
            to_float = library.ggml_get_type_traits(kind).contents.to_float
            need(to_float, f"has no values for the type {kind}")
            to_float(library.ggml_get_data(tensor), values.ctypes.data, values.size)
        out[name.decode()] = (library.ggml_type_name(kind).decode(), values)
    library.gguf_free(file)
    library.ggml_free(tensors)
    return out
