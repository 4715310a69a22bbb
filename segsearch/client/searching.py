"""Calls that search, and that refine a search by feedback."""

from __future__ import annotations

from collections.abc import Sequence

from . import calls
from .asking import MaskFormat, Search, ThingsSearch
from .calls import C, Call, Group, given
from .search_values import Answer, Answered, Facets, Round, ThingsAnswer


def _body(search: Search | str) -> dict[str, object]:
    return (Search(search) if isinstance(search, str) else search).json()


class Searches(Group[C]):
    """Searching."""

    @calls.post("/search")
    def find(self, search: Search | str) -> Call[Answer]:
        """Results, best first; a text alone is searched for as words.

        Raises
        ------
        InvalidRequestError
            The search is empty or contradicts itself.
        NotFoundError
            An example does not exist.
        """
        return Call(Answer, body=_body(search))

    @calls.post("/search/batch")
    def find_many(self, searches: Sequence[Search | str]) -> Call[list[Answered]]:
        """The answers of up to 100 searches, each with an error of its own, in their order."""
        return Call(list[Answered], body={"searches": [_body(each) for each in searches]}, within="answers")

    @calls.post("/search/things")
    def find_things(self, search: ThingsSearch) -> Call[ThingsAnswer]:
        """Everything in a photo: results for each of its things by itself.

        Raises
        ------
        InvalidRequestError
            There is not one photo, or it was not analysed yet.
        NotFoundError
            The photo does not exist.
        """
        return Call(ThingsAnswer, body=search.json())

    @calls.post("/search/facets")
    def facets(self, search: Search | str) -> Call[Facets]:
        """How many likely results there are in each folder and year, with each label, and so on."""
        return Call(Facets, body=_body(search))

    @calls.get("/words")
    def words(self, prefix: str, *, limit: int = 10) -> Call[list[str]]:
        """Words that can be searched for and that begin like this, most likely first."""
        return Call(list[str], query={"prefix": prefix, "limit": limit}, within="words")


class Feedback(Group[C]):
    """Searches that are refined by judgements, in rounds."""

    @calls.post("/feedback")
    def begin(self, search: Search | str) -> Call[Round]:
        """Round 0, the plain search."""
        return Call(Round, body=_body(search))

    @calls.get("/feedback/{feedback_id}")
    def get(self, feedback_id: int, *, round: int | None = None, masks: MaskFormat = "none") -> Call[Round]:
        """The results of a round, the last one if none is named."""
        return Call(Round, {"feedback_id": feedback_id}, given(round=round, masks=masks))

    @calls.post("/feedback/{feedback_id}/rounds")
    def judge(
        self,
        feedback_id: int,
        *,
        relevant: Sequence[int] = (),
        irrelevant: Sequence[int] = (),
        withdrawn: Sequence[int] = (),
        masks: MaskFormat = "none",
    ) -> Call[Round]:
        """The next round, by all judgements so far.

        Parameters
        ----------
        feedback_id : int
        relevant, irrelevant : sequence of int
            Segments that show what is searched for, and that do not.
        withdrawn : sequence of int
            Segments whose judgement no longer counts.
        masks : {"none", "rle", "polygons"}
            How results have their masks.
        """
        judged = {"relevant": list(relevant), "irrelevant": list(irrelevant), "withdrawn": list(withdrawn)}
        return Call(Round, {"feedback_id": feedback_id}, body={**judged, "masks": masks})

    @calls.delete("/feedback/{feedback_id}/rounds/last")
    def undo(self, feedback_id: int, *, masks: MaskFormat = "none") -> Call[Round]:
        """Forget the last round's judgements; the round before."""
        return Call(Round, {"feedback_id": feedback_id}, {"masks": masks})
