"""Makes small data for the configs in docs/examples: `python tools/make_example_data.py FOLDER`.

Each file has the columns, shapes and types of the example's own data, with a rule in it that a network can learn.
"""

from __future__ import annotations

import sys
import wave as wave_file
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

Random = np.random.Generator


def heart(random: Random) -> pd.DataFrame:
    """Patients with numbers and categories, and whether they have a heart disease."""
    rows = 200
    age = random.integers(30, 78, rows)
    thal = random.choice(["normal", "fixed", "reversible"], rows)
    frame = pd.DataFrame({"age": age, "sex": random.integers(0, 2, rows), "cp": random.integers(0, 4, rows)})
    frame["trestbps"], frame["chol"] = random.integers(94, 200, rows), random.integers(126, 400, rows)
    frame["fbs"], frame["restecg"] = random.integers(0, 2, rows), random.integers(0, 3, rows)
    frame["thalach"], frame["exang"] = random.integers(80, 200, rows), random.integers(0, 2, rows)
    frame["oldpeak"], frame["slope"] = random.uniform(0, 5, rows).round(1), random.integers(1, 4, rows)
    frame["ca"], frame["thal"] = random.integers(0, 4, rows), thal
    frame["target"] = ((age > 55).astype(int) + (thal == "reversible") + frame["exang"] >= 2).astype(int)
    return frame


def bank(random: Random) -> pd.DataFrame:
    """Calls of a bank's campaign, and whether the customer agreed."""
    rows = 300
    frame = pd.DataFrame({"age": random.integers(18, 90, rows)})
    for name, values in (
        ("job", ["admin", "technician", "services", "retired"]),
        ("marital", ["married", "single", "divorced"]),
        ("education", ["primary", "secondary", "tertiary"]),
        ("contact", ["cellular", "telephone"]),
        ("month", ["jan", "may", "aug", "nov"]),
        ("poutcome", ["failure", "success", "other"]),
    ):
        frame[name] = random.choice(values, rows)
    frame["balance"], frame["campaign"] = random.integers(-500, 9000, rows), random.integers(1, 9, rows)
    frame["previous"] = random.integers(0, 5, rows)
    frame["y"] = np.where((frame["poutcome"] == "success") | (frame["balance"] > 7500), "yes", "no")
    return frame


def fraud(random: Random) -> pd.DataFrame:
    """Payments by card, of which about 6 % are fraud."""
    values = random.normal(size=(600, 6))
    frame = pd.DataFrame(values, columns=[f"V{number}" for number in range(1, 7)])
    frame["Amount"] = random.gamma(2, 40, 600).round(2)
    frame["Class"] = (values[:, 0] + values[:, 1] > 2.2).astype(int)
    return frame


def covertype(random: Random) -> pd.DataFrame:
    """Pieces of forest and what grows there."""
    rows = 500
    height = random.integers(1900, 3800, rows)
    frame = pd.DataFrame({"Elevation": height, "Aspect": random.integers(0, 360, rows)})
    frame["Slope"], frame["Hillshade_Noon"] = random.integers(0, 60, rows), random.integers(0, 255, rows)
    frame["Wilderness_Area"] = random.choice(["Rawah", "Neota", "Comanche"], rows)
    frame["Soil_Type"] = random.choice([f"soil_{number}" for number in range(6)], rows)
    frame["Cover_Type"] = np.where(height < 2500, "pine", np.where(height < 3200, "spruce", "fir"))
    return frame


def census(random: Random) -> pd.DataFrame:
    """Persons with their weights in the sample, and whether they earn more than 50,000 dollars."""
    rows = 500
    age, hours = random.integers(17, 90, rows), random.integers(1, 99, rows)
    school = random.choice(["HS-grad", "Bachelors", "Masters", "11th"], rows)
    frame = pd.DataFrame({"age": age, "workclass": random.choice(["Private", "State-gov", "Self-emp"], rows)})
    frame["education"], frame["hours"], frame["sex"] = school, hours, random.choice(["Male", "Female"], rows)
    frame["weight"] = random.uniform(0.5, 2.0, rows).round(3)
    frame["income"] = np.where((age > 35) & np.isin(school, ["Bachelors", "Masters"]) & (hours > 30), ">50K", "<=50K")
    return frame


def ratings(random: Random) -> pd.DataFrame:
    """Ratings of 40 films by 60 users."""
    user, film = random.integers(1, 61, 800), random.integers(1, 41, 800)
    taste, kind = random.normal(size=(61, 2)), random.normal(size=(41, 2))
    value = np.clip(np.round(6 + 2 * np.sum(taste[user] * kind[film], axis=1)) / 2, 0.5, 5)
    frame = pd.DataFrame({"userId": user, "movieId": film, "rating": value})
    return frame.drop_duplicates(["userId", "movieId"])


def ford(random: Random) -> pd.DataFrame:
    """Noise of engines, 60 numbers in time, after the class -1 or 1."""
    classes = random.choice([-1, 1], 160)
    steps = np.arange(60)
    speed = np.where(classes == 1, 0.5, 0.25)[:, None]
    values = np.sin(speed * steps + random.uniform(0, 6, (160, 1))) + random.normal(0, 0.3, (160, 60))
    return pd.DataFrame(np.column_stack([classes, values.round(4)])).astype({0: int})


def load(random: Random) -> pd.DataFrame:
    """The load of a server, every half hour, with a day's rhythm."""
    times = pd.date_range("2014-04-01", periods=800, freq="30min")
    values = 50 + 20 * np.sin(np.arange(800) * 2 * np.pi / 48) + random.normal(0, 2, 800)
    return pd.DataFrame({"timestamp": times.strftime("%Y-%m-%d %H:%M:%S"), "value": values.round(3)})


def weather(random: Random) -> pd.DataFrame:
    """Seven measurements an hour."""
    hours = np.arange(900)
    times = pd.date_range("2009-01-01", periods=900, freq="h").strftime("%Y-%m-%d %H:%M:%S")
    frame = pd.DataFrame({"time": times})
    for number, name in enumerate(["pressure", "temperature", "vapour", "deficit", "humidity", "density", "wind"]):
        frame[name] = (10 + number + 5 * np.sin((hours + number) * 2 * np.pi / 24) + random.normal(0, 0.5, 900)).round(
            2
        )
    return frame


def cars(random: Random) -> pd.DataFrame:
    """Cars, some without horsepower."""
    rows = 200
    frame = pd.DataFrame({"cylinders": random.choice([4, 6, 8], rows)})
    frame["horsepower"] = (frame["cylinders"] * 22 + random.normal(0, 8, rows)).round(0)
    frame["weight"] = (frame["cylinders"] * 550 + random.normal(0, 150, rows)).round(0)
    frame["year"], frame["origin"] = random.integers(70, 83, rows), random.choice(["USA", "Europe", "Japan"], rows)
    frame["mpg"] = (52 - frame["weight"] / 125 + 0.4 * (frame["year"] - 70) + random.normal(0, 1, rows)).round(1)
    frame.loc[::29, "horsepower"] = np.nan
    return frame


def titanic(random: Random) -> pd.DataFrame:
    """Passengers, some without an age or a port."""
    rows = 250
    frame = pd.DataFrame({"PassengerId": range(1, rows + 1), "Pclass": random.integers(1, 4, rows)})
    frame["Sex"], frame["Age"] = random.choice(["male", "female"], rows), random.integers(1, 75, rows).astype(float)
    frame["SibSp"], frame["Parch"] = random.integers(0, 4, rows), random.integers(0, 3, rows)
    frame["Fare"], frame["Embarked"] = random.gamma(2, 20, rows).round(2), random.choice(["S", "C", "Q"], rows)
    frame["Survived"] = ((frame["Sex"] == "female") | (frame["Age"] < 10)).astype(int)
    frame.loc[::11, "Age"], frame.loc[::50, "Embarked"] = np.nan, None
    return frame


def reviews(random: Random) -> pd.DataFrame:
    """Short reviews of films, good or bad."""
    good, bad = ["wonderful", "moving", "funny", "brilliant"], ["boring", "awful", "silly", "a waste of time"]
    kind = random.integers(0, 2, 240)
    texts = [
        f"The {random.choice(['film', 'story', 'cast'])} was {random.choice(bad if one == 0 else good)}, "
        f"and I {random.choice(['saw it twice', 'went home', 'told my friends'])}."
        for one in kind
    ]
    return pd.DataFrame({"review": texts, "sentiment": np.where(kind == 1, "positive", "negative")})


def news(random: Random) -> pd.DataFrame:
    """Headlines of three topics."""
    words = {
        "sport": ["match", "goal", "coach", "season"],
        "business": ["shares", "bank", "profit", "market"],
        "science": ["cells", "planet", "study", "energy"],
    }
    topics = random.choice(sorted(words), 240)
    texts = [" ".join(["New", *random.choice(words[topic], 3), "reported on", random.choice(["Monday", "Friday"])])
             for topic in topics]  # fmt: skip
    return pd.DataFrame({"text": texts, "topic": topics})


def pairs(random: Random) -> pd.DataFrame:
    """Two drawings of 3 x 3 pixels in each row, and whether they show other letters."""
    letters = random.integers(0, 2, (5, 9))
    first, apart = random.integers(0, 5, 300), random.integers(0, 2, 300)
    second = (first + apart * random.integers(1, 5, 300)) % 5
    pixels = [(letters[one] + random.normal(0, 0.1, (300, 9))).round(3) for one in (first, second)]
    names = [f"{side}{pixel}" for side in "ab" for pixel in range(9)]
    return pd.DataFrame(np.column_stack(pixels), columns=names).assign(apart=apart)


def translations(random: Random) -> pd.DataFrame:
    """Short sentences in English, and in French."""
    who = {"I": "je", "you": "tu", "we": "nous"}
    verbs = {
        "see": ("vois", "vois", "voyons"),
        "take": ("prends", "prends", "prenons"),
        "want": ("veux", "veux", "voulons"),
    }
    things = {"the house": "la maison", "a book": "un livre", "the cat": "le chat", "bread": "du pain"}
    rows = []
    for _ in range(300):
        person, verb, thing = (random.choice(list(words)) for words in (who, verbs, things))
        said = verbs[verb][list(who).index(person)]
        rows.append(
            (f"{person} {verb} {thing}".capitalize() + ".", f"{who[person]} {said} {things[thing]}".capitalize() + ".")
        )
    return pd.DataFrame(rows, columns=["english", "french"])


def sums(random: Random) -> pd.DataFrame:
    """Sums of two numbers and their results."""
    one, other = random.integers(0, 1000, (2, 500))
    return pd.DataFrame(
        {"sum": [f"{a}+{b}" for a, b in zip(one, other, strict=True)], "result": (one + other).astype(str)}
    )


def dialogues(random: Random) -> pd.DataFrame:
    """What somebody says, and the answer."""
    pairs = {
        "how are you": "fine thanks and you",
        "where do you live": "i live in a small town",
        "what is your name": "my name is ada",
        "do you like tea": "yes i like it very much",
    }
    said = random.choice(list(pairs), 240)
    before = random.choice(["", "hello ", "tell me "], 240)
    return pd.DataFrame(
        {"said": [a + b for a, b in zip(before, said, strict=True)], "answer": [pairs[one] for one in said]}
    )


def names(random: Random) -> pd.DataFrame:
    """Sentences, and a tag for each of their words."""
    people, places = ["Anna", "Ben", "Chloe Smith"], ["Rome", "New York", "Oslo"]
    rows = []
    for _ in range(240):
        person, place, verb = random.choice(people), random.choice(places), random.choice(["sees", "leaves", "likes"])
        tags = [*["B-PER", "I-PER"][: len(person.split())], "O", *["B-LOC", "I-LOC"][: len(place.split())]]
        rows.append((f"{person} {verb} {place}", " ".join(tags)))
    return pd.DataFrame(rows, columns=["words", "tags"])


def abstracts(random: Random) -> pd.DataFrame:
    """Summaries, and the list of their subjects."""
    subjects = {"cs.CV": "images of faces", "cs.LG": "learning with gradients", "stat.ML": "a prior of samples"}
    chosen = [sorted(random.choice(list(subjects), random.integers(1, 3), replace=False)) for _ in range(240)]
    texts = ["We study " + " and ".join(subjects[one] for one in each) + " in this paper." for each in chosen]
    return pd.DataFrame({"summary": texts, "terms": [str([str(one) for one in each]) for each in chosen]})


def histories(random: Random) -> pd.DataFrame:
    """The films that a user rated before, the next one, and its rating."""
    films = [f"film_{number}" for number in range(20)]
    before = random.integers(0, 20, (300, 4))
    following = random.integers(0, 20, 300)
    frame = pd.DataFrame({"films": [" ".join(films[one] for one in row) for row in before]})
    frame["film"] = [films[one] for one in following]
    frame["sex"], frame["age"] = random.choice(["F", "M"], 300), random.integers(15, 70, 300)
    frame["rating"] = 1 + (following % 2 == before[:, -1] % 2) * 3 + random.integers(0, 2, 300)
    return frame


def eeg(random: Random) -> pd.DataFrame:
    """Signals of 64 numbers in a cell, and what was looked at."""
    kinds = random.integers(0, 3, 150)
    signals = np.sin(np.arange(64) * (0.3 + 0.3 * kinds[:, None])) + random.normal(0, 0.3, (150, 64))
    cells = [" ".join(f"{one:.3f}" for one in row) for row in signals]
    return pd.DataFrame({"raw_values": cells, "label": np.array(["face", "house", "word"])[kinds]})


def films(random: Random) -> pd.DataFrame:
    """Films with sets of genres and actors, a review, and whether they are liked."""
    rows = []
    for _ in range(250):
        genres = random.choice(["drama", "war", "comedy", "love"], random.integers(1, 4), replace=False)
        actors = random.choice(["Ann Lee", "Bob Ray", "Cid Fox", "Dot Kay"], random.integers(1, 3), replace=False)
        liked = ("comedy" in genres) != ("Bob Ray" in actors)
        word = random.choice(["bright", "warm"] if liked else ["dull", "cold"])
        rows.append((random.integers(1960, 2024), random.choice(["PG", "R"]), ";".join(genres), ";".join(actors),
                     f"A {word} film.", "yes" if liked else "no"))  # fmt: skip
    return pd.DataFrame(rows, columns=["year", "content_rating", "genres", "actors", "review", "liked"])


#: Tables as csv files: how they are made, and pandas' arguments for writing them.
TABLES: dict[str, tuple[Any, dict[str, Any]]] = {
    "heart.csv": (heart, {}),
    "bank.csv": (bank, {"sep": ";"}),
    "fraud.csv": (fraud, {}),
    "covertype.csv": (covertype, {}),
    "census.csv": (census, {}),
    "ratings.csv": (ratings, {}),
    "FordA_TRAIN.tsv": (ford, {"sep": "\t", "header": False}),
    "FordA_TEST.tsv": (ford, {"sep": "\t", "header": False}),
    "load.csv": (load, {}),
    "weather.csv": (weather, {}),
    "cars.csv": (cars, {}),
    "titanic.csv": (titanic, {}),
    "reviews.csv": (reviews, {}),
    "news.csv": (news, {}),
    "pairs.csv": (pairs, {}),
    "translations.csv": (translations, {}),
    "sums.csv": (sums, {}),
    "dialogues.csv": (dialogues, {}),
    "names.csv": (names, {}),
    "abstracts.csv": (abstracts, {}),
    "histories.csv": (histories, {}),
    "eeg.csv": (eeg, {}),
    "films.csv": (films, {}),
}


def _blob(random: Random, size: int, kind: int) -> np.ndarray:
    """Return a picture (size, size, 3) of a disc, a square, or a cross, in a colour of its own on dark noise."""
    pixels = random.integers(0, 60, (size, size, 3))
    rows, columns = np.mgrid[:size, :size] - random.integers(size // 3, 2 * size // 3, (2, 1, 1))
    radius = size // 4
    near = np.maximum(abs(rows), abs(columns)) < radius
    shapes = [rows**2 + columns**2 < radius**2, near, near & (np.minimum(abs(rows), abs(columns)) < radius // 3)]
    pixels[shapes[kind % 3]] = (200, 80 + 60 * (kind % 3), 100)
    return pixels.astype("uint8")


def pictures(folder: Path, random: Random, classes: list[str], size: int, count: int) -> None:
    """Write pictures into a folder for each class."""
    for kind, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.fromarray(_blob(random, size, kind)).save(folder / name / f"{number:03}.png")


def masks(folder: Path, random: Random, size: int, count: int) -> None:
    """Write photographs, and for each a mask with 1 for a disc, 2 for what is around it and 3 for its border."""
    rows, columns = np.mgrid[:size, :size]
    for name in ("images", "trimaps"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        photo = _blob(random, size, number % 2)
        row, column = random.integers(size // 3, 2 * size // 3, 2)
        distance = np.hypot(rows - row, columns - column)
        photo[distance < size / 5] = (200, 60, 60)
        mask = np.where(distance < size / 5, 1, np.where(distance < size / 5 + 2, 3, 2)).astype("uint8")
        Image.fromarray(photo).save(folder / "images" / f"{number:03}.jpg", quality=95)
        Image.fromarray(mask).save(folder / "trimaps" / f"{number:03}.png")


def located(file: Path, random: Random, size: int, count: int, *, points: int) -> None:
    """Write pictures of a disc, and a list of them with the corners of its box, or so many points on its border.

    Coordinates are pixels of pictures that are resized to 224 x 224.
    """
    file.parent.mkdir(parents=True)
    rows, columns = np.mgrid[:size, :size]
    angles = 2 * np.pi * np.arange(points) / max(points, 1)
    names = [f"{axis}{number}" for number in range(points) for axis in "xy"] or ["x1", "y1", "x2", "y2"]
    lines = [["picture", *names]]
    for number in range(count):
        pixels = random.integers(0, 60, (size, size, 3))
        radius, centre = size / 8, random.uniform(size / 4, 3 * size / 4, 2)
        pixels[np.hypot(columns - centre[0], rows - centre[1]) < radius] = (200, 200, 100)
        Image.fromarray(pixels.astype("uint8")).save(file.parent / f"{number:03}.jpg", quality=95)
        border = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        corners = border if points else np.array([[-1, -1], [1, 1]])
        values = (centre + radius * corners).reshape(-1) * 224 / size
        lines.append([f"{number:03}.jpg", *(f"{value:.1f}" for value in values)])
    file.write_text("\n".join(map(",".join, lines)) + "\n", encoding="utf-8")


def enlarged(folder: Path, random: Random, size: int, times: int, count: int) -> None:
    """Write small pictures, and each in several times the size."""
    for name in ("small", "large"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        large = Image.fromarray(_blob(random, size * times, number % 2))
        large.save(folder / "large" / f"{number:03}.png")
        large.resize((size, size)).save(folder / "small" / f"{number:03}.png")


def sounds(folder: Path, random: Random, classes: list[str], count: int) -> None:
    """Write half a second of a tone with its overtones into a folder for each class, at 8,000 samples a second."""
    times = np.arange(4000) / 8000
    for kind, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pitch = (150 + 130 * kind) * random.uniform(0.95, 1.05)
            wave = sum(np.sin(2 * np.pi * pitch * overtone * times) / overtone for overtone in (1, 2, 3))
            values = (6000 * wave + random.normal(0, 300, 4000)).astype("<i2")
            with wave_file.open(str(folder / name / f"{number:03}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(values.tobytes())


def arrays(random: Random) -> dict[str, dict[str, np.ndarray]]:
    """Return the arrays of npz files, by the files' names."""
    stripes = random.integers(0, 60, (90, 3, 28, 28))
    has = random.integers(0, 2, 90)
    stripes[has == 1, 0, 10:18, :] = 230
    volumes, organs = random.integers(0, 90, (60, 28, 28, 28)).astype("uint8"), random.integers(0, 3, 60)
    for number, organ in enumerate(organs):
        volumes[number, 6 * organ : 6 * organ + 8] = 220
    points, bodies = random.normal(size=(120, 128, 3)), random.integers(0, 3, 120)
    points[bodies == 1] /= np.linalg.norm(points[bodies == 1], axis=-1, keepdims=True)
    points[bodies == 2, :, 2] = 0.0
    frames = np.zeros((30, 7, 16, 16, 1), dtype="uint8")
    for video, (row, column) in enumerate(random.integers(0, 8, (30, 2))):
        for time in range(7):
            frames[video, time, row : row + 4, column + time : column + time + 4] = 255
    kinds = np.arange(240) % 10
    drawn = np.stack([_blob(random, 32, kind) for kind in kinds])
    words = random.integers(4, 20_000, (240, 200))
    words[kinds == 1, -20:] = 7
    signals, stimuli = random.normal(size=(120, 8, 64)), random.integers(0, 3, 120)
    signals += 2 * np.sin(np.arange(64) * (0.4 + 0.3 * stimuli[:, None, None]))
    return {
        "bags.npz": {"x": stripes.astype("float32"), "y": has},
        "organmnist3d.npz": {
            "train_images": volumes[:45],
            "train_labels": organs[:45, None],
            "test_images": volumes[45:],
            "test_labels": organs[45:, None],
        },
        "points.npz": {"x": points.astype("float32"), "y": bodies},
        "moving.npz": {"x": frames[:, :-1], "y": frames[:, 1:]},
        "eeg.npz": {"x": signals.astype("float32"), "y": stimuli},
        # In the place of named data sets, which are downloaded.
        "mnist.npz": {"x": drawn[:, 2:30, 2:30, 1], "y": kinds},
        "cifar10.npz": {"x": drawn, "y": kinds},
        "imdb.npz": {"x": words, "y": (kinds == 1).astype(int)},
    }


def prose(random: Random, sentences: int) -> str:
    """Return sentences of a few words."""
    words = ["the spirit", "a man", "the world", "every truth"], ["sees", "wants", "becomes", "denies"], [
        "itself", "the night", "its own law", "what is far"]  # fmt: skip
    return " ".join(" ".join(random.choice(part) for part in words).capitalize() + "." for _ in range(sentences))


def tagged_pictures(folder: Path, random: Random, count: int) -> None:
    """Write pictures of stripes, and a csv file that lists them with a tag for each colour in them."""
    folder.mkdir(parents=True)
    lines = ["picture,tags"]
    for number in range(count):
        chosen = sorted(random.choice(3, random.integers(0, 4), replace=False))
        pixels = random.integers(0, 60, (16, 16, 3))
        for colour in chosen:
            pixels[:, random.integers(0, 13) :, colour] += 150
        Image.fromarray(pixels.astype("uint8")).save(folder / f"{number:03}.png")
        lines.append(f"{number:03}.png,{';'.join(('red', 'green', 'blue')[colour] for colour in chosen)}")
    (folder / "list.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def illustrated(folder: Path, random: Random, size: int, table: pd.DataFrame, kinds: dict[str, np.ndarray]) -> None:
    """Write a table whose rows name pictures of their kind, in as many columns, next to these pictures."""
    folder.mkdir(parents=True)
    named = {name: [f"{name}/{number:03}.png" for number in range(len(table))] for name in kinds}
    for name, kind in kinds.items():
        (folder / name).mkdir()
        for file, one in zip(named[name], kind.tolist(), strict=True):
            Image.fromarray(_blob(random, size, one)).save(folder / file)
    table.assign(**named).to_csv(folder / "list.csv", index=False)


def accounts(random: Random, rows: int) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Accounts of a social network with their pictures, and whether a program writes for them."""
    words = ["coffee", "music", "news", "daily", "links", "crypto", "mother", "writer"]
    frame = pd.DataFrame({"description": [" ".join(random.choice(words, 5)) for _ in range(rows)]})
    for name in ("default_profile", "default_profile_image", "geo_enabled", "verified"):
        frame[name] = random.choice([True, False], rows)
    for name, most in (("favourites_count", 9000), ("followers_count", 5000), ("friends_count", 900)):
        frame[name] = random.integers(0, most, rows)
    frame["lang"] = random.choice(["en", "es", "pt"], rows)
    frame["statuses_count"], frame["account_age_days"] = random.integers(1, 90000, rows), random.integers(9, 4000, rows)
    frame["average_tweets_per_day"] = (frame["statuses_count"] / frame["account_age_days"]).round(3)
    kinds = {
        "profile_image_path": random.integers(3, size=rows),
        "background_image_path": random.integers(3, size=rows),
    }
    signs = frame["description"].str.contains("crypto").astype(int) + (kinds["profile_image_path"] == 2)
    frame["account_type"] = np.where(signs + frame["default_profile"] >= 2, "bot", "human")
    return frame, kinds


def claims(random: Random, rows: int) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Insured vehicles with a picture of the damage, and what was paid."""
    frame = pd.DataFrame({"insurance_company": random.choice(["AA", "B", "RR"], rows)})
    frame["cost_of_vehicle"] = random.integers(110, 600, rows) * 100
    frame["min_coverage"] = frame["cost_of_vehicle"] / 40
    frame["expiry_date"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 900, rows), "D")
    frame["max_coverage"] = frame["cost_of_vehicle"] * random.choice([0.2, 0.5], rows)
    kinds = random.integers(3, size=rows)
    frame["amount"] = (frame["max_coverage"] * (0.1 + 0.2 * kinds)).round()
    return frame, {"image_path": kinds}


def questions(random: Random, rows: int) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Questions about pictures, and their answers."""
    kinds, is_shape = random.integers(3, size=rows), random.choice([True, False], rows)
    frame = pd.DataFrame({"question": np.where(is_shape, "what shape is this", "how many corners are there")})
    shapes, corners = np.array(["a round disc", "a square", "a cross"]), np.array(["none", "there are four", "twelve"])
    frame["answer"] = np.where(is_shape, shapes[kinds], corners[kinds])
    return frame, {"image_path": kinds}


def pairs_of_drawings(random: Random, rows: int) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Two drawings in a row, and whether they are of different shapes."""
    one, other = random.integers(3, size=(2, rows))
    return pd.DataFrame({"apart": (one != other).astype(int)}), {"one": one, "other": other}


def text_files(folder: Path, texts: pd.Series, classes: pd.Series) -> None:
    """Write each text into a file in the folder of its class."""
    for number, (text, kind) in enumerate(zip(texts, classes, strict=True)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind / f"{number:03}.txt").write_text(text * 6, encoding="utf-8")


def word_vectors(random: Random, texts: pd.Series) -> str:
    """Return vectors of 8 numbers for the words of texts, a line each."""
    words = sorted({word.strip(".,").lower() for text in texts for word in text.split()})
    return "".join(f"{word} {' '.join(f'{one:.4f}' for one in random.normal(size=8))}\n" for word in words)


def written_texts(folder: Path, random: Random, letters: str, lengths: tuple[int, int], count: int) -> None:
    """Write pictures of 50 x 200 pixels with a text, and `texts.csv`, which lists them."""
    from PIL import Image, ImageDraw, ImageFont

    folder.mkdir(parents=True, exist_ok=True)
    lines, font = ["file,text"], ImageFont.load_default(size=30)
    for number in range(count):
        text = "".join(random.choice(list(letters), random.integers(*lengths)))
        picture = Image.new("L", (200, 50), 255)
        for place, letter in enumerate(text):
            at = (10 + 34 * place + int(random.integers(-3, 4)), int(random.integers(2, 12)))
            ImageDraw.Draw(picture).text(at, letter, fill=0, font=font)
        picture.save(folder / f"{number:03}.png")
        lines.append(f"{number:03}.png,{text}")
    (folder / "texts.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


#: Tables that name pictures, their rows, and the size of the pictures.
ILLUSTRATED: dict[str, tuple[Any, int, int]] = {
    "twitter_bots": (accounts, 160, 32),
    "insurance_lite": (claims, 150, 32),
    "questions": (questions, 140, 32),
    "drawings": (pairs_of_drawings, 130, 28),
}


def make(folder: Path) -> None:
    """Write all files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, (table, options)) in enumerate(TABLES.items()):
        table(np.random.default_rng(number)).to_csv(folder / name, index=False, **options)
    random = np.random.default_rng(99)
    pictures(folder / "pets", random, ["cat", "dog"], 64, 60)
    pictures(folder / "flowers", random, ["daisy", "rose", "tulip"], 72, 50)
    pictures(folder / "xray", random, ["normal", "pneumonia"], 64, 40)
    sounds(folder / "words", random, ["no", "up", "yes"], 30)
    sounds(folder / "speakers", random, ["ada", "ben"], 30)
    for name, members in arrays(random).items():
        np.savez_compressed(folder / name, **members)
    tagged_pictures(folder / "tagged", random, 120)
    for name, (made, rows, size) in ILLUSTRATED.items():
        own = np.random.default_rng(rows)
        illustrated(folder / name, own, size, *made(own, rows))
    judged, posts = reviews(random), news(random)
    text_files(folder / "aclImdb" / "train", judged["review"][:160], judged["sentiment"][:160])
    text_files(folder / "aclImdb" / "test", judged["review"][160:], judged["sentiment"][160:])
    text_files(folder / "newsgroups", posts["text"] + " ", posts["topic"])
    (folder / "glove.txt").write_text(word_vectors(random, posts["text"]), encoding="utf-8")
    (folder / "nietzsche.txt").write_text(prose(random, 120), encoding="utf-8")
    (folder / "reviews.txt").write_text(prose(random, 200), encoding="utf-8")
    masks(folder / "oxford", random, 64, 40)
    enlarged(folder / "bsds", random, 24, 3, 40)
    located(folder / "dogs" / "keypoints.csv", np.random.default_rng(1), 64, 100, points=24)
    located(folder / "airplanes" / "boxes.csv", np.random.default_rng(2), 64, 80, points=0)
    written_texts(folder / "captchas", random, "2345678bcdefgmnpwxy", (5, 6), 80)
    written_texts(folder / "handwriting", random, "abcdefghij", (2, 6), 80)
    spoken = [f"{name}/{number:03}.wav,{name}" for name in ("no", "up", "yes") for number in range(30)]
    (folder / "words" / "texts.csv").write_text("\n".join(["file,text", *spoken]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
