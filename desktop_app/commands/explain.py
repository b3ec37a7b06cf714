"""`indicium explain QUERY RESULT`"""

from __future__ import annotations

from argparse import Namespace

from desktop_app.bootstrap import explain_files
from desktop_app.commands.options import options_of
from desktop_app.commands.output import print_json, table
from desktop_app.domain.evidence import Map, MatchEvidence
from desktop_app.domain.geometry import Region


def explain(arguments: Namespace) -> int:
    """Say why two images match, and write the evidence as a picture where one is asked for."""
    region = Region.parse(arguments.region) if arguments.region else None
    evidence = explain_files(
        options_of(arguments),
        query=arguments.query,
        result=arguments.result,
        region=region,
        out=arguments.out,
        layer=arguments.layer,
    )
    if arguments.json:
        print_json(as_json(evidence))
    else:
        _print(evidence)
        if arguments.out is not None:
            print(f"\nThe picture is in {arguments.out}")
    return 0


def as_json(evidence: MatchEvidence) -> dict[str, object]:
    """The document of `--json`: maps row by row, links strongest first."""
    return {
        "relevance": round(evidence.relevance, 6),
        "evidence_source": evidence.source.value,
        "coattention": {"query": _rows(evidence.coattention.query), "result": _rows(evidence.coattention.result)},
        "P": _rows(evidence.p),
        "Q": _rows(evidence.q),
        "links": [
            {
                "query": link.query.as_list(),
                "result": link.result.as_list(),
                "score": round(link.score, 6),
                "strength": link.strength.value,
            }
            for link in evidence.links
        ],
        "words": evidence.words,
        "query_box": evidence.query_box.as_list(),
        "result_box": evidence.result_box.as_list(),
    }


def _rows(values: Map) -> list[list[float]]:
    return [[round(float(value), 6) for value in row] for row in values]


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
