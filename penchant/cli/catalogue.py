"""All commands, in the order in which help lists them.

A new command is a line here, its options in ``options/`` and its work in ``commands/``.
"""

from __future__ import annotations

from types import MappingProxyType

from .command import Command
from .options.campaigns import AudienceOptions, ExportOptions, MeasureOptions, PlanOptions
from .options.insight import (
    CohortsOptions,
    CrowdOptions,
    CrowdsOptions,
    DemandOptions,
    FlowOptions,
    FunnelOptions,
    JointPriceOptions,
    LookalikesOptions,
    LoyaltyOptions,
    ProductsOptions,
    ProfileOptions,
    ProgrammeOptions,
    SceneOptions,
    StagesOptions,
    ValueOptions,
)
from .options.insight_campaigns import (
    CampaignsOptions,
    ConcernsOptions,
    ContactsOptions,
    ElasticityOptions,
    OffersOptions,
    OverdueOptions,
    ReturnedOptions,
    WinningOptions,
)
from .options.models import (
    CompareOptions,
    DatasetOptions,
    MonitorOptions,
    PromoteOptions,
    RunsOptions,
    ScoreOptions,
    TrainOptions,
    TuneOptions,
)
from .options.operations import CleanOptions, ForgetOptions, NightlyOptions
from .options.shop import (
    CheckOptions,
    DemoOptions,
    FeaturesOptions,
    InitOptions,
    ProveOptions,
    SimulateOptions,
    TagsOptions,
)
from .options.web import McpOptions, PrepareOptions, ServeOptions, TokenAddOptions, TokenListOptions, TokenRemoveOptions

COMMANDS = (
    Command("demo", DemoOptions, "demo.run_demo"),
    Command("init", InitOptions, "init.run_init"),
    Command("check", CheckOptions, "check.run_check"),
    Command("features", FeaturesOptions, "features.run_features"),
    Command("simulate", SimulateOptions, "simulate.run_simulate"),
    Command("prove", ProveOptions, "prove.run_prove"),
    Command("train", TrainOptions, "train.run_train"),
    Command("tune", TuneOptions, "tune.run_tune"),
    Command("dataset", DatasetOptions, "dataset.run_dataset"),
    Command("runs", RunsOptions, "runs.run_runs"),
    Command("compare", CompareOptions, "compare.run_compare"),
    Command("promote", PromoteOptions, "promote.run_promote"),
    Command("score", ScoreOptions, "score.run_score"),
    Command("audience", AudienceOptions, "audience.run_audience"),
    Command("plan", PlanOptions, "plan.run_plan"),
    Command("export", ExportOptions, "export.run_export"),
    Command("measure", MeasureOptions, "measure.run_measure"),
    Command("monitor", MonitorOptions, "monitor.run_monitor"),
    Command("tags", TagsOptions, "tags.run_tags"),
    Command("serve", ServeOptions, "web.run_serve"),
    Command("prepare", PrepareOptions, "web.run_prepare"),
    Command("mcp", McpOptions, "web.run_mcp"),
    Command("token add", TokenAddOptions, "web.run_token_add"),
    Command("token remove", TokenRemoveOptions, "web.run_token_remove"),
    Command("token list", TokenListOptions, "web.run_token_list"),
    Command("nightly", NightlyOptions, "nightly.run_nightly"),
    Command("clean", CleanOptions, "clean.run_clean"),
    Command("forget", ForgetOptions, "forget.run_forget"),
    Command("insight stages", StagesOptions, "insight.show_stages"),
    Command("insight flow", FlowOptions, "insight.show_flow"),
    Command("insight funnel", FunnelOptions, "insight.show_funnel"),
    Command("insight crowds", CrowdsOptions, "insight.show_crowds"),
    Command("insight profile", ProfileOptions, "insight.show_profile"),
    Command("insight crowd", CrowdOptions, "insight.show_crowd"),
    Command("insight cohorts", CohortsOptions, "insight.show_cohorts"),
    Command("insight value", ValueOptions, "insight_goods.show_value"),
    Command("insight programme", ProgrammeOptions, "insight.show_programme"),
    Command("insight loyalty", LoyaltyOptions, "insight.show_loyalty"),
    Command("insight lookalikes", LookalikesOptions, "insight.show_lookalikes"),
    Command("insight contacts", ContactsOptions, "insight_campaigns.show_contacts"),
    Command("insight campaigns", CampaignsOptions, "insight_campaigns.show_campaigns"),
    Command("insight offers", OffersOptions, "insight_campaigns.show_offers"),
    Command("insight returned", ReturnedOptions, "insight_campaigns.show_returned"),
    Command("insight concerns", ConcernsOptions, "insight_campaigns.show_concerns"),
    Command("insight retention", OverdueOptions, "insight_campaigns.show_retention"),
    Command("insight winning", WinningOptions, "insight_campaigns.show_winning"),
    Command("insight elasticity", ElasticityOptions, "insight_campaigns.show_elasticity"),
    Command("insight products", ProductsOptions, "insight_goods.show_products"),
    Command("insight demand", DemandOptions, "insight_goods.show_demand"),
    Command("insight joint-price", JointPriceOptions, "insight_goods.show_joint_price"),
    Command("insight scene", SceneOptions, "insight_goods.show_scene"),
)
GROUPS = MappingProxyType(
    {
        "insight": "Show customers and products as they were known at any moment of the past.",
        "token": "Manage the tokens of people and programs who may reach the pages from elsewhere.",
    }
)
