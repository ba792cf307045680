"""Write `src/nnrun/catalog/hub.json`: the backbones of Keras Hub that a config can name, from the installed package.

Run it from the root of a checkout, where the extra `hub` is installed: `python tools/generate_hub.py`. nnrun itself
reads the file only: without the package, `check`, `explain` and the schema know the same names.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

from nnrun.catalog import docstrings

FILE = Path(__file__).parents[1] / "src" / "nnrun" / "catalog" / "hub.json"
COMMAND = "python tools/generate_hub.py"

_TEXT = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
_TOKENS = {"vocabulary_size": 1000, **_TEXT}
#: The models whose input is one picture, or one row of token numbers, each with arguments for a small one.
EXAMPLES: dict[str, dict[str, Any]] = {
    "DeiTBackbone": {"patch_size": 8, **_TEXT},
    "DenseNetBackbone": {"stackwise_num_repeats": [1, 1]},
    "DINOV2Backbone": {"patch_size": 8, **_TEXT},
    "EfficientNetBackbone": {
        "stackwise_kernel_sizes": [3, 3],
        "stackwise_num_repeats": [1, 1],
        "stackwise_input_filters": [8, 8],
        "stackwise_output_filters": [8, 16],
        "stackwise_expansion_ratios": [1, 2],
        "stackwise_squeeze_and_excite_ratios": [0.25, 0.25],
        "stackwise_strides": [1, 2],
        "stackwise_block_types": ["v1", "v1"],
        "stackwise_width_coefficients": [1.0, 1.0],
        "stackwise_depth_coefficients": [1.0, 1.0],
    },
    "MiTBackbone": {
        "layerwise_depths": [1, 1],
        "num_layers": 2,
        "layerwise_num_heads": [1, 2],
        "layerwise_sr_ratios": [2, 1],
        "max_drop_path_rate": 0.1,
        "layerwise_patch_sizes": [7, 3],
        "layerwise_strides": [4, 2],
        "hidden_dims": [8, 16],
    },
    "MobileNetBackbone": {
        "stackwise_expansion": [[8], [8]],
        "stackwise_num_blocks": [1, 1],
        "stackwise_num_filters": [[8], [8]],
        "stackwise_kernel_size": [[3], [3]],
        "stackwise_num_strides": [[2], [2]],
        "stackwise_se_ratio": [[None], [None]],
        "stackwise_activation": [["relu"], ["relu"]],
        "stackwise_padding": [[1], [1]],
        "output_num_filters": 16,
        "depthwise_filters": 8,
        "depthwise_stride": 2,
        "depthwise_residual": False,
        "last_layer_filter": 16,
    },
    "ResNetBackbone": {
        "input_conv_filters": [64],
        "input_conv_kernel_sizes": [3],
        "stackwise_num_filters": [64, 64],
        "stackwise_num_blocks": [1, 1],
        "stackwise_num_strides": [1, 2],
        "block_type": "basic_block",
    },
    "SwinTransformerBackbone": {"embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "window_size": 4},
    "VGGBackbone": {"stackwise_num_repeats": [1, 1], "stackwise_num_filters": [8, 8]},
    "ViTBackbone": {"patch_size": 8, "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 16},
    "XceptionBackbone": {"stackwise_conv_filters": [[8, 8], [8, 8]], "stackwise_pooling": [True, False]},
    "AlbertBackbone": {**_TOKENS, "embedding_dim": 8},
    "BertBackbone": _TOKENS,
    "BloomBackbone": _TOKENS,
    "DebertaV3Backbone": _TOKENS,
    "DistilBertBackbone": _TOKENS,
    "ElectraBackbone": {"vocab_size": 1000, **_TEXT, "embedding_dim": 8},
    "FNetBackbone": {"vocabulary_size": 1000, "num_layers": 1, "hidden_dim": 8, "intermediate_dim": 16},
    "GPT2Backbone": _TOKENS,
    "GPTNeoXBackbone": {**_TOKENS, "hidden_dim": 32},
    "OPTBackbone": _TOKENS,
    "RobertaBackbone": _TOKENS,
    "XLMRobertaBackbone": _TOKENS,
}
#: Models whose layers Keras Hub cannot load one by one (their `get_config` lacks or adds arguments): whole or not.
WHOLE = frozenset(f"{name}Backbone" for name in ("DeiT", "DebertaV3", "GPTNeoX", "MiT", "SwinTransformer", "ViT"))
#: Presets of more weights are left out: 4 GB in float32.
MOST_WEIGHTS = 1_000_000_000
#: Arguments that the place in the model decides, or nnrun says for every layer.
_DECIDED_BY_PLACE = ("self", "kwargs", "image_shape", "input_shape", "name")
_PAIR_OF_INTS = "int | list[int]"
#: Annotations where the docstring has none that is read.
_ANNOTATIONS = {
    "activation": "str",
    "depthwise_residual": "bool",
    "depthwise_stride": "int",
    "hidden_dims": "list[int]",
    "include_stem_padding": "bool",
    "input_activation": "str",
    "layerwise_depths": "list[int]",
    "layerwise_num_heads": "list[int]",
    "layerwise_patch_sizes": "list[int]",
    "layerwise_sr_ratios": "list[int]",
    "layerwise_strides": "list[int]",
    "max_drop_path_rate": "float",
    "num_features": "int",
    "num_layers": "int",
    "num_segments": "int",
    "output_activation": "str",
    "output_num_filters": "int",
    "patch_size": _PAIR_OF_INTS,
    "position_embedding_shape": "list[int]",
    "projection_activation": "str",
    "stackwise_activation": "list[list[str]]",
    # Its docstring says floats, from which no shape of a layer follows.
    "stackwise_expansion_ratios": "list[int]",
    "stackwise_padding": "list[list[int]]",
    "stackwise_se_ratio": "list[list[float | None]]",
    "stackwise_squeeze_and_excite_ratios": "list[float]",
    "vocab_size": "int",
}
#: The beginnings of descriptions in Keras Hub's docstrings.
_TYPES = (
    (r"list of lists? of ints?", "list[list[int]]"),
    (r"list of strings", "list[str]"),
    (r"(list|tuple) of ints|A list of ints", "list[int]"),
    (r"list of floats|list\[float\]", "list[float]"),
    (r"list of bools", "list[bool]"),
    (r"int(eger)?\b", "int"),
    (r"float\b", "float"),
    (r"bool(ean)?\b", "bool"),
    (r"str(ing)?\b", "str"),
)
_PRESET = {
    "preset": {
        "default": None,
        "kind": "preset",
        "summary": "A published model of Keras Hub by its name, or the folder of one that save_to_preset has written.",
    }
}
_OF_EVERY_BACKBONE = {
    "load_weights": {
        "default": True,
        "annotation": "bool",
        "summary": "Whether the weights of the preset are loaded; else only its arguments are taken.",
    },
    "weights": {
        "default": None,
        "kind": "weights_file",
        "summary": "A file of weights (.weights.h5) of a model of the same arguments; with null, random ones.",
    },
    "freeze": {"default": [], "summary": "Patterns of inner layers that are not trained: names or classes."},
    "trainable": {"default": True, "summary": "Whether its weights are trained."},
    "name": {"default": None, "summary": "String name of the layer."},
}
_OF_PICTURES = {
    "preprocess": {
        "default": True,
        "summary": "Whether pixels from 0 to 255 are scaled as the image converter of the preset does.",
    }
}
_OF_TEXT = {
    "pad_token_id": {
        "default": 0,
        "annotation": "int",
        "summary": "The number of the token that fills up short texts; the model does not look at it.",
    }
}


def generate() -> dict[str, Any]:
    """Return the table as plain data (imports Keras Hub)."""
    hub = importlib.import_module("keras_hub")
    classes = {name: getattr(hub.models, name) for name in sorted(EXAMPLES)}
    return {
        "generated_by": COMMAND,
        "keras_hub": hub.__version__,
        "entries": {name: _entry(name, found) for name, found in classes.items()},
        "presets": {
            preset: one for name, found in classes.items() for preset, one in sorted(_presets(name, found).items())
        },
    }


def _entry(name: str, found: type) -> dict[str, Any]:
    signature, texts = inspect.signature(found.__init__).parameters, _texts(found)
    placed = next((key for key in ("image_shape", "input_shape") if key in signature), None)
    own = {key: _parameter(one, texts.get(key, "")) for key, one in signature.items() if key not in _DECIDED_BY_PLACE}
    return {
        "origin": "keras_hub",
        "function": False,
        "aliases": [],
        "summary": docstrings.summary(found.__doc__),
        "call": {"training": "Whether the layer behaves as in training, not as in inference."},
        "takes_layer_parameters": False,
        # A single value is the preset: `ResNetBackbone: resnet_18_imagenet`.
        "parameters": {**_PRESET, **own, **(_OF_PICTURES if placed else _OF_TEXT), **_OF_EVERY_BACKBONE},
        "hub": {
            "shape_argument": placed,
            "required": [key for key, one in signature.items() if key in own and one.default is one.empty],
            "example": EXAMPLES[name],
            "whole": name in WHOLE,
        },
    }


def _texts(found: type) -> dict[str, str]:
    # The first sentence is often the type alone: `num_layers: int. The number of transformer layers.`
    types = "|".join(pattern for pattern, _ in _TYPES)
    joined = re.sub(rf"(\w+: (?:{types}|tuple))\.\s+", r"\1, ", found.__doc__ or "")
    return docstrings.arguments(joined, "Args", "Arguments")


def _parameter(parameter: inspect.Parameter, text: str) -> dict[str, Any]:
    required = parameter.default is parameter.empty
    default = None if required else _plain(parameter.default)
    described: dict[str, Any] = {"default": default}
    if parameter.name not in ("dtype", "data_format"):
        annotation = _ANNOTATIONS.get(parameter.name) or _annotation(parameter.name, text)
        described["annotation"] = annotation if default is not None else f"{annotation} | None"
    return {**described, "summary": _summary(parameter.name, text)}


def _plain(default: Any) -> Any:
    return [_plain(one) for one in default] if isinstance(default, list | tuple) else default


def _annotation(name: str, text: str) -> str:
    found = next((annotation for pattern, annotation in _TYPES if re.match(pattern, text)), None)
    if found is None:
        raise LookupError(f"no type is known for {name!r}: {text!r}")
    return found


def _summary(name: str, text: str) -> str:
    """Return the description of an argument; where the docstring's first sentence is its type alone, its name."""
    if name == "dtype":
        return "The data type of computations and weights."
    types = "|".join(pattern for pattern, _ in _TYPES)
    words = re.sub(
        rf"^({types}|tuple)( or (tuple/)?(list of (ints|floats|2 integers)|int|\(int, int\)))?[,.]?\s*", "", text
    )
    words = words or f"{name.replace('_', ' ')}."
    return words[0].upper() + words[1:]


def _presets(name: str, found: Any) -> dict[str, dict[str, Any]]:
    return {
        preset: {"class": name, "handle": one["kaggle_handle"].removeprefix("kaggle://"), "weights": weights}
        for preset, one in found.presets.items()
        if (weights := one["metadata"].get("params")) and weights < MOST_WEIGHTS
    }


def to_text(table: dict[str, Any]) -> str:
    """Return the text of the committed file: one fact a line, so that a diff shows what changed."""
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the committed file."""
    FILE.write_text(to_text(generate()), encoding="utf-8")


if __name__ == "__main__":
    main()
