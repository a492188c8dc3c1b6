"""Foreign estimators as files: a page of JSON beside a pickle, which is read only where code may run."""

from __future__ import annotations

import hashlib
import pickletools
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import cloudpickle
from cloudpickle.cloudpickle import _DYNAMIC_CLASS_TRACKER_BY_CLASS as _classes_of_pickles
from cloudpickle.cloudpickle import _DYNAMIC_CLASS_TRACKER_BY_ID as _classes_by_id

from penchant.errors import InputError

from ..estimators.sklearn_model import SklearnModel
from ..inputs.categories import Columns
from ..pickled_scorer import FORMAT, HASHES_FILE, MODEL_FILE, PICKLE_FILE, read_pickled
from ..trust import may_run_code
from .schema import model_json

KIND = "SklearnModel"
MODULE = re.compile(r"(\w+)[\w.]*( \w[\w.]*)?")  # a module, or a module and a name of it
ALWAYS = ("mlflow", "numpy", "pandas")


def pickled_files(model: SklearnModel, facts: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of a fitted foreign estimator by name, their hashes last.

    Parameters
    ----------
    model
        The fitted model.
    facts
        What the caller wants to find beside it, as JSON takes it.

    Raises
    ------
    InputError
        If the estimator cannot be pickled, or the facts are no JSON.
    """
    scorer = model.scorer_
    with _code_included():
        try:
            pickled = cloudpickle.dumps(scorer.estimator)
        except Exception as fault:  # whatever the code of others raises
            do = "Leave open files, connections and locks out of it"
            got = f"{type(fault).__name__}: {fault}"
            raise InputError(f"estimator '{model.name}'", "one that can be pickled", got, do) from fault
    spec = {
        "format": FORMAT,
        "kind": KIND,
        "form": scorer.form,
        "name": model.name,
        "estimator": f"{type(scorer.estimator).__module__}.{type(scorer.estimator).__qualname__}",
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "requirements": requirements(pickled),
        "inputs": {
            "names": list(scorer.inputs.names),
            "categories": {name: list(known) for name, known in scorer.inputs.categories.items()},
            "typical": dict(scorer.typical),
        },
        "telling": list(scorer.telling),
        "facts": dict(facts),
    }
    files = {PICKLE_FILE: pickled, MODEL_FILE: model_json(spec).encode("utf-8")}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return files | {HASHES_FILE: "".join(f"{h}  {name}\n" for name, h in sorted(hashes.items())).encode("utf-8")}


def read_estimator(folder: Path, spec: Mapping[str, Any]) -> SklearnModel:
    """Return the foreign estimator that was saved in a folder.

    Raises
    ------
    InputError
        If code may not run, or the files are not what was written, or cannot be read by this Python.
    """
    where = f"model '{folder}'"
    if not may_run_code.get():
        got = f"estimator '{spec['name']}' ({spec['estimator']}), a pickle"
        raise InputError(where, "a model that runs no code of others", got, "Leave out --untrusted if you trust it")
    try:
        scorer = read_pickled(folder)
    except ImportError as fault:
        do = f"Install what it was trained with: {', '.join(spec['requirements'])}"
        raise InputError(where, "the packages that it was trained with", str(fault), do) from None
    except Exception as fault:  # to unpickle runs the code of others
        do = "Train it again with this version"
        raise InputError(where, "the files as they were written", str(fault), do) from fault
    model = SklearnModel(spec["name"], lambda: scorer.estimator, "binary" if scorer.form == "propensity" else "value")
    medians = {name: value for name, value in scorer.typical.items() if not isinstance(value, str)}
    model.columns_ = Columns(scorer.inputs.names, scorer.inputs.categories, typical=medians)
    model.scorer_ = scorer
    return model


def requirements(pickled: bytes) -> list[str]:
    """Return the installed packages, with versions, whose code a pickle asks for.

    Examples
    --------
    >>> import pickle
    >>> import numpy as np
    >>> [one.partition("==")[0] for one in requirements(pickle.dumps(np.float64(1)))]
    ['mlflow', 'numpy', 'pandas']
    """
    texts = (given for _, given, _ in pickletools.genops(pickled) if isinstance(given, str))
    roots = {match.group(1) for text in texts if (match := MODULE.fullmatch(text))}
    installed = packages_distributions()
    names = {installed[root][0] for root in roots & set(sys.modules) if root in installed} - {"penchant"}
    return [f"{name}=={version(name)}" for name in sorted({*names, *ALWAYS}, key=str.lower)]


@contextmanager
def _code_included() -> Iterator[None]:
    """Have code that is no installed package pickled itself, not its names: whoever reads the model lacks it."""
    installed = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    loose = {name for name, file in files.items() if file and not file.startswith(installed)}
    found = [sys.modules[name] for name in sorted({*loose, "penchant"} - {"__main__"})]
    modules = list({module.__name__: module for module in found}.values())  # one that moved stands under two names
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    known = set(_classes_of_pickles)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
        for pickled in set(_classes_of_pickles) - known:  # else reading it here would change the living class
            _classes_by_id.pop(_classes_of_pickles.pop(pickled), None)
