"""`indicium explain QUERY RESULT`"""

from __future__ import annotations

from argparse import Namespace

from desktop_app.bootstrap import explain_files
from desktop_app.commands.options import options_of
from desktop_app.commands.output import print_json, table
from desktop_app.domain.evidence import MatchEvidence
from desktop_app.domain.outline import parse_part
from desktop_app.services.painting import evidence_json


def explain(arguments: Namespace) -> int:
    """Say why two images match, and write the evidence as a picture where one is asked for."""
    part = parse_part(arguments.region) if arguments.region else None
    evidence = explain_files(
        options_of(arguments),
        query=arguments.query,
        result=arguments.result,
        part=part,
        out=arguments.out,
        layer=arguments.layer,
    )
    if arguments.json:
        print_json(evidence_json(evidence))
    else:
        _print(evidence)
        if arguments.out is not None:
            print(f"\nThe picture is in {arguments.out}")
    return 0


def _print(evidence: MatchEvidence) -> None:
    print(evidence.words)
    if evidence.links:
        print()
        rows = [
            [
                str(number),
                f"{link.score:.2f}",
                link.strength.value,
                ",".join(map(str, link.query.as_list())),
                ",".join(map(str, link.result.as_list())),
            ]
            for number, link in enumerate(evidence.links, 1)
        ]
        print(table(rows, header=["", "score", "", "query x,y,w,h", "result x,y,w,h"], right=[0, 1]))
