"""The source `images`: picture files, in a folder for each class, with a folder of targets, or listed in a csv file."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nnrun.data.columns import resolve_columns
from nnrun.data.files.pictures import PICTURE_SUFFIXES, examine_picture, picture_size, read_picture, require_size
from nnrun.data.sources.class_folders import FileKind, files_below, paired_files
from nnrun.data.sources.labelled_files import EXAMINED, LabelledFiles
from nnrun.data.sources.listed_columns import ListedColumns, picture_columns
from nnrun.data.sources.picture_targets import PictureTargets
from nnrun.data.streaming.streams import DEFAULT_MEMORY_GB
from nnrun.errors import DataError
from nnrun.formatting import format_names
from nnrun.progress import NullProgress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from nnrun.data.csv.dialect import CsvFile
    from nnrun.data.data_paths import DataPaths
    from nnrun.data.dataset import DataFacts, Examples, SourceData
    from nnrun.data.files.pictures import Colour
    from nnrun.data.sources.class_folders import FileList
    from nnrun.data.streaming.picture_files import PictureFiles
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.data import Split
    from nnrun.spec.finding import Finding
    from nnrun.spec.part import Part


@dataclass(frozen=True)
class PictureReader:
    """Reads pictures of one size.

    Attributes:
        size: The height and width that pictures have or are brought to.
        colour: `grey` or `rgb`.
        is_resized: Whether they are brought to it; else another size is refused.
    """

    size: tuple[int, int]
    colour: Colour
    is_resized: bool
    dtype: str = "uint8"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one picture."""
        return (*self.size, 1 if self.colour == "grey" else 3)

    @property
    def layout(self) -> dict[str, Any]:
        """The size, as JSON."""
        return {"size": list(self.size)}

    def examine(self, file: Path) -> None:
        """Refuse a broken picture, or one of another size where none is resized."""
        found = examine_picture(file)
        if not self.is_resized:
            require_size(file, found, self.size)

    def read(self, file: Path) -> np.ndarray:
        """Return the pixels of a picture."""
        if not self.is_resized:
            require_size(file, picture_size(file), self.size)
        return read_picture(file, self.size, self.colour)

    def scan(self, files: Sequence[Path], progress: Progress) -> PictureFiles:
        """Read the header of every picture."""
        from nnrun.data.streaming.picture_files import scan_pictures

        return scan_pictures(files, self.size, self.colour, progress, same=not self.is_resized)


class Images(LabelledFiles):
    """Pictures in a folder with a subfolder for each class or with target pictures, or listed in a csv file.

    Any format that Pillow reads; values are 0 to 255, an example has the shape (height, width, 1) or
    (height, width, 3). Subfolders `train`, `val` and `test` (also `training`, `valid`, `validation`, `dev`, `testing`,
    in any case), each with the classes' folders, are used as the parts. Hidden files and `__MACOSX` are left out.

    With `masks` or `targets` the target of `photos/a/1.jpg` is the picture of the same path in the other folder, with
    any suffix (`masks/a/1.png`); subfolders are no classes then, but `train`, `val` and `test` are still the parts. The
    pixels of a mask are classes, for losses such as sparse_categorical_crossentropy or binary_crossentropy; those of a
    target picture are numbers from 0 to 255, which `prepare_target: [Rescale: {divide_by: 255}]` scales. Targets are
    kept in memory, also where pictures stream.

    Args:
        folder: The folder, relative to the config or to the data folder.
        file: A csv file that names a picture in each row, relative to the csv file's folder.
        path_column: The column of the pictures' names, by name or index, or a list of several: each is then an input's,
            by its name, as are `features`.
        target: The column of their classes, by name or index (default: the last), or a list of one or more columns: of
            numbers, such as the coordinates of keypoints and boxes, or of classes, each for an output of its own. With
            `features` or several columns of pictures, one column is what its loss takes, too.
        size: The height and width that every picture is resized to; where not given, all must have one size.
        colour: `grey` or `rgb`.
        stream: Whether pictures stay on disk and are decoded batch by batch during training; where
            not given, they do if their arrays would need more than `memory`.
        memory: How much memory the pictures may take, in GB: it decides whether they stream, and how much of a stream
            is in memory at a time.
        masks: A folder of masks: each pixel is the number of a class (a grey picture, or one with a palette).
        targets: A folder of target pictures, such as larger ones or ones without noise.
        class_names: The names of the classes of masks, as a list in the order of their numbers from 0 (of two, 255 is
            the second, too), or by the value of their pixels: `{"0": sky, "128": road}`; where not given, each value
            is a class.
        target_size: The height and width of targets; default: `size`, or where neither is given that of the first,
            which all must have then. Masks have the size of their pictures.
        target_colour: `grey` or `rgb`, of target pictures; default: `colour`.
        features: Columns of the csv file that are features in addition to the picture, by name or index: numbers,
            categories, dates or text, prepared by steps that name columns. The model's inputs take them, and the
            pictures, by name.
        types: The types of columns that are not what most of their fields look like, as of `csv`.
    """

    kind = FileKind("picture", "images", PICTURE_SUFFIXES)

    def __init__(
        self,
        folder: str | None = None,
        file: str | None = None,
        path_column: str | int | list[str | int] = 0,
        target: str | int | list[str | int] = -1,
        size: list[int] | None = None,
        colour: Literal["grey", "rgb"] = "rgb",
        stream: bool | None = None,
        memory: float = DEFAULT_MEMORY_GB,
        masks: str | None = None,
        targets: str | None = None,
        class_names: list[str] | dict[str, str] | None = None,
        target_size: list[int] | None = None,
        target_colour: Literal["grey", "rgb"] | None = None,
        features: list[str | int] | None = None,
        types: dict[str, Literal["number", "text", "category", "date", "percent"] | dict[str, str]] | None = None,
    ) -> None:
        given_list = next(
            (name for name, value in _table_arguments(path_column, target, features).items() if value), None
        )
        self.path_columns = path_column if isinstance(path_column, list) else [path_column]
        columns = target if isinstance(target, list) else [target]
        self.columns = ListedColumns(self.path_columns, columns, features, types) if given_list else None
        super().__init__(folder, file, self.path_columns[0], -1 if isinstance(target, list) else target, stream, memory)
        if given_list and file is None:
            raise ValueError(f"images: {given_list} names columns of a csv `file`, and a `folder` is given")
        if types is not None and self.columns is None:
            raise ValueError("images: types are those of `features`, or of a list of targets, and neither is given")
        for key, value in (("size", size), ("target_size", target_size)):
            if value is not None and (len(value) != 2 or min(value) < 1):
                raise ValueError(f"images: {key} expected two positive integers (height and width), received {value}")
        self.size = None if size is None else (size[0], size[1])
        self.colour: Colour = colour
        own = {"class_names": class_names, "target_size": target_size, "target_colour": target_colour}
        self.paired = self._paired(masks, targets, own)

    def _paired(self, masks: str | None, targets: str | None, own: Mapping[str, Any]) -> PictureTargets | None:
        """Return the targets that are pictures; None where they are classes.

        Raises:
            ValueError: Arguments contradict each other.
        """
        folder = targets if masks is None else masks
        given = next((name for name, value in own.items() if value is not None), None)
        if folder is None:
            if given is not None:
                raise ValueError(f"images: {given} belongs to `masks` or `targets`, and neither is given")
            return None
        if self.file is not None or (masks is not None and targets is not None):
            raise ValueError("images: expected a `folder` of pictures with one folder of `masks` or of `targets`")
        of_masks = next((name for name in ("target_size", "target_colour") if masks and own[name] is not None), None)
        if of_masks is not None:
            raise ValueError(f"images: {of_masks} belongs to `targets`; masks have the size of their pictures")
        size = own["target_size"] or self.size
        return PictureTargets(
            folder,
            masks is not None,
            own["class_names"],
            None if size is None else (size[0], size[1]),
            own["target_colour"] or self.colour,
        )

    def reader(self, first: Path) -> PictureReader:
        """Return the reader of pictures of the size in the config, or of that of the first picture."""
        return PictureReader(self.size or picture_size(first), self.colour, self.size is not None)

    def new_reader(self, layout: Mapping[str, Any]) -> PictureReader:
        """Return the reader of more pictures, which are resized to that of the run's own."""
        return PictureReader((int(layout["size"][0]), int(layout["size"][1])), self.colour, is_resized=True)

    def load(self, paths: DataPaths, progress: Progress) -> SourceData:
        """Decode all pictures, or read the start of each where they stream; targets that are pictures are decoded."""
        if self.columns is not None:
            return self._load_columns(self.columns, paths, progress)
        if self.paired is None:
            return super().load(paths, progress)
        lists = self._lists(paths)
        targets = self.paired.pair_parts(lists, self._root(paths), paths)
        data = super().load(paths, progress)
        y, about = self.paired.read_parts(lists, targets, progress)
        parts = {"train": data.train, "test": data.test, "validation": data.validation}
        about |= {part: replace(one, y=y[part]) for part, one in parts.items() if one is not None}
        about["digests"] = {**data.digests, **self.paired.digests(targets, paths)}
        about["layout"] = {**data.layout, "target_size": list(y["train"].shape[1:3])}
        return replace(data, **about)

    def load_targets(self, paths: DataPaths) -> SourceData | None:
        """Return the targets of all pictures; None where these are pictures, which take long to read."""
        if self.columns is not None:
            return self.columns.load_targets(self._list(paths), paths)
        return super().load_targets(paths) if self.paired is None else None

    def digests(self, paths: DataPaths) -> dict[str, str]:
        """Return the digests that a run keeps of pictures and targets, without decoding them."""
        found = super().digests(paths)
        if self.paired is None:
            return found
        return found | self.paired.digests(self.paired.pair_parts(self._lists(paths), self._root(paths), paths), paths)

    def facts(self, paths: DataPaths, path: ConfigPath) -> tuple[DataFacts | None, list[Finding]]:
        """Return the classes, the number of pictures, and their shape; of targets that are pictures theirs, too."""
        if self.columns is not None:
            return self._column_facts(self.columns, paths, path)
        facts, findings = super().facts(paths, path)
        if self.paired is None or facts is None:
            return facts, findings
        place = (*path, "images", "masks" if self.paired.are_masks else "targets")
        known, found = self.paired.facts(self._lists(paths), self._root(paths), paths, place, most=EXAMINED)
        return None if known is None else replace(facts, **known), [*findings, *found]

    def load_new(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:
        """Read more pictures, as of `LabelledFiles`.

        Where targets are pictures, a folder has a subfolder of pictures and one of targets, with the names of the run's
        own folders.
        """
        is_other = file.suffix.lower() == ".npz" or self.kind.matches(file.name)
        if self.columns is not None and (self.columns.is_table or not is_other):
            return self._load_new_columns(self.columns, file, layout, with_target=with_target)
        if self.paired is None or not with_target:
            return super().load_new(file, layout, with_target=with_target)
        root, folder = file / Path(str(self.folder)).name, file / Path(self.paired.folder).name
        if not root.is_dir() or not folder.is_dir():
            text = f"expected a folder with the subfolders {root.name} (pictures) and {folder.name} (targets)"
            raise DataError(text, file=file, hint="name the folders as the run's own are named")
        examples = super().load_new(root, layout, with_target=False)
        pictures = files_below(root, self.kind)
        size = (int(layout["target_size"][0]), int(layout["target_size"][1]))
        y, _ = self.paired.read(pictures, self.paired.pair(pictures, root, folder), size, NullProgress())
        return replace(examples, y=y)

    @property
    def named_columns(self) -> list[str | int]:
        """The columns of the csv file that the config names."""
        return super().named_columns if self.columns is None else self.columns.named

    @property
    def missing_allowed(self) -> bool:
        """Whether columns next to the picture may have missing values."""
        return self.columns is not None and self.columns.missing_allowed

    @missing_allowed.setter
    def missing_allowed(self, allowed: bool) -> None:
        """State whether they may have missing values."""
        if self.columns is not None:
            self.columns.missing_allowed = allowed

    def note_named_columns(self, prepare: Sequence[Part], split: Split | None, prepare_target: Sequence[Part]) -> None:
        """Keep what names columns of the csv file elsewhere in the config."""
        if self.columns is not None:
            self.columns.noted = (prepare, split, prepare_target)

    def _list(self, paths: DataPaths) -> CsvFile:
        """Return the csv file that lists the pictures."""
        return self._open_list(paths.require(str(self.file)))

    def _listed_in(self, file: Path, *, with_target: bool, part_column: str | int | None = None) -> FileList:
        return super()._listed_in(file, with_target=with_target and self.columns is None, part_column=part_column)

    def _load_columns(self, columns: ListedColumns, paths: DataPaths, progress: Progress) -> SourceData:
        """Return pictures with targets, and features next to them, that are columns of the csv file."""
        opened = self._list(paths)
        table = columns.load(opened, paths, progress)
        pictures = super().load(paths, progress)
        names = resolve_columns(self.path_columns, opened.names)
        about: dict[str, Any] = {"files": pictures.files, "digests": pictures.digests}
        about["layout"] = {**pictures.layout, "list": dict(table.layout), "pictures": names, "group": table.group}
        for part in ("train", "validation", "test"):
            rows, found = getattr(table, part), getattr(pictures, part)
            if rows is not None:
                about[part] = columns.examples(rows, found, names)
        return replace(table, **about)

    def _column_facts(
        self, columns: ListedColumns, paths: DataPaths, path: ConfigPath
    ) -> tuple[DataFacts | None, list[Finding]]:
        """Return the facts of pictures with columns of the csv file."""
        known: DataFacts | None = None
        found: list[Finding] = []
        # A file that cannot be opened is reported below.
        with suppress(DataError):
            known, found = columns.facts(self._list(paths), paths, path)
        if known is None and found:
            return None, found
        facts, findings = super().facts(paths, path)
        if facts is None or known is None:
            return None, [*findings, *found]
        return columns.with_pictures(known, facts, self._list(paths)), [*findings, *found]

    def _load_new_columns(
        self, columns: ListedColumns, file: Path, layout: Mapping[str, Any], *, with_target: bool
    ) -> Examples:
        """Read the pictures of a folder, or those that a csv file lists, with its targets and features."""
        pictures, own = picture_columns(layout), layout["list"]
        needed = [*(own["features"] if columns.is_table else ()), *(own["targets"] if with_target else ())]
        if (file.is_dir() and needed) or (columns.is_table and file.suffix.lower() not in (".csv", ".tsv", ".txt")):
            what = "columns" if columns.is_table else "targets"
            text = f"expected a csv file that lists pictures with their {what} ({format_names(needed, 4)})"
            received = "a folder" if file.is_dir() else "another file"
            hint = "name a csv file with the columns of the run's own"
            raise DataError(f"{text}, received {received}", file=file, hint=hint)
        if file.is_dir():
            return super().load_new(file, layout, with_target=False)
        listed, rows = columns.load_new(file, layout, with_target=with_target)
        self._require_files(listed, pictures)
        with listed.located_errors():
            examples, _ = self._read(listed, self.new_reader(layout), NullProgress())
        return columns.examples(rows, replace(examples, origin=listed.origin(file.parent)), pictures)

    def _parts_in(self, folder: Path) -> dict[str, FileList]:
        return super()._parts_in(folder) if self.paired is None else paired_files(folder, self.kind)

    def _folder_findings(self, folder: Path, lists: Mapping[str, FileList], place: ConfigPath) -> list[Finding]:
        return super()._folder_findings(folder, lists, place) if self.paired is None else []


def _table_arguments(path_column: object, target: object, features: object) -> dict[str, bool]:
    """Return which arguments make the rows of a csv file more than pictures with a class."""
    return {
        "`features`": features is not None,
        "a list of targets": isinstance(target, list),
        "a list of path columns": isinstance(path_column, list),
    }
