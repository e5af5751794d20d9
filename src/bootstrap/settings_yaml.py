"""YAML files of settings: the safe subset, and no key twice."""

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Refuses what YAML 1.2, section 3.2.1.3 forbids and PyYAML lets pass: the later key would win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            text = getattr(key, "value", None)
            if isinstance(text, str) and text in seen:
                raise ValueError(f"{text!a} is there twice, line {key.start_mark.line + 1}")
            seen.add(text if isinstance(text, str) else id(key))
        return super().construct_mapping(node, deep)


def decode(text: str) -> Any:
    """The document as plain values; raises ValueError."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader
    except (
        yaml.YAMLError,
        KeyError,
        AttributeError,
        TypeError,
    ) as error:  # the last three: bad !!tags
        raise ValueError(f"not readable as YAML: {error}") from error
