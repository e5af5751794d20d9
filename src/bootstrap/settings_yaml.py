"""YAML files of settings: the safe subset, and no key twice."""

from typing import Any

import yaml

_OF_BAD_TAGS = (ArithmeticError, AttributeError, LookupError, TypeError)  # !!float ""
_LONGEST_NUMBER = 64
_MOST_MERGED = 16
_MOST_KEYS = 10_000


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice (YAML 1.2, section 3.2.1.3): for PyYAML the later would win.

    Also what takes PyYAML far more time than there are bytes: numbers of very many digits (of base
    60 too), and tables that are merged into tables (`<<`) again and again.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            text = getattr(key, "value", None)
            if isinstance(text, str) and text in seen:
                raise ValueError(f"{text!a} is there twice, line {key.start_mark.line + 1}")
            seen.add(text if isinstance(text, str) else id(key))
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        merged = [value for key, value in node.value if key.tag == "tag:yaml.org,2002:merge"]
        for value in merged:
            tables = value.value if isinstance(value, yaml.SequenceNode) else [value]
            if len(tables) + len(merged) > _MOST_MERGED:
                raise ValueError(f"too many tables are merged, line {value.start_mark.line + 1}")
        super().flatten_mapping(node)
        if len(node.value) > _MOST_KEYS:
            raise ValueError(f"a table has too many keys, line {node.start_mark.line + 1}")

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        if len(node.value) > _LONGEST_NUMBER:
            raise ValueError(f"a number is too long, line {node.start_mark.line + 1}")
        if node.tag == "tag:yaml.org,2002:int":
            return self.construct_yaml_int(node)
        return self.construct_yaml_float(node)


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_number)


def decode(text: str) -> Any:
    """The document as plain values; raises ValueError."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, *_OF_BAD_TAGS) as error:
        raise ValueError(f"not readable as YAML: {error}") from error
