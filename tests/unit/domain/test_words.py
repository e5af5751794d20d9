"""extra_args is split at spaces, and quotation marks hide nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.domain.words import Word, quote, split

PLAIN = st.text(st.sampled_from("ab1 -.,=:/@+"), max_size=8)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("   ", []),
        ("-p 22  -n", ["-p", "22", "-n"]),
        ('-o "L S R"', ["-o", "L S R"]),
        ("-o 'L S R'", ["-o", "L S R"]),
        ('--script="a or b"', ["--script=a or b"]),
        ("-o L' 'S", ["-o", "L S"]),
        ('-x "it\'s"', ["-x", "it's"]),
    ],
)
def test_words_end_at_spaces_outside_quotation_marks(text: str, words: list[str]) -> None:
    assert split(text) == [Word(word) for word in words]


@pytest.mark.parametrize("text", ['"', "'", '-p "22', "-p '22 -n", 'a"b'])
def test_a_quotation_mark_that_stays_open_is_no_split(text: str) -> None:
    assert split(text) is None


@pytest.mark.parametrize(
    "text", ['"-A"', "'8.8.8.8'", '-n "-A"', "-n '--script=x'", '-n "+trace"', "-n '@8.8.8.8'"]
)
def test_a_quoted_word_that_could_be_an_option_is_marked(text: str) -> None:
    words = split(text)
    assert words is not None
    assert words[-1].quoted


@given(st.lists(PLAIN.filter(lambda word: word.strip() == word and word), max_size=5))
def test_what_is_quoted_splits_back(words: list[str]) -> None:
    read = split(quote(words))
    assert read is not None
    assert [word.text for word in read] == words
