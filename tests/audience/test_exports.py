"""Export files of other senders, and files with columns of their own; all people are invented."""

from __future__ import annotations

import io

import pytest

from newsletter.audience.importing import preview, read_rows
from newsletter.errors import AudienceError
from newsletter.model import Refusal, Row

MAILCHIMP = (
    '"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,'
    "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,"
    "TAGS\n"
    'ada@example.org,Ada,Fenwick,2,"2024-01-05 10:00:00",192.0.2.1,"2024-01-05 10:02:00",'
    '192.0.2.1,51.5,-0.1,0,1,Europe/London,GB,ENG,"2024-01-05 10:02:00",1,aa,,"""founders"",""vip"""\n'
)
MAILCHIMP_LEFT = (
    "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,UNSUB_TIME,UNSUB_REASON\n"
    'bo@example.org,Bo,Oduya,1,2023-02-02 08:00:00,2024-03-03 09:00:00,"N/A (Unsubscribed)"\n'
)
SUBSTACK = (
    "email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at\n"
    "ada@example.org,false,,other,false,2024-01-05T10:02:00.000Z,\n"
    "bo@example.org,false,,other,true,2023-02-02T08:00:00.000Z,\n"
)
GHOST = (
    "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,"
    "deleted_at,labels,tiers\n"
    '64,ada@example.org,Ada Fenwick,,true,false,,2024-01-05T10:02:00.000Z,,"founders,vip",\n'
    "65,bo@example.org,Bo Oduya,,false,false,,2023-02-02T08:00:00.000Z,,,\n"
)
BUTTONDOWN = (
    "email,notes,metadata,tags,referrer_url,creation_date,secondary_id,subscriber_type,source\n"
    'ada@example.org,,"{""plan"": ""gold""}","founders, vip",,2024-01-05T10:02:00Z,1,regular,api\n'
    "bo@example.org,,{},,,2023-02-02T08:00:00Z,2,unsubscribed,import\n"
)
LISTMONK = (
    "uuid,email,name,attributes,status,created_at,updated_at\n"
    'aa-1,ada@example.org,Ada Fenwick,"{""plan"": ""gold"", ""deep"": {""x"": 1}}",enabled,'
    "2024-01-05 10:02:00+00,2024-01-05 10:02:00+00\n"
    "aa-2,bo@example.org,Bo Oduya,{},blocklisted,2023-02-02 08:00:00+00,2023-02-02 08:00:00+00\n"
)


def read(text: str, **options: tuple[str, ...]) -> list[Row | Refusal]:
    """Read a small file."""
    return list(read_rows(io.BytesIO(text.encode()), attributes=options.get("attributes", ())))


@pytest.mark.parametrize(
    ("program", "text", "lists"),
    [
        ("Mailchimp", MAILCHIMP, ("founders", "vip")),
        ("Substack", SUBSTACK, ()),
        ("Ghost", GHOST, ("founders", "vip")),
        ("Buttondown", BUTTONDOWN, ("founders", "vip")),
        ("listmonk", LISTMONK, ()),
    ],
)
def test_export_files_are_recognised(program: str, text: str, lists: tuple[str, ...]) -> None:
    """The program is named, its people come with the day they agreed, and who left stays out."""
    found = preview(io.BytesIO(text.encode()))
    assert found.program == program
    assert "since when, kept with the consent" in dict(found.columns).values()
    ada, *others = found.rows
    assert isinstance(ada, Row)
    assert (ada.email, ada.since) == ("ada@example.org", "2024-01-05")
    assert ada.lists == lists
    for other in others:
        assert isinstance(other, Refusal)
        assert other.reason == "they opted out before, elsewhere"


def test_a_file_of_people_who_left_mailchimp_brings_nobody() -> None:
    """The second file of a Mailchimp export names those who unsubscribed there."""
    [row] = read(MAILCHIMP_LEFT)
    assert isinstance(row, Refusal)
    assert row.column == "UNSUB_TIME"


@pytest.mark.parametrize("text", [BUTTONDOWN, LISTMONK])
def test_attributes_inside_json_are_kept_when_they_are_named(text: str) -> None:
    """A key of the JSON column becomes an attribute; what is not named or not flat stays out."""
    row = read(text, attributes=("plan=membership", "deep"))[0]
    assert isinstance(row, Row)
    assert row.attributes == (("membership", "gold"),)


def test_further_columns_become_attributes() -> None:
    """Columns are kept under their own or another name; an absent column is an error."""
    text = "email,Plan,Shoe size\nada@example.org,gold,41\nbo@example.org,,\n"
    ada, bo = read(text, attributes=("plan", "Shoe size=shoe"))
    assert isinstance(ada, Row)
    assert isinstance(bo, Row)
    assert ada.attributes == (("plan", "gold"), ("shoe", "41"))
    assert bo.attributes == (("plan", ""), ("shoe", ""))
    with pytest.raises(AudienceError, match='no column "hat"'):
        read(text, attributes=("hat",))
    with pytest.raises(AudienceError, match="no name for an attribute"):
        read(text, attributes=("plan=a b!",))


def test_a_shifted_row_is_refused_and_says_so() -> None:
    """A comma too many moves cells into the wrong columns, so the row is not taken."""
    good, bad, trailing = read(
        "email,name,country\nada@example.org,Ada,GB\nbo@example.org,Oduya, Bo,GB\n"
        "cy@example.org,Cy,GB,,\n"
    )
    assert isinstance(good, Row)
    assert isinstance(trailing, Row)
    assert isinstance(bad, Refusal)
    assert (bad.line, "4 cells and the header 3" in bad.reason) == (3, True)


def test_a_preview_takes_a_few_rows_and_says_where_columns_go() -> None:
    """Titles with their fields, then the first rows, good and bad."""
    text = "E-Mail,Land,Hobby\n" + "nobody,GB,chess\n" + "ada@example.org,GB,go\n" * 9
    found = preview(
        io.BytesIO(text.encode()), mapping={"country": "Land"}, attributes=("Hobby",), rows=2
    )
    assert found.columns == (
        ("E-Mail", "email"),
        ("Land", "country"),
        ("Hobby", "attributes.hobby"),
    )
    assert [type(row) for row in found.rows] == [Refusal, Row]
