"""The training of a Kawan LAPOR, as data: what is taught, what is asked about it, and which answer is right.

To change the training, change this file and `texts/`. Each lesson is a few sentences and one question, which comes
again until it is answered rightly; how many are passed is kept by their number, so a new lesson comes last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# The choices of every question, in the order in which they are shown.
CHOICES = ("a", "b", "c")
# What people type instead of a tap.
WORDS: Mapping[str, str] = {
    said.format(each): choice
    for number, choice in enumerate(CHOICES, 1)
    for each in (choice, number)
    for said in ("{}", "jawaban {}", "jawabannya {}", "pilih {}", "nomor {}", "answer {}")
}


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson: the name of its question in the script, the text key of what it teaches, the right choice, and the
    text key of why no other is."""

    question: str
    teaches: str
    right: str
    why: str


LESSONS: tuple[Lesson, ...] = (
    Lesson("lesson_complaint", "kawan.lesson.complaint", right="b", why="kawan.why.complaint"),
    Lesson("lesson_consent", "kawan.lesson.consent", right="c", why="kawan.why.consent"),
    Lesson("lesson_words", "kawan.lesson.words", right="a", why="kawan.why.words"),
    Lesson("lesson_privacy", "kawan.lesson.privacy", right="b", why="kawan.why.privacy"),
    Lesson("lesson_danger", "kawan.lesson.danger", right="c", why="kawan.why.danger"),
    Lesson("lesson_afterwards", "kawan.lesson.afterwards", right="a", why="kawan.why.afterwards"),
)
