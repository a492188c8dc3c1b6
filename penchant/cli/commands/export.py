"""The command export: drawn audiences, scores and tags for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from penchant.cli.options.campaigns import ExportOptions
from penchant.cli.work import Work
from penchant.errors import InputError, NotThereError, quoted
from penchant.serving.audience.files import RECORD, audiences_below

if TYPE_CHECKING:
    from penchant.serving.export.files import Exported

What = Literal["send_list", "assignments"]
WHATS = ("send_list", "assignments", "scores", "tags")


def run_export(work: Work, options: ExportOptions) -> None:
    """Give a drawn audience, scores or tags to a destination."""
    if options.what not in WHATS:
        raise InputError("option --what", f"one of {quoted(WHATS)}", f"'{options.what}'")
    if options.what in ("scores", "tags"):
        from penchant.serving.export.files import load_destination  # as below
        from penchant.serving.export.scores_and_tags import export_scores, export_tags  # as below

        with work.step(f"exporting {options.folder.name}"):
            export = export_scores if options.what == "scores" else export_tags
            given = export(options.folder, load_destination(options.to))
        work.show(given.render())
        work.finish({"exported": [given.as_dict()]})
        return
    what: What = "send_list" if options.what == "send_list" else "assignments"
    done = export_below(work, options.folder, options.to, what, replace=options.replace)
    work.finish({"exported": [each.as_dict() for each in done]})


def export_below(work: Work, folder: Path, to: Path, what: What = "send_list", *, replace: bool) -> list[Exported]:
    """Give the audiences in a folder, or below it, to a destination."""
    from penchant.serving.export.files import export_audience, load_destination  # Ibis: most audiences do without

    destination, folders = load_destination(to), audiences_below(folder) if folder.is_dir() else []
    if not folders:
        raise NotThereError(f"audience '{folder}'", f"'{RECORD}' in it", "nothing there")
    if len(folders) > 1 and not destination.is_database:
        names = quoted(each.name for each in folders)
        raise InputError(f"audience '{folder}'", "one audience for a file", names, "Name one of them")
    done = []
    for each in folders:
        with work.step(f"exporting {each.name}"):
            done.append(export_audience(each, destination, what, replace=replace))
    work.show(*(each.render() for each in done))
    return done
