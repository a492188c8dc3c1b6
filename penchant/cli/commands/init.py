"""The command init: a proposal of penchant.toml."""

from __future__ import annotations

from penchant.cli.options.shop import InitOptions
from penchant.cli.work import Work
from penchant.errors import OutputError
from penchant.features.proposal.configuration import doubts, propose
from penchant.output import write_text


def run_init(work: Work, options: InitOptions) -> None:
    """Write the configuration that a folder of files suggests, and say what is in doubt."""
    out, folder = options.out, options.folder
    if out.exists() and not options.overwrite:
        raise OutputError(f"output '{out}'", "a new file", "an existing one", "Add --overwrite to replace it")
    with work.step(f"inspecting {folder}"):
        text = propose(folder)
    write_text(out, text)
    work.show("\n".join([f"{out}", "", "Please settle:", *(f"- {doubt}" for doubt in doubts(text))]))
    work.show(f"\nCheck and correct it, then run: penchant --shop {out} --data {folder} check")
    work.finish({"config": str(out), "text": text, "doubts": doubts(text)})
