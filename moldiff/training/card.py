"""The card of weights that a training made: Markdown, for people."""

import json

from moldiff.config.base import Config
from moldiff.runtime.plain_text import plain


def training_card(title: str, text: str, *, command: str, config: Config) -> str:
    """A card.

    Args:
        title: of one line, such as `Weights trained on` a name.
        text: what the weights are.
        command: that made them, such as `train`.
        config: of the run.

    Returns:
        Markdown, with all settings at the end.
    """
    settings = json.dumps(config.model_dump(), indent=2)
    return (
        f"# {plain(title)}\n\n{text}\n\nMade by `moldiff {command}` with these settings:\n\n```json\n{settings}\n```\n"
    )
