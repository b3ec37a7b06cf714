"""Duplicates of a whole library: are planted edited copies found, and nothing else, and how long does it take?

    python -m tests.bench.duplicates --data DIR [DIR ...] --work DIR [--photos N] [--groups N] [--list-wrong]

Each folder of --data is a set. The same number of photos of every set (as far as it has them) is copied to
--work, without natural duplicates: photos whose bytes or whose perceptual hash agree with one already taken are
listed in natural.txt and left out. Of --groups of them two edited copies are added, each of another kind of
edit. All are indexed into a library in --work (an interrupted run goes on there, a later one asks the same
library again), then the duplicates are looked for. A pair is right when both come of one photo; the recall of a
kind is the share of its copies that stand in one group with their original. Hashes miss natural duplicates that
were cut: pairs of two photos that `natural_duplicates.same_photo` (SIFT and the difference of colours, nothing of
the application's own decision) calls one are neither right nor wrong, and their number is printed; it is asked of
the pairs that were found, for others have no part in any figure. What is wrong (--list-wrong prints it, as paths
to look at) and what is missed is listed in --work. The bars: precision 0.99, recall 0.95, 30 s after indexing on 2
cores.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from desktop_app.bootstrap import Options, open_library
from desktop_app.domain.duplicates import DuplicateGroup, Strictness
from desktop_app.domain.errors import UnreadableImage
from desktop_app.evaluation import disguises
from desktop_app.evaluation.composites import Rgb, other_exposure
from desktop_app.evaluation.photo_set import all_files
from desktop_app.imaging.decode import decode_photo
from desktop_app.services.duplicates import find_duplicates
from desktop_app.services.index_folder import index_folders
from desktop_app.services.library_session import LibrarySession
from tests.bench.reporting import add_output_options, report
from tests.support.natural_duplicates import same_photo

ORIGINAL = "original"
HASH_SIDE = 32
ALIKE_BITS = 6  # of 64: hashes that differ in no more are of one picture
PHOTOGRAPHS = (".jpg", ".jpeg")  # the masks and drawings among the sets are PNG files
SPARE = 1.15  # photos looked at for one that is taken, because some are left out
QUALITY = 92  # of the JPEG files that are written

Edit = Callable[[Rgb, np.random.Generator], Rgb]


def resized(rgb: Rgb, random: np.random.Generator) -> Rgb:
    share = random.uniform(0.3, 0.7)
    return np.asarray(cv2.resize(rgb, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)


def exposed(rgb: Rgb, random: np.random.Generator) -> Rgb:
    return disguises.exposure(rgb, random.choice([-1, 1]) * random.uniform(0.4, 1.2), random)


def bordered(rgb: Rgb, random: np.random.Generator) -> Rgb:
    width = round(random.uniform(0.03, 0.1) * max(rgb.shape[:2]))
    colour = random.integers(0, 256, 3).tolist()
    framed = cv2.copyMakeBorder(rgb, width, width, width, width, cv2.BORDER_CONSTANT, value=colour)
    return np.asarray(framed, np.uint8)


def greyscale(rgb: Rgb, random: np.random.Generator) -> Rgb:
    return np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


EDITS: dict[str, Edit] = {
    "crop": lambda rgb, random: disguises.crop(rgb, random.uniform(0.5, 0.9), random),
    "resize": resized,
    "jpeg": lambda rgb, random: disguises.jpeg(rgb, random.integers(10, 40), random),
    "rotate 90": lambda rgb, random: disguises.rotation(rgb, random.choice([90, 180]), random),
    "straighten": lambda rgb, random: disguises.rotation(rgb, random.uniform(2, 8), random),
    "mirror": lambda rgb, random: disguises.mirror(rgb, 1, random),
    "exposure": exposed,
    "colour": other_exposure,
    "greyscale": greyscale,
    "blur": lambda rgb, random: disguises.blur(rgb, random.uniform(0.002, 0.006), random),
    "text": lambda rgb, random: disguises.text(rgb, random.integers(1, 4), random),
    "border": bordered,
    "screenshot": lambda rgb, random: disguises.screenshot(rgb, random.uniform(0.05, 0.15), random),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="DIR")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR")
    parser.add_argument("--photos", type=int, default=20_000, help="photos, without the copies")
    parser.add_argument("--groups", type=int, default=2000, help="of them with two edited copies")
    parser.add_argument("--strictness", choices=[one.value for one in Strictness], default=Strictness.NORMAL.value)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pack")
    parser.add_argument("--list-wrong", action="store_true", help="print the paths of wrong pairs")
    add_output_options(parser)
    arguments = parser.parse_args()
    photos = arguments.work / "photos"
    if not (arguments.work / "natural.txt").exists():
        plant(arguments)
    options = Options(library=arguments.work / "library", pack=arguments.pack, threads=arguments.threads)
    with open_library(options, writer=True) as session:
        for progress in index_folders(session, [photos]):
            if progress.total and progress.done % 2000 < 8 and not arguments.json:
                print(f"{progress.phase.value} {progress.done} of {progress.total}", flush=True)
    with open_library(options, writer=True) as session:
        started = time.perf_counter()
        groups = all_groups(session, Strictness(arguments.strictness))
        spent = time.perf_counter() - started
    files = {path.name: path for path in photos.rglob("*.*") if path.suffix.lower() in PHOTOGRAPHS}
    rows = judge(files, groups, spent, arguments)
    report("duplicates: planted edited copies", rows, as_json=arguments.json)
    if arguments.list_wrong:
        print((arguments.work / "wrong.txt").read_text(encoding="utf-8"))
    return 0


def plant(arguments: argparse.Namespace) -> None:
    """Write the photos and the edited copies; a file's name begins with the number of the photo it comes of."""
    originals, copies = (arguments.work / "photos" / name for name in ("originals", "copies"))
    for folder in (originals, copies):
        folder.mkdir(parents=True, exist_ok=True)
    taken, left_out = chosen(arguments.data, arguments.photos, arguments.seed)
    for number, source in enumerate(taken):
        target = originals / f"{number:06d}-{ORIGINAL}{source.suffix.lower()}"
        if not target.exists():
            target.write_bytes(source.read_bytes())
    random = np.random.default_rng(arguments.seed)
    kinds = list(EDITS)
    for place, number in enumerate(random.permutation(len(taken))[: arguments.groups]):
        rgb = decode_photo(os.fsencode(taken[number]), fingerprint=False).rgb
        step = place % len(kinds), (place + 1 + place // len(kinds) % (len(kinds) - 1)) % len(kinds)
        for kind in (kinds[which] for which in step):
            made = EDITS[kind](rgb, np.random.default_rng([arguments.seed, int(number), kinds.index(kind)]))
            target = copies / f"{number:06d}-{kind}.jpg"
            cv2.imwrite(str(target), made[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    lines = [f"{left}\t{kept}" for left, kept in left_out]
    (arguments.work / "natural.txt").write_text("\n".join(lines), encoding="utf-8")


def chosen(roots: Sequence[Path], count: int, seed: int) -> tuple[list[Path], list[tuple[Path, Path]]]:
    """The photos that are used, and what is left out with the photo it is a duplicate of."""
    random = np.random.default_rng(seed)
    files = []
    for root in roots:
        found = [path for path in all_files(root) if path.suffix.lower() in PHOTOGRAPHS]
        files.append([found[at] for at in random.permutation(len(found))])
    pool = [path for path, _ in zip(_in_turn(files), range(round(SPARE * count)), strict=False)]
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        hashes = list(workers.map(hashes_of, pool))
    kept: list[Path] = []
    known: dict[bytes, Path] = {}
    bits = np.empty((len(pool), 3), np.uint64)
    left_out: list[tuple[Path, Path]] = []
    for path, hashed in zip(pool, hashes, strict=True):
        if hashed is None or len(kept) == count:
            continue
        content, seen = hashed
        apart = np.bitwise_count(bits[: len(kept), :, None] ^ seen[None, None, :2]).min(axis=(1, 2), initial=64)
        if content in known:
            left_out.append((path, known[content]))
        elif len(kept) and apart.min() <= ALIKE_BITS:
            left_out.append((path, kept[int(apart.argmin())]))
        else:
            known[content] = path
            bits[len(kept)] = seen
            kept.append(path)
    return kept, left_out


def _in_turn(files: Sequence[Sequence[Path]]) -> Iterator[Path]:
    """One of each set, again and again; a set that has no more is left out."""
    for place in range(max(map(len, files))):
        yield from (found[place] for found in files if place < len(found))


def hashes_of(path: Path) -> tuple[bytes, np.ndarray] | None:
    """A digest of the bytes, and [3] uint64: perceptual hashes of the whole picture, of its middle square, and of
    the picture in the mirror. None when it cannot be read."""
    try:
        rgb = decode_photo(os.fsencode(path), fingerprint=False).rgb
    except UnreadableImage:
        return None
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    views = grey, grey[top : top + side, left : left + side], grey[:, ::-1]
    return blake2b(path.read_bytes()).digest(), np.array([perceptual_hash(view) for view in views], np.uint64)


def perceptual_hash(grey: np.ndarray) -> int:
    """64 bits: which of the lowest 8 x 8 cosines of the picture at 32 x 32 pixels are above their median."""
    small = cv2.resize(grey, (HASH_SIDE, HASH_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    return int.from_bytes(np.packbits(low > np.median(low[1:])).tobytes(), "big")


def judge(
    files: Mapping[str, Path], groups: Sequence[DuplicateGroup], spent: float, arguments: argparse.Namespace
) -> list[dict[str, object]]:
    """One row for everything and one for each kind of edit. files: all photos by name."""
    kinds = {name: path.stem.partition("-")[2] for name, path in sorted(files.items())}
    placed = {one.photo.name: number for number, group in enumerate(groups) for one in group.photos}
    original = {number_of(name): name for name, kind in kinds.items() if kind == ORIGINAL}
    asked, found, wrong_of = Counter(), Counter(), Counter()
    missed = []
    for name, kind in kinds.items():
        if kind == ORIGINAL:
            continue
        source = original[number_of(name)]
        right = name in placed and placed.get(source) == placed[name]
        asked[kind] += 1
        found[kind] += right
        if not right:
            missed.append(name)
    pairs, doubtful = 0, defaultdict(list)
    for number, group in enumerate(groups):
        for one, other in combinations(sorted(one.photo.name for one in group.photos), 2):
            pairs += 1
            if number_of(one) != number_of(other):
                doubtful[number_of(one), number_of(other)].append((number, one, other))
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        natural = list(
            workers.map(lambda both: same_photo(*(colours(files[original[one]]) for one in both)), doubtful)
        )
    wrong = [pair for some, one in zip(doubtful.values(), natural, strict=True) if not one for pair in some]
    doubted = sum(len(some) for some, one in zip(doubtful.values(), natural, strict=True) if one)
    for _, one, other in wrong:
        wrong_of.update({kinds[one], kinds[other]})
    lines = [f"{files[one]}\t{files[other]}" for _, one, other in wrong]
    (arguments.work / "wrong.txt").write_text("\n".join(lines), encoding="utf-8")
    (arguments.work / "missed.txt").write_text("\n".join(sorted(missed)), encoding="utf-8")
    left_out = (arguments.work / "natural.txt").read_text(encoding="utf-8").splitlines()
    return [
        {
            "kind": "all",
            "copies": asked.total(),
            "recall": found.total() / max(1, asked.total()),
            "wrong pairs": len(wrong),
            "precision, pairs": 1.0 - len(wrong) / max(1, pairs - doubted),
            "precision, groups": 1.0 - len({number for number, _, _ in wrong}) / max(1, len(groups)),
            "photos": len(files),
            "natural duplicates left out": len(left_out),
            "natural pairs left out": doubted,
            "seconds": spent,
        },
        *(
            {
                "kind": kind,
                "copies": asked[kind],
                "recall": found[kind] / asked[kind],
                "wrong pairs": wrong_of[kind],
                "precision, pairs": "",
                "precision, groups": "",
                "photos": "",
                "natural duplicates left out": "",
                "natural pairs left out": "",
                "seconds": "",
            }
            for kind in EDITS
            if asked[kind]
        ),
    ]


def number_of(name: str) -> str:
    """The number of the photo that a file comes of."""
    return name.partition("-")[0]


def colours(path: Path) -> Rgb:
    return decode_photo(os.fsencode(path), fingerprint=False).rgb


def all_groups(session: LibrarySession, strictness: Strictness) -> tuple[DuplicateGroup, ...]:
    steps = find_duplicates(session, strictness=strictness)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


if __name__ == "__main__":
    raise SystemExit(main())
