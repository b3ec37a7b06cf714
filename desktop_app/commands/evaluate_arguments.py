"""The arguments of `indicium evaluate`: one sub-command per protocol."""

from __future__ import annotations

import argparse
from pathlib import Path

from desktop_app.commands.shared_arguments import Commands, command, device_option, json_option

RUN = "evaluate_command"
CLASSES = "the folders of a directory are the classes"
PUBLISHED = {
    "recall-at-k": "recall at k on CUB-200-2011, Cars196, Stanford Online Products or In-shop",
    "roxford": "Revisited Oxford: easy, medium and hard",
    "rparis": "Revisited Paris: easy, medium and hard",
    "holidays": "INRIA Holidays: 500 queries by the numbers of the files",
    "ukbench": "University of Kentucky Benchmark: the mean number of four views among the first four",
    "instre": "INSTRE: objects asked for with their boxes",
    "gpr1200": "GPR1200: six domains, with and without the query among the positives",
    "ilias": "ILIAS: mAP of the first 1,000 among distractors",
}


def add_protocols(protocols: Commands) -> None:
    """Add a parser for every protocol."""
    parser = _protocol(protocols, "folders", CLASSES)
    parser.add_argument(
        "--intervals",
        action="store_true",
        help="what each profile gains over the one before, with 95 percent intervals",
    )
    _data(parser, "its direct sub-folders are the classes")
    _profiles(parser)
    _queries(parser, "so many, from all classes")
    for name, text in PUBLISHED.items():
        parser = _protocol(protocols, name, text)
        _data(parser, "the data set as it is published")
        if name == "recall-at-k":
            _recall_at_k(parser)
        _profiles(parser)
        _queries(parser, "so many, the same ones with every pack and profile")
    _evidence(protocols)
    _degradations(protocols)
    _instances(protocols)
    _small_objects(protocols)
    _regions(protocols)
    _feedback(protocols)


def _recall_at_k(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", dest="layout", choices=["cub", "cars", "sop", "inshop"], help="which set it is (else found out)"
    )
    parser.add_argument(
        "--half",
        choices=["first", "second"],
        default="second",
        help="the classes to learn from, or the unseen ones of the published figures (default %(default)s)",
    )


def _evidence(protocols: Commands) -> None:
    parser = _protocol(protocols, "evidence", "does what is shown as the reason of a match lie where the match is")
    _data(parser, "a folder of photos")
    parser.add_argument("--labels", type=Path, metavar="DIR", help="annotations of the photos (YOLO or VOC files)")
    parser.add_argument("--classes", metavar="LIST", help="only objects of these classes, as WBC,Platelets")
    parser.add_argument("--families", metavar="LIST", help="only composites, views, objects, strangers")
    _pairs(parser, "pairs of each family")
    parser.add_argument("--curves", type=int, metavar="N", help="pairs whose deletion and insertion is measured")
    parser.add_argument("--area", metavar="FROM,TO", help="share of the scene that a pasted object covers")
    parser.add_argument(
        "--threshold",
        dest="thresholds",
        action="append",
        default=[],
        metavar="SOURCE=T",
        help="of the maps of a source, chosen on other photos; may be given several times",
    )


def _degradations(protocols: Commands) -> None:
    parser = _protocol(protocols, "degradations", "which treatments of a photo the search withstands")
    _data(parser, "a folder of photos")
    parser.add_argument("--scenarios", metavar="LIST", help="only these, as crop,blur")
    parser.add_argument(
        "--turned", action="store_true", help="ask as search --turned: in the best of eight orientations"
    )
    _profiles(parser, "balanced")
    _queries(parser, "so many photos ask")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the report as a baseline")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="say what has changed against a baseline")


def _instances(protocols: Commands) -> None:
    parser = _protocol(protocols, "instances", "find each photo by a made view of it")
    parser.add_argument(
        "--data", type=Path, required=True, nargs="+", action="extend", metavar="DIR", help="folders of photos"
    )
    _profiles(parser)
    _queries(parser, "so many photos ask")


def _small_objects(protocols: Commands) -> None:
    parser = _protocol(protocols, "small-objects", "find a small object in a large scene")
    _data(parser, "a folder of photos")
    parser.add_argument("--labels", type=Path, metavar="DIR", help="annotations of the photos (YOLO or VOC files)")
    parser.add_argument(
        "--distractors",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="DIR",
        help="other photos, among which the scenes lie",
    )
    parser.add_argument("--distractor-count", type=int, metavar="N", help="so many of them")
    parser.add_argument("--rooms", type=Path, metavar="JSON", help="find rooms by products, paired by this file")
    _profiles(parser)
    _pairs(parser, "objects to ask for")


def _regions(protocols: Commands) -> None:
    parser = _protocol(protocols, "regions", "what a rectangle round a small thing in the query brings")
    _data(parser, "things to ask for: the photos of one lie in one of its direct sub-folders")
    parser.add_argument("--backgrounds", type=Path, required=True, metavar="DIR", help="photos to paste them into")
    parser.add_argument("--distractor-count", type=int, metavar="N", help="so many of these in the library, too")
    _profiles(parser)
    _queries(parser, "so many, from all folders")


def _feedback(protocols: Commands) -> None:
    parser = _protocol(
        protocols, "feedback", "what a person's marks over three rounds, and automatic feedback, bring"
    )
    _data(parser, "a folder of photos")
    parser.add_argument("--labels", type=Path, metavar="DIR", help="annotations of the photos (YOLO or VOC files)")
    parser.add_argument("--tests", metavar="LIST", help="only composites, objects, classes")
    parser.add_argument(
        "--automatic", action="store_true", help="automatic feedback alone, without the marks of a simulated user"
    )
    parser.add_argument("--others", type=int, metavar="N", help="photos beside the composites")
    _profiles(parser, "balanced")
    _queries(parser, "so many questions of each test")


def _protocol(protocols: Commands, name: str, text: str) -> argparse.ArgumentParser:
    """A parser with the options that all protocols have."""
    parser = command(protocols, name, text, run=RUN)
    parser.add_argument("--pack", dest="packs", nargs="+", default=[], metavar="P", help="packs to compare")
    parser.add_argument("--seed", type=int, metavar="N", help="of all choices by chance")
    parser.add_argument("--per-query", action="store_true", help="with the values of every query in the JSON")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write JSON, a table and a plot there")
    device_option(parser)
    json_option(parser)
    return parser


def _data(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help=text)


def _profiles(parser: argparse.ArgumentParser, default: str = "instant,balanced") -> None:
    parser.add_argument("--profiles", default=default, metavar="LIST", help="default %(default)s")


def _queries(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--queries", type=int, metavar="N", help=text)


def _pairs(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--pairs", "--queries", dest="pairs", type=int, metavar="N", help=text)
