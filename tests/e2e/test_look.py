"""How every page looks, in light, in dark and on a phone: accessible, nothing cut, overlapping or scrolling sideways.

``SIRIUS_SHOTS=FOLDER`` keeps a picture of every page in every form.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import apart, inaccessible, opened, settled, wrong_layout

from sirius_core.contrast import telling
from sirius_core.store import Store
from sirius_core.store.browse import Browse

FORMS = {"light": ("light", 1360, 900), "dark": ("dark", 1360, 900), "phone": ("light", 390, 844)}
# Left out of axe, because Streamlit draws them and the app cannot: the navigation's sections stand as <div> inside <ul>
# (its links are reachable and named all the same), and the sparkline of st.metric has no title (its alt text does not
# reach the marks of the chart).
STREAMLITS = ("[data-testid=stSidebarNavItems]", "[data-testid=stMetricChart]")
OF_COLOURS = ("color-contrast", "link-in-text-block")  # they take as long as all other rules together
# Dark is as wide as light: the same elements in other colours; a phone has the colours of light.
ASKED: dict[str, dict[str, tuple[str, ...]]] = {
    "light": {}, "dark": {"only": OF_COLOURS}, "phone": {"without": OF_COLOURS}}


def pocket(db: Path) -> dict[str, str]:
    """A finished experiment of the embedded model, and one that waits for people: {page: address}."""
    from actors import act
    from contrasting import APART, TWO, carry_on, planned
    from judging import sit

    from sirius_core import campaign

    with Store(db) as store:
        plan = planned(APART, 3, heldout=20)
        contrast = campaign.create(store, plan)
        store.contrasts.predict(contrast, "Ann", "learns", 5.0, "It has seen more.")
        carry_on(store, contrast, plan)
        flip = telling.flips(store, contrast, "never learns", "learns", 0)
        waits = campaign.create(store, planned(TWO[::-1], 5, equal="calls"))
        act(store)
        act(store, seed=1, review=True)
        sit(store, recipe="actor_critic", rounds=1, heldout=30)
        failed = Browse(store.db).mended("tiny-0-1")[0]
    assert flip is not None
    return {
        "overview": "/overview?exp=tiny-0-1",
        "run": "/run?exp=tiny-0-1",
        "explore": "/explore?exp=tiny-0-1",
        "episode": f"/explore?exp=tiny-0-1&traj={failed}",
        "review": "/review?exp=tiny-1-1",
        "review-over": "/review?exp=tiny-0-1",
        "actor-critic": "/actor_critic?exp=court-0-1&cell=wrong-false",
        "library": "/library?exp=tiny-0-1",
        "settings": "/settings?exp=tiny-0-1",
        "contrast-plan": "/contrast?exp=tiny-0-1&contrast=new",
        "contrast-waits": f"/contrast?exp=tiny-0-1&contrast={waits}",
        "contrast": f"/contrast?contrast={contrast}&pair=0-1&seed=0&task={flip.rows[0]['task']}",
        "lesson": "/lesson?exp=tiny-0-1",
        "lesson-steps": "/lesson?exp=tiny-0-1&step=4",
        "lesson-ask": "/lesson?exp=tiny-0-1&part=ask",
    }


def longform(db: Path) -> dict[str, str]:
    """The same with replies of 200 to 900 words, formulas, code and tables."""
    import longform

    sizes = {"problems": 12, "heldout": 6, "validation": 4, "rounds": 1}
    with Store(db) as store:
        done = longform.act(store, **sizes).id
        waits = longform.act(store, seed=1, review=True, replays=2, blind=0.0, planted=0.0, **sizes).id
        failed = Browse(store.db).mended(done)[0]
        item = next(r.id for r in store.repairs.find(waits, 1) if r.mended)
    return {
        "overview": f"/overview?exp={done}",
        "run": f"/run?exp={done}",
        "explore": f"/explore?exp={done}",
        "episode": f"/explore?exp={done}&traj={failed}",
        "review": f"/review?exp={waits}&rv={item}",
        "library": f"/library?exp={done}",
    }


MAKERS: dict[str, Callable[[Path], dict[str, str]]] = {"pocket": pocket, "longform": longform}


@pytest.fixture(scope="module", params=list(MAKERS))
def pages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], str]
          ) -> tuple[str, dict[str, str]]:
    """(name of the fixture, {page: whole address})"""
    db = tmp_path_factory.mktemp("look") / "lab.db"
    made = apart(lambda: MAKERS[request.param](db))
    address = serve(db)
    return request.param, {name: address + path for name, path in made.items()}


def test_every_page_in_every_form(pages: tuple[str, dict[str, str]], visit: Callable[..., Any]) -> None:
    fixture, addresses = pages
    page, wrong = visit(), []
    for name, address in addresses.items():
        for form in shown(page, address):
            wrong += [f"{fixture} {name}, {form}: {line}" for line in (
                *wrong_layout(page), *inaccessible(page, beside=STREAMLITS, **ASKED[form]), *page.complaints)]
            page.complaints.clear()
            if folder := os.environ.get("SIRIUS_SHOTS"):
                page.set_viewport_size({"width": FORMS[form][1], "height": 2_400})  # the part that scrolls, whole
                page.wait_for_timeout(500)
                page.screenshot(path=f"{folder}/{fixture}_{name}_{form}.png")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def shown(page: Any, address: str) -> Iterator[str]:
    """The page of this address in one form after the other; it is loaded once, as a visitor's would be."""
    for form, (colours, width, height) in FORMS.items():
        page.emulate_media(color_scheme=colours)
        page.set_viewport_size({"width": width, "height": height})
        if form == "light":
            opened(page, address)
        else:
            settled(page)
        yield form
