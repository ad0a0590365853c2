"""Compute CloudWatch's metric math over series: arithmetic, comparisons, FILL and IF; all else is refused.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING

from deployments.twin.aws_calls import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Series = dict[int, float]
"""Values by the epoch second a period begins with; a period without a datapoint is not there."""
Operand = Series | float

_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FILL_ARGUMENTS, _IF_ARGUMENTS = 2, 3


def compute(expression: str, series: Mapping[str, Series], periods: Iterable[int]) -> Series:
    """Compute an expression for the given periods; raises `AwsError` (ValidationError) for what is not understood.

    Where an operand has no datapoint, or a divisor is 0, the result has none.
    """
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise _refused(expression, "it is no expression") from None
    result = _Computation(expression, series, tuple(periods)).value(tree)
    if isinstance(result, dict):
        return result
    raise _refused(expression, "its result is a number, not a time series")


class _Computation:
    """Walk one expression."""

    def __init__(self, expression: str, series: Mapping[str, Series], periods: tuple[int, ...]) -> None:
        self._expression = expression
        self._series = series
        self._periods = periods

    def value(self, node: ast.expr) -> Operand:
        """Compute one part of it."""
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name) if name in self._series:
                return self._series[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._both(0.0, self.value(operand), operator.sub)
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
                return self._both(self.value(left), self.value(right), _ARITHMETIC[type(sign)])
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _COMPARISONS:
                return self._both(self.value(left), self.value(right), _COMPARISONS[type(sign)])
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
        raise _refused(self._expression, f"the twin does not know {ast.unparse(node)}")

    def _call(self, name: str, arguments: list[ast.expr]) -> Operand:
        if name == "FILL" and len(arguments) == _FILL_ARGUMENTS:
            return self._fill(self.value(arguments[0]), self.value(arguments[1]))
        if name == "IF" and len(arguments) == _IF_ARGUMENTS:
            condition, yes, no = (self.value(argument) for argument in arguments)
            return self._choose(condition, yes, no)
        raise _refused(self._expression, f"the twin does not know {name} with {len(arguments)} arguments")

    def _fill(self, series: Operand, filling: Operand) -> Operand:
        if not isinstance(series, dict):
            raise _refused(self._expression, "FILL fills a time series")
        at = {period: series.get(period, _at(filling, period)) for period in self._periods}
        return {period: value for period, value in at.items() if value is not None}

    def _choose(self, condition: Operand, yes: Operand, no: Operand) -> Series:
        held = {period: _at(condition, period) for period in self._periods}
        chosen = {period: _at(yes if held[period] else no, period) for period in held if held[period] is not None}
        return {period: value for period, value in chosen.items() if value is not None}

    def _both(self, left: Operand, right: Operand, sign: Callable[[float, float], float]) -> Operand:
        if not isinstance(left, dict) and not isinstance(right, dict):
            return float(sign(left, right))
        pairs = ((period, _at(left, period), _at(right, period)) for period in self._periods)
        return {
            period: float(sign(one, other))
            for period, one, other in pairs
            if one is not None and other is not None and not (sign is operator.truediv and other == 0)
        }


def _at(operand: Operand, period: int) -> float | None:
    return operand.get(period) if isinstance(operand, dict) else operand


def _refused(expression: str, why: str) -> AwsError:
    return AwsError("ValidationError", f"Error in expression '{expression}': {why}.")
