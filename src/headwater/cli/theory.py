"""`headwater theory`: what the theory says of a source penalty, before any data exist."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.showing import print_json

if TYPE_CHECKING:
    from headwater.theory import Population


def theory(
    features: Annotated[int, typer.Option(help="Number of features p.")],
    source_samples: Annotated[float, typer.Option(help="Rows of the source n0.")],
    rho: Annotated[float, typer.Option(help="Alignment of the target with the source: 1 the same task, 0 unrelated.")],
    source_noise: Annotated[float, typer.Option(help="Standard deviation of the source's noise.")],
    target_samples: Annotated[float | None, typer.Option(help="Rows of the target. [default: the source's]")] = None,
    target_noise: Annotated[
        float | None, typer.Option(help="Standard deviation of the target's noise. [default: the source's]")
    ] = None,
    signal: Annotated[float, typer.Option(help="Length of the source's true coefficients.")] = 1.0,
    private: Annotated[float, typer.Option(help="Length of the target's coefficients outside the source's.")] = 0.0,
    alpha: Annotated[float, typer.Option(help="Eigenvalues k^-alpha of both covariances; 0 is isotropic.")] = 0.0,
    target_tau: Annotated[
        float | None, typer.Option(help="Penalty of the target's fit. [default: its own best]")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the phase diagram: .svg, .png or .pdf.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; infinity is null.")] = False,
) -> None:
    """Say which source penalty is best for the source, and which for its downstream, from population numbers alone."""
    from headwater.theory import Population
    from headwater.theory.brief import summarise

    try:
        pop = Population.power_law(
            alpha,
            n_features=features,
            source_samples=source_samples,
            rho=rho,
            source_noise=source_noise,
            target_samples=target_samples,
            target_noise=target_noise,
            signal=signal,
            private=private,
        )
        answer = summarise(pop, target_tau)
    except ValueError as problem:
        name = re.sub(r"^n_", "", str(problem).split()[0])
        raise ValueError(f"--{name.replace('_', '-')}{str(problem)[len(str(problem).split()[0]) :]}") from None
    if plot is not None:
        from headwater.files import write_figure
        from headwater.theory.figures import phase_diagram

        write_figure(lambda: phase_diagram(pop, target_tau), plot, option="--plot")
    if as_json:
        print_json(answer)
    else:
        print(in_words(pop, answer))
    if plot is not None and not as_json:
        print(f"\nphase diagram written to {plot}")


def in_words(pop: Population, answer: dict[str, Any]) -> str:
    """The answers as sentences."""
    advice = {
        "scratch": "do not transfer: at no source penalty is the source worth starting from",
        "equal": "the source's own optimum is the downstream's too",
        "harder": "regularise the source harder than it would itself",
        "softer": "regularise the source softer than it would itself",
    }[answer["direction"]]
    joint = answer["joint"]
    lines = [
        f"source: {pop.n_features} features, {pop.source_samples:g} samples (gamma = p/n0 = {pop.gamma:.4g}), "
        f"signal to noise {pop.snr:.4g}; target aligned at rho = {pop.rho:.4g}",
        "",
        f"best penalty for the source itself    {_number(answer['source_optimal_tau'])}",
        f"best penalty for its downstream       {_number(answer['transfer_optimal_tau'])}",
        f"their ratio                           {_number(answer['ratio'])}: {advice}",
        f"gain over scratch, there              {_number(answer['gain'])} of excess risk",
        "",
        f"A source tuned for itself helps targets aligned above {_number(answer['break_even_alignment'])}.",
        f"Targets aligned above {_number(answer['ridgeless_alignment'])} want no source penalty at all.",
        f"Together with the target's own penalty: source {_number(joint['source_tau'])}, target "
        f"{_number(joint['target_tau'])}, excess risk {_number(joint['risk'])} "
        f"against {_number(joint['scratch_risk'])} from scratch.",
    ]
    return "\n".join(lines)


def _number(value: float) -> str:
    return "infinite" if math.isinf(value) else f"{value:.5g}"
