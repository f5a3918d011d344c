"""Compiled: loops become an image, each with a way in that Python can call by address."""

from collections.abc import Mapping, Sequence
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.cpu import CPUContext as Context
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import as_dtype

from dataflow.columnar.arrays import (
    ALIGNED_IN_ONE_PIECE,
    BYTE_ORDER_AT,
    DATA_AT,
    FLAGS_AT,
    KIND_AT,
    RAISED,
    SIZES_AT,
    SWAPPED,
    TYPE_AT,
    WRITABLE,
    WRONG,
)
from dataflow.columnar.arrays import DIMENSIONS_AT as MANY_AT
from dataflow.columnar.arrays import TYPE_NUMBER_AT as NUMBER_AT
from dataflow.columnar.image import Image, Unfit
from dataflow.columnar.image_linker import linked
from dataflow.columnar.loop import Loop

_WORD, _HALF, _BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8)
_OPTIONS: dict[str, Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_LETTERS = {types.int64: "i", types.uint64: "u", types.boolean: "b", types.none: "v"}


def image_of(loops: Sequence[Loop], addresses: Mapping[str, int], made_of: Mapping[str, str]) -> Image:
    """Compile all of `loops`. `addresses`: of functions of C that they call, by name. Raises Unfit."""
    tell(addresses)
    objects: list[bytes] = []
    entries: dict[str, tuple[str, str]] = {}
    for loop in loops:
        made: Any = njit(loop.signature, error_model=loop.error_model, **_OPTIONS)(loop.function)
        overloads = getattr(made, "overloads", None)
        if not overloads:
            raise Unfit("nothing is compiled here")
        (result,) = overloads.values()
        objects.append(result.library._get_compiled_object())
        name = f"enter_{loop.function.__name__}"
        entries[name] = ("".join(map(_letter, result.fndesc.argtypes)), _letter(result.fndesc.restype))
        objects.append(_entry(name, result, result.target_context))
    return linked(objects, entries, made_of)


def tell(addresses: Mapping[str, int]) -> None:
    """From now on what is compiled in this process may call these functions of C, by their names."""
    for name, address in addresses.items():
        llvm.add_symbol(name, address)


def _letter(kind: types.Type) -> str:
    if isinstance(kind, types.Array) and kind.ndim == 1 and kind.layout == "C":
        return "a"
    if kind not in _LETTERS:
        raise Unfit(f"a loop takes or gives {kind}")
    return _LETTERS[kind]


def _entry(name: str, result: Any, context: Context) -> bytes:
    """An object file with int32 name(int64* words): 0, or what went wrong. The words are the type of arrays, in the
    place of which the loop's result comes, and its arguments.

    An array is told by the address of its Python object, whose own words say whether it is one of the loop's kind.
    """
    of = result.fndesc
    module = context.create_module(name)
    callee = ir.Function(module, context.call_conv.get_function_type(of.restype, of.argtypes), of.llvm_func_name)
    entry = ir.Function(module, ir.FunctionType(_HALF, [_WORD.as_pointer()]), name)
    builder = ir.IRBuilder(entry.append_basic_block("entry"))
    given = entry.args[0]
    array_type, *words = (
        builder.load(builder.gep(given, [ir.Constant(_WORD, place)])) for place in range(1 + len(of.argtypes))
    )
    wrong = entry.append_basic_block("wrong")
    arrays = [(word, kind) for word, kind in zip(words, of.argtypes, strict=True) if isinstance(kind, types.Array)]
    for word, _ in arrays:
        _go_on_if(builder, builder.icmp_unsigned("==", _at(builder, word, TYPE_AT, _WORD), array_type), wrong)
    for word, kind in arrays:
        _go_on_if(builder, _is_of(builder, word, kind), wrong)
    taken = [_taken(context, builder, word, kind) for word, kind in zip(words, of.argtypes, strict=True)]
    status, out = context.call_conv.call_function(builder, callee, of.restype, of.argtypes, taken)
    raised = entry.append_basic_block("raised")
    _go_on_if(builder, status.is_ok, raised)
    if of.restype != types.none:
        builder.store(builder.zext(out, _WORD) if of.restype == types.boolean else out, given)
    builder.ret(ir.Constant(_HALF, 0))
    for block, code in ((wrong, WRONG), (raised, RAISED)):
        ir.IRBuilder(block).ret(ir.Constant(_HALF, code))
    codegen = result.library._codegen
    parsed = llvm.parse_assembly(cgutils.normalize_ir_text(str(module)))
    parsed.verify()
    compiled: bytes = codegen._tm.emit_object(parsed)
    return compiled


def _go_on_if(builder: ir.IRBuilder, holds: ir.Value, otherwise: ir.Block) -> None:
    then = builder.append_basic_block("on")
    builder.cbranch(holds, then, otherwise)
    builder.position_at_end(then)


def _at(builder: ir.IRBuilder, word: ir.Value, offset: int, kind: ir.Type) -> ir.Value:
    place = builder.add(word, ir.Constant(_WORD, offset))
    return builder.load(builder.inttoptr(place, kind.as_pointer()))


def _is_of(builder: ir.IRBuilder, word: ir.Value, kind: types.Array) -> ir.Value:
    described = _at(builder, word, KIND_AT, _WORD)
    wanted = ALIGNED_IN_ONE_PIECE | (WRITABLE if kind.mutable else 0)
    flags = builder.and_(_at(builder, word, FLAGS_AT, _HALF), ir.Constant(_HALF, wanted))
    number, order = _at(builder, described, NUMBER_AT, _HALF), _at(builder, described, BYTE_ORDER_AT, _BYTE)
    holds = builder.icmp_signed("==", _at(builder, word, MANY_AT, _HALF), ir.Constant(_HALF, 1))
    holds = builder.and_(holds, builder.icmp_signed("==", flags, ir.Constant(_HALF, wanted)))
    holds = builder.and_(holds, builder.icmp_signed("==", number, ir.Constant(_HALF, as_dtype(kind.dtype).num)))
    return builder.and_(holds, builder.icmp_signed("!=", order, ir.Constant(_BYTE, SWAPPED)))


def _taken(context: Context, builder: ir.IRBuilder, word: ir.Value, kind: types.Type) -> ir.Value:
    if not isinstance(kind, types.Array):
        return builder.icmp_signed("!=", word, ir.Constant(_WORD, 0)) if kind == types.boolean else word
    array = context.make_array(kind)(context, builder)
    element = context.get_data_type(kind.dtype)
    size = context.get_abi_sizeof(element)
    sizes = builder.inttoptr(_at(builder, word, SIZES_AT, _WORD), _WORD.as_pointer())
    data = builder.inttoptr(_at(builder, word, DATA_AT, _WORD), element.as_pointer())
    populate_array(array, data, [builder.load(sizes)], [ir.Constant(_WORD, size)], size, None)
    return array._getvalue()
