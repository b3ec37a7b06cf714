"""Completion for bash, zsh and fish, written from the argument tree, so that it cannot differ from it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

Path = tuple[str, ...]


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The completion script for `shell` ("bash", "zsh" or "fish")."""
    nodes = dict(_nodes(parser, ()))
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](nodes)


def _nodes(parser: argparse.ArgumentParser, path: Path) -> Iterator[tuple[Path, argparse.ArgumentParser]]:
    yield path, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from _nodes(child, (*path, name))


def _words(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    """What may come next and its help: the subcommands, the options, the choices of a positional."""
    words: list[tuple[str, str]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            words += [(choice.dest, choice.help or "") for choice in action._choices_actions]
        elif action.option_strings:
            words += [(option, action.help or "") for option in action.option_strings if option.startswith("--")]
        elif action.choices:
            words += [(str(choice), "") for choice in action.choices]
    return words


def _choices(nodes: dict[Path, argparse.ArgumentParser]) -> dict[str, list[str]]:
    """The values of every option that has fixed ones; an option means the same in every command."""
    return {
        option: [str(choice) for choice in action.choices]
        for parser in nodes.values()
        for action in parser._actions
        for option in action.option_strings
        if action.choices
    }


def _steps(nodes: dict[Path, argparse.ArgumentParser]) -> list[tuple[str, str]]:
    """(quoted "path so far" and the next word, the path they lead to) for every subcommand."""
    return [(f'"{_joined(path[:-1])} {path[-1]}"', _joined(path)) for path in nodes if path]


def _bash(nodes: dict[Path, argparse.ArgumentParser]) -> str:
    lines = [
        "# indicium completion for bash: source it, or put it into /etc/bash_completion.d",
        "_indicium() {",
        '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" path="" words="" part',
        '    for part in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        '        case "$path $part" in',
    ]
    lines += [f'            {step}) path="{path}" ;;' for step, path in _steps(nodes)]
    lines += ["        esac", "    done", '    case "$before" in']
    lines += [f'        {option}) words="{" ".join(values)}" ;;' for option, values in _choices(nodes).items()]
    lines += ["    esac", '    [ -n "$words" ] || case "$path" in']
    for path, parser in nodes.items():
        lines.append(f'        "{_joined(path)}") words="{" ".join(word for word, _ in _words(parser))}" ;;')
    lines += [
        "    esac",
        '    COMPREPLY=($(compgen -W "$words" -- "$word"))',
        '    [ "${#COMPREPLY[@]}" -gt 0 ] || COMPREPLY=($(compgen -f -- "$word"))',
        "}",
        "complete -o filenames -F _indicium indicium",
    ]
    return "\n".join(lines) + "\n"


def _zsh(nodes: dict[Path, argparse.ArgumentParser]) -> str:
    lines = [
        "#compdef indicium",
        "# indicium completion for zsh: put it as _indicium into a folder of $fpath",
        "_indicium() {",
        '    local path_="" part',
        "    local -a words_",
        "    for part in ${words[2,CURRENT-1]}; do",
        '        case "$path_ $part" in',
    ]
    lines += [f'            {step}) path_="{path}" ;;' for step, path in _steps(nodes)]
    lines += ["        esac", "    done", "    case ${words[CURRENT-1]} in"]
    lines += [
        f"        {option}) compadd -- {' '.join(values)}; return ;;" for option, values in _choices(nodes).items()
    ]
    lines += ["    esac", '    case "$path_" in']
    for path, parser in nodes.items():
        described = " ".join(f"'{_zsh_word(word, text)}'" for word, text in _words(parser))
        lines.append(f'        "{_joined(path)}") words_=({described}) ;;')
    lines += [
        "    esac",
        "    _describe 'indicium' words_",
        "    _files",
        "}",
        'if [ "$funcstack[1]" = "_indicium" ]; then _indicium "$@"; else compdef _indicium indicium; fi',
    ]
    return "\n".join(lines) + "\n"


def _zsh_word(word: str, text: str) -> str:
    return f"{word}:{_plain(text)}" if text else word


def _fish(nodes: dict[Path, argparse.ArgumentParser]) -> str:
    lines = ["# indicium completion for fish: put it as indicium.fish into ~/.config/fish/completions"]
    for path, parser in nodes.items():
        inner = [child[-1] for child in nodes if len(child) == len(path) + 1 and child[:-1] == path]
        conditions = [f"__fish_seen_subcommand_from {part}" for part in path]
        if inner:
            conditions.append(f"not __fish_seen_subcommand_from {' '.join(inner)}")
        when = f" -n '{'; and '.join(conditions)}'" if conditions else ""
        for word, text in _words(parser):
            what = f"-l {word[2:]}" if word.startswith("--") else f"-a {word}"
            values = _choices({path: parser}).get(word)
            what += f" -x -a '{' '.join(values)}'" if values else ""
            lines.append(f"complete -c indicium{when} {what} -d '{_plain(text)}'")
    return "\n".join(lines) + "\n"


def _joined(path: Path) -> str:
    return " ".join(path)


def _plain(text: str) -> str:
    """Help text that no shell reads anything into."""
    kept = "".join(letter for letter in text.split(" (default")[0] if letter.isalnum() or letter in " ,.-")
    return kept.strip()
