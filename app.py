"""The frame of the lab: configuration, navigation, which experiment is open. Start it with ``make lab``."""

from __future__ import annotations

import streamlit as st

from sirius_core import jobs
from sirius_core.errors import SiriusError
from view import lab, live
from view.texts import STYLE

st.set_page_config(page_title="Sirius Lab", page_icon="🌟", layout="wide")
st.session_state["_routed"] = True  # a page that is opened first by its address comes here, see the top of each page


def overview() -> None:
    """Streamlit serves the default page at / alone; who writes or keeps the address /overview gets there, too."""
    st.switch_page(lab.OVERVIEW, query_params=st.query_params.to_dict())


PAGES = {
    "": [st.Page(lab.OVERVIEW, title="Overview", icon=":material/insights:", url_path="home", default=True),
         st.Page(overview, title="Overview", url_path="overview", visibility="hidden")],
    "Experiment": [
        st.Page(lab.RUN, title="Run", icon=":material/play_circle:", url_path="run"),
        st.Page(lab.CONTRAST, title="Contrast", icon=":material/compare_arrows:", url_path="contrast"),
        st.Page(lab.REVIEW, title="Review", icon=":material/rate_review:", url_path="review"),
    ],
    "Look inside": [
        st.Page(lab.EXPLORE, title="Explore", icon=":material/timeline:", url_path="explore"),
        st.Page(lab.ACTOR_CRITIC, title="Actor and critic", icon=":material/gavel:", url_path="actor_critic"),
        st.Page(lab.GAMES, title="Games", icon=":material/handshake:", url_path="games"),
        st.Page(lab.LIBRARY, title="Library", icon=":material/local_library:", url_path="library"),
        st.Page(lab.LESSON, title="Lesson", icon=":material/school:", url_path="lesson"),
    ],
    "Lab": [st.Page(lab.SETTINGS, title="Settings", icon=":material/settings:", url_path="settings")],
}

page = st.navigation(PAGES)
if goto := st.session_state.pop("_goto", None):
    st.switch_page(goto[0], query_params=goto[1])

st.logo(lab.LOGO, size="large")
st.html(STYLE)
st.title(page.title, icon=page.icon, anchor=False)
try:
    with lab.opened() as store:
        if first := jobs.first(store):
            lab.launch(first.id)
        with st.sidebar:
            experiment = lab.choose(store)
            if experiment is not None:
                live.watch(experiment.id)
except SiriusError as error:  # no database to open: nothing else can be shown
    st.error(lab.plain(str(error)), icon=":material/database_off:", title="The database cannot be opened")
    st.stop()

lab.notice()
try:
    page.run()
except SiriusError as error:
    st.error(lab.plain(str(error)), icon=":material/error:")
