"""The law of the one comment: however the calls of several runs interleave, one of ours is left, and nobody else's is touched."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from reconciler.ci.comments import Item, Kept, marker
from reconciler.ci.github_threads import GITHUB
from reconciler.ci.rest import Rest, RestError

OURS, TEXT = "robot[bot]", f"{marker('default')}\n"
AUTHORS = st.sampled_from([OURS, OURS.upper(), "robot", "mallory", None])


@dataclass(kw_only=True)
class Schedule:
    """Lets one call of one run happen at a time, in the order of `turns`."""

    turns: list[int]
    runs: int
    lock: threading.Condition = field(default_factory=threading.Condition)
    waiting: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    chosen: int | None = None

    def step(self, run: int) -> None:
        """Wait for the next turn of this run."""
        with self.lock:
            self.waiting.add(run)
            self._choose()
            self.lock.wait_for(lambda: self.chosen == run, timeout=20)
            self.chosen = None
            self.waiting.discard(run)

    def end(self, run: int) -> None:
        """This run makes no more calls."""
        with self.lock:
            self.ended.add(run)
            self._choose()

    def _choose(self) -> None:
        ready = sorted(self.waiting)
        if self.chosen is None and ready and len(ready) + len(self.ended) == self.runs:
            turn = self.turns.pop(0) if self.turns else 0
            self.chosen = ready[turn % len(ready)]
            self.lock.notify_all()


@dataclass(kw_only=True)
class Page:
    """The comments of a pull request."""

    items: list[Item]
    last: int = 100


@dataclass(frozen=True, kw_only=True)
class PageOfRun:
    """The page, as one run reaches it."""

    page: Page
    schedule: Schedule
    run: int
    rest: Rest

    def items(self) -> list[Item]:
        self.schedule.step(self.run)
        return list(self.page.items)

    def create(self, text: str) -> Item:
        self.schedule.step(self.run)
        self.page.last += 1
        made = Item(number=self.page.last, author=OURS, text=text)
        self.page.items.append(made)
        return made

    def update(self, item: Item, text: str) -> Item:
        self.schedule.step(self.run)
        for place, found in enumerate(self.page.items):
            if found.number == item.number:
                self.page.items[place] = replace(found, text=text)
                return self.page.items[place]
        raise RestError("gone", status=404, method="PATCH")

    def remove(self, item: Item) -> None:
        self.schedule.step(self.run)
        self.page.items[:] = [found for found in self.page.items if found.number != item.number]

    def viewer(self) -> str:
        return OURS


@given(
    before=st.lists(st.tuples(AUTHORS, st.booleans()), max_size=4),
    runs=st.integers(2, 4),
    turns=st.lists(st.integers(0, 3), max_size=40),
)
def test_one_of_ours_is_left_whatever_the_order_of_calls(
    before: list[tuple[str | None, bool]], runs: int, turns: list[int]
) -> None:
    items = [
        Item(number=number, author=author, text=f"{TEXT if is_marked else ''}before")
        for number, (author, is_marked) in enumerate(before, start=1)
    ]
    page, schedule = Page(items=list(items)), Schedule(turns=list(turns), runs=runs)
    rest = Rest(api=GITHUB, url="http://127.0.0.1:9", token=GITHUB.token_from("x"))
    failures: list[BaseException] = []

    def post(run: int) -> None:
        place = PageOfRun(page=page, schedule=schedule, run=run, rest=rest)
        try:
            Kept(place=place, key="default", author=OURS).put(f"{TEXT}of run {run}")
        except BaseException as error:  # noqa: BLE001  the test reports it
            failures.append(error)
        finally:
            schedule.end(run)

    threads = [threading.Thread(target=post, args=(run,)) for run in range(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def is_ours(item: Item) -> bool:
        return item.author is not None and item.author.casefold() == OURS and item.text.startswith(TEXT)

    assert failures == []
    assert [item for item in page.items if not is_ours(item)] == [item for item in items if not is_ours(item)]
    (kept,) = (item for item in page.items if is_ours(item))
    assert kept.text in {f"{TEXT}of run {run}" for run in range(runs)}
    assert kept.number == min([item.number for item in items if is_ours(item)], default=101)
