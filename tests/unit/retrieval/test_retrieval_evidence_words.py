import pytest

from desktop_app.domain.evidence import PatchLink, Strength
from desktop_app.domain.geometry import Cell, Grid, Region
from desktop_app.retrieval.evidence_words import evidence_words, place_of

GRID = Grid(14, 14)
BOX = Region(0, 0, 140, 140)


def link(query, result, strength):
    cells = Cell(*query), Cell(*result)
    return PatchLink(
        cells[0], cells[1], GRID.cell_region(cells[0], BOX), GRID.cell_region(cells[1], BOX), 0.9, strength
    )


def words(links, relevance=0.8, **options):
    options = {"query_grid": GRID, "result_grid": GRID, **options}
    return evidence_words(links, relevance=relevance, **options)


@pytest.mark.parametrize(
    ("cell", "place"),
    [
        ((0, 0), "top left"),
        ((0, 7), "top"),
        ((4, 13), "top right"),
        ((6, 0), "left"),
        ((7, 7), "centre"),
        ((7, 12), "right"),
        ((13, 0), "bottom left"),
        ((12, 6), "bottom"),
        ((13, 13), "bottom right"),
    ],
)
def test_places_are_ninths_of_the_picture(cell, place):
    assert place_of(Cell(*cell), GRID) == place


def test_a_picture_of_one_cell_has_a_centre():
    assert place_of(Cell(0, 0), Grid(1, 1)) == "centre"


def test_links_are_told_with_their_places_and_strength():
    told = words([link((0, 0), (7, 7), Strength.STRONG), link((7, 12), (13, 13), Strength.MEDIUM)])
    assert told == (
        "Same thing (0.80). The top left of your picture matches the centre of this one, strong; "
        "the right matches the bottom right, medium. Nothing else matches."
    )


def test_neighbouring_links_are_told_once_with_the_strongest():
    told = words([link((0, 0), (7, 7), Strength.MEDIUM), link((1, 1), (6, 6), Strength.STRONG)])
    assert told.count("matches the") == 1
    assert "the centre of this one, strong" in told


def test_places_with_more_links_come_first_among_equals():
    told = words([link((0, 0), (0, 0), Strength.STRONG)] + [link((7, c), (7, c), Strength.STRONG) for c in (6, 7)])
    assert told.index("centre") < told.index("top left")


def test_many_places_are_counted_and_nothing_is_denied():
    cells = [(0, 0), (0, 7), (0, 13), (7, 0), (7, 7), (7, 13)]
    told = words([link(cell, cell, Strength.STRONG) for cell in cells])
    assert told.endswith("2 more places match.")
    assert "Nothing else" not in told
    told = words([link(cell, cell, Strength.STRONG) for cell in cells[:5]])
    assert told.endswith("1 more place matches.")


def test_a_region_is_called_the_region():
    assert "of the region you drew" in words([link((0, 0), (7, 7), Strength.WEAK)], region=True)


def test_certainty_needs_several_strong_links():
    strong = [link((0, 0), (0, 0), Strength.STRONG), link((0, 13), (0, 13), Strength.STRONG)]
    assert words(strong, relevance=0.99).startswith("Same thing (0.99).")
    strong.append(link((13, 13), (13, 13), Strength.STRONG))
    assert words(strong, relevance=0.99).startswith("Almost certainly the same (0.99).")


@pytest.mark.parametrize(("relevance", "phrase"), [(0.5, "Similar"), (0.69, "Similar"), (0.7, "Same thing")])
def test_the_phrase_follows_the_relevance(relevance, phrase):
    assert words([link((0, 0), (0, 0), Strength.WEAK)], relevance=relevance).startswith(f"{phrase} (")


def test_no_match_says_so():
    assert words([], relevance=0.12) == "Nothing here matches well (0.12)."
    assert "nothing here matches well" in words([], relevance=0.7)


def test_pictures_that_resemble_each_other_as_a_whole_are_told_apart_from_strangers():
    assert words([], relevance=0.3) == "Nothing here matches well (0.30)."
    assert words([], relevance=0.3, alike=True) == (
        "Similar as a whole, but no part of one is surely found in the other (0.30)."
    )
