"""The bodies of the REST API."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def _storable(value: str) -> str:
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("contains a character that cannot be stored")
    return value


Words = Annotated[str, AfterValidator(_storable)]
ReportClass = Literal["pengaduan", "aspirasi", "permintaan_informasi"]


class Body(BaseModel):
    """A request body: unknown members are an error, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class ComplaintIn(Body):
    """A complaint to file. Class, title, agency and category are suggested where they are not given."""

    text: Words = Field(min_length=1, max_length=100_000, description="The citizen's own words")
    title: Words | None = Field(None, min_length=1, max_length=100)
    report_class: ReportClass | None = None
    place: Words | None = Field(None, max_length=1000)
    region: Words | None = Field(None, max_length=20, description="Kemendagri code, such as 16.71")
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    happened: Words | None = Field(None, max_length=1000, description="When, in the citizen's words")
    happened_on: date | None = Field(None, description="The day, if it is known")
    anonymous: bool = False
    secret: bool = False
    name: Words | None = Field(None, max_length=200, description="The citizen's name, if given")


class MoveIn(Body):
    """A change of status, by its name in SP4N-LAPOR!."""

    status: Words = Field(min_length=1, max_length=200)
    reason: Words | None = Field(None, max_length=2000)
    note: Words | None = Field(None, max_length=20_000, description="The agency's answer, shown to the citizen in full")


class DenyIn(Body):
    """An office says that it is the wrong one ("bukan wewenang"); the citizen is told the reason."""

    reason: Words = Field(min_length=1, max_length=2000)


class RoutingIn(Body):
    """A correction of where a complaint belongs; what is left out stays, but something must be said."""

    function: Words | None = Field(None, max_length=100)
    agency: Words | None = Field(None, max_length=100)
    category: Words | None = Field(None, max_length=200)
    reason: Words | None = Field(None, max_length=2000)

    @model_validator(mode="after")
    def _says_something(self) -> RoutingIn:
        if self.function is None and self.agency is None and self.category is None:
            raise ValueError("one of function, agency and category must be given")
        return self


class DispositionIn(Body):
    """The agencies that get a complaint, by their codes, of which one leads; those that have it and are not named lose
    it. `note` is told to the citizen, `reason` stays among officers."""

    agencies: list[Annotated[Words, Field(max_length=100)]] = Field(min_length=1, max_length=20)
    lead: Words = Field(min_length=1, max_length=100)
    function: Words | None = Field(None, max_length=100)
    note: Words | None = Field(None, max_length=2000)
    reason: Words | None = Field(None, max_length=2000)


class NoteIn(Body):
    """A note; `public` sends it to the citizen's chat as a message."""

    text: Words = Field(min_length=1, max_length=20_000)
    public: bool = False


class ReplyIn(Body):
    """What an officer answers to somebody who called for a human."""

    text: Words = Field(min_length=1, max_length=20_000)


class SuggestIn(Body):
    """A text to suggest an agency and a category for."""

    text: Words = Field(max_length=100_000)
    title: Words = Field("", max_length=1000)
    region: Words | None = Field(None, max_length=20)


class Guess(BaseModel):
    """A label and how sure the classifier is of it, from 0 to 1."""

    label: str
    confidence: float


class AgencyOut(BaseModel):
    """An agency (OPD). `certain` is false where an operator must look; `why` is the key of the reason."""

    code: str
    name: str
    certain: bool
    why: str


class ReasonOut(BaseModel):
    """Characters (code points) `start` to before `end` of the text, which spoke for the function; `weight` is their
    share, from 0 to 1, of all that spoke for it."""

    start: int
    end: int
    weight: float


class PersonalOut(BaseModel):
    """Personal data (nik, kk, phone, email, plate, account, npwp, identity), from character (code point) `start` to
    before `end` of the text."""

    kind: str
    start: int
    end: int


Personal = Annotated[
    list[PersonalOut] | None,
    Field(description="What to mask in the text; null: it could not be looked for, so all of it may be personal"),
]


class SuggestionOut(BaseModel):
    """The classifier's reading, best first, and the agency that follows from it.

    One of `likely` is right in 90 of 100 reports. In the band `auto` the first function may be taken unseen; `ask` is
    for a person. `danger` is the kind of a present danger, `chatter` what kind of a text it is if it is no complaint.
    `reasons` speak for the first function, the strongest first.
    """

    model: str | None
    functions: list[Guess]
    topics: list[Guess]
    report_class: list[Guess]
    likely: list[str]
    band: str
    danger: str | None
    chatter: str | None
    reasons: list[ReasonOut]
    personal: Personal
    agency: AgencyOut


class ComplaintRow(BaseModel):
    """A complaint in a list."""

    ticket: str
    status: str
    report_class: str
    title: str
    channel: str
    region: str | None
    function: str | None
    category: str | None
    agency: str | None
    agency_name: str | None
    anonymous: bool
    secret: bool
    filed_at: datetime
    changed_at: datetime


class Page(BaseModel):
    """Some complaints, newest first; `next` is the cursor of the following page, null on the last."""

    items: list[ComplaintRow]
    next: str | None


class HistoryRow(BaseModel):
    """One change: who, when, from, to, why."""

    at: datetime
    actor: str
    event: str
    was: Any = None
    became: Any = None
    reason: str | None
    note: str | None
    public: bool


class FileRow(BaseModel):
    """A file of a complaint; its bytes are at `/complaints/{ticket}/files/{id}` once stored. `transcript` is what a
    machine heard in a voice note. `sender` is citizen, or office for what one has attached as evidence, for an
    `agency` or, where that is null, for Kominfo. `content_type` and `size` are those of the bytes that are handed out:
    of a picture a copy without anything beside it. `name` is null for a citizen's: it may tell whose file it is."""

    id: int
    kind: str
    name: str | None
    content_type: str | None
    size: int | None
    state: str
    transcript: str | None
    sender: Literal["citizen", "office"]
    agency: str | None


class ClockOut(BaseModel):
    """What happens after the day `due_on` if nobody says anything: close or archive. Or the last day of an office:
    verify, follow_up or handle. `reminded_at` is when the citizen, or the office, was reminded of it."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    started_at: datetime
    due_on: date
    reminded_at: datetime | None


class DispositionOut(BaseModel):
    """That an agency has a complaint, or had it until `ended_at` (handed_back, replaced, denied, closed); one of those
    that have it leads. `first_response_at` is its first word, `answered_at` its first answer in substance."""

    model_config = ConfigDict(from_attributes=True)

    agency: str
    leads: bool
    disposed_at: datetime
    first_response_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    ended_because: str | None


class RatingOut(BaseModel):
    """The stars, 1 to 5, that the pelapor gave; silence gives none."""

    model_config = ConfigDict(from_attributes=True)

    stars: int
    comment: str | None
    at: datetime


class ReferenceOut(BaseModel):
    """The complaint in another system, or on its way there: `state` is waiting, sent, unknown (whether it was taken),
    confirmed or failed; `external_id` its number there, `raw_status` its status in that system's own words, since
    `raw_status_at`. `agency` is whose copy it is, where each agency gets its own."""

    model_config = ConfigDict(from_attributes=True)

    system: str
    agency: str | None
    state: Literal["waiting", "sent", "unknown", "confirmed", "failed"]
    external_id: str | None
    raw_status: str | None
    raw_status_at: datetime | None


class ComplaintOut(ComplaintRow):
    """A complaint, whole. The pelapor's name is left out where the report is Anonim. `followers` are citizens who have
    the same trouble; `allowed` are the statuses that may follow the present one.

    `suggestion` is what the model said when it was filed (functions, topics, class, likely, band, danger, chatter, and
    whether and why the office was certain), as it was stored. `reasons` are what today's model finds in the text for
    the function that the complaint has now.
    """

    text: str
    place: str | None
    latitude: float | None
    longitude: float | None
    happened: str | None
    happened_on: date | None
    pelapor: str | None
    suggestion: Any = None
    reasons: list[ReasonOut]
    personal: Personal
    allowed: list[str]
    clocks: list[ClockOut]
    deadlines: list[ClockOut]
    dispositions: list[DispositionOut]
    rating: RatingOut | None
    followers: int
    history: list[HistoryRow]
    files: list[FileRow]
    references: list[ReferenceOut]


class NeighbourRow(BaseModel):
    """An open complaint that is probably about the same. `likeness` is from 0 to 1; `metres` lie between the two pins,
    null where one is missing; `shared` are the places that both name; `asked`: like enough to ask a citizen."""

    ticket: str
    title: str
    likeness: float
    asked: bool
    metres: float | None
    shared: list[str]
    status: str
    function: str | None
    region: str | None
    agency: str | None
    agency_name: str | None
    filed_at: datetime


class Neighbours(BaseModel):
    """The open complaints near one, the most alike first; `voices` citizens stand behind them, each counted once."""

    items: list[NeighbourRow]
    voices: int


class Receipt(BaseModel):
    """What was filed."""

    ticket: str
    status: str
    agency: str | None


class MatterOut(BaseModel):
    """Something that a person must look at."""

    id: str
    kind: str
    at: datetime
    channel: str | None
    contact: int | None
    ticket: str | None
    detail: str | None


class Attention(BaseModel):
    """The open matters, newest first."""

    items: list[MatterOut]


class TallyOut(BaseModel):
    """Complaints that were first given somewhere, were judged by a person since, left for another agency, and came
    from another one; of how many of the first an office or the citizen said that it is the wrong agency (`denied`).
    `rate` is the share of the first that left, from 0 to 1; null where nothing was given."""

    filed: int
    judged: int
    away: int
    to: int
    denied: int
    rate: float | None


class FunctionTally(TallyOut):
    """Those of one function; null: the model was not sure, and the agency sorts them."""

    function: str | None


class AgencyTally(TallyOut):
    """Those of one agency, and of its functions. A null code: no agency was suggested."""

    code: str | None
    name: str | None
    functions: list[FunctionTally]


class ModelTally(TallyOut):
    """Those that one model read. `registered` is null for a model that is not in the registry; a null version:
    there was no model."""

    version: str | None
    registered: ModelOut | None


class ModelOut(BaseModel):
    """A model as it registered: its SHA-256, its day of training, and how it was measured."""

    sha256: str
    trained: date
    figures: dict[str, Any]
    registered_at: datetime
    started_at: datetime


class Misroutes(BaseModel):
    """How often the first agency was the wrong one, for complaints filed on these days; the most complaints first."""

    since: date | None
    until: date | None
    agencies: list[AgencyTally]
    models: list[ModelTally]
