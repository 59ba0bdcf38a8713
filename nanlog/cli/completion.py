"""``nanlog completion``."""

from __future__ import annotations

import click


@click.command(short_help="Completion for bash, zsh or fish.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands, options, rules, dialects and the runs of the store.

    \b
    To load it in every new shell:
      bash   nanlog completion bash > ~/.local/share/bash-completion/completions/nanlog
      zsh    nanlog completion zsh > "${fpath[1]}/_nanlog"
      fish   nanlog completion fish > ~/.config/fish/completions/nanlog.fish
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(script(ctx.find_root().command, {}, "nanlog", "_NANLOG_COMPLETE").source())
