"""The look: every text reads at 4.5:1 on every ground, icons follow the theme, nothing moves when asked not to."""

import pytest
from PySide6.QtCore import QPoint, QSize
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QLabel

from desktop_app.ui.views import icons, theme
from desktop_app.ui.views.parts import EmptyState, FoldingRow, Offer, row
from desktop_app.ui.views.theme import DARK, LIGHT, Scheme, Tokens


def luminance(colour: str) -> float:
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in QColor(colour).getRgbF()[:3]
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("ink", ["text", "secondary", "accent", "warning", "error"])
@pytest.mark.parametrize("ground", ["window", "panel", "raised"])
def test_text_has_a_contrast_of_at_least_four_and_a_half(tokens: Tokens, ink: str, ground: str):
    assert contrast(getattr(tokens, ink), getattr(tokens, ground)) >= 4.5


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
def test_the_primary_buttons_text_reads_on_the_accent(tokens: Tokens):
    assert contrast(tokens.text_on_accent, tokens.accent) >= 4.5


def test_an_icon_takes_the_colour_of_the_theme_without_being_made_anew(qapp):
    picture = icons.icon("search")

    def brightest() -> int:
        image = picture.pixmap(20, 20).toImage()
        inked = [
            image.pixelColor(x, y) for x in range(20) for y in range(20) if image.pixelColor(x, y).alpha() > 200
        ]
        return max(colour.lightness() for colour in inked)

    theme.theme().set_scheme(Scheme.DARK)
    assert brightest() > 180
    theme.theme().set_scheme(Scheme.LIGHT)
    assert brightest() < 80
    theme.theme().set_scheme(Scheme.DARK)


def test_every_icon_can_be_drawn(qapp):
    assert len(icons.names()) > 50
    for name in icons.names():
        image = icons.pixmap(name).toImage()
        assert any(image.pixelColor(x, y).alpha() for x in range(20) for y in range(20)), name


def test_the_application_icon_comes_in_many_sizes(qapp):
    assert {size.width() for size in icons.application_icon().availableSizes()} >= {16, 32, 48, 64, 128, 256, 512}


def test_an_unknown_icon_is_a_programmers_error(qapp):
    with pytest.raises(FileNotFoundError):
        icons.icon("no such icon")


def test_nothing_moves_when_the_system_asks_for_reduced_motion(qapp):
    assert theme.motion_ms() == 0  # the tests' environment asks for it


def test_small_and_title_type_scale_with_the_base(qapp):
    base = QApplication.font()
    assert base.pixelSize() == 13
    assert theme.small_font(base).pixelSize() == 11
    base.setPixelSize(26)
    assert theme.small_font(base).pixelSize() == 22
    assert theme.title_font(base).pixelSize() == 32


def test_a_role_changes_a_label_at_once(qapp, qtbot):
    label = QLabel("words")
    qtbot.addWidget(label)
    plain = label.sizeHint().height()
    theme.set_role(label, "title")
    assert label.sizeHint().height() > plain


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_a_button_icon_has_as_many_pixels_as_the_screen_and_air_before_the_words(qapp, ratio):
    side, air = icons.SIZE, icons.AIR
    image = icons.icon("photos").pixmap(QSize(side + air, side), ratio).toImage()
    assert (image.width(), image.height()) == (round((side + air) * ratio), round(side * ratio))
    drawn = [x for x in range(image.width()) if any(image.pixelColor(x, y).alpha() for y in range(image.height()))]
    assert max(drawn) < side * ratio
    assert max(drawn) > 0.7 * side * ratio


@pytest.mark.parametrize("width", [340, 420, 900, 1600])
def test_an_empty_place_shows_all_lines_of_its_words(qtbot, width):
    place = EmptyState()
    qtbot.addWidget(place)
    place.say(
        icon="search",
        title="Cannot read a photo with quite a long name that somebody has taken away.jpg: it is gone.",
        text="Drop a photo here, paste one, or choose a file. " * 4,
        offers=[Offer("Choose a photo", lambda: None, primary=True)],
    )
    place.resize(width, 600)
    place.show()
    qtbot.waitExposed(place)
    words = [part for part in place.findChildren(QLabel) if part.text()]
    assert len(words) == 2
    for part in words:
        assert part.height() >= part.heightForWidth(part.width()) > 0
        assert place.rect().contains(part.rect().translated(part.mapTo(place, QPoint(0, 0))))


def test_a_line_that_does_not_hold_both_groups_folds_and_nothing_overlaps(qtbot):
    parts = [QLabel("214 results · balanced · 0.12 s"), QLabel("Best match")]
    line = FoldingRow(row(parts[0]), row(None, parts[1]))
    qtbot.addWidget(line)
    line.show()
    line.resize(900, 80)
    qtbot.waitUntil(lambda: parts[0].y() == parts[1].y() and parts[1].x() > parts[0].geometry().right())
    line.resize(parts[0].sizeHint().width() + 20, 80)
    qtbot.waitUntil(lambda: parts[1].y() > parts[0].geometry().bottom())
