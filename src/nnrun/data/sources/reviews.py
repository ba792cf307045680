"""The source `reviews`: made reviews of films, by users who have tastes, with words and stars."""

from __future__ import annotations

import numpy as np

from nnrun.data.sources.made_table import MadeTable

#: Genres, and how light, fast and dark a film of each is: what users like or dislike.
_GENRES = {
    "comedy": (1.0, 0.3, -0.8),
    "romance": (0.7, -0.7, -0.2),
    "action": (0.1, 1.0, 0.3),
    "thriller": (-0.6, 0.6, 0.8),
    "drama": (-0.8, -0.8, 0.3),
    "horror": (-0.5, 0.4, 1.2),
}
_GOOD = ("good", "moving", "clever", "funny", "gripping", "beautiful", "brilliant", "fresh")
_BAD = ("bad", "dull", "slow", "silly", "tired", "loud", "predictable", "empty")
_PARTS = ("the plot", "the acting", "the music", "the ending", "the cast", "the camera", "the dialogue")
_LINKS = ("is", "was", "felt", "seemed")
_DEGREES = ("", "very", "quite", "really", "so")
_NEGATIONS = ("not", "never", "hardly", "anything but")
#: The share of good statements in a review of 1 to 5 stars.
_GOOD_SHARES = (0.03, 0.15, 0.3, 0.85, 0.97)
_ASIDES = ("i saw it with friends", "we went on a sunday", "it is two hours long", "my sister chose it", "")


class Reviews(MadeTable):
    """Made reviews of films: who saw which, how many stars it got, and what was written (`the plot was not dull`).

    Users have tastes, and films genres, which decide the stars with some chance. The columns are `user` (`u017`),
    `film` (`f042`), `genres` (`drama;horror`), `review`, `stars` (1 to 5) and `liked` (`yes` where there are 4 or 5).
    Nobody reviews a film twice. The same options give the same reviews.

    Args:
        rows: The number of reviews.
        users: The number of users.
        films: The number of films.
        features: The feature columns by name or index; default: `user` and `film`.
        target: The target column by name or index, or a list of them.
        seed: The seed that they are drawn with.
    """

    name = "reviews"
    prose = frozenset({"review", "genres"})

    def __init__(
        self,
        rows: int = 6000,
        users: int = 200,
        films: int = 100,
        features: list[str | int] | None = None,
        target: str | int | list[str | int] = "stars",
        seed: int = 0,
    ) -> None:
        super().__init__(["user", "film"] if features is None else features, target, seed)
        self.require_at_least(1, rows=rows, users=users, films=films)
        if rows > users * films:
            raise ValueError(f"reviews: rows expected at most users times films, {users * films:,}, received {rows:,}")
        self.rows, self.users, self.films = rows, users, films

    def draw(self, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw users, films and reviews."""
        tastes, strictness = generator.normal(0, 0.8, (self.users, 3)), generator.normal(0, 0.5, self.users)
        names, quality = list(_GENRES), generator.normal(0, 0.5, self.films)
        chosen = [sorted(generator.choice(len(names), generator.integers(1, 4), replace=False)) for _ in quality]
        kinds = np.array([np.mean([_GENRES[names[one]] for one in each], axis=0) for each in chosen])
        kinds += generator.normal(0, 0.3, kinds.shape)
        pairs = generator.choice(self.users * self.films, self.rows, replace=False)
        user, film = pairs // self.films, pairs % self.films
        wish = 3.3 - strictness[user] + quality[film] + (tastes[user] * kinds[film]).sum(axis=1)
        stars = np.clip(np.round(wish + generator.normal(0, 0.4, self.rows)), 1, 5)
        genres = [";".join(names[one] for one in each) for each in chosen]
        return {
            "user": np.array([f"u{one:03}" for one in user], dtype=object),
            "film": np.array([f"f{one:03}" for one in film], dtype=object),
            "genres": np.array([genres[one] for one in film], dtype=object),
            "review": np.array([_review(one, generator) for one in stars.tolist()], dtype=object),
            "stars": stars,
            "liked": np.where(stars >= 4, "yes", "no").astype(object),
        }


def _review(stars: float, draw: np.random.Generator) -> str:
    """Write three statements, of which the more are good, the more stars there are, and an aside."""
    good = draw.random(3) < _GOOD_SHARES[int(stars) - 1]
    parts = draw.permutation(_PARTS)[:3].tolist()
    statements = [_statement(part, is_good=bool(one), draw=draw) for part, one in zip(parts, good, strict=True)]
    aside = _ASIDES[draw.integers(len(_ASIDES))]
    return " . ".join([*statements, aside] if aside else statements)


def _statement(part: str, *, is_good: bool, draw: np.random.Generator) -> str:
    is_negated = draw.random() < 0.35
    words = _GOOD if is_good != is_negated else _BAD
    degree = _NEGATIONS[draw.integers(len(_NEGATIONS))] if is_negated else _DEGREES[draw.integers(len(_DEGREES))]
    return " ".join(f"{part} {_LINKS[draw.integers(4)]} {degree} {words[draw.integers(len(words))]}".split())
