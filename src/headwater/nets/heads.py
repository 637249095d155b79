"""Which parameters are left free: new heads by the names they usually have, norms and biases, and what a user names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

from torch import Tensor, nn

HEAD_NAMES = frozenset(("head", "heads", "classifier", "pre_classifier", "score", "fc", "lm_head", "qa_outputs"))

Rule = str | Callable[[str, Tensor], bool]  # a shell pattern of names, or a predicate of (name, parameter)


def heads(name: str, _: Tensor) -> bool:
    """Whether a parameter belongs to a head, by the name of its module: one of HEAD_NAMES, first or second.

    Modules inside numbered blocks are none, whatever their name.

    >>> [heads(name, None) for name in ("classifier.dense.weight", "net.head.bias", "layers.0.fc.weight")]
    [True, True, False]
    """
    modules = name.split(".")[:-1]
    numbered = next((i for i, module in enumerate(modules) if module.isdigit()), len(modules))
    return not HEAD_NAMES.isdisjoint(modules[: min(numbered, 2)])


def norms_and_biases(name: str, parameter: Tensor) -> bool:
    """Whether a parameter is a bias or a norm's gain: of one dimension or none.

    Parameters
    ----------
    name
        Not looked at.
    parameter
        The parameter.

    Returns
    -------
    bool
        As ``L2SP(exclude=)`` takes it.

    Examples
    --------
    >>> norms_and_biases("body.weight", nn.Linear(3, 2).weight), norms_and_biases("body.bias", nn.Linear(3, 2).bias)
    (False, True)
    """
    return parameter.ndim < 2


HEADS = (heads,)


def rules(exclude: Rule | Iterable[Rule]) -> tuple[Rule, ...]:
    """One rule or several, as a tuple."""
    return (exclude,) if isinstance(exclude, str) or callable(exclude) else tuple(exclude)


def follows(rule: Rule, name: str, parameter: Tensor) -> bool:
    """Whether a parameter of that name is one the rule speaks of."""
    return fnmatchcase(name, rule) if isinstance(rule, str) else bool(rule(name, parameter))


def excluded(every: Mapping[nn.Parameter, list[str]], exclude: tuple[Rule, ...]) -> dict[nn.Parameter, set[Rule]]:
    """Each parameter left free, with the rules that free it.

    A tied parameter is freed by any of its names, except as a head: an output layer tied to the embedding is
    pretrained with it.
    """
    found: dict[nn.Parameter, set[Rule]] = {}
    for p, names in every.items():
        for rule in exclude:
            hits = [follows(rule, name, p) for name in names]
            if all(hits) if rule is heads else any(hits):
                found.setdefault(p, set()).add(rule)
    return found


def idle(every: Mapping[nn.Parameter, list[str]], exclude: tuple[Rule, ...]) -> list[str]:
    """The patterns that match no parameter."""
    names = [name for names in every.values() for name in names]
    return [rule for rule in exclude if isinstance(rule, str) and not any(fnmatchcase(name, rule) for name in names)]


def like_a_head(model: nn.Module) -> str | None:
    """The name of a last layer that looks like a classifier: linear, fewer outputs than inputs, not the only layer."""
    layers = [(name, module) for name, module in model.named_modules() if any(True for _ in module.parameters(False))]
    name, last = layers[-1] if len(layers) > 1 else ("", None)
    return name if isinstance(last, nn.Linear) and last.out_features < last.in_features else None
