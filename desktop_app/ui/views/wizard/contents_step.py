"""Question 2: what is in them?"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from desktop_app.domain.photos import LeftOut, path_text
from desktop_app.services.index_tiles import TIMES_LONGER
from desktop_app.ui.viewmodels import words
from desktop_app.ui.viewmodels.settings import CHOSEN_OUT
from desktop_app.ui.viewmodels.wizard import Survey, WizardViewModel, has_room
from desktop_app.ui.views.parts import clear, label, row
from desktop_app.ui.views.theme import BETWEEN, INSIDE, tabular
from desktop_app.ui.views.wizard.bars import Bars

YEARS_SHOWN = 8
REASONS = {
    LeftOut.HIDDEN: "their names begin with a dot, or the system hides them",
    LeftOut.SYSTEM: "trash, thumbnails of other programs, recycle bins",
    LeftOut.PLACEHOLDER: "reading them would download them",
    LeftOut.NOT_A_PICTURE: "they are not pictures",
    LeftOut.RAW_PAIR: "the JPEG beside each stands for both",
    LeftOut.NO_DECODER: "an extra package is needed to read them",
    LeftOut.LINK_LOOP: "following them would never end",
    LeftOut.UNREADABLE: "your account has no permission to read them",
}


class ContentsStep(QWidget):
    """The dry run: counts by kind and year, what is left out and why, and the disk space. Nothing is written."""

    question = "What is in them?"

    def __init__(self, wizard: WizardViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wizard = wizard
        self.total = label(role="title")
        self.total.setFont(tabular(self.total.font()))
        self.space = label(role="secondary", wrap=True)
        self.kinds, self.years = Bars(), Bars()
        self.kinds_heading = label(self.tr("BY KIND"), role="heading")
        self.years_heading = label(self.tr("BY YEAR"), role="heading")
        self.left_heading = label(self.tr("LEFT OUT"), role="heading")
        self._left = QVBoxLayout()
        self._left.setSpacing(INSIDE // 2)
        self.switches: dict[LeftOut, QCheckBox] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(INSIDE)
        layout.addWidget(self.total)
        layout.addWidget(self.space)
        for heading, bars in ((self.kinds_heading, self.kinds), (self.years_heading, self.years)):
            layout.addSpacing(INSIDE)
            layout.addWidget(heading)
            layout.addWidget(bars)
        layout.addSpacing(INSIDE)
        layout.addWidget(self.left_heading)
        layout.addLayout(self._left)
        layout.addSpacing(INSIDE)
        self.small_things = QCheckBox(self.tr("Find small things in photos"))
        self.small_things.toggled.connect(wizard.set_tiles)
        self.small_cost = label(role="secondary", wrap=True)
        self.small_cost.setContentsMargins(28, 0, 0, 0)
        layout.addWidget(self.small_things)
        layout.addWidget(self.small_cost)
        layout.addStretch(1)
        wizard.survey_changed.connect(self._show)
        self._show()

    def first_focus(self) -> QWidget:
        return next(iter(self.switches.values()), self)

    def _show(self) -> None:
        survey, error = self._wizard.survey, self._wizard.survey_error
        if error is not None:
            self.total.setText(words.sentence(error.message))
            self.space.setText(words.sentence(error.remedy))
        elif survey is None:
            self.total.setText(self.tr("Looking through the folders…"))
            self.space.setText(self.tr("This only reads names and sizes; nothing is written."))
        else:
            self._show_survey(survey)
        there = survey is not None
        self.small_things.setChecked(self._wizard.tiles)
        self._show_cost()
        for part in (self.kinds_heading, self.kinds, self.left_heading):
            part.setVisible(there)
        for part in (self.years_heading, self.years):
            part.setVisible(survey is not None and len(survey.by_year) > 1)

    def _show_survey(self, survey: Survey) -> None:
        self.total.setText(f"{words.photos(survey.photos)}, {words.size(survey.bytes)}")
        self.space.setText(space_sentence(survey))
        by_kind = sorted(survey.by_kind.items(), key=lambda entry: -entry[1].files)
        self.kinds.show_rows(
            self.tr("Photos by kind"), [(kind, tally.files, words.size(tally.bytes)) for kind, tally in by_kind]
        )
        self.years.show_rows(self.tr("Photos by year"), year_rows(survey.by_year))
        self._show_left_out(survey)

    def _show_cost(self) -> None:
        """What finding small things costs."""
        space = self._wizard.tiles_bytes
        cost = self.tr("A cup on a table is found too. Indexing takes about {0} times longer").format(TIMES_LONGER)
        more = self.tr(", and the library {0} larger").format(words.size(space)) if space else ""
        self.small_cost.setText(f"{cost}{more}. You can search meanwhile.")
        self.small_things.setAccessibleDescription(self.small_cost.text())

    def _show_left_out(self, survey: Survey) -> None:
        clear(self._left)
        self.switches.clear()
        chosen = self._wizard.leave_out
        for kind in LeftOut:
            tally = survey.left_out.get(kind)
            count = tally.entries if tally else 0
            examples = [path_text(path) for path in tally.examples] if tally else []
            if kind in CHOSEN_OUT:
                box = QCheckBox(words.first_upper(kind.value))
                box.setChecked(kind in chosen)
                box.setAccessibleDescription(REASONS[kind])
                box.toggled.connect(lambda on, kind=kind: self._wizard.set_left_out(kind, on))
                self.switches[kind] = box
                name: QWidget = box
            elif count:
                name = label(words.first_upper(kind.value))
                name.setContentsMargins(28, 0, 0, 0)
            else:
                continue
            figure = label(words.number(count) if count else "", role="")
            figure.setFont(tabular(figure.font()))
            figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            figure.setMinimumWidth(56)
            why = label(self._reason(kind, survey), role="secondary")
            name.setToolTip("\n".join(examples[:5]))
            name.setMinimumWidth(260)
            self._left.addLayout(row(name, why, None, figure, spacing=BETWEEN))

    @staticmethod
    def _reason(kind: LeftOut, survey: Survey) -> str:
        if kind is LeftOut.NO_DECODER and survey.missing_packages:
            wanted = (f"{package} for {words.number(n)}" for package, n in survey.missing_packages.items())
            return "they need " + ", ".join(wanted)
        return REASONS[kind]


def space_sentence(survey: Survey) -> str:
    """What the library will need, and whether there is room for it."""
    need = f"The library will need about {words.size(survey.library_bytes)} of disk space"
    if survey.free_bytes is None:
        return f"{need}."
    free = f"{words.size(survey.free_bytes)} are free"
    if has_room(survey):
        return f"{need}; {free}."
    return f"{need}, but only {free}. Free some space first."


def year_rows(by_year: Mapping[int, int]) -> list[tuple[str, int, str]]:
    """The newest years, with what is older in one row."""
    years = sorted(by_year, reverse=True)
    rows = [(str(year), by_year[year], "") for year in years[:YEARS_SHOWN]]
    older = sum(by_year[year] for year in years[YEARS_SHOWN:])
    if older:
        rows.append((f"before {years[YEARS_SHOWN - 1]}", older, ""))
    return rows
