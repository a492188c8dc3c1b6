"""Paths from before the rooms: a module that moved still imports from where it was, with a DeprecationWarning.

For modules of users that were written against version 0.1.0; the table goes with version 0.3.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import MappingProxyType, ModuleType
from warnings import warn

MOVED: Mapping[str, str] = MappingProxyType(
    {
        "penchant.features.group": "penchant.features.signals.group",
        "penchant.features.tasks": "penchant.features.outcomes.tasks",
        "penchant.features.labels": "penchant.features.outcomes.labels",
        "penchant.features.past": "penchant.features.history.past",
        "penchant.features.rows": "penchant.features.history.rows",
        "penchant.features.crowds": "penchant.features.signals.crowds",
        "penchant.features.stage": "penchant.features.signals.stage",
        "penchant.features.cycle": "penchant.features.signals.cycle",
        "penchant.features.products": "penchant.features.goods.roles",
        "penchant.features.propose": "penchant.features.proposal.configuration",
        "penchant.models.allocation": "penchant.models.decisions.allocation",
        "penchant.models.arms": "penchant.models.uplift.arms",
        "penchant.models.artifact": "penchant.models.store.artifact",
        "penchant.models.bgnbd": "penchant.models.baselines.bgnbd",
        "penchant.models.btyd": "penchant.models.baselines.btyd",
        "penchant.models.btyd_baselines": "penchant.models.baselines.btyd_estimators",
        "penchant.models.budgets": "penchant.models.decisions.budgets",
        "penchant.models.calibration": "penchant.models.estimators.calibration",
        "penchant.models.gamma_gamma": "penchant.models.baselines.gamma_gamma",
        "penchant.models.metrics": "penchant.models.evaluation.metrics",
        "penchant.models.model_checks": "penchant.models.evaluation.checks",
        "penchant.models.pareto_nbd": "penchant.models.baselines.pareto_nbd",
        "penchant.models.policy": "penchant.models.decisions.policy",
        "penchant.models.profit": "penchant.models.decisions.profit",
        "penchant.models.propensity": "penchant.models.estimators.propensity",
        "penchant.models.qini": "penchant.models.evaluation.qini",
        "penchant.models.registry": "penchant.models.store.registry",
        "penchant.models.uplift_artifact": "penchant.models.store.artifact",
        "penchant.models.uplift_checks": "penchant.models.evaluation.trial_checks",
        "penchant.models.value": "penchant.models.estimators.value",
        "penchant.training.compare": "penchant.training.versions.compare",
        "penchant.training.promote": "penchant.training.versions.promote",
        "penchant.training.train_uplift": "penchant.training.uplift.train",
        "penchant.training.tune": "penchant.training.search.tuning",
        "penchant.training.uplift_dataset": "penchant.training.uplift.dataset",
        "penchant.training.uplift_matrix": "penchant.training.uplift.matrix",
        "penchant.serving.measure_effect": "penchant.serving.measure.effect",
        "penchant.serving.offers": "penchant.serving.goals.offers",
        "penchant.serving.plan_file": "penchant.serving.plan.file",
    }
)


class MovedModules(MetaPathFinder, Loader):
    """Import a module that moved from where it is now."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for the names in `MOVED` alone."""
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module as it is now in the place of the name that was asked for."""
        now = MOVED[module.__name__]
        warn(f"{module.__name__} is now {now}", DeprecationWarning, stacklevel=6)
        sys.modules[module.__name__] = import_module(now)
