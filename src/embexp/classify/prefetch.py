"""Ask the processor for a row of a table before it is needed: llvm.prefetch, for compiled loops."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

CACHE_LINE = 64  # bytes
_READ, _KEEP, _DATA = 0, 3, 1  # arguments of llvm.prefetch: for reading, in all caches, data and not code


@intrinsic
def prefetch(typing_context, table, row, byte):
    """Start to load the cache line that holds `byte` of `table[row]`; both numbers are int64.

    A hint and no access: nothing is computed, and any address is allowed.
    """
    signature = types.void(table, row, byte)

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        pointer, word, flag = ir.IntType(8).as_pointer(), ir.IntType(64), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        stride = cgutils.unpack_tuple(builder, array.strides)[0]
        start = builder.add(builder.ptrtoint(array.data, word), builder.mul(stride, arguments[1]))
        address = builder.inttoptr(builder.add(start, arguments[2]), pointer)
        builder.call(function, [address, *(ir.Constant(flag, value) for value in (_READ, _KEEP, _DATA))])
        return context.get_dummy_value()

    return signature, generate
