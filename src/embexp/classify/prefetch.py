"""Ask the processor for a row of a matrix before it is needed: llvm.prefetch, for compiled loops."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

CACHE_LINE, LINES = 64, 7  # bytes; 400 bytes of a row of 100 float32
_READ, _KEEP, _DATA = 0, 3, 1  # arguments of llvm.prefetch: for reading, in all caches, data and not code


@intrinsic
def prefetch_row(typing_context, matrix, row):
    """Start to load the first `LINES` cache lines of `matrix[row]`; `row` is an int64.

    A hint and no access: nothing is computed, and any address is allowed.
    """
    signature = types.void(matrix, row)

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        byte, word, flag = ir.IntType(8).as_pointer(), ir.IntType(64), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        stride = cgutils.unpack_tuple(builder, array.strides)[0]
        start = builder.add(builder.ptrtoint(array.data, word), builder.mul(stride, arguments[1]))
        for line in range(LINES):
            address = builder.inttoptr(builder.add(start, ir.Constant(word, CACHE_LINE * line)), byte)
            builder.call(function, [address, *(ir.Constant(flag, value) for value in (_READ, _KEEP, _DATA))])
        return context.get_dummy_value()

    return signature, generate
