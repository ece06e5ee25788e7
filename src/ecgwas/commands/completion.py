"""The command `completion`: a script with which a shell completes commands, options and choices.

The script holds the words themselves, so that a press of Tab does not start Python, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

SHELLS = ("bash", "zsh", "fish")
Words = dict[str, list[str]]
"""`run` or `covariates ukb` -> the words that may follow; the empty command has the commands."""


@click.command(name="completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a script that lets SHELL complete commands and options; see docs/commands.md for where it goes."""
    root = context.find_root().command
    click.echo(script(root, shell))


def script(root: click.Command, shell: str) -> str:
    """The script for one of SHELLS."""
    if shell == "fish":
        return "\n".join(_fish(root))
    head = ["autoload -U +X bashcompinit && bashcompinit"] if shell == "zsh" else []
    return "\n".join([*head, *_bash(root)])


def _commands(root: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its words, `("covariates", "ukb")`; groups before their commands."""
    yield path, root
    if isinstance(root, click.Group):
        for name, inner in sorted(root.commands.items()):
            yield from _commands(inner, (*path, name))


def _options(one: click.Command) -> list[click.Option]:
    return [param for param in one.params if isinstance(param, click.Option)]


def _choices(param: click.Parameter) -> list[str]:
    return [str(choice) for choice in param.type.choices] if isinstance(param.type, click.Choice) else []


def _words(one: click.Command) -> list[str]:
    """Commands of a group, choices of arguments, and options."""
    names = sorted(one.commands) if isinstance(one, click.Group) else []
    choices = [choice for param in one.params if isinstance(param, click.Argument) for choice in _choices(param)]
    options = [name for param in _options(one) for name in param.opts if name.startswith("--")]
    return [*names, *choices, *options, "--help"]


def _bash(root: click.Command) -> list[str]:
    """Lines of a script for bash: files are offered next to the words, except where an option has choices."""
    cases, after = [], []
    for path, one in _commands(root):
        cases.append(f'    "{" ".join(path)}") words="{" ".join(_words(one))}" ;;')
        after += [
            f'    "{" ".join(path)} {name}") words="{" ".join(_choices(param))}"; files="" ;;'
            for param in _options(one)
            for name in param.opts
            if _choices(param)
        ]
    groups = [" ".join(path) for path, one in _commands(root) if isinstance(one, click.Group) and path]
    inner = "|".join(f'"{name}"' for name in groups)
    return [
        "_ecgwas() {",
        '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" command="" words="" files=1 i',
        "  for ((i = 1; i < COMP_CWORD; i++)); do",
        '    [[ "${COMP_WORDS[i]}" == -* ]] && continue',
        f'    case "$command" in ""|{inner}) command="${{command:+$command }}${{COMP_WORDS[i]}}" ;; esac',
        "  done",
        '  case "$command" in',
        *cases,
        "  esac",
        '  case "$command $before" in',
        *after,
        "  esac",
        '  [[ "$word" == -* ]] && files=""',
        f'  case "$command" in ""|{inner}) files="" ;; esac',
        '  COMPREPLY=($(compgen -W "$words" -- "$word") ${files:+$(compgen -f -- "$word")})',
        "}",
        "complete -o filenames -F _ecgwas ecgwas",
    ]


def _fish(root: click.Command) -> Iterator[str]:
    """Lines of a script for fish."""
    for path, one in _commands(root):
        here = " && ".join(f"__fish_seen_subcommand_from {name}" for name in path) or "__fish_use_subcommand"
        if isinstance(one, click.Group):
            names = " ".join(sorted(one.commands))
            unless = f"not __fish_seen_subcommand_from {names}"
            yield f"complete -c ecgwas -f -n '{here} && {unless}' -a '{names}'"
        for param in one.params:
            choices = " ".join(_choices(param))
            if isinstance(param, click.Argument) and choices:
                yield f"complete -c ecgwas -f -n '{here}' -a '{choices}'"
            if isinstance(param, click.Option):
                argument = f" -xa '{choices}'" if choices else "" if param.is_flag else " -r"
                name = next(name for name in param.opts if name.startswith("--"))
                yield f"complete -c ecgwas -n '{here}' -l {name.removeprefix('--')}{argument}"
