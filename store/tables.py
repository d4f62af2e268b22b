"""Every table of the store.

`inbox` and `deliveries` draw their ids from one sequence, so that the lines of one chat, heard and
spoken, have one order. A delivery is inserted only while its contact's row is locked: the id order of
what is said is then its commit order, and a page that has seen line 7 is never owed a spoken line 6.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

line_ids = Sequence("line_ids", metadata=metadata)
Moment = DateTime(timezone=True)


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _line_id() -> Column[int]:
    return Column("id", BigInteger, line_ids, server_default=line_ids.next_value(), primary_key=True)


def _now(name: str) -> Column[object]:
    return Column(name, Moment, server_default=func.now(), nullable=False)


# --- master data: versioned by dates of validity -------------------------------------------------

regions = Table(
    "regions",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("parent", Text, ForeignKey("regions.code")),
    Column("timezone", Text, nullable=False),
    Column("aliases", ARRAY(Text), nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),
)

agencies = Table(
    "agencies",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("short", Text, nullable=False),
    Column("functions", ARRAY(Text), nullable=False),
    Column("region", Text, ForeignKey("regions.code"), nullable=False, index=True),
    Column("level", Text, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("aliases", ARRAY(Text), nullable=False),
    Column("parent", Text),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("source", Text, nullable=False),
)

# The days off of a year. A year without any row is a year that nobody has entered: it is not computed with.
holidays = Table(
    "holidays",
    metadata,
    Column("day", Date, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    CheckConstraint("kind IN ('nasional', 'cuti_bersama')", name="kind"),
)

# How many working days a matter may take, from which day on.
clock_rules = Table(
    "clock_rules",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("working_days", SmallInteger, nullable=False),
    Column("remind_days_before", SmallInteger),
    Column("source", Text, nullable=False),
)

# --- people ---------------------------------------------------------------------------------------

citizens = Table(
    "citizens",
    metadata,
    _id(),
    Column("name", Text),
    Column("language", Text, nullable=False, server_default="id"),
    _now("created_at"),
)

contacts = Table(
    "contacts",
    metadata,
    _id(),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    # A person becomes a citizen of ours with the first complaint: someone who only says hello does not.
    Column("citizen_id", BigInteger, ForeignKey("citizens.id"), index=True),
    Column("name", Text),
    Column("conversation", JSONB),
    Column("last_message_at", Moment),
    Column("unreachable_since", Moment),
    Column("unreachable_reason", Text),
    # Where the provider wants messages for this person sent, if that is not the address any more.
    Column("route", Text),
    # Until when we may answer in our own words (None: always); when it was last said that something waits, and that
    # the window will close.
    Column("window_until", Moment),
    Column("announced_at", Moment),
    Column("reminded_at", Moment),
    # The same person's other chat, which has taken over all that this one had.
    Column("merged_into", BigInteger, ForeignKey("contacts.id")),
    # A chat of one resident at a service counter (MPP): there is nobody behind it once the resident has gone.
    Column("counter_id", BigInteger, ForeignKey("counters.id")),
    # Lines up to this one are not shown again on the page of the chat: what a resident had told there is theirs.
    Column("shown_after", BigInteger, nullable=False, server_default="0"),
    _now("created_at"),
    UniqueConstraint("channel", "address"),
    Index("ix_contacts_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
    Index("ix_contacts_counter_id", "counter_id", postgresql_where=text("counter_id IS NOT NULL")),
    # No index on what every turn changes (conversation, last_message_at): it would end PostgreSQL's HOT updates.
    postgresql_with={"fillfactor": "70"},
)

# The ids by which a provider names a person, where it has several: a number, an id of its own. Each is one contact's.
contact_ids = Table(
    "contact_ids",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False, index=True),
    _now("since"),
)

# A code that carries a draft or tickets from one chat to another. Only its digest is kept.
carryovers = Table(
    "carryovers",
    metadata,
    _id(),
    Column("code_sha256", Text, nullable=False, unique=True),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False, index=True),
    # A draft's number, or a ticket; neither means all tickets of the chat, or (`links`) that the code carries nothing
    # and links this chat with another one.
    Column("draft", Integer),
    Column("ticket", Text),
    Column("links", Boolean, nullable=False, server_default=text("false")),
    _now("created_at"),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
    Column("used_by", BigInteger, ForeignKey("contacts.id")),
)

# Wrong guesses at codes, by whoever made them: nobody can lock out another.
guesses = Table(
    "guesses",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),
    Column("guesser", Text, nullable=False),
    _now("at"),
    Index("ix_guesses_kind_guesser_at", "kind", "guesser", "at"),
)

# --- what was heard and what is to be said --------------------------------------------------------

inbox = Table(
    "inbox",
    metadata,
    _line_id(),
    Column("channel", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("address", Text),
    Column("sequence", BigInteger),
    Column("payload", JSONB, nullable=False),
    Column("received_at", Moment, nullable=False),
    UniqueConstraint("channel", "message_id"),
    Index("ix_inbox_channel_address_id", "channel", "address", "id"),
    # What belongs to no chat, until it is forgotten.
    Index("ix_inbox_kept", "received_at", postgresql_where=text("address IS NULL AND message_id NOT LIKE 'gone:%'")),
)

deliveries = Table(
    "deliveries",
    metadata,
    _line_id(),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("says", JSONB, nullable=False),
    Column("buttons", JSONB, nullable=False, server_default=text("'[]'")),
    Column("asks", Text),
    Column("language", Text, nullable=False),
    Column("complaint_id", BigInteger, ForeignKey("complaints.id")),
    _now("created_at"),
    _now("due_at"),
    Column("leased_until", Moment),
    Column("claimed_at", Moment),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("sent_at", Moment),
    Column("provider_sequence", BigInteger),
    Column("failed_at", Moment),
    Column("problem", Text),
    # It waits until the citizen writes, since when.
    Column("held_at", Moment),
    # What the provider has told of it since it was sent.
    Column("delivered_at", Moment),
    Column("read_at", Moment),
    # Files that go with it: ids of media.
    Column("files", JSONB, nullable=False, server_default=text("'[]'")),
    # How often it was opened again after the provider had taken it; and templates that were refused for it ("name
    # language").
    Column("reopened", SmallInteger, nullable=False, server_default="0"),
    Column("refused", ARRAY(Text)),
    Index("ix_deliveries_contact_id_id", "contact_id", "id"),
    Index(
        "ix_deliveries_pending",
        "contact_id",
        "id",
        postgresql_where=text("sent_at IS NULL AND failed_at IS NULL AND held_at IS NULL"),
    ),
    Index("ix_deliveries_held", "contact_id", postgresql_where=text("held_at IS NOT NULL")),
    Index("ix_deliveries_complaint_id", "complaint_id", postgresql_where=text("complaint_id IS NOT NULL")),
    Index("ix_deliveries_failed", "failed_at", postgresql_where=text("failed_at IS NOT NULL")),
    postgresql_with={"fillfactor": "70"},
)

# What a provider calls the parts of our messages, and what it has told of each. It may tell before we have written
# down that we sent it: then there is no delivery yet.
provider_messages = Table(
    "provider_messages",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("provider_id", Text, primary_key=True),
    Column("delivery_id", BigInteger, index=True),
    # The delivery's `reopened` when it was sent: what is told of an earlier attempt changes nothing any more.
    Column("round", SmallInteger, nullable=False, server_default="0"),
    # The template that it is ("name language"), and whether that only announces what the delivery says.
    Column("template", Text),
    Column("announces", Boolean, nullable=False, server_default=text("false")),
    Column("state", Text),
    Column("state_at", Moment),
    # What can be done about a failure: window, template, later, channel, gone, never (store/reported.py).
    Column("trouble", Text),
    Column("problem", Text),
    _now("created_at"),
    CheckConstraint("state IN ('sent', 'delivered', 'read', 'failed')", name="state"),
)

# What the provider thinks of the words that it must approve before we may use them, in its own words.
message_templates = Table(
    "message_templates",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    _now("checked_at"),
)

# What is wrong with a channel as a whole. No row, or no ailment: nothing that we know of.
channel_health = Table(
    "channel_health",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("ails", Text),
    Column("detail", Text),
    _now("since"),
    _now("checked_at"),
)

# --- complaints -----------------------------------------------------------------------------------

complaints = Table(
    "complaints",
    metadata,
    _id(),
    Column("ticket", Text, nullable=False, unique=True),
    Column("citizen_id", BigInteger, ForeignKey("citizens.id"), index=True),
    Column("contact_id", BigInteger, ForeignKey("contacts.id")),
    # The draft it came from: whatever is repeated, one draft becomes one complaint.
    Column("draft", Integer),
    Column("channel", Text, nullable=False),
    Column("report_class", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("place", Text),
    Column("region", Text, ForeignKey("regions.code")),
    Column("latitude", Float),
    Column("longitude", Float),
    # The citizen's words for the time, and the day that they name, where they name one.
    Column("happened", Text),
    Column("happened_on", Date),
    Column("anonymous", Boolean, nullable=False),
    Column("secret", Boolean, nullable=False),
    Column("status", Text, nullable=False, index=True),
    Column("function", Text),
    Column("category", Text),
    Column("agency", Text, ForeignKey("agencies.code"), index=True),
    # On the receipt, beside the ticket: who has both may see how far it is. Never given out over REST.
    Column("code", Text),
    # Counts the changes: each history row adds one, so that who decides on what was read before is told.
    Column("version", Integer, nullable=False, server_default="1"),
    # The text without the personal data that an operator has covered: what agencies and overseers read. None: all.
    Column("masked_text", Text),
    # "Berkadar pengawasan": an officer's word, None where nobody has said it.
    Column("supervised", Boolean),
    # The complaint about the same matter that this one was joined with.
    Column("merged_into", BigInteger, ForeignKey("complaints.id"), index=True),
    # How sure the classifier was of its first function when it was filed; None where it said nothing.
    Column("confidence", Float),
    _now("filed_at"),
    _now("changed_at"),
    UniqueConstraint("contact_id", "draft"),
    # Neighbours and search; the expression is store/neighbours.py's WORDS. Written at once, so that reading stays even.
    Index(
        "ix_complaints_words",
        # As PostgreSQL writes it, so that `alembic check` finds it unchanged.
        text(
            "to_tsvector('indonesian'::regconfig,"
            " (((title || ' '::text) || text) || ' '::text) || COALESCE(place, ''::text))"
        ),
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    ),
    Index("ix_complaints_pin", "latitude", "longitude", postgresql_where=text("latitude IS NOT NULL")),
    Index("ix_complaints_city_filed_at", text("left(region, 5)"), "filed_at"),
    # The figures of a period are read off the index alone: the rows are wide.
    Index(
        "ix_complaints_filed_at",
        "filed_at",
        postgresql_include=["id", "agency", "region", "status", "report_class", "channel"],
    ),
    Index("ix_complaints_open", "status", "id", postgresql_where=text("status !~ '^(Ditutup|Diarsipkan|Konten)'")),
    CheckConstraint("report_class IN ('pengaduan', 'aspirasi', 'permintaan_informasi')", name="report_class"),
    CheckConstraint("char_length(title) <= 100", name="title"),
)

complaint_history = Table(
    "complaint_history",
    metadata,
    _id(),
    Column("complaint_id", BigInteger, ForeignKey("complaints.id"), nullable=False, index=True),
    _now("at"),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("was", JSONB),
    Column("became", JSONB),
    Column("reason", Text),
    Column("note", Text),
    Column("public", Boolean, nullable=False, server_default=text("false")),
    # An office has said something: what the figures count (store/oversight.py).
    Index(
        "ix_complaint_history_spoken",
        "complaint_id",
        postgresql_where=text(
            "event = 'responded' OR became->>'status' IN"
            " ('Ditindaklanjuti oleh Instansi', 'Selesai otomatis dalam 10 hari')"
        ),
    ),
)

complaint_parties = Table(
    "complaint_parties",
    metadata,
    Column("complaint_id", BigInteger, ForeignKey("complaints.id"), primary_key=True),
    Column("citizen_id", BigInteger, ForeignKey("citizens.id"), primary_key=True),
    Column("role", Text, primary_key=True),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), index=True),
    CheckConstraint("role IN ('pelapor', 'pengikut')", name="role"),
)

# What a citizen thought of it, in the citizen's own act: silence leaves no row here.
ratings = Table(
    "ratings",
    metadata,
    Column("complaint_id", BigInteger, ForeignKey("complaints.id"), primary_key=True),
    Column("citizen_id", BigInteger, ForeignKey("citizens.id"), primary_key=True),
    Column("stars", SmallInteger, nullable=False),
    Column("comment", Text),
    _now("at"),
    CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
)

# What the calendar will do to a complaint if nobody acts: one running row of a kind at most.
clocks = Table(
    "clocks",
    metadata,
    _id(),
    Column("complaint_id", BigInteger, ForeignKey("complaints.id"), nullable=False),
    Column("kind", Text, nullable=False),
    _now("started_at"),
    # The last day, in the time zone of the complaint's region, and the moment at which that day is over.
    Column("due_on", Date, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("remind_at", Moment),
    Column("reminded_at", Moment),
    # When those above were told that it is over; a clock that ends a complaint has no such moment.
    Column("escalated_at", Moment),
    Column("stopped_at", Moment),
    Index("uq_clocks_running", "complaint_id", "kind", unique=True, postgresql_where=text("stopped_at IS NULL")),
    Index("ix_clocks_due", "due_at", postgresql_where=text("stopped_at IS NULL")),
)

# What was suggested, what was decided: the classifier's training rows.
routings = Table(
    "routings",
    metadata,
    _id(),
    Column("complaint_id", BigInteger, ForeignKey("complaints.id"), nullable=False, index=True),
    _now("at"),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("model", Text),
    Column("suggested", JSONB),
    Column("function", Text),
    Column("category", Text),
    Column("agency", Text, ForeignKey("agencies.code")),
    Column("reason", Text),
    # What was said in this row (function, agency, category); the rest stood there before. ["denied"]: that this agency
    # is the wrong one; function, category and agency are what stood there.
    Column("named", ARRAY(Text), nullable=False, server_default=text("'{}'")),
)

# The models that have suggested. `routings.model` is no foreign key to it: see store/learning.py.
models = Table(
    "models",
    metadata,
    Column("version", Text, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("trained", Date, nullable=False),
    Column("figures", JSONB, nullable=False),
    _now("registered_at"),
    _now("started_at"),
    CheckConstraint("right(version, 9) = '.' || left(sha256, 8)", name="version"),
)

media = Table(
    "media",
    metadata,
    _id(),
    Column("contact_id", BigInteger, ForeignKey("contacts.id")),
    Column("draft", Integer),
    Column("complaint_id", BigInteger, ForeignKey("complaints.id"), index=True),
    Column("line_id", BigInteger),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("album", Text),
    Column("name", Text),
    Column("content_type", Text),
    Column("size", BigInteger),
    Column("sha256", Text),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("problem", Text),
    # The words of a voice note, where a transcriber is plugged in.
    Column("transcript", Text),
    # Evidence that an office has attached: who did (staff.id) for which agency. None: a citizen sent it.
    Column("staff_id", BigInteger, ForeignKey("staff.id")),
    Column("agency", Text, ForeignKey("agencies.code")),
    # How a picture looks, as 64 bits: pictures that look alike differ in few of them.
    Column("looks", BigInteger),
    # The picture without anything but its picture (no place, no device, no name), small enough for SP4N. What officers
    # see; `sha256` are the bytes as they came.
    Column("clean_sha256", Text),
    Column("clean_type", Text),
    Column("clean_size", BigInteger),
    # Where the file says that it was taken, kept only until the citizen has said whether we may use it.
    Column("taken_at_place", JSONB),
    _now("created_at"),
    Column("stored_at", Moment),
    Index("ix_media_clean_sha256", "clean_sha256", postgresql_where=text("clean_sha256 IS NOT NULL")),
    Index("ix_media_contact_id_draft", "contact_id", "draft"),
    Index("ix_media_taken_at_place", "stored_at", postgresql_where=text("taken_at_place IS NOT NULL")),
    # What has no clean copy yet: nothing, soon.
    Index(
        "ix_media_unclean",
        "id",
        postgresql_where=text(
            "state = 'stored' AND clean_size IS NULL AND kind <> 'video' AND content_type LIKE 'image/%'"
        ),
    ),
    # Whether any row still names the bytes of a file.
    Index("ix_media_sha256", "sha256"),
    CheckConstraint("state IN ('waiting', 'stored', 'refused', 'failed')", name="state"),
)

# --- the desk: staff and what they may -------------------------------------------------------------

staff = Table(
    "staff",
    metadata,
    _id(),
    # In small letters; an e-mail address or a short name.
    Column("login", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("language", Text, nullable=False, server_default="id"),
    Column("password_hash", Text),
    Column("password_set_at", Moment),
    # The second factor; `totp_last` is the last time step that was used, which is not taken again.
    Column("totp_secret", Text),
    Column("totp_confirmed_at", Moment),
    Column("totp_last", BigInteger),
    # Who they are at the provider of OIDC_ISSUER.
    Column("oidc_issuer", Text),
    Column("oidc_subject", Text),
    # A link for the first password, or a new one; only its digest.
    Column("invitation_sha256", Text, unique=True),
    Column("invitation_until", Moment),
    Column("disabled_at", Moment),
    _now("created_at"),
    UniqueConstraint("oidc_issuer", "oidc_subject"),
    CheckConstraint("login = lower(login) AND login <> ''", name="login"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("staff_id", BigInteger, ForeignKey("staff.id"), primary_key=True),
    Column("code_sha256", Text, primary_key=True),
    Column("used_at", Moment),
)

# What somebody may do, and where: a person may have several. What the roles may is store/policy.py's.
staff_grants = Table(
    "staff_grants",
    metadata,
    _id(),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False, index=True),
    Column("role", Text, nullable=False),
    # The region with all that lies in it; None: everywhere.
    Column("region", Text, ForeignKey("regions.code")),
    Column("agency", Text, ForeignKey("agencies.code")),
    _now("granted_at"),
    Column("valid_to", Date),
    CheckConstraint(
        "role IN ('admin_instansi', 'pejabat_penghubung', 'pengawas', 'biro_organisasi', 'administrator',"
        " 'petugas_loket')",
        name="role",
    ),
    CheckConstraint("(role = 'pejabat_penghubung') = (agency IS NOT NULL)", name="agency"),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    _id(),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False, index=True),
    Column("token_sha256", Text, nullable=False, unique=True),
    # The browser and the system, as far as they tell; never the address.
    Column("device", Text),
    _now("created_at"),
    _now("seen_at"),
    Column("expires_at", Moment, nullable=False),
    # When the second factor was given; a session without it may do nothing but give it.
    Column("verified_at", Moment),
    Column("ended_at", Moment),
)

# What somebody had typed when the session ended, or when somebody else was quicker.
kept_forms = Table(
    "kept_forms",
    metadata,
    Column("staff_id", BigInteger, ForeignKey("staff.id"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("fields", JSONB, nullable=False),
    _now("kept_at"),
)

# --- the desk: what is done with complaints --------------------------------------------------------

# Which agencies have a complaint now, and had it. One of those that have it leads: `complaints.agency`.
dispositions = Table(
    "dispositions",
    metadata,
    _id(),
    Column("complaint_id", BigInteger, ForeignKey("complaints.id"), nullable=False, index=True),
    Column("agency", Text, ForeignKey("agencies.code"), nullable=False),
    Column("leads", Boolean, nullable=False),
    _now("disposed_at"),
    # A first word ("kami cek besok") and an answer in substance are different things.
    Column("first_response_at", Moment),
    Column("answered_at", Moment),
    Column("ended_at", Moment),
    # handed_back, replaced, denied, closed
    Column("ended_because", Text),
    Index("uq_dispositions_lead", "complaint_id", unique=True, postgresql_where=text("ended_at IS NULL AND leads")),
    Index("uq_dispositions_present", "complaint_id", "agency", unique=True, postgresql_where=text("ended_at IS NULL")),
    Index("ix_dispositions_agency", "agency", "complaint_id", postgresql_where=text("ended_at IS NULL")),
)

# Actions on many reports at once. They wait for `run_at`, and until then whoever began them can take them back.
batches = Table(
    "batches",
    metadata,
    _id(),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False, index=True),
    Column("verb", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    # [{"ticket", "version"}], and after the run [{"ticket", "done", "problem"}]
    Column("items", JSONB, nullable=False),
    _now("created_at"),
    Column("run_at", Moment, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    CheckConstraint("state IN ('waiting', 'undone', 'running', 'done')", name="state"),
)

# Who has which report open.
presence = Table(
    "presence",
    metadata,
    Column("complaint_id", BigInteger, ForeignKey("complaints.id"), primary_key=True),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), primary_key=True),
    _now("since"),
    _now("seen_at"),
)

# What officers are told: reminders, escalations, what is late each morning. To a person, or to whoever holds a role.
notices = Table(
    "notices",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),
    _now("at"),
    Column("staff_id", BigInteger, ForeignKey("staff.id")),
    Column("role", Text),
    Column("region", Text, ForeignKey("regions.code")),
    Column("agency", Text, ForeignKey("agencies.code")),
    Column("complaint_id", BigInteger, ForeignKey("complaints.id"), index=True),
    # Counts, days and keys of texts; no words of anybody.
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    # The same notice is not given twice.
    Column("once", Text, unique=True),
    Index("ix_notices_at", "at"),
)

notices_seen = Table(
    "notices_seen",
    metadata,
    Column("notice_id", BigInteger, ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), primary_key=True),
    _now("at"),
)

# --- the desk: master data of its own ----------------------------------------------------------------

# The official tree of SP4N-LAPOR!; names in their official spelling.
categories = Table(
    "categories",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("parent", Text, ForeignKey("categories.code")),
    # Its number in SP4N-LAPOR!, where it is known.
    Column("sp4n_id", Integer, unique=True),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("source", Text, nullable=False),
)

answer_templates = Table(
    "answer_templates",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    # message, ask, first_response, answer, hand_back, archive
    Column("purpose", Text, nullable=False),
    Column("body", Text, nullable=False),
    # Whose it is; both None: everybody's.
    Column("region", Text, ForeignKey("regions.code")),
    Column("agency", Text, ForeignKey("agencies.code")),
    Column("valid_from", Date),
    Column("valid_to", Date),
    _now("changed_at"),
    # What an officer chooses by; the key of imports.
    UniqueConstraint("name", "purpose", "region", "agency", postgresql_nulls_not_distinct=True),
)

# What an agency promises for a service (standar pelayanan), as published.
service_standards = Table(
    "service_standards",
    metadata,
    _id(),
    Column("agency", Text, ForeignKey("agencies.code"), nullable=False, index=True),
    Column("service", Text, nullable=False),
    Column("requirements", Text),
    Column("procedure", Text),
    Column("working_days", SmallInteger),
    Column("cost", Text),
    Column("source", Text, nullable=False),
    Column("published_on", Date),
    # When somebody last compared it with its source.
    Column("checked_on", Date),
    Column("valid_from", Date),
    Column("valid_to", Date),
    UniqueConstraint("agency", "service", "valid_from", postgresql_nulls_not_distinct=True),
)

# --- the desk: who did what ----------------------------------------------------------------------------

# Append-only: a trigger refuses whatever would change or remove a row.
audit = Table(
    "audit",
    metadata,
    _id(),
    _now("at"),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("object_kind", Text),
    Column("object_id", Text),
    # What changed, never whose words: codes, counts, names of columns.
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    Index("ix_audit_object", "object_kind", "object_id"),
    Index("ix_audit_actor", "actor_kind", "actor_id", "id"),
    Index("ix_audit_at", "at", "id"),
)

# Each seal names the digest of its rows and of the seal before it.
audit_seals = Table(
    "audit_seals",
    metadata,
    _id(),
    Column("first_id", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    # No two follow the same one.
    Column("previous", Text, nullable=False, unique=True),
    Column("digest", Text, nullable=False, unique=True),
    _now("sealed_at"),
)

# --- other systems: hand-over, and what they tell ------------------------------------------------------

# The systems that a report may go to, and how each is reached: `kind` names a module of bridges/. Several ways may lead
# to one `system`, as by hand and by an API to "sp4n": what was handed over by one is followed by the other.
connections = Table(
    "connections",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("url", Text),
    # What we show to the other side; never shown again once it is entered.
    Column("secret", Text),
    # What this kind needs beside that, such as the jurisdiction and the service codes of an Open311 server.
    Column("parameters", JSONB, nullable=False, server_default=text("'{}'")),
    Column("disabled_at", Moment),
    _now("changed_at"),
    CheckConstraint("kind IN ('sp4n_manual', 'sp4n_api', 'open311', 'email')", name="kind"),
    CheckConstraint("name <> '' AND system ~ '^[a-z][a-z0-9_-]{1,39}$'", name="system"),
)

# Which way a report goes. A row without an agency counts when a report is filed, the nearest region first; a row with
# one when the report is disposed to that agency. No connection: to this system not at all.
ways = Table(
    "ways",
    metadata,
    _id(),
    Column("system", Text, nullable=False),
    Column("region", Text, ForeignKey("regions.code")),
    Column("agency", Text, ForeignKey("agencies.code")),
    Column("connection_id", BigInteger, ForeignKey("connections.id")),
    # Where to, for a connection that reaches many (the mailbox of the agency).
    Column("address", Text),
    _now("changed_at"),
    UniqueConstraint("system", "region", "agency", postgresql_nulls_not_distinct=True),
    CheckConstraint("region IS NULL OR agency IS NULL", name="one"),
)

# A complaint in another system. See docs/decisions/0013.
complaint_references = Table(
    "complaint_references",
    metadata,
    _id(),
    Column("complaint_id", BigInteger, ForeignKey("complaints.id"), nullable=False),
    Column("system", Text, nullable=False),
    # Whose copy it is, where each agency gets its own (e-mail).
    Column("agency", Text, ForeignKey("agencies.code")),
    Column("connection_id", BigInteger, ForeignKey("connections.id")),
    Column("address", Text),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("external_id", Text),
    # What the other side called it before it had a number (Open311's tokens).
    Column("token", Text),
    # Its status in the other system's own words, and since when.
    Column("raw_status", Text),
    Column("raw_status_at", Moment),
    # Why it is failed or unknown: a key of texts, and a detail without anybody's words.
    Column("problem", Text),
    Column("detail", Text),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    _now("created_at"),
    # When it was last begun to be sent, when it was confirmed, when its status there was last heard, and when it is to
    # be tried or looked at next.
    Column("sent_at", Moment),
    Column("confirmed_at", Moment),
    Column("checked_at", Moment),
    Column("check_at", Moment),
    # Since when it is to be sent: how long a machine tries counts from here.
    _now("waiting_since"),
    # The numbers that it had before it was sent anew, because the agency got the complaint back (e-mail).
    Column("earlier", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    UniqueConstraint("complaint_id", "system", "agency", postgresql_nulls_not_distinct=True),
    UniqueConstraint("system", "external_id"),
    Index("ix_complaint_references_open", "state", "id", postgresql_where=text("state <> 'confirmed'")),
    Index("ix_complaint_references_check_at", "check_at", postgresql_where=text("check_at IS NOT NULL")),
    Index("ix_complaint_references_earlier", "earlier", postgresql_using="gin"),
    CheckConstraint("state IN ('waiting', 'sent', 'unknown', 'confirmed', 'failed')", name="state"),
    CheckConstraint("state <> 'confirmed' OR external_id IS NOT NULL", name="confirmed"),
)

# What the other system has told of a complaint, each once by its own key.
reference_entries = Table(
    "reference_entries",
    metadata,
    Column("reference_id", BigInteger, ForeignKey("complaint_references.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("at", Moment),
    Column("raw_status", Text),
    Column("words", Text),
    Column("by", Text),
    _now("heard_at"),
)

# What follows a report into the other system: words of the pelapor (a row of the history), files, the end.
reference_posts = Table(
    "reference_posts",
    metadata,
    _id(),
    Column("reference_id", BigInteger, ForeignKey("complaint_references.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("history_id", BigInteger, ForeignKey("complaint_history.id")),
    Column("media_id", BigInteger, ForeignKey("media.id")),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("problem", Text),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    _now("created_at"),
    # When it is next tried, where it was put off.
    Column("check_at", Moment),
    Column("sent_at", Moment),
    Column("done_at", Moment),
    UniqueConstraint("reference_id", "kind", "history_id", "media_id", postgresql_nulls_not_distinct=True),
    Index("ix_reference_posts_open", "reference_id", "id", postgresql_where=text("state <> 'done'")),
    CheckConstraint("kind IN ('reply', 'attach', 'close')", name="kind"),
    CheckConstraint("state IN ('waiting', 'sent', 'unknown', 'done', 'failed')", name="state"),
)

# Complaints of other systems that are not ours, for monitoring: never a name, and no words of Rahasia ones.
external_complaints = Table(
    "external_complaints",
    metadata,
    _id(),
    Column("system", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("title", Text),
    Column("report_class", Text),
    Column("category_id", Text),
    Column("category", Text),
    Column("anonymous", Boolean, nullable=False, server_default=text("false")),
    Column("secret", Boolean, nullable=False, server_default=text("false")),
    Column("source", Text),
    Column("parent_agency", Text),
    Column("agency", Text),
    Column("raw_status", Text),
    Column("reason", Text),
    Column("province", Text),
    Column("city", Text),
    Column("district", Text),
    Column("village", Text),
    Column("filed_at", Moment),
    _now("first_seen_at"),
    _now("seen_at"),
    UniqueConstraint("system", "external_id"),
    Index("ix_external_complaints_filed_at", "system", "filed_at"),
)

# A file of another system that an officer has handed in: read, shown as what it would change, then done.
report_imports = Table(
    "report_imports",
    metadata,
    _id(),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False),
    Column("system", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    # How far the present step is, in rows.
    Column("rows_done", Integer, nullable=False, server_default="0"),
    Column("rows_all", Integer),
    # The lines above the table, counts by verdict, keys of what was noticed; no words of anybody.
    Column("summary", JSONB, nullable=False, server_default=text("'{}'")),
    Column("problem", Text),
    Column("without_wrong", Boolean, nullable=False, server_default=text("false")),
    _now("created_at"),
    Column("read_at", Moment),
    Column("begun_at", Moment),
    Column("done_at", Moment),
    CheckConstraint("state IN ('waiting', 'reading', 'read', 'refused', 'doing', 'done', 'dropped')", name="state"),
)

report_import_rows = Table(
    "report_import_rows",
    metadata,
    Column("import_id", BigInteger, ForeignKey("report_imports.id", ondelete="CASCADE"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("external_id", Text),
    # What it would do: same, changed, unknown (of ours but not confirmed), new (not ours), wrong.
    Column("verdict", Text, nullable=False),
    # [[column, key of the problem], ...]
    Column("problems", JSONB, nullable=False, server_default=text("'[]'")),
    Column("reference_id", BigInteger, ForeignKey("complaint_references.id")),
    # The fields of external_complaints, without a name.
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("was_status", Text),
    Column("done_at", Moment),
    CheckConstraint("verdict IN ('same', 'changed', 'unknown', 'new', 'wrong')", name="verdict"),
    Index("ix_report_import_rows_verdict", "import_id", "verdict", "line"),
)

# Who is told of what happens to complaints, over HTTP.
webhook_subscriptions = Table(
    "webhook_subscriptions",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    # The one before it, with which is signed as well until then.
    Column("old_secret", Text),
    Column("old_secret_until", Moment),
    Column("events", ARRAY(Text), nullable=False),
    # With all that lies in it; None: everywhere.
    Column("region", Text, ForeignKey("regions.code")),
    Column("disabled_at", Moment),
    # Since when nothing gets through, why, and how often in a row. From a number on it is only probed.
    Column("failing_since", Moment),
    Column("problem", Text),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("probed_at", Moment),
    _now("created_at"),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    _id(),
    Column("subscription_id", BigInteger, ForeignKey("webhook_subscriptions.id"), nullable=False),
    # None: an event to try out whether it gets there.
    Column("complaint_id", BigInteger, ForeignKey("complaints.id")),
    Column("event_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    _now("created_at"),
    _now("due_at"),
    Column("tried_at", Moment),
    Column("answered", SmallInteger),
    Column("problem", Text),
    Column("done_at", Moment),
    UniqueConstraint("subscription_id", "event_id"),
    Index(
        "ix_webhook_events_waiting", "subscription_id", "complaint_id", "id", postgresql_where=text("state = 'waiting'")
    ),
    Index("ix_webhook_events_created_at", "subscription_id", "created_at"),
    CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name="state"),
)

# Letters that came back by e-mail, each once by its Message-ID; the letter itself lies on the shelf.
letters = Table(
    "letters",
    metadata,
    _id(),
    Column("message_id", Text, nullable=False, unique=True),
    Column("reference_id", BigInteger, ForeignKey("complaint_references.id")),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    # answered; kept: a person must look (nobody's, a machine's, from elsewhere, ended); bounced; dropped by a person.
    Column("state", Text, nullable=False),
    Column("problem", Text),
    _now("received_at"),
    Column("settled_at", Moment),
    Index("ix_letters_kept", "received_at", postgresql_where=text("state = 'kept'")),
    CheckConstraint("state IN ('answered', 'kept', 'bounced', 'dropped')", name="state"),
)

# --- who assists residents (docs/decisions/0014) -----------------------------------------------------

# A Kawan LAPOR volunteer: invited at the desk, redeemed with a code in a chat, trained there. Whether they may assist
# now is read off the moments (store/volunteers.py).
volunteers = Table(
    "volunteers",
    metadata,
    _id(),
    # None once they have had their data erased.
    Column("name", Text),
    Column("region", Text, ForeignKey("regions.code"), nullable=False, index=True),
    Column("valid_until", Date, nullable=False),
    Column("invited_by", BigInteger, ForeignKey("staff.id")),
    # The code of the invitation; only its digest, and none once it is used.
    Column("code_sha256", Text, unique=True),
    Column("code_until", Moment),
    Column("citizen_id", BigInteger, ForeignKey("citizens.id"), index=True),
    Column("redeemed_at", Moment),
    # How many lessons are passed, and when the last one was.
    Column("lessons", SmallInteger, nullable=False, server_default="0"),
    Column("trained_at", Moment),
    Column("paused_at", Moment),
    Column("revoked_at", Moment),
    _now("created_at"),
)

# An officer at a service counter, on one tablet, until it is closed.
counters = Table(
    "counters",
    metadata,
    _id(),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False, index=True),
    # What the counter is called, such as "MPP Jakabaring 3".
    Column("name", Text, nullable=False),
    Column("region", Text, ForeignKey("regions.code"), nullable=False),
    Column("token_sha256", Text, nullable=False, unique=True),
    _now("opened_at"),
    Column("expires_at", Moment, nullable=False),
    Column("closed_at", Moment),
)

# Who assisted a resident, with what consent, and how the resident is reached. Whoever assists is no party to the report
# and has no row in complaint_parties. Counts and signals are read off this; no word of the report is in it, but for
# `saved`: a draft whose volunteer may not go on, until an officer has settled it.
assistances = Table(
    "assistances",
    metadata,
    _id(),
    Column("volunteer_id", BigInteger, ForeignKey("volunteers.id")),
    Column("counter_id", BigInteger, ForeignKey("counters.id"), index=True),
    # The chat in which it was told, and the number of the draft there.
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False),
    Column("draft", Integer, nullable=False),
    # The resident's yes: when, and the words that were read aloud.
    Column("consented_at", Moment, nullable=False),
    Column("consent_words", Text, nullable=False),
    Column("consent_language", Text, nullable=False),
    # A chat of their own (by code), a telephone, a safe place, or by their wish not at all; the number or the place.
    Column("reach", Text),
    Column("reach_words", Text),
    # Whether whoever assists may go on seeing ticket, place and status, and hear that there is news.
    Column("keeps", Boolean, nullable=False, server_default=text("false")),
    Column("saved", JSONB),
    # The resident, and their report.
    Column("citizen_id", BigInteger, ForeignKey("citizens.id"), index=True),
    Column("complaint_id", BigInteger, ForeignKey("complaints.id"), unique=True),
    # How it ended: filed; dropped by a word or by silence; given to the desk; the resident took their consent back
    # before it was filed.
    Column("outcome", Text),
    Column("ended_at", Moment),
    # With this code the resident makes a chat of theirs the pelapor's, once; only its digest. Whoever sends it again is
    # told that it has been used.
    Column("code_sha256", Text, unique=True),
    Column("code_until", Moment),
    Column("taken_at", Moment),
    # When consent was taken back after it was filed; when the assistant was last told that there is news.
    Column("withdrawn_at", Moment),
    Column("told_at", Moment),
    # How many reports of the same assistant it resembled when it was filed.
    Column("alike", SmallInteger, nullable=False, server_default="0"),
    UniqueConstraint("contact_id", "draft"),
    Index("ix_assistances_volunteer_id", "volunteer_id", "consented_at"),
    Index("ix_assistances_saved", "id", postgresql_where=text("saved IS NOT NULL")),
    # The telephone as the network takes it (store/assistances.py: TELEPHONE), as PostgreSQL writes it.
    Index(
        "ix_assistances_telephone",
        text(
            "regexp_replace(regexp_replace(reach_words, '[^0-9]'::text, ''::text, 'g'::text),"
            " '^(00)?(62)?0*'::text, ''::text)"
        ),
        postgresql_where=text("reach = 'phone'"),
    ),
    CheckConstraint("num_nonnulls(volunteer_id, counter_id) = 1", name="who"),
    CheckConstraint("reach IN ('chat', 'phone', 'place', 'none')", name="reach"),
    CheckConstraint("outcome IN ('filed', 'dropped', 'desk', 'withdrawn')", name="outcome"),
    CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended"),
)

# --- running the house ----------------------------------------------------------------------------

# What a person must look at: calls for a human, alerts. Undeliverable messages are read off `deliveries`.
attention = Table(
    "attention",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),
    Column("contact_id", BigInteger, ForeignKey("contacts.id")),
    Column("complaint_id", BigInteger, ForeignKey("complaints.id")),
    Column("detail", Text),
    _now("opened_at"),
    Column("closed_at", Moment),
    Index("ix_attention_open", "opened_at", postgresql_where=text("closed_at IS NULL")),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("client", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_sha256", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    _now("created_at"),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("process", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("beat_at", Moment, nullable=False),
)
