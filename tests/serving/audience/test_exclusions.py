"""Who may not be contacted, of few customers written by hand: reasons, their order, caps and waves at their edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penchant.config import Config
from penchant.errors import InputError, LeftOutError
from penchant.serving.audience.exclusions import (
    REASONS,
    Cap,
    Excluded,
    Protection,
    Wave,
    exclude,
    former_wave,
    in_universal_control,
    protection_of,
    read_past,
)
from penchant.serving.goals.offers import CONTROL, Arm

NOW = datetime(2025, 3, 1, 9)
SECOND = timedelta(seconds=1)
MAIL, TEXT = Arm("mail"), Arm("text", channel="sms")
OPEN = Protection(caps=(), universal_control=0.0)
Row = dict[str, Any]


def sent(who: str, days: float, **more: Any) -> Row:
    """Return an assignment by mail of another campaign, so many days ago."""
    plain = {"campaign_id": "old", "customer_id": who, "arm": "mail", "wave": 1, "channel": "email"}
    return {**plain, "assigned_at": NOW - timedelta(days=days), "contacted_at": pd.NaT, **more}


def people(*who: str, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": who, "consent_email": True, "consent_sms": True} | columns)


def reasons(
    crowd: pd.DataFrame, past: list[Row], protection: Protection = OPEN, wave: Wave | None = None
) -> list[str | None]:
    wave = wave or Wave("spring", 1, NOW)
    return exclude(crowd, pd.DataFrame(past) if past else None, (MAIL, TEXT), wave, protection).reason.tolist()


def allowed(past: list[Row], *caps: Cap) -> list[list[bool]]:
    """Return whether a and b may get the mail and the text."""
    protection = Protection(caps=caps, universal_control=0.0)
    wave = Wave("spring", 2, NOW)
    crowd = people("a", "b", last_order_at=pd.NaT)
    return exclude(crowd, pd.DataFrame(past), (MAIL, TEXT), wave, protection).allowed.tolist()


def test_each_is_counted_by_all_reasons_and_listed_by_the_first() -> None:
    crowd = people(
        *("free", "out", "complains", "silent", "both"),
        opted_out=[False, True, None, False, True],
        n_open_complaints=[0.0, 0.0, 1.0, np.nan, 2.0],
        consent_email=[True, True, True, False, False],
        consent_sms=[False, True, True, None, False],
    )
    found = exclude(crowd, None, (MAIL, TEXT), Wave("spring", 1, NOW), OPEN)
    no_consent = "no consent for the channel"
    assert found.reason.tolist() == [None, "opted out", "a complaint is open", no_consent, "opted out"]
    assert found.allowed.tolist() == [[True, False], [True, True], [True, True], [False, False], [False, False]]
    counts = dict.fromkeys(REASONS, (0, 0))
    assert found.counts == counts | {"opted out": (2, 2), "a complaint is open": (2, 1), no_consent: (2, 1)}
    more = found.and_for("asleep", np.array([True, True, False, False, False]))
    assert more.reason.tolist()[:2] == ["asleep", "opted out"]
    assert more.counts["asleep"] == (2, 1)
    assert isinstance(more, Excluded)
    calm = Protection(caps=(), universal_control=0.0, open_complaints=False)
    assert reasons(crowd, [], calm)[2] is None


def test_consent_that_is_not_known_is_asked_for_or_assumed() -> None:
    crowd = people("a").drop(columns="consent_sms")
    with pytest.raises(LeftOutError, match="'consent_sms' is needed"):
        reasons(crowd, [])
    assumed = Protection(caps=(), universal_control=0.0, consent="assumed")
    assert exclude(crowd, None, (MAIL, TEXT), Wave("x", 1, NOW), assumed).allowed.tolist() == [[True, True]]


def test_a_cap_counts_this_contact_and_those_within_its_days_by_its_channel() -> None:
    two = [sent("a", 1), sent("a", 2)]
    assert allowed(two, Cap(7, 3)) == [[True, True], [True, True]]
    assert allowed(two, Cap(7, 2)) == [[False, False], [True, True]]
    assert allowed(two, Cap(2, 2)) == [[True, True], [True, True]]  # exactly two days ago is over
    assert allowed(two, Cap(7, 2, "email")) == [[False, True], [True, True]]
    assert allowed([*two, sent("a", 1, channel="sms")], Cap(7, 1, "sms")) == [[True, False], [True, True]]
    assert allowed([sent("a", 1), sent("b", 1), sent("stranger", 1)], Cap(7, 1)) == [[False, False], [False, False]]
    assert allowed(two, Cap(7, 3), Cap(30, 0, "sms")) == [[True, False], [True, False]]


def test_a_control_was_contacted_by_no_other_campaign_but_counts_in_its_own() -> None:
    assert allowed([sent("a", 1, arm=CONTROL)], Cap(7, 1)) == [[True, True], [True, True]]
    own = sent("a", 1, arm=CONTROL, campaign_id="spring")
    assert allowed([own], Cap(7, 1)) == [[False, False], [True, True]]


def test_a_contact_counts_from_when_it_reached_the_customer() -> None:
    late = sent("a", 9, contacted_at=NOW - timedelta(days=6))
    early = sent("b", 6, contacted_at=NOW - timedelta(days=8))
    assert allowed([late, early], Cap(7, 1)) == [[False, False], [True, True]]


def test_fatigue_is_of_those_who_agree_to_a_channel_that_is_full() -> None:
    crowd = people("a", "b", "c", consent_sms=[False, True, False], consent_email=[True, True, False])
    past = [sent(who, 1) for who in ("a", "b", "c")]
    found = reasons(crowd, past, Protection(caps=(Cap(7, 1, "email"),), universal_control=0.0))
    assert found == ["contact fatigue", None, "no consent for the channel"]


def test_the_control_of_another_campaign_is_left_alone_for_its_days() -> None:
    past = [
        sent("in", 29.9, arm=CONTROL),
        sent("over", 30, arm=CONTROL),
        sent("treated", 1),
        sent("own", 1, arm=CONTROL, campaign_id="spring"),
    ]
    crowd = people("in", "over", "treated", "own", last_order_at=pd.NaT)
    found = reasons(crowd, past, wave=Wave("spring", 2, NOW))
    assert found == ["another campaign's control", None, None, None]


def test_whoever_reached_the_goal_since_the_first_wave_gets_no_later_one() -> None:
    past = [sent(who, 20, campaign_id="spring") for who in ("at once", "before", "never", "later")]
    past += [sent("later", 10, campaign_id="spring", wave=2), sent("elsewhere", 20, wave=1)]
    last = [NOW - timedelta(days=20), NOW - timedelta(days=20, seconds=1), pd.NaT, NOW - timedelta(days=15), NOW]
    crowd = people("at once", "before", "never", "later", "elsewhere", last_order_at=last)
    back = "returned since the last wave"
    assert reasons(crowd, past, wave=Wave("spring", 3, NOW)) == [back, None, None, back, None]
    assert reasons(crowd, past[-1:], wave=Wave("spring", 1, NOW)) == [None] * 5
    with pytest.raises(LeftOutError, match="'last_order_at' is needed"):
        reasons(crowd.drop(columns="last_order_at"), past, wave=Wave("spring", 3, NOW))


def test_the_past_ends_with_the_wave_and_a_wave_is_drawn_once() -> None:
    wave = Wave("spring", 2, NOW)
    rows = pd.DataFrame([sent("now", 0), sent("later", -1), sent("a", 3, campaign_id="spring", contacted_at=NOW)])
    found = read_past(rows, wave)
    assert found["customer_id"].tolist() == ["now", "a"]
    assert found["at"].tolist() == [NOW, NOW]
    assert read_past(None, wave).empty
    with pytest.raises(InputError, match="wave 1 was"):
        read_past(rows, Wave("spring", 1, NOW))
    assert len(read_past(rows, Wave("other", 1, NOW))) == 2
    with pytest.raises(InputError, match=r"no 'wave'.*'channel'"):
        read_past(rows.drop(columns=["channel", "wave"]), wave)


def test_a_customers_former_wave_is_the_campaigns_latest_before() -> None:
    rows = [sent(who, 9, campaign_id="spring", wave=wave) for who, wave in (("a", 2), ("a", 1), ("b", 1), ("a", 3))]
    found = former_wave(pd.DataFrame([*rows, sent("b", 1, wave=2)]), Wave("spring", 3, NOW))
    assert dict(zip(found["customer_id"], found["wave"], strict=True)) == {"a": 2, "b": 1}


def test_the_universal_control_is_the_lowest_share_of_a_draw() -> None:
    ids = pd.Series([f"c{n}" for n in range(1000)])
    few, more = (in_universal_control(ids, 3, share) for share in (0.02, 0.2))
    assert few.sum() in range(10, 31)
    assert more.sum() in range(160, 241)
    assert more[few].all()
    assert not in_universal_control(ids, 3, 0.0).any()
    crowd = people(*ids)
    held = np.array(reasons(crowd, [], Protection(caps=(), universal_control=0.2, seed=3)), dtype=object)
    assert ((held == "universal control") == more).all()


def test_what_penchant_toml_protects_is_what_it_says() -> None:
    section = {
        "caps": [{"days": 3, "most": 1, "channel": "sms"}],
        "universal_control": 0.1,
        "control_days": 5,
        "consent": "assumed",
        "open_complaints": False,
    }
    found = protection_of(Config.model_validate({"seed": 9, "protection": section}))
    assert found == Protection((Cap(3, 1, "sms"),), 0.1, 5, "assumed", 9, False)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Cap(0, 1),
        lambda: Cap(1, -1),
        lambda: Protection(universal_control=1.0),
        lambda: Protection(universal_control=-0.1),
        lambda: Protection(consent="given"),  # type: ignore[arg-type]
        lambda: Wave("x", 0, NOW),
        lambda: Wave("", 1, NOW),
        lambda: Wave("x", 1, NOW.replace(tzinfo=UTC)),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"cap|universal_control|consent|wave"):
        wrong()


def test_what_is_protected_unless_the_shop_says_otherwise() -> None:
    assert Protection() == Protection((Cap(7, 2), Cap(30, 6)), 0.02, 30, "required", 0, True)
    assert protection_of(Config()) == Protection()


def test_what_can_just_be_meant_is_not() -> None:
    assert (Cap(1, 0).most, Protection(universal_control=0.0).universal_control, Wave("x", 1, NOW).number) == (0, 0, 1)
