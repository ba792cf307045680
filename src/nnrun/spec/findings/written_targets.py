"""Checks of targets that are sequences: their padding is masked, and what writes them does not see what it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.spec.compared_output import masks_padding
from nnrun.spec.finding import Finding
from nnrun.spec.graph import ATTENTION_LAYERS, decoder_input
from nnrun.spec.targets import output_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnrun.spec.findings.context import CheckContext
    from nnrun.spec.graph import Graph, Node

_PACKER, _SEQUENCE = "StartEndPacker", "TextVectorization"


def check_written_targets(context: CheckContext) -> Iterator[Finding]:
    """Find sequences whose padding counts, and models that write a target that they do not take, or take too early."""
    parts, graph = context.experiment.data.prepare_target, context.graph
    sequence = next((part for part in parts if part.name == _SEQUENCE), None)
    is_aligned = any(output_kind(loss) == "label_sequences" for loss in context.experiment.losses.values())
    if sequence is not None and not is_aligned and not masks_padding(graph):
        text = "the target is filled up to one length, and the padding counts in the loss and in scores"
        hint = "write `mask_zero: true` in the Embedding of the tokens"
        yield Finding((*sequence.path, sequence.name), text, hint, "unmasked-padding", "warning")
    packer = next((part for part in parts if part.name == _PACKER), None)
    names = () if context.facts is None else context.facts.target_names
    if packer is None or len(names) != 1:
        return
    name = decoder_input(graph, names[0])
    if name is None:
        text = f"no input of the model takes the target {names[0]!r}, of which it writes one token after the other"
        hint = f"add an input: `inputs: {{..., so_far: [{names[0]}]}}`"
        yield Finding((*packer.path, packer.name), text, hint, "no-decoder-input")
        return
    yield from _early(graph, name)


def _early(graph: Graph, name: str) -> Iterator[Finding]:
    """Find layers that show the decoder tokens behind the one that it predicts."""
    later = {name}
    for node in graph.nodes:
        if any(ref.name in later for ref in node.tensors()):
            later.add(node.name)
        reason = _why_early(node, later)
        if reason is not None:
            hint = (
                "write `call: {use_causal_mask: true}`" if node.part.name in ATTENTION_LAYERS else "write LSTM or GRU"
            )
            text = f"{node.part.name} {reason}, so that the model is shown the tokens that it is to predict"
            yield Finding((*node.path, node.part.name), text, hint, "sees-its-target")


def _why_early(node: Node, later: set[str]) -> str | None:
    if node.part.name in ATTENTION_LAYERS:
        takes_target = len(node.sources) > 1 and node.sources[1].name in later
        is_early = takes_target and node.call.get("use_causal_mask") is not True
        return "attends to all positions of the target" if is_early else None
    is_both_ways = node.part.name == "Bidirectional" and node.sources[0].name in later
    return "reads the target backwards too" if is_both_ways else None
